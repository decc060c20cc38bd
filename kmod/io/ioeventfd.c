// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfds: tables sorted by address, replaced whole. A removed entry's eventfd
 * is put after a grace period, when no vCPU can be signalling it any more.
 */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../report/explain.h"
#include "../vm.h"
#include "blocks.h"
#include "ioeventfd.h"

struct ioeventfd {
	u64 addr;
	u64 datamatch;
	struct eventfd_ctx *eventfd;
	u32 len;		/* 0: any */
	bool any_data;
};

struct ioeventfd_table {
	struct rcu_head rcu;
	u32 nr;
	struct ioeventfd entries[];
};

/* Index of the first entry at or above @addr. */
static u32 lower_bound(const struct ioeventfd_table *table, u64 addr)
{
	u32 low = 0, high = table->nr, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (table->entries[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool takes(const struct ioeventfd *entry, unsigned int len, u64 data)
{
	if (!entry->len)
		return true;
	return entry->len == len && (entry->any_data || entry->datamatch == data);
}

bool ioeventfd_signal(struct vm *vm, bool is_port, u64 addr, unsigned int len, u64 data)
{
	const struct ioeventfd_table *table;
	bool taken = false;
	u32 i;

	rcu_read_lock();
	table = rcu_dereference(vm->bus.ioeventfds[is_port]);
	if (!table)
		goto out;
	if (len < 8)
		data &= GENMASK_ULL(len * 8 - 1, 0);
	for (i = lower_bound(table, addr); i < table->nr && table->entries[i].addr == addr; i++) {
		taken = takes(&table->entries[i], len, data);
		if (taken) {
			host_eventfd_signal(table->entries[i].eventfd);
			break;
		}
	}
out:
	rcu_read_unlock();
	return taken;
}

/* Whether some write would match both. */
static bool overlaps(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (a->any_data || b->any_data || a->datamatch == b->datamatch);
}

static bool same(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->addr == b->addr && a->len == b->len && a->eventfd == b->eventfd &&
	       a->any_data == b->any_data && (a->any_data || a->datamatch == b->datamatch);
}

static struct ioeventfd_table *current_table(struct vm *vm, bool is_port)
{
	return rcu_dereference_protected(vm->bus.ioeventfds[is_port],
					 lockdep_is_held(&vm->bus.lock));
}

static struct ioeventfd_table *alloc_table(u32 nr)
{
	struct ioeventfd_table *table;

	table = kvzalloc(struct_size(table, entries, nr), GFP_KERNEL_ACCOUNT);
	if (table)
		table->nr = nr;
	return table;
}

/* bus.lock held; takes over @entry's eventfd reference on success. */
static int add(struct vm *vm, bool is_port, const struct ioeventfd *entry)
{
	struct ioeventfd_table *old = current_table(vm, is_port), *table;
	u32 nr = old ? old->nr : 0, at = old ? lower_bound(old, entry->addr) : 0, i;

	for (i = at; i < nr && old->entries[i].addr == entry->addr; i++)
		if (overlaps(&old->entries[i], entry))
			return refuse(&vm->error, -EEXIST, "addr", entry->addr,
				      "another ioeventfd takes writes this one would take");
	if (nr == IOEVENTFD_MAX)
		return refuse(&vm->error, -ENOSPC, "addr", entry->addr,
			      "at most 1000 ioeventfds per address space");
	table = alloc_table(nr + 1);
	if (!table)
		return -ENOMEM;
	if (old) {
		memcpy(table->entries, old->entries, at * sizeof(*entry));
		memcpy(table->entries + at + 1, old->entries + at, (nr - at) * sizeof(*entry));
	}
	table->entries[at] = *entry;
	rcu_assign_pointer(vm->bus.ioeventfds[is_port], table);
	bus_claim(&vm->bus, is_port, entry->addr, 1);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

static int find(const struct ioeventfd_table *table, const struct ioeventfd *entry)
{
	u32 i;

	for (i = 0; table && i < table->nr; i++)
		if (same(&table->entries[i], entry))
			return i;
	return -ENOENT;
}

/* bus.lock held. */
static int drop(struct vm *vm, bool is_port, const struct ioeventfd *entry)
{
	struct ioeventfd_table *old = current_table(vm, is_port), *table = NULL;
	struct eventfd_ctx *eventfd;
	int at = find(old, entry);

	if (at < 0)
		return refuse(&vm->error, at, "addr", entry->addr, "no such ioeventfd");
	if (old->nr > 1) {
		table = alloc_table(old->nr - 1);
		if (!table)
			return -ENOMEM;
		memcpy(table->entries, old->entries, at * sizeof(*entry));
		memcpy(table->entries + at, old->entries + at + 1,
		       (old->nr - 1 - at) * sizeof(*entry));
	}
	eventfd = old->entries[at].eventfd;
	rcu_assign_pointer(vm->bus.ioeventfds[is_port], table);
	synchronize_rcu_expedited();
	eventfd_ctx_put(eventfd);
	kvfree(old);
	return 0;
}

static int check(struct vm *vm, const struct minivmm_ioeventfd *args)
{
	const u32 known = MINIVMM_IOEVENTFD_FLAG_DATAMATCH | MINIVMM_IOEVENTFD_FLAG_PIO |
			  MINIVMM_IOEVENTFD_FLAG_DEASSIGN;

	if (args->flags & ~known)
		return refuse(&vm->error, -EINVAL, "flags", args->flags, "unknown flag");
	if (args->len > 8 || (args->len & (args->len - 1)))
		return refuse(&vm->error, -EINVAL, "len", args->len, "must be 0, 1, 2, 4 or 8");
	if (args->addr + args->len < args->addr)
		return refuse(&vm->error, -EINVAL, "addr", args->addr, "the range must not wrap");
	if (!args->len && (args->flags & MINIVMM_IOEVENTFD_FLAG_DATAMATCH))
		return refuse(&vm->error, -EINVAL, "len", 0, "data can only match at a length");
	if (memchr_inv(args->pad, 0, sizeof(args->pad)))
		return refuse(&vm->error, -EINVAL, "pad", 0, "padding must be 0");
	return 0;
}

int ioeventfd_control(struct vm *vm, const struct minivmm_ioeventfd *args)
{
	bool is_port = args->flags & MINIVMM_IOEVENTFD_FLAG_PIO;
	bool deassign = args->flags & MINIVMM_IOEVENTFD_FLAG_DEASSIGN;
	struct ioeventfd entry = {
		.addr = args->addr,
		.len = args->len,
		.datamatch = args->datamatch,
		.any_data = !(args->flags & MINIVMM_IOEVENTFD_FLAG_DATAMATCH),
	};
	int err = check(vm, args);

	if (err)
		return err;
	entry.eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(entry.eventfd))
		return refuse(&vm->error, PTR_ERR(entry.eventfd), "fd", args->fd,
			      "this must be an eventfd");
	mutex_lock(&vm->bus.lock);
	err = deassign ? drop(vm, is_port, &entry) : add(vm, is_port, &entry);
	mutex_unlock(&vm->bus.lock);
	if (err || deassign)
		eventfd_ctx_put(entry.eventfd);
	return err;
}

static void release_table(struct ioeventfd_table *table)
{
	u32 i;

	for (i = 0; table && i < table->nr; i++)
		eventfd_ctx_put(table->entries[i].eventfd);
	kvfree(table);
}

void ioeventfd_release(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vm->bus.ioeventfds); i++)
		release_table(rcu_dereference_protected(vm->bus.ioeventfds[i], true));
}
