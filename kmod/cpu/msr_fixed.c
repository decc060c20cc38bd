// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs without state: what guests read without asking CPUID whether it is there, with the
 * value that a CPU of no particular board has. What is in no table is not there: #GP.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>

#include "msr.h"

/* What a write does; and who may read. */
#define WRITE_FAULTS	0
#define WRITE_IGNORED	BIT(0)
#define WRITE_SAME	BIT(1)	/* nothing, but faults with another value than that which is read */
#define HOST_ONLY	BIT(2)	/* not there for the guest */
#define WRITE_ONLY	BIT(3)

static const struct msr_row {
	u32 first, last;
	u32 flags;
	u64 value;
} rows[] = {
	/* Both vendors'. */
	{ MSR_IA32_P5_MC_ADDR, MSR_IA32_P5_MC_TYPE, WRITE_FAULTS, 0 },
	{ MSR_IA32_PLATFORM_ID, MSR_IA32_PLATFORM_ID, WRITE_FAULTS, 0 },
	{ MSR_IA32_EBL_CR_POWERON, MSR_IA32_EBL_CR_POWERON, WRITE_FAULTS, 0 },
	{ MSR_EBC_FREQUENCY_ID, MSR_EBC_FREQUENCY_ID, WRITE_FAULTS, 1 << 24 },
	{ MSR_SMI_COUNT, MSR_SMI_COUNT, WRITE_FAULTS, 0 },
	/* No VMX and no SGX to turn on: locked. */
	{ MSR_IA32_FEAT_CTL, MSR_IA32_FEAT_CTL, WRITE_FAULTS, FEAT_CTL_LOCKED },
	{ MSR_IA32_UCODE_WRITE, MSR_IA32_UCODE_WRITE, WRITE_IGNORED | WRITE_ONLY, 0 },
	{ MSR_IA32_SMBASE, MSR_IA32_SMBASE, WRITE_SAME | HOST_ONLY, 0x30000 },
	{ MSR_P6_PERFCTR0, MSR_P6_PERFCTR1, WRITE_IGNORED, 0 },
	{ MSR_FSB_FREQ, MSR_FSB_FREQ, WRITE_FAULTS, 3 },	/* 100 MHz */
	{ MSR_PLATFORM_INFO, MSR_PLATFORM_INFO, WRITE_FAULTS, 0 },
	{ MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_ARCH_CAPABILITIES, WRITE_SAME | HOST_ONLY, 0 },
	{ MSR_IA32_BBL_CR_CTL3, MSR_IA32_BBL_CR_CTL3, WRITE_IGNORED, 0xbe702111 },
	{ MSR_MISC_FEATURES_ENABLES, MSR_MISC_FEATURES_ENABLES, WRITE_SAME, 0 },
	{ MSR_P6_EVNTSEL0, MSR_P6_EVNTSEL1, WRITE_IGNORED, 0 },
	{ MSR_IA32_PERF_STATUS, MSR_IA32_PERF_STATUS, WRITE_FAULTS, 1000 | 4ull << 40 },
	{ MSR_IA32_PERF_CTL, MSR_IA32_PERF_CTL, WRITE_FAULTS, 0 },
	{ MSR_IA32_DEBUGCTLMSR, MSR_IA32_DEBUGCTLMSR, WRITE_IGNORED, 0 },
	{ MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTINTTOIP, WRITE_FAULTS, 0 },
	{ MSR_IA32_POWER_CTL, MSR_IA32_POWER_CTL, WRITE_IGNORED, 0 },
	/* Counters that no guest is given: a VMM may still save and restore them. */
	{ MSR_CORE_PERF_FIXED_CTR0, MSR_CORE_PERF_FIXED_CTR2, WRITE_SAME | HOST_ONLY, 0 },
	{ MSR_CORE_PERF_FIXED_CTR_CTRL, MSR_CORE_PERF_GLOBAL_CTRL, WRITE_SAME | HOST_ONLY, 0 },
	{ MSR_F15H_PERF_CTL, MSR_F15H_PERF_CTR5, WRITE_SAME | HOST_ONLY, 0 },
	{ MSR_IA32_PERF_CAPABILITIES, MSR_IA32_PERF_CAPABILITIES, WRITE_SAME | HOST_ONLY, 0 },
	{ MSR_RAPL_POWER_UNIT, MSR_RAPL_POWER_UNIT, WRITE_FAULTS, 0 },
	{ MSR_PKG_ENERGY_STATUS, MSR_PKG_ENERGY_STATUS, WRITE_FAULTS, 0 },
	{ MSR_DRAM_ENERGY_STATUS, MSR_DRAM_ENERGY_STATUS, WRITE_FAULTS, 0 },
	{ MSR_PP0_ENERGY_STATUS, MSR_PP0_ENERGY_STATUS, WRITE_FAULTS, 0 },
	{ MSR_PP1_ENERGY_STATUS, MSR_PP1_ENERGY_STATUS, WRITE_FAULTS, 0 },
	/* Of the paravirtual interface, what is not offered is off. */
	{ MSR_KVM_ASYNC_PF_EN, MSR_KVM_PV_EOI_EN, WRITE_SAME, 0 },
	{ MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_INT, WRITE_SAME, 0 },
	/* AMD's. */
	{ MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3, WRITE_IGNORED, 0 },
	{ MSR_AMD64_SYSCFG, MSR_AMD64_SYSCFG, WRITE_FAULTS, 0 },
	{ MSR_K7_CLK_CTL, MSR_K7_CLK_CTL, WRITE_IGNORED, 0x20000000 },
	{ MSR_AMD64_NB_CFG, MSR_AMD64_NB_CFG, WRITE_IGNORED, 0 },
	{ MSR_AMD64_PATCH_LOADER, MSR_AMD64_PATCH_LOADER, WRITE_IGNORED | WRITE_ONLY, 0 },
	{ MSR_K8_INT_PENDING_MSG, MSR_K8_INT_PENDING_MSG, WRITE_FAULTS, 0 },
	{ MSR_FAM10H_MMIO_CONF_BASE, MSR_FAM10H_MMIO_CONF_BASE, WRITE_SAME, 0 },
	{ MSR_K8_TSEG_ADDR, MSR_K8_TSEG_MASK, WRITE_FAULTS, 0 },
	{ MSR_VM_CR, MSR_VM_CR, WRITE_FAULTS, BIT(4) | BIT(3) },	/* SVM off, and locked */
	{ MSR_VM_HSAVE_PA, MSR_VM_HSAVE_PA, WRITE_IGNORED, 0 },
	{ MSR_F15H_IC_CFG, MSR_AMD64_DC_CFG, WRITE_IGNORED, 0 },	/* IC_CFG, DC_CFG */
	{ MSR_AMD64_TW_CFG, MSR_AMD64_TW_CFG, WRITE_IGNORED, 0 },
	{ MSR_AMD64_BU_CFG2, MSR_AMD64_BU_CFG2, WRITE_IGNORED, 0 },
	{ MSR_F15H_EX_CFG, MSR_F15H_EX_CFG, WRITE_IGNORED, 0 },
};

static const struct msr_row *find(u32 index, bool host)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (index >= rows[i].first && index <= rows[i].last)
			return host || !(rows[i].flags & HOST_ONLY) ? &rows[i] : NULL;
	return NULL;
}

int msr_fixed_get(u32 index, u64 *value, bool host)
{
	const struct msr_row *row = find(index, host);

	if (!row || (row->flags & WRITE_ONLY))
		return -EINVAL;
	*value = row->value;
	return 0;
}

int msr_fixed_set(u32 index, u64 value, bool host)
{
	const struct msr_row *row = find(index, host);

	if (!row)
		return -EINVAL;
	if (row->flags & WRITE_SAME)
		return value == row->value ? 0 : -EINVAL;
	return row->flags & WRITE_IGNORED ? 0 : -EINVAL;
}
