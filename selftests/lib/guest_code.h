/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest code for tests: a few instructions written in the test itself, or a
 * linked program (see guest/), and the CPU state to start it in.
 *
 * Guest physical memory is laid out as the constants below say; a VM that runs
 * such code has at least GUEST_MEMORY bytes in slot 0.
 */
#ifndef SELFTEST_GUEST_CODE_H
#define SELFTEST_GUEST_CODE_H

#include "vm.h"

#define GUEST_PAGE_TABLES	0x1000UL	/* six pages: 4 GiB mapped 1:1 */
#define GUEST_GDT		0x7000UL
#define GUEST_CODE		0x10000UL	/* code written in the test */
#define GUEST_DATA		0x80000UL	/* free for the test, one page and more */
#define GUEST_PROGRAM		0x100000UL	/* linked program, up to 1 MiB */
#define GUEST_STACKS		0x200000UL	/* one per vCPU */
#define GUEST_STACK_SIZE	0x4000UL
#define GUEST_MEMORY		(16 * MIB)

/* Port whose reads and writes end at the test. */
#define GUEST_PORT		0x10

/*
 * Defines guest code @name of some instructions, position-independent:
 *
 *	GUEST16(say_a, "mov $'a', %al; out %al, $0x10; hlt");
 */
#define GUEST_CODE_(name, bits, text)						\
	extern const __u8 name[], name##_end[];					\
	asm(".pushsection .rodata\n"						\
	    ".globl " #name ", " #name "_end\n"					\
	    #name ": .code" #bits "\n" text "\n.code64\n" #name "_end:\n"	\
	    ".popsection")

#define GUEST16(name, text)	GUEST_CODE_(name, 16, text)
#define GUEST32(name, text)	GUEST_CODE_(name, 32, text)
#define GUEST64(name, text)	GUEST_CODE_(name, 64, text)

/* Loads code at GUEST_CODE. */
#define load_code(vm, name)	vm_write(vm, GUEST_CODE, name, name##_end - name)

/* Loads code and sets the vCPU to start it in the named mode. */
#define start_real(vcpu, name)	(load_code((vcpu)->vm, name), vcpu_enter_real(vcpu))
#define start_protected(vcpu, name)						\
	(load_code((vcpu)->vm, name), vcpu_enter_protected(vcpu, GUEST_CODE))
#define start_long(vcpu, name)							\
	(load_code((vcpu)->vm, name), vcpu_enter_long(vcpu, GUEST_CODE))

/* Real mode at GUEST_CODE, CS there, the other segments at 0, stack below the code. */
void vcpu_enter_real(struct vcpu *vcpu);

/* 32-bit protected mode without paging, flat segments, stack of this vCPU, at @eip. */
void vcpu_enter_protected(struct vcpu *vcpu, __u32 eip);

/*
 * 64-bit mode, ring 0, the first 4 GiB mapped 1:1 by 2 MiB pages, flat segments,
 * SSE on, interrupts off, stack of this vCPU, rdi = id of the vCPU, at @rip.
 * Gives the vCPU the supported CPUID.
 */
void vcpu_enter_long(struct vcpu *vcpu, __u64 rip);

#endif
