/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The main function of a guest program made of cases. CASES names the list, a header
 * of lines CASE(name, vcpus); each is a function that all vCPUs of the case call.
 * Included once, by the program's only file.
 */
#include "runtime.h"

#define CASE(name, vcpus) static void name(u64 id);
#include CASES
#undef CASE

static void (*const cases[])(u64 id) = {
#define CASE(name, vcpus) name,
#include CASES
#undef CASE
};

u32 guest_main(u64 id)
{
	static volatile u32 done;

	load_vectors(ALL_VECTORS);
	cases[*(volatile u32 *)CASE_NUMBER](id);
	__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
	/* The sum of failures is whole when the last one ends. */
	while (done < *(volatile u32 *)CASE_VCPUS)
		relax();
	return failures;
}
