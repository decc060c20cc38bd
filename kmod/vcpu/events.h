/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order of events: which one the guest gets at the next entry, what brings it back for the
 * others, and what two exceptions make. Pure, and inline, as each interrupt comes by here;
 * inject.c has the events themselves.
 *
 * The priorities are the manuals': what was interrupted in its delivery, then exceptions, NMIs,
 * interrupts. INIT, SIPI and a triple fault are no events of an entry: they end the window.
 */
#ifndef MINIVMM_VCPU_EVENTS_H
#define MINIVMM_VCPU_EVENTS_H

#include "../cpu/regs.h"
#include "../pure.h"

/* What waits. Of those before EV_BEHIND one is handed over. */
#define EV_EXCEPTION	BIT(0)	/* new, or interrupted in its delivery */
#define EV_NMI_AGAIN	BIT(1)	/* interrupted in its delivery */
#define EV_IRQ_AGAIN	BIT(2)
#define EV_NMI		BIT(3)
#define EV_IRQ		BIT(4)
#define EV_BEHIND	BIT(5)	/* the exception comes behind what was interrupted */
#define EV_SOFT		BIT(6)	/* it stands for an INT3 or INTO of the guest's */
#define EV_NMI_TWICE	BIT(7)	/* another NMI behind the first */

/* What blocks them. */
#define EV_NMI_MASKED	BIT(8)	/* until IRET */
#define EV_IRQ_MASKED	BIT(9)	/* RFLAGS.IF is 0 */
#define EV_SHADOW	BIT(10)	/* STI or MOV SS came before */

/* What is to be asked of the backend or the CPU, besides handing over .inject. */
#define WANT_RETURN	BIT(0)	/* an exit before the first instruction of the handler */
#define WANT_NMI_WINDOW	BIT(1)	/* an exit as soon as an NMI can be taken */
#define WANT_IRQ_WINDOW	BIT(2)

struct event_choice {
	u32 inject;		/* EV_EXCEPTION to EV_IRQ, or 0 */
	u32 want;		/* WANT_RETURN ... */
};

static inline bool event_waits_behind(u32 state)
{
	return (state & EV_BEHIND) && (state & (EV_NMI_AGAIN | EV_IRQ_AGAIN));
}

static inline u32 event_first(u32 state)
{
	if ((state & EV_EXCEPTION) && !event_waits_behind(state))
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
static inline bool event_wants_return(u32 state, u32 inject)
{
	if (inject == EV_EXCEPTION)
		return state & EV_SOFT;
	return inject && (state & EV_EXCEPTION);
}

/* An NMI that is not masked follows at once what is handed over. */
static inline u32 event_want_for_nmi(u32 state, u32 inject)
{
	if (inject == EV_NMI)
		return state & EV_NMI_TWICE ? WANT_NMI_WINDOW : 0;
	if (!(state & EV_NMI))
		return 0;
	return inject && !(state & EV_NMI_MASKED) ? WANT_RETURN : WANT_NMI_WINDOW;
}

/* event_choose - @state: what waits, and what blocks it. */
static __always_inline struct event_choice event_choose(u32 state)
{
	struct event_choice choice = { .inject = event_first(state) };

	choice.want = event_want_for_nmi(state, choice.inject);
	if (event_wants_return(state, choice.inject))
		choice.want |= WANT_RETURN;
	if ((state & EV_IRQ) && choice.inject != EV_IRQ)
		choice.want |= WANT_IRQ_WINDOW;
	return choice;
}

static inline bool event_is_contributory(u8 vector)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

/* event_makes_double_fault - exception @second came while @first was being delivered. */
static inline bool event_makes_double_fault(u8 first, u8 second)
{
	if (first == VEC_PF)
		return second == VEC_PF || event_is_contributory(second);
	return event_is_contributory(first) && event_is_contributory(second);
}

#endif /* MINIVMM_VCPU_EVENTS_H */
