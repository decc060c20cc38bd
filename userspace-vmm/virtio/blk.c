// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk: requests of the guest checked and turned into requests to the image.
 * See blk.h for threads and promises.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../block/io.h"
#include "blk.h"

#define QUEUE_SIZE	256
#define SEG_MAX		(VIRTIO_CHAIN_MAX - 2)	/* header and status take a buffer each */
#define HEADER_BYTES	sizeof(struct virtio_blk_outhdr)
#define MAX_RANGE	(BLOCK_IO_MAX_ZERO / BLOCK_SECTOR)
#define DISK_ID		"minivmm-disk"

struct blk_queue;

struct blk_request {
	struct block_request io;
	struct blk_queue *queue;
	struct blk_request *next_free;
	struct virtio_chain chain;
	struct iovec data[VIRTIO_CHAIN_MAX];	/* the chain without header and status */
	uint32_t written;			/* bytes put into the chain on success */
	bool flush_after;
};

struct blk_queue {
	struct virtio_blk *blk;
	unsigned int index;
	struct block_io *io;
	int stop_fd;
	pthread_t thread;
	bool watching;			/* the ring polls kick and stop events */
	bool stopping;
	unsigned int in_flight;
	struct blk_request *free;
	struct blk_request *requests;
};

struct virtio_blk {
	struct virtio_device dev;
	struct virtio_blk_config config;
	struct virtio_blk_config config_writable;
	struct block_image *image;
	struct blk_queue queue[VIRTIO_MAX_QUEUES];
};

static struct virtio_queue *ring_of(const struct blk_queue *queue)
{
	return &queue->blk->dev.queue[queue->index];
}

/* Answer a request: its status byte is the last one the driver lent us. */
static void finish(struct blk_request *request, uint8_t status)
{
	struct blk_queue *queue = request->queue;
	struct virtio_chain *chain = &request->chain;

	virtio_chain__write(chain, chain->in_bytes - 1, &status, 1);
	virtio_queue__push(ring_of(queue), chain->head,
			   status == VIRTIO_BLK_S_OK ? request->written : 1);
	request->next_free = queue->free;
	queue->free = request;
}

/* Does the answer promise that this and what was answered before is on the disk? */
static bool is_promise(enum block_op op)
{
	return op == BLOCK_FLUSH || op == BLOCK_WRITE_STABLE;
}

/*
 * A flush that fails may have lost any write before it. A stable write that fails with EIO may have
 * met such a loss; with other errors it is this write alone that was refused.
 */
static bool loses(enum block_op op, int result)
{
	return op == BLOCK_FLUSH || (op == BLOCK_WRITE_STABLE && result == -EIO);
}

