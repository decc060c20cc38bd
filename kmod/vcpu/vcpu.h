/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vCPU object: one virtual processor and the thread that runs it.
 *
 * Everything here belongs to whoever holds vcpu->lock (RUN and all vCPU ioctls),
 * except what says "any context". Levels of a VM_RUN, see run.c:
 *   outside  may sleep;
 *   section  preemption off, guest XSAVE registers loaded;
 *   window   interrupts off; XCR0, PKRU and debug registers are the guest's, too.
 */
#ifndef MINIVMM_VCPU_VCPU_H
#define MINIVMM_VCPU_VCPU_H

#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/types.h>

#include "../../uapi/minivmm.h"
#include "../cpu/state.h"
#include "../irq/state.h"
#include "../mmu/mmu.h"
#include "../report/state.h"
#include "exit_info.h"

struct vm;

/* Pages of the vCPU fd's mapping. */
enum { VCPU_RUN_PAGE, VCPU_PIO_PAGE, VCPU_COALESCED_PAGE, VCPU_MMAP_PAGES };

/* Requests: bits of vcpu->requests. Set by any context through vcpu_request(). */
enum {
	VCPU_REQ_TLB_FLUSH,	/* second-level translations changed: flush before the next entry */
	VCPU_REQ_EVENT,		/* interrupts, NMI, INIT or SIPI may be pending */
	VCPU_REQ_WINDOW,	/* a new window: slots have changed, or what the CPU logged is wanted */
	VCPU_REQ_CLOCK,		/* rewrite this vCPU's paravirtual clock page */
	VCPU_REQ_TSC,		/* the host's TSC was set: the guest's goes by tsc_offset as it is now */
	VCPU_REQ_MMU,		/* the wanted page-table root changed */
	VCPU_REQ_PIT,		/* the PIT's ticks wait for a vCPU to run: pit_timer_hold() */
	VCPU_REQ_CODE,		/* the window would like to know more pages of code */
	VCPU_REQ_TPR,		/* userspace is to be told of an access to the TPR */
	VCPU_REQ_KICKS,		/* irq_make_kicks(): this vCPU's messages went to many */
	VCPU_REQ_STEP,		/* userspace steps the guest; stays until it does no more */
};

/* vcpu->mode: where the vCPU thread is; written by it alone, read by vcpu_kick(). */
enum vcpu_mode { VCPU_OUTSIDE, VCPU_IN_WINDOW };

/* Events waiting for injection, in the form GET/SET_VCPU_EVENTS gives them. */
struct vcpu_events {
	struct {
		bool pending;		/* to be delivered before the next instruction */
		bool injected;		/* was handed to the CPU and did not complete */
		bool has_error;
		u8 vector;
		u32 error;
		bool has_payload;
		u64 payload;
		u8 insn_len;		/* of INT3 or INTO, where RIP is until it is delivered */
		u8 moved;		/* how far the backend moved RIP on to hand it over */
		bool behind;		/* an NMI or interrupt whose delivery was interrupted comes first */
	} exception;
	struct {
		bool injected;
		u8 vector;
	} interrupt;
	bool nmi_injected;
	u8 user_vector;			/* KVM_INTERRUPT without in-kernel irqchip */
	bool user_interrupt;
	bool triple_fault;
	atomic_t nmi_pending;		/* 0..2; any context */
};

/*
 * What an exit may leave in the control structure. The backends know what is here; all others
 * go through lazy_state.h, which has it read: this name does not compile in their files.
 */
struct lazy_state {
	struct regs regs;		/* all but RSP, RIP and RFLAGS is always here */
	struct control_regs control;
	u8 cpl;
	bool irq_shadow;		/* of STI or MOV SS: no interrupt before the next instruction */
	bool nmi_masked;		/* until the next IRET */
	unsigned int unread;		/* VCPU_RIP ... of lazy_state.h: what is not here yet */
};

struct vcpu {
	/* Read and written at every exit. */
	struct lazy_state lazy_state;
	u64 cr2;
	unsigned long requests;		/* any context */
	int mode;			/* enum vcpu_mode; any context reads */
	int cpu;			/* CPU of the current or last section, -1 never ran */
	struct exit_info exit;
	struct minivmm_run *run;	/* the shared page: every field is read once */
	struct vm *vm;
	struct vcpu_events events;
	s8 irq_window;			/* what want_irq_window() was last told */
	u32 entries_left;		/* until the window ends, whatever comes */

