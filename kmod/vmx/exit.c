// SPDX-License-Identifier: GPL-2.0
/*
 * Into the guest and out of it: events on the way in, the exit reason translated
 * to common terms on the way out. Everything here runs in the window.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/special_insns.h>

#include "vmx.h"
#include "../compat.h"
#include "../cpu/debug_regs.h"
#include "../irq/irqchip.h"
#include "../vcpu/inject.h"

#define TIMER_MAX	BIT(25)		/* on some CPUs larger values expire at once */

void vmx_flush_tlb(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->pending |= VMX_FLUSH_EPT;
	if (IS_ENABLED(MINIVMM_DEBUG))
		vmx->flush_wanted = true;
}

static void set_event(struct vmx_vcpu *vmx, u32 event)
{
	vmx->event = event;
	vmx->pending |= VMX_WRITE_EVENT;
}

void vmx_inject_irq(struct vcpu *vcpu, u8 vector)
{
	set_event(to_vmx(vcpu), vector | VMCS_EVENT_INTR | VMCS_EVENT_VALID);
}

void vmx_inject_nmi(struct vcpu *vcpu)
{
	set_event(to_vmx(vcpu), 2 | VMCS_EVENT_NMI | VMCS_EVENT_VALID);
}

void vmx_inject_exception(struct vcpu *vcpu)
{
	const struct vcpu_events *ev = &vcpu->events;
	u32 type = ev->exception.insn_len ? VMCS_EVENT_SOFT_EXCEPTION :
		   ev->exception.has_error ? VMCS_EVENT_EXCEPTION | VMCS_EVENT_HAS_ERROR :
					     VMCS_EVENT_EXCEPTION;

	set_event(to_vmx(vcpu), ev->exception.vector | type | VMCS_EVENT_VALID);
}

/* For a class that the TPR holds back: an exit as soon as the guest lowers it below. */
void vmx_want_irq_window(struct vcpu *vcpu, int priority)
{
	struct vmx_fields *next = &to_vmx(vcpu)->next;

	to_vmx(vcpu)->pending |= VMX_WRITE_FIELDS;
	next->tpr_threshold = priority >= 0 && priority <= 15 ? priority : 0;
	if (priority > 15)
		next->proc |= PROC_INTERRUPT_WINDOW;
	else
		next->proc &= ~PROC_INTERRUPT_WINDOW;
}

/*
 * The shadow of STI may not hold NMIs back: its end is the next interrupt window, which there is
 * only with IF set. With IF clear the shadow is that of MOV SS, which does hold them back.
 */
void vmx_want_nmi_window(struct vcpu *vcpu)
{
	const struct lazy_state *state = &vcpu->lazy_state;
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->pending |= VMX_WRITE_FIELDS;
	if (state->irq_shadow && !state->nmi_masked && (state->regs.rflags & X86_EFLAGS_IF))
		vmx->next.proc |= PROC_INTERRUPT_WINDOW;
	else
		vmx->next.proc |= PROC_NMI_WINDOW;
}

/* The monitor trap ends the entry after one instruction, or when the event is delivered. */
void vmx_step(struct vcpu *vcpu)
{
	to_vmx(vcpu)->next.proc |= PROC_MONITOR_TRAP;
	to_vmx(vcpu)->pending |= VMX_WRITE_FIELDS | VMX_STEP;
}

static void end_step(struct vmx_vcpu *vmx)
{
	vmx->next.proc &= ~PROC_MONITOR_TRAP;
	vmx->pending |= VMX_WRITE_FIELDS;
	vmx->pending &= ~VMX_STEP;
}

/*
 * Which shadow it is matters to the CPU: that of STI cannot be where IF is clear. @left is
 * the one that the last exit left.
 */
static u32 shadow_bits(const struct vcpu *vcpu, u32 left)
{
	if (!vcpu->lazy_state.irq_shadow)
		return 0;
	if (!(vcpu->lazy_state.regs.rflags & X86_EFLAGS_IF))
		return VMCS_BLOCKED_BY_MOV_SS;
	return left ? left : VMCS_BLOCKED_BY_STI;
}

/*
 * In a shadow the CPU wants a single step to be pending exactly if TF says so;
 * outside of one, what was pending belonged to an instruction that is done with.
 */
