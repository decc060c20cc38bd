// SPDX-License-Identifier: GPL-2.0
/*
 * The I/O APIC: registers, lines, delivery and end of interrupt, rule by rule.
 *
 * Links: kmod/irq/ioapic.c
 */
#include "kselftest_harness.h"

#include "irq/ioapic.h"
#include "minivmm.h"

#define SELECT	0x00
#define WINDOW	0x10
#define LEVEL	IOAPIC_REDIR_LEVEL
#define RIRR	IOAPIC_REDIR_REMOTE_IRR
#define MASKED	IOAPIC_REDIR_MASKED

/* What the I/O APIC under test sends, and what its receivers answer. */
static unsigned int nr_sent, until_busy;
static struct irq_message last;
static int answer;

int ioapic_send(struct ioapic *io, const struct irq_message *msg)
{
	nr_sent++;
	io->busy = until_busy && nr_sent >= until_busy;
	last = *msg;
	return answer;
}

FIXTURE(ioapic) {
	struct ioapic io;
};

FIXTURE_SETUP(ioapic)
{
	ioapic_reset(&self->io);
	nr_sent = until_busy = 0;
	answer = 1;
}

FIXTURE_TEARDOWN(ioapic)
{
}

static void write_reg(struct ioapic *io, u8 index, u32 value)
{
	ioapic_write(io, SELECT, index);
	ioapic_write(io, WINDOW, value);
}

static u32 read_reg(struct ioapic *io, u8 index)
{
	ioapic_write(io, SELECT, index);
	return ioapic_read(io, WINDOW);
}

static void program(struct ioapic *io, unsigned int pin, u32 low)
{
	write_reg(io, 0x11 + 2 * pin, 0x07000000);
	write_reg(io, 0x10 + 2 * pin, low);
}

static void retry(struct ioapic *io)
{
	for (unsigned int pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic_retry(io, pin);
}

static u32 end(struct ioapic *io, u8 vector)
{
	return ioapic_eoi(io, ioapic_eoi_pins(io, vector));
}

TEST_F(ioapic, reset_masks_every_pin)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		EXPECT_EQ(MASKED, self->io.redir[pin]);
		EXPECT_EQ(-1, ioapic_set_line(&self->io, pin, 0, true));
	}
	EXPECT_EQ(0, nr_sent);
}

TEST_F(ioapic, identification)
{
	EXPECT_EQ(0x170011, read_reg(&self->io, 1));
	write_reg(&self->io, 0, 0xff000000);
	EXPECT_EQ(0x0f000000, read_reg(&self->io, 0));
	EXPECT_EQ(0x0f000000, read_reg(&self->io, 2));
}

TEST_F(ioapic, registers_that_do_not_exist)
{
	write_reg(&self->io, 0x40, 0x12345);
	EXPECT_EQ(0, read_reg(&self->io, 0x40));
	EXPECT_EQ(0, read_reg(&self->io, 0xff));
	EXPECT_EQ(0, read_reg(&self->io, 0x0f));
	ioapic_write(&self->io, 0x40, 0x55);
	EXPECT_EQ(0, ioapic_read(&self->io, 0x40));
	EXPECT_EQ(0, ioapic_read(&self->io, 0xfc));
}

TEST_F(ioapic, read_only_and_reserved_bits_of_an_entry)
{
	write_reg(&self->io, 0x10, ~0u);
	EXPECT_EQ(0x1afff, read_reg(&self->io, 0x10));
	write_reg(&self->io, 0x11, ~0u);
	EXPECT_EQ(0xff000000, read_reg(&self->io, 0x11));
}

TEST_F(ioapic, message_carries_the_entry)
{
	program(&self->io, 4, IOAPIC_REDIR_LOGICAL | IRQ_DM_LOWEST << 8 | 0x61);
	EXPECT_EQ(1, ioapic_set_line(&self->io, 4, 0, true));
	EXPECT_EQ(7, last.dest);
	EXPECT_EQ(0x61, last.vector);
	EXPECT_TRUE(last.logical);
	EXPECT_TRUE(last.lowest);
	EXPECT_FALSE(last.level);
}

TEST_F(ioapic, edge_fires_once_per_rise)
{
	program(&self->io, 4, 0x61);
	EXPECT_EQ(1, ioapic_set_line(&self->io, 4, 0, true));
	EXPECT_EQ(0, ioapic_set_line(&self->io, 4, 0, true));
	ioapic_set_line(&self->io, 4, 0, false);
	EXPECT_EQ(1, ioapic_set_line(&self->io, 4, 0, true));
	EXPECT_EQ(2, nr_sent);
	EXPECT_FALSE(self->io.redir[4] & RIRR);
}

