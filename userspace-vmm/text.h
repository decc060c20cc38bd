/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written for a person to read: strings of the user's, and sizes. Pure. */
#ifndef MINIVMM_TEXT_H
#define MINIVMM_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE_MAX	32	/* "17179869183.9 GiB" and its end */

/*
 * Copies @from to @to, @size bytes with the end, so that a terminal shows it and obeys none of it:
 * control characters (C1 too) and bytes that are no UTF-8 become \n, \t or \033, as with ls -b.
 * What has no room is left out, never half a character. @size is not 0.
 */
void text__escape(char *to, size_t size, const char *from);

/* "900 GiB", "15.6 GiB" or "512 MiB": GiB from 1 GiB on, one decimal if it is not 0, rounded down. */
const char *text__size(char text[TEXT_SIZE_MAX], uint64_t bytes);

#endif
