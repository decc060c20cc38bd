// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's contract, rule by rule: restart with a transcript, commit
 * points, ports, decoding limits, and the modes emulate_native.c cannot reach
 * (real and virtual-8086 mode, CPL 0).
 *
 * Links: kmod/emulator/decode.c kmod/emulator/decode_table.c kmod/emulator/emulator.c
 * Links: kmod/emulator/alu.c kmod/emulator/bit.c kmod/emulator/fpu.c
 * Links: kmod/emulator/move.c kmod/emulator/mul.c kmod/emulator/operand.c
 * Links: kmod/emulator/segment.c kmod/emulator/shift.c kmod/emulator/stack.c
 * Links: kmod/emulator/string.c kmod/emulator/system.c kmod/emulator/vec.c
 */
#include "emulator/emulator_private.h"

#include "kselftest_harness.h"

#define MEMORY_LEN	0x20000
#define MMIO		0x18000		/* from here to the end: devices in userspace */
#define UNMAPPED	0x14000		/* from here to MMIO: page fault */
#define READ_ONLY	0x12000		/* from here to UNMAPPED */
#define CODE		0x1000
#define TRANSCRIPT	16

enum access_kind { ACC_READ, ACC_WRITE, ACC_CMPXCHG, ACC_IN, ACC_OUT };

struct access {
	enum access_kind kind;
	u64 where;
	unsigned int len;
	u8 data[32];
};

FIXTURE(emulate)
{
	struct emul e;
	struct regs regs;
	struct segment segs[8];
	u8 memory[MEMORY_LEN];
	u8 vec[16][32];
	u64 mmx[8];
	struct emul_fpu fpu;
	struct table_register tables[2];
	u8 pio[0x1000];

	/* Device accesses userspace has completed, and the one it is asked for. */
	struct access done[TRANSCRIPT];
	unsigned int nr_done, next;
	struct access asked;

	unsigned int fetches, reads, iterations, stop_after;
	bool cpu_counts_zeros;		/* TZCNT, LZCNT */
	bool memory_moves;		/* cmpxchg finds another value */
	unsigned int port_most;		/* elements a port takes at once; 0: all */
};

typedef FIXTURE_DATA(emulate) world;

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
	*out = world_of(e)->tables[idt];
}

static void op_set_table(struct emul *e, bool idt, const struct table_register *in)
{
	world_of(e)->tables[idt] = *in;
}

static void op_set_cr0(struct emul *e, u64 cr0)
{
}

static bool op_cpu_has(struct emul *e, enum emul_feature feature)
{
	return world_of(e)->cpu_counts_zeros;
}

static void op_fpu_read(struct emul *e, struct emul_fpu *out)
{
	*out = world_of(e)->fpu;
}

static void op_fpu_write(struct emul *e, const struct emul_fpu *in)
{
	world_of(e)->fpu = *in;
}

static void op_mmx_read(struct emul *e, unsigned int reg, u64 *val)
{
	*val = world_of(e)->mmx[reg];
}

static void op_mmx_write(struct emul *e, unsigned int reg, u64 val)
{
	world_of(e)->mmx[reg] = val;
}

static void op_mmx_used(struct emul *e)
{
}

static int page_fault(struct emul *e, u64 address)
{
	e->fault = (struct emul_fault){ VEC_PF, true, 0, address };
	return EMUL_FAULT;
}

static int op_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	if (linear + len > UNMAPPED && linear < MMIO)
		return page_fault(e, max_t(u64, linear, UNMAPPED));
	if (linear + len > MEMORY_LEN)
		return page_fault(e, linear);
	if (linear + len > READ_ONLY && linear < UNMAPPED && (access & EMUL_WRITE))
		return page_fault(e, max_t(u64, linear, READ_ONLY));
	return linear + len > MMIO ? EMUL_EXIT : EMUL_DONE;
}

/* Serves a device access from the transcript, or asks for it. */
static int device(world *w, enum access_kind kind, u64 where, void *buf, unsigned int len)
{
	struct access *a = &w->done[w->next];

	if (w->next == w->nr_done) {
		w->asked = (struct access){ .kind = kind, .where = where, .len = len };
		if (kind != ACC_READ && kind != ACC_IN)
			memcpy(w->asked.data, buf, min_t(unsigned int, len, 32));
		return EMUL_EXIT;
	}
	w->next++;
	if (a->kind != kind || a->where != where || a->len != len)
		return EMUL_UNHANDLED;
	if (kind == ACC_READ || kind == ACC_IN)
		memcpy(buf, a->data, min_t(unsigned int, len, 32));
	return EMUL_DONE;
}

static int op_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access)
{
	int ret = op_probe(e, linear, len, access);

	if (ret == EMUL_EXIT)
		return device(world_of(e), ACC_READ, linear, buf, len);
	if (!ret)
		memcpy(buf, world_of(e)->memory + linear, len);
	world_of(e)->reads += !ret;
	return ret;
}

