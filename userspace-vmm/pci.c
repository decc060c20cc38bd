// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI bus 0 and its configuration ports; see pci.h. MSI-X lives in msix.c. Configuration space is
 * under pci->lock, the interrupt lines under pci->intx_lock (inner).
 */
#include "pci.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "pci_internal.h"

#define CONFIG_PORTS		0xcf8
#define CONFIG_PORTS_LENGTH	8
#define ADDRESS_SIZE		4	/* of the address register; the data register follows */
#define ADDRESS_ENABLE		0x80000000u
#define ADDRESS_BUS(a)		(((a) >> 16) & 0xff)
#define ADDRESS_DEVFN(a)	(((a) >> 8) & 0xff)
#define ADDRESS_OFFSET(a)	((a) & 0xff)
#define RESET_OFFSET		1	/* port 0xcf9 */
#define RESET_CPU		0x04

#define REG_VENDOR		0x00
#define REG_DEVICE		0x02
#define REG_COMMAND		0x04
#define REG_STATUS		0x06
#define REG_REVISION		0x08
#define REG_HEADER_TYPE		0x0e
#define REG_BAR(n)		(0x10 + 4 * (n))
#define REG_SUBSYSTEM_VENDOR	0x2c
#define REG_SUBSYSTEM		0x2e
#define REG_CAPABILITIES	0x34
#define REG_INTERRUPT_LINE	0x3c
#define REG_INTERRUPT_PIN	0x3d
#define FIRST_CAPABILITY	0x40

#define COMMAND_IO		0x0001
#define COMMAND_MEMORY		0x0002
#define COMMAND_NO_INTX		0x0400
#define COMMAND_WRITABLE	0x0547	/* I/O, memory, master, parity, SERR, INTx disable */
#define STATUS_INTERRUPT	0x0008
#define STATUS_CAPABILITIES	0x0010
#define HEADER_MULTIFUNCTION	0x80
#define BAR_IO			0x1
#define BAR_MEM64		0x4
#define BAR_IO_FLAGS		0x3ULL
#define BAR_MEM_FLAGS		0xfULL

static uint16_t get16(const struct pci_device *dev, unsigned int at)
{
	uint16_t value;

	memcpy(&value, dev->config + at, sizeof(value));
	return le16toh(value);
}

static uint32_t get32(const struct pci_device *dev, unsigned int at)
{
	uint32_t value;

	memcpy(&value, dev->config + at, sizeof(value));
	return le32toh(value);
}

static void put16(uint8_t *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

/* BAR handlers: MSI-X structures are ours, the rest is the device's. */

static uint64_t bar_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct pci_bar *bar = ctx;
	uint64_t value;

	if (msix__read(bar, offset, size, &value))
		return value;
	return bar->ops->read(bar->ctx, offset, size);
}

static void bar_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_bar *bar = ctx;

	if (!msix__write(bar, offset, size, value))
		bar->ops->write(bar->ctx, offset, size, value);
}

static const struct bus_ops bar_ops = { .read = bar_read, .write = bar_write };

static struct bus *bar_bus(const struct pci_bar *bar)
{
	struct machine *m = bar->dev->pci->m;

	return bar->kind == PCI_BAR_IO ? m->pio : m->mmio;
}

/* Where the BAR shall answer now; false: nowhere. */
static bool bar_wanted(const struct pci_device *dev, unsigned int i, uint64_t *addr)
{
	const struct pci_bar *bar = &dev->bar[i];
	uint16_t command = get16(dev, REG_COMMAND);

	switch (bar->kind) {
	case PCI_BAR_IO:
		*addr = get32(dev, REG_BAR(i)) & ~BAR_IO_FLAGS;
		return command & COMMAND_IO && *addr;
	case PCI_BAR_MEM32:
		*addr = get32(dev, REG_BAR(i)) & ~BAR_MEM_FLAGS;
		return command & COMMAND_MEMORY && *addr;
	case PCI_BAR_MEM64:
		*addr = get32(dev, REG_BAR(i)) & ~BAR_MEM_FLAGS;
		*addr |= (uint64_t)get32(dev, REG_BAR(i + 1)) << 32;
		return command & COMMAND_MEMORY && *addr;
	default:
		return false;
	}
}

