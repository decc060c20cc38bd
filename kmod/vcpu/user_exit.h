/* SPDX-License-Identifier: GPL-2.0 */
/* Ends of VM_RUN that several rooms come to. Window or outside; both return NEXT_USER. */
#ifndef MINIVMM_VCPU_USER_EXIT_H
#define MINIVMM_VCPU_USER_EXIT_H

#include "vcpu.h"

/* exit_internal_error - userspace must know of it as our failure: MINIVMM_INTERNAL_ERROR_*. */
static inline int exit_internal_error(struct vcpu *vcpu, u32 suberror, u64 data)
{
	struct minivmm_run *run = vcpu->run;

	run->exit_reason = MINIVMM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 2;
	run->internal.data[0] = data;
	run->internal.data[1] = vcpu->cpu;
	return NEXT_USER;
}

/* exit_ask_user - the answer to what the run page asks completes the instruction at RIP. */
static inline int exit_ask_user(struct vcpu *vcpu, enum asked_kind kind)
{
	vcpu->asked.kind = kind;
	vcpu->asked.rip = vcpu_exit_rip(vcpu);
	return NEXT_USER;
}

#endif /* MINIVMM_VCPU_USER_EXIT_H */
