// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated multiplication and division. Flags that the manuals leave undefined stay
 * as they were.
 */
#include "emulator_private.h"

struct wide {
	u64 high, low;
};

static struct wide multiply(u64 a, u64 b, bool is_signed)
{
	unsigned __int128 product;

	product = is_signed ? (unsigned __int128)((__int128)(s64)a * (s64)b) :
			      (unsigned __int128)a * b;
	return (struct wide){ .high = product >> 64, .low = product };
}

static u64 operand(unsigned int size, u64 val, bool is_signed)
{
	return is_signed ? emul_sign_extend(val, size) : val & emul_mask(size);
}

/* Whether a product is its lower half, extended. */
static bool is_lower_half(struct wide product, unsigned int size, bool is_signed)
{
	u64 half = operand(size, product.low, is_signed);

	return product.low == half &&
	       product.high == (is_signed && (s64)half < 0 ? ~0ull : 0);
}

static void set_product_flags(struct emul *e, struct wide product, bool is_signed)
{
	e->regs->rflags &= ~(X86_EFLAGS_CF | X86_EFLAGS_OF);
	if (!is_lower_half(product, e->insn.op_size, is_signed))
		e->regs->rflags |= X86_EFLAGS_CF | X86_EFLAGS_OF;
}

/* Two halves of the accumulator: AH and AL, or rDX and rAX. */
static void write_pair(struct emul *e, u64 high, u64 low)
{
	unsigned int size = e->insn.op_size;

	if (size == 1) {
		emul_areg_write(e, GPR_RAX, 2, (high & 0xff) << 8 | (low & 0xff));
	} else {
		emul_areg_write(e, GPR_RAX, size, low);
		emul_areg_write(e, GPR_RDX, size, high);
	}
}

/* MUL and IMUL of the accumulator. */
int emul_exec_mul(struct emul *e)
{
	bool is_signed = e->insn.op->arg == MUL_SIGNED;
	unsigned int size = e->insn.op_size;
	struct wide product;
	u64 src;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &src);
	if (ret)
		return ret;
	product = multiply(operand(size, e->regs->gpr[GPR_RAX], is_signed),
			   operand(size, src, is_signed), is_signed);
	set_product_flags(e, product, is_signed);
	write_pair(e, size == 8 ? product.high : product.low >> 8 * size, product.low);
	return EMUL_DONE;
}

/* IMUL with two or three operands. */
int emul_exec_imul(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int size = insn->op_size;
	struct wide product;
	u64 src, factor;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &src);
	if (ret)
		return ret;
	factor = insn->op->flags & OPF_IMM ? insn->imm : emul_reg_read(e, insn->reg, size);
	product = multiply(operand(size, factor, true), operand(size, src, true), true);
	set_product_flags(e, product, true);
	emul_reg_write(e, insn->reg, size, product.low);
	return EMUL_DONE;
}

static struct wide negated(struct wide n)
{
	return (struct wide){ .high = ~n.high + !n.low, .low = -n.low };
}

/* Unsigned, bit by bit; n.high is below the divisor, so that the quotient fits. */
static u64 divide(struct wide n, u64 divisor, u64 *rest)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		bool carry = n.high >> 63;

		n.high = n.high << 1 | n.low >> 63;
		n.low <<= 1;
		if (carry || n.high >= divisor) {
			n.high -= divisor;
			n.low |= 1;
		}
	}
	*rest = n.high;
	return n.low;
}

/* What is divided, of twice the operand size. */
static struct wide dividend(const struct emul *e, bool is_signed)
{
	unsigned int size = e->insn.op_size;
	struct wide n = { .high = 0, .low = e->regs->gpr[GPR_RAX] };

	if (size == 8)
		return (struct wide){ .high = e->regs->gpr[GPR_RDX], .low = n.low };
	if (size == 1)
		n.low &= emul_mask(2);
	else
		n.low = (n.low & emul_mask(size)) | emul_areg_read(e, GPR_RDX, size) << 8 * size;
	if (is_signed) {
		n.low = emul_sign_extend(n.low, 2 * size);
		n.high = (s64)n.low < 0 ? ~0ull : 0;
	}
	return n;
}

/* DIV and IDIV. The quotient of the absolute values decides; the rest has the dividend's sign. */
int emul_exec_div(struct emul *e)
{
	bool is_signed = e->insn.op->arg == MUL_SIGNED;
	unsigned int size = e->insn.op_size;
	struct wide n = dividend(e, is_signed);
	bool negative = is_signed && (s64)n.high < 0, negative_divisor;
	u64 src, quotient, rest, most;
	int ret;

	ret = emul_rm_read(e, size, EMUL_READ, &src);
	if (ret)
		return ret;
	src = operand(size, src, is_signed);
	negative_divisor = is_signed && (s64)src < 0;
	if (negative_divisor)
		src = -src;
	if (negative)
		n = negated(n);
	if (n.high >= src)
		return emul_raise(e, VEC_DE);
	quotient = divide(n, src, &rest);
	most = is_signed ? emul_mask(size) / 2 + (negative != negative_divisor) : emul_mask(size);
	if (quotient > most)
		return emul_raise(e, VEC_DE);
	write_pair(e, negative ? -rest : rest, negative != negative_divisor ? -quotient : quotient);
	return EMUL_DONE;
}
