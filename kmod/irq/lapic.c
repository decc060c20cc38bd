// SPDX-License-Identifier: GPL-2.0
/*
 * Local APICs in the kernel: mailbox, hrtimer, and the entry points of exit handlers
 * and ioctls.
 */
#include <linux/ktime.h>

#include "../backend.h"
#include "../compat.h"
#include "../pv.h"
#include "../report/explain.h"
#include "../report/trace.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "deliver.h"
#include "irqchip.h"
#include "lapic.h"
#include "pit_timer.h"

#define X2APIC_MSR_BASE	0x800
#define X2APIC_NR_MSRS	(PAGE_SIZE >> 4)
#define MAX_PHYS_BITS	52u
#define TIMER_MODE	HRTIMER_MODE_ABS_PINNED_HARD

static_assert(IRQCHIP_MAX_APICS == VM_MAX_VCPUS);
static_assert(LAPIC_IMAGE_SIZE == sizeof(struct minivmm_lapic_state));

static void read_clock(struct vcpu *vcpu, struct lapic_clock *clock)
{
	clock->ns = ktime_get_ns();
	clock->guest_tsc = pv_guest_tsc(vcpu);
	clock->tsc_khz = vcpu->tsc_khz;
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct vcpu *vcpu = container_of(timer, struct vcpu, lapic.timer);

	set_bit(LAPIC_EVENT_TIMER, &vcpu->lapic.events);
	vcpu_request_kick(vcpu, VCPU_REQ_EVENT);
	return HRTIMER_NORESTART;
}

/*
 * A timer that fires although it was just cancelled or moved does no harm:
 * lapic_regs_expire() looks at the time. So nothing here waits for the callback, and
 * the hrtimer may be left running for an earlier deadline.
 *
 * Many deadlines come while the guest that has set them still runs. If the CPU can
 * end the run then, the hrtimer is needed only from the end of the section. Else it
 * is best on this CPU, whose interrupt ends the run.
 */
static void program_timer(struct vcpu *vcpu, bool due)
{
	struct lapic *lapic = &vcpu->lapic;
	u64 target = lapic->regs.target_ns;

	vcpu->exit_tsc = 0;
	if (!target) {
		hrtimer_try_to_cancel(&lapic->timer);
	} else if (due) {
		set_bit(LAPIC_EVENT_TIMER, &lapic->events);
		vcpu_request(vcpu, VCPU_REQ_EVENT);
	} else if (backend.exit_timer && lapic->regs.deadline && vcpu_in_window(vcpu)) {
		vcpu->exit_tsc = pv_host_tsc_at(vcpu, lapic->regs.deadline);
	} else {
		hrtimer_start(&lapic->timer, ns_to_ktime(target), TIMER_MODE);
	}
}

static void publish_identity(struct vcpu *vcpu)
{
	WRITE_ONCE(vcpu->vm->irqchip.apic_identity[vcpu->index],
		   lapic_regs_identity(&vcpu->lapic.regs));
}

/* A CPU that serves reads of the registers finds them up to date. */
static void publish(struct vcpu *vcpu)
{
	if (backend.apic_registers)
		lapic_regs_publish(&vcpu->lapic.regs);
}

/* No CPU knows that an APIC which is disabled by software takes no interrupts. */
static void mode_changed(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	lapic->by_cpu = backend.delivers_irqs && lapic->in_kernel &&
			(lapic->regs.spiv & LAPIC_SPIV_ENABLE);
	lapic->plain = lapic_mmio_covers(lapic, lapic->regs.base) && !lapic->report_tpr;
	lapic->regs.changed = true;
	mmu_map_apic(vcpu, lapic_mmio_covers(lapic, LAPIC_BASE_DEFAULT));
	backend_call(sync_control)(vcpu);
	publish(vcpu);
}

static void apply(struct vcpu *vcpu, const struct lapic_effect *effect)
{
	if (effect->identity) {
		publish_identity(vcpu);
		mode_changed(vcpu);
	}
	if (effect->timer)
		program_timer(vcpu, effect->due);
	if (effect->ipi)
		irq_deliver(vcpu->vm, vcpu, &effect->message, NULL);
	if (effect->eoi)
		irqchip_eoi(vcpu->vm, effect->vector);
}

