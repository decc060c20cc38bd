// SPDX-License-Identifier: GPL-2.0
/* The trace points of the module: trace.h is the list, trace_events.h what each writes down. */
#include "../compat.h"
#include "../vcpu/vcpu.h"
#include "trace.h"

static u64 exit_trace_info(const struct exit_info *exit)
{
	switch (exit->kind) {
	case EXIT_FAULT:
	case EXIT_APIC_ACCESS:
		return exit->fault.gpa;
	case EXIT_IO:
		return exit->io.port;
	case EXIT_EXCEPTION:
		return exit->exception.vector;
	default:
		return 0;
	}
}

#define CREATE_TRACE_POINTS
#include "trace_events.h"

#define TRACE_POINT(name, parameters, arguments)	\
	void write_trace_##name parameters			\
	{						\
		trace_minivmm_##name arguments;		\
	}
TRACE_POINTS

void write_trace_exit_pio(struct vcpu *vcpu, bool in_kernel)
{
	const struct exit_info *exit = &vcpu->exit;
	u32 mask = exit->io.size < 4 ? (1u << exit->io.size * 8) - 1 : ~0u;

	write_trace_pio(exit->io.direction == MINIVMM_EXIT_IO_OUT, exit->io.port, exit->io.size,
			1, vcpu_gprs(vcpu)[GPR_RAX] & mask, in_kernel);
}

void write_trace_move(struct vcpu *vcpu, bool in_kernel)
{
	const struct emul_insn *insn = &vcpu->insn.e.insn;

	write_trace_mmio(insn->move_is_write, insn->move_size, vcpu->exit.fault.gpa,
			 vcpu->insn.move_data, in_kernel);
}

/* All kinds of exits have a name. */
#define ONE(number, kind)	static_assert(EXIT_##kind == (number));
#define COUNT(number, kind)	+ 1
TRACE_EXIT_KINDS(ONE)
static_assert(NR_EXIT_KINDS == TRACE_EXIT_KINDS(COUNT));
