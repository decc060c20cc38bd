/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory: which guest physical addresses are backed by which addresses of
 * the owner's process (memory slots), access to it from the host, dirty log.
 *
 * Slots live in immutable arrays, one per address space (0 normal, 1 SMM), sorted
 * by gfn. Readers: srcu where they may sleep, preemption off in section and window.
 * Writers hold vm->lock and publish under mmu_lock. Order: vm->lock, vcpu->lock,
 * srcu, mmu_lock; mmu_lock is never taken in section or window.
 */
#ifndef MINIVMM_MEMORY_H
#define MINIVMM_MEMORY_H

#include <linux/mmu_notifier.h>
#include <linux/nospec.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>

#include "mmu/format.h"

#define MEMORY_ADDRESS_SPACES	2
#define MEMORY_MAX_RETIRED	(8L << 20)	/* bytes: a change of slots waits with more */
#define MEMORY_MAX_SLOTS	32764		/* slots per address space: CAP_NR_MEMSLOTS */
#define MEMORY_LOG_CHUNK	(PAGE_SIZE / sizeof(long))	/* of the log, dealt with at a time */
#define MEMORY_MAX_SLOT_PAGES	((1UL << 31) - 1)

typedef u64 gpa_t;
typedef u64 gfn_t;

struct vm;
struct vcpu;
struct mmu_root;
struct minivmm_userspace_memory_region;
struct minivmm_dirty_log;
struct minivmm_clear_dirty_log;

/* One memory slot. All fields but the bitmap's content, invalid and the tree's are constant. */
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
	union {
		struct {		/* in memory.by_hva: mmu/slot_tree.c */
			struct rb_node node;
			unsigned long reach;
		};
		struct rcu_head rcu;	/* later */
	};
};

/* A version of one address space. */
struct memslots {
	u64 generation;			/* of all versions of this VM, never reused */
	u32 nr;
	u32 gone;			/* of slot[]: goes with this version; nr: none does. vm->lock */
	atomic_long_t *retired;		/* memory.retired */
	struct rcu_head rcu;
	struct memslot *slot[];		/* by base_gfn, not overlapping */
};

/* What a vCPU found last, a slot or a hole between two: valid for that generation only. */
struct memslot_cache {
	u64 generation;
	gfn_t base_gfn;
	u64 npages;
	struct memslot *slot;		/* NULL: a hole */
};

/* What the second-level tables did and hold now. Written under mmu_lock, read by anyone. */
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
	atomic_t accessing;		/* vm_guest_*() calls under way */
	atomic_long_t retired;		/* bytes of arrays and slots that wait for their last sleeping reader */

	spinlock_t mmu_lock;		/* second-level tables and all that follows */
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

/*
 * memory_set_region - SET_USER_MEMORY_REGION: create, move, delete (size 0) a
 * slot or change its flags. The upper 16 bits of ->slot are the address space.
 * When a slot was deleted or moved, no vCPU and no host access uses the old
 * place after the return. Takes vm->lock.
 *
 * EINVAL: unknown flag; size, guest or user address not page-aligned; user range
 * not in user space; slot id or address space out of range; guest range wraps or
 * exceeds the addressable width; more than MEMORY_MAX_SLOT_PAGES; deletion of
 * nothing; change of size, user address or READONLY of a slot that exists.
 * EEXIST: overlaps another slot. ENOMEM. EINTR: killed while it waited for an access
 * that itself waits for userspace (userfaultfd).
 */
int memory_set_region(struct vm *vm, const struct minivmm_userspace_memory_region *region);

/*
 * memory_get_dirty_log - GET_DIRTY_LOG: copies the bitmap of a slot out and
 * restarts logging for just the pages reported. A page written later is reported
 * next time. With manual protection nothing is restarted. Takes vm->lock.
 * EINVAL: slot out of range; ENOENT: no such slot or not logged; EFAULT.
 */
int memory_get_dirty_log(struct vm *vm, const struct minivmm_dirty_log *log);

