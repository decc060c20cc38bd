// SPDX-License-Identifier: GPL-2.0
/*
 * MSR policy: which MSRs exist for a guest, who may write what, where each value
 * lives. A table per kind, no MSR access to the CPU except TSC_AUX in a section.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "control.h"
#include "msr.h"

#define MTRR_DEF_TYPE_ENABLE	BIT_ULL(11)
#define MTRR_DEF_TYPE_VALID	(BIT_ULL(11) | BIT_ULL(10) | 0xff)
#define MTRR_PHYS_VALID		BIT_ULL(11)
#define MISC_ENABLE_DEFAULT	BIT_ULL(0)	/* fast string operations */
#define UCODE_REV_DEFAULT	(1ull << 32)
#define DE_CFG_LFENCE_SERIALIZE	BIT_ULL(1)
#define HWCR_KEPT		(BIT_ULL(18) | BIT_ULL(24))

static const u32 saved_msrs[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE,
	MSR_IA32_SPEC_CTRL, MSR_IA32_TSC, MSR_IA32_CR_PAT, MSR_TSC_AUX, MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE,
	MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL,
	MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME,
	MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW,
	MSR_MTRRdefType,
	MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000, MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
	0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207,
	0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f,
	MSR_IA32_UCODE_REV, MSR_K7_HWCR,
};

static const u32 feature_msrs[] = { MSR_IA32_UCODE_REV, MSR_AMD64_DE_CFG };

const u32 *msr_list(unsigned int *count)
{
	*count = ARRAY_SIZE(saved_msrs);
	return saved_msrs;
}

const u32 *msr_feature_list(unsigned int *count)
{
	*count = ARRAY_SIZE(feature_msrs);
	return feature_msrs;
}

int msr_get_feature(u32 index, u64 *value)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		*value = UCODE_REV_DEFAULT;
		return 0;
	case MSR_AMD64_DE_CFG:
		*value = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE_SERIALIZE : 0;
		return 0;
	default:
		return -EINVAL;
	}
}

void msr_reset(struct vcpu *vcpu)
{
	vcpu->msrs = (struct vcpu_msrs){
		.misc_enable = MISC_ENABLE_DEFAULT,
		.ucode_rev = UCODE_REV_DEFAULT,
	};
}

static bool is_memory_type(u8 type)
{
	return type < 8 && ((1u << type) & 0x73);	/* UC, WC, WT, WP, WB */
}

static bool are_memory_types(u64 value, bool uc_minus)
{
	unsigned int i;

	for (i = 0; i < 8; i++, value >>= 8)
		if (!is_memory_type(value) && !(uc_minus && (value & 0xff) == 7))
			return false;
	return true;
}

/* MTRRs are kept and given back, but memory types come from the second-level tables. */
static u64 *mtrr_slot(struct vcpu *vcpu, u32 index)
{
	static const u32 fixed[MSR_NR_MTRR_FIX] = {
		MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
		MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000,
		MSR_MTRRfix4K_D8000, MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000,
		MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
	};
	unsigned int i;

	if (index >= 0x200 && index < 0x200 + 2 * MSR_NR_MTRR_VAR)
		return vcpu->msrs.mtrr_var + array_index_nospec(index - 0x200, 2 * MSR_NR_MTRR_VAR);
	for (i = 0; i < MSR_NR_MTRR_FIX; i++)
		if (fixed[i] == index)
			return &vcpu->msrs.mtrr_fix[i];
	return index == MSR_MTRRdefType ? &vcpu->msrs.mtrr_def_type : NULL;
}

static int set_mtrr(struct vcpu *vcpu, u32 index, u64 *slot, u64 value)
{
	u64 address_bits = GENMASK_ULL(vcpu->cpuid.has.phys_bits - 1, 12);
	bool ok;

	if (index == MSR_MTRRdefType)
		ok = !(value & ~MTRR_DEF_TYPE_VALID) && is_memory_type(value);
	else if (index >= 0x200 + 2 * MSR_NR_MTRR_VAR)
		ok = are_memory_types(value, false);
	else if (index & 1)
		ok = !(value & ~(address_bits | MTRR_PHYS_VALID));
	else
		ok = !(value & ~(address_bits | 0xff)) && is_memory_type(value);
	if (!ok)
		return -EINVAL;
	*slot = value;
	return 0;
}

static int set_efer(struct vcpu *vcpu, u64 value, bool host)
{
	u64 changed;

	vcpu_need(vcpu, VCPU_CR0 | VCPU_EFER);
	changed = value ^ vcpu->efer;
	if (value & ~vcpu->cpuid.has.efer_allowed)
		return -EINVAL;
	if (!host && (changed & EFER_LME) && (vcpu->cr0 & X86_CR0_PG))
		return -EINVAL;
	/* LMA follows from the others, whoever writes what. */
	value &= ~(u64)EFER_LMA;
	if ((value & EFER_LME) && (vcpu->cr0 & X86_CR0_PG))
		value |= EFER_LMA;
	vcpu->efer = value;
	backend_call(sync_control)(vcpu);
	return 0;
}

