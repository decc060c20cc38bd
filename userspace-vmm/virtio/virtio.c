// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What all virtio devices share, apart from the bus they sit on. See virtio.h.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio.h"

#define COMMON_FEATURES								\
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC |	\
	 1ULL << VIRTIO_RING_F_EVENT_IDX)

static void close_kick_fds(struct virtio_device *dev, unsigned int count)
{
	while (count)
		close(dev->kick_fd[--count]);
}

int virtio__init(struct virtio_device *dev, const struct virtio_memory *memory,
		 void (*interrupt)(void *transport, int queue), void *transport,
		 struct error *err)
{
	unsigned int i;

	for (i = 0; i < dev->queue_count; i++) {
		dev->kick_fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (dev->kick_fd[i] < 0) {
			close_kick_fds(dev, i);
			return error__errno(err, "cannot create an eventfd for %s", dev->name);
		}
	}
	pthread_mutex_init(&dev->lock, NULL);
	dev->memory = *memory;
	dev->features |= COMMON_FEATURES;
	dev->interrupt = interrupt;
	dev->transport = transport;
	virtio__reset(dev);
	return 0;
}

void virtio__destroy(struct virtio_device *dev)
{
	virtio__reset(dev);
	close_kick_fds(dev, dev->queue_count);
	pthread_mutex_destroy(&dev->lock);
}

void virtio__reset(struct virtio_device *dev)
{
	unsigned int i;

	if (dev->started)
		dev->ops->stop(dev);
	dev->started = false;
	for (i = 0; i < dev->queue_count; i++) {
		virtio_queue__reset(&dev->queue[i], dev->queue_size);
		dev->enabled[i] = false;
	}
	dev->negotiated = 0;
	__atomic_store_n(&dev->status, 0, __ATOMIC_RELEASE);
}

static int start_queues(struct virtio_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->queue_count; i++) {
		if (!dev->enabled[i])
			continue;
		if (virtio_queue__start(&dev->queue[i], &dev->memory, dev->negotiated))
			return -1;
	}
	return 0;
}

static void start(struct virtio_device *dev)
{
	if (start_queues(dev) || dev->ops->start(dev))
		virtio__fail(dev);
	else
		dev->started = true;
}

/* A modern device serves only a driver that took nothing that was not offered. */
static bool features_acceptable(const struct virtio_device *dev)
{
	return !(dev->negotiated & ~dev->features) &&
	       (dev->negotiated & (1ULL << VIRTIO_F_VERSION_1));
}

void virtio__write_status(struct virtio_device *dev, uint8_t status)
{
	uint8_t old = virtio__status(dev);
	uint8_t added = status & ~old & ~VIRTIO_CONFIG_S_NEEDS_RESET;

	if (!status) {
		virtio__reset(dev);
		return;
	}
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(dev))
		added &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((old | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	__atomic_fetch_or(&dev->status, added, __ATOMIC_ACQ_REL);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		start(dev);
}

uint8_t virtio__status(const struct virtio_device *dev)
{
	return __atomic_load_n(&dev->status, __ATOMIC_ACQUIRE);
}

uint32_t virtio__offered(const struct virtio_device *dev, uint32_t half)
{
	return half < 2 ? dev->features >> (32 * half) : 0;
}

void virtio__negotiate(struct virtio_device *dev, uint32_t half, uint32_t features)
{
	uint64_t mask = 0xffffffffULL << (32 * (half & 1));

	if (half >= 2 || (virtio__status(dev) & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	dev->negotiated = (dev->negotiated & ~mask) | ((uint64_t)features << (32 * half));
}

bool virtio__negotiated(const struct virtio_device *dev, unsigned int feature)
{
	return dev->negotiated & (1ULL << feature);
}

static bool in_config(const struct virtio_device *dev, uint64_t offset, unsigned int size)
{
	return offset <= dev->config_size && size <= dev->config_size - offset;
}

uint64_t virtio__config_read(const struct virtio_device *dev, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (in_config(dev, offset, size))
		memcpy(&value, (const char *)dev->config + offset, size);
	return value;
}

void virtio__config_write(struct virtio_device *dev, uint64_t offset, unsigned int size,
			  uint64_t value)
{
	bool written = false;

	if (!dev->config_writable || !in_config(dev, offset, size))
		return;
	for (unsigned int i = 0; i < size; i++, value >>= 8) {
		uint8_t *byte = (uint8_t *)dev->config + offset + i;
		uint8_t mask = ((const uint8_t *)dev->config_writable)[offset + i];

		/* A queue's thread may read it, and reads those that never change without care. */
		if (mask)
			__atomic_store_n(byte, (*byte & ~mask) | (value & mask), __ATOMIC_RELAXED);
		written = written || mask;
	}
	if (written && dev->ops->config_written)
		dev->ops->config_written(dev);
}

void virtio__kick(struct virtio_device *dev, unsigned int queue)
{
	if (queue < dev->queue_count)
		eventfd_write(dev->kick_fd[queue], 1);
}

void virtio__acknowledge_kick(struct virtio_device *dev, unsigned int queue)
{
	eventfd_t count;

	eventfd_read(dev->kick_fd[queue], &count);
}

void virtio__interrupt(struct virtio_device *dev, unsigned int queue)
{
	if (virtio_queue__wants_interrupt(&dev->queue[queue]))
		dev->interrupt(dev->transport, queue);
}

void virtio__fail(struct virtio_device *dev)
{
	uint8_t old = __atomic_fetch_or(&dev->status, VIRTIO_CONFIG_S_NEEDS_RESET,
					__ATOMIC_ACQ_REL);

	if ((old & VIRTIO_CONFIG_S_DRIVER_OK) && !(old & VIRTIO_CONFIG_S_NEEDS_RESET))
		dev->interrupt(dev->transport, VIRTIO_CONFIG_EVENT);
}
