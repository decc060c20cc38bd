/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest test harness that prints KTAP. A file of tests is: #include "ktap.h", functions made
 * with TEST(), and KTAP_MAIN() at its end. A test fails at its first false CHECK().
 */
#ifndef MINIVMM_TESTS_KTAP_H
#define MINIVMM_TESTS_KTAP_H

#include <stdbool.h>
#include <stdio.h>

#define KTAP_MAX 64

struct ktap_test {
	const char *name;
	void (*run)(bool *failed);
};

static struct ktap_test ktap_tests[KTAP_MAX];
static unsigned int ktap_count;

/* @name is the rule that is checked. */
#define TEST(name)								\
	static void name(bool *ktap_failed);					\
	__attribute__((constructor)) static void ktap_add_##name(void)		\
	{									\
		ktap_tests[ktap_count++] = (struct ktap_test){ #name, name };	\
	}									\
	static void name(bool *ktap_failed __attribute__((unused)))

#define CHECK(condition) do {							\
	if (!(condition)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);	\
		*ktap_failed = true;						\
		return;								\
	}									\
} while (0)

#define KTAP_MAIN()								\
	int main(void)								\
	{									\
		bool any = false;						\
										\
		setvbuf(stdout, NULL, _IOLBF, 0);				\
		printf("KTAP version 1\n1..%u\n", ktap_count);			\
		for (unsigned int i = 0; i < ktap_count; i++) {			\
			bool failed = false;					\
										\
			ktap_tests[i].run(&failed);				\
			printf("%s %u %s\n", failed ? "not ok" : "ok", i + 1,	\
			       ktap_tests[i].name);				\
			any = any || failed;					\
		}								\
		return any;							\
	}

#endif
