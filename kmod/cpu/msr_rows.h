/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MSRs that there are, a row each. msr.c makes its reads and writes of the rows, as cases
 * of a switch, msr_rows.c the lists. What is in no row is not there: #GP.
 */
#ifndef MINIVMM_CPU_MSR_ROWS_H
#define MINIVMM_CPU_MSR_ROWS_H

#include "../pure.h"

/* Bits of the lists that a row can be in. */
enum msr_lists {
	MSR_IN_NONE = 0,
	MSR_IN_SAVED = BIT(0),		/* GET_MSR_INDEX_LIST: has state */
	MSR_IN_FEATURES = BIT(1),	/* GET_MSR_FEATURE_INDEX_LIST; value: msr_get_feature() */
	MSR_IN_DIRECT = BIT(2),		/* every guest has it, without exits where the CPU switches it */
	MSR_IN_SAVED_FEATURES = MSR_IN_SAVED | MSR_IN_FEATURES,
	MSR_IN_SAVED_DIRECT = MSR_IN_SAVED | MSR_IN_DIRECT,
};

/*
 * MSR(first, last, name, lists, has, read, write), numbers @first to @last, of which the kernel
 * calls the first MSR_name:
 * has	for whom it is there: MSR_HAS_...
 * read	MSR_READ_...: what is read.
 * write	MSR_WRITE_...: what becomes of @value.
 * In the last three, @vcpu, @index and @host are what msr_get() and msr_set() were asked.
 */

/* What is often read or written. */
#define MSR_ROWS_OFTEN(MSR)									\
	/* VMCB or VMCS hold them. */								\
	MSR(0x174, 0x174, IA32_SYSENTER_CS, SAVED_DIRECT, ALL, BACKEND, BACKEND(true))		\
	MSR(0x175, 0x176, IA32_SYSENTER_ESP, SAVED_DIRECT, ALL, BACKEND, ADDRESS)		\
	MSR(0xc0000081, 0xc0000081, STAR, SAVED_DIRECT, ALL, BACKEND, BACKEND(true))		\
	MSR(0xc0000082, 0xc0000083, LSTAR, SAVED_DIRECT, ALL, BACKEND, ADDRESS)			\
	MSR(0xc0000084, 0xc0000084, SYSCALL_MASK, SAVED_DIRECT, ALL, BACKEND, LOW_HALF)		\
	MSR(0xc0000102, 0xc0000102, KERNEL_GS_BASE, SAVED_DIRECT, ALL, BACKEND, ADDRESS)	\
	MSR(0xc0000100, 0xc0000101, FS_BASE, DIRECT, ALL, BACKEND, ADDRESS)			\
	MSR(0x48, 0x48, IA32_SPEC_CTRL, SAVED, SPEC_CTRL,					\
	    KEPT(msrs.spec_ctrl), KEPT(msrs.spec_ctrl, !(value & ~spec_ctrl_bits())))		\
	MSR(0x49, 0x49, IA32_PRED_CMD, NONE, PRED_CMD, NONE, CALL(set_pred_cmd(value)))		\
	MSR(0x10, 0x10, IA32_TSC, SAVED, ALL,							\
	    VALUE(pv_guest_tsc(vcpu)), EVENT(pv_write_tsc(vcpu, value, host)))			\
	MSR(0x277, 0x277, IA32_CR_PAT, SAVED, ALL,						\
	    BACKEND, BACKEND(are_memory_types(value, true)))					\
	MSR(0xc0000103, 0xc0000103, TSC_AUX, SAVED, TSC_AUX,					\
	    KEPT(msrs.tsc_aux), DO(set_tsc_aux(vcpu, value)))					\
	MSR(0x3b, 0x3b, IA32_TSC_ADJUST, SAVED, ALL,						\
	    KEPT(msrs.tsc_adjust), EVENT(set_tsc_adjust(vcpu, value, host)))			\
	MSR(0x6e0, 0x6e0, IA32_TSC_DEADLINE, SAVED, ALL,					\
	    VALUE(lapic_get_tsc_deadline(vcpu, host)),						\
	    EVENT(lapic_set_tsc_deadline(vcpu, value)))						\
	MSR(0x1a0, 0x1a0, IA32_MISC_ENABLE, SAVED, ALL,						\
	    KEPT(msrs.misc_enable), KEPT(msrs.misc_enable, true))				\
	MSR(0x17a, 0x17a, IA32_MCG_STATUS, SAVED, ALL,						\
	    KEPT(mce.status), KEPT(mce.status, true))						\
	MSR(0xc0000080, 0xc0000080, EFER, NONE, ALL,						\
	    VALUE(get_efer(vcpu)), CALL(set_efer(vcpu, value, host)))				\
	MSR(0x1b, 0x1b, IA32_APICBASE, NONE, ALL,						\
	    VALUE(lapic_base(&vcpu->lapic)), EVENT_IF_OK(lapic_set_base(vcpu, value, host)))	\
	MSR(0x800, 0x8ff, X2APIC, NONE, ALL, CALL(lapic_msr_read(vcpu, index, value, host)),	\
	    EVENT_IF_OK(lapic_msr_write(vcpu, index, value)))

