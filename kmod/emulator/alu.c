// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated addition, logic and their exchanging forms, with their flags. AF, which
 * the manuals leave undefined after a logic instruction, is clear as in the CPUs.
 */
#include "emulator_private.h"

static u64 bit_flag(u64 vector, unsigned int bit, u64 flag)
{
	return vector >> bit & 1 ? flag : 0;
}

u64 emul_result_flags(unsigned int size, u64 result)
{
	u64 flags = 0;
	u8 low = result;

	low ^= low >> 4;
	if (!(0x6996 >> (low & 0xf) & 1))
		flags |= X86_EFLAGS_PF;
	if (!(result & emul_mask(size)))
		flags |= X86_EFLAGS_ZF;
	return flags | bit_flag(result, 8 * size - 1, X86_EFLAGS_SF);
}

/* carries: bit n set if bit n carried into (borrowed from) bit n + 1. */
static u64 carry_flags(unsigned int size, u64 carries)
{
	unsigned int top = 8 * size - 1;

	return bit_flag(carries, top, X86_EFLAGS_CF) | bit_flag(carries, 3, X86_EFLAGS_AF) |
	       bit_flag(carries ^ carries << 1, top, X86_EFLAGS_OF);
}

u64 emul_alu(unsigned int op, unsigned int size, u64 a, u64 b, u64 *rflags)
{
	u64 carry = *rflags & X86_EFLAGS_CF;
	u64 carries = 0;
	u64 r = 0;

	switch (op) {
	case ALU_ADD:
	case ALU_ADC:
		r = a + b + (op == ALU_ADC ? carry : 0);
		carries = (a & b) | ((a | b) & ~r);
		break;
	case ALU_SUB:
	case ALU_SBB:
	case ALU_CMP:
		r = a - b - (op == ALU_SBB ? carry : 0);
		carries = (~a & b) | (~(a ^ b) & r);
		break;
	case ALU_OR:
		r = a | b;
		break;
	case ALU_AND:
	case ALU_TEST:
		r = a & b;
		break;
	case ALU_XOR:
		r = a ^ b;
		break;
	}
	*rflags &= ~RFLAGS_ARITH;
	*rflags |= emul_result_flags(size, r) | carry_flags(size, carries);
	return r;
}

/* Destination is the register or accumulator, source memory or an immediate. */
static int alu_to_reg(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 rflags = e->regs->rflags;
	u64 src = insn->imm;
	u64 result;
	int ret;

	if (!(insn->op->flags & OPF_IMM)) {
		ret = emul_rm_read(e, insn->op_size, EMUL_READ, &src);
		if (ret)
			return ret;
	}
	result = emul_alu(insn->op->arg, insn->op_size,
			  emul_reg_read(e, insn->reg, insn->op_size), src, &rflags);
	if (insn->op->arg < ALU_CMP)
		emul_reg_write(e, insn->reg, insn->op_size, result);
	e->regs->rflags = rflags;
	return EMUL_DONE;
}

int emul_exec_alu(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	bool writes = insn->op->arg < ALU_CMP;
	u64 rflags = e->regs->rflags;
	u64 old, new, src;
	int ret;

	if (insn->op->flags & (OPF_TO_REG | OPF_ACC))
		return alu_to_reg(e);
	ret = emul_rm_read(e, insn->op_size, writes ? EMUL_WRITE : EMUL_READ, &old);
	if (ret)
		return ret;
	src = insn->op->flags & OPF_IMM ? insn->imm : emul_reg_read(e, insn->reg, insn->op_size);
	new = emul_alu(insn->op->arg, insn->op_size, old, src, &rflags);
	if (writes) {
		ret = emul_rm_update(e, insn->op_size, old, new, insn->lock);
		if (ret)
			return ret;
	}
	e->regs->rflags = rflags;
	return EMUL_DONE;
}

static u64 unary(unsigned int op, unsigned int size, u64 val, u64 *rflags)
{
	u64 carry = *rflags & X86_EFLAGS_CF;

	if (op == UNARY_NOT)
		return ~val;
	if (op == UNARY_NEG)
		return emul_alu(ALU_SUB, size, 0, val, rflags);
	val = emul_alu(op == UNARY_INC ? ALU_ADD : ALU_SUB, size, val, 1, rflags);
	*rflags = (*rflags & ~X86_EFLAGS_CF) | carry;
	return val;
}

int emul_exec_unary(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 rflags = e->regs->rflags;
	u64 old, new;
	int ret;

	ret = emul_rm_read(e, insn->op_size, EMUL_WRITE, &old);
	if (ret)
		return ret;
	new = unary(insn->op->arg, insn->op_size, old, &rflags);
	ret = emul_rm_update(e, insn->op_size, old, new, insn->lock);
	if (ret)
		return ret;
	e->regs->rflags = rflags;
	return EMUL_DONE;
}

