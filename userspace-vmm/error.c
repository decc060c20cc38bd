// SPDX-License-Identifier: GPL-2.0-or-later
/* Fills struct error; see error.h. */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void append(struct error *err, const char *fmt, va_list ap)
{
	size_t len = strlen(err->text);

	vsnprintf(err->text + len, sizeof(err->text) - len, fmt, ap);
}

int error__set(struct error *err, enum status status, const char *fmt, ...)
{
	va_list ap;

	if (error__is_set(err))
		return -1;

	err->status = status;
	va_start(ap, fmt);
	append(err, fmt, ap);
	va_end(ap);
	return -1;
}

int error__errno(struct error *err, const char *fmt, ...)
{
	int cause = errno;
	va_list ap;

	if (error__is_set(err))
		return -1;

	err->status = STATUS_HOST;
	va_start(ap, fmt);
	append(err, fmt, ap);
	va_end(ap);
	error__append(err, ": %s", strerror(cause));
	return -1;
}

void error__append(struct error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(err, fmt, ap);
	va_end(ap);
}
