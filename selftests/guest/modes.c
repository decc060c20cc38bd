// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU modes: guest/modes.S enters each from real mode, tells what it finds there
 * and goes back. This file makes its page tables and holds what it must tell.
 */
#include <string.h>

#include "kselftest_harness.h"

#include "guest_code.h"
#include "modes.h"
#include "program.h"

#define PRESENT		0x1UL
#define TABLE		0x3UL
#define LARGE		0x83UL
#define NO_EXECUTE	(1UL << 63)

#define FAULT_PRESENT	0x1
#define FAULT_WRITE	0x2
#define FAULT_FETCH	0x10

DECLARE_PROGRAM(modes);

/* Entries of the tour, in the order of the jumps at its start. */
enum tour { REAL, UNREAL, PROTECTED16, PROTECTED32, USER_RING, PAGING32, PAE, LONG, COMPATIBILITY };

static void put32(struct vm *vm, __u64 gpa, __u32 value)
{
	vm_write(vm, gpa, &value, 4);
}

static void put64(struct vm *vm, __u64 gpa, __u64 value)
{
	vm_write(vm, gpa, &value, 8);
}

/* Two levels: 4 MiB of small pages and one large one. */
static void write_tables32(struct vm *vm)
{
	const __u32 table = TABLES32 + PAGE;

	put32(vm, TABLES32, table | TABLE);
	put32(vm, TABLES32 + 4, LARGE_TO | LARGE);
	for (__u32 i = 0; i < 1024; i++)
		put32(vm, table + 4 * i, i << 12 | TABLE);
	put32(vm, table + 4 * (MOVED_PAGE >> 12), MOVED_TO | TABLE);
	put32(vm, table + 4 * (ABSENT_PAGE >> 12), 0);
}

/* Three levels, and the upper two of four that lead to the same. */
static void write_tables64(struct vm *vm)
{
	const __u64 low = TABLES_PAE + PAGE, high = low + PAGE, table = high + PAGE;

	put64(vm, TABLES_PAE, low | PRESENT);
	put64(vm, TABLES_PAE + 8, high | PRESENT);
	put64(vm, low, table | TABLE);
	put64(vm, high, LARGE_TO | LARGE);
	for (__u64 i = 0; i < 512; i++)
		put64(vm, table + 8 * i, i << 12 | TABLE);
	put64(vm, table + 8 * (MOVED_PAGE >> 12), MOVED_TO | TABLE | NO_EXECUTE);
	put64(vm, table + 8 * (ABSENT_PAGE >> 12), 0);

	put64(vm, TABLES_LONG, (TABLES_LONG + PAGE) | TABLE);
	put64(vm, TABLES_LONG + 8 * 256, (TABLES_LONG + PAGE) | TABLE);
	put64(vm, TABLES_LONG + PAGE, low | TABLE);
	put64(vm, TABLES_LONG + PAGE + 8, high | TABLE);
}

FIXTURE(tour) {
	struct vm vm;
	struct vcpu vcpu;
};

FIXTURE_SETUP(tour)
{
	struct vm *vm = &self->vm;

	vm_init(vm, GUEST_MEMORY);
	vcpu_init(&self->vcpu, vm, 0);
	vcpu_set_supported_cpuid(&self->vcpu);
	vm_write(vm, MODES_START, _binary_modes_start, _binary_modes_end - _binary_modes_start);
	write_tables32(vm);
	write_tables64(vm);
	put32(vm, TASK_STATE + 4, TASK_STACK);
	put32(vm, TASK_STATE + 8, 0x10);
	put32(vm, LOW_WORD, 0x10);
	put32(vm, MOVED_PAGE, 0xbad);
	put32(vm, MOVED_TO, 0x20);
	put32(vm, LARGE_TO + 0x10, 0x30);
	put32(vm, FAR_WORD, 0x40);
	put32(vm, 0x100010, 0x50);
}

FIXTURE_TEARDOWN(tour)
{
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
}

static void start(struct vcpu *vcpu, enum tour tour)
{
	struct minivmm_regs regs = {
		.rip = MODES_START + 8 * tour, .rsp = REAL_STACK, .rflags = 2,
	};
	struct minivmm_sregs sregs;

	vcpu_enter_real(vcpu);
	sregs = vcpu_sregs(vcpu);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	vcpu_set_sregs(vcpu, &sregs);
	vcpu_set_regs(vcpu, &regs);
}

#define EXPECT_REPORT(value)							\
do {										\
	ASSERT_EQ(0, vcpu_run(&self->vcpu));					\
	ASSERT_EQ(MINIVMM_EXIT_IO, self->vcpu.run->exit_reason);		\
	EXPECT_EQ(value, *(__u32 *)((__u8 *)self->vcpu.run +			\
				    self->vcpu.run->io.data_offset));		\
} while (0)

