// SPDX-License-Identifier: GPL-2.0
/* Rows of a guest's first access to pages: of kinds of memory, and after the host took them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define AREA		0x40000000UL		/* guest physical */
#define LARGE		(2 * MIB)
#define PAGES		1024			/* of a row of 4 KiB pages */
#define LARGE_PAGES	16
#define ROUNDS		5

/* Writes to every 4 KiB or 2 MiB page of the area, again and again. */
#define TOUCH(name, pages, size)						\
	GUEST64(name, "1: mov $0x40000000, %rdx; mov $" STRING(pages) ", %esi\n"	\
		"2: movb $1, (%rdx); add $" STRING(size) ", %rdx; dec %esi; jnz 2b\n"	\
		"out %al, $0x10; jmp 1b")
TOUCH(touch_small, PAGES, 0x1000);
TOUCH(touch_large, LARGE_PAGES, 0x200000);

/* Memory of @size bytes, aligned to a large page, of @fd or (-1) anonymous. */
static void *map_area(size_t size, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	__u8 *room = mmap(NULL, size + LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *area = room + -(unsigned long)room % LARGE;

	if (room == MAP_FAILED ||
	    mmap(area, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) != area)
		fatal("no memory");
	return area;
}

static void set_area(struct guest *g, void *area, size_t size)
{
	if (vm_set_slot(&g->vm, 1, 0, AREA, size, area))
		fatal("the area's slot was refused");
}

struct row {
	const char *name;
	int advice;		/* for madvise() */
	bool populated, shared, large;
	bool taken;		/* the host takes the pages away between rounds, the slot stays */
};

static void measure(const struct row *row)
{
	__u64 pages = row->large ? LARGE_PAGES : PAGES, size = pages * (row->large ? LARGE : PAGE);
	int fd = row->shared ? memfd_create("area", 0) : -1;
	struct samples samples = { 0 };
	struct guest g;
	void *area;

	if (row->shared && ftruncate(fd, size))
		fatal("no memory");
	area = map_area(size, fd);
	madvise(area, size, row->advice);
	if (row->large)
		guest_init(&g, CODE(touch_large));
	else
		guest_init(&g, CODE(touch_small));
	while (samples.count < ROUNDS) {
		if (row->populated)
			memset(area, 1, size);
		if (!row->taken || !samples.count)
			set_area(&g, area, size);
		if (row->taken && !samples.count)
			bench_run(&g.vcpu, MINIVMM_EXIT_IO);
		if (!row->populated)
			madvise(area, size, MADV_DONTNEED);
		bench_sample(&samples, bench_cost(&g.vcpu, MINIVMM_EXIT_IO));
		if (!row->taken && vm_set_slot(&g.vm, 1, 0, AREA, 0, NULL))
			fatal("the area's slot stays");
	}
	bench_median_row(row->name, &samples, pages);
	guest_free(&g);
	munmap(area, size);
	close(fd);
}

void bench_memory(void)
{
	static const struct row rows[] = {
		{ "touch-4k", .advice = MADV_NOHUGEPAGE, .populated = true },
		{ "touch-4k-fresh", .advice = MADV_NOHUGEPAGE },
		{ "touch-4k-memfd", .advice = MADV_NOHUGEPAGE, .populated = true, .shared = true },
		{ "touch-4k-again", .advice = MADV_NOHUGEPAGE, .taken = true },
		{ "touch-2m", .advice = MADV_HUGEPAGE, .populated = true, .large = true },
		{ "touch-2m-fresh", .advice = MADV_HUGEPAGE, .large = true },
	};

	for (unsigned int i = 0; i < ARRAY_LEN(rows); i++)
		measure(&rows[i]);
}
