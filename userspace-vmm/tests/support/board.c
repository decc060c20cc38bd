// SPDX-License-Identifier: GPL-2.0-or-later
/* See board.h. Single-threaded. */
#include "support/board.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chip/fw_cfg_device.h"
#include "device.h"

#define MAX_CHIPS	32

extern const struct device_type *const __start_minivmm_devices[];
extern const struct device_type *const __stop_minivmm_devices[];

struct board board;

static struct {
	const struct device_type *type;
	void *state;
} chips[MAX_CHIPS];
static unsigned int chip_count;

bool board__create(unsigned int mib)
{
	struct machine *m = &board.m;

	fake_kernel__reset();
	memset(&board, 0, sizeof(board));
	chip_count = 0;
	board.config.vcpus = 1;
	board.config.name = "board";
	board.config.append = "";
	board.config.memory = (uint64_t)mib << 20;
	m->config = &board.config;
	m->host = &board.host;
	m->vm = &fake_vm;
	return !loop__create(&m->loop, &board.err) &&
	       !memory__create(&m->memory, m->vm, board.config.memory, &board.err) &&
	       !bus__create(&m->pio, m->vm, BUS_PORTS, &board.err) &&
	       !bus__create(&m->mmio, m->vm, BUS_MEMORY, &board.err) &&
	       !irq__create(&m->irq, m->vm, &board.err) &&
	       !fw_cfg__create(&m->fw_cfg, m, &board.err) &&
	       !pci__create(&m->pci, m, &board.err);
}

void board__destroy(void)
{
	struct machine *m = &board.m;

	while (chip_count--) {
		if (chips[chip_count].type->destroy)
			chips[chip_count].type->destroy(chips[chip_count].state);
	}
	pci__destroy(m->pci);
	fw_cfg__destroy(m->fw_cfg);
	irq__destroy(m->irq);
	bus__destroy(m->mmio);
	bus__destroy(m->pio);
	memory__destroy(m->memory);
	loop__destroy(m->loop);
}

bool board__reset(void)
{
	unsigned int mib = board.config.memory >> 20;
	struct host host;

	board__destroy();
	host = board.host;
	if (!board__create(mib))
		return false;
	board.host = host;
	return true;
}

void *board__add(const char *name)
{
	const struct device_type *const *type = __start_minivmm_devices;
	void *state = NULL;

	while (type < __stop_minivmm_devices && strcmp((*type)->name, name))
		type++;
	if (type == __stop_minivmm_devices || (*type)->create(&board.m, &state, &board.err) < 0 ||
	    !state)
		return NULL;
	chips[chip_count].type = *type;
	chips[chip_count++].state = state;
	return state;
}

bool board__add_all(void)
{
	for (enum device_order order = DEVICE_CHIPSET; order <= DEVICE_LATE; order++) {
		for (const struct device_type *const *type = __start_minivmm_devices;
		     type < __stop_minivmm_devices; type++) {
			chips[chip_count].type = *type;
			chips[chip_count].state = NULL;
			if ((*type)->order != order)
				continue;
			if ((*type)->create(&board.m, &chips[chip_count].state, &board.err) < 0)
				return false;
			chip_count += chips[chip_count].state != NULL;
		}
	}
	return true;
}

static void stop_loop(void *ctx)
{
	loop__stop(ctx);
}

void board__run(unsigned int ms)
{
	struct loop_timer *timer = loop__timer_create(board.m.loop, stop_loop, board.m.loop);

	loop__timer_set(timer, loop__now() + ms * 1000000ULL, 0);
	loop__run(board.m.loop, &board.err);
	loop__timer_destroy(timer);
}

uint8_t board__in(uint16_t port)
{
	return bus__read(board.m.pio, port, 1);
}

void board__out(uint16_t port, uint8_t value)
{
	bus__write(board.m.pio, port, 1, value);
}

void machine__request_reset(struct machine *m)
{
	(void)m;
	board.reset = true;
}

void machine__request_stop(struct machine *m, int status)
{
	(void)m;
	board.stopped = true;
	board.status = status;
}

void machine__request_fail(struct machine *m, const struct error *err)
{
	(void)m;
	board.failed = true;
	board.err = *err;
}

bool machine__ending(const struct machine *m)
{
	(void)m;
	return board.reset || board.stopped || board.failed;
}

int machine__status(const struct machine *m)
{
	(void)m;
	return board.status;
}

void machine__phase(const struct machine *m, const char *fmt, ...)
{
	va_list ap;

	(void)m;
	va_start(ap, fmt);
	vsnprintf(board.phase, sizeof(board.phase), fmt, ap);
	va_end(ap);
}
