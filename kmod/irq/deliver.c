// SPDX-License-Identifier: GPL-2.0
/*
 * Delivery of messages: which local APICs a message addresses, posting it to the mailbox of
 * each, and kicking the vCPUs, of which only so many are kicked with interrupts off.
 */
#include <linux/nospec.h>
#include <linux/workqueue.h>

#include "../report/trace.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "deliver.h"
#include "lapic.h"

void irq_make_kicks(struct vm *vm)
{
	unsigned long *kicks = vm->irqchip.kicks, word;
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(vm->irqchip.kicks); i++) {
		word = READ_ONCE(kicks[i]) ? xchg(&kicks[i], 0) : 0;
		for_each_set_bit(bit, &word, BITS_PER_LONG)
			vcpu_kick(vm->vcpus[i * BITS_PER_LONG + bit]);
	}
}

static void kick_work(struct work_struct *work)
{
	irq_make_kicks(container_of(work, struct vm, irqchip.kick_work));
}

void irq_init_kicks(struct vm *vm)
{
	INIT_WORK(&vm->irqchip.kick_work, kick_work);
}

/* The bit first: whoever answers the request or does the work finds it. */
static noinline void kick_later(struct vcpu *vcpu, struct vcpu *source)
{
	struct irqchip *chip = &vcpu->vm->irqchip;

	if (!irqs_disabled()) {
		vcpu_kick(vcpu);
		return;
	}
	set_bit(vcpu->index, chip->kicks);
	if (source)
		vcpu_request(source, VCPU_REQ_KICKS);
	else
		queue_work(system_highpri_wq, &chip->kick_work);
}

/* A message to several: who sends it, if that is a vCPU, and how many may be kicked at once. */
struct sender {
	struct vcpu *source;
	unsigned int *kicks;
};

/* @from is NULL for a message to one. All that follows is made twice, as that costs this nothing. */
static __always_inline void request_kick(struct vcpu *vcpu, const struct sender *from)
{
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	if (from && !*from->kicks) {
		kick_later(vcpu, from->source);
		return;
	}
	if (from)
		--*from->kicks;
	vcpu_kick(vcpu);
}

static __always_inline void post(struct vcpu *vcpu, const struct irq_message *msg,
				 const struct sender *from)
{
	struct lapic *lapic = &vcpu->lapic;

	if (msg->level)
		set_bit(msg->vector, lapic->posted_level);
	else if (test_bit(msg->vector, lapic->posted_level))
		clear_bit(msg->vector, lapic->posted_level);
	/* Who set the bit first also raises the event and kicks. */
	if (test_and_set_bit(msg->vector, lapic->posted))
		return;
	set_bit(LAPIC_EVENT_POSTED, &lapic->events);
	request_kick(vcpu, from);
}

static __always_inline void post_init(struct vcpu *vcpu, const struct sender *from)
{
	clear_bit(LAPIC_EVENT_SIPI, &vcpu->lapic.events);
	set_bit(LAPIC_EVENT_INIT, &vcpu->lapic.events);
	request_kick(vcpu, from);
}

static __always_inline void post_sipi(struct vcpu *vcpu, u8 vector, const struct sender *from)
{
	WRITE_ONCE(vcpu->lapic.sipi_vector, vector);
	smp_mb__before_atomic();
	set_bit(LAPIC_EVENT_SIPI, &vcpu->lapic.events);
	request_kick(vcpu, from);
}

static __always_inline void post_nmi(struct vcpu *vcpu, const struct sender *from)
{
	vcpu_note_nmi(vcpu);
	request_kick(vcpu, from);
}

