// SPDX-License-Identifier: GPL-2.0
/*
 * Task switches of the emulator: what is saved and loaded, whose fault a fault is, that what
 * stops one halfway changes nothing, and that a hostile guest cannot make a state in which
 * the CPU would refuse to enter it. selftests/guest/tasks.c has the same from the guest's side.
 *
 * Links: kmod/emulator/operand.c kmod/emulator/segment.c kmod/emulator/stack.c
 * Links: kmod/emulator/task.c kmod/vmx/rules.c
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/emulator_private.h"
#include "vmx/rules.h"

#include "kselftest_harness.h"

#define MEMORY_LEN	0x10000
#define GDT_BASE	0x1000
#define LDT_BASE	0x2000
#define OLD_TSS		0x3000
#define NEW_TSS		0x4000
#define STACK		0x6000
#define ABSENT		0x8000		/* page fault, from here up to ... */
#define PRESENT		0x9000
#define BAD_CR3		0xbad000	/* its page directory pointers are illegal */

#define CODE		0x08
#define DATA		0x10
#define OLD		0x18
#define NEW		0x20
#define NEW16		0x28
#define LDT		0x30
#define USER_CODE	0x3b
#define USER_DATA	0x43
#define ABSENT_DATA	0x48
#define SPARE		0x50
#define BEYOND		0x1000

#define TSS32		0x89ull
#define TSS16		0x81ull
#define BUSY		2ull

struct tss {
	u32 link, stacks[6], cr3, eip, eflags, gpr[8], segment[6], ldt, trap;
};

FIXTURE(task)
{
	struct emul e;
	struct regs regs;
	struct segment segs[8];
	struct table_register gdt;
	u64 cr3;
	u8 memory[MEMORY_LEN + 8];
	struct emul_task task;

	/* The access that is answered with @stop, once. */
	unsigned int accesses, stop_at;
	int stop;
};

typedef FIXTURE_DATA(task) world;

static world *world_of(struct emul *e)
{
	return e->ctx;
}

static void op_segment(struct emul *e, enum sreg seg, struct segment *out)
{
	*out = world_of(e)->segs[seg];
}

static void op_set_segment(struct emul *e, enum sreg seg, const struct segment *in)
{
	world_of(e)->segs[seg] = *in;
}

static void op_table(struct emul *e, bool idt, struct table_register *out)
{
	*out = world_of(e)->gdt;
}

static void op_set_cr0(struct emul *e, u64 cr0)
{
}

static bool op_set_cr3(struct emul *e, u64 cr3)
{
	world_of(e)->cr3 = cr3;
	return cr3 != BAD_CR3;
}

/* Every address has memory behind it, but for the one page. */
static u8 *at(struct emul *e, u64 linear, unsigned int len)
{
	if (linear + len > ABSENT && linear < PRESENT)
		return NULL;
	return world_of(e)->memory + linear % MEMORY_LEN;
}

static int check(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	world *w = world_of(e);

	if (++w->accesses == w->stop_at)
		return w->stop;
	if (at(e, linear, len))
		return EMUL_DONE;
	e->fault = (struct emul_fault){ VEC_PF, true, access << 1, linear };
	return EMUL_FAULT;
}

static void copy(struct emul *e, u64 linear, void *in, const void *out, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++) {
		u8 *byte = world_of(e)->memory + (linear + i) % MEMORY_LEN;

		if (in)
			((u8 *)in)[i] = *byte;
		else
			*byte = ((const u8 *)out)[i];
	}
}

static int op_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	return check(e, linear, len, access);
}

static int op_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access)
{
	int ret = check(e, linear, len, access);

	if (!ret)
		copy(e, linear, buf, NULL, len);
	return ret;
}

static int op_write(struct emul *e, u64 linear, const void *buf, unsigned int len)
{
	int ret = check(e, linear, len, EMUL_WRITE);

	if (!ret)
		copy(e, linear, NULL, buf, len);
	return ret;
}

static int op_compare_exchange(struct emul *e, u64 linear, const void *old, const void *new,
			       unsigned int len)
{
	return op_write(e, linear, new, len);
}

