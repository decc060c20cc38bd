// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of the process that lies in many slots, or in one of many: what happens to it
 * reaches the guest everywhere, and takes no longer than with few slots.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define SLOTS		700		/* more than any bound of ours on what is done at a time */
#define STEP		(4 * PAGE)	/* from one to the next in the guest */

/* Of SLOTS slots of two pages: the sum of the pages' first words. */
GUEST64(add_up,
	"1: mov $0x40000000, %edi; xor %eax, %eax; mov $700, %ecx;"
	"2: add (%rdi), %rax; add 0x1000(%rdi), %rax; add $0x4000, %rdi; dec %ecx; jnz 2b;"
	"out %al, $0x10; jmp 1b");

FIXTURE(aliases) {
	struct vm vm;
	struct vcpu vcpu;
	__u8 *memory;		/* three pages: even slots have the first two, odd ones the last two */
};

static long set_alias(struct vm *vm, __u8 *memory, int i, bool there)
{
	return vm_set_slot(vm, 1 + i, 0, AREA + i * STEP, there ? 2 * PAGE : 0,
			   memory + i % 2 * PAGE);
}

FIXTURE_SETUP(aliases)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vcpu_init(&self->vcpu, &self->vm, 0);
	start_long(&self->vcpu, add_up);
	self->memory = map_anonymous(3 * PAGE);
	madvise(self->memory, 3 * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < SLOTS; i++)
		if (set_alias(&self->vm, self->memory, i, true))
			fatal("slot %d was refused", i);
}

FIXTURE_TEARDOWN(aliases)
{
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
	munmap(self->memory, 3 * PAGE);
}

static void write_words(__u8 *memory, __u64 first, __u64 second, __u64 third)
{
	*(__u64 *)memory = first;
	*(__u64 *)(memory + PAGE) = second;
	*(__u64 *)(memory + 2 * PAGE) = third;
}

/* What the guest finds, or NO_MEMORY if it does not find all. */
static __u64 sum(struct vcpu *vcpu)
{
	if (vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_IO)
		return NO_MEMORY;
	return vcpu_regs(vcpu).rax;
}

#define EXPECTED(first, second, third)	(SLOTS / 2 * ((first) + 2 * (second) + (third)))

TEST_F(aliases, memory_is_taken_from_every_slot_it_lies_in)
{
	write_words(self->memory, 1, 100, 10000);
	EXPECT_EQ(EXPECTED(1, 100, 10000), sum(&self->vcpu));
	ASSERT_EQ(0, madvise(self->memory + PAGE, PAGE, MADV_DONTNEED));
	EXPECT_EQ(EXPECTED(1, 0, 10000), sum(&self->vcpu));
	ASSERT_EQ(0, madvise(self->memory, PAGE, MADV_DONTNEED));
	EXPECT_EQ(EXPECTED(0, 0, 10000), sum(&self->vcpu));
	write_words(self->memory, 2, 300, 40000);
	EXPECT_EQ(EXPECTED(2, 300, 40000), sum(&self->vcpu));
}