TEST_F(ioapic, masked_edge_is_lost)
{
	program(&self->io, 4, MASKED | 0x61);
	EXPECT_EQ(-1, ioapic_set_line(&self->io, 4, 0, true));
	program(&self->io, 4, 0x61);
	EXPECT_EQ(0, nr_sent);
}

TEST_F(ioapic, level_waits_for_eoi)
{
	program(&self->io, 9, LEVEL | 0x71);
	EXPECT_EQ(1, ioapic_set_line(&self->io, 9, 0, true));
	EXPECT_TRUE(last.level);
	EXPECT_TRUE(self->io.redir[9] & RIRR);
	EXPECT_EQ(0, ioapic_set_line(&self->io, 9, 0, true));
	EXPECT_EQ(1, nr_sent);
}

TEST_F(ioapic, level_fires_again_at_eoi_while_high)
{
	program(&self->io, 9, LEVEL | 0x71);
	ioapic_set_line(&self->io, 9, 0, true);
	EXPECT_EQ(0, end(&self->io, 0x71));
	EXPECT_EQ(2, nr_sent);
	ioapic_set_line(&self->io, 9, 0, false);
	end(&self->io, 0x71);
	EXPECT_EQ(2, nr_sent);
	EXPECT_FALSE(self->io.redir[9] & RIRR);
}

TEST_F(ioapic, eoi_of_another_vector_changes_nothing)
{
	program(&self->io, 9, LEVEL | 0x71);
	ioapic_set_line(&self->io, 9, 0, true);
	EXPECT_FALSE(ioapic_handles(&self->io, 0x72));
	EXPECT_TRUE(ioapic_handles(&self->io, 0x71));
	end(&self->io, 0x72);
	EXPECT_TRUE(self->io.redir[9] & RIRR);
}

TEST_F(ioapic, eoi_names_edge_pins_too)
{
	program(&self->io, 2, 0x30);
	program(&self->io, 3, LEVEL | 0x30);
	EXPECT_EQ(BIT(2) | BIT(3), ioapic_eoi_pins(&self->io, 0x30));
}

TEST_F(ioapic, sources_are_ored)
{
	program(&self->io, 9, LEVEL | 0x71);
	ioapic_set_line(&self->io, 9, 0, true);
	ioapic_set_line(&self->io, 9, 1, true);
	ioapic_set_line(&self->io, 9, 0, false);
	end(&self->io, 0x71);
	EXPECT_EQ(2, nr_sent);
	ioapic_set_line(&self->io, 9, 1, false);
	end(&self->io, 0x71);
	EXPECT_EQ(2, nr_sent);
}

TEST_F(ioapic, masked_level_is_delivered_when_unmasked)
{
	program(&self->io, 9, LEVEL | MASKED | 0x71);
	EXPECT_EQ(-1, ioapic_set_line(&self->io, 9, 0, true));
	self->io.unmasked = 0;
	program(&self->io, 9, LEVEL | 0x71);
	EXPECT_EQ(1, nr_sent);
	EXPECT_EQ(BIT(9), self->io.unmasked);
}

TEST_F(ioapic, masked_in_service_level_is_not_redelivered_at_eoi)
{
	program(&self->io, 9, LEVEL | 0x71);
	ioapic_set_line(&self->io, 9, 0, true);
	program(&self->io, 9, LEVEL | MASKED | 0x71);
	end(&self->io, 0x71);
	EXPECT_EQ(1, nr_sent);
	program(&self->io, 9, LEVEL | 0x71);
	EXPECT_EQ(2, nr_sent);
}

TEST_F(ioapic, switching_to_edge_and_back_ends_the_interrupt)
{
	program(&self->io, 9, LEVEL | 0x71);
	ioapic_set_line(&self->io, 9, 0, true);
	program(&self->io, 9, MASKED | 0x71);
	EXPECT_FALSE(self->io.redir[9] & RIRR);
	program(&self->io, 9, LEVEL | 0x71);
	EXPECT_EQ(2, nr_sent);
}

TEST_F(ioapic, software_cannot_set_remote_irr)
{
	program(&self->io, 9, LEVEL | RIRR | 0x71);
	EXPECT_FALSE(self->io.redir[9] & RIRR);
}

TEST_F(ioapic, refused_level_stays_pending)
{
	program(&self->io, 9, LEVEL | 0x71);
	answer = 0;
	EXPECT_EQ(0, ioapic_set_line(&self->io, 9, 0, true));
	EXPECT_FALSE(self->io.redir[9] & RIRR);
	answer = 1;
	retry(&self->io);
	EXPECT_EQ(2, nr_sent);
	EXPECT_TRUE(self->io.redir[9] & RIRR);
}

