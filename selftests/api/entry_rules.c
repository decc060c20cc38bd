// SPDX-License-Identifier: GPL-2.0
/*
 * States that no CPU enters: the call that would set one refuses it, or RUN ends with
 * FAIL_ENTRY. In both cases the last-error record names the rule, and afterwards the
 * vCPU runs again with a valid state. What one vendor's CPU refuses the other's may
 * accept: each case says both. Skipped on KVM, which repairs or loops on some of these.
 */
#include <signal.h>
#include <sys/time.h>

#include "fixture.h"

GUEST64(long_halt, "hlt");
GUEST32(protected_halt, "hlt");
GUEST16(real_halt, "hlt");

/*
 * What becomes of a state: refused by the call, entered until HLT, entered until an
 * event finds no handler, or the name of the rule that is broken.
 */
#define REFUSED		"(refused)"
#define ENTERS		"(enters)"
#define SHUTDOWN	"(shutdown)"

/* The vCPU's CPUID has 5-level paging, whether the host's has it or not. */
static void offer_la57(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 7 && !cpuid->entries[i].index)
			cpuid->entries[i].ecx |= 1 << 16;
	if (call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid))
		fatal("SET_CPUID2 failed");
	free(cpuid);
}

static const char *run_until_exit(struct vcpu *vcpu)
{
	static struct minivmm_last_error error;

	if (vcpu_run(vcpu))
		return "(RUN failed)";
	switch (vcpu->run->exit_reason) {
	case MINIVMM_EXIT_HLT:
		return ENTERS;
	case MINIVMM_EXIT_SHUTDOWN:
		return SHUTDOWN;
	case MINIVMM_EXIT_FAIL_ENTRY:
		error = last_error(vcpu->fd);
		if (error.source != MINIVMM_ERROR_SOURCE_ENTRY || !strchr(error.rule, ':'))
			return "(FAIL_ENTRY without rule)";
		*strchr(error.rule, ':') = 0;
		return error.rule;
	default:
		return "(other exit)";
	}
}

struct state {
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;
	struct minivmm_vcpu_events events;
};

static void get_state(struct vcpu *vcpu, struct state *state)
{
	state->sregs = vcpu_sregs(vcpu);
	state->regs = vcpu_regs(vcpu);
	if (call(vcpu->fd, MINIVMM_GET_VCPU_EVENTS, &state->events))
		fatal("GET_VCPU_EVENTS failed");
}

static const char *try_state(struct vcpu *vcpu, struct state *state)
{
	vcpu_set_regs(vcpu, &state->regs);
	if (call(vcpu->fd, MINIVMM_SET_SREGS, &state->sregs) == -EINVAL)
		return last_error(vcpu->fd).source == _IOC_NR(MINIVMM_SET_SREGS) ?
		       REFUSED : "(refused without record)";
	if (call(vcpu->fd, MINIVMM_SET_VCPU_EVENTS, &state->events) == -EINVAL)
		return last_error(vcpu->fd).source == _IOC_NR(MINIVMM_SET_VCPU_EVENTS) ?
		       REFUSED : "(refused without record)";
	return run_until_exit(vcpu);
}

#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define CR4_LA57	(1UL << 12)
#define CR4_PCIDE	(1UL << 17)
#define RFLAGS_TF	(1UL << 8)
#define RFLAGS_IF	(1UL << 9)
#define RFLAGS_VM	(1UL << 17)
#define NON_CANONICAL	0x8000000000000000UL

/*
 * STATE(name, mode, change, outcome on AMD, outcome on Intel): a change of the valid
 * state (sregs, regs, events) has that outcome, and the valid state enters afterwards.
 */
#define STATE(name, mode, change, amd, intel)	STATE_(name, mode, change, amd, intel, false)

/* The emulated AMD CPUs do not agree about it, or the guest runs astray. */
#define INTEL_STATE(name, mode, change, intel)	STATE_(name, mode, change, "", intel, true)

