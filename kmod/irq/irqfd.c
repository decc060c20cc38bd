// SPDX-License-Identifier: GPL-2.0
/*
 * irqfds. The VM's list (irqchip.irqfds) is under irqchip.irqfd_lock, a raw lock
 * inside an eventfd's wait-queue lock; whoever takes an irqfd off that list owns
 * it and queues its shutdown. Assigning is serialised by irqchip.lock.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../vm.h"
#include "irqfd.h"

/* All irqfds of one GSI that want to hear of its EOI; the line is theirs together. */
struct resampler {
	struct list_head link;		/* irqchip.resamplers, RCU */
	struct list_head irqfds;	/* irqfd.resampler_link, RCU */
	u32 gsi;
};

struct irqfd {
	struct vm *vm;
	struct list_head link;
	struct eventfd_ctx *eventfd;
	u32 gsi;
	struct resampler *resampler;	/* NULL: edge */
	struct eventfd_ctx *resamplefd;
	struct list_head resampler_link;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct shutdown;
};

static struct workqueue_struct *shutdown_queue;

static void raise_line(struct irqfd *irqfd)
{
	if (irqfd->resampler) {
		irq_set_line(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, true);
		return;
	}
	irq_set_line(irqfd->vm, IRQ_SOURCE_USER, irqfd->gsi, true);
	irq_set_line(irqfd->vm, IRQ_SOURCE_USER, irqfd->gsi, false);
}

/* irqfd_lock held: @irqfd leaves the list, its shutdown follows. */
static void deactivate(struct irqfd *irqfd)
{
	list_del_init(&irqfd->link);
	queue_work(shutdown_queue, &irqfd->shutdown);
}

static void eventfd_closed(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	if (!list_empty(&irqfd->link))
		deactivate(irqfd);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
}

/* Called with the eventfd's wait-queue lock held, interrupts off. */
static int eventfd_woke(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		raise_line(irqfd);
	}
	if (events & EPOLLHUP)
		eventfd_closed(irqfd);
	return 0;
}

static void join_wait_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue(queue, &irqfd->wait);
}

static struct resampler *find_resampler(struct irqchip *chip, u32 gsi)
{
	struct resampler *resampler;

	list_for_each_entry(resampler, &chip->resamplers, link)
		if (resampler->gsi == gsi)
			return resampler;
	return NULL;
}

/* irqchip.lock held. */
static int join_resampler(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	struct resampler *resampler = find_resampler(chip, irqfd->gsi);

	if (!resampler) {
		resampler = kzalloc(sizeof(*resampler), GFP_KERNEL_ACCOUNT);
		if (!resampler)
			return -ENOMEM;
		resampler->gsi = irqfd->gsi;
		INIT_LIST_HEAD(&resampler->irqfds);
		list_add_rcu(&resampler->link, &chip->resamplers);
	}
	list_add_rcu(&irqfd->resampler_link, &resampler->irqfds);
	irqfd->resampler = resampler;
	return 0;
}

static void leave_resampler(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	struct resampler *resampler = irqfd->resampler, *unused = NULL;

	mutex_lock(&chip->lock);
	list_del_rcu(&irqfd->resampler_link);
	if (list_empty(&resampler->irqfds)) {
		list_del_rcu(&resampler->link);
		irq_set_line(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, false);
		unused = resampler;
	}
	mutex_unlock(&chip->lock);
	/* An EOI under way may still be using both. */
	synchronize_rcu();
	kfree(unused);
}

static void free_irqfd(struct irqfd *irqfd)
{
	if (irqfd->resamplefd)
		eventfd_ctx_put(irqfd->resamplefd);
	if (irqfd->eventfd)
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static void shut_down(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, shutdown);
	u64 count;

	/* Waits for a wakeup under way, by the wait queue's lock. */
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	if (irqfd->resampler)
		leave_resampler(irqfd);
	free_irqfd(irqfd);
}

static struct irqfd *alloc_irqfd(struct vm *vm, const struct minivmm_irqfd *args,
				 struct file *file)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	struct eventfd_ctx *ctx;

	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_WORK(&irqfd->shutdown, shut_down);
	init_waitqueue_func_entry(&irqfd->wait, eventfd_woke);
	init_poll_funcptr(&irqfd->poll, join_wait_queue);
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx))
		goto fail;
	irqfd->eventfd = ctx;
	if (!(args->flags & MINIVMM_IRQFD_FLAG_RESAMPLE))
		return irqfd;
	ctx = eventfd_ctx_fdget(args->resamplefd);
	if (IS_ERR(ctx))
		goto fail;
	irqfd->resamplefd = ctx;
	return irqfd;
fail:
	free_irqfd(irqfd);
	return ERR_CAST(ctx);
}

