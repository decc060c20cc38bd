// SPDX-License-Identifier: GPL-2.0
/* CPU states and page tables to start guest code in; the contract is in guest_code.h. */
#include <string.h>

#include "guest_code.h"

#define CR0_PE		(1UL << 0)
#define CR0_MP		(1UL << 1)
#define CR0_ET		(1UL << 4)
#define CR0_NE		(1UL << 5)
#define CR0_WP		(1UL << 16)
#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define CR4_OSFXSR	(1UL << 9)
#define CR4_OSXMMEXCPT	(1UL << 10)
#define EFER_LME	(1UL << 8)
#define EFER_LMA	(1UL << 10)

#define PTE_TABLE	0x3UL		/* present, writable */
#define PTE_LARGE	0x83UL		/* and a 2 MiB page */

#define CODE_SELECTOR	0x08
#define DATA_SELECTOR	0x10

static __u64 stack_top(struct vcpu *vcpu)
{
	return GUEST_STACKS + (vcpu->id + 1) * GUEST_STACK_SIZE;
}

/* With interrupt controllers all vCPUs but the first wait for a start-up IPI. */
static void make_runnable(struct vcpu *vcpu)
{
	struct minivmm_mp_state state = { MINIVMM_MP_STATE_RUNNABLE };
	long ret;

	if (!vcpu->vm->irqchip || vcpu->id == 0)
		return;
	ret = call(vcpu->fd, MINIVMM_SET_MP_STATE, &state);
	if (ret)
		fatal("SET_MP_STATE: %ld", ret);
}

static void set_start(struct vcpu *vcpu, __u64 rip, __u64 rsp)
{
	struct minivmm_regs regs = {
		.rip = rip,
		.rsp = rsp,
		.rdi = vcpu->id,
		.rflags = 2,
	};

	vcpu_set_regs(vcpu, &regs);
	make_runnable(vcpu);
}

static struct minivmm_segment real_segment(__u16 selector, __u8 type)
{
	return (struct minivmm_segment) {
		.base = (__u64)selector << 4, .limit = 0xffff, .selector = selector,
		.type = type, .present = 1, .s = 1,
	};
}

void vcpu_enter_real(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cr0 = CR0_ET;
	sregs.cs = real_segment(GUEST_CODE >> 4, 0xb);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = real_segment(0, 3);
	vcpu_set_sregs(vcpu, &sregs);
	set_start(vcpu, 0, GUEST_CODE - 16);
}

static struct minivmm_segment flat_code(int long_mode)
{
	return (struct minivmm_segment) {
		.limit = 0xffffffff, .selector = CODE_SELECTOR, .type = 0xb,
		.present = 1, .s = 1, .g = 1, .l = long_mode, .db = !long_mode,
	};
}

static struct minivmm_segment flat_data(void)
{
	return (struct minivmm_segment) {
		.limit = 0xffffffff, .selector = DATA_SELECTOR, .type = 3,
		.present = 1, .s = 1, .g = 1, .db = 1,
	};
}

static void set_flat_segments(struct vcpu *vcpu, struct minivmm_sregs *sregs, int long_mode)
{
	const __u64 gdt[3] = {
		0,
		long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
		0x00cf93000000ffff,
	};

	vm_write(vcpu->vm, GUEST_GDT, gdt, sizeof(gdt));
	sregs->gdt.base = GUEST_GDT;
	sregs->gdt.limit = sizeof(gdt) - 1;
	sregs->cs = flat_code(long_mode);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = flat_data();
}

void vcpu_enter_protected(struct vcpu *vcpu, __u32 eip)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	set_flat_segments(vcpu, &sregs, 0);
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE;
	vcpu_set_sregs(vcpu, &sregs);
	set_start(vcpu, eip, stack_top(vcpu));
}

/* One table each of level 4 and 3, four of level 2. */
static void write_page_tables(struct vm *vm)
{
	__u64 *table = (__u64 *)(vm->memory + GUEST_PAGE_TABLES);

	table[0] = (GUEST_PAGE_TABLES + PAGE) | PTE_TABLE;
	for (__u64 i = 0; i < 4; i++)
		table[512 + i] = (GUEST_PAGE_TABLES + (2 + i) * PAGE) | PTE_TABLE;
	for (__u64 i = 0; i < 4 * 512; i++)
		table[1024 + i] = i << 21 | PTE_LARGE;
}

void vcpu_enter_long(struct vcpu *vcpu, __u64 rip)
{
	struct minivmm_sregs sregs;

	vcpu_set_supported_cpuid(vcpu);
	sregs = vcpu_sregs(vcpu);
	write_page_tables(vcpu->vm);
	set_flat_segments(vcpu, &sregs, 1);
	sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs.cr3 = GUEST_PAGE_TABLES;
	sregs.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	sregs.efer = EFER_LME | EFER_LMA;
	vcpu_set_sregs(vcpu, &sregs);
	set_start(vcpu, rip, stack_top(vcpu));
}
