/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paravirtual interface: clock and wall clock pages, hypercalls, TSC offsets.
 * The guest finds it by CPUID leaf 0x40000000 ("KVMKVMKVM"), so unmodified
 * guests use it. All guest pages are written outside, by their vCPU's thread.
 */
#ifndef MINIVMM_PV_H
#define MINIVMM_PV_H

#include <linux/types.h>

#include "cpu/state.h"

struct vcpu;
struct vm;
struct minivmm_clock_data;

void pv_init_vm(struct vm *vm);

/* pv_set_wall_clock, pv_set_system_time - writes of the clock MSRs. */
void pv_set_wall_clock(struct vcpu *vcpu, u64 value);
void pv_set_system_time(struct vcpu *vcpu, u64 value);

/* pv_reset - power-on and INIT: the guest's clock page is given up. */
void pv_reset(struct vcpu *vcpu);

/*
 * pv_suspend, pv_resume - around S3, on its last CPU, interrupts off, all threads frozen. Where
 * the TSC starts anew, those of the guests, and their clocks, go on from where they were.
 */
void pv_suspend(void);
void pv_resume(void);

/* pv_update_clock - rewrite the vCPU's time page (VCPU_REQ_CLOCK). Outside. */
void pv_update_clock(struct vcpu *vcpu);

/* pv_hypercall - VMCALL/VMMCALL: returns the value for RAX. Window. */
u64 pv_hypercall(struct vcpu *vcpu, u64 nr, u64 a0, u64 a1, u64 a2, u64 a3);

/* GET_CLOCK, SET_CLOCK, KVMCLOCK_CTRL. EINVAL: unknown flags, or no clock enabled. */
void pv_get_clock(struct vm *vm, struct minivmm_clock_data *data);
int pv_set_clock(struct vm *vm, const struct minivmm_clock_data *data);
int pv_guest_stopped(struct vcpu *vcpu);

/*
 * The guest's TSC is the host's times vcpu->tsc_ratio, a fixed-point number with
 * backend.tsc_ratio_bits of fraction, plus vcpu->tsc_offset.
 *
 * pv_init_vcpu - at creation: the host's rate, and the VM's common TSC if that has it too.
 */
void pv_init_vcpu(struct vcpu *vcpu);

/*
 * pv_set_tsc_khz - SET_TSC_KHZ: the guest's TSC goes on at this rate (0: the host's), and joins
 * that of vCPUs which have it already. EINVAL: a rate that the CPU cannot give. Outside.
 */
int pv_set_tsc_khz(struct vcpu *vcpu, unsigned long khz);

/* pv_set_tsc_offset - the guest's TSC jumps: also armed deadlines and the clock page follow. */
void pv_set_tsc_offset(struct vcpu *vcpu, u64 offset);

/* pv_write_tsc - the guest's or userspace's write of MSR_IA32_TSC: sets vcpu->tsc_offset. */
void pv_write_tsc(struct vcpu *vcpu, u64 value, bool host);

/* pv_guest_tsc - the guest's TSC now. */
u64 pv_guest_tsc(const struct vcpu *vcpu);

/* pv_host_tsc_at - the host's TSC when the guest's will be @guest_tsc, or early if that is long. */
u64 pv_host_tsc_at(const struct vcpu *vcpu, u64 guest_tsc);

#endif /* MINIVMM_PV_H */
