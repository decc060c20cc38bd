// SPDX-License-Identifier: GPL-2.0
/* An instruction from its start to its end: the contract is in insn.h. */
#include <linux/sched/signal.h>

#include "../backend.h"
#include "../report/explain.h"
#include "../vcpu/inject.h"
#include "../vcpu/user_exit.h"
#include "../vcpu/vcpu.h"
#include "code_page.h"
#include "insn.h"
#include "insn_ops.h"

static bool op_iterate(struct emul *e)
{
	struct vcpu *vcpu = to_vcpu(e);

	vcpu->insn.done = 0;
	vcpu->insn.next = 0;
	return !READ_ONCE(vcpu->requests) && !signal_pending(current) && !need_resched();
}

static const struct emul_ops vcpu_emul_ops = {
	.segment = insn_segment,
	.set_segment = insn_set_segment,
	.table = insn_table,
	.set_table = insn_set_table,
	.set_cr0 = insn_set_cr0,
	.set_cr3 = insn_set_cr3,
	.cpu_has = insn_cpu_has,
	.fetch = insn_op_fetch,
	.read = insn_op_read,
	.write = insn_op_write,
	.compare_exchange = insn_op_compare_exchange,
	.probe = insn_op_probe,
	.pio_in = insn_op_pio_in,
	.pio_out = insn_op_pio_out,
	.vec_read = insn_vec_read,
	.vec_write = insn_vec_write,
	.fpu_read = insn_fpu_read,
	.fpu_write = insn_fpu_write,
	.mmx_read = insn_mmx_read,
	.mmx_write = insn_mmx_write,
	.mmx_used = insn_mmx_used,
	.iterate = op_iterate,
};

static void prepare(struct vcpu *vcpu)
{
	struct emul *e = &vcpu->insn.e;
	const struct control_regs *control;
	struct segment cs;

	vcpu->insn.stale = false;
	vcpu_need(vcpu, VCPU_STATE);	/* one piece after the other takes longer */
	control = vcpu_control(vcpu);
	backend_call(get_segment)(vcpu, SEG_CS, &cs);
	e->ops = &vcpu_emul_ops;
	e->ctx = vcpu;
	e->regs = vcpu_regs(vcpu);
	e->cr0 = control->cr0;
	e->cr4 = control->cr4;
	e->efer = control->efer;
	e->xcr0 = vcpu->xstate.xcr0;
	e->cs_attr = cs.attr;
	e->cpl = vcpu_cpl(vcpu);
	e->pio_data = vcpu->pio_data;
	e->pio_len = PAGE_SIZE;
	e->pio_size = vcpu->exit.kind == EXIT_IO ? vcpu->exit.io.size : 0;
	e->pio_port = vcpu->exit.kind == EXIT_IO ? vcpu->exit.io.port : 0;
	e->fetched = vcpu->insn.code_len;
	e->linear = EMUL_NO_LINEAR;
}

static int report_unhandled(struct vcpu *vcpu)
{
	const struct emul *e = &vcpu->insn.e;
	struct minivmm_run *run = vcpu->run;

	exit_internal_error(vcpu, MINIVMM_INTERNAL_ERROR_EMULATION, 0);
	run->emulation_failure.flags = MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.insn_size = e->fetched;
	memcpy(run->emulation_failure.insn_bytes, e->insn.bytes,
	       sizeof(run->emulation_failure.insn_bytes));
	refuse(&vcpu->error, -EIO, "instruction", vcpu_rip(vcpu),
	       "an instruction that touched a device is not one that can be emulated");
	return NEXT_USER;
}

static void inject_fault(struct vcpu *vcpu, const struct emul_fault *fault)
{
	if (fault->vector == VEC_PF)
		vcpu_inject_page_fault(vcpu, fault->error_code, fault->cr2);
	else
		vcpu_inject_exception(vcpu, fault->vector, fault->has_error, fault->error_code);
}

static int conclude(struct vcpu *vcpu, int result)
{
	struct insn_state *em = &vcpu->insn;

	if (em->posted && result != EMUL_DONE)
		result = EMUL_EXIT;
	switch (result) {
	case EMUL_DONE:
		vcpu_set_irq_shadow(vcpu, em->e.shadow);
		if (em->e.single_step)
			vcpu_inject_debug(vcpu, 1 << 14);
		return em->posted ? NEXT_USER : NEXT_ENTER;
	case EMUL_FAULT:
		inject_fault(vcpu, &em->e.fault);
		return NEXT_ENTER;
	case EMUL_EXIT:
		return exit_ask_user(vcpu, ASKED_INSN);
	case EMUL_RETRY:
		return em->error ? em->error : NEXT_ENTER;
	default:
		return report_unhandled(vcpu);
	}
}