static int op_write(struct emul *e, u64 linear, const void *buf, unsigned int len)
{
	int ret = op_probe(e, linear, len, EMUL_WRITE);

	if (ret == EMUL_EXIT)
		return device(world_of(e), ACC_WRITE, linear, (void *)buf, len);
	if (!ret)
		memcpy(world_of(e)->memory + linear, buf, len);
	return ret;
}

static int op_compare_exchange(struct emul *e, u64 linear, const void *old, const void *new,
		      unsigned int len)
{
	world *w = world_of(e);
	int ret = op_probe(e, linear, len, EMUL_WRITE);

	if (ret == EMUL_EXIT)
		return device(w, ACC_CMPXCHG, linear, (void *)new, len);
	if (ret)
		return ret;
	if (w->memory_moves || memcmp(w->memory + linear, old, len))
		return EMUL_RETRY;
	memcpy(w->memory + linear, new, len);
	return EMUL_DONE;
}

static int op_fetch(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int *got)
{
	world *w = world_of(e);

	w->fetches++;
	if (linear >= READ_ONLY)
		return page_fault(e, linear);
	*got = min_t(u64, len, 0x1000 - (linear & 0xfff));
	memcpy(buf, w->memory + linear, *got);
	return EMUL_DONE;
}

static unsigned int port_count(struct emul *e, unsigned int count)
{
	world *w = world_of(e);

	if (!w->port_most || count <= w->port_most)
		return count;
	e->elements = w->port_most;
	return w->port_most;
}

static int op_pio_in(struct emul *e, u16 port, unsigned int size, unsigned int count)
{
	count = port_count(e, count);
	return device(world_of(e), ACC_IN, port, e->pio_data, size * count);
}

static int op_pio_out(struct emul *e, u16 port, unsigned int size, unsigned int count)
{
	count = port_count(e, count);
	return device(world_of(e), ACC_OUT, port, e->pio_data, size * count);
}

static void op_vec_read(struct emul *e, unsigned int reg, void *buf, unsigned int len)
{
	memcpy(buf, world_of(e)->vec[reg], len);
}

static void op_vec_write(struct emul *e, unsigned int reg, const void *buf, unsigned int len)
{
	memcpy(world_of(e)->vec[reg], buf, len);
}

static void empty_transcript(world *w)
{
	w->nr_done = 0;
	w->next = 0;
}

static bool op_iterate(struct emul *e)
{
	world *w = world_of(e);

	empty_transcript(w);
	w->iterations++;
	return w->iterations != w->stop_after;
}

static const struct emul_ops ops = {
	.segment = op_segment,
	.set_segment = op_set_segment,
	.table = op_table,
	.set_table = op_set_table,
	.set_cr0 = op_set_cr0,
	.cpu_has = op_cpu_has,
	.fpu_read = op_fpu_read,
	.fpu_write = op_fpu_write,
	.mmx_read = op_mmx_read,
	.mmx_write = op_mmx_write,
	.mmx_used = op_mmx_used,
	.fetch = op_fetch,
	.read = op_read,
	.write = op_write,
	.compare_exchange = op_compare_exchange,
	.probe = op_probe,
	.pio_in = op_pio_in,
	.pio_out = op_pio_out,
	.vec_read = op_vec_read,
	.vec_write = op_vec_write,
	.iterate = op_iterate,
};

#define DATA_ATTR	(SEG_ATTR_P | SEG_ATTR_S | 0x3)
#define CODE_ATTR	(SEG_ATTR_P | SEG_ATTR_S | 0xb)

static void set_segments(world *w, u32 limit, u16 data_attr, u16 code_attr)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		w->segs[i] = (struct segment){ .limit = limit, .attr = data_attr };
	w->segs[SEG_CS].attr = code_attr;
	w->e.cs_attr = code_attr;
}

static void enter_64bit(world *w)
{
	w->e.cr0 = X86_CR0_PE | X86_CR0_AM;
	w->e.efer = EFER_LMA;
	set_segments(w, ~0u, DATA_ATTR, CODE_ATTR | SEG_ATTR_L);
}

static void enter_32bit(world *w)
{
	w->e.cr0 = X86_CR0_PE;
	w->e.efer = 0;
	set_segments(w, ~0u, DATA_ATTR | SEG_ATTR_DB, CODE_ATTR | SEG_ATTR_DB);
}

static void enter_real(world *w)
{
	w->e.cr0 = 0;
	w->e.efer = 0;
	set_segments(w, 0xffff, DATA_ATTR, CODE_ATTR);
}

FIXTURE_SETUP(emulate)
{
	memset(self, 0, sizeof(*self));
	self->e = (struct emul){ .ops = &ops, .ctx = self, .regs = &self->regs,
				 .cr4 = X86_CR4_OSFXSR | X86_CR4_OSXSAVE, .xcr0 = 7,
				 .pio_data = self->pio, .pio_len = sizeof(self->pio) };
	self->regs.rip = CODE;
	self->regs.rflags = 2;
	enter_64bit(self);
}