static void write_pending_debug(const struct vcpu *vcpu, u32 shadow)
{
	u64 pending = 0;

	if (shadow) {
		pending = vmcs_read(VMCS_GUEST_PENDING_DEBUG) & ~VMCS_PENDING_DEBUG_BS;
		if (vcpu->lazy_state.regs.rflags & X86_EFLAGS_TF)
			pending |= VMCS_PENDING_DEBUG_BS;
	}
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, pending);
}

static noinline void write_interruptibility(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	const struct lazy_state *state = &vcpu->lazy_state;
	u32 left = vmx->written.interruptibility & VMX_SHADOWS;
	bool nmi_blocked = state->nmi_masked && !vcpu->events.nmi_injected;
	u32 shadow = shadow_bits(vcpu, left);
	u64 next = shadow | (nmi_blocked ? VMCS_BLOCKED_BY_NMI : 0);

	if (state->unread & VCPU_FLAGS)
		return;
	if (shadow || left)
		write_pending_debug(vcpu, shadow);
	if (next != vmx->written.interruptibility)
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, next);
	vmx->written.interruptibility = next;
}

/* Write what is not as the VMCS has it. */
#define WRITE_REGISTER(value, member, field)				\
	do {								\
		u64 new = (value);					\
									\
		if (new != vmx->written.member) {			\
			vmx->written.member = new;			\
			vmcs_write(field, new);				\
		}							\
	} while (0)

/* Tell the CPU what common code did to IRR and ISR, and whose end must be reported. */
static noinline void write_irq_status(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	struct lapic_regs *regs = &vcpu->lapic.regs;
	const u64 *report = irqchip_eoi_vectors(vcpu->vm);
	int requested = lapic_regs_highest(regs, APIC_REG_IRR);
	int in_service = lapic_regs_highest(regs, APIC_REG_ISR);
	unsigned int i;

	vmcs_write(VMCS_GUEST_INTR_STATUS, max(requested, 0) | max(in_service, 0) << 8);
	for (i = 0; i < ARRAY_SIZE(vmx->written.eoi_exits); i++)
		WRITE_REGISTER(READ_ONCE(report[i]), eoi_exits[i], VMCS_EOI_EXIT_BITMAP0 + 2 * i);
	regs->changed = false;
}

static void switch_timer(struct vmx_vcpu *vmx, bool on)
{
	vmx->pending ^= VMX_TIMER_ON;
	vmcs_write(VMCS_PIN_CONTROLS, on ? vmx_host.pin : vmx_host.pin & ~PIN_PREEMPTION_TIMER);
}

/* Never 0, which would end the run at once, before interrupts of the host. */
static noinline void write_timer(const struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	s64 left = max_t(s64, vcpu->exit_tsc - rdtsc(), 0) >> (vmx_host.misc & VMX_MISC_TIMER_SHIFT);

	vmcs_write(VMCS_PREEMPTION_TIMER, min_t(s64, left + 1, TIMER_MAX));
	if (!(vmx->pending & VMX_TIMER_ON))
		switch_timer(vmx, true);
}

static void write_event(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	vmx->pending |= VMX_EVENT_HANDED;
	vmcs_write(VMCS_ENTRY_EVENT, vmx->event);
	if (vmx->event & VMCS_EVENT_HAS_ERROR)
		vmcs_write(VMCS_ENTRY_EVENT_ERROR, vcpu->events.exception.error);
	if ((vmx->event & VMCS_EVENT_TYPE) == VMCS_EVENT_SOFT_EXCEPTION)
		vmcs_write(VMCS_ENTRY_INSN_LEN, vcpu->events.exception.insn_len);
}

static noinline void flush(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u64 eptp = vcpu->mmu.root_pa | vmx_host.eptp_bits;

	vcpu->stats.tlb_flushes++;
	vmcs_write(VMCS_EPT_POINTER, eptp);
	if ((vmx->pending & VMX_FLUSH_EPT) &&
	    invept(vmx_host.ept_vpid & VMX_INVEPT_SINGLE ? INVALIDATE_SINGLE : INVALIDATE_ALL, eptp))
		vmx->flush_wanted = false;
	if ((vmx->pending & VMX_FLUSH_VPID) && vmx->vpid)
		invvpid(vmx_host.ept_vpid & VMX_INVVPID_SINGLE ? INVALIDATE_SINGLE :
								 INVALIDATE_ALL, vmx->vpid);
}

