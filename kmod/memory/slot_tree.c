// SPDX-License-Identifier: GPL-2.0
/*
 * A search tree of slots, ordered by first address and, where that is the same, by id: so
 * a walk that let the lock go finds its place again by the slot it was at. Each node knows
 * the highest address that is reached in its subtree.
 */
#include <linux/rbtree_augmented.h>

#include "slot_tree.h"

static struct memslot *slot_of(const struct rb_node *node)
{
	return node ? rb_entry(node, struct memslot, node) : NULL;
}

/* The address of the last byte. */
static unsigned long last_hva(const struct memslot *slot)
{
	return slot->hva + (slot->npages << PAGE_SHIFT) - 1;
}

static bool is_before(const struct memslot *a, const struct memslot *b)
{
	return a->hva < b->hva || (a->hva == b->hva && a->id < b->id);
}

RB_DECLARE_CALLBACKS_MAX(static, callbacks, struct memslot, node, unsigned long, reach, last_hva)

void slot_tree_insert(struct rb_root *tree, struct memslot *slot)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;
	unsigned long last = last_hva(slot);

	while (*link) {
		struct memslot *other = slot_of(*link);

		parent = *link;
		other->reach = max(other->reach, last);
		link = is_before(slot, other) ? &parent->rb_left : &parent->rb_right;
	}
	slot->reach = last;
	rb_link_node(&slot->node, parent, link);
	rb_insert_augmented(&slot->node, tree, &callbacks);
}

void slot_tree_remove(struct rb_root *tree, struct memslot *slot)
{
	rb_erase_augmented(&slot->node, tree, &callbacks);
}

/* The first slot behind @after in the tree's order. */
static struct memslot *successor(const struct rb_root *tree, const struct memslot *after)
{
	struct memslot *slot = slot_of(tree->rb_node), *found = NULL;

	while (slot) {
		if (!after || is_before(after, slot)) {
			found = slot;
			slot = slot_of(slot->node.rb_left);
		} else {
			slot = slot_of(slot->node.rb_right);
		}
	}
	return found;
}

/* Is a slot in this subtree that ends at @start or later? */
static bool reaches(const struct memslot *slot, unsigned long start)
{
	return slot && slot->reach >= start;
}

/* The first one in the subtree of @slot that ends at @start or later: there is one. */
static struct memslot *first_below(struct memslot *slot, unsigned long start)
{
	for (;;) {
		struct memslot *left = slot_of(slot->node.rb_left);

		if (reaches(left, start))
			slot = left;
		else if (last_hva(slot) >= start)
			return slot;
		else
			slot = slot_of(slot->node.rb_right);
	}
}

/* The first slot above @slot that comes behind it. */
static struct memslot *next_above(const struct memslot *slot)
{
	const struct rb_node *node = &slot->node, *parent;

	for (; (parent = rb_parent(node)); node = parent)
		if (node == parent->rb_left)
			return slot_of(parent);
	return NULL;
}

struct memslot *slot_tree_next(const struct rb_root *tree, unsigned long start, unsigned long end,
			       const struct memslot *after)
{
	struct memslot *slot, *right;

	for (slot = successor(tree, after); slot; slot = next_above(slot)) {
		right = slot_of(slot->node.rb_right);
		if (last_hva(slot) >= start)
			break;
		if (reaches(right, start)) {
			slot = first_below(right, start);
			break;
		}
	}
	return slot && slot->hva < end ? slot : NULL;
}
