// SPDX-License-Identifier: GPL-2.0
/* Interrupts, NMIs and exceptions that userspace injects; VCPU_EVENTS. */
#include "fixture.h"

/*
 * Real mode with a vector table: vector v is served at CS:0x100 + 4 * v, which
 * tells v to port 0x10 and returns; the code proper is at CS:0.
 */
GUEST16(spin_with_interrupts, "sti; 1: jmp 1b");
GUEST16(nops_without_interrupts, "nop; out %al, $0x12; sti; nop; out %al, $0x13; hlt");
GUEST16(halt_without_interrupts, "hlt; out %al, $0x12; hlt");

static void load_vectors(struct vm *vm)
{
	/* push %ax; mov $v, %al; out %al, $0x10; pop %ax; iret */
	__u8 handler[8] = { 0x50, 0xb0, 0, 0xe6, 0x10, 0x58, 0xcf, 0x90 };

	for (__u32 v = 0; v < 256; v++) {
		const __u32 far = (GUEST_CODE >> 4) << 16 | (0x100 + 8 * v);

		handler[2] = v;
		vm_write(vm, GUEST_CODE + 0x100 + 8 * v, handler, sizeof(handler));
		vm_write(vm, 4 * v, &far, sizeof(far));
	}
}

/* start_real() with the vector table in place. */
#define start_with_vectors(vcpu, name)	(load_vectors((vcpu)->vm), start_real(vcpu, name))

#define EXPECT_VECTOR(vector)							\
do {										\
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);				\
	EXPECT_EQ(0x10, self->vcpu.run->io.port);				\
	EXPECT_EQ(vector, *(__u8 *)port_data(&self->vcpu));			\
} while (0)

static long interrupt(struct vcpu *vcpu, __u32 vector)
{
	struct minivmm_interrupt args = { vector };

	return call(vcpu->fd, MINIVMM_INTERRUPT, &args);
}

TEST_F(vm, interrupt_window_opens_when_the_guest_enables_interrupts)
{
	start_with_vectors(&self->vcpu, nops_without_interrupts);
	self->vcpu.run->request_interrupt_window = 1;
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	EXPECT_EQ(0, self->vcpu.run->ready_for_interrupt_injection);
	EXPECT_EQ(0, self->vcpu.run->if_flag);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, self->vcpu.run->ready_for_interrupt_injection);
	EXPECT_EQ(1, self->vcpu.run->if_flag);
	self->vcpu.run->request_interrupt_window = 0;
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x13, self->vcpu.run->io.port);
}

TEST_F(vm, injected_interrupt_is_taken)
{
	start_with_vectors(&self->vcpu, nops_without_interrupts);
	self->vcpu.run->request_interrupt_window = 1;
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	self->vcpu.run->request_interrupt_window = 0;
	EXPECT_EQ(0, interrupt(&self->vcpu, 0x31));
	EXPECT_VECTOR(0x31);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x13, self->vcpu.run->io.port);
}

/* The VMM has one more: the window for it opens when the handler of the first has returned. */
TEST_F(vm, interrupt_window_opens_behind_the_interrupt_that_waits)
{
	start_with_vectors(&self->vcpu, spin_with_interrupts);
	self->vcpu.run->request_interrupt_window = 1;
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(0, interrupt(&self->vcpu, 0x31));
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(0, self->vcpu.run->ready_for_interrupt_injection);
	EXPECT_EQ(1, self->vcpu.run->if_flag);
	self->vcpu.run->immediate_exit = 0;
	EXPECT_VECTOR(0x31);
	EXPECT_EQ(0, self->vcpu.run->ready_for_interrupt_injection);
	EXPECT_EQ(0, self->vcpu.run->if_flag);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, self->vcpu.run->ready_for_interrupt_injection);
	EXPECT_EQ(1, self->vcpu.run->if_flag);
	EXPECT_EQ(1, vcpu_regs(&self->vcpu).rip);
}

TEST_F(vm, vector_above_255_is_refused)
{
	EXPECT_EQ(-EINVAL, interrupt(&self->vcpu, 256));
	EXPECT_EQ(-EINVAL, interrupt(&self->vcpu, ~0U));
}

