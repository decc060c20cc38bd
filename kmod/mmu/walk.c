// SPDX-License-Identifier: GPL-2.0
/*
 * Walk of the guest's own page tables; walk.h is the contract.
 *
 * First the entries are read from the root to the leaf, checking presence and
 * reserved bits; then the access is checked against what the levels allow
 * together; then accessed and dirty bits are set.
 */
#include "walk.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_G		BIT_ULL(8)
#define PTE_NX		BIT_ULL(63)
#define PTE_PK_SHIFT	59

#define PTE_ADDR	GENMASK_ULL(51, 12)
#define PTE_ADDR_32	GENMASK_ULL(31, 12)

#define WALK_LEVELS	5
#define WALK_TRIES	8

/* One entry on the way to the leaf. */
struct walk_step {
	u64 gpa;
	u64 pte;
};

struct walk {
	const struct walk_mode *mode;
	const struct walk_ops *ops;
	void *ctx;
	u64 gva;
	struct walk_step steps[WALK_LEVELS];
	unsigned int nr_steps;
	unsigned int leaf_level;	/* 1: 4 KiB page */
	u64 perms;			/* AND of W and U, inverted OR of NX, of all levels */
};

static unsigned int pte_size(const struct walk_mode *mode)
{
	return mode->levels == 2 ? 4 : 8;
}

static unsigned int level_shift(const struct walk_mode *mode, unsigned int level)
{
	return 12 + (level - 1) * (mode->levels == 2 ? 10 : 9);
}

static u64 level_index(const struct walk_mode *mode, u64 gva, unsigned int level)
{
	return gva >> level_shift(mode, level) & (mode->levels == 2 ? 0x3ff : 0x1ff);
}

static bool is_leaf(const struct walk_mode *mode, unsigned int level, u64 pte)
{
	if (level == 1)
		return true;
	if (!(pte & PTE_PS))
		return false;
	if (mode->levels == 2)
		return mode->pse;
	return level == 2 || (level == 3 && mode->levels > 3 && mode->gbpages);
}

/* Highest physical address bit a 4 MiB page can have, plus one. */
static unsigned int pse36_bits(const struct walk_mode *mode)
{
	if (!mode->pse36)
		return 32;
	return min_t(unsigned int, mode->phys_bits, 40);
}

/* Reserved bits of a present entry of 32-bit paging: 4 MiB pages only have some. */
static u64 reserved_bits_32(const struct walk_mode *mode, unsigned int level, bool leaf)
{
	if (level == 1 || !leaf)
		return 0;
	/* Bits 20:13 are address bits 39:32. */
	return GENMASK_ULL(21, 13) & ~(BIT_ULL(13 + pse36_bits(mode) - 32) - BIT_ULL(13));
}

static u64 reserved_bits_64(const struct walk_mode *mode, unsigned int level, bool leaf)
{
	u64 rsvd = GENMASK_ULL(51, 0) & ~(BIT_ULL(mode->phys_bits) - 1);

	if (mode->levels == 3)
		rsvd |= GENMASK_ULL(62, 52);
	if (!mode->nxe)
		rsvd |= PTE_NX;
	if (!leaf && level >= 3)
		rsvd |= PTE_PS;
	if (!leaf && level >= 3 && mode->nonleaf_bit8_rsvd)
		rsvd |= PTE_G;
	if (leaf && level > 1)
		rsvd |= GENMASK_ULL(level_shift(mode, level) - 1, 13);
	return rsvd;
}

static u64 reserved_bits(const struct walk_mode *mode, unsigned int level, bool leaf)
{
	if (mode->levels == 2)
		return reserved_bits_32(mode, level, leaf);
	return reserved_bits_64(mode, level, leaf);
}

static u64 leaf_base(const struct walk_mode *mode, unsigned int level, u64 pte)
{
	u64 base = pte & PTE_ADDR & ~(BIT_ULL(level_shift(mode, level)) - 1);

	if (mode->levels == 2 && level == 2)
		base |= (pte & GENMASK_ULL(20, 13)) << (32 - 13);
	return base;
}

static u64 leaf_entry(const struct walk *w)
{
	return w->steps[w->nr_steps - 1].pte;
}

/* Error code of a fault for this access; extra: P, RSVD, PK. */
static int walk_fault(const struct walk_mode *mode, u32 access, u32 extra,
		      struct walk_result *res)
{
	u32 code = extra | (access & (WALK_WRITE | WALK_USER));

	if ((access & WALK_FETCH) && (mode->smep || (mode->nxe && mode->levels != 2)))
		code |= WALK_FETCH;
	res->error_code = code;
	return WALK_FAULT;
}

/*
 * Reads the entries down to the leaf. Returns 0, WALK_FAULT with the extra
 * bits of the error code in *extra, or an op's errno.
 */
