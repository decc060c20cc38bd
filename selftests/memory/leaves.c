// SPDX-License-Identifier: GPL-2.0
/*
 * Large pages of the process are large in the second-level tables too: by the counters
 * of the faults that filling them takes, and of pages (GET_STATS_FD).
 */
#include <errno.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#define SIZE	(8 * MIB)
#define PAGES	(SIZE / PAGE)
#define GIB	(1UL << 30)

/* Second-level faults so far. */
static long faults_so_far(struct guests *g)
{
	if (!device_is_minivmm(g->vm.device))
		return object_counter(g->vcpu[0].fd, "pf_taken");
	return object_counter(g->vm.fd, "page_faults") + object_counter(g->vm.fd, "page_fault_retries");
}

FIXTURE(area) {
	struct guests g;
	__u8 *memory;
};

FIXTURE_SETUP(area)
{
	guests_init(&self->g, 1);
}

FIXTURE_TEARDOWN(area)
{
	guests_free(&self->g);
}

/* Faults that one pass of the guest over @pages of the area in @mode takes. */
static long faults_of(struct guests *g, enum mode mode, __u64 pages)
{
	long before = faults_so_far(g), faults;

	memset((void *)g->control, 0, sizeof(*g->control));
	guests_start(g, mode, pages);
	if (guests_stop(g))
		fatal("the guest saw errors");
	faults = faults_so_far(g) - before;
	fprintf(stderr, "# %ld faults\n", faults);
	return faults;
}

static long faults_of_touch(struct guests *g, __u64 pages)
{
	return faults_of(g, TOUCH, pages);
}

/* Slot 0, code, stack and page tables take some faults of their own. */
#define OTHER_FAULTS	64

static void *map_huge(size_t size)
{
	__u8 *memory = map_anonymous(size + 2 * MIB);

	memory = (void *)(((unsigned long)memory + 2 * MIB - 1) & -(2 * MIB));
	return madvise(memory, size, MADV_HUGEPAGE) ? NULL : memory;
}

TEST_F(area, small_pages_take_a_fault_each)
{
	long faults;

	self->memory = map_anonymous(SIZE);
	madvise(self->memory, SIZE, MADV_NOHUGEPAGE);
	guests_set_area(&self->g, 0, self->memory, SIZE);
	faults = faults_of_touch(&self->g, PAGES);
	EXPECT_LE(PAGES, faults);
}

TEST_F(area, transparent_huge_pages_take_a_fault_per_2_mib)
{
	long faults;

	self->memory = map_huge(SIZE);
	if (!self->memory)
		SKIP(return, "no transparent huge pages");
	guests_set_area(&self->g, 0, self->memory, SIZE);
	faults = faults_of_touch(&self->g, PAGES);
	EXPECT_GE(SIZE / (2 * MIB) + OTHER_FAULTS, faults);
}

#define RANDOM_SIZE	(64 * MIB)
#define RANDOM_PAGES	(RANDOM_SIZE / PAGE)

/* The guest writes every page of the VMM's populated @memory once, in random order. */
static long faults_of_random_touch(struct guests *g, __u8 *memory)
{
	__u64 touched = 0;
	long faults;

	memset(memory, 0, RANDOM_SIZE);
	guests_set_area(g, 0, memory, RANDOM_SIZE);
	faults = faults_of(g, TOUCH_RANDOM, RANDOM_PAGES);
	for (__u64 page = 0; page < RANDOM_PAGES; page++)
		touched += memory[page * PAGE] == 1;
	if (touched != RANDOM_PAGES)
		fatal("%llu pages of %lu were written", touched, RANDOM_PAGES);
	return faults;
}

TEST_F(area, huge_pages_of_64_mib_touched_at_random_take_64_faults)
{
	int vm = self->g.vm.fd;
	long small, large, faults;

	self->memory = map_huge(RANDOM_SIZE);
	if (!self->memory)
		SKIP(return, "no transparent huge pages");
	small = object_counter(vm, "pages_4k");
	large = object_counter(vm, "pages_2m");
	faults = faults_of_random_touch(&self->g, self->memory);
	EXPECT_GE(64, faults);
	EXPECT_LE(RANDOM_SIZE / (2 * MIB), object_counter(vm, "pages_2m") - large);
	EXPECT_GE(64 - RANDOM_SIZE / (2 * MIB), object_counter(vm, "pages_4k") - small);
}