/* False: this CPU is not ours to use. */
static noinline bool write_pending(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	if ((vmx->pending & VMX_BEGIN_WINDOW) && !vmx_host_begin_window(vmx))
		return false;
	if (likely(vmx->pending == VMX_BEGIN_WINDOW)) {
		vmx->pending = 0;
		return true;
	}
	if (vmx->pending & (VMX_WRITE_CONTROL | VMX_WRITE_PDPTES | VMX_WRITE_PIECES))
		vmx_write_changes(vcpu);
	if (vmx->pending & VMX_WRITE_FIELDS)
		vmx_write_fields(vmx);
	if (vmx->pending & VMX_WRITE_EVENT)
		write_event(vcpu, vmx);
	if ((vmx->pending & VMX_TIMER_ON) && !vcpu->exit_tsc)
		switch_timer(vmx, false);
	if (vmx->pending & (VMX_FLUSH_EPT | VMX_FLUSH_VPID))
		flush(vcpu, vmx);
	if (vmx->pending & VMX_DEBUG_LIVE)
		set_debugreg(vcpu->dr.dr6, 6);
	vmx->pending &= VMX_STAYS;
	return true;
}

static __always_inline void write_guest_state(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	const struct lazy_state *state = &vcpu->lazy_state;

	WRITE_REGISTER(state->regs.rip, rip, VMCS_GUEST_RIP);
	WRITE_REGISTER(state->regs.rflags, rflags, VMCS_GUEST_RFLAGS);
	WRITE_REGISTER(state->regs.gpr[GPR_RSP], rsp, VMCS_GUEST_RSP);
	if (unlikely(state->irq_shadow || state->nmi_masked || vmx->written.interruptibility))
		write_interruptibility(vcpu, vmx);
	if (unlikely(vmx->virtual_irqs && vcpu->lapic.regs.changed))
		write_irq_status(vcpu, vmx);
	if (unlikely(vcpu->exit_tsc))
		write_timer(vcpu, vmx);
}

static void read_debug_registers(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	vcpu->dr.dr7 = vmcs_read(VMCS_GUEST_DR7);
	vmx->next.dr7 = vcpu->dr.dr7;
	vmx->have.dr7 = vcpu->dr.dr7;
	get_debugreg(vcpu->dr.dr6, 6);
	set_debugreg(DR6_RESERVED, 6);
	if (!(vcpu->dr.dr7 & DR7_ENABLES))
		debug_regs_drop(vcpu);
}

/* IRET ends the blocking of NMIs even if it then faults; it will run again. */
static void keep_nmi_blocked(struct vcpu *vcpu)
{
	if (!vcpu->events.nmi_injected && !vcpu->events.exception.injected &&
	    !vcpu->events.interrupt.injected)
		vcpu_set_nmi_masked(vcpu, true);
}

static __always_inline void read_io(struct vcpu *vcpu, struct exit_info *exit)
{
	u32 info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	exit->io.port = info >> VMX_IO_PORT_SHIFT;
	exit->io.size = (info & VMX_IO_SIZE) + 1;
	exit->io.direction = info & VMX_IO_IN ? MINIVMM_EXIT_IO_IN : MINIVMM_EXIT_IO_OUT;
	exit->io.string = info & VMX_IO_STRING;
	exit->io.next_rip = vcpu->lazy_state.regs.rip + exit->insn_len;
}

static void read_fault(struct vcpu *vcpu, struct exit_info *exit)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	exit->fault.gpa = vmcs_read(VMCS_GUEST_PHYSICAL_ADDR);
	exit->fault.access = (info & VMX_EPT_WRITE ? MMU_WRITE : 0) |
			     (info & VMX_EPT_FETCH ? MMU_EXEC : 0);
	exit->fault.final = (info & VMX_EPT_FINAL) == VMX_EPT_FINAL;
	if (info & VMX_EPT_NMI_UNMASKED)
		keep_nmi_blocked(vcpu);
}

