/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory slots: which guest physical addresses are backed by which addresses of the
 * owner's process.
 *
 * Slots live in immutable arrays, one per address space (0 normal, 1 SMM), sorted
 * by gfn. Readers: srcu where they may sleep, preemption off in section and window.
 * Writers hold vm->lock and publish under mmu_lock.
 */
#ifndef MINIVMM_MEMORY_SLOTS_H
#define MINIVMM_MEMORY_SLOTS_H

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#define MEMORY_ADDRESS_SPACES	2
#define MEMORY_MAX_RETIRED	(8L << 20)	/* bytes: a change of slots waits with more */
#define MEMORY_MAX_SLOTS	32764		/* slots per address space: CAP_NR_MEMSLOTS */
#define MEMORY_LOG_CHUNK	(PAGE_SIZE / sizeof(long))	/* of the log, dealt with at a time */
#define MEMORY_MAX_SLOT_PAGES	((1UL << 31) - 1)

typedef u64 gpa_t;
typedef u64 gfn_t;

struct vm;
struct vcpu;
struct minivmm_userspace_memory_region;

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

static inline bool memslot_holds(const struct memslot *slot, gfn_t gfn)
{
	return gfn - slot->base_gfn < slot->npages;
}

/* memslot_hva - of a page of @slot's; another gives its first one. */
static inline unsigned long memslot_hva(const struct memslot *slot, gfn_t gfn)
{
	return slot->hva + (array_index_nospec(gfn - slot->base_gfn, slot->npages) << PAGE_SHIFT);
}

#endif /* MINIVMM_MEMORY_SLOTS_H */
