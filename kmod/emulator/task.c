// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware task switches, for CPUs that leave them to their host. First comes all that can
 * fail in the old task; then its state is saved and the new task's is loaded, and what fails
 * from there on is the new task's fault.
 *
 * Whatever stops it halfway (EMUL_RETRY, EMUL_UNHANDLED) leaves the registers and both busy
 * bits as they were, so that it can begin anew: these bits are the last to be written, and
 * what was written to a TSS before is written again.
 */
#include "emulator_private.h"

/* Types of a TSS: bits of the descriptor's type. */
#define TSS		0x1u
#define TSS_BUSY	0x2u
#define TSS_32		0x8u

#define TSS32_LEAST	0x67u	/* the last byte there must be */
#define TSS16_LEAST	0x2bu
#define TSS32_IMAGE	0x1cu	/* of struct task_image in the TSS */
#define TSS32_STATE	0x20u	/* the part of it that is saved */
#define TSS16_STATE	0x0eu

#define STATE_WORDS16	14	/* FS and GS are not saved */
#define TRAP_BIT	BIT(0)

/* Of EFLAGS, what a task can have. */
#define FLAGS_DEFINED	0x3f7fd5ull
#define FLAGS_FIXED	0x2ull

/* What is saved, in the order of either TSS, whose words have 16 or 32 bits. */
struct task_state {
	u32 rip, rflags, gpr[8], segment[6];
};

/* What is loaded, as a 32-bit TSS has it. */
struct task_image {
	u32 cr3;
	struct task_state state;
	u32 ldt, trap;
};

struct task_switch {
	struct emul_task *task;
	struct emul_segment_load tss;	/* the new one */
	struct segment tr;		/* the old one */
	struct task_image image;
	bool loads_cr3;

	/* The old task, to go back. */
	struct regs regs;
	struct segment segment[SEG_TR + 1];
	u64 cr0;
	u16 cs_attr;
	u8 cpl;
};

static bool is_32bit(const struct segment *tss)
{
	return tss->attr & TSS_32;
}

/* The old task stays busy below the new one, which returns to it. */
static bool nests(const struct emul_task *task)
{
	return task->source == EMUL_TASK_CALL || task->source == EMUL_TASK_GATE;
}

static int write_system(struct emul *e, u64 linear, const void *buf, unsigned int len)
{
	int ret;

	e->system = true;
	ret = emul_write(e, linear & emul_mask(4), buf, len);
	e->system = false;
	return ret;
}

static int probe_system(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	int ret;

	e->system = true;
	ret = emul_probe(e, linear & emul_mask(4), len, access);
	e->system = false;
	return ret;
}

static int read_tss(struct emul *e, const struct segment *tss, u32 offset, void *buf,
		    unsigned int len)
{
	return emul_read_system(e, (tss->base + offset) & emul_mask(4), buf, len);
}

/* ---- In the old task ---- */

/* What the CPU has checked already may have changed. Privilege is its own affair. */
static int find_new_tss(struct emul *e, struct task_switch *sw)
{
	bool returns = sw->task->source == EMUL_TASK_IRET;
	struct emul_segment_load *tss = &sw->tss;
	u16 type;
	int ret;

	e->loads_task = returns;
	tss->selector = sw->task->selector;
	if ((tss->selector & SEL_LDT) || emul_is_null(tss->selector))
		return emul_refuse_selector(e, tss->selector);
	ret = emul_read_descriptor(e, tss);
	if (ret)
		return ret;
	emul_unpack(tss->desc, tss->selector, &tss->seg);
	type = tss->seg.attr & (SEG_ATTR_S | SEG_ATTR_TYPE) & ~TSS_32;
	if (type != (returns ? TSS | TSS_BUSY : TSS))
		return emul_refuse_selector(e, tss->selector);
	if (!(tss->seg.attr & SEG_ATTR_P))
		return emul_raise_selector(e, VEC_NP, tss->selector);
	if (tss->seg.limit < (is_32bit(&tss->seg) ? TSS32_LEAST : TSS16_LEAST))
		return emul_raise_selector(e, VEC_TS, tss->selector);
	return EMUL_DONE;
}

