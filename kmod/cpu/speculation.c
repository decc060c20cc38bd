// SPDX-License-Identifier: GPL-2.0
/* See speculation.h. */
#include <linux/cpu.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "../compat.h"
#include "../report/log.h"
#include "speculation.h"

#define ZEN5_BP_CFG		0xc001102e
#define BP_SPEC_REDUCE		BIT_ULL(4)

bool speculation_verw __ro_after_init;
bool speculation_flush_l1d __ro_after_init;

/* Which of the buffers that VERW clears a guest could read. */
static bool buffers_leak(void)
{
	if (host_clears_buffers_for_guests())
		return true;
	return boot_cpu_has(X86_FEATURE_MD_CLEAR) &&
	       (boot_cpu_has_bug(X86_BUG_MDS) || boot_cpu_has_bug(X86_BUG_TAA) ||
		boot_cpu_has_bug(X86_BUG_MMIO_STALE_DATA) || boot_cpu_has_bug(X86_BUG_RFDS));
}

void speculation_setup(void)
{
	if (cpu_mitigations_off()) {
		log_info("speculation: mitigations are off on this host");
		return;
	}
	speculation_flush_l1d = boot_cpu_has_bug(X86_BUG_L1TF) && boot_cpu_has(X86_FEATURE_FLUSH_L1D);
	speculation_verw = buffers_leak();
	log_info("speculation: before an entry %s, before a window %s, after an exit %s%s",
		 speculation_verw ? "VERW" : "nothing",
		 speculation_flush_l1d ? "L1D flush" : "nothing",
		 host_wants_exit_ibpb() ? "IBPB" : "RSB fill",
		 host_wants_reduced_speculation() ? ", branch prediction reduced" : "");
}

/* Zen 5: with this bit guests cannot steer the host's returns; KVM, too, sets it while it has guests. */
void speculation_cpu(bool on)
{
	u64 value;

	if (!host_wants_reduced_speculation() || host_rdmsr_safe(ZEN5_BP_CFG, &value))
		return;
	host_wrmsr(ZEN5_BP_CFG, on ? value | BP_SPEC_REDUCE : value & ~BP_SPEC_REDUCE);
}
