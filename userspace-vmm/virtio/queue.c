// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The split virtqueue, device side. See queue.h for the contract; the layouts
 * are those of <linux/virtio_ring.h>.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "queue.h"

/* A negotiated feature bit. */
static bool has_feature(uint64_t features, unsigned int bit)
{
	return features & (1ULL << bit);
}

/* The two event indices live behind the rings' last entries. */
static uint16_t *used_event(const struct virtio_queue *queue)
{
	return (uint16_t *)&queue->avail->ring[queue->size];
}

static uint16_t *avail_event(const struct virtio_queue *queue)
{
	return (uint16_t *)&queue->used->ring[queue->size];
}

static uint64_t avail_bytes(uint16_t size)
{
	return sizeof(struct vring_avail) + (size + 1) * sizeof(uint16_t);
}

static uint64_t used_bytes(uint16_t size)
{
	return sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) + sizeof(uint16_t);
}

int virtio_queue__break(struct virtio_queue *queue)
{
	queue->broken = true;
	return -EPROTO;
}

void virtio_queue__reset(struct virtio_queue *queue, uint16_t max_size)
{
	*queue = (struct virtio_queue){ .size = max_size };
}

int virtio_queue__start(struct virtio_queue *queue, const struct virtio_memory *memory,
			uint64_t features)
{
	uint16_t size = queue->size;

	if (!size || size > VIRTIO_QUEUE_MAX_SIZE || (size & (size - 1)))
		return -EINVAL;
	if (queue->desc_gpa % VRING_DESC_ALIGN_SIZE || queue->avail_gpa % VRING_AVAIL_ALIGN_SIZE ||
	    queue->used_gpa % VRING_USED_ALIGN_SIZE)
		return -EINVAL;

	queue->memory = memory;
	queue->desc = memory->translate(memory->opaque, queue->desc_gpa,
					size * sizeof(struct vring_desc));
	queue->avail = memory->translate(memory->opaque, queue->avail_gpa, avail_bytes(size));
	queue->used = memory->translate(memory->opaque, queue->used_gpa, used_bytes(size));
	if (!queue->desc || !queue->avail || !queue->used)
		return -EFAULT;

	queue->next_avail = 0;
	queue->next_used = 0;
	queue->asked_used = 0;
	queue->indirect = has_feature(features, VIRTIO_RING_F_INDIRECT_DESC);
	queue->event_idx = has_feature(features, VIRTIO_RING_F_EVENT_IDX);
	queue->broken = false;
	queue->running = true;
	return 0;
}

/* Where the descriptors of one chain are: the ring's table or an indirect one. */
struct table {
	const struct vring_desc *desc;
	unsigned int count;
};

static struct vring_desc read_descriptor(const struct table *table, unsigned int index)
{
	struct vring_desc desc;

	memcpy(&desc, (const char *)table->desc + index * sizeof(desc), sizeof(desc));
	/* The checks that follow are on this copy: the compiler must not read again. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return desc;
}

static int add_buffer(struct virtio_queue *queue, struct virtio_chain *chain,
		      const struct vring_desc *desc)
{
	bool write = desc->flags & VRING_DESC_F_WRITE;
	uint32_t *bytes = write ? &chain->in_bytes : &chain->out_bytes;
	unsigned int count = chain->out_count + chain->in_count;
	void *address;

	if (count == VIRTIO_CHAIN_MAX || !desc->len)
		return -EPROTO;
	if (!write && chain->in_count)
		return -EPROTO;
	if (__builtin_add_overflow(*bytes, desc->len, bytes))
		return -EPROTO;
	address = queue->memory->translate(queue->memory->opaque, desc->addr, desc->len);
	if (!address)
		return -EPROTO;

	chain->iov[count] = (struct iovec){ .iov_base = address, .iov_len = desc->len };
	if (write)
		chain->in_count++;
	else
		chain->out_count++;
	return 0;
}

static int enter_indirect(struct virtio_queue *queue, const struct vring_desc *desc,
			  struct table *table)
{
	if (!queue->indirect || (desc->flags & VRING_DESC_F_NEXT))
		return -EPROTO;
	if (!desc->len || desc->len % sizeof(struct vring_desc))
		return -EPROTO;
	table->count = desc->len / sizeof(struct vring_desc);
	table->desc = queue->memory->translate(queue->memory->opaque, desc->addr, desc->len);
	return table->desc ? 0 : -EPROTO;
}

/*
 * Follow one chain. A loop ends at the table's size: no honest chain is longer
 * than the table it lives in.
 */
static int walk_chain(struct virtio_queue *queue, struct virtio_chain *chain)
{
	struct table table = { .desc = queue->desc, .count = queue->size };
	unsigned int index = chain->head;
	unsigned int seen = 0;
	bool indirect = false;
	struct vring_desc desc;

	for (;;) {
		if (index >= table.count || seen++ == table.count)
			return -EPROTO;
		desc = read_descriptor(&table, index);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (indirect || enter_indirect(queue, &desc, &table))
				return -EPROTO;
			indirect = true;
			index = 0;
			seen = 0;
			continue;
		}
		if (add_buffer(queue, chain, &desc))
			return -EPROTO;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return 0;
		index = desc.next;
	}
}

