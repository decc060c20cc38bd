/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI timer's arithmetic, as a pure part: right for 500 years. */
#ifndef MINIVMM_CHIP_PM_TIMER_H
#define MINIVMM_CHIP_PM_TIMER_H

#include <stdint.h>

/* Ticks that have passed after @ns. */
uint64_t pm_timer__ticks(uint64_t ns);
/* The first nanosecond at which @ticks have passed. */
uint64_t pm_timer__ns(uint64_t ticks);

#endif
