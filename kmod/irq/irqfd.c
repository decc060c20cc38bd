// SPDX-License-Identifier: GPL-2.0
/*
 * irqfds. The VM's tree of them (irqchip.irqfds, by eventfd) belongs to irqchip.irqfd_lock,
 * a raw lock inside an eventfd's wait-queue lock. There may be as many as a process has
 * descriptors, so under that lock one is found and nothing is walked. Whoever takes an irqfd
 * out of the tree owns it and queues its shutdown. Assigning is serialised by irqchip.lock.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../report/explain.h"
#include "../vm.h"
#include "irqchip.h"
#include "irqfd.h"

/* All irqfds of one GSI that want to hear of its EOI; the line is theirs together. */
struct resampler {
	struct hlist_node link;		/* irqchip.resamplers, RCU */
	struct list_head irqfds;	/* irqfd.resampler_link, RCU */
	unsigned int nr;		/* of them; irqchip.lock writes */
	u32 gsi;
	struct vm *vm;
	struct work_struct signal;
};

struct irqfd {
	struct vm *vm;
	struct rb_node node;		/* irqchip.irqfds; irqfd_lock. Empty: not there */
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

static struct irqfd *irqfd_of(struct rb_node *node)
{
	return rb_entry(node, struct irqfd, node);
}

static int compare(const void *ctx, const struct rb_node *node)
{
	const struct eventfd_ctx *other = rb_entry(node, struct irqfd, node)->eventfd;

	return ctx < (const void *)other ? -1 : ctx > (const void *)other;
}

static int compare_nodes(struct rb_node *node, const struct rb_node *other)
{
	return compare(irqfd_of(node)->eventfd, other);
}

/* irqfd_lock held. */
static void take_node(struct irqchip *chip, struct rb_node *node)
{
	rb_erase(node, &chip->irqfds);
	RB_CLEAR_NODE(node);
}

/* Out of the tree, if it is still there: whether this call did it. */
static bool take(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	found = !RB_EMPTY_NODE(&irqfd->node);
	if (found)
		take_node(chip, &irqfd->node);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
	return found;
}

/* That of eventfd @ctx and @gsi, out of the tree; NULL: there is none. */
static struct irqfd *take_matching(struct irqchip *chip, const struct eventfd_ctx *ctx, u32 gsi)
{
	struct rb_node *node;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	node = rb_find(ctx, &chip->irqfds, compare);
	if (node && irqfd_of(node)->gsi != gsi)
		node = NULL;
	if (node)
		take_node(chip, node);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
	return node ? irqfd_of(node) : NULL;
}

static struct irqfd *take_any(struct irqchip *chip)
{
	struct rb_node *node;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	node = chip->irqfds.rb_node;
	if (node)
		take_node(chip, node);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
	return node ? irqfd_of(node) : NULL;
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
	if ((events & EPOLLHUP) && take(irqfd))
		queue_work(shutdown_queue, &irqfd->shutdown);
	return 0;
}

static void join_wait_queue(struct file *file, wait_queue_head_t *queue, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue(queue, &irqfd->wait);
}

static struct hlist_head *resampler_bucket(struct irqchip *chip, u32 gsi)
{
	return &chip->resamplers[gsi % ARRAY_SIZE(chip->resamplers)];
}

/* Inside RCU or irqchip.lock held. */
static struct resampler *find_resampler(struct irqchip *chip, u32 gsi)
{
	struct resampler *resampler;