FIXTURE_TEARDOWN(emulate)
{
}

/* Puts an instruction (a string of bytes) at CODE. */
#define PUT(str) put(self, str, sizeof(str) - 1)

static void put(world *w, const char *code, size_t len)
{
	memset(w->memory + CODE, 0x90, 32);
	memcpy(w->memory + CODE, code, len);
}

/* Emulates from the start, with the transcript as it is. */
static int go(world *w)
{
	w->e.fetched = 0;
	w->next = 0;
	return emulate(&w->e);
}

/* Completes the access that was asked for; reads give data. */
static void answer(world *w, u64 data)
{
	w->done[w->nr_done] = w->asked;
	if (w->asked.kind == ACC_READ || w->asked.kind == ACC_IN)
		memcpy(w->done[w->nr_done].data, &data, sizeof(data));
	w->nr_done++;
}

static u64 asked_value(const world *w)
{
	u64 val;

	memcpy(&val, w->asked.data, sizeof(val));
	return val;
}

#define EXPECT_ASKED(k, w, l)				\
	do {						\
		EXPECT_EQ(k, self->asked.kind);		\
		EXPECT_EQ(w, self->asked.where);	\
		EXPECT_EQ(l, self->asked.len);		\
	} while (0)

#define EXPECT_RAISED(v, with_error)				\
	do {							\
		ASSERT_EQ(EMUL_FAULT, go(self));		\
		EXPECT_EQ(v, self->e.fault.vector);		\
		EXPECT_EQ(with_error, self->e.fault.has_error);	\
		EXPECT_EQ(CODE, self->regs.rip);		\
	} while (0)

/* ---- Restart ---- */

TEST_F(emulate, device_read_changes_nothing_until_answered)
{
	PUT("\x8b\x07");	/* mov eax, [rdi] */
	self->regs.gpr[GPR_RDI] = MMIO + 8;
	self->regs.gpr[GPR_RAX] = ~0ULL;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_READ, MMIO + 8, 4);
	EXPECT_EQ(~0ULL, self->regs.gpr[GPR_RAX]);
	EXPECT_EQ(CODE, self->regs.rip);
	answer(self, 0x12345678);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x12345678, self->regs.gpr[GPR_RAX]);
	EXPECT_EQ(CODE + 2, self->regs.rip);
}

TEST_F(emulate, device_read_modify_write_asks_twice_and_sets_flags_last)
{
	PUT("\x81\x0f\x0f\x00\x00\x80");	/* or dword [rdi], 0x8000000f */
	self->regs.gpr[GPR_RDI] = MMIO;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_READ, MMIO, 4);
	answer(self, 0xf0);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_WRITE, MMIO, 4);
	EXPECT_EQ(0x800000ff, asked_value(self));
	EXPECT_EQ(2, self->regs.rflags);
	answer(self, 0);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(2 | X86_EFLAGS_SF | X86_EFLAGS_PF, self->regs.rflags);
}

TEST_F(emulate, xchg_with_a_device_is_locked)
{
	PUT("\x87\x07");	/* xchg [rdi], eax */
	self->regs.gpr[GPR_RDI] = MMIO;
	self->regs.gpr[GPR_RAX] = 7;
	go(self);
	answer(self, 9);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_CMPXCHG, MMIO, 4);
	EXPECT_EQ(7, asked_value(self));
	answer(self, 0);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(9, self->regs.gpr[GPR_RAX]);
}

TEST_F(emulate, movs_between_devices_reads_then_writes)
{
	PUT("\xa5");
	self->regs.gpr[GPR_RSI] = MMIO;
	self->regs.gpr[GPR_RDI] = MMIO + 0x100;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_READ, MMIO, 4);
	answer(self, 0xabcd);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_WRITE, MMIO + 0x100, 4);
	EXPECT_EQ(0xabcd, asked_value(self));
	answer(self, 0);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(MMIO + 4, self->regs.gpr[GPR_RSI]);
	EXPECT_EQ(MMIO + 0x104, self->regs.gpr[GPR_RDI]);
}

TEST_F(emulate, every_rep_iteration_is_committed_on_its_own)
{
	PUT("\xf3\xab");	/* rep stosd */
	self->regs.gpr[GPR_RDI] = MMIO;
	self->regs.gpr[GPR_RCX] = 2;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(2, self->regs.gpr[GPR_RCX]);
	answer(self, 0);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(1, self->regs.gpr[GPR_RCX]);
	EXPECT_ASKED(ACC_WRITE, MMIO + 4, 4);
	EXPECT_EQ(0, self->nr_done);
	answer(self, 0);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0, self->regs.gpr[GPR_RCX]);
	EXPECT_EQ(CODE + 2, self->regs.rip);
}

