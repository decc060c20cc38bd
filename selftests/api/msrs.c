// SPDX-License-Identifier: GPL-2.0
/* GET_MSRS and SET_MSRS, and what RDMSR and WRMSR of the guest do. */
#include "fixture.h"

#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_KERNEL_GS	0xc0000102
#define MSR_PAT		0x277
#define MSR_APIC_BASE	0x1b
#define MSR_NOWHERE	0x0badbad0

struct msrs {
	struct minivmm_msrs head;
	struct minivmm_msr_entry entries[300];
};

TEST_F(vm, msrs_are_got_as_set)
{
	static const struct minivmm_msr_entry values[] = {
		{ .index = 0x174, .data = 0x10 },
		{ .index = 0x175, .data = 0x123456 },
		{ .index = 0x176, .data = 0x81000000 },
		{ .index = MSR_STAR, .data = 0x0023001000000000 },
		{ .index = MSR_LSTAR, .data = 0xffffffff81000000 },
		{ .index = 0xc0000083, .data = 0xffffffff82000000 },
		{ .index = 0xc0000084, .data = 0x47700 },
		{ .index = MSR_KERNEL_GS, .data = 0xffff888000000000 },
		{ .index = MSR_PAT, .data = 0x0007040600070406 },
	};
	struct msrs msrs = { .head.nmsrs = ARRAY_LEN(values) };

	vcpu_set_supported_cpuid(&self->vcpu);
	memcpy(msrs.entries, values, sizeof(values));
	EXPECT_EQ(ARRAY_LEN(values), call(self->vcpu.fd, MINIVMM_SET_MSRS, &msrs));
	for (int i = 0; i < ARRAY_LEN(values); i++)
		msrs.entries[i].data = 0;
	EXPECT_EQ(ARRAY_LEN(values), call(self->vcpu.fd, MINIVMM_GET_MSRS, &msrs));
	for (int i = 0; i < ARRAY_LEN(values); i++) {
		EXPECT_EQ(values[i].data, msrs.entries[i].data)
			TH_LOG("MSR %#x", values[i].index);
	}
}

TEST_F(vm, calls_stop_at_the_first_refused_msr_and_tell_which)
{
	struct msrs msrs = { .head.nmsrs = 3 };

	vcpu_set_supported_cpuid(&self->vcpu);
	msrs.entries[0].index = MSR_LSTAR;
	msrs.entries[1].index = MSR_NOWHERE;
	msrs.entries[2].index = MSR_STAR;
	for (int i = 0; i < 3; i++)
		msrs.entries[i].data = 0x1000;
	EXPECT_EQ(1, call(self->vcpu.fd, MINIVMM_SET_MSRS, &msrs));
	EXPECT_EQ(0x1000, vcpu_msr(&self->vcpu, MSR_LSTAR));
	EXPECT_EQ(0, vcpu_msr(&self->vcpu, MSR_STAR));
	EXPECT_EQ(1, call(self->vcpu.fd, MINIVMM_GET_MSRS, &msrs));
}

TEST_F(vm, no_msrs_are_zero_msrs)
{
	struct msrs msrs = { 0 };

	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_MSRS, &msrs));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_MSRS, &msrs));
}

TEST_F(vm, too_many_msrs_are_refused)
{
	static struct msrs msrs = { .head.nmsrs = 256 };

	EXPECT_EQ(-E2BIG, call(self->vcpu.fd, MINIVMM_GET_MSRS, &msrs));
	EXPECT_EQ(-E2BIG, call(self->vcpu.fd, MINIVMM_SET_MSRS, &msrs));
	msrs.head.nmsrs = ~0U;
	EXPECT_EQ(-E2BIG, call(self->vcpu.fd, MINIVMM_GET_MSRS, &msrs));
	msrs.head.nmsrs = 255;
	EXPECT_LE(0, call(self->vcpu.fd, MINIVMM_GET_MSRS, &msrs));
}

TEST_F(vm, unreadable_array_is_efault)
{
	/* A header at the very end of the mapped memory. */
	__u8 *pages = map_anonymous(2 * PAGE);
	struct minivmm_msrs *msrs = (void *)(pages + PAGE - sizeof(*msrs));

	munmap(pages + PAGE, PAGE);
	msrs->nmsrs = 1;
	EXPECT_EQ(-EFAULT, call(self->vcpu.fd, MINIVMM_GET_MSRS, msrs));
	EXPECT_EQ(-EFAULT, call(self->vcpu.fd, MINIVMM_SET_MSRS, msrs));
}

TEST_F(vm, impossible_values_are_refused)
{
	vcpu_set_supported_cpuid(&self->vcpu);
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_EFER, 1UL << 63));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_PAT, 2));	/* memory type 2 */
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_LSTAR, 1UL << 60));	/* not canonical */
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_NOWHERE, 0));
}

