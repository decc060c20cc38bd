// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated shifts and rotates, one bit after the other: it is at most 63. OF, which
 * the manuals define for a count of 1 only, is that of the last bit.
 */
#include "emulator_private.h"

static bool top_bit(unsigned int size, u64 val)
{
	return val >> (8 * size - 1) & 1;
}

static bool goes_left(unsigned int op)
{
	return op == SHIFT_ROL || op == SHIFT_RCL || op == SHIFT_SHL || op == SHIFT_SAL;
}

/* The bit that comes in at the end that the others leave. */
static bool incoming_bit(unsigned int op, unsigned int size, u64 val, bool carry)
{
	switch (op) {
	case SHIFT_ROL:
	case SHIFT_SAR:
		return top_bit(size, val);
	case SHIFT_ROR:
		return val & 1;
	case SHIFT_RCL:
	case SHIFT_RCR:
		return carry;
	default:
		return false;
	}
}

/* One bit to the left or right; *carry is the one that falls out. */
static u64 move_bit(bool left, unsigned int size, u64 val, bool in, bool *carry)
{
	if (left) {
		*carry = top_bit(size, val);
		return (val << 1 | in) & emul_mask(size);
	}
	*carry = val & 1;
	return val >> 1 | (u64)in << (8 * size - 1);
}

static u64 carry_and_overflow(bool left, unsigned int size, u64 val, bool carry)
{
	bool second = left ? carry : val >> (8 * size - 2) & 1;

	return (carry ? X86_EFLAGS_CF : 0) | (top_bit(size, val) != second ? X86_EFLAGS_OF : 0);
}

static unsigned int shift_count(const struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 count = 1;

	if (insn->op->flags & OPF_IMM8)
		count = insn->imm;
	else if (insn->op->flags & OPF_CL)
		count = e->regs->gpr[GPR_RCX];
	return count & (insn->op_size == 8 ? 63 : 31);
}

/* An operand that does not change is written, too, as the CPU does it. */
static int finish(struct emul *e, u64 old, u64 new, u64 changed, u64 flags)
{
	int ret = emul_rm_update(e, e->insn.op_size, old, new, false);

	if (!ret)
		e->regs->rflags = (e->regs->rflags & ~changed) | flags;
	return ret;
}

int emul_exec_shift(struct emul *e)
{
	unsigned int size = e->insn.op_size, op = e->insn.op->arg;
	unsigned int i, count = shift_count(e);
	u64 changed = X86_EFLAGS_CF | X86_EFLAGS_OF;
	bool carry = e->regs->rflags & X86_EFLAGS_CF;
	u64 old, new, flags;
	int ret;

	ret = emul_rm_read(e, size, EMUL_WRITE, &old);
	if (ret)
		return ret;
	new = old;
	for (i = 0; i < count; i++)
		new = move_bit(goes_left(op), size, new, incoming_bit(op, size, new, carry), &carry);
	if (!count)
		return finish(e, old, old, 0, 0);
	flags = carry_and_overflow(goes_left(op), size, new, carry);
	if (op >= SHIFT_SHL) {
		changed = RFLAGS_ARITH;
		flags |= emul_result_flags(size, new);
	}
	return finish(e, old, new, changed, flags);
}

/* SHLD and SHRD: what comes in are the bits of a register. */
int emul_exec_double_shift(struct emul *e)
{
	bool left = e->insn.op->arg == SHIFT_SHL;
	unsigned int i, count = shift_count(e);
	unsigned int size = e->insn.op_size;
	bool carry = false, in;
	u64 old, new, source;
	int ret;

	ret = emul_rm_read(e, size, EMUL_WRITE, &old);
	if (ret)
		return ret;
	if (!count)
		return finish(e, old, old, 0, 0);
	new = old;
	source = emul_reg_read(e, e->insn.reg, size);
	for (i = 0; i < count; i++) {
		source = move_bit(left, size, source, false, &in);
		new = move_bit(left, size, new, in, &carry);
	}
	return finish(e, old, new, RFLAGS_ARITH, emul_result_flags(size, new) |
		      carry_and_overflow(left, size, new, carry));
}