/* All but the write that ends an interrupt, which says all by its offset, is emulated. */
static void read_apic_access(struct exit_info *exit)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);
	u64 type = info & VMX_APIC_TYPE;

	if (type == VMX_APIC_TYPE_WRITE && (info & VMX_APIC_OFFSET) == APIC_REG_EOI &&
	    exit->insn_len) {
		exit->kind = EXIT_EOI_WRITE;
		return;
	}
	exit->kind = EXIT_APIC_ACCESS;
	exit->fault.gpa = LAPIC_BASE_DEFAULT | (info & VMX_APIC_OFFSET);
	exit->fault.access = type == VMX_APIC_TYPE_WRITE ? MMU_WRITE : 0;
	exit->fault.final = type == VMX_APIC_TYPE_READ || type == VMX_APIC_TYPE_WRITE;
}

/* The write that found no room runs again. */
static void read_full_log(struct vcpu *vcpu)
{
	if (vmcs_read(VMCS_EXIT_QUALIFICATION) & VMX_EPT_NMI_UNMASKED)
		keep_nmi_blocked(vcpu);
	vmx_pml_drain(vcpu);
}

static void set_exception(struct exit_info *exit, u8 vector, bool has_error, u32 error)
{
	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = vector;
	exit->exception.has_error = has_error;
	exit->exception.error = error;
}

/* #AC although the guest does not check alignment: the host's trap for split locks. */
static bool is_split_lock(struct vcpu *vcpu, u8 vector)
{
	if (vector != VEC_AC || !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT))
		return false;
	return !(vcpu_cpl(vcpu) == 3 && (vcpu_cr0(vcpu) & X86_CR0_AM) &&
		 (vcpu_rflags(vcpu) & X86_EFLAGS_AC));
}

/* Here the exit comes before DR6 is changed, and before INT1 (ICEBP) is done. */
static void read_debug_exception(struct vcpu *vcpu, u32 event)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	if ((event & VMCS_EVENT_TYPE) == VMCS_EVENT_ICEBP)
		vcpu_set_rip(vcpu, vcpu_rip(vcpu) + vmcs_read(VMCS_EXIT_INSN_LEN));
	vcpu->dr.dr6 = (vcpu->dr.dr6 & ~DR_TRAP_BITS) | (info & (DR_TRAP_BITS | DR_STEP | BIT(13)));
}

/* The host's NMIs and machine checks, and the exceptions that are intercepted. */
static void read_exception(struct vcpu *vcpu, struct exit_info *exit)
{
	u32 event = vmcs_read(VMCS_EXIT_EVENT);
	u8 vector = event & VMCS_EVENT_VECTOR;

	if ((event & VMCS_EVENT_TYPE) == VMCS_EVENT_NMI) {
		to_vmx(vcpu)->nmi_arrived = true;
		exit->kind = EXIT_INTERRUPT;
		return;
	}
	if (event & VMCS_EVENT_IRET_UNMASKED)
		keep_nmi_blocked(vcpu);
	if (unlikely(is_split_lock(vcpu, vector))) {
		vmx_host_permit_split_locks(to_vmx(vcpu));
		exit->kind = EXIT_RESUME;
		return;
	}
	set_exception(exit, vector, vector == VEC_AC, vmcs_read(VMCS_EXIT_EVENT_ERROR));
	if (vector == VEC_MC)
		exit->kind = EXIT_MACHINE_CHECK;
	else if (vector == VEC_BP)
		exit->insn_len = vmcs_read(VMCS_EXIT_INSN_LEN);
	else if (vector == VEC_DB)
		read_debug_exception(vcpu, event);
}

static __always_inline void read_insn(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	vmx_read_rip(vcpu, vmx);
	vmx_read_flags(vcpu, vmx);
	vcpu->exit.insn_len = vmcs_read(VMCS_EXIT_INSN_LEN);
}

/*
 * MOV to CR0 or CR4 that would change a bit we keep, or a bit of CR4 that the guest's CPUID
 * does not have. The latter is done in common code. In CR0 the guest's view is changed, and
 * then the instruction runs again, so that the CPU checks and does all else about it.
 */
