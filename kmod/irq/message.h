/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt messages between I/O APIC, MSI, local APICs: format and who is addressed.
 *
 * Pure part. A local APIC is known to the senders by its identity, one word that
 * its owner publishes whenever ID, logical ID or mode change; matching a message
 * needs nothing else, so senders take no lock.
 */
#ifndef MINIVMM_IRQ_MESSAGE_H
#define MINIVMM_IRQ_MESSAGE_H

#include "../pure.h"

/* Delivery modes, encoded as in ICR, redirection entries, LVT and MSI data. */
enum {
	IRQ_DM_FIXED = 0,
	IRQ_DM_LOWEST = 1,
	IRQ_DM_SMI = 2,
	IRQ_DM_NMI = 4,
	IRQ_DM_INIT = 5,
	IRQ_DM_SIPI = 6,
	IRQ_DM_EXTINT = 7,
};

/* Destination shorthands, encoded as in ICR bits 19:18. */
enum {
	IRQ_TO_FIELD = 0,
	IRQ_TO_SELF = 1,
	IRQ_TO_ALL = 2,
	IRQ_TO_OTHERS = 3,
};

struct irq_message {
	u32 dest;
	u8 vector;
	u8 delivery;		/* IRQ_DM_ */
	u8 shorthand;		/* IRQ_TO_ */
	bool logical;		/* dest is a logical destination */
	bool level;		/* level-triggered */
	bool deassert;		/* INIT level de-assert */
	bool lowest;		/* one of the addressed APICs only */
	bool wide;		/* dest has 32 bits (sender in x2APIC mode), else 8 */
};

#define APIC_IDENTITY_X2APIC	BIT_ULL(40)
#define APIC_IDENTITY_CLUSTER	BIT_ULL(41)	/* xAPIC logical model: cluster, else flat */
#define APIC_IDENTITY_ENABLED	BIT_ULL(42)	/* IA32_APIC_BASE.EN */
#define APIC_IDENTITY_SOFT	BIT_ULL(43)	/* enabled by the spurious vector register */

/* apic_identity - the word of @id (8 bits in xAPIC mode), @ldr (xAPIC: 8 bits) and flags. */
static inline u64 apic_identity(u32 id, u8 ldr, u64 flags)
{
	return id | (u64)ldr << 32 | flags;
}

/* x2apic_ldr - the logical ID that x2APIC mode derives from an APIC ID. */
static inline u32 x2apic_ldr(u32 id)
{
	return id >> 4 << 16 | 1u << (id & 15);
}

/* apic_addressed - whether @msg (shorthand IRQ_TO_FIELD) addresses the APIC @identity. */
bool apic_addressed(u64 identity, const struct irq_message *msg);

/* apic_broadcast - whether @msg's destination field means every APIC. */
bool apic_broadcast(const struct irq_message *msg);

/* msi_decode - @msg from an MSI address/data pair. */
void msi_decode(struct irq_message *msg, u32 address_lo, u32 data);

/* icr_decode - @msg from the interrupt command register; @x2apic tells its format. */
void icr_decode(struct irq_message *msg, u64 icr, bool x2apic);

#endif /* MINIVMM_IRQ_MESSAGE_H */
