// SPDX-License-Identifier: GPL-2.0
/*
 * Four vCPUs fault on the same pages at once, and memory changes beside them: no write
 * is lost, none reaches a page that was taken away, and the counters come out even.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#define PAGES	128UL		/* of a part of the area; its parts share tables */
#define SIZE	(PAGES * PAGE)

FIXTURE(parallel) {
	struct guests g;
	int file;		/* behind the first part, slot 1 */
	__u8 *memory, *copy;
	u64 bitmap[PAGES / 64];
};

static int new_file(void)
{
	int fd = memfd_create("part", 0);

	if (fd < 0 || ftruncate(fd, SIZE))
		fatal("no file in memory");
	return fd;
}

/* The file at @place, or anywhere if that is NULL. */
static __u8 *map_file(int fd, void *place)
{
	void *memory = mmap(place, SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | (place ? MAP_FIXED : 0), fd, 0);

	if (memory == MAP_FAILED)
		fatal("no memory");
	return memory;
}

FIXTURE_SETUP(parallel)
{
	guests_init(&self->g, MAX_VCPUS);
	self->file = new_file();
	self->memory = map_file(self->file, NULL);
	self->copy = map_anonymous(SIZE);
}

FIXTURE_TEARDOWN(parallel)
{
	guests_free(&self->g);
}

static long set_part(struct guests *g, int slot, void *memory, size_t size)
{
	return vm_set_slot(&g->vm, slot, 0, AREA + (slot - 1) * SIZE, size, memory);
}

/* What goes on beside the vCPUs, each in a thread of its own. */
struct beside {
	struct guests *g;
	int file;
	__u8 *memory;
	unsigned long errors, times;
	pthread_t thread;
};

/* Two seconds are few rounds on a busy machine. */
static bool more(struct guests *g, unsigned long rounds)
{
	return guests_more(g) || rounds < 20;
}

static void note(struct beside *b, bool error)
{
	b->errors += error;
	b->times++;
}

static bool stands_still(const __u8 *memory)
{
	static __thread __u8 before[SIZE];

	memcpy(before, memory, SIZE);
	usleep(1000);
	return !memcmp(before, memory, SIZE);
}

/* Slot 1: pages are taken away, not what they hold; or they may not be written for a while. */
static void *take_pages(void *arg)
{
	struct beside *b = arg;

	while (more(b->g, b->times)) {
		size_t start = b->times * 7 % PAGES * PAGE, size = SIZE - start;

		if (b->times % 4)
			note(b, madvise(b->memory + start, size, MADV_DONTNEED));
		else
			note(b, mprotect(b->memory + start, size, PROT_READ) ||
				mprotect(b->memory + start, size, PROT_READ | PROT_WRITE));
		usleep(500);
	}
	return NULL;
}

/* Slot 2 comes and goes: once it is gone nobody writes to its memory. */
static void *change_slot(void *arg)
{
	struct beside *b = arg;

	while (more(b->g, b->times)) {
		bool refused = set_part(b->g, 2, b->memory, SIZE);

		usleep(2000);
		refused |= !!set_part(b->g, 2, NULL, 0);
		note(b, refused || !stands_still(b->memory));
	}
	return NULL;
}

/* Slot 3: one file takes another's place, to which nobody writes any more. */
static void *change_file(void *arg)
{
	struct beside *b = arg;
	int next = new_file();

	while (more(b->g, b->times)) {
		__u8 *old = map_file(b->file, NULL);
		int file = b->file;

		map_file(next, b->memory);
		b->file = next;
		next = file;
		note(b, !stands_still(old));
		munmap(old, SIZE);
		usleep(2000);
	}
	return NULL;
}

#define BESIDE	3

static void begin(struct guests *g, struct beside *beside, int file, __u8 *memory)
{
	static void *(*const act[BESIDE])(void *) = { take_pages, change_slot, change_file };

	for (int i = 0; i < BESIDE; i++) {
		beside[i] = (struct beside){ .g = g, .file = i ? new_file() : file };
		beside[i].memory = i ? map_file(beside[i].file, NULL) : memory;
	}
	if (set_part(g, 3, beside[2].memory, SIZE))
		fatal("slot 3 is refused");
	guests_start(g, COUNT, BESIDE * PAGES);
	guests_more(g);
	for (int i = 0; i < BESIDE; i++)
		if (pthread_create(&beside[i].thread, NULL, act[i], &beside[i]))
			fatal("no thread");
}

/* Pages of the first part that do not hold the sum of all passes. */
static u64 wrong_pages(struct guests *g, const __u8 *memory)
{
	u64 sum = 0, wrong = 0;

	for (unsigned int i = 0; i < g->vcpus; i++)
		sum += g->control->vcpu[i].passes;
	for (u64 page = 0; page < PAGES; page++)
		wrong += *(const u64 *)(memory + page * PAGE) != sum;
	return wrong;
}

#define EXPECT_INTACT(self, beside)						\
do {										\
	for (int i = 0; i < BESIDE; i++) {					\
		pthread_join((beside)[i].thread, NULL);				\
		TH_LOG("%d: %lu times", i, (beside)[i].times);			\
		EXPECT_EQ(0, (beside)[i].errors);				\
	}									\
	EXPECT_EQ(0, guests_stop(&(self)->g));					\
	EXPECT_EQ(0, wrong_pages(&(self)->g, (self)->memory));			\
} while (0)

