// SPDX-License-Identifier: GPL-2.0
/*
 * I/O APIC: pins, redirection table, delivery and end of interrupt. Pure part.
 */
#include "ioapic.h"

#include "../../uapi/minivmm.h"

#define REG_SELECT		0x00
#define REG_WINDOW		0x10

#define INDEX_ID		0x00
#define INDEX_VERSION		0x01
#define INDEX_ARBITRATION	0x02
#define INDEX_REDIR		0x10

/* Bits of an entry that software may write. */
#define REDIR_WRITABLE		(GENMASK_ULL(63, 56) | GENMASK_ULL(16, 15) | GENMASK_ULL(13, 13) | \
				 GENMASK_ULL(11, 0))
#define REDIR_READ_ONLY		(IOAPIC_REDIR_PENDING | IOAPIC_REDIR_REMOTE_IRR)

void ioapic_reset(struct ioapic *io)
{
	unsigned int pin;

	memset(io, 0, sizeof(*io));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		io->redir[pin] = IOAPIC_REDIR_MASKED;
}

static bool is_level(u64 entry)
{
	return entry & IOAPIC_REDIR_LEVEL;
}

static void entry_message(u64 entry, struct irq_message *msg)
{
	*msg = (struct irq_message) {
		.dest = entry >> 56,
		.logical = entry & IOAPIC_REDIR_LOGICAL,
		.vector = entry & 0xff,
		.delivery = entry >> 8 & 7,
		.level = is_level(entry),
	};
	msg->lowest = msg->delivery == IRQ_DM_LOWEST;
}

/* Send what @pin asks for, unless it is masked or its last interrupt has not ended. */
static int service(struct ioapic *io, unsigned int pin)
{
	u64 entry = io->redir[pin];
	struct irq_message msg;
	int taken;

	if (entry & IOAPIC_REDIR_MASKED)
		return -1;
	if (is_level(entry) && (entry & IOAPIC_REDIR_REMOTE_IRR))
		return 0;
	entry_message(entry, &msg);
	taken = ioapic_send(io, &msg);
	if (taken > 0 && is_level(entry) && msg.delivery <= IRQ_DM_LOWEST)
		io->redir[pin] |= IOAPIC_REDIR_REMOTE_IRR;
	return taken;
}

int ioapic_set_line(struct ioapic *io, unsigned int pin, unsigned int source, bool level)
{
	bool was = io->lines[pin];

	if (level)
		io->lines[pin] |= BIT(source);
	else
		io->lines[pin] &= ~BIT(source);
	if (!io->lines[pin]) {
		io->irr &= ~BIT(pin);
		return 1;
	}
	if (is_level(io->redir[pin])) {
		io->irr |= BIT(pin);
		return service(io, pin);
	}
	/* An edge that finds its pin masked is lost. */
	return was ? 0 : service(io, pin);
}

static void service_waiting(struct ioapic *io, unsigned int pin)
{
	if ((io->irr & BIT(pin)) && is_level(io->redir[pin]))
		service(io, pin);
}

static void collect_vectors(struct ioapic *io)
{
	u64 vectors[4] = { 0 };
	unsigned int i;

	for (i = 0; i < IOAPIC_PINS; i++)
		vectors[(io->redir[i] & 0xff) / 64] |= BIT_ULL(io->redir[i] & 63);
	for (i = 0; i < 4; i++)
		WRITE_ONCE(io->vectors[i], vectors[i]);
}

static void write_redir(struct ioapic *io, unsigned int pin, u64 value)
{
	u64 old = io->redir[pin];

	value = (value & REDIR_WRITABLE) | (old & REDIR_READ_ONLY);
	/* Software without an EOI register ends an interrupt by switching to edge and back. */
	if (!is_level(value))
		value &= ~IOAPIC_REDIR_REMOTE_IRR;
	io->redir[pin] = value;
	/* A line that was already up counts as a level from now on, as an edge no longer. */
	if (is_level(value) && io->lines[pin])
		io->irr |= BIT(pin);
	if ((old & ~value) & IOAPIC_REDIR_MASKED)
		io->unmasked |= BIT(pin);
	collect_vectors(io);
	service_waiting(io, pin);
}

