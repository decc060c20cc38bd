// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of the split virtqueue, kept by the device and broken by the guest. */
#include <errno.h>
#include <string.h>

#include "virtio-driver.h"
#include "ktap.h"

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
	CHECK(virtio_queue__pop(&queue, &chain) == -EPROTO);
	memset(driver.desc, 0, DRIVER_RING_SIZE * sizeof(*driver.desc));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == -EPROTO);
	CHECK(driver.used->idx == 0);
	return true;
}

static bool start_checks_size(void)
{
	static const uint16_t wrong[] = { 0, 3, 24, 2 * VIRTIO_QUEUE_MAX_SIZE, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < COUNT(wrong); i++) {
		driver__configure(&queue);
		queue.size = wrong[i];
		CHECK(virtio_queue__start(&queue, &driver.memory, 0) == -EINVAL);
		CHECK(virtio_queue__pop(&queue, &chain) == -EPROTO);
	}
	return true;
}

static bool start_checks_alignment(void)
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
	return true;
}

static bool start_checks_addresses(void)
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
	return true;
}

static bool empty_ring_gives_nothing(void)
{
	CHECK(begin(0));
	CHECK(virtio_queue__pop(&queue, &chain) == 0);
	return true;
}

static bool chain_keeps_order_and_direction(void)
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
	return true;
}

static bool push_fills_used_ring(void)
{
	CHECK(begin(0));
	virtio_queue__push(&queue, 7, 513);
	CHECK(driver.used->idx == 1);
	CHECK(driver.used->ring[0].id == 7 && driver.used->ring[0].len == 513);
	return true;
}

static bool indices_wrap(void)
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
	return true;
}

static bool full_ring_is_taken(void)
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
	return true;
}

static bool longest_chain_is_taken(void)
{
	unsigned int i;

	CHECK(begin(0));
	for (i = 0; i < DRIVER_RING_SIZE; i++)
		driver__describe(&driver.desc[i], DRIVER_DATA_GPA, 1,
				 i + 1 < DRIVER_RING_SIZE ? NEXT : 0, i + 1);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.out_count == DRIVER_RING_SIZE);
	return true;
}

static bool loop_breaks_queue(void)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA, 1, NEXT, 0);
	driver__offer(&driver, 0);
	return broken_for_ever();
}

static bool self_loop_breaks_queue(void)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT, 0);
	driver__offer(&driver, 0);
	return broken_for_ever();
}

static bool head_outside_ring_breaks_queue(void)
{
	CHECK(begin(0));
	driver__offer(&driver, DRIVER_RING_SIZE);
	return broken_for_ever();
}

static bool next_outside_ring_breaks_queue(void)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT, 0xffff);
	driver__offer(&driver, 0);
	return broken_for_ever();
}

static bool avail_too_far_breaks_queue(void)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver.avail->idx = DRIVER_RING_SIZE + 1;
	return broken_for_ever();
}

static bool buffer_outside_ram_breaks_queue(void)
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
		if (!broken_for_ever())
			return false;
	}
	return true;
}

static bool empty_buffer_breaks_queue(void)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 0, 0, 0);
	driver__offer(&driver, 0);
	return broken_for_ever();
}

static bool readable_after_writable_breaks_queue(void)
{
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, NEXT | WRITE, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
	return broken_for_ever();
}

static bool indirect_chain_is_followed(void)
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
	return true;
}

static bool indirect_table_may_be_unaligned(void)
{
	struct vring_desc desc = { .addr = DRIVER_DATA_GPA, .len = 1 };

	CHECK(begin(F_INDIRECT));
	memcpy((char *)driver.table + 5, &desc, sizeof(desc));
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA + 5, 16, INDIRECT, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1 && chain.out_bytes == 1);
	return true;
}

static bool indirect_may_follow_direct(void)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 16, NEXT, 1);
	driver__describe(&driver.desc[1], DRIVER_TABLE_GPA, 16, INDIRECT, 0);
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 1, WRITE, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.out_count == 1 && chain.in_count == 1);
	return true;
}

