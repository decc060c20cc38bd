// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254: control words, latches, counters and outputs computed from the time
 * since a count was loaded. Pure part. A low gate stops nothing; a rising one
 * restarts modes 1, 2, 3 and 5, as the PC's only gated channel (2) needs.
 */
#include "pit.h"

#include "../../uapi/minivmm.h"

#define NS_PER_SECOND		1000000000ULL
#define SPEAKER_CHANNEL		2

/* The control word: bits 7:6 channel, 5:4 access, 3:1 mode, 0 BCD. */
#define ACCESS_LATCH		0
#define ACCESS_LOW		1
#define ACCESS_HIGH		2
#define ACCESS_BOTH		3
#define READ_BACK		3
#define READ_BACK_NO_COUNT	0x20
#define READ_BACK_NO_STATUS	0x10

#define STATUS_OUT		0x80

#define PORT61_GATE		0x01
#define PORT61_SPEAKER		0x02
#define PORT61_REFRESH		0x10
#define PORT61_OUT		0x20
#define REFRESH_NS		15085	/* the refresh request toggles every 15 us */

/* Encoding of latch and byte order in the GET/SET_PIT2 layout. */
enum { STATE_NONE, STATE_LOW, STATE_HIGH, STATE_WORD0, STATE_WORD1 };

static u64 elapsed(const struct pit_channel *c, u64 now)
{
	return mul_u64_u64_div_u64(now - c->start_ns, PIT_HZ, NS_PER_SECOND);
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static u64 count_ns(const struct pit_channel *c)
{
	return div64_u64((u64)c->count * NS_PER_SECOND + PIT_HZ - 1, PIT_HZ);
}

static u16 to_bcd(u32 value)
{
	return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

static u32 from_bcd(u16 value)
{
	return (value & 15) + (value >> 4 & 15) * 10 + (value >> 8 & 15) * 100 +
	       (value >> 12) * 1000;
}

static u16 counter(const struct pit_channel *c, u64 now)
{
	u64 ticks = elapsed(c, now), phase;
	u32 modulus = c->bcd ? 10000 : 0x10000, value;

	div64_u64_rem(ticks, c->count, &phase);
	if (c->mode == 3)
		value = c->count - (2 * phase) % c->count;
	else if (c->mode == 2)
		value = c->count - phase;
	else
		value = (c->count + modulus - ticks % modulus) % modulus;
	value %= modulus;
	return c->bcd ? to_bcd(value) : value;
}

static bool output(const struct pit_channel *c, u64 now)
{
	u64 ticks = elapsed(c, now), phase;

	div64_u64_rem(ticks, c->count, &phase);
	switch (c->mode) {
	case 0:
	case 1:
		return ticks >= c->count;
	case 2:
		return phase != c->count - 1;
	case 3:
		return phase < (c->count + 1) / 2;
	default:
		return ticks != c->count;
	}
}

/* Channel 0 drives an interrupt line: when does its output next rise? */
static void schedule(struct pit *pit, u64 now)
{
	const struct pit_channel *c = &pit->channel[0];
	u64 ns = count_ns(c);

	if (is_periodic(c))
		ns = max_t(u64, ns, PIT_MIN_PERIOD_NS);
	if (pit->hpet_legacy || c->mode > 4 || c->mode == 1)
		pit->next_ns = 0;
	else
		pit->next_ns = now + ns;
}

static void load_count(struct pit *pit, unsigned int channel, u16 value, u64 now)
{
	struct pit_channel *c = &pit->channel[channel];

	c->count = c->bcd ? from_bcd(value) : value;
	if (!c->count)
		c->count = c->bcd ? 10000 : 0x10000;
	c->start_ns = now;
	if (channel == 0)
		schedule(pit, now);
}

void pit_reset(struct pit *pit, u64 now)
{
	unsigned int i;

	memset(pit, 0, sizeof(*pit));
	pit->reinject = true;
	for (i = 0; i < 3; i++) {
		pit->channel[i].mode = PIT_MODE_NONE;
		pit->channel[i].access = ACCESS_BOTH;
		pit->channel[i].gate = i != SPEAKER_CHANNEL;
		load_count(pit, i, 0, now);
	}
}

static void latch_count(struct pit_channel *c, u64 now)
{
	if (c->latch_left)
		return;
	c->latched = counter(c, now);
	c->latch_left = c->access == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct pit_channel *c, u64 now)
{
	if (c->status_latched)
		return;
	c->status = c->access << 4 | (c->mode & 7) << 1 | c->bcd;
	if (output(c, now))
		c->status |= STATUS_OUT;
	c->status_latched = true;
}

static void read_back(struct pit *pit, u8 value, u64 now)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!(value & 2 << i))
			continue;
		if (!(value & READ_BACK_NO_COUNT))
			latch_count(&pit->channel[i], now);
		if (!(value & READ_BACK_NO_STATUS))
			latch_status(&pit->channel[i], now);
	}
}

