// SPDX-License-Identifier: GPL-2.0
/*
 * Operands of emulated instructions: registers, effective addresses,
 * segmentation, and memory through the caller's ops.
 */
#include "emulator_private.h"

#define TYPE_CODE	0x8
#define TYPE_EXPAND	0x4	/* data: expand-down */
#define TYPE_WRITE	0x2	/* data: writable; code: readable */

bool emul_is_canonical(const struct emul *e, u64 linear)
{
	unsigned int unused = e->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

static bool has_error_code(u8 vector)
{
	return vector == VEC_TS || vector == VEC_NP || vector == VEC_SS ||
	       vector == VEC_GP || vector == VEC_PF || vector == VEC_AC;
}

int emul_raise(struct emul *e, u8 vector)
{
	e->fault = (struct emul_fault){
		.vector = vector,
		.has_error = (e->cr0 & X86_CR0_PE) && has_error_code(vector),
	};
	return EMUL_FAULT;
}

int emul_raise_selector(struct emul *e, u8 vector, u16 selector)
{
	emul_raise(e, vector);
	e->fault.error_code = selector & ~3u;
	return EMUL_FAULT;
}

u64 emul_areg_read(const struct emul *e, unsigned int reg, unsigned int size)
{
	return e->regs->gpr[reg] & emul_mask(size);
}

void emul_areg_write(struct emul *e, unsigned int reg, unsigned int size, u64 val)
{
	u64 *gpr = &e->regs->gpr[reg];

	if (size == 8)
		*gpr = val;
	else if (size == 4)
		*gpr = (u32)val;
	else
		*gpr = (*gpr & ~emul_mask(size)) | (val & emul_mask(size));
}

u64 emul_reg_read(const struct emul *e, unsigned int reg, unsigned int size)
{
	if (emul_is_high_byte(&e->insn, reg, size))
		return e->regs->gpr[reg - 4] >> 8 & 0xff;
	return emul_areg_read(e, reg, size);
}

void emul_reg_write(struct emul *e, unsigned int reg, unsigned int size, u64 val)
{
	u64 *gpr;

	if (emul_is_high_byte(&e->insn, reg, size)) {
		gpr = &e->regs->gpr[reg - 4];
		*gpr = (*gpr & ~0xff00ULL) | (val & 0xff) << 8;
	} else {
		emul_areg_write(e, reg, size, val);
	}
}

static u8 segment_vector(enum sreg seg)
{
	return seg == SEG_SS ? VEC_SS : VEC_GP;
}

/* May a present segment of this type be read, or written? */
static bool type_allows(const struct segment *s, unsigned int access)
{
	u16 type = s->attr & SEG_ATTR_TYPE;

	if (access & EMUL_WRITE)
		return (type & (TYPE_CODE | TYPE_WRITE)) == TYPE_WRITE;
	return !(type & TYPE_CODE) || (type & TYPE_WRITE);
}

static bool is_expand_down(const struct segment *s)
{
	return (s->attr & (TYPE_CODE | TYPE_EXPAND)) == TYPE_EXPAND;
}

static bool limit_allows(const struct segment *s, u64 first, u64 last)
{
	if (is_expand_down(s))
		return first > s->limit && last <= emul_mask(s->attr & SEG_ATTR_DB ? 4 : 2);
	/* In a flat segment an operand may wrap from 4 GiB to 0. */
	return last <= s->limit || s->limit == emul_mask(4);
}

static int linearize_64(struct emul *e, enum sreg seg, u64 offset, unsigned int len,
			u64 *linear)
{
	struct segment s = { .base = 0 };

	if (seg >= SEG_FS)
		e->ops->segment(e, seg, &s);
	*linear = s.base + offset;
	if (!emul_is_canonical(e, *linear) || !emul_is_canonical(e, *linear + len - 1))
		return emul_raise(e, segment_vector(seg));
	return EMUL_DONE;
}

static int linearize_legacy(struct emul *e, enum sreg seg, u64 offset, unsigned int len,
			    unsigned int access, u64 *linear)
{
	struct segment s;

	e->ops->segment(e, seg, &s);
	if (emul_is_protected(e) && (!(s.attr & SEG_ATTR_P) || !type_allows(&s, access)))
		return emul_raise(e, segment_vector(seg));
	if (!limit_allows(&s, offset, offset + len - 1))
		return emul_raise(e, segment_vector(seg));
	*linear = (s.base + offset) & emul_mask(4);
	return EMUL_DONE;
}

/* Where a page fault is due too, #AC is what the CPUs report. */
static int check_alignment(struct emul *e, u64 linear, unsigned int align)
{
	if (likely(!(linear & (align - 1))))
		return EMUL_DONE;
	if (e->cpl != 3 || !(e->cr0 & X86_CR0_AM) || !(e->regs->rflags & X86_EFLAGS_AC))
		return EMUL_DONE;
	return emul_raise(e, VEC_AC);
}

int emul_linearize(struct emul *e, enum sreg seg, u64 offset, unsigned int len,
		   unsigned int align, unsigned int access, u64 *linear)
{
	int ret;

	if (e->insn.code_bits == 64)
		ret = linearize_64(e, seg, offset, len, linear);
	else
		ret = linearize_legacy(e, seg, offset, len, access, linear);
	if (ret)
		return ret;
	return check_alignment(e, *linear, align);
}

/* Bytes of an access before linear addresses wrap at 4 GiB. */
static unsigned int len_before_wrap(const struct emul *e, u64 linear, unsigned int len)
{
	if (e->insn.code_bits == 64)
		return len;
	return min_t(u64, len, emul_mask(4) - linear + 1);
}

int emul_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access)
{
	unsigned int part = len_before_wrap(e, linear, len);
	int ret;

	ret = e->ops->read(e, linear, buf, part, access);
	if (ret || likely(part == len))
		return ret;
	return e->ops->read(e, 0, (u8 *)buf + part, len - part, access);
}

