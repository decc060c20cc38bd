/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI bus 0: configuration space (mechanism #1), BARs, capabilities, MSI-X and INTx.
 *
 * A device fills a struct pci_device (identity, BARs), adds capabilities, then registers it; the
 * struct lives in the device's own state and must outlive the machine's vCPUs. Everything else
 * (BAR decoding, command register, MSI-X table, INTx swizzle) happens here.
 *
 * Locks: configuration accesses and MSI-X table accesses run under the bus's mutex, so map, unmap
 * and the config hooks are called with it held and must not call pci__*; BAR handlers and
 * pci__msix_notify() / pci__set_intx() run without it and may be called from any thread.
 */
#ifndef MINIVMM_PCI_H
#define MINIVMM_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "error.h"

#define PCI_CONFIG_SIZE		256
#define PCI_BARS		6
#define PCI_SLOTS		32
#define PCI_SLOT_ANY		(-1)

struct machine;
struct pci;
struct pci_device;

enum pci_bar_kind {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64,		/* takes this BAR and the next */
};

struct pci_bar {
	/* Set by the device before pci__register(). */
	enum pci_bar_kind kind;
	uint64_t size;			/* power of two; >= 4 for I/O, >= 4096 for memory */
	const struct bus_ops *ops;	/* offset is relative to the BAR */
	void *ctx;
	/* Optional: the BAR now answers at @addr / no longer does (for eventfds on the bus). */
	void (*map)(void *ctx, uint64_t addr);
	void (*unmap)(void *ctx, uint64_t addr);

	/* Owned by pci.c. */
	struct pci_device *dev;
	uint64_t addr;			/* where it is mapped */
	bool mapped;
};

struct pci_msix_vector {
	int fd;				/* eventfd: signal it to raise the vector */
	int gsi;			/* route, or -1 */
	uint32_t table[4];		/* addr lo, addr hi, data, control */
	bool attached;			/* irqfd assigned */
};

struct pci_device {
	/* Set by the device before pci__register(). */
	const char *name;
	uint16_t vendor_id, device_id;
	uint16_t subsystem_vendor_id, subsystem_id;
	uint8_t revision;
	uint32_t class_code;		/* 24 bits: class, subclass, interface */
	bool has_intx;			/* pin A (function n: pin A + n) */
	struct pci_bar bar[PCI_BARS];
	/*
	 * Optional hooks: config_write runs after the writable bits were stored; config_read may
	 * replace @value, which was read from the store.
	 */
	void *ctx;
	void (*config_write)(void *ctx, unsigned int offset, unsigned int size, uint32_t value);
	uint32_t (*config_read)(void *ctx, unsigned int offset, unsigned int size,
				uint32_t value);

	/* Readable by the device, written by pci.c and pci__add_capability(). */
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];	/* mask of bits the guest may change */

	/* Owned by pci.c. */
	struct pci *pci;
	uint8_t devfn;
	uint8_t last_capability;
	uint8_t capability_end;
	bool intx_level, intx_disabled, intx_asserted;
	struct pci_msix_vector *msix;
	unsigned int msix_vectors;
	unsigned int msix_bar;
	uint32_t msix_table_offset, msix_pba_offset;
	uint8_t msix_capability;
	bool msix_enabled;
};

int pci__create(struct pci **pci, struct machine *m, struct error *err);
void pci__destroy(struct pci *pci);

/*
 * Appends a capability: @body is what follows id and next pointer (@len bytes), @writable (may be
 * NULL: all read-only) the mask of bits the guest may change in it. Before pci__register().
 * Returns its offset in configuration space; the space is the caller's to keep (192 bytes).
 */
unsigned int pci__add_capability(struct pci_device *dev, uint8_t id, const void *body,
				 unsigned int len, const void *writable);

/*
 * Adds an MSI-X capability with @vectors vectors whose table (16 bytes each) and pending bits lie
 * in BAR @bar at the given offsets (multiples of 8); accesses to these are answered by pci.c and do
 * not reach the BAR's handler. Before pci__register(). -1 with @err if eventfds run out.
 */
int pci__add_msix(struct pci_device *dev, unsigned int bar, unsigned int vectors,
		  uint32_t table_offset, uint32_t pba_offset, struct error *err);

/*
 * Puts the device at @slot, or at the first free one for PCI_SLOT_ANY, function @function.
 * -1 with @err if there is no room.
 */
int pci__register(struct pci *pci, struct pci_device *dev, int slot, unsigned int function,
		  struct error *err);
/* Undoes pci__register() and pci__add_msix(); after the vCPUs have ended. */
void pci__unregister(struct pci_device *dev);

/* Whether the guest enabled MSI-X; if not, use INTx. */
bool pci__msix_enabled(const struct pci_device *dev);
/* Raises @vector; pending while masked. Ignored if @vector is not below the number of vectors. */
void pci__msix_notify(struct pci_device *dev, unsigned int vector);
/* The eventfd behind pci__msix_notify(), for whoever wants to signal it directly. */
int pci__msix_fd(const struct pci_device *dev, unsigned int vector);
/* Drives the INTx line; levels of devices sharing a line are ORed. */
void pci__set_intx(struct pci_device *dev, bool level);

/* The ISA bridge routes PIRQ A to D (@pirq 0 to 3) to @gsi, or nowhere (-1). A config hook may. */
#define PCI_PIRQS	4
void pci__route_pirq(struct pci *pci, unsigned int pirq, int gsi);

/* One configuration access, as through 0xcf8/0xcfc. @size 1, 2 or 4. */
uint32_t pci__config_read(struct pci *pci, uint32_t address, unsigned int size);
void pci__config_write(struct pci *pci, uint32_t address, unsigned int size, uint32_t value);

#endif
