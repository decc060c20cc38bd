// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated moves between general registers, immediates and memory.
 */
#include "emulator_private.h"

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

/* What computes with one operand in memory. */
static void note_read(struct emul_insn *insn)
{
	const struct emul_opcode *op = insn->op;

	if (!(op->flags & OPF_MODRM) || (op->exec != emul_exec_alu && op->exec != emul_exec_unary &&
					 op->exec != emul_exec_xchg))
		return;
	insn->read_size = insn->op_size;
	insn->read_to_write = op->exec != emul_exec_alu ||
			      (!(op->flags & OPF_TO_REG) && op->arg < ALU_CMP);
}

void emul_note_move(struct emul_insn *insn)
{
	const struct emul_opcode *op = insn->op;

	if (insn->is_reg || insn->code_bits != 64 || insn->seg >= SEG_FS ||
	    emul_is_high_byte(insn, insn->reg, insn->op_size))
		return;
	if (op->exec == emul_exec_movx)
		insn->move_size = movx_size(insn);
	else if (op->exec == emul_exec_mov)
		insn->move_size = insn->op_size;
	else
		note_read(insn);
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

static bool parity_or_sign(u64 rflags, bool sign_differs)
{
	bool sign = rflags & X86_EFLAGS_SF, overflow = rflags & X86_EFLAGS_OF;

	return sign_differs ? sign != overflow : rflags & X86_EFLAGS_PF;
}

bool emul_condition(u8 code, u64 rflags)
{
	static const u64 flags[] = {
		X86_EFLAGS_OF, X86_EFLAGS_CF, X86_EFLAGS_ZF, X86_EFLAGS_CF | X86_EFLAGS_ZF, X86_EFLAGS_SF,
	};
	unsigned int pair = code >> 1 & 7;
	bool holds;

	if (pair < ARRAY_SIZE(flags))
		holds = rflags & flags[pair];
	else
		holds = parity_or_sign(rflags, pair != 5) ||
			(pair == 7 && (rflags & X86_EFLAGS_ZF));
	return holds != (code & 1);
}

/* The source is read, and the upper half of a 32-bit destination cleared, in any case. */
int emul_exec_cmov(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int size = insn->op_size;
	u64 val;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &val);
	if (ret)
		return ret;
	if (!emul_condition(insn->opcode, e->regs->rflags))
		val = emul_reg_read(e, insn->reg, size);
	emul_reg_write(e, insn->reg, size, val);
	return EMUL_DONE;
}

int emul_exec_setcc(struct emul *e)
{
	return emul_rm_write(e, 1, emul_condition(e->insn.opcode, e->regs->rflags));
}

int emul_exec_xlat(struct emul *e)
{
	u64 offset = e->regs->gpr[GPR_RBX] + (u8)e->regs->gpr[GPR_RAX];
	u64 val = 0;
	int ret;

	ret = emul_linearize(e, e->insn.seg, offset & emul_mask(e->insn.addr_size), 1, 1,
			     EMUL_READ, &e->linear);
	if (!ret)
		ret = emul_read(e, e->linear, &val, 1, EMUL_READ);
	if (!ret)
		emul_areg_write(e, GPR_RAX, 1, val);
	return ret;
}

/* CLFLUSH, CLFLUSHOPT, CLWB: a device has no cache lines, but the address may be a bad one. */
int emul_exec_flush(struct emul *e)
{
	int ret = emul_mem_linearize(e, 1, 1, EMUL_READ);

	if (!ret)
		ret = e->ops->probe(e, e->linear, 1, EMUL_READ);
	return ret == EMUL_EXIT ? EMUL_DONE : ret;
}