static int walk_read(struct walk *w, u32 *extra)
{
	const struct walk_mode *mode = w->mode;
	unsigned int level = mode->levels;
	u64 table = mode->cr3 & (mode->levels == 2 ? PTE_ADDR_32 : PTE_ADDR);
	struct walk_step *step;
	bool leaf;
	int ret;

	w->nr_steps = 0;
	w->perms = PTE_W | PTE_U | PTE_NX;
	if (mode->levels == 3) {
		u64 pdpte = mode->pdpte[w->gva >> 30 & 3];

		*extra = 0;
		if (!(pdpte & PTE_P))
			return WALK_FAULT;
		table = pdpte & PTE_ADDR;
		level = 2;
	}
	for (;; level--) {
		step = &w->steps[w->nr_steps++];
		step->gpa = table + level_index(mode, w->gva, level) * pte_size(mode);
		step->pte = 0;
		ret = w->ops->read_pte(w->ctx, step->gpa, pte_size(mode), &step->pte);
		if (ret)
			return ret;
		*extra = 0;
		if (!(step->pte & PTE_P))
			return WALK_FAULT;
		leaf = is_leaf(mode, level, step->pte);
		*extra = WALK_ERR_P | WALK_ERR_RSVD;
		if (step->pte & reserved_bits(mode, level, leaf))
			return WALK_FAULT;
		w->perms &= step->pte ^ PTE_NX;
		if (leaf)
			break;
		table = step->pte & PTE_ADDR;
	}
	w->leaf_level = level;
	return 0;
}

/* Protection keys: 0 or WALK_ERR_PK. */
static u32 check_pkey(const struct walk *w, u32 access)
{
	const struct walk_mode *mode = w->mode;
	u32 rights;

	if (!mode->pku || mode->levels < 4 || (access & WALK_FETCH) || !(w->perms & PTE_U))
		return 0;
	rights = mode->pkru >> ((leaf_entry(w) >> PTE_PK_SHIFT & 0xf) * 2);
	if (rights & 1)
		return WALK_ERR_PK;
	if ((rights & 2) && (access & WALK_WRITE) && ((access & WALK_USER) || mode->wp))
		return WALK_ERR_PK;
	return 0;
}

static bool access_allowed(const struct walk *w, u32 access)
{
	const struct walk_mode *mode = w->mode;
	bool user_page = w->perms & PTE_U;

	if ((access & WALK_FETCH) && !(w->perms & PTE_NX))
		return false;
	if ((access & WALK_WRITE) && !(w->perms & PTE_W) && ((access & WALK_USER) || mode->wp))
		return false;
	if (access & WALK_USER)
		return user_page;
	if (!user_page)
		return true;
	if (access & WALK_FETCH)
		return !mode->smep;
	return !mode->smap || (access & WALK_AC);
}

/* Sets accessed bits, and the leaf's dirty bit for a write, where they are not. */
static int mark_accessed(struct walk *w, u32 access)
{
	unsigned int i;

	if (!w->ops->cmpxchg_pte)
		return 0;
	for (i = 0; i < w->nr_steps; i++) {
		struct walk_step *step = &w->steps[i];
		u64 new = step->pte | PTE_A;
		int ret;

		if (i == w->nr_steps - 1 && (access & WALK_WRITE))
			new |= PTE_D;
		if (new == step->pte)
			continue;
		ret = w->ops->cmpxchg_pte(w->ctx, step->gpa, pte_size(w->mode), step->pte, new);
		if (ret)
			return ret;
		step->pte = new;
	}
	return 0;
}

static void fill_result(const struct walk *w, struct walk_result *res)
{
	u64 pte = leaf_entry(w);

	res->page_size = BIT_ULL(level_shift(w->mode, w->leaf_level));
	res->gpa = leaf_base(w->mode, w->leaf_level, pte) | (w->gva & (res->page_size - 1));
	res->perms = (w->perms & (PTE_W | PTE_U)) | (w->perms & PTE_NX ? WALK_FETCH : 0);
	res->dirty = pte & PTE_D;
}

static int walk_once(struct walk *w, u32 access, struct walk_result *res)
{
	u32 extra;
	int ret;

	ret = walk_read(w, &extra);
	if (ret == WALK_FAULT)
		return walk_fault(w->mode, access, extra, res);
	if (ret)
		return ret;
	extra = check_pkey(w, access);
	if (extra || !access_allowed(w, access))
		return walk_fault(w->mode, access, extra | WALK_ERR_P, res);
	ret = mark_accessed(w, access);
	if (ret)
		return ret;
	fill_result(w, res);
	return 0;
}

int walk_gva(const struct walk_mode *mode, const struct walk_ops *ops, void *ctx,
	     u64 gva, u32 access, struct walk_result *res)
{
	struct walk w = { .mode = mode, .ops = ops, .ctx = ctx, .gva = gva };
	unsigned int i;
	int ret;

	*res = (struct walk_result){ .gpa = gva, .page_size = 4096, .dirty = true,
				     .perms = WALK_WRITE | WALK_USER | WALK_FETCH };
	if (!mode->levels)
		return 0;
	for (i = 0; i < WALK_TRIES; i++) {
		ret = walk_once(&w, access, res);
		if (ret != -EAGAIN)
			return ret;
	}
	return -EAGAIN;
}
