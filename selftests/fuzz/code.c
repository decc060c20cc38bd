// SPDX-License-Identifier: GPL-2.0
/*
 * Guest code: sequences from a table of instructions that concern a hypervisor, and
 * random bytes. Exceptions and interrupts go on with the code from its start.
 *
 * Left out, since they end the emulated hosts themselves: LTR,
 * writes of CR0, CR4 and EFER but for single harmless bits, task switches: no
 * 32-bit mode, where IRET, far jumps and gates make them.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define CODE_SIZE	0x2000UL
#define STUB		(GUEST_CODE + CODE_SIZE)
#define IDT		(STUB + PAGE)
#define GDT		(IDT + PAGE)

/* One instruction: its bytes; 'I' stands for a random byte, all else is literal. */
struct form {
	__u8 len, bytes[16];
	__u16 random;		/* bit n: byte n is random */
};

#define FORM(random, ...)							\
	{ sizeof((__u8[]){ __VA_ARGS__ }), { __VA_ARGS__ }, random }
#define PLAIN(...)	FORM(0, __VA_ARGS__)

static const struct form forms[] = {
	PLAIN(0x0f, 0xa2),			/* cpuid */
	FORM(1 << 1, 0xb8, 0, 0, 0, 0),		/* mov $byte,%eax */
	FORM(1 << 1, 0xb9, 0, 0, 0, 0),		/* mov $byte,%ecx */
	FORM(7 << 1, 0xb9, 0, 0, 0, 0x40),	/* mov $0x40xxxxxx,%ecx: paravirtual MSRs and others */
	FORM(1 << 1, 0xb9, 0, 1, 0, 0xc0),	/* mov $0xc00001xx,%ecx */
	FORM(1 << 1, 0xb9, 0, 8, 0, 0),		/* mov $0x8xx,%ecx: x2APIC */
	FORM(3 << 1, 0xba, 0, 0, 0, 0),		/* mov $word,%edx */
	FORM(1 << 1, 0xba, 0, 5, 0, 0),		/* mov $0x5xx,%edx: ioeventfds' ports */
	PLAIN(0x0f, 0x32),			/* rdmsr */
	PLAIN(0xb9, 0x10, 0, 0, 0, 0x0f, 0x30),	/* wrmsr: TSC, TSC_ADJUST, APIC base, deadline ... */
	PLAIN(0xb9, 0x3b, 0, 0, 0, 0x0f, 0x30),
	PLAIN(0xb9, 0xe0, 6, 0, 0, 0x0f, 0x30),
	FORM(1 << 1, 0xb9, 0, 2, 0, 0, 0x0f, 0x30),
	FORM(1 << 1, 0xb9, 0, 1, 0, 0xc0, 0x0f, 0x32),
	PLAIN(0x0f, 0x31),			/* rdtsc */
	PLAIN(0x0f, 0x01, 0xd0),		/* xgetbv */
	PLAIN(0xb9, 0, 0, 0, 0, 0xb8, 7, 0, 0, 0, 0xba, 0, 0, 0, 0),
	PLAIN(0x0f, 0x01, 0xd1),		/* xsetbv */
	PLAIN(0x0f, 0x01, 0xc1),		/* vmcall */
	PLAIN(0x0f, 0x01, 0xd9),		/* vmmcall */
	PLAIN(0xf4),				/* hlt */
	PLAIN(0xfb, 0xf4),			/* sti; hlt */
	PLAIN(0xf3, 0x90),			/* pause */
	PLAIN(0xfa),
	PLAIN(0xfb),
	PLAIN(0xcc),				/* int3 */
	PLAIN(0xf1),				/* icebp */
	PLAIN(0x0f, 0x0b),			/* ud2 */
	FORM(1 << 1, 0xcd, 0),			/* int n */
	PLAIN(0x9c, 0x80, 0x4c, 0x24, 1, 1, 0x9d),	/* pushf; orb $1,1(%rsp); popf: TF */
	PLAIN(0x0f, 0x09),			/* wbinvd */
	PLAIN(0x0f, 0x06),			/* clts */
	PLAIN(0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xf8, 3, 0x0f, 0x22, 0xc0),	/* btc CR0.TS */
	PLAIN(0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xf8, 16, 0x0f, 0x22, 0xc0),	/* btc CR0.WP */
	PLAIN(0x0f, 0x20, 0xe0, 0x0f, 0xba, 0xf8, 7, 0x0f, 0x22, 0xe0),	/* btc CR4.PGE */
	PLAIN(0x0f, 0x20, 0xe0, 0x0f, 0xba, 0xf8, 2, 0x0f, 0x22, 0xe0),	/* btc CR4.TSD */
	PLAIN(0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8),	/* CR3 to itself */
	PLAIN(0x44, 0x0f, 0x22, 0xc0),		/* mov %rax,%cr8 */
	PLAIN(0x0f, 0x01, 0x38),		/* invlpg (%rax) */
	PLAIN(0x0f, 0x23, 0xc0),		/* mov %rax,%db0 */
	PLAIN(0x0f, 0x21, 0xf0),		/* mov %db6,%rax */
	PLAIN(0x0f, 0x21, 0xf8, 0x0f, 0xba, 0xf8, 1, 0x0f, 0x23, 0xf8),	/* btc DR7.G0 */
	FORM(1 << 1, 0xe6, 0),			/* out %al,$n */
	FORM(1 << 1, 0xe4, 0),			/* in $n,%al */
	PLAIN(0xe6, 0x20), PLAIN(0xe6, 0x21), PLAIN(0xe6, 0xa0), PLAIN(0xe6, 0x40),
	PLAIN(0xe6, 0x43), PLAIN(0xe6, 0x61), PLAIN(0xe4, 0x61),
	PLAIN(0xee), PLAIN(0xef), PLAIN(0x66, 0xef), PLAIN(0xec), PLAIN(0xed),
	FORM(1 << 1, 0xb9, 0, 0, 0, 0, 0xf3, 0x6e),	/* rep outsb */
	FORM(1 << 1, 0xb9, 0, 0, 0, 0, 0xf3, 0x6c),	/* rep insb */
	FORM(1 << 1, 0xb9, 0, 0, 0, 0, 0xf3, 0xa4),	/* rep movsb */
	FORM(1 << 1, 0xb9, 0, 0, 0, 0, 0xf3, 0xaa),	/* rep stosb */
	FORM(3 << 1, 0xbf, 0, 0, 0, 0xd0),	/* mov $0xd000xxxx,%edi: devices */
	FORM(7 << 1, 0xbf, 0, 0, 0, 0x40),	/* mov $0x40xxxxxx,%edi: extra slots */
	FORM(3 << 1, 0xbf, 0, 0, 8, 0),		/* mov $0x8xxxx,%edi: its data */
	FORM(3 << 1, 0xbe, 0, 0, 8, 0),
	FORM(7 << 1, 0xbe, 0, 0, 0, 0x40),
	FORM(3 << 1, 0xbb, 0, 0, 0, 0xd0),	/* mov ..,%ebx */
	FORM(7 << 1, 0xbb, 0, 0, 0, 0x40),
	FORM(1 << 1, 0xbb, 0, 0, 0xe0, 0xfe),	/* the local APIC */
	FORM(1 << 1, 0xbb, 0, 3, 0xe0, 0xfe),
	FORM(1 << 1, 0xbb, 0, 0, 0xc0, 0xfe),	/* the I/O APIC */
	PLAIN(0x89, 0x03), PLAIN(0x8b, 0x03),	/* mov %eax,(%rbx) and back */
	PLAIN(0x88, 0x03), PLAIN(0x8a, 0x03), PLAIN(0x48, 0x89, 0x03), PLAIN(0x48, 0x8b, 0x03),
	PLAIN(0xf0, 0x48, 0x0f, 0xb1, 0x0b),	/* lock cmpxchg %rcx,(%rbx) */
	PLAIN(0x87, 0x03), PLAIN(0xf0, 0xff, 0x03), PLAIN(0x0f, 0xb6, 0x03), PLAIN(0xff, 0x33),
	PLAIN(0x8f, 0x03), PLAIN(0x80, 0x33, 0x55), PLAIN(0x0f, 0xba, 0x2b, 3), PLAIN(0xa5),
	PLAIN(0x66, 0x0f, 0x6f, 0x03), PLAIN(0x66, 0x0f, 0x7f, 0x03), PLAIN(0xd9, 0x2b),
	PLAIN(0xf7, 0x33), PLAIN(0xff, 0x13),	/* div, call */
	PLAIN(0x0f, 0x01, 0xc8), PLAIN(0x0f, 0x01, 0xc9),	/* monitor, mwait */
	PLAIN(0x0f, 0x01, 0xd8), PLAIN(0x0f, 0x01, 0xc2), PLAIN(0x0f, 0x01, 0xd4),	/* vmrun, vmlaunch, vmfunc */
	PLAIN(0xb8, 0, 0xfe, 0, 0, 0xbb, 0, 3, 0xe0, 0xfe, 0x89, 0x03),	/* an ICR of fixed delivery */
	FORM(1 << 1 | 1 << 2, 0xb8, 0, 0, 0xc, 0, 0xbb, 0, 3, 0xe0, 0xfe, 0x89, 0x03),	/* any IPI to others */
	FORM(1 << 1, 0xb8, 0, 0x40, 4, 0, 0xbb, 0, 3, 0xe0, 0xfe, 0x89, 0x03),	/* to itself */
	FORM(1 << 7 | 1 << 8, 0xbb, 0x80, 3, 0xe0, 0xfe, 0xc7, 0x03, 0, 0, 0, 0),	/* APIC timer */
	FORM(1 << 7, 0xbb, 0xf0, 0, 0xe0, 0xfe, 0xc7, 0x03, 0, 1, 0, 0),	/* SPIV on */
	FORM(1 << 1, 0x75, 0),			/* jne */
	FORM(1 << 1, 0xeb, 0),			/* jmp */
};

