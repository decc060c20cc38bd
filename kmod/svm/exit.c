// SPDX-License-Identifier: GPL-2.0
/*
 * Into the guest and out of it: events on the way in, the exit code translated
 * to common terms on the way out. Everything here runs in the window.
 */
#include <linux/percpu.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/special_insns.h>

#include "svm.h"
#include "../compat.h"
#include "../irq/lapic.h"
#include "../vcpu/inject.h"

void svm_section_enter(struct vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.nested_cr3 = vcpu->mmu.root_pa;
}

void svm_section_leave(struct vcpu *vcpu)
{
}

/* An ASID of this CPU, and with it what the CPU owes to all of them. */
static __always_inline void have_asid(struct svm_vcpu *svm)
{
	if (svm->asid_cpu != smp_processor_id() ||
	    svm->asid_generation != __this_cpu_read(svm_cpu.asid_generation))
		svm_new_asid(svm);
	if (unlikely(__this_cpu_read(svm_cpu.flush_all)))
		svm->vmcb->control.tlb_control = VMCB_TLB_FLUSH_ALL;
}

/*
 * What every exit brings back of the host is what it was when the window began: interrupts
 * change some of it.
 */
void svm_window_enter(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->entry.host_pa = this_cpu_read(svm_cpu.host_state_pa);
	asm volatile("vmsave %0" : : "a" (svm->entry.host_pa) : "memory");
	have_asid(svm);
}

void svm_window_leave(struct vcpu *vcpu)
{
}

/* A guest that may write CR4 without an exit has perhaps turned off what is forced. */
void svm_interrupted(struct vcpu *vcpu)
{
	const struct svm_vcpu *svm = to_svm(vcpu);

	if (unlikely(svm_host.forced_cr4 & ~svm->vmcb->save.cr4))
		svm_sync_control(vcpu);
}

/* The VMCB is memory: every exit reads it all. */
void svm_read_state(struct vcpu *vcpu, unsigned int which)
{
}

/* In builds for tests: was what a flush was asked for gone when the guest ran? */
static void flush_is_wanted(struct svm_vcpu *svm)
{
	if (!IS_ENABLED(MINIVMM_DEBUG) || svm->flush_check.wanted)
		return;
	svm->flush_check = (struct svm_flush_check){
		.wanted = svm->asid_cpu >= 0, .asid = svm->vmcb->control.asid,
		.cpu = svm->asid_cpu, .generation = svm->asid_generation,
	};
}

static void check_flush(struct svm_vcpu *svm)
{
	struct svm_flush_check *check = &svm->flush_check;

	if (!IS_ENABLED(MINIVMM_DEBUG))
		return;
	WARN_ON_ONCE(check->wanted && svm->vmcb->control.tlb_control == VMCB_TLB_KEEP &&
		     check->asid == svm->vmcb->control.asid && check->cpu == svm->asid_cpu &&
		     check->generation == svm->asid_generation);
	WARN_ON_ONCE(this_cpu_read(svm_cpu.flush_all) &&
		     svm->vmcb->control.tlb_control != VMCB_TLB_FLUSH_ALL);
	check->wanted = false;
}

/* A new ASID is a flush: nothing cached carries it. */
void svm_flush_tlb(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	vcpu->stats.tlb_flushes++;
	flush_is_wanted(svm);
	if (svm_host.features & SVM_FEATURE_FLUSH_BY_ASID)
		svm->vmcb->control.tlb_control = VMCB_TLB_FLUSH_ASID;
	else
		svm->asid_cpu = -1;
	if (vcpu_in_window(vcpu))
		have_asid(svm);
}

/* An entry with a flush has succeeded: only now is it done. */
static noinline void flushed(struct svm_vcpu *svm)
{
	if (svm->vmcb->control.tlb_control == VMCB_TLB_FLUSH_ALL)
		__this_cpu_write(svm_cpu.flush_all, false);
	svm->vmcb->control.tlb_control = VMCB_TLB_KEEP;
}

void svm_inject_irq(struct vcpu *vcpu, u8 vector)
{
	to_svm(vcpu)->vmcb->control.event_inject = vector | VMCB_EVENT_INTR | VMCB_EVENT_VALID;
}

void svm_inject_nmi(struct vcpu *vcpu)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;

	vmcb->control.event_inject = VEC_NMI | VMCB_EVENT_NMI | VMCB_EVENT_VALID;
}

/*
 * Of INT3 and INTO, CPUs that know the next RIP push what is given as that, others RIP.
 * Either is the one that follows, until the delivery is found interrupted.
 */
