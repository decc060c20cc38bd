// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt messages: formats of ICR and MSI, destination matching. Pure part.
 */
#include "message.h"

bool apic_broadcast(const struct irq_message *msg)
{
	return msg->dest == (msg->wide ? ~0u : 0xffu);
}

static bool logical_x2apic(u32 id, u32 dest)
{
	u32 ldr = x2apic_ldr(id);

	return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
}

static bool logical_xapic(u64 identity, u32 dest)
{
	u8 ldr = identity >> 32;

	if (dest > 0xff)
		return false;
	if (identity & APIC_IDENTITY_CLUSTER)
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	return ldr & dest;
}

bool apic_addressed(u64 identity, const struct irq_message *msg)
{
	if (!(identity & APIC_IDENTITY_ENABLED))
		return false;
	if (apic_broadcast(msg))
		return true;
	if (!msg->logical)
		return (u32)identity == msg->dest;
	if (identity & APIC_IDENTITY_X2APIC)
		return logical_x2apic((u32)identity, msg->dest);
	return logical_xapic(identity, msg->dest);
}

void msi_decode(struct irq_message *msg, u32 address_lo, u32 data)
{
	*msg = (struct irq_message) {
		.dest = address_lo >> 12 & 0xff,
		.logical = address_lo & BIT(2),
		.vector = data & 0xff,
		.delivery = data >> 8 & 7,
		.level = data & BIT(15),
	};
	msg->lowest = msg->delivery == IRQ_DM_LOWEST || (address_lo & BIT(3));
}

void icr_decode(struct irq_message *msg, u64 icr, bool x2apic)
{
	*msg = (struct irq_message) {
		.dest = x2apic ? icr >> 32 : icr >> 56,
		.wide = x2apic,
		.logical = icr & BIT(11),
		.vector = icr & 0xff,
		.delivery = icr >> 8 & 7,
		.shorthand = icr >> 18 & 3,
		/* INIT level de-assert; the trigger mode of other IPIs is ignored. */
		.deassert = (icr & BIT(15)) && !(icr & BIT(14)),
	};
	msg->lowest = msg->delivery == IRQ_DM_LOWEST;
}
