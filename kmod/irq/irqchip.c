// SPDX-License-Identifier: GPL-2.0
/*
 * The VM's interrupt controllers in the kernel: lines, routing, acknowledge and
 * end of interrupt, port and memory accesses. The PIT's timer is in pit_timer.c.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../io/bus.h"
#include "../report/explain.h"
#include "../report/trace.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "deliver.h"
#include "irqchip.h"
#include "irqfd.h"
#include "lapic.h"
#include "pit_timer.h"

/* Rest of a level-triggered pin that asserts again at every EOI. */
#define IOAPIC_STORM_PAUSE_NS	(10 * NSEC_PER_MSEC)

static_assert(IRQ_MAX_PINS == IOAPIC_PINS);

int ioapic_send(struct ioapic *io, const struct irq_message *msg)
{
	struct vm *vm = container_of(io, struct vm, irqchip.ioapic);
	struct irqchip *chip = &vm->irqchip;
	int taken = irq_deliver(vm, NULL, msg, &chip->ioapic_kicks);

	chip->ioapic_taken += max(taken, 0);
	io->busy = chip->ioapic_taken > IRQ_KICKS_AT_ONCE;
	return taken;
}

/* Inside RCU, as is what is done with the answer. */
static int gsi_of_pin(struct vm *vm, enum irq_chip_id chip, unsigned int pin)
{
	return rcu_dereference(vm->irqchip.table)->gsi_of_pin[chip][pin];
}

/* Tell who listens that the guest ended the interrupts of @pins. No raw lock held. */
static void notify_acked(struct vm *vm, enum irq_chip_id chip, u32 pins)
{
	unsigned int at_once = IRQFD_AT_ONCE;
	int gsi;

	rcu_read_lock();
	for (; pins; pins &= pins - 1) {
		gsi = gsi_of_pin(vm, chip, __ffs(pins));
		if (gsi == PIT_GSI)
			pit_timer_acked(vm);
		if (gsi >= 0)
			irqfd_acked(vm, gsi, &at_once);
	}
	rcu_read_unlock();
}

static void notify_unmasked(struct vm *vm, enum irq_chip_id chip, u32 pins)
{
	rcu_read_lock();
	for (; pins; pins &= pins - 1)
		if (gsi_of_pin(vm, chip, __ffs(pins)) == PIT_GSI)
			pit_timer_unmasked(vm);
	rcu_read_unlock();
}

static void kick_extint(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned int i;

	for_each_vcpu(vm, i, vcpu) {
		if (lapic_regs_accepts_extint(&vcpu->lapic.regs)) {
			vcpu_request_kick(vcpu, VCPU_REQ_EVENT);
			return;
		}
	}
}

/* Every use of the PIC is bracketed by these two: effects take place after the unlock. */
struct pic_use {
	unsigned long flags;
	bool output;
};

static struct pic *pic_begin(struct vm *vm, struct pic_use *use)
	__acquires(&vm->irqchip.pic_lock)
{
	raw_spin_lock_irqsave(&vm->irqchip.pic_lock, use->flags);
	use->output = vm->irqchip.pic.output;
	return &vm->irqchip.pic;
}

static void pic_end(struct vm *vm, struct pic_use *use)
	__releases(&vm->irqchip.pic_lock)
{
	struct pic *pic = &vm->irqchip.pic;
	bool rose = pic->output && !use->output;
	u16 acked = pic->acked, unmasked = pic->unmasked;

	pic->acked = 0;
	pic->unmasked = 0;
	raw_spin_unlock_irqrestore(&vm->irqchip.pic_lock, use->flags);
	if (rose)
		kick_extint(vm);
	if (unlikely(unmasked)) {
		notify_unmasked(vm, IRQ_CHIP_PIC_MASTER, unmasked & 0xff);
		notify_unmasked(vm, IRQ_CHIP_PIC_SLAVE, unmasked >> 8);
	}
	if (unlikely(acked)) {
		notify_acked(vm, IRQ_CHIP_PIC_MASTER, acked & 0xff);
		notify_acked(vm, IRQ_CHIP_PIC_SLAVE, acked >> 8);
	}
}

