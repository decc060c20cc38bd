// SPDX-License-Identifier: GPL-2.0
/*
 * The life of one VM_RUN: finish what userspace was asked, then enter, run the
 * guest, handle its exits, until one needs userspace or a signal comes.
 *
 *   vcpu_run        outside: may sleep, signals, INIT and SIPI, halted
 *     run_section   preemption off, the guest's XSAVE registers loaded
 *       run_window  interrupts off, more of the guest loaded: events, enter, exits
 *
 * mode and requests: the thread writes mode = IN_WINDOW, a full barrier, then
 * reads requests; others write a request, a full barrier (vcpu_kick,
 * vm_flush_and_wait), then read mode. One of the two sees the other.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/smp.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../cpu/code_page.h"
#include "../cpu/debug.h"
#include "../cpu/debug_regs.h"
#include "../cpu/msr.h"
#include "../cpu/speculation.h"
#include "../cpu/xstate.h"
#include "../irq/deliver.h"
#include "../irq/irqchip.h"
#include "../irq/lapic.h"
#include "../irq/pit_timer.h"
#include "../pv.h"
#include "../report/log.h"
#include "../report/trace.h"
#include "../system.h"
#include "../vm.h"
#include "exit.h"
#include "inject.h"
#include "run.h"
#include "vcpu.h"

/* What would bring the guest back for an interrupt: see want_irq_window. */
static __always_inline int wanted_irq_window(struct vcpu *vcpu, bool irq)
{
	if (irq)
		return 16;
	if (!vcpu->lapic.in_kernel)
		return READ_ONCE(vcpu->run->request_interrupt_window) ? 16 : -1;
	return vcpu->lapic.by_cpu ? -1 : lapic_masked_class(&vcpu->lapic);
}

/* Hand one event to the next entry; ask for an exit when another could follow. */
static __always_inline void inject_events(struct vcpu *vcpu)
{
	bool irq = inject_irq_waits(vcpu);
	int window;

	if (irq || unlikely(inject_others_wait(&vcpu->events)))
		irq = inject_waiting(vcpu, irq);
	window = wanted_irq_window(vcpu, irq);
	if (vcpu->irq_window == window)
		return;
	vcpu->irq_window = window;
	backend_call(want_irq_window)(vcpu, window);
}

/* Whether userspace is to be told that it may send an interrupt. */
static __always_inline bool user_window_opens(struct vcpu *vcpu)
{
	return !vcpu->lapic.in_kernel && READ_ONCE(vcpu->run->request_interrupt_window) &&
	       !vcpu->events.user_interrupt && !vcpu->events.interrupt.injected &&
	       vcpu_can_take_irq(vcpu);
}

/* Nothing else is asked for: one step of the guest's. */
static noinline int step_before_entry(struct vcpu *vcpu)
{
	if (debug_step_due(vcpu))
		return NEXT_HOST;	/* prepare_entry() tells userspace */
	if (user_window_opens(vcpu))
		return NEXT_ENTER;
	inject_events(vcpu);
	debug_begin_step(vcpu);
	return NEXT_AGAIN;
}

/* What the window must be left for, or a step. */
static int serve_last(struct vcpu *vcpu)
{
	if ((READ_ONCE(vcpu->requests) & ~BIT(VCPU_REQ_STEP)) ||
	    lapic_has_events(&vcpu->lapic) || vcpu->events.triple_fault)
		return NEXT_HOST;
	return step_before_entry(vcpu);
}

/* Requests that the window can serve, or that it must be left for. */
static noinline int serve_requests(struct vcpu *vcpu)
{
	if (vcpu_take_request(vcpu, VCPU_REQ_TLB_FLUSH)) {
		code_forget(vcpu);
		backend_call(flush_tlb)(vcpu);
	}
	vcpu_take_request(vcpu, VCPU_REQ_WINDOW);
	vcpu_take_request(vcpu, VCPU_REQ_EVENT);
	if (READ_ONCE(vcpu->requests) || lapic_has_events(&vcpu->lapic) ||
	    vcpu->events.triple_fault)
		return serve_last(vcpu);
	return NEXT_ENTER;
}

