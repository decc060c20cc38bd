/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest programs of this folder share: vectors, the local APIC and
 * the host's test device (device.h). Each vCPU that runs a case has the vectors set.
 */
#ifndef GUEST_RUNTIME_H
#define GUEST_RUNTIME_H

#include "../device.h"
#include "report.h"

#define MAX_VCPUS	8

/* What a vector pushed, in the order of the stack. */
struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

/*
 * Called with interrupts off for a vector that has a handler. A vector without one:
 * an exception inside TRAP() is noted, an interrupt is counted and ended at the local
 * APIC (end_of_interrupt), anything else fails the program.
 */
typedef void (*handler_fn)(struct frame *frame);
extern handler_fn handlers[256];

/* Interrupts that came, by vector, and their vectors in the order of coming. */
extern volatile u32 interrupts[256];
extern volatile u8 order[64];
extern volatile u32 arrived;
extern volatile u8 end_of_interrupt;	/* 1 unless a case clears it */

/* The last exception that TRAP() caught; vector is NO_TRAP if there was none. */
#define NO_TRAP		0x100
struct trap {
	u64 vector, error, rip, cr2, rflags;
};
extern volatile struct trap trap;
extern volatile u64 resume_at, trap_at;

/* Runs one instruction (or more) that may fault; then goes on behind it. */
#define TRAP(text, ...)								\
({										\
	trap.vector = NO_TRAP;							\
	asm volatile("movq $1f, resume_at\n movq $2f, trap_at\n 2: " text	\
		     "\n 1: movq $0, resume_at"	__VA_ARGS__);			\
	trap.vector;								\
})

struct table_pointer {
	u16 limit;
	u64 base;
} __attribute__((packed));

void load_vectors(u16 limit);
#define ALL_VECTORS	(256 * 16 - 1)

static inline void interrupts_on(void) { asm volatile("sti; nop" : : : "memory"); }
static inline void interrupts_off(void) { asm volatile("cli" : : : "memory"); }
static inline void halt(void) { asm volatile("sti; hlt; cli" : : : "memory"); }
static inline void relax(void) { asm volatile("pause" : : : "memory"); }

static inline u64 read_cr2(void)
{
	u64 value;

	asm volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline u64 read_cr4(void)
{
	u64 value;

	asm volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline void write_cr4(u64 value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void write_cr8(u64 value)
{
	asm volatile("mov %0, %%cr8" : : "r"(value) : "memory");
}

static inline u64 read_cr8(void)
{
	u64 value;

	asm volatile("mov %%cr8, %0" : "=r"(value));
	return value;
}

struct cpuid {
	u32 a, b, c, d;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;

	asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
		     : "a"(leaf), "c"(subleaf));
	return r;
}

/* The local APIC of this vCPU, in either mode. */
#define APIC_BASE_MSR	0x1b
#define APIC_X2		(1UL << 10)
#define APIC_PAGE	0xfee00000UL
#define APIC_ID		0x020
#define APIC_TPR	0x080
#define APIC_PPR	0x0a0
#define APIC_EOI	0x0b0
#define APIC_LDR	0x0d0
#define APIC_DFR	0x0e0
#define APIC_SPIV	0x0f0
#define APIC_ISR	0x100
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_LVT0	0x350
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0

#define ICR_LOWEST	0x0100
#define ICR_NMI		0x0400
#define ICR_INIT	0x0500
#define ICR_STARTUP	0x0600
#define ICR_LOGICAL	0x0800
#define ICR_ASSERT	0x4000
#define ICR_SELF	0x40000
#define ICR_ALL		0x80000
#define ICR_OTHERS	0xc0000

u32 apic_read(u32 offset);
void apic_write(u32 offset, u32 value);
void apic_send(u32 destination, u32 command);
/* Enabled, and without the PIC, which comes by LVT0. */
void apic_enable(void);
void apic_enable_x2(void);

/* True if the vector's bit stands in a bitmap of the APIC (ISR, IRR). */
int apic_bit(u32 bitmap, u8 vector);

/* Waits with interrupts on and pauses; false after about ten seconds. */
int wait_for(volatile u32 *counter, u32 value);

#endif
