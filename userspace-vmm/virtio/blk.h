/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk over a disk image. Each queue has a thread and an io_uring of its
 * own, which serve it from DRIVER_OK to reset; no lock is shared between queues.
 *
 * A request is answered when its data are in the image (io.h), a flush when all
 * writes answered before it are on stable storage. A driver that does not
 * negotiate FLUSH, or switches the write-back cache off, gets each write stable.
 */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H

#include "../block/image.h"
#include "virtio.h"

struct virtio_blk;

/*
 * Fills a device for the image with this many queues, to be handed to a transport. The image
 * stays the caller's and outlives the device. NULL with @err on failure.
 */
struct virtio_blk *virtio_blk__create(struct block_image *image, unsigned int queues,
				      struct error *err);
struct virtio_device *virtio_blk__device(struct virtio_blk *blk);
/* After the transport has let go of the device. */
void virtio_blk__destroy(struct virtio_blk *blk);

#endif