/* Without slots there is nothing but the tables that cover more than a slot. */
#define EXPECT_NOTHING_LEFT(self)						\
do {										\
	for (int slot = 0; slot < 4; slot++)					\
		vm_set_slot(&(self)->g.vm, slot, 0, 0, 0, NULL);		\
	if (device_is_minivmm((self)->g.vm.device)) {				\
		EXPECT_EQ(0, object_counter((self)->g.vm.fd, "pages_4k"));	\
		EXPECT_EQ(0, object_counter((self)->g.vm.fd, "pages_2m"));	\
		EXPECT_LE(1, object_counter((self)->g.vm.fd, "page_tables"));	\
		EXPECT_GE(5, object_counter((self)->g.vm.fd, "page_tables"));	\
	}									\
} while (0)

static void fetch(struct guests *g, u64 *bitmap, bool clear, __u8 *copy, const __u8 *memory)
{
	struct minivmm_dirty_log get = { .slot = 1, .dirty_bitmap = bitmap };
	struct minivmm_clear_dirty_log taken = {
		.slot = 1, .num_pages = PAGES, .dirty_bitmap = bitmap,
	};

	if (call(g->vm.fd, MINIVMM_GET_DIRTY_LOG, &get) ||
	    (clear && call(g->vm.fd, MINIVMM_CLEAR_DIRTY_LOG, &taken)))
		fatal("the log is refused");
	for (u64 page = 0; page < PAGES; page++)
		if (bitmap[page / 64] >> page % 64 & 1)
			memcpy(copy + page * PAGE, memory + page * PAGE, PAGE);
}

/* Slot 1 is logged throughout: a copy that follows the log is complete in the end. */
#define FOLLOW_LOG(self, clear)							\
do {										\
	struct beside beside[BESIDE];						\
										\
	guests_set_area(&(self)->g, MINIVMM_MEM_LOG_DIRTY_PAGES, (self)->memory, SIZE); \
	begin(&(self)->g, beside, (self)->file, (self)->memory);		\
	for (unsigned long i = 0; more(&(self)->g, i); i++) {			\
		fetch(&(self)->g, (self)->bitmap, clear, (self)->copy, (self)->memory); \
		usleep(300);							\
	}									\
	EXPECT_INTACT(self, beside);						\
	fetch(&(self)->g, (self)->bitmap, clear, (self)->copy, (self)->memory);	\
	EXPECT_EQ(0, memcmp((self)->copy, (self)->memory, SIZE));		\
	EXPECT_NOTHING_LEFT(self);						\
} while (0)

TEST_F(parallel, writes_are_counted_and_logged_whatever_happens_beside)
{
	FOLLOW_LOG(self, false);
}

TEST_F(parallel, writes_are_counted_and_logged_when_the_log_is_cleared_by_hand)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE },
	};

	if (call(self->g.vm.fd, MINIVMM_ENABLE_CAP, &cap))
		SKIP(return, "no manual protection");
	FOLLOW_LOG(self, true);
}

TEST_F(parallel, writes_are_counted_while_the_log_goes_on_and_off)
{
	struct beside beside[BESIDE];

	guests_set_area(&self->g, 0, self->memory, SIZE);
	begin(&self->g, beside, self->file, self->memory);
	for (unsigned long i = 0; more(&self->g, i); i++) {
		guests_set_area(&self->g, MINIVMM_MEM_LOG_DIRTY_PAGES, self->memory, SIZE);
		usleep(500);
		guests_set_area(&self->g, 0, self->memory, SIZE);
		usleep(500);
	}
	EXPECT_INTACT(self, beside);
	EXPECT_NOTHING_LEFT(self);
}

#define FRESH	(8 * MIB)

/* Each round begins without a table; some memory is large, some not there yet. */
TEST_F(parallel, fresh_memory_is_shared_from_the_first_touch)
{
	struct guests *g = &self->g;

	for (int round = 0; round < 4 || guests_more(g); round++) {
		__u8 *room = map_anonymous(FRESH + 2 * MIB), *memory = room;
		u64 wrong = 0;

		memory += -(unsigned long)room % (2 * MIB);
		madvise(memory, FRESH, round & 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		memset(memory, 0, FRESH / 2);
		memset((void *)g->control, 0, sizeof(*g->control));
		guests_set_area(g, round & 2 ? MINIVMM_MEM_LOG_DIRTY_PAGES : 0, memory, FRESH);
		g->control->stop = 1;	/* after one pass */
		guests_start(g, COUNT, FRESH / PAGE);
		EXPECT_EQ(0, guests_stop(g));
		for (u64 page = 0; page < FRESH / PAGE; page++)
			wrong += *(u64 *)(memory + page * PAGE) != g->vcpus;
		EXPECT_EQ(0, wrong);
		guests_set_area(g, 0, NULL, 0);
		munmap(room, FRESH + 2 * MIB);
	}
	EXPECT_NOTHING_LEFT(self);
}

TEST_HARNESS_MAIN
