// SPDX-License-Identifier: GPL-2.0
/*
 * Why a VM entry failed: the VMCS and what this CPU has, given to the rules.
 * Called in the window, right after the entry failed; the VMCS is still loaded.
 */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "vmx.h"
#include "../compat.h"
#include "../vcpu/exit.h"
#include "rules.h"

/* The state begins with one member for each of these. */
static const u16 fields[] = {
#define FIELD(member, field) field,
	VMX_STATE_FIELDS(FIELD)
#undef FIELD
};

static void read_vmcs(struct vmx_state *state)
{
	u64 *member = (u64 *)state;
	unsigned int i;

	static_assert(offsetof(struct vmx_state, basic) == ARRAY_SIZE(fields) * sizeof(u64));
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		member[i] = vmcs_read(fields[i]);
}

static void read_capabilities(struct vmx_state *state)
{
	unsigned int controls = 0;

	state->basic = host_rdmsr(MSR_VMX_BASIC);
	if (state->basic & VMX_BASIC_TRUE_CONTROLS)
		controls = MSR_VMX_TRUE_PIN - MSR_VMX_PIN;
	state->pin_allowed = host_rdmsr(controls + MSR_VMX_PIN);
	state->proc_allowed = host_rdmsr(controls + MSR_VMX_PROC);
	state->exit_allowed = host_rdmsr(controls + MSR_VMX_EXIT);
	state->entry_allowed = host_rdmsr(controls + MSR_VMX_ENTRY);
	state->proc2_allowed = host_rdmsr(MSR_VMX_PROC2);
	state->misc = host_rdmsr(MSR_VMX_MISC);
	state->ept_vpid = host_rdmsr(MSR_VMX_EPT_VPID);
	state->cr0_fixed0 = host_rdmsr(MSR_VMX_CR0_FIXED0);
	state->cr0_fixed1 = host_rdmsr(MSR_VMX_CR0_FIXED1);
	state->cr4_fixed0 = host_rdmsr(MSR_VMX_CR4_FIXED0);
	state->cr4_fixed1 = host_rdmsr(MSR_VMX_CR4_FIXED1);
	state->efer_valid = EFER_SCE | EFER_LME | EFER_LMA |
			    (boot_cpu_has(X86_FEATURE_NX) ? EFER_NX : 0);
	state->phys_bits = boot_cpu_data.x86_phys_bits;
	state->linear_bits = boot_cpu_data.x86_virt_bits;
}

/* Fills vcpu->exit; @code is the CPU's error or exit reason. */
void vmx_explain(struct vcpu *vcpu, u64 code)
{
	const u32 *tpr = lapic_reg(&vcpu->lapic.regs, APIC_REG_TPR);
	struct vmx_state state;

	read_vmcs(&state);
	read_capabilities(&state);
	state.virtual_tpr = *tpr;
	exit_refused(vcpu, code, vmx_rules, vmx_nr_rules, &state);
}