/* With state, but seldom used. */
#define MSR_ROWS_SELDOM(MSR)									\
	MSR(0x17b, 0x17b, IA32_MCG_CTL, SAVED, MCG_CTL,						\
	    KEPT(mce.ctl), KEPT(mce.ctl, mce_may_write_ctl(&vcpu->mce, value)))			\
	MSR(0x179, 0x179, IA32_MCG_CAP, NONE, ALL, KEPT(mce.cap), FAULTS)			\
	MSR(0x400, 0x47f, IA32_MC0_CTL, NONE, ALL, CALL(mce_get_bank(vcpu, index, value)),	\
	    CALL(mce_set_bank(vcpu, index, value, host)))					\
	MSR(0x11, 0x11, KVM_WALL_CLOCK, SAVED, ALL,						\
	    KEPT(pv.wall_clock_msr), DO(pv_set_wall_clock(vcpu, value)))			\
	MSR(0x12, 0x12, KVM_SYSTEM_TIME, SAVED, ALL,						\
	    KEPT(pv.system_time_msr), DO(pv_set_system_time(vcpu, value)))			\
	MSR(0x4b564d00, 0x4b564d00, KVM_WALL_CLOCK_NEW, SAVED, ALL,				\
	    KEPT(pv.wall_clock_msr), DO(pv_set_wall_clock(vcpu, value)))			\
	MSR(0x4b564d01, 0x4b564d01, KVM_SYSTEM_TIME_NEW, SAVED, ALL,				\
	    KEPT(pv.system_time_msr), DO(pv_set_system_time(vcpu, value)))			\
	/* MTRRs are given back, but memory types come from the second-level tables. */		\
	MSR(0x2ff, 0x2ff, MTRRdefType, SAVED, ALL,						\
	    KEPT(msrs.mtrr_def_type), KEPT(msrs.mtrr_def_type, is_mtrr_def_type(value)))	\
	MSR(0x250, 0x250, MTRRfix64K_00000, SAVED, ALL,						\
	    KEPT(msrs.mtrr_64k), KEPT(msrs.mtrr_64k, are_memory_types(value, false)))		\
	MSR(0x258, 0x259, MTRRfix16K_80000, SAVED, ALL, KEPT(NTH(msrs.mtrr_16k, 0x258)),	\
	    KEPT(NTH(msrs.mtrr_16k, 0x258), are_memory_types(value, false)))			\
	MSR(0x268, 0x26f, MTRRfix4K_C0000, SAVED, ALL, KEPT(NTH(msrs.mtrr_4k, 0x268)),		\
	    KEPT(NTH(msrs.mtrr_4k, 0x268), are_memory_types(value, false)))			\
	MSR(0x200, 0x20f, MTRR_VAR, SAVED, ALL, KEPT(NTH(msrs.mtrr_var, 0x200)),		\
	    KEPT(NTH(msrs.mtrr_var, 0x200), is_mtrr_var(vcpu, index, value)))			\
	/* 8 of them, fixed ranges, write-combining. */						\
	MSR(0xfe, 0xfe, MTRRcap, NONE, ALL, CONST(0x508), FAULTS)				\
	MSR(0x8b, 0x8b, IA32_UCODE_REV, SAVED_FEATURES, ALL,					\
	    KEPT(msrs.ucode_rev), DO(set_ucode_rev(vcpu, value, host)))				\
	MSR(0xc0010015, 0xc0010015, K7_HWCR, SAVED, ALL,					\
	    KEPT(msrs.hwcr), CALL(set_hwcr(vcpu, value)))					\
	MSR(0xc0011029, 0xc0011029, AMD64_DE_CFG, FEATURES, ALL, VALUE(de_cfg()), IGNORED)