static u32 saved_len(const struct segment *tss)
{
	return is_32bit(tss) ? sizeof(struct task_state) : STATE_WORDS16 * 2;
}

static u32 saved_at(const struct segment *tss)
{
	return is_32bit(tss) ? TSS32_STATE : TSS16_STATE;
}

static int find_old_tss(struct emul *e, struct task_switch *sw)
{
	e->ops->segment(e, SEG_TR, &sw->tr);
	if (sw->tr.limit < saved_at(&sw->tr) + saved_len(&sw->tr) - 1)
		return emul_raise_selector(e, VEC_TS, sw->tr.selector);
	return EMUL_DONE;
}

static u64 type_of_descriptor(struct emul *e, u16 selector)
{
	struct table_register gdt;

	e->ops->table(e, false, &gdt);
	return emul_descriptor_type_at(e, gdt.base + (selector & ~7u));
}

/* Nothing is to fail while it is written. */
static int probe_memory(struct emul *e, const struct task_switch *sw)
{
	const struct segment *tss = &sw->tss.seg, *tr = &sw->tr;
	u32 least = is_32bit(tss) ? TSS32_LEAST : TSS16_LEAST;
	int ret;

	ret = probe_system(e, tr->base + saved_at(tr), saved_len(tr), EMUL_WRITE);
	if (!ret)
		ret = probe_system(e, tss->base, least + 1, EMUL_READ);
	if (!ret && nests(sw->task))
		ret = probe_system(e, tss->base, 2, EMUL_WRITE);
	if (!ret && !nests(sw->task))
		ret = probe_system(e, type_of_descriptor(e, tr->selector), 1, EMUL_WRITE);
	if (!ret && sw->task->source != EMUL_TASK_IRET)
		ret = probe_system(e, type_of_descriptor(e, tss->selector), 1, EMUL_WRITE);
	return ret;
}

/* An instruction is done, and with it what its RF was for. */
static void pack_state(struct emul *e, const struct emul_task *task, struct task_state *state)
{
	u64 rflags = e->regs->rflags;
	struct segment seg;
	unsigned int i;

	if (!task->by_event)
		rflags &= ~X86_EFLAGS_RF;
	if (task->source == EMUL_TASK_IRET)
		rflags &= ~X86_EFLAGS_NT;
	state->rip = e->regs->rip + task->insn_len;
	state->rflags = rflags;
	for (i = 0; i < 8; i++)
		state->gpr[i] = e->regs->gpr[i];
	for (i = 0; i < 6; i++) {
		e->ops->segment(e, i, &seg);
		/* The other half of a selector's word is not written. */
		state->segment[i] = (state->segment[i] & ~0xffffu) | seg.selector;
	}
}

static u32 word_of(const struct task_state *state, unsigned int i)
{
	u32 word;

	memcpy(&word, (const u8 *)state + i * sizeof(word), sizeof(word));
	return word;
}

static int save_state(struct emul *e, const struct task_switch *sw)
{
	struct task_state state = { 0 };
	u16 words16[STATE_WORDS16];
	unsigned int i;
	int ret;

	if (is_32bit(&sw->tr)) {
		ret = read_tss(e, &sw->tr, TSS32_STATE, &state, sizeof(state));
		if (ret)
			return ret;
		pack_state(e, sw->task, &state);
		return write_system(e, sw->tr.base + TSS32_STATE, &state, sizeof(state));
	}
	pack_state(e, sw->task, &state);
	for (i = 0; i < STATE_WORDS16; i++)
		words16[i] = word_of(&state, i);
	return write_system(e, sw->tr.base + TSS16_STATE, words16, sizeof(words16));
}

/* What a 16-bit task has not: null segments, and the upper halves of registers set. */
static int read_image16(struct emul *e, struct task_switch *sw)
{
	struct task_image *image = &sw->image;
	u32 state[sizeof(struct task_state) / sizeof(u32)] = { 0 };
	u16 words[STATE_WORDS16 + 1];
	unsigned int i;
	int ret;

	ret = read_tss(e, &sw->tss.seg, TSS16_STATE, words, sizeof(words));
	if (ret)
		return ret;
	for (i = 0; i < STATE_WORDS16; i++)
		state[i] = words[i];
	*image = (struct task_image){ .ldt = words[STATE_WORDS16] };
	memcpy(&image->state, state, sizeof(state));
	for (i = 0; i < 8; i++)
		image->state.gpr[i] |= 0xffff0000;
	return EMUL_DONE;
}