static const struct emul_ops ops = {
	.segment = op_segment, .set_segment = op_set_segment, .table = op_table,
	.set_cr0 = op_set_cr0, .set_cr3 = op_set_cr3, .read = op_read, .write = op_write,
	.compare_exchange = op_compare_exchange, .probe = op_probe,
};

static u64 descriptor(u32 base, u32 limit, u64 type)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | type << 40 |
	       (u64)(limit & 0xf0000) << 32 | (u64)(base & 0xff000000) << 32;
}

static u64 *entry(world *w, u16 selector)
{
	return (u64 *)(w->memory + GDT_BASE + (selector & ~7u));
}

static struct tss *tss(world *w, u32 base)
{
	return (struct tss *)(w->memory + base);
}

static bool is_busy(world *w, u16 selector)
{
	return *entry(w, selector) >> 40 & BUSY;
}

static void set_descriptors(world *w)
{
	*entry(w, CODE) = 0x00cf9b000000ffff;
	*entry(w, DATA) = 0x00cf93000000ffff;
	*entry(w, OLD) = descriptor(OLD_TSS, 0x67, TSS32 | BUSY);
	*entry(w, NEW) = descriptor(NEW_TSS, 0x67, TSS32);
	*entry(w, NEW16) = descriptor(NEW_TSS, 0x2b, TSS16);
	*entry(w, LDT) = descriptor(LDT_BASE, 0xff, 0x82);
	*entry(w, USER_CODE) = 0x00cffb000000ffff;
	*entry(w, USER_DATA) = 0x00cff3000000ffff;
	*entry(w, ABSENT_DATA) = 0x00cf13000000ffff;
	*(u64 *)(w->memory + LDT_BASE + 8) = 0x00cf92000000ffff;
}

static void set_new_task(world *w)
{
	struct tss *t = tss(w, NEW_TSS);

	*t = (struct tss){ .cr3 = 0x2000, .eip = 0x1234, .eflags = 2, .ldt = LDT };
	for (unsigned int i = 0; i < 8; i++)
		t->gpr[i] = 0x1000 + i;
	t->gpr[GPR_RSP] = STACK;
	for (unsigned int i = 0; i < 6; i++)
		t->segment[i] = DATA;
	t->segment[SEG_CS] = CODE;
}

static void set_old_task(world *w)
{
	w->regs.rip = 0x100;
	w->regs.rflags = 0x246;
	for (unsigned int i = 0; i < 8; i++)
		w->regs.gpr[i] = 0x2000 + i;
	for (unsigned int i = 0; i < 6; i++)
		w->segs[i] = (struct segment){ .limit = ~0u, .selector = DATA, .attr = 0xc93 };
	w->segs[SEG_CS] = (struct segment){ .limit = ~0u, .selector = CODE, .attr = 0xc9b };
	w->segs[SEG_TR] = (struct segment){
		.base = OLD_TSS, .limit = 0x67, .selector = OLD, .attr = 0x8b,
	};
}

FIXTURE_SETUP(task)
{
	memset(self, 0, sizeof(*self));
	self->e = (struct emul){ .ops = &ops, .ctx = self, .regs = &self->regs,
				 .cr0 = X86_CR0_PE | X86_CR0_PG, .cs_attr = 0xc9b };
	self->gdt = (struct table_register){ GDT_BASE, 0xff };
	self->cr3 = 0x1000;
	set_descriptors(self);
	set_new_task(self);
	set_old_task(self);
	self->task = (struct emul_task){
		.source = EMUL_TASK_JMP, .selector = NEW, .insn_len = 7, .cr3 = 0x1000,
	};
}

FIXTURE_TEARDOWN(task)
{
}

static int go(world *w)
{
	return emul_task_switch(&w->e, &w->task);
}

