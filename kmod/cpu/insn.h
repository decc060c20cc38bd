/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The emulator at work for a vCPU: its ops over guest memory, in-kernel devices
 * and, through the transcript, devices in userspace. Outside only, but for what says window.
 */
#ifndef MINIVMM_CPU_INSN_H
#define MINIVMM_CPU_INSN_H

#include "../emulator/emulator.h"
#include "state.h"

struct vcpu;

/*
 * insn_run - emulate the instruction at RIP. Returns NEXT_ENTER, NEXT_USER
 * (MMIO, IO or INTERNAL_ERROR in the run page) or -errno.
 */
int insn_run(struct vcpu *vcpu);

/*
 * insn_continue - userspace has answered (ASKED_INSN): the instruction runs again from its
 * start, if the mode in which it was decoded is still the same. Same returns.
 * insn_complete_move - the same of ASKED_MOVE.
 */
int insn_continue(struct vcpu *vcpu);
int insn_complete_move(struct vcpu *vcpu);

/*
 * insn_measure - code_measure() where the bytes are not at hand. Returns NEXT_ENTER: done;
 * NEXT_HOST: something else happened, enter again; NEXT_USER; -errno.
 */
int insn_measure(struct vcpu *vcpu, unsigned int opcode_len);

/* insn_fetch - up to @len bytes of the instruction at RIP. Returns how many. */
unsigned int insn_fetch(struct vcpu *vcpu, u8 *bytes, unsigned int len);

/*
 * insn_move_in_window - the CPU exited for an access to a device. If that is a plain
 * move with known bytes, do it: NEXT_ENTER or NEXT_USER. NEXT_OUTSIDE: insn_run() can.
 */
int insn_move_in_window(struct vcpu *vcpu);

/*
 * insn_begin - have the emulator ready for what is not an instruction at RIP; .error is 0.
 * insn_inject - the guest is to have the fault that the emulator found.
 */
struct emul *insn_begin(struct vcpu *vcpu);
void insn_inject(struct vcpu *vcpu);

/*
 * insn_translate - MINIVMM_TRANSLATE: linear to guest physical without
 * side effects. False: not mapped.
 */
bool insn_translate(struct vcpu *vcpu, u64 linear, u64 *gpa, bool *writable, bool *user);

#endif /* MINIVMM_CPU_INSN_H */
