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
#include "../memory/slot_tree.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "notifier.h"
#include "table.h"

static struct vm *notifier_vm(struct mmu_notifier *mn)
{
	return container_of(mn, struct vm, memory.notifier);
}

/* Something to be done with what lies in [start, end) of the owner. */
struct change {
	unsigned long start, end;
	/* Done with the gfns of one slot; results are OR-ed. */
	bool (*fn)(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end, int arg);
	int arg;
	bool may_break;
	unsigned int max_slots;		/* of an address space; the others are left out */
};

/* Each page may be in as many slots as there are: then others may have the lock, or the CPU. */
#define SLOTS_AT_A_TIME	64

/*
 * Slots going away are still in the tree, and so found, until their entries are gone. One
 * that comes while the lock is let go has no entries in a range that is being invalidated.
 */
static bool for_slots(struct mmu_writer *w, unsigned int as_id, const struct change *c)
{
	const struct rb_root *tree = &w->vm->memory.slots[as_id].by_hva;
	struct memslot *slot = NULL;
	unsigned int nr = 0;
	bool ret = false;

	while (nr++ < c->max_slots && (slot = slot_tree_next(tree, c->start, c->end, slot))) {
		unsigned long from = max(c->start, slot->hva);
		unsigned long to = min(c->end, slot->hva + (slot->npages << PAGE_SHIFT));

		/* Whole pages, though a range of the owner may begin inside one. */
		from = (from - slot->hva) >> PAGE_SHIFT;
		to = (to - 1 - slot->hva) >> PAGE_SHIFT;
		ret |= c->fn(w, as_id, slot->base_gfn + from, slot->base_gfn + to + 1, c->arg);
		if (c->may_break && nr % SLOTS_AT_A_TIME == 0)
			mmu_write_break(w);
	}
	return ret;
}

static bool zap_range(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end,
		      int may_break)
{
	mmu_zap(w, as_id, start, end, may_break);
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
	const struct change zap = {
		.start = range->start, .end = range->end, .fn = zap_range, .arg = may_break,
		.may_break = may_break, .max_slots = UINT_MAX,
	};
	struct vm *vm = notifier_vm(mn);
	struct mmu_writer w;
	unsigned int as_id;
	int idx;

	/* mmu_lock may be dropped in between: srcu keeps the slot that was reached. */
	idx = srcu_read_lock(&vm->memory.srcu);
	mmu_write_lock(&w, vm);
	begin_invalidation(&vm->memory, range->start, range->end);
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++)
		for_slots(&w, as_id, &zap);
	mmu_write_unlock(&w);
	srcu_read_unlock(&vm->memory.srcu, idx);
	return 0;
}

static void invalidate_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct memory *mem = &notifier_vm(mn)->memory;

	write_lock(&mem->mmu_lock);
	/* Release: a fault that reads this value sees the new page tables. */
	smp_store_release(&mem->seq, mem->seq + 1);
	mem->invalidating--;
	write_unlock(&mem->mmu_lock);
}

enum { AGE_TEST, AGE_CLEAR, AGE_CLEAR_FLUSH };

static bool age_range(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end, int how)
{
	return mmu_age(w, as_id, start, end, how != AGE_TEST, how == AGE_CLEAR_FLUSH);
}

/*
 * Reclaim asks with a spinlock held. Of a page that is in more slots than this, the first
 * are looked at: at worst it is taken for unused.
 */
#define SLOTS_TO_AGE	512

static bool age(struct mmu_notifier *mn, unsigned long start, unsigned long end, int how)
{
	const struct change look = {
		.start = start, .end = end, .fn = age_range, .arg = how, .max_slots = SLOTS_TO_AGE,
	};
	struct mmu_writer w;
	unsigned int as_id;
	bool young = false;

	mmu_write_lock(&w, notifier_vm(mn));
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++)
		young |= for_slots(&w, as_id, &look);
	mmu_write_unlock(&w);
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
	struct mmu_writer w;
	unsigned int as_id;

	mmu_write_lock(&w, notifier_vm(mn));
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++)
		mmu_zap(&w, as_id, 0, mmu_max_gfn() + 1, true);
	mmu_write_unlock(&w);
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
