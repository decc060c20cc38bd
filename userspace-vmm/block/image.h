/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw disk image: a regular file or a block device, opened, measured and locked
 * for as long as the struct lives. Immutable once open; any thread may use it.
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
};

/*
 * Opens and locks the image at @path: one writer, or any number of readers. -1 with @err
 * (STATUS_USAGE) if it is missing, not readable or writable, no file or block device, empty, not
 * made of sectors, or in use.
 */
int block_image__open(struct block_image *image, const char *path, bool read_only,
		      struct error *err);
void block_image__close(struct block_image *image);

#endif
