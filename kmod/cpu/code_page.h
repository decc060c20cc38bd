/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instruction at RIP as the window sees it: bytes read through the second-level
 * tables, without going to the owner's memory. The vCPU thread's own.
 */
#ifndef MINIVMM_CPU_CODE_PAGE_H
#define MINIVMM_CPU_CODE_PAGE_H

#include <linux/mm.h>

#include "../emulator/emulator.h"

struct vcpu;

#define CODE_PAGES	4
#define CODE_LEVELS	5

/*
 * A page that code was fetched from. As a translation in the CPU's TLB it holds until
 * code_forget(); where the guest itself may have changed it, that is looked at each time.
 */
struct code_page {
	u64 linear;			/* of the page; CODE_NO_PAGE: nothing known */
	const u8 *bytes;
	struct control_regs control;	/* the guest's mode ... */
	const u64 *entry[CODE_LEVELS];	/* ... and the entries of its tables that led here, */
	u64 value[CODE_LEVELS];		/* with these values */
};

#define CODE_NO_PAGE	1ull

struct code_pages {
	struct code_page page[CODE_PAGES];	/* by page number */
	bool is_64bit;				/* what was looked at last is 64-bit code */
};

/* code_linear_rip - linear address of the instruction. */
u64 code_linear_rip(struct vcpu *vcpu);

/* code_peek - the bytes at RIP, code_len() of them, or NULL: not at hand. Window. */
const u8 *code_peek(struct vcpu *vcpu);

/*
 * code_measure - set exit.insn_len for an intercepted instruction whose length the CPU did not
 * report: its prefixes and the @opcode_len bytes after them. False: not at hand. Window.
 */
bool code_measure(struct vcpu *vcpu, unsigned int opcode_len);

/*
 * code_set_insn_len - the same with its first @got bytes; also sets exit.gpr, which is that of
 * ModRM if the last of them is that. False: get more.
 */
bool code_set_insn_len(struct vcpu *vcpu, const u8 *bytes, unsigned int got,
		       unsigned int opcode_len);

/* code_len - how many bytes there are: up to the page's end. */
static inline unsigned int code_len(const u8 *bytes)
{
	return PAGE_SIZE - offset_in_page(bytes);
}

/* code_forget - with every flush of the CPU's TLB. */
void code_forget(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_CODE_PAGE_H */
