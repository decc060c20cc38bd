/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Second-level page tables themselves: making, restricting and removing entries.
 * Knows formats and the flush rule (mmu.h), nothing of host memory.
 *
 * All functions that say so need memory.mmu_lock; those that take it may drop it
 * on the way when @may_break, after flushing what was changed so far.
 */
#ifndef MINIVMM_MMU_TABLE_H
#define MINIVMM_MMU_TABLE_H

#include "mmu.h"

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
 * mmu_map - enter a leaf; tables come from @cache. Rights already there for the
 * same page stay. Large leaves in the way are split. mmu_lock held.
 */
void mmu_map(struct vm *vm, struct mmu_root *root, const struct mmu_leaf *leaf,
	     struct mmu_cache *cache);

/* mmu_zap - remove all leaves of [start, end) and tables that become empty. mmu_lock held. */
void mmu_zap(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, bool may_break);

/*
 * mmu_protect - the next write to a page of [start, end) is noticed: the page is read-only,
 * or the CPU logs it (role.log). mmu_lock held.
 */
void mmu_protect(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, bool may_break);

/*
 * mmu_protect_pages - the same for the pages gfn + n for the bits n set in @mask.
 * True: the caller must flush. mmu_lock held.
 */
bool mmu_protect_pages(struct memory *mem, unsigned int as_id, gfn_t gfn, unsigned long mask);

/*
 * mmu_allow_write - make the 4 KiB leaf of @gfn writable again, which only the log keeps
 * from that. False: there is none, or more is to be done. Window, no lock: where mmu_lock's
 * holder changes the entry at the same time, his change stands.
 */
bool mmu_allow_write(const struct mmu_root *root, gfn_t gfn);

/* mmu_zap_small - remove the 4 KiB leaves of [start, end), so that large ones can come. mmu_lock held. */
void mmu_zap_small(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, bool may_break);

/*
 * mmu_age - was a page of [start, end) accessed since the last call with @clear?
 * @flush: vCPUs notice that the bit was cleared. Formats without accessed bit
 * lose their leaves instead. mmu_lock held.
 */
bool mmu_age(struct vm *vm, unsigned int as_id, gfn_t start, gfn_t end, bool clear, bool flush);

#endif /* MINIVMM_MMU_TABLE_H */