#define EXPECT_HALT()								\
do {										\
	ASSERT_EQ(0, vcpu_run(&self->vcpu));					\
	EXPECT_EQ(MINIVMM_EXIT_HLT, self->vcpu.run->exit_reason);		\
} while (0)

/* What REAL tells, and every mode after its way back. */
#define EXPECT_REAL_MODE()							\
do {										\
	EXPECT_REPORT(0);		/* CR0.PE */				\
	EXPECT_REPORT(0xc0ffee01);	/* 2345:0010 is 2000:3460 */		\
	EXPECT_REPORT(0x50);		/* ffff:0020 is above 1 MiB */		\
	EXPECT_REPORT(0x40);		/* INT went through vector table */	\
	EXPECT_REPORT(0x41);		/* and IRET back */			\
	EXPECT_HALT();								\
} while (0)

#define EXPECT_BACK_IN_REAL_MODE()						\
do {										\
	EXPECT_REPORT(0);							\
	EXPECT_REAL_MODE();							\
} while (0)

TEST_F(tour, real_mode_addresses_are_segment_times_16)
{
	start(&self->vcpu, REAL);
	EXPECT_REAL_MODE();
}

TEST_F(tour, segment_loaded_in_protected_mode_stays_in_real_mode)
{
	start(&self->vcpu, UNREAL);
	EXPECT_REPORT(0x40);
	EXPECT_REPORT(0x10);		/* loaded in real mode: a new base, the old limit */
	EXPECT_HALT();
}

TEST_F(tour, protected_mode_of_16_bits)
{
	start(&self->vcpu, PROTECTED16);
	EXPECT_REPORT(0x18);		/* CS */
	EXPECT_REPORT(0x10);
	EXPECT_REPORT(2);		/* bytes pushed */
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_F(tour, protected_mode_of_32_bits)
{
	start(&self->vcpu, PROTECTED32);
	EXPECT_REPORT(0x08);
	EXPECT_REPORT(4);
	EXPECT_REPORT(0x10);
	EXPECT_REPORT(0x40);
	EXPECT_REPORT(0x38);		/* segment not present: its selector */
	EXPECT_REPORT(NO_SELECTOR);	/* no such segment: its selector */
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_F(tour, user_ring_enters_the_kernel_through_gates)
{
	start(&self->vcpu, USER_RING);
	EXPECT_REPORT(0x4b);
	EXPECT_REPORT(0);		/* HLT: #GP(0) */
	EXPECT_REPORT(TASK_STACK - 20);	/* five words on the stack of the task state */
	EXPECT_REPORT(0x4b);		/* CS and SS of the caller on it */
	EXPECT_REPORT(TOUR_STACK - 0x800);
	EXPECT_REPORT(0x08);
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_F(tour, two_level_page_tables)
{
	start(&self->vcpu, PAGING32);
	EXPECT_REPORT(0x20);
	EXPECT_REPORT(0x30);
	EXPECT_REPORT(0);
	EXPECT_REPORT(ABSENT_PAGE);
	EXPECT_REPORT(FAULT_WRITE);
	EXPECT_REPORT(ABSENT_PAGE + 4);
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_F(tour, pae_page_tables_with_no_execute)
{
	start(&self->vcpu, PAE);
	EXPECT_REPORT(0x20);
	EXPECT_REPORT(0x30);
	EXPECT_REPORT(FAULT_PRESENT | FAULT_FETCH);
	EXPECT_REPORT(MOVED_PAGE);
	EXPECT_REPORT(0);
	EXPECT_REPORT(ABSENT_PAGE);
	EXPECT_REPORT(0);
	EXPECT_REPORT(LARGE_1G);
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_F(tour, long_mode_of_64_bits)
{
	start(&self->vcpu, LONG);
	EXPECT_REPORT(0x11223344);
	EXPECT_REPORT(0x55667788);
	EXPECT_REPORT(0xd00);		/* EFER: LME, LMA, NXE */
	EXPECT_REPORT(0x10);		/* through the high half */
	EXPECT_REPORT(0x30);
	EXPECT_REPORT(FAULT_PRESENT | FAULT_FETCH);
	EXPECT_REPORT(MOVED_PAGE);
	EXPECT_REPORT(0);
	EXPECT_REPORT(FAULT_WRITE);
	EXPECT_REPORT(ABSENT_PAGE);
	EXPECT_REPORT(HIGH_HALF >> 32);
	EXPECT_REPORT(8);
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_F(tour, compatibility_mode)
{
	start(&self->vcpu, COMPATIBILITY);
	EXPECT_REPORT(0xd00);
	EXPECT_REPORT(0x42);		/* 0x40 is INC */
	EXPECT_REPORT(4);
	EXPECT_REPORT(0x10);
	EXPECT_REPORT(0);		/* and 64-bit code from there */
	EXPECT_BACK_IN_REAL_MODE();
}

TEST_HARNESS_MAIN
