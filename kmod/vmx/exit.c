// SPDX-License-Identifier: GPL-2.0
/*
 * Into the guest and out of it: events on the way in, the exit reason translated
 * to common terms on the way out. Everything here runs in the window.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>
#include <asm/trapnr.h>

#include "../backend.h"
#include "../compat.h"
#include "../irq/irqchip.h"
#include "../vcpu.h"
#include "vmx.h"

#define SHADOWS		(VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS)
#define DEBUGCTL_BTF	BIT_ULL(1)
#define TIMER_MAX	BIT(25)		/* on some CPUs larger values expire at once */

/* Every exit reads all of it. */
void vmx_read_state(struct vcpu *vcpu, unsigned int which)
{
}

void vmx_flush_tlb(struct vcpu *vcpu)
{
	to_vmx(vcpu)->flush_ept = true;
}

/* A software interrupt that did not complete is not injected: RIP still points at its INT. */
void vmx_inject_irq(struct vcpu *vcpu, u8 vector, bool soft)
{
	if (!soft)
		to_vmx(vcpu)->next.event = vector | VMCS_EVENT_INTR | VMCS_EVENT_VALID;
}

void vmx_inject_nmi(struct vcpu *vcpu)
{
	to_vmx(vcpu)->next.event = 2 | VMCS_EVENT_NMI | VMCS_EVENT_VALID;
}

void vmx_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct vmx_fields *next = &to_vmx(vcpu)->next;

	next->event = vector | VMCS_EVENT_EXCEPTION | VMCS_EVENT_VALID |
		      (has_error ? VMCS_EVENT_HAS_ERROR : 0);
	next->event_error = error;
}

/* For a class that the TPR holds back: an exit as soon as the guest lowers it below. */
void vmx_want_irq_window(struct vcpu *vcpu, int priority)
{
	struct vmx_fields *next = &to_vmx(vcpu)->next;

	next->tpr_threshold = priority >= 0 && priority <= 15 ? priority : 0;
	if (priority > 15)
		next->proc |= PROC_INTERRUPT_WINDOW;
	else
		next->proc &= ~PROC_INTERRUPT_WINDOW;
}

/* The shadow of STI may not hold NMIs back: its end is the next interrupt window. */
void vmx_want_nmi_window(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vcpu->irq_shadow && !vcpu->events.nmi_masked)
		vmx->next.proc |= PROC_INTERRUPT_WINDOW;
	else
		vmx->next.proc |= PROC_NMI_WINDOW;
}

/* Which shadow it is matters to the CPU: that of STI cannot be where IF is clear. */
static u32 shadow_bits(struct vcpu *vcpu)
{
	u32 shadow = to_vmx(vcpu)->shadow;

	if (!vcpu->irq_shadow)
		return 0;
	if (!(vcpu->regs.rflags & X86_EFLAGS_IF))
		return VMCS_BLOCKED_BY_MOV_SS;
	return shadow ? shadow : VMCS_BLOCKED_BY_STI;
}

/*
 * In a shadow the CPU wants a single step to be pending exactly if TF says so;
 * outside of one, what was pending belonged to an instruction that is done with.
 */
static void write_pending_debug(struct vcpu *vcpu, const struct vmx_vcpu *vmx, u32 shadow)
{
	u64 pending = 0;

	if (shadow) {
		pending = vmcs_read(VMCS_GUEST_PENDING_DEBUG) & ~VMCS_PENDING_DEBUG_BS;
		if ((vcpu->regs.rflags & X86_EFLAGS_TF) && !(vmx->debugctl & DEBUGCTL_BTF))
			pending |= VMCS_PENDING_DEBUG_BS;
	}
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, pending);
}