/* NEXT_ENTER or NEXT_AGAIN: enter. */
static int before_entry(struct vcpu *vcpu)
{
	if (unlikely(host_work_pending() || host_softirq_waits()))
		return NEXT_HOST;
	if (READ_ONCE(vcpu->requests)) {
		int next = serve_requests(vcpu);

		if (next != NEXT_ENTER)
			return next;
	}
	if (user_window_opens(vcpu)) {
		vcpu->run->exit_reason = MINIVMM_EXIT_IRQ_WINDOW_OPEN;
		return NEXT_USER;
	}
	inject_events(vcpu);
	return NEXT_ENTER;
}

/* Does an entry again have to look for events? One that waits may now be taken. */
static bool has_news(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) || vcpu->irq_window >= 0;
}

static bool stays_in_window(int next)
{
	return next == NEXT_ENTER || next == NEXT_AGAIN;
}

/*
 * However a guest does it, interrupts are not off for longer than so many entries and exits. It
 * counts from one window to the next, but in builds for tests, which tell what met the bound alone.
 */
#define ENTRIES_PER_WINDOW	4096

static void start_count(struct vcpu *vcpu)
{
	if (IS_ENABLED(MINIVMM_DEBUG))
		vcpu->entries_left = ENTRIES_PER_WINDOW - 1;
}

static noinline int end_long_window(struct vcpu *vcpu, int next)
{
	if (IS_ENABLED(MINIVMM_DEBUG))
		log_info("window of %u entries, the last exit of kind %u", ENTRIES_PER_WINDOW,
			 vcpu->exit.kind);
	vcpu->entries_left = ENTRIES_PER_WINDOW - 1;
	return stays_in_window(next) ? NEXT_WINDOW : next;
}

/* Interrupts are on when it returns, but for interrupts_wait(). */
static int run_window(struct vcpu *vcpu)
{
	int next;

	local_irq_disable();
	/* The CPU is going offline, or the host down: its extension is off already. */
	if (unlikely(!__this_cpu_read(cpu_ready))) {
		local_irq_enable();
		return NEXT_HOST;
	}
	start_count(vcpu);
	WRITE_ONCE(vcpu->mode, VCPU_IN_WINDOW);
	smp_mb();	/* see the head of this file */
	host_account_guest_enter();
	if (backend.clears_debugctl)
		debugctl_clear(&vcpu->dr);
	if (unlikely(!debug_regs_idle(&vcpu->dr)))
		debug_regs_load_guest(vcpu);
	xstate_enter_window(vcpu);
	backend_call(window_enter)(vcpu);
	next = NEXT_ENTER;
	do {
		if (next == NEXT_ENTER || has_news(vcpu)) {
			next = before_entry(vcpu);
			if (next > NEXT_AGAIN)
				break;
		}
		trace_entry(vcpu);
		backend_call(enter)(vcpu);
		trace_exit(vcpu);
		next = exit_handle(vcpu);
		if (unlikely(vcpu->entries_left-- == 0))
			next = end_long_window(vcpu, next);
	} while (stays_in_window(next));
	xstate_leave_window(vcpu);
	if (unlikely(!debug_regs_idle(&vcpu->dr)))
		debug_regs_load_host(vcpu);
	if (backend.clears_debugctl)
		debugctl_restore(&vcpu->dr);
	backend_call(window_leave)(vcpu);
	host_account_guest_exit();
	if (HOST_INTERRUPTS_END_SECTIONS && next == NEXT_WINDOW) {
		smp_store_release(&vcpu->mode, VCPU_OUTSIDE);
		return next;
	}
	local_irq_enable();
	/* Something for the instruction after STI, before which no interrupt is taken. */
	smp_store_release(&vcpu->mode, VCPU_OUTSIDE);
	host_account_ticks_taken();
	return next;
}

static DEFINE_PER_CPU(u64, last_serial);	/* of the vCPU that ran on this CPU last */