TEST_F(emulate, fault_inside_rep_keeps_completed_iterations)
{
	PUT("\xf3\xaa");	/* rep stosb */
	self->regs.gpr[GPR_RDI] = READ_ONLY - 3;
	self->regs.gpr[GPR_RCX] = 10;
	EXPECT_RAISED(VEC_PF, true);
	EXPECT_EQ(READ_ONLY, self->e.fault.cr2);
	EXPECT_EQ(7, self->regs.gpr[GPR_RCX]);
	EXPECT_EQ(READ_ONLY, self->regs.gpr[GPR_RDI]);
}

TEST_F(emulate, rep_stops_when_asked_with_rip_unmoved)
{
	PUT("\xf3\xaa");
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 10;
	self->stop_after = 4;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(CODE, self->regs.rip);
	EXPECT_EQ(6, self->regs.gpr[GPR_RCX]);
}

TEST_F(emulate, rep_is_bounded)
{
	PUT("\xf3\xac");	/* rep lodsb */
	self->regs.gpr[GPR_RSI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 100000;
	self->regs.rflags |= X86_EFLAGS_DF;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(CODE, self->regs.rip);
	EXPECT_EQ(100000 - EMUL_REP_MAX, self->regs.gpr[GPR_RCX]);
}

TEST_F(emulate, locked_update_that_lost_the_race_is_retried)
{
	PUT("\xf0\xff\x07");	/* lock inc dword [rdi] */
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->memory_moves = true;
	EXPECT_EQ(EMUL_RETRY, go(self));
	EXPECT_EQ(CODE, self->regs.rip);
	EXPECT_EQ(2, self->regs.rflags);
}

TEST_F(emulate, write_permission_is_checked_before_the_read)
{
	PUT("\xff\x07");	/* inc dword [rdi] */
	self->regs.gpr[GPR_RDI] = READ_ONLY;
	EXPECT_RAISED(VEC_PF, true);
	EXPECT_EQ(0, self->reads);
}

/* ---- After completion ---- */

TEST_F(emulate, completion_clears_rf_and_reports_the_single_step)
{
	PUT("\x89\x07");
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->regs.rflags |= X86_EFLAGS_RF;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(2, self->regs.rflags);
	EXPECT_EQ(false, self->e.single_step);
	self->regs.rip = CODE;
	self->regs.rflags |= X86_EFLAGS_TF;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(true, self->e.single_step);
}

TEST_F(emulate, single_step_stops_after_one_iteration)
{
	PUT("\xf3\xaa");
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 3;
	self->regs.rflags |= X86_EFLAGS_TF;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(true, self->e.single_step);
	EXPECT_EQ(2, self->regs.gpr[GPR_RCX]);
	EXPECT_EQ(CODE, self->regs.rip);
}

TEST_F(emulate, rip_is_cut_to_32_bits_outside_64bit_mode)
{
	enter_32bit(self);
	PUT("\x89\x07");
	self->segs[SEG_CS].base = CODE + 1;
	self->regs.rip = 0xffffffff;
	self->regs.gpr[GPR_RDI] = 0x2000;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(1, self->regs.rip);
}

/* ---- Ports ---- */

TEST_F(emulate, outs_carries_many_elements_in_one_exit)
{
	PUT("\xf3\x6f");	/* rep outsd */
	self->regs.gpr[GPR_RSI] = 0x2000;
	self->regs.gpr[GPR_RDX] = 0x1f0;
	self->regs.gpr[GPR_RCX] = 6;
	memset(self->memory + 0x2000, 0x5a, 24);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_OUT, 0x1f0, 24);
	EXPECT_EQ(0x5a, self->pio[23]);
	answer(self, 0);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0, self->regs.gpr[GPR_RCX]);
	EXPECT_EQ(0x2018, self->regs.gpr[GPR_RSI]);
}

TEST_F(emulate, ins_stores_what_the_port_gave)
{
	PUT("\xf3\x66\x6d");	/* rep insw */
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->regs.gpr[GPR_RDX] = 0x1f0;
	self->regs.gpr[GPR_RCX] = 4;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_IN, 0x1f0, 8);
	answer(self, 0x1122334455667788);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x88, self->memory[0x2000]);
	EXPECT_EQ(0x11, self->memory[0x2007]);
	EXPECT_EQ(0x2008, self->regs.gpr[GPR_RDI]);
}

