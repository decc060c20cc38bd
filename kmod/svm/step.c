// SPDX-License-Identifier: GPL-2.0
/*
 * Single steps: one for userspace (cpu/debug.h), or because an NMI waits for the next
 * instruction to be done: that in the shadow of STI or MOV SS, or the IRET which ends the
 * masking of NMIs. All of it runs in the window.
 *
 * A step is made with RFLAGS.TF, for one entry. What could show it to the guest exits instead:
 * faults, which push RFLAGS, are injected later without it, PUSHF and INT are seen before they
 * are made, task switches are not left to the CPU. The guest's own TF is put back at the exit,
 * but after an instruction that has loaded RFLAGS (POPF, IRET): then it is what was loaded.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>

#include "svm.h"
#include "../compat.h"
#include "../cpu/debug.h"
#include "../vcpu/inject.h"

/* All that an instruction can raise, but for INTO's, whose RIP would have to be moved. */
#define STEP_EXCEPTIONS	((GENMASK(VEC_PF, VEC_DE) & \
			  ~(BIT(VEC_NMI) | BIT(VEC_OF) | BIT(VEC_OLD_MF))) | \
			 BIT(VEC_MF) | BIT(VEC_AC) | BIT(VEC_XF) | BIT(VEC_CP))

/*
 * #DB and #AC: a guest can make the CPU loop on them. #MC is the host's. #UD may be the other
 * vendor's hypercall.
 */
#define EXCEPTIONS	(BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC) | BIT(VEC_UD))

/* Of RFLAGS, in a step. */
#define OUR_FLAGS	(X86_EFLAGS_TF | X86_EFLAGS_RF)

void svm_intercept_exceptions(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u32 exceptions = EXCEPTIONS;

	if (debug_wants_breakpoints(&vcpu->debug))
		exceptions |= BIT(VEC_BP);
	if (svm->watch & SVM_STEP)
		exceptions |= STEP_EXCEPTIONS;
	svm->vmcb->control.intercept[INTERCEPT_EXCEPTION / 32] = exceptions;
}

/* An instruction that was seen before is not seen again: there is no other way on. */
static void intercept(struct vcpu *vcpu, bool on)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	bool loads = on && svm->known != SVM_LOADS_FLAGS;
	bool stores = on && svm->known != SVM_STORES_FLAGS;

	vmcb_intercept(svm->vmcb, INTERCEPT_IRET, loads || svm->wants_iret);
	vmcb_intercept(svm->vmcb, INTERCEPT_POPF, loads);
	vmcb_intercept(svm->vmcb, INTERCEPT_PUSHF, stores);
	vmcb_intercept(svm->vmcb, INTERCEPT_INTN, stores);
	vmcb_intercept(svm->vmcb, INTERCEPT_TASK_SWITCH, on);
	svm_intercept_exceptions(vcpu);
}

static void start_step(struct vcpu *vcpu)
{
	struct regs *regs = &vcpu->lazy_state.regs;
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm->watch & SVM_STEP)
		return;
	svm->watch |= SVM_STEP;
	svm->own_flags = regs->rflags & OUR_FLAGS;
	svm->own_dr6 = vcpu->dr.dr6;
	svm->step_rip = regs->rip;
	if (regs->rip != svm->known_rip)
		svm->known = SVM_KNOWN_NOTHING;
	regs->rflags |= X86_EFLAGS_TF;
	/* An instruction that has exited is past its breakpoint. */
	if (svm->known != SVM_KNOWN_NOTHING)
		regs->rflags |= X86_EFLAGS_RF;
	intercept(vcpu, true);
}

/* Comes after all that is done about events: one that was handed over is the whole step. */
void svm_step(struct vcpu *vcpu)
{
	if (to_svm(vcpu)->vmcb->control.event_inject)
		host_interrupt_cpu(vcpu->cpu);
	else
		start_step(vcpu);
}

/* False: there is no shadow to step over, or it ends with the event handed over. */
bool svm_step_over_shadow(struct vcpu *vcpu)
{
	if (!vcpu->lazy_state.irq_shadow || to_svm(vcpu)->vmcb->control.event_inject)
		return false;
	start_step(vcpu);
	return true;
}

/*
 * Masked NMIs wait for an IRET, which is intercepted. It is not stepped over where TF could get
 * into a task's TSS, or where an interrupt could still be handed over: the NMI then comes with
 * whatever exit is the next.
 */
