// SPDX-License-Identifier: GPL-2.0
/*
 * The 8259A pair: priorities, command words, acknowledge. Pure part.
 */
#include "pic.h"

#include "../../uapi/minivmm.h"

#define CASCADE		2	/* line of the master that the slave drives */
#define NOTHING		8	/* rank below all lines */

#define ICW1		0x10
#define ICW1_ICW4	0x01
#define ICW4_AUTO_EOI	0x02
#define ICW4_NESTED	0x10

#define OCW3		0x08
#define OCW3_READ_ISR	0x01
#define OCW3_READ	0x02
#define OCW3_POLL	0x04
#define OCW3_MASK_ON	0x20
#define OCW3_MASK_SET	0x40

/* OCW2 commands, bits 7:5. */
enum {
	OCW2_ROTATE_AUTO_CLEAR,
	OCW2_EOI,
	OCW2_NOP,
	OCW2_EOI_SPECIFIC,
	OCW2_ROTATE_AUTO_SET,
	OCW2_ROTATE_EOI,
	OCW2_SET_PRIORITY,
	OCW2_ROTATE_EOI_SPECIFIC,
};

static unsigned int chip_index(const struct pic *pic, const struct pic_chip *c)
{
	return c - pic->chip;
}

/* Rank (0 highest) of the most urgent line in @lines, or NOTHING. */
static unsigned int top_rank(const struct pic_chip *c, u8 lines)
{
	/* Twice, one after the other, so that a shift begins at any line. */
	return lines ? __ffs(lines * 0x101u >> c->priority_add) : NOTHING;
}

static unsigned int rank_line(const struct pic_chip *c, unsigned int rank)
{
	return (rank + c->priority_add) & 7;
}

/* The line @c asks an acknowledge for, or -1. */
static int wanted_line(const struct pic *pic, const struct pic_chip *c)
{
	unsigned int rank = top_rank(c, c->irr & ~c->imr);
	u8 blocking = c->isr;

	if (c->special_mask)
		blocking &= ~c->imr;
	if (c->special_nested && chip_index(pic, c) == 0)
		blocking &= ~BIT(CASCADE);
	if (rank >= top_rank(c, blocking))
		return -1;
	return rank_line(c, rank);
}

/* Returns as ioapic_set_line(), the mask not considered. */
static int drive(struct pic_chip *c, unsigned int line, bool level)
{
	u8 bit = BIT(line), old_irr = c->irr;

	if (c->elcr & bit)
		c->irr = level ? c->irr | bit : c->irr & ~bit;
	else if (level && !(c->lines & bit))
		c->irr |= bit;
	c->lines = level ? c->lines | bit : c->lines & ~bit;
	return !level || c->irr != old_irr;
}

static void update_output(struct pic *pic)
{
	if (wanted_line(pic, &pic->chip[1]) >= 0) {
		drive(&pic->chip[0], CASCADE, true);
		drive(&pic->chip[0], CASCADE, false);
	}
	WRITE_ONCE(pic->output, wanted_line(pic, &pic->chip[0]) >= 0);
}

void pic_reset(struct pic *pic)
{
	memset(pic, 0, sizeof(*pic));
	/* Timer, keyboard, cascade (master), clock and coprocessor (slave) are always edges. */
	pic->chip[0].elcr_mask = 0xf8;
	pic->chip[1].elcr_mask = 0xde;
}

int pic_set_line(struct pic *pic, unsigned int line, unsigned int source, bool level)
{
	struct pic_chip *c = &pic->chip[line / 8];
	int result;

	if (level)
		pic->sources[line] |= BIT(source);
	else
		pic->sources[line] &= ~BIT(source);
	result = drive(c, line % 8, pic->sources[line]);
	update_output(pic);
	return c->imr & BIT(line % 8) ? -1 : result;
}

static void end_line(struct pic *pic, struct pic_chip *c, unsigned int line)
{
	c->isr &= ~BIT(line);
	pic->acked |= BIT(line) << chip_index(pic, c) * 8;
}

static void acknowledge(struct pic *pic, struct pic_chip *c, unsigned int line)
{
	c->isr |= BIT(line);
	if (!(c->elcr & BIT(line)))
		c->irr &= ~BIT(line);
	if (!c->auto_eoi)
		return;
	if (c->rotate_auto_eoi)
		c->priority_add = (line + 1) & 7;
	end_line(pic, c, line);
}

/* Acknowledge what @c wants; a spurious acknowledge gives line 7 and sets nothing. */
static unsigned int acknowledge_chip(struct pic *pic, struct pic_chip *c)
{
	int line = wanted_line(pic, c);

	if (line < 0)
		return 7;
	acknowledge(pic, c, line);
	return line;
}

u8 pic_intack(struct pic *pic)
{
	struct pic_chip *master = &pic->chip[0], *slave = &pic->chip[1];
	unsigned int line = acknowledge_chip(pic, master);
	u8 vector = master->vector_base + line;

	if (line == CASCADE)
		vector = slave->vector_base + acknowledge_chip(pic, slave);
	update_output(pic);
	return vector;
}

static void write_icw1(struct pic *pic, struct pic_chip *c, u8 value)
{
	/* Edges seen but not taken, and interrupts in service, are forgotten. */
	pic->acked |= (u8)(c->isr | (c->irr & ~c->elcr)) << chip_index(pic, c) * 8;
	c->lines = 0;
	c->irr &= c->elcr;
	c->isr = 0;
	c->imr = 0;
	c->priority_add = 0;
	c->special_mask = false;
	c->read_isr = false;
	c->poll = false;
	c->icw4 = value & ICW1_ICW4;
	if (!c->icw4) {
		c->auto_eoi = false;
		c->special_nested = false;
	}
	c->init_state = 1;
}

