// SPDX-License-Identifier: GPL-2.0
/*
 * The guest state a VMCS holds: segments, tables, control registers, MSRs.
 * Called outside or in the window by the thread that holds vcpu->lock.
 *
 * What is set is kept here and written at the next entry. What the guest may have
 * changed is read when it is asked for.
 */
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr-index.h>

#include "vmx.h"
#include "../compat.h"
#include "../cpu/debug.h"
#include "../irq/lapic.h"
#include "../memory/access.h"
#include "../vm.h"

#define CR0_OURS		(X86_CR0_NE | X86_CR0_NW | X86_CR0_CD)
#define CR4_OURS		X86_CR4_MCE	/* without it a machine check shuts the CPU down */
#define PLE_GAP			128		/* cycles between two PAUSEs of one loop */
#define PLE_WINDOW		4096		/* cycles a loop may last */

static DEFINE_IDA(vpids);

/* Fields of a new VMCS that are not 0 and stay as they are. */
static void write_constants(const struct vcpu *vcpu, const struct vmx_vcpu *vmx)
{
	vmcs_write(VMCS_LINK, ~0ull);
	vmcs_write(VMCS_GUEST_DEBUGCTL, 0);	/* as the guest reads it: cpu/msr_rows.h */
	vmcs_write(VMCS_EXIT_CONTROLS, vmx_host.exit);
	vmcs_write(VMCS_PIN_CONTROLS, vmx_host.pin & ~PIN_PREEMPTION_TIMER);
	vmcs_write(VMCS_VIRTUAL_APIC_ADDR, __pa(vcpu->lapic.regs.page));
	vmcs_write(VMCS_CR0_MASK, CR0_OURS);
	if (vmx_host.proc2 & PROC2_VPID)
		vmcs_write(VMCS_VPID, vmx->vpid);
	if (vmx_host.proc2 & PROC2_PAUSE_LOOP) {
		vmcs_write(VMCS_PLE_GAP, PLE_GAP);
		vmcs_write(VMCS_PLE_WINDOW, PLE_WINDOW);
	}
	if (vmx_host.proc2 & PROC2_APIC_ACCESS)
		vmcs_write(VMCS_APIC_ACCESS_ADDR, __pa(vmx_host.apic_access));
	if (vmx_host.proc2 & PROC2_ENCLS)
		vmcs_write(VMCS_ENCLS_EXIT_BITMAP, ~0ull);
	vmx_pml_write_constants(vmx);
}

/* The CPU does not say what a new VMCS holds. */
static void write_zeros(void)
{
	static const u16 fields[] = {
		VMCS_PF_ERROR_MASK, VMCS_PF_ERROR_MATCH, VMCS_CR3_TARGET_COUNT,
		VMCS_EXIT_MSR_STORE_COUNT, VMCS_EXIT_MSR_LOAD_COUNT, VMCS_ENTRY_MSR_LOAD_COUNT,
		VMCS_ENTRY_EVENT, VMCS_ENTRY_EVENT_ERROR, VMCS_ENTRY_INSN_LEN,
		VMCS_TPR_THRESHOLD, VMCS_TSC_OFFSET, VMCS_GUEST_INTERRUPTIBILITY,
		VMCS_GUEST_ACTIVITY, VMCS_GUEST_PENDING_DEBUG, VMCS_GUEST_SMBASE,
		VMCS_GUEST_RIP, VMCS_GUEST_RSP, VMCS_GUEST_RFLAGS,
		VMCS_HOST_ES_SELECTOR, VMCS_HOST_DS_SELECTOR, VMCS_HOST_FS_SELECTOR,
		VMCS_HOST_GS_SELECTOR,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		vmcs_write(fields[i], 0);
}

static int alloc_vcpu(struct vmx_vcpu *vmx)
{
	int vpid = 0;

	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || vmx_pml_create(vmx))
		return -ENOMEM;
	if (vmx_host.proc2 & PROC2_VPID)
		vpid = ida_alloc_range(&vpids, 1, U16_MAX, GFP_KERNEL_ACCOUNT);
	if (vpid < 0)
		return -ENOMEM;
	vmx->vpid = vpid;
	return 0;
}

