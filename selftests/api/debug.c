// SPDX-License-Identifier: GPL-2.0
/* SET_GUEST_DEBUG: breakpoints and single steps of userspace, which the guest does not see. */
#include "fixture.h"

#define DB	1
#define BP	3
#define TF	0x100ULL
#define DR6_BS	0x4000ULL
#define IDT	(GUEST_DATA + 0x1000)

#define BREAKPOINTS	(MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_USE_SW_BP)
#define STEPS		(MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_SINGLESTEP)

static long set_debug(struct vcpu *vcpu, __u32 control)
{
	struct minivmm_guest_debug debug = { .control = control };

	return call(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &debug);
}

#define SKIP_WITHOUT_INT3_EXITS()						\
do {										\
	if (host_is_qemu())							\
		SKIP(return, "the emulated CPU does not intercept INT3");	\
} while (0)

#define SKIP_ON_KVM_OF_AMD()							\
do {										\
	if (!device_is_minivmm(self->vm.device) && !host_is_intel())		\
		SKIP(return, "KVM leaves RIP to the CPU, and the emulated one does not move it"); \
} while (0)

static __u64 rip(struct vcpu *vcpu)
{
	return vcpu_regs(vcpu).rip - GUEST_CODE;
}

/* Vector @vector is served by the code at GUEST_CODE + 0x100, in 64-bit mode. */
static void set_gate(struct vcpu *vcpu, __u8 vector)
{
	const __u64 target = GUEST_CODE + 0x100;
	const __u64 gate[2] = {
		(target & 0xffff) | 8 << 16 | 0x8eULL << 40 | (target >> 16 << 48), target >> 32,
	};
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	vm_write(vcpu->vm, IDT + 16 * vector, gate, sizeof(gate));
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	vcpu_set_sregs(vcpu, &sregs);
}

#define EXPECT_DEBUG(vector, where)						\
do {										\
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_DEBUG);				\
	EXPECT_EQ(vector, self->vcpu.run->debug.arch.exception);		\
	EXPECT_EQ(GUEST_CODE + (where), self->vcpu.run->debug.arch.pc);		\
	EXPECT_EQ(where, rip(&self->vcpu));					\
} while (0)

#define EXPECT_STEP(where)							\
do {										\
	EXPECT_DEBUG(DB, where);						\
	EXPECT_EQ(DR6_BS, self->vcpu.run->debug.arch.dr6 & (DR6_BS | 15));	\
	EXPECT_EQ(0, vcpu_regs(&self->vcpu).rflags & TF);			\
} while (0)

TEST_F(vm, debugging_is_offered)
{
	EXPECT_EQ(1, capability(self->vm.device, MINIVMM_CAP_SET_GUEST_DEBUG));
	EXPECT_EQ(1, capability(self->vm.device, MINIVMM_CAP_X86_ROBUST_SINGLESTEP));
}

TEST_F(vm, what_is_not_supported_is_refused)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM has these, and takes what it does not know");
	EXPECT_EQ(-EINVAL, set_debug(&self->vcpu, BREAKPOINTS | MINIVMM_GUESTDBG_USE_HW_BP));
	EXPECT_EQ(-EINVAL, set_debug(&self->vcpu, STEPS | MINIVMM_GUESTDBG_BLOCKIRQ));
	EXPECT_EQ(-EINVAL, set_debug(&self->vcpu, STEPS | 1U << 31));
}

GUEST64(trap, "nop; int3; out %al, $0x10; hlt; .skip 0x100 - (. - trap); mov (%rsp), %rax; out %eax, $0x12; hlt");

TEST_F(vm, breakpoint_of_userspace_exits)
{
	SKIP_WITHOUT_INT3_EXITS();
	start_long(&self->vcpu, trap);
	ASSERT_EQ(0, set_debug(&self->vcpu, BREAKPOINTS));
	EXPECT_DEBUG(BP, 1);
	/* It stays where it is until userspace does something about it. */
	EXPECT_DEBUG(BP, 1);
	vm_write(&self->vm, GUEST_CODE + 1, "\x90", 1);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x10, self->vcpu.run->io.port);
}

TEST_F(vm, breakpoint_is_the_guests_again_when_debugging_is_off)
{
	SKIP_WITHOUT_INT3_EXITS();
	SKIP_ON_KVM_OF_AMD();
	start_long(&self->vcpu, trap);
	set_gate(&self->vcpu, BP);
	ASSERT_EQ(0, set_debug(&self->vcpu, BREAKPOINTS));
	EXPECT_DEBUG(BP, 1);
	ASSERT_EQ(0, set_debug(&self->vcpu, 0));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	EXPECT_EQ(GUEST_CODE + 2, *(__u32 *)port_data(&self->vcpu));
}

