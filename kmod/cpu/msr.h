/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model-specific registers, by index: the list userspace may save and restore,
 * reads and writes by the guest (RDMSR, WRMSR exits) and by userspace.
 */
#ifndef MINIVMM_CPU_MSR_H
#define MINIVMM_CPU_MSR_H

#include <linux/types.h>

#define MSR_NR_MTRR_VAR		8
#define MSR_NR_MTRR_FIX		11
#define MSR_NR_MCE_BANKS	32

struct vcpu;
struct minivmm_msr_list;

/* Values that live here; those the CPU holds are asked of the backend. */
struct vcpu_msrs {
	u64 misc_enable;
	u64 tsc_aux;
	u64 tsc_adjust;
	u64 spec_ctrl;
	u64 mtrr_def_type;
	u64 mtrr_var[2 * MSR_NR_MTRR_VAR];
	u64 mtrr_fix[MSR_NR_MTRR_FIX];
	u64 mcg_cap, mcg_status, mcg_ctl;
	u64 mc_banks[4 * MSR_NR_MCE_BANKS];
	u64 arch_capabilities;
	u64 ucode_rev;
	u64 hwcr;
	u64 misc_features;
	u64 platform_info;
	u64 smi_count;
};

void msr_reset(struct vcpu *vcpu);

/*
 * msr_get/msr_set - one MSR. @host: asked by userspace, which may also set what
 * is read-only to the guest. Return 0 or -EINVAL: not there, or not that value;
 * the guest then gets #GP. Window or outside.
 */
int msr_get(struct vcpu *vcpu, u32 index, u64 *value, bool host);
int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host);

/* The arrays behind GET_MSR_INDEX_LIST and GET_MSR_FEATURE_INDEX_LIST. */
const u32 *msr_list(unsigned int *count);
const u32 *msr_feature_list(unsigned int *count);

/* msr_get_feature - a host-wide feature MSR (system GET_MSRS). EINVAL: not one. */
int msr_get_feature(u32 index, u64 *value);

#endif /* MINIVMM_CPU_MSR_H */
