// SPDX-License-Identifier: GPL-2.0
/* Plain moves to and from device memory, made in the window: the contract is in insn.h. */
#include "../emulator/move.h"
#include "../report/trace.h"
#include "../vcpu/user_exit.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "code_page.h"
#include "insn.h"
#include "insn_ops.h"

static inline void step_over_move(struct vcpu *vcpu)
{
	vcpu_step_over(vcpu, vcpu->insn.e.insn.len);
}

static void finish_read(struct vcpu *vcpu, u64 data)
{
	emul_finish_read(&vcpu->insn.e, data);
	step_over_move(vcpu);
}

int insn_complete_move(struct vcpu *vcpu)
{
	u64 data;

	memcpy(&data, vcpu->run->mmio.data, sizeof(data));
	finish_read(vcpu, data);
	return NEXT_ENTER;
}

/* Whether the CPU exited for the operand of @size bytes, in one page, of the decoded instruction. */
static __always_inline bool is_for_operand(const struct vcpu *vcpu, unsigned int size, bool is_write)
{
	const struct exit_info *exit = &vcpu->exit;

	return exit->fault.final && vcpu->code_pages.is_64bit &&
	       is_write == !!(exit->fault.access & MMU_WRITE) &&
	       !offset_in_page(emul_address_sum(&vcpu->insn.e) ^ exit->fault.gpa) &&
	       offset_in_page(exit->fault.gpa) + size <= PAGE_SIZE;
}

/* Whether the instruction in @bytes is a plain move that does just the access of this exit. */
static __always_inline bool is_known_move(const struct vcpu *vcpu, const u8 *bytes, unsigned int len)
{
	const struct emul *e = &vcpu->insn.e;

	return emul_known_move(e, bytes, len) &&
	       is_for_operand(vcpu, e->insn.move_size, e->insn.move_is_write);
}

/* Once userspace is told of it, a write is over for the guest. */
static int write_in_window(struct vcpu *vcpu)
{
	struct insn_state *em = &vcpu->insn;
	struct minivmm_run *run = vcpu->run;
	unsigned int size = em->e.insn.move_size;
	u64 gpa = vcpu->exit.fault.gpa;

	em->move_data = emul_move_data(&em->e);
	/* Who takes it may want to know which instruction did it. */
	if (insn_in_kernel(vcpu, gpa, size, true, &em->move_data)) {
		trace_move(vcpu, true);
		step_over_move(vcpu);
		return NEXT_ENTER;
	}
	step_over_move(vcpu);
	trace_move(vcpu, false);
	insn_report_mmio(run, gpa, size, true);
	memcpy(run->mmio.data, &em->move_data, sizeof(em->move_data));
	return NEXT_USER;
}

static int read_in_window(struct vcpu *vcpu)
{
	struct insn_state *em = &vcpu->insn;
	unsigned int size = em->e.insn.move_size;
	u64 gpa = vcpu->exit.fault.gpa;

	em->move_data = 0;
	if (insn_in_kernel(vcpu, gpa, size, false, &em->move_data)) {
		trace_move(vcpu, true);
		finish_read(vcpu, em->move_data);
		return NEXT_ENTER;
	}
	trace_move(vcpu, false);
	insn_report_mmio(vcpu->run, gpa, size, false);
	return exit_ask_user(vcpu, ASKED_MOVE);
}

static int move_in_window(struct vcpu *vcpu)
{
	return vcpu->insn.e.insn.move_is_write ? write_in_window(vcpu) : read_in_window(vcpu);
}

/* Whether another instruction, which is decoded, reads just this first of all, from userspace. */
static bool is_known_read(const struct vcpu *vcpu)
{
	const struct emul_insn *insn = &vcpu->insn.e.insn;

	return insn->read_size && is_for_operand(vcpu, insn->read_size, insn->read_to_write) &&
	       !bus_may_take_memory(vcpu, vcpu->exit.fault.gpa);
}

/*
 * Userspace is asked before the instruction is looked at further: it is run when the answer is
 * there.
 */
static int ask_for_operand(struct vcpu *vcpu)
{
	struct insn_state *em = &vcpu->insn;
	unsigned int size = em->e.insn.read_size;
	u64 gpa = vcpu->exit.fault.gpa;

	trace_mmio(false, size, gpa, 0, false);
	insn_report_mmio(vcpu->run, gpa, size, false);
	vcpu->stats.emulated++;
	insn_await(em, gpa);
	return exit_ask_user(vcpu, ASKED_INSN);
}

/* One that is decoded, but not as the last, becomes the last. */
static bool recall(struct insn_state *em, const u8 *bytes, unsigned int len)
{
	const struct emul_insn *insn;
	unsigned int i;

	for (i = 0; i < INSN_MOVES; i++) {
		insn = &em->moves[i];
		if ((insn->move_size || insn->read_size) && emul_same_bytes(insn, bytes, len)) {
			em->e.insn = *insn;
			return true;
		}
	}
	return false;
}

static noinline int try_older(struct vcpu *vcpu, const u8 *bytes, unsigned int len)
{
	struct insn_state *em = &vcpu->insn;

	if (recall(em, bytes, len)) {
		if (is_known_move(vcpu, bytes, len))
			return move_in_window(vcpu);
		if (is_known_read(vcpu))
			return ask_for_operand(vcpu);
	}
	em->code_len = min_t(unsigned int, len, sizeof(em->code));
	memcpy(em->code, bytes, em->code_len);
	return NEXT_OUTSIDE;
}

int insn_move_in_window(struct vcpu *vcpu)
{
	unsigned int len;
	const u8 *bytes;

	if (vcpu_is_delivering(vcpu))
		return NEXT_OUTSIDE;
	vcpu_need(vcpu, VCPU_STATE & ~VCPU_CPL);
	bytes = code_peek(vcpu);
	if (!bytes)
		return NEXT_OUTSIDE;
	len = code_len(bytes);
	if (unlikely(!is_known_move(vcpu, bytes, len)))
		return try_older(vcpu, bytes, len);
	return move_in_window(vcpu);
}