TEST_F(emulate, port_may_take_fewer_elements_than_it_is_given)
{
	PUT("\xf3\x6e");	/* rep outsb */
	self->regs.gpr[GPR_RSI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 5;
	memcpy(self->memory + 0x2000, "abcde", 5);
	self->port_most = 3;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(3, self->asked.len);
	answer(self, 0);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(2, self->asked.len);
	EXPECT_EQ(0, memcmp("de", self->pio, 2));
	EXPECT_EQ(2, self->regs.gpr[GPR_RCX]);
	EXPECT_EQ(0x2003, self->regs.gpr[GPR_RSI]);
}

TEST_F(emulate, port_may_give_fewer_elements_than_it_is_asked_for)
{
	PUT("\xf3\x6c");	/* rep insb */
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 5;
	self->port_most = 3;
	self->memory[0x2003] = 0x5a;
	ASSERT_EQ(EMUL_EXIT, go(self));
	answer(self, 0x44332211);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(0x33, self->memory[0x2002]);
	EXPECT_EQ(0x5a, self->memory[0x2003]);
	EXPECT_EQ(0x2003, self->regs.gpr[GPR_RDI]);
}

TEST_F(emulate, port_string_ends_its_exit_at_the_page)
{
	PUT("\xf3\x6c");	/* rep insb */
	self->regs.gpr[GPR_RDI] = 0x2ffa;
	self->regs.gpr[GPR_RCX] = 20;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(6, self->asked.len);
	answer(self, 0);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(14, self->asked.len);
	EXPECT_EQ(14, self->regs.gpr[GPR_RCX]);
}

TEST_F(emulate, port_string_is_limited_by_the_buffer)
{
	PUT("\xf3\x6f");
	self->regs.gpr[GPR_RSI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 100;
	self->e.pio_len = 10;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(8, self->asked.len);
}

TEST_F(emulate, backward_port_string_goes_one_by_one)
{
	PUT("\xf3\x6e");
	self->regs.gpr[GPR_RSI] = 0x2000;
	self->regs.gpr[GPR_RCX] = 100;
	self->regs.rflags |= X86_EFLAGS_DF;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(1, self->asked.len);
	answer(self, 0);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_EQ(0x1fff, self->regs.gpr[GPR_RSI]);
}

TEST_F(emulate, port_is_not_read_before_memory_is_known_writable)
{
	PUT("\x6d");
	self->regs.gpr[GPR_RDI] = READ_ONLY;
	EXPECT_RAISED(VEC_PF, true);
}

TEST_F(emulate, port_string_to_a_device_goes_one_by_one)
{
	PUT("\xf3\x6c");
	self->regs.gpr[GPR_RDI] = MMIO;
	self->regs.gpr[GPR_RCX] = 20;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_IN, 0, 1);
	answer(self, 0x77);
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_WRITE, MMIO, 1);
	EXPECT_EQ(0x77, asked_value(self) & 0xff);
}

TEST_F(emulate, in_and_out_by_immediate_and_dx)
{
	PUT("\xe5\xf0");	/* in eax, 0xf0 */
	self->regs.gpr[GPR_RAX] = ~0ULL;
	go(self);
	EXPECT_ASKED(ACC_IN, 0xf0, 4);
	answer(self, 0x80000001);
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x80000001, self->regs.gpr[GPR_RAX]);
	empty_transcript(self);
	self->regs.rip = CODE;
	PUT("\x66\xef");	/* out dx, ax */
	self->regs.gpr[GPR_RDX] = 0x123cf8;
	go(self);
	EXPECT_ASKED(ACC_OUT, 0x3cf8, 2);
	EXPECT_EQ(1, asked_value(self));
}

TEST_F(emulate, ports_without_privilege_need_the_intercept_that_checked_them)
{
	PUT("\xee");
	self->regs.gpr[GPR_RDX] = 0x80;
	self->e.cpl = 3;
	EXPECT_EQ(EMUL_RETRY, go(self));
	self->e.pio_port = 0x80;
	self->e.pio_size = 1;
	EXPECT_EQ(EMUL_EXIT, go(self));
	self->regs.gpr[GPR_RDX] = 0x81;
	EXPECT_EQ(EMUL_RETRY, go(self));
	self->regs.rflags |= X86_EFLAGS_IOPL;
	EXPECT_EQ(EMUL_EXIT, go(self));
}

/* ---- Real and virtual-8086 mode ---- */

TEST_F(emulate, real_mode_segments_are_based_and_limited)
{
	enter_real(self);
	PUT("\x26\x88\x05");	/* mov es:[di], al */
	self->segs[SEG_ES].base = 0x2000;
	self->regs.gpr[GPR_RDI] = 0xabcd0010;
	self->regs.gpr[GPR_RAX] = 0x42;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x42, self->memory[0x2010]);
	self->regs.rip = CODE;
	PUT("\x26\x89\x05");	/* a word at 0xffff passes the limit */
	self->regs.gpr[GPR_RDI] = 0xffff;
	EXPECT_RAISED(VEC_GP, false);
}

TEST_F(emulate, real_mode_honours_limits_left_by_protected_mode)
{
	enter_real(self);
	PUT("\x67\x8b\x07");	/* mov ax, [edi] */
	self->regs.gpr[GPR_RDI] = 0x11000;
	EXPECT_RAISED(VEC_GP, false);
	self->segs[SEG_DS].limit = ~0u;
	EXPECT_EQ(EMUL_DONE, go(self));
}

