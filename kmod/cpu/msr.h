/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model-specific registers, by index: the list userspace may save and restore,
 * reads and writes by the guest (RDMSR, WRMSR exits) and by userspace.
 */
#ifndef MINIVMM_CPU_MSR_H
#define MINIVMM_CPU_MSR_H

#include <linux/types.h>

#include "state.h"

struct vcpu;
struct minivmm_msr_list;

void msr_reset(struct vcpu *vcpu);

/*
 * msr_get/msr_set - one MSR. @host: asked by userspace, which may also set what
 * is read-only to the guest. Return 0 or -EINVAL: not there, or not that value;
 * the guest then gets #GP. msr_set() returns MSR_EVENT if the local APIC or its clock was
 * written, after which an event may be due, or taken. Window or outside.
 */
#define MSR_EVENT	1
int msr_get(struct vcpu *vcpu, u32 index, u64 *value, bool host);
int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host);

/* msr_get_feature - a host-wide feature MSR (system GET_MSRS). EINVAL: not one. */
int msr_get_feature(u32 index, u64 *value);

/*
 * msr_array_get/set - GET_MSRS and SET_MSRS on the user's array: how many entries
 * from its start were done. E2BIG: more than MSR_ARRAY_MAX; EFAULT; ENOMEM.
 */
#define MSR_ARRAY_MAX	255
struct minivmm_msrs;
long msr_array_get(struct minivmm_msrs __user *arg,
		   int (*get)(void *object, u32 index, u64 *value), void *object);
long msr_array_set(struct minivmm_msrs __user *arg, struct vcpu *vcpu);

/* msr_write_tsc_aux - to the CPU's, if it has one. */
void msr_write_tsc_aux(u64 value);

/* Section: MSRs that both guest and host use and only user mode reads (TSC_AUX). */
static inline void msr_load_guest(const struct vcpu_msrs *msrs)
{
	if (msrs->tsc_aux != msrs->host_tsc_aux)
		msr_write_tsc_aux(msrs->tsc_aux);
}

static inline void msr_load_host(const struct vcpu_msrs *msrs)
{
	if (msrs->tsc_aux != msrs->host_tsc_aux)
		msr_write_tsc_aux(msrs->host_tsc_aux);
}

/* msr_cpu_changed - this section runs on another CPU than the last. */
void msr_cpu_changed(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_MSR_H */
