// SPDX-License-Identifier: GPL-2.0
/*
 * Why VMRUN refused a guest: the VMCB and what this CPU has, given to the rules.
 * Called in the window, right after VMEXIT_INVALID.
 */
#include <asm/cpufeature.h>

#include "svm.h"
#include "../vcpu/exit.h"
#include "../vcpu/inject.h"
#include "rules.h"

static u64 host_cr4_bits(void)
{
	return X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE |
	       X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
	       (boot_cpu_has(X86_FEATURE_UMIP) ? X86_CR4_UMIP : 0) |
	       (boot_cpu_has(X86_FEATURE_LA57) ? X86_CR4_LA57 : 0) |
	       (boot_cpu_has(X86_FEATURE_FSGSBASE) ? X86_CR4_FSGSBASE : 0) |
	       (boot_cpu_has(X86_FEATURE_PCID) ? X86_CR4_PCIDE : 0) |
	       (boot_cpu_has(X86_FEATURE_XSAVE) ? X86_CR4_OSXSAVE : 0) |
	       (boot_cpu_has(X86_FEATURE_SMEP) ? X86_CR4_SMEP : 0) |
	       (boot_cpu_has(X86_FEATURE_SMAP) ? X86_CR4_SMAP : 0) |
	       (boot_cpu_has(X86_FEATURE_PKU) ? X86_CR4_PKE : 0);
}

static u64 host_efer_bits(void)
{
	return EFER_SCE | EFER_LME | EFER_LMA | EFER_SVME |
	       (boot_cpu_has(X86_FEATURE_NX) ? EFER_NX : 0) |
	       (boot_cpu_has(X86_FEATURE_FXSR_OPT) ? EFER_FFXSR : 0);
}

static void read_state(const struct vmcb *vmcb, struct svm_state *state)
{
	*state = (struct svm_state){
#define FIELD(member, where) .member = vmcb->where,
		SVM_STATE_FIELDS(FIELD)
#undef FIELD
		.phys_bits = boot_cpu_data.x86_phys_bits,
		.cr4_valid = host_cr4_bits(),
		.efer_valid = host_efer_bits(),
		.nr_asids = svm_host.nr_asids,
	};
}

/* Fills vcpu->exit. */
void svm_explain(struct vcpu *vcpu)
{
	struct svm_state state;

	svm_cancel_step(vcpu);
	to_svm(vcpu)->vmcb->control.event_inject = 0;
	svm_quirk_refused(vcpu);
	vcpu_move_back(vcpu);
	read_state(to_svm(vcpu)->vmcb, &state);
	exit_refused(vcpu, SVM_EXIT_INVALID, svm_rules, svm_nr_rules, &state);
}
