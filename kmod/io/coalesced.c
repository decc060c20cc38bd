// SPDX-License-Identifier: GPL-2.0
/* Coalesced MMIO and PIO: zones, replaced whole, and the ring. */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../report/explain.h"
#include "../vm.h"
#include "blocks.h"
#include "coalesced.h"

struct coalesced_zones {
	struct rcu_head rcu;
	u32 nr;
	struct minivmm_coalesced_mmio_zone zone[];
};

static_assert(sizeof(struct minivmm_coalesced_mmio_ring) +
	      MINIVMM_COALESCED_MMIO_MAX * sizeof(struct minivmm_coalesced_mmio) <= PAGE_SIZE);

static bool contains(const struct minivmm_coalesced_mmio_zone *zone, bool is_port, u64 addr,
		     u32 len)
{
	return zone->pio == is_port && addr >= zone->addr && len <= zone->size &&
	       addr - zone->addr <= zone->size - len;
}

/* Inside RCU. */
static bool in_zone(struct vm *vm, bool is_port, u64 addr, unsigned int len)
{
	const struct coalesced_zones *zones = rcu_dereference(vm->bus.coalesced.zones);
	bool found = false;
	u32 i;

	for (i = 0; zones && i < zones->nr && !found; i++)
		found = contains(&zones->zone[i], is_port, addr, len);
	return found;
}

/* Userspace may have written anything to the indices: each is read once and bounded. */
static bool push(struct minivmm_coalesced_mmio_ring *ring,
		 const struct minivmm_coalesced_mmio *entry)
{
	u32 last = READ_ONCE(ring->last) % MINIVMM_COALESCED_MMIO_MAX;
	u32 next = (last + 1) % MINIVMM_COALESCED_MMIO_MAX;

	if (next == READ_ONCE(ring->first))
		return false;
	ring->coalesced_mmio[last] = *entry;
	/* The entry is complete before userspace sees it. */
	smp_store_release(&ring->last, next);
	return true;
}

static bool queue(struct coalesced *c, const struct minivmm_coalesced_mmio *entry)
{
	unsigned long flags;
	bool taken;

	raw_spin_lock_irqsave(&c->ring_lock, flags);
	taken = push(c->ring, entry);
	raw_spin_unlock_irqrestore(&c->ring_lock, flags);
	return taken;
}

/* Who takes a zone away waits until what was found in it is in the ring. */
bool coalesced_write(struct vm *vm, bool is_port, u64 addr, unsigned int len, u64 data)
{
	struct minivmm_coalesced_mmio entry = { .phys_addr = addr, .len = len, .pio = is_port };
	bool taken;

	memcpy(entry.data, &data, len);
	rcu_read_lock();
	taken = in_zone(vm, is_port, addr, len) && queue(&vm->bus.coalesced, &entry);
	rcu_read_unlock();
	return taken;
}

static int check_zone(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone)
{
	if (zone->pio > 1)
		return refuse(&vm->error, -EINVAL, "pio", zone->pio, "must be 0 or 1");
	if (!zone->size || zone->addr + zone->size < zone->addr)
		return refuse(&vm->error, -EINVAL, "size", zone->size,
			      "the zone must not be empty and must not wrap");
	return 0;
}

static struct coalesced_zones *alloc_zones(void)
{
	struct coalesced_zones *zones;

	return kzalloc(struct_size(zones, zone, COALESCED_MAX_ZONES), GFP_KERNEL_ACCOUNT);
}

static struct coalesced_zones *current_zones(struct vm *vm)
{
	return rcu_dereference_protected(vm->bus.coalesced.zones,
					 lockdep_is_held(&vm->bus.lock));
}

/* bus.lock held. Returns the old ones. */
static struct coalesced_zones *publish(struct vm *vm, struct coalesced_zones *zones)
{
	return rcu_replace_pointer(vm->bus.coalesced.zones, zones,
				   lockdep_is_held(&vm->bus.lock));
}

static int add_zone(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone)
{
	struct coalesced_zones *old = current_zones(vm), *zones;
	u32 nr = old ? old->nr : 0;

	if (nr == COALESCED_MAX_ZONES)
		return refuse(&vm->error, -ENOSPC, "zone", nr, "at most 100 coalesced zones");
	zones = alloc_zones();
	if (!zones)
		return -ENOMEM;
	if (old)
		memcpy(zones->zone, old->zone, nr * sizeof(*zone));
	zones->zone[nr] = *zone;
	zones->nr = nr + 1;
	publish(vm, zones);
	bus_claim(&vm->bus, zone->pio, zone->addr, zone->size);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

static int drop_zones(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone)
{
	struct coalesced_zones *old = current_zones(vm), *zones;
	u32 i;

	if (!old)
		return 0;
	zones = alloc_zones();
	if (!zones)
		return -ENOMEM;
	for (i = 0; i < old->nr; i++)
		if (!contains(&old->zone[i], zone->pio, zone->addr, zone->size))
			zones->zone[zones->nr++] = old->zone[i];
	if (!zones->nr) {
		kfree(zones);
		zones = NULL;
	}
	publish(vm, zones);
	synchronize_rcu_expedited();
	kfree(old);
	return 0;
}

static int change_zones(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone,
			int (*change)(struct vm *, const struct minivmm_coalesced_mmio_zone *))
{
	int err = check_zone(vm, zone);

	if (err)
		return err;
	mutex_lock(&vm->bus.lock);
	err = change(vm, zone);
	mutex_unlock(&vm->bus.lock);
	return err;
}

int coalesced_register(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone)
{
	return change_zones(vm, zone, add_zone);
}

int coalesced_unregister(struct vm *vm, const struct minivmm_coalesced_mmio_zone *zone)
{
	return change_zones(vm, zone, drop_zones);
}

int coalesced_init(struct vm *vm)
{
	struct coalesced *c = &vm->bus.coalesced;

	raw_spin_lock_init(&c->ring_lock);
	c->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return c->ring ? 0 : -ENOMEM;
}

void coalesced_destroy(struct vm *vm)
{
	kfree(rcu_dereference_protected(vm->bus.coalesced.zones, true));
	free_page((unsigned long)vm->bus.coalesced.ring);
}
