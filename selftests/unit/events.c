// SPDX-License-Identifier: GPL-2.0
/*
 * Which event comes at the next entry, and what brings the guest back for the others: inline
 * functions of kmod/vcpu/events.h.
 */
#include "kselftest_harness.h"

#include "cpu/regs.h"
#include "vcpu/events.h"

#define STATES		(1u << 11)
#define BLOCKED		(EV_NMI_MASKED | EV_IRQ_MASKED | EV_SHADOW)

static const struct row {
	const char *what;
	u32 state, inject, want;
} rows[] = {
	{ "nothing", 0, 0, 0 },
	{ "nothing, all blocked", BLOCKED, 0, 0 },
	{ "an exception", EV_EXCEPTION | BLOCKED, EV_EXCEPTION, 0 },
	{ "an INT3 of userspace's is told from the handler's", EV_EXCEPTION | EV_SOFT,
	  EV_EXCEPTION, WANT_RETURN },
	{ "a fault in the delivery of an interrupt takes its place", EV_EXCEPTION | EV_IRQ_AGAIN,
	  EV_EXCEPTION, 0 },
	{ "a machine check does not", EV_EXCEPTION | EV_BEHIND | EV_IRQ_AGAIN,
	  EV_IRQ_AGAIN, WANT_RETURN },
	{ "nor of an NMI", EV_EXCEPTION | EV_BEHIND | EV_NMI_AGAIN | EV_NMI_MASKED,
	  EV_NMI_AGAIN, WANT_RETURN },
	{ "a machine check alone", EV_EXCEPTION | EV_BEHIND, EV_EXCEPTION, 0 },
	{ "an exception before an NMI, which follows before the handler", EV_EXCEPTION | EV_NMI,
	  EV_EXCEPTION, WANT_RETURN },
	{ "an exception in an NMI's handler", EV_EXCEPTION | EV_NMI | EV_NMI_MASKED,
	  EV_EXCEPTION, WANT_NMI_WINDOW },
	{ "an exception before an interrupt", EV_EXCEPTION | EV_IRQ,
	  EV_EXCEPTION, WANT_IRQ_WINDOW },
	{ "an NMI before an interrupt", EV_NMI | EV_IRQ, EV_NMI, WANT_IRQ_WINDOW },
	{ "an interrupted NMI is masked, and comes again", EV_NMI_AGAIN | EV_NMI_MASKED | EV_IRQ,
	  EV_NMI_AGAIN, WANT_IRQ_WINDOW },
	{ "an interrupted interrupt comes with IF clear", EV_IRQ_AGAIN | EV_IRQ_MASKED | EV_SHADOW,
	  EV_IRQ_AGAIN, 0 },
	{ "an NMI on the heels of an interrupted interrupt", EV_IRQ_AGAIN | EV_NMI,
	  EV_IRQ_AGAIN, WANT_RETURN },
	{ "two NMIs", EV_NMI | EV_NMI_TWICE, EV_NMI, WANT_NMI_WINDOW },
	{ "an NMI while one is handled", EV_NMI | EV_NMI_MASKED, 0, WANT_NMI_WINDOW },
	{ "an interrupt in an NMI's handler", EV_NMI | EV_NMI_MASKED | EV_IRQ,
	  EV_IRQ, WANT_NMI_WINDOW },
	{ "an NMI after STI or MOV SS", EV_NMI | EV_SHADOW, 0, WANT_NMI_WINDOW },
	{ "an NMI with IF clear", EV_NMI | EV_IRQ_MASKED, EV_NMI, 0 },
	{ "an interrupt", EV_IRQ, EV_IRQ, 0 },
	{ "an interrupt in an NMI's handler alone", EV_IRQ | EV_NMI_MASKED, EV_IRQ, 0 },
	{ "an interrupt with IF clear", EV_IRQ | EV_IRQ_MASKED, 0, WANT_IRQ_WINDOW },
	{ "an interrupt after STI", EV_IRQ | EV_SHADOW, 0, WANT_IRQ_WINDOW },
};

