/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqfds: eventfds whose signal raises a GSI.
 *
 * A signal is taken in the eventfd's wakeup (hard irq possible, raw locks only).
 * With a resamplefd the line stays up until the guest's EOI, which lowers it and
 * signals the resamplefd. Teardown of one: out of the VM's tree, off the eventfd's
 * wait queue, wait for wakeups under way, off its resampler, free.
 */
#ifndef MINIVMM_IRQ_IRQFD_H
#define MINIVMM_IRQ_IRQFD_H

#include <linux/types.h>

struct vm;
struct minivmm_irqfd;

/* irqfd_module_init/exit - the workqueue that tears down irqfds. ENOMEM. */
int irqfd_module_init(void);
void irqfd_module_exit(void);

/*
 * irqfd_control - the IRQFD ioctl. EINVAL: unknown flag, pad, no irqchip, gsi out
 * of range, fd no eventfd; EBADF; EBUSY: this fd already is an irqfd of the VM; ENOMEM.
 * Deassigning what is not there is no error.
 */
int irqfd_control(struct vm *vm, const struct minivmm_irqfd *args);

/* irqfd_init - at VM creation. */
void irqfd_init(struct vm *vm);

/* irqfd_release - the VM fd is closed: remove all and wait for it. */
void irqfd_release(struct vm *vm);

/* Eventfds that the end of one interrupt signals with interrupts off; of more, a worker does it. */
#define IRQFD_AT_ONCE	8

/*
 * irqfd_acked - the guest ended interrupt @gsi; *@at_once, first IRQFD_AT_ONCE, is lowered by
 * the eventfds signalled. Any context, no raw lock held.
 */
void irqfd_acked(struct vm *vm, u32 gsi, unsigned int *at_once);

#endif /* MINIVMM_IRQ_IRQFD_H */
