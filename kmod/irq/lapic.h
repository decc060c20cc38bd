/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local APIC of a vCPU: registers (lapic_regs.h), hrtimer, and the mailbox
 * through which everybody else reaches it.
 *
 * Registers belong to the vCPU's owner (holder of vcpu->lock). Other contexts
 * only post: bits in @posted and @events, then VCPU_REQ_EVENT and a kick. The
 * owner merges the mailbox whenever it looks for work. No locks; owner functions
 * are usable in the window unless they say otherwise.
 */
#ifndef MINIVMM_IRQ_LAPIC_H
#define MINIVMM_IRQ_LAPIC_H

#include "state.h"

struct vcpu;
struct vm;
struct minivmm_lapic_state;

/* Bits of lapic.events; any context sets, the owner clears. */
enum {
	LAPIC_EVENT_POSTED,	/* @posted is not empty */
	LAPIC_EVENT_TIMER,	/* the hrtimer fired */
	LAPIC_EVENT_INIT,
	LAPIC_EVENT_SIPI,	/* @sipi_vector is valid */
};

/* lapic_init - at vCPU creation: in-kernel if the VM's irqchip is; power-on state. May sleep. */
void lapic_init(struct vcpu *vcpu);

/* lapic_destroy - stop the timer; nobody may post any more. May sleep. */
void lapic_destroy(struct vcpu *vcpu);

/* lapic_reset - power-on state, or (@init) that after INIT. */
void lapic_reset(struct vcpu *vcpu, bool init);

/* lapic_cpuid_changed - after SET_CPUID2: take over what vcpu->cpuid.has offers. */
void lapic_cpuid_changed(struct vcpu *vcpu);

/* lapic_merge - take what others posted into the registers. */
void lapic_merge(struct vcpu *vcpu);

/* lapic_pending_vector - merge the mailbox; highest vector deliverable above PPR, or -1. */
int lapic_pending_vector(struct vcpu *vcpu);

/* lapic_masked_class - in the kernel, after the above: class of the highest vector only TPR holds back, or -1. */
static inline int lapic_masked_class(const struct lapic *lapic)
{
	return lapic_regs_masked(&lapic->regs);
}

/* lapic_timer_exit - EXIT_TIMER: the deadline has come, or it is time to look again. */
void lapic_timer_exit(struct vcpu *vcpu);

/* lapic_section_leave - exit_tsc is set: from now on the hrtimer waits for what it stood for. */
void lapic_section_leave(struct vcpu *vcpu);

/* lapic_accept - the CPU takes @vector now: IRR to ISR. */
void lapic_accept(struct vcpu *vcpu, u8 vector);

/*
 * lapic_take_init/sipi - whether an INIT (SIPI) arrived; clears it. An INIT
 * drops SIPIs that came before it, so ask for INIT first. The caller resets the
 * vCPU and ignores a SIPI unless it waits for one.
 */
bool lapic_take_init(struct vcpu *vcpu);
bool lapic_take_sipi(struct vcpu *vcpu, u8 *vector);

/* lapic_set_sipi - SET_MP_STATE: a SIPI waits, with the vector in @sipi_vector. Its owner. */
void lapic_set_sipi(struct vcpu *vcpu);

/* lapic_has_events - whether INIT or SIPI wait; any context. */
static inline bool lapic_has_events(const struct lapic *lapic)
{
	return READ_ONCE(lapic->events) & (BIT(LAPIC_EVENT_INIT) | BIT(LAPIC_EVENT_SIPI));
}

/* lapic_get/set_cr8 - the priority class 0..15; without in-kernel APIC just a value. */
static inline u8 lapic_get_cr8(const struct lapic *lapic)
{
	return *lapic_reg(&lapic->regs, APIC_REG_TPR) >> 4;
}

static inline void lapic_set_cr8(struct lapic *lapic, u8 cr8)
{
	if ((cr8 & 15) != lapic_get_cr8(lapic))
		*lapic_reg(&lapic->regs, APIC_REG_TPR) = (cr8 & 15) << 4;
}

