/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's debug registers: whose DR0-3 are in the CPU, and which intercepts follow.
 *
 * While the guest does not use them, an access to one exits (live is false): the first one in a
 * window has them loaded, and when a window ends with no breakpoint enabled, they are taken out
 * again. The backend learns of it through sync_debug; DR6 and DR7 it switches itself.
 * The host's come back from the thread's or perf's copies.
 */
#ifndef MINIVMM_CPU_DEBUG_REGS_H
#define MINIVMM_CPU_DEBUG_REGS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>

#include "../compat.h"
#include "state.h"

#define DR6_FIXED	0xffff0ff0u	/* bits that read as 1 */
#define DR7_FIXED	0x400u
#define DR7_ENABLES	0xffu		/* of the four breakpoints */
#define DR7_GD		(1u << 13)

struct minivmm_debugregs;
struct vcpu;

/* debug_regs_reset - the values of power-on and of INIT. The caller calls sync_debug. */
void debug_regs_reset(struct vcpu *vcpu);

/* GET_DEBUGREGS and SET_DEBUGREGS. EINVAL: a flag, or upper halves of DR6 or DR7. */
void debug_regs_get(const struct vcpu *vcpu, struct minivmm_debugregs *out);
int debug_regs_set(struct vcpu *vcpu, const struct minivmm_debugregs *in);

/* debug_regs_use - window: the guest uses them, and does not exit for it from now on. */
void debug_regs_use(struct vcpu *vcpu);

/* debug_regs_drop - window: take DR0-3 out of the CPU; accesses exit from now on. */
void debug_regs_drop(struct vcpu *vcpu);

/* debug_regs_idle - nobody uses any: the two below have nothing to do. */
static inline bool debug_regs_idle(const struct debug_regs *dr)
{
	return !dr->live && !hw_breakpoint_active();
}

/* At the start and at the end of a window. */
void debug_regs_load_guest(struct vcpu *vcpu);
void debug_regs_load_host(struct vcpu *vcpu);

/*
 * debugctl_clear, debugctl_restore - the same of DEBUGCTL (block steps, bus locks, branch records of
 * the host), which no vendor's CPU switches for both sides: where backend.clears_debugctl, the
 * guest runs with 0.
 */
static __always_inline void debugctl_clear(struct debug_regs *dr)
{
	dr->host_debugctl = host_rdmsr(MSR_IA32_DEBUGCTLMSR);
	if (unlikely(dr->host_debugctl))
		host_wrmsr(MSR_IA32_DEBUGCTLMSR, 0);
}

static __always_inline void debugctl_restore(const struct debug_regs *dr)
{
	if (unlikely(dr->host_debugctl))
		host_wrmsr(MSR_IA32_DEBUGCTLMSR, dr->host_debugctl);
}

#endif /* MINIVMM_CPU_DEBUG_REGS_H */