static void write_fields(struct vmx_vcpu *vmx)
{
	const struct vmx_fields *next = &vmx->next;
	struct vmx_fields *written = &vmx->written;

#define WRITE_FIELD(member, field)					\
	do {							\
		if (next->member != written->member)		\
			vmcs_write(field, next->member);	\
	} while (0)
	WRITE_FIELD(pin, VMCS_PIN_CONTROLS);
	WRITE_FIELD(proc, VMCS_PROC_CONTROLS);
	WRITE_FIELD(tpr_threshold, VMCS_TPR_THRESHOLD);
	WRITE_FIELD(event, VMCS_ENTRY_EVENT);
	WRITE_FIELD(event_error, VMCS_ENTRY_EVENT_ERROR);
	WRITE_FIELD(interruptibility, VMCS_GUEST_INTERRUPTIBILITY);
	WRITE_FIELD(rip, VMCS_GUEST_RIP);
	WRITE_FIELD(rsp, VMCS_GUEST_RSP);
	WRITE_FIELD(rflags, VMCS_GUEST_RFLAGS);
	WRITE_FIELD(dr7, VMCS_GUEST_DR7);
	WRITE_FIELD(tsc_offset, VMCS_TSC_OFFSET);
	WRITE_FIELD(tsc_ratio, VMCS_TSC_MULTIPLIER);
#undef WRITE_FIELD
	*written = *next;
}

/* Tell the CPU what common code did to IRR and ISR, and whose end must be reported. */
static void write_irq_status(struct vcpu *vcpu)
{
	struct lapic_regs *regs = &vcpu->lapic.regs;
	const u64 *report = irqchip_eoi_vectors(vcpu->vm);
	int requested = lapic_regs_highest(regs, APIC_REG_IRR);
	int in_service = lapic_regs_highest(regs, APIC_REG_ISR);
	unsigned int i;

	vmcs_write(VMCS_GUEST_INTR_STATUS, max(requested, 0) | max(in_service, 0) << 8);
	for (i = 0; i < 4; i++)
		vmcs_write(VMCS_EOI_EXIT_BITMAP0 + 2 * i, READ_ONCE(report[i]));
	regs->changed = false;
}

/* Never 0, which would end the run at once, before interrupts of the host. */
static void write_timer(const struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	s64 left;

	if (likely(!vcpu->exit_tsc)) {
		vmx->next.pin &= ~PIN_PREEMPTION_TIMER;
		return;
	}
	left = max_t(s64, vcpu->exit_tsc - rdtsc(), 0) >> (vmx_host.misc & VMX_MISC_TIMER_SHIFT);
	vmcs_write(VMCS_PREEMPTION_TIMER, min_t(s64, left + 1, TIMER_MAX));
	vmx->next.pin |= PIN_PREEMPTION_TIMER;
}

static void write_guest_state(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u32 shadow = shadow_bits(vcpu);
	bool nmi_blocked = vcpu->events.nmi_masked && !vcpu->events.nmi_injected;

	vmx_write_changes(vcpu);
	if (vmx->virtual_irqs && vcpu->lapic.regs.changed)
		write_irq_status(vcpu);
	if (shadow || vmx->shadow)
		write_pending_debug(vcpu, vmx, shadow);
	write_timer(vcpu, vmx);
	vmx->next.rip = vcpu->regs.rip;
	vmx->next.rsp = vcpu->regs.gpr[EMUL_RSP];
	vmx->next.rflags = vcpu->regs.rflags;
	vmx->next.interruptibility = shadow | (nmi_blocked ? VMCS_BLOCKED_BY_NMI : 0);
	write_fields(vmx);
	if (unlikely(vcpu->dr_live))
		set_debugreg(vcpu->dr6, 6);
}

