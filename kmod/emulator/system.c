// SPDX-License-Identifier: GPL-2.0
/* Emulated stores and loads of descriptor-table registers and of the machine status word. */
#include "emulator_private.h"

#define CR0_MSW		0xfull	/* the bits that LMSW may change */

/* Stores that CR4.UMIP keeps to privilege 0. */
static int check_store(struct emul *e)
{
	return (e->cr4 & X86_CR4_UMIP) && e->cpl ? emul_raise(e, VEC_GP) : EMUL_DONE;
}

/* Bytes of a table's base in memory, whatever the operand size. */
static unsigned int base_size(const struct emul *e)
{
	return e->insn.code_bits == 64 ? 8 : 4;
}

/* SGDT and SIDT */
int emul_exec_store_table(struct emul *e)
{
	unsigned int size = base_size(e);
	struct table_register table;
	u8 image[10];
	int ret;

	ret = check_store(e);
	if (ret)
		return ret;
	e->ops->table(e, e->insn.op->arg == STORE_IDTR, &table);
	memcpy(image, &table.limit, 2);
	memcpy(image + 2, &table.base, size);
	ret = emul_mem_linearize(e, 2 + size, 1, EMUL_WRITE);
	return ret ? ret : emul_write(e, e->linear, image, 2 + size);
}

/* LGDT and LIDT. Of a base loaded with 16-bit operands three bytes count. */
int emul_exec_load_table(struct emul *e)
{
	struct table_register table = { 0 };
	unsigned int size = base_size(e);
	u8 image[10];
	int ret;

	if (e->cpl)
		return emul_raise(e, VEC_GP);
	ret = emul_mem_linearize(e, 2 + size, 1, EMUL_READ);
	if (!ret)
		ret = emul_read(e, e->linear, image, 2 + size, EMUL_READ);
	if (ret)
		return ret;
	memcpy(&table.limit, image, 2);
	memcpy(&table.base, image + 2, size);
	if (size == 4 && e->insn.op_size == 2)
		table.base &= 0xffffff;
	if (size == 8 && !emul_is_canonical(e, table.base))
		return emul_raise(e, VEC_GP);
	e->ops->set_table(e, e->insn.op->arg == STORE_IDTR, &table);
	return EMUL_DONE;
}

/* SLDT and STR; memory takes 16 bits. */
int emul_exec_store_selector(struct emul *e)
{
	struct segment seg;
	int ret;

	if (!emul_is_protected(e))
		return emul_raise(e, VEC_UD);
	ret = check_store(e);
	if (ret)
		return ret;
	e->ops->segment(e, e->insn.op->arg, &seg);
	return emul_rm_write(e, e->insn.is_reg ? e->insn.op_size : 2, seg.selector);
}

int emul_exec_smsw(struct emul *e)
{
	int ret = check_store(e);

	return ret ? ret : emul_rm_write(e, e->insn.is_reg ? e->insn.op_size : 2, e->cr0);
}

/* Protected mode is not left by it. */
int emul_exec_lmsw(struct emul *e)
{
	u64 msw, cr0;
	int ret;

	if (e->cpl)
		return emul_raise(e, VEC_GP);
	ret = emul_rm_read(e, 2, EMUL_READ, &msw);
	if (ret)
		return ret;
	cr0 = (e->cr0 & ~CR0_MSW) | (msw & CR0_MSW) | (e->cr0 & X86_CR0_PE);
	e->ops->set_cr0(e, cr0);
	e->cr0 = cr0;
	return EMUL_DONE;
}
