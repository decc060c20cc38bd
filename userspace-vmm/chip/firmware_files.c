// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What SeaBIOS is told through fw_cfg: memory map, number of vCPUs, ACPI tables with the script
 * that places them, console on the serial port, no boot menu. A device without state: it only
 * adds files.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "acpi/acpi.h"
#include "device.h"
#include "fw_cfg.h"
#include "machine.h"

#define KEY_CPUS		0x05
#define E820_RAM		1
#define E820_RESERVED		2
#define KERNEL_PAGES		0xfeffc000ULL	/* identity map and TSS pages, see vm.c */
#define KERNEL_PAGES_SIZE	0x4000ULL
#define SERIAL_PORT		0x3f8

#define FILE_RSDP		"etc/acpi/rsdp"
#define FILE_TABLES		"etc/acpi/tables"
#define LOADER_ALLOCATE		1
#define LOADER_POINTER		2
#define LOADER_CHECKSUM		3
#define LOADER_ENTRIES		(2 + 2 * ACPI_FIXUPS)
#define ZONE_HIGH		1
#define ZONE_FSEG		2
#define NAME_SIZE		56

struct e820_entry {
	uint64_t start, size;
	uint32_t type;
} __attribute__((packed));

struct loader_entry {
	uint32_t command;
	union {
		struct {
			char file[NAME_SIZE];
			uint32_t align;
			uint8_t zone;
		} __attribute__((packed)) allocate;
		struct {
			char dest[NAME_SIZE];
			char source[NAME_SIZE];
			uint32_t offset;
			uint8_t size;
		} __attribute__((packed)) pointer;
		struct {
			char file[NAME_SIZE];
			uint32_t offset, start, length;
		} __attribute__((packed)) checksum;
		uint8_t space[124];
	};
} __attribute__((packed));
_Static_assert(sizeof(struct loader_entry) == 128, "layout");

struct script {
	struct loader_entry entries[LOADER_ENTRIES];
	unsigned int count;
};

/* The blob is two files for the firmware: the RSDP must lie below 1 MiB, the tables need not. */
static const char *file_of(uint64_t offset)
{
	return offset < ACPI_TABLES ? FILE_RSDP : FILE_TABLES;
}

static uint32_t offset_in_file(uint64_t offset)
{
	return offset < ACPI_TABLES ? offset : offset - ACPI_TABLES;
}

static struct loader_entry *add_command(struct script *s, uint32_t command)
{
	struct loader_entry *e = &s->entries[s->count++];

	e->command = htole32(command);
	return e;
}

static void add_allocate(struct script *s, const char *file, uint32_t align, uint8_t zone)
{
	struct loader_entry *e = add_command(s, LOADER_ALLOCATE);

	strncpy(e->allocate.file, file, NAME_SIZE - 1);
	e->allocate.align = htole32(align);
	e->allocate.zone = zone;
}

/* The loader adds the address of the target's file: what is stored must be the offset in it. */
static void add_pointer(struct script *s, struct acpi *acpi, const struct acpi_pointer *p)
{
	struct loader_entry *e = add_command(s, LOADER_POINTER);
	uint64_t target = 0;

	memcpy(&target, acpi->data + p->at, p->size);
	strncpy(e->pointer.dest, file_of(p->at), NAME_SIZE - 1);
	strncpy(e->pointer.source, file_of(target), NAME_SIZE - 1);
	e->pointer.offset = htole32(offset_in_file(p->at));
	e->pointer.size = p->size;
	target = offset_in_file(target);
	memcpy(acpi->data + p->at, &target, p->size);
}

static void add_checksum(struct script *s, const struct acpi_checksum *c)
{
	struct loader_entry *e = add_command(s, LOADER_CHECKSUM);

	strncpy(e->checksum.file, file_of(c->at), NAME_SIZE - 1);
	e->checksum.offset = htole32(offset_in_file(c->at));
	e->checksum.start = htole32(offset_in_file(c->start));
	e->checksum.length = htole32(c->length);
}

static int add_acpi(struct machine *m)
{
	struct script script = { 0 };
	struct acpi acpi;

	acpi__build(&acpi, m->config->vcpus);
	add_allocate(&script, FILE_RSDP, 16, ZONE_FSEG);
	add_allocate(&script, FILE_TABLES, 64, ZONE_HIGH);
	for (unsigned int i = 0; i < acpi.pointer_count; i++)
		add_pointer(&script, &acpi, &acpi.pointers[i]);
	for (unsigned int i = 0; i < acpi.checksum_count; i++)
		add_checksum(&script, &acpi.checksums[i]);

	if (fw_cfg__add_file(m->fw_cfg, FILE_RSDP, acpi.data, ACPI_TABLES) < 0 ||
	    fw_cfg__add_file(m->fw_cfg, FILE_TABLES, acpi.data + ACPI_TABLES,
			     acpi.size - ACPI_TABLES) < 0)
		return -1;
	return fw_cfg__add_file(m->fw_cfg, "etc/table-loader", script.entries,
				script.count * sizeof(script.entries[0]));
}

static int add_memory_map(struct machine *m)
{
	uint64_t above = memory__above_4g(m->memory);
	struct e820_entry map[3] = {
		{ 0, htole64(memory__below_4g(m->memory)), htole32(E820_RAM) },
		{ htole64(KERNEL_PAGES), htole64(KERNEL_PAGES_SIZE), htole32(E820_RESERVED) },
		{ htole64(MEMORY_HOLE_END), htole64(above), htole32(E820_RAM) },
	};

	return fw_cfg__add_file(m->fw_cfg, "etc/e820", map, sizeof(map[0]) * (above ? 3 : 2));
}

static int add_number(struct machine *m, const char *name, uint64_t value)
{
	value = htole64(value);
	return fw_cfg__add_file(m->fw_cfg, name, &value, sizeof(value));
}

static int firmware_files_create(struct machine *m, void **state, struct error *err)
{
	uint16_t cpus = htole16(m->config->vcpus);

	(void)state;
	if (fw_cfg__add_entry(m->fw_cfg, KEY_CPUS, &cpus, sizeof(cpus)) < 0 ||
	    add_memory_map(m) < 0 || add_acpi(m) < 0 ||
	    add_number(m, "etc/sercon-port", SERIAL_PORT) < 0 ||
	    add_number(m, "etc/show-boot-menu", 0) < 0)
		return error__errno(err, "cannot describe the machine to its firmware");
	return 0;
}

static const struct device_type firmware_files = {
	.name = "firmware files",
	.order = DEVICE_LATE,
	.create = firmware_files_create,
};
DEVICE_REGISTER(firmware_files);
