// SPDX-License-Identifier: GPL-2.0-or-later
/* Fills struct error; see error.h. */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* The whole text: whatever string of the user's is in it, it stays one line. */
static void begin(struct error *err, enum status status, const char *fmt, va_list ap)
{
	char text[sizeof(err->text)];

	err->status = status;
	vsnprintf(text, sizeof(text), fmt, ap);
	text__escape(err->text, sizeof(err->text), text);
}

int error__set(struct error *err, enum status status, const char *fmt, ...)
{
	va_list ap;

	if (error__is_set(err))
		return -1;

	va_start(ap, fmt);
	begin(err, status, fmt, ap);
	va_end(ap);
	return -1;
}

int error__errno(struct error *err, const char *fmt, ...)
{
	int cause = errno;
	va_list ap;

	if (error__is_set(err))
		return -1;

	va_start(ap, fmt);
	begin(err, STATUS_HOST, fmt, ap);
	va_end(ap);
	error__append(err, ": %s", strerror(cause));
	return -1;
}

void error__append(struct error *err, const char *fmt, ...)
{
	size_t len = strlen(err->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text + len, sizeof(err->text) - len, fmt, ap);
	va_end(ap);
}
