/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PC's pair of 8259A interrupt controllers: lines 0-7 master, 8-15 slave
 * (cascaded at line 2), with the edge/level control registers of PIIX.
 *
 * Pure part; the caller serialises. Effects are read from @output, @acked and
 * @unmasked after each call.
 */
#ifndef MINIVMM_IRQ_PIC_H
#define MINIVMM_IRQ_PIC_H

#include "../pure.h"

#define PIC_LINES	16

struct pic_chip {
	u8 lines;		/* input levels as last seen (edge detection) */
	u8 irr, imr, isr;
	u8 priority_add;	/* line of highest priority */
	u8 vector_base;
	u8 elcr, elcr_mask;
	u8 init_state;		/* next initialisation word expected, 0: none */
	bool read_isr, poll, special_mask;
	bool auto_eoi, rotate_auto_eoi, special_nested, icw4;
};

struct pic {
	struct pic_chip chip[2];
	unsigned long sources[PIC_LINES];	/* asserting sources, one bit each */
	bool output;		/* INTR to the CPU; read without lock */
	u16 acked;		/* lines ended (EOI) since the caller last took them */
	u16 unmasked;		/* lines unmasked since the caller last took them */
};

void pic_reset(struct pic *pic);

/* pic_set_line - as ioapic_set_line(), for @line 0..15. */
int pic_set_line(struct pic *pic, unsigned int line, unsigned int source, bool level);

/* pic_intack - the CPU's interrupt acknowledge: the vector, a spurious one if nothing waits. */
u8 pic_intack(struct pic *pic);

/* Where it listens: at each of these ports and the one behind it. */
#define PIC_PORTS	{ 0x20, 0xa0, 0x4d0 }

/* pic_read/write - an access to a port of PIC_PORTS. */
u8 pic_read(struct pic *pic, u16 port);
void pic_write(struct pic *pic, u16 port, u8 value);

struct minivmm_pic_state;

/* pic_save/load - GET/SET_IRQCHIP of chip 0 (master) or 1. */
void pic_save(const struct pic *pic, unsigned int chip, struct minivmm_pic_state *state);
void pic_load(struct pic *pic, unsigned int chip, const struct minivmm_pic_state *state);

#endif /* MINIVMM_IRQ_PIC_H */
