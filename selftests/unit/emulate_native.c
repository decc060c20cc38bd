// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the real CPU: random instances of every opcode in the
 * emulator's tables, in 64-bit, 32-bit and 16-bit protected-mode code, with flat
 * and with odd segments, executed by both. General and vector registers, flags,
 * memory and faults must be the same. UNIT_SEED and UNIT_CASES (per opcode and
 * mode) in the environment repeat or extend a run.
 *
 * Links: kmod/emulator/decode.c kmod/emulator/decode_table.c kmod/emulator/emulator.c
 * Links: kmod/emulator/alu.c kmod/emulator/bit.c kmod/emulator/fpu.c
 * Links: kmod/emulator/move.c kmod/emulator/mul.c kmod/emulator/operand.c
 * Links: kmod/emulator/segment.c kmod/emulator/shift.c kmod/emulator/stack.c
 * Links: kmod/emulator/string.c kmod/emulator/system.c kmod/emulator/vec.c
 * Links: selftests/unit/native/native.c
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>

#include "kselftest_harness.h"

#include "emulator/emulator_private.h"
#include "native.h"

#define DEFAULT_SEED	20261122
#ifdef __SANITIZE_ADDRESS__
#define DEFAULT_CASES	20
#else
#define DEFAULT_CASES	100
#endif
#define MAX_FORMS	1024

#define FLAGS_COMPARED	(RFLAGS_ARITH | X86_EFLAGS_DF | X86_EFLAGS_AC)
#define CR4_USED	(X86_CR4_OSFXSR | X86_CR4_OSXSAVE)
#define CR0_USED	(X86_CR0_PE | X86_CR0_NE | X86_CR0_AM)

/* One line of the emulator's tables. */
struct form {
	u8 map, opcode, pp, group_reg;
	bool vex;
	bool prefixed;		/* another prefix makes it another instruction */
	const struct emul_opcode *op;
};

enum mode { MODE_64, MODE_32, MODE_32_SEG, MODE_16_SEG, NR_MODES };

/* Where the emulator finds descriptor tables: above all other memory. */
#define GDT_LINEAR	0xffff800000000000ull
#define LDT_LINEAR	0xffff800000010000ull

static const char *const mode_names[] = { "64", "32", "32 with segments", "16 with segments" };

struct bench {
	struct native native;
	struct user_regs_struct start;	/* also holds the segment selectors */
	struct regs regs;
	struct emul e;
	enum mode mode;
	u8 code[NATIVE_CODE_LEN];
	u8 data[NATIVE_DATA_LEN];	/* the emulator's copy of the native data */
	u8 vec[16][32];
	struct native_x87 x87;
	u16 loaded[6];		/* the selectors, as the emulator leaves them */
	u64 xcr0;
	u64 random;
	bool any_rsp;		/* this machine can run with one that is not canonical */
	bool linux_segments;	/* ... and its descriptors are what Linux made them */
};

static struct form forms[MAX_FORMS];
static unsigned int nr_forms;

