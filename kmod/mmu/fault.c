// SPDX-License-Identifier: GPL-2.0
/*
 * A second-level fault: slot, page of the owner, and, with mmu_lock held for reading when
 * nothing has changed meanwhile, the entry. Also what else a vCPU asks of its tables:
 * its root, and a look at guest memory from the window.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "../compat.h"
#include "../memory/dirty_log.h"
#include "../report/trace.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "host.h"
#include "table.h"

static struct mmu_host mmu_host;

void mmu_setup(const struct mmu_host *host)
{
	mmu_host = *host;
}

gfn_t mmu_max_gfn(void)
{
	unsigned int bits = min(52, 12 + 9 * mmu_host.role.levels);

	return (1ULL << (bits - PAGE_SHIFT)) - 1;
}

bool mmu_cpu_logs(void)
{
	return mmu_host.role.log;
}

void mmu_init_vcpu(struct vcpu *vcpu)
{
	vcpu->mmu.role = mmu_host.role;
	vcpu->mmu.slots = &vcpu->vm->memory.slots[vcpu->mmu.role.as_id];
	memset(vcpu->mmu.next, 0xff, sizeof(vcpu->mmu.next));
	vcpu_request(vcpu, VCPU_REQ_MMU);
}

void mmu_destroy_vcpu(struct vcpu *vcpu)
{
	mmu_cache_free(&vcpu->mmu.cache);
}

int mmu_load(struct vcpu *vcpu)
{
	struct vcpu_mmu *mmu = &vcpu->mmu;
	struct memory *mem = &vcpu->vm->memory;
	struct mmu_root *root;

	if (likely(mmu->root && mmu->root->role.word == mmu->role.word))
		return 0;
	root = mmu_find_root(mem, mmu->role) ?: mmu_make_root(mem, mmu->role);
	if (!root)
		return -ENOMEM;
	mmu->root = root;
	mmu->root_pa = __sme_set(__pa(root->table));
	vcpu_request(vcpu, VCPU_REQ_TLB_FLUSH);
	return 0;
}

void mmu_map_apic(struct vcpu *vcpu, bool on)
{
	vcpu->mmu.role.apic = on && mmu_host.apic_pfn;
	vcpu_request(vcpu, VCPU_REQ_MMU);
}

void *mmu_peek(struct vcpu *vcpu, gpa_t gpa, bool write)
{
	const struct mmu_root *root = vcpu->mmu.root;
	u64 need = MMU_SW_DIRECT | (write ? root->format->write | root->format->dirty : 0);
	unsigned int level = root->role.levels;
	const u64 *table = root->table;
	u64 entry;

	for (;; level--) {
		entry = READ_ONCE(table[mmu_index(gpa >> PAGE_SHIFT, level)]);
		if (!(entry & root->format->present))
			return NULL;
		if (mmu_is_leaf(entry, level))
			break;
		table = mmu_child(entry);
	}
	if ((entry & need) != need)
		return NULL;
	return (void *)mmu_child(entry) + (gpa & ((mmu_level_pages(level) << PAGE_SHIFT) - 1));
}

/*
 * Write access first: the log may be restarted in between. Then the bit that is set too
 * late for this time stands for the write the next time.
 */
bool mmu_log_write(struct vcpu *vcpu, struct memslot *slot, gpa_t gpa)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;

	if (!slot->dirty || !mmu_allow_write(vcpu->mmu.root, gfn))
		return false;
	memory_mark_written(vcpu, slot, gfn);
	return true;
}

/*
 * Pages of 4 KiB that one fault brings in where the guest goes upwards, as far as the owner has
 * them: an aligned block.
 */
#define AROUND	16

/* One fault on its way through. */
struct fault {
	struct vcpu *vcpu;
	struct memslot *slot;
	gfn_t gfn;
	unsigned long hva;
	u32 access;
	unsigned long seq;		/* of memory.seq before the slot was looked up */
	struct page *page[AROUND];	/* that at hva, NULL: device memory; and what follows it */
	unsigned int nr;
	unsigned int place;		/* in vcpu->mmu.next[]: it goes on there, or instead of it */
};

/* Has something changed for these pages since seq was read? mmu_lock held. */
static bool is_stale(const struct memory *mem, const struct fault *f)
{
	if (mem->seq != f->seq)
		return true;
	return mem->invalidating && f->hva + f->nr * PAGE_SIZE > mem->inv_start &&
	       f->hva < mem->inv_end;
}

