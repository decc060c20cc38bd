/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs guest programs that talk to the test by two ports, on as many vCPU
 * threads as wanted. A linked program (guest/guest.ld) is a flat 64-bit image
 * for GUEST_PROGRAM whose first byte is its entry.
 */
#ifndef SELFTEST_PROGRAM_H
#define SELFTEST_PROGRAM_H

#include "guest_code.h"

#define PROGRAM_CONSOLE		0xe9	/* byte out: a character for the log */
#define PROGRAM_RESULT		0xf4	/* 32 bit out: the program ends with this value */

/* program_run() and vcpu->end: the program wrote its result to vcpu->result. */
#define PROGRAM_ENDED		1000

/*
 * Declares program @name that was linked into the test (PROGRAM_OBJECT in
 * lib.mk) and loads it.
 */
#define DECLARE_PROGRAM(name)							\
	extern const __u8 _binary_##name##_start[], _binary_##name##_end[]
#define load_program(vm, name)							\
	vm_write(vm, GUEST_PROGRAM, _binary_##name##_start,			\
		 _binary_##name##_end - _binary_##name##_start)

/*
 * Runs the vCPU until the program ends or something else needs the caller.
 * Console characters go to the test's log, a line at a time.
 *
 * Returns PROGRAM_ENDED, another exit reason, or -errno of RUN.
 */
long program_run(struct vcpu *vcpu);

/*
 * program_run() on a thread of its own; its value is then in vcpu->end.
 * program_kick() makes it return -EINTR at its next exit or at once.
 */
void program_spawn(struct vcpu *vcpu);
void program_kick(struct vcpu *vcpu);

/* Waits for the thread and returns vcpu->end. */
long program_join(struct vcpu *vcpu);

#endif