static void unmap_bar(struct pci_bar *bar)
{
	if (!bar->mapped)
		return;
	bar->mapped = false;
	if (bar->unmap)
		bar->unmap(bar->ctx, bar->addr);
	bus__remove(bar_bus(bar), bar->addr);
}

/* An address that overlaps another range (as while the guest sizes the BAR) does not answer. */
static void map_bar(struct pci_bar *bar, uint64_t addr)
{
	if (bus__add(bar_bus(bar), addr, bar->size, &bar_ops, bar) < 0)
		return;
	bar->addr = addr;
	bar->mapped = true;
	if (bar->map)
		bar->map(bar->ctx, addr);
}

static void update_bars(struct pci_device *dev)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &dev->bar[i];
		uint64_t addr = 0;
		bool wanted = bar_wanted(dev, i, &addr);

		if (wanted == bar->mapped && (!wanted || addr == bar->addr))
			continue;
		unmap_bar(bar);
		if (wanted)
			map_bar(bar, addr);
	}
}

/* Interrupt lines. */

/* intx_lock held. */
static void update_gsi(struct pci *pci, int gsi)
{
	bool level = false;

	if (gsi < 0)
		return;
	for (unsigned int i = 0; i < PCI_PIRQS; i++)
		level = level || (pci->pirq_gsi[i] == gsi && pci->pirq_users[i]);
	irq__set_level(pci->m->irq, gsi, level);
}

void pci__route_pirq(struct pci *pci, unsigned int pirq, int gsi)
{
	int old;

	pthread_mutex_lock(&pci->intx_lock);
	old = pci->pirq_gsi[pirq];
	pci->pirq_gsi[pirq] = gsi;
	if (old != gsi) {
		update_gsi(pci, old);
		update_gsi(pci, gsi);
	}
	pthread_mutex_unlock(&pci->intx_lock);
}

/* A PC rotates the pins slot by slot; slot 1 has A on PIRQ A. */
static unsigned int pirq_of(const struct pci_device *dev)
{
	unsigned int slot = dev->devfn >> 3, pin = dev->devfn & 3;

	return (slot + PCI_PIRQS - 1 + pin) % PCI_PIRQS;
}

/* Asserts the line while the device wants it and the guest has not disabled it. intx_lock held. */
static void update_intx(struct pci_device *dev)
{
	bool assert = dev->intx_level && !dev->intx_disabled;
	unsigned int pirq = pirq_of(dev);

	if (assert == dev->intx_asserted)
		return;
	dev->intx_asserted = assert;
	dev->pci->pirq_users[pirq] += assert ? 1 : -1;
	update_gsi(dev->pci, dev->pci->pirq_gsi[pirq]);
}

void pci__set_intx(struct pci_device *dev, bool level)
{
	struct pci *pci = dev->pci;

	pthread_mutex_lock(&pci->intx_lock);
	dev->intx_level = level;
	update_intx(dev);
	pthread_mutex_unlock(&pci->intx_lock);
}

/* Follows the command register. pci->lock held. */
static void intx_config_written(struct pci_device *dev)
{
	pthread_mutex_lock(&dev->pci->intx_lock);
	dev->intx_disabled = get16(dev, REG_COMMAND) & COMMAND_NO_INTX;
	update_intx(dev);
	pthread_mutex_unlock(&dev->pci->intx_lock);
}

/* Puts the line's level into the status register, which shows it even while disabled. */
static void refresh_status(struct pci_device *dev)
{
	pthread_mutex_lock(&dev->pci->intx_lock);
	dev->config[REG_STATUS] &= ~STATUS_INTERRUPT;
	if (dev->intx_level)
		dev->config[REG_STATUS] |= STATUS_INTERRUPT;
	pthread_mutex_unlock(&dev->pci->intx_lock);
}

/* Configuration space. */

