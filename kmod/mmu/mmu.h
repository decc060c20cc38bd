/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Second-level page tables: guest physical to host physical addresses, filled on
 * demand from the owner's page tables and emptied by the MMU notifier.
 *
 * Who holds memory.mmu_lock for reading adds: leaves, tables, rights. Faults do, of several
 * vCPUs at a time, so each change is one compare-and-exchange of an entry, and who comes
 * too late looks at the entry again. Who holds it for writing takes away (mmu_write_lock()
 * in table.h): change entries, let mmu_lock go, vm_flush_and_wait(), and only then free
 * tables or return from the notifier. So a window may use what it finds until it ends, and
 * nobody waits for another CPU with mmu_lock held. At any time, and without the lock, the
 * CPU sets accessed and dirty bits and mmu_log_write() gives write access back.
 */
#ifndef MINIVMM_MMU_MMU_H
#define MINIVMM_MMU_MMU_H

#include "../memory/memory.h"
#include "format.h"

struct vcpu;

/* Page-table pages at hand, so that nothing is allocated under mmu_lock. */
#define MMU_CACHE_PAGES	(MMU_MAX_LEVELS + 1)

struct mmu_cache {
	unsigned int nr;
	u64 *page[MMU_CACHE_PAGES];	/* zeroed */
};

/* Places that a guest goes upwards at, one after the other; a copy has two. */
#define MMU_PLACES	4

/* Embedded in struct vcpu; the vCPU thread's own. */
struct vcpu_mmu {
	struct mmu_root *root;		/* NULL: mmu_load() first */
	u64 root_pa;			/* its nCR3, or the address part of the EPT pointer */
	union mmu_role role;		/* wanted; may be changed outside, then mmu_load() */
	struct memslots *slots;		/* of the role's address space */
	struct mmu_cache cache;
	struct memory_stats stats;
	struct memslot_cache slot;
	gfn_t next[MMU_PLACES];		/* what follows the pages that faults brought in, last one first */
	u32 access_seq;			/* odd inside guest_*(): deleters of slots wait */
};

/* Properties of second-level paging on this host: set once by the backend at load. */
struct mmu_host {
	union mmu_role role;		/* what a vCPU starts with: format, levels, ad, log */
	u8 max_leaf_level;		/* 1 to 3 */
	u64 apic_pfn;			/* what accesses to the local APIC are recognized by; 0: not used */
};

/* mmu_setup - called by the backend before the first VM. */
void mmu_setup(const struct mmu_host *host);

/* mmu_max_gfn - the highest gfn a slot may cover on this host. */
gfn_t mmu_max_gfn(void);

/*
 * mmu_cpu_logs - whether the CPU itself notes what is written to logged slots, each vCPU
 * until its window ends: see memory/dirty_log.c.
 */
bool mmu_cpu_logs(void);

/* mmu_init_vcpu/mmu_destroy_vcpu - begin and end of a vCPU's life. */
void mmu_init_vcpu(struct vcpu *vcpu);
void mmu_destroy_vcpu(struct vcpu *vcpu);

/*
 * mmu_load - make sure the vCPU points to the root of its role; requests
 * VCPU_REQ_TLB_FLUSH if that changed. Outside level, when VCPU_REQ_MMU asks for it. ENOMEM.
 */
int mmu_load(struct vcpu *vcpu);

/*
 * mmu_map_apic - whether the local APIC is at its usual address, so that the CPU may
 * find apic_pfn there; takes effect by mmu_load(). Window or outside.
 */
void mmu_map_apic(struct vcpu *vcpu, bool on);

/* mmu_slot_in_window - the slot that covers @gpa, or NULL: good until the window ends. Window. */
static inline struct memslot *mmu_slot_in_window(struct vcpu_mmu *mmu, gpa_t gpa)
{
	return memory_find_slot(mmu->slots, &mmu->slot, gpa >> PAGE_SHIFT);
}

/* Kinds of access of a second-level fault; MMU_READ is none of the others. */
#define MMU_READ	0u
#define MMU_WRITE	BIT(0)
#define MMU_EXEC	BIT(1)

enum mmu_result {
	MMU_MAPPED,	/* done: enter the guest again */
	MMU_RETRY,	/* memory or slots were changing: enter again (after need_resched, signals) */
	MMU_MMIO,	/* no slot, or a write to a read-only slot: emulate */
};

/*
 * mmu_fault - resolve a second-level fault of @vcpu at @gpa. Outside level;
 * current->mm is vm->mm; may sleep for long (swap, userfaultfd).
 *
 * Returns enum mmu_result, or
 * -EFAULT  the owner's address is not mapped, or not with this access
 * -EINTR   a signal is pending and interrupted the wait
 * -ENOMEM
 * A poisoned page sends SIGBUS (BUS_MCEERR_AR) to current, as a direct access would,
 * and returns -EINTR.
 */
int mmu_fault(struct vcpu *vcpu, gpa_t gpa, u32 access);

/*
 * mmu_log_write - the guest writes to a page of @slot that is read-only for the log alone:
 * note it there and let it. False: mmu_fault() has to. Window.
 */
bool mmu_log_write(struct vcpu *vcpu, struct memslot *slot, gpa_t gpa);

/*
 * mmu_peek - kernel address of @gpa for reading or (@write) writing, found through
 * the live tables, or NULL if they do not (yet) allow it or the page is not in the
 * direct map. Window level only, after vcpu->mode = VCPU_IN_WINDOW; legal until
 * the window ends and up to the end of the 4 KiB page. Dirty logging is satisfied:
 * what is writable here has been reported.
 */
void *mmu_peek(struct vcpu *vcpu, gpa_t gpa, bool write);

#endif /* MINIVMM_MMU_MMU_H */