int vmx_vcpu_create(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);

	if (!vmx)
		return -ENOMEM;
	vcpu->backend = vmx;
	vmx->cpu = vmx->loaded_on = -1;
	if (alloc_vcpu(vmx)) {
		vmx_vcpu_free(vcpu);
		return -ENOMEM;
	}
	*(u32 *)vmx->vmcs = vmx_host.basic & VMX_BASIC_REVISION;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	vmx->is_new = true;
	vmx->next.proc = vmx_host.proc;
	vmx->pending = VMX_BEGIN_WINDOW | VMX_WRITE_CONTROL | VMX_WRITE_FIELDS;
	return 0;
}

void vmx_vcpu_free(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx)
		return;
	vmx_clear(vmx);
	if (vmx->vpid)
		ida_free(&vpids, vmx->vpid);
	vmx_pml_free(vmx);
	free_page((unsigned long)vmx->vmcs);
	kfree(vmx);
	vcpu->backend = NULL;
}

static void set_piece(struct vmx_vcpu *vmx, unsigned int piece)
{
	__set_bit(piece, &vmx->fresh);
	__set_bit(piece, &vmx->changed);
	vmx->pending |= VMX_WRITE_PIECES;
}

static void reset_segments(struct vmx_vcpu *vmx)
{
	unsigned int seg;

	for (seg = SEG_ES; seg <= BACKEND_TR; seg++)
		vmx->segment[seg] = (struct segment){ .attr = 0x93, .limit = 0xffff };
	vmx->segment[SEG_CS].attr = 0x9b;
	vmx->segment[SEG_CS].selector = 0xf000;
	vmx->segment[SEG_CS].base = 0xffff0000;
	vmx->segment[BACKEND_LDTR].attr = 0x82;
	vmx->segment[BACKEND_TR].attr = 0x8b;
	vmx->table[0].base = vmx->table[1].base = 0;
	vmx->table[0].limit = vmx->table[1].limit = 0xffff;
}

void vmx_vcpu_reset(struct vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	reset_segments(vmx);
	vmx->fresh = vmx->changed = GENMASK(VMX_NR_PIECES - 1, 0);
	vmx->next.proc &= ~(PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW);
	vmx->next.tpr_threshold = 0;
	vmx->pending |= VMX_WRITE_PIECES | VMX_WRITE_FIELDS;
	vmx->pending &= ~(VMX_WRITE_EVENT | VMX_EVENT_HANDED);
	if (init)
		return;
	vmx->pat = 0x0007040600070406ull;
	vmx->kernel_gs_base = 0;
	memset(vmx->syscall_msrs, 0, sizeof(vmx->syscall_msrs));
	vmx->sysenter_cs = vmx->sysenter_esp = vmx->sysenter_eip = 0;
}

/* Access rights have a hole where struct segment has none. */
static void read_segment(struct segment *s, unsigned int seg)
{
	u32 rights = vmcs_read(VMCS_SEG_AR(seg));

	s->base = vmcs_read(VMCS_SEG_BASE(seg));
	s->limit = vmcs_read(VMCS_SEG_LIMIT(seg));
	s->selector = vmcs_read(VMCS_SEG_SELECTOR(seg));
	s->attr = (rights & 0xff) | (rights >> 4 & 0xf00);
	if (rights & VMCS_AR_UNUSABLE)
		s->attr &= ~SEG_ATTR_P;
}

static void write_segment(const struct segment *s, unsigned int seg)
{
	u32 rights = (s->attr & 0xff) | (s->attr & 0xf00) << 4;

	/* What a loaded register always is: accessed, or a busy TSS. */
	if (seg < BACKEND_LDTR)
		rights |= 1;
	else if (seg == BACKEND_TR)
		rights |= 2;
	if (!(s->attr & SEG_ATTR_P))
		rights |= VMCS_AR_UNUSABLE;
	vmcs_write(VMCS_SEG_BASE(seg), s->base);
	vmcs_write(VMCS_SEG_LIMIT(seg), s->limit);
	vmcs_write(VMCS_SEG_SELECTOR(seg), s->selector);
	vmcs_write(VMCS_SEG_AR(seg), rights);
}