/* Does the slot hold the whole large page around gfn, congruent to the owner's? */
static bool slot_allows_level(const struct memslot *slot, gfn_t gfn, unsigned int level)
{
	gfn_t pages = mmu_level_pages(level);
	gfn_t first = gfn & ~(pages - 1);

	return first >= slot->base_gfn && first + pages <= slot->base_gfn + slot->npages &&
	       !(((slot->hva >> PAGE_SHIFT) ^ slot->base_gfn) & (pages - 1));
}

static unsigned int leaf_level(const struct fault *f, unsigned int host_level)
{
	unsigned int level = min_t(unsigned int, host_level, mmu_host.max_leaf_level);

	if (f->slot->dirty)	/* logged by 4 KiB */
		return 1;
	if (f->vcpu->mmu.root->role.nx_large && (f->access & MMU_EXEC))
		return 1;
	while (level > 1 && !slot_allows_level(f->slot, f->gfn, level))
		level--;
	return level;
}

/* May pages be writable that this fault does not write to? The log must not miss a write. */
static bool may_write_unseen(const struct fault *f)
{
	return !f->slot->dirty || f->vcpu->mmu.root->role.log;
}

/*
 * The pages that came along are the guest's next. They are mapped with no more rights than
 * they were asked for with, and never count as written.
 */
static void map_following(struct fault *f, struct mmu_leaf leaf, u64 *entry)
{
	unsigned int i;

	leaf.write &= !!(f->access & MMU_WRITE);
	leaf.dirty = !f->slot->dirty;
	leaf.young = false;
	for (i = 1; i < f->nr; i++) {
		leaf.gfn = f->gfn + i;
		leaf.pfn = page_to_pfn(f->page[i]);
		if (leaf.write)
			host_page_dirty(f->page[i]);
		mmu_map_beside(f->vcpu, entry + i, &leaf);
	}
}

/* The place that the guest was at last comes first; on a miss the last one goes. */
static void note_place(const struct fault *f)
{
	gfn_t *next = f->vcpu->mmu.next;

	memmove(next + 1, next, f->place * sizeof(*next));
	next[0] = f->gfn + f->nr;
}

/*
 * mmu_lock held and nothing stale: the owner's entry tells what can be mapped. -EEXIST: not
 * where another page is.
 */
static int map_page(struct fault *f)
{
	struct host_entry he = host_entry(f->vcpu->vm->mm, f->hva);
	bool write = f->access & MMU_WRITE;
	struct mmu_leaf leaf = {
		.gfn = f->gfn, .pfn = he.pfn, .exec = true, .young = true,
		.direct = f->page[0], .uncached = !f->page[0],
	};
	u64 *entry;

	/* The page may have gone, or may want to be copied, since it was found. */
	if (!he.level || (write && !he.writable))
		return MMU_RETRY;
	if (f->page[0] && he.pfn != page_to_pfn(f->page[0]))
		return MMU_RETRY;
	leaf.write = he.writable && !(f->slot->flags & MINIVMM_MEM_READONLY) &&
		     (write || may_write_unseen(f));
	leaf.dirty = write || !f->slot->dirty;
	leaf.level = leaf_level(f, he.level);
	if (write)
		memory_mark_written(f->vcpu, f->slot, f->gfn);
	if (leaf.write)
		host_page_dirty(f->page[0]);
	entry = mmu_map(f->vcpu, &leaf);
	if (!entry)
		return -EEXIST;
	if (leaf.level == 1) {
		map_following(f, leaf, entry);
		note_place(f);
	}
	f->vcpu->mmu.stats.faults++;
	return MMU_MAPPED;
}

/* The notifier takes pages away before others come: this is the APIC's, and a slot came over it. */
static void unblock(struct fault *f)
{
	struct mmu_writer w;

	mmu_write_lock(&w, f->vcpu->vm);
	mmu_zap(&w, f->vcpu->mmu.role.as_id, f->gfn, f->gfn + 1, false);
	mmu_write_unlock(&w);
}

static int finish(struct fault *f)
{
	struct memory *mem = &f->vcpu->vm->memory;
	int ret = MMU_RETRY;

	read_lock(&mem->mmu_lock);
	if (!is_stale(mem, f))
		ret = map_page(f);
	read_unlock(&mem->mmu_lock);
	if (ret == MMU_MAPPED)
		return ret;
	if (ret == -EEXIST)
		unblock(f);
	f->vcpu->mmu.stats.retries++;
	return MMU_RETRY;
}

/* Whether the page follows those of an earlier fault; sets place. */
static bool goes_upwards(struct fault *f)
{
	const gfn_t *next = f->vcpu->mmu.next;

	for (f->place = 0; next[f->place] != f->gfn; f->place++)
		if (f->place == MMU_PLACES - 1)
			return false;
	return true;
}

