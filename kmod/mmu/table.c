// SPDX-License-Identifier: GPL-2.0
/*
 * Second-level page tables: entries are made one by one by mmu_map(), of several vCPUs at
 * a time, and taken away in ranges by one walker with a function per leaf.
 *
 * Hardware sets accessed and dirty bits at any time. A lost accessed bit only misleads
 * reclaim, and the host's page is marked dirty when it is mapped writable, so plain
 * stores do where an entry dies. A dirty bit means something where the CPU logs pages
 * that become dirty (role.log): without it, the next write to the page is logged. Leaves
 * that are not logged are made with it. It is never lost by accident: TLBs would go on
 * writing by it unseen, and who restarts the log would not know that he must flush.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "table.h"

int mmu_cache_fill(struct mmu_cache *cache)
{
	while (cache->nr < MMU_CACHE_PAGES) {
		u64 *page = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			return -ENOMEM;
		cache->page[cache->nr++] = page;
	}
	return 0;
}

void mmu_cache_free(struct mmu_cache *cache)
{
	while (cache->nr)
		free_page((unsigned long)cache->page[--cache->nr]);
}

struct mmu_root *mmu_find_root(struct memory *mem, union mmu_role role)
{
	struct mmu_root *root = smp_load_acquire(&mem->roots);

	while (root && root->role.word != role.word)
		root = root->next;
	return root;
}

/* By role.ept. */
static const struct mmu_format *const formats[] = {
	&mmu_format_npt, &mmu_format_ept, &mmu_format_ept_no_pat,
};

struct mmu_root *mmu_make_root(struct memory *mem, union mmu_role role)
{
	struct mmu_root *found, *root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);

	if (!root)
		return NULL;
	root->role = role;
	root->format = formats[role.ept];
	root->table = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!root->table) {
		kfree(root);
		return NULL;
	}

	write_lock(&mem->mmu_lock);
	found = mmu_find_root(mem, role);
	if (!found) {
		root->next = mem->roots;
		smp_store_release(&mem->roots, root);
		mem->stats.tables++;
	}
	write_unlock(&mem->mmu_lock);

	if (found) {
		free_page((unsigned long)root->table);
		kfree(root);
	}
	return found ?: root;
}

static void free_table(const struct mmu_root *root, u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < MMU_TABLE_ENTRIES; i++)
		if ((table[i] & root->format->present) && !mmu_is_leaf(table[i], level))
			free_table(root, mmu_child(table[i]), level - 1);
	free_page((unsigned long)table);
	cond_resched();
}

void mmu_free_roots(struct memory *mem)
{
	while (mem->roots) {
		struct mmu_root *root = mem->roots;

		mem->roots = root->next;
		free_table(root, root->table, root->role.levels);
		kfree(root);
	}
}

static void count_leaf(struct memory_stats *stats, unsigned int level, int change)
{
	stats->leaves[level - 1] += change;
	if (change > 0)
		stats->mapped[level - 1] += change;
}

/* 512 smaller leaves with the rights of a large one. */
static void split_leaf(u64 *table, u64 leaf, unsigned int level)
{
	u64 step = mmu_level_pages(level - 1) << PAGE_SHIFT;
	unsigned int i;

	if (level == 2)
		leaf &= ~MMU_LARGE;
	for (i = 0; i < MMU_TABLE_ENTRIES; i++, leaf += step)
		table[i] = leaf;
}

/*
 * Let @entry lead to a table instead of to nothing, or to a large leaf: no flush, as what a
 * TLB still holds of that says the same. Nothing is done if @entry is no more @old.
 */
static void add_table(struct vcpu_mmu *mmu, u64 *entry, u64 old, unsigned int level)
{
	u64 *table = mmu->cache.page[mmu->cache.nr - 1];
	const struct mmu_format *f = mmu->root->format;
	bool split = old & f->present;

	if (split)
		split_leaf(table, old, level);
	/* A full barrier: the table's content before the entry that leads to it. */
	if (!try_cmpxchg64(entry, &old, __sme_set(__pa(table)) | f->table)) {
		if (split)
			clear_page(table);
		return;
	}
	mmu->cache.nr--;
	mmu->stats.tables++;
	if (!split)
		return;
	mmu->stats.splits++;
	count_leaf(&mmu->stats, level, -1);
	count_leaf(&mmu->stats, level - 1, MMU_TABLE_ENTRIES);
}

