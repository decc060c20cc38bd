// SPDX-License-Identifier: GPL-2.0
/* Events on their way to the guest: the contract is in inject.h. */
#include "../backend.h"
#include "../compat.h"
#include "../cpu/debug_regs.h"
#include "../irq/deliver.h"
#include "../irq/irqchip.h"
#include "../report/trace.h"
#include "../vm.h"
#include "events.h"
#include "inject.h"

void vcpu_queue_nmi(struct vcpu *vcpu)
{
	vcpu_note_nmi(vcpu);
	vcpu_request_kick(vcpu, VCPU_REQ_EVENT);
}

void vcpu_limit_nmis(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;

	if (vcpu_nmi_masked(vcpu) || ev->nmi_injected)
		atomic_cmpxchg(&ev->nmi_pending, 2, 1);
}

/* In real mode no exception pushes an error code. */
static bool pushes_error_codes(struct vcpu *vcpu)
{
	return vcpu_cr0(vcpu) & X86_CR0_PE;
}

void vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct vcpu_events *ev = &vcpu->events;

	vcpu_request(vcpu, VCPU_REQ_EVENT);
	if (ev->exception.pending || ev->exception.injected) {
		if (ev->exception.vector == VEC_DF) {
			ev->triple_fault = true;
			return;
		}
		if (event_makes_double_fault(ev->exception.vector, vector)) {
			vector = VEC_DF;
			has_error = true;
			error = 0;
		}
	}
	ev->exception.pending = true;
	ev->exception.injected = false;
	ev->exception.vector = vector;
	ev->exception.has_error = has_error && pushes_error_codes(vcpu);
	ev->exception.error = error;
	ev->exception.payload = 0;
	ev->exception.insn_len = 0;
	ev->exception.behind = false;
}

void vcpu_inject_machine_check(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, VEC_MC, false, 0);
	vcpu->events.exception.behind = true;
}

/* Like INT3's, it is delivered with the RIP that follows. */
void vcpu_inject_breakpoint(struct vcpu *vcpu, u8 insn_len)
{
	struct vcpu_events *ev = &vcpu->events;

	vcpu_inject_exception(vcpu, VEC_BP, false, 0);
	if (ev->exception.vector == VEC_BP)
		ev->exception.insn_len = insn_len;
}

/* DR6 changes when the exception is delivered, or userspace looks, not before. */
void vcpu_inject_debug(struct vcpu *vcpu, u64 dr6_bits)
{
	vcpu_inject_exception(vcpu, VEC_DB, false, 0);
	vcpu->events.exception.payload = dr6_bits;
}

void vcpu_settle_debug(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;

	if (!ev->exception.pending || ev->exception.vector != VEC_DB)
		return;
	vcpu->dr.dr6 |= ev->exception.payload;
	ev->exception.payload = 0;
	backend_call(sync_debug)(vcpu);
}

void vcpu_inject_page_fault(struct vcpu *vcpu, u32 error, u64 address)
{
	vcpu->cr2 = address;
	vcpu_inject_exception(vcpu, VEC_PF, true, error);
}

/*
 * INT3, INTO and INT n that were interrupted are made again: RIP is still theirs. Not so what
 * stands for one and was handed to the CPU.
 */
static bool runs_again(const struct vcpu_events *ev, u8 vector)
{
	return (vector == VEC_BP || vector == VEC_OF) &&
	       !(ev->exception.injected && ev->exception.vector == vector);
}

void vcpu_move_back(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;

	if (!ev->exception.injected || !ev->exception.moved)
		return;
	vcpu_set_rip(vcpu, vcpu_rip(vcpu) - ev->exception.moved);
	ev->exception.moved = 0;
}

void vcpu_set_interrupted_event(struct vcpu *vcpu, u32 event, u32 error)
{
	struct vcpu_events *ev = &vcpu->events;
	u8 vector = event & EVENT_VECTOR;
	bool again = runs_again(ev, vector);

	vcpu_move_back(vcpu);
	ev->exception.injected = ev->interrupt.injected = ev->nmi_injected = false;
	switch (event & EVENT_TYPE) {
	case EVENT_INTERRUPT:
		ev->interrupt.injected = true;
		ev->interrupt.vector = vector;
		break;
	case EVENT_NMI:
		ev->nmi_injected = true;
		break;
	case EVENT_EXCEPTION:
	case EVENT_SOFT_EXCEPTION:
		if (again)
			break;
		if (ev->exception.vector != vector)
			ev->exception.insn_len = 0;
		ev->exception.injected = true;
		ev->exception.pending = false;
		ev->exception.vector = vector;
		ev->exception.has_error = event & EVENT_HAS_ERROR;
		ev->exception.error = error;
		break;
	}
}