TEST_F(vm, breakpoint_of_the_guest_is_given_back)
{
	SKIP_WITHOUT_INT3_EXITS();
	SKIP_ON_KVM_OF_AMD();
	start_long(&self->vcpu, trap);
	set_gate(&self->vcpu, BP);
	ASSERT_EQ(0, set_debug(&self->vcpu, BREAKPOINTS));
	EXPECT_DEBUG(BP, 1);
	ASSERT_EQ(0, set_debug(&self->vcpu, BREAKPOINTS | MINIVMM_GUESTDBG_INJECT_BP));
	EXPECT_EQ(-EBUSY, set_debug(&self->vcpu, BREAKPOINTS | MINIVMM_GUESTDBG_INJECT_BP));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	/* The handler is told of what follows INT3. */
	EXPECT_EQ(GUEST_CODE + 2, *(__u32 *)port_data(&self->vcpu));
}

/* It would take the place of the interrupt. */
TEST_F(vm, exception_is_not_injected_while_an_interrupt_is_delivered)
{
	struct minivmm_vcpu_events events;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM loses the interrupt");
	start_long(&self->vcpu, trap);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_VCPU_EVENTS, &events));
	events.interrupt.injected = 1;
	events.interrupt.nr = 0x45;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_VCPU_EVENTS, &events));
	EXPECT_EQ(-EBUSY, set_debug(&self->vcpu, STEPS | MINIVMM_GUESTDBG_INJECT_DB));
	EXPECT_EQ(-EBUSY, set_debug(&self->vcpu, BREAKPOINTS | MINIVMM_GUESTDBG_INJECT_BP));
}

/* Its delivery is interrupted by a stack that is not mapped yet. */
TEST_F(vm, step_over_an_injected_breakpoint_ends_in_its_handler)
{
	struct minivmm_regs regs;

	SKIP_ON_KVM_OF_AMD();
	start_long(&self->vcpu, trap);
	set_gate(&self->vcpu, BP);
	regs = vcpu_regs(&self->vcpu);
	regs.rsp = GUEST_DATA + 0x9000;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS | MINIVMM_GUESTDBG_INJECT_BP));
	EXPECT_DEBUG(DB, 0x100);
}

TEST_F(vm, debug_exception_is_injected)
{
	start_long(&self->vcpu, trap);
	set_gate(&self->vcpu, DB);
	ASSERT_EQ(0, set_debug(&self->vcpu, MINIVMM_GUESTDBG_INJECT_DB));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	EXPECT_EQ(GUEST_CODE, *(__u32 *)port_data(&self->vcpu));
}

GUEST64(straight, "nop; nop; jmp 1f; nop; 1: nop; 2: jmp 2b");

TEST_F(vm, each_instruction_is_a_step)
{
	start_long(&self->vcpu, straight);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(1);
	EXPECT_STEP(2);
	EXPECT_STEP(5);
	EXPECT_STEP(6);
	/* One that leads to itself, too. */
	EXPECT_STEP(6);
	EXPECT_STEP(6);
}

GUEST64(intercepted, "xor %eax, %eax; cpuid; out %al, $0x10; xor %eax, %eax; mov %rax, %cr8; nop; hlt; nop");
GUEST64(on_device, "mov $0x20000000, %edi; mov %eax, (%rdi); mov (%rdi), %eax; nop");

TEST_F(vm, instructions_done_for_the_guest_are_steps)
{
	start_long(&self->vcpu, intercepted);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(2);
	EXPECT_STEP(4);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_STEP(6);
	EXPECT_STEP(8);
	EXPECT_STEP(12);
}

TEST_F(vm, accesses_to_devices_are_steps)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM forgets the step of a write");
	start_long(&self->vcpu, on_device);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(5);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_STEP(7);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_STEP(9);
	EXPECT_STEP(10);
}

GUEST64(flushes, "wbinvd; nop");

TEST_F(vm, flush_of_the_caches_is_a_step)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM of 6.1 forgets it where the CPU does not tell the next RIP");
	start_long(&self->vcpu, flushes);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(2);
	EXPECT_STEP(3);
}

TEST_F(vm, steps_end_with_control_0)
{
	start_long(&self->vcpu, intercepted);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(2);
	ASSERT_EQ(0, set_debug(&self->vcpu, 0));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

/* ROBUST_SINGLESTEP: what userspace does to the registers in between does not matter. */
TEST_F(vm, steps_go_on_where_userspace_sets_rip)
{
	struct minivmm_regs regs;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM wants SET_GUEST_DEBUG again");
	start_long(&self->vcpu, straight);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(1);
	regs = vcpu_regs(&self->vcpu);
	regs.rip = GUEST_CODE + 4;
	vcpu_set_regs(&self->vcpu, &regs);
	EXPECT_STEP(5);
	EXPECT_STEP(6);
}

/* TF in the image that POPF loads is the guest's, and has its effect after the next instruction. */
GUEST64(own_steps, "pushf; pop %rax; or $0x100, %eax; push %rax; popf; nop; nop; hlt;"
	".skip 0x100 - (. - own_steps); mov %dr6, %rax; out %eax, $0x12; hlt");

TEST_F(vm, guest_keeps_its_own_trap_flag)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM takes the guest's steps for userspace's");
	start_long(&self->vcpu, own_steps);
	set_gate(&self->vcpu, DB);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(1);
	EXPECT_STEP(2);
	EXPECT_STEP(7);
	EXPECT_STEP(8);
	EXPECT_DEBUG(DB, 9);
	EXPECT_EQ(TF, vcpu_regs(&self->vcpu).rflags & TF);
	EXPECT_DEBUG(DB, 10);
	/* Now its #DB comes, and is a step, too. */
	EXPECT_DEBUG(DB, 0x100);
	EXPECT_DEBUG(DB, 0x103);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(DR6_BS, *(__u32 *)port_data(&self->vcpu) & (DR6_BS | 15));
}

