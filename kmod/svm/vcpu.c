// SPDX-License-Identifier: GPL-2.0
/*
 * The guest state a VMCB holds: segments, tables, control registers, MSRs.
 * Called outside or in the window by the thread that holds vcpu->lock.
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "svm.h"
#include "../vm.h"

/* Intercepts that are always on. Those the guest's state decides come and go. */
static const u8 fixed_intercepts[] = {
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT, INTERCEPT_RDPMC,
	INTERCEPT_CPUID, INTERCEPT_RSM, INTERCEPT_INVD, INTERCEPT_HLT, INTERCEPT_INVLPGA,
	INTERCEPT_IOIO, INTERCEPT_MSR, INTERCEPT_SHUTDOWN, INTERCEPT_VMRUN, INTERCEPT_VMMCALL,
	INTERCEPT_VMLOAD, INTERCEPT_VMSAVE, INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_WBINVD, INTERCEPT_MONITOR, INTERCEPT_MWAIT, INTERCEPT_XSETBV,
};

static void init_control(struct svm_vcpu *svm)
{
	struct vmcb_control *c = &svm->vmcb->control;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fixed_intercepts); i++)
		vmcb_intercept(svm->vmcb, fixed_intercepts[i], true);
	if (boot_cpu_has(X86_FEATURE_RDPRU))
		vmcb_intercept(svm->vmcb, INTERCEPT_RDPRU, true);
	if (svm_host.features & SVM_FEATURE_PAUSE_FILTER) {
		vmcb_intercept(svm->vmcb, INTERCEPT_PAUSE, true);
		c->pause_filter_count = 3000;
		if (svm_host.features & SVM_FEATURE_PAUSE_THRESHOLD)
			c->pause_filter_threshold = 128;
	}
	c->iopm_base = svm_host.iopm_pa;
	c->msrpm_base = svm_host.msrpm_pa;
	c->int_control = VMCB_V_INTR_MASKING;
	c->nested_control = VMCB_NP_ENABLE;
}

int svm_vcpu_create(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);

	if (!svm)
		return -ENOMEM;
	svm->vmcb = (struct vmcb *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb) {
		kfree(svm);
		return -ENOMEM;
	}
	svm->entry.vmcb_pa = __sme_pa(svm->vmcb);
	svm->asid_cpu = -1;
	init_control(svm);
	vcpu->backend = svm;
	return 0;
}

void svm_vcpu_free(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (!svm)
		return;
	free_page((unsigned long)svm->vmcb);
	kfree(svm);
	vcpu->backend = NULL;
}

static void reset_segment(struct vmcb_segment *seg, u16 attr)
{
	*seg = (struct vmcb_segment){ .attr = attr, .limit = 0xffff };
}

void svm_vcpu_reset(struct vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_save *save = &svm->vmcb->save;

	reset_segment(&save->es, 0x93);
	reset_segment(&save->ss, 0x93);
	reset_segment(&save->ds, 0x93);
	reset_segment(&save->fs, 0x93);
	reset_segment(&save->gs, 0x93);
	reset_segment(&save->cs, 0x9b);
	save->cs.selector = 0xf000;
	save->cs.base = 0xffff0000;
	reset_segment(&save->gdtr, 0);
	reset_segment(&save->idtr, 0);
	reset_segment(&save->ldtr, 0x82);
	reset_segment(&save->tr, 0x8b);
	save->cpl = 0;
	svm->watch = 0;
	svm->known = SVM_KNOWN_NOTHING;
	svm->steps_in_shadow = svm->shadow_over = false;
	vmcb_intercept(svm->vmcb, INTERCEPT_VINTR, false);
	svm->vmcb->control.int_control = VMCB_V_INTR_MASKING;
	svm->vmcb->control.int_state = 0;
	svm->vmcb->control.event_inject = 0;
	if (init)
		return;
	save->g_pat = 0x0007040600070406ull;
	save->star = save->lstar = save->cstar = save->sfmask = 0;
	save->kernel_gs_base = 0;
	save->sysenter_cs = save->sysenter_esp = save->sysenter_eip = 0;
}

static struct vmcb_segment *segment_of(const struct vcpu *vcpu, int seg)
{
	struct vmcb_save *save = &to_svm(vcpu)->vmcb->save;

	switch (seg) {
	case SEG_ES: return &save->es;
	case SEG_CS: return &save->cs;
	case SEG_SS: return &save->ss;
	case SEG_DS: return &save->ds;
	case SEG_FS: return &save->fs;
	case SEG_GS: return &save->gs;
	case BACKEND_LDTR: return &save->ldtr;
	default: return &save->tr;
	}
}