static int take_irq(struct vcpu *vcpu)
{
	if (vcpu->lapic.in_kernel)
		return irq_ack(vcpu);
	vcpu->events.user_interrupt = false;
	return vcpu->events.user_vector;
}

static void inject_irq(struct vcpu *vcpu)
{
	int vector = take_irq(vcpu);

	if (vector < 0)
		return;
	vcpu->events.interrupt.injected = true;
	vcpu->events.interrupt.vector = vector;
	trace_inj_virq(vcpu->id, vector);
	backend_call(inject_irq)(vcpu, vector);
	vcpu->stats.injections++;
}

/* Exceptions after which the instruction runs again; #DB may be one, but is told apart elsewhere. */
#define FAULTS	(BIT(VEC_DE) | BIT(VEC_BR) | BIT(VEC_UD) | BIT(VEC_NM) | \
		 BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | \
		 BIT(VEC_PF) | BIT(VEC_MF) | BIT(VEC_AC) | BIT(VEC_XF) | \
		 BIT(VEC_VE) | BIT(VEC_CP))

/*
 * What the CPU does of an exception before it pushes anything, and does not do of one that
 * is handed to it. With RF pushed, an instruction breakpoint does not hit for a second time
 * when the handler returns to the instruction.
 */
static void begin_exception(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;

	if (BIT(ev->exception.vector) & FAULTS)
		vcpu_set_rflags(vcpu, vcpu_rflags(vcpu) | X86_EFLAGS_RF);
	if (ev->exception.vector != VEC_DB)
		return;
	vcpu->dr.dr6 |= ev->exception.payload;
	vcpu->dr.dr7 &= ~DR7_GD;
	ev->exception.payload = 0;
	backend_call(sync_debug)(vcpu);
}

static void inject_exception(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;

	if (ev->exception.pending)
		begin_exception(vcpu);
	ev->exception.pending = false;
	ev->exception.injected = true;
	trace_inj_exception(vcpu->id, ev->exception.vector, ev->exception.has_error,
			    ev->exception.error);
	backend_call(inject_exception)(vcpu);
}

static void inject_nmi(struct vcpu *vcpu)
{
	atomic_dec(&vcpu->events.nmi_pending);
	vcpu->events.nmi_injected = true;
	vcpu_set_nmi_masked(vcpu, true);
	backend_call(inject_nmi)(vcpu);
}

static void hand_over(struct vcpu *vcpu, u32 event)
{
	switch (event) {
	case EV_EXCEPTION:
		return inject_exception(vcpu);
	case EV_NMI_AGAIN:
		return backend_call(inject_nmi)(vcpu);
	case EV_IRQ_AGAIN:
		return backend_call(inject_irq)(vcpu, vcpu->events.interrupt.vector);
	case EV_NMI:
		return inject_nmi(vcpu);
	case EV_IRQ:
		return inject_irq(vcpu);
	}
}

/* For event_choose(): all but interrupts that were not handed over yet. */
static noinline u32 state_of_events(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;
	u32 state = 0;
	int nmis;

	vcpu_limit_nmis(vcpu);
	nmis = atomic_read(&ev->nmi_pending);
	if (ev->exception.pending || ev->exception.injected)
		state |= EV_EXCEPTION;
	if (ev->exception.behind)
		state |= EV_BEHIND;
	if (ev->exception.insn_len)
		state |= EV_SOFT;
	if (ev->nmi_injected)
		state |= EV_NMI_AGAIN;
	if (ev->interrupt.injected)
		state |= EV_IRQ_AGAIN;
	if (nmis > 0)
		state |= EV_NMI;
	if (nmis > 1)
		state |= EV_NMI_TWICE;
	if (vcpu_nmi_masked(vcpu))
		state |= EV_NMI_MASKED;
	return state;
}

bool inject_waiting(struct vcpu *vcpu, bool irq)
{
	u32 state = irq ? EV_IRQ : 0;
	struct event_choice choice;

	if (!(vcpu_rflags(vcpu) & X86_EFLAGS_IF))
		state |= EV_IRQ_MASKED;
	if (vcpu_irq_shadow(vcpu))
		state |= EV_SHADOW;
	if (unlikely(inject_others_wait(&vcpu->events)))
		state |= state_of_events(vcpu);
	choice = event_choose(state);
	hand_over(vcpu, choice.inject);
	if (choice.want & WANT_RETURN)
		host_interrupt_cpu(vcpu->cpu);
	if (choice.want & WANT_NMI_WINDOW)
		backend_call(want_nmi_window)(vcpu);
	if (choice.inject == EV_IRQ)
		return inject_irq_waits(vcpu);
	return choice.want & WANT_IRQ_WINDOW;
}
