// SPDX-License-Identifier: GPL-2.0
/* VM objects: life, fd, ioctls, and asking all vCPUs at once. */

#include <linux/anon_inodes.h>
#include <linux/cpumask.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "io/bus.h"
#include "io/coalesced.h"
#include "io/ioeventfd.h"
#include "ioctl.h"
#include "irq/irqchip.h"
#include "memory/dirty_log.h"
#include "memory/slots.h"
#include "pv.h"
#include "report/explain.h"
#include "report/stats.h"
#include "system.h"
#include "vcpu/vcpu.h"
#include "vm.h"

static DEFINE_SPINLOCK(all_vms_lock);
static LIST_HEAD(all_vms);

void vm_for_all(void (*fn)(struct vm *vm))
{
	struct vm *vm;

	spin_lock(&all_vms_lock);
	list_for_each_entry(vm, &all_vms, link)
		fn(vm);
	spin_unlock(&all_vms_lock);
}

struct vm *vm_create(void)
{
	struct vm *vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int err;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->mm = current->mm;
	mmgrab(vm->mm);
	refcount_set(&vm->refs, 1);
	mutex_init(&vm->lock);
	explain_init(&vm->error);
	pv_init_vm(vm);
	err = irqchip_init(vm);
	if (err)
		goto drop_mm;
	err = bus_init(vm);
	if (err)
		goto free_irqchip;
	err = memory_init(vm);
	if (err)
		goto free_bus;
	__module_get(THIS_MODULE);
	spin_lock(&all_vms_lock);
	list_add(&vm->link, &all_vms);
	spin_unlock(&all_vms_lock);
	return vm;

free_bus:
	bus_destroy(vm);
free_irqchip:
	irqchip_destroy(vm);
drop_mm:
	mmdrop(vm->mm);
	kvfree(vm);
	return ERR_PTR(err);
}

/*
 * Nobody holds an fd any more: no vCPU runs, no irqfd is left (irqchip_release).
 * Timers and tables of the irqchip go first, as they point to vCPUs; then memory,
 * as its notifier walks the vCPUs until it is stopped.
 */
