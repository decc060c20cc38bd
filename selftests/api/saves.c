// SPDX-License-Identifier: GPL-2.0
/* What happened outside RUN is in what the GET calls give, and the SET calls take it back. */
#include "fixture.h"

#define MUST(fd, nr, arg)							\
do {										\
	long ret_ = call(fd, MINIVMM_##nr, arg);				\
	if (ret_ < 0)								\
		fatal(#nr ": %ld", ret_);					\
} while (0)

#define MSR_TSC		0x10
#define MSR_DEADLINE	0x6e0
#define CR4_OSXSAVE	(1UL << 18)
#define SYSTEM_TIME	0x4b564d01
#define DR6_BS		0x4000

static __u32 mp_state(struct vcpu *vcpu)
{
	struct minivmm_mp_state state = { ~0U };

	MUST(vcpu->fd, GET_MP_STATE, &state);
	return state.mp_state;
}

static long set_mp_state(struct vcpu *vcpu, __u32 value)
{
	struct minivmm_mp_state state = { value };

	return call(vcpu->fd, MINIVMM_SET_MP_STATE, &state);
}

FIXTURE(two) {
	struct vm vm;
	struct vcpu vcpu, ap;
};

FIXTURE_SETUP(two)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vm_add_irqchip(&self->vm);
	vcpu_init(&self->vcpu, &self->vm, 0);
	vcpu_init(&self->ap, &self->vm, 1);
	vcpu_set_supported_cpuid(&self->ap);
}

FIXTURE_TEARDOWN(two)
{
	vcpu_free(&self->vcpu);
	vcpu_free(&self->ap);
	vm_free(&self->vm);
}

/* KVM finds a new processor only after some APIC has been enabled. */
GUEST64(send_ipi,
	"mov $0xfee00000, %ebx; movl $0x1ff, 0xf0(%rbx); mov %esi, 0x310(%rbx); mov %edi, 0x300(%rbx);"
	"out %al, $0x10; hlt");

#define INIT		0x4500
#define SIPI(vector)	(0x4600 | (vector))

/* vCPU 0 writes @what to its ICR, for the processor with this APIC ID. */
static void send(struct vcpu *from, __u32 id, __u32 what)
{
	struct minivmm_regs regs;

	start_long(from, send_ipi);
	regs = vcpu_regs(from);
	regs.rsi = id << 24;
	regs.rdi = what;
	vcpu_set_regs(from, &regs);
	if (vcpu_run(from) || from->run->exit_reason != MINIVMM_EXIT_IO)
		fatal("no port exit");
}

TEST_F(two, processor_waits_for_sipi_after_init)
{
	EXPECT_EQ(MINIVMM_MP_STATE_UNINITIALIZED, mp_state(&self->ap));
	send(&self->vcpu, 1, INIT);
	EXPECT_EQ(MINIVMM_MP_STATE_INIT_RECEIVED, mp_state(&self->ap));
}

TEST_F(two, processor_is_at_its_vector_after_sipi)
{
	struct minivmm_sregs sregs;

	send(&self->vcpu, 1, INIT);
	send(&self->vcpu, 1, SIPI(0x30));
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, mp_state(&self->ap));
	sregs = vcpu_sregs(&self->ap);
	EXPECT_EQ(0x3000, sregs.cs.selector);
	EXPECT_EQ(0x30000, sregs.cs.base);
	EXPECT_EQ(0, vcpu_regs(&self->ap).rip);
}

/* KVM: only GET_MP_STATE looks, so it has to come first there. */
TEST_F(two, whatever_is_read_first_shows_the_sipi)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "the order of the calls matters");
	send(&self->vcpu, 1, INIT);
	send(&self->vcpu, 1, SIPI(0x30));
	EXPECT_EQ(0, vcpu_regs(&self->ap).rip);
	EXPECT_EQ(0x3000, vcpu_sregs(&self->ap).cs.selector);
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, mp_state(&self->ap));
}