static void read_piece(struct vmx_vcpu *vmx, unsigned int piece)
{
	switch (piece) {
	case VMX_GDTR:
		vmx->table[0].base = vmcs_read(VMCS_GUEST_GDTR_BASE);
		vmx->table[0].limit = vmcs_read(VMCS_GUEST_GDTR_LIMIT);
		break;
	case VMX_IDTR:
		vmx->table[1].base = vmcs_read(VMCS_GUEST_IDTR_BASE);
		vmx->table[1].limit = vmcs_read(VMCS_GUEST_IDTR_LIMIT);
		break;
	case VMX_SYSENTER:
		vmx->sysenter_cs = vmcs_read(VMCS_GUEST_SYSENTER_CS);
		vmx->sysenter_esp = vmcs_read(VMCS_GUEST_SYSENTER_ESP);
		vmx->sysenter_eip = vmcs_read(VMCS_GUEST_SYSENTER_EIP);
		break;
	case VMX_EXCEPTIONS:	/* ours alone */
		break;
	default:
		read_segment(&vmx->segment[piece], piece);
	}
}

static void write_piece(const struct vmx_vcpu *vmx, unsigned int piece)
{
	switch (piece) {
	case VMX_GDTR:
		vmcs_write(VMCS_GUEST_GDTR_BASE, vmx->table[0].base);
		vmcs_write(VMCS_GUEST_GDTR_LIMIT, vmx->table[0].limit);
		break;
	case VMX_IDTR:
		vmcs_write(VMCS_GUEST_IDTR_BASE, vmx->table[1].base);
		vmcs_write(VMCS_GUEST_IDTR_LIMIT, vmx->table[1].limit);
		break;
	case VMX_SYSENTER:
		vmcs_write(VMCS_GUEST_SYSENTER_CS, vmx->sysenter_cs);
		vmcs_write(VMCS_GUEST_SYSENTER_ESP, vmx->sysenter_esp);
		vmcs_write(VMCS_GUEST_SYSENTER_EIP, vmx->sysenter_eip);
		break;
	case VMX_EXCEPTIONS:
		vmcs_write(VMCS_EXCEPTION_BITMAP, vmx->exceptions);
		break;
	default:
		write_segment(&vmx->segment[piece], piece);
	}
}

/* Outside, or in a window before its first entry: the section has seen to it that it is here. */
static bool load_to_read(struct vmx_vcpu *vmx, bool *outside)
{
	*outside = !irqs_disabled();
	return *outside ? vmx_load_outside(vmx) : vmx_load(vmx);
}

static void end_reading(bool outside)
{
	if (outside)
		local_irq_enable();
}

static void need_piece(struct vmx_vcpu *vmx, unsigned int piece)
{
	bool outside;

	if (__test_and_set_bit(piece, &vmx->fresh))
		return;
	if (vmx->in_window) {
		read_piece(vmx, piece);
		return;
	}
	if (!load_to_read(vmx, &outside)) {
		__clear_bit(piece, &vmx->fresh);	/* it stays in the VMCS */
		return;
	}
	read_piece(vmx, piece);
	end_reading(outside);
}

/* The registers of @which, from the loaded VMCS. */
static void read_registers(struct vcpu *vcpu, const struct vmx_vcpu *vmx, unsigned int which)
{
	struct control_regs *control = &vcpu->lazy_state.control;

	if (which & VCPU_CR0)
		control->cr0 = (vmcs_read(VMCS_GUEST_CR0) & ~CR0_OURS) |
			       (vmx->cr0_shadow & CR0_OURS);
	if (which & VCPU_CR3)
		control->cr3 = vmcs_read(VMCS_GUEST_CR3);
	if (which & VCPU_CR4)
		control->cr4 = (vmcs_read(VMCS_GUEST_CR4) & ~(X86_CR4_VMXE | CR4_OURS)) |
			    (vmx->cr4_shadow & CR4_OURS);
	if (which & VCPU_EFER) {
		control->efer &= ~EFER_LMA;
		if ((control->efer & EFER_LME) && (control->cr0 & X86_CR0_PG))
			control->efer |= EFER_LMA;
	}
	if (which & VCPU_CPL)
		vcpu->lazy_state.cpl = (vmcs_read(VMCS_GUEST_SS_AR) & VMCS_AR_DPL) >>
				       VMCS_AR_DPL_SHIFT;
}