static u64 make_leaf(const struct mmu_root *root, const struct mmu_leaf *leaf, unsigned int level)
{
	const struct mmu_format *f = root->format;
	u64 entry = leaf->uncached ? f->leaf_uncached : f->leaf;
	bool exec = level == 1 || !root->role.nx_large;

	entry |= (leaf->pfn & ~(mmu_level_pages(level) - 1)) << PAGE_SHIFT;
	entry |= exec ? f->exec : f->nx;
	if (leaf->write)
		entry |= f->write | MMU_SW_WRITABLE | (leaf->dirty ? f->dirty : 0);
	if (root->role.ad && leaf->young)
		entry |= f->accessed;
	if (level > 1)
		entry |= MMU_LARGE;
	if (leaf->direct)
		entry |= MMU_SW_DIRECT;
	return leaf->uncached ? entry : __sme_set(entry);
}

/* What a leaf for the same page keeps: another vCPU wrote meanwhile. */
static u64 kept_bits(const struct mmu_format *f, u64 old)
{
	return old & (old & f->write ? f->write | f->dirty | MMU_SW_WRITABLE : MMU_SW_WRITABLE);
}

/* 0, or nothing was done: -EAGAIN: @entry is no more @old; -EEXIST: that is of another page. */
static int set_leaf(struct vcpu_mmu *mmu, u64 *entry, u64 old, const struct mmu_leaf *leaf,
		    unsigned int level)
{
	const struct mmu_format *f = mmu->root->format;
	u64 new = make_leaf(mmu->root, leaf, level);
	bool first = !(old & f->present);

	if (!first && ((old ^ new) & MMU_PFN_MASK))
		return -EEXIST;
	if (!first)
		new |= kept_bits(f, old);
	if (!try_cmpxchg64(entry, &old, new))
		return -EAGAIN;
	if (first)
		count_leaf(&mmu->stats, level, 1);
	return 0;
}

u64 *mmu_map(struct vcpu *vcpu, const struct mmu_leaf *leaf)
{
	struct vcpu_mmu *mmu = &vcpu->mmu;
	const struct mmu_root *root = mmu->root;
	unsigned int level = root->role.levels;
	u64 *table = root->table;
	int err;

	lockdep_assert_held_read(&vcpu->vm->memory.mmu_lock);

	for (;;) {
		u64 *entry = &table[mmu_index(leaf->gfn, level)];
		u64 old = READ_ONCE(*entry);

		if ((old & root->format->present) && !mmu_is_leaf(old, level)) {
			table = mmu_child(old);
			level--;
			continue;
		}
		if (level > leaf->level) {
			add_table(mmu, entry, old, level);
			continue;
		}
		err = set_leaf(mmu, entry, old, leaf, level);
		if (err != -EAGAIN)
			return err ? NULL : entry;
	}
}

void mmu_map_beside(struct vcpu *vcpu, u64 *entry, const struct mmu_leaf *leaf)
{
	lockdep_assert_held_read(&vcpu->vm->memory.mmu_lock);

	while (set_leaf(&vcpu->mmu, entry, READ_ONCE(*entry), leaf, 1) == -EAGAIN)
		;
}

void mmu_write_lock(struct mmu_writer *w, struct vm *vm)
	__acquires(&vm->memory.mmu_lock)
{
	w->vm = vm;
	w->flush = false;
	INIT_LIST_HEAD(&w->tables);
	write_lock(&vm->memory.mmu_lock);
}

static void free_tables(struct list_head *tables)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, tables, lru)
		__free_page(page);
}

/*
 * Another may have taken away what the caller did not find, and not have flushed: then the
 * caller flushes, too, instead of waiting for him.
 */