TEST_F(two, init_resets_what_userspace_set)
{
	struct minivmm_regs regs = { .rip = 0x1234, .rflags = 2 };

	vcpu_set_regs(&self->ap, &regs);
	send(&self->vcpu, 1, INIT);
	EXPECT_EQ(MINIVMM_MP_STATE_INIT_RECEIVED, mp_state(&self->ap));
	EXPECT_EQ(0xfff0, vcpu_regs(&self->ap).rip);
}

GUEST16(say_5a, "mov $0x5a, %al; out %al, $0x11; hlt");

TEST_F(two, sipi_that_userspace_gives_starts_the_processor)
{
	struct minivmm_vcpu_events events;

	vm_write(&self->vm, 0x30000, say_5a, say_5a_end - say_5a);
	EXPECT_EQ(0, set_mp_state(&self->ap, MINIVMM_MP_STATE_SIPI_RECEIVED));
	MUST(self->vcpu.fd, GET_VCPU_EVENTS, &events);
	events.flags = MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR;
	events.sipi_vector = 0x30;
	MUST(self->ap.fd, SET_VCPU_EVENTS, &events);
	ASSERT_EXIT(&self->ap, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x11, self->ap.run->io.port);
	EXPECT_EQ(0x5a, *(__u8 *)port_data(&self->ap));
}

/* KVM: it does, as whatever is sent to a halted processor. */
TEST_F(two, a_second_sipi_does_not_end_hlt)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "a SIPI ends HLT");
	vm_write(&self->vm, 0x30000, say_5a, say_5a_end - say_5a);
	send(&self->vcpu, 1, INIT);
	send(&self->vcpu, 1, SIPI(0x30));
	ASSERT_EXIT(&self->ap, MINIVMM_EXIT_IO);
	program_spawn(&self->ap);
	usleep(20000);
	send(&self->vcpu, 1, SIPI(0x30));
	usleep(20000);
	program_kick(&self->ap);
	EXPECT_EQ(-EINTR, program_join(&self->ap));
	EXPECT_EQ(MINIVMM_MP_STATE_HALTED, mp_state(&self->ap));
	EXPECT_EQ(say_5a_end - say_5a, vcpu_regs(&self->ap).rip);
}

GUEST64(out_twice, "out %al, $0x10; nop; out %al, $0x11; hlt");

/* The answer to an access of before the INIT does not move the processor. */
TEST_F(two, init_drops_an_nmi_that_waits)
{
	struct minivmm_vcpu_events events;

	MUST(self->ap.fd, NMI, 0);
	send(&self->vcpu, 1, INIT);
	EXPECT_EQ(MINIVMM_MP_STATE_INIT_RECEIVED, mp_state(&self->ap));
	MUST(self->ap.fd, GET_VCPU_EVENTS, &events);
	EXPECT_EQ(0, events.nmi.pending);
	EXPECT_EQ(0, events.nmi.injected);
}

TEST_F(two, init_drops_an_access_that_waits)
{
	struct minivmm_msi init = { .address_lo = 0xfee00000, .data = INIT };

	start_long(&self->vcpu, out_twice);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	MUST(self->vm.fd, SIGNAL_MSI, &init);
	mp_state(&self->vcpu);
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(0xfff0, vcpu_regs(&self->vcpu).rip);
}

/* Deadlines. */

GUEST64(arm,
	"mov $0xfee00000, %ebx; movl $0x1ff, 0xf0(%rbx); movl $0x40040, 0x320(%rbx);"
	"mfence; rdtsc; shl $32, %rdx; or %rdx, %rax; add $0x800000, %rax; mov %rax, %rdx;"
	"shr $32, %rdx; mov $0x6e0, %ecx; wrmsr; out %al, $0x10; hlt");

static bool requested(const struct minivmm_lapic_state *lapic, __u32 vector)
{
	__u32 word;

	memcpy(&word, lapic->regs + 0x200 + vector / 32 * 16, sizeof(word));
	return word >> vector % 32 & 1;
}

static void await_tsc(struct vcpu *vcpu, __u64 tsc)
{
	while (vcpu_msr(vcpu, MSR_TSC) <= tsc)
		usleep(1000);
}

