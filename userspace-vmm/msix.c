// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI-X: each vector is an eventfd. While the vector is unmasked an irqfd turns its signals into
 * messages in the kernel; while it is masked the signal stays in the eventfd, which thus is the
 * pending bit. Tables are under pci->lock; pci__msix_notify() takes no lock.
 */
#include <errno.h>
#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "machine.h"
#include "pci_internal.h"

#define CAPABILITY_ID		0x11
#define CAPABILITY_BODY		10	/* control, table, pending bits */
#define CONTROL_AT		2	/* from the capability's start */
#define CONTROL_MASK_ALL	0x4000
#define CONTROL_ENABLE		0x8000
#define ENTRY_SIZE		16
#define ENTRY_CONTROL		3
#define ENTRY_MASKED		1u

int pci__add_msix(struct pci_device *dev, unsigned int bar, unsigned int vectors,
		  uint32_t table_offset, uint32_t pba_offset, struct error *err)
{
	struct { uint16_t control; uint32_t table, pba; } __attribute__((packed)) body = {
		htole16(vectors - 1), htole32(table_offset | bar), htole32(pba_offset | bar),
	};
	static const uint8_t writable[CAPABILITY_BODY] = {
		0, (CONTROL_ENABLE | CONTROL_MASK_ALL) >> 8,
	};

	_Static_assert(sizeof(body) == CAPABILITY_BODY, "layout");
	dev->msix = calloc(vectors, sizeof(dev->msix[0]));
	if (!dev->msix)
		return error__errno(err, "cannot allocate interrupt vectors");
	for (dev->msix_vectors = 0; dev->msix_vectors < vectors; dev->msix_vectors++) {
		struct pci_msix_vector *v = &dev->msix[dev->msix_vectors];

		v->gsi = -1;
		v->table[ENTRY_CONTROL] = ENTRY_MASKED;
		v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (v->fd < 0) {
			error__errno(err, "cannot create an eventfd for %s", dev->name);
			msix__remove(dev);
			return -1;
		}
	}
	dev->msix_bar = bar;
	dev->msix_table_offset = table_offset;
	dev->msix_pba_offset = pba_offset;
	dev->msix_capability = pci__add_capability(dev, CAPABILITY_ID, &body, sizeof(body),
						   writable);
	return 0;
}

static uint16_t control_word(const struct pci_device *dev)
{
	uint16_t control;

	memcpy(&control, dev->config + dev->msix_capability + CONTROL_AT, sizeof(control));
	return le16toh(control);
}

/* Brings route and irqfd of a vector in line with its table entry and the control word. */
static void update_vector(struct pci_device *dev, struct pci_msix_vector *v, uint16_t control)
{
	struct irq *irq = dev->pci->m->irq;
	uint64_t addr = (uint64_t)v->table[1] << 32 | v->table[0];
	bool open = (control & (CONTROL_ENABLE | CONTROL_MASK_ALL)) == CONTROL_ENABLE &&
		    !(v->table[ENTRY_CONTROL] & ENTRY_MASKED);

	if (!open) {
		if (v->attached)
			irq__fd_deassign(irq, v->fd, v->gsi);
		v->attached = false;
		return;
	}
	if (v->gsi < 0)
		v->gsi = irq__route_add(irq, addr, v->table[2]);
	else
		irq__route_update(irq, v->gsi, addr, v->table[2]);
	if (!v->attached && v->gsi >= 0)
		v->attached = !irq__fd_assign(irq, v->fd, -1, v->gsi);
}

void msix__config_written(struct pci_device *dev)
{
	uint16_t control;

	if (!dev->msix)
		return;
	control = control_word(dev);
	__atomic_store_n(&dev->msix_enabled, !!(control & CONTROL_ENABLE), __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < dev->msix_vectors; i++)
		update_vector(dev, &dev->msix[i], control);
}

void msix__remove(struct pci_device *dev)
{
	if (!dev->msix)
		return;
	for (unsigned int i = 0; i < dev->msix_vectors; i++) {
		struct pci_msix_vector *v = &dev->msix[i];

		if (v->attached)
			irq__fd_deassign(dev->pci->m->irq, v->fd, v->gsi);
		if (v->gsi >= 0)
			irq__route_remove(dev->pci->m->irq, v->gsi);
		close(v->fd);
	}
	free(dev->msix);
	dev->msix = NULL;
	dev->msix_vectors = 0;
}

