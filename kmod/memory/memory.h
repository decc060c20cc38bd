/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory of a VM: its slots (slots.h), second-level tables (../mmu/), access to it
 * from the host (access.h), dirty log (dirty_log.h).
 *
 * Lock order: vm->lock, vcpu->lock, srcu, mmu_lock; mmu_lock is never taken in section
 * or window.
 */
#ifndef MINIVMM_MEMORY_MEMORY_H
#define MINIVMM_MEMORY_MEMORY_H

#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/nospec.h>
#include <linux/rbtree.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#include "../mmu/format.h"

struct mmu_root;
struct vm;

#define MEMORY_ADDRESS_SPACES	2

typedef u64 gpa_t;
typedef u64 gfn_t;

/*
 * One memory slot: which guest physical addresses are backed by which addresses of the owner's
 * process. All fields but the bitmap's content, invalid and the trees' are constant. Readers:
 * srcu where they may sleep, preemption off in section and window.
 */
struct memslot {
	gfn_t base_gfn;
	unsigned long npages;
	unsigned long hva;		/* page-aligned address in the owner's mm */
	u32 flags;			/* MINIVMM_MEM_* */
	u16 id;
	u16 as_id;
	bool invalid;			/* going away: faults retry; set under mmu_lock */
	unsigned long *dirty;		/* one bit per page, or NULL: not logged */
	unsigned long *buffer;		/* MEMORY_LOG_CHUNK longs for who reads the log; vm->lock */
	struct rb_node by_gfn;		/* stays as it is for who meets it when it has left the tree */
	union {
		struct {		/* in memslots.by_hva: slot_tree.c */
			struct rb_node node;
			unsigned long reach;
		};
		struct {		/* later */
			struct rcu_head rcu;
			atomic_long_t *retired;	/* memory.retired */
		};
	};
};

/*
 * The slots of an address space: 0 normal, 1 SMM (slot_set.h). Changed with vm->lock, and
 * mmu_lock for writing.
 */
struct memslots {
	u64 generation;			/* moves with each change; no two of a VM's are ever equal */
	seqcount_t changing;		/* by_gfn */
	struct rb_root by_gfn;		/* not overlapping */
	struct rb_root by_hva;		/* slot_tree.h; mmu_lock */
	struct memslot **by_id;		/* nr_ids of them; vm->lock */
	u32 nr_ids;
};

/* What a vCPU found last, a slot or a hole between two: valid for that generation only. */
struct memslot_cache {
	u64 generation;
	gfn_t base_gfn;
	u64 npages;
	struct memslot *slot;		/* NULL: a hole */
};

/*
 * What the second-level tables did and hold now: sums over the VM's own, written with mmu_lock
 * held for writing, and those of its vCPUs, which their threads write. Read by anyone.
 */
struct memory_stats {
	u64 faults;			/* resolved by mmu_fault() */
	u64 retries;			/* faults that met an invalidation or a slot change */
	u64 mapped[MMU_LEAF_SIZES];	/* leaves ever made: 4 KiB, 2 MiB, 1 GiB */
	s64 leaves[MMU_LEAF_SIZES];	/* leaves there now */
	u64 splits;			/* large leaves broken up */
	u64 flushes;			/* waits for all vCPUs */
	s64 tables;			/* page-table pages in use */
};

/* Embedded in struct vm. */
struct memory {
	struct memslots slots[MEMORY_ADDRESS_SPACES];
	struct srcu_struct srcu;
	u64 generation;			/* of the newest change; vm->lock */
	unsigned long npages;		/* sum over all slots; vm->lock */
	u32 manual_protect;		/* MINIVMM_DIRTY_LOG_*; vm->lock */
	unsigned int logged;		/* slots that are, or were when a window began; vm->lock writes */
	atomic_long_t retired;		/* bytes of slots that wait for their last sleeping reader */

	rwlock_t mmu_lock;		/* second-level tables (mmu/mmu.h) and all that follows */
	atomic_t unflushed;		/* who took entries away and may not have flushed yet */
	struct mmu_root *roots;		/* list; roots live until memory_destroy() */
	unsigned long seq;		/* completed invalidations and slot changes */
	unsigned long invalidating;	/* invalidations under way, ... */
	unsigned long inv_start, inv_end; /* ... all within this hva range */
	struct memory_stats stats;
	struct mmu_notifier notifier;
};

/*
 * memory_init - empty address spaces, MMU notifier on current->mm, which must be
 * vm->mm. ENOMEM, EINTR. On error nothing is left to destroy.
 */
int memory_init(struct vm *vm);

/*
 * memory_destroy - the VM is going: no vCPU runs, no fd is left. vm->vcpus must be
 * intact or nr_vcpus 0, and vm->mm still held. Frees tables and slots. May sleep.
 */
void memory_destroy(struct vm *vm);

/*
 * memory_find_slot - the slot of @gfn or NULL, as it is at some moment during the call.
 * Inside srcu, or with preemption off, or under vm->lock or mmu_lock.
 */
struct memslot *memory_search_slot(struct memslots *slots, struct memslot_cache *cache, gfn_t gfn);

static inline struct memslot *memory_find_slot(struct memslots *slots,
					       struct memslot_cache *cache, gfn_t gfn)
{
	/* Acquire: the cache may be filled from what it says. */
	if (cache->generation == smp_load_acquire(&slots->generation) &&
	    gfn - cache->base_gfn < cache->npages)
		return cache->slot;
	return memory_search_slot(slots, cache, gfn);
}

static inline bool memslot_holds(const struct memslot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

/* memslot_hva - of a page of @slot's; another gives its first one. */
static inline unsigned long memslot_hva(const struct memslot *slot, gfn_t gfn)
{
	return slot->hva + (array_index_nospec(gfn - slot->base_gfn, slot->npages) << PAGE_SHIFT);
}

#endif /* MINIVMM_MEMORY_MEMORY_H */