TEST_F(vm, nmi_is_taken_with_interrupts_off)
{
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

static __u32 mp_state(struct vcpu *vcpu)
{
	struct minivmm_mp_state state = { ~0U };

	call(vcpu->fd, MINIVMM_GET_MP_STATE, &state);
	return state.mp_state;
}

static void run_until_halted(struct vcpu *vcpu)
{
	do {	/* until it was given the time to halt */
		program_spawn(vcpu);
		usleep(50000);
		program_kick(vcpu);
		if (program_join(vcpu) != -EINTR)
			fatal("it did not halt");
		vcpu->run->immediate_exit = 0;
	} while (mp_state(vcpu) != MINIVMM_MP_STATE_HALTED);
}

TEST_F(chip, nmi_wakes_a_halted_vcpu)
{
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	run_until_halted(&self->vcpu);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
}

/* VCPU_EVENTS */

static struct minivmm_vcpu_events get_events(struct vcpu *vcpu)
{
	struct minivmm_vcpu_events events;
	long ret = call(vcpu->fd, MINIVMM_GET_VCPU_EVENTS, &events);

	if (ret)
		fatal("GET_VCPU_EVENTS: %ld", ret);
	return events;
}

static long set_events(struct vcpu *vcpu, const struct minivmm_vcpu_events *events)
{
	return call(vcpu->fd, MINIVMM_SET_VCPU_EVENTS, events);
}

TEST_F(vm, nothing_is_pending_after_creation)
{
	struct minivmm_vcpu_events events = get_events(&self->vcpu);

	EXPECT_EQ(0, events.exception.injected);
	EXPECT_EQ(0, events.exception.pending);
	EXPECT_EQ(0, events.interrupt.injected);
	EXPECT_EQ(0, events.nmi.injected);
	EXPECT_EQ(0, events.nmi.pending);
	EXPECT_EQ(0, events.nmi.masked);
}

TEST_F(vm, events_can_be_set_as_they_were_got)
{
	struct minivmm_vcpu_events events = get_events(&self->vcpu);

	EXPECT_EQ(0, set_events(&self->vcpu, &events));
}

GUEST16(enable_interrupts, "sti; nop; out %al, $0x13; hlt");

TEST_F(vm, interrupt_that_waits_is_shown_and_can_be_set_again)
{
	struct minivmm_vcpu_events events;
	struct minivmm_regs regs;

	start_with_vectors(&self->vcpu, enable_interrupts);
	ASSERT_EQ(0, interrupt(&self->vcpu, 0x45));
	events = get_events(&self->vcpu);
	EXPECT_EQ(1, events.interrupt.injected);
	EXPECT_EQ(0x45, events.interrupt.nr);
	EXPECT_EQ(1UL << (0x45 - 64), vcpu_sregs(&self->vcpu).interrupt_bitmap[1]);
	regs = vcpu_regs(&self->vcpu);
	regs.rflags |= 0x200;
	vcpu_set_regs(&self->vcpu, &regs);
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	/* Taken once, however often it was shown. */
	EXPECT_VECTOR(0x45);
	EXPECT_EQ(0, get_events(&self->vcpu).interrupt.injected);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x13, self->vcpu.run->io.port);
}

TEST_F(vm, events_without_an_interrupt_take_it_back)
{
	struct minivmm_vcpu_events events;

	start_with_vectors(&self->vcpu, enable_interrupts);
	ASSERT_EQ(0, interrupt(&self->vcpu, 0x45));
	events = get_events(&self->vcpu);
	events.interrupt.injected = 0;
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x13, self->vcpu.run->io.port);
}

TEST_F(vm, injected_exception_is_taken)
{
	struct minivmm_vcpu_events events;

	start_with_vectors(&self->vcpu, halt_without_interrupts);
	events = get_events(&self->vcpu);
	events.exception.injected = 1;
	events.exception.nr = 6;
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_EQ(1, get_events(&self->vcpu).exception.injected);
	EXPECT_EQ(6, get_events(&self->vcpu).exception.nr);
	EXPECT_VECTOR(6);
	EXPECT_EQ(0, get_events(&self->vcpu).exception.injected);
}

