/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPUID: what the host can offer (GET_SUPPORTED_CPUID) and what a vCPU was given
 * (SET_CPUID2), with the answers to the guest's CPUID instruction.
 */
#ifndef MINIVMM_CPU_CPUID_H
#define MINIVMM_CPU_CPUID_H

#include <linux/types.h>

#include "../../uapi/minivmm.h"
#include "cpuid_bits.h"
#include "state.h"

#define CPUID_MAX_ENTRIES	256

struct vcpu;

/* cpuid_host_words - the feature bits of this host's CPU. */
void cpuid_host_words(struct cpuid_words *words);

/* cpuid_supported - fill @entries (room for *@count); sets *@count. E2BIG: too small. */
int cpuid_supported(struct minivmm_cpuid_entry2 *entries, u32 *count);

/* cpuid_init - of a new vCPU, which has no table. */
void cpuid_init(struct vcpu *vcpu);

/* cpuid_set - replace the table; takes over @entries. EINVAL: it contradicts itself or this host. */
int cpuid_set(struct vcpu *vcpu, struct minivmm_cpuid_entry2 *entries, unsigned int count);
void cpuid_free(struct vcpu *vcpu);

/* cpuid_execute - what CPUID does to the guest's registers. Window. */
void cpuid_execute(struct vcpu *vcpu);

/* cpuid_shown - @e of the vCPU's table with the bits that follow its registers, as the guest sees it. */
struct minivmm_cpuid_entry2 cpuid_shown(struct vcpu *vcpu, const struct minivmm_cpuid_entry2 *e);

/* cpuid_signature - EAX of leaf 1: what RDX holds after reset. */
u32 cpuid_signature(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_CPUID_H */
