// SPDX-License-Identifier: GPL-2.0
/* Emulated loads and stores of the control and status words of x87 and SSE, and MMX moves. */
#include "emulator_private.h"

#define FPU_EXCEPTIONS	0x3fu	/* in the control word: masked */
#define FPU_SUMMARY	0x80u	/* in the status word: one of them is pending and not masked */
#define FPU_BUSY	0x8000u	/* the same */

static int check_x87(struct emul *e)
{
	return e->cr0 & (X86_CR0_EM | X86_CR0_TS) ? emul_raise(e, VEC_NM) : EMUL_DONE;
}

/* What waits for an error to be reported reports it. The way of the PC/AT is not emulated. */
static int check_pending(struct emul *e, const struct emul_fpu *fpu)
{
	if (!(fpu->sw & FPU_SUMMARY))
		return EMUL_DONE;
	return e->cr0 & X86_CR0_NE ? emul_raise(e, VEC_MF) : EMUL_UNHANDLED;
}

int emul_exec_fldcw(struct emul *e)
{
	struct emul_fpu fpu;
	u64 val;
	int ret;

	ret = check_x87(e);
	if (ret)
		return ret;
	e->ops->fpu_read(e, &fpu);
	ret = check_pending(e, &fpu);
	if (!ret)
		ret = emul_rm_read(e, 2, EMUL_READ, &val);
	if (ret)
		return ret;
	/* Six bits are reserved: one is always set, the others clear. */
	fpu.cw = (val & 0x1f7f) | 0x40;
	fpu.sw &= ~(FPU_SUMMARY | FPU_BUSY);
	if (fpu.sw & ~fpu.cw & FPU_EXCEPTIONS)
		fpu.sw |= FPU_SUMMARY | FPU_BUSY;
	e->ops->fpu_write(e, &fpu);
	return EMUL_DONE;
}

static int store_word(struct emul *e, bool status)
{
	struct emul_fpu fpu;
	int ret;

	ret = check_x87(e);
	if (ret)
		return ret;
	e->ops->fpu_read(e, &fpu);
	return emul_rm_write(e, 2, status ? fpu.sw : fpu.cw);
}

int emul_exec_fnstcw(struct emul *e)
{
	return store_word(e, false);
}

int emul_exec_fnstsw(struct emul *e)
{
	return store_word(e, true);
}

int emul_exec_ldmxcsr(struct emul *e)
{
	struct emul_fpu fpu;
	u64 val;
	int ret;

	ret = emul_check_vec(e);
	if (!ret)
		ret = emul_rm_read(e, 4, EMUL_READ, &val);
	if (ret)
		return ret;
	e->ops->fpu_read(e, &fpu);
	if (val & ~(u64)fpu.mxcsr_mask)
		return emul_raise(e, VEC_GP);
	fpu.mxcsr = val;
	e->ops->fpu_write(e, &fpu);
	return EMUL_DONE;
}

int emul_exec_stmxcsr(struct emul *e)
{
	struct emul_fpu fpu;
	int ret = emul_check_vec(e);

	if (ret)
		return ret;
	e->ops->fpu_read(e, &fpu);
	return emul_rm_write(e, 4, fpu.mxcsr);
}

/* ---- MMX ---- */

static int check_mmx(struct emul *e)
{
	struct emul_fpu fpu;

	if (e->cr0 & X86_CR0_EM)
		return emul_raise(e, VEC_UD);
	if (e->cr0 & X86_CR0_TS)
		return emul_raise(e, VEC_NM);
	e->ops->fpu_read(e, &fpu);
	return check_pending(e, &fpu);
}

/* Bytes of the operand: of MOVD the operand size, of MOVQ 8. */
static unsigned int mmx_size(const struct emul *e)
{
	return e->insn.op->arg ? e->insn.op->arg : e->insn.op_size;
}

/* Between MMX registers (MOVQ), or one and a general register or memory. */
int emul_exec_mmx_load(struct emul *e)
{
	bool between = e->insn.is_reg && e->insn.op->arg;
	u64 val;
	int ret;

	ret = check_mmx(e);
	if (ret)
		return ret;
	if (between)
		e->ops->mmx_read(e, e->insn.rm & 7, &val);
	else
		ret = emul_rm_read(e, mmx_size(e), EMUL_READ, &val);
	if (ret)
		return ret;
	e->ops->mmx_used(e);
	e->ops->mmx_write(e, e->insn.reg & 7, val);
	return EMUL_DONE;
}

int emul_exec_mmx_store(struct emul *e)
{
	bool between = e->insn.is_reg && e->insn.op->arg;
	u64 val;
	int ret;

	ret = check_mmx(e);
	if (ret)
		return ret;
	e->ops->mmx_read(e, e->insn.reg & 7, &val);
	if (!between)
		ret = emul_rm_write(e, mmx_size(e), val);
	if (ret)
		return ret;
	e->ops->mmx_used(e);
	if (between)
		e->ops->mmx_write(e, e->insn.rm & 7, val);
	return EMUL_DONE;
}