static void vm_free(struct vm *vm)
{
	unsigned int i;

	spin_lock(&all_vms_lock);
	list_del(&vm->link);
	spin_unlock(&all_vms_lock);
	irqchip_destroy(vm);
	bus_destroy(vm);
	memory_destroy(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_destroy(vm->vcpus[i]);
	mmdrop(vm->mm);
	kvfree(vm);
	module_put(THIS_MODULE);
}

void vm_put(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		vm_free(vm);
}

void vm_kick_all(struct vm *vm, unsigned int req)
{
	struct vcpu *vcpu;
	unsigned int i;

	for_each_vcpu(vm, i, vcpu)
		vcpu_request_kick(vcpu, req);
}

static void window_ended(void *unused)
{
	/* Interrupts were on to get here, so the window is over. */
}

static DEFINE_PER_CPU(cpumask_t, flush_mask);

void vm_flush_and_wait(struct vm *vm, unsigned int req)
{
	struct cpumask *mask = NULL;
	struct vcpu *vcpu;
	unsigned int i;

	preempt_disable();
	for_each_vcpu(vm, i, vcpu)
		vcpu_request(vcpu, req);
	/* Pairs with the one in vcpu/run.c between mode and requests. */
	smp_mb();
	for_each_vcpu(vm, i, vcpu) {
		if (smp_load_acquire(&vcpu->mode) != VCPU_IN_WINDOW)
			continue;
		if (!mask) {
			mask = this_cpu_ptr(&flush_mask);
			cpumask_clear(mask);
		}
		cpumask_set_cpu(READ_ONCE(vcpu->cpu), mask);
	}
	if (mask)
		smp_call_function_many(mask, window_ended, NULL, true);
	preempt_enable();
}

static int set_memory_region(void *object, void *data)
{
	return memory_set_region(object, data);
}

static int get_dirty_log(void *object, void *data)
{
	return memory_get_dirty_log(object, data);
}

static int clear_dirty_log(void *object, void *data)
{
	return memory_clear_dirty_log(object, data);
}

static int ioeventfd(void *object, void *data)
{
	return ioeventfd_control(object, data);
}

static int register_coalesced(void *object, void *data)
{
	return coalesced_register(object, data);
}

static int unregister_coalesced(void *object, void *data)
{
	return coalesced_unregister(object, data);
}

static int get_clock(void *object, void *data)
{
	pv_get_clock(object, data);
	return 0;
}

static int set_clock(void *object, void *data)
{
	return pv_set_clock(object, data);
}

static int set_identity_map_addr(void *object, void *data)
{
	struct vm *vm = object;
	int err = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		err = refuse(&vm->error, -EINVAL, "nr_vcpus", vm->nr_vcpus,
			     "the identity map must be placed before the first vCPU");
	else
		vm->identity_map_addr = *(u64 *)data;
	mutex_unlock(&vm->lock);
	return err;
}

/* Three pages that real-mode emulation would need; all our CPUs run real mode themselves. */
static long set_tss_addr(void *object, unsigned long addr)
{
	struct vm *vm = object;

	/* The three pages may be the last below 4 GiB. */
	if (addr > BIT_ULL(32) - 3 * PAGE_SIZE)
		return refuse(&vm->error, -EINVAL, "addr", addr,
			      "three pages at this address must lie below 4 GiB");
	vm->tss_addr = addr;
	return 0;
}

static long set_boot_cpu_id(void *object, unsigned long id)
{
	struct vm *vm = object;
	int err = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		err = refuse(&vm->error, -EBUSY, "nr_vcpus", vm->nr_vcpus,
			     "the boot CPU must be chosen before the first vCPU");
	else
		vm->boot_cpu_id = id;
	mutex_unlock(&vm->lock);
	return err;
}

/*
 * How many pages the tables of guests without nested paging may have. Ours have nested
 * paging, and their tables are charged to the owner's cgroup: the number is kept, no more.
 */
static long set_nr_mmu_pages(void *object, unsigned long pages)
{
	struct vm *vm = object;

	if (pages < VM_MIN_MMU_PAGES || pages > U32_MAX)
		return refuse(&vm->error, -EINVAL, "pages", pages, "at least 64, in 32 bits");
	vm->nr_mmu_pages = pages;
	return 0;
}

static long get_nr_mmu_pages(void *object, unsigned long arg)
{
	const struct vm *vm = object;

	return vm->nr_mmu_pages;
}

static long create_vcpu(void *object, unsigned long id)
{
	return vcpu_create(object, id);
}

static long check_vm_extension(void *object, unsigned long capability)
{
	return check_extension(capability);
}

static int enable_cap(void *object, void *data)
{
	const struct minivmm_enable_cap *cap = data;
	struct vm *vm = object;

	if (cap->flags)
		return refuse(&vm->error, -EINVAL, "flags", cap->flags, "must be 0");
	if (cap->cap == MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2)
		return memory_set_manual_protect(vm, cap->args[0]);
	if (cap->cap == MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT) {
		WRITE_ONCE(vm->triple_fault_event, cap->args[0]);
		return 0;
	}
	return refuse(&vm->error, -EINVAL, "cap", cap->cap, "this capability cannot be enabled");
}

static long get_stats_fd(void *object, unsigned long arg)
{
	return stats_vm_fd(object);
}

static long get_last_error(void *object, unsigned long arg)
{
	struct vm *vm = object;

	return explain_get(&vm->error, (void __user *)arg);
}

static const struct ioctl_entry vm_ioctls[] = {
	IOCTL_RAW(MINIVMM_CREATE_VCPU, create_vcpu),
	IOCTL_FIXED(MINIVMM_SET_USER_MEMORY_REGION, set_memory_region),
	IOCTL_FIXED(MINIVMM_GET_DIRTY_LOG, get_dirty_log),
	IOCTL_FIXED(MINIVMM_CLEAR_DIRTY_LOG, clear_dirty_log),
	IOCTL_FIXED(MINIVMM_IOEVENTFD, ioeventfd),
	IOCTL_FIXED(MINIVMM_REGISTER_COALESCED_MMIO, register_coalesced),
	IOCTL_FIXED(MINIVMM_UNREGISTER_COALESCED_MMIO, unregister_coalesced),
	IOCTL_FIXED(MINIVMM_GET_CLOCK, get_clock),
	IOCTL_FIXED(MINIVMM_SET_CLOCK, set_clock),
	IOCTL_FIXED(MINIVMM_SET_IDENTITY_MAP_ADDR, set_identity_map_addr),
	IOCTL_RAW(MINIVMM_SET_TSS_ADDR, set_tss_addr),
	IOCTL_RAW(MINIVMM_SET_NR_MMU_PAGES, set_nr_mmu_pages),
	IOCTL_RAW(MINIVMM_GET_NR_MMU_PAGES, get_nr_mmu_pages),
	IOCTL_RAW(MINIVMM_SET_BOOT_CPU_ID, set_boot_cpu_id),
	IOCTL_RAW(MINIVMM_CHECK_EXTENSION, check_vm_extension),
	IOCTL_FIXED(MINIVMM_ENABLE_CAP, enable_cap),
	IOCTL_RAW(MINIVMM_GET_STATS_FD, get_stats_fd),
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct ioctl_entry *entry;
	struct vm *vm = file->private_data;

	if (current->mm != vm->mm)
		return -EIO;
	if (cmd == MINIVMM_GET_LAST_ERROR)
		return get_last_error(vm, arg);
	explain_source(&vm->error, _IOC_NR(cmd));
	entry = ioctl_find(vm_ioctls, ARRAY_SIZE(vm_ioctls), cmd) ?: irq_ioctl(cmd);
	return ioctl_call(entry, vm, arg);
}

static int vm_release(struct inode *inode, struct file *file)
{
	struct vm *vm = file->private_data;

	irqchip_release(vm);
	vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

int vm_create_fd(struct vm *vm)
{
	return anon_inode_getfd("minivmm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
}
