// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * GSI routing table and irqfds; see irq.h. The table is built here and handed to the kernel as a
 * whole at each change, under struct irq's mutex.
 */
#include "irq.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <minivmm.h>

#include "vm.h"

#define PIC_PINS	16
#define MSI_ROUTES	1024
#define FIXED_ROUTES	(PIC_PINS + IRQ_PINS)

struct irq {
	struct vm *vm;
	pthread_mutex_t lock;	/* protects all below */
	struct {
		bool used;
		uint64_t addr;
		uint32_t data;
	} msi[MSI_ROUTES];
	struct minivmm_irq_routing *table;
};

static void add_pin(struct irq *irq, unsigned int gsi, unsigned int chip, unsigned int pin)
{
	struct minivmm_irq_routing_entry *e = &irq->table->entries[irq->table->nr++];

	*e = (struct minivmm_irq_routing_entry){ .gsi = gsi, .type = MINIVMM_IRQ_ROUTING_IRQCHIP };
	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

static void add_message(struct irq *irq, unsigned int i)
{
	struct minivmm_irq_routing_entry *e = &irq->table->entries[irq->table->nr++];

	*e = (struct minivmm_irq_routing_entry){ .gsi = IRQ_PINS + i,
						 .type = MINIVMM_IRQ_ROUTING_MSI };
	e->u.msi.address_lo = (uint32_t)irq->msi[i].addr;
	e->u.msi.address_hi = irq->msi[i].addr >> 32;
	e->u.msi.data = irq->msi[i].data;
}

/* Lock held. */
static int commit(struct irq *irq)
{
	irq->table->nr = 0;
	for (unsigned int i = 0; i < PIC_PINS; i++) {
		/* Pin 2 of the first 8259 is the cascade, not a line. */
		if (i != 2)
			add_pin(irq, i, i < 8 ? MINIVMM_IRQCHIP_PIC_MASTER :
				MINIVMM_IRQCHIP_PIC_SLAVE, i % 8);
	}
	for (unsigned int i = 0; i < IRQ_PINS; i++) {
		if (i != 2)
			add_pin(irq, i, MINIVMM_IRQCHIP_IOAPIC, i ? i : 2);
	}
	for (unsigned int i = 0; i < MSI_ROUTES; i++) {
		if (irq->msi[i].used)
			add_message(irq, i);
	}
	return ioctl(irq->vm->fd, MINIVMM_SET_GSI_ROUTING, irq->table);
}

int irq__create(struct irq **out, struct vm *vm, struct error *err)
{
	struct irq *irq = calloc(1, sizeof(*irq));

	if (irq)
		irq->table = calloc(1, sizeof(*irq->table) + (FIXED_ROUTES + MSI_ROUTES) *
				    sizeof(irq->table->entries[0]));
	if (!irq || !irq->table) {
		free(irq);
		return error__errno(err, "cannot allocate the interrupt routes");
	}
	irq->vm = vm;
	pthread_mutex_init(&irq->lock, NULL);
	if (commit(irq) < 0) {
		error__errno(err, "cannot set the interrupt routes");
		irq__destroy(irq);
		return -1;
	}
	*out = irq;
	return 0;
}

void irq__destroy(struct irq *irq)
{
	if (!irq)
		return;
	pthread_mutex_destroy(&irq->lock);
	free(irq->table);
	free(irq);
}

void irq__set_level(struct irq *irq, unsigned int gsi, bool level)
{
	struct minivmm_irq_level line = { .irq = gsi, .level = level };

	ioctl(irq->vm->fd, MINIVMM_IRQ_LINE, &line);
}

void irq__signal_msi(struct irq *irq, uint64_t addr, uint32_t data)
{
	struct minivmm_msi msi = {
		.address_lo = (uint32_t)addr,
		.address_hi = addr >> 32,
		.data = data,
	};

	ioctl(irq->vm->fd, MINIVMM_SIGNAL_MSI, &msi);
}

/* Lock held. Gives the slot back if the kernel refuses. */
static int add_route(struct irq *irq, uint64_t addr, uint32_t data)
{
	unsigned int i = 0;

	while (i < MSI_ROUTES && irq->msi[i].used)
		i++;
	if (i == MSI_ROUTES) {
		errno = ENOSPC;
		return -1;
	}
	irq->msi[i].used = true;
	irq->msi[i].addr = addr;
	irq->msi[i].data = data;
	if (commit(irq) < 0) {
		irq->msi[i].used = false;
		return -1;
	}
	return IRQ_PINS + i;
}

int irq__route_add(struct irq *irq, uint64_t addr, uint32_t data)
{
	int gsi;

	pthread_mutex_lock(&irq->lock);
	gsi = add_route(irq, addr, data);
	pthread_mutex_unlock(&irq->lock);
	return gsi;
}

int irq__route_update(struct irq *irq, int gsi, uint64_t addr, uint32_t data)
{
	unsigned int i = gsi - IRQ_PINS;
	int ret = 0;

	pthread_mutex_lock(&irq->lock);
	if (irq->msi[i].addr != addr || irq->msi[i].data != data) {
		irq->msi[i].addr = addr;
		irq->msi[i].data = data;
		ret = commit(irq);
	}
	pthread_mutex_unlock(&irq->lock);
	return ret;
}

void irq__route_remove(struct irq *irq, int gsi)
{
	pthread_mutex_lock(&irq->lock);
	irq->msi[gsi - IRQ_PINS].used = false;
	commit(irq);
	pthread_mutex_unlock(&irq->lock);
}

int irq__fd_assign(struct irq *irq, int eventfd, int resamplefd, int gsi)
{
	struct minivmm_irqfd irqfd = { .fd = eventfd, .gsi = gsi };

	if (resamplefd >= 0) {
		irqfd.flags = MINIVMM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = resamplefd;
	}
	return ioctl(irq->vm->fd, MINIVMM_IRQFD, &irqfd);
}

void irq__fd_deassign(struct irq *irq, int eventfd, int gsi)
{
	struct minivmm_irqfd irqfd = {
		.fd = eventfd,
		.gsi = gsi,
		.flags = MINIVMM_IRQFD_FLAG_DEASSIGN,
	};

	ioctl(irq->vm->fd, MINIVMM_IRQFD, &irqfd);
}
