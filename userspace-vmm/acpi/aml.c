// SPDX-License-Identifier: GPL-2.0-or-later
/* AML encoding (ACPI specification, chapter "AML"); see aml.h. */
#include "acpi/aml.h"

#include <string.h>

#define OP_ZERO			0x00
#define OP_ONE			0x01
#define OP_NAME			0x08
#define OP_BYTE			0x0a
#define OP_WORD			0x0b
#define OP_DWORD		0x0c
#define OP_SCOPE		0x10
#define OP_BUFFER		0x11
#define OP_PACKAGE		0x12
#define OP_EXTENDED		0x5b
#define OP_EXTENDED_DEVICE	0x82
#define NAME_DUAL		0x2e
#define NAME_SEGMENT		4

/* Package lengths are always written in their three-byte form, so that they can be filled in. */
#define LENGTH_BYTES		3
#define LENGTH_FORM		0x80

#define RESOURCE_IO		0x47
#define RESOURCE_IRQ		0x22
#define RESOURCE_END		0x79
#define RESOURCE_WORD		0x88
#define RESOURCE_DWORD		0x87
#define IO_DECODE_16		0x01
#define SPACE_MEMORY		0
#define SPACE_IO		1
#define SPACE_BUS		2
#define WINDOW_FIXED		0x0c	/* minimum and maximum are fixed, positive decode */
#define MEMORY_READ_WRITE	0x01
#define IO_ENTIRE_RANGE		0x03

void aml__byte(struct aml *aml, uint8_t value)
{
	if (aml->len < aml->size)
		aml->data[aml->len] = value;
	aml->len++;
}

void aml__word(struct aml *aml, uint16_t value)
{
	aml__byte(aml, value & 0xff);
	aml__byte(aml, value >> 8);
}

void aml__dword(struct aml *aml, uint32_t value)
{
	aml__word(aml, value & 0xffff);
	aml__word(aml, value >> 16);
}

void aml__qword(struct aml *aml, uint64_t value)
{
	aml__dword(aml, (uint32_t)value);
	aml__dword(aml, value >> 32);
}

/* Overwrites @count bytes at @at with @value, little endian. */
static void patch(struct aml *aml, size_t at, unsigned int count, uint32_t value)
{
	for (unsigned int i = 0; i < count; i++) {
		if (at + i < aml->size)
			aml->data[at + i] = value >> (8 * i);
	}
}

void aml__integer(struct aml *aml, uint32_t value)
{
	if (value <= 1) {
		aml__byte(aml, value ? OP_ONE : OP_ZERO);
	} else if (value <= 0xff) {
		aml__byte(aml, OP_BYTE);
		aml__byte(aml, value);
	} else if (value <= 0xffff) {
		aml__byte(aml, OP_WORD);
		aml__word(aml, value);
	} else {
		aml__byte(aml, OP_DWORD);
		aml__dword(aml, value);
	}
}

void aml__path(struct aml *aml, const char *path)
{
	const char *dot = strchr(path, '.');

	if (*path == '\\')
		aml__byte(aml, *path++);
	if (dot)
		aml__byte(aml, NAME_DUAL);
	while (*path) {
		for (unsigned int i = 0; i < NAME_SEGMENT; i++)
			aml__byte(aml, *path && *path != '.' ? *path++ : '_');
		if (*path == '.')
			path++;
	}
}

void aml__name(struct aml *aml, const char *path)
{
	aml__byte(aml, OP_NAME);
	aml__path(aml, path);
}

void aml__name_integer(struct aml *aml, const char *path, uint32_t value)
{
	aml__name(aml, path);
	aml__integer(aml, value);
}

static unsigned int hex(char digit)
{
	return digit <= '9' ? digit - '0' : digit - 'A' + 10;
}

