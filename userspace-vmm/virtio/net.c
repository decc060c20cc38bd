// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio-net: frames between two virtqueues and the user-mode network. See net.h. */
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "../net/user.h"
#include "net.h"

#define QUEUE_SIZE	256
#define HEADER_BYTES	sizeof(struct virtio_net_hdr_v1)
#define CONFIG_BYTES	offsetof(struct virtio_net_config, max_virtqueue_pairs)

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT, QUEUES };

/* Locally administered; each guest is alone in its network. */
static const uint8_t mac[] = { 0x52, 0x54, 0x00, 0x6d, 0x76, 0x6d };

struct virtio_net {
	struct virtio_device dev;
	struct virtio_net_config config;
	struct net_user *user;
	/* The network's lock. */
	bool serving;
	struct virtio_chain chain;
	char frame[NET_FRAME_MAX];
};

static bool can_serve(const struct virtio_net *net, unsigned int queue)
{
	return net->serving && net->dev.queue[queue].running && !net->dev.queue[queue].broken;
}

static void receive(void *ctx, const void *frame, size_t len)
{
	static const struct virtio_net_hdr_v1 header = { .num_buffers = 1 };
	struct virtio_net *net = ctx;
	struct virtio_queue *queue = &net->dev.queue[QUEUE_RECEIVE];
	struct virtio_chain *chain = &net->chain;
	int ret;

	if (!can_serve(net, QUEUE_RECEIVE))
		return;
	ret = virtio_queue__pop(queue, chain);
	if (ret > 0 && chain->in_bytes < HEADER_BYTES + len)
		ret = virtio_queue__break(queue);
	if (ret < 0)
		virtio__fail(&net->dev);
	if (ret <= 0)
		return;
	virtio_chain__write(chain, 0, &header, HEADER_BYTES);
	virtio_chain__write(chain, HEADER_BYTES, frame, len);
	virtio_queue__push(queue, chain->head, HEADER_BYTES + len);
}

/* The readable bytes after the header. Frames longer than the network carries are lost. */
static size_t take_frame(struct virtio_net *net)
{
	const struct virtio_chain *chain = &net->chain;

	if (chain->out_bytes < HEADER_BYTES || chain->out_bytes > HEADER_BYTES + NET_FRAME_MAX)
		return 0;
	return virtio_chain__read(chain, HEADER_BYTES, net->frame, NET_FRAME_MAX);
}

/* Each chain is given back before the frame goes on, for the answer may come at once. */
static int transmit(struct virtio_net *net)
{
	struct virtio_queue *queue = &net->dev.queue[QUEUE_TRANSMIT];
	unsigned int i;
	size_t len;
	int ret = 0;

	for (i = 0; i < QUEUE_SIZE; i++) {
		ret = virtio_queue__pop(queue, &net->chain);
		if (ret <= 0)
			break;
		len = take_frame(net);
		virtio_queue__push(queue, net->chain.head, 0);
		if (len)
			net_user__send(net->user, net->frame, len);
	}
	return ret;
}

/* A ring full at a time, so that receiving gets its turn. */
static void kicked(void *ctx)
{
	struct virtio_net *net = ctx;
	struct virtio_queue *queue = &net->dev.queue[QUEUE_TRANSMIT];

	virtio__acknowledge_kick(&net->dev, QUEUE_TRANSMIT);
	if (!can_serve(net, QUEUE_TRANSMIT))
		return;
	virtio_queue__suppress_kicks(queue);
	if (transmit(net) < 0)
		virtio__fail(&net->dev);
	else if (virtio_queue__allow_kicks(queue))
		virtio__kick(&net->dev, QUEUE_TRANSMIT);
}

static void settled(void *ctx)
{
	struct virtio_net *net = ctx;
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		if (can_serve(net, i))
			virtio__interrupt(&net->dev, i);
}

static const struct net_user_ops user_ops = {
	.receive = receive,
	.kicked = kicked,
	.settled = settled,
};

static int start(struct virtio_device *dev)
{
	struct virtio_net *net = (struct virtio_net *)dev;

	net_user__lock(net->user);
	net->serving = true;
	/* Receive buffers are looked at when a frame is there: no need to be told of them. */
	if (dev->queue[QUEUE_RECEIVE].running)
		virtio_queue__suppress_kicks(&dev->queue[QUEUE_RECEIVE]);
	net_user__unlock(net->user);
	virtio__kick(dev, QUEUE_TRANSMIT);
	return 0;
}

static void stop(struct virtio_device *dev)
{
	struct virtio_net *net = (struct virtio_net *)dev;

	net_user__lock(net->user);
	net->serving = false;
	net_user__unlock(net->user);
}

static const struct virtio_ops net_ops = { .start = start, .stop = stop };

static void fill_device(struct virtio_net *net)
{
	struct virtio_device *dev = &net->dev;

	memcpy(net->config.mac, mac, sizeof(mac));
	net->config.status = VIRTIO_NET_S_LINK_UP;
	dev->name = "virtio-net";
	dev->id = VIRTIO_ID_NET;
	dev->features = 1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_STATUS;
	dev->queue_count = QUEUES;
	dev->queue_size = QUEUE_SIZE;
	dev->config = &net->config;
	dev->config_size = CONFIG_BYTES;
	dev->ops = &net_ops;
}

struct virtio_net *virtio_net__create(struct error *err)
{
	struct virtio_net *net = calloc(1, sizeof(*net));

	if (!net) {
		error__errno(err, "cannot set up the network");
		return NULL;
	}
	fill_device(net);
	return net;
}

struct virtio_device *virtio_net__device(struct virtio_net *net)
{
	return &net->dev;
}

int virtio_net__connect(struct virtio_net *net, struct net_user *user, struct error *err)
{
	net->user = user;
	return net_user__attach(user, net->dev.kick_fd[QUEUE_TRANSMIT], &user_ops, net, err);
}


/* The device is reset before its network goes: stop() takes the network's lock. */
void virtio_net__disconnect(struct virtio_net *net)
{
	virtio__reset(&net->dev);
	net_user__detach(net->user);
}

void virtio_net__destroy(struct virtio_net *net)
{
	free(net);
}