static u64 env_number(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

/* xorshift64*: repeatable on every machine. */
static u64 rnd(struct bench *b)
{
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return b->random * 0x2545f4914f6cdd1dULL;
}

static bool one_in(struct bench *b, unsigned int n)
{
	return (rnd(b) >> 32) % n == 0;
}

static unsigned int below(struct bench *b, unsigned int n)
{
	return (rnd(b) >> 32) % n;
}

/* ---- The tables, as a list of forms ---- */

static bool is_port(const struct emul_opcode *op)
{
	return op->exec == emul_exec_in || op->exec == emul_exec_out ||
	       op->exec == emul_exec_ins || op->exec == emul_exec_outs;
}

/* The kernel makes something else of these before or after the CPU does. */
static bool is_left_to_kernel(const struct emul_opcode *op)
{
	return op->exec == emul_exec_store_table || op->exec == emul_exec_store_selector ||
	       op->exec == emul_exec_smsw;
}

/* MOVDIRI, which not every CPU in use has. */
static bool is_unknown_to_cpu(const struct form *form)
{
	unsigned int a, b, c, d;

	return form->map == 2 && form->opcode == 0xf9 &&
	       !(__get_cpuid_count(7, 0, &a, &b, &c, &d) && c & bit_MOVDIRI);
}

static void add_one(struct form form)
{
	if (is_left_to_kernel(form.op) || is_unknown_to_cpu(&form))
		return;
	forms[nr_forms++] = form;
	if (form.op->flags & OPF_VEX) {
		form.vex = true;
		forms[nr_forms++] = form;
	}
}

static void add_form(u8 map, u8 opcode, u8 pp, const struct emul_opcode *op)
{
	struct form form = { .map = map, .opcode = opcode, .pp = pp, .op = op };
	unsigned int i;

	if (!op || is_port(op))
		return;
	form.prefixed = map == 2 || (map == 1 && op != emul_opcode_0f(opcode, !pp));
	if (op->flags & OPF_GROUP) {
		for (i = 0; i < 8; i++) {
			form.op = &op->group[i];
			form.group_reg = i;
			if (form.op->exec)
				add_one(form);
		}
		return;
	}
	form.group_reg = 0xff;
	add_one(form);
}

static void list_forms(void)
{
	const struct emul_opcode *op;
	unsigned int i, pp;

	for (i = 0; i < 256; i++) {
		add_form(0, i, 0, emul_opcode_1byte(i));
		for (pp = 0; pp < 4; pp++) {
			op = emul_opcode_0f(i, pp);
			if (!pp || op != emul_opcode_0f(i, 0))
				add_form(1, i, pp, op);
			add_form(2, i, pp, emul_opcode_0f38(i, pp));
		}
	}
}

/* ---- The emulator's view of the world ---- */

static struct bench *bench_of(struct emul *e)
{
	return e->ctx;
}

static u16 selector(const struct bench *b, enum sreg seg)
{
	const struct user_regs_struct *s = &b->start;
	const u16 sel[] = { s->es, s->cs, s->ss, s->ds, s->fs, s->gs };

	return sel[seg];
}

static void op_segment(struct emul *e, enum sreg seg, struct segment *out)
{
	struct bench *b = bench_of(e);
	const struct native_desc *d;

	if (seg == SEG_LDTR) {
		*out = (struct segment){ .base = LDT_LINEAR, .limit = NATIVE_LDT_LIMIT,
					  .attr = SEG_ATTR_P };
		return;
	}
	d = native_descriptor(selector(b, seg));
	*out = (struct segment){ .base = d->base, .limit = d->limit, .attr = d->attr,
				  .selector = selector(b, seg) };
	if (b->mode == MODE_64 && seg == SEG_FS)
		out->base = b->start.fs_base;
	if (b->mode == MODE_64 && seg == SEG_GS)
		out->base = b->start.gs_base;
}

static void op_set_segment(struct emul *e, enum sreg seg, const struct segment *in)
{
	bench_of(e)->loaded[seg] = in->selector;
}

static void op_table(struct emul *e, bool idt, struct table_register *out)
{
	*out = (struct table_register){ .base = GDT_LINEAR, .limit = NATIVE_GDT_LIMIT };
}

static bool op_cpu_has(struct emul *e, enum emul_feature feature)
{
	return feature == EMUL_HAS_TZCNT ? __builtin_cpu_supports("bmi") :
					   __builtin_cpu_supports("lzcnt");
}

static void op_fpu_read(struct emul *e, struct emul_fpu *out)
{
	const struct native_x87 *x87 = &bench_of(e)->x87;

	*out = (struct emul_fpu){ .cw = x87->cw, .sw = x87->sw, .mxcsr = x87->mxcsr,
				  .mxcsr_mask = x87->mxcsr_mask };
}

static void op_fpu_write(struct emul *e, const struct emul_fpu *in)
{
	struct native_x87 *x87 = &bench_of(e)->x87;

	x87->cw = in->cw;
	x87->sw = in->sw;
	x87->mxcsr = in->mxcsr;
}

static void op_mmx_read(struct emul *e, unsigned int reg, u64 *val)
{
	*val = bench_of(e)->x87.mmx[reg];
}

static void op_mmx_write(struct emul *e, unsigned int reg, u64 val)
{
	bench_of(e)->x87.mmx[reg] = val;
}

static void op_mmx_used(struct emul *e)
{
	bench_of(e)->x87.tags = 0xff;
}

/* The descriptor that the emulator reads at @linear. */
static u64 descriptor_at(u64 linear)
{
	u16 selector = linear >= LDT_LINEAR ? (linear - LDT_LINEAR) | 7 : linear - GDT_LINEAR;
	const struct native_desc *d = native_descriptor(selector);
	u64 limit = d->limit, attr = d->attr;

	if (linear < LDT_LINEAR && !d->attr)
		d = native_descriptor(selector | 3);
	limit = d->limit;
	attr = d->attr;
	if (limit > 0xfffff) {
		limit >>= 12;
		attr |= SEG_ATTR_G;
	}
	return (limit & 0xffff) | (d->base & 0xffffff) << 16 | (attr & 0xff) << 40 |
	       (limit >> 16 & 0xf) << 48 | (attr >> 8 & 0xf) << 52 | d->base >> 24 << 56;
}

static int page_fault(struct emul *e, u64 address)
{
	e->fault = (struct emul_fault){ .vector = VEC_PF, .has_error = true, .cr2 = address };
	return EMUL_FAULT;
}

static bool page_allows(u64 page, unsigned int access)
{
	if (page >= NATIVE_CODE && page < NATIVE_CODE + NATIVE_CODE_LEN)
		return true;
	if (page < NATIVE_DATA || page >= NATIVE_DATA_END)
		return false;
	return page < NATIVE_RO || !(access & EMUL_WRITE);
}

static int op_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	u64 last_page = (linear + len - 1) & ~0xfffULL;

	if (!page_allows(linear & ~0xfffULL, access))
		return page_fault(e, linear);
	if (!page_allows(last_page, access))
		return page_fault(e, last_page);
	return EMUL_DONE;
}

static u8 *emulated_memory(struct bench *b, u64 linear)
{
	if (linear >= NATIVE_CODE)
		return b->code + (linear - NATIVE_CODE);
	return b->data + (linear - NATIVE_DATA);
}

static int op_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access)
{
	u64 desc;
	int ret;

	if (e->system) {
		desc = descriptor_at(linear);
		memcpy(buf, &desc, sizeof(desc));
		return EMUL_DONE;
	}
	ret = op_probe(e, linear, len, access);
	if (!ret)
		memcpy(buf, emulated_memory(bench_of(e), linear), len);
	return ret;
}

static int op_write(struct emul *e, u64 linear, const void *buf, unsigned int len)
{
	int ret = op_probe(e, linear, len, EMUL_WRITE);

	if (!ret)
		memcpy(emulated_memory(bench_of(e), linear), buf, len);
	return ret;
}

static int op_compare_exchange(struct emul *e, u64 linear, const void *old, const void *new,
		      unsigned int len)
{
	u8 now[16];
	int ret = op_read(e, linear, now, len, EMUL_WRITE);

	if (ret)
		return ret;
	return memcmp(now, old, len) ? EMUL_RETRY : op_write(e, linear, new, len);
}

static int op_fetch(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int *got)
{
	u64 end = NATIVE_CODE + NATIVE_CODE_LEN;

	if (linear < NATIVE_CODE || linear >= end)
		return page_fault(e, linear);
	*got = min_t(u64, len, end - linear);
	memcpy(buf, emulated_memory(bench_of(e), linear), *got);
	return EMUL_DONE;
}

static void op_vec_read(struct emul *e, unsigned int reg, void *buf, unsigned int len)
{
	memcpy(buf, bench_of(e)->vec[reg], len);
}

static void op_vec_write(struct emul *e, unsigned int reg, const void *buf, unsigned int len)
{
	memcpy(bench_of(e)->vec[reg], buf, len);
}

static bool op_iterate(struct emul *e)
{
	(void)e;
	return true;
}

