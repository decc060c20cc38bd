// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Intel PIIX4 power management function: ACPI event and control registers, PM timer. The guest is
 * always in ACPI mode (SCI_EN reads one; there is no SMI). State is under the chip's mutex; the
 * base address follows configuration writes under the PCI mutex.
 */
#include <pthread.h>
#include <stdlib.h>

#include "acpi/acpi.h"
#include "chip/chipset.h"
#include "chip/pm_timer.h"
#include "device.h"
#include "machine.h"

#define REG_BASE		0x40
#define REG_ENABLE		0x80
#define REG_DEVACTB		0x5b	/* top byte of the device activity word */
#define DEVACTB_SMM_DONE	0x02	/* firmware: leave SMM alone */
#define REG_INTERRUPT_LINE	0x3c
#define BASE_MASK		0xffc0
#define BASE_IO			0x0001
#define PORTS			64

#define STATUS_TIMER		0x0001
#define STATUS_BUTTON		0x0100
#define STATUS_MASK		0x8731
#define EVENT_ENABLES		0x0521
#define CONTROL_SCI		0x0001
#define CONTROL_SLEEP		0x2000
#define CONTROL_TYPE(v)		(((v) >> 10) & 7)
#define CONTROL_WRITABLE	0x1c02
#define TYPE_S5			0

#define TIMER_MASK		0xffffffULL
#define TIMER_HALF		0x800000ULL	/* status is set each time the top bit changes */

struct power {
	struct machine *m;
	struct pci_device pci;
	uint64_t base;			/* where the ports answer; 0: nowhere. PCI lock */
	pthread_mutex_t lock;		/* all below */
	uint16_t status, enable, control;
	uint64_t timer_start;		/* ns */
	uint64_t timer_seen;		/* half periods that have set the status */
	struct loop_timer *overflow;
	bool sci;
};

static uint64_t ticks(const struct power *p)
{
	return pm_timer__ticks(loop__now() - p->timer_start);
}

/* Lock held. */
static void update_status(struct power *p)
{
	uint64_t halves = ticks(p) / TIMER_HALF;

	if (halves != p->timer_seen)
		p->status |= STATUS_TIMER;
	p->timer_seen = halves;
}

/* Lock held. */
static void update_sci(struct power *p)
{
	bool sci = p->status & p->enable & EVENT_ENABLES;

	if (sci == p->sci)
		return;
	p->sci = sci;
	irq__set_level(p->m->irq, MACHINE_IRQ_SCI, sci);
}

/* Wakes the loop at the next overflow if that shall raise SCI. Lock held. */
static void arm_overflow(struct power *p)
{
	uint64_t next = (ticks(p) / TIMER_HALF + 1) * TIMER_HALF;

	if (p->enable & STATUS_TIMER)
		loop__timer_set(p->overflow, p->timer_start + pm_timer__ns(next), 0);
	else
		loop__timer_cancel(p->overflow);
}

static void overflowed(void *ctx)
{
	struct power *p = ctx;

	pthread_mutex_lock(&p->lock);
	update_status(p);
	update_sci(p);
	arm_overflow(p);
	pthread_mutex_unlock(&p->lock);
}

static void write_control(struct power *p, uint16_t value)
{
	p->control = (value & CONTROL_WRITABLE) | CONTROL_SCI;
	if (value & CONTROL_SLEEP && CONTROL_TYPE(value) == TYPE_S5)
		machine__request_stop(p->m, STATUS_OK);
}

/* The registers as a little-endian array of bytes: any size and alignment works. */
static uint8_t read_byte(const struct power *p, uint64_t at, uint64_t timer)
{
	switch (at) {
	case ACPI_PM_EVENT ... ACPI_PM_EVENT + 1:
		return p->status >> 8 * (at - ACPI_PM_EVENT);
	case ACPI_PM_EVENT + 2 ... ACPI_PM_EVENT + 3:
		return p->enable >> 8 * (at - ACPI_PM_EVENT - 2);
	case ACPI_PM_CONTROL ... ACPI_PM_CONTROL + 1:
		return p->control >> 8 * (at - ACPI_PM_CONTROL);
	case ACPI_PM_TIMER ... ACPI_PM_TIMER + 3:
		return timer >> 8 * (at - ACPI_PM_TIMER);
	default:
		return 0;
	}
}

