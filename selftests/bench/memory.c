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

/* Writes to @pages of the area, from @first on, each @step behind the last; again and again. */
#define TOUCH(name, pages, first, step)						\
	GUEST64(name, "1: mov $" first ", %edx; mov $" STRING(pages) ", %esi\n"	\
		"2: movb $1, (%rdx); " step "; dec %esi; jnz 2b; out %al, $0x10; jmp 1b")
TOUCH(touch_small, PAGES, "0x40000000", "add $0x1000, %edx");
TOUCH(touch_large, LARGE_PAGES, "0x40000000", "add $0x200000, %edx");
TOUCH(touch_sparse, PAGES, "0x40000000", "add $0x10000, %edx");
TOUCH(touch_down, PAGES, "0x403ff000", "sub $0x1000, %edx");
/* Page 5n + 3 behind page n, modulo PAGES: each once, and none behind its neighbour. */
TOUCH(touch_random, PAGES, "0x40000000",
      "imul $5, %edx, %edx; add $0x3000, %edx; and $0x3ff000, %edx; or $0x40000000, %edx");

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

struct row {
	const char *name;
	const __u8 *code, *end;
	int advice;		/* for madvise() */
	__u64 step;		/* from the start of a page to that of the next */
	__u32 flags;		/* of the slot */
	bool populated, shared, large;
	bool taken;		/* the host takes the pages away between rounds, the slot stays */
};

static __u64 row_pages(const struct row *row)
{
	return row->large ? LARGE_PAGES : PAGES;
}

static void set_area(struct guest *g, const struct row *row, void *area)
{
	if (vm_set_slot(&g->vm, 1, row->flags, AREA, row_pages(row) * row->step, area))
		fatal("the area's slot was refused");
}

static void populate(const struct row *row, __u8 *area)
{
	for (__u64 page = 0; page < row_pages(row); page++)
		memset(area + page * row->step, 1, row->large ? LARGE : PAGE);
}

static void measure(const struct row *row)
{
	__u64 pages = row_pages(row), size = pages * row->step;
	int fd = row->shared ? memfd_create("area", 0) : -1;
	struct samples samples = { 0 };
	struct guest g;
	void *area;

	if (row->shared && ftruncate(fd, size))
		fatal("no memory");
	area = map_area(size, fd);
	madvise(area, size, row->advice);
	guest_init(&g, row->code, row->end);
	while (samples.count < ROUNDS) {
		if (row->populated)
			populate(row, area);
		if (!row->taken || !samples.count)
			set_area(&g, row, area);
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

#define SMALL(code)	CODE(code), .advice = MADV_NOHUGEPAGE, .step = PAGE
#define LARGE_ROW	CODE(touch_large), .advice = MADV_HUGEPAGE, .step = LARGE, .large = true

void bench_memory(void)
{
	static const struct row rows[] = {
		{ "touch-4k", SMALL(touch_small), .populated = true },
		{ "touch-4k-sparse", CODE(touch_sparse), .advice = MADV_NOHUGEPAGE,
		  .step = 16 * PAGE, .populated = true },
		{ "touch-4k-down", SMALL(touch_down), .populated = true },
		{ "touch-4k-random", SMALL(touch_random), .populated = true },
		{ "touch-4k-logged", SMALL(touch_small), .populated = true,
		  .flags = MINIVMM_MEM_LOG_DIRTY_PAGES },
		{ "touch-4k-fresh", SMALL(touch_small) },
		{ "touch-4k-memfd", SMALL(touch_small), .populated = true, .shared = true },
		{ "touch-4k-again", SMALL(touch_small), .taken = true },
		{ "touch-2m", LARGE_ROW, .populated = true },
		{ "touch-2m-fresh", LARGE_ROW },
	};

	for (unsigned int i = 0; i < ARRAY_LEN(rows); i++)
		measure(&rows[i]);
}
