// SPDX-License-Identifier: GPL-2.0
/*
 * The owner's memory changes: take the pages away from the guest first.
 *
 * Between start and end of an invalidation no entry is made in its range
 * (invalidating, inv_start, inv_end), and one prepared before is discarded (seq).
 * Called by the memory management with various of its locks held, so only
 * mmu_lock is taken here.
 */
#include <linux/mmu_notifier.h>

#include "../compat.h"
#include "../vcpu.h"
#include "../vm.h"
#include "notifier.h"
#include "table.h"

static struct vm *notifier_vm(struct mmu_notifier *mn)
{
	return container_of(mn, struct vm, memory.notifier);
}

/*
 * Calls @fn(vm, as_id, first gfn, end gfn, arg) for each part of a slot whose
 * pages lie in [start, end) of the owner. mmu_lock held. Slots going away are
 * still in the array, and so found, until their entries are gone.
 */
typedef bool (*range_fn)(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, int arg);

#define SLOTS_AT_A_TIME	512	/* then others may have the lock, or the CPU, if @may_break */

static bool for_slots(struct vm *vm, unsigned int as_id, unsigned long start, unsigned long end,
		      range_fn fn, int arg, bool may_break)
{
	struct memslots *slots = memory_slots_locked(&vm->memory, as_id);
	bool ret = false;
	u32 i;

	for (i = 0; i < slots->nr; i++) {
		struct memslot *slot = slots->slot[i];
		unsigned long from = max(start, slot->hva);
		unsigned long to = min(end, slot->hva + (slot->npages << PAGE_SHIFT));

		if (may_break && i % SLOTS_AT_A_TIME == SLOTS_AT_A_TIME - 1)
			cond_resched_lock(&vm->memory.mmu_lock);
		if (from >= to)
			continue;
		/* Whole pages, though a range of the owner may begin inside one. */
		from = (from - slot->hva) >> PAGE_SHIFT;
		to = (to - 1 - slot->hva) >> PAGE_SHIFT;
		ret |= fn(vm, as_id, slot->base_gfn + from, slot->base_gfn + to + 1, arg);
	}
	return ret;
}

static bool zap_range(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, int may_break)
{
	mmu_zap(vm, as_id, start, end, may_break);
	return false;
}

static void begin_invalidation(struct memory *mem, unsigned long start, unsigned long end)
{
	if (!mem->invalidating++) {
		mem->inv_start = start;
		mem->inv_end = end;
	} else {
		mem->inv_start = min(mem->inv_start, start);
		mem->inv_end = max(mem->inv_end, end);
	}
}

static int invalidate_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	bool may_break = mmu_notifier_range_blockable(range);
	struct vm *vm = notifier_vm(mn);
	unsigned int as_id;
	int idx;

	/* mmu_lock may be dropped in between: srcu keeps the arrays. */
	idx = srcu_read_lock(&vm->memory.srcu);
	spin_lock(&vm->memory.mmu_lock);
	begin_invalidation(&vm->memory, range->start, range->end);
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++)
		for_slots(vm, as_id, range->start, range->end, zap_range, may_break, may_break);
	spin_unlock(&vm->memory.mmu_lock);
	srcu_read_unlock(&vm->memory.srcu, idx);
	return 0;
}

static void invalidate_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct memory *mem = &notifier_vm(mn)->memory;

	spin_lock(&mem->mmu_lock);
	/* Release: a fault that reads this value sees the new page tables. */
	smp_store_release(&mem->seq, mem->seq + 1);
	mem->invalidating--;
	spin_unlock(&mem->mmu_lock);
}

enum { AGE_TEST, AGE_CLEAR, AGE_CLEAR_FLUSH };

static bool age_range(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, int how)
{
	return mmu_age(vm, as_id, start, end, how != AGE_TEST, how == AGE_CLEAR_FLUSH);
}

static bool age(struct mmu_notifier *mn, unsigned long start, unsigned long end, int how)
{
	struct vm *vm = notifier_vm(mn);
	unsigned int as_id;
	bool young = false;

	spin_lock(&vm->memory.mmu_lock);
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++)
		young |= for_slots(vm, as_id, start, end, age_range, how, false);
	spin_unlock(&vm->memory.mmu_lock);
	return young;
}

static host_young_t clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				      unsigned long start, unsigned long end)
{
	return age(mn, start, end, AGE_CLEAR_FLUSH);
}

static host_young_t clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	return age(mn, start, end, AGE_CLEAR);
}

static host_young_t test_young(struct mmu_notifier *mn, struct mm_struct *mm,
			       unsigned long address)
{
	return age(mn, address, address + 1, AGE_TEST);
}

/* The address space ends: nothing may be left behind, and nothing can come back. */
static void release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct vm *vm = notifier_vm(mn);
	unsigned int as_id;

	spin_lock(&vm->memory.mmu_lock);
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++)
		mmu_zap(vm, as_id, 0, mmu_max_gfn() + 1, true);
	spin_unlock(&vm->memory.mmu_lock);
}

static const struct mmu_notifier_ops ops = {
	.release = release,
	.clear_flush_young = clear_flush_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.invalidate_range_start = invalidate_start,
	.invalidate_range_end = invalidate_end,
};

int notifier_start(struct vm *vm)
{
	vm->memory.notifier.ops = &ops;
	return mmu_notifier_register(&vm->memory.notifier, vm->mm);
}

void notifier_stop(struct vm *vm)
{
	mmu_notifier_unregister(&vm->memory.notifier, vm->mm);
}