/*
 * memory_clear_dirty_log - CLEAR_DIRTY_LOG: clears the bits set in the given
 * bitmap and restarts logging of these pages. Takes vm->lock.
 * EINVAL: slot or page range out of range or not a multiple of 64; ENOENT; EFAULT.
 */
int memory_clear_dirty_log(struct vm *vm, const struct minivmm_clear_dirty_log *log);

/*
 * memory_log_written - the guest wrote to the pages of the @nr addresses, says the CPU.
 * Where it does, the backend calls this when a window ends, if memory.logged. Window.
 */
void memory_log_written(struct vcpu *vcpu, const u64 *gpas, unsigned int nr);

/*
 * memory_set_manual_protect - ENABLE_CAP of CAP_MANUAL_DIRTY_LOG_PROTECT2.
 * EINVAL: unknown flag, or INITIALLY_SET without MANUAL_PROTECT_ENABLE. Takes vm->lock.
 */
int memory_set_manual_protect(struct vm *vm, u64 flags);

/*
 * Access to guest memory through the owner's mapping, in address space
 * vcpu->mmu.role.as_id (vm_*: @as_id). Outside level; may sleep; current->mm is
 * vm->mm. Neither vm->lock nor mmu_lock nor the mm's mmap lock held. Ranges may
 * cross pages and slots; what precedes the failing page has been transferred.
 *
 * 0, or
 * -EFAULT  a slot is there but the owner's memory behind it is not accessible
 * -ENOENT  no slot: MMIO
 * -EROFS   write to a read-only slot: MMIO
 * -EAGAIN  the slot is just being deleted or moved: do the instruction again
 */
int guest_read(struct vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len);
/* The four entries that CR3 points to in PAE paging. */
int guest_read_pdptes(struct vcpu *vcpu, u64 pdpte[4]);
int guest_write(struct vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len);
int vm_guest_read(struct vm *vm, unsigned int as_id, gpa_t gpa, void *buf, unsigned int len);
int vm_guest_write(struct vm *vm, unsigned int as_id, gpa_t gpa, const void *buf,
		   unsigned int len);

/*
 * guest_cmpxchg - atomically replace @size (1, 2, 4, 8, 16) bytes *@old by *@new
 * at @gpa, which is naturally aligned. As above, and 1 when memory was not *@old
 * (then *@old is what was found).
 */
int guest_cmpxchg(struct vcpu *vcpu, gpa_t gpa, void *old, const void *new, unsigned int size);

/*
 * memory_has_slot - whether a slot covers @gpa in the vCPU's address space. Any
 * level. False is stable only as far as userspace does not add a slot meanwhile.
 */
bool memory_has_slot(struct vcpu *vcpu, gpa_t gpa);

/*
 * memory_find_slot - the slot of @gfn or NULL, in this version of the array.
 * @cache may be NULL. Inside srcu, or with preemption off, or under vm->lock or mmu_lock.
 */
struct memslot *memory_search_slot(const struct memslots *slots, struct memslot_cache *cache,
				   gfn_t gfn);

static inline struct memslot *memory_find_slot(const struct memslots *slots,
					       struct memslot_cache *cache, gfn_t gfn)
{
	if (cache && cache->generation == slots->generation &&
	    gfn - cache->base_gfn < cache->npages)
		return cache->slot;
	return memory_search_slot(slots, cache, gfn);
}

/*
 * memory_gfn_to_hva - the owner's address of the page, or 0 for none. Inside
 * srcu; a later change of slots may make it stale.
 */
unsigned long memory_gfn_to_hva(struct vm *vm, unsigned int as_id, gfn_t gfn);

/* memory_slots - current array of an address space, for sleeping readers (inside srcu). */
static inline struct memslots *memory_slots(struct memory *mem, unsigned int as_id)
{
	return srcu_dereference(mem->slots[as_id], &mem->srcu);
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

/* memslot_mark_dirty - note in the log, if there is one, that the page was written. */
static inline void memslot_mark_dirty(struct memslot *slot, gfn_t gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->base_gfn, slot->dirty);
}

#endif /* MINIVMM_MEMORY_H */
