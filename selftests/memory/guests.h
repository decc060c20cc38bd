/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM whose vCPUs run guest/hammer.c on threads of their own while the test
 * changes the memory under them.
 */
#ifndef MEMORY_GUESTS_H
#define MEMORY_GUESTS_H

#include <stdint.h>

#include "guest_code.h"
#include "program.h"

typedef uint64_t u64;
#include "control.h"

/* Emulated hosts on busy machines are slow, most of all where CPUs wait for each other. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

struct guests {
	struct vm vm;
	struct vcpu vcpu[MAX_VCPUS];
	pthread_t thread[MAX_VCPUS];
	volatile struct control *control;
	unsigned int vcpus;
	u64 mmio;		/* accesses that met no slot or a read-only one */
	u64 refused;		/* RUN ended with EFAULT and was repeated */
	double deadline;	/* of guests_more() */
	long unexpected;	/* exit or -errno that ended a vCPU's thread */
};

/* A VM with @vcpus vCPUs and slot 0; no thread runs yet. */
void guests_init(struct guests *g, unsigned int vcpus);
void guests_free(struct guests *g);

/* Lets all vCPUs start on @pages pages of the area in @mode. */
void guests_start(struct guests *g, enum mode mode, u64 pages);

/* True for the next two seconds after the first call: `while (guests_more(g)) change();` */
bool guests_more(struct guests *g);

/* Waits until each vCPU has finished @passes more passes; false if it takes 100 seconds. */
bool guests_wait(struct guests *g, u64 passes);

/*
 * Tells the vCPUs to stop and waits for them. Number of errors they saw, or -1 if
 * one did not end as it should; the first of each is printed.
 */
long guests_stop(struct guests *g);

/* After guests_stop() in HAMMER: number of pages that do not hold what was written last. */
u64 guests_wrong_pages(struct guests *g, const void *memory);

/* Slot 1 at AREA; ends the test if it is refused. */
void guests_set_area(struct guests *g, __u32 flags, void *memory, size_t size);

/* Writes to a file of the kernel; false if that is impossible. */
bool write_file(const char *path, const char *text);

/* A compressed swap device in memory; false if this kernel has none. */
bool add_swap(void);

/* A number from a file of the form "NAME: number", or -1. */
long read_field(const char *path, const char *name);

#endif
