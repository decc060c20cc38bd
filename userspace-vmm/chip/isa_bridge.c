// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Intel PIIX3 ISA bridge: routes the PCI interrupt lines to GSIs, and port 0x92 (fast A20, reset).
 * All state is its configuration space. The A20 gate is always open.
 */
#include <stdlib.h>

#include "acpi/acpi.h"
#include "chip/chipset.h"
#include "device.h"
#include "machine.h"

#define REG_PIRQ_A		0x60
#define PIRQ_DISABLED		0x80
#define PIRQ_IRQ		0x0f
#define PORT_92			0x92
#define PORT_92_RESET		0x01
#define PORT_92_A20		0x02

#define ADDRESS(function, reg)	(0x80000000u | CHIPSET_ISA_SLOT << 11 | (function) << 8 | (reg))
#define REG_PM_BASE		0x40
#define REG_PM_ENABLE		0x80

struct isa_bridge {
	struct machine *m;
	struct pci_device pci;
};

static void config_write(void *ctx, unsigned int offset, unsigned int size, uint32_t value)
{
	struct isa_bridge *b = ctx;

	(void)value;
	for (unsigned int reg = offset; reg < offset + size; reg++) {
		unsigned int pirq = reg - REG_PIRQ_A;
		uint8_t route;

		if (pirq >= PCI_PIRQS)
			continue;
		route = b->pci.config[reg];
		pci__route_pirq(b->m->pci, pirq, route & PIRQ_DISABLED ? -1 : route & PIRQ_IRQ);
	}
}

static uint64_t port_92_read(void *ctx, uint64_t offset, unsigned int size)
{
	(void)ctx;
	(void)offset;
	(void)size;
	return PORT_92_A20;
}

static void port_92_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct isa_bridge *b = ctx;

	(void)offset;
	(void)size;
	if (value & PORT_92_RESET)
		machine__request_reset(b->m);
}

static const struct bus_ops port_92_ops = { .read = port_92_read, .write = port_92_write };

void chipset__setup_without_firmware(struct machine *m)
{
	static const uint8_t irqs[PCI_PIRQS] = CHIPSET_PIRQ_GSI;

	for (unsigned int i = 0; i < PCI_PIRQS; i++)
		pci__config_write(m->pci, ADDRESS(0, REG_PIRQ_A + i), 1, irqs[i]);
	pci__config_write(m->pci, ADDRESS(CHIPSET_PM_FUNCTION, REG_PM_BASE), 4,
			  ACPI_PM_BASE);
	pci__config_write(m->pci, ADDRESS(CHIPSET_PM_FUNCTION, REG_PM_ENABLE), 1, 1);
}

static int isa_bridge_create(struct machine *m, void **state, struct error *err)
{
	struct isa_bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return error__errno(err, "cannot allocate the ISA bridge");
	b->m = m;
	b->pci = (struct pci_device){
		.name = "ISA bridge",
		.vendor_id = 0x8086,
		.device_id = 0x7000,
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x1100,
		.class_code = 0x060100,
		.ctx = b,
		.config_write = config_write,
	};
	for (unsigned int i = 0; i < PCI_PIRQS; i++) {
		b->pci.config[REG_PIRQ_A + i] = PIRQ_DISABLED;
		b->pci.writable[REG_PIRQ_A + i] = PIRQ_DISABLED | PIRQ_IRQ;
	}
	if (pci__register(m->pci, &b->pci, CHIPSET_ISA_SLOT, 0, err) < 0)
		goto fail;
	if (bus__add(m->pio, PORT_92, 1, &port_92_ops, b) < 0) {
		pci__unregister(&b->pci);
		error__errno(err, "port 0x92 is taken");
		goto fail;
	}
	*state = b;
	return 0;
fail:
	free(b);
	return -1;
}

static void isa_bridge_destroy(void *state)
{
	struct isa_bridge *b = state;

	pci__unregister(&b->pci);
	free(b);
}

static const struct device_type isa_bridge = {
	.name = "1 ISA bridge",
	.order = DEVICE_CHIPSET,
	.create = isa_bridge_create,
	.destroy = isa_bridge_destroy,
};
DEVICE_REGISTER(isa_bridge);
