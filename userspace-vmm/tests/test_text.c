// SPDX-License-Identifier: GPL-2.0-or-later
/* Strings of the user's in messages, and sizes. */
#include "support/ktap.h"

#include <string.h>

#include "error.h"
#include "text.h"

static bool escapes(const char *from, const char *expected)
{
	char to[64];

	text__escape(to, sizeof(to), from);
	if (strcmp(to, expected))
		printf("# %s, expected %s\n", to, expected);
	return !strcmp(to, expected);
}

TEST(control_characters_are_escaped)
{
	CHECK(escapes("a\nb\tc\rd", "a\\nb\\tc\\015d"));
	CHECK(escapes("\033[2J", "\\033[2J"));
	CHECK(escapes("\x7f\x01", "\\177\\001"));
	CHECK(escapes("plain 'text' \\n", "plain 'text' \\n"));
}

TEST(utf8_is_shown_but_for_its_control_characters)
{
	CHECK(escapes("Z\u00fcrich \u20ac \U0001f600\u00a0", "Z\u00fcrich \u20ac \U0001f600\u00a0"));
	CHECK(escapes("\xc2\x9b" "31m", "\\302\\23331m"));
}

TEST(what_is_no_utf8_is_escaped)
{
	CHECK(escapes("\x9b" "31m", "\\23331m"));	/* CSI in one byte */
	CHECK(escapes("\xfc", "\\374"));
	CHECK(escapes("\xc1\x9b\xc0\x8a", "\\301\\233\\300\\212"));
	CHECK(escapes("\xe0\x82\x9b", "\\340\\202\\233"));
	CHECK(escapes("\xed\xa0\x80", "\\355\\240\\200"));
	CHECK(escapes("\xf4\x90\x80\x80", "\\364\\220\\200\\200"));
	CHECK(escapes("\xe2\x82", "\\342\\202"));
	CHECK(escapes("\xe2\x82\033", "\\342\\202\\033"));
}

TEST(what_has_no_room_is_left_out_whole)
{
	char to[6];

	text__escape(to, sizeof(to), "ab\033c");
	CHECK(!strcmp(to, "ab"));
	text__escape(to, sizeof(to), "a\033b");
	CHECK(!strcmp(to, "a\\033"));
	text__escape(to, sizeof(to), "abc\u20ac");
	CHECK(!strcmp(to, "abc"));
	text__escape(to, sizeof(to), "abcde");
	CHECK(!strcmp(to, "abcde"));
	text__escape(to, 1, "a");
	CHECK(!*to);
}

TEST(errors_are_one_line_but_for_what_is_appended)
{
	struct error err = { 0 };

	CHECK(error__set(&err, STATUS_USAGE, "disk %s", "a\nb") < 0);
	CHECK(!strcmp(err.text, "disk a\\nb"));
	error__append(&err, "\n  rip %x", 1);
	CHECK(!strcmp(err.text, "disk a\\nb\n  rip 1"));
	err.text[0] = '\0';
	CHECK(error__errno(&err, "%s", "\033") < 0 && !strncmp(err.text, "\\033: ", 6));
}

TEST(size_is_in_the_unit_that_is_read_easily)
{
	char text[TEXT_SIZE_MAX];

	CHECK(!strcmp(text__size(text, 16ULL << 20), "16 MiB"));
	CHECK(!strcmp(text__size(text, 1023ULL << 20), "1023 MiB"));
	CHECK(!strcmp(text__size(text, 1ULL << 30), "1 GiB"));
	CHECK(!strcmp(text__size(text, 1536ULL << 20), "1.5 GiB"));
	CHECK(!strcmp(text__size(text, (16ULL << 30) - 1), "15.9 GiB"));
	CHECK(!strcmp(text__size(text, 900ULL << 30), "900 GiB"));
	CHECK(!strcmp(text__size(text, ~0ULL), "17179869183.9 GiB"));
}

KTAP_MAIN()