static const struct emul_ops ops = {
	.segment = op_segment,
	.set_segment = op_set_segment,
	.table = op_table,
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
	.vec_read = op_vec_read,
	.vec_write = op_vec_write,
	.iterate = op_iterate,
};

/* ---- Making a case ---- */

static unsigned long long *gpr_of(struct user_regs_struct *r, unsigned int reg)
{
	unsigned long long *const gprs[16] = {
		&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
		&r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
	};

	return gprs[reg];
}

static u16 pick(struct bench *b, const u16 *from, unsigned int n)
{
	return from[below(b, n)];
}

static void set_segments(struct bench *b)
{
	static const u16 data[] = { SEL_LDT_DATA, SEL_LDT_DATA, SEL_LDT_DATA, SEL_LDT_RO,
				    SEL_LDT_DOWN16, SEL_LDT_DOWN32, SEL_LDT_CODE16,
				    SEL_FLAT, 0 };
	static const u16 stack[] = { SEL_LDT_DATA, SEL_LDT_DOWN16, SEL_LDT_DOWN32,
				     SEL_LDT_STACK16, SEL_FLAT };
	struct user_regs_struct *r = &b->start;

	r->cs = b->mode == MODE_64 ? SEL_CODE64 : SEL_CODE32;
	r->ds = r->es = r->ss = SEL_FLAT;
	r->fs = r->gs = 0;
	r->fs_base = r->gs_base = 0;
	if (b->mode == MODE_64) {
		r->fs_base = NATIVE_BASE + below(b, 0x1000);
		r->gs_base = one_in(b, 8) ? rnd(b) >> 17 : below(b, 0x1000);
	} else if (b->mode >= MODE_32_SEG) {
		r->cs = b->mode == MODE_16_SEG ? SEL_LDT_CODE16 :
			one_in(b, 2) ? SEL_LDT_CODE32 : SEL_LDT_XONLY;
		r->ds = pick(b, data, ARRAY_SIZE(data));
		r->es = pick(b, data, ARRAY_SIZE(data));
		r->fs = pick(b, data, ARRAY_SIZE(data));
		r->gs = pick(b, data, ARRAY_SIZE(data));
		r->ss = pick(b, stack, ARRAY_SIZE(stack));
		r->fs_base = native_descriptor(r->fs)->base;
		r->gs_base = native_descriptor(r->gs)->base;
	}
	b->e.cs_attr = native_descriptor(r->cs)->attr;
}

/* An address to hit: mostly in the data pages, some near their borders. */
static u64 pick_target(struct bench *b)
{
	u64 target;

	switch (below(b, 12)) {
	case 0:
		target = NATIVE_DATA + 0x1000 - below(b, 40);
		break;
	case 1:
		target = NATIVE_RO - 48 + below(b, 96);
		break;
	case 2:
		target = NATIVE_DATA_END - below(b, 40);
		break;
	case 3:
		target = NATIVE_DATA - 16 + below(b, 32);
		break;
	default:
		target = NATIVE_DATA + below(b, 0x1fc0);
		break;
	}
	return one_in(b, 2) ? target & ~31ULL : target;
}

static u64 offset_in(struct bench *b, enum sreg seg, u64 target)
{
	struct segment s;

	op_segment(&b->e, seg, &s);
	return b->mode == MODE_64 && seg < SEG_FS ? target : target - s.base;
}

static unsigned int immediate_bytes(const struct emul_insn *insn)
{
	if (insn->op->flags & OPF_IMM16)
		return 2;
	if (insn->op->flags & OPF_IMM8)
		return 1;
	return insn->op->flags & OPF_IMMZ ? min_t(unsigned int, insn->op_size, 4) : 0;
}

/* Changes registers or displacement so that the memory operand is at target. */
static void aim(struct bench *b, u8 *code, u64 target)
{
	struct emul_insn *insn = &b->e.insn;
	u64 miss = offset_in(b, insn->seg, target) - emul_effective_address(&b->e);
	unsigned int disp_len = 4;
	u32 disp = insn->disp + miss;

	if (insn->base != EMUL_NO_REG) {
		b->regs.gpr[insn->base] += miss;
	} else if (insn->index != EMUL_NO_REG) {
		b->regs.gpr[insn->index] += miss >> insn->scale;
	} else {
		if (insn->op->flags & OPF_MOFFS)
			disp_len = insn->addr_size;
		else if (insn->addr_size == 2)
			disp_len = 2;
		memset(code + insn->len - disp_len - immediate_bytes(insn), 0, disp_len);
		memcpy(code + insn->len - disp_len - immediate_bytes(insn), &disp,
		       min_t(unsigned int, disp_len, 4));
	}
}

static unsigned int put_vex(struct bench *b, const struct form *f, u8 *code)
{
	u8 last = (one_in(b, 6) ? rnd(b) & 0x78 : 0x78) | (one_in(b, 2) ? 4 : 0) | f->pp;

	if (f->map == 1 && one_in(b, 2)) {
		code[0] = 0xc5;
		code[1] = last | 0x80;
		return 2;
	}
	code[0] = 0xc4;
	code[1] = f->map | 0xe0;
	if (b->mode == MODE_64)
		code[1] = f->map | (rnd(b) & 0xe0);
	code[2] = last | (rnd(b) & 0x80);
	return 3;
}

static unsigned int put_legacy(struct bench *b, const struct form *f, u8 *code)
{
	static const u8 mandatory[] = { 0, 0x66, 0xf3, 0xf2 };
	bool vec = (f->op->flags & OPF_VEX) || f->prefixed;
	bool string = f->map == 0 && f->opcode >= 0xa4 && f->opcode <= 0xaf;
	unsigned int n = 0;

	if (f->pp)
		code[n++] = mandatory[f->pp];
	if (!vec && one_in(b, 4))
		code[n++] = 0x66;
	if (!vec && one_in(b, string ? 2 : 30))
		code[n++] = one_in(b, 2) ? 0xf2 : 0xf3;
	if (one_in(b, f->op->flags & OPF_LOCK ? 4 : 30))
		code[n++] = 0xf0;
	if (b->mode == MODE_64 && one_in(b, 2))
		code[n++] = 0x40 | (rnd(b) & 0xf);
	if (f->map)
		code[n++] = 0x0f;
	if (f->map == 2)
		code[n++] = 0x38;
	return n;
}