/*
 * Without state: what guests read without asking CPUID whether it is there, with the value
 * that a CPU of no particular board has.
 */
#define MSR_ROWS_FIXED(MSR)									\
	/* Both vendors'. */									\
	MSR(0x0, 0x1, IA32_P5_MC_ADDR, NONE, ALL, CONST(0), FAULTS)				\
	MSR(0x17, 0x17, IA32_PLATFORM_ID, NONE, ALL, CONST(0), FAULTS)				\
	MSR(0x2a, 0x2a, IA32_EBL_CR_POWERON, NONE, ALL, CONST(0), FAULTS)			\
	MSR(0x2c, 0x2c, EBC_FREQUENCY_ID, NONE, ALL, CONST(1 << 24), FAULTS)			\
	MSR(0x34, 0x34, SMI_COUNT, NONE, ALL, CONST(0), FAULTS)					\
	/* No VMX and no SGX to turn on: locked. */						\
	MSR(0x3a, 0x3a, IA32_FEAT_CTL, NONE, ALL, CONST(1), FAULTS)				\
	MSR(0x79, 0x79, IA32_UCODE_WRITE, NONE, ALL, NONE, IGNORED)				\
	MSR(0x9e, 0x9e, IA32_SMBASE, NONE, HOST, CONST(0x30000), SAME(0x30000))			\
	MSR(0xc1, 0xc2, P6_PERFCTR0, NONE, ALL, CONST(0), IGNORED)				\
	MSR(0xcd, 0xcd, FSB_FREQ, NONE, ALL, CONST(3), FAULTS)	/* 100 MHz */			\
	MSR(0xce, 0xce, PLATFORM_INFO, NONE, ALL, CONST(0), FAULTS)				\
	MSR(0x10a, 0x10a, IA32_ARCH_CAPABILITIES, NONE, HOST, CONST(0), SAME(0))		\
	MSR(0x11e, 0x11e, IA32_BBL_CR_CTL3, NONE, ALL, CONST(0xbe702111), IGNORED)		\
	MSR(0x140, 0x140, MISC_FEATURES_ENABLES, NONE, ALL, CONST(0), SAME(0))			\
	MSR(0x186, 0x187, P6_EVNTSEL0, NONE, ALL, CONST(0), IGNORED)				\
	MSR(0x198, 0x198, IA32_PERF_STATUS, NONE, ALL, CONST(1000 | 4ull << 40), FAULTS)	\
	MSR(0x199, 0x199, IA32_PERF_CTL, NONE, ALL, CONST(0), FAULTS)				\
	MSR(0x1d9, 0x1d9, IA32_DEBUGCTLMSR, NONE, ALL, CONST(0), IGNORED)			\
	MSR(0x1db, 0x1de, IA32_LASTBRANCHFROMIP, NONE, ALL, CONST(0), FAULTS)			\
	MSR(0x1fc, 0x1fc, IA32_POWER_CTL, NONE, ALL, CONST(0), IGNORED)				\
	MSR(0xda0, 0xda0, IA32_XSS, NONE, XSAVES, CONST(0), SAME(0))				\
	/* Counters that no guest is given: a VMM may still save and restore them. */		\
	MSR(0x309, 0x30b, CORE_PERF_FIXED_CTR0, NONE, HOST, CONST(0), SAME(0))			\
	MSR(0x38d, 0x38f, CORE_PERF_FIXED_CTR_CTRL, NONE, HOST, CONST(0), SAME(0))		\
	MSR(0xc0010200, 0xc001020b, F15H_PERF_CTL, NONE, HOST, CONST(0), SAME(0))		\
	MSR(0x345, 0x345, IA32_PERF_CAPABILITIES, NONE, HOST, CONST(0), SAME(0))		\
	MSR(0x606, 0x606, RAPL_POWER_UNIT, NONE, ALL, CONST(0), FAULTS)				\
	MSR(0x611, 0x611, PKG_ENERGY_STATUS, NONE, ALL, CONST(0), FAULTS)			\
	MSR(0x619, 0x619, DRAM_ENERGY_STATUS, NONE, ALL, CONST(0), FAULTS)			\
	MSR(0x639, 0x639, PP0_ENERGY_STATUS, NONE, ALL, CONST(0), FAULTS)			\
	MSR(0x641, 0x641, PP1_ENERGY_STATUS, NONE, ALL, CONST(0), FAULTS)			\
	/* Of the paravirtual interface, what is not offered is off. */				\
	MSR(0x4b564d02, 0x4b564d04, KVM_ASYNC_PF_EN, NONE, ALL, CONST(0), SAME(0))		\
	MSR(0x4b564d06, 0x4b564d06, KVM_ASYNC_PF_INT, NONE, ALL, CONST(0), SAME(0))		\
	/* AMD's. */										\
	MSR(0xc0010000, 0xc0010007, K7_EVNTSEL0, NONE, ALL, CONST(0), IGNORED)			\
	MSR(0xc0010010, 0xc0010010, AMD64_SYSCFG, NONE, ALL, CONST(0), FAULTS)			\
	MSR(0xc001001b, 0xc001001b, K7_CLK_CTL, NONE, ALL, CONST(0x20000000), IGNORED)		\
	MSR(0xc001001f, 0xc001001f, AMD64_NB_CFG, NONE, ALL, CONST(0), IGNORED)			\
	MSR(0xc0010020, 0xc0010020, AMD64_PATCH_LOADER, NONE, ALL, NONE, IGNORED)		\
	MSR(0xc0010055, 0xc0010055, K8_INT_PENDING_MSG, NONE, ALL, CONST(0), FAULTS)		\
	MSR(0xc0010058, 0xc0010058, FAM10H_MMIO_CONF_BASE, NONE, ALL, CONST(0), SAME(0))	\
	MSR(0xc0010112, 0xc0010113, K8_TSEG_ADDR, NONE, ALL, CONST(0), FAULTS)			\
	/* SVM is off, and locked. */								\
	MSR(0xc0010114, 0xc0010114, VM_CR, NONE, ALL, CONST(0x18), FAULTS)			\
	MSR(0xc0010117, 0xc0010117, VM_HSAVE_PA, NONE, ALL, CONST(0), IGNORED)			\
	MSR(0xc0011021, 0xc0011022, F15H_IC_CFG, NONE, ALL, CONST(0), IGNORED)			\
	MSR(0xc0011023, 0xc0011023, AMD64_TW_CFG, NONE, ALL, CONST(0), IGNORED)			\
	MSR(0xc001102a, 0xc001102a, AMD64_BU_CFG2, NONE, ALL, CONST(0), IGNORED)		\
	MSR(0xc001102c, 0xc001102c, F15H_EX_CFG, NONE, ALL, CONST(0), IGNORED)

