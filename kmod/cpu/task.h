/* SPDX-License-Identifier: GPL-2.0 */
/* Hardware task switches that the CPU does not make by itself. Outside. */
#ifndef MINIVMM_CPU_TASK_H
#define MINIVMM_CPU_TASK_H

struct vcpu;

/*
 * task_switch - make the one that vcpu->exit tells of. Returns NEXT_ENTER; NEXT_USER: an internal
 * error, the guest is where it was before; -errno.
 */
int task_switch(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_TASK_H */