int emul_exec_xadd(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 rflags = e->regs->rflags;
	u64 old, new;
	int ret;

	ret = emul_rm_read(e, insn->op_size, EMUL_WRITE, &old);
	if (ret)
		return ret;
	new = emul_alu(ALU_ADD, insn->op_size, old,
		       emul_reg_read(e, insn->reg, insn->op_size), &rflags);
	/* With two registers the sum is written last: they may be the same one. */
	if (insn->is_reg)
		emul_reg_write(e, insn->reg, insn->op_size, old);
	ret = emul_rm_update(e, insn->op_size, old, new, insn->lock);
	if (ret)
		return ret;
	if (!insn->is_reg)
		emul_reg_write(e, insn->reg, insn->op_size, old);
	e->regs->rflags = rflags;
	return EMUL_DONE;
}

int emul_exec_cmpxchg(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int size = insn->op_size;
	u64 rflags = e->regs->rflags;
	u64 old, new;
	bool equal;
	int ret;

	ret = emul_rm_read(e, size, EMUL_WRITE, &old);
	if (ret)
		return ret;
	emul_alu(ALU_CMP, size, emul_areg_read(e, GPR_RAX, size), old, &rflags);
	equal = rflags & X86_EFLAGS_ZF;
	new = equal ? emul_reg_read(e, insn->reg, size) : old;
	if (equal || !insn->is_reg) {
		ret = emul_rm_update(e, size, old, new, insn->lock);
		if (ret)
			return ret;
	}
	if (!equal)
		emul_areg_write(e, GPR_RAX, size, old);
	e->regs->rflags = rflags;
	return EMUL_DONE;
}

/* Two registers of size bytes each, packed as memory holds them. */
static void pack_pair(const struct emul *e, u8 *buf, unsigned int size, unsigned int high,
		      unsigned int low)
{
	u64 val;

	val = emul_areg_read(e, low, size);
	memcpy(buf, &val, size);
	val = emul_areg_read(e, high, size);
	memcpy(buf + size, &val, size);
}

static void unpack_pair(struct emul *e, const u8 *buf, unsigned int size, unsigned int high,
			unsigned int low)
{
	u64 val = 0;

	memcpy(&val, buf, size);
	emul_areg_write(e, low, size, val);
	memcpy(&val, buf + size, size);
	emul_areg_write(e, high, size, val);
}

/* CMPXCHG8B, with REX.W CMPXCHG16B, which insists on alignment. */
int emul_exec_cmpxchg8b(struct emul *e)
{
	unsigned int size = e->insn.op_size == 8 ? 8 : 4;
	unsigned int len = 2 * size;
	u8 old[16], expected[16], new[16];
	bool equal;
	int ret;

	ret = emul_mem_linearize(e, len, size == 8 ? 1 : len, EMUL_WRITE);
	if (ret)
		return ret;
	if (size == 8 && (e->linear & 15))
		return emul_raise(e, VEC_GP);
	ret = emul_read(e, e->linear, old, len, EMUL_WRITE);
	if (ret)
		return ret;
	pack_pair(e, expected, size, GPR_RDX, GPR_RAX);
	pack_pair(e, new, size, GPR_RCX, GPR_RBX);
	equal = !memcmp(old, expected, len);
	ret = emul_mem_update(e, old, equal ? new : old, len, e->insn.lock);
	if (ret)
		return ret;
	if (!equal)
		unpack_pair(e, old, size, GPR_RDX, GPR_RAX);
	e->regs->rflags &= ~X86_EFLAGS_ZF;
	e->regs->rflags |= equal ? X86_EFLAGS_ZF : 0;
	return EMUL_DONE;
}

/* ADCX and ADOX: addition with a carry of its own, in CF or OF, and no other flag. */
int emul_exec_add_carry(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 flag = insn->op->arg ? X86_EFLAGS_OF : X86_EFLAGS_CF;
	unsigned int size = insn->op_size;
	u64 flags, sum, src;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &src);
	if (ret)
		return ret;
	flags = e->regs->rflags & flag ? X86_EFLAGS_CF : 0;
	sum = emul_alu(ALU_ADC, size, emul_reg_read(e, insn->reg, size), src, &flags);
	emul_reg_write(e, insn->reg, size, sum);
	e->regs->rflags &= ~flag;
	e->regs->rflags |= flags & X86_EFLAGS_CF ? flag : 0;
	return EMUL_DONE;
}
