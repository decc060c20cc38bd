/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disk image formats other than raw ones, known by what their files begin or end with. */
#ifndef BLOCK_FORMAT_H
#define BLOCK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_format {
	const char *name;	/* as qemu-img spells it */
	const char *magic;
	size_t length;		/* of @magic */
	unsigned int at;	/* from the start of the file, */
	bool in_footer;		/* or of its last 512 bytes */
	bool packer;		/* a compressed file, whatever is in it */
};

/* The format of @fd, a file of @bytes; NULL: a raw image. */
const struct block_format *block_format__of(int fd, uint64_t bytes);

#endif
