/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace points: trace_entry() ... write an event of events/minivmm, see trace_events.h. Each
 * costs a nop while it is off: what it does then is behind a call. entry and exit are the window's;
 * set_irq and apic_accept_irq may be in any context, the others in the window or outside.
 */
#ifndef MINIVMM_REPORT_TRACE_H
#define MINIVMM_REPORT_TRACE_H

#include <linux/tracepoint-defs.h>
#include <linux/types.h>

struct irq_message;
struct vcpu;

#define TRACE_POINT(name, parameters, arguments)		\
	DECLARE_TRACEPOINT(minivmm_##name);			\
	void write_trace_##name parameters;			\
	static __always_inline void trace_##name parameters	\
	{							\
		if (tracepoint_enabled(minivmm_##name))		\
			write_trace_##name arguments;		\
	}

#define TRACE_POINTS									\
	TRACE_POINT(entry, (struct vcpu *vcpu), (vcpu))					\
	TRACE_POINT(exit, (struct vcpu *vcpu), (vcpu))					\
	/* @reason: MINIVMM_EXIT_*; @err: 0, or negative. */				\
	TRACE_POINT(userspace_exit, (u32 vcpu_id, u32 reason, int err),			\
		    (vcpu_id, reason, err))						\
	TRACE_POINT(inj_virq, (u32 vcpu_id, u8 vector), (vcpu_id, vector))		\
	TRACE_POINT(inj_exception, (u32 vcpu_id, u8 vector, bool has_error, u32 error_code),	\
		    (vcpu_id, vector, has_error, error_code))				\
	/* @result: of mmu_fault() */							\
	TRACE_POINT(page_fault, (u32 vcpu_id, u64 gpa, u32 access, int result),		\
		    (vcpu_id, gpa, access, result))					\
	/* Accesses to devices, and whether the kernel has them. */			\
	TRACE_POINT(mmio,								\
		    (bool is_write, unsigned int len, u64 gpa, u64 val, bool in_kernel),	\
		    (is_write, len, gpa, val, in_kernel))				\
	TRACE_POINT(pio,								\
		    (bool is_write, u16 port, unsigned int size, u64 count, u32 val,	\
		     bool in_kernel),							\
		    (is_write, port, size, count, val, in_kernel))			\
	/* RDMSR or WRMSR: its operands are in the registers. */			\
	TRACE_POINT(msr, (struct vcpu *vcpu, bool is_write, bool exception),		\
		    (vcpu, is_write, exception))					\
	/* @source: enum irq_source */							\
	TRACE_POINT(set_irq, (u32 gsi, bool level, int source), (gsi, level, source))	\
	/* A message has come to a local APIC. */					\
	TRACE_POINT(apic_accept_irq, (u32 vcpu_id, const struct irq_message *msg),	\
		    (vcpu_id, msg))							\
	TRACE_POINT(apic, (bool is_write, u32 reg, u64 val), (is_write, reg, val))	\
	/* A call or an entry was refused: the last-error record. */			\
	TRACE_POINT(refused, (int err, const char *field, u64 value, const char *rule),	\
		    (err, field, value, rule))

TRACE_POINTS
#undef TRACE_POINT

/*
 * trace_exit_pio - trace_pio() of the exit's access, and trace_move() trace_mmio() of vcpu->insn's
 * plain move: with the vCPU alone, so that no register is kept for them. A read in the kernel is
 * done.
 */
void write_trace_exit_pio(struct vcpu *vcpu, bool in_kernel);
void write_trace_move(struct vcpu *vcpu, bool in_kernel);

static __always_inline void trace_exit_pio(struct vcpu *vcpu, bool in_kernel)
{
	if (tracepoint_enabled(minivmm_pio))
		write_trace_exit_pio(vcpu, in_kernel);
}

static __always_inline void trace_move(struct vcpu *vcpu, bool in_kernel)
{
	if (tracepoint_enabled(minivmm_mmio))
		write_trace_move(vcpu, in_kernel);
}

#endif /* MINIVMM_REPORT_TRACE_H */
