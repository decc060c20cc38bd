// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated moves between general registers, immediates, memory and the stack.
 */
#include "emulate_priv.h"

int emul_exec_mov(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 val;
	int ret;

	if (insn->op->flags & OPF_IMM)
		return emul_rm_write(e, insn->op_size, insn->imm);
	if (!(insn->op->flags & OPF_TO_REG))
		return emul_rm_write(e, insn->op_size,
				     emul_reg_read(e, insn->reg, insn->op_size));
	ret = emul_rm_read(e, insn->op_size, EMUL_READ, &val);
	if (ret)
		return ret;
	emul_reg_write(e, insn->reg, insn->op_size, val);
	return EMUL_DONE;
}

/* Memory takes 16 bits whatever the operand size. */
int emul_exec_mov_from_sreg(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int sreg = insn->modrm >> 3 & 7;
	struct emul_seg seg;

	e->ops->segment(e, sreg, &seg);
	return emul_rm_write(e, insn->is_reg ? insn->op_size : 2, seg.selector);
}

static unsigned int movx_size(const struct emul_insn *insn)
{
	return min_t(unsigned int, insn->op->arg & MOVX_SIZE, insn->op_size);
}

void emul_finish_read(struct emul *e, u64 val)
{
	const struct emul_insn *insn = &e->insn;

	if (insn->op->exec == emul_exec_movx) {
		unsigned int size = movx_size(insn);

		val = insn->op->arg & MOVX_SIGNED ? emul_sign_extend(val, size) : val & emul_mask(size);
	}
	emul_reg_write(e, insn->reg, insn->op_size, val);
}

/* MOVZX, MOVSX and MOVSXD. */
int emul_exec_movx(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 val;
	int ret;

	ret = emul_rm_read(e, movx_size(insn), EMUL_READ, &val);
	if (ret)
		return ret;
	emul_finish_read(e, val);
	return EMUL_DONE;
}

void emul_note_move(struct emul_insn *insn)
{
	const struct emul_opcode *op = insn->op;

	if (insn->is_reg || insn->code_bits != 64 || insn->seg >= EMUL_FS ||
	    emul_is_high_byte(insn, insn->reg, insn->op_size))
		return;
	if (op->exec == emul_exec_movx)
		insn->move_size = movx_size(insn);
	else if (op->exec == emul_exec_mov)
		insn->move_size = insn->op_size;
	insn->move_is_write = !(op->flags & OPF_TO_REG);
	insn->move_mask = insn->move_is_write ? emul_mask(insn->op_size) : 0;
	insn->move_reg = op->flags & OPF_IMM ? EMUL_NO_REG : insn->reg;
}

static u64 swap_bytes(u64 val, unsigned int size)
{
	return __builtin_bswap64(val) >> (64 - 8 * size);
}

int emul_exec_movbe(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int size = insn->op_size;
	u64 val;
	int ret;

	if (!(insn->op->flags & OPF_TO_REG))
		return emul_rm_write(e, size, swap_bytes(emul_reg_read(e, insn->reg, size), size));
	ret = emul_rm_read(e, size, EMUL_READ, &val);
	if (ret)
		return ret;
	emul_reg_write(e, insn->reg, size, swap_bytes(val, size));
	return EMUL_DONE;
}

/* With memory always atomic, LOCK or not. */
int emul_exec_xchg(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 old, new;
	int ret;

	ret = emul_rm_read(e, insn->op_size, EMUL_WRITE, &old);
	if (ret)
		return ret;
	new = emul_reg_read(e, insn->reg, insn->op_size);
	ret = emul_rm_update(e, insn->op_size, old, new, true);
	if (ret)
		return ret;
	emul_reg_write(e, insn->reg, insn->op_size, old);
	return EMUL_DONE;
}

/* Size of the stack pointer in bytes. */
static unsigned int stack_size(struct emul *e)
{
	struct emul_seg ss;

	if (e->insn.code_bits == 64)
		return 8;
	if (e->regs->rflags & RFLAGS_VM)
		return 2;
	e->ops->segment(e, EMUL_SS, &ss);
	return ss.attr & EMUL_ATTR_DB ? 4 : 2;
}

static int push(struct emul *e, u64 val)
{
	unsigned int size = e->insn.op_size;
	unsigned int sp_size = stack_size(e);
	u64 sp = (e->regs->gpr[EMUL_RSP] - size) & emul_mask(sp_size);
	u64 linear;
	int ret;

	ret = emul_linearize(e, EMUL_SS, sp, size, size, EMUL_WRITE, &linear);
	if (ret)
		return ret;
	ret = emul_write(e, linear, &val, size);
	if (ret)
		return ret;
	emul_areg_write(e, EMUL_RSP, sp_size, sp);
	return EMUL_DONE;
}

int emul_exec_push(struct emul *e)
{
	u64 val = e->insn.imm;
	int ret;

	if (!(e->insn.op->flags & OPF_IMM)) {
		ret = emul_rm_read(e, e->insn.op_size, EMUL_READ, &val);
		if (ret)
			return ret;
	}
	return push(e, val);
}

int emul_exec_push_sreg(struct emul *e)
{
	struct emul_seg seg;

	e->ops->segment(e, e->insn.op->arg, &seg);
	return push(e, seg.selector);
}

/*
 * The destination's address is computed with the stack pointer already
 * incremented, and a popped stack pointer is not incremented.
 */
int emul_exec_pop(struct emul *e)
{
	unsigned int size = e->insn.op_size;
	unsigned int sp_size = stack_size(e);
	u64 old_rsp = e->regs->gpr[EMUL_RSP];
	u64 val = 0;
	u64 linear;
	int ret;

	ret = emul_linearize(e, EMUL_SS, old_rsp & emul_mask(sp_size), size, size, EMUL_READ,
			     &linear);
	if (ret)
		return ret;
	ret = emul_read(e, linear, &val, size, EMUL_READ);
	if (ret)
		return ret;
	emul_areg_write(e, EMUL_RSP, sp_size, old_rsp + size);
	ret = emul_rm_write(e, size, val);
	if (ret)
		e->regs->gpr[EMUL_RSP] = old_rsp;
	return ret;
}