void mmu_write_unlock(struct mmu_writer *w)
	__releases(&w->vm->memory.mmu_lock)
{
	struct memory *mem = &w->vm->memory;
	bool flush = w->flush || atomic_read_acquire(&mem->unflushed);

	if (w->flush)
		atomic_inc(&mem->unflushed);
	mem->stats.flushes += flush;
	write_unlock(&mem->mmu_lock);
	if (!flush)
		return;
	vm_flush_and_wait(w->vm, VCPU_REQ_TLB_FLUSH);
	/* Release, as above acquire: who reads that it is done is behind the flush. */
	if (w->flush)
		atomic_dec_return_release(&mem->unflushed);
	free_tables(&w->tables);
}

static bool is_wanted(struct memory *mem)
{
	return need_resched() || rwlock_is_contended(&mem->mmu_lock);
}

void mmu_write_break(struct mmu_writer *w)
{
	if (!is_wanted(&w->vm->memory))
		return;
	mmu_write_unlock(w);
	cond_resched();
	mmu_write_lock(w, w->vm);
}

/* A walk over the leaves of a range. */
struct walk {
	struct mmu_writer *writer;
	struct mmu_root *root;
	gfn_t start, end;
	gfn_t next;			/* what precedes it is done */
	/* Deals with one leaf; true if vCPUs must flush. */
	bool (*leaf)(struct walk *w, u64 *entry, unsigned int level);
	bool free_tables;		/* those inside the range that became empty */
	bool may_break;
	bool clear, notice;		/* for age_leaf(): clear the bit, flush when it was set */
	bool found;			/* by age_leaf() */
	bool flush;			/* since the writer was told */
};

/* Unhook the table under @entry if the range covers it and it is empty. */
static void walk_release(struct walk *w, u64 *entry, unsigned int level, gfn_t gfn)
{
	gfn_t first = gfn & ~(mmu_level_pages(level) - 1);
	u64 *table = mmu_child(*entry);

	if (first < w->start || first + mmu_level_pages(level) > w->end ||
	    memchr_inv(table, 0, PAGE_SIZE))
		return;
	WRITE_ONCE(*entry, 0);
	w->writer->vm->memory.stats.tables--;
	w->flush = true;	/* CPUs cache upper entries too */
	list_add(&virt_to_page(table)->lru, &w->writer->tables);
}

/* False: stopped early at w->next, to be entered again from the root. */
static bool walk_table(struct walk *w, u64 *table, unsigned int level)
{
	do {
		gfn_t gfn = w->next;
		u64 *entry = &table[mmu_index(gfn, level)];

		if (!(*entry & w->root->format->present)) {
			w->next = (gfn | (mmu_level_pages(level) - 1)) + 1;
		} else if (mmu_is_leaf(*entry, level)) {
			w->flush |= w->leaf(w, entry, level);
			w->next = (gfn | (mmu_level_pages(level) - 1)) + 1;
		} else {
			if (!walk_table(w, mmu_child(*entry), level - 1))
				return false;
			if (w->free_tables)
				walk_release(w, entry, level, gfn);
			if (w->may_break && w->next < w->end && is_wanted(&w->writer->vm->memory))
				return false;
		}
	} while (w->next < w->end && mmu_index(w->next, level));
	return true;
}

static bool walk_root(struct walk *w)
{
	bool done = walk_table(w, w->root->table, w->root->role.levels);

	w->writer->flush |= w->flush;
	w->flush = false;
	return done;
}

/* Walk all roots of an address space. */
static void walk_range(struct walk *w, unsigned int as_id)
{
	struct memory *mem = &w->writer->vm->memory;

	lockdep_assert_held_write(&mem->mmu_lock);

	for (w->root = mem->roots; w->root; w->root = w->root->next) {
		if (w->root->role.as_id != as_id || w->start >= w->end)
			continue;
		w->next = w->start;
		while (!walk_root(w))
			mmu_write_break(w->writer);
	}
}

static bool zap_leaf(struct walk *w, u64 *entry, unsigned int level)
{
	WRITE_ONCE(*entry, 0);
	count_leaf(&w->writer->vm->memory.stats, level, -1);
	return true;
}

void mmu_zap(struct mmu_writer *writer, unsigned int as_id, gfn_t start, gfn_t end,
	     bool may_break)
{
	struct walk w = {
		.writer = writer, .start = start, .end = end, .leaf = zap_leaf,
		.free_tables = true, .may_break = may_break,
	};

	walk_range(&w, as_id);
}

