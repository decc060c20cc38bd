/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernel versions (6.1 to the newest), as small functions
 * and types with neutral names. The only place that asks for the version.
 */
#ifndef MINIVMM_COMPAT_H
#define MINIVMM_COMPAT_H

#include <asm/cpufeatures.h>

/* Features that some kernels call otherwise, or do not know; also for assembly. */
#define HOST_FEATURE_NEVER	((NCAPINTS + NBUGINTS) * 32)
#ifndef X86_FEATURE_CLEAR_BHB_VMEXIT
#define X86_FEATURE_CLEAR_BHB_VMEXIT	X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT
#endif
#ifndef X86_FEATURE_USE_IBPB
#define X86_FEATURE_USE_IBPB		X86_FEATURE_IBPB
#endif
#ifndef X86_FEATURE_CLEAR_CPU_BUF_VM
#define X86_FEATURE_CLEAR_CPU_BUF_VM	HOST_FEATURE_NEVER
#endif
#ifndef X86_FEATURE_SRSO_BP_SPEC_REDUCE
#define X86_FEATURE_SRSO_BP_SPEC_REDUCE	HOST_FEATURE_NEVER
#endif
#ifndef X86_FEATURE_IBPB_EXIT_TO_USER
#define X86_FEATURE_IBPB_EXIT_TO_USER	HOST_FEATURE_NEVER
#endif

#ifndef __ASSEMBLER__

#include <linux/bottom_half.h>
#include <linux/context_tracking.h>
#include <linux/cpu.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/ftrace.h>
#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <linux/vtime.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#include <linux/entry-virt.h>
#include <asm/cpuid/api.h>
#else
#include <linux/entry-kvm.h>
#endif

/* MSR access by the host, outside of hot paths. */
static inline u64 host_rdmsr(u32 msr)
{
	return native_read_msr(msr);
}

/* In a trace point: fill a string of its record. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define host_assign_str(field, text)	__assign_str(field)
#else
#define host_assign_str(field, text)	__assign_str(field, text)
#endif

static inline void host_wrmsr(u32 msr, u64 value)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	native_write_msr(msr, value);
#else
	native_write_msr(msr, (u32)value, value >> 32);
#endif
}

static inline int host_rdmsr_safe(u32 msr, u64 *value)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return rdmsrq_safe(msr, value);
#else
	return rdmsrl_safe(msr, value);
#endif
}

/*
 * A quiescent state of RCU on this CPU, between two windows: a clock tick that found RCU
 * waiting has ended the first. A guest that leaves its section need not note anything,
 * the scheduler or user mode does.
 */
static inline void host_note_quiescent(void)
{
	local_irq_disable();
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	rcu_virt_note_context_switch();
#else
	rcu_virt_note_context_switch(smp_processor_id());
#endif
	local_irq_enable();
}

/*
 * The borders of guest mode, directly around the entry code: lockdep and RCU are
 * told that interrupts are on and that this CPU, if nobody ticks it, holds no RCU-protected data.
 */