void svm_want_nmi_window(struct vcpu *vcpu)
{
	const struct lazy_state *state = &vcpu->lazy_state;
	struct svm_vcpu *svm = to_svm(vcpu);

	if (!state->nmi_masked)
		svm_step_over_shadow(vcpu);
	else if ((svm->watch & SVM_IRET) && !svm->vmcb->control.event_inject &&
		 state->regs.rip == svm->iret_rip &&
		 !(state->regs.rflags & (X86_EFLAGS_NT | X86_EFLAGS_IF)))
		start_step(vcpu);
}

/* An instruction about to load or store RFLAGS, and it is not the guest's wish that it exits. */
void svm_read_flags_exit(struct vcpu *vcpu, u64 code)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	vcpu->exit.kind = EXIT_RESUME;
	svm->known_rip = vcpu->lazy_state.regs.rip;
	if (code == SVM_EXIT_IRET || code == SVM_EXIT_POPF) {
		svm->known = SVM_LOADS_FLAGS;
	} else {
		svm->known = SVM_STORES_FLAGS;
		/* Whatever waits for the shadow's end loses nothing if it comes now. */
		svm->shadow_over = true;
	}
	if (code == SVM_EXIT_IRET && vcpu->lazy_state.nmi_masked) {
		svm->watch |= SVM_IRET;
		svm->iret_rip = vcpu->lazy_state.regs.rip;
	}
}

static void set_own_flags(struct vcpu *vcpu, u64 which)
{
	u64 *rflags = &vcpu->lazy_state.regs.rflags;

	*rflags = (*rflags & ~which) | (to_svm(vcpu)->own_flags & which);
}

/* The step is done: what else the #DB was for remains the guest's. */
static void complete_step(struct vcpu *vcpu, u64 hits)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm->known != SVM_LOADS_FLAGS)
		set_own_flags(vcpu, X86_EFLAGS_TF);
	vcpu->dr.dr6 = (vcpu->dr.dr6 & ~DR_STEP) | (svm->own_dr6 & DR_STEP);
	svm->vmcb->save.dr6 = vcpu->dr.dr6;
	if (svm->own_flags & X86_EFLAGS_TF)
		hits |= DR_STEP;
	if (hits)
		vcpu_inject_debug(vcpu, hits);
	vcpu->exit.kind = EXIT_STEP;
}

/* As bits of DR6, where others may be set, too. */
static u64 enabled_breakpoints(u64 dr7)
{
	u64 bits = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (dr7 >> 2 * i & 3)
			bits |= BIT(i);
	return bits;
}

static bool is_debug_exit(const struct exit_info *exit)
{
	return exit->kind == EXIT_EXCEPTION && exit->exception.vector == VEC_DB;
}

/* Whether it was made or not: the next entry asks anew. */
static void end_step(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 hits = vcpu->dr.dr6 & ~svm->own_dr6 & enabled_breakpoints(vcpu->dr.dr7);
	bool moved = vcpu->lazy_state.regs.rip != svm->step_rip;

	svm->watch &= ~SVM_STEP;
	/* A breakpoint on the instruction comes before it. */
	if (is_debug_exit(&vcpu->exit) && (moved || !hits))
		complete_step(vcpu, hits);
	else if (!moved)
		set_own_flags(vcpu, OUR_FLAGS);
	intercept(vcpu, false);
	vcpu->irq_window = -1;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* NMIs can come once IRET is done, or has failed; not because an event came before it. */
static void end_iret(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (vcpu->lazy_state.regs.rip == svm->iret_rip && vcpu->exit.kind != EXIT_STEP)
		return;
	svm->watch &= ~SVM_IRET;
	if (svm->vmcb->control.event_inject)
		return;
	vcpu->lazy_state.nmi_masked = false;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

void svm_end_watch(struct vcpu *vcpu)
{
	if (to_svm(vcpu)->watch & SVM_FORCED_CR4)
		vcpu->lazy_state.control.cr4 &= ~svm_host.forced_cr4;
	if (to_svm(vcpu)->watch & SVM_STEP)
		end_step(vcpu);
	if (to_svm(vcpu)->watch & SVM_IRET)
		end_iret(vcpu);
}

/* The entry was refused: nothing of it happened. */
void svm_cancel_step(struct vcpu *vcpu)
{
	if (!(to_svm(vcpu)->watch & SVM_STEP))
		return;
	to_svm(vcpu)->watch &= ~SVM_STEP;
	set_own_flags(vcpu, OUR_FLAGS);
	intercept(vcpu, false);
}
