/* SPDX-License-Identifier: GPL-2.0 */
/* The life of one VM_RUN. */
#ifndef MINIVMM_VCPU_RUN_H
#define MINIVMM_VCPU_RUN_H

#include <linux/types.h>

struct vcpu;

/* vcpu_run - VM_RUN; vcpu->lock held, outside. 0: the run page says why; -EINTR, or another errno. */
int vcpu_run(struct vcpu *vcpu);

/* vcpu_can_continue - whether a halted or waiting vCPU has a reason to go on; its thread only. */
bool vcpu_can_continue(struct vcpu *vcpu);

/* vcpu_take_init_and_sipi - what has come of these becomes state; vcpu->lock held, outside. */
void vcpu_take_init_and_sipi(struct vcpu *vcpu);

#endif /* MINIVMM_VCPU_RUN_H */