#define STATE_(name, mode, change, amd, intel, intel_only)			\
TEST_F(vm, name)								\
{										\
	struct state good, bad;							\
	struct minivmm_sregs *sregs = &bad.sregs;				\
	struct minivmm_regs *regs = &bad.regs;					\
	struct minivmm_vcpu_events *events = &bad.events;			\
										\
	if (intel_only && !host_is_intel())					\
		SKIP(return, "a rule of Intel's CPUs");				\
	start_##mode(&self->vcpu, mode##_halt);					\
	offer_la57(&self->vcpu);						\
	get_state(&self->vcpu, &good);						\
	bad = good;								\
	(void)sregs, (void)regs, (void)events;					\
	change;									\
	EXPECT_STREQ(host_is_intel() ? intel : amd, try_state(&self->vcpu, &bad)); \
	EXPECT_STREQ(ENTERS, try_state(&self->vcpu, &good));			\
}

/* Control registers */
STATE(paging_without_protection, real, sregs->cr0 |= CR0_PG, REFUSED, REFUSED)
STATE(cr0_beyond_32_bits, real, sregs->cr0 |= 1UL << 32, REFUSED, REFUSED)
STATE(not_write_through_without_cache_disable, real, sregs->cr0 |= 1UL << 29, REFUSED, REFUSED)
STATE(cr4_of_a_feature_the_host_lacks, real, sregs->cr4 |= CR4_LA57, REFUSED, REFUSED)
STATE(cr3_beyond_physical_memory, long, sregs->cr3 |= 1UL << 52, REFUSED, REFUSED)
INTEL_STATE(cr3_beyond_physical_memory_in_real_mode, real, sregs->cr3 |= 1UL << 52, "guest_cr3")
INTEL_STATE(process_context_identifiers_in_real_mode, real, sregs->cr4 |= CR4_PCIDE, "guest_pcide")
STATE(long_mode_without_pae, long, sregs->cr4 &= ~CR4_PAE, REFUSED, REFUSED)
STATE(unknown_efer_bit, real, sregs->efer |= 1UL << 1, REFUSED, REFUSED)

/* A page-directory pointer with a reserved bit: AMD's CPUs find out when they use it. */
static void enter_pae_paging(struct vm *vm, struct minivmm_sregs *sregs, unsigned int n)
{
	const __u64 bad = 0x2003;

	vm_write(vm, GUEST_DATA + 8 * n, &bad, sizeof(bad));
	sregs->cr0 |= CR0_PG;
	sregs->cr3 = GUEST_DATA;
	sregs->cr4 |= CR4_PAE;
}
STATE(page_directory_pointer_0, protected, enter_pae_paging(&self->vm, sregs, 0), SHUTDOWN,
      "guest_pdpte0")
STATE(page_directory_pointer_1, protected, enter_pae_paging(&self->vm, sregs, 1), SHUTDOWN,
      "guest_pdpte1")
STATE(page_directory_pointer_2, protected, enter_pae_paging(&self->vm, sregs, 2), SHUTDOWN,
      "guest_pdpte2")
STATE(page_directory_pointer_3, protected, enter_pae_paging(&self->vm, sregs, 3), SHUTDOWN,
      "guest_pdpte3")

/* Segments: AMD's CPUs take what they need of each and ignore the rest. */
STATE(code_segment_of_both_sizes, long, sregs->cs.db = 1, REFUSED, REFUSED)
STATE(code_segment_of_a_system_type, long, sregs->cs.s = 0, ENTERS, "guest_cs_s")
STATE(code_segment_of_a_data_type, long, sregs->cs.type = 1, ENTERS, "guest_cs_type")
STATE(code_segment_not_present, long, sregs->cs.present = 0, ENTERS, "guest_cs_p")
STATE(code_segment_with_wrong_granularity, long, sregs->cs.g = 0, ENTERS, "guest_cs_g")
STATE(code_segment_beyond_4_gib, long, sregs->cs.base = 1UL << 32, ENTERS, "guest_cs_base")
STATE(code_segment_of_another_level, long, sregs->cs.dpl = 3, ENTERS, "guest_cs_dpl")
STATE(writable_code_segment_of_level_3, long, (sregs->cs.type = 3, sregs->cs.dpl = 3), ENTERS,
      "guest_cs_data_dpl")
STATE(conforming_code_segment_above_the_stack, long, (sregs->cs.type = 15, sregs->cs.dpl = 3),
      ENTERS, "guest_cs_conforming_dpl")
