// SPDX-License-Identifier: GPL-2.0
/* The table of VMRUN's rules, and the words rules_list.h is written in. Pure. */

#include "rules.h"
#include "../cpu/regs.h"

#define SVM_CS_L		BIT_ULL(9)
#define SVM_CS_D		BIT_ULL(10)
#define SVM_EVENT_VALID		BIT_ULL(31)

/* Types of an injected event. */
enum { SVM_EVENT_INTR = 0, SVM_EVENT_NMI = 2, SVM_EVENT_EXCEPTION = 3, SVM_EVENT_SOFT = 4 };

static bool is_set(u64 value, u64 bits)
{
	return (value & bits) == bits;
}

static bool is_long_mode(const struct svm_state *s)
{
	return s->efer & EFER_LME && s->cr0 & X86_CR0_PG;
}

/* The low 12 bits of a map's address are ignored. */
static bool is_map(const struct svm_state *s, u64 base, unsigned int pages)
{
	return is_below(base, s->phys_bits) &&
	       is_below((base | 0xfff) + (pages - 1) * 0x1000, s->phys_bits);
}

static bool is_injecting(const struct svm_state *s)
{
	return s->event_inject & SVM_EVENT_VALID;
}

static unsigned int event_type(const struct svm_state *s)
{
	return s->event_inject >> 8 & 7;
}

static bool is_event_type(unsigned int type)
{
	return type == SVM_EVENT_INTR || type == SVM_EVENT_NMI || type == SVM_EVENT_EXCEPTION ||
	       type == SVM_EVENT_SOFT;
}

static bool is_exception(unsigned int vector)
{
	return vector < 32 && vector != VEC_NMI;
}

#define RULE_STATE struct svm_state

#define RULE RULE_NUMBER
enum {
#include "rules_list.h"
};
#undef RULE

#define RULE RULE_CHECK
static bool holds(unsigned int number, const void *state)
{
	const RULE_STATE *s = state;

	switch (number) {
#include "rules_list.h"
	}
	return false;
}
#undef RULE

#define RULE RULE_ROW
const struct entry_rule svm_rules[] = {
#include "rules_list.h"
};

const size_t svm_nr_rules = ARRAY_SIZE(svm_rules);
