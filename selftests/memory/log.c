// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log under running vCPUs, used as a migration uses it: a copy that
 * follows the log equals the memory in the end, and no page is reported in vain.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#define SIZE	(2 * MIB)
#define PAGES	(SIZE / PAGE)
#define USED	(PAGES - 64)	/* the guest never writes the last 64 pages */

FIXTURE(log) {
	struct guests g;
	__u8 *memory, *copy;
	u64 bitmap[PAGES / 64];
	u64 reported;
};

FIXTURE_SETUP(log)
{
	guests_init(&self->g, 3);
	self->memory = map_anonymous(SIZE + 2 * MIB);
	self->memory = (void *)(((unsigned long)self->memory + 2 * MIB - 1) & -(2 * MIB));
	madvise(self->memory, SIZE, MADV_HUGEPAGE);
	self->copy = map_anonymous(SIZE);
}

FIXTURE_TEARDOWN(log)
{
	guests_free(&self->g);
}

static long get_log(struct guests *g, u64 *bitmap)
{
	struct minivmm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	return call(g->vm.fd, MINIVMM_GET_DIRTY_LOG, &log);
}

static long clear_log(struct guests *g, u64 *bitmap, u64 first, __u32 pages)
{
	struct minivmm_clear_dirty_log log = {
		.slot = 1, .first_page = first, .num_pages = pages, .dirty_bitmap = bitmap,
	};

	return call(g->vm.fd, MINIVMM_CLEAR_DIRTY_LOG, &log);
}

/* Copies what the bitmap names; returns the number of pages. */
static u64 copy_pages(__u8 *copy, const __u8 *memory, const u64 *bitmap, u64 pages)
{
	u64 copied = 0;

	for (u64 page = 0; page < pages; page++) {
		if (!(bitmap[page / 64] >> page % 64 & 1))
			continue;
		memcpy(copy + page * PAGE, memory + page * PAGE, PAGE);
		copied++;
	}
	return copied;
}

#define FETCH(self)								\
do {										\
	EXPECT_EQ(0, get_log(&(self)->g, (self)->bitmap));			\
	(self)->reported += copy_pages((self)->copy, (self)->memory, (self)->bitmap, PAGES); \
	EXPECT_EQ(0, (self)->bitmap[PAGES / 64 - 1]);				\
} while (0)

static void start_logging(struct guests *g, void *memory)
{
	guests_set_area(g, MINIVMM_MEM_LOG_DIRTY_PAGES, memory, SIZE);
}

TEST_F(log, copy_that_follows_the_log_is_complete)
{
	guests_set_area(&self->g, 0, self->memory, SIZE);
	guests_start(&self->g, HAMMER, USED);
	EXPECT_TRUE(guests_wait(&self->g, 2));
	start_logging(&self->g, self->memory);
	memcpy(self->copy, self->memory, SIZE);
	for (int i = 0; guests_more(&self->g); i++) {
		FETCH(self);
		usleep(i % 40 * 100);
	}
	EXPECT_EQ(0, guests_stop(&self->g));
	FETCH(self);
	EXPECT_EQ(0, memcmp(self->copy, self->memory, SIZE));
	EXPECT_EQ(0, guests_wrong_pages(&self->g, self->copy));
	EXPECT_LT(USED, self->reported);
	/* Nobody writes any more. */
	self->reported = 0;
	FETCH(self);
	EXPECT_EQ(0, self->reported);
}

TEST_F(log, copy_is_complete_when_memory_is_discarded_and_swapped_meanwhile)
{
	start_logging(&self->g, self->memory);
	self->g.control->read_passes = 1;
	guests_start(&self->g, HAMMER, USED);
	while (guests_more(&self->g)) {
		FETCH(self);
		madvise(self->memory, SIZE, 21 /* MADV_PAGEOUT */);
		usleep(1000);
	}
	EXPECT_EQ(0, guests_stop(&self->g));
	FETCH(self);
	EXPECT_EQ(0, memcmp(self->copy, self->memory, SIZE));
}

