/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debug registers and debugging of the guest by userspace (SET_GUEST_DEBUG).
 *
 * DR0-3, DR6 and DR7 are always the guest's. While the guest does not use them, an access
 * to one exits (vcpu->dr_live is false): the first one in a window has them loaded, and
 * when the window ends with no breakpoint enabled, they are taken out again.
 * Which exits follow is decided here; the backend learns of it through sync_debug.
 *
 * A step is one instruction, or the delivery of one event. The backend makes the entry after
 * its step() stop there with EXIT_STEP. Instructions that are done for the guest, and events
 * after whose delivery the guest stopped otherwise, show by RIP: it is not where the step began.
 */
#ifndef MINIVMM_CPU_DEBUG_H
#define MINIVMM_CPU_DEBUG_H

#include <linux/types.h>

#define DR7_ENABLES	0xffu		/* of the four breakpoints */
#define DR7_GD		(1u << 13)

struct minivmm_guest_debug;
struct vcpu;

struct vcpu_debug {
	u32 control;		/* MINIVMM_GUESTDBG_*, 0: off */
	bool step_begun;	/* at step_rip */
	u64 step_rip;
};

/* debug_set - SET_GUEST_DEBUG. EINVAL: what is not supported; EBUSY: an exception is waiting. */
int debug_set(struct vcpu *vcpu, const struct minivmm_guest_debug *in);

/* Whether INT3 is for userspace; the backend intercepts #BP then. */
bool debug_wants_breakpoints(const struct vcpu *vcpu);

bool debug_is_stepping(const struct vcpu *vcpu);

/* debug_step_due - a step was made by other means than the backend's: debug_report_step(). */
bool debug_step_due(struct vcpu *vcpu);

/* debug_begin_step - before an entry, in the window. */
void debug_begin_step(struct vcpu *vcpu);

/* debug_restart_step - the next step begins where the guest stands then. */
void debug_restart_step(struct vcpu *vcpu);

/* Both fill the run page: return NEXT_USER, or NEXT_ENTER if userspace does not want to know. */
int debug_report_step(struct vcpu *vcpu);
int debug_report_breakpoint(struct vcpu *vcpu);

/* debug_use - window: the guest uses debug registers, which are loaded and not intercepted now. */
void debug_use(struct vcpu *vcpu);

/* debug_unload - window: take DR0-3 out of the CPU; accesses exit from now on. */
void debug_unload(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_DEBUG_H */
