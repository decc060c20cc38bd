/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a vCPU: written by its thread only, without atomics; readers see
 * each counter whole but not all at the same instant.
 */
#ifndef MINIVMM_STATS_H
#define MINIVMM_STATS_H

#include "exit.h"

struct vcpu_stats {
	u64 entries;
	u64 exits[NR_EXIT_KINDS];
	u64 injections;
	u64 user_exits;
	u64 signal_exits;
	u64 emulated;
	u64 halts;
};

#endif /* MINIVMM_STATS_H */
