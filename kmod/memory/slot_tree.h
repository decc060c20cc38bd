/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slots of an address space by the owner's addresses, for the MMU notifier. Several
 * may lie over the same memory. Each tree belongs to memory.mmu_lock.
 */
#ifndef MINIVMM_MEMORY_SLOT_TREE_H
#define MINIVMM_MEMORY_SLOT_TREE_H

#include "slots.h"

/* slot_tree_insert/remove - a slot that is not, that is in @tree. */
void slot_tree_insert(struct rb_root *tree, struct memslot *slot);
void slot_tree_remove(struct rb_root *tree, struct memslot *slot);

/*
 * slot_tree_next - of the slots with a page of the owner's [start, end), that which follows
 * @after, or the first one if that is NULL; NULL: none. @after may have left the tree since.
 * Takes a time that grows as the logarithm of the number of slots.
 */
struct memslot *slot_tree_next(const struct rb_root *tree, unsigned long start, unsigned long end,
			       const struct memslot *after);

#endif /* MINIVMM_MEMORY_SLOT_TREE_H */