int virtio_queue__pop(struct virtio_queue *queue, struct virtio_chain *chain)
{
	uint16_t pending;

	if (queue->broken || !queue->running)
		return -EPROTO;
	pending = __atomic_load_n(&queue->avail->idx, __ATOMIC_ACQUIRE) - queue->next_avail;
	if (!pending)
		return 0;
	if (pending > queue->size)
		return virtio_queue__break(queue);

	chain->head = __atomic_load_n(&queue->avail->ring[queue->next_avail % queue->size],
				      __ATOMIC_RELAXED);
	chain->out_count = 0;
	chain->in_count = 0;
	chain->out_bytes = 0;
	chain->in_bytes = 0;
	if (walk_chain(queue, chain))
		return virtio_queue__break(queue);
	queue->next_avail++;
	return 1;
}

void virtio_queue__push(struct virtio_queue *queue, uint16_t head, uint32_t written)
{
	struct vring_used_elem *elem = &queue->used->ring[queue->next_used % queue->size];

	__atomic_store_n(&elem->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, written, __ATOMIC_RELAXED);
	queue->next_used++;
	__atomic_store_n(&queue->used->idx, queue->next_used, __ATOMIC_RELEASE);
}

bool virtio_queue__wants_interrupt(struct virtio_queue *queue)
{
	uint16_t old = queue->asked_used;
	uint16_t event;

	if (queue->next_used == old)
		return false;
	queue->asked_used = queue->next_used;
	/* The used index must be visible before the driver's wish is read. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (queue->event_idx) {
		event = __atomic_load_n(used_event(queue), __ATOMIC_RELAXED);
		return vring_need_event(event, queue->next_used, old);
	}
	return !(__atomic_load_n(&queue->avail->flags, __ATOMIC_RELAXED) &
		 VRING_AVAIL_F_NO_INTERRUPT);
}

void virtio_queue__suppress_kicks(struct virtio_queue *queue)
{
	/* With event idx a stale avail_event suppresses by itself. */
	if (!queue->event_idx)
		__atomic_store_n(&queue->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

bool virtio_queue__allow_kicks(struct virtio_queue *queue)
{
	if (queue->event_idx)
		__atomic_store_n(avail_event(queue), queue->next_avail, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&queue->used->flags, 0, __ATOMIC_RELAXED);
	/* The wish must be visible before the ring is looked at again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&queue->avail->idx, __ATOMIC_RELAXED) != queue->next_avail;
}

int virtio_iov__slice(const struct iovec *iov, unsigned int count, size_t offset, size_t len,
		      struct iovec *out)
{
	unsigned int i, n = 0;

	for (i = 0; i < count && len; i++) {
		size_t part = iov[i].iov_len;

		if (offset >= part) {
			offset -= part;
			continue;
		}
		part -= offset;
		if (part > len)
			part = len;
		out[n].iov_base = (char *)iov[i].iov_base + offset;
		out[n++].iov_len = part;
		offset = 0;
		len -= part;
	}
	return len ? -EINVAL : (int)n;
}

enum direction { FROM_CHAIN, TO_CHAIN };

static size_t copy(const struct iovec *iov, unsigned int count, size_t offset, char *data,
		   size_t len, enum direction direction)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < count && done < len; i++) {
		size_t part = iov[i].iov_len;
		char *guest = iov[i].iov_base;

		if (offset >= part) {
			offset -= part;
			continue;
		}
		guest += offset;
		part -= offset;
		offset = 0;
		if (part > len - done)
			part = len - done;
		if (direction == FROM_CHAIN)
			memcpy(data + done, guest, part);
		else
			memcpy(guest, data + done, part);
		done += part;
	}
	return done;
}

size_t virtio_chain__read(const struct virtio_chain *chain, size_t offset, void *data, size_t len)
{
	return copy(chain->iov, chain->out_count, offset, data, len, FROM_CHAIN);
}

size_t virtio_chain__write(const struct virtio_chain *chain, size_t offset, const void *data,
			   size_t len)
{
	return copy(chain->iov + chain->out_count, chain->in_count, offset, (char *)data, len,
		    TO_CHAIN);
}
