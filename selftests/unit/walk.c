// SPDX-License-Identifier: GPL-2.0
/*
 * The walk of the guest's page tables, rule by rule, on tables in an array.
 *
 * Links: kmod/mmu/walk.c
 */
#include "mmu/walk.h"

#include "kselftest_harness.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define U	BIT_ULL(2)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define PS	BIT_ULL(7)
#define BIT8	BIT_ULL(8)
#define NX	BIT_ULL(63)
#define PKEY(k)	((u64)(k) << 59)

#define ERR_P	WALK_ERR_P
#define ERR_W	WALK_WRITE
#define ERR_U	WALK_USER
#define ERR_I	WALK_FETCH

/* One table per level, at these guest physical addresses; level 1 is the last. */
#define TABLE(level)	((u64)(level) << 12)
#define MEMORY_LEN	0x6000

FIXTURE(walk)
{
	struct walk_mode mode;
	struct walk_result res;
	u8 memory[MEMORY_LEN];
	unsigned int writes;
	unsigned int refuse_writes;	/* how many cmpxchg_pte return -EAGAIN first */
	unsigned int reads;
};

typedef FIXTURE_DATA(walk) walk_data;

static int read_pte(void *ctx, u64 gpa, unsigned int size, u64 *val)
{
	walk_data *self = ctx;

	self->reads++;
	if (gpa + size > MEMORY_LEN)
		return -EFAULT;
	*val = 0;
	memcpy(val, self->memory + gpa, size);
	return 0;
}

static int cmpxchg_pte(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	walk_data *self = ctx;

	if (self->refuse_writes) {
		self->refuse_writes--;
		return -EAGAIN;
	}
	if (gpa + size > MEMORY_LEN || memcmp(self->memory + gpa, &old, size))
		return -EIO;
	memcpy(self->memory + gpa, &new, size);
	self->writes++;
	return 0;
}

static const struct walk_ops ops = { .read_pte = read_pte, .cmpxchg_pte = cmpxchg_pte };
static const struct walk_ops silent_ops = { .read_pte = read_pte };

#define GVA	0x123456ULL

/* The entry of a level that GVA uses. */
static u64 entry_gpa(const walk_data *self, unsigned int level)
{
	bool two = self->mode.levels == 2;
	unsigned int shift = 12 + (level - 1) * (two ? 10 : 9);

	return TABLE(level) + (GVA >> shift & (two ? 0x3ff : 0x1ff)) * (two ? 4 : 8);
}

static void set_entry(walk_data *self, unsigned int level, u64 val)
{
	memcpy(self->memory + entry_gpa(self, level), &val, self->mode.levels == 2 ? 4 : 8);
}

static u64 get_entry(const walk_data *self, unsigned int level)
{
	u64 val = 0;

	memcpy(&val, self->memory + entry_gpa(self, level), self->mode.levels == 2 ? 4 : 8);
	return val;
}

/* Tables of that many levels; GVA maps to the page at 5 MiB with all rights. */
static void build(walk_data *self, unsigned int levels)
{
	unsigned int level;

	memset(self->memory, 0, sizeof(self->memory));
	self->mode.levels = levels;
	self->mode.cr3 = TABLE(levels);
	set_entry(self, 1, 0x500000 | P | W | U);
	for (level = 2; level <= levels; level++)
		set_entry(self, level, TABLE(level - 1) | P | W | U);
	if (levels == 3) {
		self->mode.pdpte[0] = TABLE(2) | P;
		set_entry(self, 3, 0);
	}
	self->writes = 0;
}

static int walk_for(walk_data *self, u32 access)
{
	return walk_gva(&self->mode, &ops, self, GVA, access, &self->res);
}

FIXTURE_SETUP(walk)
{
	self->mode = (struct walk_mode){ .phys_bits = 40, .wp = true, .pse = true, .pse36 = true,
					 .nxe = true, .gbpages = true };
	self->refuse_writes = 0;
	build(self, 4);
}

FIXTURE_TEARDOWN(walk)
{
}

#define EXPECT_FAULT(access, code)						\
	do {									\
		EXPECT_EQ(WALK_FAULT, walk_for(self, access));			\
		EXPECT_EQ(code, self->res.error_code);				\
	} while (0)

