/* SPDX-License-Identifier: GPL-2.0 */
/* What is done about exits: exit_info.h says what they are, and what handlers return. */
#ifndef MINIVMM_VCPU_EXIT_H
#define MINIVMM_VCPU_EXIT_H

#include <linux/types.h>

#include "exit_info.h"

struct entry_rule;
struct vcpu;

/* exit_handle - first look at an exit, in the window: no sleeping, no user memory. */
int exit_handle(struct vcpu *vcpu);

/* exit_handle_outside - the rest of it, outside. Returns NEXT_ENTER, NEXT_USER or -errno. */
int exit_handle_outside(struct vcpu *vcpu);

/*
 * exit_refused - by the backend, in the window: the CPU refused to enter and says
 * @hw_code; the first of @nr @rules that @state breaks is the reason to be told.
 */
void exit_refused(struct vcpu *vcpu, u64 hw_code, const struct entry_rule *rules, size_t nr,
		  const void *state);

/* exit_shutdown - the guest's CPU has shut down: it is as after INIT. Outside; returns NEXT_USER. */
int exit_shutdown(struct vcpu *vcpu);

/*
 * exit_complete_user - outside, at the start of VM_RUN: userspace has answered. If it has moved
 * RIP (a reset), there is nothing to complete. Returns as exit_handle_outside().
 */
int exit_complete_user(struct vcpu *vcpu);

#endif /* MINIVMM_VCPU_EXIT_H */
