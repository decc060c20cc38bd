// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A sorted array of ranges under a read-write lock; see bus.h. The lock covers the search only:
 * the entry is copied out and its handler called without it.
 */
#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <minivmm.h>

#include "vm.h"

struct range {
	uint64_t start;
	uint64_t length;
	const struct bus_ops *ops;
	void *ctx;
};

struct bus {
	struct vm *vm;
	enum bus_kind kind;
	pthread_rwlock_t lock;	/* protects all below */
	struct range *ranges;	/* ascending, no overlaps */
	size_t count, space;
};

int bus__create(struct bus **out, struct vm *vm, enum bus_kind kind, struct error *err)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return error__errno(err, "cannot allocate a bus");
	bus->vm = vm;
	bus->kind = kind;
	pthread_rwlock_init(&bus->lock, NULL);
	*out = bus;
	return 0;
}

void bus__destroy(struct bus *bus)
{
	if (!bus)
		return;
	pthread_rwlock_destroy(&bus->lock);
	free(bus->ranges);
	free(bus);
}

/* Index of the first range that ends after @addr; bus->count if none. Lock held. */
static size_t search(const struct bus *bus, uint64_t addr)
{
	size_t low = 0, high = bus->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (bus->ranges[mid].start + (bus->ranges[mid].length - 1) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int make_room(struct bus *bus)
{
	size_t space = bus->space ? 2 * bus->space : 32;
	struct range *ranges;

	if (bus->count < bus->space)
		return 0;
	ranges = reallocarray(bus->ranges, space, sizeof(*ranges));
	if (!ranges)
		return -1;
	bus->ranges = ranges;
	bus->space = space;
	return 0;
}

static int insert(struct bus *bus, const struct range *new)
{
	size_t at = search(bus, new->start);

	if (at < bus->count && bus->ranges[at].start - new->start < new->length) {
		errno = EEXIST;
		return -1;
	}
	if (at < bus->count && bus->ranges[at].start < new->start) {
		errno = EEXIST;
		return -1;
	}
	if (make_room(bus) < 0)
		return -1;
	memmove(&bus->ranges[at + 1], &bus->ranges[at], (bus->count - at) * sizeof(*new));
	bus->ranges[at] = *new;
	bus->count++;
	return 0;
}

int bus__add(struct bus *bus, uint64_t start, uint64_t length, const struct bus_ops *ops,
	     void *ctx)
{
	struct range new = { .start = start, .length = length, .ops = ops, .ctx = ctx };
	int ret;

	if (!length || start + (length - 1) < start) {
		errno = EINVAL;
		return -1;
	}
	pthread_rwlock_wrlock(&bus->lock);
	ret = insert(bus, &new);
	pthread_rwlock_unlock(&bus->lock);
	return ret;
}

void bus__remove(struct bus *bus, uint64_t start)
{
	size_t at;

	pthread_rwlock_wrlock(&bus->lock);
	at = search(bus, start);
	if (at < bus->count && bus->ranges[at].start == start) {
		bus->count--;
		memmove(&bus->ranges[at], &bus->ranges[at + 1],
			(bus->count - at) * sizeof(bus->ranges[0]));
	}
	pthread_rwlock_unlock(&bus->lock);
}

static bool find(struct bus *bus, uint64_t addr, struct range *found)
{
	bool hit;
	size_t at;

	pthread_rwlock_rdlock(&bus->lock);
	at = search(bus, addr);
	hit = at < bus->count && bus->ranges[at].start <= addr;
	if (hit)
		*found = bus->ranges[at];
	pthread_rwlock_unlock(&bus->lock);
	return hit;
}

static uint64_t size_mask(unsigned int size)
{
	return size < 8 ? (1ULL << (8 * size)) - 1 : ~0ULL;
}

/* Whether the range can take the access in one piece. */
static bool fits(const struct range *range, uint64_t addr, unsigned int size)
{
	unsigned int widest = range->ops->widest;

	return !(size & (size - 1)) && addr - range->start <= range->length - size &&
	       size <= range->length && (!widest || size <= widest);
}

uint64_t bus__read(struct bus *bus, uint64_t addr, unsigned int size)
{
	struct range range;
	uint64_t value = 0;

	if (find(bus, addr, &range) && fits(&range, addr, size))
		return range.ops->read(range.ctx, addr - range.start, size) & size_mask(size);
	if (size == 1)
		return 0xff;
	for (unsigned int i = 0; i < size; i++)
		value |= bus__read(bus, addr + i, 1) << (8 * i);
	return value;
}

void bus__write(struct bus *bus, uint64_t addr, unsigned int size, uint64_t value)
{
	struct range range;

	if (find(bus, addr, &range) && fits(&range, addr, size)) {
		range.ops->write(range.ctx, addr - range.start, size, value & size_mask(size));
		return;
	}
	if (size == 1)
		return;
	for (unsigned int i = 0; i < size; i++)
		bus__write(bus, addr + i, 1, value >> (8 * i));
}

static int set_eventfd(struct bus *bus, uint64_t addr, unsigned int length, int fd, uint32_t flags)
{
	struct minivmm_ioeventfd event = {
		.addr = addr,
		.len = length,
		.fd = fd,
		.flags = flags,
	};

	if (bus->kind == BUS_PORTS)
		event.flags |= MINIVMM_IOEVENTFD_FLAG_PIO;
	return ioctl(bus->vm->fd, MINIVMM_IOEVENTFD, &event);
}

int bus__add_eventfd(struct bus *bus, uint64_t addr, unsigned int length, int fd)
{
	return set_eventfd(bus, addr, length, fd, 0);
}

void bus__remove_eventfd(struct bus *bus, uint64_t addr, unsigned int length, int fd)
{
	set_eventfd(bus, addr, length, fd, MINIVMM_IOEVENTFD_FLAG_DEASSIGN);
}