static void read_cr_access(struct vcpu *vcpu, struct exit_info *exit)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);
	u8 gpr = info >> VMX_CR_GPR_SHIFT & VMX_CR_GPR;
	u64 value;

	if (info & VMX_CR_NUMBER) {
		exit->kind = EXIT_CR4_WRITE;
		exit->gpr = gpr;
		read_insn(vcpu, to_vmx(vcpu));
		vcpu->lazy_state.unread &= ~(VCPU_RIP | VCPU_FLAGS);
		return;
	}
	vcpu_need(vcpu, VCPU_CR0);	/* for vmx_set_cr0_view() */
	value = *vcpu_gpr(vcpu, gpr);
	if ((value & X86_CR0_NW) && !(value & X86_CR0_CD))
		set_exception(exit, VEC_GP, true, 0);
	else
		vmx_set_cr0_view(vcpu, value);
}

static bool is_instructions_event(u32 event)
{
	u32 type = event & VMCS_EVENT_TYPE;

	return type == VMCS_EVENT_SOFT_INTR || type == VMCS_EVENT_ICEBP ||
	       type == VMCS_EVENT_SOFT_EXCEPTION;
}

/* Of a task gate in the IDT it is the event that says whether an instruction led there. */
static void read_task_switch(struct exit_info *exit)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	exit->task.selector = info & VMX_TASK_SELECTOR;
	exit->task.source = info >> VMX_TASK_SOURCE_SHIFT & VMX_TASK_SOURCE;
	exit->task.by_event = exit->task.source == EMUL_TASK_GATE &&
			      !is_instructions_event(vmcs_read(VMCS_VECTORING_EVENT));
	if (exit->task.by_event)
		exit->insn_len = 0;
}

/* What is read besides: RIP, flags and length; read_io(); an event being delivered; read_details(). */
#define READ_INSN	BIT(0)
#define READ_IO		BIT(1)
#define READ_VECTORING	BIT(2)
#define READ_DETAILS	BIT(3)
#define READ_MORE	(READ_VECTORING | READ_DETAILS)

static const struct exit_rule {
	u8 kind, read;
} exit_rules[] = {
	[VMX_EXIT_EXCEPTION_NMI] = { EXIT_EXCEPTION, READ_VECTORING | READ_DETAILS },
	[VMX_EXIT_EXTERNAL_INTERRUPT] = { EXIT_INTERRUPT },
	[VMX_EXIT_TRIPLE_FAULT] = { EXIT_SHUTDOWN },
	[VMX_EXIT_INIT] = { EXIT_INTERRUPT },
	[VMX_EXIT_IO_SMI] = { EXIT_INTERRUPT },
	[VMX_EXIT_OTHER_SMI] = { EXIT_INTERRUPT },
	[VMX_EXIT_INTERRUPT_WINDOW] = { EXIT_INTERRUPT_WINDOW },
	[VMX_EXIT_NMI_WINDOW] = { EXIT_NMI_WINDOW, READ_DETAILS },
	[VMX_EXIT_TASK_SWITCH] = { EXIT_TASK_SWITCH, READ_INSN | READ_VECTORING | READ_DETAILS },
	[VMX_EXIT_CPUID] = { EXIT_CPUID, READ_INSN },
	[VMX_EXIT_GETSEC] = { EXIT_UNDEFINED },
	[VMX_EXIT_HLT] = { EXIT_HLT, READ_INSN },
	[VMX_EXIT_INVD] = { EXIT_CACHE_FLUSH, READ_INSN },
	[VMX_EXIT_RDPMC] = { EXIT_RDPMC },
	[VMX_EXIT_RSM] = { EXIT_UNDEFINED },
	[VMX_EXIT_VMCALL] = { EXIT_HYPERCALL, READ_INSN },
	[VMX_EXIT_VMCLEAR ... VMX_EXIT_VMXON] = { EXIT_UNDEFINED },
	[VMX_EXIT_CR_ACCESS] = { EXIT_RESUME, READ_DETAILS },
	[VMX_EXIT_DR_ACCESS] = { EXIT_DEBUG_REGISTER },
	[VMX_EXIT_IO] = { EXIT_IO, READ_INSN | READ_IO },
	[VMX_EXIT_MSR_READ] = { EXIT_MSR_READ, READ_INSN },
	[VMX_EXIT_MSR_WRITE] = { EXIT_MSR_WRITE, READ_INSN },
	[VMX_EXIT_MWAIT] = { EXIT_UNDEFINED },
	[VMX_EXIT_MONITOR_TRAP] = { EXIT_STEP },
	[VMX_EXIT_MONITOR] = { EXIT_UNDEFINED },
	[VMX_EXIT_PAUSE] = { EXIT_PAUSE, READ_INSN },
	[VMX_EXIT_TPR_THRESHOLD] = { EXIT_INTERRUPT_WINDOW },
	[VMX_EXIT_APIC_ACCESS] = { EXIT_APIC_ACCESS, READ_INSN | READ_VECTORING | READ_DETAILS },
	[VMX_EXIT_VIRTUAL_EOI] = { EXIT_EOI_DONE, READ_DETAILS },
	[VMX_EXIT_EPT_VIOLATION] = { EXIT_FAULT, READ_VECTORING | READ_DETAILS },
	[VMX_EXIT_EPT_MISCONFIG] = { EXIT_UNKNOWN, READ_VECTORING },
	[VMX_EXIT_INVEPT] = { EXIT_UNDEFINED },
	[VMX_EXIT_PREEMPTION_TIMER] = { EXIT_TIMER },
	[VMX_EXIT_INVVPID] = { EXIT_UNDEFINED },
	[VMX_EXIT_WBINVD] = { EXIT_CACHE_FLUSH, READ_INSN },
	[VMX_EXIT_XSETBV] = { EXIT_XSETBV, READ_INSN },
	[VMX_EXIT_APIC_WRITE] = { EXIT_APIC_WRITTEN, READ_DETAILS },
	[VMX_EXIT_VMFUNC] = { EXIT_UNDEFINED },
	[VMX_EXIT_ENCLS] = { EXIT_UNDEFINED },
	[VMX_EXIT_PML_FULL] = { EXIT_RESUME, READ_VECTORING | READ_DETAILS },
};

