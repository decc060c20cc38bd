/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GSI routing table: which controller pins or which MSI a GSI stands for.
 *
 * Pure part: an immutable table built from the entries of SET_GSI_ROUTING.
 * irqchip.c publishes it under RCU.
 */
#ifndef MINIVMM_IRQ_ROUTING_H
#define MINIVMM_IRQ_ROUTING_H

#include "message.h"

#ifdef __KERNEL__
#include <linux/rcupdate.h>
#endif

#define IRQ_MAX_GSI		4096
#define IRQ_MAX_ROUTES		4096
#define IRQ_MAX_PINS		24

enum irq_chip_id {
	IRQ_CHIP_PIC_MASTER,
	IRQ_CHIP_PIC_SLAVE,
	IRQ_CHIP_IOAPIC,
	NR_IRQ_CHIPS,
	IRQ_CHIP_MSI = NR_IRQ_CHIPS,
};

struct irq_route {
	s16 next;		/* next route of the same GSI, -1: last */
	u8 chip;		/* enum irq_chip_id */
	u8 pin;
	struct irq_message msi;	/* chip == IRQ_CHIP_MSI */
};

struct irq_table {
#ifdef __KERNEL__
	struct rcu_head rcu;
#endif
	u32 nr;
	s16 gsi_of_pin[NR_IRQ_CHIPS][IRQ_MAX_PINS];	/* -1: none */
	s16 first[IRQ_MAX_GSI];				/* first route of a GSI, -1: none */
	struct irq_route routes[];
};

struct minivmm_irq_routing_entry;

/* irq_table_size - bytes of a table of @nr routes. */
static inline size_t irq_table_size(u32 nr)
{
	return sizeof(struct irq_table) + nr * sizeof(struct irq_route);
}

/*
 * irq_table_build - fill @table (irq_table_size(nr) bytes) from @entries.
 * -EINVAL: unknown type or chip, pin or gsi out of range, flags set, or one gsi
 * with an MSI beside another route or with two pins of one chip. @bad: which entry.
 */
int irq_table_build(struct irq_table *table, const struct minivmm_irq_routing_entry *entries,
		    u32 nr, u32 *bad);

/* irq_table_default - at irqchip creation: GSI 0-15 both controllers, 16-23 I/O APIC; 40 routes. */
#define IRQ_DEFAULT_ROUTES	40
void irq_table_default(struct irq_table *table);

/* irq_table_first - index of the first route of @gsi (any number), or -1. */
static inline int irq_table_first(const struct irq_table *table, u32 gsi)
{
	return gsi < IRQ_MAX_GSI ? table->first[array_index_nospec(gsi, IRQ_MAX_GSI)] : -1;
}

#endif /* MINIVMM_IRQ_ROUTING_H */
