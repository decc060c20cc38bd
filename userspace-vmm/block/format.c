// SPDX-License-Identifier: GPL-2.0-or-later
/* See format.h. */
#include "format.h"

#include <string.h>
#include <unistd.h>

#define FOOTER_BYTES	512
#define MAGIC(text)	text, sizeof(text) - 1

static const struct block_format formats[] = {
	{ "qcow2", MAGIC("QFI\xfb\0\0\0\2"), 0, false, false },
	{ "qcow2", MAGIC("QFI\xfb\0\0\0\3"), 0, false, false },
	{ "qcow", MAGIC("QFI\xfb"), 0, false, false },
	{ "qed", MAGIC("QED\0"), 0, false, false },
	{ "vmdk", MAGIC("KDMV"), 0, false, false },
	{ "vmdk", MAGIC("COWD"), 0, false, false },
	{ "vmdk", MAGIC("# Disk DescriptorFile"), 0, false, false },
	{ "vhdx", MAGIC("vhdxfile"), 0, false, false },
	{ "vpc", MAGIC("conectix"), 0, false, false },
	{ "vpc", MAGIC("conectix"), 0, true, false },
	{ "vdi", MAGIC("\x7f\x10\xda\xbe"), 64, false, false },
	{ "parallels", MAGIC("WithoutFreeSpace"), 0, false, false },
	{ "parallels", MAGIC("WithouFreSpacExt"), 0, false, false },
	{ "dmg", MAGIC("koly"), 0, true, false },
	{ "gzip", MAGIC("\x1f\x8b\x08"), 0, false, true },
	{ "xz", MAGIC("\xfd" "7zXZ\0"), 0, false, true },
	{ "zstd", MAGIC("\x28\xb5\x2f\xfd"), 0, false, true },
	{ "bzip2", MAGIC("BZh9"), 0, false, true },
	{ "zip", MAGIC("PK\3\4"), 0, false, true },
};

static bool has_magic(const struct block_format *format, int fd, uint64_t bytes)
{
	uint64_t at = format->at;
	char found[32];

	if (format->in_footer) {
		if (bytes < FOOTER_BYTES)
			return false;
		at += bytes - FOOTER_BYTES;
	}
	return pread(fd, found, format->length, at) == (ssize_t)format->length &&
	       !memcmp(found, format->magic, format->length);
}

const struct block_format *block_format__of(int fd, uint64_t bytes)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (has_magic(&formats[i], fd, bytes))
			return &formats[i];
	}
	return NULL;
}
