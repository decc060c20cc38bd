/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers and flags of a vCPU that an exit may leave in the control structure: one function
 * reads a member, one sets it, and each has it read first where that was not done. The vCPU
 * thread, or an ioctl with vcpu->lock held; interrupts off or may sleep.
 */
#ifndef MINIVMM_VCPU_LAZY_STATE_H
#define MINIVMM_VCPU_LAZY_STATE_H

#include "vcpu.h"

/* Pieces that are read together: bits of lazy_state.unread. */
#define VCPU_RIP	BIT(0)
#define VCPU_FLAGS	BIT(1)		/* RFLAGS, irq_shadow, nmi_masked */
#define VCPU_RSP	BIT(2)
#define VCPU_CR0	BIT(3)
#define VCPU_CR3	BIT(4)
#define VCPU_CR4	BIT(5)
#define VCPU_EFER	BIT(6)
#define VCPU_CPL	BIT(7)
#define VCPU_STATE	GENMASK(7, 0)	/* all of it */

/* vcpu_read_state - the slow half of vcpu_need(). */
void vcpu_read_state(struct vcpu *vcpu, unsigned int which);

/* vcpu_need - have the pieces @which read, all at once where several will be asked for. */
static inline void vcpu_need(struct vcpu *vcpu, unsigned int which)
{
	if (vcpu->lazy_state.unread & which)
		vcpu_read_state(vcpu, which);
}

#define VCPU_STATE_GET(type, name, member, piece)			\
	static inline type vcpu_##name(struct vcpu *vcpu)		\
	{								\
		vcpu_need(vcpu, piece);					\
		return vcpu->lazy_state.member;				\
	}

#define VCPU_STATE_SET(type, name, member, piece)			\
	static inline void vcpu_set_##name(struct vcpu *vcpu, type value) \
	{								\
		vcpu_need(vcpu, piece);					\
		vcpu->lazy_state.member = value;			\
	}

/*
 * A setter reads first, too: VMX writes RIP, RFLAGS and RSP back where they differ from what was
 * read. Whoever sets a control register calls the backend's sync_control() afterwards; CPL goes
 * to the CPU with SS or a reset alone.
 */
#define VCPU_STATE_MEMBERS(MEMBER)					\
	MEMBER(u64, rip, regs.rip, VCPU_RIP)				\
	MEMBER(u64, rflags, regs.rflags, VCPU_FLAGS)			\
	MEMBER(bool, irq_shadow, irq_shadow, VCPU_FLAGS)		\
	MEMBER(bool, nmi_masked, nmi_masked, VCPU_FLAGS)		\
	MEMBER(u64, cr0, control.cr0, VCPU_CR0)				\
	MEMBER(u64, cr3, control.cr3, VCPU_CR3)				\
	MEMBER(u64, cr4, control.cr4, VCPU_CR4)				\
	MEMBER(u64, efer, control.efer, VCPU_EFER)			\
	MEMBER(u8, cpl, cpl, VCPU_CPL)

VCPU_STATE_MEMBERS(VCPU_STATE_GET)
VCPU_STATE_MEMBERS(VCPU_STATE_SET)

/* vcpu_control - the four together, to read or to set; the backend is told as above. */
static inline struct control_regs *vcpu_control(struct vcpu *vcpu)
{
	vcpu_need(vcpu, VCPU_CR0 | VCPU_CR3 | VCPU_CR4 | VCPU_EFER);
	return &vcpu->lazy_state.control;
}

/* vcpu_code_place - what decides where the code is: the same, and *@rip. One look for all. */
static inline const struct control_regs *vcpu_code_place(struct vcpu *vcpu, u64 *rip)
{
	vcpu_need(vcpu, VCPU_RIP | VCPU_CR0 | VCPU_CR3 | VCPU_CR4 | VCPU_EFER);
	*rip = vcpu->lazy_state.regs.rip;
	return &vcpu->lazy_state.control;
}

/* vcpu_regs - all general registers, RIP and RFLAGS. */
static inline struct regs *vcpu_regs(struct vcpu *vcpu)
{
	vcpu_need(vcpu, VCPU_RIP | VCPU_FLAGS | VCPU_RSP);
	return &vcpu->lazy_state.regs;
}

/* vcpu_gprs - general registers, by enum gpr; all but RSP, and at no cost. */
static inline u64 *vcpu_gprs(struct vcpu *vcpu)
{
	return vcpu->lazy_state.regs.gpr;
}

/* vcpu_gpr - the general register @nr, whichever it is. */
static inline u64 *vcpu_gpr(struct vcpu *vcpu, enum gpr nr)
{
	vcpu_need(vcpu, VCPU_RSP);
	return &vcpu->lazy_state.regs.gpr[nr];
}

/* Would the guest take an interrupt before its next instruction? */
static inline bool vcpu_can_take_irq(struct vcpu *vcpu)
{
	return (vcpu_rflags(vcpu) & X86_EFLAGS_IF) && !vcpu->lazy_state.irq_shadow;
}

/*
 * vcpu_exit_rip - RIP after an exit of an instruction that is done for the guest: such exits
 * come with RIP and flags read, which here is not asked again.
 */
static inline u64 vcpu_exit_rip(const struct vcpu *vcpu)
{
	if (IS_ENABLED(MINIVMM_DEBUG))
		WARN_ON_ONCE(vcpu->lazy_state.unread & (VCPU_RIP | VCPU_FLAGS));
	return vcpu->lazy_state.regs.rip;
}

/* vcpu_step_slowly - vcpu_step_to() where more than RIP changes. */
void vcpu_step_slowly(struct vcpu *vcpu, u64 rip);

/* vcpu_step_to - RIP to @rip, past the instruction. */
static inline void vcpu_step_to(struct vcpu *vcpu, u64 rip)
{
	struct lazy_state *state = &vcpu->lazy_state;

	if (unlikely((rip ^ vcpu_exit_rip(vcpu)) >> 32 ||
		     (state->regs.rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF)))) {
		vcpu_step_slowly(vcpu, rip);
		return;
	}
	state->regs.rip = rip;
	state->irq_shadow = false;
}

/* vcpu_step_over - the same for one of @len bytes. */
static inline void vcpu_step_over(struct vcpu *vcpu, unsigned int len)
{
	vcpu_step_to(vcpu, vcpu_exit_rip(vcpu) + len);
}

static inline bool is_long_mode(struct vcpu *vcpu)
{
	return vcpu_efer(vcpu) & EFER_LMA;
}

/* Levels of the guest's own page tables; 0: paging is off. */
static inline unsigned int vcpu_paging_levels(struct vcpu *vcpu)
{
	const struct control_regs *control = vcpu_control(vcpu);

	if (!(control->cr0 & X86_CR0_PG))
		return 0;
	if (!(control->cr4 & X86_CR4_PAE))
		return 2;
	if (!(control->efer & EFER_LMA))
		return 3;
	return control->cr4 & X86_CR4_LA57 ? 5 : 4;
}

#ifndef MINIVMM_BACKEND		/* defined by svm/svm.h and vmx/vmx.h */
#pragma GCC poison lazy_state
#endif

#endif /* MINIVMM_VCPU_LAZY_STATE_H */
