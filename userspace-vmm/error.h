/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors travel up as a value: whoever finds one fills the caller's struct error with cause and
 * remedy and returns -1; only main() prints it and turns it into an exit status.
 */
#ifndef MINIVMM_ERROR_H
#define MINIVMM_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit statuses, part of the command's interface (minivmm.1). */
enum status {
	STATUS_OK = 0,		/* the guest powered off, or the user quit */
	STATUS_USAGE = 1,	/* bad option, bad input file */
	STATUS_DEVICE = 2,	/* no /dev/minivmm, no permission, no SVM or VMX, KVM loaded */
	STATUS_HOST = 3,	/* the host refused a resource: memory, threads, files */
	STATUS_GUEST = 4,	/* the guest cannot go on: INTERNAL_ERROR, FAIL_ENTRY */
	STATUS_SIGNAL = 128,	/* + signal number: ended by SIGTERM, SIGINT, ... */
};

struct error {
	enum status status;
	char text[2048];	/* one line: cause; remedy. More lines for a guest crash */
};

/*
 * Fills @err and returns -1, so that callers write `return error__set(err, ...)`.
 * @fmt names the cause and, where there is one, the remedy; no newline at the end. Control
 * characters in the text, as a file's name may have, are escaped (text.h).
 * The first error stays: a later error__set() on a filled struct is ignored.
 */
int error__set(struct error *err, enum status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error__set() with STATUS_HOST, with ": " and the text of errno appended. */
int error__errno(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends to the text, as far as there is room. Escapes nothing: no strings of the user's here. */
void error__append(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline bool error__is_set(const struct error *err)
{
	return err->text[0] != '\0';
}

#endif
