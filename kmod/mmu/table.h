/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Second-level page tables themselves: making, restricting and removing entries.
 * Knows formats and the flush rule (mmu.h), nothing of host memory.
 */
#ifndef MINIVMM_MMU_TABLE_H
#define MINIVMM_MMU_TABLE_H

#include "mmu.h"

struct vcpu;

/* One tree of tables. Made on demand, lives until memory_destroy(). */
struct mmu_root {
	struct mmu_root *next;
	union mmu_role role;
	const struct mmu_format *format;
	u64 *table;
};

/* A leaf to be made. */
struct mmu_leaf {
	gfn_t gfn;		/* any page the leaf covers */
	u64 pfn;		/* of that page */
	unsigned int level;	/* at most; lower where tables exist already */
	bool write, exec;
	bool dirty;		/* writes need not be logged, or this one has been */
	bool young;		/* accessed now, not just likely soon */
	bool direct;		/* in the kernel's direct map */
	bool uncached;
};

#define MMU_PFN_MASK	(PTE_PFN_MASK)

/* Pages covered by one entry of @level. */
static inline gfn_t mmu_level_pages(unsigned int level)
{
	return 1ULL << (9 * (level - 1));
}

static inline unsigned int mmu_index(gfn_t gfn, unsigned int level)
{
	return (gfn >> (9 * (level - 1))) & (MMU_TABLE_ENTRIES - 1);
}

static inline bool mmu_is_leaf(u64 entry, unsigned int level)
{
	return level == 1 || (entry & MMU_LARGE);
}

static inline u64 *mmu_child(u64 entry)
{
	return __va(entry & MMU_PFN_MASK);
}

/* mmu_cache_fill - allocate what one fault can need. May sleep. ENOMEM. */
int mmu_cache_fill(struct mmu_cache *cache);
void mmu_cache_free(struct mmu_cache *cache);

/* mmu_find_root - the root of @role, or NULL. No lock needed. */
struct mmu_root *mmu_find_root(struct memory *mem, union mmu_role role);

/* mmu_make_root - find or make it; may sleep. ENOMEM. */
struct mmu_root *mmu_make_root(struct memory *mem, union mmu_role role);

/* mmu_free_roots - free all tables; no vCPU runs on them any more. */
void mmu_free_roots(struct memory *mem);

/*
 * mmu_map - enter a leaf in the vCPU's tables; further ones come from its cache. Rights
 * already there for the same page stay. Large leaves in the way are split. The leaf's entry,
 * or NULL: nothing was done, as another page is there. The vCPU's thread, mmu_lock held for
 * reading.
 */
u64 *mmu_map(struct vcpu *vcpu, const struct mmu_leaf *leaf);

/*
 * mmu_map_beside - the same for the 4 KiB leaf of @entry, in the table of one that mmu_map()
 * returned since mmu_lock was taken. Another page stays.
 */
void mmu_map_beside(struct vcpu *vcpu, u64 *entry, const struct mmu_leaf *leaf);

/* Who holds mmu_lock for writing, and what he changed. */
struct mmu_writer {
	struct vm *vm;
	bool flush;			/* CPUs may still use what was taken away */
	struct list_head tables;	/* of that: to be freed, by page->lru */
};

/* mmu_write_lock - @w is the caller's until mmu_write_unlock(). */
void mmu_write_lock(struct mmu_writer *w, struct vm *vm);

/*
 * mmu_write_unlock - let mmu_lock go, then wait until no CPU uses any more what was taken
 * away before, by whomever: one who found nothing left to take away may return, too. Caller
 * as of vm_flush_and_wait().
 */
void mmu_write_unlock(struct mmu_writer *w);

/* mmu_write_break - both, the lock last, if somebody waits for the lock or the CPU. May sleep. */
void mmu_write_break(struct mmu_writer *w);

/*
 * What follows is done by a mmu_writer. With @may_break there may be mmu_write_break()s in
 * between.
 */

/* mmu_zap - remove all leaves of [start, end) and tables that become empty. */
void mmu_zap(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end, bool may_break);

/*
 * mmu_protect - the next write to a page of [start, end) is noticed: the page is read-only,
 * or the CPU logs it (role.log).
 */
void mmu_protect(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end, bool may_break);

/* mmu_protect_pages - the same for the pages gfn + n for the bits n set in @mask. */
void mmu_protect_pages(struct mmu_writer *w, unsigned int as_id, gfn_t gfn, unsigned long mask);

/* mmu_zap_small - remove the 4 KiB leaves of [start, end), so that large ones can come. */
void mmu_zap_small(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end,
		   bool may_break);

/*
 * mmu_age - was a page of [start, end) accessed since the last call with @clear?
 * @flush: vCPUs notice that the bit was cleared. Formats without accessed bit
 * lose their leaves instead.
 */
bool mmu_age(struct mmu_writer *w, unsigned int as_id, gfn_t start, gfn_t end, bool clear,
	     bool flush);

/*
 * mmu_allow_write - make the 4 KiB leaf of @gfn writable again, which only the log keeps
 * from that. False: there is none, or more is to be done. Window, no lock: where mmu_lock's
 * holder changes the entry at the same time, his change stands.
 */
bool mmu_allow_write(const struct mmu_root *root, gfn_t gfn);

#endif /* MINIVMM_MMU_TABLE_H */