static void write_index(struct ioapic *io, u32 value)
{
	unsigned int pin = (io->select - INDEX_REDIR) / 2;
	u64 low_mask = 0xffffffff;

	if (io->select == INDEX_ID)
		io->id = value >> 24 & 0xf;
	if (io->select < INDEX_REDIR || pin >= IOAPIC_PINS)
		return;
	pin = array_index_nospec(pin, IOAPIC_PINS);
	if (io->select & 1)
		write_redir(io, pin, (io->redir[pin] & low_mask) | (u64)value << 32);
	else
		write_redir(io, pin, (io->redir[pin] & ~low_mask) | value);
}

static u32 read_index(const struct ioapic *io)
{
	unsigned int pin = (io->select - INDEX_REDIR) / 2;

	switch (io->select) {
	case INDEX_ID:
	case INDEX_ARBITRATION:
		return (u32)io->id << 24;
	case INDEX_VERSION:
		return IOAPIC_VERSION | (IOAPIC_PINS - 1) << 16;
	}
	if (io->select < INDEX_REDIR || pin >= IOAPIC_PINS)
		return 0;
	pin = array_index_nospec(pin, IOAPIC_PINS);
	return io->redir[pin] >> (io->select & 1 ? 32 : 0);
}

u32 ioapic_read(struct ioapic *io, u32 offset)
{
	switch (offset) {
	case REG_SELECT:
		return io->select;
	case REG_WINDOW:
		return read_index(io);
	default:
		return 0;
	}
}

void ioapic_write(struct ioapic *io, u32 offset, u32 value)
{
	if (offset == REG_SELECT)
		io->select = value;
	else if (offset == REG_WINDOW)
		write_index(io, value);
}

u32 ioapic_eoi_pins(const struct ioapic *io, u8 vector)
{
	u32 pins = 0;
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++)
		if ((io->redir[pin] & 0xff) == vector)
			pins |= BIT(pin);
	return pins;
}

/* True: @pin was served often enough in a row to be put off. */
static bool end_pin(struct ioapic *io, unsigned int pin)
{
	io->redir[pin] &= ~IOAPIC_REDIR_REMOTE_IRR;
	if (!(io->irr & BIT(pin)) || (io->redir[pin] & IOAPIC_REDIR_MASKED)) {
		io->storm[pin] = 0;
		return false;
	}
	if (++io->storm[pin] >= IOAPIC_STORM_LIMIT) {
		io->storm[pin] = 0;
		return true;
	}
	if (unlikely(io->busy))
		io->waiting |= BIT(pin);
	else
		service(io, pin);
	return false;
}

u32 ioapic_eoi(struct ioapic *io, u32 pins)
{
	u32 put_off = 0;
	unsigned int pin;

	io->waiting = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		if ((pins & BIT(pin)) && (io->redir[pin] & IOAPIC_REDIR_REMOTE_IRR) &&
		    end_pin(io, pin))
			put_off |= BIT(pin);
	return put_off;
}

void ioapic_retry(struct ioapic *io, unsigned int pin)
{
	service_waiting(io, pin);
}

void ioapic_save(const struct ioapic *io, struct minivmm_ioapic_state *state)
{
	unsigned int pin;

	memset(state, 0, sizeof(*state));
	state->base_address = IOAPIC_BASE;
	state->ioregsel = io->select;
	state->id = io->id;
	state->irr = io->irr;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		state->redirtbl[pin].bits = io->redir[pin];
}

void ioapic_load(struct ioapic *io, const struct minivmm_ioapic_state *state)
{
	unsigned int pin;

	io->select = state->ioregsel;
	io->id = state->id & 0xf;
	io->irr = state->irr & GENMASK(IOAPIC_PINS - 1, 0);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		io->redir[pin] = state->redirtbl[pin].bits & (REDIR_WRITABLE | REDIR_READ_ONLY);
		io->storm[pin] = 0;
	}
	collect_vectors(io);
}
