// SPDX-License-Identifier: GPL-2.0
/* The PIT in the kernel: port accesses, the tick of channel 0, and its ioctls. */
#include <linux/ktime.h>

#include "../compat.h"
#include "../io/bus.h"
#include "../report/explain.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "irqchip.h"
#include "pit_timer.h"

#define PORT_COUNTERS	0x40
#define PORT_SPEAKER	0x61

static bool has_pit(struct vm *vm)
{
	return smp_load_acquire(&vm->irqchip.has_pit);
}

/* One tick: an edge on GSI 0, without the lock. */
static void pulse(struct vm *vm)
{
	unsigned long flags;
	int taken = irq_set_line(vm, IRQ_SOURCE_PIT, PIT_GSI, true);

	irq_set_line(vm, IRQ_SOURCE_PIT, PIT_GSI, false);
	if (taken > 0)
		return;
	raw_spin_lock_irqsave(&vm->irqchip.pit_lock, flags);
	pit_refused(&vm->irqchip.pit);
	raw_spin_unlock_irqrestore(&vm->irqchip.pit_lock, flags);
}

/* pit_lock held, so that the timer follows next_ns. A late callback finds nothing to do. */
static void program(struct irqchip *chip)
{
	lockdep_assert_held(&chip->pit_lock);
	if (chip->pit.next_ns && !chip->pit_held)
		hrtimer_start(&chip->pit_timer, ns_to_ktime(chip->pit.next_ns),
			      HRTIMER_MODE_ABS_HARD);
	else
		hrtimer_try_to_cancel(&chip->pit_timer);
}

static enum hrtimer_restart pit_fired(struct hrtimer *timer)
{
	struct vm *vm = container_of(timer, struct vm, irqchip.pit_timer);
	struct irqchip *chip = &vm->irqchip;
	unsigned long flags;
	bool raise;

	WRITE_ONCE(chip->pit_fires, true);
	smp_wmb();	/* pairs with may_tick() */
	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	raise = !chip->pit_held && pit_tick(&chip->pit, ktime_get_ns());
	if (chip->pit.next_ns)
		program(chip);
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
	if (raise)
		pulse(vm);
	smp_store_release(&chip->pit_fires, false);
	return HRTIMER_NORESTART;
}

/* Returns whether a tick is to be raised: one that was due before the write, which may end that. */
static bool write_port(struct pit *pit, unsigned int reg, u8 value, u64 now)
{
	bool raise = pit_tick(pit, now);

	pit_write(pit, reg, value, now);
	return raise;
}

static bool access_port(struct irqchip *chip, u16 port, bool is_write, u64 *data)
{
	u64 now = ktime_get_ns(), next = chip->pit.next_ns;
	bool raise = false;

	if (port == PORT_SPEAKER && is_write)
		pit_speaker_write(&chip->pit, *data, now);
	else if (port == PORT_SPEAKER)
		*data = pit_speaker_read(&chip->pit, now);
	else if (is_write)
		raise = write_port(&chip->pit, port & 3, *data, now);
	else
		*data = pit_read(&chip->pit, port & 3, now);
	if (chip->pit.next_ns != next)
		program(chip);
	return raise;
}

static void access_pit(struct vm *vm, u64 port, unsigned int len, bool is_write, u64 *data)
{
	struct irqchip *chip = &vm->irqchip;
	unsigned long flags;
	bool raise;

	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	raise = access_port(chip, port, is_write, data);
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
	if (raise)
		pulse(vm);
}

/* Whether a vCPU may be in RUN: other calls hold the lock, too. */
static bool may_run(struct vm *vm, const struct vcpu *self)
{
	struct vcpu *vcpu;
	unsigned int i;

	for_each_vcpu(vm, i, vcpu)
		if (vcpu != self && mutex_is_locked(&vcpu->lock))
			return true;
	return false;
}

/* Whether a tick is to come, or under way: a callback may have ended the ticks and still raise one. */
static bool may_tick(struct irqchip *chip)
{
	if (READ_ONCE(chip->pit.next_ns))
		return true;
	smp_rmb();	/* pairs with pit_fired() */
	return smp_load_acquire(&chip->pit_fires);
}

static void ask_for_release(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned int i;

	for_each_vcpu(vm, i, vcpu)
		vcpu_request(vcpu, VCPU_REQ_PIT);
	smp_mb();	/* a vCPU that takes its lock from now on finds the request in RUN */
}

static void hold(struct vm *vm, struct vcpu *self)
{
	struct irqchip *chip = &vm->irqchip;
	unsigned long flags;

	if (READ_ONCE(chip->pit_held) || may_run(vm, self))
		return;
	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	chip->pit_held = true;
	ask_for_release(vm);
	if (may_run(vm, self))
		chip->pit_held = false;
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
	/* A tick under way gets where it goes before anything is looked at. */
	hrtimer_cancel(&chip->pit_timer);
	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	program(chip);	/* if it is not held after all */
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
}