int emul_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	unsigned int part = len_before_wrap(e, linear, len);
	int ret, rest;

	ret = e->ops->probe(e, linear, part, access);
	if (part == len || ret == EMUL_FAULT)
		return ret;
	rest = e->ops->probe(e, 0, len - part, access);
	return rest == EMUL_DONE ? ret : rest;
}

int emul_write(struct emul *e, u64 linear, const void *buf, unsigned int len)
{
	unsigned int part = len_before_wrap(e, linear, len);
	int ret;

	if (unlikely(part != len)) {
		ret = emul_probe(e, linear, len, EMUL_WRITE);
		if (ret == EMUL_FAULT)
			return ret;
	}
	ret = e->ops->write(e, linear, buf, part);
	if (ret || likely(part == len))
		return ret;
	return e->ops->write(e, 0, (const u8 *)buf + part, len - part);
}

int emul_mem_linearize(struct emul *e, unsigned int len, unsigned int align,
		       unsigned int access)
{
	return emul_linearize(e, e->insn.seg, emul_effective_address(e), len, align, access,
			      &e->linear);
}

int emul_mem_read(struct emul *e, void *buf, unsigned int len, unsigned int access)
{
	int ret = emul_mem_linearize(e, len, len, access);

	return ret ? ret : emul_read(e, e->linear, buf, len, access);
}

int emul_mem_write(struct emul *e, const void *buf, unsigned int len)
{
	int ret = emul_mem_linearize(e, len, len, EMUL_WRITE);

	return ret ? ret : emul_write(e, e->linear, buf, len);
}

int emul_mem_update(struct emul *e, const void *old, const void *new, unsigned int len,
		    bool locked)
{
	if (locked && len_before_wrap(e, e->linear, len) == len)
		return e->ops->compare_exchange(e, e->linear, old, new, len);
	return emul_write(e, e->linear, new, len);
}

int emul_rm_read(struct emul *e, unsigned int size, unsigned int access, u64 *val)
{
	*val = 0;
	if (!e->insn.is_reg)
		return emul_mem_read(e, val, size, access);
	*val = emul_reg_read(e, e->insn.rm, size);
	return EMUL_DONE;
}

int emul_rm_write(struct emul *e, unsigned int size, u64 val)
{
	if (!e->insn.is_reg)
		return emul_mem_write(e, &val, size);
	emul_reg_write(e, e->insn.rm, size, val);
	return EMUL_DONE;
}

int emul_rm_update(struct emul *e, unsigned int size, u64 old, u64 new, bool locked)
{
	if (!e->insn.is_reg)
		return emul_mem_update(e, &old, &new, size, locked);
	emul_reg_write(e, e->insn.rm, size, new);
	return EMUL_DONE;
}
