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

#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#include "../mmu/format.h"
#include "slots.h"

struct mmu_root;

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
	struct memslots __rcu *slots[MEMORY_ADDRESS_SPACES];
	struct srcu_struct srcu;
	u64 generation;			/* of the newest array; vm->lock */
	unsigned long npages;		/* sum over all slots; vm->lock */
	u32 manual_protect;		/* MINIVMM_DIRTY_LOG_*; vm->lock */
	unsigned int logged;		/* slots that are, or were when a window began; vm->lock writes */
	atomic_long_t retired;		/* bytes of arrays and slots that wait for their last sleeping reader */

	rwlock_t mmu_lock;		/* second-level tables (mmu/mmu.h) and all that follows */
	atomic_t unflushed;		/* who took entries away and may not have flushed yet */
	struct rb_root by_hva[MEMORY_ADDRESS_SPACES];	/* the slots of the current arrays */
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

/* memory_slots - current array of an address space, for sleeping readers (inside srcu). */
static inline struct memslots *memory_slots(struct memory *mem, unsigned int as_id)
{
	return srcu_dereference(mem->slots[as_id], &mem->srcu);
}

#endif /* MINIVMM_MEMORY_MEMORY_H */
