// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole seconds and the rest apart, so that no product exceeds 64 bits; see pm_timer.h. Pure. */
#include "chip/pm_timer.h"

#define TIMER_HZ	3579545ULL
#define NS_PER_S	1000000000ULL

uint64_t pm_timer__ticks(uint64_t ns)
{
	return ns / NS_PER_S * TIMER_HZ + ns % NS_PER_S * TIMER_HZ / NS_PER_S;
}

uint64_t pm_timer__ns(uint64_t ticks)
{
	return ticks / TIMER_HZ * NS_PER_S +
	       (ticks % TIMER_HZ * NS_PER_S + TIMER_HZ - 1) / TIMER_HZ;
}
