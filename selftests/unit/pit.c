// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254: counters and outputs as functions of time, latches, the tick of
 * channel 0 and the speaker port, rule by rule.
 *
 * Links: kmod/irq/pit.c
 */
#include "kselftest_harness.h"

#include "irq/pit.h"
#include "minivmm.h"

#define NS_OF(ticks)	(((ticks) * 1000000000ULL + PIT_HZ - 1) / PIT_HZ)

FIXTURE(pit) {
	struct pit pit;
	u64 now;
};

FIXTURE_SETUP(pit)
{
	memset(self, 0, sizeof(*self));
	self->now = 1000000000;
	pit_reset(&self->pit, self->now);
}

FIXTURE_TEARDOWN(pit)
{
}

#define OUT(reg, value)	pit_write(&self->pit, reg, value, self->now)
#define IN(reg)		pit_read(&self->pit, reg, self->now)
#define TICK()		pit_tick(&self->pit, self->now)

static u16 read16(struct pit *pit, unsigned int channel, u64 now)
{
	u8 low = pit_read(pit, channel, now);

	return low | pit_read(pit, channel, now) << 8;
}

#define READ16(channel)	read16(&self->pit, channel, self->now)
#define LOAD(channel, control, count) do { \
	OUT(3, (channel) << 6 | 0x30 | (control)); \
	OUT(channel, (count) & 0xff); \
	OUT(channel, (count) >> 8 & 0xff); \
} while (0)

enum { MODE0 = 0 << 1, MODE1 = 1 << 1, MODE2 = 2 << 1, MODE3 = 3 << 1, MODE4 = 4 << 1, BCD = 1 };

TEST_F(pit, no_tick_before_programming)
{
	EXPECT_EQ(0, self->pit.next_ns);
	EXPECT_FALSE(TICK());
}

TEST_F(pit, control_word_alone_starts_nothing)
{
	LOAD(0, MODE2, 1000);
	ASSERT_NE(0, self->pit.next_ns);
	OUT(3, 0x34);
	EXPECT_EQ(0, self->pit.next_ns);
	OUT(0, 0xe8);
	EXPECT_EQ(0, self->pit.next_ns);
	OUT(0, 0x03);
	EXPECT_EQ(self->now + NS_OF(1000), self->pit.next_ns);
}

TEST_F(pit, count_0_is_65536)
{
	LOAD(0, MODE2, 0);
	EXPECT_EQ(self->now + NS_OF(65536), self->pit.next_ns);
}

TEST_F(pit, mode_0_ticks_once)
{
	LOAD(0, MODE0, 2000);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
	EXPECT_EQ(0, self->pit.next_ns);
}

TEST_F(pit, mode_2_ticks_every_period)
{
	u64 first;

	LOAD(0, MODE2, 2000);
	first = self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
	EXPECT_EQ(first + NS_OF(2000), self->pit.next_ns);
}

TEST_F(pit, early_timer_is_no_tick)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns - 1;
	EXPECT_FALSE(TICK());
}

TEST_F(pit, storm_is_slowed_down)
{
	LOAD(0, MODE2, 1);
	EXPECT_EQ(self->now + PIT_MIN_PERIOD_NS, self->pit.next_ns);
	self->now = self->pit.next_ns;
	TICK();
	EXPECT_EQ(self->now + PIT_MIN_PERIOD_NS, self->pit.next_ns);
}

TEST_F(pit, counter_counts_down)
{
	LOAD(2, MODE0, 10000);
	self->now += NS_OF(4000);
	EXPECT_EQ(6000, READ16(2));
	self->now += NS_OF(7000);
	EXPECT_LE(0x10000 - 1001, READ16(2));
}

TEST_F(pit, mode_2_counter_reloads)
{
	LOAD(2, MODE2, 1000);
	self->now += NS_OF(2400);
	EXPECT_EQ(600, READ16(2));
}

TEST_F(pit, mode_3_counts_by_two)
{
	LOAD(2, MODE3, 1000);
	self->now += NS_OF(100);
	EXPECT_EQ(800, READ16(2));
	self->now += NS_OF(500);
	EXPECT_EQ(800, READ16(2));
}

TEST_F(pit, bcd_counts_in_decimal)
{
	LOAD(2, MODE0 | BCD, 0x1234);
	self->now += NS_OF(34);
	EXPECT_EQ(0x1200, READ16(2));
	LOAD(0, MODE2 | BCD, 0);
	EXPECT_EQ(self->now + NS_OF(10000), self->pit.next_ns);
}

TEST_F(pit, access_modes)
{
	OUT(3, 0x90 | MODE0);	/* channel 2, low byte */
	OUT(2, 0x80);
	EXPECT_EQ(0x80, IN(2));
	EXPECT_EQ(0x80, IN(2));
	OUT(3, 0xa0 | MODE0);	/* channel 2, high byte */
	OUT(2, 0x12);
	EXPECT_EQ(0x12, IN(2));
	EXPECT_EQ(0x1200, self->pit.channel[2].count);
}