TEST_F(emulate, real_mode_may_write_through_cs)
{
	enter_real(self);
	PUT("\x2e\xa2\x00\x20");	/* mov cs:[0x2000], al */
	EXPECT_EQ(EMUL_DONE, go(self));
}

TEST_F(emulate, real_mode_string_wraps_at_64_kib)
{
	enter_real(self);
	PUT("\xf3\xaa");
	self->regs.gpr[GPR_RDI] = 0xfffe;
	self->regs.gpr[GPR_RCX] = 3;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(1, self->regs.gpr[GPR_RDI]);
}

TEST_F(emulate, real_mode_vex_is_undefined)
{
	enter_real(self);
	PUT("\xc5\xf8\x10\xc0");
	EXPECT_RAISED(VEC_UD, false);
}

TEST_F(emulate, virtual_8086_mode_is_16_bit_whatever_cs_says)
{
	enter_32bit(self);
	self->regs.rflags |= X86_EFLAGS_VM;
	self->e.cpl = 3;
	set_segments(self, 0xffff, DATA_ATTR, DATA_ATTR | SEG_ATTR_DB);
	PUT("\x89\x05");	/* mov [di], ax */
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->regs.gpr[GPR_RAX] = ~0ULL;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(CODE + 2, self->regs.rip);
	EXPECT_EQ(0, self->memory[0x2002]);
	self->regs.rip = CODE;
	self->regs.gpr[GPR_RDI] = 0xffff;
	EXPECT_RAISED(VEC_GP, true);
}

/* ---- Decoding ---- */

TEST_F(emulate, illegal_lock_is_undefined)
{
	PUT("\xf0\x8b\x07");	/* lock mov */
	EXPECT_RAISED(VEC_UD, false);
	PUT("\xf0\x01\xc0");	/* lock add eax, eax */
	EXPECT_RAISED(VEC_UD, false);
	PUT("\xf0\x39\x07");	/* lock cmp */
	EXPECT_RAISED(VEC_UD, false);
}

TEST_F(emulate, fifteen_bytes_are_the_most)
{
	PUT("\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x8b\x07");
	self->regs.gpr[GPR_RDI] = 0x2000;
	EXPECT_EQ(EMUL_DONE, go(self));
	self->regs.rip = CODE;
	PUT("\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x8b\x07");
	EXPECT_RAISED(VEC_GP, true);
}

TEST_F(emulate, unknown_instruction_leaves_its_bytes)
{
	PUT("\x0f\x0b");
	EXPECT_EQ(EMUL_UNHANDLED, go(self));
	EXPECT_LE(2, self->e.fetched);
	EXPECT_EQ(0, memcmp(self->e.insn.bytes, "\x0f\x0b", 2));
	EXPECT_EQ(CODE, self->regs.rip);
}

TEST_F(emulate, given_bytes_are_not_fetched_again)
{
	self->regs.gpr[GPR_RDI] = 0x2000;
	memcpy(self->e.insn.bytes, "\x89\x07", 2);
	self->e.fetched = 2;
	EXPECT_EQ(EMUL_DONE, emulate(&self->e));
	EXPECT_EQ(0, self->fetches);
}

TEST_F(emulate, instruction_across_a_page_is_fetched_in_two)
{
	self->regs.rip = 0x1fff;
	self->memory[0x1fff] = 0x89;
	self->memory[0x2000] = 0x07;
	self->regs.gpr[GPR_RDI] = 0x3000;
	EXPECT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(2, self->fetches);
}

TEST_F(emulate, code_beyond_the_segment_limit_is_a_protection_fault)
{
	enter_32bit(self);
	self->segs[SEG_CS].limit = CODE;
	PUT("\x89\x07");
	EXPECT_RAISED(VEC_GP, true);
}

TEST_F(emulate, decoded_form_matches_same_bytes_and_mode_only)
{
	PUT("\x89\x07");
	self->regs.gpr[GPR_RDI] = 0x2000;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_TRUE(emul_decoded_matches(&self->e, (const u8 *)"\x89\x07\xcc", 3));
	EXPECT_FALSE(emul_decoded_matches(&self->e, (const u8 *)"\x89\x0f", 2));
	EXPECT_FALSE(emul_decoded_matches(&self->e, (const u8 *)"\x89", 1));
	enter_32bit(self);
	EXPECT_FALSE(emul_decoded_matches(&self->e, (const u8 *)"\x89\x07", 2));
}

