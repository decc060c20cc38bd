// SPDX-License-Identifier: GPL-2.0
/*
 * Executes known numbers of instructions between marks and prints what the lab's
 * --instrument must have counted; instrument-check compares. Lines:
 *
 *	whole MODE CLASS COUNT			all of label 1, or of 2 ... TRIES
 *	exactly LABEL MODE CLASS COUNT
 *	least LABEL MODE CLASS COUNT
 */
#include <stdio.h>
#include <sys/io.h>

#include "guest_code.h"
#include "mark.h"

#define STRING(x)	STRING_(x)
#define STRING_(x)	#x
#define TIMES(n, code)	".rept " STRING(n) "\n" code "\n.endr\n"

/* An interrupt may come in between, and the first try may fault pages in. */
#define TRIES		5

#define CPUIDS		11
#define LOCKS		13
#define EXCHANGES	3
#define PAUSES		17
#define RDTSCS		7
#define LFENCES		19
#define MFENCES		23
#define XSAVES		5
#define XRSTORS		2
#define NOT_LOCKED	29
#define OTHERS		(3 * NOT_LOCKED + 4)
#define ALL		(CPUIDS + LOCKS + EXCHANGES + PAUSES + RDTSCS + LFENCES + MFENCES + \
			 XSAVES + XRSTORS + OTHERS)

static void count_own(unsigned int label)
{
	static _Alignas(64) char area[16384];
	register char *state asm("r8") = area;
	unsigned int word = 0;

	asm volatile(
		"mov $" STRING(MARK_PORT) ", %%edx; mov $" STRING(MARK_START) ", %%eax; out %%al, %%dx\n"
		TIMES(CPUIDS, "cpuid")
		TIMES(LOCKS, "lock incl (%%rsi)")
		TIMES(EXCHANGES, "xchg %%eax, (%%rsi)")
		TIMES(PAUSES, "pause")
		TIMES(RDTSCS, "rdtsc")
		TIMES(LFENCES, "lfence")
		TIMES(MFENCES, "mfence")
		TIMES(NOT_LOCKED, "incl (%%rsi); xchg %%eax, %%ebx; cmpxchg %%eax, (%%rsi)")
		"mov $1, %%eax; xor %%edx, %%edx\n"
		TIMES(XSAVES, "xsave (%%r8)")
		TIMES(XRSTORS, "xrstor (%%r8)")
		"mov $" STRING(MARK_PORT) ", %%edx; mov %%edi, %%eax; out %%al, %%dx\n"
		: : "S" (&word), "D" (label), "r" (state)
		: "eax", "ebx", "ecx", "edx", "memory");
}

/* Its OUT by itself, as a thread can that has the port. */
static void program_is_counted(void)
{
	if (iopl(3))
		err(1, "iopl");
	for (unsigned int label = 1; label <= TRIES; label++)
		count_own(label);
	iopl(0);
	printf("whole root CPUID %u\nwhole root LOCK %u\nwhole root PAUSE %u\nwhole root RDTSC %u\n"
	       "whole root LFENCE %u\nwhole root MFENCE %u\nwhole root XSAVE %u\nwhole root XRSTOR %u\n"
	       "whole root INSTRUCTIONS %u\n", CPUIDS, LOCKS + EXCHANGES, PAUSES, RDTSCS,
	       LFENCES, MFENCES, XSAVES, XRSTORS, ALL);
}

/* On a host with one CPU, too, the kernel's code has its LOCK prefixes. */
#define LABEL_KERNEL	(TRIES + 1)
#define SYSTEM_CALLS	100

static void kernel_is_counted(void)
{
	mark(MARK_START);
	for (unsigned int i = 0; i < SYSTEM_CALLS; i++)
		close(dup(0));
	mark(LABEL_KERNEL);
	printf("least %u root SYSCALL %u\n", LABEL_KERNEL, 2 * SYSTEM_CALLS);
	printf("least %u root SYSRET %u\n", LABEL_KERNEL, 2 * SYSTEM_CALLS);
	printf("least %u root LOCK %u\n", LABEL_KERNEL, 2 * SYSTEM_CALLS);
}

/* The guest's OUT to the marks' port is not one. */
#define LABEL_GUEST	(TRIES + 2)
#define GUEST_ROUNDS	1000
#define GUEST_ALL	(6 * GUEST_ROUNDS + 4)

GUEST64(rounds,
	"mov $0x80000, %edi; lock incl (%rdi); out %al, $0x10\n"
	"mov $" STRING(GUEST_ROUNDS) ", %esi\n"
	"1: xor %eax, %eax; cpuid; lock incl (%rdi); lock incl (%rdi); dec %esi; jnz 1b\n"
	"mov $" STRING(MARK_PORT) ", %edx; mov $99, %eax; out %al, %dx");

static void must_write_port(struct vcpu *vcpu)
{
	long ret = vcpu_run(vcpu);

	if (ret || vcpu->run->exit_reason != MINIVMM_EXIT_IO)
		fatal("RUN: %ld, exit reason %u", ret, vcpu->run->exit_reason);
}

static void guest_is_counted_apart(void)
{
	const char *entry = host_is_intel() ? "VMRESUME" : "VMRUN";
	struct vcpu vcpu;
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_long(&vcpu, rounds);
	must_write_port(&vcpu);
	mark(MARK_START);
	must_write_port(&vcpu);
	mark(LABEL_GUEST);
	vcpu_free(&vcpu);
	vm_free(&vm);
	printf("exactly %u guest INSTRUCTIONS %u\n", LABEL_GUEST, GUEST_ALL);
	printf("exactly %u guest CPUID %u\n", LABEL_GUEST, GUEST_ROUNDS);
	printf("exactly %u root CPUID 0\n", LABEL_GUEST);
	printf("exactly %u guest LOCK %u\n", LABEL_GUEST, 2 * GUEST_ROUNDS);
	printf("exactly %u guest OUT 1\n", LABEL_GUEST);
	printf("least %u root %s %u\n", LABEL_GUEST, entry, GUEST_ROUNDS);
	printf("exactly %u guest %s 0\n", LABEL_GUEST, entry);
}

#define LABEL_MARK	(TRIES + 3)

static void mark_is_counted(void)
{
	mark(MARK_START);
	mark(LABEL_MARK);
	printf("exactly %u root SYSCALL 1\n", LABEL_MARK);
}

int main(void)
{
	program_is_counted();
	kernel_is_counted();
	guest_is_counted_apart();
	mark_is_counted();
	return 0;
}
