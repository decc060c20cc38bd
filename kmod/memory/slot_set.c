// SPDX-License-Identifier: GPL-2.0
/*
 * The slots of an address space (slot_set.h). Who looks for a guest address takes no lock: a
 * tree that was changed meanwhile may have misled him, but not into a circle nor to anything but
 * a slot, and the count of changes tells him to look again. That waits for no more than the
 * change itself, which no interrupt makes longer.
 */
#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "slot_set.h"
#include "slot_tree.h"

#define FIRST_IDS	8	/* room for these is made at once */

void slot_set_init(struct memslots *slots, u64 generation)
{
	slots->generation = generation;
	seqcount_init(&slots->changing);
	slots->by_gfn = RB_ROOT;
	slots->by_hva = RB_ROOT;
	slots->by_id = NULL;
	slots->nr_ids = 0;
}

/* The last slot that begins at or below @gfn, and the first one above it; NULL: there is none. */
static void look_around(const struct rb_root *by_gfn, gfn_t gfn, struct memslot **below,
			struct memslot **above)
{
	const struct rb_node *node = READ_ONCE(by_gfn->rb_node);

	*below = *above = NULL;
	while (node) {
		struct memslot *slot = rb_entry(node, struct memslot, by_gfn);

		if (slot->base_gfn <= gfn) {
			*below = slot;
			node = READ_ONCE(node->rb_right);
		} else {
			*above = slot;
			node = READ_ONCE(node->rb_left);
		}
	}
}

struct memslot *memory_search_slot(struct memslots *slots, struct memslot_cache *cache, gfn_t gfn)
{
	struct memslot *below, *above;
	unsigned int seq;

	/* Should it move meanwhile, what is found is not taken for the new one's. */
	cache->generation = smp_load_acquire(&slots->generation);
	do {
		seq = read_seqcount_begin(&slots->changing);
		look_around(&slots->by_gfn, gfn, &below, &above);
	} while (read_seqcount_retry(&slots->changing, seq));

	if (below && memslot_holds(below, gfn)) {
		cache->slot = below;
		cache->base_gfn = below->base_gfn;
		cache->npages = below->npages;
	} else {
		cache->slot = NULL;
		cache->base_gfn = below ? below->base_gfn + below->npages : 0;
		cache->npages = (above ? above->base_gfn : U64_MAX) - cache->base_gfn;
	}
	return cache->slot;
}

struct memslot *slot_set_by_id(struct memslots *slots, u16 id)
{
	return id < slots->nr_ids ? slots->by_id[array_index_nospec(id, slots->nr_ids)] : NULL;
}

bool slot_set_overlaps(struct memslots *slots, const struct memslot *slot,
		       const struct memslot *except)
{
	gfn_t last = slot->base_gfn + slot->npages - 1;
	struct memslot *below, *above;

	/* As they do not overlap, one that ends before @slot has only such before it. */
	look_around(&slots->by_gfn, last, &below, &above);
	if (below && below == except && below->base_gfn)
		look_around(&slots->by_gfn, below->base_gfn - 1, &below, &above);
	return below && below != except && below->base_gfn + below->npages > slot->base_gfn;
}

/* Twice as long each time, so that a slot costs the same however many there are. */
static int make_room(struct memslots *slots, u16 id)
{
	u32 nr = max_t(u32, roundup_pow_of_two(id + 1), FIRST_IDS);
	struct memslot **by_id = kvcalloc(nr, sizeof(*by_id), GFP_KERNEL_ACCOUNT);

	if (!by_id)
		return -ENOMEM;
	if (slots->by_id)
		memcpy(by_id, slots->by_id, slots->nr_ids * sizeof(*by_id));
	kvfree(slots->by_id);
	slots->by_id = by_id;
	slots->nr_ids = nr;
	return 0;
}

int slot_set_name(struct memslots *slots, u16 id, struct memslot *slot)
{
	int err = id < slots->nr_ids ? 0 : make_room(slots, id);

	if (!err)
		slots->by_id[id] = slot;
	return err;
}

static void insert_by_gfn(struct rb_root *by_gfn, struct memslot *slot)
{
	struct rb_node **link = &by_gfn->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = slot->base_gfn < rb_entry(parent, struct memslot, by_gfn)->base_gfn ?
		       &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&slot->by_gfn, parent, link);	/* it has been zero until now: no child */
	rb_insert_color(&slot->by_gfn, by_gfn);
}

void slot_set_replace(struct memslots *slots, struct memslot *remove, struct memslot *add,
		      u64 generation)
{
	unsigned long flags;

	local_irq_save(flags);
	write_seqcount_begin(&slots->changing);
	if (remove)
		rb_erase(&remove->by_gfn, &slots->by_gfn);
	if (add)
		insert_by_gfn(&slots->by_gfn, add);
	write_seqcount_end(&slots->changing);
	smp_store_release(&slots->generation, generation);
	local_irq_restore(flags);

	if (remove)
		slot_tree_remove(&slots->by_hva, remove);
	if (add)
		slot_tree_insert(&slots->by_hva, add);
}

void slot_set_destroy(struct memslots *slots)
{
	kvfree(slots->by_id);
}
