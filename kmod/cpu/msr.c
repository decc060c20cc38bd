// SPDX-License-Identifier: GPL-2.0
/*
 * MSR policy: what the rows of msr_rows.h name, and the reads and writes made of them. No MSR
 * access to the CPU except TSC_AUX in a section, and PRED_CMD.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../irq/lapic.h"
#include "../pv.h"
#include "../report/explain.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "control.h"
#include "mce.h"
#include "msr.h"
#include "msr_rows.h"

#define MTRR_DEF_TYPE_ENABLE	BIT_ULL(11)
#define MTRR_DEF_TYPE_VALID	(BIT_ULL(11) | BIT_ULL(10) | 0xff)
#define MTRR_PHYS_VALID		BIT_ULL(11)
#define MISC_ENABLE_DEFAULT	BIT_ULL(0)	/* fast string operations */
#define UCODE_REV_DEFAULT	(1ull << 32)
#define DE_CFG_LFENCE_SERIALIZE	BIT_ULL(1)
#define HWCR_KEPT		(BIT_ULL(18) | BIT_ULL(24))

/* Where the kernel has no name. */
#define MSR_X2APIC		APIC_BASE_MSR
#define MSR_MTRR_VAR		0x200

#define CHECK_NAME(first, last, name, ...)	static_assert(MSR_##name == (first) && (first) <= (last));
MSR_ROWS(CHECK_NAME)
#undef CHECK_NAME

static u64 de_cfg(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE_SERIALIZE : 0;
}

int msr_get_feature(u32 index, u64 *value)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		*value = UCODE_REV_DEFAULT;
		return 0;
	case MSR_AMD64_DE_CFG:
		*value = de_cfg();
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

static bool is_mtrr_def_type(u64 value)
{
	return !(value & ~MTRR_DEF_TYPE_VALID) && is_memory_type(value);
}

/* Pairs of a base, with a type, and a mask. */
static bool is_mtrr_var(const struct vcpu *vcpu, u32 index, u64 value)
{
	u64 address_bits = GENMASK_ULL(vcpu->cpuid.has.phys_bits - 1, 12);

	if (index & 1)
		return !(value & ~(address_bits | MTRR_PHYS_VALID));
	return !(value & ~(address_bits | 0xff)) && is_memory_type(value);
}

static u64 get_efer(struct vcpu *vcpu)
{
	return vcpu_efer(vcpu);
}

static int set_efer(struct vcpu *vcpu, u64 value, bool host)
{
	u64 changed = value ^ vcpu_efer(vcpu);
	bool paging = vcpu_cr0(vcpu) & X86_CR0_PG;

	if (value & ~vcpu->cpuid.has.efer_allowed)
		return -EINVAL;
	if (!host && (changed & EFER_LME) && paging)
		return -EINVAL;
	/* LMA follows from the others, whoever writes what. */
	value &= ~(u64)EFER_LMA;
	if ((value & EFER_LME) && paging)
		value |= EFER_LMA;
	vcpu_set_efer(vcpu, value);
	backend_call(sync_control)(vcpu);
	return 0;
}

static void set_tsc_adjust(struct vcpu *vcpu, u64 value, bool host)
{
	/* Userspace restores the number; the guest's write moves the clock. */
	if (!host)
		pv_set_tsc_offset(vcpu, vcpu->tsc_offset + value - vcpu->msrs.tsc_adjust);
	vcpu->msrs.tsc_adjust = value;
}

static void set_ucode_rev(struct vcpu *vcpu, u64 value, bool host)
{
	if (host)
		vcpu->msrs.ucode_rev = value;
}

/*
 * What Linux and Windows set: cache flush filter, monitor, TSC P0 frequency, and for made-up
 * machine checks writes of the banks' status.
 */
static int set_hwcr(struct vcpu *vcpu, u64 value)
{
	if (value & ~(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8) | BIT_ULL(9) | HWCR_KEPT))
		return -EINVAL;
	vcpu->msrs.hwcr = value & HWCR_KEPT;
	return 0;
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

/* The barrier itself. */
static int set_pred_cmd(u64 value)
{
	if (value & ~1ull)
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

/* What the rows say; a userspace that restores a vCPU may set its CPUID later. */
#define MSR_HAS_TSC_AUX		(host || vcpu->cpuid.has.rdtscp || vcpu->cpuid.has.rdpid)
#define MSR_HAS_SPEC_CTRL	(host || vcpu->cpuid.has.spec_ctrl)
#define MSR_HAS_PRED_CMD	(host || vcpu->cpuid.has.pred_cmd)
#define MSR_HAS_MCG_CTL		(host || mce_has_ctl(&vcpu->mce))
#define MSR_HAS_XSAVES		vcpu->cpuid.has.xsaves

#define NTH(array, first)	array[array_index_nospec(index - (first), ARRAY_SIZE(vcpu->array))]
#define MSR_READ_VALUE(v)	(*value = (v), 0)
#define MSR_READ_KEPT(member)	MSR_READ_VALUE(vcpu->member)
#define MSR_READ_CALL(call)	call
#define MSR_READ_BACKEND	backend_call(get_msr)(vcpu, index, value)

#define MSR_WRITE_KEPT(member, ok)	((ok) ? (vcpu->member = value, 0) : -EINVAL)
#define MSR_WRITE_DO(call)		(call, 0)
#define MSR_WRITE_CALL(call)		call
#define MSR_WRITE_EVENT(call)		(call, MSR_EVENT)
#define MSR_WRITE_EVENT_IF_OK(call)	(call ?: MSR_EVENT)
#define MSR_WRITE_BACKEND(ok)		((ok) ? backend_call(set_msr)(vcpu, index, value) : -EINVAL)
#define MSR_WRITE_ADDRESS		MSR_WRITE_BACKEND(control_is_canonical(value))
#define MSR_WRITE_LOW_HALF		backend_call(set_msr)(vcpu, index, (u32)value)

static noinline int get_rest(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	switch (index) {
	MSR_ROWS_SELDOM(MSR_READ_CASE)
	MSR_ROWS_FIXED(MSR_READ_CASE)
	default:
		return -EINVAL;
	}
}

/* EOI, which the compiler then compares with first. */
#define MSR_MOST_URGENT	(MSR_X2APIC + (APIC_EOI >> 4))

int msr_get(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	switch (__builtin_expect(index, MSR_MOST_URGENT)) {
	MSR_ROWS_OFTEN(MSR_READ_CASE)
	default:
		return get_rest(vcpu, index, value, host);
	}
}

static noinline int set_rest(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	switch (index) {
	MSR_ROWS_SELDOM(MSR_WRITE_CASE)
	MSR_ROWS_FIXED(MSR_WRITE_CASE)
	default:
		return -EINVAL;
	}
}

int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	switch (__builtin_expect(index, MSR_MOST_URGENT)) {
	MSR_ROWS_OFTEN(MSR_WRITE_CASE)
	default:
		return set_rest(vcpu, index, value, host);
	}
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
		if (msr_set(vcpu, entries[i].index, entries[i].data, true) < 0) {
			refuse(&vcpu->error, -EINVAL, "msr index", entries[i].index,
			       "no such MSR, or not with this value");
			break;
		}
	kfree(entries);
	return i;
}
