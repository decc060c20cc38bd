// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated loads of segment registers and far jumps: descriptors, their checks, and
 * what becomes of them. Not here: gates and returns to another privilege, with which
 * more than a segment changes; task switches are in task.c.
 */
#include "emulator_private.h"

#define DESC_S		BIT_ULL(44)
#define DESC_P		BIT_ULL(47)
#define DESC_ACCESSED	BIT_ULL(40)
#define DESC_TYPE_CODE	0x8
#define DESC_CONFORMING	0x4	/* of code */
#define DESC_WRITABLE	0x2	/* of data; of code: readable */

#define TYPE_LDT	0x2	/* of system segments */

static unsigned int desc_type(u64 desc)
{
	return desc >> 40 & 0xf;
}

static unsigned int desc_dpl(u64 desc)
{
	return desc >> 45 & 3;
}

void emul_unpack(u64 desc, u16 selector, struct segment *seg)
{
	u32 limit = (desc & 0xffff) | (desc >> 32 & 0xf0000);

	seg->selector = selector;
	seg->attr = (desc >> 40 & 0xff) | (desc >> 44 & 0xf00);
	seg->limit = seg->attr & SEG_ATTR_G ? limit << 12 | 0xfff : limit;
	seg->base = (desc >> 16 & 0xffffff) | (desc >> 32 & 0xff000000);
}

int emul_read_system(struct emul *e, u64 linear, void *buf, unsigned int len)
{
	int ret;

	e->system = true;
	ret = emul_read(e, linear, buf, len, EMUL_READ);
	e->system = false;
	return ret;
}

int emul_refuse_selector(struct emul *e, u16 selector)
{
	return emul_raise_selector(e, e->loads_task ? VEC_TS : VEC_GP, selector);
}

static int find_descriptor(struct emul *e, u16 selector, u64 *linear)
{
	struct table_register gdt;
	struct segment ldt;
	u64 base;
	u32 limit;

	if (selector & SEL_LDT) {
		e->ops->segment(e, SEG_LDTR, &ldt);
		base = ldt.base;
		limit = ldt.limit;
		if (!(ldt.attr & SEG_ATTR_P))
			return emul_refuse_selector(e, selector);
	} else {
		e->ops->table(e, false, &gdt);
		base = gdt.base;
		limit = gdt.limit;
	}
	if ((selector | 7u) > limit)
		return emul_refuse_selector(e, selector);
	*linear = base + (selector & ~7u);
	if (!(e->efer & EFER_LMA))
		*linear &= emul_mask(4);
	return EMUL_DONE;
}

int emul_read_descriptor(struct emul *e, struct emul_segment_load *load)
{
	int ret = find_descriptor(e, load->selector, &load->linear);

	return ret ? ret : emul_read_system(e, load->linear, &load->desc, sizeof(load->desc));
}

u64 emul_descriptor_type_at(const struct emul *e, u64 descriptor)
{
	u64 linear = descriptor + 5;

	return e->efer & EFER_LMA ? linear : linear & emul_mask(4);
}

int emul_change_descriptor_type(struct emul *e, u64 linear, u8 old, u8 new)
{
	int ret;

	if (old == new)
		return EMUL_DONE;
	e->system = true;
	ret = e->ops->compare_exchange(e, linear, &old, &new, 1);
	e->system = false;
	return ret;
}

static int mark_accessed(struct emul *e, const struct emul_segment_load *load)
{
	u8 type = load->desc >> 40;

	if (!load->desc)
		return EMUL_DONE;
	return emul_change_descriptor_type(e, emul_descriptor_type_at(e, load->linear), type, type | 1);
}

/* In real and virtual-8086 mode. Real mode leaves limit and attributes as they are. */
static void load_paragraph(struct emul *e, enum sreg sreg, struct emul_segment_load *load)
{
	e->ops->segment(e, sreg, &load->seg);
	load->seg.selector = load->selector;
	load->seg.base = (u32)load->selector << 4;
	if (!(e->regs->rflags & X86_EFLAGS_VM))
		return;
	load->seg.limit = 0xffff;
	load->seg.attr = SEG_ATTR_P | SEG_ATTR_DPL | SEG_ATTR_S | 0x3;
}

