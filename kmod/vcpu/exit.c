// SPDX-License-Identifier: GPL-2.0
/*
 * What is done about each kind of exit. Two switches: exit_handle() runs in the
 * window and does the fast ones; exit_handle_outside() may sleep and does the rest.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../cpu/code_page.h"
#include "../cpu/control.h"
#include "../cpu/cpuid.h"
#include "../cpu/debug.h"
#include "../cpu/debug_regs.h"
#include "../cpu/insn.h"
#include "../cpu/msr.h"
#include "../cpu/task.h"
#include "../cpu/xstate.h"
#include "../io/bus.h"
#include "../irq/irqchip.h"
#include "../irq/lapic.h"
#include "../pv.h"
#include "../report/explain.h"
#include "../report/trace.h"
#include "../vm.h"
#include "exit.h"
#include "inject.h"
#include "user_exit.h"
#include "vcpu.h"

/* Bytes after the prefixes of an intercepted instruction that is stepped over; 0: it is not. */
static const u8 opcode_len[NR_EXIT_KINDS] = {
	[EXIT_HLT] = 1,
	[EXIT_PAUSE] = 1,
	[EXIT_CPUID] = 2,
	[EXIT_MSR_READ] = 2,
	[EXIT_MSR_WRITE] = 2,
	[EXIT_CACHE_FLUSH] = 2,
	[EXIT_HYPERCALL] = 3,
	[EXIT_XSETBV] = 3,
};

#define CR4_OPCODE_LEN	3	/* with ModRM, which names the register */

/* Step over the instruction that exited, whose length is exit.insn_len. */
static void skip(struct vcpu *vcpu)
{
	vcpu_step_over(vcpu, vcpu->exit.insn_len);
}

void exit_refused(struct vcpu *vcpu, u64 hw_code, const struct entry_rule *rules, size_t nr,
		  const void *state)
{
	const struct entry_rule *rule = entry_rule_broken(rules, nr, state);

	vcpu->exit.kind = EXIT_ENTRY_FAILED;
	vcpu->exit.hw_code = hw_code;
	vcpu->exit.refused.rule = rule;
	vcpu->exit.refused.value = rule ? entry_rule_value(rule, state) : 0;
}

static int handle_cpuid(struct vcpu *vcpu)
{
	cpuid_execute(vcpu);
	skip(vcpu);
	return NEXT_AGAIN;
}

static noinline int handle_msr_read(struct vcpu *vcpu)
{
	u64 *gpr = vcpu_gprs(vcpu);
	u64 value;

	if (msr_get(vcpu, gpr[GPR_RCX], &value, false)) {
		trace_msr(vcpu, false, true);
		vcpu_inject_gp(vcpu);
		return NEXT_ENTER;
	}
	gpr[GPR_RAX] = (u32)value;
	gpr[GPR_RDX] = value >> 32;
	trace_msr(vcpu, false, false);
	skip(vcpu);
	return NEXT_AGAIN;
}

