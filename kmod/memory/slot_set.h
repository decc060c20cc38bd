/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slots of an address space, found by guest address without a lock (memory.h has
 * memory_find_slot()), by id, and by the owner's addresses (slot_tree.h). Each takes a time that
 * grows as the logarithm of their number. All but init, destroy and slot_set_replace(): vm->lock.
 */
#ifndef MINIVMM_MEMORY_SLOT_SET_H
#define MINIVMM_MEMORY_SLOT_SET_H

#include "memory.h"

/* slot_set_init - no slots. @generation is used by no other address space of the VM. */
void slot_set_init(struct memslots *slots, u64 generation);

/* slot_set_destroy - the slots themselves are the caller's. */
void slot_set_destroy(struct memslots *slots);

/* slot_set_by_id - the slot with this id, or NULL. */
struct memslot *slot_set_by_id(struct memslots *slots, u16 id);

/* slot_set_overlaps - is a page of @slot in one of the slots but @except? That may be NULL. */
bool slot_set_overlaps(struct memslots *slots, const struct memslot *slot,
		       const struct memslot *except);

/*
 * slot_set_name - from now on @slot is the one with @id, or nobody is (NULL). ENOMEM: only for
 * an id that nobody has. May sleep.
 */
int slot_set_name(struct memslots *slots, u16 id, struct memslot *slot);

/*
 * slot_set_replace - at once, for who looks by address, @remove is no more there and @add is;
 * either may be NULL. @remove is to be kept until nobody can have found it. mmu_lock held for
 * writing; interrupts are off for as long as one insertion and one removal take.
 */
void slot_set_replace(struct memslots *slots, struct memslot *remove, struct memslot *add,
		      u64 generation);

#endif /* MINIVMM_MEMORY_SLOT_SET_H */
