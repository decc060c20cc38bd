// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The DSDT: PCI root with its windows and interrupt wiring, serial port, clock, S5. The power
 * button is a fixed-hardware one and needs no byte code.
 */
#include "acpi/acpi.h"
#include "acpi/aml.h"
#include "chip/chipset.h"

#define PCI_SLOTS	32
#define PCI_PINS	4
#define PCI_ANY_FUNCTION 0xffff
#define PCI_MEMORY_FIRST 0xc0000000
#define PCI_MEMORY_LAST	0xfebfffff

static const uint8_t pirq_gsi[PCI_PINS] = CHIPSET_PIRQ_GSI;

static void add_pci_resources(struct aml *aml)
{
	struct aml_resources r;

	aml__name(aml, "_CRS");
	r = aml__begin_resources(aml);
	aml__bus_window(aml, 0, 0xff);
	aml__io(aml, 0xcf8, 8);
	aml__io_window(aml, 0x0000, 0x0cf7);
	aml__io_window(aml, 0x0d00, 0xffff);
	aml__memory_window(aml, PCI_MEMORY_FIRST, PCI_MEMORY_LAST);
	aml__end_resources(aml, r);
}

static void add_route(struct aml *aml, unsigned int slot, unsigned int pin)
{
	aml_mark route = aml__begin_package(aml, 4);

	aml__integer(aml, slot << 16 | PCI_ANY_FUNCTION);
	aml__integer(aml, pin);
	aml__integer(aml, 0);
	aml__integer(aml, pirq_gsi[(slot - 1 + pin) % PCI_PINS]);
	aml__end(aml, route);
}

static void add_pci_routes(struct aml *aml)
{
	aml_mark table;

	aml__name(aml, "_PRT");
	table = aml__begin_package(aml, (PCI_SLOTS - 1) * PCI_PINS);
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++) {
		for (unsigned int pin = 0; pin < PCI_PINS; pin++)
			add_route(aml, slot, pin);
	}
	aml__end(aml, table);
}

static void add_chip(struct aml *aml, const char *name, const char *id, uint32_t uid,
		     uint16_t port, uint8_t ports, unsigned int irq)
{
	aml_mark device = aml__begin_device(aml, name);
	struct aml_resources r;

	aml__name_eisa_id(aml, "_HID", id);
	aml__name_integer(aml, "_UID", uid);
	aml__name(aml, "_CRS");
	r = aml__begin_resources(aml);
	aml__io(aml, port, ports);
	aml__irq(aml, irq);
	aml__end_resources(aml, r);
	aml__end(aml, device);
}

static void add_pci_root(struct aml *aml)
{
	aml_mark root = aml__begin_device(aml, "PCI0");
	aml_mark bridge;

	aml__name_eisa_id(aml, "_HID", "PNP0A03");
	aml__name_integer(aml, "_UID", 0);
	aml__name_integer(aml, "_BBN", 0);
	add_pci_resources(aml);
	add_pci_routes(aml);

	bridge = aml__begin_device(aml, "ISA");
	aml__name_integer(aml, "_ADR", 1 << 16);
	add_chip(aml, "COM1", "PNP0501", 1, 0x3f8, 8, 4);
	add_chip(aml, "RTC", "PNP0B00", 0, 0x70, 2, 8);
	aml__end(aml, bridge);
	aml__end(aml, root);
}

void acpi__dsdt(struct aml *aml)
{
	aml_mark mark = aml__begin_scope(aml, "\\_SB");

	add_pci_root(aml);
	aml__end(aml, mark);

	aml__name(aml, "\\_S5");
	mark = aml__begin_package(aml, 4);
	for (unsigned int i = 0; i < 4; i++)
		aml__integer(aml, 0);
	aml__end(aml, mark);
}
