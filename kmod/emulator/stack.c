// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated instructions that use the stack, and near jumps. What is pushed or popped
 * by one instruction is one access: the CPU, too, looks for faults before it writes.
 */
#include "emulator_private.h"

#define STACK_MOST	32	/* bytes of one access: eight registers of PUSHA */

static unsigned int stack_pointer_size(struct emul *e)
{
	struct segment ss;

	if (e->insn.code_bits == 64)
		return 8;
	if (e->regs->rflags & X86_EFLAGS_VM)
		return 2;
	e->ops->segment(e, SEG_SS, &ss);
	return ss.attr & SEG_ATTR_DB ? 4 : 2;
}

void emul_stack_begin(struct emul *e, struct emul_stack *stack)
{
	stack->size = stack_pointer_size(e);
	stack->sp = emul_areg_read(e, GPR_RSP, stack->size);
}

u64 emul_stack_sum(const struct emul_stack *stack, s64 bytes)
{
	return (stack->sp + bytes) & emul_mask(stack->size);
}

/* The lowest operand comes first. */
int emul_stack_push(struct emul *e, struct emul_stack *stack, const void *operands,
		    unsigned int size, unsigned int nr)
{
	u64 sp = emul_stack_sum(stack, -(s64)(size * nr));
	u64 linear;
	int ret;

	ret = emul_linearize(e, SEG_SS, sp, size * nr, size, EMUL_WRITE, &linear);
	if (!ret)
		ret = emul_write(e, linear, operands, size * nr);
	if (!ret)
		stack->sp = sp;
	return ret;
}

int emul_stack_pop(struct emul *e, struct emul_stack *stack, void *operands, unsigned int size,
		   unsigned int nr)
{
	u64 linear;
	int ret;

	ret = emul_linearize(e, SEG_SS, stack->sp, size * nr, size, EMUL_READ, &linear);
	if (!ret)
		ret = emul_read(e, linear, operands, size * nr, EMUL_READ);
	if (!ret)
		stack->sp = emul_stack_sum(stack, size * nr);
	return ret;
}

void emul_stack_commit(struct emul *e, const struct emul_stack *stack)
{
	emul_areg_write(e, GPR_RSP, stack->size, stack->sp);
}

/* ---- Single operands ---- */

static int push(struct emul *e, u64 val)
{
	struct emul_stack stack;
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_push(e, &stack, &val, e->insn.op_size, 1);
	if (!ret)
		emul_stack_commit(e, &stack);
	return ret;
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
	struct segment seg;

	e->ops->segment(e, e->insn.op->arg, &seg);
	return push(e, seg.selector);
}

/*
 * The destination's address is computed with the stack pointer already
 * incremented, and a popped stack pointer is not incremented.
 */
int emul_exec_pop(struct emul *e)
{
	u64 old_rsp = e->regs->gpr[GPR_RSP];
	struct emul_stack stack;
	u64 val = 0;
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_pop(e, &stack, &val, e->insn.op_size, 1);
	if (ret)
		return ret;
	emul_stack_commit(e, &stack);
	ret = emul_rm_write(e, e->insn.op_size, val);
	if (ret)
		e->regs->gpr[GPR_RSP] = old_rsp;
	return ret;
}

/* ---- All registers ---- */

/* They are in memory from RDI up, the last one pushed. */
int emul_exec_pusha(struct emul *e)
{
	unsigned int reg, size = e->insn.op_size;
	struct emul_stack stack;
	u8 operands[STACK_MOST];
	int ret;

	for (reg = 0; reg < 8; reg++)
		memcpy(operands + (7 - reg) * size, &e->regs->gpr[reg], size);
	emul_stack_begin(e, &stack);
	ret = emul_stack_push(e, &stack, operands, size, 8);
	if (!ret)
		emul_stack_commit(e, &stack);
	return ret;
}

int emul_exec_popa(struct emul *e)
{
	unsigned int reg, size = e->insn.op_size;
	struct emul_stack stack;
	u8 operands[STACK_MOST];
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_pop(e, &stack, operands, size, 8);
	if (ret)
		return ret;
	for (reg = 0; reg < 8; reg++) {
		u64 val = 0;

		memcpy(&val, operands + (7 - reg) * size, size);
		if (reg != GPR_RSP)
			emul_areg_write(e, reg, size, val);
	}
	emul_stack_commit(e, &stack);
	return EMUL_DONE;
}

/* ---- Flags ---- */

/* In virtual-8086 mode below IOPL 3 it is for the monitor, or for CR4.VME, which is not emulated. */
static int check_flags_access(struct emul *e)
{
	u64 rflags = e->regs->rflags;

	if (!(rflags & X86_EFLAGS_VM) || (rflags & X86_EFLAGS_IOPL) == X86_EFLAGS_IOPL)
		return EMUL_DONE;
	return e->cr4 & X86_CR4_VME ? EMUL_UNHANDLED : emul_raise(e, VEC_GP);
}

int emul_exec_pushf(struct emul *e)
{
	int ret = check_flags_access(e);

	return ret ? ret : push(e, e->regs->rflags & ~(X86_EFLAGS_VM | X86_EFLAGS_RF));
}

/* The flags that POPF may change: IF at a privilege of IOPL, IOPL at 0. */
static u64 writable_flags(const struct emul *e)
{
	u64 flags = RFLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT | X86_EFLAGS_AC |
		    X86_EFLAGS_ID;
	unsigned int cpl = emul_is_protected(e) ? e->cpl : e->regs->rflags & X86_EFLAGS_VM ? 3 : 0;

	if (cpl <= (e->regs->rflags & X86_EFLAGS_IOPL) >> 12)
		flags |= X86_EFLAGS_IF;
	if (cpl == 0)
		flags |= X86_EFLAGS_IOPL;
	return flags & emul_mask(e->insn.op_size);
}