/* The same for the I/O APIC. */
static struct ioapic *ioapic_begin(struct vm *vm, unsigned long *flags)
	__acquires(&vm->irqchip.ioapic_lock)
{
	raw_spin_lock_irqsave(&vm->irqchip.ioapic_lock, *flags);
	vm->irqchip.ioapic_kicks = IRQ_KICKS_AT_ONCE;
	vm->irqchip.ioapic_taken = 0;
	vm->irqchip.ioapic.busy = false;
	return &vm->irqchip.ioapic;
}

static void ioapic_end(struct vm *vm, unsigned long flags)
	__releases(&vm->irqchip.ioapic_lock)
{
	u32 unmasked = vm->irqchip.ioapic.unmasked;

	vm->irqchip.ioapic.unmasked = 0;
	raw_spin_unlock_irqrestore(&vm->irqchip.ioapic_lock, flags);
	notify_unmasked(vm, IRQ_CHIP_IOAPIC, unmasked);
}

/* Interrupts are on between the pins, each of which may have something to say to all vCPUs. */
static void retry_pins(struct vm *vm)
{
	unsigned long flags;
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		ioapic_retry(ioapic_begin(vm, &flags), pin);
		ioapic_end(vm, flags);
	}
}

static enum hrtimer_restart retry_fired(struct hrtimer *timer)
{
	retry_pins(container_of(timer, struct vm, irqchip.ioapic_retry));
	return HRTIMER_NORESTART;
}

static int drive_pic(struct vm *vm, unsigned int line, enum irq_source source, bool level)
{
	struct pic_use use;
	int result = pic_set_line(pic_begin(vm, &use), line, source, level);

	pic_end(vm, &use);
	return result;
}

static int drive_ioapic(struct vm *vm, unsigned int pin, enum irq_source source, bool level)
{
	unsigned long flags;
	int result = ioapic_set_line(ioapic_begin(vm, &flags), pin, source, level);

	ioapic_end(vm, flags);
	return result;
}

static int drive_route(struct vm *vm, const struct irq_route *route, enum irq_source source,
		       bool level)
{
	switch (route->chip) {
	case IRQ_CHIP_PIC_MASTER:
	case IRQ_CHIP_PIC_SLAVE:
		return drive_pic(vm, route->chip * 8 + route->pin, source, level);
	case IRQ_CHIP_IOAPIC:
		return drive_ioapic(vm, route->pin, source, level);
	default:
		return level ? irq_deliver(vm, NULL, &route->msi, NULL) : -1;
	}
}

int irq_set_line(struct vm *vm, enum irq_source source, u32 gsi, bool level)
{
	const struct irq_table *table;
	int i, result = -1, one;

	trace_set_irq(gsi, level, source);
	rcu_read_lock();
	table = rcu_dereference(vm->irqchip.table);
	for (i = irq_table_first(table, gsi); i >= 0; i = table->routes[i].next) {
		one = drive_route(vm, &table->routes[i], source, level);
		if (one >= 0)
			result = max(result, 0) + one;
	}
	rcu_read_unlock();
	return result;
}

int irq_send_msi(struct vm *vm, const struct minivmm_msi *msi)
{
	struct irq_message msg;

	if (!irqchip_has_apics(&vm->irqchip))
		return refuse(&vm->error, -EINVAL, "irqchip", 0, "the VM has no in-kernel irqchip");
	if (msi->flags)
		return refuse(&vm->error, -EINVAL, "flags", msi->flags, "x86 has no flag");
	msi_decode(&msg, msi->address_lo, msi->data);
	return max(irq_deliver(vm, NULL, &msg, NULL), 0);
}

const u64 *irqchip_eoi_vectors(const struct vm *vm)
{
	return vm->irqchip.ioapic.vectors;
}

