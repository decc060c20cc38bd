/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PIT in the kernel: its lock, its hrtimer, and the line of channel 0.
 *
 * Used by irqchip.c and the ioctls only. pit_lock is raw; the line (GSI 0) is
 * driven after it is dropped. Functions are usable in the window.
 */
#ifndef MINIVMM_IRQ_PIT_TIMER_H
#define MINIVMM_IRQ_PIT_TIMER_H

#include <linux/types.h>

#define PIT_GSI	0

struct vcpu;
struct vm;

void pit_timer_init(struct vm *vm);

/* pit_timer_destroy - stop it for good. May sleep. */
void pit_timer_destroy(struct vm *vm);

/*
 * pit_timer_hold - the interrupt hardware's state is being taken or given, a call at a time: a tick
 * in between would be in two of the parts, or in none. So ticks wait until a vCPU is in RUN
 * (VCPU_REQ_PIT, pit_timer_release()). Nothing is held while one is there. @self: the vCPU
 * whose ioctl this is, or NULL. Process context.
 */
void pit_timer_hold(struct vm *vm, struct vcpu *self);
void pit_timer_release(struct vm *vm);

/* pit_timer_acked/unmasked - the guest ended GSI 0's interrupt, or unmasked a pin of it. */
void pit_timer_acked(struct vm *vm);
void pit_timer_unmasked(struct vm *vm);

#endif /* MINIVMM_IRQ_PIT_TIMER_H */