int emul_exec_popf(struct emul *e)
{
	struct emul_stack stack;
	u64 val = 0, writable;
	int ret;

	ret = check_flags_access(e);
	if (ret)
		return ret;
	emul_stack_begin(e, &stack);
	ret = emul_stack_pop(e, &stack, &val, e->insn.op_size, 1);
	if (ret)
		return ret;
	emul_stack_commit(e, &stack);
	writable = writable_flags(e);
	e->regs->rflags = (e->regs->rflags & ~writable) | (val & writable);
	return EMUL_DONE;
}

/* ---- Frames ---- */

/* Pushes the frame pointers of the enclosing procedures, which are below RBP. */
static int push_frames(struct emul *e, struct emul_stack *stack, unsigned int nr)
{
	unsigned int size = e->insn.op_size, i;
	struct emul_stack frames = { .sp = e->regs->gpr[GPR_RBP], .size = stack->size };
	int ret = EMUL_DONE;
	u64 val;

	for (i = 0; !ret && i < nr; i++) {
		frames.sp = emul_stack_sum(&frames, -(s64)size);
		val = 0;
		ret = emul_stack_pop(e, &frames, &val, size, 1);
		if (ret)
			break;
		frames.sp = emul_stack_sum(&frames, -(s64)size);
		ret = emul_stack_push(e, stack, &val, size, 1);
	}
	return ret;
}

/* The CPU makes sure that the stack can be written where it ends. */
static int probe_stack(struct emul *e, const struct emul_stack *stack)
{
	u64 linear;
	int ret;

	ret = emul_linearize(e, SEG_SS, stack->sp, e->insn.op_size, 1, EMUL_WRITE, &linear);
	if (!ret)
		ret = e->ops->probe(e, linear, e->insn.op_size, EMUL_WRITE);
	return ret == EMUL_EXIT ? EMUL_DONE : ret;
}

int emul_exec_enter(struct emul *e)
{
	unsigned int size = e->insn.op_size, level = e->insn.imm2 & 31;
	struct emul_stack stack;
	u64 frame;
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_push(e, &stack, &e->regs->gpr[GPR_RBP], size, 1);
	frame = stack.sp;
	if (!ret && level > 1)
		ret = push_frames(e, &stack, level - 1);
	if (!ret && level)
		ret = emul_stack_push(e, &stack, &frame, size, 1);
	if (ret)
		return ret;
	stack.sp = emul_stack_sum(&stack, -(s64)(e->insn.imm & 0xffff));
	ret = probe_stack(e, &stack);
	if (ret)
		return ret;
	emul_areg_write(e, GPR_RBP, size, frame);
	emul_stack_commit(e, &stack);
	return EMUL_DONE;
}

int emul_exec_leave(struct emul *e)
{
	struct emul_stack stack;
	u64 val = 0;
	int ret;

	emul_stack_begin(e, &stack);
	stack.sp = emul_areg_read(e, GPR_RBP, stack.size);
	ret = emul_stack_pop(e, &stack, &val, e->insn.op_size, 1);
	if (ret)
		return ret;
	emul_stack_commit(e, &stack);
	emul_areg_write(e, GPR_RBP, e->insn.op_size, val);
	return EMUL_DONE;
}

/* ---- Near jumps ---- */

int emul_check_target(struct emul *e, unsigned int code_bits, u32 limit, u64 rip)
{
	bool reachable = code_bits == 64 ? emul_is_canonical(e, rip) : rip <= limit;

	return reachable ? EMUL_DONE : emul_raise(e, VEC_GP);
}

static u64 next_rip(const struct emul *e)
{
	return e->regs->rip + e->insn.len;
}

static int check_near(struct emul *e, u64 *rip)
{
	struct segment cs;

	e->ops->segment(e, SEG_CS, &cs);
	*rip &= emul_mask(e->insn.op_size);
	return emul_check_target(e, e->insn.code_bits, cs.limit, *rip);
}

/* Where JMP or CALL goes. */
static int near_target(struct emul *e, u64 *rip)
{
	int ret;

	*rip = next_rip(e) + e->insn.imm;
	if (e->insn.op->arg == TARGET_OPERAND) {
		ret = emul_rm_read(e, e->insn.op_size, EMUL_READ, rip);
		if (ret)
			return ret;
	}
	return check_near(e, rip);
}

int emul_exec_jmp(struct emul *e)
{
	u64 rip;
	int ret = near_target(e, &rip);

	if (ret)
		return ret;
	e->regs->rip = rip;
	return EMUL_JUMPED;
}

int emul_exec_call(struct emul *e)
{
	u64 rip;
	int ret = near_target(e, &rip);

	if (!ret)
		ret = push(e, next_rip(e));
	if (ret)
		return ret;
	e->regs->rip = rip;
	return EMUL_JUMPED;
}

int emul_exec_ret(struct emul *e)
{
	struct emul_stack stack;
	u64 rip = 0;
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_pop(e, &stack, &rip, e->insn.op_size, 1);
	if (!ret)
		ret = check_near(e, &rip);
	if (ret)
		return ret;
	stack.sp = emul_stack_sum(&stack, e->insn.imm & 0xffff);
	emul_stack_commit(e, &stack);
	e->regs->rip = rip;
	return EMUL_JUMPED;
}