static void write_byte(struct power *p, uint64_t at, uint8_t value)
{
	unsigned int shift = 8 * (at & 1);
	uint16_t mask = 0xff << shift, word = value << shift;

	switch (at & ~1ULL) {
	case ACPI_PM_EVENT:
		p->status &= ~(word & STATUS_MASK);
		break;
	case ACPI_PM_EVENT + 2:
		p->enable = (p->enable & ~mask) | (word & EVENT_ENABLES);
		break;
	case ACPI_PM_CONTROL:
		write_control(p, (p->control & ~mask) | word);
		break;
	}
}

static uint64_t power_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct power *p = ctx;
	uint64_t value = 0, timer;

	pthread_mutex_lock(&p->lock);
	update_status(p);
	timer = ticks(p) & TIMER_MASK;
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_byte(p, offset + i, timer) << (8 * i);
	pthread_mutex_unlock(&p->lock);
	return value;
}

static void power_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct power *p = ctx;

	pthread_mutex_lock(&p->lock);
	update_status(p);
	for (unsigned int i = 0; i < size; i++)
		write_byte(p, offset + i, value >> (8 * i));
	update_sci(p);
	arm_overflow(p);
	pthread_mutex_unlock(&p->lock);
}

static const struct bus_ops ops = { .read = power_read, .write = power_write };

/* Moves the ports to where configuration space wants them. */
static void config_write(void *ctx, unsigned int offset, unsigned int size, uint32_t value)
{
	struct power *p = ctx;
	const uint8_t *config = p->pci.config;
	uint64_t base = 0;

	(void)offset;
	(void)size;
	(void)value;
	if (config[REG_ENABLE] & 1)
		base = (config[REG_BASE] | config[REG_BASE + 1] << 8) & BASE_MASK;
	if (base == p->base)
		return;
	if (p->base)
		bus__remove(p->m->pio, p->base);
	p->base = base && !bus__add(p->m->pio, base, PORTS, &ops, p) ? base : 0;
}

static void press_button(void *state)
{
	struct power *p = state;

	pthread_mutex_lock(&p->lock);
	p->status |= STATUS_BUTTON;
	update_sci(p);
	pthread_mutex_unlock(&p->lock);
}

static void fill_pci(struct power *p)
{
	p->pci = (struct pci_device){
		.name = "power management",
		.vendor_id = 0x8086,
		.device_id = 0x7113,
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x1100,
		.revision = 3,
		.class_code = 0x068000,
		.ctx = p,
		.config_write = config_write,
	};
	p->pci.config[REG_BASE] = BASE_IO;
	p->pci.config[REG_DEVACTB] = DEVACTB_SMM_DONE;
	p->pci.config[REG_INTERRUPT_LINE] = MACHINE_IRQ_SCI;
	p->pci.writable[REG_BASE] = BASE_MASK & 0xff;
	p->pci.writable[REG_BASE + 1] = BASE_MASK >> 8;
	p->pci.writable[REG_ENABLE] = 1;
}

static void power_destroy(void *state)
{
	struct power *p = state;

	p->m->power_button = NULL;
	pci__unregister(&p->pci);
	loop__timer_destroy(p->overflow);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int power_create(struct machine *m, void **state, struct error *err)
{
	struct power *p = calloc(1, sizeof(*p));

	if (!p)
		return error__errno(err, "cannot allocate the power management chip");
	p->m = m;
	p->control = CONTROL_SCI;
	p->timer_start = loop__now();
	pthread_mutex_init(&p->lock, NULL);
	fill_pci(p);
	p->overflow = loop__timer_create(m->loop, overflowed, p);
	if (!p->overflow)
		error__errno(err, "cannot create the ACPI timer");
	if (!p->overflow || pci__register(m->pci, &p->pci, CHIPSET_ISA_SLOT, CHIPSET_PM_FUNCTION,
					  err) < 0) {
		power_destroy(p);
		return -1;
	}
	m->power_button = press_button;
	m->power_button_ctx = p;
	*state = p;
	return 0;
}

static const struct device_type power = {
	.name = "2 power management",
	.order = DEVICE_CHIPSET,
	.create = power_create,
	.destroy = power_destroy,
};
DEVICE_REGISTER(power);
