// SPDX-License-Identifier: GPL-2.0
/* /dev/minivmm's ioctls: what this host offers, and new VMs. */

#include <linux/cpumask.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "cpu/cpuid.h"
#include "cpu/mce.h"
#include "cpu/msr.h"
#include "cpu/msr_rows.h"
#include "cpu/xstate.h"
#include "ioctl.h"
#include "irq/routing.h"
#include "memory/slots.h"
#include "system.h"
#include "vcpu/vcpu.h"
#include "vm.h"

/* Capabilities with a constant answer; check_extension() has the others. */
static const u32 capabilities[] = {
	[MINIVMM_CAP_IRQCHIP] = 1,
	[MINIVMM_CAP_HLT] = 1,
	[MINIVMM_CAP_MMU_SHADOW_CACHE_CONTROL] = 1,
	[MINIVMM_CAP_USER_MEMORY] = 1,
	[MINIVMM_CAP_SET_TSS_ADDR] = 1,
	[MINIVMM_CAP_EXT_CPUID] = 1,
	[MINIVMM_CAP_MP_STATE] = 1,
	[MINIVMM_CAP_SYNC_MMU] = 1,
	[MINIVMM_CAP_PIT] = 1,
	[MINIVMM_CAP_NOP_IO_DELAY] = 1,
	[MINIVMM_CAP_DESTROY_MEMORY_REGION_WORKS] = 1,
	[MINIVMM_CAP_USER_NMI] = 1,
	[MINIVMM_CAP_IRQ_ROUTING] = IRQ_MAX_GSI,
	[MINIVMM_CAP_IRQ_INJECT_STATUS] = 1,
	[MINIVMM_CAP_JOIN_MEMORY_REGIONS_WORKS] = 1,
	[MINIVMM_CAP_MCE] = MCE_MAX_BANKS,
	[MINIVMM_CAP_IRQFD] = 1,
	[MINIVMM_CAP_IRQFD_RESAMPLE] = 1,
	[MINIVMM_CAP_PIT2] = 1,
	[MINIVMM_CAP_PIT_STATE2] = 1,
	[MINIVMM_CAP_REINJECT_CONTROL] = 1,
	[MINIVMM_CAP_SET_BOOT_CPU_ID] = 1,
	[MINIVMM_CAP_IOEVENTFD] = 1,
	[MINIVMM_CAP_IOEVENTFD_ANY_LENGTH] = 1,
	[MINIVMM_CAP_SET_IDENTITY_MAP_ADDR] = 1,
	[MINIVMM_CAP_ADJUST_CLOCK] = MINIVMM_CLOCK_TSC_STABLE | MINIVMM_CLOCK_REALTIME |
				     MINIVMM_CLOCK_HOST_TSC,
	[MINIVMM_CAP_INTERNAL_ERROR_DATA] = 1,
	[MINIVMM_CAP_VCPU_EVENTS] = 1,
	[MINIVMM_CAP_INTR_SHADOW] = 1,
	[MINIVMM_CAP_DEBUGREGS] = 1,
	[MINIVMM_CAP_XSAVE] = 1,
	[MINIVMM_CAP_XCRS] = 1,
	[MINIVMM_CAP_GET_TSC_KHZ] = 1,
	[MINIVMM_CAP_TSC_DEADLINE_TIMER] = 1,
	[MINIVMM_CAP_SIGNAL_MSI] = 1,
	[MINIVMM_CAP_KVMCLOCK_CTRL] = 1,
	[MINIVMM_CAP_READONLY_MEM] = 1,
	[MINIVMM_CAP_CHECK_EXTENSION_VM] = 1,
	[MINIVMM_CAP_IMMEDIATE_EXIT] = 1,
	[MINIVMM_CAP_MULTI_ADDRESS_SPACE] = MEMORY_ADDRESS_SPACES,
	[MINIVMM_CAP_GET_MSR_FEATURES] = 1,
	[MINIVMM_CAP_ENABLE_CAP] = 1,
	[MINIVMM_CAP_ENABLE_CAP_VM] = 1,
	[MINIVMM_CAP_NR_MEMSLOTS] = MEMORY_MAX_SLOTS,
	[MINIVMM_CAP_MAX_VCPUS] = VM_MAX_VCPUS,
	[MINIVMM_CAP_MAX_VCPU_ID] = VM_MAX_VCPU_ID,
	[MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2] = MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
						  MINIVMM_DIRTY_LOG_INITIALLY_SET,
	[MINIVMM_CAP_COALESCED_MMIO] = MINIVMM_COALESCED_MMIO_PAGE_OFFSET,
	[MINIVMM_CAP_COALESCED_PIO] = 1,
	[MINIVMM_CAP_BINARY_STATS_FD] = 1,
	[MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT] = 1,
};