static void read_details(struct vcpu *vcpu, struct exit_info *exit)
{
	switch (exit->hw_code) {
	case VMX_EXIT_EXCEPTION_NMI:
		read_exception(vcpu, exit);
		break;
	case VMX_EXIT_NMI_WINDOW:
		to_vmx(vcpu)->next.proc &= ~PROC_NMI_WINDOW;
		to_vmx(vcpu)->pending |= VMX_WRITE_FIELDS;
		break;
	case VMX_EXIT_TASK_SWITCH:
		read_task_switch(exit);
		break;
	case VMX_EXIT_CR_ACCESS:
		read_cr_access(vcpu, exit);
		break;
	case VMX_EXIT_EPT_VIOLATION:
		read_fault(vcpu, exit);
		break;
	case VMX_EXIT_PML_FULL:
		read_full_log(vcpu);
		break;
	case VMX_EXIT_APIC_ACCESS:
		read_apic_access(exit);
		break;
	case VMX_EXIT_APIC_WRITE:
		exit->apic.offset = vmcs_read(VMCS_EXIT_QUALIFICATION) & 0xff0;
		break;
	case VMX_EXIT_VIRTUAL_EOI:
		exit->apic.vector = vmcs_read(VMCS_EXIT_QUALIFICATION);
		break;
	}
}

/* What was handed to the guest has been delivered, unless the exit came in the middle of that. */
static void take_back_event(struct vcpu *vcpu, bool delivering)
{
	u32 event = delivering ? vmcs_read(VMCS_VECTORING_EVENT) : 0, error = 0;

	if (event & VMCS_EVENT_HAS_ERROR)
		error = vmcs_read(VMCS_VECTORING_ERROR);
	vcpu_take_back_event(vcpu, event, error);
	to_vmx(vcpu)->pending &= ~VMX_EVENT_HANDED;
}

static noinline void read_more(struct vcpu *vcpu, struct vmx_vcpu *vmx, unsigned int read)
{
	if ((vmx->pending & VMX_EVENT_HANDED) || (read & READ_VECTORING))
		take_back_event(vcpu, read & READ_VECTORING);
	if (vmx->pending & VMX_DEBUG_LIVE)
		read_debug_registers(vcpu, vmx);
	if (vmx->pending & VMX_STEP)
		end_step(vmx);
	if (read & READ_DETAILS)
		read_details(vcpu, &vcpu->exit);
}