TEST_F(ioapic, nmi_and_init_have_no_end_of_interrupt)
{
	program(&self->io, 9, LEVEL | IRQ_DM_NMI << 8);
	ioapic_set_line(&self->io, 9, 0, true);
	EXPECT_EQ(IRQ_DM_NMI, last.delivery);
	EXPECT_FALSE(self->io.redir[9] & RIRR);
}

TEST_F(ioapic, storm_is_put_off_and_retried)
{
	unsigned int i;

	program(&self->io, 9, LEVEL | 0x71);
	ioapic_set_line(&self->io, 9, 0, true);
	for (i = 1; i < IOAPIC_STORM_LIMIT; i++)
		ASSERT_EQ(0, end(&self->io, 0x71));
	EXPECT_EQ(BIT(9), end(&self->io, 0x71));
	EXPECT_EQ(IOAPIC_STORM_LIMIT, nr_sent);
	retry(&self->io);
	EXPECT_EQ(IOAPIC_STORM_LIMIT + 1, nr_sent);
}

TEST_F(ioapic, a_quiet_eoi_ends_the_storm_count)
{
	unsigned int i;

	program(&self->io, 9, LEVEL | 0x71);
	for (i = 1; i < 2 * IOAPIC_STORM_LIMIT; i++) {
		ioapic_set_line(&self->io, 9, 0, i % IOAPIC_STORM_LIMIT);
		ASSERT_EQ(0, end(&self->io, 0x71));
	}
}

/* What one end of an interrupt sends is bounded; the rest waits, and is not lost. */
TEST_F(ioapic, pins_whose_end_comes_while_it_is_busy_wait)
{
	unsigned int pin;

	for (pin = 4; pin < 10; pin++) {
		program(&self->io, pin, LEVEL | 0x71);
		ioapic_set_line(&self->io, pin, 0, true);
	}
	nr_sent = 0;
	until_busy = 2;
	EXPECT_EQ(0, end(&self->io, 0x71));
	EXPECT_EQ(2, nr_sent);
	EXPECT_EQ(BIT(6) | BIT(7) | BIT(8) | BIT(9), self->io.waiting);
	ioapic_set_line(&self->io, 9, 0, false);
	retry(&self->io);
	EXPECT_EQ(5, nr_sent);
	self->io.busy = false;
	until_busy = 0;
	EXPECT_EQ(0, end(&self->io, 0x71));
	EXPECT_EQ(10, nr_sent);
	EXPECT_EQ(0, self->io.waiting);
}

TEST_F(ioapic, what_is_loaded_is_delivered_pin_by_pin)
{
	struct minivmm_ioapic_state state = { .irr = BIT(5) | BIT(9) };

	state.redirtbl[5].bits = state.redirtbl[9].bits = LEVEL | 0x71;
	ioapic_load(&self->io, &state);
	EXPECT_EQ(0, nr_sent);
	ioapic_retry(&self->io, 5);
	EXPECT_EQ(1, nr_sent);
	ioapic_retry(&self->io, 6);
	EXPECT_EQ(1, nr_sent);
	retry(&self->io);
	EXPECT_EQ(2, nr_sent);
}

TEST_F(ioapic, state_round_trip)
{
	struct minivmm_ioapic_state state, again;

	program(&self->io, 9, LEVEL | 0x71);
	program(&self->io, 4, MASKED | 0x61);
	write_reg(&self->io, 0, 0x05000000);
	ioapic_set_line(&self->io, 9, 0, true);
	ioapic_save(&self->io, &state);
	EXPECT_EQ(IOAPIC_BASE, state.base_address);
	EXPECT_EQ(BIT(9), state.irr);
	EXPECT_EQ(5, state.id);
	ioapic_reset(&self->io);
	nr_sent = 0;
	ioapic_load(&self->io, &state);
	ioapic_save(&self->io, &again);
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
	/* Its last interrupt has not ended: the line, still high, fires at the EOI. */
	EXPECT_EQ(0, nr_sent);
	end(&self->io, 0x71);
	EXPECT_EQ(1, nr_sent);
}

TEST_F(ioapic, hostile_state_gives_no_reserved_bits)
{
	struct minivmm_ioapic_state state;
	unsigned int pin;

	memset(&state, 0xff, sizeof(state));
	ioapic_load(&self->io, &state);
	EXPECT_EQ(0xffffff, self->io.irr);
	EXPECT_EQ(0xf, self->io.id);
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		EXPECT_EQ(0xff0000000001ffffULL, self->io.redir[pin]);
	EXPECT_EQ(0, nr_sent);
}

TEST_HARNESS_MAIN
