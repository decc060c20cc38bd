// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated tests, scans and sums of bits. Bit tests change CF only; the flags that
 * the manuals leave undefined after a scan stay as they were.
 */
#include "emulator_private.h"

static u64 bit_result(unsigned int op, u64 val, u64 bit)
{
	switch (op) {
	case BIT_SET:
		return val | bit;
	case BIT_RESET:
		return val & ~bit;
	case BIT_COMPLEMENT:
		return val ^ bit;
	default:
		return val;
	}
}

/*
 * Reads the operand that holds the bit. A bit offset in a register reaches
 * beyond a memory operand, by whole operands, in both directions.
 */
static int read_bit_operand(struct emul *e, u64 offset, unsigned int access, u64 *val)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int size = insn->op_size;
	u64 ea;
	int ret;

	if (insn->is_reg || (insn->op->flags & OPF_IMM))
		return emul_rm_read(e, size, access, val);
	offset = (u64)((s64)emul_sign_extend(offset, size) >> 3) & ~(u64)(size - 1);
	ea = (emul_effective_address(e) + offset) & emul_mask(insn->addr_size);
	ret = emul_linearize(e, insn->seg, ea, size, size, access, &e->linear);
	if (ret)
		return ret;
	*val = 0;
	return emul_read(e, e->linear, val, size, access);
}

int emul_exec_bit(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int op = insn->op->arg;
	u64 offset, old, bit;
	int ret;

	offset = insn->op->flags & OPF_IMM ? insn->imm :
					     emul_reg_read(e, insn->reg, insn->op_size);
	ret = read_bit_operand(e, offset, op == BIT_TEST ? EMUL_READ : EMUL_WRITE, &old);
	if (ret)
		return ret;
	bit = BIT_ULL(offset & (8 * insn->op_size - 1));
	if (op != BIT_TEST) {
		ret = emul_rm_update(e, insn->op_size, old, bit_result(op, old, bit), insn->lock);
		if (ret)
			return ret;
	}
	e->regs->rflags &= ~X86_EFLAGS_CF;
	e->regs->rflags |= old & bit ? X86_EFLAGS_CF : 0;
	return EMUL_DONE;
}

/* Number of zeros before the first one; all of them if there is none. */
static unsigned int scan(unsigned int direction, unsigned int size, u64 val)
{
	unsigned int bits = 8 * size;

	if (!val)
		return bits;
	return direction == SCAN_FORWARD ? __ffs(val) : bits - fls64(val);
}

/* TZCNT and LZCNT: BSF and BSR with F3, for CPUs that know them. */
static bool counts_zeros(struct emul *e, unsigned int direction)
{
	return e->insn.rep == 0xf3 &&
	       e->ops->cpu_has(e, direction == SCAN_FORWARD ? EMUL_HAS_TZCNT : EMUL_HAS_LZCNT);
}

static void set_flags(struct emul *e, u64 which, u64 value)
{
	e->regs->rflags = (e->regs->rflags & ~which) | value;
}

int emul_exec_bit_scan(struct emul *e)
{
	unsigned int size = e->insn.op_size, zeros;
	unsigned int direction = e->insn.op->arg;
	u64 val;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &val);
	if (ret)
		return ret;
	zeros = scan(direction, size, val);
	if (counts_zeros(e, direction)) {
		emul_reg_write(e, e->insn.reg, size, zeros);
		set_flags(e, X86_EFLAGS_CF | X86_EFLAGS_ZF,
			  (val ? 0 : X86_EFLAGS_CF) | (zeros ? 0 : X86_EFLAGS_ZF));
		return EMUL_DONE;
	}
	set_flags(e, X86_EFLAGS_ZF, val ? 0 : X86_EFLAGS_ZF);
	if (val)
		emul_reg_write(e, e->insn.reg, size,
			       direction == SCAN_FORWARD ? zeros : 8 * size - 1 - zeros);
	return EMUL_DONE;
}

int emul_exec_popcnt(struct emul *e)
{
	u64 val;
	int ret;

	ret = emul_rm_read(e, e->insn.op_size, EMUL_READ, &val);
	if (ret)
		return ret;
	emul_reg_write(e, e->insn.reg, e->insn.op_size,
		       hweight32(val) + hweight32(val >> 32));
	set_flags(e, RFLAGS_ARITH, val ? 0 : X86_EFLAGS_ZF);
	return EMUL_DONE;
}

/* The polynomial of CRC32C, its bits reversed. */
#define CRC32C	0x82f63b78u

int emul_exec_crc32(struct emul *e)
{
	unsigned int size = e->insn.op->arg ? e->insn.op->arg : e->insn.op_size;
	unsigned int i;
	u32 crc;
	u64 val;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &val);
	if (ret)
		return ret;
	crc = e->regs->gpr[e->insn.reg];
	for (i = 0; i < 8 * size; i++) {
		bool odd = (crc ^ val >> i) & 1;

		crc = crc >> 1 ^ (odd ? CRC32C : 0);
	}
	e->regs->gpr[e->insn.reg] = crc;
	return EMUL_DONE;
}