#define LARGE	(4096UL)	/* pages: more than the CPU notes before it exits, many times */

/* One vCPU, so that a window sees many pages; each fetch is followed by a copy. */
TEST_F(log, copy_is_complete_when_many_pages_are_written_at_once)
{
	static u64 bitmap[LARGE / 64];
	__u8 *memory = map_anonymous(LARGE * PAGE), *copy = map_anonymous(LARGE * PAGE);
	u64 errors = 0;

	guests_set_area(&self->g, MINIVMM_MEM_LOG_DIRTY_PAGES, memory, LARGE * PAGE);
	self->g.vcpus = 1;
	guests_start(&self->g, HAMMER, LARGE);
	EXPECT_TRUE(guests_wait(&self->g, 2));
	while (guests_more(&self->g)) {
		EXPECT_EQ(0, get_log(&self->g, bitmap));
		copy_pages(copy, memory, bitmap, LARGE);
		usleep(20000);
	}
	EXPECT_EQ(0, guests_stop(&self->g));
	EXPECT_EQ(0, get_log(&self->g, bitmap));
	copy_pages(copy, memory, bitmap, LARGE);
	EXPECT_EQ(0, memcmp(copy, memory, LARGE * PAGE));
	EXPECT_EQ(0, get_log(&self->g, bitmap));
	for (u64 i = 0; i < LARGE / 64; i++)
		errors += bitmap[i] != 0;
	EXPECT_EQ(0, errors);
	self->g.vcpus = 3;
}

#define HUGE	(8 * LARGE)	/* pages: as many as are read out at a time */

/* Somebody on the same CPU who comes first whenever he wakes up, which is often. */
struct other {
	bool stop;
	u64 turns;
};

static void *take_turns(void *arg)
{
	struct sched_param first = { .sched_priority = 1 };
	struct other *other = arg;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &first))
		fatal("SCHED_FIFO");
	while (!__atomic_load_n(&other->stop, __ATOMIC_SEQ_CST)) {
		__atomic_add_fetch(&other->turns, 1, __ATOMIC_SEQ_CST);
		usleep(100);
	}
	return NULL;
}

/* How often he had his turn while the log of as many pages as can be was read. */
static u64 turns_meanwhile(struct guests *g, const struct other *other)
{
	static u64 bitmap[HUGE / 64];
	u64 turns;

	guests_start(g, TOUCH, HUGE);
	if (guests_stop(g))
		fatal("the guest does not write");
	turns = __atomic_load_n(&other->turns, __ATOMIC_SEQ_CST);
	if (get_log(g, bitmap))
		fatal("GET_DIRTY_LOG");
	return __atomic_load_n(&other->turns, __ATOMIC_SEQ_CST) - turns;
}

/* It is done in pieces, each with a lock held: between them the CPU, and the lock, are free. */
TEST_F(log, others_have_their_turn_while_a_long_log_is_read)
{
	__u8 *memory = map_anonymous(HUGE * PAGE);
	struct other other = { 0 };
	u64 most = 0;
	pthread_t thread;
	cpu_set_t cpu;

	if (!device_is_minivmm(self->g.vm.device))
		SKIP(return, "KVM holds its lock throughout");
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpu), &cpu));
	guests_set_area(&self->g, MINIVMM_MEM_LOG_DIRTY_PAGES, memory, HUGE * PAGE);
	self->g.vcpus = 1;
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_turns, &other));
	for (int i = 0; i < 5; i++) {
		u64 turns = turns_meanwhile(&self->g, &other);

		most = turns > most ? turns : most;
	}
	__atomic_store_n(&other.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	TH_LOG("%lu turns in one reading", most);
	EXPECT_LT(3, most);
	self->g.vcpus = 3;
}

static bool set_manual(struct guests *g, u64 flags)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags },
	};

	return (capability(g->vm.fd, MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & flags) == flags &&
	       !call(g->vm.fd, MINIVMM_ENABLE_CAP, &cap);
}

