// SPDX-License-Identifier: GPL-2.0-or-later
/* The bus: who gets which access, in which pieces. */
#include "support/ktap.h"

#include <errno.h>
#include <string.h>

#include "bus.h"

struct chip {
	uint64_t offset;	/* of the last access */
	unsigned int size;
	uint64_t written;
	uint64_t value;		/* what reads give */
	unsigned int accesses;
};

static uint64_t chip_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct chip *c = ctx;

	c->offset = offset;
	c->size = size;
	c->accesses++;
	return c->value >> (8 * offset);
}

static void chip_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct chip *c = ctx;

	c->offset = offset;
	c->size = size;
	c->written = value;
	c->accesses++;
}

static const struct bus_ops ops = { .read = chip_read, .write = chip_write };

static struct bus *new_bus(void)
{
	struct error err = { 0 };
	struct bus *bus = NULL;

	bus__create(&bus, NULL, BUS_PORTS, &err);
	return bus;
}

TEST(access_reaches_its_range_with_relative_offset)
{
	struct chip a = { .value = 0x1122334455667788 }, b = { 0 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0x100, 8, &ops, &a));
	CHECK(!bus__add(bus, 0x108, 8, &ops, &b));
	CHECK(bus__read(bus, 0x104, 4) == 0x11223344);
	CHECK(a.offset == 4 && a.size == 4);
	bus__write(bus, 0x10f, 1, 0x1ab);
	CHECK(b.offset == 7 && b.size == 1 && b.written == 0xab);
	bus__destroy(bus);
}

TEST(unclaimed_reads_are_ones_and_writes_vanish)
{
	struct bus *bus = new_bus();

	CHECK(bus__read(bus, 0x80, 1) == 0xff);
	CHECK(bus__read(bus, 0x80, 4) == 0xffffffff);
	CHECK(bus__read(bus, 0x80, 8) == ~0ULL);
	bus__write(bus, 0x80, 4, 1);
	bus__destroy(bus);
}

TEST(access_across_the_end_is_split)
{
	struct chip a = { .value = 0x11 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0x10, 1, &ops, &a));
	CHECK(bus__read(bus, 0x10, 2) == 0xff11);
	CHECK(a.size == 1);
	bus__write(bus, 0xf, 4, 0xaabbccdd);
	CHECK(a.written == 0xcc && a.accesses == 2);
	bus__destroy(bus);
}

TEST(access_that_starts_inside_and_ends_outside_is_split)
{
	struct chip a = { .value = 0x44332211 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0x10, 4, &ops, &a));
	CHECK(bus__read(bus, 0x12, 4) == 0xffff4433);
	CHECK(a.size == 1 && a.accesses == 2);
	bus__destroy(bus);
}

TEST(odd_sizes_are_split_into_bytes)
{
	struct chip a = { .value = 0x332211 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0, 8, &ops, &a));
	CHECK(bus__read(bus, 0, 3) == 0x332211);
	CHECK(a.accesses == 3 && a.size == 1);
	bus__destroy(bus);
}

TEST(wider_accesses_than_the_device_takes_are_split)
{
	static const struct bus_ops bytes = {
		.read = chip_read, .write = chip_write, .widest = 1,
	};
	struct chip a = { .value = 0x44332211 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0x100, 4, &bytes, &a));
	CHECK(bus__read(bus, 0x100, 4) == 0x44332211 && a.accesses == 4 && a.size == 1);
	bus__write(bus, 0x101, 2, 0xbbaa);
	CHECK(a.accesses == 6 && a.offset == 2 && a.written == 0xbb);
	bus__destroy(bus);
}

TEST(overlaps_are_refused)
{
	struct chip a = { 0 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0x100, 0x10, &ops, &a));
	CHECK(bus__add(bus, 0x10f, 1, &ops, &a) < 0 && errno == EEXIST);
	CHECK(bus__add(bus, 0xff, 2, &ops, &a) < 0 && errno == EEXIST);
	CHECK(bus__add(bus, 0, 0x1000, &ops, &a) < 0 && errno == EEXIST);
	CHECK(!bus__add(bus, 0xf0, 0x10, &ops, &a));
	CHECK(!bus__add(bus, 0x110, 0x10, &ops, &a));
	bus__destroy(bus);
}

TEST(empty_and_wrapping_ranges_are_refused)
{
	struct chip a = { 0 };
	struct bus *bus = new_bus();

	CHECK(bus__add(bus, 0x100, 0, &ops, &a) < 0 && errno == EINVAL);
	CHECK(bus__add(bus, ~0ULL, 2, &ops, &a) < 0 && errno == EINVAL);
	CHECK(!bus__add(bus, ~0ULL, 1, &ops, &a));
	CHECK(bus__read(bus, ~0ULL, 1) == 0);
	bus__destroy(bus);
}

TEST(removed_range_answers_no_more)
{
	struct chip a = { 0 };
	struct bus *bus = new_bus();

	CHECK(!bus__add(bus, 0x100, 8, &ops, &a));
	bus__remove(bus, 0x101);
	CHECK(bus__read(bus, 0x100, 1) == 0);
	bus__remove(bus, 0x100);
	CHECK(bus__read(bus, 0x100, 1) == 0xff);
	CHECK(!bus__add(bus, 0x104, 8, &ops, &a));
	bus__destroy(bus);
}

TEST(many_ranges_are_all_found)
{
	struct chip chips[200] = { 0 };
	struct bus *bus = new_bus();

	for (unsigned int i = 0; i < 200; i++)
		CHECK(!bus__add(bus, (i * 77 % 200) * 16, 8, &ops, &chips[i]));
	for (unsigned int i = 0; i < 200; i++) {
		bus__write(bus, (i * 77 % 200) * 16 + 3, 1, i);
		CHECK(chips[i].written == i && chips[i].accesses == 1);
	}
	bus__destroy(bus);
}

KTAP_MAIN()
