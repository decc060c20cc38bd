/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's XSAVE state: x87, SSE, AVX and all other user, non-dynamic
 * components the host kernel enables (never AMX). In a section it is in the
 * registers, otherwise in xstate.area in the standard (non-compacted) format.
 * PKRU is apart: it is switched in the window.
 */
#ifndef MINIVMM_CPU_XSTATE_H
#define MINIVMM_CPU_XSTATE_H

#include <linux/types.h>

#include "state.h"

struct emul_fpu;
struct vcpu;
struct minivmm_fpu;
struct minivmm_xcrs;

#define XSTATE_PKRU	(1ull << 9)

/* xstate_setup - at load: learn sizes and offsets of this host. ENODEV: no XSAVE. */
int xstate_setup(void);

/* xstate_host_features - XCR0 bits a guest may use. */
u64 xstate_host_features(void);

/* xstate_size - bytes of the standard format with all of them; at least 4096 is given to userspace. */
unsigned int xstate_size(void);

/* xstate_size_of - bytes of the standard format for @xcr0 (CPUID leaf 0xD). */
unsigned int xstate_size_of(u64 xcr0);

/* xstate_compacted_size_of - bytes of the compacted format, that of XSAVEC and XSAVES. */
unsigned int xstate_compacted_size_of(u64 xcr0);

int xstate_init(struct vcpu *vcpu);	/* ENOMEM */
void xstate_free(struct vcpu *vcpu);
void xstate_reset(struct vcpu *vcpu, bool init);

/* Section: load the guest's registers after kernel_fpu_begin(), save them before kernel_fpu_end(). */
void xstate_load_guest(struct vcpu *vcpu);
void xstate_save_guest(struct vcpu *vcpu);

/* Window: XCR0, XSS and PKRU to the guest's and back. */
void xstate_enter_window(struct vcpu *vcpu);
void xstate_leave_window(struct vcpu *vcpu);

/* xstate_guest_xcr0 - the guest's XCR0 at this moment; window or outside. */
u64 xstate_guest_xcr0(struct vcpu *vcpu);

/* xstate_set_xcr0 - XSETBV or SET_XCRS. EINVAL: not a legal value for this guest. */
int xstate_set_xcr0(struct vcpu *vcpu, u64 xcr0);

/* Outside: userspace's views. set: EINVAL if the image would fault or hold what the host lacks. */
void xstate_get_fpu(struct vcpu *vcpu, struct minivmm_fpu *fpu);
int xstate_set_fpu(struct vcpu *vcpu, const struct minivmm_fpu *fpu);
void xstate_get(struct vcpu *vcpu, void *buf, unsigned int size);
int xstate_set(struct vcpu *vcpu, const void *buf, unsigned int size);

/* Outside: one vector register for the emulator; @len 16 or 32. */
void xstate_vec_read(struct vcpu *vcpu, unsigned int reg, void *buf, unsigned int len);
void xstate_vec_write(struct vcpu *vcpu, unsigned int reg, const void *buf, unsigned int len);

/* Outside: control and status words of x87 and SSE for the emulator. */
void xstate_control_read(struct vcpu *vcpu, struct emul_fpu *out);
void xstate_control_write(struct vcpu *vcpu, const struct emul_fpu *in);

/*
 * Outside: MMX registers for the emulator. xstate_mmx_used - as an MMX instruction does, make
 * all of them valid and the top of the x87 stack 0; before xstate_mmx_write().
 */
u64 xstate_mmx_read(struct vcpu *vcpu, unsigned int reg);
void xstate_mmx_write(struct vcpu *vcpu, unsigned int reg, u64 value);
void xstate_mmx_used(struct vcpu *vcpu);

#endif /* MINIVMM_CPU_XSTATE_H */
