/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device, version 1.x, apart from its bus: feature negotiation, status,
 * reset, queues. A device (blk.c, net.c, rng.c) fills a struct virtio_device and
 * hands it to a transport (pci.c), which calls virtio__*() on the guest's behalf.
 *
 * Locks: dev->lock serialises all the transport does; ops are called with it
 * held. Queues that run belong to the device's own thread, which never takes
 * dev->lock: ops->stop() waits for that thread.
 */
#ifndef VIRTIO_VIRTIO_H
#define VIRTIO_VIRTIO_H

#include <pthread.h>

#include "../error.h"
#include "queue.h"

#define VIRTIO_MAX_QUEUES	4
#define VIRTIO_CONFIG_EVENT	(-1)	/* instead of a queue: the device changed its state */

struct virtio_device;

struct virtio_ops {
	/*
	 * The driver is ready: serve the queues that run, with what was negotiated. A queue
	 * the driver did not enable does not run. -1: the device cannot; it asks for a reset.
	 */
	int (*start)(struct virtio_device *dev);
	/* No queue is touched, and no request is under way, once this returns. */
	void (*stop)(struct virtio_device *dev);
	/* The driver wrote to the device's configuration, which already holds it; optional. */
	void (*config_written)(struct virtio_device *dev);
};

struct virtio_device {
	/* Set by the device before a transport takes it. */
	const char *name;
	uint16_t id;			/* VIRTIO_ID_* */
	uint64_t features;		/* offered; the core adds those of every device */
	unsigned int queue_count;	/* 1 to VIRTIO_MAX_QUEUES */
	uint16_t queue_size;
	void *config;			/* little endian, as the guest sees it */
	size_t config_size;
	void *config_writable;		/* mask of the bits the driver may change, or NULL */
	const struct virtio_ops *ops;

	/* Owned by the core. */
	pthread_mutex_t lock;
	struct virtio_memory memory;
	struct virtio_queue queue[VIRTIO_MAX_QUEUES];
	bool enabled[VIRTIO_MAX_QUEUES];
	int kick_fd[VIRTIO_MAX_QUEUES];	/* eventfd, non-blocking: the driver notified */
	uint64_t negotiated;
	uint8_t status;			/* atomic: a device's thread may fail the device */
	bool started;
	void (*interrupt)(void *transport, int queue);
	void *transport;
};

/*
 * Take a filled device into use: off, reset. interrupt(transport, queue) raises
 * the interrupt of a queue or VIRTIO_CONFIG_EVENT, from any thread.
 */
int virtio__init(struct virtio_device *dev, const struct virtio_memory *memory,
		 void (*interrupt)(void *transport, int queue), void *transport,
		 struct error *err);
/* Stops the device and frees what virtio__init() took. */
void virtio__destroy(struct virtio_device *dev);

/* For the transport, dev->lock held. */
void virtio__reset(struct virtio_device *dev);
void virtio__write_status(struct virtio_device *dev, uint8_t status);
uint8_t virtio__status(const struct virtio_device *dev);
/* Half 0 is features 0 to 31, half 1 is 32 to 63, others are empty. */
uint32_t virtio__offered(const struct virtio_device *dev, uint32_t half);
void virtio__negotiate(struct virtio_device *dev, uint32_t half, uint32_t features);
/* Bytes outside the configuration read as 0 and writes to them vanish. */
uint64_t virtio__config_read(const struct virtio_device *dev, uint64_t offset, unsigned int size);
void virtio__config_write(struct virtio_device *dev, uint64_t offset, unsigned int size,
			  uint64_t value);

/* The driver notified a queue. Any thread, no lock; unknown queues are ignored. */
void virtio__kick(struct virtio_device *dev, unsigned int queue);

/* For the device's own thread. */
bool virtio__negotiated(const struct virtio_device *dev, unsigned int feature);
/* Clear a queue's notification, before looking at the queue. */
void virtio__acknowledge_kick(struct virtio_device *dev, unsigned int queue);
/* Interrupt the driver if it wants to hear of what was pushed. */
void virtio__interrupt(struct virtio_device *dev, unsigned int queue);
/* The device cannot go on: tell the driver that a reset is needed. */
void virtio__fail(struct virtio_device *dev);

#endif
