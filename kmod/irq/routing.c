// SPDX-License-Identifier: GPL-2.0
/*
 * Building GSI routing tables. Pure part.
 */
#include "routing.h"

#include "../../uapi/minivmm.h"

static void clear_table(struct irq_table *table)
{
	unsigned int i;

	table->nr = 0;
	memset(table->gsi_of_pin, -1, sizeof(table->gsi_of_pin));
	for (i = 0; i < IRQ_MAX_GSI; i++)
		table->first[i] = -1;
}

/* A GSI may reach several controllers, each at one pin, or be one MSI. */
static bool conflicts(const struct irq_table *table, u32 gsi, unsigned int chip)
{
	int i;

	for (i = table->first[gsi]; i >= 0; i = table->routes[i].next)
		if (chip == IRQ_CHIP_MSI || table->routes[i].chip == IRQ_CHIP_MSI ||
		    table->routes[i].chip == chip)
			return true;
	return false;
}

static struct irq_route *add_route(struct irq_table *table, u32 gsi, unsigned int chip)
{
	struct irq_route *route = &table->routes[table->nr];

	route->chip = chip;
	route->next = table->first[gsi];
	table->first[gsi] = table->nr++;
	return route;
}

static void add_pin(struct irq_table *table, u32 gsi, unsigned int chip, unsigned int pin)
{
	add_route(table, gsi, chip)->pin = pin;
	table->gsi_of_pin[chip][pin] = gsi;
}

static unsigned int chip_pins(unsigned int chip)
{
	return chip == IRQ_CHIP_IOAPIC ? IRQ_MAX_PINS : 8;
}

static int add_entry(struct irq_table *table, const struct minivmm_irq_routing_entry *entry)
{
	u32 chip = entry->u.irqchip.irqchip, pin = entry->u.irqchip.pin, gsi = entry->gsi;

	if (gsi >= IRQ_MAX_GSI || entry->flags)
		return -EINVAL;
	gsi = array_index_nospec(gsi, IRQ_MAX_GSI);
	switch (entry->type) {
	case MINIVMM_IRQ_ROUTING_IRQCHIP:
		if (chip >= NR_IRQ_CHIPS)
			return -EINVAL;
		chip = array_index_nospec(chip, NR_IRQ_CHIPS);
		if (pin >= chip_pins(chip) || conflicts(table, gsi, chip))
			return -EINVAL;
		add_pin(table, gsi, chip, array_index_nospec(pin, chip_pins(chip)));
		return 0;
	case MINIVMM_IRQ_ROUTING_MSI:
		if (conflicts(table, gsi, IRQ_CHIP_MSI))
			return -EINVAL;
		msi_decode(&add_route(table, gsi, IRQ_CHIP_MSI)->msi,
			   entry->u.msi.address_lo, entry->u.msi.data);
		return 0;
	default:
		return -EINVAL;
	}
}

int irq_table_build(struct irq_table *table, const struct minivmm_irq_routing_entry *entries,
		    u32 nr, u32 *bad)
{
	u32 i;

	clear_table(table);
	for (i = 0; i < nr; i++) {
		if (add_entry(table, &entries[i])) {
			*bad = i;
			return -EINVAL;
		}
	}
	return 0;
}

void irq_table_default(struct irq_table *table)
{
	u32 gsi;

	clear_table(table);
	for (gsi = 0; gsi < IRQ_MAX_PINS; gsi++)
		add_pin(table, gsi, IRQ_CHIP_IOAPIC, gsi);
	for (gsi = 0; gsi < 16; gsi++)
		add_pin(table, gsi, gsi / 8, gsi % 8);
}