TEST_F(task, jump_leaves_nothing_behind)
{
	struct tss *old = tss(self, OLD_TSS);

	old->segment[SEG_DS] = 0x77770000;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_TRUE(self->task.switched);
	EXPECT_EQ(0x107, old->eip);
	EXPECT_EQ(0x246, old->eflags);
	EXPECT_EQ(0x2003, old->gpr[GPR_RBX]);
	EXPECT_EQ(0x77770000 | DATA, old->segment[SEG_DS]);
	EXPECT_EQ(0x1234, self->regs.rip);
	EXPECT_EQ(2, self->regs.rflags);
	EXPECT_EQ(0x1003, self->regs.gpr[GPR_RBX]);
	EXPECT_EQ(0x2000, self->cr3);
	EXPECT_EQ(NEW, self->segs[SEG_TR].selector);
	EXPECT_EQ(NEW_TSS, self->segs[SEG_TR].base);
	EXPECT_EQ(0x8b, self->segs[SEG_TR].attr);
	EXPECT_EQ(LDT_BASE, self->segs[SEG_LDTR].base);
	EXPECT_EQ(0, tss(self, NEW_TSS)->link);
	EXPECT_FALSE(is_busy(self, OLD));
	EXPECT_TRUE(is_busy(self, NEW));
	EXPECT_EQ(X86_CR0_TS, self->e.cr0 & X86_CR0_TS);
}

TEST_F(task, call_nests)
{
	self->task.source = EMUL_TASK_CALL;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(OLD, tss(self, NEW_TSS)->link);
	EXPECT_EQ(X86_EFLAGS_NT | 2, self->regs.rflags);
	EXPECT_TRUE(is_busy(self, OLD));
	EXPECT_TRUE(is_busy(self, NEW));
}

TEST_F(task, iret_ends_what_was_nested)
{
	*entry(self, NEW) = descriptor(NEW_TSS, 0x67, TSS32 | BUSY);
	self->regs.rflags |= X86_EFLAGS_NT;
	self->task.source = EMUL_TASK_IRET;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x246, tss(self, OLD_TSS)->eflags);
	EXPECT_EQ(2, self->regs.rflags);
	EXPECT_FALSE(is_busy(self, OLD));
	EXPECT_TRUE(is_busy(self, NEW));
}

TEST_F(task, without_paging_cr3_stays)
{
	self->e.cr0 &= ~X86_CR0_PG;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x1000, self->cr3);
}

TEST_F(task, sixteen_bits_have_less)
{
	u16 *words = (u16 *)(self->memory + NEW_TSS);
	unsigned int i;

	for (i = 0; i < 8; i++)
		words[9 + i] = 0x3000 + i;
	for (i = 17; i < 21; i++)
		words[i] = DATA;
	words[7] = 0x4321;
	words[8] = 0xffff;
	words[18] = CODE;
	words[21] = 0;
	self->task.selector = NEW16;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x4321, self->regs.rip);
	EXPECT_EQ(0x7fd7, self->regs.rflags);
	EXPECT_EQ(0xffff3003, self->regs.gpr[GPR_RBX]);
	EXPECT_EQ(0, self->segs[SEG_FS].selector);
	EXPECT_EQ(0, self->segs[SEG_FS].attr & SEG_ATTR_P);
	EXPECT_EQ(0x1000, self->cr3);
	EXPECT_EQ(0x83, self->segs[SEG_TR].attr);

	/* And back. */
	self->regs.gpr[GPR_RBX] = 0x5555aaaa;
	self->task = (struct emul_task){ .source = EMUL_TASK_JMP, .selector = OLD };
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0xaaaa, words[12]);
	EXPECT_EQ(CODE, words[18]);
	EXPECT_EQ(0x2003, self->regs.gpr[GPR_RBX]);
}

TEST_F(task, virtual_8086_segments_are_paragraphs)
{
	tss(self, NEW_TSS)->eflags = X86_EFLAGS_VM | 2;
	tss(self, NEW_TSS)->segment[SEG_CS] = 0x1234;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x12340, self->segs[SEG_CS].base);
	EXPECT_EQ(0xf3, self->segs[SEG_CS].attr);
	EXPECT_EQ(DATA << 4, self->segs[SEG_SS].base);
	EXPECT_EQ(3, self->e.cpl);
}

TEST_F(task, error_code_goes_to_the_new_stack)
{
	self->task.source = EMUL_TASK_GATE;
	self->task.by_event = true;
	self->task.insn_len = 0;
	self->task.has_error = true;
	self->task.error_code = 0x5678;
	self->regs.rflags |= X86_EFLAGS_RF;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(STACK - 4, self->regs.gpr[GPR_RSP]);
	EXPECT_EQ(0x5678, *(u32 *)(self->memory + STACK - 4));
	EXPECT_EQ(0x100, tss(self, OLD_TSS)->eip);
	EXPECT_EQ(X86_EFLAGS_RF | 0x246, tss(self, OLD_TSS)->eflags);
}