/* Of a null selector; its DPL is the CPL, which is what SS has to say. */
static int load_null(struct emul *e, enum sreg sreg, struct emul_segment_load *load)
{
	unsigned int rpl = load->selector & SEL_RPL;

	if (sreg == SEG_SS && (e->insn.code_bits != 64 || e->cpl == 3 || rpl != e->cpl))
		return emul_refuse_selector(e, load->selector);
	load->seg = (struct segment){ .selector = load->selector };
	if (sreg == SEG_SS)
		load->seg.attr = (u16)(e->cpl << 5);
	return EMUL_DONE;
}

static bool stack_allowed(const struct emul *e, u16 selector, u64 desc)
{
	unsigned int type = desc_type(desc);

	return (desc & DESC_S) && (type & (DESC_TYPE_CODE | DESC_WRITABLE)) == DESC_WRITABLE &&
	       (selector & SEL_RPL) == e->cpl && desc_dpl(desc) == e->cpl;
}

static bool data_allowed(const struct emul *e, u16 selector, u64 desc)
{
	unsigned int type = desc_type(desc), dpl = desc_dpl(desc);

	if (!(desc & DESC_S))
		return false;
	if ((type & DESC_TYPE_CODE) && !(type & DESC_WRITABLE))
		return false;
	if ((type & DESC_TYPE_CODE) && (type & DESC_CONFORMING))
		return true;
	return dpl >= e->cpl && dpl >= (selector & SEL_RPL);
}

/* All that can fail of a load of SS, DS, ES, FS or GS. */
static int prepare_data(struct emul *e, enum sreg sreg, struct emul_segment_load *load)
{
	u8 absent = sreg == SEG_SS ? VEC_SS : VEC_NP;
	bool allowed;
	int ret;

	load->desc = 0;
	if (!emul_is_protected(e)) {
		load_paragraph(e, sreg, load);
		return EMUL_DONE;
	}
	if (emul_is_null(load->selector))
		return load_null(e, sreg, load);
	ret = emul_read_descriptor(e, load);
	if (ret)
		return ret;
	allowed = sreg == SEG_SS ? stack_allowed(e, load->selector, load->desc) :
				    data_allowed(e, load->selector, load->desc);
	if (!allowed)
		return emul_refuse_selector(e, load->selector);
	if (!(load->desc & DESC_P))
		return emul_raise_selector(e, absent, load->selector);
	emul_unpack(load->desc | DESC_ACCESSED, load->selector, &load->seg);
	return mark_accessed(e, load);
}

/* ---- Moves ---- */

/* Memory takes 16 bits whatever the operand size. */
int emul_exec_mov_from_sreg(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	unsigned int sreg = insn->modrm >> 3 & 7;
	struct segment seg;

	e->ops->segment(e, sreg, &seg);
	return emul_rm_write(e, insn->is_reg ? insn->op_size : 2, seg.selector);
}

int emul_exec_mov_to_sreg(struct emul *e)
{
	unsigned int sreg = e->insn.modrm >> 3 & 7;
	struct emul_segment_load load;
	u64 selector;
	int ret;

	ret = emul_rm_read(e, 2, EMUL_READ, &selector);
	if (ret)
		return ret;
	load.selector = selector;
	ret = prepare_data(e, sreg, &load);
	if (ret)
		return ret;
	e->ops->set_segment(e, sreg, &load.seg);
	e->shadow = sreg == SEG_SS;
	return EMUL_DONE;
}

/* Of a slot of the operand size only the selector is read. */
int emul_exec_pop_sreg(struct emul *e)
{
	enum sreg sreg = e->insn.op->arg;
	struct emul_segment_load load = { 0 };
	struct emul_stack stack;
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_pop(e, &stack, &load.selector, 2, 1);
	if (!ret)
		ret = prepare_data(e, sreg, &load);
	if (ret)
		return ret;
	stack.sp = emul_stack_sum(&stack, e->insn.op_size - 2);
	emul_stack_commit(e, &stack);
	e->ops->set_segment(e, sreg, &load.seg);
	e->shadow = sreg == SEG_SS;
	return EMUL_DONE;
}

/* A far pointer in memory. Whether REX.W makes its offset 64 bits long depends on the vendor. */
static int read_pointer(struct emul *e, u64 *offset, u16 *selector)
{
	unsigned int size = e->insn.op_size;
	u8 pointer[6];
	int ret;

	if (size == 8)
		return EMUL_UNHANDLED;
	ret = emul_mem_linearize(e, size + 2, size, EMUL_READ);
	if (!ret)
		ret = emul_read(e, e->linear, pointer, size + 2, EMUL_READ);
	if (ret)
		return ret;
	*offset = 0;
	memcpy(offset, pointer, size);
	memcpy(selector, pointer + size, 2);
	return EMUL_DONE;
}

