// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of the split virtqueue, kept by the device and broken by the guest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/virtio-driver.h"
#include "support/ktap.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT
#define F_INDIRECT	(1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT_IDX	(1ULL << VIRTIO_RING_F_EVENT_IDX)

static struct driver driver;
static struct virtio_queue queue;
static struct virtio_chain chain;

/* A fresh ring and a queue started on it. */
static bool begin(uint64_t features)
{
	memset(driver.ram, 0, DRIVER_RAM_BYTES);
	driver__configure(&queue);
	return virtio_queue__start(&queue, &driver.memory, features) == 0;
}

static bool broken_for_ever(void)
{
	if (virtio_queue__pop(&queue, &chain) != -EPROTO)
		return false;
	memset(driver.desc, 0, DRIVER_RING_SIZE * sizeof(*driver.desc));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	return virtio_queue__pop(&queue, &chain) == -EPROTO && driver.used->idx == 0;
}

TEST(start_checks_size)
{
	static const uint16_t wrong[] = { 0, 3, 24, 2 * VIRTIO_QUEUE_MAX_SIZE, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < COUNT(wrong); i++) {
		driver__configure(&queue);
		queue.size = wrong[i];
		CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EINVAL);
		CHECK(virtio_queue__pop(&queue, &chain) == -EPROTO);
	}
}

TEST(start_checks_alignment)
{
	driver__configure(&queue);
	queue.desc_gpa += 8;
	CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EINVAL);
	driver__configure(&queue);
	queue.avail_gpa += 1;
	CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EINVAL);
	driver__configure(&queue);
	queue.used_gpa += 2;
	CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EINVAL);
}

TEST(start_checks_addresses)
{
	driver__configure(&queue);
	queue.desc_gpa = 0;
	CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EFAULT);
	driver__configure(&queue);
	queue.avail_gpa = ~1ULL;
	CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EFAULT);
	driver__configure(&queue);
	queue.used_gpa = DRIVER_RAM_GPA + DRIVER_RAM_BYTES - 4;
	CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EFAULT);
}

TEST(empty_ring_gives_nothing)
{
	CHECK(begin(0));
	CHECK(virtio_queue__pop(&queue, &chain) == 0);
}

TEST(chain_keeps_order_and_direction)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[5], DRIVER_DATA_GPA, 16, NEXT, 2);
	driver__describe(&driver.desc[2], DRIVER_DATA_GPA + 0x1000, 512, NEXT | WRITE, 9);
	driver__describe(&driver.desc[9], DRIVER_DATA_GPA + 0x3000, 1, WRITE, 0);
	driver__offer(&driver, 5);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.head == 5 && chain.out_count == 1 && chain.in_count == 2);
	CHECK(chain.out_bytes == 16 && chain.in_bytes == 513);
	CHECK(chain.iov[0].iov_base == driver__at(&driver, DRIVER_DATA_GPA));
	CHECK(chain.iov[2].iov_base == driver__at(&driver, DRIVER_DATA_GPA + 0x3000));
	CHECK(virtio_queue__pop(&queue, &chain) == 0);
}

TEST(push_fills_used_ring)
{
	CHECK(begin(0));
	virtio_queue__push(&queue, 7, 513);
	CHECK(driver.used->idx == 1);
	CHECK(driver.used->ring[0].id == 7 && driver.used->ring[0].len == 513);
}

TEST(indices_wrap)
{
	unsigned int i;

	CHECK(begin(0));
	driver__describe(&driver.desc[3], DRIVER_DATA_GPA, 1, 0, 0);
	for (i = 0; i < 0x10000 + 5; i++) {
		driver__offer(&driver, 3);
		CHECK(virtio_queue__pop(&queue, &chain) == 1);
		virtio_queue__push(&queue, chain.head, 0);
	}
	CHECK(driver.used->idx == 5);
	CHECK(virtio_queue__pop(&queue, &chain) == 0);
}