static int read_image(struct emul *e, struct task_switch *sw)
{
	static_assert(sizeof(struct task_image) == TSS32_LEAST + 1 - TSS32_IMAGE);
	if (!is_32bit(&sw->tss.seg))
		return read_image16(e, sw);
	sw->loads_cr3 = e->cr0 & X86_CR0_PG;
	return read_tss(e, &sw->tss.seg, TSS32_IMAGE, &sw->image, sizeof(sw->image));
}

/* All up to where the new task is loaded. */
static int leave_old_task(struct emul *e, struct task_switch *sw)
{
	u16 link;
	int ret;

	ret = find_new_tss(e, sw);
	if (!ret)
		ret = find_old_tss(e, sw);
	if (!ret)
		ret = probe_memory(e, sw);
	if (!ret)
		ret = save_state(e, sw);
	link = sw->tr.selector;
	if (!ret && nests(sw->task))
		ret = write_system(e, sw->tss.seg.base, &link, sizeof(link));
	return ret ? ret : read_image(e, sw);
}

/* ---- In the new task ---- */

static void remember(struct emul *e, struct task_switch *sw)
{
	unsigned int i;

	sw->regs = *e->regs;
	for (i = 0; i <= SEG_TR; i++)
		e->ops->segment(e, i, &sw->segment[i]);
	sw->cr0 = e->cr0;
	sw->cs_attr = e->cs_attr;
	sw->cpl = e->cpl;
}

static void go_back(struct emul *e, const struct task_switch *sw)
{
	unsigned int i;

	*e->regs = sw->regs;
	for (i = 0; i <= SEG_TR; i++)
		e->ops->set_segment(e, i, &sw->segment[i]);
	e->cr0 = sw->cr0;
	e->ops->set_cr0(e, e->cr0);
	if (sw->loads_cr3)
		e->ops->set_cr3(e, sw->task->cr3);
	e->cs_attr = sw->cs_attr;
	e->cpl = sw->cpl;
}

/*
 * Until it is loaded, a register has the new selector and no segment; if that stays so, it is
 * for the handler of the fault to mend. CS cannot be without one, nor can it be known what it
 * was to be: it is a flat one.
 */
static void unload_segments(struct emul *e, const struct task_switch *sw)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		struct segment seg = {
			.selector = sw->image.state.segment[i], .attr = (u16)(e->cpl << 5),
		};

		if (i == SEG_CS) {
			seg.limit = ~0u;
			seg.attr |= SEG_ATTR_G | SEG_ATTR_P | SEG_ATTR_S | 0xb |
				    (is_32bit(&sw->tss.seg) ? SEG_ATTR_DB : 0);
			e->cs_attr = seg.attr;
		}
		e->ops->set_segment(e, i, &seg);
	}
	e->ops->set_segment(e, SEG_LDTR, &(struct segment){ .selector = sw->image.ldt });
}

static void load_registers(struct emul *e, const struct task_switch *sw)
{
	const struct task_state *state = &sw->image.state;
	struct segment tr = sw->tss.seg;
	unsigned int i;

	e->regs->rip = state->rip;
	e->regs->rflags = (state->rflags & FLAGS_DEFINED) | FLAGS_FIXED |
			  (nests(sw->task) ? X86_EFLAGS_NT : 0);
	for (i = 0; i < 8; i++)
		e->regs->gpr[i] = state->gpr[i];
	e->cpl = e->regs->rflags & X86_EFLAGS_VM ? 3 : state->segment[SEG_CS] & 3;
	tr.attr |= TSS_BUSY;
	e->ops->set_segment(e, SEG_TR, &tr);
	unload_segments(e, sw);
	e->cr0 |= X86_CR0_TS;
	e->ops->set_cr0(e, e->cr0);
}