/* Bytes of one instance of a form, followed by noise; at most 15 count. */
static void make_bytes(struct bench *b, const struct form *f, u8 *code)
{
	static const u8 segs[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	unsigned int n = 0;
	unsigned int i;

	if (one_in(b, 8))
		code[n++] = 0x67;
	if (one_in(b, 6))
		code[n++] = segs[below(b, 6)];
	n += f->vex ? put_vex(b, f, code + n) : put_legacy(b, f, code + n);
	code[n++] = f->opcode;
	for (i = n; i < 24; i++)
		code[i] = rnd(b);
	if (f->group_reg != 0xff)
		code[n] = (code[n] & 0xc7) | f->group_reg << 3;
	/* Memory operands are what matters. */
	if (code[n] >= 0xc0 && !one_in(b, 4))
		code[n] -= 0x40 * (1 + below(b, 3));
}

static void random_registers(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		b->regs.gpr[i] = one_in(b, 4) ? (u64)below(b, 256) - 128 : rnd(b);
	b->regs.rflags = 0x202 | (rnd(b) & RFLAGS_ARITH);
	if (one_in(b, 3))
		b->regs.rflags |= X86_EFLAGS_DF;
	for (i = 0; i < sizeof(b->vec); i++)
		b->vec[i / 32][i % 32] = rnd(b);
}

static bool executes(const struct emul *e, int (*exec)(struct emul *e))
{
	return e->insn.op && e->insn.op->exec == exec;
}

/* Several operands and checks, of which any may be the one that fails first. */
static bool goes_far(const struct emul *e)
{
	return executes(e, emul_exec_jmp_far) || executes(e, emul_exec_call_far) ||
	       executes(e, emul_exec_ret_far) || executes(e, emul_exec_load_pointer) ||
	       executes(e, emul_exec_pop_sreg);
}

static bool moves_vector(const struct emul *e)
{
	return executes(e, emul_exec_vec_load) || executes(e, emul_exec_vec_store);
}

static bool is_short_movsxd(const struct emul *e)
{
	return e->insn.opcode == 0x63 && e->insn.op_size == 2;
}

/*
 * Not on trial with alignment checking, as CPUs differ: unaligned moves of whole vectors, MOVNTQ,
 * how much MOVSXD to 16 bits reads, and whether pushing or popping a selector takes 16 bits or the
 * whole slot.
 */
static void choose_alignment_check(struct bench *b)
{
	if (!moves_vector(&b->e) && !executes(&b->e, emul_exec_push_sreg) &&
	    !executes(&b->e, emul_exec_pop_sreg) && !executes(&b->e, emul_exec_mmx_store) &&
	    !is_short_movsxd(&b->e) && one_in(b, 12))
		b->regs.rflags |= X86_EFLAGS_AC;
}

static void aim_implicit(struct bench *b)
{
	enum sreg seg = b->e.insn.seg;

	if ((b->e.insn.op->flags & OPF_STACK) || goes_far(&b->e)) {
		b->regs.gpr[GPR_RSP] = offset_in(b, SEG_SS, pick_target(b));
		if (executes(&b->e, emul_exec_push_sreg) || executes(&b->e, emul_exec_pop_sreg))
			b->regs.gpr[GPR_RSP] &= ~7ULL;
		if (executes(&b->e, emul_exec_leave))
			b->regs.gpr[GPR_RBP] = b->regs.gpr[GPR_RSP];
		return;
	}
	b->regs.gpr[GPR_RSI] = offset_in(b, seg, pick_target(b));
	b->regs.gpr[GPR_RDI] = offset_in(b, SEG_ES, pick_target(b));
	/*
	 * Not on trial: the upper half of RCX with 32-bit addresses in 64-bit
	 * mode, which Intel's CPUs clear even if no iteration is done.
	 */
	b->regs.gpr[GPR_RCX] = below(b, 9);
}

/* Values that make comparisons come out equal, and bit offsets that stay near. */
static void prepare_operands(struct bench *b, u64 target)
{
	int (*exec)(struct emul *e) = b->e.insn.op->exec;

	if (exec == emul_exec_bit && one_in(b, 2))
		b->regs.gpr[b->e.insn.reg] = (s64)below(b, 4000) - 2000;
	if ((exec == emul_exec_cmpxchg || exec == emul_exec_cmpxchg8b) && one_in(b, 2) &&
	    target >= NATIVE_DATA && target + 16 <= NATIVE_DATA_END) {
		bool wide = b->e.insn.op_size == 8;

		memcpy(&b->regs.gpr[GPR_RAX], b->data + (target - NATIVE_DATA), 8);
		memcpy(&b->regs.gpr[GPR_RDX], b->data + (target - NATIVE_DATA) + (wide ? 8 : 4), 8);
	}
}

/* Where the emulator's stack pointer is. */
static u64 stack_linear(struct bench *b)
{
	struct segment ss;

	if (b->mode == MODE_64)
		return b->regs.gpr[GPR_RSP];
	op_segment(&b->e, SEG_SS, &ss);
	return (u32)(ss.base + (b->regs.gpr[GPR_RSP] & emul_mask(ss.attr & SEG_ATTR_DB ? 4 : 2)));
}

static u16 pick_selector(struct bench *b)
{
	static const u16 selectors[] = { 0, 3, SEL_FLAT, SEL_CODE32, SEL_CODE64, SEL_KERNEL_CODE,
		SEL_KERNEL_DATA, SEL_LDT_CODE16, SEL_LDT_CODE32, SEL_LDT_DATA, SEL_LDT_RO,
		SEL_LDT_DOWN16, SEL_LDT_STACK16, SEL_LDT_DOWN32, SEL_LDT_XONLY, SEL_LDT_BEYOND };
	u16 sel = pick(b, selectors, ARRAY_SIZE(selectors));

	return one_in(b, 6) && sel != SEL_KERNEL_CODE && sel != SEL_KERNEL_DATA ? sel & ~2 : sel;
}

/* The same bytes for both, where they may be. */
static void plant(struct bench *b, u64 linear, const void *bytes, unsigned int len)
{
	if (linear < NATIVE_DATA || linear + len > NATIVE_DATA_END)
		return;
	memcpy(emulated_memory(b, linear), bytes, len);
	memcpy((void *)linear, bytes, len);
}

static bool loads_segment(const struct emul *e)
{
	return goes_far(e) || executes(e, emul_exec_mov_to_sreg);
}

/* A selector, or for far pointers an offset and a selector, where they are looked for. */
static void plant_pointer(struct bench *b)
{
	const struct emul_insn *insn = &b->e.insn;
	u64 at = offset_in(b, insn->seg, 0);
	u16 selector = pick_selector(b);
	u64 offset = below(b, 0x1800), linear;

	if (b->mode != MODE_64 || insn->seg >= SEG_FS) {
		at = emul_effective_address(&b->e) - at;
		linear = b->mode == MODE_64 ? at : (u32)at;
	} else {
		linear = emul_effective_address(&b->e);
	}
	if (insn->is_reg) {
		b->regs.gpr[insn->rm] = selector;
	} else if (executes(&b->e, emul_exec_mov_to_sreg)) {
		plant(b, linear, &selector, 2);
	} else if (insn->op->flags & (OPF_MODRM | OPF_MEM)) {
		plant(b, linear, &offset, insn->op_size);
		plant(b, linear + insn->op_size, &selector, 2);
	} else {
		at = stack_linear(b);
		if (executes(&b->e, emul_exec_pop_sreg)) {
			plant(b, at, &selector, 2);
		} else {
			plant(b, at, &offset, insn->op_size);
			plant(b, at + insn->op_size, &selector, 2);
		}
	}
}

static void truncate_registers(struct bench *b)
{
	unsigned int i;

	if (!b->any_rsp)
		b->regs.gpr[GPR_RSP] = (s64)(b->regs.gpr[GPR_RSP] << 17) >> 17;

	for (i = 0; b->mode != MODE_64 && i < 16; i++)
		b->regs.gpr[i] = i < 8 ? (u32)b->regs.gpr[i] : 0;
}

static bool locks(const struct emul *e)
{
	return e->insn.lock || executes(e, emul_exec_xchg);
}

/* Hosts punish locked accesses across cache lines with milliseconds: none of them. */
static bool locks_across_lines(struct bench *b)
{
	u64 offset = offset_in(b, b->e.insn.seg, 0);

	return locks(&b->e) && ((emul_effective_address(&b->e) - offset) & 15);
}

/* Of a shift or rotate; 0: it is none. */
static unsigned int shift_count(const struct emul *e)
{
	u8 count;

	if (!executes(e, emul_exec_shift) && !executes(e, emul_exec_double_shift))
		return 0;
	count = e->insn.op->flags & OPF_IMM8 ? e->insn.imm :
		e->insn.op->flags & OPF_CL ? e->regs->gpr[GPR_RCX] : 1;
	return count & (e->insn.op_size == 8 ? 63 : 31);
}

/* By more bits than there are SHLD and SHRD may shift in anything. */
static bool has_no_result(const struct emul *e)
{
	return executes(e, emul_exec_double_shift) && shift_count(e) > 8 * e->insn.op_size;
}

static u8 *place_code(struct bench *b)
{
	/* Now and then against the end of the page (and of the segment). */
	u64 offset = one_in(b, 20) ? NATIVE_CODE_LEN - 1 - below(b, 12) : 0x100;
	u64 base = b->mode >= MODE_32_SEG ? NATIVE_CODE : 0;

	b->regs.rip = NATIVE_CODE + offset - base;
	return b->code + offset;
}

static void begin_decode(struct bench *b)
{
	b->e.fetched = 0;
	memset(b->e.insn.bytes, 0, sizeof(b->e.insn.bytes));
}

/* Fills b with a case of the form; false: the emulator does not claim it. */
static bool make_case(struct bench *b, const struct form *f)
{
	u8 bytes[24];
	u64 target = pick_target(b);
	unsigned int room;
	u8 *code;
	int ret;

	set_segments(b);
	random_registers(b);
	truncate_registers(b);
	code = place_code(b);
	room = b->code + NATIVE_CODE_LEN - code;
	make_bytes(b, f, bytes);
	memcpy(code, bytes, min_t(unsigned int, room, sizeof(bytes)));
	begin_decode(b);
	ret = emul_decode(&b->e);
	if (ret == EMUL_DONE) {
		choose_alignment_check(b);
		aim_implicit(b);
		if (!b->e.insn.is_reg && (b->e.insn.op->flags & (OPF_MODRM | OPF_MOFFS) ||
					  b->e.insn.modrm)) {
			if (locks(&b->e))
				target &= ~15ULL;
			prepare_operands(b, target);
			if (!(b->e.insn.op->flags & OPF_STACK) || one_in(b, 2))
				aim(b, code, target);
		}
		truncate_registers(b);
		begin_decode(b);
		if (emul_decode(&b->e) == EMUL_DONE && locks_across_lines(b))
			return false;
		if (has_no_result(&b->e) || (loads_segment(&b->e) && !b->linux_segments))
			return false;
		if (loads_segment(&b->e))
			plant_pointer(b);
	}
	memcpy((void *)(NATIVE_CODE + (code - b->code)), code, min_t(unsigned int, room, 24));
	return ret == EMUL_DONE || ret == EMUL_FAULT;
}

/* ---- Running and comparing ---- */

static void load_native(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		*gpr_of(&b->start, i) = b->regs.gpr[i];
	b->start.rip = b->regs.rip;
	b->start.eflags = b->regs.rflags;
	b->start.orig_rax = -1;
}

static int run_emulator(struct bench *b)
{
	const struct user_regs_struct *s = &b->start;
	const u16 loaded[] = { s->es, s->cs, s->ss, s->ds, s->fs, s->gs };
	int ret;

	memcpy(b->loaded, loaded, sizeof(loaded));
	begin_decode(b);
	b->e.fault.vector = 0;
	ret = emulate(&b->e);
	b->e.cs_attr = native_descriptor(s->cs)->attr;
	return ret;
}

/* Intel's CPUs take back the flags of completed iterations when a REP CMPS faults. */
static bool flags_count(const struct bench *b, const struct native_end *end)
{
	return end->vector == NATIVE_DONE || !b->e.insn.rep || !(executes(&b->e, emul_exec_cmps) ||
						   executes(&b->e, emul_exec_scas));
}

/*
 * They also clear the upper halves of what REP with 32-bit addresses uses. Outside 64-bit code
 * upper halves are undefined: RSP's is of Linux's way back to 16-bit stacks.
 */
static u64 compared_bits(const struct bench *b, unsigned int reg, const struct native_end *end)
{
	bool used = reg == GPR_RCX || reg == GPR_RSI || reg == GPR_RDI;

	if (end->vector == NATIVE_DONE || !b->e.insn.op || !b->e.insn.rep || !used)
		return b->mode == MODE_64 ? ~0ULL : ~0U;
	return emul_mask(b->e.insn.addr_size);
}

/* Flags that the manuals leave undefined, and the CPUs to themselves. */
static u64 undefined_flags(const struct emul *e)
{
	unsigned int size = e->insn.op_size;

	if (!e->insn.op)
		return 0;
	if (executes(e, emul_exec_mul) || executes(e, emul_exec_imul))
		return RFLAGS_ARITH & ~(X86_EFLAGS_CF | X86_EFLAGS_OF);
	if (executes(e, emul_exec_div))
		return RFLAGS_ARITH;
	if (executes(e, emul_exec_bit_scan))
		return RFLAGS_ARITH & ~(e->insn.rep == 0xf3 ? X86_EFLAGS_ZF | X86_EFLAGS_CF : X86_EFLAGS_ZF);
	if (executes(e, emul_exec_shift) && e->insn.op->arg < SHIFT_SHL)
		return X86_EFLAGS_OF;
	if (executes(e, emul_exec_shift))
		return X86_EFLAGS_OF | X86_EFLAGS_AF | (size < 4 ? X86_EFLAGS_CF : 0);
	if (executes(e, emul_exec_double_shift))
		return X86_EFLAGS_OF | X86_EFLAGS_AF;
	return 0;
}

/* Then OF is defined. */
static bool by_one(const struct emul *e)
{
	return shift_count(e) == 1;
}

static bool same_selectors(const struct bench *b, const struct user_regs_struct *native)
{
	const u16 now[] = { native->es, native->cs, native->ss, native->ds, native->fs, native->gs };

	return !memcmp(now, b->loaded, sizeof(now));
}

static bool same_registers(const struct bench *b, struct user_regs_struct *native,
			   const struct native_end *end)
{
	u64 flags = flags_count(b, end) ? FLAGS_COMPARED : X86_EFLAGS_DF;
	u64 undefined = undefined_flags(&b->e);
	unsigned int i;

	if (undefined && by_one(&b->e))
		undefined &= ~(X86_EFLAGS_OF | X86_EFLAGS_CF);
	flags &= ~undefined;

	for (i = 0; i < 16; i++) {
		if ((*gpr_of(native, i) ^ b->regs.gpr[i]) & compared_bits(b, i, end))
			return false;
	}
	return native->rip == b->regs.rip && same_selectors(b, native) &&
	       !((native->eflags ^ b->regs.rflags) & flags);
}

static bool same_vectors(struct bench *b)
{
	u8 native[16][32];

	return !native_get_vec(&b->native, native) && !memcmp(native, b->vec, sizeof(native));
}

static bool is_pair(u8 a, u8 b, u8 x, u8 y)
{
	return (a == x && b == y) || (a == y && b == x);
}

/*
 * Where an operand has two faults the CPU chooses: #AC or #PF; #GP of a vector
 * (or CMPXCHG16B) not aligned or #SS of its segment. (And either operand of CMPS.)
 */
static bool same_vector(const struct emul *e, u8 native)
{
	u8 vector = e->fault.vector;

	if (goes_far(e) || executes(e, emul_exec_call) || executes(e, emul_exec_enter))
		return true;
	return vector == native || is_pair(vector, native, VEC_AC, VEC_PF) ||
	       ((moves_vector(e) || executes(e, emul_exec_cmpxchg8b)) &&
		is_pair(vector, native, VEC_SS, VEC_GP));
}

static bool same_end(const struct bench *b, int ret, const struct native_end *end)
{
	if (ret == EMUL_DONE)
		return end->vector == NATIVE_DONE;
	if (ret != EMUL_FAULT || end->vector == NATIVE_DONE)
		return false;
	if (executes(&b->e, emul_exec_cmps) || goes_far(&b->e))
		return true;
	if (!same_vector(&b->e, end->vector))
		return false;
	return b->e.fault.vector != VEC_PF || end->vector != VEC_PF ||
	       b->e.fault.cr2 == end->address;
}

static void describe(const struct bench *b, struct user_regs_struct *native, int ret,
		     const struct native_end *end)
{
	const u8 *code = b->code + (b->start.rip & (NATIVE_CODE_LEN - 1));
	unsigned int i;

	printf("# %s-bit, bytes", mode_names[b->mode]);
	for (i = 0; i < EMUL_INSN_MAX && code + i < b->code + NATIVE_CODE_LEN; i++)
		printf(" %02x", code[i]);
	printf("\n# ds %llx es %llx ss %llx fs %llx gs %llx\n", b->start.ds, b->start.es,
	       b->start.ss, b->start.fs, b->start.gs);
	for (i = 0; i < 16; i++) {
		u64 was = *gpr_of((struct user_regs_struct *)&b->start, i);

		printf("# r%u %llx", i, (unsigned long long)was);
		if (*gpr_of(native, i) == b->regs.gpr[i])
			printf(" -> %llx\n", *gpr_of(native, i));
		else
			printf(" native %llx emulator %llx <--\n", *gpr_of(native, i),
			       (unsigned long long)b->regs.gpr[i]);
	}
	printf("# rip %llx native %llx emulator %llx, flags %llx native %llx emulator %llx\n",
	       b->start.rip, native->rip, (unsigned long long)b->regs.rip, b->start.eflags,
	       native->eflags, (unsigned long long)b->regs.rflags);
	printf("# native vector %u address %llx; emulator result %d vector %u cr2 %llx\n",
	       end->vector, (unsigned long long)end->address, ret,
	       ret == EMUL_FAULT ? b->e.fault.vector : 0, (unsigned long long)b->e.fault.cr2);
}

/*
 * A pushed selector fills its 32-bit stack slot with zeros or leaves the upper
 * half alone, as the CPU likes: not on trial (and the slot is aligned).
 */
static void forgive_stack(struct bench *b)
{
	u64 linear = stack_linear(b);

	if (executes(&b->e, emul_exec_pushf))
		*(u8 *)(linear + 1) &= ~(X86_EFLAGS_TF >> 8);	/* it is there for the single step */
	if (executes(&b->e, emul_exec_push_sreg) && b->e.insn.op_size == 4)
		memcpy((void *)(linear + 2), emulated_memory(b, linear + 2), 2);
}

static bool uses_x87(const struct emul_opcode *op)
{
	return op->exec == emul_exec_fldcw || op->exec == emul_exec_fnstcw ||
	       op->exec == emul_exec_fnstsw || op->exec == emul_exec_ldmxcsr ||
	       op->exec == emul_exec_stmxcsr || op->exec == emul_exec_mmx_load ||
	       op->exec == emul_exec_mmx_store;
}

/* Random control words, now and then with a pending exception. */
static int make_x87(struct bench *b)
{
	unsigned int i;

	if (native_get_x87(&b->native, &b->x87))
		return -1;
	b->x87.cw = (rnd(b) & 0xf3f) | 0x40;
	b->x87.sw = one_in(b, 4) ? rnd(b) & 0x3f : 0;
	if (b->x87.sw & ~b->x87.cw & 0x3f)
		b->x87.sw |= 0x8080;
	b->x87.tags = rnd(b);
	b->x87.mxcsr = 0x1f80 | (rnd(b) & 0x7f);
	for (i = 0; i < 8; i++)
		b->x87.mmx[i] = rnd(b);
	return 0;
}

static bool same_x87(struct bench *b)
{
	struct native_x87 native;

	return !native_get_x87(&b->native, &native) && native.cw == b->x87.cw &&
	       native.sw == b->x87.sw && native.tags == b->x87.tags &&
	       native.mxcsr == b->x87.mxcsr &&
	       !memcmp(native.mmx, b->x87.mmx, sizeof(native.mmx));
}

/* After a load of SS the trap comes one instruction later: that one does nothing. */
static bool step_onto_nop(struct bench *b)
{
	u64 at = (b->start.rip & (NATIVE_CODE_LEN - 1)) + b->e.insn.len;

	if (at >= NATIVE_CODE_LEN)
		return false;
	*(u8 *)(NATIVE_CODE + at) = 0x90;
	return true;
}

/* A step is made for each iteration. Other instructions may well jump to themselves. */
static bool is_repeated(const struct emul *e)
{
	return e->insn.rep &&
	       (executes(e, emul_exec_movs) || executes(e, emul_exec_stos) ||
		executes(e, emul_exec_lods) || executes(e, emul_exec_cmps) ||
		executes(e, emul_exec_scas));
}

static bool cpu_is_amd(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx;
}

/* A fault that an access to memory, or the selector it was for, may make. */
static bool is_of_access(u8 vector)
{
	return vector == VEC_PF || vector == VEC_AC ||
	       (vector >= VEC_TS && vector <= VEC_GP);
}

/*
 * Where AMD's CPUs differ, and the emulator does as Intel's. If one of several accesses faults,
 * they leave done what they had done, in an order of their own. An operand that wraps round at
 * 4 GiB exceeds the segment's limit. A far call into 64-bit code pushes without a segment's base.
 */
static bool is_amds_way(const struct bench *b, int ret, const struct native_end *end)
{
	const struct emul *e = &b->e;

	if (!cpu_is_amd() || end->vector == NATIVE_DONE)
		return false;
	if (ret == EMUL_DONE)
		return executes(e, emul_exec_call_far) && b->loaded[SEG_CS] == SEL_CODE64;
	if (e->fault.vector == VEC_PF && e->fault.cr2 > 0xfffffff0 &&
	    (end->vector == VEC_GP || end->vector == VEC_SS))
		return b->mode != MODE_64;
	return is_of_access(end->vector) &&
	       (goes_far(e) || executes(e, emul_exec_pusha) || executes(e, emul_exec_popa) ||
		executes(e, emul_exec_enter));
}

/* 1: same, 0: not emulated, -1: different. */
static int compare_case(struct bench *b, const struct form *f)
{
	bool vec = f->op->flags & OPF_VEX, x87 = uses_x87(f->op);
	struct user_regs_struct native;
	struct native_end end;
	int ret;

	if (!make_case(b, f))
		return 0;
	load_native(b);
	native = b->start;
	if (vec && native_set_vec(&b->native, b->vec))
		return -1;
	if (x87 && (make_x87(b) || native_set_x87(&b->native, &b->x87)))
		return -1;
	ret = run_emulator(b);
	if (ret == EMUL_UNHANDLED)
		return 0;
	if (b->e.shadow && !step_onto_nop(b))
		return 0;
	if (native_step(&b->native, &native, is_repeated(&b->e), &end))
		return -1;
	if (ret == EMUL_DONE)
		forgive_stack(b);
	if (ret == EMUL_DONE && b->e.shadow)
		native.rip--;
	if (same_registers(b, &native, &end) && same_end(b, ret, &end) &&
	    (!vec || same_vectors(b)) && (!x87 || same_x87(b)) &&
	    !memcmp(b->data, (void *)NATIVE_DATA, NATIVE_DATA_LEN))
		return 1;
	memcpy(b->data, (void *)NATIVE_DATA, NATIVE_DATA_LEN);
	if (is_amds_way(b, ret, &end))
		return 1;
	describe(b, &native, ret, &end);
	return -1;
}

/* Random memory, with a stretch of equal bytes for the string comparisons. */
static void fill_memory(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < sizeof(b->data); i++)
		b->data[i] = i % 0x1000 < 0x800 ? rnd(b) : 0x55;
	memcpy((void *)NATIVE_DATA, b->data, sizeof(b->data));
}

