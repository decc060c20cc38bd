// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty log: reading and restarting it (contract in dirty_log.h).
 *
 * A page's bit is set before it becomes writable (../mmu/fault.c) or after the host
 * wrote it (access.c), with mmu_lock held for reading. Restarting takes bit and write access
 * away together, with mmu_lock held for writing, so no write falls in between. It flushes
 * when it lets mmu_lock go. A write by a TLB that is not flushed yet comes before the ioctl
 * returns: who copies the pages that it reports copies that write.
 *
 * Where the CPU logs (mmu_cpu_logs()), dirty bits of leaves stand for write access: the
 * CPU sets one with the first write and notes the page in the vCPU's buffer, and the end
 * of the window empties the buffer into the log. So a page whose dirty bit is set is in
 * the log or in the buffer of a vCPU in its window. That nothing is lost:
 *
 * - What was written before GET_DIRTY_LOG is in the log, because all windows are ended
 *   first. A page written after that is reported next time, unless its bit is taken
 *   anyhow: then the write comes before the ioctl returns, and with it before the copy.
 * - A bit is taken before the dirty bit is cleared. A page that is in a buffer and not in
 *   the log keeps its dirty bit. One that is in both is reported again, in vain. So
 *   CLEAR_DIRTY_LOG, which takes what was reported before, has no window to end first.
 * - TLBs that write by a dirty bit that was cleared are flushed before the ioctl returns, as
 *   those that write to a page that has become read-only.
 * - When logging starts, the array is published first: whoever finds a dirty bit cleared
 *   finds the log too, when his window ends. With INITIALLY_SET the dirty bits stay until
 *   the bits of the log are cleared, as write access does.
 * - Leaves go, and logging stops, with a flush that ends all windows: a buffer holds no
 *   address whose leaf is gone, so none that now belongs to another slot or to none. Only
 *   slots that are logged have leaves without dirty bit, so while there is none
 *   (memory.logged), buffers stay empty.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../mmu/table.h"
#include "../report/explain.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "dirty_log.h"
#include "slot_set.h"
#include "slots.h"

/* The logged slot with this id; sets *@err. vm->lock held. */
static struct memslot *logged_slot(struct vm *vm, u32 id, int *err)
{
	struct memslot *slot;

	lockdep_assert_held(&vm->lock);
	*err = -EINVAL;
	if (id >> 16 >= MEMORY_ADDRESS_SPACES || (id & 0xffff) >= MEMORY_MAX_SLOTS) {
		refuse(&vm->error, -EINVAL, "slot", id, "out of range");
		return NULL;
	}
	slot = slot_set_by_id(&vm->memory.slots[id >> 16], id);
	if (slot && slot->dirty)
		return slot;
	*err = refuse(&vm->error, -ENOENT, "slot", id, "no such slot, or it is not logged");
	return NULL;
}

/* Take the bits of @take out of a word of the log and protect their pages: what was set. */
static unsigned long restart_word(struct mmu_writer *w, struct memslot *slot, size_t at,
				  unsigned long take)
{
	unsigned long *word = &slot->dirty[at];
	unsigned long got;

	if (!(READ_ONCE(*word) & take))
		return 0;
	got = atomic_long_fetch_andnot(take, (atomic_long_t *)word) & take;
	mmu_protect_pages(w, slot->as_id, slot->base_gfn + at * BITS_PER_LONG, got);
	return got;
}

/* Words of the log, 64 pages each, after which others may have mmu_lock, or the CPU. */
#define WORDS_AT_A_TIME	8

/* Index of the first long that is not 0; @n: all are. */
static size_t first_set(const unsigned long *chunk, size_t n)
{
	size_t i = 0;

	while (i < n && !chunk[i])
		i++;
	return i;
}

/*
 * Take the bits that are set in the @n longs of @chunk out of the log, from its long @first on.
 * @chunk receives those that were set there.
 */
static void restart_chunk(struct vm *vm, struct memslot *slot, size_t first, size_t n,
			  unsigned long *chunk)
{
	size_t i = first_set(chunk, n);
	unsigned int words = 0;
	struct mmu_writer w;

	cond_resched();
	if (i == n)
		return;
	mmu_write_lock(&w, vm);
	for (; i < n; i++) {
		if (!chunk[i])
			continue;
		chunk[i] = restart_word(&w, slot, first + i, chunk[i]);
		if (++words % WORDS_AT_A_TIME == 0)
			mmu_write_break(&w);
	}
	mmu_write_unlock(&w);
}

void memory_log_written(struct vcpu *vcpu, const u64 *gpas, unsigned int nr)
{
	struct memslot *slot = NULL;
	const u64 *end = gpas + nr;

	for (; gpas < end; gpas++) {
		gfn_t gfn = *gpas >> PAGE_SHIFT;

		if (!slot || !memslot_holds(slot, gfn))
			slot = mmu_slot_in_window(&vcpu->mmu, *gpas);
		if (slot)
			memory_mark_written(vcpu, slot, gfn);
	}
}

/* GET_DIRTY_LOG of one slot. */
static int get_log(struct vm *vm, struct memslot *slot, void __user *bitmap)
{
	size_t longs = BITS_TO_LONGS(slot->npages), first, n;

	if (mmu_cpu_logs())
		vm_flush_and_wait(vm, VCPU_REQ_WINDOW);
	if (vm->memory.manual_protect)
		return copy_to_user(bitmap, slot->dirty, longs * sizeof(long)) ? -EFAULT : 0;
	for (first = 0; first < longs; first += n) {
		n = min(longs - first, MEMORY_LOG_CHUNK);
		memcpy(slot->buffer, slot->dirty + first, n * sizeof(long));
		restart_chunk(vm, slot, first, n, slot->buffer);
		if (copy_to_user(bitmap + first * sizeof(long), slot->buffer, n * sizeof(long)))
			return -EFAULT;
	}
	return 0;
}

int memory_get_dirty_log(struct vm *vm, const struct minivmm_dirty_log *log)
{
	struct memslot *slot;
	int err;

	mutex_lock(&vm->lock);
	slot = logged_slot(vm, log->slot, &err);
	if (slot)
		err = get_log(vm, slot, log->dirty_bitmap);
	mutex_unlock(&vm->lock);
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
		     const struct minivmm_clear_dirty_log *log)
{
	size_t longs = BITS_TO_LONGS(log->num_pages), done, n;
	u64 first = array_index_nospec(log->first_page, slot->npages + 1) / BITS_PER_LONG;

	for (done = 0; done < longs; done += n) {
		n = min(longs - done, MEMORY_LOG_CHUNK);
		if (copy_from_user(slot->buffer, log->dirty_bitmap + done * sizeof(long),
				   n * sizeof(long)))
			return -EFAULT;
		restart_chunk(vm, slot, first + done, n, slot->buffer);
	}
	return 0;
}

int memory_clear_dirty_log(struct vm *vm, const struct minivmm_clear_dirty_log *log)
{
	struct memslot *slot;
	int err;

	mutex_lock(&vm->lock);
	slot = logged_slot(vm, log->slot, &err);
	if (slot)
		err = check_clear(vm, slot, log) ?: clear_log(vm, slot, log);
	mutex_unlock(&vm->lock);
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