/* Each is all that its fault brings in, but where chance makes one follow another. */
TEST_F(area, small_pages_of_64_mib_touched_at_random_take_a_fault_each)
{
	long faults;

	self->memory = map_huge(RANDOM_SIZE);
	if (!self->memory)
		SKIP(return, "no transparent huge pages");
	madvise(self->memory, RANDOM_SIZE, MADV_NOHUGEPAGE);
	faults = faults_of_random_touch(&self->g, self->memory);
	EXPECT_LE(RANDOM_PAGES - RANDOM_PAGES / 16, faults);
}

/* Of a guest that goes upwards, a fault brings in 16 (kmod/mmu/fault.c). */
TEST_F(area, small_pages_touched_upwards_take_a_fault_per_16)
{
	if (!device_is_minivmm(self->g.vm.device))
		SKIP(return, "KVM enters one page");
	self->memory = map_anonymous(SIZE);
	madvise(self->memory, SIZE, MADV_NOHUGEPAGE);
	memset(self->memory, 0, SIZE);
	guests_set_area(&self->g, 0, self->memory, SIZE);
	EXPECT_GE(PAGES / 16 + OTHER_FAULTS, faults_of_touch(&self->g, PAGES));
}

TEST_F(area, hugetlb_pages_take_a_fault_per_2_mib)
{
	long faults;

	write_file("/proc/sys/vm/nr_hugepages", "8");
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (self->memory == MAP_FAILED)
		SKIP(return, "no hugetlb pages");
	guests_set_area(&self->g, 0, self->memory, SIZE);
	faults = faults_of_touch(&self->g, PAGES);
	munmap(self->memory, SIZE);
	write_file("/proc/sys/vm/nr_hugepages", "0");
	EXPECT_GE(SIZE / (2 * MIB) + OTHER_FAULTS, faults);
}

/* Taken at the host's start: hugepagesz=1G hugepages=1. */
TEST_F(area, pages_of_1_gib_take_one_fault)
{
	__u8 *memory = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			    MAP_HUGETLB | MAP_HUGE_1GB, -1, 0);
	long faults;

	if (memory == MAP_FAILED)
		SKIP(return, "no pages of 1 GiB");
	guests_set_area(&self->g, 0, memory, GIB);
	faults = faults_of_touch(&self->g, GIB / 2 / PAGE);
	EXPECT_GE(OTHER_FAULTS, faults);	/* by 2 MiB there would be 256 */
	EXPECT_EQ(1, memory[GIB / 2 - PAGE]);
	EXPECT_EQ(0, memory[GIB / 2]);
}

TEST_F(area, memory_at_odd_distance_from_its_guest_address_is_mapped_small)
{
	long faults;

	self->memory = map_huge(SIZE + 2 * MIB);
	if (!self->memory)
		SKIP(return, "no transparent huge pages");
	guests_set_area(&self->g, 0, self->memory + PAGE, SIZE);
	faults = faults_of_touch(&self->g, PAGES);
	EXPECT_LE(PAGES, faults);
}

TEST_F(area, large_leaves_come_back_when_logging_stops)
{
	long faults;

	self->memory = map_huge(SIZE);
	if (!self->memory)
		SKIP(return, "no transparent huge pages");
	guests_set_area(&self->g, MINIVMM_MEM_LOG_DIRTY_PAGES, self->memory, SIZE);
	faults = faults_of_touch(&self->g, PAGES);
	EXPECT_LE(PAGES, faults);
	guests_set_area(&self->g, 0, self->memory, SIZE);
	memset(self->memory, 0, SIZE);
	EXPECT_GE(SIZE / (2 * MIB) + OTHER_FAULTS, faults_of_touch(&self->g, PAGES));
}

TEST_F(area, page_touched_twice_takes_one_fault)
{
	self->memory = map_anonymous(SIZE);
	madvise(self->memory, SIZE, MADV_NOHUGEPAGE);
	guests_set_area(&self->g, 0, self->memory, SIZE);
	EXPECT_LE(PAGES / 16, faults_of_touch(&self->g, PAGES));
	memset(self->memory, 0, SIZE);
	EXPECT_GE(OTHER_FAULTS, faults_of_touch(&self->g, PAGES));
}

TEST_HARNESS_MAIN
