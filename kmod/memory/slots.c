// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: SET_USER_MEMORY_REGION.
 *
 * A change replaces slots in the address space's set under mmu_lock and moves memory.seq, so
 * that faults under way start again. A slot that goes is first marked invalid and its entries
 * zapped while the set still holds it (the notifier must find it that long); then vCPUs in a
 * window and host accesses in guest_*() are waited for; srcu frees it later.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../mmu/notifier.h"
#include "../mmu/table.h"
#include "../report/explain.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "memory.h"
#include "slot_set.h"
#include "slot_tree.h"
#include "slots.h"

static struct memslots *slots_of(struct vm *vm, unsigned int as_id)
{
	lockdep_assert_held(&vm->lock);
	return &vm->memory.slots[array_index_nospec(as_id, MEMORY_ADDRESS_SPACES)];
}

bool memory_has_slot(struct vcpu *vcpu, gpa_t gpa)
{
	bool found;

	rcu_read_lock();
	found = memory_find_slot(vcpu->mmu.slots, &vcpu->mmu.slot, gpa >> PAGE_SHIFT);
	rcu_read_unlock();
	return found;
}

static struct memslot *slot_alloc(const struct minivmm_userspace_memory_region *r)
{
	struct memslot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->base_gfn = r->guest_phys_addr >> PAGE_SHIFT;
	slot->npages = r->memory_size >> PAGE_SHIFT;
	slot->hva = r->userspace_addr;
	slot->flags = r->flags;
	slot->id = r->slot;
	slot->as_id = r->slot >> 16;
	return slot;
}