TEST_F(task, trap_bit)
{
	tss(self, NEW_TSS)->trap = 1;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_TRUE(self->task.trap);
}

static void expect_fault(struct __test_metadata *_metadata, world *w, bool switched, u8 vector,
			 u32 error)
{
	ASSERT_EQ(EMUL_FAULT, go(w));
	EXPECT_EQ(switched, w->task.switched);
	EXPECT_EQ(vector, w->e.fault.vector);
	EXPECT_TRUE(w->e.fault.has_error);
	EXPECT_EQ(error, w->e.fault.error_code);
	EXPECT_EQ(switched ? 0x1234 : 0x100, w->regs.rip);
	EXPECT_EQ(!switched, is_busy(w, OLD));
	EXPECT_EQ(switched ? 0x2000 : 0x1000, w->cr3);
}

#define EXPECT_FAULT(...)	expect_fault(_metadata, self, __VA_ARGS__)

TEST_F(task, faults_of_the_old_task)
{
	self->task.selector = BEYOND;
	EXPECT_FAULT(false, VEC_GP, BEYOND);
	self->task.selector = 0;
	EXPECT_FAULT(false, VEC_GP, 0);
	self->task.selector = NEW | 4;
	EXPECT_FAULT(false, VEC_GP, NEW | 4);
	self->task.selector = DATA;
	EXPECT_FAULT(false, VEC_GP, DATA);
	self->task.selector = OLD;
	EXPECT_FAULT(false, VEC_GP, OLD);
	self->task.selector = NEW;
	*entry(self, NEW) = descriptor(NEW_TSS, 0x67, TSS32 & ~0x80ull);
	EXPECT_FAULT(false, VEC_NP, NEW);
	*entry(self, NEW) = descriptor(NEW_TSS, 0x66, TSS32);
	EXPECT_FAULT(false, VEC_TS, NEW);
	*entry(self, NEW) = descriptor(ABSENT - 0x66, 0x67, TSS32);
	EXPECT_FAULT(false, VEC_PF, 0);
	*entry(self, NEW) = descriptor(NEW_TSS, 0x67, TSS32);
	tss(self, NEW_TSS)->cr3 = BAD_CR3;
	EXPECT_FAULT(false, VEC_GP, 0);
	self->segs[SEG_TR].limit = 0x5e;
	EXPECT_FAULT(false, VEC_TS, OLD);
	EXPECT_FALSE(is_busy(self, NEW));
}

TEST_F(task, iret_finds_an_invalid_task_state)
{
	self->task.source = EMUL_TASK_IRET;
	EXPECT_FAULT(false, VEC_TS, NEW);
	self->task.selector = BEYOND;
	EXPECT_FAULT(false, VEC_TS, BEYOND);
}

TEST_F(task, event_is_told_by_the_error_code)
{
	self->task.source = EMUL_TASK_GATE;
	self->task.by_event = true;
	tss(self, NEW_TSS)->segment[SEG_SS] = ABSENT_DATA;
	ASSERT_EQ(EMUL_FAULT, go(self));
	EXPECT_EQ(VEC_SS, self->e.fault.vector);
	EXPECT_EQ(ABSENT_DATA | 1, self->e.fault.error_code);
}

static const struct { u8 seg; u16 selector; u8 vector; } bad_segments[] = {
	{ SEG_CS, 0, VEC_TS }, { SEG_CS, DATA, VEC_TS },
	{ SEG_CS, CODE | 1, VEC_TS }, { SEG_CS, BEYOND, VEC_TS },
	{ SEG_SS, 0, VEC_TS }, { SEG_SS, CODE, VEC_TS },
	{ SEG_SS, DATA | 1, VEC_TS }, { SEG_SS, USER_DATA, VEC_TS },
	{ SEG_SS, ABSENT_DATA, VEC_SS }, { SEG_DS, NEW, VEC_TS },
	{ SEG_DS, DATA | 1, VEC_TS }, { SEG_ES, ABSENT_DATA, VEC_NP },
	{ SEG_GS, BEYOND | 4, VEC_TS },
};

