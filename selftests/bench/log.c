// SPDX-License-Identifier: GPL-2.0
/* Rows of the dirty log and of memory slots. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define AREA		0x40000000UL		/* guest physical */
#define SIZE		(64 * MIB)
#define PAGES		(SIZE / PAGE)
#define DIRTY		1024			/* pages that the guest writes in a round */
#define PER_GIB		(1024 * MIB / SIZE)
#define ROUNDS		5

GUEST64(touch_all, "1: mov $0x40000000, %rdx; mov $16384, %esi\n"
	"2: movb $1, (%rdx); add $0x1000, %rdx; dec %esi; jnz 2b; out %al, $0x10\n"
	"3: mov $0x40000000, %rdx; mov $" STRING(DIRTY) ", %esi\n"
	"4: movb $1, (%rdx); add $0x4000, %rdx; dec %esi; jnz 4b; out %al, $0x10; jmp 3b");

static __u64 bitmap[PAGES / 64];

static __u64 slot_cost(struct vm *vm, __u32 slot, __u32 flags, __u64 gpa, __u64 size, void *memory)
{
	__u64 start = bench_executed();

	if (vm_set_slot(vm, slot, flags, gpa, size, memory))
		fatal("SET_USER_MEMORY_REGION refused");
	return bench_executed() - start;
}

static __u64 collect_cost(struct vm *vm)
{
	struct minivmm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	__u64 start = bench_executed();

	if (call(vm->fd, MINIVMM_GET_DIRTY_LOG, &log))
		fatal("GET_DIRTY_LOG refused");
	return bench_executed() - start;
}

static __u64 clear_cost(struct vm *vm)
{
	struct minivmm_clear_dirty_log log = { .slot = 1, .num_pages = PAGES, .dirty_bitmap = bitmap };
	__u64 start = bench_executed();

	if (call(vm->fd, MINIVMM_CLEAR_DIRTY_LOG, &log))
		fatal("CLEAR_DIRTY_LOG refused");
	return bench_executed() - start;
}

static void must_be_dirty(void)
{
	__u64 dirty = 0;

	for (unsigned int i = 0; i < ARRAY_LEN(bitmap); i++)
		dirty += __builtin_popcountll(bitmap[i]);
	if (dirty != DIRTY)
		fatal("%llu pages are dirty instead of %u", dirty, DIRTY);
}

static void *populated(void)
{
	void *area = map_anonymous(SIZE);

	madvise(area, SIZE, MADV_NOHUGEPAGE);
	memset(area, 1, SIZE);
	return area;
}

/* A guest that wrote to all of the area before it was logged. */
static void *logged_guest(struct guest *g, __u64 manual)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { manual },
	};
	void *area = populated();

	guest_init(g, CODE(touch_all));
	if (call(g->vm.fd, MINIVMM_ENABLE_CAP, &cap))
		fatal("ENABLE_CAP refused");
	slot_cost(&g->vm, 1, 0, AREA, SIZE, area);
	bench_run(&g->vcpu, MINIVMM_EXIT_IO);
	bench_row(manual ? "log-enable-manual-gib" : "log-enable-gib",
		  slot_cost(&g->vm, 1, MINIVMM_MEM_LOG_DIRTY_PAGES, AREA, SIZE, area) * PER_GIB, 1);
	return area;
}

static void logged_free(struct guest *g, void *area)
{
	guest_free(g);
	munmap(area, SIZE);
}

/* As QEMU without manual protection: what is collected is protected again. */
static void measure_collect(void)
{
	struct samples write = { 0 }, collect = { 0 }, idle = { 0 }, page = { 0 };
	struct guest g;
	void *area = logged_guest(&g, 0);

	collect_cost(&g.vm);
	while (page.count < ROUNDS) {
		bench_sample(&idle, collect_cost(&g.vm));
		bench_sample(&write, bench_cost(&g.vcpu, MINIVMM_EXIT_IO));
		bench_sample(&collect, collect_cost(&g.vm));
		must_be_dirty();
		bench_sample(&page, write.value[page.count] + collect.value[page.count]);
	}
	bench_row("log-collect-clean-gib", bench_median(&idle) * PER_GIB, 1);
	bench_median_row("log-write", &write, DIRTY);
	bench_median_row("log-collect", &collect, DIRTY);
	bench_median_row("log-page", &page, DIRTY);
	logged_free(&g, area);
}

/* With manual protection: collected, then cleared. */
static void measure_clear(void)
{
	struct samples collect = { 0 }, idle = { 0 }, clear = { 0 }, page = { 0 };
	struct guest g;
	void *area = logged_guest(&g, 1);

	collect_cost(&g.vm);
	clear_cost(&g.vm);
	while (page.count < ROUNDS) {
		__u64 write;

		memset(bitmap, 0, sizeof(bitmap));
		bench_sample(&idle, clear_cost(&g.vm));
		write = bench_cost(&g.vcpu, MINIVMM_EXIT_IO);
		bench_sample(&collect, collect_cost(&g.vm));
		must_be_dirty();
		bench_sample(&clear, clear_cost(&g.vm));
		bench_sample(&page, write + collect.value[page.count] + clear.value[page.count]);
	}
	bench_row("log-collect-manual-gib", bench_median(&collect) * PER_GIB, 1);
	bench_row("log-clear-clean-gib", bench_median(&idle) * PER_GIB, 1);
	bench_median_row("log-clear", &clear, DIRTY);
	bench_median_row("log-page-manual", &page, DIRTY);
	logged_free(&g, area);
}

/* A slot beside one that a guest uses. */
static void measure_slots(void)
{
	struct samples add = { 0 }, move = { 0 }, delete = { 0 };
	void *area = map_anonymous(SIZE);
	struct guest g;

	guest_init(&g, CODE(touch_all));
	while (add.count < ROUNDS) {
		bench_sample(&add, slot_cost(&g.vm, 2, 0, AREA, SIZE, area));
		bench_sample(&move, slot_cost(&g.vm, 2, 0, 2 * AREA, SIZE, area));
		bench_sample(&delete, slot_cost(&g.vm, 2, 0, 0, 0, NULL));
	}
	bench_median_row("slot-add", &add, 1);
	bench_median_row("slot-move", &move, 1);
	bench_median_row("slot-delete", &delete, 1);
	logged_free(&g, area);
}

/* A slot goes and comes beside @slots others, each of a page of its own. */
static void measure_crowd(struct vm *vm, const char *name, __u32 slots, void *page)
{
	static __u32 made = 1;
	struct samples samples = { 0 };

	for (; made <= slots; made++)
		slot_cost(vm, made, 0, AREA + made * PAGE, PAGE, page);
	while (samples.count < ROUNDS) {
		__u32 slot = slots / 2;

		bench_sample(&samples, slot_cost(vm, slot, 0, 0, 0, NULL) +
				       slot_cost(vm, slot, 0, AREA + slot * PAGE, PAGE, page));
	}
	bench_median_row(name, &samples, 1);
}

static void measure_crowds(void)
{
	void *page = map_anonymous(PAGE);
	struct guest g;

	guest_init(&g, CODE(touch_all));
	measure_crowd(&g.vm, "slot-replace-100", 100, page);
	measure_crowd(&g.vm, "slot-replace-2000", 2000, page);
	measure_crowd(&g.vm, "slot-replace-8000", 8000, page);
	measure_crowd(&g.vm, "slot-replace-32000", 32000, page);
	guest_free(&g);
	munmap(page, PAGE);
}

void bench_log(void)
{
	bench_idle();
	measure_collect();
	measure_clear();
	measure_slots();
	measure_crowds();
}