GUEST64(fault, "xor %ecx, %ecx; ud2; hlt; .skip 0x100 - (. - fault); mov 16(%rsp), %rax; out %eax, $0x12; hlt");

TEST_F(vm, step_into_a_fault_is_not_in_its_frame)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM's trap flag is in the frame");
	start_long(&self->vcpu, fault);
	set_gate(&self->vcpu, 6);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(2);
	/* On some CPUs one step later. */
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_DEBUG);
	EXPECT_EQ(0x100, rip(&self->vcpu));
	ASSERT_EQ(0, set_debug(&self->vcpu, 0));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	EXPECT_EQ(0, *(__u32 *)port_data(&self->vcpu) & TF);
}

GUEST32(tasks, "lcall $0x20, $0; int $0x20; nop; hlt; .skip 0x40 - (. - tasks);"
	       "nop; iret; jmp . - 2");

#define MAIN_STATE	(GUEST_DATA + 0x2000)
#define TASK_STATE	(GUEST_DATA + 0x3000)
#define STATE_WORDS	26
enum { STATE_EIP = 8, STATE_FLAGS = 9, STATE_ESP = 14, STATE_SEGMENTS = 18 };

/* A task at GUEST_CODE + 0x40, and a task gate that leads to it. */
static void add_task(struct vcpu *vcpu)
{
	const __u64 descriptors[] = {
		0x8b0000000067 | MAIN_STATE << 16, 0x890000000067 | TASK_STATE << 16,
	};
	const __u64 gate = 0x20 << 16 | 0x85ULL << 40;
	__u32 task[STATE_WORDS] = {
		[STATE_EIP] = GUEST_CODE + 0x40, [STATE_FLAGS] = 2, [STATE_ESP] = GUEST_CODE,
	};
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	for (int i = 0; i < 6; i++)
		task[STATE_SEGMENTS + i] = i == 1 ? 0x08 : 0x10;
	vm_write(vcpu->vm, TASK_STATE, task, sizeof(task));
	vm_write(vcpu->vm, GUEST_GDT + 0x18, descriptors, sizeof(descriptors));
	vm_write(vcpu->vm, IDT + 8 * 0x20, &gate, sizeof(gate));
	sregs.gdt.limit = 5 * 8 - 1;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0x7ff;
	sregs.tr = (struct minivmm_segment){
		.base = MAIN_STATE, .limit = 0x67, .selector = 0x18, .type = 0xb, .present = 1,
	};
	vcpu_set_sregs(vcpu, &sregs);
}

static __u32 saved_flags(struct vcpu *vcpu, __u64 state)
{
	return ((__u32 *)(vcpu->vm->memory + state))[STATE_FLAGS];
}

TEST_F(vm, step_is_not_in_the_state_of_a_task)
{
	if (!host_is_intel() && host_is_qemu())
		SKIP(return, "the emulated CPU does not intercept task switches");
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM does not stop behind a task switch");
	start_protected(&self->vcpu, tasks);
	add_task(&self->vcpu);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(0x40);
	EXPECT_EQ(0, saved_flags(&self->vcpu, MAIN_STATE) & TF);
	EXPECT_STEP(0x41);
	EXPECT_STEP(7);
	EXPECT_EQ(0, saved_flags(&self->vcpu, TASK_STATE) & TF);
	EXPECT_STEP(0x42);
	EXPECT_EQ(0, saved_flags(&self->vcpu, MAIN_STATE) & TF);
	EXPECT_STEP(0x40);
	EXPECT_STEP(0x41);
	EXPECT_STEP(9);
	ASSERT_EQ(0, set_debug(&self->vcpu, 0));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

TEST_F(vm, step_is_seen_in_no_get_call)
{
	struct minivmm_debugregs debugregs;
	struct minivmm_vcpu_events events;

	start_long(&self->vcpu, straight);
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	EXPECT_STEP(1);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, events.exception.injected);
	EXPECT_EQ(0, events.exception.pending);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_DEBUGREGS, &debugregs));
	if (device_is_minivmm(self->vm.device))
		EXPECT_EQ(0, debugregs.dr6 & DR6_BS);
}

TEST_F(chip, halt_is_a_step)
{
	start_long(&self->vcpu, intercepted);
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM forgets the step");
	ASSERT_EQ(0, set_debug(&self->vcpu, STEPS));
	while (rip(&self->vcpu) != 13)
		ASSERT_EQ(0, vcpu_run(&self->vcpu));
	EXPECT_STEP(14);
}

TEST_HARNESS_MAIN
