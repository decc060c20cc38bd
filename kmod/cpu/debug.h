/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debugging of the guest by userspace (SET_GUEST_DEBUG); its debug registers: debug_regs.h.
 *
 * A step is one instruction, or the delivery of one event. The backend makes the entry after
 * its step() stop there with EXIT_STEP. Instructions that are done for the guest, and events
 * after whose delivery the guest stopped otherwise, show by RIP: it is not where the step began.
 */
#ifndef MINIVMM_CPU_DEBUG_H
#define MINIVMM_CPU_DEBUG_H

#include <linux/types.h>

#include "../../uapi/minivmm.h"
#include "state.h"

struct minivmm_guest_debug;
struct vcpu;

/* debug_set - SET_GUEST_DEBUG. EINVAL: what is not supported; EBUSY: an exception is waiting. */
int debug_set(struct vcpu *vcpu, const struct minivmm_guest_debug *in);

/* Whether INT3 is for userspace; the backend intercepts #BP then. */
static inline bool debug_wants_breakpoints(const struct vcpu_debug *debug)
{
	return debug->control & MINIVMM_GUESTDBG_USE_SW_BP;
}

static inline bool debug_is_stepping(const struct vcpu_debug *debug)
{
	return debug->control & MINIVMM_GUESTDBG_SINGLESTEP;
}

/* debug_step_due - a step was made by other means than the backend's: debug_report_step(). */
bool debug_step_due(struct vcpu *vcpu);

/* debug_begin_step - before an entry, in the window. */
void debug_begin_step(struct vcpu *vcpu);

/* debug_restart_step - the next step begins where the guest stands then. */
static inline void debug_restart_step(struct vcpu_debug *debug)
{
	debug->step_begun = false;
}

/* Both fill the run page: return NEXT_USER, or NEXT_ENTER if userspace does not want to know. */
int debug_report_step(struct vcpu *vcpu);
int debug_report_breakpoint(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_DEBUG_H */