void svm_inject_exception(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;
	struct vmcb_control *control = &to_svm(vcpu)->vmcb->control;

	ev->exception.moved = ev->exception.insn_len;
	vcpu->lazy_state.regs.rip += ev->exception.moved;
	control->next_rip = vcpu->lazy_state.regs.rip;
	control->event_inject = ev->exception.vector | VMCB_EVENT_EXCEPTION | VMCB_EVENT_VALID |
				(ev->exception.has_error ? VMCB_EVENT_HAS_ERROR : 0) |
				(u64)ev->exception.error << 32;
}

static void read_irq_window(struct exit_info *exit, const struct vmcb_control *c)
{
	exit->kind = EXIT_INTERRUPT_WINDOW;
	if (unlikely(svm_quirks))
		svm_quirk_window_opened(c);
}

/* A virtual interrupt whose delivery is intercepted says when a real one would be taken. */
void svm_want_irq_window(struct vcpu *vcpu, int priority)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	u64 control = vmcb->control.int_control;

	if (unlikely(svm_quirks))
		priority = svm_quirk_priority(vcpu, priority);
	control &= ~(VMCB_V_IRQ | VMCB_V_INTR_PRIO | VMCB_V_IGN_TPR);
	if (priority > 15)
		control |= VMCB_V_IRQ | VMCB_V_IGN_TPR;
	else if (priority >= 0)
		control |= VMCB_V_IRQ | (u64)priority << 16;
	vmcb->control.int_control = control;
	vmcb_intercept(vmcb, INTERCEPT_VINTR, priority >= 0);
}

static void read_io(struct exit_info *exit, const struct vmcb_control *c)
{
	u32 info = c->exit_info_1;

	exit->kind = EXIT_IO;
	exit->io.port = info >> SVM_IOIO_PORT_SHIFT;
	exit->io.size = (info >> SVM_IOIO_SIZE_SHIFT) & SVM_IOIO_SIZE_MASK;
	exit->io.direction = info & SVM_IOIO_IN ? MINIVMM_EXIT_IO_IN : MINIVMM_EXIT_IO_OUT;
	exit->io.string = info & SVM_IOIO_STRING;
	exit->io.next_rip = c->exit_info_2;
}

static void read_fault(struct exit_info *exit, const struct vmcb_control *c)
{
	u64 error = c->exit_info_1;

	exit->kind = EXIT_FAULT;
	exit->fault.gpa = c->exit_info_2;
	exit->fault.access = (error & SVM_NPF_WRITE ? MMU_WRITE : 0) |
			     (error & SVM_NPF_FETCH ? MMU_EXEC : 0);
	exit->fault.final = error & SVM_NPF_FINAL;
}

/* Without decode assists nobody says which register is moved, and the instruction is read. */
static void read_cr4_write(struct exit_info *exit, const struct vmcb_control *c)
{
	exit->kind = EXIT_CR4_WRITE;
	exit->gpr = c->exit_info_1 & SVM_CR_GPR;
	if (!(svm_host.features & SVM_FEATURE_DECODE_ASSISTS))
		exit->insn_len = 0;
}

/* Only in a step: a task gate differs from CALL by the event alone. */
static void read_task_switch(struct vcpu *vcpu, const struct vmcb_control *c)
{
	struct exit_info *exit = &vcpu->exit;

	exit->kind = EXIT_TASK_SWITCH;
	exit->task.selector = c->exit_info_1;
	exit->task.by_event = vcpu_is_delivering(vcpu);
	if (c->exit_info_2 & SVM_TASK_IRET)
		exit->task.source = EMUL_TASK_IRET;
	else if (c->exit_info_2 & SVM_TASK_JMP)
		exit->task.source = EMUL_TASK_JMP;
	else
		exit->task.source = exit->task.by_event ? EMUL_TASK_GATE : EMUL_TASK_CALL;
	if (exit->task.by_event)
		exit->insn_len = 0;
}

#define EXCEPTIONS_WITH_ERROR	(BIT(VEC_DF) | GENMASK(VEC_PF, VEC_TS) | \
				 BIT(VEC_AC) | BIT(VEC_CP))

static void read_exception(struct vcpu *vcpu, const struct vmcb_control *c)
{
	struct exit_info *exit = &vcpu->exit;

	exit->exception.vector = c->exit_code - SVM_EXIT_EXCEPTION;
	exit->exception.has_error = BIT(exit->exception.vector) & EXCEPTIONS_WITH_ERROR;
	exit->exception.error = c->exit_info_1;
	exit->exception.address = c->exit_info_2;
	exit->kind = exit->exception.vector == VEC_MC ? EXIT_MACHINE_CHECK : EXIT_EXCEPTION;
}

