// SPDX-License-Identifier: GPL-2.0
/*
 * The rows of MSRs: what is listed, and what reads and writes by guest and userspace come to.
 * Where the values of those with state are is the module's: here they only say what they are.
 *
 * Links: kmod/cpu/msr_rows.c
 */
#include "kselftest_harness.h"

#include "cpu/msr_rows.h"

enum { STATE = 0x57a7e, BACKEND = 0xbac };	/* what is read of those with state */
enum { DONE = 0, EVENT = 1, TO_BACKEND = 2 };

static bool cpuid;	/* whether the guest's has all that rows ask for */

#define MSR_HAS_TSC_AUX		(host || cpuid)
#define MSR_HAS_SPEC_CTRL	(host || cpuid)
#define MSR_HAS_PRED_CMD	(host || cpuid)
#define MSR_HAS_MCG_CTL		(host || cpuid)
#define MSR_HAS_XSAVES		cpuid

#define MSR_READ_VALUE(v)	(*value = STATE, 0)
#define MSR_READ_KEPT(member)	MSR_READ_VALUE()
#define MSR_READ_CALL(call)	MSR_READ_VALUE()
#define MSR_READ_BACKEND	(*value = BACKEND, 0)

#define MSR_WRITE_KEPT(member, ok)	DONE
#define MSR_WRITE_DO(call)		DONE
#define MSR_WRITE_CALL(call)		DONE
#define MSR_WRITE_EVENT(call)		EVENT
#define MSR_WRITE_EVENT_IF_OK(call)	EVENT
#define MSR_WRITE_BACKEND(ok)		TO_BACKEND
#define MSR_WRITE_ADDRESS		TO_BACKEND
#define MSR_WRITE_LOW_HALF		TO_BACKEND

static int get(u32 index, u64 *value, bool host)
{
	switch (index) {
	MSR_ROWS(MSR_READ_CASE)
	default:
		return -EINVAL;
	}
}

static int set(u32 index, u64 value, bool host)
{
	switch (index) {
	MSR_ROWS(MSR_WRITE_CASE)
	default:
		return -EINVAL;
	}
}

static const struct row {
	u32 first, last;
	const char *name;
	enum msr_lists lists;
} rows[] = {
#define ROW(first, last, name, lists, ...)	{ first, last, #name, MSR_IN_##lists },
	MSR_ROWS(ROW)
#undef ROW
};

#define for_each_row(r)	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++)

static const u32 saved[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102,
	0x48, 0x10, 0x277, 0xc0000103, 0x3b, 0x6e0, 0x1a0, 0x17a, 0x17b,
	0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x2ff, 0x250, 0x258, 0x259,
	0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f,
	0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207,
	0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f, 0x8b, 0xc0010015,
};

static const u32 features[] = { 0x8b, 0xc0011029 };

static const u32 direct[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102,
	0xc0000100, 0xc0000101,
};

TEST(rows_do_not_overlap)
{
	for_each_row(a) {
		EXPECT_LE(a->first, a->last)
			TH_LOG("%s", a->name);
		for_each_row(b) {
			EXPECT_TRUE(a == b || a->last < b->first || b->last < a->first)
				TH_LOG("%s and %s", a->name, b->name);
		}
	}
}

#define EXPECT_LIST(expected, which)						\
	do {									\
		u32 list[MSR_MAX_LISTED];					\
										\
		ASSERT_EQ(ARRAY_SIZE(expected), msr_list(which, list));		\
		EXPECT_EQ(0, memcmp(expected, list, sizeof(expected)));		\
	} while (0)

TEST(lists_are_the_published_ones_in_their_order)
{
	EXPECT_LIST(saved, MSR_IN_SAVED);
	EXPECT_LIST(features, MSR_IN_FEATURES);
	EXPECT_LIST(direct, MSR_IN_DIRECT);
	EXPECT_LE(ARRAY_SIZE(saved) + 1 + 2, MSR_MAX_LISTED);
}

TEST(what_is_saved_can_be_read_and_restored_before_cpuid_is_set)
{
	u64 value;

	for_each_row(row) {
		if (!(row->lists & MSR_IN_SAVED))
			continue;
		EXPECT_EQ(0, get(row->first, &value, true))
			TH_LOG("%s", row->name);
		EXPECT_LE(0, set(row->last, value, true))
			TH_LOG("%s", row->name);
	}
}

TEST(what_is_direct_is_held_by_the_backend)
{
	u64 value;

	for_each_row(row) {
		if (!(row->lists & MSR_IN_DIRECT))
			continue;
		EXPECT_EQ(0, get(row->first, &value, false));
		EXPECT_EQ(BACKEND, value)
			TH_LOG("%s", row->name);
		EXPECT_EQ(TO_BACKEND, set(row->first, 0, false))
			TH_LOG("%s", row->name);
	}
}

TEST(what_is_not_in_a_row_is_not_there)
{
	static const u32 indices[] = { 0x2, 0x16, 0x7ff, 0x900, 0x210, 0x480, 0x1df, 0xc0000085, ~0u };
	u64 value;

	for (int i = 0; i < ARRAY_SIZE(indices); i++) {
		for (int host = 0; host < 2; host++) {
			EXPECT_EQ(-EINVAL, get(indices[i], &value, host));
			EXPECT_EQ(-EINVAL, set(indices[i], 0, host));
		}
	}
}