static __always_inline void host_enter_guest_context(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void host_leave_guest_context(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/*
 * Guest time, from the first to the second of these; interrupts off. Where ticks account
 * time (PF_VCPU tells them of a guest), the tick that ended the window is taken after
 * it: it must still see the flag, which host_account_ticks_taken() takes away.
 */
static inline void host_account_guest_enter(void)
{
	vtime_account_guest_enter();
}

static inline void host_account_guest_exit(void)
{
	if (vtime_accounting_enabled_this_cpu())
		vtime_guest_exit(current);
}

/* Interrupts have been on since, for one instruction at least. */
static inline void host_account_ticks_taken(void)
{
	barrier();
	current->flags &= ~PF_VCPU;
}

/*
 * With bottom halves off, as in sections of newer kernels, a tick charges what it
 * interrupted to the system, whatever the flag says: there the section is left first,
 * with interrupts still off, and they are taken by host_take_interrupts(). Who leaves
 * a section turns interrupts off and on by host_section_irq_save() and _restore().
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define HOST_INTERRUPTS_END_SECTIONS	true
#define host_section_irq_save(flags)	local_irq_save(flags)
#define host_section_irq_restore(flags)	local_irq_restore(flags)
#else
#define HOST_INTERRUPTS_END_SECTIONS	false
#define host_section_irq_save(flags)	do { (flags) = 0; local_irq_disable(); } while (0)
#define host_section_irq_restore(flags)	do { (void)(flags); local_irq_enable(); } while (0)
#endif

/* After kernel_fpu_end() with interrupts off, which leaves bottom halves off. */
static inline void host_take_interrupts(void)
{
	_local_bh_enable();
	local_irq_enable();
	/* What waited for bottom halves is done by the second of these. */
	local_bh_disable();
	host_account_ticks_taken();
	local_bh_enable();
}

/* Whether a signal, rescheduling or task work waits; with interrupts on, more may come at once. */
static inline bool host_work_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}

/*
 * Whether softirqs wait that only run once the section is left: where
 * kernel_fpu_begin() turns bottom halves off.
 */
static inline bool host_softirq_waits(void)
{
	return in_softirq() && local_softirq_pending();
}

/*
 * CR4.VMXE set through the kernel, which then keeps it whenever it rewrites CR4. Where
 * that is reserved to KVM, VMX operation can last only as long as interrupts are off.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define HOST_KEEPS_VMXE	false
static inline void host_keep_vmxe(bool on) { }
#else
#define HOST_KEEPS_VMXE	true
static inline void host_keep_vmxe(bool on)
{
	if (on)
		cr4_set_bits(X86_CR4_VMXE);
	else
		cr4_clear_bits(X86_CR4_VMXE);
}
#endif

/* What CR3 and CR4 hold, interrupts off; without reading them where the kernel lets us ask. */
static inline unsigned long host_cr3(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return __read_cr3();
#else
	return __get_current_cr3_fast();
#endif
}

static inline unsigned long host_cr4(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return __read_cr4();
#else
	return cr4_read_shadow();
#endif
}

/* SPEC_CTRL as the host runs with it on this CPU. */
static inline u64 host_spec_ctrl_value(void)
{
	return this_cpu_read(x86_spec_ctrl_current);
}

/*
 * A guest ran on this CPU: on CPUs where its branch predictions reach the VMM (VMSCAPE)
 * the kernel issues an IBPB before this CPU is in user mode again.
 */
static inline void host_guest_has_run(void)
{
#if X86_FEATURE_IBPB_EXIT_TO_USER != HOST_FEATURE_NEVER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/*
 * Do what waits. -EINTR: a signal. These kernels write the exit reason through
 * their struct kvm_vcpu; nobody reads it from the dummy.
 */
int host_handle_work(void);

/* An interrupt for its own sake: ends the window that runs on @cpu. */
static inline void host_interrupt_cpu(int cpu)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	arch_smp_send_reschedule(cpu);
#else
	smp_send_reschedule(cpu);
#endif
}

/*
 * Syscore callbacks: suspend and resume on the last CPU, shutdown before reboot.
 * HOST_SYSCORE() defines the object that the two functions after it take.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define HOST_SYSCORE(name, suspend_fn, resume_fn, shutdown_fn)				\
static int name##_suspend(void *unused) { return suspend_fn(); }			\
static void name##_resume(void *unused) { resume_fn(); }				\
static void name##_shutdown(void *unused) { shutdown_fn(); }				\
static const struct syscore_ops name##_ops = {						\
	.suspend = name##_suspend, .resume = name##_resume, .shutdown = name##_shutdown,	\
};											\
static struct syscore name = { .ops = &name##_ops }

#define host_register_syscore(s)	register_syscore(s)
#define host_unregister_syscore(s)	unregister_syscore(s)
#else
#define HOST_SYSCORE(name, suspend_fn, resume_fn, shutdown_fn)				\
static struct syscore_ops name = {							\
	.suspend = suspend_fn, .resume = resume_fn, .shutdown = shutdown_fn,		\
}

#define host_register_syscore(s)	register_syscore_ops(s)
#define host_unregister_syscore(s)	unregister_syscore_ops(s)
#endif

/* The crash path calls back on each CPU; kernels without this look at the hardware themselves. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
static inline void host_register_emergency(void (*callback)(void)) { }
static inline void host_unregister_emergency(void (*callback)(void)) { }
#else
static inline void host_register_emergency(void (*callback)(void))
{
	cpu_emergency_register_virt_callback(callback);
}

static inline void host_unregister_emergency(void (*callback)(void))
{
	cpu_emergency_unregister_virt_callback(callback);
}
#endif

/* GUP flag: any signal ends the wait, not only a fatal one. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define HOST_FOLL_INTERRUPTIBLE	FOLL_INTERRUPTIBLE
#else
#define HOST_FOLL_INTERRUPTIBLE	0
#endif

/* What the young callbacks of struct mmu_notifier_ops return. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
typedef bool host_young_t;
#else
typedef int host_young_t;
#endif

/* An inactive timer on the monotonic clock. */
static inline void host_timer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*fn)(struct hrtimer *),
				    enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fn;
#endif
}

/* Add one to an eventfd; any context. */
static inline void host_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

#endif /* __ASSEMBLER__ */
#endif /* MINIVMM_COMPAT_H */