/*
 * INT3 and INT n whose delivery is interrupted, by a stack that is not mapped yet, and what stands
 * for them. RIP is the instruction's until it has been delivered, on KVM too.
 */
#define FRESH_STACK	(GUEST_DATA + 0x3000)

GUEST16(breakpoint, "int3; out %al, $0x12; hlt");
GUEST16(soft_interrupt, "int $0x44; out %al, $0x12; hlt");
GUEST16(two_breakpoints, "mov %ds:0, %ax; push %ax; out %al, $0x11; int3; mov %bx, %ss; int3; out %al, $0x12; hlt");

#define SKIP_ON_KVM_OF_INTEL()							\
do {										\
	if (!device_is_minivmm(self->vm.device) && host_is_intel())		\
		SKIP(return, "KVM takes the instruction's length from an exit that it saw");	\
} while (0)

static void use_fresh_stack(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.ss.base = FRESH_STACK;
	sregs.ss.selector = FRESH_STACK >> 4;
	vcpu_set_sregs(vcpu, &sregs);
}

TEST_F(vm, breakpoint_at_the_rip_of_events_comes_once)
{
	struct minivmm_vcpu_events events;

	start_with_vectors(&self->vcpu, breakpoint);
	use_fresh_stack(&self->vcpu);
	events = get_events(&self->vcpu);
	ASSERT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_VECTOR(3);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
}

TEST_F(vm, injected_breakpoint_is_that_at_rip)
{
	struct minivmm_vcpu_events events;

	SKIP_ON_KVM_OF_INTEL();
	start_with_vectors(&self->vcpu, breakpoint);
	use_fresh_stack(&self->vcpu);
	events = get_events(&self->vcpu);
	events.exception.injected = 1;
	events.exception.nr = 3;
	ASSERT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_EQ(0, vcpu_regs(&self->vcpu).rip);
	EXPECT_VECTOR(3);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
}

TEST_F(vm, injected_soft_interrupt_is_that_at_rip)
{
	struct minivmm_vcpu_events events;

	SKIP_ON_KVM_OF_INTEL();
	start_with_vectors(&self->vcpu, soft_interrupt);
	use_fresh_stack(&self->vcpu);
	events = get_events(&self->vcpu);
	events.interrupt.injected = 1;
	events.interrupt.soft = 1;
	events.interrupt.nr = 0x44;
	ASSERT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_VECTOR(0x44);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
}

/* The second one is interrupted in the run that was begun with the first. */
TEST_F(vm, breakpoint_after_an_injected_one_comes_once)
{
	/* incb %cs:0x80; iret */
	static const __u8 handler[] = { 0x2e, 0xfe, 0x06, 0x80, 0x00, 0xcf };
	struct minivmm_vcpu_events events;
	struct minivmm_regs regs;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM takes the second for the first");
	start_with_vectors(&self->vcpu, two_breakpoints);
	vm_write(&self->vm, GUEST_CODE + 0x100 + 8 * 3, handler, sizeof(handler));
	regs = vcpu_regs(&self->vcpu);
	regs.rbx = FRESH_STACK >> 4;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EQ(0x11, self->vcpu.run->io.port);
	self->vcpu.run->immediate_exit = 1;
	ASSERT_EQ(-EINTR, vcpu_run(&self->vcpu));
	self->vcpu.run->immediate_exit = 0;
	events = get_events(&self->vcpu);
	events.exception.injected = 1;
	events.exception.nr = 3;
	ASSERT_EQ(0, set_events(&self->vcpu, &events));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	EXPECT_EQ(2, self->vm.memory[GUEST_CODE + 0x80]);
}