TEST_F(chip, impossible_apic_base_is_refused)
{
	vcpu_set_supported_cpuid(&self->vcpu);
	EXPECT_EQ(0xfee00900, vcpu_msr(&self->vcpu, MSR_APIC_BASE));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_APIC_BASE, 0xfee00900 | 1));
	/* x2APIC without the APIC enabled */
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MSR_APIC_BASE, 0xfee00500));
}

GUEST64(copy_msr,
	"mov $0xc0000082, %ecx; rdmsr; mov $0xc0000083, %ecx; wrmsr; hlt");

TEST_F(vm, guest_reads_and_writes_the_same_msrs)
{
	start_long(&self->vcpu, copy_msr);
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_LSTAR, 0xffffffff81234567));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0xffffffff81234567, vcpu_msr(&self->vcpu, 0xc0000083));
}

GUEST64(swap_gs, "swapgs; hlt");

TEST_F(vm, kernel_gs_base_is_the_one_of_swapgs)
{
	start_long(&self->vcpu, swap_gs);
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_KERNEL_GS, 0xffff800012345000));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0xffff800012345000, vcpu_sregs(&self->vcpu).gs.base);
	EXPECT_EQ(0, vcpu_msr(&self->vcpu, MSR_KERNEL_GS));
}

/* The IDT at GUEST_DATA + 0x1000 has one handler for vector 13: it halts with rbx = 13. */
GUEST64(read_unknown_msr,
	"mov $0x0badbad0, %ecx; rdmsr; mov $1, %ebx; hlt;"
	".globl on_gp; on_gp: mov $13, %ebx; hlt");
extern const __u8 on_gp[];

TEST_F(vm, guest_gets_gp_from_an_unknown_msr)
{
	const __u64 handler = GUEST_CODE + (on_gp - read_unknown_msr);
	const __u64 gate[2] = {
		(handler & 0xffff) | 0x8UL << 16 | 0x8eUL << 40 | (handler >> 16 & 0xffff) << 48,
		handler >> 32,
	};
	struct minivmm_sregs sregs;

	start_long(&self->vcpu, read_unknown_msr);
	vm_write(&self->vm, GUEST_DATA + 13 * 16, gate, sizeof(gate));
	sregs = vcpu_sregs(&self->vcpu);
	sregs.idt.base = GUEST_DATA;
	sregs.idt.limit = 0xfff;
	vcpu_set_sregs(&self->vcpu, &sregs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(13, vcpu_regs(&self->vcpu).rbx);
}

GUEST64(leave_long_mode, "mov $0xc0000080, %ecx; rdmsr; xor $0x100, %eax; wrmsr; hlt");

TEST_F(vm, guest_cannot_leave_long_mode_while_it_pages)
{
	start_long(&self->vcpu, leave_long_mode);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

TEST_F(vm, efer_is_the_same_by_msr_and_sregs)
{
	start_long(&self->vcpu, swap_gs);
	EXPECT_EQ(vcpu_sregs(&self->vcpu).efer, vcpu_msr(&self->vcpu, MSR_EFER));
}

/* SPEC_CTRL, PRED_CMD: they fault in guests whose CPUID does not have them. */
GUEST64(write_spec_ctrl,
	"mov $0x48, %ecx; mov $1, %eax; xor %edx, %edx; wrmsr; rdmsr; out %al, $0x10;"
	"mov $0x49, %ecx; mov $1, %eax; wrmsr; out %al, $0x10");

static bool offers_spec_ctrl(int device)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(device);
	bool found = false;

	for (__u32 i = 0; i < cpuid->nent; i++) {
		const struct minivmm_cpuid_entry2 *e = &cpuid->entries[i];

		found |= e->function == 7 && !e->index && e->edx & 1 << 26;
		found |= e->function == 0x80000008 && e->ebx & 1 << 14 && e->ebx & 1 << 12;
	}
	free(cpuid);
	return found;
}

TEST_F(vm, speculation_control_exists_if_cpuid_has_it)
{
	start_long(&self->vcpu, write_spec_ctrl);
	if (!offers_spec_ctrl(self->vm.device)) {
		EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
		EXPECT_NE(1, vcpu_set_msr(&self->vcpu, 0x48, 1));
		SKIP(return, "not offered, and it is not there");
	}
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(1, *(__u8 *)port_data(&self->vcpu));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(1, vcpu_msr(&self->vcpu, 0x48));
	/* STIBP and SSBD are whatever the CPU has; no CPU has bit 63. */
	EXPECT_NE(1, vcpu_set_msr(&self->vcpu, 0x48, 1UL << 63));
	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, 0x48, 0));
}

/* What guests read without asking whether it is there, with what a write of 0 does to the guest. */
GUEST64(read_msr, "rdmsr; out %al, $0x10; hlt");
GUEST64(write_msr, "wrmsr; out %al, $0x10; hlt");