static int set_tsc_adjust(struct vcpu *vcpu, u64 value, bool host)
{
	/* Userspace restores the number; the guest's write moves the clock. */
	if (!host)
		pv_set_tsc_offset(vcpu, vcpu->tsc_offset + value - vcpu->msrs.tsc_adjust);
	vcpu->msrs.tsc_adjust = value;
	return 0;
}

/* MSRs the control structure holds; what the CPU would check on WRMSR is checked here. */
static int set_backend_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		if (!control_is_canonical(value))
			return -EINVAL;
		break;
	case MSR_IA32_CR_PAT:
		if (!are_memory_types(value, true))
			return -EINVAL;
		break;
	case MSR_SYSCALL_MASK:
		value = (u32)value;
		break;
	}
	return backend_call(set_msr)(vcpu, index, value);
}

static int set_feature(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		if (host)
			vcpu->msrs.ucode_rev = value;
		return 0;
	case MSR_AMD64_DE_CFG:
		return 0;
	case MSR_K7_HWCR:
		/*
		 * What Linux and Windows set: cache flush filter, monitor, TSC P0 frequency, and
		 * for made-up machine checks writes of the banks' status.
		 */
		if (value & ~(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8) | BIT_ULL(9) | HWCR_KEPT))
			return -EINVAL;
		vcpu->msrs.hwcr = value & HWCR_KEPT;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The CPU faults on others, and it is loaded where the host must not fault. */
static u64 spec_ctrl_bits(void)
{
	if (!backend.spec_ctrl)
		return 0;
	return (boot_cpu_has(X86_FEATURE_IBRS) ? SPEC_CTRL_IBRS : 0) |
	       (boot_cpu_has(X86_FEATURE_STIBP) ? SPEC_CTRL_STIBP : 0) |
	       (boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD) || boot_cpu_has(X86_FEATURE_AMD_SSBD) ?
		SPEC_CTRL_SSBD : 0);
}

static int set_speculation(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	if (index == MSR_IA32_SPEC_CTRL) {
		if ((!host && !vcpu->cpuid.has.spec_ctrl) || (value & ~spec_ctrl_bits()))
			return -EINVAL;
		vcpu->msrs.spec_ctrl = value;
		return 0;
	}
	/* PRED_CMD: the barrier itself. */
	if ((!host && !vcpu->cpuid.has.pred_cmd) || (value & ~1ull))
		return -EINVAL;
	if (value && boot_cpu_has(X86_FEATURE_IBPB))
		host_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return 0;
}

/* What the kernel keeps in TSC_AUX for the vDSO: the CPU and its node. */
void msr_cpu_changed(struct vcpu *vcpu)
{
	vcpu->msrs.host_tsc_aux = vcpu->cpu | (u64)cpu_to_node(vcpu->cpu) << 12;
}

void msr_write_tsc_aux(u64 value)
{
	if (cpu_feature_enabled(X86_FEATURE_RDTSCP) || cpu_feature_enabled(X86_FEATURE_RDPID))
		host_wrmsr(MSR_TSC_AUX, value);
}

/* A write in the middle of a section. */
static void set_tsc_aux(struct vcpu *vcpu, u64 value)
{
	vcpu->msrs.tsc_aux = (u32)value;
	if (vcpu_in_window(vcpu))
		msr_write_tsc_aux(vcpu->msrs.tsc_aux);
}

int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	u64 *mtrr;

	if (index >= 0x800 && index <= 0x8ff)
		return lapic_msr_write(vcpu, index, value);
	switch (index) {
	case MSR_EFER:
		return set_efer(vcpu, value, host);
	case MSR_IA32_TSC:
		pv_write_tsc(vcpu, value, host);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		return set_tsc_adjust(vcpu, value, host);
	case MSR_IA32_TSC_DEADLINE:
		lapic_set_tsc_deadline(vcpu, value);
		return 0;
	case MSR_IA32_APICBASE:
		return lapic_set_base(vcpu, value, host);
	case MSR_TSC_AUX:
		if (!host && !vcpu->cpuid.has.rdtscp && !vcpu->cpuid.has.rdpid)
			return -EINVAL;
		set_tsc_aux(vcpu, value);
		return 0;
	case MSR_IA32_MISC_ENABLE:
		vcpu->msrs.misc_enable = value;
		return 0;
	case MSR_IA32_MCG_STATUS:
		vcpu->mce.status = value;
		return 0;
	case MSR_IA32_XSS:
		return !vcpu->cpuid.has.xsaves || value ? -EINVAL : 0;
	case MSR_IA32_SPEC_CTRL:
	case MSR_IA32_PRED_CMD:
		return set_speculation(vcpu, index, value, host);
	case MSR_IA32_UCODE_REV:
	case MSR_AMD64_DE_CFG:
	case MSR_K7_HWCR:
		return set_feature(vcpu, index, value, host);
	}
	if (!set_backend_msr(vcpu, index, value))
		return 0;
	mtrr = mtrr_slot(vcpu, index);
	if (mtrr)
		return set_mtrr(vcpu, index, mtrr, value);
	if (pv_is_msr(index))
		return pv_msr_write(vcpu, index, value);
	if (mce_is_msr(index))
		return mce_set(vcpu, index, value, host);
	return msr_fixed_set(index, value, host);
}