/* Exit codes that say all there is to say. */
static const u8 plain_exits[] = {
	[SVM_EXIT_CR_READ + 4] = EXIT_CR4_READ,
	[SVM_EXIT_DR_READ ... SVM_EXIT_DR_LAST] = EXIT_DEBUG_REGISTER,
	[SVM_EXIT_INTR] = EXIT_INTERRUPT,
	[SVM_EXIT_NMI] = EXIT_INTERRUPT,
	[SVM_EXIT_SMI] = EXIT_INTERRUPT,
	[SVM_EXIT_INIT] = EXIT_INTERRUPT,
	[SVM_EXIT_RDPMC] = EXIT_RDPMC,
	[SVM_EXIT_CPUID] = EXIT_CPUID,
	[SVM_EXIT_RSM] = EXIT_UNDEFINED,
	[SVM_EXIT_INVD] = EXIT_CACHE_FLUSH,
	[SVM_EXIT_PAUSE] = EXIT_PAUSE,
	[SVM_EXIT_HLT] = EXIT_HLT,
	[SVM_EXIT_INVLPGA] = EXIT_UNDEFINED,
	[SVM_EXIT_SHUTDOWN] = EXIT_SHUTDOWN,
	[SVM_EXIT_VMRUN] = EXIT_UNDEFINED,
	[SVM_EXIT_VMMCALL] = EXIT_HYPERCALL,
	[SVM_EXIT_VMLOAD ... SVM_EXIT_SKINIT] = EXIT_UNDEFINED,
	[SVM_EXIT_WBINVD] = EXIT_CACHE_FLUSH,
	[SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT_ARMED] = EXIT_UNDEFINED,
	[SVM_EXIT_XSETBV] = EXIT_XSETBV,
	[SVM_EXIT_RDPRU] = EXIT_UNDEFINED,
};

static void read_exit(struct vcpu *vcpu, const struct vmcb_control *c)
{
	struct exit_info *exit = &vcpu->exit;

	exit->hw_code = c->exit_code;
	exit->insn_len = (svm_host.features & SVM_FEATURE_NEXT_RIP) && c->next_rip ?
			 c->next_rip - vcpu->lazy_state.regs.rip : 0;
	switch (c->exit_code) {
	case SVM_EXIT_CR_WRITE + 4:
		read_cr4_write(exit, c);
		break;
	case SVM_EXIT_EXCEPTION ... SVM_EXIT_EXCEPTION_LAST:
		read_exception(vcpu, c);
		break;
	case SVM_EXIT_PUSHF ... SVM_EXIT_POPF:
	case SVM_EXIT_IRET ... SVM_EXIT_INTN:
		svm_read_flags_exit(vcpu, c->exit_code);
		break;
	case SVM_EXIT_TASK_SWITCH:
		read_task_switch(vcpu, c);
		break;
	case SVM_EXIT_VINTR:
		read_irq_window(exit, c);
		break;
	case SVM_EXIT_IOIO:
		read_io(exit, c);
		break;
	case SVM_EXIT_MSR:
		exit->kind = c->exit_info_1 & 1 ? EXIT_MSR_WRITE : EXIT_MSR_READ;
		break;
	case SVM_EXIT_NPF:
		read_fault(exit, c);
		break;
	default:
		exit->kind = c->exit_code < ARRAY_SIZE(plain_exits) ?
			     plain_exits[c->exit_code] : EXIT_UNKNOWN;
	}
}

/* IRET ends what masks NMIs. */
static void want_iret(struct svm_vcpu *svm, bool nmi_masked)
{
	bool on = nmi_masked && !(svm->watch & SVM_IRET);

	if (svm->wants_iret == on)
		return;
	svm->wants_iret = on;
	vmcb_intercept(svm->vmcb, INTERCEPT_IRET, on);
}

static void write_guest_state(struct vcpu *vcpu, struct svm_vcpu *svm, struct vmcb *vmcb)
{
	const struct lazy_state *state = &vcpu->lazy_state;

	vmcb->save.rax = state->regs.gpr[GPR_RAX];
	vmcb->save.rsp = state->regs.gpr[GPR_RSP];
	vmcb->save.rip = state->regs.rip;
	vmcb->save.rflags = state->regs.rflags;
	vmcb->save.cr2 = vcpu->cr2;
	if (unlikely(state->nmi_masked | svm->wants_iret))
		want_iret(svm, state->nmi_masked);
	vmcb->control.int_state = state->irq_shadow ? VMCB_INTERRUPT_SHADOW : 0;
	vmcb->control.tpr = lapic_get_cr8(&vcpu->lapic);
}