/* irqchip.lock held: puts @irqfd on the VM's list unless its eventfd is there already. */
static int enlist(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	struct irqfd *other;
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	list_for_each_entry(other, &chip->irqfds, link)
		if (other->eventfd == irqfd->eventfd)
			err = -EBUSY;
	if (!err)
		list_add_tail(&irqfd->link, &chip->irqfds);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
	return err;
}

static void delist(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	list_del_init(&irqfd->link);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
}

/* irqchip.lock held. */
static int activate(struct irqfd *irqfd, struct file *file)
{
	int err = enlist(irqfd);

	if (err)
		return refuse(&irqfd->vm->error, err, "fd", irqfd->gsi,
			      "this eventfd already is an irqfd of the VM");
	if (irqfd->resamplefd) {
		err = join_resampler(irqfd);
		if (err) {
			delist(irqfd);
			return err;
		}
	}
	/* From here on the eventfd may wake us; it may have been signalled before. */
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		raise_line(irqfd);
	return 0;
}

static int assign(struct vm *vm, const struct minivmm_irqfd *args)
{
	struct file *file = eventfd_fget(args->fd);
	struct irqfd *irqfd;
	int err;

	if (IS_ERR(file))
		return refuse(&vm->error, PTR_ERR(file), "fd", args->fd, "this must be an eventfd");
	irqfd = alloc_irqfd(vm, args, file);
	err = PTR_ERR_OR_ZERO(irqfd);
	if (!err) {
		mutex_lock(&vm->irqchip.lock);
		err = activate(irqfd, file);
		mutex_unlock(&vm->irqchip.lock);
		if (err)
			free_irqfd(irqfd);
	}
	fput(file);
	return err;
}

static void deactivate_matching(struct irqchip *chip, struct eventfd_ctx *ctx, u32 gsi)
{
	struct irqfd *irqfd, *next;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	list_for_each_entry_safe(irqfd, next, &chip->irqfds, link)
		if (!ctx || (irqfd->eventfd == ctx && irqfd->gsi == gsi))
			deactivate(irqfd);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
}

static int deassign(struct vm *vm, const struct minivmm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(ctx))
		return refuse(&vm->error, PTR_ERR(ctx), "fd", args->fd, "this must be an eventfd");
	/* Not between the enlisting and the polling of an assign under way. */
	mutex_lock(&vm->irqchip.lock);
	deactivate_matching(&vm->irqchip, ctx, args->gsi);
	mutex_unlock(&vm->irqchip.lock);
	eventfd_ctx_put(ctx);
	/* When this call returns, the eventfd raises nothing any more. */
	flush_workqueue(shutdown_queue);
	return 0;
}

int irqfd_control(struct vm *vm, const struct minivmm_irqfd *args)
{
	const u32 known = MINIVMM_IRQFD_FLAG_DEASSIGN | MINIVMM_IRQFD_FLAG_RESAMPLE;

	if (args->flags & ~known)
		return refuse(&vm->error, -EINVAL, "flags", args->flags, "unknown flag");
	if (memchr_inv(args->pad, 0, sizeof(args->pad)))
		return refuse(&vm->error, -EINVAL, "pad", 0, "padding must be 0");
	if (!irqchip_in_kernel(vm))
		return refuse(&vm->error, -EINVAL, "irqchip", 0, "the VM has no in-kernel irqchip");
	if (args->gsi >= IRQ_MAX_GSI)
		return refuse(&vm->error, -EINVAL, "gsi", args->gsi, "GSIs are below 4096");
	if (args->flags & MINIVMM_IRQFD_FLAG_DEASSIGN)
		return deassign(vm, args);
	return assign(vm, args);
}

void irqfd_acked(struct vm *vm, u32 gsi)
{
	struct resampler *resampler;
	struct irqfd *irqfd;

	if (list_empty(&vm->irqchip.resamplers))
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(resampler, &vm->irqchip.resamplers, link) {
		if (resampler->gsi != gsi)
			continue;
		irq_set_line(vm, IRQ_SOURCE_RESAMPLE, gsi, false);
		list_for_each_entry_rcu(irqfd, &resampler->irqfds, resampler_link)
			host_eventfd_signal(irqfd->resamplefd);
	}
	rcu_read_unlock();
}

void irqfd_init(struct vm *vm)
{
	raw_spin_lock_init(&vm->irqchip.irqfd_lock);
	INIT_LIST_HEAD(&vm->irqchip.irqfds);
	INIT_LIST_HEAD(&vm->irqchip.resamplers);
}

void irqfd_release(struct vm *vm)
{
	deactivate_matching(&vm->irqchip, NULL, 0);
	flush_workqueue(shutdown_queue);
}

int irqfd_module_init(void)
{
	shutdown_queue = alloc_workqueue("minivmm-irqfd", WQ_UNBOUND, 0);
	return shutdown_queue ? 0 : -ENOMEM;
}

void irqfd_module_exit(void)
{
	destroy_workqueue(shutdown_queue);
}