/*
 * Pages to bring in: up to the end of the block and the slot, if the owner's are small. One
 * alone if the next may be elsewhere, or has a fault of its own all the same, for the log.
 */
static unsigned int pages_ahead(struct fault *f)
{
	gfn_t slot_end = f->slot->base_gfn + f->slot->npages;

	if (!goes_upwards(f) || ((f->access & MMU_WRITE) && !may_write_unseen(f)))
		return 1;
	if (host_entry(f->vcpu->vm->mm, f->hva).level != 1)
		return 1;
	return min_t(gfn_t, AROUND - f->gfn % AROUND, slot_end - f->gfn);
}

static void put_pages(struct fault *f)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		host_page_put(f->page[i]);
}

/* What is to be known of the slot, inside srcu. MMU_MAPPED: the owner can be asked for its pages. */
static int look_at_slot(struct fault *f)
{
	if ((f->access & MMU_WRITE) && (f->slot->flags & MINIVMM_MEM_READONLY))
		return MMU_MMIO;
	if (READ_ONCE(f->slot->invalid))
		return MMU_RETRY;
	f->hva = memslot_hva(f->slot, f->gfn);
	f->nr = pages_ahead(f);
	return MMU_MAPPED;
}

/*
 * Outside srcu: it may wait for userfaultfd, and so for userspace, while slots come and
 * go. The slot is there as long as memory.seq has not moved, as finish() makes sure.
 */
static int resolve(struct fault *f)
{
	int ret = host_pages_get(f->page, f->nr, f->hva, f->access & MMU_WRITE);

	/* The slot may have gone meanwhile, and the owner's memory after it. */
	if (ret < 0 && READ_ONCE(f->vcpu->vm->memory.seq) != f->seq)
		return MMU_RETRY;
	if (ret == -EHWPOISON) {
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva, PAGE_SHIFT, current);
		return -EINTR;
	}
	if (ret < 0)
		return ret == -EAGAIN ? MMU_RETRY : ret;
	f->nr = ret;
	ret = finish(f);
	put_pages(f);
	return ret;
}

/* The CPU never uses the page itself: accesses become exits or go to the APIC's registers. */
static int map_apic(struct fault *f)
{
	struct memory *mem = &f->vcpu->vm->memory;
	struct mmu_leaf leaf = {
		.gfn = f->gfn, .pfn = mmu_host.apic_pfn, .level = 1, .write = true,
		.dirty = true, .young = true,
	};
	int ret = MMU_RETRY;

	if (!f->vcpu->mmu.root->role.apic || f->gfn != LAPIC_BASE_DEFAULT >> PAGE_SHIFT)
		return MMU_MMIO;
	read_lock(&mem->mmu_lock);
	if (mem->seq == f->seq && mmu_map(f->vcpu, &leaf))
		ret = MMU_MAPPED;
	read_unlock(&mem->mmu_lock);
	return ret;
}

static int fault_once(struct vcpu *vcpu, gpa_t gpa, u32 access)
{
	struct memory *mem = &vcpu->vm->memory;
	struct fault f;
	int ret, idx;

	f.vcpu = vcpu;
	f.gfn = gpa >> PAGE_SHIFT;
	f.access = access;

	ret = mmu_cache_fill(&vcpu->mmu.cache);
	if (ret)
		return ret;
	/* Pairs with the release in memory/slots.c and notifier.c: changes before seq moved are seen. */
	f.seq = smp_load_acquire(&mem->seq);
	idx = srcu_read_lock(&mem->srcu);
	f.slot = memory_find_slot(vcpu->mmu.slots, &vcpu->mmu.slot, f.gfn);
	ret = f.slot ? look_at_slot(&f) : MMU_MMIO;
	srcu_read_unlock(&mem->srcu, idx);
	if (!f.slot)
		return map_apic(&f);
	return ret == MMU_MAPPED ? resolve(&f) : ret;
}

/*
 * A fault that copies a page invalidates the address itself and so comes too late
 * the first time: tried again at once it costs no entry to the guest.
 */
#define FAULT_TRIES	3

int mmu_fault(struct vcpu *vcpu, gpa_t gpa, u32 access)
{
	int ret, tries;

	for (tries = 0; tries < FAULT_TRIES; tries++) {
		ret = fault_once(vcpu, gpa, access);
		if (ret != MMU_RETRY)
			break;
	}
	trace_page_fault(vcpu->id, gpa, access, ret);
	return ret;
}
