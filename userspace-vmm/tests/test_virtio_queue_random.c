// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever stands in the rings, the queue hands out only buffers inside RAM, in
 * bounded number, and ends. As a test it runs on pseudo-random rings; built with
 * clang -fsanitize=fuzzer -DLIBFUZZER it is an entry for libFuzzer.
 */
#include <stdlib.h>
#include <string.h>

#include "support/ktap.h"
#include "support/virtio-driver.h"

#define ROUNDS		20000
#define INPUT_BYTES	(8 + 2 * DRIVER_RING_SIZE + 16 * DRIVER_RING_SIZE + 16 * 8)
#define MAX_POPS	(2 * DRIVER_RING_SIZE)

static struct driver driver;
static struct virtio_queue queue;
static struct virtio_chain chain;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const uint8_t **data, size_t *size, void *to, size_t bytes)
{
	if (bytes > *size)
		bytes = *size;
	memcpy(to, *data, bytes);
	*data += bytes;
	*size -= bytes;
}

/* Random bytes are mostly nonsense: bring addresses, lengths and links near the plausible. */
static void tame(struct vring_desc *desc, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (desc[i].addr & 0xf0)
			desc[i].addr = DRIVER_RAM_GPA + desc[i].addr % (DRIVER_RAM_BYTES + 64);
		if (desc[i].len & 0xf00)
			desc[i].len %= 8192;
		if (desc[i].flags & 0xf000)
			desc[i].flags &= VRING_DESC_F_NEXT | VRING_DESC_F_WRITE;
		if (desc[i].flags & VRING_DESC_F_INDIRECT) {
			desc[i].addr = DRIVER_TABLE_GPA;
			desc[i].len = desc[i].len % 10 * sizeof(*desc);
		}
		if (desc[i].next & 0xf00)
			desc[i].next %= count + 1;
	}
}

static bool inside_ram(const struct iovec *iov)
{
	char *base = iov->iov_base;

	return base >= driver.ram && iov->iov_len &&
	       iov->iov_len <= (size_t)(driver.ram + DRIVER_RAM_BYTES - base);
}

static bool chain_is_sound(void)
{
	unsigned int i, count = chain.out_count + chain.in_count;
	uint64_t bytes = 0;

	if (count > VIRTIO_CHAIN_MAX || !count)
		return false;
	for (i = 0; i < count; i++) {
		if (!inside_ram(&chain.iov[i]))
			return false;
		bytes += chain.iov[i].iov_len;
	}
	return bytes == (uint64_t)chain.out_bytes + chain.in_bytes;
}

static bool rings_are_survived(const uint8_t *data, size_t size)
{
	uint64_t features = 0;
	unsigned int pops = 0;

	memset(driver.ram, 0, 0x4000);
	take(&data, &size, &features, 4);
	driver__configure(&queue);
	if (virtio_queue__start(&queue, &driver.memory, features | 1ULL << 28))
		return false;
	take(&data, &size, &driver.avail->flags, 4);
	if (driver.avail->idx & 0xf000)
		driver.avail->idx %= DRIVER_RING_SIZE + 1;
	take(&data, &size, driver.avail->ring, 2 * DRIVER_RING_SIZE);
	take(&data, &size, driver.desc, 16 * DRIVER_RING_SIZE);
	take(&data, &size, driver.table, 16 * 8);
	tame(driver.desc, DRIVER_RING_SIZE);
	tame(driver.table, 8);
	while (virtio_queue__pop(&queue, &chain) == 1) {
		if (!chain_is_sound() || ++pops > MAX_POPS)
			return false;
		virtio_queue__push(&queue, chain.head, chain.in_bytes);
		virtio_queue__wants_interrupt(&queue);
		virtio_queue__allow_kicks(&queue);
	}
	return true;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!rings_are_survived(data, size))
		abort();
	return 0;
}

#ifndef LIBFUZZER
TEST(random_rings_give_sound_chains_and_end)
{
	uint8_t input[INPUT_BYTES];
	unsigned int round, i;

	srandom(1);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < sizeof(input); i++)
			input[i] = random() >> 8;
		/* Heads are plausible, or nearly every ring would end at its first. */
		for (i = 8; i < 8 + 2 * DRIVER_RING_SIZE; i += 2) {
			input[i] %= DRIVER_RING_SIZE;
			input[i + 1] = 0;
		}
		CHECK(rings_are_survived(input, sizeof(input)));
	}
}

KTAP_MAIN()
#endif