/* Where no tick is to come nothing needs to be held, until SET_PIT2, which does. */
void pit_timer_hold(struct vm *vm, struct vcpu *self)
{
	if (has_pit(vm) && may_tick(&vm->irqchip))
		hold(vm, self);
}

void pit_timer_release(struct vm *vm)
{
	struct irqchip *chip = &vm->irqchip;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	if (chip->pit_held) {
		chip->pit_held = false;
		program(chip);
	}
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
}

void pit_timer_acked(struct vm *vm)
{
	struct irqchip *chip = &vm->irqchip;
	unsigned long flags;
	bool again;

	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	again = pit_acked(&chip->pit);
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
	if (again)
		pulse(vm);
}

void pit_timer_unmasked(struct vm *vm)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->irqchip.pit_lock, flags);
	pit_forget(&vm->irqchip.pit);
	raw_spin_unlock_irqrestore(&vm->irqchip.pit_lock, flags);
}

void pit_timer_init(struct vm *vm)
{
	raw_spin_lock_init(&vm->irqchip.pit_lock);
	host_timer_setup(&vm->irqchip.pit_timer, pit_fired, HRTIMER_MODE_ABS_HARD);
}

void pit_timer_destroy(struct vm *vm)
{
	unsigned long flags;

	/* No next tick, so that a callback under way does not start the timer again. */
	raw_spin_lock_irqsave(&vm->irqchip.pit_lock, flags);
	vm->irqchip.pit.next_ns = 0;
	raw_spin_unlock_irqrestore(&vm->irqchip.pit_lock, flags);
	hrtimer_cancel(&vm->irqchip.pit_timer);
}

static int refuse_no_pit(struct vm *vm)
{
	return refuse(&vm->error, -ENXIO, "pit", 0, "the VM has no in-kernel PIT");
}

int irqchip_create_pit(struct vm *vm, const struct minivmm_pit_config *config)
{
	struct irqchip *chip = &vm->irqchip;

	if (config->flags & ~MINIVMM_PIT_SPEAKER_DUMMY)
		return refuse(&vm->error, -EINVAL, "flags", config->flags,
			      "the only flag is PIT_SPEAKER_DUMMY");
	if (!irqchip_has_pics(&vm->irqchip))
		return refuse(&vm->error, -ENOENT, "irqchip", 0, "the VM has no in-kernel irqchip");
	if (has_pit(vm))
		return refuse(&vm->error, -EEXIST, "pit", 1, "the VM already has its PIT");
	pit_reset(&chip->pit, ktime_get_ns());
	smp_store_release(&chip->has_pit, true);
	chip->pit_ports[0] = (struct bus_range){ PORT_COUNTERS, 4, access_pit };
	bus_add(vm, BUS_PORTS, &chip->pit_ports[0]);
	if (config->flags & MINIVMM_PIT_SPEAKER_DUMMY) {
		chip->pit_ports[1] = (struct bus_range){ PORT_SPEAKER, 1, access_pit };
		bus_add(vm, BUS_PORTS, &chip->pit_ports[1]);
	}
	return 0;
}

int irqchip_get_pit(struct vm *vm, struct minivmm_pit_state2 *state)
{
	unsigned long flags;

	if (!has_pit(vm))
		return refuse_no_pit(vm);
	pit_timer_hold(vm, NULL);
	raw_spin_lock_irqsave(&vm->irqchip.pit_lock, flags);
	pit_save(&vm->irqchip.pit, state, ktime_get_ns());
	raw_spin_unlock_irqrestore(&vm->irqchip.pit_lock, flags);
	return 0;
}

int irqchip_set_pit(struct vm *vm, const struct minivmm_pit_state2 *state)
{
	struct irqchip *chip = &vm->irqchip;
	unsigned long flags;
	int err;

	if (!has_pit(vm))
		return refuse_no_pit(vm);
	hold(vm, NULL);
	raw_spin_lock_irqsave(&chip->pit_lock, flags);
	err = pit_load(&chip->pit, state, ktime_get_ns());
	program(chip);
	raw_spin_unlock_irqrestore(&chip->pit_lock, flags);
	if (err)
		return refuse(&vm->error, err, "pit", state->flags,
			      "flags, modes and latch states must be known, counts up to 65536");
	return 0;
}

int irqchip_reinject(struct vm *vm, const struct minivmm_reinject_control *control)
{
	unsigned long flags;

	if (!has_pit(vm))
		return refuse_no_pit(vm);
	raw_spin_lock_irqsave(&vm->irqchip.pit_lock, flags);
	if (vm->irqchip.pit.reinject != !!control->pit_reinject)
		pit_forget(&vm->irqchip.pit);
	vm->irqchip.pit.reinject = control->pit_reinject;
	raw_spin_unlock_irqrestore(&vm->irqchip.pit_lock, flags);
	return 0;
}