/* Offer an indirect descriptor whose table holds one good buffer. */
static void offer_indirect(uint64_t addr, uint32_t len, uint16_t flags)
{
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver__describe(&driver.desc[0], addr, len, flags, 1);
	driver__describe(&driver.desc[1], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
}

static bool indirect_needs_its_feature(void)
{
	CHECK(begin(0));
	offer_indirect(DRIVER_TABLE_GPA, 16, INDIRECT);
	return broken_for_ever();
}

static bool indirect_with_next_breaks_queue(void)
{
	CHECK(begin(F_INDIRECT));
	offer_indirect(DRIVER_TABLE_GPA, 16, INDIRECT | NEXT);
	return broken_for_ever();
}

static bool indirect_table_is_checked(void)
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
		if (!broken_for_ever())
			return false;
	}
	return true;
}

static bool indirect_in_indirect_breaks_queue(void)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.table[0], DRIVER_TABLE_GPA, 16, INDIRECT, 0);
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA, 16, INDIRECT, 0);
	driver__offer(&driver, 0);
	return broken_for_ever();
}

static bool indirect_loop_breaks_queue(void)
{
	CHECK(begin(F_INDIRECT));
	driver__describe(&driver.table[0], DRIVER_DATA_GPA, 1, NEXT, 1);
	driver__describe(&driver.table[1], DRIVER_DATA_GPA, 1, NEXT, 0);
	driver__describe(&driver.desc[0], DRIVER_TABLE_GPA, 32, INDIRECT, 0);
	driver__offer(&driver, 0);
	return broken_for_ever();
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

static bool chain_length_is_bounded(void)
{
	CHECK(begin(F_INDIRECT));
	offer_long_chain(VIRTIO_CHAIN_MAX, 1);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(chain.in_count == VIRTIO_CHAIN_MAX);
	CHECK(begin(F_INDIRECT));
	offer_long_chain(VIRTIO_CHAIN_MAX + 1, 1);
	return broken_for_ever();
}

/* All of a 4 GiB guest behind one mapping: only addresses are needed. */
static void *translate_anything(void *opaque, uint64_t gpa, uint64_t len)
{
	struct driver *d = opaque;

	if (gpa >= DRIVER_RAM_GPA && gpa < DRIVER_RAM_GPA + DRIVER_RAM_BYTES)
		return driver__at(d, gpa);
	return len ? d->ram : NULL;
}

static bool chain_bytes_do_not_wrap(void)
{
	static const struct virtio_memory all = { translate_anything, &driver };

	CHECK(begin(F_INDIRECT));
	queue.memory = &all;
	offer_long_chain(2, 0x80000000);
	return broken_for_ever();
}

static bool broken_queue_recovers_by_reset(void)
{
	CHECK(begin(0));
	driver__offer(&driver, DRIVER_RING_SIZE);
	CHECK(virtio_queue__pop(&queue, &chain) == -EPROTO);
	CHECK(begin(0));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	return true;
}

static bool interrupt_only_after_push(void)
{
	CHECK(begin(0));
	CHECK(!virtio_queue__wants_interrupt(&queue));
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
	CHECK(!virtio_queue__wants_interrupt(&queue));
	return true;
}

static bool no_interrupt_flag_is_honoured(void)
{
	CHECK(begin(0));
	driver.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	virtio_queue__push(&queue, 0, 0);
	CHECK(!virtio_queue__wants_interrupt(&queue));
	driver.avail->flags = 0;
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
	return true;
}

static bool used_event_is_honoured(void)
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
	return true;
}

static bool used_event_is_seen_within_a_batch(void)
{
	CHECK(begin(F_EVENT_IDX));
	driver.avail->ring[DRIVER_RING_SIZE] = 1;
	virtio_queue__push(&queue, 0, 0);
	virtio_queue__push(&queue, 0, 0);
	virtio_queue__push(&queue, 0, 0);
	CHECK(virtio_queue__wants_interrupt(&queue));
	return true;
}

static bool kicks_are_suppressed_by_flag(void)
{
	CHECK(begin(0));
	virtio_queue__suppress_kicks(&queue);
	CHECK(driver.used->flags == VRING_USED_F_NO_NOTIFY);
	CHECK(!virtio_queue__allow_kicks(&queue));
	CHECK(driver.used->flags == 0);
	return true;
}

