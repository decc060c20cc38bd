/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Plain moves between memory and a register or immediate, of which the caller makes
 * the access. Inline, since most accesses to devices are such.
 */
#ifndef MINIVMM_EMULATOR_MOVE_H
#define MINIVMM_EMULATOR_MOVE_H

#include "emulator.h"

/* Whether the @n bytes, which may be more, begin with those of the instruction. */
static inline bool emul_same_bytes(const struct emul_insn *insn, const u8 *bytes, unsigned int n)
{
	u64 first, second;

	if (n < 8 || insn->len > 8)
		return n >= insn->len && !memcmp(insn->bytes, bytes, insn->len);
	memcpy(&first, insn->bytes, 8);
	memcpy(&second, bytes, 8);
	return !((first ^ second) & insn->first_mask);
}

/* emul_address_sum - of the memory operand in its segment, before it is cut to the address size. */
static inline u64 emul_address_sum(const struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u64 sum = insn->disp;

	if (insn->base != EMUL_NO_REG)
		sum += e->regs->gpr[insn->base];
	if (insn->index != EMUL_NO_REG)
		sum += e->regs->gpr[insn->index] << insn->scale;
	if (insn->rip_relative)
		sum += e->regs->rip + insn->len;
	return sum;
}

/*
 * emul_known_move - whether the @n @bytes, which are fetched in 64-bit mode, are the decoded
 * instruction, and that is a plain move, through a segment without base: of insn.move_size
 * bytes, a write if insn.move_is_write. Nothing is checked: it is for an access that the CPU
 * has found allowed. Here and below, of @e only regs and insn are looked at.
 */
static inline bool emul_known_move(const struct emul *e, const u8 *bytes, unsigned int n)
{
	return e->insn.move_size && emul_same_bytes(&e->insn, bytes, n);
}

/* emul_move_data - what it writes; 0 for a read. */
static inline u64 emul_move_data(const struct emul *e)
{
	const struct emul_insn *insn = &e->insn;

	return insn->move_mask &
	       (insn->move_reg == EMUL_NO_REG ? insn->imm : e->regs->gpr[insn->move_reg]);
}

/* emul_finish_read - what the move has read goes to its register; RIP is the caller's to advance. */
void emul_finish_read(struct emul *e, u64 val);

#endif /* MINIVMM_EMULATOR_MOVE_H */
