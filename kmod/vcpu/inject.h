/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events on their way to the guest (struct vcpu_events): queued by whoever finds them, handed to
 * the CPU by an entry, one at a time, taken back where their delivery was interrupted.
 */
#ifndef MINIVMM_VCPU_INJECT_H
#define MINIVMM_VCPU_INJECT_H

#include "../irq/irqchip.h"
#include "../irq/lapic.h"
#include "vcpu.h"

/* vcpu_inject_exception - queue an exception for the next entry; combines to #DF / triple fault. */
void vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error, u32 error);
void vcpu_inject_debug(struct vcpu *vcpu, u64 dr6_bits);
void vcpu_inject_breakpoint(struct vcpu *vcpu, u8 insn_len);

/*
 * vcpu_inject_machine_check - the same, of userspace's: not caused by the delivery of what is
 * delivered again, so it comes behind that.
 */
void vcpu_inject_machine_check(struct vcpu *vcpu);

/* vcpu_settle_debug - the cause of a #DB that waits is in DR6 from now on. */
void vcpu_settle_debug(struct vcpu *vcpu);

void vcpu_inject_page_fault(struct vcpu *vcpu, u32 error, u64 address);

static inline void vcpu_inject_gp(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, VEC_GP, true, 0);
}

static inline void vcpu_inject_ud(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, VEC_UD, false, 0);
}

/* vcpu_move_back - the exception handed over was not delivered: RIP is its instruction's again. */
void vcpu_move_back(struct vcpu *vcpu);

/*
 * vcpu_take_back_event - what the CPU was delivering to the guest when it exited, in
 * the form in which both vendors give it: is delivered by the next entry. Window.
 */
#define EVENT_VECTOR		0xffu
#define EVENT_TYPE		(7u << 8)
#define EVENT_INTERRUPT		(0u << 8)
#define EVENT_NMI		(2u << 8)
#define EVENT_EXCEPTION		(3u << 8)
#define EVENT_SOFT_EXCEPTION	(6u << 8)
#define EVENT_HAS_ERROR		(1u << 11)
#define EVENT_VALID		(1u << 31)
void vcpu_set_interrupted_event(struct vcpu *vcpu, u32 event, u32 error);

static inline void vcpu_take_back_event(struct vcpu *vcpu, u32 event, u32 error)
{
	struct vcpu_events *ev = &vcpu->events;

	if (unlikely(event & EVENT_VALID)) {
		vcpu_set_interrupted_event(vcpu, event, error);
		return;
	}
	ev->exception.injected = false;
	ev->interrupt.injected = false;
	ev->nmi_injected = false;
}

/* vcpu_queue_nmi - vcpu_note_nmi(), and see to it that it is taken. Any context. */
void vcpu_queue_nmi(struct vcpu *vcpu);

/* vcpu_limit_nmis - while one is handled, one waits. The vCPU thread. */
void vcpu_limit_nmis(struct vcpu *vcpu);

/* inject_irq_waits - an interrupt that the guest has not taken yet: of the chips', or userspace's. */
static __always_inline bool inject_irq_waits(struct vcpu *vcpu)
{
	if (!vcpu->lapic.in_kernel)
		return vcpu->events.user_interrupt;
	if (!vcpu->lapic.by_cpu)
		return irq_pending(vcpu);
	lapic_merge(vcpu);
	return irq_extint_pending(vcpu);
}

/* inject_others_wait - all else that an entry can hand over. */
static __always_inline bool inject_others_wait(const struct vcpu_events *ev)
{
	return ev->exception.injected || ev->exception.pending || ev->interrupt.injected ||
	       ev->nmi_injected || atomic_read(&ev->nmi_pending);
}

/*
 * inject_waiting - hand one event to the next entry, the first by events.h; the backend and the CPU
 * are asked to come back for another. @irq: inject_irq_waits(), which it returns as it is then.
 * Window.
 */
bool inject_waiting(struct vcpu *vcpu, bool irq);

#endif /* MINIVMM_VCPU_INJECT_H */
