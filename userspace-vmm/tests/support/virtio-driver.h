/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtqueue for tests: a piece of guest memory with rings
 * at fixed places, which a test fills honestly or not.
 */
#ifndef TESTS_VIRTIO_DRIVER_H
#define TESTS_VIRTIO_DRIVER_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <sys/mman.h>

#include "virtio/queue.h"

#define DRIVER_RING_SIZE	16
#define DRIVER_RAM_GPA		0x100000ULL	/* below it nothing is mapped */
#define DRIVER_RAM_BYTES	0x100000ULL
#define DRIVER_DESC_GPA		(DRIVER_RAM_GPA + 0x0000)
#define DRIVER_AVAIL_GPA	(DRIVER_RAM_GPA + 0x1000)
#define DRIVER_USED_GPA		(DRIVER_RAM_GPA + 0x2000)
#define DRIVER_TABLE_GPA	(DRIVER_RAM_GPA + 0x3000)	/* an indirect table */
#define DRIVER_DATA_GPA		(DRIVER_RAM_GPA + 0x10000)

struct driver {
	struct virtio_memory memory;
	char *ram;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *table;
};

static inline void *driver__translate(void *opaque, uint64_t gpa, uint64_t len)
{
	struct driver *driver = opaque;

	if (!len || gpa < DRIVER_RAM_GPA || gpa - DRIVER_RAM_GPA > DRIVER_RAM_BYTES)
		return NULL;
	if (len > DRIVER_RAM_BYTES - (gpa - DRIVER_RAM_GPA))
		return NULL;
	return driver->ram + (gpa - DRIVER_RAM_GPA);
}

/* The address of gpa, which must lie in the driver's memory. */
static inline void *driver__at(struct driver *driver, uint64_t gpa)
{
	return driver->ram + (gpa - DRIVER_RAM_GPA);
}

/* Empty rings in zeroed memory. Returns false when out of memory. */
static inline bool driver__init(struct driver *driver)
{
	void *ram = mmap(NULL, DRIVER_RAM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED)
		return false;
	driver->memory = (struct virtio_memory){
		.translate = driver__translate,
		.opaque = driver,
	};
	driver->ram = ram;
	driver->desc = driver__at(driver, DRIVER_DESC_GPA);
	driver->avail = driver__at(driver, DRIVER_AVAIL_GPA);
	driver->used = driver__at(driver, DRIVER_USED_GPA);
	driver->table = driver__at(driver, DRIVER_TABLE_GPA);
	return true;
}

static inline void driver__free(struct driver *driver)
{
	munmap(driver->ram, DRIVER_RAM_BYTES);
}

/* Write the ring's own addresses and size to a queue that is off. */
static inline void driver__configure(struct virtio_queue *queue)
{
	virtio_queue__reset(queue, DRIVER_RING_SIZE);
	queue->desc_gpa = DRIVER_DESC_GPA;
	queue->avail_gpa = DRIVER_AVAIL_GPA;
	queue->used_gpa = DRIVER_USED_GPA;
}

static inline void driver__describe(struct vring_desc *desc, uint64_t addr, uint32_t len,
				    uint16_t flags, uint16_t next)
{
	*desc = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

/* Make the chain beginning at head available. Does not notify. */
static inline void driver__offer(struct driver *driver, uint16_t head)
{
	uint16_t index = driver->avail->idx;

	driver->avail->ring[index % DRIVER_RING_SIZE] = head;
	__atomic_store_n(&driver->avail->idx, index + 1, __ATOMIC_SEQ_CST);
}

#endif
