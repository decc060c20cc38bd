// SPDX-License-Identifier: GPL-2.0
/*
 * The 8259A pair: initialisation, priorities, acknowledge and its commands, rule by rule.
 *
 * Links: kmod/irq/pic.c
 */
#include "kselftest_harness.h"

#include "irq/pic.h"
#include "minivmm.h"

FIXTURE(pic) {
	struct pic pic;
};

static void init_chip(struct pic *pic, u16 port, u8 base, u8 icw3, u8 icw4)
{
	pic_write(pic, port, 0x11);
	pic_write(pic, port + 1, base);
	pic_write(pic, port + 1, icw3);
	pic_write(pic, port + 1, icw4);
}

FIXTURE_SETUP(pic)
{
	pic_reset(&self->pic);
	init_chip(&self->pic, 0x20, 0x20, 4, 1);
	init_chip(&self->pic, 0xa0, 0x28, 2, 1);
	self->pic.acked = 0;
}

FIXTURE_TEARDOWN(pic)
{
}

#define RAISE(line)	pic_set_line(&self->pic, line, 0, true)
#define LOWER(line)	pic_set_line(&self->pic, line, 0, false)
#define OUT(port, value) pic_write(&self->pic, port, value)
#define IN(port)	pic_read(&self->pic, port)

static void pulse(struct pic *pic, unsigned int line)
{
	pic_set_line(pic, line, 0, true);
	pic_set_line(pic, line, 0, false);
}

static u8 in_service(struct pic *pic, u16 port)
{
	pic_write(pic, port, 0x0b);
	return pic_read(pic, port);
}

static u8 requested(struct pic *pic, u16 port)
{
	pic_write(pic, port, 0x0a);
	return pic_read(pic, port);
}

TEST_F(pic, acknowledge_gives_base_plus_line)
{
	EXPECT_EQ(1, RAISE(3));
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x23, pic_intack(&self->pic));
	EXPECT_FALSE(self->pic.output);
	EXPECT_EQ(0x08, in_service(&self->pic, 0x20));
	EXPECT_EQ(0x00, requested(&self->pic, 0x20));
}

TEST_F(pic, slave_comes_through_line_2)
{
	RAISE(12);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x2c, pic_intack(&self->pic));
	EXPECT_EQ(0x10, in_service(&self->pic, 0xa0));
	EXPECT_EQ(0x04, in_service(&self->pic, 0x20));
}

TEST_F(pic, masked_line_is_latched_not_delivered)
{
	OUT(0x21, 0x08);
	EXPECT_EQ(-1, RAISE(3));
	EXPECT_FALSE(self->pic.output);
	self->pic.unmasked = 0;
	OUT(0x21, 0x00);
	EXPECT_EQ(BIT(3), self->pic.unmasked);
	EXPECT_TRUE(self->pic.output);
}

TEST_F(pic, second_edge_before_acknowledge_is_coalesced)
{
	pulse(&self->pic, 3);
	EXPECT_EQ(0, RAISE(3));
	LOWER(3);
	pic_intack(&self->pic);
	OUT(0x20, 0x20);
	EXPECT_FALSE(self->pic.output);
	EXPECT_EQ(1, RAISE(3));
}

TEST_F(pic, lower_priority_waits_for_eoi)
{
	RAISE(1);
	EXPECT_EQ(0x21, pic_intack(&self->pic));
	RAISE(5);
	EXPECT_FALSE(self->pic.output);
	RAISE(0);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x20, pic_intack(&self->pic));
	OUT(0x20, 0x20);
	EXPECT_EQ(0x02, in_service(&self->pic, 0x20));
	OUT(0x20, 0x20);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x25, pic_intack(&self->pic));
}

TEST_F(pic, eoi_tells_which_lines_ended)
{
	pulse(&self->pic, 0);
	pic_intack(&self->pic);
	EXPECT_EQ(0, self->pic.acked);
	OUT(0x20, 0x20);
	EXPECT_EQ(BIT(0), self->pic.acked);
	self->pic.acked = 0;
	pulse(&self->pic, 14);
	pic_intack(&self->pic);
	OUT(0xa0, 0x66);	/* specific EOI of line 6 of the slave */
	EXPECT_EQ(BIT(14), self->pic.acked);
}

TEST_F(pic, level_line_requests_until_lowered)
{
	OUT(0x4d0, 0x20);
	RAISE(5);
	EXPECT_EQ(0x25, pic_intack(&self->pic));
	OUT(0x20, 0x20);
	EXPECT_TRUE(self->pic.output);
	LOWER(5);
	EXPECT_FALSE(self->pic.output);
}

TEST_F(pic, lines_that_are_always_edges)
{
	OUT(0x4d0, 0xff);
	OUT(0x4d1, 0xff);
	EXPECT_EQ(0xf8, IN(0x4d0));
	EXPECT_EQ(0xde, IN(0x4d1));
}

TEST_F(pic, level_sources_are_ored)
{
	OUT(0x4d1, 0x08);
	pic_set_line(&self->pic, 11, 0, true);
	pic_set_line(&self->pic, 11, 1, true);
	pic_set_line(&self->pic, 11, 0, false);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x2b, pic_intack(&self->pic));
	pic_set_line(&self->pic, 11, 1, false);
	OUT(0xa0, 0x20);
	OUT(0x20, 0x20);
	EXPECT_FALSE(self->pic.output);
}

TEST_F(pic, spurious_acknowledge_is_line_7_without_service)
{
	EXPECT_EQ(0x27, pic_intack(&self->pic));
	EXPECT_EQ(0, in_service(&self->pic, 0x20));
}

