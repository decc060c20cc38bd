/* SPDX-License-Identifier: GPL-2.0 */
/* Pieces of guest code that use the local APIC, in assembly. */
#ifndef BENCH_APIC_H
#define BENCH_APIC_H

#include "bench.h"

#define VECTOR		0x40
#define DEADLINE	50000	/* ticks from the write to the timer's interrupt */

/* The APIC's page in RDX, and it is enabled. */
#define APIC_ON			"mov $0xfee00000, %edx; movl $0x1ff, 0xf0(%rdx)\n"

/* These change EAX, ECX and EDX. */
#define X2APIC_WRITE(reg, value)						\
	"mov $" #reg ", %ecx; mov $" #value ", %eax; xor %edx, %edx; wrmsr"
#define X2APIC_ON								\
	"mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr\n" X2APIC_WRITE(0x80f, 0x1ff) "\n"
#define X2APIC_EOI		X2APIC_WRITE(0x80b, 0)
#define X2APIC_SELF_IPI		X2APIC_WRITE(0x83f, 0x40)
#define X2APIC_DEADLINE_MODE	X2APIC_WRITE(0x832, 0x40040) "\n"
#define X2APIC_SET_DEADLINE							\
	"mov $0x6e0, %ecx; rdtsc; add $" STRING(DEADLINE) ", %eax; adc $0, %edx; wrmsr"

/* An IPI with @vector to the vCPU with the APIC id @id. */
#define X2APIC_IPI(id, vector)							\
	"mov $0x830, %ecx; mov $" #vector ", %eax; mov $" #id ", %edx; wrmsr"

#endif