static void read_state(struct vcpu *vcpu, struct vmx_vcpu *vmx, unsigned int which)
{
	if (which & VCPU_RIP)
		vmx_read_rip(vcpu, vmx);
	if (which & VCPU_FLAGS)
		vmx_read_flags(vcpu, vmx);
	if (which & VCPU_RSP) {
		vmcs_load(VMCS_GUEST_RSP, &vmx->written.rsp);
		vcpu->lazy_state.regs.gpr[GPR_RSP] = vmx->written.rsp;
	}
	read_registers(vcpu, vmx, which);
}

void vmx_read_state(struct vcpu *vcpu, unsigned int which)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool outside;

	/* EFER.LMA follows from CR0.PG and LME. The rest of EFER changes by WRMSR, which exits. */
	if (which & VCPU_EFER)
		which |= VCPU_CR0;
	which &= vcpu->lazy_state.unread;
	vcpu->lazy_state.unread &= ~which;
	if (vmx->in_window) {
		read_state(vcpu, vmx, which);
		return;
	}
	if (!load_to_read(vmx, &outside)) {
		vcpu->lazy_state.unread |= which;
		return;
	}
	read_state(vcpu, vmx, which);
	end_reading(outside);
}

/* In the window: the VMCS will not be at hand afterwards. */
void vmx_save_guest(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned int piece;

	vcpu_need(vcpu, VCPU_STATE);
	for (piece = 0; piece < VMX_NR_PIECES; piece++)
		need_piece(vmx, piece);
}

void vmx_get_segment(struct vcpu *vcpu, int seg, struct segment *out)
{
	need_piece(to_vmx(vcpu), seg);
	*out = to_vmx(vcpu)->segment[seg];
}

void vmx_set_segment(struct vcpu *vcpu, int seg, const struct segment *in)
{
	to_vmx(vcpu)->segment[seg] = *in;
	set_piece(to_vmx(vcpu), seg);
	if (seg == SEG_SS) {
		vcpu->lazy_state.cpl = (in->attr & SEG_ATTR_DPL) >> 5;
		vcpu->lazy_state.unread &= ~VCPU_CPL;
	}
}

bool vmx_code_is_64bit(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	/* The rest of the register is seldom needed, then. */
	if (vmx->in_window && !test_bit(SEG_CS, &vmx->fresh))
		return vmcs_read(VMCS_GUEST_CS_AR) & VMCS_AR_L;
	need_piece(vmx, SEG_CS);
	return vmx->segment[SEG_CS].attr & SEG_ATTR_L;
}

void vmx_get_table(struct vcpu *vcpu, bool idt, u64 *base, u16 *limit)
{
	need_piece(to_vmx(vcpu), VMX_GDTR + idt);
	*base = to_vmx(vcpu)->table[idt].base;
	*limit = to_vmx(vcpu)->table[idt].limit;
}

void vmx_set_table(struct vcpu *vcpu, bool idt, u64 base, u16 limit)
{
	to_vmx(vcpu)->table[idt].base = base;
	to_vmx(vcpu)->table[idt].limit = limit;
	set_piece(to_vmx(vcpu), VMX_GDTR + idt);
}

static bool is_pae_paging(struct vcpu *vcpu)
{
	return vcpu_paging_levels(vcpu) == 3;
}

/*
 * In PAE paging the CPU loads four entries whenever the guest loads CR3, and takes
 * them from the VMCS at entry. Where userspace loads CR3, this stands for the CPU.
 */
static void load_pdptes(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (guest_read_pdptes(vcpu, vmx->pdpte))
		memset(vmx->pdpte, 0, sizeof(vmx->pdpte));
	vmx->pending |= VMX_WRITE_PDPTES;
}

void vmx_sync_control(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	/* In the window CR3 and the paging mode stay as they are. */
	if (!vcpu_in_window(vcpu) && is_pae_paging(vcpu))
		load_pdptes(vcpu);
	vmx->pending |= VMX_WRITE_CONTROL | VMX_FLUSH_VPID;
}

#define PROC2_APIC	(PROC2_APIC_ACCESS | PROC2_APIC_REGISTERS | PROC2_X2APIC | PROC2_VIRTUAL_INTERRUPT)

