/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this CPU would let a guest learn, and what is done about it: chosen once, at load, by a
 * table of the bugs and features that the host's kernel found, and printed. Each kind that a
 * kernel knows is in speculation.md, with what becomes of it.
 *
 * Whoever does it reads a byte below, or is patched by the feature that the table names.
 */
#ifndef MINIVMM_CPU_SPECULATION_H
#define MINIVMM_CPU_SPECULATION_H

#include <linux/types.h>
#include <asm/cpufeature.h>

/* VERW, with the guest's registers loaded and nothing of the host read afterwards. */
extern bool speculation_verw;

/* The first-level data cache is flushed before the first entry of a window. */
extern bool speculation_flush_l1d;

/* What a guest has taught the branch predictors is kept from the next on the same CPU. */
extern bool speculation_ibpb;

/* speculation_setup - at load, before any CPU is enabled. */
void speculation_setup(void);

/* speculation_cpu - on a CPU that begins (@on) or ends to run guests, interrupts off. */
void speculation_cpu(bool on);

/*
 * speculation_fpu - before the guest's XSAVE area is loaded. XRSTOR of some CPUs leaves the last
 * instruction's and operand's addresses alone where no exception is pending: another thing is
 * loaded to overwrite the host's.
 */
static __always_inline void speculation_fpu(void)
{
	static const u32 number;

	if (static_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fnclex\n\t"
			     "emms\n\t"
			     "fildl %[number]" : : [number] "m" (number));
}

#endif /* MINIVMM_CPU_SPECULATION_H */
