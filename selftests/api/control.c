// SPDX-License-Identifier: GPL-2.0
/* Control registers, and what of them CPUID decides: for the guest, for userspace, and before SET_CPUID2. */
#include <cpuid.h>

#include "fixture.h"

#define CR4_DE		(1UL << 3)
#define CR4_PAE		(1UL << 5)
#define CR4_PGE		(1UL << 7)
#define CR4_LA57	(1UL << 12)
#define EFER_SCE	(1UL << 0)
#define EFER_LME	(1UL << 8)
#define EFER_NXE	(1UL << 11)

enum { EAX, EBX, ECX, EDX };

struct feature {
	const char *name;
	__u32 leaf, reg, bit, cr4;
	bool basic;		/* KVM lets a guest set it whatever CPUID says */
};

static const struct feature features[] = {
	{ "DE", 1, EDX, 2, 3, true },
	{ "PGE", 1, EDX, 13, 7, true },
	{ "UMIP", 7, ECX, 2, 11, false },
	{ "FSGSBASE", 7, EBX, 0, 16, false },
	{ "PCIDE", 1, ECX, 17, 17, false },
	{ "OSXSAVE", 1, ECX, 26, 18, false },
	{ "SMEP", 7, EBX, 7, 20, false },
	{ "SMAP", 7, EBX, 20, 21, false },
	{ "PKE", 7, ECX, 3, 22, false },
};

static __u32 *word_of(struct minivmm_cpuid2 *cpuid, const struct feature *f)
{
	static __u32 none;

	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == f->leaf && !cpuid->entries[i].index)
			return &cpuid->entries[i].eax + f->reg;
	return &none;
}

static bool is_offered(struct vm *vm, const struct feature *f)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vm->device);
	bool offered = *word_of(cpuid, f) & 1U << f->bit;

	free(cpuid);
	return offered;
}

/* Gives the vCPU all that is supported but @f. */
static void hide(struct vcpu *vcpu, const struct feature *f)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	*word_of(cpuid, f) &= ~(1U << f->bit);
	if (call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid))
		fatal("SET_CPUID2");
	free(cpuid);
}

static const struct feature *feature(const char *name)
{
	for (int i = 0; i < ARRAY_LEN(features); i++)
		if (!strcmp(features[i].name, name))
			return &features[i];
	fatal("no feature %s", name);
}

/* Sets bits %rbx of CR4, clears bits %rcx, says what it is then; by a register that needs a prefix. */
GUEST64(change_cr4,
	"mov %cr4, %r9; or %rbx, %r9; not %rcx; and %rcx, %r9; mov %r9, %cr4;"
	"mov %cr4, %rax; out %al, $0x10; hlt");

static __u32 change(struct vcpu *vcpu, __u64 set, __u64 clear)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_CODE;
	regs.rbx = set;
	regs.rcx = clear;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run(vcpu))
		fatal("RUN failed");
	return vcpu->run->exit_reason;
}

TEST_F(vm, guest_sets_no_bit_whose_feature_is_hidden)
{
	for (int i = 0; i < ARRAY_LEN(features); i++) {
		const struct feature *f = &features[i];
		struct vcpu vcpu;
		struct vm vm;

		if (!is_offered(&self->vm, f))
			continue;
		if (f->basic && !device_is_minivmm(self->vm.device))
			continue;	/* wrong, but harmless: a CPU without the feature faults */
		vm_init(&vm, GUEST_MEMORY);
		vcpu_init(&vcpu, &vm, 0);
		start_long(&vcpu, change_cr4);
		hide(&vcpu, f);
		EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN, change(&vcpu, 1UL << f->cr4, 0))
			TH_LOG("CR4.%s without its feature", f->name);
		vcpu_free(&vcpu);
		vm_free(&vm);
	}
}

TEST_F(vm, guest_sets_the_bits_of_all_features_and_sregs_take_them_back)
{
	struct minivmm_sregs sregs;
	__u64 cr4 = 0;

	start_long(&self->vcpu, change_cr4);
	for (int i = 0; i < ARRAY_LEN(features); i++)
		if (is_offered(&self->vm, &features[i]))
			cr4 |= 1UL << features[i].cr4;
	ASSERT_EQ(MINIVMM_EXIT_IO, change(&self->vcpu, cr4, 0));
	sregs = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(cr4, sregs.cr4 & cr4);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
}