/* False: @index is none of these, or not in the guest's CPUID. */
static __always_inline bool get_common(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	const struct cpuid_features *has = &vcpu->cpuid.has;

	switch (index) {
	case MSR_EFER:
		vcpu_need(vcpu, VCPU_EFER);
		*value = vcpu->efer;
		return true;
	case MSR_IA32_TSC:
		*value = pv_guest_tsc(vcpu);
		return true;
	case MSR_IA32_TSC_ADJUST:
		*value = vcpu->msrs.tsc_adjust;
		return true;
	case MSR_IA32_TSC_DEADLINE:
		*value = lapic_get_tsc_deadline(vcpu, host);
		return true;
	case MSR_IA32_APICBASE:
		*value = lapic_base(&vcpu->lapic);
		return true;
	case MSR_TSC_AUX:
		*value = vcpu->msrs.tsc_aux;
		return host || has->rdtscp || has->rdpid;
	case MSR_IA32_MISC_ENABLE:
		*value = vcpu->msrs.misc_enable;
		return true;
	case MSR_IA32_SPEC_CTRL:
		*value = vcpu->msrs.spec_ctrl;
		return host || has->spec_ctrl;
	case MSR_IA32_UCODE_REV:
		*value = vcpu->msrs.ucode_rev;
		return true;
	case MSR_K7_HWCR:
		*value = vcpu->msrs.hwcr;
		return true;
	case MSR_MTRRcap:
		*value = MSR_NR_MTRR_VAR | BIT(8) | BIT(10);	/* fixed ranges, WC */
		return true;
	default:
		return false;
	}
}

/* Those that are seldom read. */
static noinline int get_rest(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	const u64 *mtrr = mtrr_slot(vcpu, index);

	if (mtrr) {
		*value = *mtrr;
		return 0;
	}
	if (pv_is_msr(index)) {
		*value = pv_msr_read(vcpu, index);
		return 0;
	}
	if (index == MSR_IA32_XSS)
		return vcpu->cpuid.has.xsaves ? 0 : -EINVAL;
	if (mce_is_msr(index))
		return mce_get(vcpu, index, value, host);
	if (!msr_get_feature(index, value))
		return 0;
	return msr_fixed_get(index, value, host);
}

int msr_get(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	if (index >= 0x800 && index <= 0x8ff)
		return lapic_msr_read(vcpu, index, value, host);
	*value = 0;
	if (get_common(vcpu, index, value, host))
		return 0;
	if (!backend_call(get_msr)(vcpu, index, value))
		return 0;
	return get_rest(vcpu, index, value, host);
}

/* Copies the array's head and entries in; *count says how many. */
static struct minivmm_msr_entry *copy_entries(struct minivmm_msrs __user *arg, u32 *count)
{
	struct minivmm_msrs head;

	if (copy_from_user(&head, arg, sizeof(head)))
		return ERR_PTR(-EFAULT);
	if (head.nmsrs > MSR_ARRAY_MAX)
		return ERR_PTR(-E2BIG);
	*count = head.nmsrs;
	return memdup_user(arg->entries, array_size(head.nmsrs, sizeof(*arg->entries)));
}

long msr_array_get(struct minivmm_msrs __user *arg,
		   int (*get)(void *object, u32 index, u64 *value), void *object)
{
	struct minivmm_msr_entry *entries;
	u32 count, i;

	entries = copy_entries(arg, &count);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < count; i++) {
		u64 value;

		if (get(object, entries[i].index, &value))
			break;
		entries[i].data = value;
	}
	if (copy_to_user(arg->entries, entries, count * sizeof(*entries)))
		i = -EFAULT;
	kfree(entries);
	return (int)i;
}

long msr_array_set(struct minivmm_msrs __user *arg, struct vcpu *vcpu)
{
	struct minivmm_msr_entry *entries;
	u32 count, i;

	entries = copy_entries(arg, &count);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < count; i++)
		if (msr_set(vcpu, entries[i].index, entries[i].data, true)) {
			refuse(&vcpu->error, -EINVAL, "msr index", entries[i].index,
			       "no such MSR, or not with this value");
			break;
		}
	kfree(entries);
	return i;
}
