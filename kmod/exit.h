/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VM exits in common terms: what a backend reports and what handlers return.
 *
 * A backend fills vcpu->exit in the window, right after the guest stopped;
 * exit.c dispatches on .kind. No handler sees a hardware exit code.
 */
#ifndef MINIVMM_EXIT_H
#define MINIVMM_EXIT_H

#include <linux/types.h>

struct vcpu;

enum exit_kind {
	EXIT_INTERRUPT,		/* host interrupt, NMI or SMI: taken when the window ends */
	EXIT_ENTRY_FAILED,	/* the CPU refused the guest state: .hw_code says why */
	EXIT_IO,		/* IN, OUT, INS, OUTS: .io */
	EXIT_FAULT,		/* second-level page fault: .fault */
	EXIT_CPUID,
	EXIT_MSR_READ,
	EXIT_MSR_WRITE,
	EXIT_HLT,
	EXIT_HYPERCALL,
	EXIT_XSETBV,
	EXIT_PAUSE,
	EXIT_INTERRUPT_WINDOW,	/* the guest can now take an interrupt */
	EXIT_NMI_WINDOW,	/* ... an NMI */
	EXIT_TPR,		/* the guest lowered its task priority below what waits */
	EXIT_SHUTDOWN,		/* triple fault */
	EXIT_EXCEPTION,		/* an intercepted exception: .exception */
	EXIT_MACHINE_CHECK,
	EXIT_CACHE_FLUSH,	/* WBINVD, WBNOINVD, INVD */
	EXIT_MWAIT,		/* MONITOR, MWAIT, RDPMC and others that do nothing or #UD */
	EXIT_UNDEFINED,		/* an instruction this guest does not have: #UD */
	EXIT_NOT_COUNTED,	/* RDPMC: #GP */
	EXIT_RESUME,		/* the backend dealt with it alone */
	EXIT_UNKNOWN,		/* .hw_code */
	NR_EXIT_KINDS
};

struct exit_info {
	enum exit_kind kind;
	u8 insn_len;		/* 0: the CPU did not say; see emulation_skip() */
	u64 hw_code;
	union {
		struct {
			u64 next_rip;
			u16 port;
			u8 size;
			bool in, string;
		} io;
		struct {
			u64 gpa;
			u32 access;	/* MMU_ACCESS_* */
		} fault;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
		} exception;
	};
};

/* What to do next. A negative number is an errno for VM_RUN. */
enum run_next {
	NEXT_ENTER,		/* enter the guest again, at once */
	NEXT_OUTSIDE,		/* leave section and window, then exit_handle_outside() */
	NEXT_USER,		/* return to userspace: the run page says why */
};

/* exit_handle - first look at an exit, in the window: no sleeping, no user memory. */
int exit_handle(struct vcpu *vcpu);

/* exit_handle_outside - the rest of it, outside. Returns NEXT_ENTER, NEXT_USER or -errno. */
int exit_handle_outside(struct vcpu *vcpu);

/* exit_complete_user - outside, at the start of VM_RUN: what userspace was asked is answered. */
int exit_complete_user(struct vcpu *vcpu);

#endif /* MINIVMM_EXIT_H */