	struct lapic lapic;		/* irq/lapic.h */
	struct vcpu_mmu mmu;		/* mmu/mmu.h: the root this vCPU runs on */
	struct xstate xstate;		/* cpu/xstate.h: guest XSAVE area, XCR0 */
	struct vcpu_msrs msrs;		/* cpu/msr.h: MSR values kept in software */
	struct vcpu_cpuid cpuid;	/* cpu/cpuid.h */
	struct asked asked;		/* exit_info.h: what the next VM_RUN completes */
	struct insn_state insn;		/* cpu/insn.h: an instruction waiting for userspace */
	struct code_pages code_pages;	/* cpu/code_page.h: where it was fetched from */
	struct vcpu_pv pv;		/* pv.h */
	struct vcpu_debug debug;	/* cpu/debug.h */
	struct vcpu_stats stats;	/* report/stats.h */
	struct last_error error;	/* report/explain.h */

	struct debug_regs dr;		/* cpu/debug_regs.h */
	u64 tsc_ratio, tsc_offset;	/* guest TSC = host TSC * ratio + offset; see pv.h */
	u32 tsc_khz;			/* of the guest's TSC */
	u64 exit_tsc;			/* EXIT_TIMER when the host's TSC is here; 0: none */
	u32 mp_state;			/* MINIVMM_MP_STATE_*; written by the vCPU thread only */

	struct mutex lock;
	struct rcuwait wait;		/* the vCPU thread sleeps here while halted */
	u32 id;				/* vCPU id = initial APIC ID */
	u32 index;			/* position in vm->vcpus */
	u64 serial;			/* of all vCPUs that ever were, none has the same; not 0 */
	sigset_t sigmask;
	bool sigmask_set;
	struct vcpu_mce mce;		/* cpu/mce.h */
	void *pio_data;			/* second page of the mapping */
	void *backend;			/* struct svm_vcpu or struct vmx_vcpu */
};

/* vcpu_in_window - whether the vCPU's own thread, which asks, is in its window. */
static inline bool vcpu_in_window(const struct vcpu *vcpu)
{
	return vcpu->mode == VCPU_IN_WINDOW;
}

/* vcpu_request - set request @req on @vcpu; visible before the next entry. Any context. */
void vcpu_request(struct vcpu *vcpu, unsigned int req);

/*
 * vcpu_kick - make @vcpu look at its requests soon: wakes it when halted, sends
 * an interrupt to its CPU when it is in a window. Any context, raw spinlocks held too.
 */
void vcpu_kick(struct vcpu *vcpu);

/* vcpu_request_kick - both of the above. */
static inline void vcpu_request_kick(struct vcpu *vcpu, unsigned int req)
{
	vcpu_request(vcpu, req);
	vcpu_kick(vcpu);
}

/* vcpu_take_request - test and clear @req; the vCPU thread only. */
static inline bool vcpu_take_request(struct vcpu *vcpu, unsigned int req)
{
	if (likely(!test_bit(req, &vcpu->requests)))
		return false;
	clear_bit(req, &vcpu->requests);
	smp_mb__after_atomic();	/* pairs with the barrier in vcpu_request() */
	return true;
}

/* vcpu_create - VM ioctl CREATE_VCPU: returns the new fd or -errno (EINVAL, EEXIST, ENOMEM). */
int vcpu_create(struct vm *vm, unsigned long id);

/* vcpu_destroy - last step of vm_free(): no fd is left. */
void vcpu_destroy(struct vcpu *vcpu);

/* vcpu_reset - state after power-on (@init false) or INIT (@init true). */
void vcpu_reset(struct vcpu *vcpu, bool init);

/*
 * vcpu_note_nmi - one NMI: at most two wait, one to be taken and one behind it. The caller
 * requests VCPU_REQ_EVENT and kicks. Any context.
 */
static inline void vcpu_note_nmi(struct vcpu *vcpu)
{
	atomic_add_unless(&vcpu->events.nmi_pending, 1, 2);
}

/* vcpu_is_bsp - whether this vCPU starts running at power-on. */
bool vcpu_is_bsp(const struct vcpu *vcpu);

/* Whether the last exit came in the middle of the delivery of an event. */
static inline bool vcpu_is_delivering(const struct vcpu *vcpu)
{
	return vcpu->events.exception.injected || vcpu->events.interrupt.injected ||
	       vcpu->events.nmi_injected;
}

#include "lazy_state.h"

#endif /* MINIVMM_VCPU_VCPU_H */