TEST(full_ring_is_taken)
{
	unsigned int i;

	CHECK(begin(0));
	for (i = 0; i < DRIVER_RING_SIZE; i++) {
		driver__describe(&driver.desc[i], DRIVER_DATA_GPA + i, 1, 0, 0);
		driver__offer(&driver, i);
	}
	for (i = 0; i < DRIVER_RING_SIZE; i++)
		CHECK(virtio_queue__pop(&queue, &chain) == 1 && chain.head == i);
	CHECK(virtio_queue__pop(&queue, &chain) == 0);
}

TEST(longest_chain_is_taken)
{
	unsigned int i;

	CHECK(begin(0));
	for (i = 0; i < DRIVER_RING_SIZE; i++)
		driver__describe(&driver.desc[i], DRIVER_DATA_GPA, 1,
				 i + 1 < DRIVER_RING_SIZE ? NEXT : 0, i + 1);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.out_count == DRIVER_RING_SIZE);
}

TEST(loop_breaks_queue)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA, 1, NEXT, 0);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

TEST(self_loop_breaks_queue)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT, 0);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

TEST(head_outside_ring_breaks_queue)
{
	CHECK(begin(0));
	driver__offer(&driver, DRIVER_RING_SIZE);
	CHECK(broken_for_ever());
}

TEST(next_outside_ring_breaks_queue)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT, 0xffff);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

TEST(avail_too_far_breaks_queue)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver.avail->idx = DRIVER_RING_SIZE + 1;
	CHECK(broken_for_ever());
}

TEST(buffer_outside_ram_breaks_queue)
{
	static const struct { uint64_t addr; uint32_t len; } wrong[] = {
		{ 0, 1 },
		{ DRIVER_RAM_GPA - 1, 2 },
		{ DRIVER_RAM_GPA + DRIVER_RAM_BYTES, 1 },
		{ DRIVER_RAM_GPA + DRIVER_RAM_BYTES - 1, 2 },
		{ DRIVER_RAM_GPA, 0xffffffff },
		{ ~0ULL, 1 },
		{ ~0ULL, 2 },
		{ ~0ULL - 0xfffffffe + DRIVER_RAM_GPA, 0xffffffff },
	};
	unsigned int i;

	for (i = 0; i < COUNT(wrong); i++) {
		CHECK(begin(0));
		driver__describe(&driver.desc[0], wrong[i].addr, wrong[i].len, WRITE, 0);
		driver__offer(&driver, 0);
		CHECK(broken_for_ever());
	}
}

TEST(empty_buffer_breaks_queue)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 0, 0, 0);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

TEST(readable_after_writable_breaks_queue)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT | WRITE, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

TEST(indirect_chain_is_followed)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 16, NEXT, 2);
	driver__describe(&driver.table[2], DRIVER_DATA_GPA + 0x1000, 4096, NEXT | WRITE, 1);
	driver__describe(&driver.table[1], DRIVER_DATA_GPA + 0x2000, 1, WRITE, 0);
	driver__describe(&driver.desc[4], DRIVER_TABLE_GPA, 3 * 16, INDIRECT, 0);
	driver__offer(&driver, 4);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.head == 4 && chain.out_count == 1 && chain.in_count == 2);
	CHECK(chain.in_bytes == 4097);
}

TEST(indirect_table_may_be_unaligned)
{
	struct vring_desc desc = { .addr = DRIVER_DATA_GPA, .len = 1 };

	CHECK(begin(F_INDIRECT));
	memcpy((char *)driver.table + 5, &desc, sizeof(desc));
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA + 5, 16, INDIRECT, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1 && chain.out_bytes == 1);
}

TEST(indirect_may_follow_direct)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 16, NEXT, 1);
	driver__describe(&driver.desc[1], DRIVER_TABLE_GPA, 16, INDIRECT, 0);
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 1, WRITE, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.out_count == 1 && chain.in_count == 1);
}