static bool kicks_are_asked_by_avail_event(void)
{
	uint16_t *avail_event = (uint16_t *)&driver.used->ring[DRIVER_RING_SIZE];

	CHECK(begin(F_EVENT_IDX));
	driver__describe(&driver.desc[0], DRIVER_DATA_GPA, 1, 0, 0);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__pop(&queue, &chain) == 1);
	CHECK(!virtio_queue__allow_kicks(&queue));
	CHECK(*avail_event == 1);
	return true;
}

static bool late_request_is_reported(void)
{
	CHECK(begin(0));
	virtio_queue__suppress_kicks(&queue);
	driver__offer(&driver, 0);
	CHECK(virtio_queue__allow_kicks(&queue));
	return true;
}

static bool copies_cross_buffers(void)
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
	return true;
}

static bool slices_keep_bounds(void)
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
	return true;
}

static const struct ktap_test tests[] = {
	{ "a ring size must be a power of two within the limit", start_checks_size },
	{ "ring addresses must be aligned", start_checks_alignment },
	{ "rings must lie in RAM", start_checks_addresses },
	{ "an empty ring gives nothing", empty_ring_gives_nothing },
	{ "a chain keeps its order and directions", chain_keeps_order_and_direction },
	{ "a push fills the used ring", push_fills_used_ring },
	{ "indices wrap at 65536", indices_wrap },
	{ "a full ring is taken", full_ring_is_taken },
	{ "a chain as long as the ring is taken", longest_chain_is_taken },
	{ "a chain that loops breaks the queue", loop_breaks_queue },
	{ "a descriptor naming itself breaks the queue", self_loop_breaks_queue },
	{ "a head outside the ring breaks the queue", head_outside_ring_breaks_queue },
	{ "a next outside the ring breaks the queue", next_outside_ring_breaks_queue },
	{ "an avail index too far ahead breaks the queue", avail_too_far_breaks_queue },
	{ "a buffer outside RAM breaks the queue", buffer_outside_ram_breaks_queue },
	{ "a buffer of no bytes breaks the queue", empty_buffer_breaks_queue },
	{ "a readable buffer after a writable one breaks the queue",
	  readable_after_writable_breaks_queue },
	{ "an indirect chain is followed", indirect_chain_is_followed },
	{ "an indirect table may be unaligned", indirect_table_may_be_unaligned },
	{ "an indirect table may follow direct buffers", indirect_may_follow_direct },
	{ "an indirect descriptor needs its feature", indirect_needs_its_feature },
	{ "an indirect descriptor with a next breaks the queue", indirect_with_next_breaks_queue },
	{ "an indirect table of wrong size or place breaks the queue", indirect_table_is_checked },
	{ "an indirect table in another breaks the queue", indirect_in_indirect_breaks_queue },
	{ "a loop in an indirect table breaks the queue", indirect_loop_breaks_queue },
	{ "a chain has a largest length", chain_length_is_bounded },
	{ "a chain's bytes do not wrap at 4 GiB", chain_bytes_do_not_wrap },
	{ "a reset mends a broken queue", broken_queue_recovers_by_reset },
	{ "an interrupt is wanted once, after a push", interrupt_only_after_push },
	{ "the driver's no-interrupt flag is honoured", no_interrupt_flag_is_honoured },
	{ "the driver's used event is honoured", used_event_is_honoured },
	{ "a used event within a batch is seen", used_event_is_seen_within_a_batch },
	{ "kicks are suppressed by flag", kicks_are_suppressed_by_flag },
	{ "kicks are asked for by avail event", kicks_are_asked_by_avail_event },
	{ "a request that came while kicks were off is reported", late_request_is_reported },
	{ "copies cross buffers and end with the chain", copies_cross_buffers },
	{ "slices of a buffer list keep its bounds", slices_keep_bounds },
};

int main(void)
{
	int failed;

	if (!driver__init(&driver))
		return 1;
	failed = ktap__run(tests, COUNT(tests));
	driver__free(&driver);
	return failed;
}