/* Of PROC2_APIC, what goes with the local APIC's mode. In x2APIC mode delivery is all that counts. */
static u64 apic_controls(const struct vcpu *vcpu)
{
	u64 controls = vcpu->mmu.role.apic ? PROC2_APIC_ACCESS : 0;

	if (!vcpu->lapic.by_cpu)
		return controls;
	controls |= PROC2_VIRTUAL_INTERRUPT;
	if (vcpu->mmu.role.apic)
		controls |= PROC2_APIC_REGISTERS;
	else if (lapic_is_x2apic(&vcpu->lapic))
		controls |= PROC2_X2APIC;
	return controls;
}

/* Instructions that the guest's CPUID does not have do not exist for it. */
static u64 proc2_controls(const struct vcpu *vcpu)
{
	const struct cpuid_features *has = &vcpu->cpuid.has;
	u64 controls = vmx_host.proc2 & (~PROC2_APIC | apic_controls(vcpu));

	if (!has->rdtscp && !has->rdpid)
		controls &= ~PROC2_RDTSCP;
	if (!has->invpcid)
		controls &= ~PROC2_INVPCID;
	if (!has->xsaves)
		controls &= ~PROC2_XSAVES;
	return controls;
}

static void write_control(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	const struct control_regs *control = vcpu_control(vcpu);
	u64 proc2 = proc2_controls(vcpu);
	unsigned int i;

	vmx->cr0_shadow = control->cr0;
	vmcs_write(VMCS_CR0_SHADOW, control->cr0);
	vmcs_write(VMCS_GUEST_CR0, (control->cr0 & ~CR0_OURS) | X86_CR0_NE);
	vmcs_write(VMCS_GUEST_CR3, control->cr3);
	vmcs_write(VMCS_CR4_MASK, ~vcpu->cpuid.has.cr4_allowed | CR4_OURS);
	vmx->cr4_shadow = control->cr4;
	vmcs_write(VMCS_CR4_SHADOW, control->cr4);
	vmcs_write(VMCS_GUEST_CR4, control->cr4 | X86_CR4_VMXE | CR4_OURS);
	vmcs_write(VMCS_GUEST_EFER, control->efer);
	vmcs_write(VMCS_ENTRY_CONTROLS,
		   vmx_host.entry | (is_long_mode(vcpu) ? ENTRYCTL_GUEST_64 : 0));
	vmcs_write(VMCS_PROC2_CONTROLS, proc2);
	vmcs_write(VMCS_MSR_BITMAP, __pa(proc2 & PROC2_X2APIC ? vmx_host.msr_bitmap_x2apic :
								vmx_host.msr_bitmap));
	vmx->virtual_irqs = proc2 & PROC2_VIRTUAL_INTERRUPT;
	for (i = 0; vmx->virtual_irqs && i < ARRAY_SIZE(vmx->written.eoi_exits); i++)
		vmcs_write(VMCS_EOI_EXIT_BITMAP0 + 2 * i, vmx->written.eoi_exits[i]);
	vmcs_write(VMCS_GUEST_PAT, vmx->pat);
	vmx_host_use_syscall(vmx, control->efer & EFER_SCE);
}

static void write_pdptes(struct vmx_vcpu *vmx)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx->pdpte); i++)
		vmcs_write(VMCS_GUEST_PDPTE0 + 2 * i, vmx->pdpte[i]);
}

static void write_new_vmcs(const struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	write_zeros();
	write_constants(vcpu, vmx);
	memset(&vmx->written, 0, sizeof(vmx->written));
	memset(&vmx->have, 0, sizeof(vmx->have));
	vmx->is_new = false;
}

void vmx_write_changes(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned long piece;

	if (vmx->is_new)
		write_new_vmcs(vcpu, vmx);
	if (vmx->pending & VMX_WRITE_CONTROL)
		write_control(vcpu, vmx);
	if (vmx->pending & VMX_WRITE_PDPTES)
		write_pdptes(vmx);
	for_each_set_bit(piece, &vmx->changed, VMX_NR_PIECES)
		write_piece(vmx, piece);
	vmx->changed = 0;
}