TEST(the_manuals_priorities)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_choice choice = event_choose(rows[i].state);

		EXPECT_EQ(rows[i].inject, choice.inject) TH_LOG("%s", rows[i].what);
		EXPECT_EQ(rows[i].want, choice.want) TH_LOG("%s", rows[i].what);
	}
}

/* States that can be: a second NMI behind a first. */
static bool is_possible(u32 state)
{
	return !(state & EV_NMI_TWICE) || (state & EV_NMI);
}

static bool is_blocked(u32 state, u32 event)
{
	if (event == EV_NMI)
		return state & (EV_NMI_MASKED | EV_SHADOW);
	return event == EV_IRQ && (state & (EV_IRQ_MASKED | EV_SHADOW));
}

TEST(what_is_handed_over_waits_and_is_not_blocked)
{
	u32 state;

	for (state = 0; state < STATES; state++) {
		u32 event = event_choose(state).inject;

		ASSERT_EQ(event, event & state) TH_LOG("state %x", state);
		ASSERT_EQ(0, event & (event - 1)) TH_LOG("state %x", state);
		ASSERT_LE(event, EV_IRQ) TH_LOG("state %x", state);
		ASSERT_FALSE(is_blocked(state, event)) TH_LOG("state %x", state);
	}
}

/* Nothing is handed over only where all that waits is blocked. */
TEST(no_entry_is_wasted)
{
	u32 state;

	for (state = 0; state < STATES; state++) {
		if (event_choose(state).inject)
			continue;
		ASSERT_EQ(0, state & (EV_EXCEPTION | EV_NMI_AGAIN | EV_IRQ_AGAIN));
		ASSERT_TRUE(!(state & EV_NMI) || is_blocked(state, EV_NMI));
		ASSERT_TRUE(!(state & EV_IRQ) || is_blocked(state, EV_IRQ));
	}
}

/* Whatever else waits, an exit is asked for after which its turn can be. */
TEST(nothing_that_waits_is_forgotten)
{
	u32 state;

	for (state = 0; state < STATES; state++) {
		struct event_choice choice = event_choose(state);
		u32 left = state & ~choice.inject;

		if (!is_possible(state))
			continue;
		if ((left & EV_NMI) || (state & EV_NMI_TWICE))
			ASSERT_NE(0, choice.want & (WANT_RETURN | WANT_NMI_WINDOW));
		if (left & EV_IRQ)
			ASSERT_NE(0, choice.want & WANT_IRQ_WINDOW);
		/* One whose place a fault has taken comes no more. */
		if ((left & EV_EXCEPTION) && choice.inject)
			ASSERT_NE(0, choice.want & WANT_RETURN);
	}
}

TEST(nobody_comes_back_for_nothing)
{
	u32 state;

	for (state = 0; state < STATES; state++) {
		u32 want = event_choose(state).want;

		if (!(state & EV_IRQ))
			ASSERT_EQ(0, want & WANT_IRQ_WINDOW);
		if (!is_possible(state) || (state & EV_NMI))
			continue;
		ASSERT_EQ(0, want & WANT_NMI_WINDOW);
		if (!(state & (EV_SOFT | EV_BEHIND)))
			ASSERT_EQ(0, want & WANT_RETURN);
	}
}

/* The manuals' table: benign, contributory and page faults. */
TEST(double_faults)
{
	static const u8 contributory[] = { VEC_DE, VEC_TS, VEC_NP, VEC_SS, VEC_GP };
	unsigned int first, second, i, doubles = 0;

	for (first = 0; first < 32; first++)
		for (second = 0; second < 32; second++)
			doubles += event_makes_double_fault(first, second);
	ASSERT_EQ(5 * 5 + 5 + 1, doubles);
	ASSERT_TRUE(event_makes_double_fault(VEC_PF, VEC_PF));
	for (i = 0; i < ARRAY_SIZE(contributory); i++) {
		ASSERT_TRUE(event_makes_double_fault(VEC_PF, contributory[i]));
		ASSERT_FALSE(event_makes_double_fault(contributory[i], VEC_PF));
		for (second = 0; second < ARRAY_SIZE(contributory); second++)
			ASSERT_TRUE(event_makes_double_fault(contributory[i],
							     contributory[second]));
	}
}

TEST_HARNESS_MAIN
