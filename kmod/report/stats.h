/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a vCPU: written by its thread only, without atomics; readers see
 * each counter whole but not all at the same instant. Those of a VM are struct
 * memory_stats. Userspace reads both from files: GET_STATS_FD.
 */
#ifndef MINIVMM_REPORT_STATS_H
#define MINIVMM_REPORT_STATS_H

#include "state.h"

struct vcpu;
struct vm;

/* stats_vm_fd, stats_vcpu_fd - a new file of the counters, which pins the VM. EMFILE, ENOMEM. */
int stats_vm_fd(struct vm *vm);
int stats_vcpu_fd(struct vcpu *vcpu);

#endif /* MINIVMM_REPORT_STATS_H */
