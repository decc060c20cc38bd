// SPDX-License-Identifier: GPL-2.0
/*
 * GSI routing tables: what is accepted, what is refused, and how they are read.
 *
 * Links: kmod/irq/routing.c kmod/irq/message.c
 */
#include <stdlib.h>

#include "kselftest_harness.h"

#include "irq/routing.h"
#include "minivmm.h"

#define MAX_ENTRIES	8

FIXTURE(routing) {
	struct minivmm_irq_routing_entry entries[MAX_ENTRIES];
	u32 nr, bad;
	struct irq_table *table;
};

FIXTURE_SETUP(routing)
{
	memset(self, 0, sizeof(*self));
	self->table = malloc(irq_table_size(IRQ_DEFAULT_ROUTES));
	ASSERT_NE(NULL, self->table);
}

FIXTURE_TEARDOWN(routing)
{
	free(self->table);
}

static struct minivmm_irq_routing_entry pin_entry(u32 gsi, u32 chip, u32 pin)
{
	return (struct minivmm_irq_routing_entry) {
		.gsi = gsi,
		.type = MINIVMM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static struct minivmm_irq_routing_entry msi_entry(u32 gsi, u32 address, u32 data)
{
	return (struct minivmm_irq_routing_entry) {
		.gsi = gsi,
		.type = MINIVMM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = address, .data = data },
	};
}

#define ADD(entry)	(self->entries[self->nr++] = (entry))
#define BUILD()		irq_table_build(self->table, self->entries, self->nr, &self->bad)

static unsigned int count_routes(const struct irq_table *table, u32 gsi)
{
	unsigned int n = 0;
	int i;

	for (i = irq_table_first(table, gsi); i >= 0; i = table->routes[i].next)
		n++;
	return n;
}

TEST_F(routing, default_table)
{
	u32 gsi;

	irq_table_default(self->table);
	EXPECT_EQ(IRQ_DEFAULT_ROUTES, self->table->nr);
	for (gsi = 0; gsi < 16; gsi++) {
		EXPECT_EQ(2, count_routes(self->table, gsi));
		EXPECT_EQ(gsi, self->table->gsi_of_pin[gsi / 8][gsi % 8]);
	}
	for (gsi = 16; gsi < 24; gsi++)
		EXPECT_EQ(1, count_routes(self->table, gsi));
	for (gsi = 0; gsi < 24; gsi++)
		EXPECT_EQ(gsi, self->table->gsi_of_pin[IRQ_CHIP_IOAPIC][gsi]);
	EXPECT_EQ(0, count_routes(self->table, 24));
}

TEST_F(routing, empty_table_routes_nothing)
{
	EXPECT_EQ(0, BUILD());
	EXPECT_EQ(-1, irq_table_first(self->table, 0));
	EXPECT_EQ(-1, self->table->gsi_of_pin[IRQ_CHIP_IOAPIC][0]);
}

TEST_F(routing, any_gsi_number_may_be_asked_for)
{
	EXPECT_EQ(0, BUILD());
	EXPECT_EQ(-1, irq_table_first(self->table, IRQ_MAX_GSI));
	EXPECT_EQ(-1, irq_table_first(self->table, ~0u));
}

TEST_F(routing, pins_and_messages)
{
	int i;

	ADD(pin_entry(0, IRQ_CHIP_IOAPIC, 2));
	ADD(msi_entry(4095, 0xfee03000, 0x41));
	ASSERT_EQ(0, BUILD());
	i = irq_table_first(self->table, 0);
	ASSERT_LE(0, i);
	EXPECT_EQ(2, self->table->routes[i].pin);
	EXPECT_EQ(0, self->table->gsi_of_pin[IRQ_CHIP_IOAPIC][2]);
	i = irq_table_first(self->table, 4095);
	ASSERT_LE(0, i);
	EXPECT_EQ(IRQ_CHIP_MSI, self->table->routes[i].chip);
	EXPECT_EQ(3, self->table->routes[i].msi.dest);
	EXPECT_EQ(0x41, self->table->routes[i].msi.vector);
}

TEST_F(routing, out_of_range_is_refused)
{
	static const u32 pins[][3] = {
		{ IRQ_MAX_GSI, IRQ_CHIP_IOAPIC, 0 }, { 0, IRQ_CHIP_IOAPIC, 24 },
		{ 0, IRQ_CHIP_PIC_MASTER, 8 }, { 0, IRQ_CHIP_PIC_SLAVE, 8 },
		{ 0, NR_IRQ_CHIPS, 0 }, { 0, ~0u, 0 }, { ~0u, 0, 0 }, { 0, 0, ~0u },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pins); i++) {
		self->nr = 0;
		ADD(pin_entry(1, IRQ_CHIP_IOAPIC, 1));
		ADD(pin_entry(pins[i][0], pins[i][1], pins[i][2]));
		EXPECT_EQ(-EINVAL, BUILD()) TH_LOG("row %u", i);
		EXPECT_EQ(1, self->bad);
	}
}

TEST_F(routing, unknown_type_and_flags_are_refused)
{
	ADD(pin_entry(1, IRQ_CHIP_IOAPIC, 1));
	self->entries[0].type = 3;
	EXPECT_EQ(-EINVAL, BUILD());
	self->entries[0].type = 0;
	EXPECT_EQ(-EINVAL, BUILD());
	self->entries[0] = pin_entry(1, IRQ_CHIP_IOAPIC, 1);
	self->entries[0].flags = 1;
	EXPECT_EQ(-EINVAL, BUILD());
	self->entries[0] = msi_entry(1, 0xfee00000, 0x40);
	self->entries[0].flags = MINIVMM_MSI_VALID_DEVID;
	EXPECT_EQ(-EINVAL, BUILD());
}

TEST_F(routing, one_gsi_reaches_different_chips_only)
{
	ADD(pin_entry(5, IRQ_CHIP_IOAPIC, 5));
	ADD(pin_entry(5, IRQ_CHIP_PIC_MASTER, 5));
	EXPECT_EQ(0, BUILD());
	EXPECT_EQ(2, count_routes(self->table, 5));
	ADD(pin_entry(5, IRQ_CHIP_IOAPIC, 6));
	EXPECT_EQ(-EINVAL, BUILD());
	EXPECT_EQ(2, self->bad);
}

TEST_F(routing, an_msi_is_alone_on_its_gsi)
{
	ADD(msi_entry(5, 0xfee00000, 0x40));
	ADD(msi_entry(5, 0xfee00000, 0x41));
	EXPECT_EQ(-EINVAL, BUILD());
	self->entries[1] = pin_entry(5, IRQ_CHIP_IOAPIC, 5);
	EXPECT_EQ(-EINVAL, BUILD());
	self->entries[0] = pin_entry(5, IRQ_CHIP_IOAPIC, 5);
	self->entries[1] = msi_entry(5, 0xfee00000, 0x41);
	EXPECT_EQ(-EINVAL, BUILD());
}

TEST_HARNESS_MAIN
