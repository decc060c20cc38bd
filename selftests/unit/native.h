/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The real CPU as a reference: a traced child process that executes one
 * instruction at a time in 64-bit, 32-bit or 16-bit code, with memory at fixed
 * addresses that the tracer sees too.
 */
#ifndef UNIT_NATIVE_H
#define UNIT_NATIVE_H

#include <sys/types.h>
#include <sys/user.h>

#include "pure.h"

/* Pages of the child, all mapped for the tracer: none, 2 writable, read-only, none. */
#define NATIVE_BASE	0x20000000UL
#define NATIVE_DATA	(NATIVE_BASE + 0x1000)
#define NATIVE_RO	(NATIVE_BASE + 0x3000)
#define NATIVE_DATA_END	(NATIVE_BASE + 0x4000)
#define NATIVE_DATA_LEN	(NATIVE_DATA_END - NATIVE_DATA)
/* One executable page, nothing behind it. */
#define NATIVE_CODE	(NATIVE_BASE + 0x8000)
#define NATIVE_CODE_LEN	0x1000
#define NATIVE_CODE_END	(NATIVE_CODE + NATIVE_CODE_LEN)
#define NATIVE_END	(NATIVE_BASE + 0x10000)

/* Selectors of the child: Linux's own, and its local descriptor table. */
#define SEL_CODE64	0x33
#define SEL_CODE32	0x23
#define SEL_FLAT	0x2b
#define SEL_LDT_CODE16	0x07
#define SEL_LDT_CODE32	0x0f
#define SEL_LDT_DATA	0x17
#define SEL_LDT_RO	0x1f
#define SEL_LDT_DOWN16	0x27
#define SEL_LDT_STACK16	0x2f
#define SEL_LDT_DOWN32	0x37
#define SEL_LDT_XONLY	0x3f	/* code that cannot be read */

/* Base, limit and attributes (as emulator.h has them) behind a selector. */
struct native_desc {
	u64 base;
	u32 limit;
	u16 attr;
};

/* Selectors of Linux's that user mode may not load, and limits of the tables. */
#define SEL_KERNEL_CODE	0x10
#define SEL_KERNEL_DATA	0x18
#define SEL_LDT_BEYOND	0x47
#define NATIVE_GDT_LIMIT 0x7f
#define NATIVE_LDT_LIMIT 0x3f

#define NATIVE_XSAVE_MAX 16384

/* x87 and MMX, whose registers are the x87 stack with its top at 0. */
struct native_x87 {
	u16 cw, sw;
	u8 tags;
	u32 mxcsr, mxcsr_mask;
	u64 mmx[8];
};

struct native {
	pid_t pid;
	u8 *xsave;		/* NATIVE_XSAVE_MAX bytes */
	size_t xsave_len;
	size_t ymm_high;	/* offset in xsave; 0: no AVX */
};

/* How an instruction ended. */
#define NATIVE_DONE	0xff

struct native_end {
	u8 vector;		/* NATIVE_DONE: it completed */
	u64 address;		/* of a page fault */
};

/* 0, or -1 with errno: no such child can be had here. */
int native_start(struct native *n);
void native_stop(struct native *n);

const struct native_desc *native_descriptor(u16 selector);

/* Executes the instruction at regs, and where that @repeats, until RIP moves; or it faults. */
int native_step(struct native *n, struct user_regs_struct *regs, bool repeats,
		struct native_end *end);

/* XMM and YMM registers 0 to 15, 32 bytes each. */
int native_get_vec(struct native *n, u8 (*vec)[32]);
int native_set_vec(struct native *n, u8 (*vec)[32]);

int native_get_x87(struct native *n, struct native_x87 *x87);
int native_set_x87(struct native *n, const struct native_x87 *x87);

#endif /* UNIT_NATIVE_H */
