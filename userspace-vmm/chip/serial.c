// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 16550A UART, COM1: the guest's console. Transmission takes no time: the transmitter reports
 * empty at once unless the console cannot take more. All state is under the chip's mutex, taken
 * by vCPU threads and the loop thread.
 */
#include <pthread.h>
#include <stdlib.h>

#include "console.h"
#include "device.h"
#include "machine.h"

#define PORT		0x3f8
#define PORTS		8
#define BUFFER		16	/* the FIFO of a 16550A */

#define REG_DATA	0	/* divisor low with DLAB */
#define REG_IER		1	/* divisor high with DLAB */
#define REG_IIR_FCR	2
#define REG_LCR		3
#define REG_MCR		4
#define REG_LSR		5
#define REG_MSR		6
#define REG_SCR		7

#define IER_RECEIVE	0x01
#define IER_TRANSMIT	0x02
#define IER_MASK	0x0f
#define IIR_NONE	0x01
#define IIR_TRANSMIT	0x02
#define IIR_RECEIVE	0x04
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define LCR_DLAB	0x80
#define MCR_OUT2	0x08	/* gates the interrupt on a PC */
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f
#define LSR_DATA	0x01
#define LSR_EMPTY	0x60	/* holding register and shift register */
#define MSR_READY	0xb0	/* DCD, DSR, CTS */

struct serial {
	struct machine *m;
	pthread_mutex_t lock;
	uint8_t ier, lcr, mcr, scr, fcr;
	uint16_t divisor;
	bool transmit_pending;	/* THRE interrupt not yet acknowledged */
	bool transmit_blocked;	/* the console is full */
	bool line;
	uint8_t rx[BUFFER];
	size_t rx_head, rx_tail;
};

static size_t waiting(const struct serial *s)
{
	return s->rx_head - s->rx_tail;
}

/* Lock held. */
static uint8_t interrupt_id(const struct serial *s)
{
	if (s->ier & IER_RECEIVE && waiting(s))
		return IIR_RECEIVE;
	if (s->ier & IER_TRANSMIT && s->transmit_pending)
		return IIR_TRANSMIT;
	return IIR_NONE;
}

/* Lock held. */
static void update_line(struct serial *s)
{
	bool line = interrupt_id(s) != IIR_NONE && s->mcr & MCR_OUT2;

	if (line == s->line)
		return;
	s->line = line;
	irq__set_level(s->m->irq, MACHINE_IRQ_SERIAL, line);
}

static void receive(struct serial *s, uint8_t byte)
{
	if (waiting(s) < BUFFER)
		s->rx[s->rx_head++ % BUFFER] = byte;
}

static uint8_t read_data(struct serial *s)
{
	uint8_t byte = 0;

	if (waiting(s))
		byte = s->rx[s->rx_tail++ % BUFFER];
	if (!waiting(s))
		console__input_ready(s->m->console);
	return byte;
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == IIR_TRANSMIT)
		s->transmit_pending = false;
	return id | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

/* In loop mode the modem inputs show the modem outputs: RTS, DTR, OUT1, OUT2. */
static uint8_t read_msr(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_READY;
	return (s->mcr & 0x02) << 3 | (s->mcr & 0x01) << 5 | (s->mcr & 0x0c) << 4;
}

static uint8_t read_register(struct serial *s, unsigned int reg)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return dlab ? s->divisor & 0xff : read_data(s);
	case REG_IER:
		return dlab ? s->divisor >> 8 : s->ier;
	case REG_IIR_FCR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return (s->transmit_blocked ? 0 : LSR_EMPTY) | (waiting(s) ? LSR_DATA : 0);
	case REG_MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static void write_data(struct serial *s, uint8_t value)
{
	if (s->mcr & MCR_LOOP)
		receive(s, value);
	else
		s->transmit_blocked = !console__put(s->m->console, value);
	s->transmit_pending = !s->transmit_blocked;
}

/* Makes room: who waits for it must be told, as after a read. */
static void clear_receiver(struct serial *s)
{
	s->rx_tail = s->rx_head;
	console__input_ready(s->m->console);
}

static void write_ier(struct serial *s, uint8_t value)
{
	/* Enabling the transmitter's interrupt raises it if the transmitter is empty. */
	if (value & ~s->ier & IER_TRANSMIT)
		s->transmit_pending = !s->transmit_blocked;
	s->ier = value & IER_MASK;
}

static void write_register(struct serial *s, unsigned int reg, uint8_t value)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (dlab)
			s->divisor = (s->divisor & 0xff00) | value;
		else
			write_data(s, value);
		break;
	case REG_IER:
		if (dlab)
			s->divisor = (s->divisor & 0xff) | value << 8;
		else
			write_ier(s, value);
		break;
	case REG_IIR_FCR:
		s->fcr = value & FCR_ENABLE;
		if (value & FCR_CLEAR_RX)
			clear_receiver(s);
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & MCR_MASK;
		break;
	case REG_SCR:
		s->scr = value;
		break;
	}
}

static uint64_t serial_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct serial *s = ctx;
	uint64_t value;

	(void)size;
	pthread_mutex_lock(&s->lock);
	value = read_register(s, offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void serial_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct serial *s = ctx;

	(void)size;
	pthread_mutex_lock(&s->lock);
	write_register(s, offset, value);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops ops = { .read = serial_read, .write = serial_write, .widest = 1 };

static size_t room(void *ctx)
{
	struct serial *s = ctx;
	size_t bytes;

	pthread_mutex_lock(&s->lock);
	bytes = BUFFER - waiting(s);
	pthread_mutex_unlock(&s->lock);
	return bytes;
}

static void input(void *ctx, const uint8_t *data, size_t len)
{
	struct serial *s = ctx;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < len; i++)
		receive(s, data[i]);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static void output_ready(void *ctx)
{
	struct serial *s = ctx;

	pthread_mutex_lock(&s->lock);
	s->transmit_blocked = false;
	s->transmit_pending = true;
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static void serial_destroy(void *state)
{
	struct serial *s = state;

	console__detach(s->m->console);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int serial_create(struct machine *m, void **state, struct error *err)
{
	struct serial *s = calloc(1, sizeof(*s));
	struct console_client client = {
		.room = room,
		.input = input,
		.output_ready = output_ready,
		.ctx = s,
	};

	if (!s)
		return error__errno(err, "cannot allocate the serial port");
	s->m = m;
	s->divisor = 1;
	pthread_mutex_init(&s->lock, NULL);
	if (bus__add(m->pio, PORT, PORTS, &ops, s) < 0)
		error__errno(err, "the serial port's addresses are taken");
	else if (!console__attach(m->console, m, &client, err)) {
		*state = s;
		return 0;
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
	return -1;
}

static const struct device_type serial = {
	.name = "serial",
	.order = DEVICE_PLATFORM,
	.create = serial_create,
	.destroy = serial_destroy,
};
DEVICE_REGISTER(serial);
