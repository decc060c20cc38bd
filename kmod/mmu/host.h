/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The owner's page tables as seen from here: which page is behind a user address
 * and how large its mapping is. Nothing is kept: a page found is good as long as
 * no invalidation of its address has begun (memory.seq, checked under mmu_lock).
 */
#ifndef MINIVMM_MMU_HOST_H
#define MINIVMM_MMU_HOST_H

#include <linux/mm_types.h>
#include <linux/types.h>

/*
 * host_pages_get - bring in the page at @hva of current->mm, for writing if
 * @write. May sleep. Sets @pages[0], with a reference for host_page_put(), or to NULL
 * for device memory, which has no struct page. Of the @nr - 1 pages that follow, those up
 * to the first that is not there as wanted come along.
 *
 * The number of pages, or -EFAULT, -EINTR, -EHWPOISON, -ENOMEM, -EAGAIN (look again).
 */
int host_pages_get(struct page **pages, unsigned int nr, unsigned long hva, bool write);

/* host_page_put - drop the reference; NULL is fine. Not under mmu_lock. */
void host_page_put(struct page *page);

/*
 * host_page_dirty - the guest may write the page from now on. Under mmu_lock,
 * before the entry is made; NULL is fine.
 */
void host_page_dirty(struct page *page);

/* What the owner's page tables hold for an address. */
struct host_entry {
	unsigned int level;	/* of the leaf, 1 to 3; 0: nothing present */
	u64 pfn;		/* of the page at the address itself */
	bool writable;
};

/*
 * host_entry - look @hva up in the page tables of @mm. Lockless; true at the
 * moment of the call, and under mmu_lock with the sequence checked as long as
 * mmu_lock is held.
 */
struct host_entry host_entry(struct mm_struct *mm, unsigned long hva);

#endif /* MINIVMM_MMU_HOST_H */