static __u32 guest_msr(struct vcpu *vcpu, const __u8 *code, __u32 index, __u64 value, __u64 *result)
{
	struct minivmm_regs regs;
	struct vcpu one;
	struct vm vm;
	__u32 exit;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&one, &vm, 0);
	vm_write(&vm, GUEST_CODE, code, 8);
	vcpu_enter_long(&one, GUEST_CODE);
	regs = vcpu_regs(&one);
	regs.rcx = index;
	regs.rax = (__u32)value;
	regs.rdx = value >> 32;
	vcpu_set_regs(&one, &regs);
	if (vcpu_run(&one))
		fatal("RUN failed");
	exit = one.run->exit_reason;
	regs = vcpu_regs(&one);
	*result = regs.rdx << 32 | (__u32)regs.rax;
	vcpu_free(&one);
	vm_free(&vm);
	return exit;
}

static const struct {
	__u32 index;
	bool writable;
	__u64 value;
} plain[] = {
	{ 0x0, false, 0 }, { 0x1, false, 0 }, { 0x17, false, 0 }, { 0x2a, false, 0 },
	{ 0x2c, false, 1 << 24 }, { 0xc1, true, 0 }, { 0x186, true, 0 }, { 0xcd, false, 3 },
	{ 0x11e, true, 0xbe702111 }, { 0x140, true, 0 },
	{ 0x198, false, 0x400000003e8 }, { 0x199, false, 0 }, { 0x1db, false, 0 },
	{ 0x606, false, 0 }, { 0x611, false, 0 }, { 0x619, false, 0 }, { 0x639, false, 0 },
	{ 0x641, false, 0 },
	{ 0xc0010000, true, 0 }, { 0xc0010003, true, 0 }, { 0xc0010004, true, 0 },
	{ 0xc0010007, true, 0 }, { 0xc0010010, false, 0 }, { 0xc001001b, true, 0x20000000 },
	{ 0xc001001f, true, 0 }, { 0xc0010055, false, 0 }, { 0xc0010058, true, 0 },
	{ 0xc0010112, false, 0 }, { 0xc0010113, false, 0 }, { 0xc0010117, true, 0 },
	{ 0xc0011022, true, 0 }, { 0xc001102a, true, 0 }, { 0xc001102c, true, 0 },
};

TEST_F(vm, msrs_without_state_are_read)
{
	__u64 value;

	for (int i = 0; i < ARRAY_LEN(plain); i++) {
		EXPECT_EQ(MINIVMM_EXIT_IO, guest_msr(&self->vcpu, read_msr, plain[i].index, 0, &value))
			TH_LOG("MSR %#x", plain[i].index);
		EXPECT_EQ(plain[i].value, value)
			TH_LOG("MSR %#x", plain[i].index);
	}
}

TEST_F(vm, writes_of_msrs_without_state_are_ignored_or_fault)
{
	__u64 unused;

	for (int i = 0; i < ARRAY_LEN(plain); i++) {
		__u32 exit = guest_msr(&self->vcpu, write_msr, plain[i].index, 0, &unused);

		EXPECT_EQ(plain[i].writable ? MINIVMM_EXIT_IO : MINIVMM_EXIT_SHUTDOWN, exit)
			TH_LOG("MSR %#x", plain[i].index);
	}
}

/* Where block steps are not to be had a write has no effect: neither is it read, nor does TF wait for a branch. */
GUEST64(debugctl, "mov $0x1d9, %ecx; mov $2, %eax; xor %edx, %edx; wrmsr; rdmsr; mov %eax, %ebx;"
		  "pushf; orb $1, 1(%rsp); popf; nop; hlt");

TEST_F(vm, block_steps_are_read_back_or_not_made)
{
	__u64 seen;

	start_long(&self->vcpu, debugctl);
	ASSERT_EQ(0, vcpu_run(&self->vcpu));
	seen = vcpu_msr(&self->vcpu, 0x1d9);
	if (self->vcpu.run->exit_reason == MINIVMM_EXIT_HLT) {
		EXPECT_EQ(2, seen);
		EXPECT_EQ(2, vcpu_regs(&self->vcpu).rbx);
	} else {
		EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN, self->vcpu.run->exit_reason);
		EXPECT_EQ(0, seen & 2);
	}
}

/* The VMM saves and restores these although no guest is given them. */
TEST_F(vm, msrs_that_only_the_vmm_sees)
{
	static const __u32 indices[] = { 0x9e, 0x10a, 0x345, 0x4b564d02, 0x4b564d03, 0x4b564d04 };
	__u64 value;

	vcpu_set_supported_cpuid(&self->vcpu);
	for (int i = 0; i < ARRAY_LEN(indices); i++) {
		value = vcpu_msr(&self->vcpu, indices[i]);
		EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, indices[i], value))
			TH_LOG("MSR %#x", indices[i]);
	}
	EXPECT_EQ(0x30000, vcpu_msr(&self->vcpu, 0x9e));
	EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN, guest_msr(&self->vcpu, read_msr, 0x9e, 0, &value));
}

TEST_HARNESS_MAIN