static int slot_start_log(struct memslot *slot, bool all_dirty)
{
	size_t longs = BITS_TO_LONGS(slot->npages);

	slot->dirty = kvcalloc(longs + MEMORY_LOG_CHUNK, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return -ENOMEM;
	slot->buffer = slot->dirty + longs;
	if (all_dirty)
		bitmap_set(slot->dirty, 0, slot->npages);
	return 0;
}

static void slot_free(struct memslot *slot)
{
	if (!slot)
		return;
	kvfree(slot->dirty);
	kfree(slot);
}

static long retired_bytes(const struct memslot *slot)
{
	return sizeof(*slot) + (slot->dirty ? slot->npages / BITS_PER_BYTE + 2 * PAGE_SIZE : 0);
}

/* Sleeping readers are gone; readers with preemption off remain. */
static void slot_retire_rcu(struct rcu_head *rcu)
{
	struct memslot *slot = container_of(rcu, struct memslot, rcu);

	atomic_long_sub(retired_bytes(slot), slot->retired);
	kvfree(slot->dirty);
	kfree_rcu(slot, rcu);
}

/* @slot, which is in no set any more, or NULL, is freed when unread. */
static void slot_retire(struct memory *mem, struct memslot *slot)
{
	if (!slot)
		return;
	slot->retired = &mem->retired;
	atomic_long_add(retired_bytes(slot), slot->retired);
	call_srcu(&mem->srcu, &slot->rcu, slot_retire_rcu);
}

/* The slots of an address space are without @remove and with @add; either may be NULL. */
static void slots_publish(struct vm *vm, unsigned int as_id, struct memslot *remove,
			  struct memslot *add)
{
	struct memory *mem = &vm->memory;

	write_lock(&mem->mmu_lock);
	slot_set_replace(slots_of(vm, as_id), remove, add, ++mem->generation);
	smp_store_release(&mem->seq, mem->seq + 1);
	write_unlock(&mem->mmu_lock);
}

/*
 * An access of the host's that waits for userfaultfd keeps every slot that went since
 * it began. Usually none is under way, and they are kept for a grace period.
 */
static int wait_for_retired(struct memory *mem)
{
	while (atomic_long_read(&mem->retired) > MEMORY_MAX_RETIRED) {
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range(50, 200);
	}
	return 0;
}

/* Take the entries of @slot away, while nobody makes new ones. */
static void slot_invalidate(struct vm *vm, struct memslot *slot)
{
	struct memory *mem = &vm->memory;
	struct mmu_writer w;

	mmu_write_lock(&w, vm);
	WRITE_ONCE(slot->invalid, true);
	smp_store_release(&mem->seq, mem->seq + 1);
	mmu_zap(&w, slot->as_id, slot->base_gfn, slot->base_gfn + slot->npages, true);
	mmu_write_unlock(&w);
}

/*
 * Wait until no guest_*() uses a slot marked invalid before. Usually none is under
 * way; one that waits for userfaultfd waits for userspace.
 */
static void wait_for_access(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned int i;

	smp_mb();	/* pairs with access_begin(): invalid is set before the look */
	for_each_vcpu(vm, i, vcpu) {
		u32 seq = READ_ONCE(vcpu->mmu.access_seq);

		while ((seq & 1) && READ_ONCE(vcpu->mmu.access_seq) == seq)
			usleep_range(10, 50);
	}
}

/*
 * memory.logged goes up before a logged slot can be found, and down when no vCPU is in a
 * window any more that found it: what the CPU logged is then in the log.
 */
static void count_logged(struct vm *vm, const struct memslot *slot, int change)
{
	if (slot && slot->dirty)
		WRITE_ONCE(vm->memory.logged, vm->memory.logged + change);
}

static int delete_slot(struct vm *vm, struct memslot *old)
{
	slot_invalidate(vm, old);
	slots_publish(vm, old->as_id, old, NULL);
	slot_set_name(slots_of(vm, old->as_id), old->id, NULL);
	vm_flush_and_wait(vm, VCPU_REQ_WINDOW);
	wait_for_access(vm);
	vm->memory.npages -= old->npages;
	count_logged(vm, old, -1);
	slot_retire(&vm->memory, old);
	return 0;
}

/* Start or stop logging: entries made under the old flags are adapted. */
static void adapt_entries(struct vm *vm, const struct memslot *old, const struct memslot *new)
{
	gfn_t start = new->base_gfn, end = new->base_gfn + new->npages;
	u32 manual = vm->memory.manual_protect;
	struct mmu_writer w;

	mmu_write_lock(&w, vm);
	if (!old->dirty && new->dirty && !(manual & MINIVMM_DIRTY_LOG_INITIALLY_SET))
		mmu_protect(&w, new->as_id, start, end, true);
	else if (old->dirty && !new->dirty)
		mmu_zap_small(&w, new->as_id, start, end, true);
	mmu_write_unlock(&w);
	/* Whoever found the old slot in his window may still write to its log. */
	if (old->dirty)
		vm_flush_and_wait(vm, VCPU_REQ_WINDOW);
}

/* All that can fail before @new takes its place. */
static int prepare_slot(struct vm *vm, const struct memslot *old, struct memslot *new)
{
	struct memslots *slots = slots_of(vm, new->as_id);
	u32 manual = vm->memory.manual_protect;
	int err = 0;

	if (slot_set_overlaps(slots, new, old))
		return refuse(&vm->error, -EEXIST, "guest_phys_addr", new->base_gfn << PAGE_SHIFT,
			      "overlaps another slot");
	if (new->flags & MINIVMM_MEM_LOG_DIRTY_PAGES)
		err = slot_start_log(new, manual & MINIVMM_DIRTY_LOG_INITIALLY_SET);
	return err ?: slot_set_name(slots, new->id, new);
}

/* Put @new into the set, in the place of @old if there is one. Consumes @new on success. */
static int install_slot(struct vm *vm, struct memslot *old, struct memslot *new)
{
	struct memory *mem = &vm->memory;
	bool moved = old && old->base_gfn != new->base_gfn;
	int err = prepare_slot(vm, old, new);

	if (err)
		return err;
	if (moved)
		slot_invalidate(vm, old);
	count_logged(vm, new, 1);
	slots_publish(vm, new->as_id, old, new);
	if (moved) {
		vm_flush_and_wait(vm, VCPU_REQ_WINDOW);
		wait_for_access(vm);
	} else if (old) {
		adapt_entries(vm, old, new);
	} else {
		mem->npages += new->npages;
	}
	count_logged(vm, old, -1);
	slot_retire(mem, old);
	return 0;
}

#define check(vm, ok, field, rule)						\
	((ok) ? 0 : refuse(&(vm)->error, -EINVAL, #field, region->field, rule))

/* What needs no look at the other slots. */
static int check_region(struct vm *vm, const struct minivmm_userspace_memory_region *region)
{
	u64 gpa = region->guest_phys_addr, size = region->memory_size;
	u64 hva = region->userspace_addr;

	return check(vm, !(region->flags & ~(MINIVMM_MEM_LOG_DIRTY_PAGES | MINIVMM_MEM_READONLY)),
		     flags, "unknown flag") ?:
	       check(vm, PAGE_ALIGNED(size), memory_size, "must be a multiple of 4096") ?:
	       check(vm, PAGE_ALIGNED(gpa), guest_phys_addr, "must be a multiple of 4096") ?:
	       check(vm, PAGE_ALIGNED(hva), userspace_addr, "must be a multiple of 4096") ?:
	       check(vm, access_ok((void __user *)hva, size), userspace_addr,
		     "range is not in user space") ?:
	       check(vm, region->slot >> 16 < MEMORY_ADDRESS_SPACES, slot,
		     "no such address space") ?:
	       check(vm, (region->slot & 0xffff) < MEMORY_MAX_SLOTS, slot, "id too high") ?:
	       check(vm, gpa + size >= gpa, guest_phys_addr, "range wraps around") ?:
	       check(vm, size >> PAGE_SHIFT <= MEMORY_MAX_SLOT_PAGES, memory_size, "too large");
}

static int check_unchanged(struct vm *vm, const struct memslot *old,
			   const struct minivmm_userspace_memory_region *region)
{
	return check(vm, region->userspace_addr == old->hva, userspace_addr,
		     "a slot keeps its user address") ?:
	       check(vm, region->memory_size >> PAGE_SHIFT == old->npages, memory_size,
		     "a slot keeps its size") ?:
	       check(vm, !((region->flags ^ old->flags) & MINIVMM_MEM_READONLY), flags,
		     "a slot keeps READONLY");
}

static int set_region(struct vm *vm, const struct minivmm_userspace_memory_region *region)
{
	u64 last = (region->guest_phys_addr + region->memory_size - 1) >> PAGE_SHIFT;
	struct memslot *old, *new;
	int err = check_region(vm, region);

	if (err)
		return err;
	old = slot_set_by_id(slots_of(vm, region->slot >> 16), region->slot);
	if (!region->memory_size)
		return old ? delete_slot(vm, old) : check(vm, false, slot, "there is no such slot");
	if (old) {
		err = check_unchanged(vm, old, region);
		if (err || (old->flags == region->flags &&
			    old->base_gfn == region->guest_phys_addr >> PAGE_SHIFT))
			return err;
	} else if (vm->memory.npages + (region->memory_size >> PAGE_SHIFT) < vm->memory.npages) {
		return check(vm, false, memory_size, "sum of all slots too large");
	}
	if (last > mmu_max_gfn())
		return check(vm, false, guest_phys_addr, "beyond what the host can address");

	new = slot_alloc(region);
	if (!new)
		return -ENOMEM;
	err = install_slot(vm, old, new);
	if (err)
		slot_free(new);
	return err;
}

int memory_set_region(struct vm *vm, const struct minivmm_userspace_memory_region *region)
{
	int err;

	mutex_lock(&vm->lock);
	err = wait_for_retired(&vm->memory) ?: set_region(vm, region);
	mutex_unlock(&vm->lock);
	return err;
}

int memory_init(struct vm *vm)
{
	struct memory *mem = &vm->memory;
	unsigned int i;
	int err;

	rwlock_init(&mem->mmu_lock);
	err = init_srcu_struct(&mem->srcu);
	if (err)
		return err;
	for (i = 0; i < MEMORY_ADDRESS_SPACES; i++)
		slot_set_init(&mem->slots[i], ++mem->generation);
	err = notifier_start(vm);
	if (err)
		cleanup_srcu_struct(&mem->srcu);
	return err;
}

static void free_slots(struct memslots *slots)
{
	struct memslot *slot;

	while ((slot = slot_tree_next(&slots->by_hva, 0, ULONG_MAX, NULL))) {
		slot_tree_remove(&slots->by_hva, slot);
		slot_free(slot);
	}
	slot_set_destroy(slots);
}

void memory_destroy(struct vm *vm)
{
	struct memory *mem = &vm->memory;
	unsigned int i;

	notifier_stop(vm);
	mmu_free_roots(mem);
	for (i = 0; i < MEMORY_ADDRESS_SPACES; i++)
		free_slots(&mem->slots[i]);
	srcu_barrier(&mem->srcu);
	cleanup_srcu_struct(&mem->srcu);
}
