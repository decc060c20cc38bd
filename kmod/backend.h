/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract of a vendor backend (svm/, vmx/): translate between struct vcpu
 * and the CPU's control structure, nothing else. One backend is chosen at load;
 * calls are static calls.
 *
 * In the window the backend owns the CPU between its enter() and its return;
 * outside it the common code may read and change the guest state through the
 * ops below, in any order, from the thread that holds vcpu->lock.
 */
#ifndef MINIVMM_BACKEND_H
#define MINIVMM_BACKEND_H

#include <linux/static_call.h>
#include <linux/types.h>

#include "cpu/regs.h"

struct vcpu;
struct minivmm_segment;

/* What a backend and its CPU can do; fixed after setup(). */
struct backend_caps {
	const char *name;		/* "svm" or "vmx" */
	bool spec_ctrl;			/* guest SPEC_CTRL can be offered */
	bool xsaves, rdtscp, invpcid;	/* instructions: RDPID goes with RDTSCP */
	bool exit_timer;		/* obeys vcpu->exit_tsc */
	bool steps;			/* can do step() */
	bool hides_xsetbv;		/* XSETBV does not exit: the guest changes XCR0 by itself */
	u8 tsc_ratio_bits;		/* fraction bits of vcpu->tsc_ratio; 0: it is not obeyed */
	bool holds_cpus;		/* virtualization is on from load to unload */
	bool clears_debugctl;		/* an exit does, or the guest may not have the host's */
	/* With an in-kernel local APIC, on its page (irq/lapic_regs.h): */
	bool delivers_irqs;		/* the CPU takes interrupts out of the IRR by itself */
	bool apic_registers;		/* it serves reads of the registers */
};

/* Segment registers beyond enum sreg, for get_segment and set_segment. */
enum { BACKEND_LDTR = SEG_LDTR, BACKEND_TR = SEG_TR, BACKEND_NR_SEGMENTS };

extern struct backend_caps backend;

/*
 * BACKEND_OPS(OP) - the interface; OP(return type, name, parameters).
 *
 * probe	at load: does this CPU have the vendor's kind of virtualization?
 * setup	at load, if so: is this CPU able? 0, or -errno with the reason printed.
 * teardown	at unload, after cpu_disable on every CPU.
 * cpu_enable	on each CPU, interrupts off: EBUSY if another hypervisor holds it.
 * cpu_disable	on each CPU, interrupts off; also from the crash callback: no locks.
 * vcpu_create	allocate vcpu->backend. ENOMEM.
 * vcpu_free	free it; vcpu->backend may be NULL.
 * vcpu_reset	control structure to power-on or INIT state.
 * section_enter/leave	section: what stays loaded from window to window.
 * interrupted	section, on some kernels with interrupts off: interrupts of the host ended a window.
 * window_enter/leave	window: its start and its end, where the backend gives the CPU back.
 * enter	window: run the guest once; fills vcpu->exit, general registers, CR2, and of the rest
 *		what lazy_state.unread does not name; RIP and flags if .kind is an instruction to
 *		step over.
 * read_state	fill those of @which (VCPU_RIP ...) that are unread.
 * flush_tlb	window: drop this vCPU's cached translations before the next entry.
 * get_segment/set_segment	struct segment with VMCB-style attributes.
 * code_is_64bit	whether CS.L is set.
 * get_table/set_table	base and limit of GDTR (@idt false) or IDTR.
 * sync_control	after common code set cr0, cr3, cr4, efer, CPUID or the local APIC's mode.
 * sync_tsc	after vcpu->tsc_offset or tsc_ratio changed.
 * sync_debug	after vcpu->dr or what debug_wants_breakpoints() says changed.
 * step		window, after an event was handed over: the next entry ends with EXIT_STEP after one
 *		instruction, or ends somehow after the event was delivered.
 * get_msr/set_msr	an MSR the control structure holds; -EINVAL: none of them.
 * inject_irq/nmi/exception	window: hand an event to the next entry.
 * want_irq_window	window: exit as soon as the guest can take an interrupt of class
 *		@priority (vector / 16; above 15: whatever CR8 says; below 0: no exit).
 * want_nmi_window	window: exit as soon as the guest can take an NMI.
 */
#define BACKEND_OPS(OP)								\
	OP(bool, probe, (void))							\
	OP(int, setup, (void))							\
	OP(void, teardown, (void))						\
	OP(int, cpu_enable, (void))						\
	OP(void, cpu_disable, (void))						\
	OP(int, vcpu_create, (struct vcpu *vcpu))				\
	OP(void, vcpu_free, (struct vcpu *vcpu))				\
	OP(void, vcpu_reset, (struct vcpu *vcpu, bool init))			\
	OP(void, section_enter, (struct vcpu *vcpu))				\
	OP(void, section_leave, (struct vcpu *vcpu))				\
	OP(void, interrupted, (struct vcpu *vcpu))				\
	OP(void, window_enter, (struct vcpu *vcpu))				\
	OP(void, window_leave, (struct vcpu *vcpu))				\
	OP(void, enter, (struct vcpu *vcpu))					\
	OP(void, read_state, (struct vcpu *vcpu, unsigned int which))		\
	OP(void, flush_tlb, (struct vcpu *vcpu))				\
	OP(void, get_segment, (struct vcpu *vcpu, int seg, struct segment *out)) \
	OP(void, set_segment, (struct vcpu *vcpu, int seg, const struct segment *in)) \
	OP(bool, code_is_64bit, (struct vcpu *vcpu))				\
	OP(void, get_table, (struct vcpu *vcpu, bool idt, u64 *base, u16 *limit)) \
	OP(void, set_table, (struct vcpu *vcpu, bool idt, u64 base, u16 limit))	\
	OP(void, sync_control, (struct vcpu *vcpu))				\
	OP(void, sync_tsc, (struct vcpu *vcpu))					\
	OP(void, sync_debug, (struct vcpu *vcpu))				\
	OP(void, step, (struct vcpu *vcpu))					\
	OP(int, get_msr, (struct vcpu *vcpu, u32 index, u64 *value))		\
	OP(int, set_msr, (struct vcpu *vcpu, u32 index, u64 value))		\
	OP(void, inject_irq, (struct vcpu *vcpu, u8 vector))			\
	OP(void, inject_nmi, (struct vcpu *vcpu))				\
	OP(void, inject_exception, (struct vcpu *vcpu))				\
	OP(void, want_irq_window, (struct vcpu *vcpu, int priority))		\
	OP(void, want_nmi_window, (struct vcpu *vcpu))

struct backend_ops {
#define OP(ret, name, args)	ret (*name)args;
	BACKEND_OPS(OP)
#undef OP
};

#define OP(ret, name, args)	DECLARE_STATIC_CALL(backend_##name, *((struct backend_ops *)0)->name);
BACKEND_OPS(OP)
#undef OP

/* backend_call(enter)(vcpu) calls the chosen backend's enter(). */
#define backend_call(name)	static_call(backend_##name)

extern const struct backend_ops svm_backend_ops, vmx_backend_ops;

#endif /* MINIVMM_BACKEND_H */