TEST_F(chip, deadline_that_passed_is_in_the_lapic_or_in_its_msr)
{
	struct minivmm_lapic_state before, after;
	__u64 deadline;

	start_long(&self->vcpu, arm);
	vcpu_add_deadline_timer(&self->vcpu);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	deadline = vcpu_msr(&self->vcpu, MSR_DEADLINE);
	MUST(self->vcpu.fd, GET_LAPIC, &before);
	if (!deadline)
		SKIP(return, "the host was too slow");
	await_tsc(&self->vcpu, deadline);
	usleep(10000);
	EXPECT_TRUE(requested(&before, 0x40) || vcpu_msr(&self->vcpu, MSR_DEADLINE) == deadline);
	MUST(self->vcpu.fd, GET_LAPIC, &after);
	EXPECT_TRUE(requested(&after, 0x40) || vcpu_msr(&self->vcpu, MSR_DEADLINE) == deadline);
}

GUEST64(arm_x2apic,
	"mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr; xor %edx, %edx;"
	"mov $0x80f, %ecx; mov $0x1ff, %eax; wrmsr; mov $0x832, %ecx; mov $0x40040, %eax; wrmsr;"
	"mfence; rdtsc; shl $32, %rdx; or %rdx, %rax; add $0x800000, %rax; mov %rax, %rdx;"
	"shr $32, %rdx; mov $0x6e0, %ecx; wrmsr; out %al, $0x10; hlt");

TEST_F(chip, reading_an_x2apic_register_does_not_take_a_deadline_that_passed)
{
	struct minivmm_lapic_state before;
	__u64 deadline;

	start_long(&self->vcpu, arm_x2apic);
	vcpu_add_deadline_timer(&self->vcpu);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	deadline = vcpu_msr(&self->vcpu, MSR_DEADLINE);
	MUST(self->vcpu.fd, GET_LAPIC, &before);
	if (!deadline)
		SKIP(return, "the host was too slow");
	await_tsc(&self->vcpu, deadline);
	usleep(10000);
	EXPECT_EQ(0x40040, vcpu_msr(&self->vcpu, 0x832));
	EXPECT_TRUE(requested(&before, 0x40) || vcpu_msr(&self->vcpu, MSR_DEADLINE) == deadline);
}

/* A step that is due. */

static void step_out(struct vcpu *vcpu)
{
	struct minivmm_regs regs;

	start_long(vcpu, out_twice);
	regs = vcpu_regs(vcpu);
	regs.rflags |= 0x100;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_IO)
		fatal("no port exit");
	vcpu->run->immediate_exit = 1;
	if (vcpu_run(vcpu) != -EINTR)
		fatal("no immediate exit");
}

TEST_F(vm, stepped_access_has_its_cause_in_dr6)
{
	struct minivmm_vcpu_events events;
	struct minivmm_debugregs debug;

	step_out(&self->vcpu);
	MUST(self->vcpu.fd, GET_VCPU_EVENTS, &events);
	MUST(self->vcpu.fd, GET_DEBUGREGS, &debug);
	EXPECT_TRUE(events.exception.injected);
	EXPECT_EQ(1, events.exception.nr);
	EXPECT_TRUE(debug.dr6 & DR6_BS);
}

TEST_F(vm, dr6_has_the_cause_when_it_is_read_first)
{
	struct minivmm_debugregs debug;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "the order of the calls matters");
	step_out(&self->vcpu);
	MUST(self->vcpu.fd, GET_DEBUGREGS, &debug);
	EXPECT_TRUE(debug.dr6 & DR6_BS);
}

GUEST16(out_once, "out %al, $0x10; nop; hlt");
GUEST16(hit_breakpoint,
	"mov $0x8000, %eax; mov %eax, %dr0; mov $0x10001, %eax; mov %eax, %dr7;"
	"movb $1, 0x8000; hlt");
GUEST16(say_dr6, "mov %dr6, %eax; out %eax, $0x11; hlt");

