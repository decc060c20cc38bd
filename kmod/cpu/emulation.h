/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The emulator at work for a vCPU: its ops over guest memory, in-kernel devices
 * and, through the transcript, devices in userspace. Outside only, but for what says window.
 */
#ifndef MINIVMM_CPU_EMULATION_H
#define MINIVMM_CPU_EMULATION_H

#include "../emulator/emulator.h"

struct vcpu;

/* Most MMIO accesses of one instruction: 32 bytes read and written, split at a page, in pieces of 8. */
#define EMULATION_MAX_STEPS	12

/* One access that was completed, in the order the instruction makes them. */
struct emulation_step {
	u8 data[8];
	u64 gpa;		/* EMULATION_PORT: to a port */
};

#define EMULATION_PORT	(~0ull)

/* Where the last data access went: an instruction, run again, asks for the same page. */
struct emulation_translation {
	u64 linear, gpa;	/* of the page */
	u32 access;		/* WALK_* */
	bool valid;
};

struct emulation {
	struct emul e;
	u8 code[EMUL_INSN_MAX];	/* at RIP, as far as the window saw; for this exit's emulation_run() */
	u8 code_len;		/* 0 from one exit to the next */
	struct emulation_translation last;
	struct emulation_step steps[EMULATION_MAX_STEPS];
	u8 done, next;		/* steps answered by userspace; the one to use next */
	bool stale;		/* userspace has set what prepare() took, while it was asked */
	bool waiting;		/* userspace was asked and its answer completes e.insn ... */
	u64 rip;		/* ... which is here */
	bool reading;		/* ... and will give data in run->mmio */
	bool moving;		/* ... and the instruction is a plain move, of a read */
	u64 move_data;		/* what a plain move has written, or read from the kernel */
	int error;		/* errno behind an EMUL_RETRY, or 0 */
};

/*
 * emulation_run - emulate the instruction at RIP. Returns NEXT_ENTER, NEXT_USER
 * (MMIO, IO or INTERNAL_ERROR in the run page) or -errno.
 */
int emulation_run(struct vcpu *vcpu);

/* emulation_continue - userspace answered: take the data and go on. Same returns. */
int emulation_continue(struct vcpu *vcpu);

/*
 * emulation_measure - code_measure() where the bytes are not at hand. Returns NEXT_ENTER: done;
 * NEXT_HOST: something else happened, enter again; NEXT_USER; -errno.
 */
int emulation_measure(struct vcpu *vcpu, unsigned int opcode_len);

/* emulation_fetch - up to @len bytes of the instruction at RIP. Returns how many. */
unsigned int emulation_fetch(struct vcpu *vcpu, u8 *bytes, unsigned int len);

/*
 * emulation_move_in_window - the CPU exited for an access to a device. If that is a plain
 * move with known bytes, do it: NEXT_ENTER or NEXT_USER. NEXT_OUTSIDE: emulation_run() can.
 */
int emulation_move_in_window(struct vcpu *vcpu);

/*
 * emulation_begin - have the emulator ready for what is not an instruction at RIP; .error is 0.
 * emulation_inject - the guest is to have the fault that the emulator found.
 */
struct emul *emulation_begin(struct vcpu *vcpu);
void emulation_inject(struct vcpu *vcpu);

/*
 * emulation_translate - MINIVMM_TRANSLATE: linear to guest physical without
 * side effects. False: not mapped.
 */
bool emulation_translate(struct vcpu *vcpu, u64 linear, u64 *gpa, bool *writable, bool *user);

#endif /* MINIVMM_CPU_EMULATION_H */
