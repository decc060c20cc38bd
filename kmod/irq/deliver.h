/* SPDX-License-Identifier: GPL-2.0 */
/* Delivery of interrupt messages to local APICs. */
#ifndef MINIVMM_IRQ_DELIVER_H
#define MINIVMM_IRQ_DELIVER_H

#include "message.h"

struct vcpu;
struct vm;

/*
 * irq_deliver - send @msg to every local APIC it addresses; @source is the
 * sending vCPU (shorthands), or NULL. Any context, raw spinlocks held too.
 * Returns how many APICs took it: 0 already pending or disabled, -1 nobody addressed.
 *
 * Each has it at the return. With interrupts off, only some of several vCPUs are made to look at
 * once: *@kicks, which is lowered, or IRQ_KICKS_AT_ONCE where @kicks is NULL; irq_make_kicks()
 * follows for the others.
 */
#define IRQ_KICKS_AT_ONCE	16
int irq_deliver(struct vm *vm, struct vcpu *source, const struct irq_message *msg,
		unsigned int *kicks);

/*
 * irq_make_kicks - make those vCPUs look that a message could not. VCPU_REQ_KICKS asks the
 * sending vCPU for it, which does so as soon as it is out of its section; where none is
 * known, a worker calls it. Outside.
 */
void irq_make_kicks(struct vm *vm);

/* irq_init_kicks - at VM creation; irqchip.kick_work is to be cancelled at its end. */
void irq_init_kicks(struct vm *vm);

#endif /* MINIVMM_IRQ_DELIVER_H */
