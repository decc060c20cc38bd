/* SPDX-License-Identifier: GPL-2.0 */
/* What a VM keeps for this room, the structures alone: bus.h, coalesced.h. */
#ifndef MINIVMM_IO_STATE_H
#define MINIVMM_IO_STATE_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct coalesced_zones;
struct ioeventfd_table;
struct minivmm_coalesced_mmio_ring;
struct vm;

/* As in the ABI, a bool that says whether it is a port is one of these, too. */
enum bus_kind { BUS_MEMORY = false, BUS_PORTS = true, NR_BUSES };

/* Embedded in what the device has in struct vm. */
struct bus_range {
	u64 base, size;
	/*
	 * One access that begins in the range, up to 8 bytes; at ports one byte. A read sets
	 * all of *@data. Window or outside.
	 */
	void (*access)(struct vm *vm, u64 addr, unsigned int len, bool is_write, u64 *data);
	struct bus_range *next;
};

struct coalesced {
	struct coalesced_zones __rcu *zones;
	raw_spinlock_t ring_lock;
	struct minivmm_coalesced_mmio_ring *ring;	/* one page, shared with userspace */
};

struct bus {
	struct bus_range *ranges[NR_BUSES];	/* vm->lock writes; release/acquire */
	unsigned long blocks[NR_BUSES];		/* where somebody listens, as bits: blocks.h; atomic */
	struct mutex lock;			/* writers of what follows */
	struct ioeventfd_table __rcu *ioeventfds[NR_BUSES];
	struct coalesced coalesced;		/* coalesced.h */
};

#endif /* MINIVMM_IO_STATE_H */
