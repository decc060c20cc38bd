/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address ranges and who answers them. A machine has two: ports (m->pio) and memory (m->mmio).
 *
 * Ranges may be added and removed at any time from any thread (BAR moves). No bus lock is held
 * while a handler runs, handlers of one device may run on several vCPU threads at once, and one
 * may still be running when bus__remove() returns: devices lock themselves and live until all
 * vCPUs have ended.
 */
#ifndef MINIVMM_BUS_H
#define MINIVMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/*
 * @offset is relative to the start of the range, @size is 1, 2, 4 or 8 and offset + size lies
 * within the range; values are little endian and only the low @size bytes count. The guest
 * chooses offset and size freely: no alignment is promised.
 */
struct bus_ops {
	uint64_t (*read)(void *ctx, uint64_t offset, unsigned int size);
	void (*write)(void *ctx, uint64_t offset, unsigned int size, uint64_t value);
	/* Widest access in bytes; the bus takes wider ones apart, low byte first. 0: any. */
	unsigned int widest;
};

struct bus;
struct vm;

enum bus_kind { BUS_PORTS, BUS_MEMORY };

int bus__create(struct bus **bus, struct vm *vm, enum bus_kind kind, struct error *err);
void bus__destroy(struct bus *bus);

/*
 * @ops and @ctx must outlive the range. -1 with EEXIST in errno if the range overlaps another,
 * EINVAL if it is empty or wraps.
 */
int bus__add(struct bus *bus, uint64_t start, uint64_t length, const struct bus_ops *ops,
	     void *ctx);
/* Removes the range that starts at @start; nothing happens if there is none. */
void bus__remove(struct bus *bus, uint64_t start);

/*
 * One access of 1 to 8 bytes. Unclaimed reads give all ones, unclaimed writes vanish; other sizes
 * than 1, 2, 4, 8, accesses across the end of a range and wider ones than a device takes are split
 * into bytes.
 */
uint64_t bus__read(struct bus *bus, uint64_t addr, unsigned int size);
void bus__write(struct bus *bus, uint64_t addr, unsigned int size, uint64_t value);

/*
 * Writes of @length bytes (0: of any length) to @addr signal @fd instead of reaching the range's
 * handler; the kernel does it without leaving for userspace. -1 and errno on failure.
 */
int bus__add_eventfd(struct bus *bus, uint64_t addr, unsigned int length, int fd);
void bus__remove_eventfd(struct bus *bus, uint64_t addr, unsigned int length, int fd);

#endif
