// SPDX-License-Identifier: GPL-2.0
/*
 * What guest code stands on: descriptor tables, page tables, task states, and a vCPU's
 * registers at its start, in each mode of the CPU.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define STUB		(GUEST_CODE + CODE_SIZE)	/* handlers of 32 and 64 bits */
#define STUB16		(STUB + PAGE)
#define IDT64		(STUB + 2 * PAGE)
#define IDT32		(STUB + 3 * PAGE)
#define GDT		(STUB + 4 * PAGE)
#define TSS64		(STUB + 5 * PAGE)
#define TSS32		(STUB + 6 * PAGE)
#define TASK		(STUB + 7 * PAGE)
#define DIRECTORY	(STUB + 8 * PAGE)	/* 32-bit paging */
#define PAE_POINTERS	(STUB + 9 * PAGE)
#define STACK		(GUEST_STACKS + 0xf000)

struct gate {
	__u16 low, selector, flags, high;
};

struct tss32 {
	__u32 link, esp0, ss0, stacks[4], cr3, eip, eflags, regs[8], es, cs, ss, ds, fs, gs, ldt, iomap;
};

/* Every vector: EOI, some of the way back on the stack, and the code again. */
static void write_stubs(struct machine *m)
{
	static const __u8 stub[] = {
		0xbb, 0xb0, 0x00, 0xe0, 0xfe,		/* mov $0xfee000b0,%ebx */
		0xc7, 0x03, 0, 0, 0, 0,			/* movl $0,(%rbx) */
		0xbc, 0x00, 0xf0, 0x20, 0x00,		/* mov $0x20f000,%esp */
		0xe9, 0, 0, 0, 0,			/* jmp to the start */
	};
	static const __u8 stub16[] = {
		0xbc, 0x00, 0xff,			/* mov $0xff00,%sp */
		0xea, 0, 0, GUEST_CODE >> 4 & 0xff, GUEST_CODE >> 12,
	};
	__u8 *at = m->vm.memory + STUB;
	__s32 back = (__s32)GUEST_CODE - (__s32)(STUB + sizeof(stub));
	__u32 *vectors = (__u32 *)m->vm.memory;

	memcpy(at, stub, sizeof(stub));
	memcpy(at + sizeof(stub) - 4, &back, sizeof(back));
	memcpy(m->vm.memory + STUB16, stub16, sizeof(stub16));
	for (int i = 0; i < 256; i++)
		vectors[i] = STUB16 >> 4 << 16;
}

/* Interrupt and trap gates, now and then for user mode, or another kind. */
static void write_gates(struct rng *rng, struct machine *m)
{
	static const __u16 kinds[] = { 0x8600, 0x8500, 0xe500, 0x8c00, 0x0e00, 0x8900 };
	struct gate *gates32 = (struct gate *)(m->vm.memory + IDT32);
	struct gate *gates64 = (struct gate *)(m->vm.memory + IDT64);
	bool odd = one_in(rng, 4);

	for (int i = 0; i < 256; i++) {
		__u16 flags = 0x8e00 | (one_in(rng, 4) ? 0x100 : 0) | (one_in(rng, 3) ? 0x6000 : 0);

		if (odd && one_in(rng, 20))
			flags = pick(rng, kinds);
		gates32[i] = (struct gate){ STUB & 0xffff, CODE32, flags, STUB >> 16 };
		if ((flags & 0x1f00) == 0x500)
			gates32[i].selector = TASK_SELECTOR;
		if (odd && one_in(rng, 20))
			flags |= below(rng, 8);	/* IST */
		gates64[2 * i] = (struct gate){ STUB & 0xffff, CODE64, flags, STUB >> 16 };
		gates64[2 * i + 1] = (struct gate){ 0 };
	}
}

static __u64 tss_descriptor(__u32 base)
{
	return 0x0000890000000fff | (__u64)(base & 0xffffff) << 16 | (__u64)(base >> 24) << 56;
}

static void write_descriptors(struct machine *m)
{
	__u64 gdt[] = {
		[CODE64 / 8] = 0x00af9b000000ffff,
		[DATA / 8] = 0x00cf93000000ffff,
		[CODE32 / 8] = 0x00cf9b000000ffff,
		[CODE16 / 8] = 0x00009b010000ffff,
		[USER_CODE64 / 8] = 0x00affb000000ffff,
		[USER_DATA / 8] = 0x00cff3000000ffff,
		[USER_CODE32 / 8] = 0x00cffb000000ffff,
		[TSS_SELECTOR / 8] = tss_descriptor(TSS32),
		[TSS_SELECTOR / 8 + 1] = 0,
		[TASK_SELECTOR / 8] = tss_descriptor(TASK),
		[CALL_GATE / 8] = 0x0000ec0000180000 | GUEST_CODE >> 16 << 48,
	};

	memcpy(m->vm.memory + GDT, gdt, sizeof(gdt));
}

