// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest memory: translation bounds, slots, the shadow area. */
#include "support/ktap.h"

#include <string.h>
#include <sys/resource.h>

#include "memory.h"
#include "support/fake_kernel.h"

#define MIB	(1ULL << 20)

static struct error err;
static uint8_t firmware[256 * 1024];

static struct memory *new_memory(uint64_t size)
{
	struct memory *mem = NULL;

	fake_kernel__reset();
	memset(&err, 0, sizeof(err));
	memory__create(&mem, &fake_vm, size, &err);
	return mem;
}

TEST(translation_stops_at_the_end_of_ram)
{
	struct memory *mem = new_memory(32 * MIB);

	CHECK(mem);
	CHECK(memory__ptr(mem, 0, 32 * MIB));
	CHECK(!memory__ptr(mem, 0, 32 * MIB + 1));
	CHECK(memory__ptr(mem, 32 * MIB - 1, 1));
	CHECK(!memory__ptr(mem, 32 * MIB - 1, 2));
	CHECK(!memory__ptr(mem, 32 * MIB, 1));
	CHECK(!memory__ptr(mem, 0, 0));
	CHECK(!memory__ptr(mem, ~0ULL, 1) && !memory__ptr(mem, 1, ~0ULL));
	CHECK(!memory__ptr(mem, MEMORY_HOLE_END, 1));
	memory__destroy(mem);
}

TEST(ram_above_4g_continues_where_the_hole_began)
{
	struct memory *mem = new_memory(MEMORY_HOLE_START + 16 * MIB);
	uint8_t *last, *first;

	CHECK(mem);
	CHECK(memory__below_4g(mem) == MEMORY_HOLE_START && memory__above_4g(mem) == 16 * MIB);
	last = memory__ptr(mem, MEMORY_HOLE_START - 1, 1);
	first = memory__ptr(mem, MEMORY_HOLE_END, 16 * MIB);
	CHECK(last && first == last + 1);
	CHECK(!memory__ptr(mem, MEMORY_HOLE_START - 1, 2));
	CHECK(!memory__ptr(mem, MEMORY_HOLE_START, 1) && !memory__ptr(mem, MEMORY_HOLE_END - 1, 2));
	CHECK(!memory__ptr(mem, MEMORY_HOLE_END, 16 * MIB + 1));
	memory__destroy(mem);
}

TEST(copies_are_all_or_nothing)
{
	struct memory *mem = new_memory(16 * MIB);
	char text[8] = "abcdefg";

	CHECK(mem);
	CHECK(memory__write(mem, 16 * MIB - 4, text, 8) < 0);
	CHECK(!memory__read(mem, 16 * MIB - 4, text, 4) && !text[0]);
	CHECK(!memory__write(mem, 0x1000, "xyz", 4));
	CHECK(!memory__read(mem, 0x1000, text, 4) && !strcmp(text, "xyz"));
	memory__destroy(mem);
}

TEST(vga_window_is_no_slot)
{
	struct memory *mem = new_memory(64 * MIB);

	CHECK(mem);
	CHECK(fake_kernel__slot(MEMORY_VGA_START - 1));
	CHECK(!fake_kernel__slot(MEMORY_VGA_START));
	CHECK(!fake_kernel__slot(MEMORY_SHADOW_START));
	CHECK(fake_kernel__slot(MIB) && fake_kernel__slot(64 * MIB - 1));
	CHECK(!fake_kernel__slot(64 * MIB));
	memory__destroy(mem);
}

TEST(firmware_is_read_only_at_the_top_and_below_1_mib)
{
	struct memory *mem = new_memory(64 * MIB);
	const struct minivmm_userspace_memory_region *top, *low;

	CHECK(mem);
	CHECK(!memory__set_firmware(mem, firmware, sizeof(firmware), &err));
	top = fake_kernel__slot(0xfffffff0);
	low = fake_kernel__slot(0xffff0);
	CHECK(top && top->flags & MINIVMM_MEM_READONLY);
	CHECK(low && low->flags & MINIVMM_MEM_READONLY);
	/* The same byte: the last 16. */
	CHECK(top->userspace_addr + (0xfffffff0 - top->guest_phys_addr) ==
	      low->userspace_addr + (0xffff0 - low->guest_phys_addr));
	CHECK(!fake_kernel__slot(0xc0000));
	memory__destroy(mem);
}

TEST(bad_firmware_sizes_are_refused)
{
	static const size_t bad[] = { 0, 4096, 128 * 1024 + 1, 2 * MIB };

	for (unsigned int i = 0; i < 4; i++) {
		struct memory *mem = new_memory(64 * MIB);

		CHECK(mem);
		CHECK(memory__set_firmware(mem, firmware, bad[i], &err) < 0);
		CHECK(err.status == STATUS_USAGE);
		memory__destroy(mem);
	}
}

TEST(shadow_switches_between_rom_and_ram)
{
	struct memory *mem = new_memory(64 * MIB);
	const struct minivmm_userspace_memory_region *slot;
	uint64_t rom;

	CHECK(mem);
	CHECK(!memory__set_firmware(mem, firmware, sizeof(firmware), &err));
	rom = fake_kernel__slot(0xf0000)->userspace_addr;

	CHECK(!memory__shadow(mem, 0xf0000, 0x100000, true, true, &err));
	slot = fake_kernel__slot(0xf0000);
	CHECK(slot && !slot->flags);
	CHECK((void *)(uintptr_t)slot->userspace_addr == memory__ptr(mem, 0xf0000, 1));

	CHECK(!memory__shadow(mem, 0xf0000, 0x100000, true, false, &err));
	CHECK(fake_kernel__slot(0xfc000)->flags == MINIVMM_MEM_READONLY);

	CHECK(!memory__shadow(mem, 0xf0000, 0x100000, false, false, &err));
	CHECK(fake_kernel__slot(0xf0000)->userspace_addr == rom);

	CHECK(!memory__shadow(mem, 0xc0000, 0xc4000, true, true, &err));
	CHECK(fake_kernel__slot(0xc0000) && !fake_kernel__slot(0xc4000));
	CHECK(!memory__shadow(mem, 0xc0000, 0xc4000, false, false, &err));
	CHECK(!fake_kernel__slot(0xc0000));
	memory__destroy(mem);
}

TEST(refused_slot_is_an_error)
{
	struct memory *mem = NULL;

	fake_kernel__reset();
	memset(&err, 0, sizeof(err));
	fake_kernel.refuse = (unsigned int)MINIVMM_SET_USER_MEMORY_REGION;
	CHECK(memory__create(&mem, &fake_vm, 16 * MIB, &err) < 0);
	CHECK(err.status == STATUS_HOST && strstr(err.text, "memory"));
}

TEST(memory_that_cannot_be_mapped_is_told_in_the_unit_that_is_read_easily)
{
	struct rlimit before, low;
	struct memory *mem;

	CHECK(!getrlimit(RLIMIT_AS, &before));
	low = before;
	low.rlim_cur = 1ULL << 30;
	CHECK(!setrlimit(RLIMIT_AS, &low));
	mem = new_memory(1536 * MIB);
	setrlimit(RLIMIT_AS, &before);
	CHECK(!mem && err.status == STATUS_HOST);
	CHECK(strstr(err.text, "cannot map 1.5 GiB of guest memory; give less with -m"));
}

KTAP_MAIN()
