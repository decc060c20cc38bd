// SPDX-License-Identifier: GPL-2.0
/* Machine checks that the VMM reports: the banks' registers and the exception. */
#include "fixture.h"

#define MCG_CAP		0x179
#define MCG_STATUS	0x17a
#define MCG_CTL		0x17b
#define BANK_CTL(i)	(0x400 + 4 * (i))
#define BANK_STATUS(i)	(0x401 + 4 * (i))
#define BANK_ADDR(i)	(0x402 + 4 * (i))
#define BANK_MISC(i)	(0x403 + 4 * (i))
#define CAP_CTL_P	(1UL << 8)
#define STATUS_VALID	(1UL << 63)
#define STATUS_OVER	(1UL << 62)
#define STATUS_UC	(1UL << 61)
#define STATUS_EN	(1UL << 60)
#define MCG_RIPV	(1UL << 0)
#define MCG_MCIP	(1UL << 2)
#define CR4_MCE		(1UL << 6)
#define BANKS		10

static __u64 supported(struct vm *vm)
{
	__u64 cap = 0;

	if (call(vm->device, MINIVMM_X86_GET_MCE_CAP_SUPPORTED, &cap))
		fatal("X86_GET_MCE_CAP_SUPPORTED");
	return cap;
}

static long set_up(struct vcpu *vcpu, __u64 cap)
{
	return call(vcpu->fd, MINIVMM_X86_SETUP_MCE, &cap);
}

static long report(struct vcpu *vcpu, unsigned int bank, __u64 status)
{
	struct minivmm_x86_mce mce = {
		.bank = bank, .status = status, .addr = 0xabc000, .misc = 0x8c,
		.mcg_status = MCG_RIPV | MCG_MCIP,
	};

	return call(vcpu->fd, MINIVMM_X86_SET_MCE, &mce);
}

TEST_F(vm, banks_and_control_are_set_up)
{
	__u64 cap = BANKS | (supported(&self->vm) & CAP_CTL_P);

	REQUIRE(self->vm.device, MCE);
	EXPECT_EQ(32, capability(self->vm.device, MINIVMM_CAP_MCE));
	EXPECT_EQ(32, vcpu_msr(&self->vcpu, MCG_CAP) & 0xff);
	ASSERT_EQ(0, set_up(&self->vcpu, cap));
	EXPECT_EQ(cap, vcpu_msr(&self->vcpu, MCG_CAP));
	EXPECT_EQ(~0UL, vcpu_msr(&self->vcpu, MCG_CTL));
	EXPECT_EQ(0, vcpu_msr(&self->vcpu, MCG_STATUS));
	for (unsigned int i = 0; i < BANKS; i++) {
		EXPECT_EQ(~0UL, vcpu_msr(&self->vcpu, BANK_CTL(i)));
		EXPECT_EQ(0, vcpu_msr(&self->vcpu, BANK_STATUS(i)));
	}
}

TEST_F(vm, impossible_set_ups_are_refused)
{
	EXPECT_EQ(-EINVAL, set_up(&self->vcpu, 0));
	EXPECT_EQ(-EINVAL, set_up(&self->vcpu, 33));
	EXPECT_EQ(-EINVAL, set_up(&self->vcpu, BANKS | 1UL << 63));
	EXPECT_EQ(-EFAULT, call(self->vcpu.fd, MINIVMM_X86_SETUP_MCE, BAD_POINTER));
}

/* KVM takes it and shows the banks alone. */
TEST_F(vm, count_of_extended_registers_is_taken)
{
	REQUIRE(self->vm.device, MCE);
	EXPECT_EQ(0, set_up(&self->vcpu, BANKS | 0xff0000));
	EXPECT_EQ(BANKS, vcpu_msr(&self->vcpu, MCG_CAP) & 0xff);
}

TEST_F(vm, impossible_errors_are_refused)
{
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	EXPECT_EQ(-EINVAL, report(&self->vcpu, BANKS, STATUS_VALID));
	EXPECT_EQ(-EINVAL, report(&self->vcpu, 0, STATUS_UC));
}

TEST_F(vm, corrected_error_is_in_its_bank)
{
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | 0x9f));
	EXPECT_EQ(STATUS_VALID | 0x9f, vcpu_msr(&self->vcpu, BANK_STATUS(3)));
	EXPECT_EQ(0xabc000, vcpu_msr(&self->vcpu, BANK_ADDR(3)));
	EXPECT_EQ(0x8c, vcpu_msr(&self->vcpu, BANK_MISC(3)));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | 0x135));
	EXPECT_EQ(STATUS_VALID | STATUS_OVER | 0x135, vcpu_msr(&self->vcpu, BANK_STATUS(3)));
}

/* The handler, of vector 18, halts with what it finds; the IDT is at GUEST_DATA. */
GUEST64(wait_for_check,
	"1: pause; jmp 1b;"
	".globl on_check; on_check: mov $0x17a, %ecx; rdmsr; mov %eax, %ebx;"
	"mov $0x40d, %ecx; rdmsr; shl $32, %rdx; or %rdx, %rax; mov %rax, %rsi;"
	"xor %eax, %eax; xor %edx, %edx; wrmsr; mov $0x17a, %ecx; wrmsr; hlt");
