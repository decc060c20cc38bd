/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The timer of a local APIC: what lapic_regs.c needs of lapic_timer.c and the
 * other way round. Pure part; only these two files include this.
 */
#ifndef MINIVMM_IRQ_LAPIC_TIMER_H
#define MINIVMM_IRQ_LAPIC_TIMER_H

#include "lapic_regs.h"

#define LVT_TIMER_PERIODIC	BIT(17)
#define LVT_TIMER_DEADLINE	BIT(18)

/* A guest cannot make the host take timer interrupts more often than this. */
#define LAPIC_MIN_PERIOD_NS	200000

/* lapic_regs_local - deliver the interrupt of local vector table entry @index. */
void lapic_regs_local(struct lapic_regs *r, unsigned int index);

/* Writes of LVTT (already masked), TMICT and TDCR; read of TMCCT; SET_LAPIC. */
void lapic_timer_set_lvt(struct lapic_regs *r, u32 value, struct lapic_effect *effect);
void lapic_timer_set_initial(struct lapic_regs *r, u32 count, const struct lapic_clock *clock,
			     struct lapic_effect *effect);
void lapic_timer_set_divide(struct lapic_regs *r, u32 value, const struct lapic_clock *clock,
			    struct lapic_effect *effect);
u32 lapic_timer_count(const struct lapic_regs *r, const struct lapic_clock *clock);
void lapic_timer_load(struct lapic_regs *r, u32 initial, u32 current_count, u32 divide,
		      const struct lapic_clock *clock, struct lapic_effect *effect);

#endif /* MINIVMM_IRQ_LAPIC_TIMER_H */
