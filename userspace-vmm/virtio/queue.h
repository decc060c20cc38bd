/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device side of a split virtqueue (virtio 1.x, chapter "Split Virtqueues").
 *
 * Pure: knows guest memory only through a translation callback, takes no lock
 * and makes no system call. One thread at a time may use a queue; its owner
 * sees to that. The guest is hostile and may change ring and descriptors at any
 * moment: every value is copied once and the copy is checked.
 *
 * A guest that breaks the rules gets -EPROTO, from then on for ever: the queue
 * is dead until virtio_queue__reset(), and the device asks for a reset.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define VIRTIO_QUEUE_MAX_SIZE	256	/* entries of a ring */
#define VIRTIO_CHAIN_MAX	256	/* buffers of one chain, indirect ones included */

struct vring_avail;
struct vring_desc;
struct vring_used;

/*
 * Guest memory as a device sees it. translate() returns the address of len
 * bytes at gpa, or NULL unless all of them are RAM; the answer stays valid for
 * the life of the VM.
 */
struct virtio_memory {
	void *(*translate)(void *opaque, uint64_t gpa, uint64_t len);
	void *opaque;
};

/* One request: readable buffers first, then writable ones, as in the ring. */
struct virtio_chain {
	uint16_t head;			/* names the chain to virtio_queue__push() */
	unsigned int out_count;		/* buffers the device reads */
	unsigned int in_count;		/* buffers the device writes */
	uint32_t out_bytes;
	uint32_t in_bytes;
	struct iovec iov[VIRTIO_CHAIN_MAX];
};

struct virtio_queue {
	/* Set by the transport while the queue is off. */
	uint16_t size;			/* power of two, at most VIRTIO_QUEUE_MAX_SIZE */
	uint64_t desc_gpa;
	uint64_t avail_gpa;
	uint64_t used_gpa;
	/* The queue's own. */
	const struct virtio_memory *memory;
	const struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail;		/* next avail entry to take */
	uint16_t next_used;		/* next used entry to fill */
	uint16_t asked_used;		/* next_used when the driver's wish was last read */
	bool indirect;			/* negotiated: VIRTIO_RING_F_INDIRECT_DESC */
	bool event_idx;			/* negotiated: VIRTIO_RING_F_EVENT_IDX */
	bool running;
	bool broken;
};

/* Off, at ring size max_size, all addresses 0. */
void virtio_queue__reset(struct virtio_queue *queue, uint16_t max_size);

/*
 * Translate the rings and begin at entry 0. features is the negotiated set.
 * -EINVAL: size is no power of two up to VIRTIO_QUEUE_MAX_SIZE, an address is
 * not aligned as virtio 1.x asks; -EFAULT: a ring is not in RAM.
 */
int virtio_queue__start(struct virtio_queue *queue, const struct virtio_memory *memory,
			uint64_t features);

/*
 * Take the next request. 1: chain is filled; 0: the ring is empty;
 * -EPROTO: the guest broke a rule and the queue is dead.
 */
int virtio_queue__pop(struct virtio_queue *queue, struct virtio_chain *chain);

/* The device found a rule broken inside a request: the queue is dead. Returns -EPROTO. */
int virtio_queue__break(struct virtio_queue *queue);

/* Give a request back; written counts the bytes put into its writable buffers. */
void virtio_queue__push(struct virtio_queue *queue, uint16_t head, uint32_t written);

/*
 * Does the driver want an interrupt for what was pushed since the last call?
 * Call after a batch of pushes.
 */
bool virtio_queue__wants_interrupt(struct virtio_queue *queue);

/* Ask the driver not to notify while the device looks at the ring anyway. */
void virtio_queue__suppress_kicks(struct virtio_queue *queue);

/*
 * Ask for notifications again. True: requests arrived meanwhile, for which no
 * notification may come; the caller must look again.
 */
bool virtio_queue__allow_kicks(struct virtio_queue *queue);

/*
 * Copy between a buffer and part of a chain, offset bytes into its readable
 * (from_chain) or writable (to_chain) bytes. Both return the bytes copied,
 * fewer than len where the chain ends.
 */
size_t virtio_chain__read(const struct virtio_chain *chain, size_t offset, void *data, size_t len);
size_t virtio_chain__write(const struct virtio_chain *chain, size_t offset, const void *data,
			   size_t len);

/*
 * The buffers of len bytes, offset bytes into count buffers at iov, as a list in
 * out (room for count). Returns how many, or -EINVAL where iov is too short.
 */
int virtio_iov__slice(const struct iovec *iov, unsigned int count, size_t offset, size_t len,
		      struct iovec *out);

#endif
