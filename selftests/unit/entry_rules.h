/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is tested of every table of entry rules (kmod/entry_rule.h): valid states
 * pass, each rule is broken alone by one case at least, and no state, however odd,
 * upsets the checks. A program defines STATE as its state's type.
 */
#ifndef UNIT_ENTRY_RULES_H
#define UNIT_ENTRY_RULES_H

#include <stdlib.h>

#include "kselftest_harness.h"

#include "entry_rule.h"

/* A case: @from, a valid state, with members changed breaks @rule and no other. */
struct breach {
	const char *rule;
	const STATE *from;
	struct { bool used; size_t offset; u64 value; } change[5];
};

#define SET(member, value)	{ true, offsetof(STATE, member), value }

static void apply(const struct breach *breach, STATE *state)
{
	unsigned int i;

	*state = *breach->from;
	for (i = 0; i < ARRAY_SIZE(breach->change) && breach->change[i].used; i++)
		*(u64 *)((char *)state + breach->change[i].offset) = breach->change[i].value;
}

static unsigned int count_broken(const struct entry_rule *rules, size_t nr, const STATE *state)
{
	unsigned int i, broken = 0;

	for (i = 0; i < nr; i++)
		broken += !entry_rule_holds(&rules[i], state);
	return broken;
}

static const char *broken_name(const struct entry_rule *rules, size_t nr, const STATE *state)
{
	const struct entry_rule *rule = entry_rule_broken(rules, nr, state);

	return rule ? rule->name : "none";
}

static bool has_breach(const struct breach *breaches, size_t nr, const char *rule)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(breaches[i].rule, rule))
			return true;
	return false;
}

/* Each member by turns random, nearly what it was, or an end of the range. */
static void scramble(STATE *state, unsigned int *seed)
{
	u64 *member = (u64 *)state, random;
	unsigned int i;

	for (i = 0; i < sizeof(*state) / sizeof(u64); i++) {
		random = (u64)rand_r(seed) << 42 ^ (u64)rand_r(seed) << 21 ^ rand_r(seed);
		switch (rand_r(seed) % 8) {
		case 0:
			member[i] = random;
			break;
		case 1:
			member[i] ^= BIT_ULL(random % 64);
			break;
		case 2:
			member[i] = random & 1 ? ~0ull : 0;
			break;
		}
	}
}

#define TEST_RULES(rules, nr_rules, breaches)						\
TEST(each_rule_is_broken_alone_and_named)						\
{											\
	for (size_t i = 0; i < ARRAY_SIZE(breaches); i++) {				\
		STATE state;								\
											\
		apply(&(breaches)[i], &state);						\
		EXPECT_STREQ((breaches)[i].rule, broken_name(rules, nr_rules, &state));	\
		EXPECT_EQ(1, count_broken(rules, nr_rules, &state))			\
			TH_LOG("case %zu: %s", i, (breaches)[i].rule);			\
	}										\
}											\
											\
TEST(every_rule_has_a_case)								\
{											\
	for (size_t i = 0; i < (nr_rules); i++) {					\
		EXPECT_TRUE(has_breach(breaches, ARRAY_SIZE(breaches), (rules)[i].name)) \
			TH_LOG("%s", (rules)[i].name);					\
	}										\
}											\
											\
TEST(names_are_unique_and_texts_fit_the_record)						\
{											\
	for (size_t i = 0; i < (nr_rules); i++) {					\
		for (size_t j = 0; j < i; j++)						\
			EXPECT_STRNE((rules)[i].name, (rules)[j].name);			\
		EXPECT_GT(160, strlen((rules)[i].name) + strlen((rules)[i].text) + 2);	\
		EXPECT_GT(32, strlen((rules)[i].field));				\
		EXPECT_GT(sizeof(STATE), (rules)[i].offset);				\
		EXPECT_EQ(0, (rules)[i].offset % sizeof(u64));				\
	}										\
}											\
											\
TEST(any_state_gets_an_answer)								\
{											\
	unsigned int seed = 1, refused = 0;						\
											\
	for (int round = 0; round < 20000; round++) {					\
		STATE *state = malloc(sizeof(*state));	/* guarded by the sanitizer */	\
		const struct entry_rule *rule;						\
											\
		ASSERT_NE(NULL, state);							\
		*state = *(breaches)[round % ARRAY_SIZE(breaches)].from;		\
		scramble(state, &seed);							\
		rule = entry_rule_broken(rules, nr_rules, state);			\
		if (rule) {								\
			refused++;							\
			EXPECT_FALSE(entry_rule_holds(rule, state));				\
			EXPECT_EQ(((u64 *)state)[rule->offset / 8],			\
				  entry_rule_value(rule, state));			\
		}									\
		free(state);								\
	}										\
	EXPECT_LT(10000, refused);							\
}

#endif