static void write_control(struct pit *pit, u8 value, u64 now)
{
	unsigned int channel = value >> 6, access = value >> 4 & 3, mode = value >> 1 & 7;
	struct pit_channel *c = &pit->channel[channel % 3];

	if (channel == READ_BACK) {
		read_back(pit, value, now);
	} else if (access == ACCESS_LATCH) {
		latch_count(c, now);
	} else {
		c->access = access;
		c->mode = mode > 5 ? mode - 4 : mode;
		c->bcd = value & 1;
		c->read_high = false;
		c->write_high = false;
		c->latch_left = 0;
		c->status_latched = false;
		/* Counting starts again when a count is written. */
		if (channel == 0)
			pit->next_ns = 0;
	}
}

static u8 read_latch(struct pit_channel *c)
{
	bool high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->latch_left == 1);

	c->latch_left--;
	return c->latched >> (high ? 8 : 0);
}

u8 pit_read(struct pit *pit, unsigned int reg, u64 now)
{
	struct pit_channel *c = &pit->channel[reg % 3];
	bool high;

	if (reg > 2)
		return 0;
	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->latch_left)
		return read_latch(c);
	high = c->access == ACCESS_HIGH || c->read_high;
	if (c->access == ACCESS_BOTH)
		c->read_high = !c->read_high;
	return counter(c, now) >> (high ? 8 : 0);
}

void pit_write(struct pit *pit, unsigned int reg, u8 value, u64 now)
{
	struct pit_channel *c = &pit->channel[reg % 3];

	if (reg > 2) {
		write_control(pit, value, now);
	} else if (c->access == ACCESS_LOW) {
		load_count(pit, reg, value, now);
	} else if (c->access == ACCESS_HIGH) {
		load_count(pit, reg, value << 8, now);
	} else if (!c->write_high) {
		c->write_low = value;
		c->write_high = true;
	} else {
		c->write_high = false;
		load_count(pit, reg, value << 8 | c->write_low, now);
	}
}

u8 pit_speaker_read(const struct pit *pit, u64 now)
{
	const struct pit_channel *c = &pit->channel[SPEAKER_CHANNEL];
	u8 value = 0;

	if (c->gate)
		value |= PORT61_GATE;
	if (pit->speaker_on)
		value |= PORT61_SPEAKER;
	if (div64_u64(now, REFRESH_NS) & 1)
		value |= PORT61_REFRESH;
	if (output(c, now))
		value |= PORT61_OUT;
	return value;
}

void pit_speaker_write(struct pit *pit, u8 value, u64 now)
{
	struct pit_channel *c = &pit->channel[SPEAKER_CHANNEL];
	bool gate = value & PORT61_GATE;

	pit->speaker_on = value & PORT61_SPEAKER;
	if (gate && !c->gate && c->mode != 0 && c->mode != 4)
		c->start_ns = now;
	c->gate = gate;
}

static void owe(struct pit *pit, u64 ticks)
{
	pit->owed = min_t(u64, pit->owed + ticks, PIT_MAX_OWED);
}

/* Next tick after @now; returns how many in between went by unseen. */
static u64 advance(struct pit *pit, u64 now)
{
	u64 period = max_t(u64, count_ns(&pit->channel[0]), PIT_MIN_PERIOD_NS), missed = 0;

	if (!is_periodic(&pit->channel[0])) {
		pit->next_ns = 0;
		return 0;
	}
	pit->next_ns += period;
	if (pit->next_ns <= now)
		missed = div64_u64(now - pit->next_ns, period) + 1;
	pit->next_ns += missed * period;
	return missed;
}

bool pit_tick(struct pit *pit, u64 now)
{
	u64 missed;

	if (!pit->next_ns || now < pit->next_ns)
		return false;
	missed = advance(pit, now);
	if (!pit->reinject)
		return true;
	owe(pit, missed);
	if (pit->in_service) {
		owe(pit, 1);
		return false;
	}
	pit->in_service = true;
	return true;
}

void pit_forget(struct pit *pit)
{
	pit->in_service = false;
	pit->owed = 0;
}

void pit_refused(struct pit *pit)
{
	pit_forget(pit);
}

bool pit_acked(struct pit *pit)
{
	if (!pit->reinject)
		return false;
	pit->in_service = pit->owed;
	if (pit->owed)
		pit->owed--;
	return pit->in_service;
}

static u8 save_latch(const struct pit_channel *c)
{
	if (!c->latch_left)
		return STATE_NONE;
	if (c->access != ACCESS_BOTH)
		return c->access;
	return c->latch_left == 2 ? STATE_WORD0 : STATE_WORD1;
}

static u8 save_order(const struct pit_channel *c, bool high)
{
	return c->access == ACCESS_BOTH && high ? STATE_WORD1 : c->access;
}

static void save_channel(const struct pit_channel *c, struct minivmm_pit_channel_state *state)
{
	*state = (struct minivmm_pit_channel_state) {
		.count = c->count,
		.latched_count = c->latched,
		.count_latched = save_latch(c),
		.status_latched = c->status_latched,
		.status = c->status,
		.read_state = save_order(c, c->read_high),
		.write_state = save_order(c, c->write_high),
		.write_latch = c->write_low,
		.rw_mode = c->access,
		.mode = c->mode,
		.bcd = c->bcd,
		.gate = c->gate,
		.count_load_time = c->start_ns,
	};
}