static u64 read_xcr0(void)
{
	unsigned int a, b, c, d;
	u32 low, high;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (u64)high << 32 | low;
}

/* Whether a NOP can be executed so; not every hypervisor this may run under lets user mode do all. */
static bool can_run(struct bench *b, enum mode mode, u64 rsp)
{
	struct user_regs_struct regs;
	struct native_end end;

	b->mode = mode;
	do
		set_segments(b);
	while (mode == MODE_32_SEG && b->start.cs != SEL_LDT_CODE32);
	regs = b->start;
	regs.rip = mode >= MODE_32_SEG ? 0x100 : NATIVE_CODE + 0x100;
	regs.rsp = rsp;
	regs.eflags = 0x202;
	regs.orig_rax = -1;
	*(u8 *)(NATIVE_CODE + 0x100) = 0x90;
	return !native_step(&b->native, &regs, false, &end) && end.vector == NATIVE_DONE;
}

FIXTURE(emulate_native)
{
	struct bench *bench;
	u64 cases;
};

FIXTURE_SETUP(emulate_native)
{
	struct bench *b = calloc(1, sizeof(*b));
	u64 seed = env_number("UNIT_SEED", DEFAULT_SEED);

	ASSERT_NE(NULL, b);
	setvbuf(stdout, NULL, _IOLBF, 0);
	self->bench = b;
	self->cases = env_number("UNIT_CASES", DEFAULT_CASES);
	nr_forms = 0;
	list_forms();
	if (native_start(&b->native))
		SKIP(return, "no traced child here: %s", strerror(errno));
	printf("# UNIT_SEED=%llu UNIT_CASES=%llu\n", (unsigned long long)seed,
	       (unsigned long long)self->cases);
	b->random = seed;
	b->xcr0 = read_xcr0();
	b->e = (struct emul){ .ops = &ops, .ctx = b, .regs = &b->regs, .cr0 = CR0_USED,
			      .cr4 = CR4_USED, .efer = EFER_LMA, .cpl = 3, .xcr0 = b->xcr0 };
	fill_memory(b);
	b->linux_segments = can_run(b, MODE_32, NATIVE_DATA);
	b->any_rsp = can_run(b, MODE_64, 1ull << 62);
}

