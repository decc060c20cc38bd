/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw disk image: a regular file or a block device, opened, measured and locked
 * for as long as the struct lives. Immutable once open, but for @lost; any thread may use it.
 */
#ifndef BLOCK_IMAGE_H
#define BLOCK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "../error.h"

#define BLOCK_SECTOR	512

struct block_image {
	int fd;
	uint64_t bytes;			/* a multiple of BLOCK_SECTOR, not 0 */
	uint32_t logical_block;		/* smallest unit the backing can write */
	uint32_t physical_block;	/* unit it writes without reading first */
	bool read_only;
	/*
	 * Atomic. Writing back failed once: something that was answered is not on the disk. The host
	 * reports that once and forgets it, so it is kept here, for as long as the image is open.
	 */
	bool lost;
};

/*
 * Opens and locks the image at @path: one writer, or any number of readers. -1 with @err
 * (STATUS_USAGE) if it is missing, not readable or writable, no file or block device, empty, not
 * made of sectors, or in use.
 */
int block_image__open(struct block_image *image, const char *path, bool read_only,
		      struct error *err);
/*
 * -1 with @err if the file is known to be of another format, or packed: a guest that is given it as
 * if it were raw finds no system, and ruins it when it writes. What is on a block device is the
 * guest's own affair.
 */
int block_image__check_format(int fd, const char *path, struct error *err);

/* Writes back, as a flush does. 0, or -errno; also if it failed before. */
int block_image__flush(struct block_image *image);
/* Notes a failure to write back. */
void block_image__lose(struct block_image *image);
bool block_image__is_lost(const struct block_image *image);
void block_image__close(struct block_image *image);

#endif