	hlist_for_each_entry_rcu(resampler, resampler_bucket(chip, gsi), link,
				 lockdep_is_held(&chip->lock))
		if (resampler->gsi == gsi)
			return resampler;
	return NULL;
}

/* For those GSIs that too many want to hear of to be told with interrupts off. */
static void signal_all(struct work_struct *work)
{
	struct resampler *resampler = container_of(work, struct resampler, signal);
	struct irqchip *chip = &resampler->vm->irqchip;
	struct irqfd *irqfd;

	mutex_lock(&chip->lock);
	list_for_each_entry(irqfd, &resampler->irqfds, resampler_link) {
		host_eventfd_signal(irqfd->resamplefd);
		cond_resched();
	}
	mutex_unlock(&chip->lock);
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
		resampler->vm = irqfd->vm;
		INIT_LIST_HEAD(&resampler->irqfds);
		INIT_WORK(&resampler->signal, signal_all);
		hlist_add_head_rcu(&resampler->link, resampler_bucket(chip, irqfd->gsi));
	}
	WRITE_ONCE(resampler->nr, resampler->nr + 1);
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
	WRITE_ONCE(resampler->nr, resampler->nr - 1);
	if (!resampler->nr) {
		hlist_del_rcu(&resampler->link);
		irq_set_line(irqfd->vm, IRQ_SOURCE_RESAMPLE, irqfd->gsi, false);
		unused = resampler;
	}
	mutex_unlock(&chip->lock);
	/* An EOI under way may still be using both, and queue the worker. */
	synchronize_rcu();
	if (unused)
		cancel_work_sync(&unused->signal);
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
	RB_CLEAR_NODE(&irqfd->node);
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
	if (IS_ERR(ctx)) {
		refuse(&vm->error, PTR_ERR(ctx), "resamplefd", args->resamplefd,
		       "this must be an eventfd");
		goto fail;
	}
	irqfd->resamplefd = ctx;
	return irqfd;
fail:
	free_irqfd(irqfd);
	return ERR_CAST(ctx);
}

/* Into the tree, unless its eventfd is there already. */
static int enter(struct irqfd *irqfd)
{
	struct irqchip *chip = &irqfd->vm->irqchip;
	struct rb_node *other;
	unsigned long flags;

	raw_spin_lock_irqsave(&chip->irqfd_lock, flags);
	other = rb_find_add(&irqfd->node, &chip->irqfds, compare_nodes);
	raw_spin_unlock_irqrestore(&chip->irqfd_lock, flags);
	return other ? -EBUSY : 0;
}

/* irqchip.lock held. */
static int activate(struct irqfd *irqfd, struct file *file)
{
	int err = enter(irqfd);

	if (err)
		return refuse(&irqfd->vm->error, err, "gsi", irqfd->gsi,
			      "this eventfd already is an irqfd of the VM");
	if (irqfd->resamplefd) {
		err = join_resampler(irqfd);
		if (err) {
			take(irqfd);
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

static int deassign(struct vm *vm, const struct minivmm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd;

	if (IS_ERR(ctx))
		return refuse(&vm->error, PTR_ERR(ctx), "fd", args->fd, "this must be an eventfd");
	/* Not between the entering and the polling of an assign under way. */
	mutex_lock(&vm->irqchip.lock);
	irqfd = take_matching(&vm->irqchip, ctx, args->gsi);
	if (irqfd)
		queue_work(shutdown_queue, &irqfd->shutdown);
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
	if (!irqchip_has_apics(&vm->irqchip))
		return refuse(&vm->error, -EINVAL, "irqchip", 0, "the VM has no in-kernel irqchip");
	if (args->gsi >= IRQ_MAX_GSI)
		return refuse(&vm->error, -EINVAL, "gsi", args->gsi, "GSIs are below 4096");
	if (args->flags & MINIVMM_IRQFD_FLAG_DEASSIGN)
		return deassign(vm, args);
	return assign(vm, args);
}

void irqfd_acked(struct vm *vm, u32 gsi, unsigned int *at_once)
{
	struct irqchip *chip = &vm->irqchip;
	struct resampler *resampler;
	struct irqfd *irqfd;
	unsigned int nr;

	if (hlist_empty(resampler_bucket(chip, gsi)))
		return;
	rcu_read_lock();
	resampler = find_resampler(chip, gsi);
	if (!resampler)
		goto out;
	irq_set_line(vm, IRQ_SOURCE_RESAMPLE, gsi, false);
	nr = READ_ONCE(resampler->nr);
	if (unlikely(nr > *at_once)) {
		queue_work(shutdown_queue, &resampler->signal);
		goto out;
	}
	*at_once -= nr;
	list_for_each_entry_rcu(irqfd, &resampler->irqfds, resampler_link)
		host_eventfd_signal(irqfd->resamplefd);
out:
	rcu_read_unlock();
}

void irqfd_init(struct vm *vm)
{
	raw_spin_lock_init(&vm->irqchip.irqfd_lock);
	vm->irqchip.irqfds = RB_ROOT;
}

void irqfd_release(struct vm *vm)
{
	struct irqfd *irqfd;

	while ((irqfd = take_any(&vm->irqchip))) {
		queue_work(shutdown_queue, &irqfd->shutdown);
		cond_resched();
	}
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