static void io_done(struct block_request *io, int result)
{
	struct blk_request *request = (struct blk_request *)io;
	struct blk_queue *queue = request->queue;
	struct block_image *image = queue->blk->image;

	if (result && loses(io->op, result))
		block_image__lose(image);
	else if (!result && is_promise(io->op) && block_image__is_lost(image))
		result = -EIO;
	if (!result && request->flush_after) {
		request->flush_after = false;
		request->io.op = BLOCK_FLUSH;
		block_io__submit(queue->io, &request->io);
		return;
	}
	queue->in_flight--;
	finish(request, result ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

static void submit(struct blk_request *request, enum block_op op)
{
	request->io.op = op;
	request->io.done = io_done;
	request->queue->in_flight++;
	block_io__submit(request->queue->io, &request->io);
}

/* Must a write be stable before it is answered? */
static bool writes_through(struct virtio_blk *blk)
{
	if (!virtio__negotiated(&blk->dev, VIRTIO_BLK_F_FLUSH))
		return true;
	return virtio__negotiated(&blk->dev, VIRTIO_BLK_F_CONFIG_WCE) &&
	       !__atomic_load_n(&blk->config.wce, __ATOMIC_RELAXED);
}

static bool in_image(const struct virtio_blk *blk, uint64_t sector, uint64_t sectors)
{
	uint64_t capacity = blk->config.capacity;

	return sectors && sector <= capacity && sectors <= capacity - sector;
}

/* The part of the chain that holds data, as a buffer list inside the image. */
static int prepare_transfer(struct blk_request *request, const struct iovec *iov,
			    unsigned int count, size_t skip, size_t bytes, uint64_t sector)
{
	int parts;

	if (bytes % BLOCK_SECTOR ||
	    !in_image(request->queue->blk, sector, bytes / BLOCK_SECTOR))
		return -EINVAL;
	parts = virtio_iov__slice(iov, count, skip, bytes, request->data);
	if (parts < 0)
		return parts;
	request->io.iov = request->data;
	request->io.iov_count = parts;
	request->io.offset = sector * BLOCK_SECTOR;
	request->io.bytes = bytes;
	return 0;
}

static void begin_read(struct blk_request *request, uint64_t sector)
{
	struct virtio_chain *chain = &request->chain;

	if (prepare_transfer(request, chain->iov + chain->out_count, chain->in_count, 0,
			     chain->in_bytes - 1, sector)) {
		finish(request, VIRTIO_BLK_S_IOERR);
		return;
	}
	request->written = chain->in_bytes;
	submit(request, BLOCK_READ);
}

static void begin_write(struct blk_request *request, uint64_t sector)
{
	struct virtio_blk *blk = request->queue->blk;
	struct virtio_chain *chain = &request->chain;

	if (blk->image->read_only ||
	    prepare_transfer(request, chain->iov, chain->out_count, HEADER_BYTES,
			     chain->out_bytes - HEADER_BYTES, sector)) {
		finish(request, VIRTIO_BLK_S_IOERR);
		return;
	}
	submit(request, writes_through(blk) ? BLOCK_WRITE_STABLE : BLOCK_WRITE);
}

static void begin_get_id(struct blk_request *request)
{
	static const char id[VIRTIO_BLK_ID_BYTES] = DISK_ID;
	size_t room = request->chain.in_bytes - 1;

	request->written += virtio_chain__write(&request->chain, 0, id,
						room < sizeof(id) ? room : sizeof(id));
	finish(request, VIRTIO_BLK_S_OK);
}

/* One range of sectors, as discard and write-zeroes name it. 0, or the status of the refusal. */
static uint8_t prepare_range(struct blk_request *request, uint32_t allowed_flags)
{
	struct virtio_blk *blk = request->queue->blk;
	struct virtio_blk_discard_write_zeroes range;

	if (request->chain.out_bytes != HEADER_BYTES + sizeof(range) || blk->image->read_only)
		return VIRTIO_BLK_S_IOERR;
	virtio_chain__read(&request->chain, HEADER_BYTES, &range, sizeof(range));
	if (range.flags & ~allowed_flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (range.num_sectors > MAX_RANGE || !in_image(blk, range.sector, range.num_sectors))
		return VIRTIO_BLK_S_IOERR;
	request->io.offset = range.sector * BLOCK_SECTOR;
	request->io.bytes = (uint64_t)range.num_sectors * BLOCK_SECTOR;
	request->io.op = range.flags ? BLOCK_ZERO_UNMAP : BLOCK_ZERO;
	return VIRTIO_BLK_S_OK;
}

static void begin_discard(struct blk_request *request)
{
	uint8_t status = prepare_range(request, 0);

	if (status)
		finish(request, status);
	else
		submit(request, BLOCK_DISCARD);
}

static void begin_write_zeroes(struct blk_request *request)
{
	uint8_t status = prepare_range(request, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);

	if (status) {
		finish(request, status);
		return;
	}
	request->flush_after = writes_through(request->queue->blk);
	submit(request, request->io.op);
}

/* -EPROTO: the chain has no room for a header or a status, so it cannot even be refused. */
static int begin(struct blk_request *request)
{
	struct virtio_blk_outhdr header;

	if (request->chain.out_bytes < HEADER_BYTES || !request->chain.in_bytes)
		return -EPROTO;
	virtio_chain__read(&request->chain, 0, &header, sizeof(header));
	request->written = 1;
	request->flush_after = false;
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		begin_read(request, header.sector);
		break;
	case VIRTIO_BLK_T_OUT:
		begin_write(request, header.sector);
		break;
	case VIRTIO_BLK_T_FLUSH:
		submit(request, BLOCK_FLUSH);
		break;
	case VIRTIO_BLK_T_GET_ID:
		begin_get_id(request);
		break;
	case VIRTIO_BLK_T_DISCARD:
		begin_discard(request);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		begin_write_zeroes(request);
		break;
	default:
		finish(request, VIRTIO_BLK_S_UNSUPP);
		break;
	}
	return 0;
}

/* Start all requests that are in the ring, as far as there is room for them here. */
static int take_requests(struct blk_queue *queue)
{
	struct blk_request *request;
	int ret;

	while ((request = queue->free)) {
		ret = virtio_queue__pop(ring_of(queue), &request->chain);
		if (ret <= 0)
			return ret;
		queue->free = request->next_free;
		if (begin(request))
			return virtio_queue__break(ring_of(queue));
	}
	return 0;
}

static int scan(struct blk_queue *queue)
{
	struct virtio_queue *ring = ring_of(queue);
	int ret;

	do {
		virtio_queue__suppress_kicks(ring);
		ret = take_requests(queue);
		if (ret)
			return ret;
		/* With no room left, the end of a request is what calls us again. */
	} while (queue->free && virtio_queue__allow_kicks(ring));
	return 0;
}

static void on_kick(void *ctx)
{
	struct blk_queue *queue = ctx;

	virtio__acknowledge_kick(&queue->blk->dev, queue->index);
}

static void on_stop(void *ctx)
{
	struct blk_queue *queue = ctx;
	eventfd_t count;

	eventfd_read(queue->stop_fd, &count);
	queue->stopping = true;
}

/* A queue's thread, from DRIVER_OK until it is told to stop and nothing is under way. */
static void *serve(void *arg)
{
	struct blk_queue *queue = arg;
	struct virtio_device *dev = &queue->blk->dev;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (!queue->stopping || queue->in_flight) {
		if (!queue->stopping && scan(queue))
			virtio__fail(dev);
		virtio__interrupt(dev, queue->index);
		if (block_io__wait(queue->io)) {
			virtio__fail(dev);
			break;
		}
	}
	return NULL;
}

static void free_all_requests(struct blk_queue *queue)
{
	unsigned int i;

	queue->free = NULL;
	for (i = 0; i < QUEUE_SIZE; i++) {
		queue->requests[i].queue = queue;
		queue->requests[i].next_free = queue->free;
		queue->free = &queue->requests[i];
	}
}

static void stop_threads(struct virtio_blk *blk, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (ring_of(&blk->queue[i])->running)
			eventfd_write(blk->queue[i].stop_fd, 1);
	for (i = 0; i < count; i++)
		if (ring_of(&blk->queue[i])->running)
			pthread_join(blk->queue[i].thread, NULL);
}

static void stop(struct virtio_device *dev)
{
	struct virtio_blk *blk = (struct virtio_blk *)dev;

	stop_threads(blk, dev->queue_count);
	blk->config.wce = 1;
}

static int start_thread(struct blk_queue *queue)
{
	if (!queue->watching) {
		block_io__watch(queue->io, queue->blk->dev.kick_fd[queue->index], on_kick, queue);
		block_io__watch(queue->io, queue->stop_fd, on_stop, queue);
		queue->watching = true;
	}
	free_all_requests(queue);
	queue->stopping = false;
	queue->in_flight = 0;
	return pthread_create(&queue->thread, NULL, serve, queue);
}

static int start(struct virtio_device *dev)
{
	struct virtio_blk *blk = (struct virtio_blk *)dev;
	unsigned int i;

	for (i = 0; i < dev->queue_count; i++) {
		if (ring_of(&blk->queue[i])->running && start_thread(&blk->queue[i])) {
			stop_threads(blk, i);
			return -1;
		}
	}
	return 0;
}

/* From now on each write is to be stable; those answered before had no such promise. */
static void config_written(struct virtio_device *dev)
{
	struct virtio_blk *blk = (struct virtio_blk *)dev;

	if (!blk->config.wce)
		block_image__flush(blk->image);
}

static const struct virtio_ops blk_ops = {
	.start = start,
	.stop = stop,
	.config_written = config_written,
};

static void fill_config(struct virtio_blk *blk)
{
	const struct block_image *image = blk->image;
	struct virtio_blk_config *config = &blk->config;
	uint32_t ratio = image->physical_block / image->logical_block;

	config->capacity = image->bytes / BLOCK_SECTOR;
	config->seg_max = SEG_MAX;
	config->blk_size = image->logical_block;
	config->physical_block_exp = ratio ? __builtin_ctz(ratio) : 0;
	config->min_io_size = ratio ? ratio : 1;
	config->wce = 1;
	config->num_queues = blk->dev.queue_count;
	config->max_discard_sectors = MAX_RANGE;
	config->max_discard_seg = 1;
	config->discard_sector_alignment = image->physical_block / BLOCK_SECTOR;
	config->max_write_zeroes_sectors = MAX_RANGE;
	config->max_write_zeroes_seg = 1;
	config->write_zeroes_may_unmap = 1;
	blk->config_writable.wce = 1;
}

static uint64_t features(const struct virtio_blk *blk)
{
	uint64_t bits = 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_BLK_SIZE |
			1ULL << VIRTIO_BLK_F_TOPOLOGY | 1ULL << VIRTIO_BLK_F_FLUSH;

	if (blk->dev.queue_count > 1)
		bits |= 1ULL << VIRTIO_BLK_F_MQ;
	if (blk->image->read_only)
		return bits | 1ULL << VIRTIO_BLK_F_RO;
	return bits | 1ULL << VIRTIO_BLK_F_CONFIG_WCE | 1ULL << VIRTIO_BLK_F_DISCARD |
	       1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
}

static void fill_device(struct virtio_blk *blk, unsigned int queues)
{
	struct virtio_device *dev = &blk->dev;

	dev->name = "virtio-blk";
	dev->id = VIRTIO_ID_BLOCK;
	dev->queue_count = queues;
	dev->queue_size = QUEUE_SIZE;
	dev->features = features(blk);
	dev->config = &blk->config;
	dev->config_size = sizeof(blk->config);
	dev->config_writable = &blk->config_writable;
	dev->ops = &blk_ops;
}

static void destroy_queue(struct blk_queue *queue)
{
	if (queue->io)
		block_io__destroy(queue->io);
	if (queue->stop_fd >= 0)
		close(queue->stop_fd);
	free(queue->requests);
}

static int create_queue(struct virtio_blk *blk, unsigned int index, struct error *err)
{
	struct blk_queue *queue = &blk->queue[index];

	queue->blk = blk;
	queue->index = index;
	queue->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	queue->requests = calloc(QUEUE_SIZE, sizeof(*queue->requests));
	if (queue->stop_fd < 0 || !queue->requests)
		return error__errno(err, "cannot set up a disk queue");
	return block_io__create(&queue->io, blk->image, QUEUE_SIZE, err);
}

struct virtio_blk *virtio_blk__create(struct block_image *image, unsigned int queues,
				      struct error *err)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));
	unsigned int i;

	if (!blk) {
		error__errno(err, "cannot set up the disk");
		return NULL;
	}
	if (queues > VIRTIO_MAX_QUEUES)
		queues = VIRTIO_MAX_QUEUES;
	blk->image = image;
	fill_device(blk, queues);
	fill_config(blk);
	for (i = 0; i < queues; i++) {
		if (create_queue(blk, i, err)) {
			blk->dev.queue_count = i + 1;
			virtio_blk__destroy(blk);
			return NULL;
		}
	}
	return blk;
}

struct virtio_device *virtio_blk__device(struct virtio_blk *blk)
{
	return &blk->dev;
}

void virtio_blk__destroy(struct virtio_blk *blk)
{
	unsigned int i;

	for (i = 0; i < blk->dev.queue_count; i++)
		destroy_queue(&blk->queue[i]);
	free(blk);
}
