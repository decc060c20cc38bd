// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of the owner (see host.h). Ordinary memory comes from GUP, which refuses
 * what the kernel cannot touch (secret memory); device memory (VM_PFNMAP, VM_IO)
 * is faulted in and its entry read from the page table.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/swap.h>

#include "../compat.h"
#include "host.h"

/* Device memory: only its VMA can bring it in. */
static int fault_in_device(unsigned long hva, bool write)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -EFAULT;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, hva);
	if (vma && (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		ret = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, NULL);
	mmap_read_unlock(mm);
	return ret;
}

int host_pages_get(struct page **pages, unsigned int nr, unsigned long hva, bool write)
{
	unsigned int flags = write ? FOLL_WRITE : 0;
	long ret;

	ret = get_user_pages_fast_only(hva, nr, flags, pages);
	if (ret > 0)
		return ret;
	flags |= FOLL_HWPOISON | HOST_FOLL_INTERRUPTIBLE;
	ret = get_user_pages_unlocked(hva, 1, pages, flags);
	if (ret == 1)
		return 1;
	pages[0] = NULL;
	if (ret == -EFAULT)
		ret = fault_in_device(hva, write);
	else if (!ret)
		ret = -EAGAIN;
	return ret ?: 1;
}

void host_page_put(struct page *page)
{
	if (!page)
		return;
	mark_page_accessed(page);
	put_page(page);
}

/*
 * The guest's writes set no dirty bit the host looks at. Marking the page when it
 * becomes writable is enough: whoever cleans a page (writeback, reclaim, MADV_FREE)
 * first takes write access away from the owner, through the notifier also from the
 * guest, and the next write comes back here. File systems that want to know of the
 * first write are told by the fault inside GUP.
 */
void host_page_dirty(struct page *page)
{
	if (page && !PageReserved(page) && !PageDirty(page))
		SetPageDirty(page);
}

/*
 * Interrupts off keep page tables from being freed (as for GUP-fast). Entries of
 * all levels have present, writable, size and address bits at the same places.
 */
struct host_entry host_entry(struct mm_struct *mm, unsigned long hva)
{
	unsigned int level = pgtable_l5_enabled() ? 5 : 4;
	const u64 *table = (const u64 *)mm->pgd;
	struct host_entry found = { .writable = true };
	unsigned long flags;

	local_irq_save(flags);
	for (;; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * (level - 1);
		u64 entry = READ_ONCE(table[(hva >> shift) & (PTRS_PER_PTE - 1)]);

		if (!(entry & _PAGE_PRESENT))
			break;
		found.writable &= !!(entry & _PAGE_RW);
		if (level == 1 || (entry & _PAGE_PSE)) {
			u64 mask = (1ULL << shift) - 1;

			found.level = level;
			found.pfn = ((entry & PTE_PFN_MASK & ~mask) | (hva & mask)) >> PAGE_SHIFT;
			break;
		}
		table = __va(entry & PTE_PFN_MASK);
	}
	local_irq_restore(flags);
	return found;
}