/*
 * What the public layout has no place for goes into its reserved words: without it nobody can
 * tell a count that has ended from one that was just loaded. Other makers' images have 0 there.
 */
#define PROGRESS_MAGIC		0x54495050u
#define PROGRESS_TICKS		BIT(0)		/* @next_in is the next tick */
#define PROGRESS_IN_SERVICE	BIT(1)

struct progress {
	u32 magic, flags, owed, unused;
	u64 saved_ns;			/* by the clock of count_load_time */
	s64 next_in;			/* from then on, ns; below 0: it is late */
};

static_assert(sizeof(struct progress) <= sizeof(((struct minivmm_pit_state2 *)0)->reserved));

static void save_progress(const struct pit *pit, struct minivmm_pit_state2 *state, u64 now)
{
	struct progress p = { .magic = PROGRESS_MAGIC, .owed = pit->owed, .saved_ns = now };

	if (pit->next_ns) {
		p.flags |= PROGRESS_TICKS;
		p.next_in = pit->next_ns - now;
	}
	if (pit->in_service)
		p.flags |= PROGRESS_IN_SERVICE;
	memcpy(state->reserved, &p, sizeof(p));
}

void pit_save(const struct pit *pit, struct minivmm_pit_state2 *state, u64 now)
{
	unsigned int i;

	memset(state, 0, sizeof(*state));
	for (i = 0; i < 3; i++)
		save_channel(&pit->channel[i], &state->channels[i]);
	save_progress(pit, state, now);
	if (pit->hpet_legacy)
		state->flags |= MINIVMM_PIT_FLAGS_HPET_LEGACY;
	if (pit->speaker_on)
		state->flags |= MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON;
}

static bool valid_channel(const struct minivmm_pit_channel_state *state)
{
	return state->count <= 0x10000 && state->rw_mode <= ACCESS_BOTH &&
	       state->count_latched <= STATE_WORD1 &&
	       (state->mode <= 5 || state->mode == PIT_MODE_NONE);
}

static void load_channel(struct pit_channel *c, const struct minivmm_pit_channel_state *state,
			 u64 start_ns)
{
	u8 latch = state->count_latched;

	*c = (struct pit_channel) {
		.count = state->count ?: 0x10000,
		.latched = state->latched_count,
		.latch_left = latch == STATE_NONE ? 0 : latch == STATE_WORD0 ? 2 : 1,
		.status_latched = state->status_latched,
		.status = state->status,
		.access = state->rw_mode ?: ACCESS_BOTH,
		.mode = state->mode,
		.bcd = state->bcd,
		.gate = state->gate,
		.read_high = state->read_state == STATE_WORD1,
		.write_high = state->write_state == STATE_WORD1,
		.write_low = state->write_latch,
		.start_ns = start_ns,
	};
}

/* As long ago as it was when the state was saved; without that it begins now. */
static u64 start_of(const struct minivmm_pit_channel_state *state, const struct progress *p,
		    u64 now)
{
	s64 age = p->saved_ns - state->count_load_time;

	return p->magic == PROGRESS_MAGIC && age > 0 ? now - age : now;
}

static void load_progress(struct pit *pit, const struct progress *p, u64 now)
{
	s64 late = -(u64)p->next_in;

	if (!pit->next_ns)
		return;
	if (!(p->flags & PROGRESS_TICKS))
		pit->next_ns = 0;
	else if (late <= 0)
		pit->next_ns = now + min_t(u64, p->next_in, pit->next_ns - now);
	else
		pit->next_ns = (u64)late < now ? now - late : 1;
}

static void load_owed(struct pit *pit, const struct progress *p)
{
	pit_forget(pit);
	if (p->magic != PROGRESS_MAGIC || !pit->reinject)
		return;
	pit->in_service = p->flags & PROGRESS_IN_SERVICE;
	owe(pit, p->owed);
}

int pit_load(struct pit *pit, const struct minivmm_pit_state2 *state, u64 now)
{
	const u32 known = MINIVMM_PIT_FLAGS_HPET_LEGACY | MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON;
	struct progress p;
	unsigned int i;

	if (state->flags & ~known)
		return -EINVAL;
	for (i = 0; i < 3; i++)
		if (!valid_channel(&state->channels[i]))
			return -EINVAL;
	memcpy(&p, state->reserved, sizeof(p));
	for (i = 0; i < 3; i++)
		load_channel(&pit->channel[i], &state->channels[i],
			     start_of(&state->channels[i], &p, now));
	pit->hpet_legacy = state->flags & MINIVMM_PIT_FLAGS_HPET_LEGACY;
	pit->speaker_on = state->flags & MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON;
	load_owed(pit, &p);
	schedule(pit, now);
	if (p.magic == PROGRESS_MAGIC)
		load_progress(pit, &p, now);
	return 0;
}
