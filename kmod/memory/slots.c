// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: the array of each address space, SET_USER_MEMORY_REGION.
 *
 * A change builds a new array beside the old one, publishes it under mmu_lock and
 * moves memory.seq, so that faults under way start again with the new array. A slot
 * that goes is first marked invalid and its entries zapped while the array and the tree
 * by the owner's addresses still hold it (the notifier must find it that long); then
 * vCPUs in a window and host accesses in guest_*() are waited for; srcu frees it later.
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
#include "slot_tree.h"
#include "slots.h"

static struct memslots *slots_of(struct vm *vm, unsigned int as_id)
{
	as_id = array_index_nospec(as_id, MEMORY_ADDRESS_SPACES);
	return rcu_dereference_protected(vm->memory.slots[as_id], lockdep_is_held(&vm->lock));
}

static struct memslots *slots_alloc(struct memory *mem, u32 nr)
{
	struct memslots *slots = kvzalloc(struct_size(slots, slot, nr), GFP_KERNEL_ACCOUNT);

	if (slots) {
		slots->nr = nr;
		slots->gone = nr;
		slots->generation = ++mem->generation;
		slots->retired = &mem->retired;
	}
	return slots;
}

/*
 * A copy of @old without @remove, which will go with @old, and with @add; either may be NULL.
 */
static struct memslots *slots_replace(struct memory *mem, struct memslots *old,
				      const struct memslot *remove, struct memslot *add)
{
	struct memslots *new = slots_alloc(mem, old->nr - !!remove + !!add);
	u32 i, n = 0;

	if (!new)
		return NULL;
	for (i = 0; i < old->nr; i++) {
		if (old->slot[i] == remove) {
			old->gone = i;
			continue;
		}
		if (add && add->base_gfn < old->slot[i]->base_gfn) {
			new->slot[n++] = add;
			add = NULL;
		}
		new->slot[n++] = old->slot[i];
	}
	if (add)
		new->slot[n] = add;
	return new;
}

static struct memslot *slot_by_id(const struct memslots *slots, u16 id)
{
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == id)
			return slots->slot[i];
	return NULL;
}

/*
 * What @gfn is in: the last slot that begins at or below it, or the hole behind that slot.
 * @next is the first slot that begins above @gfn.
 */
static struct memslot_cache around(const struct memslots *slots, u32 next, gfn_t gfn)
{
	struct memslot *slot = next ? slots->slot[next - 1] : NULL;
	struct memslot_cache found = { .generation = slots->generation };

	if (slot && memslot_holds(slot, gfn)) {
		found.base_gfn = slot->base_gfn;
		found.npages = slot->npages;
		found.slot = slot;
		return found;
	}
	found.base_gfn = slot ? slot->base_gfn + slot->npages : 0;
	found.npages = (next < slots->nr ? slots->slot[next]->base_gfn : U64_MAX) - found.base_gfn;
	return found;
}