static int load_segments(struct emul *e, const struct task_switch *sw)
{
	static const u8 order[] = { SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS };
	unsigned int i;
	int ret;

	e->loads_task = true;
	ret = emul_load_task_segment(e, SEG_LDTR, sw->image.ldt);
	/* Those of virtual-8086 mode are loaded, whatever there is about the LDT. */
	if (ret == EMUL_FAULT && !(e->regs->rflags & X86_EFLAGS_VM))
		return ret;
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		int next = emul_load_task_segment(e, order[i], sw->image.state.segment[order[i]]);

		if (next)
			return next;
	}
	return ret;
}

static int push_error_code(struct emul *e, const struct task_switch *sw)
{
	unsigned int size = is_32bit(&sw->tss.seg) ? 4 : 2;
	u32 error = sw->task->error_code;
	struct emul_stack stack;
	int ret;

	if (!sw->task->has_error)
		return EMUL_DONE;
	emul_stack_begin(e, &stack);
	ret = emul_stack_push(e, &stack, &error, size, 1);
	if (!ret)
		emul_stack_commit(e, &stack);
	return ret;
}

static int set_busy(struct emul *e, u16 selector, bool busy)
{
	u64 linear = type_of_descriptor(e, selector);
	u8 old;
	int ret;

	ret = emul_read_system(e, linear, &old, 1);
	if (ret)
		return ret;
	return emul_change_descriptor_type(e, linear, old, busy ? old | TSS_BUSY : old & ~TSS_BUSY);
}

/* As the old task sees memory. */
static int change_busy_bits(struct emul *e, const struct task_switch *sw)
{
	int ret = EMUL_DONE;

	if (sw->loads_cr3)
		e->ops->set_cr3(e, sw->task->cr3);
	if (!nests(sw->task))
		ret = set_busy(e, sw->tr.selector, false);
	if (!ret && sw->task->source != EMUL_TASK_IRET)
		ret = set_busy(e, sw->tss.selector, true);
	if (!ret && sw->loads_cr3)
		e->ops->set_cr3(e, sw->image.cr3);
	return ret;
}

static int enter_new_task(struct emul *e, struct task_switch *sw)
{
	struct emul_fault fault;
	int ret, busy;

	/* Page directory pointers that are illegal: still the old task's fault. */
	if (sw->loads_cr3 && !e->ops->set_cr3(e, sw->image.cr3)) {
		e->ops->set_cr3(e, sw->task->cr3);
		return emul_raise(e, VEC_GP);
	}
	load_registers(e, sw);
	ret = load_segments(e, sw);
	if (!ret)
		ret = push_error_code(e, sw);
	if (ret == EMUL_DONE || ret == EMUL_FAULT) {
		fault = e->fault;
		busy = change_busy_bits(e, sw);
		if (!busy) {
			e->fault = fault;
			sw->task->switched = true;
			return ret;
		}
		ret = busy;
	}
	go_back(e, sw);
	return ret;
}

static bool has_external_bit(u8 vector)
{
	return vector == VEC_TS || vector == VEC_NP || vector == VEC_SS ||
	       vector == VEC_GP;
}

int emul_task_switch(struct emul *e, struct emul_task *task)
{
	struct task_switch sw = { .task = task };
	u8 code_bits = e->insn.code_bits;
	int ret;

	task->switched = task->trap = false;
	e->single_step = e->shadow = false;
	if (e->efer & EFER_LMA)
		return EMUL_UNHANDLED;
	/* All that is asked of it is that addresses have 32 bits. */
	e->insn.code_bits = 32;
	ret = leave_old_task(e, &sw);
	if (!ret) {
		remember(e, &sw);
		ret = enter_new_task(e, &sw);
	}
	e->insn.code_bits = code_bits;
	e->loads_task = false;
	if (ret == EMUL_FAULT && task->by_event && has_external_bit(e->fault.vector))
		e->fault.error_code |= 1;
	if (!ret)
		task->trap = is_32bit(&sw.tss.seg) && (sw.image.trap & TRAP_BIT);
	return ret == EMUL_EXIT ? EMUL_UNHANDLED : ret;
}