static void read_guest_state(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	struct vmx_fields *fields = &vmx->next;

	vmx_read_control(vcpu);
	fields->rip = vmcs_read(VMCS_GUEST_RIP);
	fields->rsp = vmcs_read(VMCS_GUEST_RSP);
	fields->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	fields->interruptibility = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	fields->event = 0;
	vmx->shadow = fields->interruptibility & SHADOWS;
	vcpu->regs.rip = fields->rip;
	vcpu->regs.gpr[EMUL_RSP] = fields->rsp;
	vcpu->regs.rflags = fields->rflags;
	vcpu->irq_shadow = vmx->shadow;
	vcpu->events.nmi_masked = fields->interruptibility & VMCS_BLOCKED_BY_NMI;
	if (unlikely(vcpu->dr_live)) {
		fields->dr7 = vmcs_read(VMCS_GUEST_DR7);
		vcpu->dr7 = fields->dr7;
		get_debugreg(vcpu->dr6, 6);
		set_debugreg(DR6_RESERVED, 6);
	}
	vmx->written = *fields;
}

/* IRET ends the blocking of NMIs even if it then faults; it will run again. */
static void keep_nmi_blocked(struct vcpu *vcpu)
{
	if (!vcpu->events.nmi_injected && !vcpu->events.exception.injected &&
	    !vcpu->events.interrupt.injected)
		vcpu->events.nmi_masked = true;
}

static void read_io(struct vcpu *vcpu, struct exit_info *exit)
{
	u32 info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	exit->kind = EXIT_IO;
	exit->io.port = info >> VMX_IO_PORT_SHIFT;
	exit->io.size = (info & VMX_IO_SIZE) + 1;
	exit->io.in = info & VMX_IO_IN;
	exit->io.string = info & VMX_IO_STRING;
	exit->io.next_rip = vcpu->regs.rip + exit->insn_len;
}

static void read_fault(struct vcpu *vcpu, struct exit_info *exit)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	exit->kind = EXIT_FAULT;
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
		exit->kind = EXIT_APIC_EOI;
		return;
	}
	exit->kind = EXIT_APIC_ACCESS;
	exit->fault.gpa = LAPIC_BASE_DEFAULT | (info & VMX_APIC_OFFSET);
	exit->fault.access = type == VMX_APIC_TYPE_WRITE ? MMU_WRITE : 0;
	exit->fault.final = type == VMX_APIC_TYPE_READ || type == VMX_APIC_TYPE_WRITE;
}

static void set_exception(struct exit_info *exit, u8 vector, bool has_error, u32 error)
{
	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = vector;
	exit->exception.has_error = has_error;
	exit->exception.error = error;
}

/* #AC although the guest does not check alignment: the host's trap for split locks. */
static bool is_split_lock(const struct vcpu *vcpu, u8 vector)
{
	return vector == EMUL_VEC_AC && boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) &&
	       !(vcpu->cpl == 3 && (vcpu->cr0 & X86_CR0_AM) &&
		 (vcpu->regs.rflags & X86_EFLAGS_AC));
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
	set_exception(exit, vector, vector == EMUL_VEC_AC, vmcs_read(VMCS_EXIT_EVENT_ERROR));
	if (vector == X86_TRAP_MC)
		exit->kind = EXIT_MACHINE_CHECK;
	else if (vector == EMUL_VEC_DB)	/* here the exit comes before DR6 is changed */
		vcpu->dr6 = (vcpu->dr6 & ~DR_TRAP_BITS) |
			    (vmcs_read(VMCS_EXIT_QUALIFICATION) & (DR_TRAP_BITS | DR_STEP | BIT(13)));
}

/*
 * MOV to CR0 or CR4 that would change a bit we keep. In CR4 these are features that
 * the guest's CPUID does not have. In CR0 the guest's view is changed, and then the
 * instruction runs again, so that the CPU checks and does all else about it.
 */
static void read_cr_access(struct vcpu *vcpu, struct exit_info *exit)
{
	u64 info = vmcs_read(VMCS_EXIT_QUALIFICATION);
	u64 value = vcpu->regs.gpr[info >> VMX_CR_GPR_SHIFT & VMX_CR_GPR];

	exit->kind = EXIT_RESUME;
	if ((info & VMX_CR_NUMBER) || ((value & X86_CR0_NW) && !(value & X86_CR0_CD)))
		set_exception(exit, EMUL_VEC_GP, true, 0);
	else
		vmx_set_cr0_view(vcpu, value);
}

