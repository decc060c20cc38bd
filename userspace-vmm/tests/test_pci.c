// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI: configuration mechanism, BARs, MSI-X, INTx. */
#include "support/ktap.h"

#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "support/fake_kernel.h"

#define ADDRESS(slot, reg)	(0x80000000u | (slot) << 11 | (reg))
#define REG_COMMAND		0x04
#define REG_BAR(n)		(0x10 + 4 * (n))
#define TABLE			0x800
#define PBA			0xc00

static struct machine m;
static struct pci_device dev;
static struct error err;
static uint64_t maps, unmaps, last_offset, last_value;

static uint64_t bar_read(void *ctx, uint64_t offset, unsigned int size)
{
	(void)ctx;
	(void)size;
	last_offset = offset;
	return 0xd0d0d0d0d0d0d0d0;
}

static void bar_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)ctx;
	(void)size;
	last_offset = offset;
	last_value = value;
}

static const struct bus_ops ops = { .read = bar_read, .write = bar_write };

static void mapped(void *ctx, uint64_t addr)
{
	(void)ctx;
	maps = addr;
}

static void unmapped(void *ctx, uint64_t addr)
{
	(void)ctx;
	unmaps = addr;
}

static void setup(void)
{
	fake_kernel__reset();
	memset(&err, 0, sizeof(err));
	maps = unmaps = last_offset = last_value = 0;
	m = (struct machine){ .vm = &fake_vm };
	bus__create(&m.pio, &fake_vm, BUS_PORTS, &err);
	bus__create(&m.mmio, &fake_vm, BUS_MEMORY, &err);
	irq__create(&m.irq, &fake_vm, &err);
	pci__create(&m.pci, &m, &err);
	dev = (struct pci_device){
		.name = "test", .vendor_id = 0x1234, .device_id = 0x5678, .class_code = 0x020000,
		.has_intx = true,
		.bar[0] = { PCI_BAR_MEM32, 0x1000, &ops, NULL, mapped, unmapped, NULL, 0, false },
		.bar[2] = { PCI_BAR_MEM64, 0x4000, &ops, NULL, NULL, NULL, NULL, 0, false },
		.bar[4] = { PCI_BAR_IO, 0x20, &ops, NULL, NULL, NULL, NULL, 0, false },
	};
	pci__add_msix(&dev, 0, 3, TABLE, PBA, &err);
	pci__register(m.pci, &dev, 5, 0, &err);
}

static void teardown(void)
{
	pci__unregister(&dev);
	pci__destroy(m.pci);
	irq__destroy(m.irq);
	bus__destroy(m.mmio);
	bus__destroy(m.pio);
}

static uint32_t config_read(unsigned int reg)
{
	return pci__config_read(m.pci, ADDRESS(5, reg), 4);
}

static void config_write(unsigned int reg, uint32_t value)
{
	pci__config_write(m.pci, ADDRESS(5, reg), 4, value);
}

static void enable_bar0(void)
{
	config_write(REG_BAR(0), 0xe0000000);
	config_write(REG_COMMAND, 2);
}

/* Opens vector @i to @data and switches MSI-X on. */
static void open_vector(unsigned int i, uint32_t data)
{
	bus__write(m.mmio, 0xe0000000 + TABLE + 16 * i, 4, 0xfee00000);
	bus__write(m.mmio, 0xe0000000 + TABLE + 16 * i + 8, 4, data);
	bus__write(m.mmio, 0xe0000000 + TABLE + 16 * i + 12, 4, 0);
	pci__config_write(m.pci, ADDRESS(5, dev.msix_capability + 2), 2, 0x8000);
}

TEST(ports_reach_the_addressed_register)
{
	setup();
	CHECK(!error__is_set(&err));
	bus__write(m.pio, 0xcf8, 4, ADDRESS(5, 0));
	CHECK(bus__read(m.pio, 0xcf8, 4) == ADDRESS(5, 0));
	CHECK(bus__read(m.pio, 0xcfc, 4) == 0x56781234);
	CHECK(bus__read(m.pio, 0xcfe, 2) == 0x5678);
	CHECK(bus__read(m.pio, 0xcff, 1) == 0x56);
	bus__write(m.pio, 0xcf8, 4, ADDRESS(6, 0));
	CHECK(bus__read(m.pio, 0xcfc, 4) == 0xffffffff);
	bus__write(m.pio, 0xcf8, 4, ADDRESS(5, 0) & ~0x80000000u);
	CHECK(bus__read(m.pio, 0xcfc, 4) == 0xffffffff);
	bus__write(m.pio, 0xcf8, 4, ADDRESS(5, 0) | 1 << 16);
	CHECK(bus__read(m.pio, 0xcfc, 4) == 0xffffffff);
	teardown();
}