TEST_F(task, faults_of_the_new_task)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_segments); i++) {
		set_descriptors(self);
		set_new_task(self);
		set_old_task(self);
		self->cr3 = 0x1000;
		tss(self, NEW_TSS)->segment[bad_segments[i].seg] = bad_segments[i].selector;
		EXPECT_FAULT(true, bad_segments[i].vector, bad_segments[i].selector & ~3u);
		EXPECT_EQ(bad_segments[i].selector, self->segs[bad_segments[i].seg].selector);
	}
}

TEST_F(task, bad_ldt_is_the_new_tasks_fault)
{
	tss(self, NEW_TSS)->ldt = DATA;
	EXPECT_FAULT(true, VEC_TS, DATA);
	EXPECT_EQ(0, self->segs[SEG_LDTR].attr & SEG_ATTR_P);
}

/* Does the state outside of the old TSS equal that of @before? */
static bool is_unchanged(const world *w, const world *before)
{
	return !memcmp(&w->regs, &before->regs, sizeof(w->regs)) && w->cr3 == before->cr3 &&
	       !memcmp(w->segs, before->segs, sizeof(w->segs)) && w->e.cr0 == before->e.cr0 &&
	       w->e.cpl == before->e.cpl && w->e.cs_attr == before->e.cs_attr;
}

static void stop_everywhere(struct __test_metadata *_metadata, world *self, int stop, int result)
{
	static world before;
	unsigned int at;
	int ret;

	before = *self;
	before.e.ctx = &before;
	before.e.regs = &before.regs;
	for (at = 1;; at++) {
		*self = before;
		self->e.ctx = self;
		self->e.regs = &self->regs;
		self->stop_at = at;
		self->stop = stop;
		ret = go(self);
		if (ret == EMUL_DONE)
			break;
		EXPECT_FALSE(self->task.switched);
		EXPECT_TRUE(is_unchanged(self, &before));
		EXPECT_EQ(result, ret);
		EXPECT_FALSE(is_busy(self, NEW));
		self->stop_at = 0;
		EXPECT_EQ(EMUL_DONE, go(self));
		EXPECT_EQ(0x1234, self->regs.rip);
		EXPECT_EQ(0x107, tss(self, OLD_TSS)->eip);
	}
	EXPECT_GT(at, 15);
}

TEST_F(task, stopped_anywhere_it_begins_anew)
{
	stop_everywhere(_metadata, self, EMUL_RETRY, EMUL_RETRY);
}

TEST_F(task, device_in_the_way_anywhere_changes_nothing)
{
	self->task.source = EMUL_TASK_CALL;
	self->task.has_error = true;
	stop_everywhere(_metadata, self, EMUL_EXIT, EMUL_UNHANDLED);
}

/* ---- Hostile guests ---- */

#define ROUNDS	300000

static u32 seed = 1;

