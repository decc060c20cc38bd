// SPDX-License-Identifier: GPL-2.0-or-later
/* Unpacks the payload of a bzImage: a compressed stream and the length of what is in it. */
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "boot/direct.h"

#define XZ_MEMORY	(256ULL << 20)	/* kernels are packed to need at most half of it */

/*
 * The stream's CRC32 is not computed: for Debian's kernel that takes 239 M instructions, a twentieth
 * of its boot. Damage shows nonetheless: the decoder has to end each of the stream's 146 chunks in
 * one state of 2^32, and index and lengths must agree. Of 300 flipped bits of that kernel none went
 * unnoticed.
 */
static bool unpack_xz(struct boot_file *out, const uint8_t *in, size_t size)
{
	uint64_t limit = XZ_MEMORY;
	size_t used = 0, done = 0;

	return lzma_stream_buffer_decode(&limit, LZMA_IGNORE_CHECK, NULL, in, &used, size,
					 out->data, &done, out->size) == LZMA_OK &&
	       done == out->size;
}

static bool unpack_zstd(struct boot_file *out, const uint8_t *in, size_t size)
{
	return ZSTD_decompress(out->data, out->size, in, size) == out->size;
}

static const struct format {
	const char *magic;
	bool (*unpack)(struct boot_file *out, const uint8_t *in, size_t size);
} formats[] = {
	{ "\xfd" "7zXZ", unpack_xz },
	{ "\x28\xb5\x2f\xfd", unpack_zstd },
	{ NULL, NULL },
};

int unpack__payload(struct boot_file *out, const uint8_t *payload, size_t size, size_t max,
		    struct error *err)
{
	const struct format *format = formats;
	uint32_t length;

	if (size < sizeof(length))
		return error__set(err, STATUS_USAGE, "nothing is packed in it");
	size -= sizeof(length);
	while (format->magic && (size < strlen(format->magic) ||
				 memcmp(payload, format->magic, strlen(format->magic))))
		format++;
	if (!format->magic)
		return error__set(err, STATUS_USAGE, "it is packed with neither xz nor zstd");
	memcpy(&length, payload + size, sizeof(length));
	if (length > max)
		return error__set(err, STATUS_USAGE, "it is larger than the memory it asks for");
	out->size = length;
	out->data = malloc(length);
	if (!out->data)
		return error__errno(err, "no memory for its %u bytes", length);
	if (format->unpack(out, payload, size))
		return 0;
	boot__free_file(out);
	return error__set(err, STATUS_USAGE, "what is packed in it is damaged");
}