struct memslot *memory_search_slot(const struct memslots *slots, struct memslot_cache *cache,
				   gfn_t gfn)
{
	struct memslot_cache found;
	u32 low = 0, high = slots->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (slots->slot[mid]->base_gfn <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	found = around(slots, low, gfn);
	if (cache)
		*cache = found;
	return found.slot;
}

bool memory_has_slot(struct vcpu *vcpu, gpa_t gpa)
{
	struct memory *mem = &vcpu->vm->memory;
	bool found;

	rcu_read_lock();
	found = memory_find_slot(rcu_dereference(mem->slots[vcpu->mmu.role.as_id]),
				 &vcpu->mmu.slot, gpa >> PAGE_SHIFT);
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

static struct memslot *slot_gone(const struct memslots *slots)
{
	return slots->gone < slots->nr ? slots->slot[slots->gone] : NULL;
}

static long retired_bytes(const struct memslots *slots)
{
	const struct memslot *gone = slot_gone(slots);
	long bytes = struct_size(slots, slot, slots->nr);

	if (gone)
		bytes += sizeof(*gone);
	if (gone && gone->dirty)
		bytes += gone->npages / BITS_PER_BYTE + 2 * PAGE_SIZE;
	return bytes;
}

/* Sleeping readers are gone; readers with preemption off remain. */
static void slots_retire_rcu(struct rcu_head *rcu)
{
	struct memslots *slots = container_of(rcu, struct memslots, rcu);
	struct memslot *gone = slot_gone(slots);

	atomic_long_sub(retired_bytes(slots), slots->retired);
	if (gone) {
		kvfree(gone->dirty);
		kfree_rcu(gone, rcu);
	}
	kvfree_rcu(slots, rcu);
}

/* @old and the slot that goes with it are freed when unread. */
static void slots_retire(struct memory *mem, struct memslots *old)
{
	atomic_long_add(retired_bytes(old), &mem->retired);
	call_srcu(&mem->srcu, &old->rcu, slots_retire_rcu);
}

/*
 * Make @new the current array, which has no @remove and has @add; either may be NULL.
 * Returns the old one, to be retired.
 */
static struct memslots *slots_publish(struct vm *vm, unsigned int as_id, struct memslots *new,
				      struct memslot *remove, struct memslot *add)
{
	struct memory *mem = &vm->memory;
	struct memslots *old = slots_of(vm, as_id);

	write_lock(&mem->mmu_lock);
	rcu_assign_pointer(mem->slots[as_id], new);
	if (remove)
		slot_tree_remove(&mem->by_hva[as_id], remove);
	if (add)
		slot_tree_insert(&mem->by_hva[as_id], add);
	smp_store_release(&mem->seq, mem->seq + 1);
	write_unlock(&mem->mmu_lock);
	return old;
}

/*
 * An access of the host's that waits for userfaultfd keeps every array that was replaced
 * since it began. Usually none is under way, and they are kept for a grace period.
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
	struct memslots *new = slots_replace(&vm->memory, slots_of(vm, old->as_id), old, NULL);
	struct memslots *replaced;

	if (!new)
		return -ENOMEM;
	slot_invalidate(vm, old);
	replaced = slots_publish(vm, old->as_id, new, old, NULL);
	vm_flush_and_wait(vm, VCPU_REQ_WINDOW);
	wait_for_access(vm);
	vm->memory.npages -= old->npages;
	count_logged(vm, old, -1);
	slots_retire(&vm->memory, replaced);
	return 0;
}

static int check_overlap(struct vm *vm, const struct memslot *new, const struct memslot *old)
{
	const struct memslots *slots = slots_of(vm, new->as_id);
	u32 i;

	for (i = 0; i < slots->nr; i++) {
		const struct memslot *s = slots->slot[i];

		if (s != old && s->base_gfn < new->base_gfn + new->npages &&
		    new->base_gfn < s->base_gfn + s->npages)
			return refuse(&vm->error, -EEXIST, "guest_phys_addr",
				      new->base_gfn << PAGE_SHIFT, "overlaps another slot");
	}
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

/* Put @new into the array, in the place of @old if there is one. Consumes @new on success. */
static int install_slot(struct vm *vm, struct memslot *old, struct memslot *new)
{
	struct memory *mem = &vm->memory;
	struct memslots *slots, *replaced;
	bool moved = old && old->base_gfn != new->base_gfn;
	int err = check_overlap(vm, new, old);

	if (!err && (new->flags & MINIVMM_MEM_LOG_DIRTY_PAGES))
		err = slot_start_log(new, mem->manual_protect & MINIVMM_DIRTY_LOG_INITIALLY_SET);
	if (err)
		return err;
	slots = slots_replace(mem, slots_of(vm, new->as_id), old, new);
	if (!slots)
		return -ENOMEM;

	if (moved)
		slot_invalidate(vm, old);
	count_logged(vm, new, 1);
	replaced = slots_publish(vm, new->as_id, slots, old, new);
	if (moved) {
		vm_flush_and_wait(vm, VCPU_REQ_WINDOW);
		wait_for_access(vm);
	} else if (old) {
		adapt_entries(vm, old, new);
	} else {
		mem->npages += new->npages;
	}
	count_logged(vm, old, -1);
	slots_retire(mem, replaced);
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
	old = slot_by_id(slots_of(vm, region->slot >> 16), region->slot);
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
	err = -ENOMEM;
	for (i = 0; i < MEMORY_ADDRESS_SPACES; i++) {
		struct memslots *slots = slots_alloc(mem, 0);

		if (!slots)
			goto fail;
		RCU_INIT_POINTER(mem->slots[i], slots);
		mem->by_hva[i] = RB_ROOT;
	}
	err = notifier_start(vm);
	if (!err)
		return 0;
fail:
	for (i = 0; i < MEMORY_ADDRESS_SPACES; i++)
		kvfree(rcu_access_pointer(mem->slots[i]));
	cleanup_srcu_struct(&mem->srcu);
	return err;
}

void memory_destroy(struct vm *vm)
{
	struct memory *mem = &vm->memory;
	u32 as_id, i;

	notifier_stop(vm);
	mmu_free_roots(mem);
	for (as_id = 0; as_id < MEMORY_ADDRESS_SPACES; as_id++) {
		struct memslots *slots = rcu_dereference_protected(mem->slots[as_id], true);

		for (i = 0; i < slots->nr; i++)
			slot_free(slots->slot[i]);
		kvfree(slots);
	}
	srcu_barrier(&mem->srcu);
	cleanup_srcu_struct(&mem->srcu);
}
