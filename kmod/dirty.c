// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty log: reading and restarting it (contract in memory.h).
 *
 * A page's bit is set before it becomes writable (mmu/fault.c) or after the host
 * wrote it (access.c). Restarting takes bit and write access away together under
 * mmu_lock and flushes before it is dropped: no write falls in between.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "memory.h"
#include "mmu/table.h"
#include "vcpu.h"
#include "vm.h"

/* Bits dealt with at a time, as a number of longs: one page of bitmap. */
#define CHUNK	(PAGE_SIZE / sizeof(long))

/* The logged slot with this id; sets *@err. vm->lock held. */
static struct memslot *logged_slot(struct vm *vm, u32 id, int *err)
{
	struct memslots *slots;
	u32 i;

	*err = -EINVAL;
	if (id >> 16 >= MEMORY_ADDRESS_SPACES || (id & 0xffff) >= MEMORY_MAX_SLOTS) {
		refuse(&vm->error, -EINVAL, "slot", id, "out of range");
		return NULL;
	}
	slots = rcu_dereference_protected(vm->memory.slots[id >> 16], lockdep_is_held(&vm->lock));
	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == (u16)id && slots->slot[i]->dirty)
			return slots->slot[i];
	*err = refuse(&vm->error, -ENOENT, "slot", id, "no such slot, or it is not logged");
	return NULL;
}

/*
 * Clear, of @n longs of the log from long @first on, the bits set in @mask (all
 * of them if NULL) and protect their pages. @old, if not NULL, receives what was set.
 */
static void restart_log(struct vm *vm, struct memslot *slot, size_t first, size_t n,
			const unsigned long *mask, unsigned long *old)
{
	struct memory *mem = &vm->memory;
	bool flush = false;
	size_t i;

	spin_lock(&mem->mmu_lock);
	for (i = 0; i < n; i++) {
		unsigned long *word = &slot->dirty[first + i];
		unsigned long take = mask ? mask[i] : ~0UL;
		unsigned long got = 0;

		if (READ_ONCE(*word) & take)
			got = atomic_long_fetch_andnot(take, (atomic_long_t *)word) & take;
		if (got)
			flush |= mmu_protect_pages(mem, slot->as_id, slot->base_gfn +
						   (first + i) * BITS_PER_LONG, got);
		if (old)
			old[i] = got;
	}
	if (flush) {
		mem->stats.flushes++;
		vm_flush_and_wait(vm, VCPU_REQ_TLB_FLUSH);
	}
	spin_unlock(&mem->mmu_lock);
	cond_resched();
}

/* GET_DIRTY_LOG of one slot through the bounce buffer @buf of CHUNK longs. */
static int get_log(struct vm *vm, struct memslot *slot, void __user *bitmap, unsigned long *buf)
{
	size_t longs = BITS_TO_LONGS(slot->npages), first, n;

	for (first = 0; first < longs; first += n) {
		n = min(longs - first, CHUNK);
		if (vm->memory.manual_protect)
			memcpy(buf, slot->dirty + first, n * sizeof(long));
		else
			restart_log(vm, slot, first, n, NULL, buf);
		if (copy_to_user(bitmap + first * sizeof(long), buf, n * sizeof(long)))
			return -EFAULT;
	}
	return 0;
}

int memory_get_dirty_log(struct vm *vm, const struct minivmm_dirty_log *log)
{
	unsigned long *buf = kmalloc_array(CHUNK, sizeof(long), GFP_KERNEL_ACCOUNT);
	struct memslot *slot;
	int err;

	if (!buf)
		return -ENOMEM;
	mutex_lock(&vm->lock);
	slot = logged_slot(vm, log->slot, &err);
	if (slot)
		err = get_log(vm, slot, log->dirty_bitmap, buf);
	mutex_unlock(&vm->lock);
	kfree(buf);
	return err;
}

static int check_clear(struct vm *vm, const struct memslot *slot,
		       const struct minivmm_clear_dirty_log *log)
{
	if (log->first_page & 63)
		return refuse(&vm->error, -EINVAL, "first_page", log->first_page,
			      "must be a multiple of 64");
	if (log->first_page > slot->npages || log->num_pages > slot->npages - log->first_page)
		return refuse(&vm->error, -EINVAL, "num_pages", log->num_pages,
			      "beyond the slot's end");
	if ((log->num_pages & 63) && log->num_pages < slot->npages - log->first_page)
		return refuse(&vm->error, -EINVAL, "num_pages", log->num_pages,
			      "must be a multiple of 64 or reach the slot's end");
	return 0;
}

static int clear_log(struct vm *vm, struct memslot *slot,
		     const struct minivmm_clear_dirty_log *log, unsigned long *buf)
{
	size_t longs = BITS_TO_LONGS(log->num_pages), done, n;

	for (done = 0; done < longs; done += n) {
		n = min(longs - done, CHUNK);
		if (copy_from_user(buf, log->dirty_bitmap + done * sizeof(long), n * sizeof(long)))
			return -EFAULT;
		restart_log(vm, slot, log->first_page / BITS_PER_LONG + done, n, buf, NULL);
	}
	return 0;
}

int memory_clear_dirty_log(struct vm *vm, const struct minivmm_clear_dirty_log *log)
{
	unsigned long *buf = kmalloc_array(CHUNK, sizeof(long), GFP_KERNEL_ACCOUNT);
	struct memslot *slot;
	int err;

	if (!buf)
		return -ENOMEM;
	mutex_lock(&vm->lock);
	slot = logged_slot(vm, log->slot, &err);
	if (slot)
		err = check_clear(vm, slot, log) ?: clear_log(vm, slot, log, buf);
	mutex_unlock(&vm->lock);
	kfree(buf);
	return err;
}

int memory_set_manual_protect(struct vm *vm, u64 flags)
{
	const u64 enable = MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if ((flags & ~(enable | MINIVMM_DIRTY_LOG_INITIALLY_SET)) ||
	    ((flags & MINIVMM_DIRTY_LOG_INITIALLY_SET) && !(flags & enable)))
		return refuse(&vm->error, -EINVAL, "args[0]", flags, "unknown flags");
	mutex_lock(&vm->lock);
	vm->memory.manual_protect = flags;
	mutex_unlock(&vm->lock);
	return 0;
}
