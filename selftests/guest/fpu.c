// SPDX-License-Identifier: GPL-2.0
/* FPU and AVX state across exits and vCPUs, XCR0: guest/fpu.c. One host CPU for all threads. */
#include <sched.h>

#define PROGRAM fpu
#define CASES "fpu-cases.h"
#include "cases.h"

/* Threads inherit it: two vCPUs take turns on one CPU. */
static void __attribute__((constructor)) stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

TEST_HARNESS_MAIN