TEST_F(walk, without_paging_every_address_is_its_own)
{
	self->mode.levels = 0;
	ASSERT_EQ(0, walk_for(self, WALK_WRITE | WALK_USER));
	EXPECT_EQ(GVA, self->res.gpa);
	EXPECT_EQ(WALK_WRITE | WALK_USER | WALK_FETCH, self->res.perms);
	EXPECT_EQ(0, self->reads);
}

TEST_F(walk, small_page_in_every_paging_mode)
{
	unsigned int levels;

	for (levels = 2; levels <= 5; levels++) {
		build(self, levels);
		ASSERT_EQ(0, walk_for(self, WALK_READ));
		EXPECT_EQ(0x500456, self->res.gpa);
		EXPECT_EQ(4096, self->res.page_size);
		EXPECT_EQ(WALK_WRITE | WALK_USER | WALK_FETCH, self->res.perms);
	}
}

TEST_F(walk, two_mib_and_one_gib_pages)
{
	set_entry(self, 2, 0x40000000 | P | W | PS);
	ASSERT_EQ(0, walk_for(self, WALK_READ));
	EXPECT_EQ(0x40000000 | GVA, self->res.gpa);
	EXPECT_EQ(0x200000, self->res.page_size);
	EXPECT_EQ(WALK_WRITE | WALK_FETCH, self->res.perms);
	set_entry(self, 3, 0xc0000000 | P | PS);
	ASSERT_EQ(0, walk_for(self, WALK_READ));
	EXPECT_EQ(0xc0000000 | GVA, self->res.gpa);
	EXPECT_EQ(0x40000000, self->res.page_size);
	EXPECT_EQ(WALK_FETCH, self->res.perms);
}

TEST_F(walk, four_mib_page_with_address_bits_above_4_gib)
{
	build(self, 2);
	set_entry(self, 2, 0x00800000 | 0x25ULL << 13 | P | W | PS);
	ASSERT_EQ(0, walk_for(self, WALK_READ));
	EXPECT_EQ(0x2500800000ULL | GVA, self->res.gpa);
	EXPECT_EQ(0x400000, self->res.page_size);
}