/* Offer an indirect descriptor whose table holds one good buffer. */
static void offer_indirect(uint64_t addr, uint32_t len, uint16_t flags)
{
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver__describe(&driver.desc[0], addr, len, flags, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
}

TEST(indirect_needs_its_feature)
{
	CHECK(begin(0));
	offer_indirect(DRIVER_TABLE_GPA, 16, INDIRECT);
	CHECK(broken_for_ever());
}

TEST(indirect_with_next_breaks_queue)
{
	CHECK(begin(F_INDIRECT));
	offer_indirect(DRIVER_TABLE_GPA, 16, INDIRECT | NEXT);
	CHECK(broken_for_ever());
}

TEST(indirect_table_is_checked)
{
	static const struct { uint64_t addr; uint32_t len; } wrong[] = {
		{ DRIVER_TABLE_GPA, 0 },
		{ DRIVER_TABLE_GPA, 15 },
		{ DRIVER_TABLE_GPA, 17 },
		{ 0, 16 },
		{ DRIVER_RAM_GPA + DRIVER_RAM_BYTES - 8, 16 },
		{ DRIVER_TABLE_GPA, 0xfffffff0 },
	};
	unsigned int i;

	for (i = 0; i < COUNT(wrong); i++) {
		CHECK(begin(F_INDIRECT));
		offer_indirect(wrong[i].addr, wrong[i].len, INDIRECT);
		CHECK(broken_for_ever());
	}
}

TEST(indirect_in_indirect_breaks_queue)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.table[0], DRIVER_TABLE_GPA, 16, INDIRECT, 0);
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA, 16, INDIRECT, 0);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

TEST(indirect_loop_breaks_queue)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 1, NEXT, 1);
	driver__describe(&driver.table[1], DRIVER_DATA_GPA, 1, NEXT, 0);
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA, 32, INDIRECT, 0);
	driver__offer(&driver, 0);
	CHECK(broken_for_ever());
}

/* An indirect chain of count buffers of len bytes each. */
static void offer_long_chain(unsigned int count, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		driver__describe(&driver.table[i], DRIVER_RAM_GPA, len,
				 WRITE | (i + 1 < count ? NEXT : 0), i + 1);
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA, count * 16, INDIRECT, 0);
	driver__offer(&driver, 0);
}

TEST(chain_length_is_bounded)
{
	CHECK(begin(F_INDIRECT));
	offer_long_chain(VIRTIO_CHAIN_MAX, 1);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.in_count == VIRTIO_CHAIN_MAX);
	CHECK(begin(F_INDIRECT));
	offer_long_chain(VIRTIO_CHAIN_MAX + 1, 1);
	CHECK(broken_for_ever());
}

/* All of a 4 GiB guest behind one mapping: only addresses are needed. */
static void *translate_anything(void *opaque, uint64_t gpa, uint64_t len)
{
	struct driver *d = opaque;

	if (gpa >= DRIVER_RAM_GPA && gpa < DRIVER_RAM_GPA + DRIVER_RAM_BYTES)
		return driver__at(d, gpa);
	return len ? d->ram : NULL;
}

TEST(chain_bytes_do_not_wrap)
{
	static const struct virtio_memory all = { translate_anything, &driver };

	CHECK(begin(F_INDIRECT));
	queue.memory = &all;
	offer_long_chain(2, 0x80000000);
	CHECK(broken_for_ever());
}

TEST(broken_queue_recovers_by_reset)
{
	CHECK(begin(0));
	driver__offer(&driver, DRIVER_RING_SIZE);
	CHECK(virtio_queue__pop(&queue, &chain) == -EPROTO);
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
}

TEST(interrupt_only_after_push)
{
	CHECK(begin(0));
	CHECK(!virtio_queue__wants_interrupt(&queue));
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
	CHECK(!virtio_queue__wants_interrupt(&queue));
}

TEST(no_interrupt_flag_is_honoured)
{
	CHECK(begin(0));
	driver.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtio_queue__push(&queue, 0, 0);
	CHECK(!virtio_queue__wants_interrupt(&queue));
	driver.avail->flags = 0;
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
}