void vmx_write_fields(struct vmx_vcpu *vmx)
{
	const struct vmx_fields *next = &vmx->next;
	struct vmx_fields *have = &vmx->have;

#define WRITE_FIELD(member, field)					\
	do {							\
		if (next->member != have->member)		\
			vmcs_write(field, next->member);	\
	} while (0)
	WRITE_FIELD(proc, VMCS_PROC_CONTROLS);
	WRITE_FIELD(tpr_threshold, VMCS_TPR_THRESHOLD);
	WRITE_FIELD(dr7, VMCS_GUEST_DR7);
	WRITE_FIELD(tsc_offset, VMCS_TSC_OFFSET);
	WRITE_FIELD(tsc_ratio, VMCS_TSC_MULTIPLIER);
#undef WRITE_FIELD
	*have = *next;
}

/* The guest sets CR0 to @value as far as the bits go that are not its own. */
void vmx_set_cr0_view(struct vcpu *vcpu, u64 value)
{
	u64 *cr0 = &vcpu->lazy_state.control.cr0;
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->cr0_shadow = (vmx->cr0_shadow & ~CR0_OURS) | (value & CR0_OURS);
	vmcs_write(VMCS_CR0_SHADOW, vmx->cr0_shadow);
	*cr0 = (*cr0 & ~CR0_OURS) | (value & CR0_OURS);
}

void vmx_sync_tsc(struct vcpu *vcpu)
{
	to_vmx(vcpu)->pending |= VMX_WRITE_FIELDS;
	to_vmx(vcpu)->next.tsc_offset = vcpu->tsc_offset;
	to_vmx(vcpu)->next.tsc_ratio = vcpu->tsc_ratio;
}

/* #DB and #AC: a guest can make the CPU loop on them. #MC is the host's. */
static void intercept_exceptions(const struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u32 exceptions = BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC) |
			 BIT(VEC_UD);	/* may be the other vendor's hypercall */

	if (debug_wants_breakpoints(&vcpu->debug))
		exceptions |= BIT(VEC_BP);
	if (vmx->exceptions == exceptions)
		return;
	vmx->exceptions = exceptions;
	set_piece(vmx, VMX_EXCEPTIONS);
}

void vmx_sync_debug(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	intercept_exceptions(vcpu, vmx);
	vmx->pending |= VMX_WRITE_FIELDS;
	vmx->next.dr7 = vcpu->dr.dr7;
	if (vcpu->dr.live) {
		vmx->next.proc &= ~PROC_MOV_DR;
		vmx->pending |= VMX_DEBUG_LIVE;
	} else {
		vmx->next.proc |= PROC_MOV_DR;
		vmx->pending &= ~VMX_DEBUG_LIVE;
	}
}

/* The pieces that hold MSRs. */
static u64 *msr_field(struct vmx_vcpu *vmx, u32 index, unsigned int *piece)
{
	*piece = VMX_SYSENTER;
	switch (index) {
	case MSR_IA32_SYSENTER_CS:
		return &vmx->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &vmx->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &vmx->sysenter_eip;
	case MSR_FS_BASE:
		*piece = SEG_FS;
		return &vmx->segment[SEG_FS].base;
	case MSR_GS_BASE:
		*piece = SEG_GS;
		return &vmx->segment[SEG_GS].base;
	default:
		return NULL;
	}
}

/* MSRs that no exit changes. */
static u64 *kept_msr(struct vmx_vcpu *vmx, u32 index)
{
	int nr;

	switch (index) {
	case MSR_IA32_CR_PAT:
		return &vmx->pat;
	case MSR_KERNEL_GS_BASE:
		return &vmx->kernel_gs_base;
	default:
		nr = vmx_syscall_msr(index);
		return nr < 0 ? NULL : &vmx->syscall_msrs[nr];
	}
}

int vmx_get_msr(struct vcpu *vcpu, u32 index, u64 *value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned int piece;
	const u64 *field = msr_field(vmx, index, &piece);

	if (field)
		need_piece(vmx, piece);
	else
		field = kept_msr(vmx, index);
	if (!field)
		return -EINVAL;
	*value = *field;
	return 0;
}

int vmx_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	unsigned int piece;
	u64 *field = msr_field(vmx, index, &piece);

	if (field) {
		need_piece(vmx, piece);
		set_piece(vmx, piece);
	} else {
		field = kept_msr(vmx, index);
	}
	if (!field)
		return -EINVAL;
	*field = value;
	vmx->pending |= VMX_WRITE_CONTROL;
	if (vmx->syscall_loaded && vmx_syscall_msr(index) >= 0)
		host_wrmsr(index, value);
	return 0;
}