/* Returns 1 if the APIC takes @msg, 0 if it refuses. */
static __always_inline int deliver_from(struct vcpu *vcpu, u64 identity,
					const struct irq_message *msg, const struct sender *from)
{
	trace_apic_accept_irq(vcpu->id, msg);
	switch (msg->delivery) {
	case IRQ_DM_FIXED:
	case IRQ_DM_LOWEST:
		if (!(identity & APIC_IDENTITY_SOFT))
			return 0;
		post(vcpu, msg, from);
		return 1;
	case IRQ_DM_NMI:
		post_nmi(vcpu, from);
		return 1;
	case IRQ_DM_INIT:
		if (!msg->deassert)
			post_init(vcpu, from);
		return 1;
	case IRQ_DM_SIPI:
		post_sipi(vcpu, msg->vector, from);
		return 1;
	default:
		/* SMI: no SMM is offered. ExtINT: only the PIC's wire to LINT0 brings it. */
		return 0;
	}
}

static int deliver_to(struct vcpu *vcpu, u64 identity, const struct irq_message *msg)
{
	return deliver_from(vcpu, identity, msg, NULL);
}

static bool selected(u64 identity, const struct vcpu *vcpu, const struct vcpu *source,
		     const struct irq_message *msg)
{
	switch (msg->shorthand) {
	case IRQ_TO_SELF:
		return vcpu == source;
	case IRQ_TO_ALL:
		return identity & APIC_IDENTITY_ENABLED;
	case IRQ_TO_OTHERS:
		return vcpu != source && (identity & APIC_IDENTITY_ENABLED);
	default:
		return apic_addressed(identity, msg);
	}
}

static int deliver_to_all(struct vm *vm, const struct irq_message *msg, const struct sender *from)
{
	struct vcpu *vcpu;
	unsigned int i;
	int taken = -1;

	for_each_vcpu(vm, i, vcpu) {
		u64 identity = READ_ONCE(vm->irqchip.apic_identity[i]);

		if (selected(identity, vcpu, from->source, msg))
			taken = max(taken, 0) + deliver_from(vcpu, identity, msg, from);
	}
	return taken;
}

/* Lowest priority: the least often chosen one of those that accept. */
static int deliver_to_lowest(struct vm *vm, struct vcpu *source, const struct irq_message *msg)
{
	unsigned int i, times, least = UINT_MAX;
	struct vcpu *vcpu, *best = NULL;
	u64 best_identity = 0;

	for_each_vcpu(vm, i, vcpu) {
		u64 identity = READ_ONCE(vm->irqchip.apic_identity[i]);

		if (!selected(identity, vcpu, source, msg) || !(identity & APIC_IDENTITY_SOFT))
			continue;
		times = READ_ONCE(vcpu->lapic.arbitration);
		if (best && times >= least)
			continue;
		least = times;
		best = vcpu;
		best_identity = identity;
	}
	if (!best)
		return -1;
	WRITE_ONCE(best->lapic.arbitration, least + 1);
	return deliver_to(best, best_identity, msg);
}

static noinline int deliver_to_several(struct vm *vm, struct vcpu *source,
				       const struct irq_message *msg, unsigned int *kicks)
{
	unsigned int of_message = IRQ_KICKS_AT_ONCE;
	const struct sender from = { .source = source, .kicks = kicks ?: &of_message };

	if (msg->lowest && msg->delivery <= IRQ_DM_LOWEST)
		return deliver_to_lowest(vm, source, msg);
	return deliver_to_all(vm, msg, &from);
}

int irq_deliver(struct vm *vm, struct vcpu *source, const struct irq_message *msg,
		unsigned int *kicks)
{
	u64 identity;
	u32 nr, to;

	if (msg->shorthand == IRQ_TO_SELF)
		return deliver_to(source, lapic_regs_identity(&source->lapic.regs), msg);
	/* The usual guest keeps APIC IDs as they are: ID and index are equal. */
	nr = smp_load_acquire(&vm->nr_vcpus);
	if (!msg->shorthand && !msg->logical && !apic_broadcast(msg) && msg->dest < nr) {
		to = array_index_nospec(msg->dest, nr);
		identity = READ_ONCE(vm->irqchip.apic_identity[to]);
		if (apic_addressed(identity, msg))
			return deliver_to(vm->vcpus[to], identity, msg);
	}
	return deliver_to_several(vm, source, msg, kicks);
}
