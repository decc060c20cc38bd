/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between pci.c and msix.c only. */
#ifndef MINIVMM_PCI_INTERNAL_H
#define MINIVMM_PCI_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pci.h"

struct pci {
	struct machine *m;
	pthread_mutex_t lock;		/* address, devices and their configuration, MSI-X tables */
	uint32_t address;		/* the register at 0xcf8 */
	struct pci_device *devices[PCI_SLOTS * 8];

	pthread_mutex_t intx_lock;	/* pirq_*, intx_* of the devices; inner to lock */
	int pirq_gsi[PCI_PIRQS];
	unsigned int pirq_users[PCI_PIRQS];	/* devices that assert it */
};

/* True if [offset, offset + size) of @bar is MSI-X's; then it was answered. */
bool msix__read(struct pci_bar *bar, uint64_t offset, unsigned int size, uint64_t *value);
bool msix__write(struct pci_bar *bar, uint64_t offset, unsigned int size, uint64_t value);

/* Follows a change of the capability's control word. Lock held. */
void msix__config_written(struct pci_device *dev);
/* Detaches and frees the vectors. vCPUs have ended. */
void msix__remove(struct pci_device *dev);

#endif
