/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asynchronous requests to a disk image through io_uring. One thread at a time
 * uses a struct block_io; it sleeps in block_io__wait() for requests to end and
 * for the eventfds it watches.
 *
 * A request that ended without error has taken effect in the image: it survives
 * the end of this process. BLOCK_FLUSH and stable writes also survive the end of
 * the host.
 */
#ifndef BLOCK_IO_H
#define BLOCK_IO_H

#include <sys/uio.h>

#include "image.h"

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_WRITE_STABLE,	/* as BLOCK_WRITE, then flushed */
	BLOCK_FLUSH,
	BLOCK_DISCARD,		/* the bytes are of no interest; may do nothing */
	BLOCK_ZERO,		/* zeroes, the space stays allocated */
	BLOCK_ZERO_UNMAP,	/* zeroes, the space may be given back */
	BLOCK_ZERO_BY_WRITING,	/* io.c's own last resort for the two above */
};

#define BLOCK_IO_MAX_ZERO	(8U << 20)	/* most bytes of one request to zero */
#define BLOCK_IO_MAX_IOV	256

/* The caller's until submitted and again when done() is called. */
struct block_request {
	enum block_op op;
	uint64_t offset;		/* range in bytes, inside the image */
	uint64_t bytes;
	struct iovec *iov;		/* read, write: at most BLOCK_IO_MAX_IOV; used up */
	unsigned int iov_count;
	/* result: 0 or -errno. May submit again. */
	void (*done)(struct block_request *request, int result);
};

struct block_io;

/* @depth: most requests under way at once. -1 with @err, also if io_uring is forbidden here. */
int block_io__create(struct block_io **io, const struct block_image *image, unsigned int depth,
		     struct error *err);
/* No request may be under way. */
void block_io__destroy(struct block_io *io);

/* Calls fn(ctx) in block_io__wait() whenever @eventfd is readable. At most two. */
void block_io__watch(struct block_io *io, int eventfd, void (*fn)(void *ctx), void *ctx);

/* Queues a request; block_io__wait() starts it. */
void block_io__submit(struct block_io *io, struct block_request *request);

/*
 * Starts what is queued, waits for at least one event and makes the calls for all that are there.
 * -1 with errno: the ring is unusable.
 */
int block_io__wait(struct block_io *io);

#endif