static u32 rnd(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static u16 rnd_selector(void)
{
	return rnd() % 4 ? rnd() % 12 << 3 | (rnd() % 4 ? 0 : rnd() % 8) : rnd();
}

static u64 rnd64(void)
{
	return (u64)rnd() << 44 ^ (u64)rnd() << 22 ^ rnd();
}

/* A few words of the tables and task states are anything, the others right. */
static void spoil(world *w)
{
	struct tss *t = tss(w, NEW_TSS);
	u16 *words16 = (u16 *)t;

	for (unsigned int n = rnd() % 6; n; n--) {
		switch (rnd() % 7) {
		case 0:
			*entry(w, rnd() % 12 << 3) = rnd64();
			break;
		case 1:
			*entry(w, rnd() % 12 << 3) ^= 1ull << (40 + rnd() % 16);
			break;
		case 2:
			t->segment[rnd() % 6] = rnd_selector();
			break;
		case 3:
			t->ldt = rnd_selector();
			break;
		case 4:
			((u32 *)t)[rnd() % (sizeof(*t) / 4)] = rnd() << 8 ^ rnd();
			break;
		case 5:
			words16[rnd() % 22] = rnd_selector();
			break;
		case 6:
			w->segs[SEG_TR].limit = rnd() % 0x80;
			w->segs[SEG_TR].base = rnd() << 8;
			break;
		}
	}
	w->task.source = rnd() % 4;
	w->task.selector = rnd() % 3 ? (rnd() % 4 ? NEW : NEW16) : rnd_selector();
	if (w->task.source == EMUL_TASK_IRET && rnd() % 4)
		*entry(w, w->task.selector % 0x60) |= BUSY << 40;
	w->task.by_event = w->task.source == EMUL_TASK_GATE && rnd() % 2;
	w->task.has_error = w->task.by_event && rnd() % 2;
	if (!(rnd() % 8))
		w->gdt = (struct table_register){ rnd64() & 0xffffffff, rnd() };
}

static u64 access_rights(const struct segment *seg, u64 always)
{
	u64 rights = (seg->attr & 0xff) | (u64)(seg->attr & 0xf00) << 4 | always;

	return seg->attr & SEG_ATTR_P ? rights : rights | VMCS_AR_UNUSABLE;
}

#define FILL(state, seg, from, always)						\
do {										\
	(state)->guest_##seg##_selector = (from)->selector;			\
	(state)->guest_##seg##_base = (from)->base;				\
	(state)->guest_##seg##_limit = (from)->limit;				\
	(state)->guest_##seg##_ar = access_rights(from, always);		\
} while (0)

static void fill_state(const world *w, struct vmx_state *state)
{
	*state = (struct vmx_state){
		.guest_cr0 = w->e.cr0, .guest_rflags = w->regs.rflags, .guest_rip = w->regs.rip,
		.linear_bits = 48, .phys_bits = 39,
	};
	FILL(state, cs, &w->segs[SEG_CS], 1);
	FILL(state, ss, &w->segs[SEG_SS], 1);
	FILL(state, ds, &w->segs[SEG_DS], 1);
	FILL(state, es, &w->segs[SEG_ES], 1);
	FILL(state, fs, &w->segs[SEG_FS], 1);
	FILL(state, gs, &w->segs[SEG_GS], 1);
	FILL(state, ldtr, &w->segs[SEG_LDTR], 0);
	FILL(state, tr, &w->segs[SEG_TR], 2);
}

static bool is_of_segments(const char *rule)
{
	static const char *const prefixes[] = {
		"guest_cs_", "guest_ss_", "guest_ds_", "guest_es_", "guest_fs_", "guest_gs_",
		"guest_ldtr_", "guest_tr_", "guest_rflags_", "guest_rip_",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(rule, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static const char *broken_rule(const world *w)
{
	struct vmx_state state;

	fill_state(w, &state);
	for (size_t i = 0; i < vmx_nr_rules; i++)
		if (is_of_segments(vmx_rules[i].name) && !entry_rule_holds(&vmx_rules[i], &state))
			return vmx_rules[i].name;
	return NULL;
}

TEST_F(task, whatever_is_in_a_task_state_can_be_entered)
{
	static world before, spoilt;
	unsigned int switches = 0, faults = 0;

	before = *self;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		const char *rule;
		u32 start = seed;
		int ret;

		*self = before;
		self->e.ctx = self;
		self->e.regs = &self->regs;
		spoil(self);
		spoilt = *self;
		ret = go(self);
		if (self->task.switched) {
			ASSERT_TRUE(ret == EMUL_DONE || ret == EMUL_FAULT);
		} else {
			ASSERT_TRUE(is_unchanged(self, &spoilt)) TH_LOG("seed %u", start);
		}
		switches += ret == EMUL_DONE;
		faults += ret == EMUL_FAULT && self->task.switched;
		rule = self->task.switched ? broken_rule(self) : NULL;
		ASSERT_EQ(NULL, rule) TH_LOG("seed %u: %s", start, rule);
		EXPECT_EQ((self->segs[SEG_SS].attr & SEG_ATTR_DPL) >> 5, self->e.cpl);
	}
	EXPECT_GT(switches, ROUNDS / 20);
	EXPECT_GT(faults, ROUNDS / 20);
}

TEST_HARNESS_MAIN
