/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests as a table of rules: each has the rule as its name and a function that
 * returns whether the rule holds. Output is KTAP version 1.
 */
#ifndef TESTS_KTAP_H
#define TESTS_KTAP_H

#include <stdbool.h>
#include <stdio.h>

struct ktap_test {
	const char *rule;
	bool (*holds)(void);
};

/* For use in a test function: says what is wrong and ends it. */
#define CHECK(condition)							\
	do {									\
		if (!(condition)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);\
			return false;						\
		}								\
	} while (0)

/* Run all tests; the exit status of the program. */
static inline int ktap__run(const struct ktap_test *tests, unsigned int count)
{
	unsigned int i, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", count);
	for (i = 0; i < count; i++) {
		bool ok = tests[i].holds();

		failed += !ok;
		printf("%s %u %s\n", ok ? "ok" : "not ok", i + 1, tests[i].rule);
	}
	return failed ? 1 : 0;
}

#endif