/* No CPU was delivering one with RFLAGS.IF clear, and Intel's refuse to go on with it. */
TEST_F(vm, injected_interrupt_of_the_events_is_taken)
{
	struct minivmm_vcpu_events events;
	struct minivmm_regs regs;

	start_with_vectors(&self->vcpu, halt_without_interrupts);
	regs = vcpu_regs(&self->vcpu);
	regs.rflags |= 0x200;
	vcpu_set_regs(&self->vcpu, &regs);
	events = get_events(&self->vcpu);
	events.interrupt.injected = 1;
	events.interrupt.nr = 0x44;
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_EQ(1, get_events(&self->vcpu).interrupt.injected);
	EXPECT_VECTOR(0x44);
}

TEST_F(vm, masked_nmi_waits)
{
	struct minivmm_vcpu_events events;

	start_with_vectors(&self->vcpu, halt_without_interrupts);
	events = get_events(&self->vcpu);
	events.nmi.masked = 1;
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	events = get_events(&self->vcpu);
	EXPECT_EQ(1, events.nmi.masked);
	EXPECT_NE(0, events.nmi.pending);
	events.nmi.masked = 0;
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_VECTOR(2);
}

TEST_F(chip, masked_nmi_does_not_wake_a_halted_vcpu)
{
	struct minivmm_vcpu_events events;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM ends the HLT, and finds the NMI masked then");
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	events = get_events(&self->vcpu);
	events.nmi.masked = 1;
	ASSERT_EQ(0, set_events(&self->vcpu, &events));
	run_until_halted(&self->vcpu);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	program_spawn(&self->vcpu);
	usleep(50000);
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
	self->vcpu.run->immediate_exit = 0;
	EXPECT_EQ(MINIVMM_MP_STATE_HALTED, mp_state(&self->vcpu));
	events = get_events(&self->vcpu);
	EXPECT_EQ(1, events.nmi.pending);
	events.nmi.masked = 0;
	EXPECT_EQ(0, set_events(&self->vcpu, &events));
	EXPECT_VECTOR(2);
}

TEST_F(vm, nmi_is_masked_inside_its_handler)
{
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	EXPECT_EQ(1, get_events(&self->vcpu).nmi.masked);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_events(&self->vcpu).nmi.masked);
}

TEST_F(vm, next_nmi_follows_when_the_handler_has_returned)
{
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	for (int i = 0; i < 3; i++) {
		struct minivmm_regs regs = vcpu_regs(&self->vcpu);

		regs.rip = 0;
		vcpu_set_regs(&self->vcpu, &regs);
		EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
		EXPECT_VECTOR(2);
		EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	}
}

TEST_F(vm, nmi_during_the_handler_waits_for_its_return)
{
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_EQ(1, get_events(&self->vcpu).nmi.pending);
	EXPECT_VECTOR(2);
	EXPECT_EQ(0, get_events(&self->vcpu).nmi.pending);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

TEST_F(vm, one_nmi_waits_during_the_handler)
{
	start_with_vectors(&self->vcpu, halt_without_interrupts);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_EQ(1, get_events(&self->vcpu).nmi.pending);
	EXPECT_VECTOR(2);
	/* The first one's frame was gone: the second did not come before IRET was done. */
	EXPECT_EQ(0xffe8, vcpu_regs(&self->vcpu).rsp);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

/* Both wait for the handler's IRET: the NMI comes first, and nothing between its IRET and it. */
TEST_F(chip, interrupt_waits_behind_the_next_nmi)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x31 };
	struct minivmm_regs regs;

	start_with_vectors(&self->vcpu, spin_with_interrupts);
	regs = vcpu_regs(&self->vcpu);
	regs.rip = 1;	/* behind the STI */
	regs.rflags |= 0x200;
	vcpu_set_regs(&self->vcpu, &regs);
	vcpu_enable_apic(&self->vcpu);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_LT(0, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &msi));
	EXPECT_VECTOR(2);
	EXPECT_EQ(regs.rsp - 8, vcpu_regs(&self->vcpu).rsp);
	EXPECT_VECTOR(0x31);
	EXPECT_EQ(0, get_events(&self->vcpu).nmi.masked);
	EXPECT_EQ(regs.rsp - 8, vcpu_regs(&self->vcpu).rsp);
}