void aml__name_eisa_id(struct aml *aml, const char *path, const char *id)
{
	uint16_t maker = (id[0] - '@') << 10 | (id[1] - '@') << 5 | (id[2] - '@');

	aml__name(aml, path);
	aml__byte(aml, OP_DWORD);
	aml__byte(aml, maker >> 8);
	aml__byte(aml, maker & 0xff);
	aml__byte(aml, hex(id[3]) << 4 | hex(id[4]));
	aml__byte(aml, hex(id[5]) << 4 | hex(id[6]));
}

static aml_mark begin(struct aml *aml)
{
	aml_mark mark = aml->len;

	for (unsigned int i = 0; i < LENGTH_BYTES; i++)
		aml__byte(aml, 0);
	return mark;
}

aml_mark aml__begin_scope(struct aml *aml, const char *path)
{
	aml_mark mark;

	aml__byte(aml, OP_SCOPE);
	mark = begin(aml);
	aml__path(aml, path);
	return mark;
}

aml_mark aml__begin_device(struct aml *aml, const char *path)
{
	aml_mark mark;

	aml__byte(aml, OP_EXTENDED);
	aml__byte(aml, OP_EXTENDED_DEVICE);
	mark = begin(aml);
	aml__path(aml, path);
	return mark;
}

aml_mark aml__begin_package(struct aml *aml, uint8_t count)
{
	aml_mark mark;

	aml__byte(aml, OP_PACKAGE);
	mark = begin(aml);
	aml__byte(aml, count);
	return mark;
}

void aml__end(struct aml *aml, aml_mark mark)
{
	uint32_t length = aml->len - mark;

	patch(aml, mark, 1, LENGTH_FORM | (length & 0xf));
	patch(aml, mark + 1, 2, length >> 4);
}

struct aml_resources aml__begin_resources(struct aml *aml)
{
	struct aml_resources r;

	aml__byte(aml, OP_BUFFER);
	r.package = begin(aml);
	aml__byte(aml, OP_WORD);
	r.length_at = aml->len;
	aml__word(aml, 0);
	return r;
}

void aml__end_resources(struct aml *aml, struct aml_resources r)
{
	aml__byte(aml, RESOURCE_END);
	aml__byte(aml, 0);	/* checksum: zero means none */
	patch(aml, r.length_at, 2, aml->len - r.length_at - 2);
	aml__end(aml, r.package);
}

void aml__io(struct aml *aml, uint16_t port, uint8_t count)
{
	aml__byte(aml, RESOURCE_IO);
	aml__byte(aml, IO_DECODE_16);
	aml__word(aml, port);
	aml__word(aml, port);
	aml__byte(aml, 1);
	aml__byte(aml, count);
}

void aml__irq(struct aml *aml, unsigned int irq)
{
	aml__byte(aml, RESOURCE_IRQ);
	aml__word(aml, 1u << irq);
}

static void word_window(struct aml *aml, uint8_t space, uint8_t flags, uint16_t first,
			uint16_t last)
{
	aml__byte(aml, RESOURCE_WORD);
	aml__word(aml, 13);
	aml__byte(aml, space);
	aml__byte(aml, WINDOW_FIXED);
	aml__byte(aml, flags);
	aml__word(aml, 0);
	aml__word(aml, first);
	aml__word(aml, last);
	aml__word(aml, 0);
	aml__word(aml, last - first + 1);
}

void aml__bus_window(struct aml *aml, uint16_t first, uint16_t last)
{
	word_window(aml, SPACE_BUS, 0, first, last);
}

void aml__io_window(struct aml *aml, uint16_t first, uint16_t last)
{
	word_window(aml, SPACE_IO, IO_ENTIRE_RANGE, first, last);
}

void aml__memory_window(struct aml *aml, uint32_t first, uint32_t last)
{
	aml__byte(aml, RESOURCE_DWORD);
	aml__word(aml, 23);
	aml__byte(aml, SPACE_MEMORY);
	aml__byte(aml, WINDOW_FIXED);
	aml__byte(aml, MEMORY_READ_WRITE);
	aml__dword(aml, 0);
	aml__dword(aml, first);
	aml__dword(aml, last);
	aml__dword(aml, 0);
	aml__dword(aml, last - first + 1);
}
