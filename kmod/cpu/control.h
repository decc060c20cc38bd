/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Control registers: which bits of CR4 and EFER there are, on this host and for a
 * guest, and what a MOV to CR4 does that the CPU leaves to us.
 */
#ifndef MINIVMM_CPU_CONTROL_H
#define MINIVMM_CPU_CONTROL_H

#include <linux/types.h>

#include "cpuid_bits.h"

struct vcpu;

/* Bits that every guest of the last twenty years uses, and some without a look at CPUID. */
#define CONTROL_CR4_BASIC	0x7ffull	/* VME to OSXMMEXCPT */

/* Fixed after control_setup(). */
struct control_host {
	u64 cr4_exists;		/* what the CPU lets a guest set where nobody intercepts */
	u64 cr4, efer;		/* what of it a guest may have */
	u8 linear_bits;		/* width of a canonical address: the CPU's, whatever CPUID says */
};

extern struct control_host control_host;

/* control_setup - at load, after the backend's. */
void control_setup(void);

/* control_cr4, control_efer - the bits that @words announce and this host can give. */
u64 control_cr4(const struct cpuid_words *words);
u64 control_efer(const struct cpuid_words *words);

/* control_is_canonical - would the CPU take @value for an MSR or base that holds an address? */
static inline bool control_is_canonical(u64 value)
{
	unsigned int unused = 64 - control_host.linear_bits;

	return (u64)((s64)(value << unused) >> unused) == value;
}

/*
 * control_write_cr4 - MOV to CR4 as the CPU does it. False: #GP. In the window it can do all
 * but what control_needs_memory() says.
 */
bool control_write_cr4(struct vcpu *vcpu, u64 value);

/* control_needs_memory - the guest's paging mode has entries that are read at once. */
bool control_needs_memory(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_CONTROL_H */