TEST_F(pit, latch_holds_the_count_until_read)
{
	LOAD(2, MODE0, 5000);
	OUT(3, 0x80);
	self->now += NS_OF(100);
	OUT(3, 0x80);		/* a second latch before the reading is ignored */
	EXPECT_EQ(5000, READ16(2));
	EXPECT_EQ(4900, READ16(2));
}

TEST_F(pit, read_back_latches_status_then_count)
{
	LOAD(2, MODE3, 1000);
	OUT(3, 0xc8);		/* status and count of channel 2 */
	EXPECT_EQ(0x80 | 0x30 | MODE3, IN(2));
	EXPECT_EQ(1000, READ16(2));
	OUT(3, 0xe8);		/* status only */
	EXPECT_EQ(0x80 | 0x30 | MODE3, IN(2));
	self->now += NS_OF(500);
	EXPECT_EQ(1000, READ16(2));
}

TEST_F(pit, modes_6_and_7_are_2_and_3)
{
	OUT(3, 0xbc);
	EXPECT_EQ(2, self->pit.channel[2].mode);
	OUT(3, 0xbe);
	EXPECT_EQ(3, self->pit.channel[2].mode);
}

TEST_F(pit, control_port_is_write_only)
{
	EXPECT_EQ(0, IN(3));
}

TEST_F(pit, output_by_mode)
{
	LOAD(2, MODE0, 1000);
	EXPECT_FALSE(pit_speaker_read(&self->pit, self->now) & 0x20);
	EXPECT_TRUE(pit_speaker_read(&self->pit, self->now + NS_OF(1000)) & 0x20);
	LOAD(2, MODE3, 1000);
	EXPECT_TRUE(pit_speaker_read(&self->pit, self->now + NS_OF(499)) & 0x20);
	EXPECT_FALSE(pit_speaker_read(&self->pit, self->now + NS_OF(500)) & 0x20);
	EXPECT_TRUE(pit_speaker_read(&self->pit, self->now + NS_OF(1000)) & 0x20);
	LOAD(2, MODE2, 1000);
	EXPECT_TRUE(pit_speaker_read(&self->pit, self->now + NS_OF(998)) & 0x20);
	EXPECT_FALSE(pit_speaker_read(&self->pit, self->now + NS_OF(999)) & 0x20);
}

TEST_F(pit, speaker_port_gate_and_data)
{
	EXPECT_EQ(0, pit_speaker_read(&self->pit, self->now) & 0x03);
	pit_speaker_write(&self->pit, 0xff, self->now);
	EXPECT_EQ(3, pit_speaker_read(&self->pit, self->now) & 0xcf);
}

TEST_F(pit, refresh_bit_toggles)
{
	u8 a = pit_speaker_read(&self->pit, 0) & 0x10;
	u8 b = pit_speaker_read(&self->pit, 15100) & 0x10;

	EXPECT_NE(a, b);
}

TEST_F(pit, rising_gate_restarts_modes_1_2_3_5_only)
{
	LOAD(2, MODE1, 1000);
	self->now += NS_OF(300);
	pit_speaker_write(&self->pit, 1, self->now);
	EXPECT_EQ(1000, READ16(2));
	pit_speaker_write(&self->pit, 0, self->now);
	LOAD(2, MODE0, 1000);
	self->now += NS_OF(300);
	pit_speaker_write(&self->pit, 1, self->now);
	EXPECT_EQ(700, READ16(2));
}

TEST_F(pit, tick_in_service_makes_the_next_one_owed)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
	self->now = self->pit.next_ns;
	EXPECT_FALSE(TICK());
	EXPECT_EQ(1, self->pit.owed);
	EXPECT_TRUE(pit_acked(&self->pit));
	EXPECT_FALSE(pit_acked(&self->pit));
}

TEST_F(pit, late_timer_owes_the_missed_ticks)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns + 3 * NS_OF(2000) + 5;
	EXPECT_TRUE(TICK());
	EXPECT_EQ(3, self->pit.owed);
	EXPECT_LT(self->now, self->pit.next_ns);
}

TEST_F(pit, debt_is_bounded)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns + 1000000000000ULL;
	TICK();
	EXPECT_EQ(PIT_MAX_OWED, self->pit.owed);
}

TEST_F(pit, refused_tick_is_forgotten)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns;
	TICK();
	pit_refused(&self->pit);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
}

TEST_F(pit, without_reinjection_every_tick_is_raised_and_none_owed)
{
	self->pit.reinject = false;
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
	self->now = self->pit.next_ns + 5 * NS_OF(2000);
	EXPECT_TRUE(TICK());
	EXPECT_EQ(0, self->pit.owed);
	EXPECT_FALSE(pit_acked(&self->pit));
}

TEST_F(pit, unmasking_forgets_the_debt)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns + 10 * NS_OF(2000);
	TICK();
	pit_forget(&self->pit);
	EXPECT_FALSE(pit_acked(&self->pit));
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
}