TEST(read_only_ones_refuse_every_write)
{
	static const struct { u32 index; u64 value; } is[] = {
		{ 0x0, 0 }, { 0x1, 0 }, { 0x17, 0 }, { 0x2c, 1 << 24 }, { 0x34, 0 }, { 0x3a, 1 },
		{ 0xcd, 3 }, { 0xce, 0 }, { 0xfe, 0x508 }, { 0x179, STATE },
		{ 0x198, 0x400000003e8 }, { 0x1db, 0 }, { 0x1de, 0 }, { 0x606, 0 },
		{ 0xc0010010, 0 }, { 0xc0010113, 0 }, { 0xc0010114, 0x18 },
	};
	u64 value;

	for (int i = 0; i < ARRAY_SIZE(is); i++) {
		EXPECT_EQ(0, get(is[i].index, &value, false));
		EXPECT_EQ(is[i].value, value)
			TH_LOG("MSR %#x", is[i].index);
		EXPECT_EQ(-EINVAL, set(is[i].index, value, false))
			TH_LOG("MSR %#x", is[i].index);
		EXPECT_EQ(-EINVAL, set(is[i].index, value, true))
			TH_LOG("MSR %#x", is[i].index);
	}
}

TEST(writes_that_are_ignored_change_nothing)
{
	static const struct { u32 index; u64 value; } is[] = {
		{ 0xc2, 0 }, { 0x11e, 0xbe702111 }, { 0x187, 0 }, { 0x1d9, 0 }, { 0x1fc, 0 },
		{ 0xc0010007, 0 }, { 0xc001001b, 0x20000000 }, { 0xc0010117, 0 }, { 0xc0011022, 0 },
	};
	u64 value;

	for (int i = 0; i < ARRAY_SIZE(is); i++) {
		EXPECT_EQ(DONE, set(is[i].index, ~0ull, false));
		EXPECT_EQ(0, get(is[i].index, &value, false));
		EXPECT_EQ(is[i].value, value)
			TH_LOG("MSR %#x", is[i].index);
	}
}

TEST(what_has_one_value_takes_it_and_no_other)
{
	static const u32 indices[] = {
		0x9e, 0x10a, 0x309, 0x30b, 0x38f, 0x345, 0xc001020b, 0x140, 0x4b564d02, 0x4b564d04,
		0x4b564d06, 0xc0010058,
	};
	u64 value;

	for (int i = 0; i < ARRAY_SIZE(indices); i++) {
		EXPECT_EQ(0, get(indices[i], &value, true));
		EXPECT_EQ(DONE, set(indices[i], value, true))
			TH_LOG("MSR %#x", indices[i]);
		EXPECT_EQ(-EINVAL, set(indices[i], value + 1, true))
			TH_LOG("MSR %#x", indices[i]);
	}
}

TEST(some_are_userspaces_alone)
{
	static const u32 indices[] = { 0x9e, 0x10a, 0x30a, 0x38d, 0x345, 0xc0010200 };
	u64 value;

	for (int i = 0; i < ARRAY_SIZE(indices); i++) {
		EXPECT_EQ(-EINVAL, get(indices[i], &value, false));
		EXPECT_EQ(-EINVAL, set(indices[i], 0, false))
			TH_LOG("MSR %#x", indices[i]);
	}
	EXPECT_EQ(0, get(0x9e, &value, true));
	EXPECT_EQ(0x30000, value);
}

TEST(some_are_written_only)
{
	static const u32 indices[] = { 0x49, 0x79, 0xc0010020 };
	u64 value;

	cpuid = true;
	for (int i = 0; i < ARRAY_SIZE(indices); i++) {
		EXPECT_EQ(DONE, set(indices[i], 0, false));
		EXPECT_EQ(-EINVAL, get(indices[i], &value, false));
		EXPECT_EQ(-EINVAL, get(indices[i], &value, true));
	}
}

TEST(some_are_there_if_the_guests_cpuid_says_so)
{
	static const u32 indices[] = { 0x48, 0x17b, 0xda0, 0xc0000103 };
	u64 value;

	for (int i = 0; i < ARRAY_SIZE(indices); i++) {
		cpuid = false;
		EXPECT_EQ(-EINVAL, get(indices[i], &value, false))
			TH_LOG("MSR %#x", indices[i]);
		EXPECT_EQ(-EINVAL, set(indices[i], 0, false))
			TH_LOG("MSR %#x", indices[i]);
		cpuid = true;
		EXPECT_EQ(0, get(indices[i], &value, false));
		EXPECT_EQ(DONE, set(indices[i], 0, false));
	}
	cpuid = false;
	EXPECT_EQ(-EINVAL, set(0x49, 0, false));
	EXPECT_EQ(-EINVAL, get(0xda0, &value, true));	/* userspace asks CPUID, too */
}

/* The local APIC's and those of its clock. */
TEST(events_may_come_of_these_and_no_others)
{
	for_each_row(row) {
		bool expected = row->first == 0x10 || row->first == 0x1b || row->first == 0x3b ||
				row->first == 0x6e0 || row->first == 0x800;

		EXPECT_EQ(expected, set(row->last, 0, true) == EVENT)
			TH_LOG("%s", row->name);
	}
	EXPECT_EQ(EVENT, set(0x80b, 0, false));
}

TEST_HARNESS_MAIN