/* Of few bytes, of eight and of more, however many follow: the last byte counts, the next does not. */
TEST_F(emulate, decoded_form_of_any_length_matches_to_its_end)
{
	static const struct { const char *code; unsigned int len; } forms[] = {
		{ "\x89\x07", 2 },
		{ "\x48\xc7\x07\x01\x02\x03\x84", 7 },
		{ "\x48\xc7\x47\x08\x01\x02\x03\x84", 8 },
		{ "\x66\x48\xc7\x47\x08\x01\x02\x03\x84", 9 },
	};
	__u8 bytes[16];

	for (unsigned int i = 0; i < ARRAY_SIZE(forms); i++) {
		unsigned int len = forms[i].len;

		memset(bytes, 0xcc, sizeof(bytes));
		memcpy(bytes, forms[i].code, len);
		put(self, (char *)bytes, sizeof(bytes));
		self->regs.rip = CODE;
		self->e.fetched = 0;
		ASSERT_EQ(EMUL_DONE, emul_decode(&self->e));
		ASSERT_EQ(len, self->e.insn.len);
		EXPECT_TRUE(emul_decoded_matches(&self->e, bytes, len));
		bytes[len] ^= 1;
		EXPECT_TRUE(emul_decoded_matches(&self->e, bytes, sizeof(bytes)));
		bytes[len - 1] ^= 1;
		EXPECT_FALSE(emul_decoded_matches(&self->e, bytes, sizeof(bytes)));
		EXPECT_FALSE(emul_decoded_matches(&self->e, bytes, len));
		EXPECT_FALSE(emul_decoded_matches(&self->e, bytes, len - 1));
	}
}

TEST_F(emulate, illegal_form_matches_nothing)
{
	PUT("\xf0\x89\x07");	/* lock mov */
	EXPECT_RAISED(VEC_UD, false);
	EXPECT_FALSE(emul_decoded_matches(&self->e, (const u8 *)"\xf0\x89\x07", 3));
}

TEST_F(emulate, decoded_vex_form_does_not_match_in_real_mode)
{
	enter_real(self);
	self->e.cr0 |= X86_CR0_PE;
	PUT("\xc5\xf8\x11\x05");	/* vmovups [di], xmm0, in 16-bit protected mode */
	self->regs.gpr[GPR_RDI] = 0x2000;
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_TRUE(emul_decoded_matches(&self->e, (const u8 *)"\xc5\xf8\x11\x05", 4));
	enter_real(self);
	EXPECT_FALSE(emul_decoded_matches(&self->e, (const u8 *)"\xc5\xf8\x11\x05", 4));
}

/* Decodes what is at CODE and asks whether it is a plain move. */
static bool is_move(world *w)
{
	w->regs.rip = CODE;
	w->e.fetched = 0;
	return emul_decode(&w->e) == EMUL_DONE && emul_known_move(&w->e, w->memory + CODE, 15);
}

static void prepare_move(world *w, const char *code)
{
	put(w, code, 15);
	memset(w->memory + 0x2000, 0xf7, 32);
	w->regs.gpr[GPR_RAX] = 0x1122334455667788;
	w->regs.gpr[GPR_RDI] = 0x2000;
}

#define NOPS		"\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"

TEST_F(emulate, plain_moves_do_what_execution_does)
{
	static const char *const moves[] = {
		"\x88\x07" NOPS, "\x40\x88\x27" NOPS, "\x66\x89\x07" NOPS, "\x89\x47\x08" NOPS, "\x48\x89\x07" NOPS,
		"\xc6\x07\x80" NOPS, "\x66\xc7\x07\xfe\xff" NOPS, "\xc7\x07\x01\x02\x03\x84" NOPS,
		"\x48\xc7\x07\x01\x02\x03\x84" NOPS, "\xa2\x00\x20\0\0\0\0\0\0" NOPS,
		"\x8a\x07" NOPS, "\x40\x8a\x27" NOPS, "\x66\x8b\x07" NOPS, "\x8b\x47\x08" NOPS, "\x48\x8b\x07" NOPS,
		"\x0f\xb6\x07" NOPS, "\x0f\xbe\x07" NOPS, "\x48\x0f\xb7\x07" NOPS, "\x48\x0f\xbf\x07" NOPS,
		"\x48\x63\x07" NOPS, "\x66\x0f\xbe\x07" NOPS,
	};

	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		u64 by_move[16], value = 0x0123456789abcdef;
		const struct emul_insn *insn = &self->e.insn;
		u64 address, data;
		bool is_write;
		u8 size;

		prepare_move(self, moves[i]);
		ASSERT_TRUE(is_move(self));
		address = emul_address_sum(&self->e);
		data = emul_move_data(&self->e);
		is_write = insn->move_is_write;
		size = insn->move_size;
		EXPECT_EQ(0x2000, address & ~8ULL);
		memcpy(&value, self->memory + address, size);
		EXPECT_EQ(0, data & ~(is_write ? emul_mask(size) : 0));
		if (!is_write)
			emul_finish_read(&self->e, value);
		memcpy(by_move, self->regs.gpr, sizeof(by_move));
		prepare_move(self, moves[i]);
		ASSERT_EQ(EMUL_DONE, go(self));
		EXPECT_EQ(0, memcmp(by_move, self->regs.gpr, sizeof(by_move)));
		if (is_write)
			EXPECT_EQ(0, memcmp(&data, self->memory + address, size));
	}
}