static struct pci_device *find(struct pci *pci, uint32_t address)
{
	if (!(address & ADDRESS_ENABLE) || ADDRESS_BUS(address))
		return NULL;
	return pci->devices[ADDRESS_DEVFN(address)];
}

static uint32_t read_store(const struct pci_device *dev, unsigned int at, unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, dev->config + at, size);
	return le32toh(value);
}

uint32_t pci__config_read(struct pci *pci, uint32_t address, unsigned int size)
{
	unsigned int at = ADDRESS_OFFSET(address);
	struct pci_device *dev;
	uint32_t value = ~0u;

	pthread_mutex_lock(&pci->lock);
	dev = find(pci, address);
	if (dev && at + size <= PCI_CONFIG_SIZE) {
		refresh_status(dev);
		value = read_store(dev, at, size);
		if (dev->config_read)
			value = dev->config_read(dev->ctx, at, size, value);
	}
	pthread_mutex_unlock(&pci->lock);
	return value;
}

static void write_store(struct pci_device *dev, unsigned int at, unsigned int size, uint32_t value)
{
	for (unsigned int i = at; i < at + size; i++, value >>= 8)
		dev->config[i] = (dev->config[i] & ~dev->writable[i]) |
				 (value & dev->writable[i]);
}

void pci__config_write(struct pci *pci, uint32_t address, unsigned int size, uint32_t value)
{
	unsigned int at = ADDRESS_OFFSET(address);
	struct pci_device *dev;

	pthread_mutex_lock(&pci->lock);
	dev = find(pci, address);
	if (dev && at + size <= PCI_CONFIG_SIZE) {
		write_store(dev, at, size, value);
		update_bars(dev);
		intx_config_written(dev);
		msix__config_written(dev);
		if (dev->config_write)
			dev->config_write(dev->ctx, at, size, value);
	}
	pthread_mutex_unlock(&pci->lock);
}

/* Ports: dword at 0xcf8 is the address, byte at 0xcf9 the reset control, 0xcfc the data. */

static uint64_t ports_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct pci *pci = ctx;
	uint32_t address;

	pthread_mutex_lock(&pci->lock);
	address = pci->address;
	pthread_mutex_unlock(&pci->lock);

	if (offset >= ADDRESS_SIZE)
		return pci__config_read(pci, (address & ~3u) + (offset - ADDRESS_SIZE), size);
	if (offset == 0 && size == ADDRESS_SIZE)
		return address;
	return offset == RESET_OFFSET && size == 1 ? 0 : ~0ULL;
}

static void ports_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci *pci = ctx;
	uint32_t address;

	pthread_mutex_lock(&pci->lock);
	if (offset == 0 && size == ADDRESS_SIZE)
		pci->address = value;
	address = pci->address;
	pthread_mutex_unlock(&pci->lock);

	if (offset >= ADDRESS_SIZE)
		pci__config_write(pci, (address & ~3u) + (offset - ADDRESS_SIZE), size, value);
	else if (offset == RESET_OFFSET && size == 1 && value & RESET_CPU)
		machine__request_reset(pci->m);
}

static const struct bus_ops port_ops = { .read = ports_read, .write = ports_write };

int pci__create(struct pci **out, struct machine *m, struct error *err)
{
	struct pci *pci = calloc(1, sizeof(*pci));

	if (!pci)
		return error__errno(err, "cannot allocate the PCI bus");
	pci->m = m;
	pthread_mutex_init(&pci->lock, NULL);
	pthread_mutex_init(&pci->intx_lock, NULL);
	for (unsigned int i = 0; i < PCI_PIRQS; i++)
		pci->pirq_gsi[i] = -1;
	if (bus__add(m->pio, CONFIG_PORTS, CONFIG_PORTS_LENGTH, &port_ops, pci) < 0) {
		error__errno(err, "the PCI configuration ports are taken");
		pci__destroy(pci);
		return -1;
	}
	*out = pci;
	return 0;
}

void pci__destroy(struct pci *pci)
{
	if (!pci)
		return;
	pthread_mutex_destroy(&pci->intx_lock);
	pthread_mutex_destroy(&pci->lock);
	free(pci);
}