TEST_F(aliases, slots_that_came_and_went_hide_no_other)
{
	for (int i = 0; i < SLOTS; i += 3)
		ASSERT_EQ(0, set_alias(&self->vm, self->memory, i, false));
	for (int i = SLOTS - 1; i >= 0; i--)
		if (i % 3 == 0)
			ASSERT_EQ(0, set_alias(&self->vm, self->memory, i, true));
	for (int i = 0; i < SLOTS; i += 7)	/* moved away and back */
		ASSERT_EQ(0, vm_set_slot(&self->vm, 1 + i, 0, AREA + (SLOTS + i) * STEP, 2 * PAGE,
					 self->memory + i % 2 * PAGE));
	for (int i = 0; i < SLOTS; i += 7)
		ASSERT_EQ(0, set_alias(&self->vm, self->memory, i, true));
	write_words(self->memory, 1, 100, 10000);
	EXPECT_EQ(EXPECTED(1, 100, 10000), sum(&self->vcpu));
	ASSERT_EQ(0, madvise(self->memory, 3 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, sum(&self->vcpu));
}

/* A new page waits with the CPU that made it, where only a MADV_PAGEOUT on the same one finds it. */
static void stay_on_this_cpu(void)
{
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		fatal("sched_setaffinity");
}

TEST_F(aliases, memory_is_found_in_every_slot_after_it_was_swapped)
{
	long swapped = 0;

	if (!add_swap())
		SKIP(return, "no zram");
	stay_on_this_cpu();
	write_words(self->memory, 1, 100, 10000);
	EXPECT_EQ(EXPECTED(1, 100, 10000), sum(&self->vcpu));
	for (int i = 0; i < 5; i++) {
		/* Reclaim asks whether the pages are in use, and takes them when it asks again. */
		for (int j = 0; j < 5; j++)
			madvise(self->memory, 3 * PAGE, MADV_PAGEOUT);
		swapped += read_field("/proc/self/status", "VmSwap");
		EXPECT_EQ(EXPECTED(1, 100, 10000), sum(&self->vcpu));
	}
	EXPECT_LT(0, swapped);
}

/* The shortest time, in ns, in which a page is taken from the process. */
static long time_of_discard(__u8 *page)
{
	long start, time, shortest = LONG_MAX;

	for (int i = 0; i < 50; i++) {
		*page = 1;
		start = now_ns();
		if (madvise(page, PAGE, MADV_DONTNEED))
			fatal("MADV_DONTNEED");
		time = now_ns() - start;
		if (time < shortest)
			shortest = time;
	}
	return shortest;
}

#define MANY	10000

/* Each is a spinlock held while all are looked at, and whoever reclaims memory waits for it. */
TEST(slots_are_many_and_a_discard_is_short)
{
	struct vm vm;
	__u8 *memory;
	long few, many;

	vm_init(&vm, GUEST_MEMORY);
	memory = map_anonymous((MANY + 1) * PAGE);
	ASSERT_EQ(0, vm_set_slot(&vm, 1, 0, AREA, PAGE, memory));
	few = time_of_discard(memory);
	for (int i = 1; i <= MANY; i++)
		ASSERT_EQ(0, vm_set_slot(&vm, 1 + i, 0, AREA + i * STEP, PAGE, memory + i * PAGE));
	many = time_of_discard(memory + MANY / 2 * PAGE);
	TH_LOG("%ld ns with two slots, %ld ns with %d", few, many, MANY);
	EXPECT_LT(many, 5 * few);
	vm_free(&vm);
}

/* Slots over the area's memory that come and go beside it. */

#define AREA_SIZE	(2 * MIB)

struct changer {
	struct guests *g;
	int first;
	void *memory;
	int failures;
};

static void *change_slots(void *arg)
{
	struct changer *c = arg;

	while (guests_more(c->g))
		for (int i = 0; i < 200; i++) {
			int slot = c->first + i % 100;
			size_t size = i < 100 ? AREA_SIZE : 0;

			c->failures += !!vm_set_slot(&c->g->vm, slot, 0, AREA + slot * AREA_SIZE,
						     size, c->memory);
		}
	return NULL;
}

TEST(slots_come_and_go_while_their_memory_is_taken)
{
	struct changer changer[2];
	pthread_t thread[2];
	struct guests g;
	__u8 *memory;

	guests_init(&g, 2);
	memory = map_anonymous(AREA_SIZE);
	guests_set_area(&g, 0, memory, AREA_SIZE);
	g.control->may_vanish = 1;
	guests_start(&g, HAMMER, AREA_SIZE / PAGE);
	for (int i = 0; i < 2; i++) {
		changer[i] = (struct changer){ &g, 2 + 100 * i, memory, 0 };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, change_slots, &changer[i]));
	}
	while (guests_more(&g)) {
		size_t page = rand() % (AREA_SIZE / PAGE), left = AREA_SIZE / PAGE - page;

		madvise(memory + page * PAGE, (1 + rand() % left) * PAGE, MADV_DONTNEED);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, changer[i].failures);
	}
	EXPECT_TRUE(guests_wait(&g, 2));
	g.control->may_vanish = 0;
	EXPECT_TRUE(guests_wait(&g, 2));
	EXPECT_EQ(0, guests_stop(&g));
	EXPECT_EQ(0, guests_wrong_pages(&g, memory));
	guests_free(&g);
}

TEST_HARNESS_MAIN