TEST_F(pit, state_round_trip)
{
	struct minivmm_pit_state2 state, again;

	LOAD(0, MODE2, 11932);
	LOAD(2, MODE3, 1000);
	pit_speaker_write(&self->pit, 3, self->now);
	OUT(3, 0x80);
	IN(2);
	OUT(0, 0x11);		/* half of a new count */
	pit_save(&self->pit, &state, self->now);
	EXPECT_EQ(11932, state.channels[0].count);
	EXPECT_EQ(2, state.channels[0].mode);
	EXPECT_EQ(MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON, state.flags);
	pit_reset(&self->pit, self->now);
	ASSERT_EQ(0, pit_load(&self->pit, &state, self->now));
	pit_save(&self->pit, &again, self->now);
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
	EXPECT_EQ(self->now + NS_OF(11932), self->pit.next_ns);
}

/* Saved now, loaded by a host with another clock. */
static void move(struct pit *pit, u64 *now)
{
	struct minivmm_pit_state2 state;

	pit_save(pit, &state, *now);
	*now += 12345678901234;
	pit_reset(pit, *now);
	if (pit_load(pit, &state, *now))
		abort();
}

TEST_F(pit, moved_count_goes_on_where_it_was)
{
	LOAD(0, MODE0, 1000);
	LOAD(2, MODE2, 5000);
	self->now += NS_OF(300);
	move(&self->pit, &self->now);
	EXPECT_EQ(700, READ16(0));
	EXPECT_EQ(4700, READ16(2));
	EXPECT_EQ(self->now + NS_OF(1000) - NS_OF(300), self->pit.next_ns);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
}

TEST_F(pit, moved_count_that_has_ended_makes_no_other_tick)
{
	LOAD(0, MODE0, 1000);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
	move(&self->pit, &self->now);
	EXPECT_EQ(0, self->pit.next_ns);
}

TEST_F(pit, tick_that_is_due_is_moved)
{
	LOAD(0, MODE0, 1000);
	self->now = self->pit.next_ns + 77;
	move(&self->pit, &self->now);
	EXPECT_EQ(self->now - 77, self->pit.next_ns);
	EXPECT_TRUE(TICK());
	EXPECT_EQ(0, self->pit.next_ns);
}

TEST_F(pit, debt_is_moved)
{
	LOAD(0, MODE2, 2000);
	self->now = self->pit.next_ns + 3 * NS_OF(2000) + 5;
	EXPECT_TRUE(TICK());
	move(&self->pit, &self->now);
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(pit_acked(&self->pit));
	EXPECT_FALSE(pit_acked(&self->pit));
}

TEST_F(pit, count_of_an_image_without_progress_begins_anew)
{
	struct minivmm_pit_state2 state;

	LOAD(0, MODE0, 1000);
	self->now = self->pit.next_ns;
	EXPECT_TRUE(TICK());
	pit_save(&self->pit, &state, self->now);
	memset(state.reserved, 0, sizeof(state.reserved));
	ASSERT_EQ(0, pit_load(&self->pit, &state, self->now));
	EXPECT_EQ(self->now + NS_OF(1000), self->pit.next_ns);
}

TEST_F(pit, hostile_progress_does_no_harm)
{
	struct minivmm_pit_state2 state;

	LOAD(0, MODE2, 2000);
	pit_save(&self->pit, &state, self->now);
	for (u64 fill = 0; fill < 512; fill++) {
		memset((u8 *)state.reserved + 4, fill & 0xff, sizeof(state.reserved) - 4);
		state.reserved[1] |= 3;
		state.channels[0].count_load_time = fill & 256 ? fill << 54 : 0;
		ASSERT_EQ(0, pit_load(&self->pit, &state, self->now));
		EXPECT_GE(self->now + NS_OF(2000) + 1, self->pit.next_ns);
		EXPECT_LE(self->pit.owed, PIT_MAX_OWED);
		TICK();
		READ16(0);
	}
}

TEST_F(pit, hpet_legacy_silences_channel_0)
{
	struct minivmm_pit_state2 state;

	LOAD(0, MODE2, 11932);
	pit_save(&self->pit, &state, self->now);
	state.flags |= MINIVMM_PIT_FLAGS_HPET_LEGACY;
	ASSERT_EQ(0, pit_load(&self->pit, &state, self->now));
	EXPECT_EQ(0, self->pit.next_ns);
}

TEST_F(pit, hostile_state_is_refused_and_changes_nothing)
{
	struct minivmm_pit_state2 good, bad;
	struct pit before;

	pit_save(&self->pit, &good, self->now);
	before = self->pit;
#define REFUSED(field, value) \
	bad = good; \
	bad.field = value; \
	EXPECT_EQ(-EINVAL, pit_load(&self->pit, &bad, self->now)) TH_LOG(#field)
	REFUSED(flags, 4);
	REFUSED(channels[1].count, 0x10001);
	REFUSED(channels[2].mode, 6);
	REFUSED(channels[0].rw_mode, 4);
	REFUSED(channels[0].count_latched, 5);
	EXPECT_EQ(0, memcmp(&before, &self->pit, sizeof(before)));
}

TEST_HARNESS_MAIN