static void write_task_states(struct rng *rng, struct machine *m)
{
	__u64 *tss = (__u64 *)(m->vm.memory + TSS64 + 4);
	struct tss32 task = {
		.link = TSS_SELECTOR, .esp0 = STACK, .ss0 = DATA, .cr3 = DIRECTORY, .eip = GUEST_CODE, .eflags = 2,
		.regs = { [4] = STACK }, .es = DATA, .cs = CODE32, .ss = DATA, .ds = DATA,
		.fs = DATA, .gs = DATA, .iomap = sizeof(task) << 16,
	};

	memcpy(m->vm.memory + TSS32, &task, sizeof(task));
	for (int n = one_in(rng, 3) ? below(rng, 4) : 0; n; n--)
		((__u32 *)&task)[below(rng, sizeof(task) / 4)] = odd_number(rng);
	memcpy(m->vm.memory + TASK, &task, sizeof(task));
	for (int i = 0; i < 11; i++)
		tss[i] = STACK;		/* of privileges and IST */
}

/* 4 GiB one to one, for all three formats. */
static void write_pages(struct rng *rng, struct machine *m)
{
	__u64 *table = (__u64 *)(m->vm.memory + GUEST_PAGE_TABLES);
	__u64 *pointers = (__u64 *)(m->vm.memory + PAE_POINTERS);
	__u32 *directory = (__u32 *)(m->vm.memory + DIRECTORY);

	table[0] = (GUEST_PAGE_TABLES + PAGE) | 7;
	for (__u64 i = 0; i < 4; i++) {
		table[512 + i] = (GUEST_PAGE_TABLES + (2 + i) * PAGE) | 7;
		pointers[i] = (GUEST_PAGE_TABLES + (2 + i) * PAGE) | 1;
	}
	for (__u64 i = 0; i < 4 * 512; i++)
		table[1024 + i] = i << 21 | 0x87;
	for (__u32 i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x87;
	/* Entries that no operating system would write. */
	for (int n = one_in(rng, 3) ? below(rng, 20) : 0; n; n--) {
		table[below(rng, 6 * 512)] = odd_number(rng) ^ rnd(rng) << 60;
		directory[below(rng, 1024)] ^= 1U << below(rng, 32);
	}
}

void write_tables(struct rng *rng, struct machine *m)
{
	write_stubs(m);
	write_gates(rng, m);
	write_descriptors(m);
	write_task_states(rng, m);
	write_pages(rng, m);
}

static struct minivmm_segment segment(__u16 selector, __u32 limit, __u8 type, int l, int db)
{
	return (struct minivmm_segment){ .selector = selector, .limit = limit, .type = type,
					 .present = 1, .s = 1, .g = limit > 0xfffff, .l = l, .db = db,
					 .dpl = selector & 3 };
}

static void set_data(struct minivmm_sregs *sregs, struct minivmm_segment data)
{
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
}

static void set_tss(struct minivmm_sregs *sregs, __u32 base)
{
	sregs->tr = (struct minivmm_segment){ .base = base, .limit = 0xfff, .selector = TSS_SELECTOR,
					      .type = 0xb, .present = 1 };
}

static void real_mode(struct rng *rng, struct minivmm_sregs *sregs)
{
	sregs->cr0 = 0x10;
	sregs->cs = segment(GUEST_CODE >> 4, 0xffff, 0xb, 0, 0);
	sregs->cs.base = GUEST_CODE;
	set_data(sregs, segment(0, 0xffff, 3, 0, 0));
	if (one_in(rng, 4))	/* with the limits of protected mode */
		sregs->ds.limit = sregs->es.limit = ~0, sregs->ds.g = sregs->es.g = 1;
	sregs->idt.limit = 0x3ff;
	sregs->idt.base = 0;
}

/* Bits of control registers that need not be so. */
static __u64 odd_bits(struct rng *rng, __u64 mask)
{
	return one_in(rng, 3) ? rnd(rng) & mask : 0;
}

static void protected_mode(struct rng *rng, struct minivmm_sregs *sregs)
{
	bool user = one_in(rng, 3);

	sregs->cr0 = 0x33 ^ odd_bits(rng, 0x5002e);
	sregs->cs = segment(user ? USER_CODE32 | 3 : CODE32, ~0, 0xb, 0, 1);
	set_data(sregs, segment(user ? USER_DATA | 3 : DATA, ~0, 3, 0, 1));
	if (!user && one_in(rng, 4)) {
		sregs->cs = segment(CODE16, 0xffff, 0xb, 0, 0);
		sregs->cs.base = GUEST_CODE;
		sregs->ss.db = 0;
	}
	set_tss(sregs, TSS32);
	sregs->idt.base = IDT32;
	sregs->idt.limit = 0x7ff;
	if (one_in(rng, 2))
		return;
	sregs->cr0 |= 1U << 31;
	sregs->cr4 = one_in(rng, 2) ? 0x610 : 0x620;
	sregs->cr3 = sregs->cr4 & 0x20 ? PAE_POINTERS : DIRECTORY;
	sregs->cr4 ^= odd_bits(rng, 0x78078f);
}

static void virtual_8086(struct rng *rng, struct minivmm_sregs *sregs)
{
	protected_mode(rng, sregs);
	sregs->cr0 |= 0x21;
	sregs->cs = segment(GUEST_CODE >> 4, 0xffff, 3, 0, 0);
	sregs->cs.base = GUEST_CODE;
	set_data(sregs, segment(0, 0xffff, 3, 0, 0));
	sregs->cs.dpl = sregs->ds.dpl = sregs->es.dpl = 3;
	sregs->fs.dpl = sregs->gs.dpl = sregs->ss.dpl = 3;
	sregs->cr4 ^= odd_bits(rng, 3);
}

static void long_mode(struct rng *rng, struct minivmm_sregs *sregs)
{
	bool user = one_in(rng, 3), compat = one_in(rng, 4);
	__u16 cs = compat ? (user ? USER_CODE32 | 3 : CODE32) : (user ? USER_CODE64 | 3 : CODE64);

	sregs->cs = segment(cs, ~0, 0xb, !compat, compat);
	set_data(sregs, segment(user ? USER_DATA | 3 : DATA, ~0, 3, 0, 1));
	sregs->cr0 = 0x80010033 ^ odd_bits(rng, 0x5002e);
	sregs->cr3 = GUEST_PAGE_TABLES;
	sregs->cr4 = 0x620 ^ odd_bits(rng, 0x77078f);
	sregs->efer = 0x500 | odd_bits(rng, 0x801);
	set_tss(sregs, TSS64);
	sregs->idt.base = IDT64;
	sregs->idt.limit = 0xfff;
}

/* May be refused by now. */
static void set_cpuid(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid);
	free(cpuid);
}

