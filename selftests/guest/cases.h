/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host side of a guest program made of cases: one test for each line
 * CASE(name, vcpus) of the list that CASES names. The program has the name PROGRAM.
 * Included once, by the test's only file.
 */
#include "kselftest_harness.h"

#include "machine.h"

/* The name is expanded before it is pasted. */
#define DECLARE_PROGRAM_(name) DECLARE_PROGRAM(name)
#define LOAD_PROGRAM_(vm, name) load_program(vm, name)
#define LOAD_PROGRAM(vm) LOAD_PROGRAM_(vm, PROGRAM)

DECLARE_PROGRAM_(PROGRAM);

/* Emulated hosts on busy machines are slow, most of all where CPUs wait for each other. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

enum guest_case {
#define CASE(name, vcpus) CASE_##name,
#include CASES
#undef CASE
};

/* Failures that the guest counted, or a negative number if it did not end well. */
static inline long run_case(enum guest_case number, unsigned int vcpus)
{
	struct machine machine;
	long failures;

	machine_init(&machine, vcpus);
	LOAD_PROGRAM(&machine.vm);
	failures = machine_run(&machine, number);
	machine_free(&machine);
	return failures;
}

#define CASE(name, vcpus)							\
TEST(name)									\
{										\
	if ((vcpus) & BEYOND_KVM && on_kvm())					\
		SKIP(return, "KVM of 6.1 fails in the emulated host");				\
	if ((vcpus) & BEYOND_QEMU && host_is_qemu())					\
		SKIP(return, "the emulated CPU cannot do it");			\
	EXPECT_EQ(0, run_case(CASE_##name, vcpus));				\
}
#include CASES
#undef CASE
