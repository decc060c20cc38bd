// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware task switches for a vCPU: what emulator/task.c, which does them, leaves out. That is
 * the event whose handler is a task, NMIs and debug registers.
 */
#include "../backend.h"
#include "../report/explain.h"
#include "../vcpu/inject.h"
#include "../vcpu/user_exit.h"
#include "../vcpu/vcpu.h"
#include "insn.h"
#include "task.h"

#define DR7_LOCAL	0x155ull	/* L0 to L3, and LE */
#define DR6_TASK	BIT(15)

static struct emul_task describe(struct vcpu *vcpu)
{
	const struct vcpu_events *ev = &vcpu->events;
	const struct exit_info *exit = &vcpu->exit;
	struct emul_task task = {
		.source = exit->task.source, .selector = exit->task.selector,
		.by_event = exit->task.by_event, .insn_len = exit->insn_len, .cr3 = vcpu_cr3(vcpu),
	};

	if (task.by_event && ev->exception.injected) {
		task.has_error = ev->exception.has_error;
		task.error_code = ev->exception.error;
	}
	return task;
}

/* NMIs are blocked from here on, or no more, even if a fault is all that came of it. */
static void change_nmi_blocking(struct vcpu *vcpu, const struct emul_task *task)
{
	if (task->source == EMUL_TASK_IRET)
		vcpu_set_nmi_masked(vcpu, false);
	else if (task->by_event && vcpu->events.nmi_injected)
		vcpu_set_nmi_masked(vcpu, true);
}

static void forget_event(struct vcpu *vcpu)
{
	vcpu->events.interrupt.injected = false;
	vcpu->events.nmi_injected = false;
}

/* A fault is one in the delivery of the event, in whichever task it comes. */
static void conclude(struct vcpu *vcpu, const struct emul_task *task, int result)
{
	change_nmi_blocking(vcpu, task);
	if (task->switched) {
		vcpu_set_irq_shadow(vcpu, false);
		vcpu->dr.dr7 &= ~DR7_LOCAL;
		backend_call(sync_debug)(vcpu);
	}
	if (result == EMUL_FAULT)
		insn_inject(vcpu);
	else
		vcpu->events.exception.injected = false;
	forget_event(vcpu);
	if (task->trap)
		vcpu_inject_debug(vcpu, DR6_TASK);
}

#define OPCODE_INT	0xcd	/* whose vector follows */

/* Where the CPU does not say how long the instruction is. Returns as insn_measure(). */
static int measure(struct vcpu *vcpu)
{
	struct emul *e = insn_begin(vcpu);
	u8 bytes[EMUL_INSN_MAX];
	int next;

	if (vcpu->exit.insn_len || vcpu->exit.task.by_event)
		return NEXT_ENTER;
	if (emul_decode(e) == EMUL_DONE) {
		vcpu->exit.insn_len = e->insn.len;	/* a far jump or call */
		return NEXT_ENTER;
	}
	next = insn_measure(vcpu, 1);
	if (next != NEXT_ENTER)
		return next;
	if (insn_fetch(vcpu, bytes, vcpu->exit.insn_len) == vcpu->exit.insn_len &&
	    bytes[vcpu->exit.insn_len - 1] == OPCODE_INT)
		vcpu->exit.insn_len++;
	return NEXT_ENTER;
}

static int report_unhandled(struct vcpu *vcpu)
{
	exit_internal_error(vcpu, MINIVMM_INTERNAL_ERROR_EMULATION, 0);
	refuse(&vcpu->error, -EIO, "task", vcpu->exit.task.selector,
	       "a task switch whose tables or task states are not in memory");
	return NEXT_USER;
}

int task_switch(struct vcpu *vcpu)
{
	int next = measure(vcpu), result;
	struct emul_task task;
	struct emul *e;

	if (next != NEXT_ENTER)
		return next == NEXT_HOST ? NEXT_ENTER : next;
	e = insn_begin(vcpu);
	task = describe(vcpu);
	result = emul_task_switch(e, &task);
	switch (result) {
	case EMUL_DONE:
	case EMUL_FAULT:
		conclude(vcpu, &task, result);
		return NEXT_ENTER;
	case EMUL_RETRY:
		return vcpu->insn.error ?: NEXT_ENTER;
	default:
		return report_unhandled(vcpu);
	}
}
