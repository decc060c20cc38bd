/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the SVM backend: its per-CPU and per-vCPU state.
 *
 * cpu.c owns the CPUs (ownership of SVM, ASIDs), vcpu.c the VMCB's contents,
 * exit.c the way in and out, step.c single steps, explain.c and rules.c say why there was no way in;
 * enter.S is the entry itself, quirks.c what QEMU's emulated CPU does otherwise.
 */
#ifndef MINIVMM_SVM_H
#define MINIVMM_SVM_H

#include <linux/percpu.h>

#define MINIVMM_BACKEND		/* see vcpu/lazy_state.h; before all of ours */

#include "../backend.h"
#include "../vcpu/vcpu.h"
#include "entry.h"
#include "vmcb.h"

struct svm_cpu {
	struct page *host_save;		/* VM_HSAVE_PA: the CPU's own scratch */
	struct page *host_state;	/* VMSAVE area of the running window */
	u64 host_state_pa;
	u64 asid_generation;
	u32 next_asid;
	bool flush_all;			/* before a guest runs here: ASIDs are used for a second time */
	bool enabled;
};

/* In builds for tests: the translations that an entry must no longer find, until one has succeeded. */
struct svm_flush_check {
	bool wanted;
	u32 asid;
	int cpu;
	u64 generation;
};

struct svm_vcpu {
	struct vmcb *vmcb;

	/* For enter.S. */
	struct svm_entry {
		u64 vmcb_pa;
		u64 host_pa;		/* svm_cpu.host_state_pa of this window */
		u64 spec_ctrl;		/* the guest's, with what the host insists on */
		u64 host_spec_ctrl;
	} entry;

	u64 asid_generation;
	int asid_cpu;
	struct svm_flush_check flush_check;
	bool wants_iret;		/* IRET is intercepted */
	u8 watch;			/* SVM_STEP ...: what the next exit ends */
	bool steps_in_shadow;		/* quirks.c: the CPU did not keep the shadow where the guest is */
	bool shadow_over;		/* it need not last */
	u64 iret_rip;			/* of the IRET that ends the masking of NMIs */

	/* A step: see step.c. */
	u64 own_flags;			/* the guest's RFLAGS.TF and RF meanwhile */
	enum { SVM_KNOWN_NOTHING, SVM_LOADS_FLAGS, SVM_STORES_FLAGS } known;
	u64 known_rip;			/* of the instruction that @known is about */
	u64 own_dr6, step_rip;		/* before it */
};

/* Bits of svm_vcpu.watch. */
#define SVM_STEP	1u	/* RFLAGS.TF is ours */
#define SVM_IRET	2u	/* NMIs are masked until RIP leaves iret_rip */
#define SVM_FORCED_CR4	4u	/* the VMCB's CR4 has bits that the guest's has not */

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/* What this CPU's SVM can do: CPUID 0x8000000A EDX. */
#define SVM_FEATURE_NPT			(1u << 0)
#define SVM_FEATURE_NEXT_RIP		(1u << 3)
#define SVM_FEATURE_FLUSH_BY_ASID	(1u << 6)
#define SVM_FEATURE_DECODE_ASSISTS	(1u << 7)
#define SVM_FEATURE_PAUSE_FILTER	(1u << 10)
#define SVM_FEATURE_PAUSE_THRESHOLD	(1u << 12)

struct svm_host {
	u32 features;
	u32 nr_asids;
	u64 forced_cr4;			/* MCE, if the host's is on: see svm_sync_control() */
	u64 iopm_pa, msrpm_pa;
	void *iopm, *msrpm;
};

extern struct svm_host svm_host;

static inline struct svm_vcpu *to_svm(const struct vcpu *vcpu)
{
	return vcpu->backend;
}
/* The backend's functions, see backend.h: all the files. */
#define OP(ret, name, args)	ret svm_##name args;
BACKEND_OPS(OP)
#undef OP

/* step.c */
void svm_intercept_exceptions(struct vcpu *vcpu);
bool svm_step_over_shadow(struct vcpu *vcpu);
void svm_read_flags_exit(struct vcpu *vcpu, u64 code);
void svm_end_watch(struct vcpu *vcpu);
void svm_cancel_step(struct vcpu *vcpu);

/* cpu.c */
void svm_new_asid(struct svm_vcpu *svm);

/* explain.c */
void svm_explain(struct vcpu *vcpu);

/* quirks.c */
extern bool svm_quirks;
void svm_quirks_setup(void);
void svm_quirk_window_opened(const struct vmcb_control *c);
int svm_quirk_priority(struct vcpu *vcpu, int priority);
void svm_quirk_shadow(struct vcpu *vcpu, u64 rip);
void svm_quirk_refused(struct vcpu *vcpu);

/* enter.S; no C function: see there. */
asmlinkage void svm_enter_guest(void);

static inline void vmcb_intercept(struct vmcb *vmcb, unsigned int bit, bool on)
{
	u32 mask = 1u << (bit % 32);

	if (on)
		vmcb->control.intercept[bit / 32] |= mask;
	else
		vmcb->control.intercept[bit / 32] &= ~mask;
}

#endif /* MINIVMM_SVM_H */