/* What a guest has trained the branch predictors to do, no other may follow. */
static void part_from_last_guest(const struct vcpu *vcpu)
{
	if (likely(__this_cpu_read(last_serial) == vcpu->serial))
		return;
	__this_cpu_write(last_serial, vcpu->serial);
	if (speculation_ibpb)
		host_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

static void section_enter(struct vcpu *vcpu)
{
	int cpu;

	kernel_fpu_begin_mask(0);	/* the guest's registers come next */
	cpu = smp_processor_id();
	if (unlikely(vcpu->cpu != cpu)) {
		vcpu->cpu = cpu;
		msr_cpu_changed(vcpu);
	}
	part_from_last_guest(vcpu);
	xstate_load_guest(vcpu);
	msr_load_guest(&vcpu->msrs);
	backend_call(section_enter)(vcpu);
}

static void section_leave(struct vcpu *vcpu)
{
	if (unlikely(vcpu->exit_tsc))
		lapic_section_leave(vcpu);
	backend_call(section_leave)(vcpu);
	msr_load_host(&vcpu->msrs);
	xstate_save_guest(vcpu);
	host_guest_has_run();
	kernel_fpu_end();
}

/* The window was left with interrupts off, for the section to be left so, too. */
static bool interrupts_wait(void)
{
	return HOST_INTERRUPTS_END_SECTIONS && irqs_disabled();
}

/* Interrupts of the host ended a window. Whether another may follow in this section. */
static noinline bool window_may_follow(struct vcpu *vcpu)
{
	backend_call(interrupted)(vcpu);
	if (interrupts_wait())
		return false;
	host_note_quiescent();
	return true;
}

static int run_section(struct vcpu *vcpu)
{
	int next;

	section_enter(vcpu);
	do
		next = run_window(vcpu);
	while (next == NEXT_WINDOW && window_may_follow(vcpu));
	section_leave(vcpu);
	if (interrupts_wait()) {
		host_take_interrupts();
		next = NEXT_HOST;
	}
	return next;
}

bool vcpu_can_continue(struct vcpu *vcpu)
{
	struct vcpu_events *ev = &vcpu->events;

	if (vcpu->mp_state == MINIVMM_MP_STATE_RUNNABLE || lapic_has_events(&vcpu->lapic))
		return true;
	if (vcpu->mp_state != MINIVMM_MP_STATE_HALTED)
		return false;
	if (ev->exception.pending || ev->triple_fault ||
	    (atomic_read(&ev->nmi_pending) && !vcpu_nmi_masked(vcpu)))
		return true;
	return irq_pending(vcpu) && vcpu_can_take_irq(vcpu);
}

noinline void vcpu_take_init_and_sipi(struct vcpu *vcpu)
{
	struct segment cs;
	u8 vector;

	if (lapic_take_init(vcpu)) {
		vcpu_reset(vcpu, true);
		vcpu->mp_state = vcpu_is_bsp(vcpu) ? MINIVMM_MP_STATE_RUNNABLE :
						     MINIVMM_MP_STATE_INIT_RECEIVED;
	}
	if (lapic_take_sipi(vcpu, &vector) && vcpu->mp_state == MINIVMM_MP_STATE_INIT_RECEIVED) {
		backend_call(get_segment)(vcpu, SEG_CS, &cs);
		cs.selector = vector << 8;
		cs.base = vector << 12;
		backend_call(set_segment)(vcpu, SEG_CS, &cs);
		vcpu_set_rip(vcpu, 0);
		vcpu->mp_state = MINIVMM_MP_STATE_RUNNABLE;
	}
}

static int report_signal(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = MINIVMM_EXIT_INTR;
	vcpu->stats.signal_exits++;
	return -EINTR;
}

/* Requests that may sleep. */
static int serve_requests_outside(struct vcpu *vcpu)
{
	int ret = 0;

	if (vcpu_take_request(vcpu, VCPU_REQ_TSC))
		pv_set_tsc_offset(vcpu, vcpu->tsc_offset);
	if (vcpu_take_request(vcpu, VCPU_REQ_PIT))
		pit_timer_release(vcpu->vm);
	if (debug_step_due(vcpu))
		return debug_report_step(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_CODE))
		code_make_room(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_TPR))
		return lapic_report_tpr(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_CLOCK))
		pv_update_clock(vcpu);
	if (vcpu_take_request(vcpu, VCPU_REQ_MMU))
		ret = mmu_load(vcpu);
	if (ret)
		vcpu_request(vcpu, VCPU_REQ_MMU);
	return ret;
}

/* Of what is asked for, that which does not wait until the vCPU runs again. */
#define HALTED_REQUESTS	(BIT(VCPU_REQ_STEP) | BIT(VCPU_REQ_PIT))

static noinline int serve_halted(struct vcpu *vcpu)
{
	if (vcpu_take_request(vcpu, VCPU_REQ_PIT))
		pit_timer_release(vcpu->vm);
	return debug_step_due(vcpu) ? debug_report_step(vcpu) : NEXT_ENTER;
}

