// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction emulator: entry points. emulator.h is the contract; decoding is in
 * decode.c, operands in operand.c, and the instructions themselves in the
 * other files by family. decode_left_out.h lists what is not emulated, and why.
 */
#include "emulator_private.h"

static void advance_rip(struct emul *e)
{
	u64 rip = e->regs->rip + e->insn.len;

	e->regs->rip = e->insn.code_bits == 64 ? rip : rip & emul_mask(4);
}

int emul_execute(struct emul *e)
{
	bool trap = e->regs->rflags & X86_EFLAGS_TF;
	int ret;

	e->single_step = false;
	e->shadow = false;
	e->system = false;
	ret = e->insn.op->exec(e);
	if (ret == EMUL_DONE) {
		advance_rip(e);
		e->regs->rflags &= ~X86_EFLAGS_RF;
	} else if (ret == EMUL_JUMPED) {
		e->regs->rflags &= ~X86_EFLAGS_RF;
		ret = EMUL_DONE;
	} else if (ret == EMUL_UNFINISHED) {
		ret = EMUL_DONE;
	} else {
		return ret;
	}
	/* A new stack segment puts the trap off, too. */
	e->single_step = trap && !e->shadow;
	return ret;
}

int emulate(struct emul *e)
{
	int ret = emul_decode(e);

	return ret ? ret : emul_execute(e);
}
