/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-blk driver for tests: drives a device on a real image, in this
 * process, through the same calls a transport makes. One request at a time.
 */
#ifndef TESTS_BLK_DRIVER_H
#define TESTS_BLK_DRIVER_H

#include <linux/virtio_blk.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio-driver.h"
#include "virtio/blk.h"

#define BLK_HEADER_GPA	DRIVER_DATA_GPA
#define BLK_STATUS_GPA	(DRIVER_DATA_GPA + 0x100)
#define BLK_DATA_GPA	(DRIVER_DATA_GPA + 0x1000)
#define BLK_TIMEOUT_MS	20000
#define BLK_NO_ANSWER	0xff

struct blk_driver {
	struct driver ring;
	struct block_image image;
	struct virtio_blk *blk;
	struct virtio_device *dev;
	int interrupt_fd;
	uint16_t seen;			/* used entries taken */
	bool config_event;		/* the device asked for attention: it needs a reset */
};

static inline void blk_driver__interrupt(void *transport, int queue)
{
	struct blk_driver *d = transport;

	if (queue == VIRTIO_CONFIG_EVENT)
		__atomic_store_n(&d->config_event, true, __ATOMIC_RELEASE);
	eventfd_write(d->interrupt_fd, 1);
}

/* Reset, negotiate, set queue 0 up, DRIVER_OK: as the standard asks of a driver. */
static inline void blk_driver__start(struct blk_driver *d, uint64_t features)
{
	static const uint8_t steps[] = { 0, 1, 3 };
	unsigned int i;

	features |= 1ULL << VIRTIO_F_VERSION_1;
	pthread_mutex_lock(&d->dev->lock);
	for (i = 0; i < sizeof(steps); i++)
		virtio__write_status(d->dev, steps[i]);
	virtio__negotiate(d->dev, 0, features);
	virtio__negotiate(d->dev, 1, features >> 32);
	virtio__write_status(d->dev, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
	memset(d->ring.ram, 0, DRIVER_RAM_BYTES);
	d->seen = 0;
	d->config_event = false;
	driver__configure(&d->dev->queue[0]);
	d->dev->enabled[0] = true;
	virtio__write_status(d->dev, 7 | VIRTIO_CONFIG_S_FEATURES_OK);
	pthread_mutex_unlock(&d->dev->lock);
}

static inline bool blk_driver__open(struct blk_driver *d, const char *path, bool read_only)
{
	struct error err = { 0 };

	memset(d, 0, sizeof(*d));
	d->interrupt_fd = eventfd(0, EFD_CLOEXEC);
	if (d->interrupt_fd < 0 || !driver__init(&d->ring) ||
	    block_image__open(&d->image, path, read_only, &err))
		goto fail;
	d->blk = virtio_blk__create(&d->image, 1, &err);
	if (!d->blk)
		goto fail;
	d->dev = virtio_blk__device(d->blk);
	if (virtio__init(d->dev, &d->ring.memory, blk_driver__interrupt, d, &err))
		goto fail;
	return true;
fail:
	printf("# %s\n", err.text);
	return false;
}

static inline void blk_driver__close(struct blk_driver *d)
{
	virtio__destroy(d->dev);
	virtio_blk__destroy(d->blk);
	block_image__close(&d->image);
	driver__free(&d->ring);
	close(d->interrupt_fd);
}

/* Wait until the device has answered one more chain, or asks for a reset. */
static inline bool blk_driver__wait(struct blk_driver *d)
{
	struct pollfd pfd = { .fd = d->interrupt_fd, .events = POLLIN };
	eventfd_t count;

	while (__atomic_load_n(&d->ring.used->idx, __ATOMIC_ACQUIRE) == d->seen) {
		if (__atomic_load_n(&d->config_event, __ATOMIC_ACQUIRE))
			return false;
		if (poll(&pfd, 1, BLK_TIMEOUT_MS) != 1)
			return false;
		eventfd_read(d->interrupt_fd, &count);
	}
	d->seen++;
	return true;
}

static inline void blk_driver__put_header(struct blk_driver *d, uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr header = { .type = type, .sector = sector };

	memcpy(driver__at(&d->ring, BLK_HEADER_GPA), &header, sizeof(header));
	*(uint8_t *)driver__at(&d->ring, BLK_STATUS_GPA) = BLK_NO_ANSWER;
}

/*
 * One request with len bytes of data at BLK_DATA_GPA, which the device writes or
 * reads. Returns its status byte, BLK_NO_ANSWER where none came.
 */
static inline uint8_t blk_driver__request(struct blk_driver *d, uint32_t type, uint64_t sector,
					  uint32_t len, bool device_writes)
{
	struct vring_desc *desc = d->ring.desc;

	blk_driver__put_header(d, type, sector);
	driver__describe(&desc[0], BLK_HEADER_GPA, 16, VRING_DESC_F_NEXT, len ? 1 : 2);
	driver__describe(&desc[1], BLK_DATA_GPA, len,
			 VRING_DESC_F_NEXT | (device_writes ? VRING_DESC_F_WRITE : 0), 2);
	driver__describe(&desc[2], BLK_STATUS_GPA, 1, VRING_DESC_F_WRITE, 0);
	driver__offer(&d->ring, 0);
	virtio__kick(d->dev, 0);
	if (!blk_driver__wait(d))
		return BLK_NO_ANSWER;
	return *(volatile uint8_t *)driver__at(&d->ring, BLK_STATUS_GPA);
}

static inline char *blk_driver__data(struct blk_driver *d)
{
	return driver__at(&d->ring, BLK_DATA_GPA);
}

#endif