/* Everything an entry needs that may sleep. */
static int prepare_entry(struct vcpu *vcpu)
{
	if (lapic_has_events(&vcpu->lapic))
		vcpu_take_init_and_sipi(vcpu);
	if (vcpu->mp_state != MINIVMM_MP_STATE_RUNNABLE) {
		if (unlikely(READ_ONCE(vcpu->requests) & HALTED_REQUESTS)) {
			int next = serve_halted(vcpu);

			if (next != NEXT_ENTER)
				return next;
		}
		vcpu->stats.halts++;
		if (rcuwait_wait_event(&vcpu->wait, vcpu_can_continue(vcpu), TASK_INTERRUPTIBLE))
			return report_signal(vcpu);
		/* INIT and SIPI are looked at first: a SIPI does not end HLT. */
		if (vcpu->mp_state == MINIVMM_MP_STATE_HALTED && !lapic_has_events(&vcpu->lapic))
			vcpu->mp_state = MINIVMM_MP_STATE_RUNNABLE;
		return NEXT_HOST;
	}
	if (vcpu->events.triple_fault)
		return exit_shutdown(vcpu);
	return READ_ONCE(vcpu->requests) ? serve_requests_outside(vcpu) : NEXT_ENTER;
}

/*
 * For messages sent in the window, before this vCPU may sleep or go to userspace: with a request
 * pending no instruction goes on, and the next entry is not made, so NEXT_HOST is what follows.
 */
static void make_kicks(struct vcpu *vcpu)
{
	if (unlikely(vcpu_take_request(vcpu, VCPU_REQ_KICKS)))
		irq_make_kicks(vcpu->vm);
}

/* Signals, rescheduling, task work; a CPU that is going offline is left by yielding. */
static int serve_host(struct vcpu *vcpu)
{
	make_kicks(vcpu);
	if (unlikely(!raw_cpu_read(cpu_ready)))
		yield();
	if (host_work_pending() && host_handle_work())
		return report_signal(vcpu);
	return NEXT_ENTER;
}

static int run(struct vcpu *vcpu)
{
	int next = exit_complete_user(vcpu);

	if (next != NEXT_ENTER)
		return next;
	if (READ_ONCE(vcpu->run->immediate_exit))
		return -EINTR;
	do {
		next = prepare_entry(vcpu);
		if (next == NEXT_ENTER)
			next = run_section(vcpu);
		if (next == NEXT_USER)
			break;
		if (next == NEXT_OUTSIDE)
			next = exit_handle_outside(vcpu);
		if (next == NEXT_ENTER || next == NEXT_HOST)
			next = serve_host(vcpu);
	} while (next == NEXT_ENTER);
	return next;
}

static void fill_run_page(struct vcpu *vcpu)
{
	struct minivmm_run *page = vcpu->run;

	page->if_flag = !!(vcpu_rflags(vcpu) & X86_EFLAGS_IF);
	page->flags = 0;
	page->cr8 = lapic_get_cr8(&vcpu->lapic);
	page->apic_base = lapic_base(&vcpu->lapic);
	page->ready_for_interrupt_injection =
		vcpu->lapic.in_kernel || (!vcpu->events.user_interrupt &&
					  !vcpu->events.interrupt.injected &&
					  vcpu_can_take_irq(vcpu));
}

static int run_and_tell(struct vcpu *vcpu)
{
	int next;

	if (!vcpu->lapic.in_kernel)
		lapic_set_cr8(&vcpu->lapic, READ_ONCE(vcpu->run->cr8));
	next = run(vcpu);
	vcpu->stats.user_exits++;
	trace_userspace_exit(vcpu->id, next < 0 ? 0 : READ_ONCE(vcpu->run->exit_reason),
			     min(next, 0));
	fill_run_page(vcpu);
	return next < 0 ? next : 0;
}

static noinline int run_with_sigmask(struct vcpu *vcpu)
{
	sigset_t saved;
	int ret;

	sigprocmask(SIG_SETMASK, &vcpu->sigmask, &saved);
	ret = run_and_tell(vcpu);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return ret;
}

int vcpu_run(struct vcpu *vcpu)
{
	return vcpu->sigmask_set ? run_with_sigmask(vcpu) : run_and_tell(vcpu);
}