TEST_F(emulate, other_instructions_are_no_plain_moves)
{
	static const char *const others[] = {
		"\x89\xf8" NOPS,		/* between registers */
		"\x01\x07" NOPS,		/* add [rdi], eax */
		"\x87\x07" NOPS,		/* xchg */
		"\x64\x89\x07" NOPS,		/* mov fs:[rdi], eax: the segment has a base */
		"\xab" NOPS,			/* stosd */
		"\x0f\x38\xf1\x07" NOPS,	/* movbe */
		"\x8c\x1f" NOPS,		/* mov [rdi], ds */
		"\x88\x27" NOPS,		/* mov [rdi], ah */
		"\x8a\x27" NOPS,		/* mov ah, [rdi] */
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		prepare_move(self, others[i]);
		EXPECT_FALSE(is_move(self));
	}
	enter_32bit(self);
	prepare_move(self, "\x89\x07" NOPS);
	EXPECT_FALSE(is_move(self));
}

TEST_F(emulate, rip_relative_operand_counts_from_the_next_instruction)
{
	PUT("\xc7\x05\x00\x10\x00\x00\x78\x56\x34\x12");	/* mov dword [rip + 0x1000], imm */
	ASSERT_EQ(EMUL_DONE, go(self));
	EXPECT_EQ(0x78, self->memory[CODE + 10 + 0x1000]);
}

/* ---- Protection ---- */

TEST_F(emulate, null_segment_is_a_protection_fault_and_a_stack_fault_for_ss)
{
	enter_32bit(self);
	self->segs[SEG_DS].attr = 0;
	self->segs[SEG_SS].attr = 0;
	PUT("\x89\x07");
	EXPECT_RAISED(VEC_GP, true);
	PUT("\x89\x45\x00");
	EXPECT_RAISED(VEC_SS, true);
}

TEST_F(emulate, non_canonical_address)
{
	PUT("\x89\x07");
	self->regs.gpr[GPR_RDI] = 0x800000000000;
	EXPECT_RAISED(VEC_GP, true);
	PUT("\x89\x45\x00");
	self->regs.gpr[GPR_RBP] = 0x800000000000;
	EXPECT_RAISED(VEC_SS, true);
	PUT("\x89\x07");
	self->e.cr4 |= X86_CR4_LA57;
	EXPECT_RAISED(VEC_PF, true);
}

TEST_F(emulate, alignment_is_checked_at_cpl_3_only)
{
	PUT("\x89\x07");
	self->regs.gpr[GPR_RDI] = 0x2001;
	self->regs.rflags |= X86_EFLAGS_AC;
	EXPECT_EQ(EMUL_DONE, go(self));
	self->regs.rip = CODE;
	self->e.cpl = 3;
	EXPECT_RAISED(VEC_AC, true);
}

TEST_F(emulate, cmpxchg16b_insists_on_alignment)
{
	PUT("\x48\x0f\xc7\x0f");	/* cmpxchg16b [rdi] */
	self->regs.gpr[GPR_RDI] = 0x2008;
	EXPECT_RAISED(VEC_GP, true);
}

/* ---- Vector moves ---- */

TEST_F(emulate, vector_move_to_a_device)
{
	PUT("\x0f\x11\x1f");	/* movups [rdi], xmm3 */
	memset(self->vec[3], 0x66, 16);
	self->regs.gpr[GPR_RDI] = MMIO + 16;
	ASSERT_EQ(EMUL_EXIT, go(self));
	EXPECT_ASKED(ACC_WRITE, MMIO + 16, 16);
	EXPECT_EQ(0x66, self->asked.data[15]);
}

TEST_F(emulate, vector_moves_need_sse_and_avx_enabled)
{
	PUT("\x0f\x10\x07");
	self->regs.gpr[GPR_RDI] = 0x2000;
	self->e.cr0 |= X86_CR0_TS;
	EXPECT_RAISED(VEC_NM, false);
	self->e.cr0 |= X86_CR0_EM;
	EXPECT_RAISED(VEC_UD, false);
	self->e.cr0 &= ~(X86_CR0_TS | X86_CR0_EM);
	self->e.cr4 &= ~X86_CR4_OSFXSR;
	EXPECT_RAISED(VEC_UD, false);
	PUT("\xc5\xf8\x10\x07");
	self->e.xcr0 = 3;
	EXPECT_RAISED(VEC_UD, false);
	self->e.xcr0 = 7;
	self->e.cr4 &= ~X86_CR4_OSXSAVE;
	EXPECT_RAISED(VEC_UD, false);
	self->e.cr4 |= X86_CR4_OSXSAVE;
	EXPECT_EQ(EMUL_DONE, go(self));
}

TEST_HARNESS_MAIN
