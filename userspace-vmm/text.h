/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written for a person to read: strings of the user's. Pure. */
#ifndef MINIVMM_TEXT_H
#define MINIVMM_TEXT_H

#include <stddef.h>

/*
 * Copies @from to @to, @size bytes with the end, so that a terminal shows it and obeys none of it:
 * control characters (C1 too) and bytes that are no UTF-8 become \n, \t or \033, as with ls -b.
 * What has no room is left out, never half a character. @size is not 0.
 */
void text__escape(char *to, size_t size, const char *from);

#endif