/* A guest from which one feature is hidden: its other writes of CR4 do what they always do. */
TEST_F(vm, writes_of_cr4_work_beside_a_hidden_feature)
{
	const struct feature *f = feature("SMEP");

	if (!is_offered(&self->vm, f))
		SKIP(return, "no SMEP to hide");
	start_long(&self->vcpu, change_cr4);
	hide(&self->vcpu, f);
	ASSERT_EQ(MINIVMM_EXIT_IO, change(&self->vcpu, CR4_PGE | CR4_DE, 0));
	EXPECT_EQ(CR4_PGE | CR4_DE, vcpu_regs(&self->vcpu).rax & (CR4_PGE | CR4_DE));
	ASSERT_EQ(MINIVMM_EXIT_IO, change(&self->vcpu, 0, CR4_PGE));
	EXPECT_EQ(CR4_DE, vcpu_regs(&self->vcpu).rax & (CR4_PGE | CR4_DE));
	/* Long mode without PAE. */
	EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN, change(&self->vcpu, 0, CR4_PAE));
}

TEST_F(vm, bit_that_userspace_set_against_cpuid_can_be_cleared_and_not_set)
{
	struct minivmm_sregs sregs;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM does not look at CPUID for this bit");
	start_long(&self->vcpu, change_cr4);
	hide(&self->vcpu, feature("DE"));
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr4 |= CR4_DE;
	vcpu_set_sregs(&self->vcpu, &sregs);
	EXPECT_EQ(MINIVMM_EXIT_IO, change(&self->vcpu, CR4_PGE, 0));
	EXPECT_EQ(CR4_DE, vcpu_sregs(&self->vcpu).cr4 & CR4_DE);
	EXPECT_EQ(MINIVMM_EXIT_IO, change(&self->vcpu, 0, CR4_DE));
	EXPECT_EQ(0, vcpu_sregs(&self->vcpu).cr4 & CR4_DE);
	EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN, change(&self->vcpu, CR4_DE, 0));
}

/* 32-bit PAE paging, turned on and off with a bit of CR4 that is not hidden. */
GUEST32(change_pae_paging,
	"mov $0x20, %eax; mov %eax, %cr4; mov %ebx, %cr3; mov %cr0, %eax; bts $31, %eax; mov %eax, %cr0;"
	"mov $0xa0, %eax; mov %eax, %cr4; mov $0x20, %eax; mov %eax, %cr4; mov %cr4, %eax;"
	"mov 0x80000, %ecx; out %al, $0x10; hlt");

TEST_F(vm, cr4_is_written_under_pae_paging_beside_a_hidden_feature)
{
	const __u32 word = 0x12345678;
	struct minivmm_regs regs;
	__u64 pdpte = GUEST_DATA + 0x2001, pde = 0x83;

	if (!device_is_minivmm(self->vm.device) && host_is_qemu())
		SKIP(return, "KVM of 6.1 fails it, but in Bochs not");
	vcpu_set_supported_cpuid(&self->vcpu);
	start_protected(&self->vcpu, change_pae_paging);
	hide(&self->vcpu, feature("SMEP"));
	vm_write(&self->vm, GUEST_DATA, &word, sizeof(word));
	vm_write(&self->vm, GUEST_DATA + 0x1000, &pdpte, sizeof(pdpte));
	vm_write(&self->vm, GUEST_DATA + 0x2000, &pde, sizeof(pde));
	regs = vcpu_regs(&self->vcpu);
	regs.rbx = GUEST_DATA + 0x1000;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(CR4_PAE, vcpu_regs(&self->vcpu).rax);
	EXPECT_EQ(word, vcpu_regs(&self->vcpu).rcx);
}

/* What the CPU keeps although the manual calls it reserved, or has no use for in this mode. */
GUEST32(odd_bits,
	"mov %cr0, %eax; or $0x00f00040, %eax; mov %eax, %cr0; ljmp $0x18, $0x10000 + 1f - odd_bits;"
	"1: out %al, $0x10; hlt");