void irqchip_eoi(struct vm *vm, u8 vector)
{
	unsigned long flags;
	u32 pins, put_off, waiting;

	if (!ioapic_handles(&vm->irqchip.ioapic, vector))
		return;
	pins = ioapic_eoi_pins(ioapic_begin(vm, &flags), vector);
	ioapic_end(vm, flags);
	/* Listeners lower their lines before the level is looked at again. */
	notify_acked(vm, IRQ_CHIP_IOAPIC, pins);
	put_off = ioapic_eoi(ioapic_begin(vm, &flags), pins);
	waiting = vm->irqchip.ioapic.waiting;
	ioapic_end(vm, flags);
	if (unlikely(put_off | waiting))
		hrtimer_start(&vm->irqchip.ioapic_retry,
			      ns_to_ktime(put_off ? IOAPIC_STORM_PAUSE_NS : 0),
			      HRTIMER_MODE_REL_SOFT);
}

static void access_pic(struct vm *vm, u64 port, unsigned int len, bool is_write, u64 *data)
{
	struct pic_use use;
	struct pic *pic = pic_begin(vm, &use);

	if (is_write)
		pic_write(pic, port, *data);
	else
		*data = pic_read(pic, port);
	pic_end(vm, &use);
}

static void access_ioapic(struct vm *vm, u64 gpa, unsigned int len, bool is_write, u64 *data)
{
	u32 offset = gpa - IOAPIC_BASE;
	unsigned long flags;
	struct ioapic *io = ioapic_begin(vm, &flags);

	if (!is_write)
		*data = ioapic_read(io, offset);
	else
		ioapic_write(io, offset, len >= 4 ? *data : *data & GENMASK(len * 8 - 1, 0));
	ioapic_end(vm, flags);
}

bool irq_extint_pending(struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->vm->irqchip.pic.output) &&
	       lapic_regs_accepts_extint(&vcpu->lapic.regs);
}

u8 irq_extint_ack(struct vcpu *vcpu)
{
	struct pic_use use;
	u8 vector = pic_intack(pic_begin(vcpu->vm, &use));

	pic_end(vcpu->vm, &use);
	return vector;
}

bool irq_pending(struct vcpu *vcpu)
{
	return lapic_pending_vector(vcpu) >= 0 || irq_extint_pending(vcpu);
}

int irq_ack(struct vcpu *vcpu)
{
	int vector;

	if (irq_extint_pending(vcpu))
		return irq_extint_ack(vcpu);
	vector = lapic_pending_vector(vcpu);
	if (vector >= 0)
		lapic_accept(vcpu, vector);
	return vector;
}

static struct irq_table *alloc_table(u32 nr)
{
	return kvzalloc(irq_table_size(nr), GFP_KERNEL_ACCOUNT);
}

/* Returns the old one. */
static struct irq_table *publish_table(struct vm *vm, struct irq_table *table)
{
	struct irqchip *chip = &vm->irqchip;
	struct irq_table *old;

	mutex_lock(&chip->lock);
	old = rcu_replace_pointer(chip->table, table, lockdep_is_held(&chip->lock));
	mutex_unlock(&chip->lock);
	return old;
}

int irq_set_routing(struct vm *vm, const struct minivmm_irq_routing_entry *entries, u32 nr)
{
	struct irq_table *table = alloc_table(nr);
	u32 bad;

	if (!table)
		return -ENOMEM;
	if (irq_table_build(table, entries, nr, &bad)) {
		kvfree(table);
		return refuse(&vm->error, -EINVAL, "entries", bad,
			      "type, chip, pin, GSI must exist, flags be 0, MSIs alone on a GSI");
	}
	table = publish_table(vm, table);
	/* What is under way by the old routes has arrived when the call returns. */
	synchronize_rcu_expedited();
	kvfree(table);
	return 0;
}

/* The ports of the two PICs and of their ELCRs, and the I/O APIC's page. */
static void listen(struct vm *vm)
{
	static const u16 ports[] = PIC_PORTS;
	struct irqchip *chip = &vm->irqchip;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		chip->pic_ports[i] = (struct bus_range){ ports[i], 2, access_pic };
		bus_add(vm, BUS_PORTS, &chip->pic_ports[i]);
	}
	chip->ioapic_page = (struct bus_range){ IOAPIC_BASE, IOAPIC_SIZE, access_ioapic };
	bus_add(vm, BUS_MEMORY, &chip->ioapic_page);
}

