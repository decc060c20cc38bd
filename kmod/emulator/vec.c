// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated SSE and AVX moves between vector registers and memory, in legacy
 * and VEX encoding. A VEX instruction clears the rest of its destination
 * register: it always writes 32 bytes.
 */
#include "emulator_private.h"

#define VEC_BYTES	32

static bool vex_enabled(const struct emul *e)
{
	return emul_is_protected(e) && (e->cr4 & X86_CR4_OSXSAVE) &&
	       (e->xcr0 & XCR0_SSE_AVX) == XCR0_SSE_AVX;
}

int emul_check_vec(struct emul *e)
{
	bool enabled;

	if (e->insn.vex)
		enabled = vex_enabled(e);
	else
		enabled = !(e->cr0 & X86_CR0_EM) && (e->cr4 & X86_CR4_OSFXSR);
	if (!enabled)
		return emul_raise(e, VEC_UD);
	return e->cr0 & X86_CR0_TS ? emul_raise(e, VEC_NM) : EMUL_DONE;
}

/*
 * Checks, then the memory operand's address; e->linear is set if there is one.
 * ac_align: the alignment that RFLAGS.AC asks for, align: the instruction itself.
 */
static int vec_begin(struct emul *e, unsigned int len, unsigned int ac_align,
		     unsigned int align, unsigned int access)
{
	int ret;

	ret = emul_check_vec(e);
	if (ret || e->insn.is_reg)
		return ret;
	ret = emul_mem_linearize(e, len, ac_align, access);
	if (ret)
		return ret;
	return e->linear & (align - 1) ? emul_raise(e, VEC_GP) : EMUL_DONE;
}

static unsigned int vec_len(const struct emul *e)
{
	return e->insn.vex_l ? 32 : 16;
}

/* A whole-vector move's operand must be aligned if its opcode says so. */
static unsigned int vec_align(const struct emul *e)
{
	return e->insn.op->arg & VEC_ALIGNED ? vec_len(e) : 1;
}

/* Writes a register's low 16 or 32 bytes; buf has VEC_BYTES, zero beyond len. */
static void vec_commit(struct emul *e, unsigned int reg, const u8 *buf, unsigned int len)
{
	e->ops->vec_write(e, reg, buf, e->insn.vex ? VEC_BYTES : len);
}

int emul_exec_vec_load(struct emul *e)
{
	u8 buf[VEC_BYTES] = { 0 };
	unsigned int len = vec_len(e);
	int ret;

	ret = vec_begin(e, len, 1, vec_align(e), EMUL_READ);
	if (ret)
		return ret;
	if (e->insn.is_reg)
		e->ops->vec_read(e, e->insn.rm, buf, len);
	else
		ret = emul_read(e, e->linear, buf, len, EMUL_READ);
	if (ret)
		return ret;
	vec_commit(e, e->insn.reg, buf, len);
	return EMUL_DONE;
}

int emul_exec_vec_store(struct emul *e)
{
	u8 buf[VEC_BYTES] = { 0 };
	unsigned int len = vec_len(e);
	int ret;

	ret = vec_begin(e, len, 1, vec_align(e), EMUL_WRITE);
	if (ret)
		return ret;
	e->ops->vec_read(e, e->insn.reg, buf, len);
	if (!e->insn.is_reg)
		return emul_write(e, e->linear, buf, len);
	vec_commit(e, e->insn.rm, buf, len);
	return EMUL_DONE;
}

/*
 * MOVSS, MOVSD and MOVQ from memory clear the rest of the register. Between
 * registers MOVSS and MOVSD merge, and are not emulated.
 */
int emul_exec_vec_load_scalar(struct emul *e)
{
	unsigned int size = e->insn.op->arg & VEC_SIZE;
	u8 buf[VEC_BYTES] = { 0 };
	int ret;

	if (e->insn.is_reg)
		return EMUL_UNHANDLED;
	ret = vec_begin(e, size, size, 1, EMUL_READ);
	if (ret)
		return ret;
	ret = emul_read(e, e->linear, buf, size, EMUL_READ);
	if (ret)
		return ret;
	vec_commit(e, e->insn.reg, buf, 16);
	return EMUL_DONE;
}

int emul_exec_vec_store_scalar(struct emul *e)
{
	unsigned int size = e->insn.op->arg & VEC_SIZE;
	u8 buf[16];
	int ret;

	if (e->insn.is_reg)
		return EMUL_UNHANDLED;
	ret = vec_begin(e, size, size, 1, EMUL_WRITE);
	if (ret)
		return ret;
	e->ops->vec_read(e, e->insn.reg, buf, sizeof(buf));
	return emul_write(e, e->linear, buf, size);
}

static unsigned int half_offset(const struct emul *e)
{
	return e->insn.op->arg & VEC_HIGH ? 8 : 0;
}

/* Where the other half comes from; outside 64-bit mode VEX.vvvv has three bits. */
static unsigned int half_source(const struct emul *e)
{
	if (!e->insn.vex)
		return e->insn.reg;
	return e->insn.code_bits == 64 ? e->insn.vvvv : e->insn.vvvv & 7;
}

/* MOVLPS, MOVHPS and the like: the other half stays, or comes from VEX.vvvv. */
int emul_exec_vec_load_half(struct emul *e)
{
	u8 buf[VEC_BYTES] = { 0 };
	int ret;

	if (e->insn.is_reg)
		return EMUL_UNHANDLED;
	ret = vec_begin(e, 8, 8, 1, EMUL_READ);
	if (ret)
		return ret;
	e->ops->vec_read(e, half_source(e), buf, 16);
	ret = emul_read(e, e->linear, buf + half_offset(e), 8, EMUL_READ);
	if (ret)
		return ret;
	vec_commit(e, e->insn.reg, buf, 16);
	return EMUL_DONE;
}

int emul_exec_vec_store_half(struct emul *e)
{
	u8 buf[16];
	int ret;

	ret = vec_begin(e, 8, 8, 1, EMUL_WRITE);
	if (ret)
		return ret;
	e->ops->vec_read(e, e->insn.reg, buf, sizeof(buf));
	return emul_write(e, e->linear, buf + half_offset(e), 8);
}

/* MOVD and, with the W bit, MOVQ. */
int emul_exec_movd_load(struct emul *e)
{
	u8 buf[VEC_BYTES] = { 0 };
	u64 val;
	int ret;

	ret = emul_check_vec(e);
	if (ret)
		return ret;
	ret = emul_rm_read(e, e->insn.op_size, EMUL_READ, &val);
	if (ret)
		return ret;
	memcpy(buf, &val, sizeof(val));
	vec_commit(e, e->insn.reg, buf, 16);
	return EMUL_DONE;
}

int emul_exec_movd_store(struct emul *e)
{
	u8 buf[16];
	u64 val;
	int ret;

	ret = emul_check_vec(e);
	if (ret)
		return ret;
	e->ops->vec_read(e, e->insn.reg, buf, sizeof(buf));
	memcpy(&val, buf, sizeof(val));
	return emul_rm_write(e, e->insn.op_size, val);
}