static void set_shadow(struct vcpu *vcpu, __u8 shadow)
{
	struct minivmm_vcpu_events events = get_events(vcpu);

	events.interrupt.shadow = shadow;
	events.flags = MINIVMM_VCPUEVENT_VALID_SHADOW;
	if (set_events(vcpu, &events))
		fatal("SET_VCPU_EVENTS");
}

TEST_F(vm, interrupt_shadow_ends_with_the_next_instruction)
{
	start_with_vectors(&self->vcpu, nops_without_interrupts);
	set_shadow(&self->vcpu, MINIVMM_X86_SHADOW_INT_MOV_SS);
	EXPECT_NE(0, get_events(&self->vcpu).interrupt.shadow);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, get_events(&self->vcpu).interrupt.shadow);
}

/* A state that Intel's CPUs refuse, as the flag is 0. */
TEST_F(vm, shadow_of_sti_needs_no_interrupt_flag)
{
	if (!device_is_minivmm(self->vm.device) && host_is_intel())
		SKIP(return, "KVM lets the CPU refuse it");
	start_with_vectors(&self->vcpu, nops_without_interrupts);
	set_shadow(&self->vcpu, MINIVMM_X86_SHADOW_INT_STI);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, get_events(&self->vcpu).interrupt.shadow);
}

GUEST16(flags_in_the_shadow, "pushf; pop %ax; out %ax, $0x12; hlt");

/* To come as soon as the shadow ends, the NMI may need a step over it. */
TEST_F(vm, flags_stored_in_the_shadow_show_no_step)
{
	if (!device_is_minivmm(self->vm.device) && !host_is_intel())
		SKIP(return, "KVM's step shows in them");
	start_with_vectors(&self->vcpu, flags_in_the_shadow);
	set_shadow(&self->vcpu, MINIVMM_X86_SHADOW_INT_MOV_SS);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_NMI, 0));
	EXPECT_VECTOR(2);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x12, self->vcpu.run->io.port);
	EXPECT_EQ(2, *(__u16 *)port_data(&self->vcpu));
}

TEST_F(vm, impossible_events_are_refused)
{
	struct minivmm_vcpu_events good = get_events(&self->vcpu), events;

	events = good;
	events.flags |= 1 << 20;
	EXPECT_EQ(-EINVAL, set_events(&self->vcpu, &events));
	events = good;
	events.flags |= MINIVMM_VCPUEVENT_VALID_PAYLOAD;	/* its capability is not enabled */
	EXPECT_EQ(-EINVAL, set_events(&self->vcpu, &events));
	events = good;
	events.exception.injected = 1;
	events.exception.nr = 32;
	EXPECT_EQ(-EINVAL, set_events(&self->vcpu, &events));
	events.exception.nr = 2;	/* the NMI is no exception */
	EXPECT_EQ(-EINVAL, set_events(&self->vcpu, &events));
}

TEST_F(vm, wrong_guest_exception_is_not_a_host_matter)
{
	/* A guest may do anything with its own exceptions; here: divide by zero. */
	struct minivmm_regs regs;

	start_with_vectors(&self->vcpu, halt_without_interrupts);
	vm_write(&self->vm, GUEST_CODE, "\xf6\xf4", 2);		/* div %ah */
	regs = vcpu_regs(&self->vcpu);
	regs.rax = 0;
	vcpu_set_regs(&self->vcpu, &regs);
	EXPECT_VECTOR(0);
}

TEST_F(vm, spinning_guest_takes_an_interrupt_from_another_thread)
{
	start_with_vectors(&self->vcpu, spin_with_interrupts);
	program_spawn(&self->vcpu);
	usleep(50000);
	program_kick(&self->vcpu);
	ASSERT_EQ(-EINTR, program_join(&self->vcpu));
	self->vcpu.run->immediate_exit = 0;
	EXPECT_EQ(1, self->vcpu.run->ready_for_interrupt_injection);
	EXPECT_EQ(0, interrupt(&self->vcpu, 0x77));
	EXPECT_VECTOR(0x77);
}

TEST_HARNESS_MAIN