FIXTURE_TEARDOWN(emulate_native)
{
	native_stop(&self->bench->native);
	free(self->bench);
}

/* It is #UD in 64-bit code, or LES or LDS, which are VEX prefixes there. */
static bool is_none_in_64bit_code(const struct form *f)
{
	return f->op->flags & OPF_NO64;
}

/* All forms in one mode; returns how many differ, counts those never compared. */
static unsigned int compare_mode(struct bench *b, enum mode mode, u64 cases, unsigned int *idle)
{
	unsigned int different = 0;
	struct emul form = { 0 };
	unsigned int i, same;
	u64 n;
	int ret;

	*idle = 0;
	b->mode = mode;
	for (i = 0; i < nr_forms; i++) {
		if (mode == MODE_64 && is_none_in_64bit_code(&forms[i]))
			continue;
		same = 0;
		form.insn.op = forms[i].op;
		for (n = 0; n < cases && different < 10; n++) {
			ret = compare_case(b, &forms[i]);
			same += ret > 0;
			different += ret < 0;
		}
		if (different < 10 && same < cases / 4 && !(forms[i].op->flags & OPF_ONLY64) &&
		    (b->linux_segments || !loads_segment(&form))) {
			printf("# map %u opcode %02x pp %u /%u vex %d: compared only %u times\n",
			       forms[i].map, forms[i].opcode, forms[i].pp, forms[i].group_reg,
			       forms[i].vex, same);
			(*idle)++;
		}
	}
	return different;
}

