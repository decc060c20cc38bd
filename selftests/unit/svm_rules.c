// SPDX-License-Identifier: GPL-2.0
/*
 * The consistency rules of VMRUN: each broken alone, valid states of each mode.
 *
 * Links: kmod/svm/rules.c
 */
#include "svm/rules.h"

#define STATE struct svm_state
#include "entry_rules.h"

#define VALID				\
	.intercepts_4 = 0x1,		\
	.iopm_base = 0x10000,		\
	.msrpm_base = 0x20000,		\
	.asid = 1,			\
	.nested_control = 1,		\
	.nested_cr3 = 0x30000,		\
	.dr6 = 0xffff0ff0,		\
	.dr7 = 0x400,			\
	.g_pat = 0x0007040600070406,	\
	.phys_bits = 40,		\
	.cr4_valid = 0x3706ff,		\
	.efer_valid = 0x5d01,		\
	.nr_asids = 16

static const struct svm_state real_mode = {
	VALID, .cs_attr = 0x9b, .efer = 0x1000, .cr0 = 0x60000010,
};
static const struct svm_state protected_mode = {
	VALID, .cs_attr = 0xc9b, .efer = 0x1000, .cr0 = 0x80000011, .cr3 = 0x1000,
};
static const struct svm_state pae_mode = {
	VALID, .cs_attr = 0xc9b, .efer = 0x1000, .cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x20,
};
static const struct svm_state long_mode = {
	VALID, .cs_attr = 0xa9b, .efer = 0x1d01, .cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x20,
};
static const struct svm_state compatibility_mode = {
	VALID, .cs_attr = 0xc9b, .efer = 0x1d01, .cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x20,
};

static const struct breach breaches[] = {
	{ "efer_svme", &long_mode, { SET(efer, 0xd01) } },
	{ "cr0_nw_without_cd", &real_mode, { SET(cr0, 0x20000010) } },
	{ "cr0_upper_half", &long_mode, { SET(cr0, 0x180000011) } },
	{ "cr3_reserved", &long_mode, { SET(cr3, 1ull << 40) } },
	{ "cr3_reserved", &compatibility_mode, { SET(cr3, 1ull << 63) } },
	{ "cr4_reserved", &protected_mode, { SET(cr4, 1 << 12) } },
	{ "cr4_reserved", &long_mode, { SET(cr4, 1ull << 32 | 0x20) } },
	{ "dr6_upper_half", &protected_mode, { SET(dr6, 1ull << 32) } },
	{ "dr7_upper_half", &protected_mode, { SET(dr7, 1ull << 63) } },
	{ "efer_reserved", &protected_mode, { SET(efer, 0x1002) } },
	{ "long_mode_pae", &long_mode, { SET(cr4, 0) } },
	{ "long_mode_pe", &long_mode, { SET(cr0, 0x80000010) } },
	{ "long_mode_cs", &long_mode, { SET(cs_attr, 0xe9b) } },
	{ "vmrun_intercept", &real_mode, { SET(intercepts_4, 0x2) } },
	{ "iopm_base", &real_mode, { SET(iopm_base, 1ull << 40) } },
	{ "iopm_base", &real_mode, { SET(iopm_base, (1ull << 40) - 0x2000) } },
	{ "msrpm_base", &real_mode, { SET(msrpm_base, ~0ull) } },
	{ "msrpm_base", &real_mode, { SET(msrpm_base, (1ull << 40) - 0x1000) } },
	{ "asid_zero", &real_mode, { SET(asid, 0) } },
	{ "asid_number", &real_mode, { SET(asid, 16) } },
	{ "event_type", &long_mode, { SET(event_inject, 0x80000120) } },
	{ "event_type", &long_mode, { SET(event_inject, 0x80000720) } },
	{ "event_exception", &long_mode, { SET(event_inject, 0x80000302) } },
	{ "event_exception", &long_mode, { SET(event_inject, 0x80000320) } },
	{ "g_pat", &long_mode, { SET(g_pat, 0x0007040600070402) } },
	{ "g_pat", &long_mode, { SET(g_pat, 0x0307040600070406) } },
	{ "g_pat", &long_mode, { SET(g_pat, 0x0007040800070406) } },
	{ "nested_cr3", &long_mode, { SET(nested_cr3, 1ull << 51) } },
};

TEST_RULES(svm_rules, svm_nr_rules, breaches)

TEST(valid_states_of_each_mode_pass)
{
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &real_mode));
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &protected_mode));
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &pae_mode));
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &long_mode));
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &compatibility_mode));
}

TEST(events_that_may_be_injected_pass)
{
	static const u64 events[] = {
		0, 0x80000020, 0x80000202, 0x80000300, 0x8000030d | 0x800, 0x8000031f,
		0x80000480, 0x00000702,
	};
	struct svm_state state = long_mode;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		state.event_inject = events[i];
		EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &state))
			TH_LOG("event %#llx", (unsigned long long)events[i]);
	}
}

TEST(every_pat_type_passes)
{
	struct svm_state state = long_mode;

	state.g_pat = 0x0001040506070001;
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &state));
}

TEST(last_pages_of_memory_may_hold_the_maps)
{
	struct svm_state state = long_mode;

	state.iopm_base = (1ull << 40) - 0x3000;
	state.msrpm_base = (1ull << 40) - 0x2000;
	EXPECT_STREQ("none", broken_name(svm_rules, svm_nr_rules, &state));
}

TEST_HARNESS_MAIN
