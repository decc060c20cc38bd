/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a backend reports of an exit, and what userspace was asked because of it. A backend fills
 * vcpu->exit in the window, right after the guest stopped; no handler sees a hardware exit code.
 */
#ifndef MINIVMM_VCPU_EXIT_INFO_H
#define MINIVMM_VCPU_EXIT_INFO_H

#include <linux/types.h>

struct entry_rule;

enum exit_kind {
	EXIT_UNKNOWN,		/* .hw_code */
	EXIT_INTERRUPT,		/* host interrupt, NMI or SMI: taken when the window ends */
	EXIT_ENTRY_FAILED,	/* the CPU refused to enter: .refused, and .hw_code in its words */
	EXIT_IO,		/* IN, OUT, INS, OUTS: .io */
	EXIT_FAULT,		/* second-level page fault: .fault */
	EXIT_CPUID,
	EXIT_MSR_READ,
	EXIT_MSR_WRITE,
	EXIT_HLT,
	EXIT_HYPERCALL,
	EXIT_XSETBV,
	EXIT_CR4_WRITE,		/* MOV to CR4 of a guest that may not set all there is: .gpr */
	EXIT_PAUSE,
	EXIT_INTERRUPT_WINDOW,	/* the guest can now take an interrupt */
	EXIT_NMI_WINDOW,	/* ... an NMI */
	EXIT_TIMER,		/* vcpu->exit_tsc has come */
	EXIT_DEBUG_REGISTER,	/* first use of a debug register in this section */
	EXIT_SHUTDOWN,		/* triple fault */
	EXIT_EXCEPTION,		/* an intercepted exception: .exception */
	EXIT_MACHINE_CHECK,
	EXIT_CACHE_FLUSH,	/* WBINVD, WBNOINVD, INVD */
	EXIT_UNDEFINED,		/* an instruction this guest does not have: #UD */
	EXIT_RDPMC,
	EXIT_CPU_TAKEN,		/* no entry: another hypervisor holds this CPU */
	EXIT_RESUME,		/* the backend dealt with it alone */
	EXIT_APIC_ACCESS,	/* to the local APIC's page, to be emulated: .fault */
	EXIT_EOI_WRITE,		/* an instruction that writes its EOI register */
	EXIT_APIC_WRITTEN,	/* .apic.offset was written: see lapic_written() */
	EXIT_STEP,		/* a step is done: cpu/debug.h */
	EXIT_CR4_READ,		/* MOV from CR4 of a guest whose CR4 is not the CPU's: .gpr */
	EXIT_EOI_DONE,		/* the CPU ended interrupt .apic.vector, which concerns others */
	EXIT_TASK_SWITCH,	/* the guest switches tasks, and this CPU does not do it: .task */
	NR_EXIT_KINDS
};

struct exit_info {
	enum exit_kind kind;
	u8 insn_len;		/* 0: the CPU did not say; see code_measure() */
	u8 gpr;			/* the operand, if that is told or code_set_insn_len() was called */
	u64 hw_code;
	union {
		struct {
			u64 next_rip;
			u8 direction;	/* from here on as in the run page: MINIVMM_EXIT_IO_* */
			u8 size;
			u16 port;
			bool string;
		} io;
		struct {
			u64 gpa;
			u32 access;	/* MMU_WRITE, MMU_EXEC */
			bool final;	/* gpa is what the guest accessed, not its page table */
		} fault;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 address;	/* of a page fault */
		} exception;
		struct {
			u16 offset;
			u8 vector;
		} apic;
		struct {
			u16 selector;	/* of the new TSS */
			u8 source;	/* enum emul_task_source */
			bool by_event;	/* vcpu->events has which; .insn_len is 0 then */
		} task;
		struct {
			const struct entry_rule *rule;	/* entry_rule.h; NULL: none we know */
			u64 value;
		} refused;
	};
};

/* What userspace was asked when VM_RUN returned; exit_complete_user() has who takes the answer. */
enum asked_kind {
	ASKED_NOTHING,
	ASKED_PORT,		/* for the port access of the last exit */
	ASKED_MOVE,		/* for what a plain move reads from a device */
	ASKED_INSN,		/* for an access that the emulator makes */
};

struct asked {
	enum asked_kind kind;
	u64 rip;		/* of the instruction */
};

/* What to do next. A negative number is an errno for VM_RUN. */
enum run_next {
	NEXT_ENTER,		/* enter the guest again, at once */
	NEXT_AGAIN,		/* the same, in the window: only registers and requests have changed */
	NEXT_WINDOW,		/* end the window, so that the host's interrupts come; then enter again */
	NEXT_OUTSIDE,		/* leave section and window, then exit_handle_outside() */
	NEXT_HOST,		/* leave the section: the host has work; then enter again */
	NEXT_USER,		/* return to userspace: the run page says why */
};

#endif /* MINIVMM_VCPU_EXIT_INFO_H */