/* lapic_base - value of IA32_APIC_BASE. */
static inline u64 lapic_base(const struct lapic *lapic)
{
	return lapic->regs.base;
}

/* lapic_set_base - IA32_APIC_BASE; -EINVAL: #GP. @host (SET_SREGS, SET_MSRS): any transition. */
int lapic_set_base(struct vcpu *vcpu, u64 base, bool host);

static inline bool lapic_mmio_is_page(const struct lapic *lapic, u64 gpa)
{
	return lapic->in_kernel && gpa >> 12 == lapic->regs.base >> 12;
}

/* lapic_mmio_is_plain - whether @gpa is in the page, and lapic_mmio_read/write are all there is to it. */
static inline bool lapic_mmio_is_plain(const struct lapic *lapic, u64 gpa)
{
	return lapic->plain && gpa >> 12 == lapic->regs.base >> 12;
}

/* lapic_mmio_covers - whether @gpa is in the APIC's page (xAPIC mode, in-kernel). */
static inline bool lapic_mmio_covers(const struct lapic *lapic, u64 gpa)
{
	return lapic_mmio_is_page(lapic, gpa) &&
	       (lapic->regs.base & (LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC)) == LAPIC_BASE_ENABLE;
}

/*
 * lapic_mmio_read/write - access at @offset of the APIC's page, 1 to 8 bytes. Never
 * fails: writes that are not aligned 32-bit ones are dropped, bytes beyond a register read 0.
 */
void lapic_mmio_read(struct vcpu *vcpu, u32 offset, unsigned int len, u64 *data);
void lapic_mmio_write(struct vcpu *vcpu, u32 offset, unsigned int len, u64 data);

/*
 * lapic_mmio - an access to @gpa that lapic_mmio_is_plain() is not true for: whether it is in the page
 * all the same. Then an APIC that is off or in x2APIC mode gives all ones and takes no write, as with
 * KVM; and an access to the TPR is kept for lapic_report_tpr(), if userspace has asked.
 */
bool lapic_mmio(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write, u64 *data);

/* lapic_set_tpr_reporting - whether RUN ends with EXIT_TPR_ACCESS after an access. May sleep. */
void lapic_set_tpr_reporting(struct vcpu *vcpu, bool on);

/* lapic_report_tpr - VCPU_REQ_TPR: tell userspace. NEXT_USER. */
int lapic_report_tpr(struct vcpu *vcpu);

/* lapic_written - the CPU executed a write to the register at @offset; the value is in the page. */
void lapic_written(struct vcpu *vcpu, u32 offset);

/* lapic_is_x2apic - in x2APIC mode. */
static inline bool lapic_is_x2apic(const struct lapic *lapic)
{
	return lapic->regs.base & LAPIC_BASE_X2APIC;
}

/* lapic_msr_read/write - MSRs 0x800..0x8ff; -EINVAL: #GP. @host: GET_MSRS, as lapic_get_state(). */
int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *value, bool host);
int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 value);

/*
 * lapic_get/set_tsc_deadline - IA32_TSC_DEADLINE. To userspace (@host) one that has passed is
 * shown until RUN makes an interrupt of it.
 */
u64 lapic_get_tsc_deadline(struct vcpu *vcpu, bool host);
void lapic_set_tsc_deadline(struct vcpu *vcpu, u64 value);

/* lapic_tsc_changed - vcpu->tsc_offset changed: move an armed deadline. */
void lapic_tsc_changed(struct vcpu *vcpu);

/* lapic_get/set_state - GET/SET_LAPIC. -EINVAL without in-kernel APIC. */
int lapic_get_state(struct vcpu *vcpu, struct minivmm_lapic_state *state);
int lapic_set_state(struct vcpu *vcpu, const struct minivmm_lapic_state *state);

#endif /* MINIVMM_IRQ_LAPIC_H */