STATE(stack_segment_of_a_system_type, long, sregs->ss.s = 0, ENTERS, "guest_ss_s")
STATE(stack_segment_not_writable, long, sregs->ss.type = 1, ENTERS, "guest_ss_type")
STATE(stack_segment_with_wrong_granularity, long, sregs->ss.g = 0, ENTERS, "guest_ss_g")
STATE(stack_segment_beyond_4_gib, long, sregs->ss.base = 1UL << 32, ENTERS, "guest_ss_base")
INTEL_STATE(stack_segment_of_level_3_in_real_mode, real, (sregs->ss.dpl = 3, sregs->cs.dpl = 3),
	    "guest_ss_dpl")

#define DATA_STATES(seg, address)							\
STATE(seg##_not_accessed, long, sregs->seg.type = 2, ENTERS, ENTERS)			\
STATE(seg##_not_readable, long, sregs->seg.type = 9, ENTERS, "guest_" #seg "_type")	\
STATE(seg##_of_a_system_type, long, sregs->seg.s = 0, ENTERS, "guest_" #seg "_s")	\
STATE(seg##_with_wrong_granularity, long, sregs->seg.g = 0, ENTERS, "guest_" #seg "_g")	\
STATE(seg##_with_a_wrong_base, long, sregs->seg.base = address, ENTERS, "guest_" #seg "_base")
DATA_STATES(ds, 1UL << 32)
DATA_STATES(es, 1UL << 32)
DATA_STATES(fs, NON_CANONICAL)
DATA_STATES(gs, NON_CANONICAL)

STATE(task_register_not_busy, long, sregs->tr.type = 9, ENTERS, ENTERS)
STATE(task_register_of_a_wrong_type, long, sregs->tr.type = 2, ENTERS, "guest_tr_type")
STATE(task_register_not_present, long, sregs->tr.present = 0, ENTERS, "guest_tr_usable")
STATE(task_register_in_the_local_table, long, sregs->tr.selector = 4, ENTERS, "guest_tr_ti")
STATE(task_register_not_canonical, long, sregs->tr.base = NON_CANONICAL, ENTERS, "guest_tr_base")
STATE(task_register_of_no_system_type, long, sregs->tr.s = 1, ENTERS, "guest_tr_s")
STATE(task_register_with_wrong_granularity, long, (sregs->tr.g = 1, sregs->tr.limit = 0x67), ENTERS,
      "guest_tr_g")

#define LDT_STATE(name, change, rule)							\
STATE(local_table_##name, long, (sregs->ldt.type = 2, sregs->ldt.present = 1,		\
      sregs->ldt.unusable = 0, change), ENTERS, rule)
LDT_STATE(that_is_valid, (void)0, ENTERS)
LDT_STATE(of_a_wrong_type, sregs->ldt.type = 3, "guest_ldtr_type")
LDT_STATE(in_a_local_table, sregs->ldt.selector = 4, "guest_ldtr_ti")
LDT_STATE(not_canonical, sregs->ldt.base = NON_CANONICAL, "guest_ldtr_base")
LDT_STATE(of_no_system_type, sregs->ldt.s = 1, "guest_ldtr_s")
LDT_STATE(with_wrong_granularity, (sregs->ldt.g = 1, sregs->ldt.limit = 0xfff0), "guest_ldtr_g")

STATE(gdt_base_not_canonical, long, sregs->gdt.base = NON_CANONICAL, ENTERS, "guest_gdtr_base")
STATE(idt_base_not_canonical, long, sregs->idt.base = NON_CANONICAL, ENTERS, "guest_idtr_base")

/* Virtual-8086 mode, whose HLT is a #GP without handler. */
static void enter_v8086(struct state *state)
{
	struct minivmm_segment segment = {
		.selector = GUEST_CODE >> 4, .base = GUEST_CODE, .limit = 0xffff, .type = 3, .s = 1,
		.dpl = 3, .present = 1,
	};
	struct minivmm_sregs *s = &state->sregs;

	s->cs = s->ss = s->ds = s->es = s->fs = s->gs = segment;
	state->regs.rflags |= RFLAGS_VM;
	state->regs.rip = 0;
}

#define V8086_STATES(seg)								\
STATE(v8086_##seg##_base, protected, (enter_v8086(&bad), sregs->seg.base = 0), SHUTDOWN,	\
      "guest_" #seg "_v8086_base")							\
STATE(v8086_##seg##_limit, protected, (enter_v8086(&bad), sregs->seg.limit = 0xfffff), SHUTDOWN, \
      "guest_" #seg "_v8086_limit")							\
STATE(v8086_##seg##_rights, protected, (enter_v8086(&bad), sregs->seg.avl = 1), SHUTDOWN,	\
      "guest_" #seg "_v8086_ar")
STATE(v8086_that_is_valid, protected, enter_v8086(&bad), SHUTDOWN, SHUTDOWN)
V8086_STATES(cs)
V8086_STATES(ss)
V8086_STATES(ds)
V8086_STATES(es)
V8086_STATES(fs)
V8086_STATES(gs)

/* RIP and RFLAGS */
STATE(virtual_8086_mode_in_long_mode, long, regs->rflags |= RFLAGS_VM, ENTERS, "guest_rflags_vm")
STATE(reserved_rflags, long, regs->rflags |= 1UL << 40, ENTERS, "guest_rflags_reserved")
STATE(rip_beyond_32_bits_in_real_mode, real, regs->rip |= 1UL << 32, ENTERS, "guest_rip_upper_half")

/* Events: what is wrong with one AMD's CPUs ignore, and none has a handler here. */
static void inject(struct minivmm_vcpu_events *events, int vector, bool error)
{
	events->exception.injected = 1;
	events->exception.nr = vector;
	events->exception.has_error_code = error;
}
STATE(exception_without_its_error_code, long, inject(events, 13, false), SHUTDOWN,
      "event_has_error")
STATE(exception_with_a_wrong_error_code, long, inject(events, 6, true), SHUTDOWN,
      "event_has_error")
STATE(interrupt_while_they_are_off, long, events->interrupt.injected = 1, SHUTDOWN,
      "guest_rflags_if")
STATE(interrupt_in_the_shadow, long, (regs->rflags |= RFLAGS_IF, events->interrupt.injected = 1,
      events->interrupt.shadow = 1, events->flags |= MINIVMM_VCPUEVENT_VALID_SHADOW), SHUTDOWN,
      "guest_blocking_intr")
STATE(nmi_in_the_shadow, long, (regs->rflags |= RFLAGS_IF, events->nmi.injected = 1,
      events->interrupt.shadow = 1, events->flags |= MINIVMM_VCPUEVENT_VALID_SHADOW), SHUTDOWN,
      "guest_blocking_nmi")
STATE(shadow_while_interrupts_are_off, long, (events->interrupt.shadow = 1,
      events->flags |= MINIVMM_VCPUEVENT_VALID_SHADOW), ENTERS, ENTERS)
STATE(nmi_while_nmis_are_masked, long, (events->nmi.injected = 1, events->nmi.masked = 1), SHUTDOWN,
      SHUTDOWN)
INTEL_STATE(trap_flag_in_the_shadow, long, (regs->rflags |= RFLAGS_IF | RFLAGS_TF,
	    events->interrupt.shadow = 1, events->flags |= MINIVMM_VCPUEVENT_VALID_SHADOW),
	    SHUTDOWN)

static void no_handler(int signal)
{
}

/* Half a second or more; it ends, should nothing else end it. */
GUEST16(busy_without_interrupts, "cli; mov $0x20000000, %ecx; 1: dec %ecx; jnz 1b; hlt");

/*
 * QEMU's CPU overwrites V_INTR_MASKING when it refuses a guest: without it, one with interrupts
 * off would have the host's off, too. Its reason here, CR3, is none for the other AMD CPU.
 */
TEST_F(vm, a_refused_entry_leaves_the_host_its_interrupts)
{
	const struct itimerval soon = { .it_value.tv_usec = 20000 };
	struct sigaction action = { .sa_handler = no_handler };
	struct state good, bad;

	start_real(&self->vcpu, busy_without_interrupts);
	get_state(&self->vcpu, &good);
	bad = good;
	bad.sregs.cr3 |= 1UL << 52;
	bad.regs.rip = busy_without_interrupts_end - busy_without_interrupts - 1;
	try_state(&self->vcpu, &bad);
	vcpu_set_sregs(&self->vcpu, &good.sregs);
	vcpu_set_regs(&self->vcpu, &good.regs);
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
}

SKIP_ALL_IF(!device_is_minivmm(device_open()), "the device is not minivmm")

TEST_HARNESS_MAIN