static size_t write_form(struct rng *rng, __u8 *at)
{
	const struct form *form = &pick(rng, forms);

	memcpy(at, form->bytes, form->len);
	for (int i = 0; i < form->len; i++)
		if (form->random >> i & 1)
			at[i] = rnd(rng);
	return form->len;
}

/* Random bytes without what the head of this file leaves out. */
static size_t write_bytes(struct rng *rng, __u8 *at)
{
	size_t n = 1 + below(rng, 12);

	for (size_t i = 0; i < n; i++) {
		at[i] = rnd(rng);
		/* No two-byte opcode of groups 6 and 7, control registers and MSRs. */
		if (i && at[i - 1] == 0x0f && (at[i] < 2 || (at[i] & ~2) == 0x20 || at[i] == 0x30))
			at[i] = 0xa2;
	}
	/* None comes into being with what follows. */
	at[n++] = 0x90;
	return n;
}

struct gate {
	__u16 low, selector, flags, middle;
	__u32 high, zero;
};

/* Every vector: EOI, some of the way back on the stack, and the code again. */
static void write_stub(struct machine *m)
{
	static const __u8 stub[] = {
		0xbb, 0xb0, 0x00, 0xe0, 0xfe,		/* mov $0xfee000b0,%ebx */
		0xc7, 0x03, 0, 0, 0, 0,			/* movl $0,(%rbx) */
		0xbc, 0x00, 0xf0, 0x20, 0x00,		/* mov $0x20f000,%esp */
		0xe9, 0, 0, 0, 0,			/* jmp to the start */
	};
	struct gate *idt = (struct gate *)(m->vm.memory + IDT);
	__u8 *at = m->vm.memory + STUB;
	__s32 back = (__s32)GUEST_CODE - (__s32)(STUB + sizeof(stub));

	memcpy(at, stub, sizeof(stub));
	memcpy(at + sizeof(stub) - 4, &back, sizeof(back));
	for (int i = 0; i < 256; i++)
		idt[i] = (struct gate){ STUB & 0xffff, 8, 0x8e00, STUB >> 16, 0, 0 };
}

