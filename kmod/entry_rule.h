/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a CPU demands of a vCPU's control structure before it enters the guest, as
 * tables: one row per rule of the manual. A backend copies what its rules are
 * about into a structure of u64s when the CPU has refused an entry; the first rule
 * that this state breaks is the reason given to userspace. Pure.
 *
 * A table is written once, in a list file of its own: lines
 *	RULE(name, member, "what must be", expression that is true of a valid state)
 * where the expression sees the state as `s`. The file is included three times: with RULE
 * defined as RULE_NUMBER in an enum, as RULE_CHECK in the switch of one function holds(), whose
 * `s` is of the type RULE_STATE, and as RULE_ROW in the table's braces. One function for all,
 * since insmod takes its time for each symbol.
 */
#ifndef MINIVMM_ENTRY_RULE_H
#define MINIVMM_ENTRY_RULE_H

#include "pure.h"

struct entry_rule {
	const char *name;	/* stable; unique in its table */
	const char *text;
	const char *field;	/* the member that is wrong, or that contradicts another */
	size_t offset;		/* of that member, a u64 */
	unsigned int number;
	bool (*holds)(unsigned int number, const void *state);
};

#define RULE_NUMBER(name, member, text, valid)	RULE_##name,
#define RULE_CHECK(name, member, text, valid)	case RULE_##name: return valid;
#define RULE_ROW(name, member, text, valid)				\
	{ #name, text, #member, offsetof(RULE_STATE, member), RULE_##name, holds },

static inline bool entry_rule_holds(const struct entry_rule *rule, const void *state)
{
	return rule->holds(rule->number, state);
}

/* entry_rule_broken - the first of @nr @rules that @state breaks; NULL: none. */
static inline const struct entry_rule *entry_rule_broken(const struct entry_rule *rules, size_t nr,
							 const void *state)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!entry_rule_holds(&rules[i], state))
			return &rules[i];
	return NULL;
}

/* entry_rule_value - the member of @state that @rule is about. */
static inline u64 entry_rule_value(const struct entry_rule *rule, const void *state)
{
	return *(const u64 *)(state + rule->offset);
}

/* Conditions of both vendors' rules. */

/* IA32_PAT: eight memory types, each 0, 1 or 4 to 7. */
static inline bool is_pat(u64 value)
{
	u64 two_or_three = value & 0x0202020202020202ull & ~(value >> 1);

	return !(value & 0xf8f8f8f8f8f8f8f8ull) && !two_or_three;
}

/* No bit of @address is at or above @width. */
static inline bool is_below(u64 address, u64 width)
{
	return width >= 64 || !(address >> width);
}

#endif /* MINIVMM_ENTRY_RULE_H */