#define MSR_ROWS(MSR)	MSR_ROWS_OFTEN(MSR) MSR_ROWS_SELDOM(MSR) MSR_ROWS_FIXED(MSR)

/* Cases of a switch over @index: msr_get() with @value a pointer, and msr_set(). */
#define MSR_READ_CASE(first, last, name, lists, has, read, write)	\
	case first ... last:						\
		return MSR_HAS_##has ? MSR_READ_##read : -EINVAL;
#define MSR_WRITE_CASE(first, last, name, lists, has, read, write)	\
	case first ... last:						\
		return MSR_HAS_##has ? MSR_WRITE_##write : -EINVAL;

/* What needs nothing else. Those that look at the vCPU are in msr.c. */
#define MSR_HAS_ALL		true
#define MSR_HAS_HOST		host	/* not there for the guest */
#define MSR_READ_NONE		(-EINVAL)
#define MSR_READ_CONST(v)	(*value = (v), 0)
#define MSR_WRITE_FAULTS	(-EINVAL)
#define MSR_WRITE_IGNORED	0
#define MSR_WRITE_SAME(v)	(value == (v) ? 0 : -EINVAL)	/* nothing but what is read */

#define MSR_COUNT_LISTED(first, last, name, lists, has, read, write)	\
	+ (MSR_IN_##lists ? (last) - (first) + 1 : 0)
enum { MSR_MAX_LISTED = 0 MSR_ROWS(MSR_COUNT_LISTED) };

/* msr_list - the numbers of what is in a list of @which; how many. */
unsigned int msr_list(enum msr_lists which, u32 list[MSR_MAX_LISTED]);

#endif /* MINIVMM_CPU_MSR_ROWS_H */
