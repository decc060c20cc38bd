/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coalesced MMIO and PIO: guest writes to registered zones are queued in a ring
 * that userspace drains at its next exit, instead of exiting each time.
 *
 * One ring per VM, in the third page of every vCPU's mapping: userspace moves
 * @first, the kernel @last. Zones are RCU-read; writers hold bus.lock, producers
 * the raw @ring_lock.
 */
#ifndef MINIVMM_IO_COALESCED_H
#define MINIVMM_IO_COALESCED_H

#include "state.h"

#define COALESCED_MAX_ZONES	100

struct vm;
struct minivmm_coalesced_mmio_zone;

/* coalesced_init/destroy - at VM creation (ENOMEM) and when no vCPU runs any more. */
int coalesced_init(struct vm *vm);
void coalesced_destroy(struct vm *vm);

/* coalesced_register - EINVAL: pio not 0 or 1, range empty or wraps; ENOSPC; ENOMEM. May sleep. */
int coalesced_register(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone);

/*
 * coalesced_unregister - drop every zone that contains @zone, if any: no write is queued by
 * them after the return. Errors as above.
 */
int coalesced_unregister(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone);

/*
 * coalesced_write - the guest wrote @len bytes (at most 8) at @addr: whether it is
 * in the ring now. False outside of all zones and when the ring is full. Window or outside.
 */
bool coalesced_write(struct vm *vm, bool is_port, u64 addr, unsigned int len, u64 data);

#endif /* MINIVMM_IO_COALESCED_H */