extern const __u8 on_check[];

static void start_with_handler(struct vcpu *vcpu, bool expects)
{
	const __u64 handler = GUEST_CODE + (on_check - wait_for_check);
	const __u64 gate[2] = {
		(handler & 0xffff) | 0x8UL << 16 | 0x8eUL << 40 | (handler >> 16 & 0xffff) << 48,
		handler >> 32,
	};
	struct minivmm_sregs sregs;

	start_long(vcpu, wait_for_check);
	vm_write(vcpu->vm, GUEST_DATA + 18 * 16, gate, sizeof(gate));
	sregs = vcpu_sregs(vcpu);
	sregs.idt.base = GUEST_DATA;
	sregs.idt.limit = 0xfff;
	if (expects)
		sregs.cr4 |= CR4_MCE;
	vcpu_set_sregs(vcpu, &sregs);
}

TEST_F(vm, uncorrected_error_reaches_the_guest)
{
	const __u64 status = STATUS_VALID | STATUS_UC | STATUS_EN | 0x134;

	start_with_handler(&self->vcpu, true);
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS | (supported(&self->vm) & CAP_CTL_P)));
	ASSERT_EQ(0, report(&self->vcpu, 3, status));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(MCG_RIPV | MCG_MCIP, vcpu_regs(&self->vcpu).rbx);
	EXPECT_EQ(status, vcpu_regs(&self->vcpu).rsi);
	EXPECT_EQ(0, vcpu_msr(&self->vcpu, BANK_STATUS(3)));
	EXPECT_EQ(0, vcpu_msr(&self->vcpu, MCG_STATUS));
}

/* What the CPU was delivering when it exited, with the stack not there yet, is not lost. */
TEST_F(vm, interrupt_under_delivery_comes_before_the_error)
{
	const __u64 target = GUEST_CODE + 0x200;
	const __u64 gate[2] = { (target & 0xffff) | 0x8UL << 16 | 0x8eUL << 40 | target >> 16 << 48, 0 };
	struct minivmm_vcpu_events events;
	struct minivmm_regs regs;
	__u64 frame[10];

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM loses it");
	start_with_handler(&self->vcpu, true);
	vm_write(&self->vm, GUEST_DATA + 0x45 * 16, gate, sizeof(gate));
	regs = vcpu_regs(&self->vcpu);
	regs.rflags |= 1 << 9;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_VCPU_EVENTS, &events));
	events.interrupt.injected = 1;
	events.interrupt.nr = 0x45;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_VCPU_EVENTS, &events));
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | STATUS_UC | STATUS_EN));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	memcpy(frame, self->vm.memory + vcpu_regs(&self->vcpu).rsp, sizeof(frame));
	EXPECT_EQ(target, frame[0]);
	EXPECT_EQ(GUEST_CODE, frame[6]);	/* its own frame is aligned */
}

TEST_F(vm, uncorrected_error_shuts_down_a_guest_that_expects_none)
{
	start_with_handler(&self->vcpu, false);
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | STATUS_UC | STATUS_EN));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
	/* As after any other. */
	if (device_is_minivmm(self->vm.device)) {
		EXPECT_EQ(0xfff0, vcpu_regs(&self->vcpu).rip);
	}
}

TEST_F(vm, second_error_during_the_first_shuts_down)
{
	start_with_handler(&self->vcpu, true);
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, MCG_STATUS, MCG_MCIP));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | STATUS_UC | STATUS_EN));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

TEST_F(vm, error_of_a_bank_that_is_off_is_not_told)
{
	start_with_handler(&self->vcpu, true);
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, BANK_CTL(3), 0));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | STATUS_UC | STATUS_EN));
	EXPECT_EQ(0, vcpu_msr(&self->vcpu, BANK_STATUS(3)));
}

TEST_F(vm, registers_take_only_possible_values)
{
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS | (supported(&self->vm) & CAP_CTL_P)));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, MCG_CTL, 0x10));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, BANK_CTL(0), 0x10));
	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, BANK_STATUS(0), STATUS_VALID));
	EXPECT_EQ(0, vcpu_set_msr(&self->vcpu, BANK_CTL(BANKS), 0));
}

GUEST64(make_up_error, "mov $0x401, %ecx; mov $1, %eax; xor %edx, %edx; wrmsr; out %al, $0x10; hlt");

TEST_F(vm, guest_makes_up_no_errors)
{
	start_long(&self->vcpu, make_up_error);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

GUEST64(halt, "hlt");

/* In RUN it would wait for the next interrupt. */
TEST_F(chip, second_error_shuts_down_a_guest_that_is_halted)
{
	const struct minivmm_mp_state halted = { MINIVMM_MP_STATE_HALTED };

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM waits");
	start_long(&self->vcpu, halt);
	ASSERT_EQ(0, set_up(&self->vcpu, BANKS));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_MP_STATE, &halted));
	ASSERT_EQ(0, report(&self->vcpu, 3, STATUS_VALID | STATUS_UC | STATUS_EN));
	alarm(20);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

TEST_HARNESS_MAIN
