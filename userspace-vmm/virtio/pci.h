/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio over PCI, modern devices only (no legacy interface, no transitional ID).
 *
 * One memory BAR holds the structures of virtio 1.x and the MSI-X table. Each
 * queue has a notification address of its own, answered by the queue's eventfd
 * in the kernel. Interrupts go by MSI-X, or by INTx where the guest leaves that
 * off. Register accesses take the device's lock, interrupts do not.
 */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include "../pci.h"
#include "virtio.h"

struct machine;

struct virtio_pci {
	struct pci_device pci;
	struct virtio_device *dev;
	struct machine *machine;
	unsigned int window;		/* offset of the PCI access capability */

	/* Registers of the common structure; dev->lock. */
	uint32_t offered_select;
	uint32_t negotiated_select;
	uint16_t queue_select;
	uint16_t config_vector;		/* atomic, as is queue_vector */
	uint16_t queue_vector[VIRTIO_MAX_QUEUES];

	pthread_mutex_t isr_lock;	/* isr and the INTx line; innermost */
	uint8_t isr;
};

/*
 * Put a filled device on the machine's PCI bus under the given class code. Both
 * structs are the caller's and must live until virtio_pci__destroy().
 */
int virtio_pci__create(struct virtio_pci *vpci, struct virtio_device *dev, struct machine *m,
		       uint32_t class_code, struct error *err);
void virtio_pci__destroy(struct virtio_pci *vpci);

#endif