static void take_timer(struct vcpu *vcpu)
{
	struct lapic_regs *regs = &vcpu->lapic.regs;
	struct lapic_effect effect = { 0 };
	struct lapic_clock clock = { .guest_tsc = pv_guest_tsc(vcpu), .tsc_khz = vcpu->tsc_khz };

	/* A deadline that has come needs no other clock. */
	if (!regs->deadline || clock.guest_tsc < regs->deadline)
		clock.ns = ktime_get_ns();
	lapic_regs_expire(regs, &clock, &effect);
	apply(vcpu, &effect);
}

void lapic_timer_exit(struct vcpu *vcpu)
{
	vcpu->exit_tsc = 0;
	take_timer(vcpu);
}

void lapic_section_leave(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	vcpu->exit_tsc = 0;
	hrtimer_start(&lapic->timer, ns_to_ktime(lapic->regs.target_ns), TIMER_MODE);
}

static void take_posted(struct lapic *lapic)
{
	unsigned int i;
	u64 vectors;

	for (i = 0; i < ARRAY_SIZE(lapic->posted); i++) {
		if (!READ_ONCE(lapic->posted[i]))
			continue;
		vectors = xchg(&lapic->posted[i], 0);
		lapic_regs_post(&lapic->regs, i, vectors, READ_ONCE(lapic->posted_level[i]));
	}
}

/*
 * For userspace: what LAPIC_EVENT_TIMER stands for belongs to RUN while a deadline says it,
 * too. A save takes registers and deadline by two calls, and there must be one of the two in
 * which the interrupt is. Sets *@clock, which a timer that stands still does not need.
 */
static void merge_for_user(struct vcpu *vcpu, struct lapic_clock *clock)
{
	struct lapic *lapic = &vcpu->lapic;
	struct lapic_effect effect = { 0 };

	*clock = (struct lapic_clock){ 0 };
	if (lapic->regs.target_ns)
		read_clock(vcpu, clock);
	if (lapic->regs.target_ns && !lapic->regs.deadline) {
		clear_bit(LAPIC_EVENT_TIMER, &lapic->events);
		lapic_regs_expire(&lapic->regs, clock, &effect);
		apply(vcpu, &effect);
	}
	if (test_and_clear_bit(LAPIC_EVENT_POSTED, &lapic->events))
		take_posted(lapic);
}

/* The owner empties the mailbox, INIT and SIPI excepted. */
void lapic_merge(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;
	unsigned long events = READ_ONCE(lapic->events);

	if (likely(!(events & (BIT(LAPIC_EVENT_POSTED) | BIT(LAPIC_EVENT_TIMER)))))
		return;
	/* Clear first, look then: what is posted after the clearing raises the event again. */
	if (test_and_clear_bit(LAPIC_EVENT_TIMER, &lapic->events))
		take_timer(vcpu);
	if (test_and_clear_bit(LAPIC_EVENT_POSTED, &lapic->events))
		take_posted(lapic);
}

static void empty_mailbox(struct lapic *lapic)
{
	unsigned int i;

	clear_bit(LAPIC_EVENT_TIMER, &lapic->events);
	clear_bit(LAPIC_EVENT_POSTED, &lapic->events);
	for (i = 0; i < ARRAY_SIZE(lapic->posted); i++)
		xchg(&lapic->posted[i], 0);
}

void lapic_init(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	host_timer_setup(&lapic->timer, timer_fired, TIMER_MODE);
	lapic->in_kernel = irqchip_has_apics(&vcpu->vm->irqchip);
	lapic->regs.x2apic_id = vcpu->id;
	lapic_reset(vcpu, false);
}

void lapic_destroy(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->lapic.timer);
}

void lapic_reset(struct vcpu *vcpu, bool init)
{
	lapic_regs_reset(&vcpu->lapic.regs, vcpu_is_bsp(vcpu), init);
	empty_mailbox(&vcpu->lapic);
	apply(vcpu, &(struct lapic_effect){ .identity = true, .timer = true });
}

void lapic_cpuid_changed(struct vcpu *vcpu)
{
	vcpu->lapic.regs.has_x2apic = vcpu->cpuid.has.x2apic;
	vcpu->lapic.regs.has_deadline = vcpu->cpuid.has.tsc_deadline;
}

