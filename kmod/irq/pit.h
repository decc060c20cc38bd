/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 8254 interval timer: counters as functions of time, and the tick of channel 0.
 *
 * Pure part; the caller serialises and passes the monotonic time in nanoseconds.
 * The caller programs its timer to @next_ns (0: none) whenever that changed and
 * calls pit_tick() when it runs out.
 */
#ifndef MINIVMM_IRQ_PIT_H
#define MINIVMM_IRQ_PIT_H

#include "../pure.h"

#define PIT_HZ			1193182
#define PIT_MIN_PERIOD_NS	200000	/* faster ticks are slowed down to this */
#define PIT_MODE_NONE		0xff
#define PIT_MAX_OWED		10000	/* ticks kept for later delivery */

struct pit_channel {
	u32 count;		/* 1..65536 */
	u16 latched;
	u8 latch_left;		/* bytes of @latched still to be read */
	bool status_latched;
	u8 status;
	u8 access;		/* 1 low byte, 2 high byte, 3 both */
	u8 mode;		/* 0..5, PIT_MODE_NONE before the first control word */
	bool bcd, gate;
	bool read_high;		/* access 3: the next read gives the high byte */
	bool write_high;	/* access 3: the next write is the high byte */
	u8 write_low;		/* access 3: the low byte waiting for the high one */
	u64 start_ns;		/* when @count was loaded */
};

struct pit {
	struct pit_channel channel[3];
	bool speaker_on;	/* port 0x61 bit 1 */
	bool hpet_legacy;	/* the HPET has taken over channel 0's line */

	u64 next_ns;		/* next tick of channel 0; 0: none */
	bool reinject;		/* keep ticks the guest was too slow to take */
	bool in_service;	/* a tick was delivered and not yet ended */
	u32 owed;		/* ticks to be delivered after it */
};

void pit_reset(struct pit *pit, u64 now);

/* pit_read/write - ports 0x40..0x43 as @reg 0..3. */
u8 pit_read(struct pit *pit, unsigned int reg, u64 now);
void pit_write(struct pit *pit, unsigned int reg, u8 value, u64 now);

/* pit_speaker_read/write - port 0x61: gate and output of channel 2, refresh toggle. */
u8 pit_speaker_read(const struct pit *pit, u64 now);
void pit_speaker_write(struct pit *pit, u8 value, u64 now);

/* pit_tick - next_ns has come: advance it. Returns whether to raise the line now. */
bool pit_tick(struct pit *pit, u64 now);

/* pit_refused - no interrupt controller took the tick: nobody will end it. */
void pit_refused(struct pit *pit);

/* pit_acked - the guest ended the interrupt. Returns whether to raise the line again. */
bool pit_acked(struct pit *pit);

/* pit_forget - the line was unmasked or the policy changed: no tick is in service or owed. */
void pit_forget(struct pit *pit);

struct minivmm_pit_state2;

/*
 * pit_save/load - GET/SET_PIT2. What pit_save() gave goes on at @now as if no time had passed
 * between; counts of other states begin at @now. -EINVAL: a field out of range.
 */
void pit_save(const struct pit *pit, struct minivmm_pit_state2 *state, u64 now);
int pit_load(struct pit *pit, const struct minivmm_pit_state2 *state, u64 now);

#endif /* MINIVMM_IRQ_PIT_H */
