// SPDX-License-Identifier: GPL-2.0
/* See speculation.h. */
#include <linux/cpu.h>
#include <linux/string_helpers.h>
#include <asm/cpufeature.h>

#include "../compat.h"
#include "../report/log.h"
#include "speculation.h"

#define ZEN5_BP_CFG		0xc001102e
#define BP_SPEC_REDUCE		BIT_ULL(4)

bool speculation_verw __ro_after_init;
bool speculation_flush_l1d __ro_after_init;
bool speculation_ibpb __ro_after_init;
static bool reduces __ro_after_init;

/* What asks for it, what the CPU must have for it, action, boundary, what the path reads. */
static const struct mitigation {
	u16 asked_by, needs;		/* bugs and features; 0 is one that all CPUs have */
	const char *action, *boundary;
	bool *wanted;			/* NULL: the kernel patches by the feature what the path does */
} mitigations[] = {
	{ X86_FEATURE_SRSO_BP_SPEC_REDUCE, 0, "less branch prediction", "load", &reduces },
	{ X86_BUG_ITLB_MULTIHIT, 0, "large pages not executable", "mapping" },
	{ X86_FEATURE_USE_IBPB, 0, "IBPB", "other guest", &speculation_ibpb },
	{ X86_BUG_FXSAVE_LEAK, 0, "x87 pointers overwritten", "section" },
	{ X86_BUG_L1TF, X86_FEATURE_FLUSH_L1D, "L1D flush", "window", &speculation_flush_l1d },
	{ X86_FEATURE_MSR_SPEC_CTRL, 0, "SPEC_CTRL switched", "entry and exit" },
	{ X86_BUG_MDS, X86_FEATURE_MD_CLEAR, "VERW", "entry", &speculation_verw },
	{ X86_BUG_TAA, X86_FEATURE_MD_CLEAR, "VERW", "entry", &speculation_verw },
	{ X86_BUG_MMIO_STALE_DATA, X86_FEATURE_MD_CLEAR, "VERW", "entry", &speculation_verw },
	{ X86_BUG_RFDS, X86_FEATURE_MD_CLEAR, "VERW", "entry", &speculation_verw },
	{ X86_FEATURE_CLEAR_CPU_BUF_VM, 0, "VERW", "entry", &speculation_verw },
	{ X86_BUG_SPECTRE_V2, 0, "registers cleared", "exit" },
	{ X86_FEATURE_ENTRY_IBPB, 0, "IBPB", "exit" },
	{ X86_FEATURE_IBPB_ON_VMEXIT, 0, "IBPB", "exit" },
	{ X86_FEATURE_RSB_VMEXIT, 0, "RSB fill", "exit" },
	{ X86_FEATURE_RSB_VMEXIT_LITE, 0, "RSB call", "exit" },
	{ X86_FEATURE_KERNEL_IBRS, 0, "IBRS", "exit" },
	{ X86_FEATURE_CLEAR_BHB_VMEXIT, 0, "branch history overwritten", "exit" },
	{ X86_FEATURE_UNRET, 0, "UNTRAIN_RET", "exit" },
	{ X86_FEATURE_SRSO, 0, "UNTRAIN_RET", "exit" },
	{ X86_FEATURE_SRSO_ALIAS, 0, "UNTRAIN_RET", "exit" },
	{ X86_FEATURE_IBPB_EXIT_TO_USER, 0, "IBPB", "return to userspace" },
};

/* Bugs are there although the host does nothing about them. What the kernel patches is its choice. */
static bool applies(const struct mitigation *m)
{
	return m->asked_by < HOST_FEATURE_NEVER && boot_cpu_has(m->asked_by) &&
	       boot_cpu_has(m->needs) && !(m->wanted && cpu_mitigations_off());
}

void speculation_setup(void)
{
	const struct mitigation *m, *last = NULL;
	char text[512] = "";
	unsigned int len = 0;

	for (m = mitigations; m < mitigations + ARRAY_SIZE(mitigations); m++) {
		if (!applies(m))
			continue;
		if (m->wanted)
			*m->wanted = true;
		if (!last || strcmp(m->action, last->action))
			len += scnprintf(text + len, sizeof(text) - len, ", %s at %s", m->action,
					 m->boundary);
		last = m;
	}
	log_info("speculation: the host's mitigations are %s%s",
		 str_on_off(!cpu_mitigations_off()), text);
}

/* Zen 5: with this bit guests cannot steer the host's returns; KVM, too, sets it while it has guests. */
void speculation_cpu(bool on)
{
	u64 value;

	if (!reduces || host_rdmsr_safe(ZEN5_BP_CFG, &value))
		return;
	host_wrmsr(ZEN5_BP_CFG, on ? value | BP_SPEC_REDUCE : value & ~BP_SPEC_REDUCE);
}
