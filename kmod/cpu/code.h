/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instruction at RIP as the window sees it: bytes read through the second-level
 * tables, without going to the owner's memory. The vCPU thread's own.
 */
#ifndef MINIVMM_CPU_CODE_H
#define MINIVMM_CPU_CODE_H

#include <linux/types.h>

struct vcpu;

#define CODE_PAGES	4
#define CODE_LEVELS	5

/*
 * A page that code was fetched from. As a translation in the CPU's TLB it holds until
 * code_forget(); where the guest itself may have changed it, that is looked at each time.
 */
struct code_page {
	const u8 *bytes;		/* NULL: nothing known */
	u64 linear;			/* of the page */
	u64 cr0, cr3, cr4, efer;	/* the guest's mode ... */
	unsigned int levels;
	const u64 *entry[CODE_LEVELS];	/* ... and the entries of its tables that led here, */
	u64 value[CODE_LEVELS];		/* with these values */
};

struct code {
	struct code_page page[CODE_PAGES];	/* by page number */
};

/* code_linear_rip - linear address of the instruction; also sets emulation.e.cs_attr. */
u64 code_linear_rip(struct vcpu *vcpu);

/* code_peek - the bytes at RIP, *@len of them up to the page's end, or NULL: not at hand. Window. */
const u8 *code_peek(struct vcpu *vcpu, unsigned int *len);

/* code_forget - with every flush of the CPU's TLB. */
void code_forget(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_CODE_H */