void svm_get_segment(struct vcpu *vcpu, int seg, struct segment *out)
{
	const struct vmcb_segment *s = segment_of(vcpu, seg);

	out->base = s->base;
	out->limit = s->limit;
	out->selector = s->selector;
	out->attr = s->attr;
	/* What the CPU need not keep in the VMCB: G, and that a loaded TR is busy. */
	if (s->limit > 0xfffff)
		out->attr |= SEG_ATTR_G;
	if (seg == BACKEND_TR)
		out->attr |= 2;
}

bool svm_code_is_64bit(struct vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.cs.attr & SEG_ATTR_L;
}

void svm_set_segment(struct vcpu *vcpu, int seg, const struct segment *in)
{
	struct vmcb_segment *s = segment_of(vcpu, seg);

	s->base = in->base;
	s->limit = in->limit;
	s->selector = in->selector;
	s->attr = in->attr;
	if (seg == SEG_SS) {
		vcpu->lazy_state.cpl = (in->attr & SEG_ATTR_DPL) >> 5;
		to_svm(vcpu)->vmcb->save.cpl = vcpu->lazy_state.cpl;
	}
}

void svm_get_table(struct vcpu *vcpu, bool idt, u64 *base, u16 *limit)
{
	const struct vmcb_save *save = &to_svm(vcpu)->vmcb->save;
	const struct vmcb_segment *table = idt ? &save->idtr : &save->gdtr;

	*base = table->base;
	*limit = table->limit;
}

void svm_set_table(struct vcpu *vcpu, bool idt, u64 base, u16 limit)
{
	struct vmcb_save *save = &to_svm(vcpu)->vmcb->save;
	struct vmcb_segment *table = idt ? &save->idtr : &save->gdtr;

	table->base = base;
	table->limit = limit;
}

/*
 * Without CR4.MCE a machine check shuts the CPU down. While a guest has it off, it is on all the
 * same, and the guest's accesses to CR4 exit; kernels turn it on early. One that turns it off
 * again without an exit is found out by the next host interrupt.
 */
static void sync_cr4(struct vcpu *vcpu, struct svm_vcpu *svm)
{
	u64 cr4 = vcpu->lazy_state.control.cr4;
	bool forced = svm_host.forced_cr4 & ~cr4;

	svm->vmcb->save.cr4 = cr4 | svm_host.forced_cr4;
	/* Else a guest that may have all that the CPU has needs no watching. */
	vmcb_intercept(svm->vmcb, INTERCEPT_CR_WRITE + 4, vcpu->cpuid.has.cr4_hidden || forced);
	vmcb_intercept(svm->vmcb, INTERCEPT_CR_READ + 4, forced);
	if (forced)
		svm->watch |= SVM_FORCED_CR4;
	else
		svm->watch &= ~SVM_FORCED_CR4;
}

void svm_sync_control(struct vcpu *vcpu)
{
	const struct control_regs *control = &vcpu->lazy_state.control;
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_save *save = &svm->vmcb->save;

	save->cr0 = control->cr0 | X86_CR0_ET;
	save->cr3 = control->cr3;
	sync_cr4(vcpu, svm);
	save->efer = control->efer | EFER_SVME;
	svm_flush_tlb(vcpu);
}

void svm_sync_tsc(struct vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.tsc_offset = vcpu->tsc_offset;
}

void svm_sync_debug(struct vcpu *vcpu)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	unsigned int i;

	vmcb->save.dr6 = vcpu->dr.dr6;
	vmcb->save.dr7 = vcpu->dr.dr7;
	svm_intercept_exceptions(vcpu);
	for (i = 0; i < 8; i++) {
		vmcb_intercept(vmcb, INTERCEPT_DR_READ + i, !vcpu->dr.live);
		vmcb_intercept(vmcb, INTERCEPT_DR_WRITE + i, !vcpu->dr.live);
	}
}

static u64 *msr_field(struct vcpu *vcpu, u32 index)
{
	struct vmcb_save *save = &to_svm(vcpu)->vmcb->save;

	switch (index) {
	case MSR_STAR: return &save->star;
	case MSR_LSTAR: return &save->lstar;
	case MSR_CSTAR: return &save->cstar;
	case MSR_SYSCALL_MASK: return &save->sfmask;
	case MSR_FS_BASE: return &save->fs.base;
	case MSR_GS_BASE: return &save->gs.base;
	case MSR_KERNEL_GS_BASE: return &save->kernel_gs_base;
	case MSR_IA32_SYSENTER_CS: return &save->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP: return &save->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP: return &save->sysenter_eip;
	case MSR_IA32_CR_PAT: return &save->g_pat;
	default: return NULL;
	}
}

int svm_get_msr(struct vcpu *vcpu, u32 index, u64 *value)
{
	const u64 *field = msr_field(vcpu, index);

	if (!field)
		return -EINVAL;
	*value = *field;
	return 0;
}

int svm_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	u64 *field = msr_field(vcpu, index);

	if (!field)
		return -EINVAL;
	*field = value;
	return 0;
}
