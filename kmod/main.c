// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, /dev/minivmm, and which CPUs are ours: online and offline,
 * suspend, reboot, crash.
 *
 * cpu_ready says, on its own CPU, whether guests may run there; it changes with
 * interrupts off on that CPU only, so a window that saw it true stays right.
 */
#include <linux/cpu.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "backend.h"
#include "compat.h"
#include "irq/irqfd.h"
#include "report/log.h"
#include "pv.h"
#include "system.h"
#include "cpu/control.h"
#include "cpu/cpuid.h"
#include "cpu/speculation.h"
#include "cpu/xstate.h"

DEFINE_PER_CPU(bool, cpu_ready);

struct backend_caps backend;

#define OP(ret, name, args)	\
	DEFINE_STATIC_CALL_NULL(backend_##name, *((struct backend_ops *)0)->name);
BACKEND_OPS(OP)
#undef OP

static void backend_use(const struct backend_ops *ops)
{
#define OP(ret, name, args)	static_call_update(backend_##name, ops->name);
	BACKEND_OPS(OP)
#undef OP
}

/* Find the backend for this CPU and point the static calls at it. */
static int backend_select(void)
{
	static const struct backend_ops *const backends[] = { &svm_backend_ops, &vmx_backend_ops };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->probe()) {
			backend_use(backends[i]);
			return 0;
		}
	log_err("this CPU has no SVM (AMD-V) and no VMX (VT-x), or the firmware hides it: turn it on in the firmware set-up");
	return -ENODEV;
}

static enum cpuhp_state hotplug_state;

static int enable_this_cpu(void)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = backend_call(cpu_enable)();
	__this_cpu_write(cpu_ready, !err);
	if (!err)
		speculation_cpu(true);
	local_irq_restore(flags);
	return err;
}

static void disable_this_cpu(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (__this_cpu_read(cpu_ready)) {
		__this_cpu_write(cpu_ready, false);
		backend_call(cpu_disable)();
		speculation_cpu(false);
	}
	local_irq_restore(flags);
}

static int cpu_comes(unsigned int cpu)
{
	int err = enable_this_cpu();

	if (err == -EBUSY)
		log_err("another hypervisor holds CPU %u's virtualization: stop it and unload its module first",
			cpu);
	return err;
}

static int cpu_goes(unsigned int cpu)
{
	disable_this_cpu();
	return 0;
}

static int suspend(void)
{
	disable_this_cpu();
	pv_suspend();
	return 0;
}

static void resume(void)
{
	pv_resume();
	if (enable_this_cpu())
		log_err("virtualization did not come back after suspend: no guest can run on this CPU");
}

static void disable_on_cpu(void *unused)
{
	disable_this_cpu();
}

static void shutdown(void)
{
	on_each_cpu(disable_on_cpu, NULL, 1);
}

HOST_SYSCORE(host_events, suspend, resume, shutdown);

/* KVM takes virtualization for itself whenever one of these is there. */
static const char *const kvm_modules[] = { "kvm_amd", "kvm_intel" };

static int check_kvm_absent(void)
{
	struct kobject *kobj;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kvm_modules); i++) {
		kobj = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, kvm_modules[i]);
		if (!kobj)
			continue;
		kobject_put(kobj);
		log_err("%s is loaded and holds the CPU's virtualization: unload it (modprobe -r %s kvm), then load minivmm again",
			kvm_modules[i], kvm_modules[i]);
		return -EBUSY;
	}
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = system_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "minivmm",
	.fops = &device_fops,
	.mode = 0660,
};

/* For clients with a fixed path: KVM's own minor, as long as KVM does not have it. */
static bool dev_kvm;
module_param(dev_kvm, bool, 0444);
MODULE_PARM_DESC(dev_kvm, "also be /dev/kvm, for programs that know no other device (default: N)");

static struct miscdevice kvm_device = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &device_fops,
	.mode = 0660,
};

static bool is_kvm(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kvm_modules); i++)
		if (!strcmp(name, kvm_modules[i]))
			return true;
	return false;
}

/*
 * KVM would load beside us, but not run a guest. Where the device of /dev/kvm is ours, it would not load
 * either, and that of 6.1 then leaves a pointer to itself in the kernel's list for suspend and
 * reboot. So it is kept out.
 */
static int module_comes(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *module = data;

	if (state != MODULE_STATE_COMING || !(backend.holds_cpus || dev_kvm) ||
	    !is_kvm(module->name))
		return NOTIFY_DONE;
	log_err("%s does not load beside minivmm: unload that first (rmmod minivmm)", module->name);
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block module_notifier = { .notifier_call = module_comes };

static int register_devices(void)
{
	int err = dev_kvm ? misc_register(&kvm_device) : 0;

	if (err) {
		log_err("another driver, most likely KVM, has the device of /dev/kvm (error %d): unload it, or load minivmm without dev_kvm=1",
			err);
		return err;
	}
	err = misc_register(&device);
	if (err && dev_kvm)
		misc_deregister(&kvm_device);
	return err;
}

static void deregister_devices(void)
{
	misc_deregister(&device);
	if (dev_kvm)
		misc_deregister(&kvm_device);
}

static int take_cpus(void)
{
	int state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "minivmm:online", cpu_comes, cpu_goes);

	if (state < 0)
		return state;
	hotplug_state = state;
	host_register_syscore(&host_events);
	if (backend.holds_cpus)
		host_register_emergency(disable_this_cpu);
	return 0;
}

static void give_cpus_back(void)
{
	if (backend.holds_cpus)
		host_unregister_emergency(disable_this_cpu);
	host_unregister_syscore(&host_events);
	cpuhp_remove_state(hotplug_state);
}

static int __init minivmm_init(void)
{
	int err;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		log_err("this is a PREEMPT_RT kernel, on which minivmm does not run yet: boot the amd64 kernel");
		return -EOPNOTSUPP;
	}
	err = check_kvm_absent();
	if (err)
		return err;
	err = backend_select();
	if (err)
		return err;
	err = backend_call(setup)();
	if (err)
		return err;
	speculation_setup();
	control_setup();
	err = xstate_setup();
	if (err)
		goto teardown;
	err = irqfd_module_init();
	if (err)
		goto teardown;
	err = take_cpus();
	if (err)
		goto exit_irqfd;
	err = register_devices();
	if (err)
		goto release;
	register_module_notifier(&module_notifier);
	log_info("loaded: %s", backend.name);
	return 0;

release:
	give_cpus_back();
exit_irqfd:
	irqfd_module_exit();
teardown:
	backend_call(teardown)();
	return err;
}

static void __exit minivmm_exit(void)
{
	unregister_module_notifier(&module_notifier);
	deregister_devices();
	give_cpus_back();
	irqfd_module_exit();
	backend_call(teardown)();
	rcu_barrier();
}

module_init(minivmm_init);
module_exit(minivmm_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A small hypervisor with KVM's API");
