// SPDX-License-Identifier: GPL-2.0
/* Uses the area as control.mode says until it is told to stop; returns the number of errors. */
#include "guest.h"
#include "../control.h"

static volatile struct control *const control = (void *)CONTROL;

static void error(u64 id, u64 address, u64 found, u64 expected)
{
	if (control->vcpu[id].errors++)
		return;
	control->vcpu[id].address = address;
	control->vcpu[id].found = found;
	control->vcpu[id].expected = expected;
}

/* One word of a page: what the last pass left, or nothing if it may be gone. */
static void check(u64 id, volatile u64 *word, u64 expected)
{
	u64 found = *word;

	if (found != expected && !(found == 0 && control->may_vanish))
		error(id, (u64)word, found, expected);
}

/* Every page holds @value; a writing pass makes that value + 1. */
static void pass(u64 id, u64 value, int write)
{
	u64 page;

	for (page = id; page < control->pages; page += control->vcpus) {
		volatile u64 *word = (void *)(AREA + page * 4096);

		check(id, word, value);
		check(id, word + 511, value && !control->same ? (u64)word : value);
		if (!write)
			continue;
		*word = value + 1;
		word[511] = control->same ? value + 1 : (u64)word;
	}
}

static void hammer(u64 id)
{
	u64 value = 0, i;

	do {
		for (i = 0; i < control->read_passes && !control->stop; i++)
			pass(id, value, 0);
		pass(id, value, 1);
		control->vcpu[id].passes = ++value;
	} while (!control->stop);
}

static void touch(u64 id)
{
	u64 page;

	for (page = id; page < control->pages; page += control->vcpus)
		*(volatile u64 *)(AREA + page * 4096) = 1;
	control->vcpu[id].passes = 1;
}

/* Every page once, in the order of a linear congruential generator of full period. */
static void touch_random(u64 id)
{
	u64 page = 0, i;

	for (i = 0; i < control->pages; i++) {
		*(volatile u64 *)(AREA + page * 4096) = 1;
		page = (page * 1664525 + 1013904223) & (control->pages - 1);
	}
	control->vcpu[id].passes = 1;
}

/* None begins before all are there. */
static void count(u64 id)
{
	u64 page;

	__atomic_add_fetch(&control->arrived, 1, __ATOMIC_SEQ_CST);
	while (control->arrived < control->vcpus)
		asm volatile("pause");
	do {
		for (page = 0; page < control->pages; page++)
			asm volatile("lock incq %0" : "+m" (*(volatile u64 *)(AREA + page * 4096)));
		control->vcpu[id].passes++;
	} while (!control->stop);
}

/* The test raises the epoch to n after memory older than n went out of reach. */
static void probe(u64 id)
{
	while (!control->stop) {
		u64 before = control->epoch;
		u64 value = *(volatile u64 *)AREA;
		u64 after = control->epoch;

		if (value != NO_MEMORY && (value < before || value > after + 1))
			error(id, AREA, value, before);
		/* Found in the same page if it is written after it was taken away. */
		((volatile u64 *)AREA)[1 + id] = value;
		control->vcpu[id].passes++;
	}
}

u32 guest_main(u64 id)
{
	switch (control->mode) {
	case HAMMER:
		hammer(id);
		break;
	case PROBE:
		probe(id);
		break;
	case TOUCH:
		touch(id);
		break;
	case TOUCH_RANDOM:
		touch_random(id);
		break;
	case COUNT:
		count(id);
		break;
	}
	return control->vcpu[id].errors;
}