int lapic_pending_vector(struct vcpu *vcpu)
{
	struct lapic *lapic = &vcpu->lapic;

	lapic_merge(vcpu);
	if (lapic->by_cpu)	/* it may have sent itself one */
		lapic->regs.requested = true;
	return lapic_regs_pending(&lapic->regs);
}

void lapic_accept(struct vcpu *vcpu, u8 vector)
{
	lapic_regs_accept(&vcpu->lapic.regs, vector);
}

void lapic_set_sipi(struct vcpu *vcpu)
{
	set_bit(LAPIC_EVENT_SIPI, &vcpu->lapic.events);
}

bool lapic_take_init(struct vcpu *vcpu)
{
	return lapic_has_events(&vcpu->lapic) &&
	       test_and_clear_bit(LAPIC_EVENT_INIT, &vcpu->lapic.events);
}

bool lapic_take_sipi(struct vcpu *vcpu, u8 *vector)
{
	if (!lapic_has_events(&vcpu->lapic) ||
	    !test_and_clear_bit(LAPIC_EVENT_SIPI, &vcpu->lapic.events))
		return false;
	*vector = READ_ONCE(vcpu->lapic.sipi_vector);
	return true;
}

int lapic_set_base(struct vcpu *vcpu, u64 base, bool host)
{
	struct lapic_effect effect = { 0 };
	unsigned int bits = min_t(unsigned int, vcpu->cpuid.has.phys_bits ?: 36, MAX_PHYS_BITS);
	int err = lapic_regs_set_base(&vcpu->lapic.regs, base, bits, host, &effect);

	apply(vcpu, &effect);
	return err;
}

void lapic_mmio_read(struct vcpu *vcpu, u32 offset, unsigned int len, u64 *data)
{
	struct lapic_clock clock = { 0 };
	unsigned int skip = offset & 0xf;
	u32 value;

	*data = 0;
	lapic_merge(vcpu);
	if (skip + len > 4 && skip)
		return;
	offset &= ~0xf;
	if (lapic_regs_need_clock(offset))
		read_clock(vcpu, &clock);
	if (!lapic_regs_read(&vcpu->lapic.regs, offset, &value, &clock))
		*data = value >> skip * 8;
	trace_apic(false, offset, *data);
}

void lapic_mmio_write(struct vcpu *vcpu, u32 offset, unsigned int len, u64 data)
{
	struct lapic_effect effect = { 0 };
	struct lapic_clock clock = { 0 };

	if (len != 4 || (offset & 0xf))
		return;
	trace_apic(true, offset, data);
	if (lapic_regs_need_clock(offset))
		read_clock(vcpu, &clock);
	lapic_regs_write(&vcpu->lapic.regs, offset, data, &clock, &effect);
	apply(vcpu, &effect);
	if (offset != APIC_REG_EOI && !lapic_regs_is_live(offset))
		publish(vcpu);
}

static void note_tpr_access(struct vcpu *vcpu, bool is_write)
{
	vcpu->lapic.tpr_rip = vcpu_rip(vcpu);
	vcpu->lapic.tpr_written = is_write;
	vcpu_request(vcpu, VCPU_REQ_TPR);
}

bool lapic_mmio(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write, u64 *data)
{
	u32 offset = offset_in_page(gpa);

	if (!lapic_mmio_is_page(&vcpu->lapic, gpa))
		return false;
	if (!lapic_mmio_covers(&vcpu->lapic, gpa)) {
		*data = is_write ? *data : ~0ull;
		return true;
	}
	if (vcpu->lapic.report_tpr && (offset & ~0xf) == APIC_REG_TPR)
		note_tpr_access(vcpu, is_write);
	if (is_write)
		lapic_mmio_write(vcpu, offset, len, *data);
	else
		lapic_mmio_read(vcpu, offset, len, data);
	return true;
}

void lapic_set_tpr_reporting(struct vcpu *vcpu, bool on)
{
	vcpu->lapic.report_tpr = on;
	if (!on)
		vcpu_take_request(vcpu, VCPU_REQ_TPR);
	mode_changed(vcpu);
}

