// SPDX-License-Identifier: GPL-2.0
/* SET_GUEST_DEBUG: the contract is in debug.h. */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>

#include "../backend.h"
#include "../report/explain.h"
#include "../vcpu/inject.h"
#include "../vcpu/vcpu.h"
#include "code_page.h"
#include "debug.h"
#include "debug_regs.h"

#define INJECTS		(MINIVMM_GUESTDBG_INJECT_DB | MINIVMM_GUESTDBG_INJECT_BP)
#define KNOWN		(MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_SINGLESTEP | \
			 MINIVMM_GUESTDBG_USE_SW_BP | INJECTS)

/* Before each entry of a step something has to be done: the request stays. */
static void ask_for_steps(struct vcpu *vcpu)
{
	debug_restart_step(&vcpu->debug);
	if (debug_is_stepping(&vcpu->debug))
		vcpu_request(vcpu, VCPU_REQ_STEP);
	else
		clear_bit(VCPU_REQ_STEP, &vcpu->requests);
}

int debug_set(struct vcpu *vcpu, const struct minivmm_guest_debug *in)
{
	const struct vcpu_events *ev = &vcpu->events;
	u32 control = in->control;

	if (control & ~KNOWN)
		return refuse(&vcpu->error, -EINVAL, "control", control,
			      "hardware breakpoints and other ways of debugging are not supported");
	if ((control & MINIVMM_GUESTDBG_SINGLESTEP) && !backend.steps)
		return refuse(&vcpu->error, -EINVAL, "control", control,
			      "this CPU cannot stop after one step: see CAP_SET_GUEST_DEBUG");
	if ((control & INJECTS) && (ev->exception.pending || ev->exception.injected ||
				    ev->interrupt.injected || ev->nmi_injected))
		return refuse(&vcpu->error, -EBUSY, "control", control,
			      "an event is on its way to the guest already");
	if (control & MINIVMM_GUESTDBG_INJECT_DB)
		vcpu_inject_debug(vcpu, 0);
	else if (control & MINIVMM_GUESTDBG_INJECT_BP)
		vcpu_inject_breakpoint(vcpu, 1);
	vcpu->debug.control = control & MINIVMM_GUESTDBG_ENABLE ? control & ~INJECTS : 0;
	ask_for_steps(vcpu);
	backend_call(sync_debug)(vcpu);
	return 0;
}

bool debug_step_due(struct vcpu *vcpu)
{
	if (!debug_is_stepping(&vcpu->debug) || !vcpu->debug.step_begun)
		return false;
	return vcpu_rip(vcpu) != vcpu->debug.step_rip;
}

void debug_begin_step(struct vcpu *vcpu)
{
	vcpu->debug.step_begun = true;
	/* An exception that is handed over with the RIP that follows may come back. */
	vcpu->debug.step_rip = vcpu_rip(vcpu);
	if (vcpu->events.exception.injected)
		vcpu->debug.step_rip -= vcpu->events.exception.moved;
	backend_call(step)(vcpu);
}

static int report(struct vcpu *vcpu, u8 vector, u64 dr6)
{
	struct minivmm_run *run = vcpu->run;

	debug_restart_step(&vcpu->debug);
	run->exit_reason = MINIVMM_EXIT_DEBUG;
	run->debug.arch = (struct minivmm_debug_exit_arch){
		.exception = vector,
		.pc = code_linear_rip(vcpu),
		.dr6 = dr6,
		.dr7 = vcpu->dr.dr7,
	};
	return NEXT_USER;
}

int debug_report_step(struct vcpu *vcpu)
{
	if (!debug_is_stepping(&vcpu->debug))
		return NEXT_ENTER;
	return report(vcpu, VEC_DB, DR6_FIXED | DR_STEP);
}

int debug_report_breakpoint(struct vcpu *vcpu)
{
	if (!debug_wants_breakpoints(&vcpu->debug))
		return NEXT_ENTER;
	return report(vcpu, VEC_BP, vcpu->dr.dr6);
}