static void read_guest_state(struct vcpu *vcpu, struct vmcb *vmcb)
{
	struct lazy_state *state = &vcpu->lazy_state;

	state->regs.gpr[GPR_RAX] = vmcb->save.rax;
	state->regs.gpr[GPR_RSP] = vmcb->save.rsp;
	state->regs.rip = vmcb->save.rip;
	state->regs.rflags = vmcb->save.rflags;
	state->control.cr0 = vmcb->save.cr0;
	vcpu->cr2 = vmcb->save.cr2;
	state->control.cr3 = vmcb->save.cr3;
	state->control.cr4 = vmcb->save.cr4;
	state->control.efer = vmcb->save.efer & ~EFER_SVME;
	state->cpl = vmcb->save.cpl;
	vcpu->dr.dr6 = vmcb->save.dr6;
	vcpu->dr.dr7 = vmcb->save.dr7;
	state->irq_shadow = vmcb->control.int_state & VMCB_INTERRUPT_SHADOW;
	lapic_set_cr8(&vcpu->lapic, vmcb->control.tpr);
}

static __always_inline void run_guest(struct vcpu *vcpu, struct svm_entry *entry)
{
	u64 *gpr = vcpu->lazy_state.regs.gpr;

	static_assert(offsetof(struct svm_entry, vmcb_pa) == SVM_ENTRY_VMCB_PA);
	static_assert(offsetof(struct svm_entry, host_pa) == SVM_ENTRY_HOST_PA);
	static_assert(offsetof(struct svm_entry, spec_ctrl) == SVM_ENTRY_SPEC_CTRL);
	static_assert(offsetof(struct svm_entry, host_spec_ctrl) == SVM_ENTRY_HOST_SPEC_CTRL);
	if (cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL)) {
		entry->host_spec_ctrl = host_spec_ctrl_value();
		entry->spec_ctrl = vcpu->msrs.spec_ctrl | entry->host_spec_ctrl;
	}
	host_enter_guest_context();
	/* All registers are the guest's in between: none needs to be saved for a second time. */
	asm volatile("call svm_enter_guest"
		     : "+D" (gpr), "+S" (entry), ASM_CALL_CONSTRAINT
		     : : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			 "memory", "cc");
	host_leave_guest_context();
}

static __always_inline void after_exit(struct vcpu *vcpu, struct svm_vcpu *svm,
				       struct vmcb *vmcb)
{
	bool refused = (s32)vmcb->control.exit_code == SVM_EXIT_INVALID;

	if (unlikely(refused)) {
		svm_explain(vcpu);
		return;
	}
	check_flush(svm);
	if (unlikely(vmcb->control.tlb_control))
		flushed(svm);
	read_guest_state(vcpu, vmcb);
	vcpu_take_back_event(vcpu, vmcb->control.exit_int_info,
			     vmcb->control.exit_int_info >> 32);
	read_exit(vcpu, &vmcb->control);
	if (unlikely(svm->watch))
		svm_end_watch(vcpu);
	vmcb->control.event_inject = 0;
}

/* One function with run_guest(), so that registers are saved once. */
static noinstr noinline void enter(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;

	instrumentation_begin();
	write_guest_state(vcpu, svm, vmcb);
	instrumentation_end();
	run_guest(vcpu, &svm->entry);
	instrumentation_begin();
	after_exit(vcpu, svm, vmcb);
	instrumentation_end();
}

static noinline void enter_in_shadow(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 rip = vcpu->lazy_state.regs.rip;

	enter(vcpu);
	if (vcpu->exit.kind == EXIT_ENTRY_FAILED)
		return;
	if (unlikely(svm_quirks))
		svm_quirk_shadow(vcpu, rip);
	if (svm->shadow_over)
		vcpu->lazy_state.irq_shadow = false;
	svm->shadow_over = false;
}

void svm_enter(struct vcpu *vcpu)
{
	if (unlikely(vcpu->lazy_state.irq_shadow))
		enter_in_shadow(vcpu);
	else
		enter(vcpu);
}

#define OP(ret, name, args)	.name = svm_##name,
const struct backend_ops svm_backend_ops = { BACKEND_OPS(OP) };
#undef OP