/* LES, LDS, LSS, LFS, LGS */
int emul_exec_load_pointer(struct emul *e)
{
	enum sreg sreg = e->insn.op->arg;
	struct emul_segment_load load;
	u64 offset;
	int ret;

	ret = read_pointer(e, &offset, &load.selector);
	if (!ret)
		ret = prepare_data(e, sreg, &load);
	if (ret)
		return ret;
	e->ops->set_segment(e, sreg, &load.seg);
	emul_reg_write(e, e->insn.reg, e->insn.op_size, offset);
	return EMUL_DONE;
}

/* ---- Far jumps ---- */

/* The privilege that a descriptor lets its code have: it must be the present one. */
static bool code_allowed(const struct emul *e, u16 selector, u64 desc, bool returns)
{
	unsigned int dpl = desc_dpl(desc), rpl = selector & SEL_RPL;

	if (!(desc_type(desc) & DESC_TYPE_CODE))
		return false;
	if (desc_type(desc) & DESC_CONFORMING)
		return dpl <= e->cpl;
	return dpl == e->cpl && (returns || rpl <= e->cpl);
}

static bool is_64bit_code(const struct emul *e, const struct segment *cs)
{
	return (e->efer & EFER_LMA) && (cs->attr & SEG_ATTR_L);
}

static int check_code(struct emul *e, const struct emul_segment_load *load, bool returns)
{
	const struct segment *cs = &load->seg;

	if (!(load->desc & DESC_S) && !returns)
		return EMUL_UNHANDLED;	/* a gate or task, if anything */
	if (!(load->desc & DESC_S) || !code_allowed(e, load->selector, load->desc, returns))
		return emul_raise_selector(e, VEC_GP, load->selector);
	if (is_64bit_code(e, cs) && (cs->attr & SEG_ATTR_DB))
		return emul_raise_selector(e, VEC_GP, load->selector);
	if (!(load->desc & DESC_P))
		return emul_raise_selector(e, VEC_NP, load->selector);
	return EMUL_DONE;
}

/* All that can fail of a jump to load->selector:@rip, but for the stack. */
static int prepare_code(struct emul *e, struct emul_segment_load *load, u64 rip, bool returns)
{
	int ret;

	load->desc = 0;
	if (!emul_is_protected(e)) {
		load_paragraph(e, SEG_CS, load);
		return emul_check_target(e, 16, load->seg.limit, rip);
	}
	if (emul_is_null(load->selector))
		return emul_raise(e, VEC_GP);
	if (returns && (load->selector & SEL_RPL) > e->cpl)
		return EMUL_UNHANDLED;	/* to less privilege */
	if (returns && (load->selector & SEL_RPL) < e->cpl)
		return emul_raise_selector(e, VEC_GP, load->selector);
	ret = emul_read_descriptor(e, load);
	if (ret)
		return ret;
	emul_unpack(load->desc | DESC_ACCESSED, (load->selector & ~SEL_RPL) | e->cpl, &load->seg);
	ret = check_code(e, load, returns);
	if (ret)
		return ret;
	return emul_check_target(e, is_64bit_code(e, &load->seg) ? 64 : 0, load->seg.limit, rip);
}

static int commit_code(struct emul *e, const struct emul_segment_load *load, u64 rip)
{
	e->ops->set_segment(e, SEG_CS, &load->seg);
	e->cs_attr = load->seg.attr;
	e->regs->rip = rip;
	return EMUL_JUMPED;
}

static int far_target(struct emul *e, struct emul_segment_load *load, u64 *rip)
{
	int ret;

	if (e->insn.op->arg == TARGET_OPERAND) {
		ret = read_pointer(e, rip, &load->selector);
		if (ret)
			return ret;
	} else {
		*rip = e->insn.imm & emul_mask(e->insn.op_size);
		load->selector = e->insn.imm2;
	}
	return prepare_code(e, load, *rip, false);
}

int emul_exec_jmp_far(struct emul *e)
{
	struct emul_segment_load load;
	u64 rip;
	int ret;

	ret = far_target(e, &load, &rip);
	if (!ret)
		ret = mark_accessed(e, &load);
	return ret ? ret : commit_code(e, &load, rip);
}

