/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An I/O APIC with 24 pins (82093AA, version 0x11, no EOI register).
 *
 * Pure part; the caller serialises. Messages go out through ioapic_send(), which
 * the environment provides. Input levels are kept per source, OR-ed at the pin.
 */
#ifndef MINIVMM_IRQ_IOAPIC_H
#define MINIVMM_IRQ_IOAPIC_H

#include "message.h"

#define IOAPIC_PINS		24
#define IOAPIC_BASE		0xfec00000ULL
#define IOAPIC_SIZE		0x100
#define IOAPIC_VERSION		0x11

/* EOIs in a row with the line still high before a pin's next delivery is put off. */
#define IOAPIC_STORM_LIMIT	10000

#define IOAPIC_REDIR_LOGICAL	BIT_ULL(11)
#define IOAPIC_REDIR_PENDING	BIT_ULL(12)
#define IOAPIC_REDIR_REMOTE_IRR	BIT_ULL(14)
#define IOAPIC_REDIR_LEVEL	BIT_ULL(15)
#define IOAPIC_REDIR_MASKED	BIT_ULL(16)

struct ioapic {
	u64 redir[IOAPIC_PINS];
	u32 irr;			/* asserted pins; edge: until delivered */
	u8 select;
	u8 id;
	unsigned long lines[IOAPIC_PINS];	/* asserting sources, one bit each */
	u32 storm[IOAPIC_PINS];		/* EOIs in a row that found the line high */
	u64 vectors[4];			/* those in any entry: EOIs matter; read without lock */
	u32 unmasked;			/* pins unmasked since the caller last took them */
	bool busy;			/* the caller's: enough was sent for now */
	u32 waiting;			/* pins whose EOI came while it was busy, since the last EOI */
};

/* ioapic_send - environment: deliver @msg, results as irq_deliver(). The caller's lock is held. */
int ioapic_send(struct ioapic *io, const struct irq_message *msg);

void ioapic_reset(struct ioapic *io);

/*
 * ioapic_set_line - level of @pin as driven by @source (0..63). Returns > 0 delivered,
 * 0 coalesced with one not yet taken, -1 masked or nobody addressed.
 */
int ioapic_set_line(struct ioapic *io, unsigned int pin, unsigned int source, bool level);

/* ioapic_read/write - access at @offset of the page; other widths act on the low part. */
u32 ioapic_read(struct ioapic *io, u32 offset);
void ioapic_write(struct ioapic *io, u32 offset, u32 value);

/* ioapic_handles - whether an EOI of @vector concerns any pin. No lock needed. */
static inline bool ioapic_handles(const struct ioapic *io, u8 vector)
{
	return READ_ONCE(io->vectors[vector / 64]) & BIT_ULL(vector % 64);
}

/* ioapic_eoi_pins - pins whose entry has @vector: those whose listeners hear of its EOI. */
u32 ioapic_eoi_pins(const struct ioapic *io, u8 vector);

/*
 * ioapic_eoi - end of interrupt for the level-triggered ones of @pins; delivers
 * again where the line is still high. Returns the pins put off because they
 * storm: call ioapic_retry() some milliseconds later. For those in @io->waiting call it soon.
 */
u32 ioapic_eoi(struct ioapic *io, u32 pins);

/* ioapic_retry - deliver what is pending at the level-triggered pin @pin. */
void ioapic_retry(struct ioapic *io, unsigned int pin);

struct minivmm_ioapic_state;

/* ioapic_save/load - GET/SET_IRQCHIP; after a load, ioapic_retry() for each pin. */
void ioapic_save(const struct ioapic *io, struct minivmm_ioapic_state *state);
void ioapic_load(struct ioapic *io, const struct minivmm_ioapic_state *state);

#endif /* MINIVMM_IRQ_IOAPIC_H */