static void write_ocw3(struct pic_chip *c, u8 value)
{
	if (value & OCW3_POLL)
		c->poll = true;
	if (value & OCW3_READ)
		c->read_isr = value & OCW3_READ_ISR;
	if (value & OCW3_MASK_SET)
		c->special_mask = value & OCW3_MASK_ON;
}

static void end_highest(struct pic *pic, struct pic_chip *c, bool rotate)
{
	unsigned int rank = top_rank(c, c->isr), line = rank_line(c, rank);

	if (rank == NOTHING)
		return;
	if (rotate)
		c->priority_add = (line + 1) & 7;
	end_line(pic, c, line);
}

static void write_ocw2(struct pic *pic, struct pic_chip *c, u8 value)
{
	unsigned int line = value & 7;

	switch (value >> 5) {
	case OCW2_ROTATE_AUTO_CLEAR:
	case OCW2_ROTATE_AUTO_SET:
		c->rotate_auto_eoi = value >> 5 == OCW2_ROTATE_AUTO_SET;
		break;
	case OCW2_EOI:
	case OCW2_ROTATE_EOI:
		end_highest(pic, c, value >> 5 == OCW2_ROTATE_EOI);
		break;
	case OCW2_EOI_SPECIFIC:
		end_line(pic, c, line);
		break;
	case OCW2_SET_PRIORITY:
		c->priority_add = (line + 1) & 7;
		break;
	case OCW2_ROTATE_EOI_SPECIFIC:
		c->priority_add = (line + 1) & 7;
		end_line(pic, c, line);
		break;
	}
}

static void write_command(struct pic *pic, struct pic_chip *c, u8 value)
{
	if (value & ICW1)
		write_icw1(pic, c, value);
	else if (value & OCW3)
		write_ocw3(c, value);
	else
		write_ocw2(pic, c, value);
}

static void write_data(struct pic *pic, struct pic_chip *c, u8 value)
{
	switch (c->init_state) {
	case 0:
		pic->unmasked |= (u8)(c->imr & ~value) << chip_index(pic, c) * 8;
		c->imr = value;
		break;
	case 1:
		c->vector_base = value & 0xf8;
		c->init_state = 2;
		break;
	case 2:
		c->init_state = c->icw4 ? 3 : 0;
		break;
	default:
		c->special_nested = value & ICW4_NESTED;
		c->auto_eoi = value & ICW4_AUTO_EOI;
		c->init_state = 0;
		break;
	}
}

/* A poll is an acknowledge by software: bit 7 tells that line 2:0 was taken. */
static u8 poll(struct pic *pic, struct pic_chip *c)
{
	int line = wanted_line(pic, c);

	c->poll = false;
	if (line < 0)
		return 0;
	acknowledge(pic, c, line);
	update_output(pic);
	return 0x80 | line;
}

static bool is_elcr(u16 port)
{
	return port >> 4 == 0x4d;
}

static struct pic_chip *port_chip(struct pic *pic, u16 port)
{
	return &pic->chip[is_elcr(port) ? port & 1 : port >> 7];
}

u8 pic_read(struct pic *pic, u16 port)
{
	struct pic_chip *c = port_chip(pic, port);

	if (is_elcr(port))
		return c->elcr;
	if (c->poll)
		return poll(pic, c);
	if (port & 1)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

void pic_write(struct pic *pic, u16 port, u8 value)
{
	struct pic_chip *c = port_chip(pic, port);

	if (is_elcr(port)) {
		c->elcr = value & c->elcr_mask;
		c->irr = (c->irr & ~c->elcr) | (c->lines & c->elcr);
	} else if (port & 1) {
		write_data(pic, c, value);
	} else {
		write_command(pic, c, value);
	}
	update_output(pic);
}

void pic_save(const struct pic *pic, unsigned int chip, struct minivmm_pic_state *state)
{
	const struct pic_chip *c = &pic->chip[chip];

	*state = (struct minivmm_pic_state) {
		.last_irr = c->lines,
		.irr = c->irr,
		.imr = c->imr,
		.isr = c->isr,
		.priority_add = c->priority_add,
		.irq_base = c->vector_base,
		.read_reg_select = c->read_isr,
		.poll = c->poll,
		.special_mask = c->special_mask,
		.init_state = c->init_state,
		.auto_eoi = c->auto_eoi,
		.rotate_on_auto_eoi = c->rotate_auto_eoi,
		.special_fully_nested_mode = c->special_nested,
		.init4 = c->icw4,
		.elcr = c->elcr,
		.elcr_mask = c->elcr_mask,
	};
}

void pic_load(struct pic *pic, unsigned int chip, const struct minivmm_pic_state *state)
{
	struct pic_chip *c = &pic->chip[chip];

	*c = (struct pic_chip) {
		.lines = state->last_irr,
		.irr = state->irr,
		.imr = state->imr,
		.isr = state->isr,
		.priority_add = state->priority_add & 7,
		.vector_base = state->irq_base & 0xf8,
		.elcr = state->elcr & c->elcr_mask,
		.elcr_mask = c->elcr_mask,
		.init_state = state->init_state & 3,
		.read_isr = state->read_reg_select,
		.poll = state->poll,
		.special_mask = state->special_mask,
		.auto_eoi = state->auto_eoi,
		.rotate_auto_eoi = state->rotate_on_auto_eoi,
		.special_nested = state->special_fully_nested_mode,
		.icw4 = state->init4,
	};
	/* Nothing of a line that is open and idle is going to be ended. */
	pic->unmasked |= (u8)~(c->imr | c->irr | c->isr) << chip * 8;
	update_output(pic);
}