unsigned int pci__add_capability(struct pci_device *dev, uint8_t id, const void *body,
				 unsigned int len, const void *writable)
{
	unsigned int at = dev->capability_end ? dev->capability_end : FIRST_CAPABILITY;
	unsigned int link = dev->last_capability ? dev->last_capability + 1 : REG_CAPABILITIES;

	dev->config[link] = at;
	dev->config[at] = id;
	memcpy(dev->config + at + 2, body, len);
	if (writable)
		memcpy(dev->writable + at + 2, writable, len);
	dev->config[REG_STATUS] |= STATUS_CAPABILITIES;
	dev->last_capability = at;
	dev->capability_end = (at + 2 + len + 3) & ~3u;
	return at;
}

static void fill_bar(struct pci_device *dev, unsigned int i)
{
	struct pci_bar *bar = &dev->bar[i];
	uint64_t mask = ~(bar->size - 1);

	bar->dev = dev;
	switch (bar->kind) {
	case PCI_BAR_NONE:
		return;
	case PCI_BAR_IO:
		put32(dev->config + REG_BAR(i), BAR_IO);
		put32(dev->writable + REG_BAR(i), mask & ~BAR_IO_FLAGS);
		return;
	case PCI_BAR_MEM64:
		put32(dev->config + REG_BAR(i), BAR_MEM64);
		put32(dev->writable + REG_BAR(i + 1), mask >> 32);
		/* fallthrough */
	case PCI_BAR_MEM32:
		put32(dev->writable + REG_BAR(i), mask & ~BAR_MEM_FLAGS);
		return;
	}
}

static void fill_header(struct pci_device *dev, unsigned int function)
{
	put16(dev->config + REG_VENDOR, dev->vendor_id);
	put16(dev->config + REG_DEVICE, dev->device_id);
	put32(dev->config + REG_REVISION, dev->class_code << 8 | dev->revision);
	put16(dev->config + REG_SUBSYSTEM_VENDOR, dev->subsystem_vendor_id);
	put16(dev->config + REG_SUBSYSTEM, dev->subsystem_id);
	put16(dev->writable + REG_COMMAND, COMMAND_WRITABLE);
	dev->writable[REG_INTERRUPT_LINE] = 0xff;
	if (dev->has_intx)
		dev->config[REG_INTERRUPT_PIN] = 1 + function % 4;
	for (unsigned int i = 0; i < PCI_BARS; i++)
		fill_bar(dev, i);
}

static int choose_slot(const struct pci *pci, int slot)
{
	if (slot != PCI_SLOT_ANY)
		return slot;
	for (slot = 0; slot < PCI_SLOTS; slot++) {
		if (!pci->devices[slot << 3])
			return slot;
	}
	return -1;
}

int pci__register(struct pci *pci, struct pci_device *dev, int slot, unsigned int function,
		  struct error *err)
{
	int ret = 0;

	pthread_mutex_lock(&pci->lock);
	slot = choose_slot(pci, slot);
	if (slot < 0 || pci->devices[slot << 3 | function]) {
		ret = error__set(err, STATUS_HOST, "no free PCI slot for %s", dev->name);
	} else {
		dev->pci = pci;
		dev->devfn = slot << 3 | function;
		fill_header(dev, function);
		pci->devices[dev->devfn] = dev;
		if (function && pci->devices[slot << 3])
			pci->devices[slot << 3]->config[REG_HEADER_TYPE] |= HEADER_MULTIFUNCTION;
	}
	pthread_mutex_unlock(&pci->lock);
	return ret;
}

void pci__unregister(struct pci_device *dev)
{
	struct pci *pci = dev->pci;

	if (pci) {
		pthread_mutex_lock(&pci->lock);
		for (unsigned int i = 0; i < PCI_BARS; i++)
			unmap_bar(&dev->bar[i]);
		pci->devices[dev->devfn] = NULL;
		pthread_mutex_unlock(&pci->lock);
	}
	msix__remove(dev);
	dev->pci = NULL;
}