int irqchip_create(struct vm *vm)
{
	struct irq_table *table;

	if (irqchip_has_apics(&vm->irqchip))
		return refuse(&vm->error, -EEXIST, "irqchip", 1, "the VM already has its irqchip");
	if (vm->nr_vcpus)
		return refuse(&vm->error, -EINVAL, "nr_vcpus", vm->nr_vcpus,
			      "the irqchip must be created before the first vCPU");
	table = alloc_table(IRQ_DEFAULT_ROUTES);
	if (!table)
		return -ENOMEM;
	irq_table_default(table);
	table = publish_table(vm, table);
	kvfree_rcu(table, rcu);
	pic_reset(&vm->irqchip.pic);
	ioapic_reset(&vm->irqchip.ioapic);
	WRITE_ONCE(vm->irqchip.mode, IRQCHIP_KERNEL);
	listen(vm);
	return 0;
}

static int refuse_no_irqchip(struct vm *vm)
{
	return refuse(&vm->error, -ENXIO, "irqchip", 0, "the VM has no in-kernel irqchip");
}

static int refuse_chip(struct vm *vm, u32 chip_id)
{
	return refuse(&vm->error, -EINVAL, "chip_id", chip_id,
		      "chips are 0, 1 (PICs), 2 (I/O APIC)");
}

int irqchip_get(struct vm *vm, struct minivmm_irqchip *chip)
{
	struct pic_use use;
	unsigned long flags;

	if (!irqchip_has_pics(&vm->irqchip))
		return refuse_no_irqchip(vm);
	pit_timer_hold(vm, NULL);
	memset(&chip->chip, 0, sizeof(chip->chip));
	switch (chip->chip_id) {
	case MINIVMM_IRQCHIP_PIC_MASTER:
	case MINIVMM_IRQCHIP_PIC_SLAVE:
		pic_save(pic_begin(vm, &use), chip->chip_id, &chip->chip.pic);
		pic_end(vm, &use);
		return 0;
	case MINIVMM_IRQCHIP_IOAPIC:
		ioapic_save(ioapic_begin(vm, &flags), &chip->chip.ioapic);
		ioapic_end(vm, flags);
		return 0;
	default:
		return refuse_chip(vm, chip->chip_id);
	}
}

int irqchip_set(struct vm *vm, const struct minivmm_irqchip *chip)
{
	struct pic_use use;
	unsigned long flags;

	if (!irqchip_has_pics(&vm->irqchip))
		return refuse_no_irqchip(vm);
	pit_timer_hold(vm, NULL);
	switch (chip->chip_id) {
	case MINIVMM_IRQCHIP_PIC_MASTER:
	case MINIVMM_IRQCHIP_PIC_SLAVE:
		pic_load(pic_begin(vm, &use), chip->chip_id, &chip->chip.pic);
		pic_end(vm, &use);
		return 0;
	case MINIVMM_IRQCHIP_IOAPIC:
		ioapic_load(ioapic_begin(vm, &flags), &chip->chip.ioapic);
		ioapic_end(vm, flags);
		retry_pins(vm);
		return 0;
	default:
		return refuse_chip(vm, chip->chip_id);
	}
}

int irqchip_init(struct vm *vm)
{
	struct irqchip *chip = &vm->irqchip;
	struct irq_table *table = alloc_table(0);
	u32 none;

	if (!table)
		return -ENOMEM;
	irq_table_build(table, NULL, 0, &none);
	RCU_INIT_POINTER(chip->table, table);
	raw_spin_lock_init(&chip->pic_lock);
	raw_spin_lock_init(&chip->ioapic_lock);
	mutex_init(&chip->lock);
	irqfd_init(vm);
	pit_timer_init(vm);
	host_timer_setup(&chip->ioapic_retry, retry_fired, HRTIMER_MODE_REL_SOFT);
	irq_init_kicks(vm);
	return 0;
}

void irqchip_release(struct vm *vm)
{
	irqfd_release(vm);
}

void irqchip_destroy(struct vm *vm)
{
	struct irqchip *chip = &vm->irqchip;

	pit_timer_destroy(vm);
	hrtimer_cancel(&chip->ioapic_retry);
	cancel_work_sync(&chip->kick_work);
	kvfree(rcu_dereference_protected(chip->table, true));
}
