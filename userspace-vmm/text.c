// SPDX-License-Identifier: GPL-2.0-or-later
/* See text.h. */
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ESCAPED_MAX	5	/* "\033" and its end */

static bool continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Bytes of the character at @text if it can be shown as it is, else 0: a control character, or no
 * UTF-8. The second byte's limits exclude C1, forms that are too long, surrogates, and what is
 * above U+10FFFF.
 */
static size_t shown(const unsigned char *text)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} forms[] = {
		{ 0xc2, 0xc2, 0xa0, 0xbf, 2 }, { 0xc3, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (text[0] < 0x80)
		return text[0] >= ' ' && text[0] != 0x7f;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (text[1] < forms[i].low || text[1] > forms[i].high)
			return 0;
		for (size_t at = 2; at < forms[i].length; at++) {
			if (!continues(text[at]))
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

static void escape_byte(char escaped[ESCAPED_MAX], unsigned char byte)
{
	if (byte == '\n')
		strcpy(escaped, "\\n");
	else if (byte == '\t')
		strcpy(escaped, "\\t");
	else
		snprintf(escaped, ESCAPED_MAX, "\\%03o", byte);
}

void text__escape(char *to, size_t size, const char *from)
{
	size_t done = 0;

	while (*from) {
		size_t taken = shown((const unsigned char *)from), length = taken;
		char escaped[ESCAPED_MAX];
		const char *source = from;

		if (!taken) {
			escape_byte(escaped, *from);
			source = escaped;
			length = strlen(escaped);
			taken = 1;
		}
		if (length >= size - done)
			break;
		memcpy(to + done, source, length);
		done += length;
		from += taken;
	}
	to[done] = '\0';
}

const char *text__size(char text[TEXT_SIZE_MAX], uint64_t bytes)
{
	unsigned int shift = bytes >> 30 ? 30 : 20;
	unsigned int tenths = (bytes & ((1ULL << shift) - 1)) * 10 >> shift;
	char decimal[4] = "";

	if (tenths)
		snprintf(decimal, sizeof(decimal), ".%u", tenths % 10);
	snprintf(text, TEXT_SIZE_MAX, "%llu%s %s", (unsigned long long)(bytes >> shift), decimal,
		 shift == 30 ? "GiB" : "MiB");
	return text;
}
