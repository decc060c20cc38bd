// SPDX-License-Identifier: GPL-2.0
/* The order of events: the contract is in events.h. Pure part. */
#include "events.h"

#include "../cpu/regs.h"

static bool waits_behind(u32 state)
{
	return (state & EV_BEHIND) && (state & (EV_NMI_AGAIN | EV_IRQ_AGAIN));
}

static u32 choose_first(u32 state)
{
	if ((state & EV_EXCEPTION) && !waits_behind(state))
		return EV_EXCEPTION;
	if (state & EV_NMI_AGAIN)
		return EV_NMI_AGAIN;
	if (state & EV_IRQ_AGAIN)
		return EV_IRQ_AGAIN;
	if ((state & EV_NMI) && !(state & (EV_NMI_MASKED | EV_SHADOW)))
		return EV_NMI;
	if ((state & EV_IRQ) && !(state & (EV_IRQ_MASKED | EV_SHADOW)))
		return EV_IRQ;
	return 0;
}

/* What comes after @inject before the first instruction of its handler, or is told from it so. */
static bool wants_return(u32 state, u32 inject)
{
	if (inject == EV_EXCEPTION)
		return state & EV_SOFT;
	return inject && (state & EV_EXCEPTION);
}

/* An NMI that is not masked follows at once what is handed over. */
static u32 want_for_nmi(u32 state, u32 inject)
{
	if (inject == EV_NMI)
		return state & EV_NMI_TWICE ? WANT_NMI_WINDOW : 0;
	if (!(state & EV_NMI))
		return 0;
	return inject && !(state & EV_NMI_MASKED) ? WANT_RETURN : WANT_NMI_WINDOW;
}

struct event_choice event_choose(u32 state)
{
	struct event_choice choice = { .inject = choose_first(state) };

	choice.want = want_for_nmi(state, choice.inject);
	if (wants_return(state, choice.inject))
		choice.want |= WANT_RETURN;
	if ((state & EV_IRQ) && choice.inject != EV_IRQ)
		choice.want |= WANT_IRQ_WINDOW;
	return choice;
}

static bool is_contributory(u8 vector)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

bool event_makes_double_fault(u8 first, u8 second)
{
	if (first == VEC_PF)
		return second == VEC_PF || is_contributory(second);
	return is_contributory(first) && is_contributory(second);
}