int check_extension(long capability)
{
	u32 value = 0;

	if (capability >= 0 && capability < ARRAY_SIZE(capabilities))
		value = capabilities[array_index_nospec(capability, ARRAY_SIZE(capabilities))];
	if (value)
		return value;
	switch (capability) {
	case MINIVMM_CAP_NR_VCPUS:
		return min_t(unsigned int, num_online_cpus(), VM_MAX_VCPUS);
	case MINIVMM_CAP_SET_GUEST_DEBUG:
	case MINIVMM_CAP_X86_ROBUST_SINGLESTEP:
		return backend.steps;
	case MINIVMM_CAP_TSC_CONTROL:
		return !!backend.tsc_ratio_bits;
	case MINIVMM_CAP_XSAVE2:
		return max_t(unsigned int, xstate_size(), sizeof(struct minivmm_xsave));
	case MINIVMM_CAP_MINIVMM:
		return 1;
	default:
		return 0;
	}
}

static long create_vm(unsigned long type)
{
	struct vm *vm;
	int fd;

	if (type)
		return -EINVAL;
	vm = vm_create();
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = vm_create_fd(vm);
	if (fd < 0)
		vm_put(vm);
	return fd;
}

static long get_supported_cpuid(struct minivmm_cpuid2 __user *arg)
{
	struct minivmm_cpuid_entry2 *entries;
	struct minivmm_cpuid2 head;
	long ret;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	head.nent = min_t(u32, head.nent, CPUID_MAX_ENTRIES);
	entries = kvcalloc(CPUID_MAX_ENTRIES, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	ret = cpuid_supported(entries, &head.nent);
	if (!ret && (copy_to_user(arg->entries, entries, head.nent * sizeof(*entries)) ||
		     put_user(head.nent, &arg->nent)))
		ret = -EFAULT;
	kvfree(entries);
	return ret;
}

/* The two index lists: too small an array is told how many there are. */
static long get_msr_list(struct minivmm_msr_list __user *arg, enum msr_lists which)
{
	u32 list[MSR_MAX_LISTED], count = msr_list(which, list), room;

	if (get_user(room, &arg->nmsrs) || put_user(count, &arg->nmsrs))
		return -EFAULT;
	if (room < count)
		return -E2BIG;
	return copy_to_user(arg->indices, list, count * sizeof(*list)) ? -EFAULT : 0;
}

static int get_feature_msr(void *unused, u32 index, u64 *value)
{
	return msr_get_feature(index, value);
}

long system_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case MINIVMM_GET_API_VERSION:
		return arg ? -EINVAL : MINIVMM_API_VERSION;
	case MINIVMM_CREATE_VM:
		return create_vm(arg);
	case MINIVMM_CHECK_EXTENSION:
		return check_extension(arg);
	case MINIVMM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
	case MINIVMM_GET_SUPPORTED_CPUID:
		return get_supported_cpuid(argp);
	case MINIVMM_GET_MSR_INDEX_LIST:
		return get_msr_list(argp, MSR_IN_SAVED);
	case MINIVMM_GET_MSR_FEATURE_INDEX_LIST:
		return get_msr_list(argp, MSR_IN_FEATURES);
	case MINIVMM_X86_GET_MCE_CAP_SUPPORTED:
		return put_user(mce_supported(), (u64 __user *)argp);
	case MINIVMM_GET_MSRS:
		return msr_array_get(argp, get_feature_msr, NULL);
	default:
		return -ENOTTY;
	}
}