TEST_F(vm, step_that_set_regs_took_back_is_not_the_next_ones_cause)
{
	const __u32 far = (GUEST_CODE >> 4) << 16 | 0x200;
	struct minivmm_regs regs;
	__u32 dr6;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM has the cause in DR6 by then");
	start_real(&self->vcpu, out_once);
	vm_write(&self->vm, GUEST_CODE + 0x100, hit_breakpoint, hit_breakpoint_end - hit_breakpoint);
	vm_write(&self->vm, GUEST_CODE + 0x200, say_dr6, say_dr6_end - say_dr6);
	vm_write(&self->vm, 1 * 4, &far, sizeof(far));
	regs = vcpu_regs(&self->vcpu);
	regs.rflags |= 0x100;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	self->vcpu.run->immediate_exit = 0;
	regs.rip = 0x100;
	regs.rflags = 2;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EQ(0x11, self->vcpu.run->io.port);
	memcpy(&dr6, port_data(&self->vcpu), sizeof(dr6));
	EXPECT_EQ(1, dr6 & (DR6_BS | 0xf));
}

TEST_F(vm, triple_fault_that_is_to_be_reported_is_an_event)
{
	struct minivmm_enable_cap cap = { .cap = MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT, .args = { 1 } };
	struct minivmm_vcpu_events events;

	REQUIRE(self->vm.device, X86_TRIPLE_FAULT_EVENT);
	start_long(&self->vcpu, out_twice);
	MUST(self->vcpu.fd, GET_VCPU_EVENTS, &events);
	EXPECT_EQ(0, events.flags & MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT);
	events.flags |= MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT;
	events.triple_fault.pending = 1;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_ENABLE_CAP, &cap));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_VCPU_EVENTS, &events));
	MUST(self->vcpu.fd, GET_VCPU_EVENTS, &events);
	EXPECT_EQ(1, events.triple_fault.pending);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
	MUST(self->vcpu.fd, GET_VCPU_EVENTS, &events);
	EXPECT_EQ(0, events.triple_fault.pending);
}

/* The TSC. */

#define SLACK		400000000ULL	/* as TSCs go while this test runs */

static bool near(__u64 tsc, __u64 wanted)
{
	return tsc >= wanted && tsc - wanted < SLACK;
}

/* Linux before 6.7: within a second of the new VM's TSC the write is taken for a synchronisation. */
TEST_F(vm, first_tsc_written_is_taken_however_young_the_vm_is)
{
	__u64 half_a_second = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0) * 500ULL;
	__u64 tsc = vcpu_msr(&self->vcpu, MSR_TSC);

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "depends on the kernel");
	/* Back, so that its own advance does not look like the write. */
	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_TSC, 5));
	EXPECT_GT(tsc, vcpu_msr(&self->vcpu, MSR_TSC));
	/* Now userspace has chosen, and who comes later joins. */
	tsc = vcpu_msr(&self->vcpu, MSR_TSC);
	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_TSC, tsc + half_a_second));
	EXPECT_TRUE(near(vcpu_msr(&self->vcpu, MSR_TSC), tsc));
}

TEST_F(two, tscs_written_one_after_the_other_are_equal)
{
	__u64 first, second;

	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_TSC, 1ULL << 50));
	usleep(1000);
	EXPECT_EQ(1, vcpu_set_msr(&self->ap, MSR_TSC, 1ULL << 50));
	second = vcpu_msr(&self->ap, MSR_TSC);
	first = vcpu_msr(&self->vcpu, MSR_TSC);
	EXPECT_LE(second, first);
	second = vcpu_msr(&self->ap, MSR_TSC);
	EXPECT_GE(second, first);
	EXPECT_TRUE(near(first, 1ULL << 50));
}

/* The paravirtual clock. */

GUEST64(enable_clock,
	"mov $0x4b564d01, %ecx; mov $0x80001, %eax; xor %edx, %edx; wrmsr;"
	"out %al, $0x10; out %al, $0x11; hlt");

struct pvclock {
	__u32 version, pad;
	__u64 tsc, ns;
	__u32 mul;
	__s8 shift;
	__u8 flags;
};

#define STOPPED		2

