// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disk requests through io_uring. One system call both starts what is queued and
 * waits; the watched eventfds are polled by the same ring, so that a queue's
 * thread sleeps in one place only. See io.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

#define MAX_WATCHES	2
#define ZERO_BYTES	(64U << 10)
#define ZERO_IOVS	(BLOCK_IO_MAX_ZERO / ZERO_BYTES)

struct watch {
	int eventfd;
	void (*fn)(void *ctx);
	void *ctx;
};

struct block_io {
	struct io_uring ring;
	int fd;
	struct watch watch[MAX_WATCHES];
	unsigned int watches;
};

/* What BLOCK_ZERO writes where the file system cannot zero a range by itself. */
static char zeroes[ZERO_BYTES];
static const struct iovec zero_iov[ZERO_IOVS] = {
	[0 ... ZERO_IOVS - 1] = { .iov_base = zeroes, .iov_len = ZERO_BYTES },
};

static int setup_error(int result, struct error *err)
{
	if (result == -EPERM || result == -EACCES || result == -ENOSYS)
		return error__set(err, STATUS_HOST,
				  "io_uring is not permitted here (%s); set sysctl "
				  "kernel.io_uring_disabled to 0, or allow the io_uring system "
				  "calls in the container's seccomp profile", strerror(-result));
	return error__set(err, STATUS_HOST, "cannot set up io_uring: %s", strerror(-result));
}

int block_io__create(struct block_io **result, const struct block_image *image, unsigned int depth,
		     struct error *err)
{
	struct block_io *io = calloc(1, sizeof(*io));
	int ret;

	if (!io)
		return error__errno(err, "cannot set up a disk queue");
	io->fd = image->fd;
	ret = io_uring_queue_init(depth + MAX_WATCHES, &io->ring, 0);
	if (ret) {
		free(io);
		return setup_error(ret, err);
	}
	*result = io;
	return 0;
}

void block_io__destroy(struct block_io *io)
{
	io_uring_queue_exit(&io->ring);
	free(io);
}

/* The ring has room for depth requests and all watches at once: there is always an entry. */
static void arm(struct block_io *io, struct watch *watch)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	io_uring_prep_poll_add(sqe, watch->eventfd, POLLIN);
	io_uring_sqe_set_data(sqe, watch);
}

void block_io__watch(struct block_io *io, int eventfd, void (*fn)(void *ctx), void *ctx)
{
	struct watch *watch = &io->watch[io->watches++];

	*watch = (struct watch){ .eventfd = eventfd, .fn = fn, .ctx = ctx };
	arm(io, watch);
}

/* Whole buffers first, then the rest by itself. */
static void prepare_zeroes(struct io_uring_sqe *sqe, int fd, const struct block_request *request)
{
	unsigned int count = request->bytes / ZERO_BYTES;

	if (count)
		io_uring_prep_writev(sqe, fd, zero_iov, count, request->offset);
	else
		io_uring_prep_write(sqe, fd, zeroes, request->bytes, request->offset);
}

static void prepare(struct io_uring_sqe *sqe, int fd, const struct block_request *request)
{
	uint64_t offset = request->offset, bytes = request->bytes;

	switch (request->op) {
	case BLOCK_READ:
		io_uring_prep_readv(sqe, fd, request->iov, request->iov_count, offset);
		break;
	case BLOCK_WRITE:
		io_uring_prep_writev(sqe, fd, request->iov, request->iov_count, offset);
		break;
	case BLOCK_WRITE_STABLE:
		io_uring_prep_writev2(sqe, fd, request->iov, request->iov_count, offset,
				      RWF_DSYNC);
		break;
	case BLOCK_FLUSH:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLOCK_DISCARD:
	case BLOCK_ZERO_UNMAP:
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					offset, bytes);
		break;
	case BLOCK_ZERO:
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
					offset, bytes);
		break;
	case BLOCK_ZERO_BY_WRITING:
		prepare_zeroes(sqe, fd, request);
		break;
	}
}

void block_io__submit(struct block_io *io, struct block_request *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	prepare(sqe, io->fd, request);
	io_uring_sqe_set_data(sqe, request);
}

/* Drop the first bytes of a buffer list. */
static void advance_iov(struct block_request *request, size_t bytes)
{
	while (bytes && bytes >= request->iov->iov_len) {
		bytes -= request->iov->iov_len;
		request->iov++;
		request->iov_count--;
	}
	if (bytes) {
		request->iov->iov_base = (char *)request->iov->iov_base + bytes;
		request->iov->iov_len -= bytes;
	}
}

/* The kernel may move less than it was asked to; at the end of the file it moves nothing. */
static void continue_transfer(struct block_io *io, struct block_request *request, int moved)
{
	if (moved == 0) {
		request->done(request, -EIO);
		return;
	}
	request->offset += moved;
	request->bytes -= moved;
	if (!request->bytes) {
		request->done(request, 0);
		return;
	}
	if (request->op != BLOCK_ZERO_BY_WRITING)
		advance_iov(request, moved);
	block_io__submit(io, request);
}

/* Not every file system can punch holes or zero ranges: fall back to the next best way. */
static void replace_fallocate(struct block_io *io, struct block_request *request)
{
	switch (request->op) {
	case BLOCK_ZERO_UNMAP:
		request->op = BLOCK_ZERO;
		break;
	case BLOCK_ZERO:
		request->op = BLOCK_ZERO_BY_WRITING;
		break;
	default:
		request->done(request, 0);
		return;
	}
	block_io__submit(io, request);
}

static bool is_fallocate(enum block_op op)
{
	return op == BLOCK_DISCARD || op == BLOCK_ZERO || op == BLOCK_ZERO_UNMAP;
}

static bool is_transfer(enum block_op op)
{
	return op == BLOCK_READ || op == BLOCK_WRITE || op == BLOCK_WRITE_STABLE ||
	       op == BLOCK_ZERO_BY_WRITING;
}

static void complete(struct block_io *io, struct block_request *request, int result)
{
	if (result == -EAGAIN || result == -EINTR)
		block_io__submit(io, request);
	else if (result == -EOPNOTSUPP && is_fallocate(request->op))
		replace_fallocate(io, request);
	else if (result >= 0 && is_transfer(request->op))
		continue_transfer(io, request, result);
	else
		request->done(request, result);
}

static struct watch *find_watch(struct block_io *io, void *data)
{
	unsigned int i;

	for (i = 0; i < io->watches; i++)
		if (data == &io->watch[i])
			return &io->watch[i];
	return NULL;
}

static void handle_event(struct block_io *io, void *data, int result)
{
	struct watch *watch = find_watch(io, data);

	if (!watch) {
		complete(io, data, result);
		return;
	}
	watch->fn(watch->ctx);
	arm(io, watch);
}

int block_io__wait(struct block_io *io)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait(&io->ring, 1);

	if (ret < 0 && ret != -EINTR && ret != -EAGAIN && ret != -EBUSY) {
		errno = -ret;
		return -1;
	}
	while (!io_uring_peek_cqe(&io->ring, &cqe)) {
		void *data = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&io->ring, cqe);
		handle_event(io, data, result);
	}
	return 0;
}