TEST(identity_is_read_only)
{
	setup();
	config_write(0, 0);
	config_write(8, 0);
	CHECK(config_read(0) == 0x56781234 && config_read(8) >> 8 == 0x020000);
	teardown();
}

TEST(bars_tell_their_size)
{
	setup();
	config_write(REG_BAR(0), 0xffffffff);
	CHECK(config_read(REG_BAR(0)) == 0xfffff000);
	config_write(REG_BAR(2), 0xffffffff);
	config_write(REG_BAR(3), 0xffffffff);
	CHECK(config_read(REG_BAR(2)) == 0xffffc004 && config_read(REG_BAR(3)) == 0xffffffff);
	config_write(REG_BAR(4), 0xffffffff);
	CHECK(config_read(REG_BAR(4)) == 0xffffffe1);
	CHECK(config_read(REG_BAR(1)) == 0);
	teardown();
}

TEST(bar_answers_only_while_decoding_is_on)
{
	setup();
	config_write(REG_BAR(0), 0xe0000000);
	CHECK(bus__read(m.mmio, 0xe0000010, 4) == 0xffffffff && !maps);
	config_write(REG_COMMAND, 2);
	CHECK(bus__read(m.mmio, 0xe0000010, 4) == 0xd0d0d0d0 && last_offset == 0x10);
	CHECK(maps == 0xe0000000);
	config_write(REG_COMMAND, 0);
	CHECK(bus__read(m.mmio, 0xe0000010, 4) == 0xffffffff && unmaps == 0xe0000000);
	teardown();
}

TEST(bar_moves)
{
	setup();
	enable_bar0();
	config_write(REG_BAR(0), 0xe1000000);
	CHECK(unmaps == 0xe0000000 && maps == 0xe1000000);
	CHECK(bus__read(m.mmio, 0xe0000000, 4) == 0xffffffff);
	CHECK(bus__read(m.mmio, 0xe1000ffc, 4) == 0xd0d0d0d0);
	teardown();
}

TEST(bar_64_may_lie_above_4g)
{
	setup();
	config_write(REG_BAR(2), 0x00008000);
	config_write(REG_BAR(3), 0x12);
	config_write(REG_COMMAND, 2);
	bus__write(m.mmio, 0x1200008008, 8, 0x1122334455667788);
	CHECK(last_offset == 8 && last_value == 0x1122334455667788);
	teardown();
}

TEST(io_bar_is_on_the_port_bus)
{
	setup();
	config_write(REG_BAR(4), 0xc000);
	config_write(REG_COMMAND, 1);
	CHECK(bus__read(m.pio, 0xc004, 1) == 0xd0 && last_offset == 4);
	teardown();
}

TEST(vector_is_attached_while_open)
{
	setup();
	enable_bar0();
	CHECK(fake_kernel__irqfd(pci__msix_fd(&dev, 1)) == -1);
	open_vector(1, 0x4021);
	CHECK(pci__msix_enabled(&dev));
	CHECK(fake_kernel__irqfd(pci__msix_fd(&dev, 1)) >= IRQ_PINS);
	CHECK(fake_kernel__irqfd(pci__msix_fd(&dev, 0)) == -1);
	CHECK(fake_kernel.last_message.u.msi.data == 0x4021);
	bus__write(m.mmio, 0xe0000000 + TABLE + 16 + 12, 4, 1);
	CHECK(fake_kernel__irqfd(pci__msix_fd(&dev, 1)) == -1);
	teardown();
}

TEST(function_mask_closes_all_vectors)
{
	setup();
	enable_bar0();
	open_vector(0, 1);
	pci__config_write(m.pci, ADDRESS(5, dev.msix_capability + 2), 2, 0xc000);
	CHECK(fake_kernel__irqfd(pci__msix_fd(&dev, 0)) == -1);
	pci__config_write(m.pci, ADDRESS(5, dev.msix_capability + 2), 2, 0x8000);
	CHECK(fake_kernel__irqfd(pci__msix_fd(&dev, 0)) >= IRQ_PINS);
	teardown();
}

