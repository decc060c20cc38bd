/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines and messages into the kernel's interrupt controllers.
 *
 * GSI 0 to 15 reach 8259 pair and I/O APIC (GSI 0 its pin 2), 16 to 23 the I/O APIC alone; higher
 * GSIs are handed out by irq__route_add() for messages. Any thread may call.
 */
#ifndef MINIVMM_IRQ_H
#define MINIVMM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define IRQ_PINS	24

struct irq;
struct vm;

int irq__create(struct irq **irq, struct vm *vm, struct error *err);
void irq__destroy(struct irq *irq);

/* Drives a line (gsi < IRQ_PINS). Level or edge is the controllers' setting. */
void irq__set_level(struct irq *irq, unsigned int gsi, bool level);

/* Sends one message at once. */
void irq__signal_msi(struct irq *irq, uint64_t addr, uint32_t data);

/*
 * A GSI that sends {addr, data}, for an irqfd. Returns the GSI, or -1 with errno (ENOSPC: all in
 * use). Update and remove act before they return.
 */
int irq__route_add(struct irq *irq, uint64_t addr, uint32_t data);
int irq__route_update(struct irq *irq, int gsi, uint64_t addr, uint32_t data);
void irq__route_remove(struct irq *irq, int gsi);

/*
 * Signals of @eventfd become interrupts of @gsi; a signal already pending is delivered now.
 * @resamplefd (-1: none) makes the line a level: asserted by @eventfd, deasserted at EOI, which
 * signals @resamplefd. Returns 0, or -1 with errno. Deassign takes the same pair; the eventfd
 * stays the caller's.
 */
int irq__fd_assign(struct irq *irq, int eventfd, int resamplefd, int gsi);
void irq__fd_deassign(struct irq *irq, int eventfd, int gsi);

#endif