TEST_F(walk, four_mib_page_address_bits_the_guest_cpu_lacks_are_reserved)
{
	build(self, 2);
	self->mode.phys_bits = 36;
	set_entry(self, 2, 0x10ULL << 13 | P | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
	set_entry(self, 2, 0x0fULL << 13 | P | PS);
	EXPECT_EQ(0, walk_for(self, WALK_READ));
	set_entry(self, 2, BIT_ULL(21) | P | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
	self->mode.pse36 = false;
	set_entry(self, 2, 0x01ULL << 13 | P | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
}

TEST_F(walk, without_pse_the_large_page_bit_means_nothing)
{
	build(self, 2);
	self->mode.pse = false;
	set_entry(self, 2, TABLE(1) | P | W | U | PS);
	ASSERT_EQ(0, walk_for(self, WALK_READ));
	EXPECT_EQ(0x500456, self->res.gpa);
}

TEST_F(walk, absent_entry_at_any_level)
{
	unsigned int level;

	for (level = 1; level <= 4; level++) {
		build(self, 4);
		set_entry(self, level, get_entry(self, level) & ~P);
		EXPECT_FAULT(WALK_READ, 0);
		EXPECT_FAULT(WALK_WRITE | WALK_USER, ERR_W | ERR_U);
		EXPECT_FAULT(WALK_FETCH, ERR_I);
	}
	build(self, 3);
	self->mode.pdpte[0] = 0;
	EXPECT_FAULT(WALK_READ, 0);
}

TEST_F(walk, reserved_address_bits_at_any_level)
{
	unsigned int level;

	for (level = 1; level <= 4; level++) {
		build(self, 4);
		set_entry(self, level, get_entry(self, level) | BIT_ULL(40));
		EXPECT_FAULT(WALK_WRITE, ERR_P | ERR_W | WALK_ERR_RSVD);
		set_entry(self, level, (get_entry(self, level) & ~BIT_ULL(40)) | BIT_ULL(52));
		EXPECT_EQ(0, walk_for(self, WALK_WRITE));
	}
}

TEST_F(walk, pae_reserves_the_software_bits_too)
{
	build(self, 3);
	set_entry(self, 1, get_entry(self, 1) | BIT_ULL(52));
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
}

TEST_F(walk, large_page_must_be_aligned)
{
	set_entry(self, 2, BIT_ULL(13) | P | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
	set_entry(self, 2, BIT_ULL(12) | P | PS);
	EXPECT_EQ(0, walk_for(self, WALK_READ));
	set_entry(self, 3, BIT_ULL(29) | P | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
}

TEST_F(walk, page_size_bit_is_reserved_where_no_such_page_exists)
{
	set_entry(self, 4, get_entry(self, 4) | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
	build(self, 4);
	self->mode.gbpages = false;
	set_entry(self, 3, P | PS);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
}

TEST_F(walk, bit_8_of_upper_levels_is_reserved_on_amd)
{
	set_entry(self, 3, get_entry(self, 3) | BIT8);
	EXPECT_EQ(0, walk_for(self, WALK_READ));
	self->mode.nonleaf_bit8_rsvd = true;
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
}

TEST_F(walk, no_execute_is_reserved_without_nxe)
{
	self->mode.nxe = false;
	set_entry(self, 2, get_entry(self, 2) | NX);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_RSVD);
}

TEST_F(walk, no_execute_at_any_level_forbids_fetch_only)
{
	unsigned int level;

	for (level = 1; level <= 4; level++) {
		build(self, 4);
		set_entry(self, level, get_entry(self, level) | NX);
		EXPECT_FAULT(WALK_FETCH | WALK_USER, ERR_P | ERR_I | ERR_U);
		ASSERT_EQ(0, walk_for(self, WALK_WRITE | WALK_USER));
		EXPECT_EQ(WALK_WRITE | WALK_USER, self->res.perms);
	}
}

TEST_F(walk, fetch_bit_of_the_error_code_needs_nxe_or_smep)
{
	set_entry(self, 1, 0);
	EXPECT_FAULT(WALK_FETCH, ERR_I);
	self->mode.nxe = false;
	EXPECT_FAULT(WALK_FETCH, 0);
	self->mode.smep = true;
	EXPECT_FAULT(WALK_FETCH, ERR_I);
	build(self, 2);
	set_entry(self, 1, 0);
	self->mode.smep = false;
	self->mode.nxe = true;
	EXPECT_FAULT(WALK_FETCH, 0);
}

TEST_F(walk, read_only_at_any_level_forbids_user_writes)
{
	unsigned int level;

	for (level = 1; level <= 4; level++) {
		build(self, 4);
		set_entry(self, level, get_entry(self, level) & ~W);
		EXPECT_FAULT(WALK_WRITE | WALK_USER, ERR_P | ERR_W | ERR_U);
		EXPECT_EQ(0, walk_for(self, WALK_READ | WALK_USER));
	}
}

TEST_F(walk, read_only_forbids_supervisor_writes_if_wp)
{
	set_entry(self, 1, get_entry(self, 1) & ~(W | U));
	EXPECT_FAULT(WALK_WRITE, ERR_P | ERR_W);
	self->mode.wp = false;
	EXPECT_EQ(0, walk_for(self, WALK_WRITE));
}

TEST_F(walk, supervisor_page_at_any_level_forbids_user)
{
	unsigned int level;

	for (level = 1; level <= 4; level++) {
		build(self, 4);
		set_entry(self, level, get_entry(self, level) & ~U);
		EXPECT_FAULT(WALK_USER, ERR_P | ERR_U);
		EXPECT_EQ(0, walk_for(self, WALK_READ));
	}
}

TEST_F(walk, smep_forbids_supervisor_fetch_of_user_pages)
{
	self->mode.smep = true;
	EXPECT_FAULT(WALK_FETCH, ERR_P | ERR_I);
	EXPECT_EQ(0, walk_for(self, WALK_FETCH | WALK_USER));
	set_entry(self, 2, get_entry(self, 2) & ~U);
	EXPECT_EQ(0, walk_for(self, WALK_FETCH));
}

TEST_F(walk, smap_forbids_supervisor_data_in_user_pages_unless_ac)
{
	self->mode.smap = true;
	EXPECT_FAULT(WALK_READ, ERR_P);
	EXPECT_FAULT(WALK_WRITE, ERR_P | ERR_W);
	EXPECT_EQ(0, walk_for(self, WALK_READ | WALK_AC));
	EXPECT_EQ(0, walk_for(self, WALK_FETCH));
	EXPECT_EQ(0, walk_for(self, WALK_READ | WALK_USER));
}

TEST_F(walk, protection_key_access_disable)
{
	self->mode.pku = true;
	self->mode.pkru = 1 << (2 * 5);
	set_entry(self, 1, get_entry(self, 1) | PKEY(5));
	EXPECT_FAULT(WALK_USER, ERR_P | ERR_U | WALK_ERR_PK);
	EXPECT_FAULT(WALK_READ, ERR_P | WALK_ERR_PK);
	EXPECT_EQ(0, walk_for(self, WALK_FETCH | WALK_USER));
	set_entry(self, 1, (get_entry(self, 1) & ~PKEY(15)) | PKEY(6));
	EXPECT_EQ(0, walk_for(self, WALK_USER));
}

TEST_F(walk, protection_key_write_disable)
{
	self->mode.pku = true;
	self->mode.pkru = 2 << (2 * 5);
	set_entry(self, 1, get_entry(self, 1) | PKEY(5));
	EXPECT_EQ(0, walk_for(self, WALK_USER));
	EXPECT_FAULT(WALK_USER | WALK_WRITE, ERR_P | ERR_U | ERR_W | WALK_ERR_PK);
	EXPECT_FAULT(WALK_WRITE, ERR_P | ERR_W | WALK_ERR_PK);
	self->mode.wp = false;
	EXPECT_EQ(0, walk_for(self, WALK_WRITE));
}

TEST_F(walk, protection_keys_spare_supervisor_pages)
{
	self->mode.pku = true;
	self->mode.pkru = ~0;
	set_entry(self, 1, (get_entry(self, 1) & ~U) | PKEY(5));
	EXPECT_EQ(0, walk_for(self, WALK_READ));
}

TEST_F(walk, accessed_bits_are_set_at_all_levels_and_dirty_by_writes)
{
	unsigned int level;

	ASSERT_EQ(0, walk_for(self, WALK_READ));
	for (level = 1; level <= 4; level++)
		EXPECT_EQ(A, get_entry(self, level) & (A | D));
	EXPECT_EQ(false, self->res.dirty);
	ASSERT_EQ(0, walk_for(self, WALK_WRITE));
	EXPECT_EQ(A | D, get_entry(self, 1) & (A | D));
	EXPECT_EQ(A, get_entry(self, 2) & (A | D));
	EXPECT_EQ(true, self->res.dirty);
	EXPECT_EQ(5, self->writes);
	ASSERT_EQ(0, walk_for(self, WALK_WRITE));
	EXPECT_EQ(5, self->writes);
}

TEST_F(walk, a_fault_leaves_no_trace)
{
	set_entry(self, 1, get_entry(self, 1) & ~W);
	EXPECT_FAULT(WALK_WRITE, ERR_P | ERR_W);
	EXPECT_EQ(0, self->writes);
}

TEST_F(walk, without_cmpxchg_no_bit_is_set)
{
	ASSERT_EQ(0, walk_gva(&self->mode, &silent_ops, self, GVA, WALK_WRITE, &self->res));
	EXPECT_EQ(0, get_entry(self, 1) & (A | D));
}

TEST_F(walk, begins_anew_when_an_entry_changed)
{
	self->refuse_writes = 1;
	self->reads = 0;
	ASSERT_EQ(0, walk_for(self, WALK_WRITE));
	EXPECT_EQ(8, self->reads);
	EXPECT_EQ(0x500456, self->res.gpa);
}

TEST_F(walk, gives_up_when_entries_keep_changing)
{
	self->refuse_writes = 1000000;
	EXPECT_EQ(-EAGAIN, walk_for(self, WALK_WRITE));
}

TEST_F(walk, tables_outside_memory_end_it_with_the_ops_error)
{
	set_entry(self, 3, 0x7000 | P | W | U);
	EXPECT_EQ(-EFAULT, walk_for(self, WALK_READ));
}

TEST_F(walk, upper_half_of_cr3_is_ignored_in_32_bit_paging)
{
	build(self, 2);
	self->mode.cr3 |= 0xff00000000ULL;
	EXPECT_EQ(0, walk_for(self, WALK_READ));
}

TEST_HARNESS_MAIN
