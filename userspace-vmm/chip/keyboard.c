// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 8042 keyboard controller with a keyboard that nobody types on: enough for firmware and systems
 * that probe it, and for the reset line. State is under the chip's mutex.
 */
#include <pthread.h>
#include <stdlib.h>

#include "device.h"
#include "machine.h"

#define PORT_DATA		0x60
#define PORT_COMMAND		0x64
#define IRQ_KEYBOARD		1
#define QUEUE			16

#define STATUS_OUTPUT_FULL	0x01
#define STATUS_SYSTEM		0x04
#define STATUS_COMMAND		0x08
#define STATUS_UNLOCKED		0x10
#define CONFIG_INTERRUPT	0x01
#define CONFIG_SYSTEM		0x04
#define CONFIG_NO_MOUSE		0x20
#define CONFIG_TRANSLATE	0x40

#define CMD_READ_CONFIG		0x20
#define CMD_WRITE_CONFIG	0x60
#define CMD_TEST_MOUSE		0xa9
#define CMD_TEST		0xaa
#define CMD_TEST_KEYBOARD	0xab
#define CMD_READ_OUTPUT		0xd0
#define CMD_WRITE_OUTPUT	0xd1
#define CMD_ECHO_KEYBOARD	0xd2
#define CMD_PULSE		0xf0	/* pulses the low bits that are zero; bit 0 is reset */
#define OUTPUT_RUN		0x01	/* reset line, active low */
#define OUTPUT_A20		0x02
#define TEST_PASSED		0x55
#define PORT_ABSENT		0x02

#define KEY_SET_LEDS		0xed
#define KEY_ECHO		0xee
#define KEY_SCANCODE_SET	0xf0
#define KEY_IDENTIFY		0xf2
#define KEY_SET_RATE		0xf3
#define KEY_RESET		0xff
#define REPLY_ACK		0xfa
#define REPLY_PASSED		0xaa

struct keyboard {
	struct machine *m;
	pthread_mutex_t lock;
	uint8_t queue[QUEUE];
	unsigned int head, tail;	/* free-running */
	uint8_t config;
	uint8_t command;		/* controller command that waits for its data byte, or 0 */
	bool key_argument;		/* keyboard command that waits for its data byte */
	bool last_was_command;
	bool line;
};

static void reply(struct keyboard *k, uint8_t byte)
{
	if (k->head - k->tail < QUEUE)
		k->queue[k->head++ % QUEUE] = byte;
}

/* Lock held. */
static void update_line(struct keyboard *k)
{
	bool line = k->head != k->tail && k->config & CONFIG_INTERRUPT;

	if (line == k->line)
		return;
	k->line = line;
	irq__set_level(k->m->irq, IRQ_KEYBOARD, line);
}

/* A byte for the keyboard itself. */
static void keyboard_command(struct keyboard *k, uint8_t byte)
{
	reply(k, byte == KEY_ECHO && !k->key_argument ? KEY_ECHO : REPLY_ACK);
	if (k->key_argument) {
		k->key_argument = false;
		return;
	}
	switch (byte) {
	case KEY_SET_LEDS:
	case KEY_SCANCODE_SET:
	case KEY_SET_RATE:
		k->key_argument = true;
		break;
	case KEY_IDENTIFY:
		reply(k, 0xab);
		reply(k, k->config & CONFIG_TRANSLATE ? 0x41 : 0x83);
		break;
	case KEY_RESET:
		reply(k, REPLY_PASSED);
		break;
	}
}

static void write_output(struct keyboard *k, uint8_t value)
{
	if (!(value & OUTPUT_RUN))
		machine__request_reset(k->m);
}

static void controller_command(struct keyboard *k, uint8_t command)
{
	if (command >= CMD_PULSE) {
		write_output(k, command);
		return;
	}
	switch (command) {
	case CMD_READ_CONFIG:
		reply(k, k->config);
		break;
	case CMD_TEST:
		reply(k, TEST_PASSED);
		break;
	case CMD_TEST_KEYBOARD:
		reply(k, 0);
		break;
	case CMD_TEST_MOUSE:
		reply(k, PORT_ABSENT);
		break;
	case CMD_READ_OUTPUT:
		reply(k, OUTPUT_RUN | OUTPUT_A20);
		break;
	case CMD_WRITE_CONFIG:
	case CMD_WRITE_OUTPUT:
	case CMD_ECHO_KEYBOARD:
		k->command = command;
		break;
	}
}

static void write_data(struct keyboard *k, uint8_t value)
{
	uint8_t command = k->command;

	k->command = 0;
	switch (command) {
	case CMD_WRITE_CONFIG:
		k->config = value | CONFIG_NO_MOUSE;
		break;
	case CMD_WRITE_OUTPUT:
		write_output(k, value);
		break;
	case CMD_ECHO_KEYBOARD:
		reply(k, value);
		break;
	default:
		keyboard_command(k, value);
		break;
	}
}

static uint64_t data_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct keyboard *k = ctx;
	uint8_t value = 0;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&k->lock);
	if (k->head != k->tail)
		value = k->queue[k->tail++ % QUEUE];
	/* Each byte is an edge of its own. */
	if (k->line) {
		k->line = false;
		irq__set_level(k->m->irq, IRQ_KEYBOARD, false);
	}
	update_line(k);
	pthread_mutex_unlock(&k->lock);
	return value;
}

static void data_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct keyboard *k = ctx;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&k->lock);
	k->last_was_command = false;
	write_data(k, value);
	update_line(k);
	pthread_mutex_unlock(&k->lock);
}

static uint64_t status_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct keyboard *k = ctx;
	uint8_t value = STATUS_UNLOCKED;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&k->lock);
	if (k->head != k->tail)
		value |= STATUS_OUTPUT_FULL;
	if (k->config & CONFIG_SYSTEM)
		value |= STATUS_SYSTEM;
	if (k->last_was_command)
		value |= STATUS_COMMAND;
	pthread_mutex_unlock(&k->lock);
	return value;
}

static void command_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct keyboard *k = ctx;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&k->lock);
	k->last_was_command = true;
	k->command = 0;
	controller_command(k, value);
	update_line(k);
	pthread_mutex_unlock(&k->lock);
}

static const struct bus_ops data_ops = { .read = data_read, .write = data_write };
static const struct bus_ops command_ops = { .read = status_read, .write = command_write };

static void keyboard_destroy(void *state)
{
	struct keyboard *k = state;

	pthread_mutex_destroy(&k->lock);
	free(k);
}

static int keyboard_create(struct machine *m, void **state, struct error *err)
{
	struct keyboard *k = calloc(1, sizeof(*k));

	if (!k)
		return error__errno(err, "cannot allocate the keyboard controller");
	k->m = m;
	k->config = CONFIG_NO_MOUSE;
	pthread_mutex_init(&k->lock, NULL);
	if (bus__add(m->pio, PORT_DATA, 1, &data_ops, k) < 0 ||
	    bus__add(m->pio, PORT_COMMAND, 1, &command_ops, k) < 0) {
		error__errno(err, "the keyboard controller's ports are taken");
		keyboard_destroy(k);
		return -1;
	}
	*state = k;
	return 0;
}

static const struct device_type keyboard = {
	.name = "keyboard",
	.order = DEVICE_PLATFORM,
	.create = keyboard_create,
	.destroy = keyboard_destroy,
};
DEVICE_REGISTER(keyboard);