void write_code(struct rng *rng, struct machine *m)
{
	static const __u8 again[] = { 0x0f, 0xa2, 0xe9 };	/* cpuid; jmp */
	__u8 *code = m->vm.memory + GUEST_CODE;
	size_t at = 0, size = 40 + below(rng, CODE_SIZE - 200);
	int bytes = 0;
	__s32 back;

	write_stub(m);
	while (at < size)
		at += below(rng, 100) < bytes ? write_bytes(rng, code + at) :
						write_form(rng, code + at);
	memcpy(code + at, again, sizeof(again));
	back = -(__s32)(at + sizeof(again) + 4);
	memcpy(code + at + sizeof(again), &back, sizeof(back));
}

static struct minivmm_segment segment(__u16 selector, __u32 limit, __u8 type, int l, int db)
{
	return (struct minivmm_segment){ .selector = selector, .limit = limit, .type = type,
					 .present = 1, .s = 1, .g = limit > 0xfffff, .l = l, .db = db };
}

static void set_data(struct minivmm_sregs *sregs, struct minivmm_segment data)
{
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
}

static void long_mode(struct vcpu *vcpu, struct minivmm_sregs *sregs)
{
	__u64 *table = (__u64 *)(vcpu->vm->memory + GUEST_PAGE_TABLES);

	table[0] = (GUEST_PAGE_TABLES + PAGE) | 7;
	for (__u64 i = 0; i < 4; i++)
		table[512 + i] = (GUEST_PAGE_TABLES + (2 + i) * PAGE) | 7;
	for (__u64 i = 0; i < 4 * 512; i++)
		table[1024 + i] = i << 21 | 0x87;
	sregs->cs = segment(8, ~0, 0xb, 1, 0);
	set_data(sregs, segment(16, ~0, 3, 0, 1));
	sregs->cr0 = 0x80010033;
	sregs->cr3 = GUEST_PAGE_TABLES;
	sregs->cr4 = 0x620;
	sregs->efer = 0x500;
	sregs->idt.base = IDT;
	sregs->idt.limit = 0xfff;
}

