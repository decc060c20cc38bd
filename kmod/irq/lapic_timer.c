// SPDX-License-Identifier: GPL-2.0
/*
 * Local APIC timer: one-shot, periodic and TSC-deadline as functions of time.
 * Pure part. The counter runs at 1 GHz before the divider, so a count of n lasts
 * n << divide_shift() nanoseconds.
 */
#include "lapic_timer.h"

#define TDCR_WRITABLE	0xbu

/* A deadline further away is approached in steps of this. */
#define MAX_DEADLINE_SECONDS	(365ULL * 86400)

static u32 timer_mode(const struct lapic_regs *r)
{
	return r->lvt[LVT_TIMER] & (LVT_TIMER_PERIODIC | LVT_TIMER_DEADLINE);
}

/* One-shot or periodic: the counter registers mean something. */
static bool counts(const struct lapic_regs *r)
{
	return !(r->lvt[LVT_TIMER] & LVT_TIMER_DEADLINE);
}

static unsigned int divide_shift(const struct lapic_regs *r)
{
	return (((r->tdcr & 3) | (r->tdcr & 8) >> 1) + 1) & 7;
}

static u64 period_ns(const struct lapic_regs *r)
{
	return max_t(u64, (u64)r->tmict << divide_shift(r), LAPIC_MIN_PERIOD_NS);
}

static void stop(struct lapic_regs *r, struct lapic_effect *effect)
{
	r->target_ns = 0;
	r->deadline = 0;
	effect->timer = true;
}

/* Let the counter run from @count. */
static void start(struct lapic_regs *r, u32 count, const struct lapic_clock *clock,
		  struct lapic_effect *effect)
{
	u64 ns = (u64)count << divide_shift(r);

	if (timer_mode(r) == LVT_TIMER_PERIODIC && count == r->tmict)
		ns = period_ns(r);
	r->target_ns = count ? clock->ns + ns : 0;
	effect->timer = true;
}

void lapic_timer_set_lvt(struct lapic_regs *r, u32 value, struct lapic_effect *effect)
{
	bool switches = (value ^ r->lvt[LVT_TIMER]) & LVT_TIMER_DEADLINE;

	r->lvt[LVT_TIMER] = value;
	if (switches) {
		r->tmict = 0;
		stop(r, effect);
	}
}

void lapic_timer_set_initial(struct lapic_regs *r, u32 count, const struct lapic_clock *clock,
			     struct lapic_effect *effect)
{
	if (!counts(r))
		return;
	r->tmict = count;
	start(r, count, clock, effect);
}

u32 lapic_timer_count(const struct lapic_regs *r, const struct lapic_clock *clock)
{
	u64 left, late;

	if (!r->target_ns || !counts(r))
		return 0;
	if (clock->ns < r->target_ns) {
		left = r->target_ns - clock->ns;
	} else {
		if (timer_mode(r) != LVT_TIMER_PERIODIC)
			return 0;
		div64_u64_rem(clock->ns - r->target_ns, period_ns(r), &late);
		left = period_ns(r) - late;
	}
	/* As long as it has not come, 0 would say that it has. */
	return min_t(u64, (left + BIT_ULL(divide_shift(r)) - 1) >> divide_shift(r), r->tmict);
}

void lapic_timer_set_divide(struct lapic_regs *r, u32 value, const struct lapic_clock *clock,
			    struct lapic_effect *effect)
{
	u32 count = lapic_timer_count(r, clock);

	r->tdcr = value & TDCR_WRITABLE;
	if (count)
		start(r, count, clock, effect);
}

static void aim_at_deadline(struct lapic_regs *r, const struct lapic_clock *clock,
			    struct lapic_effect *effect)
{
	u64 cycles = r->deadline - clock->guest_tsc;

	effect->timer = true;
	if (r->deadline <= clock->guest_tsc) {
		r->target_ns = clock->ns;
		effect->due = true;
		return;
	}
	cycles = min_t(u64, cycles, MAX_DEADLINE_SECONDS * 1000 * clock->tsc_khz);
	r->target_ns = clock->ns + mul_u64_u64_div_u64(cycles, 1000000, clock->tsc_khz) + 1;
}

void lapic_regs_set_deadline(struct lapic_regs *r, u64 deadline, const struct lapic_clock *clock,
			     struct lapic_effect *effect)
{
	if (timer_mode(r) != LVT_TIMER_DEADLINE)
		return;
	stop(r, effect);
	r->deadline = deadline;
	if (deadline)
		aim_at_deadline(r, clock, effect);
}

void lapic_regs_retime(struct lapic_regs *r, const struct lapic_clock *clock,
		       struct lapic_effect *effect)
{
	if (r->deadline)
		aim_at_deadline(r, clock, effect);
}

static void expire_deadline(struct lapic_regs *r, const struct lapic_clock *clock,
			    struct lapic_effect *effect)
{
	if (clock->guest_tsc < r->deadline) {
		aim_at_deadline(r, clock, effect);
		return;
	}
	r->deadline = 0;
	r->target_ns = 0;
	lapic_regs_local(r, LVT_TIMER);
}

/* Periods that went by unseen are skipped, the phase is kept. */
static void next_period(struct lapic_regs *r, u64 now)
{
	u64 period = period_ns(r);

	r->target_ns += period;
	if (r->target_ns <= now)
		r->target_ns += (div64_u64(now - r->target_ns, period) + 1) * period;
}

void lapic_regs_expire(struct lapic_regs *r, const struct lapic_clock *clock,
		       struct lapic_effect *effect)
{
	if (r->deadline) {
		expire_deadline(r, clock, effect);
		return;
	}
	if (!r->target_ns || clock->ns < r->target_ns)
		return;
	lapic_regs_local(r, LVT_TIMER);
	if (timer_mode(r) == LVT_TIMER_PERIODIC && r->tmict) {
		next_period(r, clock->ns);
		effect->timer = true;
	} else {
		r->target_ns = 0;
	}
}

void lapic_timer_load(struct lapic_regs *r, u32 initial, u32 current_count, u32 divide,
		      const struct lapic_clock *clock, struct lapic_effect *effect)
{
	r->tdcr = divide & TDCR_WRITABLE;
	if (!counts(r)) {
		r->tmict = 0;
		r->target_ns = 0;
		effect->timer = true;
		lapic_regs_retime(r, clock, effect);
		return;
	}
	stop(r, effect);
	r->tmict = initial;
	if (timer_mode(r) == LVT_TIMER_PERIODIC && !current_count)
		current_count = initial;
	start(r, min(current_count, initial), clock, effect);
}
