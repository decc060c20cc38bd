/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order of events: which one the guest gets at the next entry, what brings it back for the
 * others, and what two exceptions make. Pure part; inject.c has the events themselves.
 *
 * The priorities are the manuals': what was interrupted in its delivery, then exceptions, NMIs,
 * interrupts. INIT, SIPI and a triple fault are no events of an entry: they end the window.
 */
#ifndef MINIVMM_VCPU_EVENTS_H
#define MINIVMM_VCPU_EVENTS_H

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

/* event_choose - @state: what waits, and what blocks it. */
struct event_choice event_choose(u32 state);

/* event_makes_double_fault - exception @second came while @first was being delivered. */
bool event_makes_double_fault(u8 first, u8 second);

#endif /* MINIVMM_VCPU_EVENTS_H */
