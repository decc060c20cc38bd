/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM with many halted vCPUs, each run by a thread of its own, that count the interrupts
 * they are woken by, and one that can send to all of them. In-kernel interrupt controllers.
 */
#ifndef SELFTEST_CROWD_H
#define SELFTEST_CROWD_H

#include "guest_code.h"

#define CROWD_MAX	254
#define CROWD_VECTOR	0x61
#define CROWD_NMI	2
#define CROWD_DEAF	0x60	/* vectors below this wait: the crowd's task priority is there */

struct crowd {
	struct vm vm;
	struct vcpu leader;		/* id 0 */
	struct vcpu vcpu[CROWD_MAX];	/* ids 1 and up */
	unsigned int nr;
};

/* Returns when @nr vCPUs are halted. The leader has not run. */
void crowd_init(struct crowd *c, unsigned int nr);

/* Ends the threads and the VM. */
void crowd_free(struct crowd *c);

/*
 * Interrupts of CROWD_VECTOR or CROWD_NMI that the crowd took since the last call or the
 * start: waits, up to a minute, until there are @expected.
 */
__u32 crowd_answers(struct crowd *c, unsigned int vector, __u32 expected);

/* Where vCPUs are sent by @vector; free for the test are those below CROWD_DEAF. */
void crowd_set_handler(struct crowd *c, unsigned int vector, __u64 address);

/* The leader sends one IPI of CROWD_VECTOR to all others, which is its last act until the next call. */
void crowd_lead(struct crowd *c);

#endif