/* Exit reasons that say all there is to say. */
static const u8 plain_exits[] = {
	[VMX_EXIT_EXTERNAL_INTERRUPT] = EXIT_INTERRUPT,
	[VMX_EXIT_TRIPLE_FAULT] = EXIT_SHUTDOWN,
	[VMX_EXIT_INIT] = EXIT_INTERRUPT,
	[VMX_EXIT_IO_SMI] = EXIT_INTERRUPT,
	[VMX_EXIT_OTHER_SMI] = EXIT_INTERRUPT,
	[VMX_EXIT_INTERRUPT_WINDOW] = EXIT_INTERRUPT_WINDOW,
	[VMX_EXIT_NMI_WINDOW] = EXIT_NMI_WINDOW,
	[VMX_EXIT_CPUID] = EXIT_CPUID,
	[VMX_EXIT_GETSEC] = EXIT_UNDEFINED,
	[VMX_EXIT_HLT] = EXIT_HLT,
	[VMX_EXIT_INVD] = EXIT_CACHE_FLUSH,
	[VMX_EXIT_RDPMC] = EXIT_RDPMC,
	[VMX_EXIT_RSM] = EXIT_UNDEFINED,
	[VMX_EXIT_VMCALL] = EXIT_HYPERCALL,
	[VMX_EXIT_VMCLEAR ... VMX_EXIT_VMXON] = EXIT_UNDEFINED,
	[VMX_EXIT_DR_ACCESS] = EXIT_DEBUG_REGISTER,
	[VMX_EXIT_MSR_READ] = EXIT_MSR_READ,
	[VMX_EXIT_MSR_WRITE] = EXIT_MSR_WRITE,
	[VMX_EXIT_MWAIT] = EXIT_UNDEFINED,
	[VMX_EXIT_MONITOR] = EXIT_UNDEFINED,
	[VMX_EXIT_PAUSE] = EXIT_PAUSE,
	[VMX_EXIT_TPR_THRESHOLD] = EXIT_INTERRUPT_WINDOW,
	[VMX_EXIT_INVEPT] = EXIT_UNDEFINED,
	[VMX_EXIT_INVVPID] = EXIT_UNDEFINED,
	[VMX_EXIT_PREEMPTION_TIMER] = EXIT_TIMER,
	[VMX_EXIT_WBINVD] = EXIT_CACHE_FLUSH,
	[VMX_EXIT_XSETBV] = EXIT_XSETBV,
	[VMX_EXIT_VMFUNC] = EXIT_UNDEFINED,
	[VMX_EXIT_ENCLS] = EXIT_UNDEFINED,
};

static void read_exit(struct vcpu *vcpu, u32 reason)
{
	struct exit_info *exit = &vcpu->exit;

	exit->hw_code = reason;
	exit->insn_len = vmcs_read(VMCS_EXIT_INSN_LEN);
	switch (reason) {
	case VMX_EXIT_EXCEPTION_NMI:
		read_exception(vcpu, exit);
		break;
	case VMX_EXIT_NMI_WINDOW:
		to_vmx(vcpu)->next.proc &= ~PROC_NMI_WINDOW;
		exit->kind = EXIT_NMI_WINDOW;
		break;
	case VMX_EXIT_CR_ACCESS:
		read_cr_access(vcpu, exit);
		break;
	case VMX_EXIT_IO:
		read_io(vcpu, exit);
		break;
	case VMX_EXIT_EPT_VIOLATION:
		read_fault(vcpu, exit);
		break;
	case VMX_EXIT_APIC_ACCESS:
		read_apic_access(exit);
		break;
	case VMX_EXIT_APIC_WRITE:
		exit->kind = EXIT_APIC_WRITTEN;
		exit->apic.offset = vmcs_read(VMCS_EXIT_QUALIFICATION) & 0xff0;
		break;
	case VMX_EXIT_VIRTUAL_EOI:
		exit->kind = EXIT_APIC_ENDED;
		exit->apic.vector = vmcs_read(VMCS_EXIT_QUALIFICATION);
		break;
	default:
		exit->kind = reason < ARRAY_SIZE(plain_exits) ? plain_exits[reason] : EXIT_UNKNOWN;
	}
}

