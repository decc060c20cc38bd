/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fuzzer: rounds of random calls and random guest code. A round is a process with
 * VMs, a thread for each vCPU and some that disturb; what its threads do follows from
 * its seed alone, though not how they meet, nor how far they get in the round's time.
 * It is for root in an emulated host, and looks into the kernel's log after each round.
 *
 *   fuzz.c     options, rounds and their time limit, what is left behind
 *   round.c    one round: its VMs and threads
 *   calls.c    ioctls of VM and vCPU with plausible, then damaged arguments
 *   memory.c   slots, the owner's address space, userfaultfd
 *   code.c     guest code
 *   modes.c    what that stands on: tables, and registers in each mode of the CPU
 */
#ifndef SELFTEST_FUZZ_H
#define SELFTEST_FUZZ_H

#include <stdint.h>

#include "guest_code.h"

#define MAX_VMS		2
#define MAX_VCPUS	3
#define NR_EVENTFDS	6
/* Memory that comes and goes, beside the code's in slot 0: user and guest addresses. */
#define EXTRA_PAGES	1024UL
#define EXTRA_GPA	0x40000000UL
/* Where a guest finds ioeventfds and coalesced zones. */
#define DEVICE_GPA	0xd0000000UL
#define DEVICE_PORT	0x500

/* Guest code and, behind it, the tables of modes.c. */
#define CODE_SIZE	0x2000UL
/* Segments in the guest's GDT. */
#define CODE64		0x08
#define DATA		0x10
#define CODE32		0x18
#define CODE16		0x20
#define USER_CODE64	0x28
#define USER_DATA	0x30
#define USER_CODE32	0x38
#define TSS_SELECTOR	0x40
#define TASK_SELECTOR	0x50
#define CALL_GATE	0x58
#define GDT_LIMIT	0x5f

struct rng {
	uint64_t state;
};

/* 64 random bits. */
static inline uint64_t rnd(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 to @n - 1. */
static inline uint64_t below(struct rng *rng, uint64_t n)
{
	return rnd(rng) % n;
}

static inline bool one_in(struct rng *rng, uint64_t n)
{
	return !below(rng, n);
}

/* A number as they occur: small, a power of two or near one, an address, anything. */
uint64_t odd_number(struct rng *rng);

#define pick(rng, array)	((array)[below(rng, ARRAY_LEN(array))])

struct machine {
	struct vm vm;
	struct vcpu vcpus[MAX_VCPUS];
	int nr_vcpus;
	int eventfds[NR_EVENTFDS];
	__u8 *extra;		/* EXTRA_PAGES, behind slots 1 to 3 */
	int uffd;		/* of the last quarter of @extra, or -1 */
};

/* What was done, of all rounds together. */
struct counts {
	uint64_t calls, changes, runs, exits;
	uint64_t reasons[64];	/* of RUN's ends; the last are errors */
};

extern struct counts *counts;

#define count_more(what, n)	((void)__atomic_fetch_add(&counts->what, n, __ATOMIC_RELAXED))
#define count(what)		count_more(what, 1)

/* Runs the round of @seed and exits. */
void run_round(uint64_t seed, bool verbose) __attribute__((noreturn));

/* One random call, of the VM or on the vCPU. */
void call_vm(struct rng *rng, struct machine *m);
void call_vcpu(struct rng *rng, struct machine *m, struct vcpu *vcpu);

/* One change of slots or of the address space. */
void change_memory(struct rng *rng, struct machine *m);

/* userfaultfd for part of the extra memory, and serving one round of its faults. */
void start_userfault(struct machine *m);
void serve_userfault(struct rng *rng, struct machine *m);

/* New code in guest memory with its tables, and the vCPU at its start in a random mode. */
void write_code(struct rng *rng, struct machine *m);
void write_tables(struct rng *rng, struct machine *m);
void enter_code(struct rng *rng, struct vcpu *vcpu);

#endif