int lapic_report_tpr(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;

	run->exit_reason = MINIVMM_EXIT_TPR_ACCESS;
	run->tpr_access.rip = vcpu->lapic.tpr_rip;
	run->tpr_access.is_write = vcpu->lapic.tpr_written;
	return NEXT_USER;
}

void lapic_written(struct vcpu *vcpu, u32 offset)
{
	u32 value = *lapic_reg(&vcpu->lapic.regs, offset);

	if (lapic_is_x2apic(&vcpu->lapic))
		lapic_msr_write(vcpu, X2APIC_MSR_BASE + (offset >> 4), value);
	else
		lapic_mmio_write(vcpu, offset, sizeof(value), value);
}

static u32 msr_offset(u32 msr)
{
	return array_index_nospec(msr - X2APIC_MSR_BASE, X2APIC_NR_MSRS) << 4;
}

static int get_msr_for_user(struct vcpu *vcpu, u32 offset, u64 *value)
{
	struct lapic_clock clock;

	merge_for_user(vcpu, &clock);
	return x2apic_regs_read(&vcpu->lapic.regs, offset, value, &clock);
}

int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *value, bool host)
{
	struct lapic_clock clock = { 0 };
	u32 offset = msr_offset(msr);
	int err;

	if (!vcpu->lapic.in_kernel)
		return -EINVAL;
	if (host)
		return get_msr_for_user(vcpu, offset, value);
	lapic_merge(vcpu);
	if (lapic_regs_need_clock(offset))
		read_clock(vcpu, &clock);
	err = x2apic_regs_read(&vcpu->lapic.regs, offset, value, &clock);
	trace_apic(false, offset, err ? 0 : *value);
	return err;
}

int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 value)
{
	struct lapic_effect effect = { 0 };
	struct lapic_clock clock = { 0 };
	u32 offset = msr_offset(msr);
	int err;

	if (!vcpu->lapic.in_kernel)
		return -EINVAL;
	trace_apic(true, offset, value);
	if (lapic_regs_need_clock(offset))
		read_clock(vcpu, &clock);
	err = x2apic_regs_write(&vcpu->lapic.regs, offset, value, &clock, &effect);
	apply(vcpu, &effect);
	return err;
}

u64 lapic_get_tsc_deadline(struct vcpu *vcpu, bool host)
{
	if (!host)
		lapic_merge(vcpu);
	return vcpu->lapic.regs.deadline;
}

void lapic_set_tsc_deadline(struct vcpu *vcpu, u64 value)
{
	struct lapic_effect effect = { 0 };
	struct lapic_clock clock;

	if (!vcpu->lapic.in_kernel)
		return;
	read_clock(vcpu, &clock);
	lapic_regs_set_deadline(&vcpu->lapic.regs, value, &clock, &effect);
	apply(vcpu, &effect);
}

void lapic_tsc_changed(struct vcpu *vcpu)
{
	struct lapic_effect effect = { 0 };
	struct lapic_clock clock;

	read_clock(vcpu, &clock);
	lapic_regs_retime(&vcpu->lapic.regs, &clock, &effect);
	apply(vcpu, &effect);
}

int lapic_get_state(struct vcpu *vcpu, struct minivmm_lapic_state *state)
{
	struct lapic_clock clock;

	if (!vcpu->lapic.in_kernel)
		return refuse(&vcpu->error, -EINVAL, "lapic", 0, "the VM has no in-kernel irqchip");
	pit_timer_hold(vcpu->vm, vcpu);
	merge_for_user(vcpu, &clock);
	lapic_regs_save(&vcpu->lapic.regs, state->regs, &clock);
	return 0;
}

int lapic_set_state(struct vcpu *vcpu, const struct minivmm_lapic_state *state)
{
	struct lapic_effect effect = { 0 };
	struct lapic_clock clock;

	if (!vcpu->lapic.in_kernel)
		return refuse(&vcpu->error, -EINVAL, "lapic", 0, "the VM has no in-kernel irqchip");
	empty_mailbox(&vcpu->lapic);
	read_clock(vcpu, &clock);
	lapic_regs_load(&vcpu->lapic.regs, state->regs, &clock, &effect);
	apply(vcpu, &effect);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}
