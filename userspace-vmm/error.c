// SPDX-License-Identifier: GPL-2.0-or-later
/* Fills struct error; see error.h. */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int error__set(struct error *err, enum status status, const char *fmt, ...)
{
	va_list ap;

	if (error__is_set(err))
		return -1;

	err->status = status;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int error__errno(struct error *err, const char *fmt, ...)
{
	int cause = errno;
	size_t len;
	va_list ap;

	if (error__is_set(err))
		return -1;

	err->status = STATUS_HOST;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);

	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(cause));
	return -1;
}