static __always_inline void read_exit(struct vcpu *vcpu, struct vmx_vcpu *vmx, u32 reason)
{
	struct exit_info *exit = &vcpu->exit;
	unsigned int read;

	exit->hw_code = reason;
	if (unlikely(reason >= ARRAY_SIZE(exit_rules)))
		reason = VMX_EXIT_EPT_MISCONFIG;	/* unknown, too */
	exit->kind = exit_rules[reason].kind;
	read = exit_rules[reason].read;
	vmx->fresh = 0;
	vcpu->lazy_state.unread = VCPU_STATE;
	vmx_spoil_unread(vcpu);
	if (read & READ_INSN) {
		read_insn(vcpu, vmx);
		vcpu->lazy_state.unread = VCPU_STATE & ~(VCPU_RIP | VCPU_FLAGS);
	}
	if (read & READ_IO)
		read_io(vcpu, exit);
	if (unlikely(vmx->pending) || (read & READ_MORE))
		read_more(vcpu, vmx, read);
}

/* Not a single instruction of the guest ran, and what was to be injected was not. */
static noinline void refused(struct vcpu *vcpu, u32 code)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmx->pending & VMX_DEBUG_LIVE)
		set_debugreg(DR6_RESERVED, 6);
	if ((u16)code == VMX_EXIT_ENTRY_MACHINE_CHECK)
		vcpu->exit.kind = EXIT_MACHINE_CHECK;
	else
		vmx_explain(vcpu, code);
	vmcs_write(VMCS_ENTRY_EVENT, 0);
	vmx->pending &= ~VMX_EVENT_HANDED;
}

/* False: the CPU refused at once, and nothing was loaded or changed. */
static __always_inline bool run_guest(struct vcpu *vcpu, struct vmx_entry *entry)
{
	u64 *gpr = vcpu->lazy_state.regs.gpr;
	bool entered;

	static_assert(offsetof(struct vmx_entry, host_rsp) == VMX_ENTRY_HOST_RSP);
	static_assert(offsetof(struct vmx_entry, spec_ctrl) == VMX_ENTRY_SPEC_CTRL);
	static_assert(offsetof(struct vmx_entry, host_spec_ctrl) == VMX_ENTRY_HOST_SPEC_CTRL);
	static_assert(offsetof(struct vmx_entry, launched) == VMX_ENTRY_LAUNCHED);
	entry->spec_ctrl = vcpu->msrs.spec_ctrl | entry->host_spec_ctrl;
	host_enter_guest_context();
	if (vcpu->cr2 != native_read_cr2())
		native_write_cr2(vcpu->cr2);
	/* All registers are the guest's in between: none needs to be saved for a second time. */
	asm volatile("call vmx_enter_guest"
		     : "=a" (entered), "+D" (gpr), "+S" (entry), ASM_CALL_CONSTRAINT
		     : : "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			 "memory", "cc");
	vcpu->cr2 = native_read_cr2();
	host_leave_guest_context();
	return entered;
}

static __always_inline void after_exit(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u32 reason = vmcs_read(VMCS_EXIT_REASON);

	if (unlikely(reason & VMX_EXIT_ENTRY_FAILED)) {
		refused(vcpu, reason);
		return;
	}
	if (IS_ENABLED(MINIVMM_DEBUG))
		WARN_ON_ONCE(vmx->flush_wanted);
	vmx->entry.launched = true;
	read_exit(vcpu, vmx, reason);
}

static noinline void refused_at_once(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	vmx->cpu = -1;	/* should the host's state not have arrived: write it again */
	refused(vcpu, vmcs_read(VMCS_INSTRUCTION_ERROR));
}

/* One function with run_guest(), so that registers are saved once. */
noinstr void vmx_enter(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool entered;

	instrumentation_begin();
	if (unlikely(vmx->pending) && !write_pending(vcpu, vmx)) {
		vcpu->exit.kind = EXIT_CPU_TAKEN;
		instrumentation_end();
		return;
	}
	write_guest_state(vcpu, vmx);
	vmx_corrupt();
	instrumentation_end();
	entered = run_guest(vcpu, &vmx->entry);
	instrumentation_begin();
	if (likely(entered))
		after_exit(vcpu, vmx);
	else
		refused_at_once(vcpu, vmx);
	vmx_mend();
	instrumentation_end();
}

#define OP(ret, name, args)	.name = vmx_##name,
const struct backend_ops vmx_backend_ops = { BACKEND_OPS(OP) };
#undef OP