static bool zap_small_leaf(struct walk *w, u64 *entry, unsigned int level)
{
	return level == 1 && zap_leaf(w, entry, level);
}

void mmu_zap_small(struct mmu_writer *writer, unsigned int as_id, gfn_t start, gfn_t end,
		   bool may_break)
{
	struct walk w = {
		.writer = writer, .start = start, .end = end, .leaf = zap_small_leaf,
		.free_tables = true, .may_break = may_break,
	};

	walk_range(&w, as_id);
}

/* True if it was set. Atomic: the hardware may set bits beside it. */
static bool clear_entry_bit(u64 *entry, u64 bit)
{
	return test_and_clear_bit(__ffs64(bit), (unsigned long *)entry);
}

/*
 * See to it that the log does not miss the next write to the leaf's pages; true if vCPUs
 * must flush for that. Large leaves are split by that write: only 4 KiB ones are logged.
 */
static bool watch_leaf(const struct mmu_root *root, u64 *entry)
{
	u64 bit = root->role.log && !(*entry & MMU_LARGE) ? root->format->dirty :
							    root->format->write;

	return (*entry & bit) && clear_entry_bit(entry, bit);
}

static bool protect_leaf(struct walk *w, u64 *entry, unsigned int level)
{
	return watch_leaf(w->root, entry);
}

void mmu_protect(struct mmu_writer *writer, unsigned int as_id, gfn_t start, gfn_t end,
		 bool may_break)
{
	struct walk w = {
		.writer = writer, .start = start, .end = end, .leaf = protect_leaf,
		.may_break = may_break,
	};

	walk_range(&w, as_id);
}

/* The leaf entry of @gfn, or NULL. */
static u64 *find_leaf(const struct mmu_root *root, gfn_t gfn)
{
	unsigned int level = root->role.levels;
	u64 *table = root->table;

	for (;; level--) {
		u64 *entry = &table[mmu_index(gfn, level)];

		if (!(*entry & root->format->present))
			return NULL;
		if (mmu_is_leaf(*entry, level))
			return entry;
		table = mmu_child(*entry);
	}
}

void mmu_protect_pages(struct mmu_writer *w, unsigned int as_id, gfn_t gfn, unsigned long mask)
{
	struct memory *mem = &w->vm->memory;
	struct mmu_root *root;
	unsigned int n;

	lockdep_assert_held_write(&mem->mmu_lock);

	for (root = mem->roots; root; root = root->next) {
		if (root->role.as_id != as_id)
			continue;
		for_each_set_bit(n, &mask, BITS_PER_LONG) {
			u64 *entry = find_leaf(root, gfn + n);

			if (entry)
				w->flush |= watch_leaf(root, entry);
		}
	}
}

bool mmu_allow_write(const struct mmu_root *root, gfn_t gfn)
{
	unsigned int level = root->role.levels;
	u64 *table = root->table, *entry, old;

	for (;; level--) {
		entry = &table[mmu_index(gfn, level)];
		old = READ_ONCE(*entry);
		if (!(old & root->format->present) || (level > 1 && (old & MMU_LARGE)))
			return false;
		if (level == 1)
			break;
		table = mmu_child(old);
	}
	if (!(old & MMU_SW_WRITABLE))
		return false;
	return try_cmpxchg64(entry, &old, old | root->format->write);
}

static bool age_leaf(struct walk *w, u64 *entry, unsigned int level)
{
	u64 bit = w->root->role.ad ? w->root->format->accessed : 0;

	if (!bit) {
		w->found = true;
		return w->clear && zap_leaf(w, entry, level);
	}
	if (!(*entry & bit))
		return false;
	w->found = true;
	return w->clear && clear_entry_bit(entry, bit) && w->notice;
}

bool mmu_age(struct mmu_writer *writer, unsigned int as_id, gfn_t start, gfn_t end, bool clear,
	     bool flush)
{
	struct walk w = {
		.writer = writer, .start = start, .end = end, .leaf = age_leaf,
		.clear = clear, .notice = flush,
	};

	walk_range(&w, as_id);
	return w.found;
}