/* Not a single instruction of the guest ran, and what was to be injected was not. */
static void refused(struct vcpu *vcpu, u32 code)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (unlikely(vcpu->dr_live))
		set_debugreg(DR6_RESERVED, 6);
	if ((u16)code == VMX_EXIT_ENTRY_MACHINE_CHECK)
		vcpu->exit.kind = EXIT_MACHINE_CHECK;
	else
		vmx_explain(vcpu, code);
	vmcs_write(VMCS_ENTRY_EVENT, 0);
	vmx->next.event = vmx->written.event = 0;
}

static void flush(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u64 eptp = mmu_root_pa(vcpu) | vmx_host.eptp_bits;

	vmcs_write(VMCS_EPT_POINTER, eptp);
	if (vmx->flush_ept)
		invept(vmx_host.ept_vpid & VMX_INVEPT_SINGLE ? INVALIDATE_SINGLE : INVALIDATE_ALL,
		       eptp);
	if (vmx->flush_vpid && vmx->vpid)
		invvpid(vmx_host.ept_vpid & VMX_INVVPID_SINGLE ? INVALIDATE_SINGLE :
								 INVALIDATE_ALL, vmx->vpid);
	vmx->flush_ept = false;
	vmx->flush_vpid = false;
}

static bool begin_window(struct vmx_vcpu *vmx)
{
	if (!vmx_load(vmx))
		return false;
	vmx_host_write_window(this_cpu_ptr(&vmx_cpu));
	vmx_host_clear_buffers();
	vmx->in_window = true;
	return true;
}

static noinstr bool run_guest(struct vcpu *vcpu, bool launched)
{
	u64 host_spec_ctrl = backend.spec_ctrl ? host_spec_ctrl_value() : 0;
	u64 spec_ctrl = backend.spec_ctrl ? vcpu->msrs.spec_ctrl | host_spec_ctrl : 0;
	bool entered;

	host_enter_guest_context();
	if (vcpu->cr2 != native_read_cr2())
		native_write_cr2(vcpu->cr2);
	entered = vmx_enter_guest(vcpu->regs.gpr, launched, spec_ctrl, host_spec_ctrl);
	vcpu->cr2 = native_read_cr2();
	host_leave_guest_context();
	return entered;
}

static void enter_and_exit(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u32 reason;

	if (unlikely(!run_guest(vcpu, vmx->launched))) {
		refused(vcpu, vmcs_read(VMCS_INSTRUCTION_ERROR));
		return;
	}
	reason = vmcs_read(VMCS_EXIT_REASON);
	if (unlikely(reason & VMX_EXIT_ENTRY_FAILED)) {
		refused(vcpu, reason);
		return;
	}
	vmx->launched = true;
	read_guest_state(vcpu, vmx);
	vcpu_take_back_event(vcpu, vmcs_read(VMCS_VECTORING_EVENT),
			     vmcs_read(VMCS_VECTORING_ERROR));
	read_exit(vcpu, reason);
}

void vmx_enter(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx->in_window && !begin_window(vmx)) {
		vcpu->exit.kind = EXIT_CPU_TAKEN;
		return;
	}
	write_guest_state(vcpu, vmx);
	if (unlikely(vmx->flush_ept || vmx->flush_vpid))
		flush(vcpu, vmx);
	vmx_corrupt();
	enter_and_exit(vcpu, vmx);
	vmx_mend();
}

#define OP(ret, name, args)	.name = vmx_##name,
const struct backend_ops vmx_backend_ops = { BACKEND_OPS(OP) };
#undef OP
