// SPDX-License-Identifier: GPL-2.0
/* The VM ioctls of the interrupt controllers, one small function each. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../ioctl.h"
#include "../report/explain.h"
#include "../vm.h"
#include "irqchip.h"
#include "irqfd.h"

static long create_irqchip(void *object, unsigned long arg)
{
	struct vm *vm = object;
	int err;

	mutex_lock(&vm->lock);
	err = irqchip_create(vm);
	mutex_unlock(&vm->lock);
	return err;
}

static int create_pit2(void *object, void *data)
{
	struct vm *vm = object;
	int err;

	mutex_lock(&vm->lock);
	err = irqchip_create_pit(vm, data);
	mutex_unlock(&vm->lock);
	return err;
}

static long create_pit(void *object, unsigned long arg)
{
	struct minivmm_pit_config config = { .flags = MINIVMM_PIT_SPEAKER_DUMMY };

	return create_pit2(object, &config);
}

static int get_irqchip(void *object, void *data)
{
	return irqchip_get(object, data);
}

/* The number says that this call reads, in fact it writes: no fixed entry. */
static long set_irqchip(void *object, unsigned long arg)
{
	struct minivmm_irqchip *chip = memdup_user((void __user *)arg, sizeof(*chip));
	int err;

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	err = irqchip_set(object, chip);
	kfree(chip);
	return err;
}

static int get_pit2(void *object, void *data)
{
	return irqchip_get_pit(object, data);
}

static int set_pit2(void *object, void *data)
{
	return irqchip_set_pit(object, data);
}

static int get_pit(void *object, void *data)
{
	struct minivmm_pit_state *state = data;
	struct minivmm_pit_state2 state2;
	int err = irqchip_get_pit(object, &state2);

	if (!err)
		memcpy(state->channels, state2.channels, sizeof(state->channels));
	return err;
}

/* As set_irqchip(). */
static long set_pit(void *object, unsigned long arg)
{
	struct minivmm_pit_state2 state2 = { 0 };
	struct minivmm_pit_state state;

	if (copy_from_user(&state, (void __user *)arg, sizeof(state)))
		return -EFAULT;
	memcpy(state2.channels, state.channels, sizeof(state2.channels));
	return irqchip_set_pit(object, &state2);
}

static long reinject_control(void *object, unsigned long arg)
{
	struct minivmm_reinject_control control;
	struct vm *vm = object;

	if (copy_from_user(&control, (void __user *)arg, sizeof(control)))
		return -EFAULT;
	if (memchr_inv(control.reserved, 0, sizeof(control.reserved)))
		return refuse(&vm->error, -EINVAL, "reserved", 0, "reserved bytes must be 0");
	return irqchip_reinject(vm, &control);
}

static int irq_line_status(void *object, void *data)
{
	struct minivmm_irq_level *line = data;
	struct vm *vm = object;

	if (!irqchip_has_apics(&vm->irqchip))
		return refuse(&vm->error, -ENXIO, "irqchip", 0, "the VM has no in-kernel irqchip");
	line->status = irq_set_line(vm, IRQ_SOURCE_USER, line->irq, line->level);
	return 0;
}

static long set_routing(struct vm *vm, const struct minivmm_irq_routing *head,
			const struct minivmm_irq_routing __user *user)
{
	struct minivmm_irq_routing_entry *entries;
	int err;

	if (!irqchip_has_apics(&vm->irqchip))
		return refuse(&vm->error, -EINVAL, "irqchip", 0, "the VM has no in-kernel irqchip");
	if (head->flags)
		return refuse(&vm->error, -EINVAL, "flags", head->flags, "must be 0");
	if (head->nr > IRQ_MAX_ROUTES)
		return refuse(&vm->error, -EINVAL, "nr", head->nr, "at most 4096 routes");
	entries = vmemdup_user(user->entries, array_size(head->nr, sizeof(*entries)));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	err = irq_set_routing(vm, entries, head->nr);
	kvfree(entries);
	return err;
}

static long set_gsi_routing(void *object, unsigned long arg)
{
	struct minivmm_irq_routing head;

	if (copy_from_user(&head, (void __user *)arg, sizeof(head)))
		return -EFAULT;
	return set_routing(object, &head, (void __user *)arg);
}

static int signal_msi(void *object, void *data)
{
	return irq_send_msi(object, data);
}

static int irqfd(void *object, void *data)
{
	return irqfd_control(object, data);
}

static const struct ioctl_entry irq_ioctls[] = {
	IOCTL_FIXED(MINIVMM_IRQ_LINE, irq_line_status),
	IOCTL_FIXED(MINIVMM_IRQ_LINE_STATUS, irq_line_status),
	IOCTL_FIXED(MINIVMM_SIGNAL_MSI, signal_msi),
	IOCTL_RAW(MINIVMM_SET_GSI_ROUTING, set_gsi_routing),
	IOCTL_FIXED(MINIVMM_IRQFD, irqfd),
	IOCTL_RAW(MINIVMM_CREATE_IRQCHIP, create_irqchip),
	IOCTL_FIXED(MINIVMM_GET_IRQCHIP, get_irqchip),
	IOCTL_RAW(MINIVMM_SET_IRQCHIP, set_irqchip),
	IOCTL_FIXED(MINIVMM_CREATE_PIT2, create_pit2),
	IOCTL_RAW(MINIVMM_CREATE_PIT, create_pit),
	IOCTL_FIXED(MINIVMM_GET_PIT2, get_pit2),
	IOCTL_FIXED(MINIVMM_SET_PIT2, set_pit2),
	IOCTL_FIXED(MINIVMM_GET_PIT, get_pit),
	IOCTL_RAW(MINIVMM_SET_PIT, set_pit),
	IOCTL_RAW(MINIVMM_REINJECT_CONTROL, reinject_control),
};

const struct ioctl_entry *irq_ioctl(unsigned int cmd)
{
	return ioctl_find(irq_ioctls, ARRAY_SIZE(irq_ioctls), cmd);
}