TEST_F(vm, sregs_of_a_guest_with_odd_bits_can_be_set_again)
{
	const __u64 code_with_l_and_db = 0x00ef9b000000ffff;
	struct minivmm_sregs sregs;

	start_protected(&self->vcpu, odd_bits);
	vm_write(&self->vm, GUEST_GDT + 0x18, &code_with_l_and_db, sizeof(code_with_l_and_db));
	sregs = vcpu_sregs(&self->vcpu);
	sregs.gdt.limit = 0x1f;
	vcpu_set_sregs(&self->vcpu, &sregs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	sregs = vcpu_sregs(&self->vcpu);
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM refuses what it has given");
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
}

/* Canonical is what the CPU takes, not what CPUID tells the guest. */
TEST_F(vm, cpuid_does_not_widen_the_hosts_addresses)
{
	static const __u32 msrs[] = {
		0x175, 0x176, 0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102,
	};
	static const struct feature la57 = { "LA57", 7, ECX, 16, 12, false };
	struct minivmm_cpuid2 *cpuid = supported_cpuid(self->vm.device);
	struct minivmm_sregs sregs;
	unsigned int a, b, c = 0, d;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	if (c & 1 << 16)
		SKIP(return, "the host has LA57");
	start_long(&self->vcpu, change_cr4);
	*word_of(cpuid, &la57) |= 1U << la57.bit;
	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x80000008)
			cpuid->entries[i].eax = (cpuid->entries[i].eax & ~0xff00) | 57 << 8;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_CPUID2, cpuid));
	free(cpuid);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr4 |= CR4_LA57;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
	for (int i = 0; i < ARRAY_LEN(msrs); i++) {
		/* KVM takes any SYSENTER address and makes it canonical. */
		if (!device_is_minivmm(self->vm.device) && msrs[i] < 0x200)
			continue;
		EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, msrs[i], 1UL << 52))
			TH_LOG("MSR %#x", msrs[i]);
	}
	EXPECT_EQ(MINIVMM_EXIT_IO, change(&self->vcpu, CR4_PGE, 0));
}

/* Before SET_CPUID2, or without it. */

static bool host_has(const struct feature *f)
{
	unsigned int reg[4] = { 0 };

	__get_cpuid_count(f->leaf, 0, &reg[EAX], &reg[EBX], &reg[ECX], &reg[EDX]);
	return reg[f->reg] & 1U << f->bit;
}

TEST_F(vm, without_cpuid_sregs_take_what_the_host_could_give)
{
	struct minivmm_sregs before = vcpu_sregs(&self->vcpu), sregs = before;

	for (int i = 0; i < ARRAY_LEN(features); i++) {
		const struct feature *f = &features[i];

		/* PCIDE needs long mode; PKE the host's kernel. */
		if (!host_has(f) || f->cr4 == 17 || f->cr4 == 22)
			continue;
		sregs.cr4 = 1UL << f->cr4;
		EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs))
			TH_LOG("CR4.%s", f->name);
	}
	/* QEMU's emulated CPU lacks the first two, VME and PVI. */
	for (unsigned int bit = 2; bit < 11; bit++) {
		sregs.cr4 = 1UL << bit;
		EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs))
			TH_LOG("CR4 bit %u", bit);
	}
	sregs = before;
	sregs.efer = EFER_SCE | EFER_LME | EFER_NXE;
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
	sregs = before;
	sregs.cr4 = 1UL << 15;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
}

/* A small VMM: long mode at once, and no CPUID ever. */
TEST_F(vm, without_cpuid_a_guest_runs_in_long_mode)
{
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;
	struct vcpu vcpu;
	struct vm vm;

	start_long(&self->vcpu, change_cr4);
	sregs = vcpu_sregs(&self->vcpu);
	regs = vcpu_regs(&self->vcpu);
	regs.rbx = regs.rcx = 0;
	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	memcpy(vm.memory, self->vm.memory, GUEST_MEMORY);
	ASSERT_EQ(0, call(vcpu.fd, MINIVMM_SET_SREGS, &sregs));
	vcpu_set_regs(&vcpu, &regs);
	ASSERT_EXIT(&vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(sregs.cr4, vcpu_regs(&vcpu).rax);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

TEST_F(vm, x87_is_always_in_xcr0)
{
	struct minivmm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 1 };

	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XCRS, &xcrs));
	hide(&self->vcpu, feature("OSXSAVE"));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XCRS, &xcrs));
}

GUEST16(write_port, "1: out %al, $0x10; jmp 1b");

/* EFER.LMA follows from LME and paging, also where the MSR says otherwise. */
TEST_F(vm, efer_set_as_an_msr_leaves_sregs_that_can_be_set)
{
	struct minivmm_sregs sregs;

	vcpu_set_supported_cpuid(&self->vcpu);
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, 0xc0000080, EFER_LME | 1 << 10));
	sregs = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(EFER_LME, sregs.efer);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
}

/* Kernels set LME and PAE in either order; QEMU's emulated CPU then lost the host's paging. */
TEST_F(vm, exits_before_pae_and_paging_leave_lme_as_it_is)
{
	struct minivmm_sregs sregs;

	vcpu_set_supported_cpuid(&self->vcpu);
	start_real(&self->vcpu, write_port);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.efer = EFER_LME;
	vcpu_set_sregs(&self->vcpu, &sregs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(EFER_LME, vcpu_sregs(&self->vcpu).efer);
}

TEST_HARNESS_MAIN
