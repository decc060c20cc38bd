// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-rng: random bytes from the host's generator. Served on the loop thread;
 * rng->lock keeps that apart from start and stop, which vCPUs ask for.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "../device.h"
#include "../machine.h"
#include "pci.h"

#define QUEUE_SIZE	64
#define CLASS_OTHER	0x00ff00
#define MAX_BYTES	4096	/* of one request: the rest of a larger buffer stays unused */

struct rng {
	struct virtio_device dev;
	struct virtio_pci vpci;
	struct loop *loop;
	pthread_mutex_t lock;		/* serving, and the queue while it serves */
	bool serving;
	struct virtio_chain chain;
};

static size_t fill_chain(struct virtio_chain *chain)
{
	char random[MAX_BYTES];
	size_t want = chain->in_bytes < MAX_BYTES ? chain->in_bytes : MAX_BYTES;
	ssize_t got = getrandom(random, want, 0);

	return got > 0 ? virtio_chain__write(chain, 0, random, got) : 0;
}

/* At most a ring full at a time, so that a greedy guest does not hold the loop. */
static int serve(struct rng *rng)
{
	struct virtio_queue *queue = &rng->dev.queue[0];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < QUEUE_SIZE; i++) {
		ret = virtio_queue__pop(queue, &rng->chain);
		if (ret <= 0)
			break;
		virtio_queue__push(queue, rng->chain.head, fill_chain(&rng->chain));
	}
	virtio__interrupt(&rng->dev, 0);
	if (ret >= 0 && virtio_queue__allow_kicks(queue))
		virtio__kick(&rng->dev, 0);
	return ret;
}

static void on_kick(void *ctx, int fd, uint32_t events)
{
	struct rng *rng = ctx;

	(void)fd;
	(void)events;
	virtio__acknowledge_kick(&rng->dev, 0);
	pthread_mutex_lock(&rng->lock);
	if (rng->serving && serve(rng) < 0)
		virtio__fail(&rng->dev);
	pthread_mutex_unlock(&rng->lock);
}

static void set_serving(struct rng *rng, bool serving)
{
	pthread_mutex_lock(&rng->lock);
	rng->serving = serving;
	pthread_mutex_unlock(&rng->lock);
}

static int start(struct virtio_device *dev)
{
	set_serving((struct rng *)dev, dev->queue[0].running);
	virtio__kick(dev, 0);
	return 0;
}

static void stop(struct virtio_device *dev)
{
	set_serving((struct rng *)dev, false);
}

static const struct virtio_ops rng_ops = { .start = start, .stop = stop };

static int create(struct machine *m, void **state, struct error *err)
{
	struct rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return error__errno(err, "cannot set up virtio-rng");
	rng->loop = m->loop;
	rng->dev.name = "virtio-rng";
	rng->dev.id = VIRTIO_ID_RNG;
	rng->dev.queue_count = 1;
	rng->dev.queue_size = QUEUE_SIZE;
	rng->dev.ops = &rng_ops;
	pthread_mutex_init(&rng->lock, NULL);
	if (virtio_pci__create(&rng->vpci, &rng->dev, m, CLASS_OTHER, err))
		goto fail;
	if (loop__add(m->loop, rng->dev.kick_fd[0], EPOLLIN, on_kick, rng)) {
		error__errno(err, "cannot watch virtio-rng's queue");
		goto fail_pci;
	}
	*state = rng;
	return 0;

fail_pci:
	virtio_pci__destroy(&rng->vpci);
fail:
	pthread_mutex_destroy(&rng->lock);
	free(rng);
	return -1;
}

static void destroy(void *state)
{
	struct rng *rng = state;

	loop__remove(rng->loop, rng->dev.kick_fd[0]);
	virtio_pci__destroy(&rng->vpci);
	pthread_mutex_destroy(&rng->lock);
	free(rng);
}

static const struct device_type rng_type = {
	.name = "virtio-rng",
	.order = DEVICE_PCI,
	.create = create,
	.destroy = destroy,
};
DEVICE_REGISTER(rng_type);