TEST(used_event_is_honoured)
{
	uint16_t *used_event = &driver.avail->ring[DRIVER_RING_SIZE];

	CHECK(begin(F_EVENT_IDX));
	*used_event = 2;
	virtio_queue__push(&queue, 0, 0);
	CHECK(!virtio_queue__wants_interrupt(&queue));
	virtio_queue__push(&queue, 0, 0);
	CHECK(!virtio_queue__wants_interrupt(&queue));
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
	virtio_queue__push(&queue, 0, 0);
	CHECK(!virtio_queue__wants_interrupt(&queue));
}

TEST(used_event_is_seen_within_a_batch)
{
	CHECK(begin(F_EVENT_IDX));
	driver.avail->ring[DRIVER_RING_SIZE] = 1;
	virtio_queue__push(&queue, 0, 0);
	virtio_queue__push(&queue, 0, 0);
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
}

TEST(kicks_are_suppressed_by_flag)
{
	CHECK(begin(0));
	virtio_queue__suppress_kicks(&queue);
	CHECK(driver.used->flags == VRING_USED_F_NO_NOTIFY);
	CHECK(!virtio_queue__allow_kicks(&queue));
	CHECK(driver.used->flags == 0);
}

TEST(kicks_are_asked_by_avail_event)
{
	uint16_t *avail_event = (uint16_t *)&driver.used->ring[DRIVER_RING_SIZE];

	CHECK(begin(F_EVENT_IDX));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(!virtio_queue__allow_kicks(&queue));
	CHECK(*avail_event == 1);
}

TEST(late_request_is_reported)
{
	CHECK(begin(0));
	virtio_queue__suppress_kicks(&queue);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__allow_kicks(&queue));
}

TEST(copies_cross_buffers)
{
	char text[] = "0123456789", back[11] = "";

	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 3, NEXT, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA + 0x100, 4, NEXT, 2);
	driver__describe(&driver.desc[2], DRIVER_DATA_GPA + 0x200, 4, NEXT | WRITE, 3);
	driver__describe(&driver.desc[3], DRIVER_DATA_GPA + 0x300, 4, WRITE, 0);
	memcpy(driver__at(&driver, DRIVER_DATA_GPA), "abc", 3);
	memcpy(driver__at(&driver, DRIVER_DATA_GPA + 0x100), "defg", 4);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(virtio_chain__read(&chain, 2, back, 4) == 4 && !memcmp(back, "cdef", 4));
	CHECK(virtio_chain__read(&chain, 5, back, 10) == 2);
	CHECK(virtio_chain__read(&chain, 7, back, 1) == 0);
	CHECK(virtio_chain__write(&chain, 1, text, 10) == 7);
	CHECK(!memcmp(driver__at(&driver, DRIVER_DATA_GPA + 0x200), "\0" "012", 4));
	CHECK(!memcmp(driver__at(&driver, DRIVER_DATA_GPA + 0x300), "3456", 4));
}

TEST(slices_keep_bounds)
{
	char bytes[16];
	const struct iovec iov[] = { { bytes, 4 }, { bytes + 4, 4 }, { bytes + 8, 8 } };
	struct iovec out[3];

	CHECK(virtio_iov__slice(iov, 3, 2, 8, out) == 3);
	CHECK(out[0].iov_base == bytes + 2 && out[0].iov_len == 2);
	CHECK(out[2].iov_base == bytes + 8 && out[2].iov_len == 2);
	CHECK(virtio_iov__slice(iov, 3, 4, 4, out) == 1);
	CHECK(virtio_iov__slice(iov, 3, 16, 0, out) == 0);
	CHECK(virtio_iov__slice(iov, 3, 8, 9, out) == -EINVAL);
}

__attribute__((constructor)) static void map_memory(void)
{
	if (!driver__init(&driver))
		abort();
}

__attribute__((destructor)) static void unmap_memory(void)
{
	driver__free(&driver);
}

KTAP_MAIN()
