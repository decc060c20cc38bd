/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where on a bus anybody listens, roughly: in blocks of 16 ports or 1 MiB, of which each belongs to
 * one of a word's bits. Few have anybody, so most accesses that are for userspace are known by it.
 */
#ifndef MINIVMM_IO_BLOCKS_H
#define MINIVMM_IO_BLOCKS_H

#include <linux/bitops.h>

#include "state.h"

static inline u64 bus_block(enum bus_kind kind, u64 addr)
{
	return addr >> (kind == BUS_PORTS ? 4 : 20);
}

/* bus_may_take - false: nobody listens at @addr. Any level. */
static inline bool bus_may_take(const struct bus *bus, enum bus_kind kind, u64 addr)
{
	return smp_load_acquire(&bus->blocks[kind]) >> (bus_block(kind, addr) % BITS_PER_LONG) & 1;
}

/*
 * bus_claim - somebody listens in these blocks from now on, for as long as the VM lives; it is
 * there already. @size is not 0. Any level.
 */
static inline void bus_claim(struct bus *bus, enum bus_kind kind, u64 base, u64 size)
{
	u64 first = bus_block(kind, base), last = bus_block(kind, base + size - 1), i;

	smp_mb__before_atomic();	/* pairs with bus_may_take() */
	for (i = 0; i <= last - first && i < BITS_PER_LONG; i++)
		set_bit((first + i) % BITS_PER_LONG, &bus->blocks[kind]);
}

#endif /* MINIVMM_IO_BLOCKS_H */