static int handle_msr_write(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu_gprs(vcpu);
	int ret = msr_set(vcpu, gpr[GPR_RCX], (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32, false);

	if (ret < 0) {
		trace_msr(vcpu, true, true);
		vcpu_inject_gp(vcpu);
		return NEXT_ENTER;
	}
	trace_msr(vcpu, true, false);
	skip(vcpu);
	return ret == MSR_EVENT ? NEXT_ENTER : NEXT_AGAIN;
}

/* A halted vCPU sleeps outside; without in-kernel irqchip userspace does the waiting. */
static int handle_hlt(struct vcpu *vcpu)
{
	skip(vcpu);
	if (!vcpu->lapic.in_kernel) {
		vcpu->run->exit_reason = MINIVMM_EXIT_HLT;
		return NEXT_USER;
	}
	vcpu->mp_state = MINIVMM_MP_STATE_HALTED;
	return NEXT_HOST;
}

static __always_inline int handle_hypercall(struct vcpu *vcpu)
{
	u64 *gpr = vcpu_gprs(vcpu);
	u64 mask = is_long_mode(vcpu) ? ~0ull : U32_MAX;

	if (vcpu_cpl(vcpu))
		gpr[GPR_RAX] = -EPERM & mask;
	else
		gpr[GPR_RAX] = mask & pv_hypercall(vcpu, gpr[GPR_RAX] & mask,
						    gpr[GPR_RBX] & mask, gpr[GPR_RCX] & mask,
						    gpr[GPR_RDX] & mask, gpr[GPR_RSI] & mask);
	skip(vcpu);
	return NEXT_ENTER;
}

/* VMCALL and VMMCALL differ in their last byte. */
#define HYPERCALL_LEN	3

static bool begins_hypercall(const u8 *bytes, unsigned int len)
{
	return (len < 1 || bytes[0] == 0x0f) && (len < 2 || bytes[1] == 0x01) &&
	       (len < 3 || bytes[2] == 0xc1 || bytes[2] == 0xd9);
}

/*
 * A hypercall works with either vendor's instruction, and the CPU knows only its own. What
 * looks like one is read to its end, which may be in memory that is not at hand.
 */
static noinline int handle_undefined(struct vcpu *vcpu)
{
	u8 fetched[HYPERCALL_LEN];
	const u8 *bytes = fetched;
	unsigned int len;

	if (vcpu_in_window(vcpu)) {
		vcpu_need(vcpu, VCPU_RIP | VCPU_FLAGS);	/* vcpu_step_over() */
		bytes = code_peek(vcpu);
		if (!bytes)
			return NEXT_OUTSIDE;
		len = min_t(unsigned int, code_len(bytes), HYPERCALL_LEN);
		if (len < HYPERCALL_LEN && begins_hypercall(bytes, len))
			return NEXT_OUTSIDE;
	} else {
		len = insn_fetch(vcpu, fetched, sizeof(fetched));
	}
	if (len < HYPERCALL_LEN || !begins_hypercall(bytes, len)) {
		vcpu_inject_ud(vcpu);
		return NEXT_WINDOW;
	}
	vcpu->exit.insn_len = HYPERCALL_LEN;
	return handle_hypercall(vcpu);
}

static int handle_xsetbv(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu_gprs(vcpu);

	if (vcpu_cpl(vcpu) || (u32)gpr[GPR_RCX] ||
	    xstate_set_xcr0(vcpu, (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32))
		vcpu_inject_gp(vcpu);
	else
		skip(vcpu);
	return NEXT_ENTER;
}

/* Whether exit.gpr and exit.insn_len are known. */
static bool find_cr4_operand(struct vcpu *vcpu)
{
	const u8 *bytes;

	if (vcpu->exit.insn_len)
		return true;
	bytes = code_peek(vcpu);
	if (bytes && code_set_insn_len(vcpu, bytes, code_len(bytes), CR4_OPCODE_LEN))
		return true;
	vcpu->exit.insn_len = 0;
	return false;
}

static noinline int handle_cr4_write(struct vcpu *vcpu)
{
	u64 value;

	if (vcpu_in_window(vcpu) &&
	    (control_needs_memory(vcpu) || !find_cr4_operand(vcpu)))
		return NEXT_OUTSIDE;
	value = *vcpu_gpr(vcpu, vcpu->exit.gpr);
	if (!is_long_mode(vcpu) || !backend_call(code_is_64bit)(vcpu))
		value = (u32)value;
	if (control_write_cr4(vcpu, value))
		skip(vcpu);
	else
		vcpu_inject_gp(vcpu);
	return NEXT_ENTER;
}

static void write_in_result(struct vcpu *vcpu, unsigned int size, u32 data)
{
	u64 *rax = &vcpu_gprs(vcpu)[GPR_RAX];

	if (size == 4)
		*rax = data;
	else if (size == 2)
		*rax = (*rax & ~0xffffull) | (u16)data;
	else
		*rax = (*rax & ~0xffull) | (u8)data;
}

/* What is read starts as 0, not as what the guest's register has. */
static __always_inline int ask_user_for_port(struct vcpu *vcpu, u32 data)
{
	const struct exit_info *exit = &vcpu->exit;
	struct minivmm_run *run = vcpu->run;
	u8 direction = exit->io.direction, size = exit->io.size;
	u16 port = exit->io.port;

	run->exit_reason = MINIVMM_EXIT_IO;
	run->io.direction = direction;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = VCPU_PIO_PAGE * PAGE_SIZE;
	data *= direction;
	memcpy(vcpu->pio_data, &data, sizeof(data));
	return exit_ask_user(vcpu, ASKED_PORT);
}

static_assert(MINIVMM_EXIT_IO_IN == 0 && MINIVMM_EXIT_IO_OUT == 1);

/* False: nothing in the kernel has this port. */
static noinline bool port_in_kernel(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;
	bool in = exit->io.direction == MINIVMM_EXIT_IO_IN;
	u32 data = vcpu_gprs(vcpu)[GPR_RAX];

	if (!bus_port(vcpu->vm, exit->io.port, exit->io.size, !in, &data))
		return false;
	if (in)
		write_in_result(vcpu, exit->io.size, data);
	trace_exit_pio(vcpu, true);
	vcpu_step_to(vcpu, exit->io.next_rip);
	return true;
}

static int handle_io(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;

	if (exit->io.string)
		return NEXT_OUTSIDE;
	if (bus_may_take(&vcpu->vm->bus, BUS_PORTS, exit->io.port) && port_in_kernel(vcpu))
		return NEXT_ENTER;
	trace_exit_pio(vcpu, false);
	return ask_user_for_port(vcpu, vcpu_gprs(vcpu)[GPR_RAX]);
}

/* The instruction runs again. */
static int handle_debug_register(struct vcpu *vcpu)
{
	debug_regs_use(vcpu);
	return NEXT_ENTER;
}

static int handle_breakpoint(struct vcpu *vcpu)
{
	int next = debug_report_breakpoint(vcpu);

	if (next != NEXT_ENTER)
		return next;
	vcpu_inject_breakpoint(vcpu, vcpu->exit.insn_len ?: 1);
	return NEXT_WINDOW;
}

/* Intercepted, but the guest's. */
static noinline int handle_exception(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;

	if (exit->exception.vector == VEC_UD && !vcpu_is_delivering(vcpu))
		return handle_undefined(vcpu);
	if (exit->exception.vector == VEC_BP)
		return handle_breakpoint(vcpu);
	if (exit->exception.vector == VEC_PF)
		vcpu_inject_page_fault(vcpu, exit->exception.error, exit->exception.address);
	else
		vcpu_inject_exception(vcpu, exit->exception.vector, exit->exception.has_error,
				      exit->exception.error);
	return NEXT_WINDOW;
}

static int handle_machine_check(struct vcpu *vcpu)
{
	struct pt_regs regs = {
		.cs = 3,	/* as if user mode was running: the guest is that to the host */
		.flags = X86_EFLAGS_IF,
	};

	do_machine_check(&regs);
	return NEXT_WINDOW;
}

static int handle_apic_eoi(struct vcpu *vcpu)
{
	lapic_mmio_write(vcpu, APIC_REG_EOI, sizeof(u32), 0);
	skip(vcpu);
	return NEXT_ENTER;
}

/*
 * The kinds that can be handled in the window. It ends after those that may come although an
 * interrupt of the host waits: a guest can make one follow the other for ever.
 */
static int handle_fast(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;

	switch (exit->kind) {
	case EXIT_RESUME:
		return NEXT_ENTER;
	case EXIT_INTERRUPT:
	case EXIT_NMI_WINDOW:
		return NEXT_WINDOW;
	case EXIT_INTERRUPT_WINDOW:
		vcpu->irq_window = -1;
		backend_call(want_irq_window)(vcpu, -1);
		return NEXT_WINDOW;
	case EXIT_TIMER:
		lapic_timer_exit(vcpu);
		return NEXT_ENTER;
	case EXIT_CPUID:
		return handle_cpuid(vcpu);
	case EXIT_MSR_READ:
		return handle_msr_read(vcpu);
	case EXIT_MSR_WRITE:
		return handle_msr_write(vcpu);
	case EXIT_HLT:
		return handle_hlt(vcpu);
	case EXIT_HYPERCALL:
		return handle_hypercall(vcpu);
	case EXIT_XSETBV:
		return handle_xsetbv(vcpu);
	case EXIT_CR4_WRITE:
		return handle_cr4_write(vcpu);
	case EXIT_CACHE_FLUSH:
		skip(vcpu);
		return NEXT_AGAIN;
	case EXIT_DEBUG_REGISTER:
		return handle_debug_register(vcpu);
	case EXIT_MACHINE_CHECK:
		return handle_machine_check(vcpu);
	case EXIT_EXCEPTION:
		return handle_exception(vcpu);
	case EXIT_STEP:
		return debug_report_step(vcpu);
	case EXIT_UNDEFINED:
		vcpu_inject_ud(vcpu);
		return NEXT_ENTER;
	case EXIT_RDPMC:
		vcpu_inject_gp(vcpu);
		return NEXT_ENTER;
	case EXIT_EOI_WRITE:
		return handle_apic_eoi(vcpu);
	case EXIT_APIC_WRITTEN:
		lapic_written(vcpu, exit->apic.offset);
		return NEXT_ENTER;
	case EXIT_EOI_DONE:
		irqchip_eoi(vcpu->vm, exit->apic.vector);
		return NEXT_ENTER;
	default:
		return NEXT_OUTSIDE;
	}
}

/* What the guest accessed is not mapped so, or is a device's. */
static int handle_access(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;
	struct memslot *slot = NULL;

	if (exit->kind == EXIT_FAULT)
		slot = mmu_slot_in_window(&vcpu->mmu, exit->fault.gpa);
	if (!slot)
		return insn_move_in_window(vcpu);
	if ((exit->fault.access & MMU_WRITE) && mmu_log_write(vcpu, slot, exit->fault.gpa))
		return NEXT_ENTER;
	return NEXT_OUTSIDE;
}

int exit_handle(struct vcpu *vcpu)
{
	enum exit_kind kind = vcpu->exit.kind;

	vcpu->stats.exits[kind]++;
	if (kind == EXIT_IO)
		return handle_io(vcpu);
	if (kind == EXIT_FAULT || kind == EXIT_APIC_ACCESS)
		return handle_access(vcpu);
	if (!vcpu->exit.insn_len && opcode_len[kind] &&
	    !code_measure(vcpu, opcode_len[kind]))
		return NEXT_OUTSIDE;
	return handle_fast(vcpu);
}

/* An access to a device, by an instruction or otherwise. */
static int handle_device_access(struct vcpu *vcpu)
{
	/* The stack or a table of it is on a device: RIP says nothing. */
	if (vcpu_is_delivering(vcpu))
		return exit_internal_error(vcpu, MINIVMM_INTERNAL_ERROR_DELIVERY_EV,
					   vcpu->exit.fault.gpa);
	return insn_run(vcpu);
}

static int handle_fault(struct vcpu *vcpu)
{
	int ret = mmu_fault(vcpu, vcpu->exit.fault.gpa, vcpu->exit.fault.access);

	if (ret == MMU_MMIO)
		return handle_device_access(vcpu);
	/* A slot came since the window looked: the CPU does it after all. */
	vcpu->insn.code_len = 0;
	return ret < 0 ? ret : NEXT_ENTER;
}

/*
 * After a triple fault of the CPU's its state is undefined: give it a defined one, and the
 * same after one that was found out here.
 */
int exit_shutdown(struct vcpu *vcpu)
{
	vcpu_reset(vcpu, true);
	vcpu->run->exit_reason = MINIVMM_EXIT_SHUTDOWN;
	return NEXT_USER;
}

static int handle_entry_failed(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;
	struct minivmm_run *run = vcpu->run;

	explain_source(&vcpu->error, MINIVMM_ERROR_SOURCE_ENTRY);
	if (exit->refused.rule)
		refuse_entry(&vcpu->error, exit->refused.rule, exit->refused.value);
	else
		refuse(&vcpu->error, -EINVAL, "guest state", exit->hw_code,
		       "the CPU refused to enter the guest; no rule known to minivmm is broken");
	run->exit_reason = MINIVMM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = vcpu->exit.hw_code;
	run->fail_entry.cpu = vcpu->cpu;
	return NEXT_USER;
}

static int handle_cpu_taken(struct vcpu *vcpu)
{
	return refuse(&vcpu->error, -EBUSY, "cpu", vcpu->cpu,
		      "another hypervisor holds this CPU's virtualization");
}

/* Others may need this CPU more: typically the holder of a lock the guest spins on. */
static int handle_pause(struct vcpu *vcpu)
{
	skip(vcpu);
	yield();
	return NEXT_ENTER;
}

/* Of a guest that has CR4.MCE off, which is rare: nothing is done to be quick. */
static int handle_cr4_read(struct vcpu *vcpu)
{
	int next = insn_measure(vcpu, CR4_OPCODE_LEN);

	if (next != NEXT_ENTER)
		return next;
	*vcpu_gpr(vcpu, vcpu->exit.gpr) = vcpu_cr4(vcpu);
	skip(vcpu);
	return NEXT_ENTER;
}

/* Kinds that are so seldom that the others are not to pay for their case. */
static int handle_seldom(struct vcpu *vcpu)
{
	if (vcpu->exit.kind == EXIT_CR4_READ)
		return handle_cr4_read(vcpu);
	if (vcpu->exit.kind == EXIT_TASK_SWITCH)
		return task_switch(vcpu);
	return exit_internal_error(vcpu, MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				   vcpu->exit.hw_code);
}

int exit_handle_outside(struct vcpu *vcpu)
{
	bool is_cr4 = vcpu->exit.kind == EXIT_CR4_WRITE;
	unsigned int opcode = is_cr4 ? CR4_OPCODE_LEN : opcode_len[vcpu->exit.kind];
	int next;

	if (opcode && !vcpu->exit.insn_len) {
		next = insn_measure(vcpu, opcode);
		if (next != NEXT_ENTER)
			return next;
	}
	next = handle_fast(vcpu);
	if (next != NEXT_OUTSIDE)
		return next == NEXT_AGAIN || next == NEXT_WINDOW ? NEXT_ENTER : next;
	switch (vcpu->exit.kind) {
	case EXIT_FAULT:
		return handle_fault(vcpu);
	case EXIT_APIC_ACCESS:
		return handle_device_access(vcpu);
	case EXIT_IO:
		return insn_run(vcpu);
	case EXIT_PAUSE:
		return handle_pause(vcpu);
	case EXIT_SHUTDOWN:
		return exit_shutdown(vcpu);
	case EXIT_ENTRY_FAILED:
		return handle_entry_failed(vcpu);
	case EXIT_CPU_TAKEN:
		return handle_cpu_taken(vcpu);
	default:
		return handle_seldom(vcpu);
	}
}

static int complete_port(struct vcpu *vcpu)
{
	const struct exit_info *exit = &vcpu->exit;
	u32 data;

	if (exit->io.direction == MINIVMM_EXIT_IO_IN) {
		memcpy(&data, vcpu->pio_data, sizeof(data));
		write_in_result(vcpu, exit->io.size, data);
	}
	vcpu_step_to(vcpu, exit->io.next_rip);
	return NEXT_ENTER;
}

int exit_complete_user(struct vcpu *vcpu)
{
	enum asked_kind kind = vcpu->asked.kind;

	vcpu->asked.kind = ASKED_NOTHING;
	if (kind == ASKED_NOTHING || vcpu_exit_rip(vcpu) != vcpu->asked.rip)
		return NEXT_ENTER;
	switch (kind) {
	case ASKED_PORT:
		return complete_port(vcpu);
	case ASKED_MOVE:
		return insn_complete_move(vcpu);
	default:
		return insn_continue(vcpu);
	}
}