/* May be refused by now. */
static void set_cpuid(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid);
	free(cpuid);
}

void enter_code(struct rng *rng, struct vcpu *vcpu)
{
	static const __u64 gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	struct minivmm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACKS + 0x8000, .rflags = 2 };
	struct minivmm_mp_state state = { MINIVMM_MP_STATE_RUNNABLE };
	struct minivmm_sregs sregs;
	int mode = below(rng, 8);

	if (call(vcpu->fd, MINIVMM_GET_SREGS, &sregs))
		return;
	memcpy(vcpu->vm->memory + GDT, gdt, sizeof(gdt));
	sregs.gdt.base = GDT;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.idt.limit = 0;
	sregs.efer = sregs.cr4 = 0;
	memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
	if (mode == 0) {
		sregs.cr0 = 0x10;
		sregs.cs = segment(GUEST_CODE >> 4, 0xffff, 0xb, 0, 0);
		sregs.cs.base = GUEST_CODE;
		set_data(&sregs, segment(0, 0xffff, 3, 0, 0));
		regs.rip = 0;
	} else {
		set_cpuid(vcpu);
		long_mode(vcpu, &sregs);
	}
	call(vcpu->fd, MINIVMM_SET_SREGS, &sregs);
	regs.rax = odd_number(rng);
	regs.rcx = below(rng, 300);
	regs.rbx = EXTRA_GPA + below(rng, EXTRA_PAGES * PAGE);
	call(vcpu->fd, MINIVMM_SET_REGS, &regs);
	call(vcpu->fd, MINIVMM_SET_MP_STATE, &state);
}
