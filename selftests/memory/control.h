/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What test and guest program share: a block in slot 0 at CONTROL. Included by
 * both sides; fixed-width types come from the includer.
 */
#ifndef MEMORY_CONTROL_H
#define MEMORY_CONTROL_H

#define CONTROL		0x80000UL	/* GUEST_DATA */
#define AREA		0x40000000UL	/* where the tests put their slot */
#define MAX_VCPUS	4
#define NO_MEMORY	(~0UL)		/* what a read of no slot is answered with */

enum mode {
	HAMMER,		/* pass after pass write every page, check what the last pass left */
	PROBE,		/* read the first word of the area beside the epoch */
	TOUCH,		/* write a word of every page, then the end */
	TOUCH_RANDOM,	/* the same in random order; one vCPU, pages a power of two */
	COUNT,		/* all at once, pass after pass, add 1 to the first word of every page */
};

struct control {
	u64 mode;
	u64 stop;		/* test: end after this pass */
	u64 vcpus;		/* page p belongs to vCPU p % vcpus */
	u64 pages;
	u64 may_vanish;		/* a page may read as zero */
	u64 same;		/* all pages of a vCPU equal (else each holds its address) */
	u64 read_passes;	/* checking passes between two writing ones */
	u64 epoch;		/* PROBE: no value below it may be read any more */
	u64 arrived;		/* COUNT: vCPUs that are ready to begin */
	struct {
		u64 passes;	/* finished; the value its pages hold */
		u64 errors;
		u64 address, found, expected;	/* of the first error */
	} vcpu[MAX_VCPUS];
};

#endif