/* Clears in pieces and copies after each: what is written later is reported again. */
#define FETCH_MANUALLY(self, first_pages)					\
do {										\
	EXPECT_EQ(0, get_log(&(self)->g, (self)->bitmap));			\
	EXPECT_EQ(0, clear_log(&(self)->g, (self)->bitmap, 0, first_pages));	\
	EXPECT_EQ(0, clear_log(&(self)->g, (self)->bitmap + (first_pages) / 64,	\
			       first_pages, PAGES - (first_pages)));		\
	(self)->reported += copy_pages((self)->copy, (self)->memory, (self)->bitmap, PAGES); \
} while (0)

TEST_F(log, manually_protected_log_is_complete)
{
	if (!set_manual(&self->g, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		SKIP(return, "no manual protection");
	guests_set_area(&self->g, 0, self->memory, SIZE);
	guests_start(&self->g, HAMMER, USED);
	EXPECT_TRUE(guests_wait(&self->g, 1));
	start_logging(&self->g, self->memory);
	memcpy(self->copy, self->memory, SIZE);
	for (int i = 0; guests_more(&self->g); i++) {
		FETCH_MANUALLY(self, 192);
		usleep(i % 40 * 100);
	}
	EXPECT_EQ(0, guests_stop(&self->g));
	FETCH_MANUALLY(self, 64);
	EXPECT_EQ(0, memcmp(self->copy, self->memory, SIZE));
	EXPECT_EQ(0, self->bitmap[PAGES / 64 - 1]);
}

TEST_F(log, log_that_begins_full_needs_no_first_copy)
{
	if (!set_manual(&self->g, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
				  MINIVMM_DIRTY_LOG_INITIALLY_SET))
		SKIP(return, "no initially full log");
	guests_set_area(&self->g, 0, self->memory, SIZE);
	guests_start(&self->g, HAMMER, USED);
	EXPECT_TRUE(guests_wait(&self->g, 1));
	start_logging(&self->g, self->memory);
	EXPECT_EQ(0, get_log(&self->g, self->bitmap));
	for (u64 i = 0; i < PAGES / 64; i++)
		EXPECT_EQ(~0UL, self->bitmap[i]);
	for (int i = 0; guests_more(&self->g); i++) {
		FETCH_MANUALLY(self, 64);
		usleep(i % 40 * 100);
	}
	EXPECT_EQ(0, guests_stop(&self->g));
	FETCH_MANUALLY(self, 64);
	EXPECT_EQ(0, memcmp(self->copy, self->memory, SIZE));
}

TEST_F(log, uncleared_pages_stay_reported)
{
	if (!set_manual(&self->g, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		SKIP(return, "no manual protection");
	start_logging(&self->g, self->memory);
	guests_start(&self->g, TOUCH, USED);
	EXPECT_EQ(0, guests_stop(&self->g));
	for (int i = 0; i < 2; i++) {
		self->reported = 0;
		FETCH(self);
		EXPECT_EQ(USED, self->reported);
	}
	EXPECT_EQ(0, clear_log(&self->g, self->bitmap, 64, 128));
	self->reported = 0;
	FETCH(self);
	EXPECT_EQ(USED - 128, self->reported);
}

TEST_F(log, clear_checks_its_range)
{
	if (!set_manual(&self->g, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		SKIP(return, "no manual protection");
	start_logging(&self->g, self->memory);
	EXPECT_EQ(-EINVAL, clear_log(&self->g, self->bitmap, 1, 64));
	EXPECT_EQ(-EINVAL, clear_log(&self->g, self->bitmap, 0, 63));
	EXPECT_EQ(-EINVAL, clear_log(&self->g, self->bitmap, 0, PAGES + 64));
	EXPECT_EQ(-EINVAL, clear_log(&self->g, self->bitmap, PAGES + 64, 64));
	EXPECT_EQ(-EFAULT, clear_log(&self->g, (void *)0x10, 0, 64));
	EXPECT_EQ(0, clear_log(&self->g, self->bitmap, PAGES - 64, 64));
}

TEST_HARNESS_MAIN
