/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instruction at RIP as the window sees it: bytes read through the second-level
 * tables, without going to the owner's memory. The vCPU thread's own.
 */
#ifndef MINIVMM_CPU_CODE_PAGE_H
#define MINIVMM_CPU_CODE_PAGE_H

#include <linux/mm.h>

#include "../emulator/emulator.h"
#include "state.h"

struct vcpu;

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

/* code_init/destroy - begin and end of a vCPU's life. */
void code_init(struct vcpu *vcpu);
void code_destroy(struct vcpu *vcpu);

/* code_make_room - VCPU_REQ_CODE: more pages from now on, if there is memory for them. Outside. */
void code_make_room(struct vcpu *vcpu);

/* code_forget - with every flush of the CPU's TLB. */
void code_forget(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_CODE_PAGE_H */