static void reset(struct insn_state *em)
{
	em->done = 0;
	em->next = 0;
	em->error = 0;
	em->last.valid = false;
	em->may_post = false;
	em->posted = false;
}

static void begin(struct vcpu *vcpu)
{
	reset(&vcpu->insn);
	prepare(vcpu);
}

void insn_await(struct insn_state *em, u64 gpa)
{
	reset(em);
	em->steps[0].gpa = gpa;
	em->reading = true;
	em->stale = true;	/* prepare() is yet to come */
}

/* For insn_move_in_window(); in other than 64-bit code nothing counts as one of these. */
static void keep_move(struct insn_state *em)
{
	if (em->e.insn.move_size || em->e.insn.read_size)
		em->moves[em->next_move++ % INSN_MOVES] = em->e.insn;
}

/* A loop that polls a device has the same few bytes each time. */
static int decode(struct insn_state *em)
{
	struct emul *e = &em->e;
	bool known = emul_decoded_matches(e, em->code, em->code_len);
	int result;

	memcpy(e->insn.bytes, em->code, sizeof(em->code));
	em->code_len = 0;
	if (known)
		return EMUL_DONE;
	result = emul_decode(e);
	if (result == EMUL_DONE)
		keep_move(em);
	return result;
}

struct emul *insn_begin(struct vcpu *vcpu)
{
	begin(vcpu);
	return &vcpu->insn.e;
}

void insn_inject(struct vcpu *vcpu)
{
	inject_fault(vcpu, &vcpu->insn.e.fault);
}

/* A string goes on with its next element in the same run. */
static int execute(struct insn_state *em)
{
	em->posted = false;
	em->may_post = !em->e.insn.rep;
	return emul_execute(&em->e);
}

int insn_run(struct vcpu *vcpu)
{
	struct insn_state *em = &vcpu->insn;
	int result;

	begin(vcpu);
	vcpu->stats.emulated++;
	result = decode(em);
	if (result == EMUL_DONE)
		result = execute(em);
	return conclude(vcpu, result);
}

static bool is_still_decoded(struct vcpu *vcpu)
{
	const struct emul *e = &vcpu->insn.e;

	prepare(vcpu);
	return emul_decoded_matches(e, e->insn.bytes, e->insn.len);
}

int insn_continue(struct vcpu *vcpu)
{
	struct insn_state *em = &vcpu->insn;

	em->error = 0;
	if (em->reading)
		memcpy(em->steps[em->done].data, vcpu->run->mmio.data, 8);
	em->done++;
	em->next = 0;
	if (unlikely(em->stale) && !is_still_decoded(vcpu))
		return NEXT_ENTER;
	return conclude(vcpu, execute(em));
}

/* A failure ends it without a word: the CPU has just fetched what is there. */
unsigned int insn_fetch(struct vcpu *vcpu, u8 *bytes, unsigned int len)
{
	struct emul *e = &vcpu->insn.e;
	u64 linear = code_linear_rip(vcpu);
	unsigned int got = 0, more;

	begin(vcpu);
	while (got < len &&
	       insn_op_fetch(e, linear + got, bytes + got, len - got, &more) == EMUL_DONE)
		got += more;
	return got;
}

int insn_measure(struct vcpu *vcpu, unsigned int opcode_len)
{
	struct emul *e = &vcpu->insn.e;
	u64 linear = code_linear_rip(vcpu);
	u8 bytes[EMUL_INSN_MAX];
	unsigned int got = 0, more;
	int ret;

	begin(vcpu);
	do {
		ret = insn_op_fetch(e, linear + got, bytes + got, sizeof(bytes) - got, &more);
		if (ret == EMUL_UNHANDLED)
			return report_unhandled(vcpu);
		if (ret != EMUL_DONE) {
			ret = conclude(vcpu, ret);
			return ret == NEXT_ENTER ? NEXT_HOST : ret;
		}
		got += more;
	} while (!code_set_insn_len(vcpu, bytes, got, opcode_len) && got < sizeof(bytes));
	return NEXT_ENTER;
}