static void set_breakpoints(struct rng *rng, struct vcpu *vcpu)
{
	struct minivmm_debugregs debug = { .dr6 = 0xffff0ff0 };

	for (int i = 0; i < 4; i++)
		debug.db[i] = one_in(rng, 2) ? GUEST_CODE + below(rng, 200) : STACK - below(rng, 64);
	debug.dr7 = 0x400 | (rnd(rng) & 0xffff20ff);
	call(vcpu->fd, MINIVMM_SET_DEBUGREGS, &debug);
}

void enter_code(struct rng *rng, struct vcpu *vcpu)
{
	struct minivmm_regs regs = { .rip = GUEST_CODE, .rsp = STACK - 0x1000, .rflags = 2 };
	struct minivmm_mp_state state = { MINIVMM_MP_STATE_RUNNABLE };
	struct minivmm_sregs sregs;
	int mode = below(rng, 12);

	if (call(vcpu->fd, MINIVMM_GET_SREGS, &sregs))
		return;
	if (mode)
		set_cpuid(vcpu);
	sregs.gdt.base = GDT;
	sregs.gdt.limit = GDT_LIMIT;
	sregs.efer = sregs.cr4 = 0;
	memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
	if (mode <= 1)
		real_mode(rng, &sregs);
	else if (mode <= 4)
		protected_mode(rng, &sregs);
	else if (mode == 5)
		virtual_8086(rng, &sregs);
	else
		long_mode(rng, &sregs);
	if (sregs.cs.base)
		regs.rip = 0;
	if (one_in(rng, 2))	/* the start may be what it stumbled over */
		regs.rip += below(rng, 500);
	if (mode == 5)
		regs.rflags |= 1 << 17;
	regs.rflags |= odd_bits(rng, 0x3d7300) | (one_in(rng, 2) ? 0x3000 : 0);
	call(vcpu->fd, MINIVMM_SET_SREGS, &sregs);
	regs.rax = odd_number(rng);
	regs.rcx = below(rng, 300);
	regs.rbx = EXTRA_GPA + below(rng, EXTRA_PAGES * PAGE);
	call(vcpu->fd, MINIVMM_SET_REGS, &regs);
	call(vcpu->fd, MINIVMM_SET_MP_STATE, &state);
	if (one_in(rng, 8))
		set_breakpoints(rng, vcpu);
}