TEST_F_TIMEOUT(emulate_native, code_64bit, 250)
{
	unsigned int idle;

	EXPECT_EQ(0, compare_mode(self->bench, MODE_64, self->cases, &idle));
	EXPECT_EQ(0, idle);
}

TEST_F_TIMEOUT(emulate_native, code_32bit, 250)
{
	unsigned int idle;

	if (!can_run(self->bench, MODE_32, NATIVE_DATA))
		SKIP(return, "this machine does not run such code in user mode");
	EXPECT_EQ(0, compare_mode(self->bench, MODE_32, self->cases, &idle));
	EXPECT_EQ(0, idle);
}

TEST_F_TIMEOUT(emulate_native, code_32bit_with_segments, 250)
{
	unsigned int idle;

	if (!can_run(self->bench, MODE_32_SEG, NATIVE_DATA))
		SKIP(return, "this machine does not run such code in user mode");
	EXPECT_EQ(0, compare_mode(self->bench, MODE_32_SEG, self->cases, &idle));
	EXPECT_EQ(0, idle);
}

TEST_F_TIMEOUT(emulate_native, code_16bit_with_segments, 250)
{
	unsigned int idle;

	if (!can_run(self->bench, MODE_16_SEG, NATIVE_DATA))
		SKIP(return, "this machine does not run such code in user mode");
	EXPECT_EQ(0, compare_mode(self->bench, MODE_16_SEG, self->cases, &idle));
	EXPECT_EQ(0, idle);
}

TEST_HARNESS_MAIN