static bool pending(const struct pci_msix_vector *v)
{
	struct pollfd poll_fd = { .fd = v->fd, .events = POLLIN };

	return !v->attached && poll(&poll_fd, 1, 0) == 1;
}

static uint64_t read_pending(const struct pci_device *dev, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8 * size; i++) {
		uint64_t vector = 8 * offset + i;

		if (vector < dev->msix_vectors && pending(&dev->msix[vector]))
			value |= 1ULL << i;
	}
	return value;
}

/* Aligned accesses of 4 or 8 bytes are defined; others read zero and write nothing. */
static bool proper(uint64_t offset, unsigned int size)
{
	return size >= 4 && !(offset % size);
}

static uint64_t read_table(const struct pci_device *dev, uint64_t offset, unsigned int size)
{
	const struct pci_msix_vector *v = &dev->msix[offset / ENTRY_SIZE];
	unsigned int word = offset % ENTRY_SIZE / 4;

	if (!proper(offset, size))
		return 0;
	if (size == 4)
		return v->table[word];
	return (uint64_t)v->table[word + 1] << 32 | v->table[word];
}

static void write_table(struct pci_device *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_msix_vector *v = &dev->msix[offset / ENTRY_SIZE];
	unsigned int word = offset % ENTRY_SIZE / 4;

	if (!proper(offset, size))
		return;
	v->table[word] = value;
	if (size == 8)
		v->table[word + 1] = value >> 32;
	update_vector(dev, v, control_word(dev));
}

/* Whether the access lies in [start, start + length). */
static bool within(uint64_t offset, unsigned int size, uint64_t start, uint64_t length)
{
	return offset >= start && offset + size <= start + length;
}

static bool in_table(const struct pci_device *dev, uint64_t offset, unsigned int size)
{
	return within(offset, size, dev->msix_table_offset,
		      (uint64_t)dev->msix_vectors * ENTRY_SIZE);
}

static bool in_pending(const struct pci_device *dev, uint64_t offset, unsigned int size)
{
	return within(offset, size, dev->msix_pba_offset, (dev->msix_vectors + 63) / 64 * 8);
}

/* Table and pending bits are where they are for good: no lock. */
static bool is_msix(const struct pci_bar *bar, uint64_t offset, unsigned int size)
{
	const struct pci_device *dev = bar->dev;

	return dev->msix && bar == &dev->bar[dev->msix_bar] &&
	       (in_table(dev, offset, size) || in_pending(dev, offset, size));
}

bool msix__read(struct pci_bar *bar, uint64_t offset, unsigned int size, uint64_t *value)
{
	struct pci_device *dev = bar->dev;

	if (!is_msix(bar, offset, size))
		return false;
	pthread_mutex_lock(&dev->pci->lock);
	if (in_table(dev, offset, size))
		*value = read_table(dev, offset - dev->msix_table_offset, size);
	else
		*value = read_pending(dev, offset - dev->msix_pba_offset, size);
	pthread_mutex_unlock(&dev->pci->lock);
	return true;
}

bool msix__write(struct pci_bar *bar, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_device *dev = bar->dev;

	if (!is_msix(bar, offset, size))
		return false;
	pthread_mutex_lock(&dev->pci->lock);
	if (in_table(dev, offset, size))
		write_table(dev, offset - dev->msix_table_offset, size, value);
	pthread_mutex_unlock(&dev->pci->lock);
	return true;
}

bool pci__msix_enabled(const struct pci_device *dev)
{
	return __atomic_load_n(&dev->msix_enabled, __ATOMIC_ACQUIRE);
}

int pci__msix_fd(const struct pci_device *dev, unsigned int vector)
{
	return vector < dev->msix_vectors ? dev->msix[vector].fd : -1;
}

void pci__msix_notify(struct pci_device *dev, unsigned int vector)
{
	uint64_t one = 1;

	if (vector >= dev->msix_vectors)
		return;
	if (write(dev->msix[vector].fd, &one, sizeof(one)) < 0)
		return;	/* the counter is full: it is pending anyway */
}
