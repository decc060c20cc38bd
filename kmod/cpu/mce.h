/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Machine checks of the virtual CPU: the banks' registers and the errors that the VMM
 * reports in them. Those of the host are the host's. The vCPU thread's, under vcpu->lock.
 */
#ifndef MINIVMM_CPU_MCE_H
#define MINIVMM_CPU_MCE_H

#include <linux/types.h>
#include <asm/mce.h>

#include "state.h"

#define MCE_CTL_ALL	(~0ull)

struct minivmm_x86_mce;
struct vcpu;

/* mce_supported - the bits of MCG_CAP that mce_set_cap() takes, its number of banks apart. */
u64 mce_supported(void);

/* mce_reset - after power-on: as many banks as there can be, until the VMM says otherwise. */
void mce_reset(struct vcpu *vcpu);

/* mce_set_cap - X86_SETUP_MCE: MCG_CAP. EINVAL: no or too many banks, or a bit that is not supported. */
int mce_set_cap(struct vcpu *vcpu, u64 cap);

/*
 * mce_report - X86_SET_MCE: the error is in its bank, and the guest gets #MC if it is one that
 * was not corrected. EINVAL: no such bank, or the error is not marked valid.
 */
int mce_report(struct vcpu *vcpu, const struct minivmm_x86_mce *mce);

/* mce_has_ctl - whether the guest has MCG_CTL. */
static inline bool mce_has_ctl(const struct vcpu_mce *mce)
{
	return mce->cap & MCG_CTL_P;
}

/* All or nothing, and nothing where it is not there: a VMM may restore that. */
static inline bool mce_may_write_ctl(const struct vcpu_mce *mce, u64 value)
{
	return !value || (value == MCE_CTL_ALL && mce_has_ctl(mce));
}

/* mce_get_bank, mce_set_bank - the MSRs of banks; like msr_get() and msr_set(). */
int mce_get_bank(struct vcpu *vcpu, u32 index, u64 *value);
int mce_set_bank(struct vcpu *vcpu, u32 index, u64 value, bool host);

#endif /* MINIVMM_CPU_MCE_H */