/* CS and RIP, in the order in which they lie on the stack. */
static void pack_return(struct emul *e, u8 *operands)
{
	unsigned int size = e->insn.op_size;
	u64 rip = e->regs->rip + e->insn.len, selector;
	struct segment cs;

	e->ops->segment(e, SEG_CS, &cs);
	selector = cs.selector;
	memcpy(operands, &rip, size);
	memcpy(operands + size, &selector, size);
}

int emul_exec_call_far(struct emul *e)
{
	struct emul_segment_load load;
	struct emul_stack stack;
	u8 operands[16];
	u64 rip;
	int ret;

	ret = far_target(e, &load, &rip);
	if (ret)
		return ret;
	pack_return(e, operands);
	emul_stack_begin(e, &stack);
	ret = emul_stack_push(e, &stack, operands, e->insn.op_size, 2);
	if (!ret)
		ret = mark_accessed(e, &load);
	if (ret)
		return ret;
	emul_stack_commit(e, &stack);
	return commit_code(e, &load, rip);
}

int emul_exec_ret_far(struct emul *e)
{
	unsigned int size = e->insn.op_size;
	struct emul_segment_load load;
	struct emul_stack stack;
	u8 operands[16];
	u64 rip = 0;
	int ret;

	emul_stack_begin(e, &stack);
	ret = emul_stack_pop(e, &stack, operands, size, 2);
	if (ret)
		return ret;
	memcpy(&rip, operands, size);
	memcpy(&load.selector, operands + size, 2);
	ret = prepare_code(e, &load, rip, true);
	if (!ret)
		ret = mark_accessed(e, &load);
	if (ret)
		return ret;
	stack.sp = emul_stack_sum(&stack, e->insn.imm & 0xffff);
	emul_stack_commit(e, &stack);
	return commit_code(e, &load, rip);
}

/* ---- Registers of a new task ---- */

/* The selector alone says the privilege: it is not that of who jumps there. */
static bool task_code_allowed(u16 selector, u64 desc)
{
	unsigned int dpl = desc_dpl(desc), rpl = selector & SEL_RPL;

	if (!(desc & DESC_S) || !(desc_type(desc) & DESC_TYPE_CODE))
		return false;
	return desc_type(desc) & DESC_CONFORMING ? dpl <= rpl : dpl == rpl;
}

static int prepare_task_code(struct emul *e, struct emul_segment_load *load)
{
	int ret;

	if (!emul_is_protected(e)) {
		load_paragraph(e, SEG_CS, load);
		return EMUL_DONE;
	}
	if (emul_is_null(load->selector))
		return emul_refuse_selector(e, load->selector);
	ret = emul_read_descriptor(e, load);
	if (ret)
		return ret;
	if (!task_code_allowed(load->selector, load->desc))
		return emul_refuse_selector(e, load->selector);
	if (!(load->desc & DESC_P))
		return emul_raise_selector(e, VEC_NP, load->selector);
	emul_unpack(load->desc | DESC_ACCESSED, load->selector, &load->seg);
	return mark_accessed(e, load);
}

static int prepare_ldt(struct emul *e, struct emul_segment_load *load)
{
	int ret;

	load->seg = (struct segment){ .selector = load->selector };
	if (load->selector & SEL_LDT)
		return emul_refuse_selector(e, load->selector);
	if (emul_is_null(load->selector))
		return EMUL_DONE;
	ret = emul_read_descriptor(e, load);
	if (ret)
		return ret;
	if ((load->desc & (DESC_S | DESC_P)) != DESC_P || desc_type(load->desc) != TYPE_LDT)
		return emul_refuse_selector(e, load->selector);
	emul_unpack(load->desc, load->selector, &load->seg);
	return EMUL_DONE;
}

int emul_load_task_segment(struct emul *e, enum sreg sreg, u16 selector)
{
	struct emul_segment_load load = { .selector = selector };
	int ret;

	if (sreg == SEG_CS)
		ret = prepare_task_code(e, &load);
	else if (sreg == SEG_LDTR)
		ret = prepare_ldt(e, &load);
	else
		ret = prepare_data(e, sreg, &load);
	if (ret)
		return ret;
	e->ops->set_segment(e, sreg, &load.seg);
	if (sreg == SEG_CS)
		e->cs_attr = load.seg.attr;
	return EMUL_DONE;
}