TEST_F(pic, spurious_slave_is_line_15_with_the_cascade_in_service)
{
	OUT(0x4d1, 0x08);
	RAISE(11);
	LOWER(11);
	EXPECT_EQ(0x2f, pic_intack(&self->pic));
	EXPECT_EQ(0, in_service(&self->pic, 0xa0));
	EXPECT_EQ(0x04, in_service(&self->pic, 0x20));
}

TEST_F(pic, auto_eoi_leaves_nothing_in_service)
{
	init_chip(&self->pic, 0x20, 0x20, 4, 3);
	self->pic.acked = 0;
	pulse(&self->pic, 6);
	EXPECT_EQ(0x26, pic_intack(&self->pic));
	EXPECT_EQ(0, in_service(&self->pic, 0x20));
	EXPECT_EQ(BIT(6), self->pic.acked);
}

TEST_F(pic, auto_eoi_can_rotate)
{
	init_chip(&self->pic, 0x20, 0x20, 4, 3);
	OUT(0x20, 0x80);
	RAISE(3);
	RAISE(5);
	EXPECT_EQ(0x23, pic_intack(&self->pic));
	RAISE(1);
	EXPECT_EQ(0x25, pic_intack(&self->pic));
	EXPECT_EQ(0x21, pic_intack(&self->pic));
}

TEST_F(pic, rotating_eoi_makes_the_ended_line_lowest)
{
	pulse(&self->pic, 3);
	pic_intack(&self->pic);
	OUT(0x20, 0xa0);
	RAISE(3);
	RAISE(6);
	EXPECT_EQ(0x26, pic_intack(&self->pic));
}

TEST_F(pic, set_priority_command)
{
	OUT(0x20, 0xc4);	/* line 4 lowest: 5 is highest */
	RAISE(0);
	RAISE(5);
	EXPECT_EQ(0x25, pic_intack(&self->pic));
	EXPECT_FALSE(self->pic.output);
}

TEST_F(pic, special_mask_lets_lower_lines_pass_a_masked_one)
{
	RAISE(1);
	pic_intack(&self->pic);
	RAISE(4);
	EXPECT_FALSE(self->pic.output);
	OUT(0x21, 0x02);
	OUT(0x20, 0x68);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x24, pic_intack(&self->pic));
}

TEST_F(pic, specially_nested_master_takes_a_higher_slave_line)
{
	init_chip(&self->pic, 0x20, 0x20, 4, 0x11);
	RAISE(12);
	EXPECT_EQ(0x2c, pic_intack(&self->pic));
	RAISE(9);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(0x29, pic_intack(&self->pic));
}

TEST_F(pic, poll_acknowledges)
{
	RAISE(5);
	OUT(0x20, 0x0c);
	EXPECT_EQ(0x85, IN(0x20));
	EXPECT_FALSE(self->pic.output);
	EXPECT_EQ(0x20, in_service(&self->pic, 0x20));
	OUT(0x20, 0x0c);
	EXPECT_EQ(0x00, IN(0x20));
}

TEST_F(pic, initialisation_forgets_edges_and_service)
{
	pulse(&self->pic, 0);
	pic_intack(&self->pic);
	pulse(&self->pic, 3);
	OUT(0x21, 0xff);
	self->pic.acked = 0;
	init_chip(&self->pic, 0x20, 0x20, 4, 1);
	EXPECT_EQ(BIT(0) | BIT(3), self->pic.acked);
	EXPECT_FALSE(self->pic.output);
	EXPECT_EQ(0, IN(0x21));
	EXPECT_EQ(0, in_service(&self->pic, 0x20));
}

TEST_F(pic, initialisation_without_icw4_takes_three_words)
{
	OUT(0x20, 0x10);
	OUT(0x21, 0x40);
	OUT(0x21, 0x04);
	OUT(0x21, 0xfe);
	EXPECT_EQ(0xfe, IN(0x21));
	RAISE(0);
	EXPECT_EQ(0x40, pic_intack(&self->pic));
}

TEST_F(pic, state_round_trip)
{
	struct minivmm_pic_state state, again;

	OUT(0x4d0, 0x20);
	OUT(0x21, 0x40);
	OUT(0x20, 0x68);
	RAISE(5);
	RAISE(1);
	pic_intack(&self->pic);
	pic_save(&self->pic, 0, &state);
	EXPECT_EQ(0x20, state.irq_base);
	EXPECT_EQ(0x02, state.isr);
	EXPECT_EQ(0x20, state.irr);
	pic_reset(&self->pic);
	pic_load(&self->pic, 0, &state);
	pic_save(&self->pic, 0, &again);
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
}

TEST_F(pic, loading_a_request_raises_the_output)
{
	struct minivmm_pic_state state = { .irr = 1, .irq_base = 8 };

	pic_load(&self->pic, 0, &state);
	EXPECT_TRUE(self->pic.output);
	EXPECT_EQ(8, pic_intack(&self->pic));
}

TEST_F(pic, hostile_state_is_bounded)
{
	struct minivmm_pic_state state;
	unsigned int i;

	memset(&state, 0xff, sizeof(state));
	pic_load(&self->pic, 0, &state);
	pic_load(&self->pic, 1, &state);
	for (i = 0; i < 16; i++) {
		pic_intack(&self->pic);
		OUT(0x20, 0x20 | i);
		OUT(0xa1, i);
		IN(0xa0);
	}
	EXPECT_EQ(0xf8, IN(0x4d0));
	EXPECT_EQ(0xde, IN(0x4d1));
}

TEST_HARNESS_MAIN
