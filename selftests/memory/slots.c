// SPDX-License-Identifier: GPL-2.0
/*
 * Slots that come, go and move under running vCPUs: once a call has returned, no
 * vCPU reads or writes the old place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#define SIZE	(2 * MIB)

FIXTURE(guests) {
	struct guests g;
	u64 *memory[2];
};

FIXTURE_SETUP(guests)
{
	guests_init(&self->g, 3);
	self->memory[0] = map_anonymous(SIZE);
	self->memory[1] = map_anonymous(SIZE);
}

FIXTURE_TEARDOWN(guests)
{
	guests_free(&self->g);
}

/* What the probing vCPUs wrote stays as it is now. */
static bool stands_still(const u64 *memory)
{
	u64 before[2 + MAX_VCPUS];

	memcpy(before, memory, sizeof(before));
	usleep(2000);
	return !memcmp(before, memory, sizeof(before));
}

static void delete_area(struct guests *g)
{
	guests_set_area(g, 0, NULL, 0);
}

TEST_F(guests, memory_of_a_deleted_slot_is_out_of_reach)
{
	struct guests *g = &self->g;

	guests_start(g, PROBE, 1);
	for (u64 i = 1; guests_more(g); i++) {
		u64 *memory = self->memory[i % 2];

		memory[0] = i;
		guests_set_area(g, 0, memory, SIZE);
		EXPECT_TRUE(guests_wait(g, 3));
		delete_area(g);
		EXPECT_TRUE(stands_still(memory));
		g->control->epoch = i + 1;
	}
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_NE(0, g->mmio);
}

TEST_F(guests, memory_may_be_unmapped_right_after_the_slot_is_deleted)
{
	struct guests *g = &self->g;

	guests_start(g, PROBE, 1);
	for (u64 i = 1; guests_more(g); i++) {
		u64 *memory = map_anonymous(SIZE);

		memory[0] = i;
		guests_set_area(g, 0, memory, SIZE);
		usleep(1000);
		delete_area(g);
		munmap(memory, SIZE);
		g->control->epoch = i + 1;
	}
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_EQ(0, g->refused);
}

TEST_F(guests, moved_slot_leaves_its_old_place)
{
	struct guests *g = &self->g;
	u64 *memory = self->memory[0];

	memory[0] = 1;
	guests_set_area(g, 0, memory, SIZE);
	guests_start(g, PROBE, 1);
	for (u64 i = 1; guests_more(g); i++) {
		EXPECT_TRUE(guests_wait(g, 2));
		EXPECT_EQ(0, vm_set_slot(&g->vm, 1, 0, AREA + 16 * MIB, SIZE, memory));
		g->control->epoch = i + 1;
		EXPECT_TRUE(stands_still(memory));
		memory[0] = i + 1;
		EXPECT_EQ(0, vm_set_slot(&g->vm, 1, 0, AREA, SIZE, memory));
	}
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_NE(0, g->mmio);
}

TEST_F(guests, writes_survive_switching_the_log_on_and_off)
{
	struct guests *g = &self->g;

	guests_set_area(g, 0, self->memory[0], SIZE);
	guests_start(g, HAMMER, SIZE / PAGE);
	while (guests_more(g)) {
		guests_set_area(g, MINIVMM_MEM_LOG_DIRTY_PAGES, self->memory[0], SIZE);
		usleep(2000);
		guests_set_area(g, 0, self->memory[0], SIZE);
		usleep(1000);
	}
	EXPECT_TRUE(guests_wait(g, 2));
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_EQ(0, guests_wrong_pages(g, self->memory[0]));
}

TEST_F(guests, read_only_slot_is_never_written)
{
	struct guests *g = &self->g;
	u64 *memory = self->memory[0];

	memory[0] = 1;
	g->control->epoch = 1;
	guests_set_area(g, MINIVMM_MEM_READONLY, memory, SIZE);
	guests_start(g, PROBE, 1);
	EXPECT_TRUE(guests_wait(g, 20));
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_NE(0, g->mmio);
	for (int i = 1; i < 1 + MAX_VCPUS; i++)
		EXPECT_EQ(0, memory[i]);
}

TEST_F(guests, other_slots_change_without_harm_to_this_one)
{
	struct guests *g = &self->g;

	guests_set_area(g, 0, self->memory[0], SIZE);
	guests_start(g, HAMMER, SIZE / PAGE);
	while (guests_more(g)) {
		for (int slot = 2; slot < 12; slot++)
			EXPECT_EQ(0, vm_set_slot(&g->vm, slot, 0, AREA + slot * SIZE, SIZE,
						 self->memory[1]));
		for (int slot = 2; slot < 12; slot++)
			EXPECT_EQ(0, vm_set_slot(&g->vm, slot, 0, 0, 0, NULL));
	}
	EXPECT_TRUE(guests_wait(g, 2));
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_EQ(0, guests_wrong_pages(g, self->memory[0]));
	EXPECT_EQ(0, g->mmio);
}

/*
 * Faults look slots up while many come and go, before the area and behind it, in an order that
 * has the structure that holds them change its shape each time.
 */
#define MANY	251

static unsigned long place_of(unsigned int slot)
{
	unsigned long n = slot * 89 % MANY;	/* each once */

	return n % 2 ? AREA - (n + 1) * PAGE : AREA + SIZE + n * PAGE;
}

TEST_F(guests, slot_is_found_while_many_others_come_and_go)
{
	struct guests *g = &self->g;
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, memory);
	guests_set_area(g, 0, memory, SIZE);
	guests_start(g, HAMMER, SIZE / PAGE);
	while (guests_more(g)) {
		for (int slot = 2; slot < 2 + MANY; slot++) {
			EXPECT_EQ(0, vm_set_slot(&g->vm, slot, 0, place_of(slot - 2), PAGE,
						 self->memory[1]));
			madvise(memory, SIZE, MADV_DONTNEED);	/* it stays, but its mappings go */
		}
		for (int slot = 2; slot < 2 + MANY; slot++) {
			EXPECT_EQ(0, vm_set_slot(&g->vm, slot, 0, 0, 0, NULL));
			madvise(memory, SIZE, MADV_DONTNEED);
		}
	}
	EXPECT_TRUE(guests_wait(g, 2));
	EXPECT_EQ(0, guests_stop(g));
	EXPECT_EQ(0, guests_wrong_pages(g, memory));
	EXPECT_EQ(0, g->mmio);
}

/* Two threads that change slots of their own do not disturb each other. */

struct changer {
	struct guests *g;
	int slot;
	void *memory;
	int failures;
};

static void *change_slots(void *arg)
{
	struct changer *c = arg;

	while (guests_more(c->g)) {
		c->failures += !!vm_set_slot(&c->g->vm, c->slot, 0, AREA + c->slot * SIZE, SIZE,
					     c->memory);
		c->failures += !!vm_set_slot(&c->g->vm, c->slot, 0, 0, 0, NULL);
	}
	return NULL;
}

TEST_F(guests, slots_may_be_changed_by_several_threads)
{
	struct changer changer[2];
	pthread_t thread[2];

	guests_set_area(&self->g, 0, self->memory[0], SIZE);
	guests_start(&self->g, HAMMER, SIZE / PAGE);
	for (int i = 0; i < 2; i++) {
		changer[i] = (struct changer){ &self->g, 2 + i, self->memory[1], 0 };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, change_slots, &changer[i]));
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, changer[i].failures);
	}
	EXPECT_EQ(0, guests_stop(&self->g));
	EXPECT_EQ(0, guests_wrong_pages(&self->g, self->memory[0]));
}

TEST_HARNESS_MAIN