TEST(changed_message_changes_the_route)
{
	setup();
	enable_bar0();
	open_vector(2, 0x30);
	bus__write(m.mmio, 0xe0000000 + TABLE + 32 + 8, 4, 0x31);
	CHECK(fake_kernel.last_message.u.msi.data == 0x31);
	CHECK(fake_kernel.last_message.u.msi.address_lo == 0xfee00000);
	teardown();
}

TEST(signal_of_a_masked_vector_is_pending)
{
	setup();
	enable_bar0();
	CHECK(bus__read(m.mmio, 0xe0000000 + PBA, 8) == 0);
	pci__msix_notify(&dev, 2);
	CHECK(bus__read(m.mmio, 0xe0000000 + PBA, 8) == 4);
	CHECK(bus__read(m.mmio, 0xe0000000 + PBA, 4) == 4);
	pci__msix_notify(&dev, 3);
	CHECK(bus__read(m.mmio, 0xe0000000 + PBA, 8) == 4);
	teardown();
}

TEST(vectors_start_masked_and_table_reads_back)
{
	setup();
	enable_bar0();
	CHECK(bus__read(m.mmio, 0xe0000000 + TABLE + 12, 4) == 1);
	bus__write(m.mmio, 0xe0000000 + TABLE, 8, 0x00000001fee0a000);
	CHECK(bus__read(m.mmio, 0xe0000000 + TABLE, 8) == 0x00000001fee0a000);
	CHECK(bus__read(m.mmio, 0xe0000000 + TABLE + 4, 4) == 1);
	teardown();
}

TEST(unregistering_gives_routes_back)
{
	unsigned int routes;

	setup();
	routes = fake_kernel.routes;
	enable_bar0();
	open_vector(0, 1);
	CHECK(fake_kernel.routes == routes + 1);
	pci__unregister(&dev);
	CHECK(fake_kernel.routes == routes);
	CHECK(bus__read(m.mmio, 0xe0000010, 4) == 0xffffffff);
	teardown();
}

TEST(intx_follows_slot_and_route)
{
	setup();
	/* Slot 5, pin A: PIRQ A, as in slot 1. */
	pci__route_pirq(m.pci, 0, 10);
	pci__set_intx(&dev, true);
	CHECK(fake_kernel.line[10]);
	pci__route_pirq(m.pci, 0, 11);
	CHECK(!fake_kernel.line[10] && fake_kernel.line[11]);
	pci__set_intx(&dev, false);
	CHECK(!fake_kernel.line[11]);
	teardown();
}

TEST(intx_disabled_by_the_guest_is_seen_in_the_status_only)
{
	setup();
	pci__route_pirq(m.pci, 0, 10);
	pci__set_intx(&dev, true);
	CHECK(config_read(REG_COMMAND) >> 16 & 8);
	config_write(REG_COMMAND, 0x400);
	CHECK(!fake_kernel.line[10] && config_read(REG_COMMAND) >> 16 & 8);
	config_write(REG_COMMAND, 0);
	CHECK(fake_kernel.line[10]);
	pci__set_intx(&dev, false);
	CHECK(!fake_kernel.line[10] && !(config_read(REG_COMMAND) >> 16 & 8));
	teardown();
}

TEST(shared_line_stays_up_for_the_other_device)
{
	struct pci_device other = { .name = "other", .has_intx = true };

	setup();
	CHECK(!pci__register(m.pci, &other, 9, 0, &err));
	pci__route_pirq(m.pci, 0, 10);
	pci__set_intx(&dev, true);
	pci__set_intx(&other, true);
	pci__set_intx(&dev, false);
	CHECK(fake_kernel.line[10]);
	pci__set_intx(&other, false);
	CHECK(!fake_kernel.line[10]);
	pci__unregister(&other);
	teardown();
}

TEST(taken_slot_is_refused_and_any_slot_is_the_first_free)
{
	struct pci_device other = { .name = "other" };

	setup();
	CHECK(pci__register(m.pci, &other, 5, 0, &err) < 0);
	memset(&err, 0, sizeof(err));
	CHECK(!pci__register(m.pci, &other, PCI_SLOT_ANY, 0, &err) && other.devfn == 0);
	pci__unregister(&other);
	teardown();
}

TEST(second_function_makes_the_first_multifunction)
{
	struct pci_device other = { .name = "other" };

	setup();
	CHECK(!(config_read(0x0c) >> 16 & 0x80));
	CHECK(!pci__register(m.pci, &other, 5, 3, &err));
	CHECK(config_read(0x0c) >> 16 & 0x80);
	pci__unregister(&other);
	teardown();
}

KTAP_MAIN()
