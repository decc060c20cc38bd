/* SPDX-License-Identifier: GPL-2.0 */
/* The VM's subscription to changes of its owner's memory. */
#ifndef MINIVMM_MMU_NOTIFIER_H
#define MINIVMM_MMU_NOTIFIER_H

struct vm;

/* notifier_start - subscribe to vm->mm, which is current->mm. ENOMEM, EINTR. */
int notifier_start(struct vm *vm);

/* notifier_stop - no callback runs after it. May sleep. */
void notifier_stop(struct vm *vm);

#endif /* MINIVMM_MMU_NOTIFIER_H */
