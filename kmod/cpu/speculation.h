/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this CPU would let a guest learn, and what is done about it: chosen once, at load,
 * from the bugs and features that the host's kernel found, and printed. Each kind that a
 * kernel knows is in speculation.md, with what becomes of it.
 *
 * What is done at each entry and exit stands in enter.S of the backends: these read the two
 * bytes below, or are patched by the kernel's features.
 */
#ifndef MINIVMM_CPU_SPECULATION_H
#define MINIVMM_CPU_SPECULATION_H

#include <linux/types.h>

/* VERW, with the guest's registers loaded and nothing of the host read afterwards. */
extern bool speculation_verw;

/* The first-level data cache is flushed before the first entry of a window. */
extern bool speculation_flush_l1d;

/* speculation_setup - at load, before any CPU is enabled. */
void speculation_setup(void);

/* speculation_cpu - on a CPU that begins (@on) or ends to run guests, interrupts off. */
void speculation_cpu(bool on);

/* speculation_fpu - before the guest's XSAVE area is loaded: what it may not load over the host's. */
void speculation_fpu(void);

#endif /* MINIVMM_CPU_SPECULATION_H */