TEST_F(chip, word_that_the_guest_was_stopped_outlives_a_set_clock)
{
	const volatile struct pvclock *page = (void *)(self->vm.memory + GUEST_DATA);
	struct minivmm_clock_data clock = { .clock = 1000000000 };

	start_long(&self->vcpu, enable_clock);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	self->vcpu.run->immediate_exit = 0;
	MUST(self->vcpu.fd, KVMCLOCK_CTRL, 0);
	MUST(self->vm.fd, SET_CLOCK, &clock);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x11, self->vcpu.run->io.port);
	EXPECT_TRUE(page->flags & STOPPED);
}

TEST_F(two, init_ends_the_clocks_registration)
{
	EXPECT_EQ(1, vcpu_set_msr(&self->ap, SYSTEM_TIME, GUEST_DATA | 1));
	EXPECT_EQ(GUEST_DATA | 1, vcpu_msr(&self->ap, SYSTEM_TIME));
	send(&self->vcpu, 1, INIT);
	EXPECT_EQ(MINIVMM_MP_STATE_INIT_RECEIVED, mp_state(&self->ap));
	EXPECT_EQ(0, vcpu_msr(&self->ap, SYSTEM_TIME));
}

TEST_F(chip, clock_page_version_goes_on_in_a_new_vm)
{
	volatile struct pvclock *page = (void *)(self->vm.memory + GUEST_DATA);

	start_long(&self->vcpu, enable_clock);
	page->version = 1000;
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_LT(1000, page->version);
	EXPECT_EQ(0, page->version & 1);
}

/* The local APIC and CPUID. */

TEST_F(chip, lapic_keeps_all_vectors_it_is_given)
{
	struct minivmm_lapic_state lapic, back;

	MUST(self->vcpu.fd, GET_LAPIC, &lapic);
	for (__u32 offset = 0x100; offset < 0x280; offset += 16)
		memset(lapic.regs + offset, 0xa5, 4);
	MUST(self->vcpu.fd, SET_LAPIC, &lapic);
	MUST(self->vcpu.fd, GET_LAPIC, &back);
	for (__u32 offset = 0x100; offset < 0x280; offset += 16)
		EXPECT_EQ(0, memcmp(lapic.regs + offset, back.regs + offset, 4));
}

static struct minivmm_cpuid_entry2 leaf(struct minivmm_cpuid2 *cpuid, __u32 function, __u32 index)
{
	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return cpuid->entries[i];
	return (struct minivmm_cpuid_entry2){ 0 };
}

static struct minivmm_cpuid2 *get_cpuid(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	MUST(vcpu->fd, GET_CPUID2, cpuid);
	return cpuid;
}

GUEST64(cpuid_1, "mov $1, %eax; cpuid; out %al, $0x10; hlt");

TEST_F(chip, table_that_is_read_is_what_the_guest_sees)
{
	struct minivmm_cpuid2 *cpuid;
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;

	start_long(&self->vcpu, cpuid_1);
	sregs = vcpu_sregs(&self->vcpu);
	cpuid = get_cpuid(&self->vcpu);
	if (!(leaf(cpuid, 1, 0).ecx >> 26 & 1))
		SKIP(return, "no XSAVE");
	EXPECT_EQ(0, leaf(cpuid, 1, 0).ecx >> 27 & 1);
	EXPECT_EQ(1, leaf(cpuid, 1, 0).edx >> 9 & 1);
	free(cpuid);
	sregs.cr4 |= CR4_OSXSAVE;
	sregs.apic_base &= ~(1ULL << 11);
	vcpu_set_sregs(&self->vcpu, &sregs);
	cpuid = get_cpuid(&self->vcpu);
	EXPECT_EQ(1, leaf(cpuid, 1, 0).ecx >> 27 & 1);
	EXPECT_EQ(0, leaf(cpuid, 1, 0).edx >> 9 & 1);
	/* XCR0 is 1: the legacy area and the header. */
	EXPECT_EQ(576, leaf(cpuid, 0xd, 0).ebx);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ((__u32)regs.rcx, leaf(cpuid, 1, 0).ecx);
	EXPECT_EQ((__u32)regs.rdx, leaf(cpuid, 1, 0).edx);
	/* It is the vCPU's table also now that it has run. */
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_CPUID2, cpuid));
	cpuid->entries[1].eax ^= 1;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_CPUID2, cpuid));
	free(cpuid);
}

TEST_HARNESS_MAIN
