// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux's 64-bit boot protocol (Documentation/arch/x86/boot.rst): the protected-mode part of a
 * bzImage at its preferred address, described by a zero page.
 */
#include <asm/bootparam.h>
#include <string.h>

#include "boot/direct.h"
#include "machine.h"

#define SECTOR			512
#define HEADER_OFFSET		0x1f1
#define BOOT_FLAG		0xaa55
#define HEADER_MAGIC		0x53726448	/* "HdrS" */
#define PROTOCOL_MIN		0x20c		/* first with xloadflags */
#define LOADER_UNDEFINED	0xff
#define ENTRY_64		0x200

static const struct setup_header *header_of(const struct boot_file *file)
{
	return (const void *)(file->data + HEADER_OFFSET);
}

bool bzimage__probe(const struct boot_file *file)
{
	if (file->size < HEADER_OFFSET + sizeof(struct setup_header))
		return false;
	return header_of(file)->boot_flag == BOOT_FLAG && header_of(file)->header == HEADER_MAGIC;
}

static int check(const struct machine *m, const struct setup_header *header, struct error *err)
{
	if (header->version < PROTOCOL_MIN || !(header->xloadflags & XLF_KERNEL_64))
		return error__set(err, STATUS_USAGE,
				  "kernel %s has no 64-bit entry; give the vmlinuz of a 64-bit kernel",
				  m->config->kernel);
	if (strlen(m->config->append) > header->cmdline_size)
		return error__set(err, STATUS_USAGE, "--append is longer than the kernel's %u bytes",
				  header->cmdline_size);
	return 0;
}

static uint64_t load_address(const struct setup_header *header)
{
	uint64_t align = header->kernel_alignment ? header->kernel_alignment : 1;

	if (!header->relocatable_kernel || header->pref_address >= BOOT_KERNEL_MIN)
		return header->pref_address;
	return (BOOT_KERNEL_MIN + align - 1) / align * align;
}

static void fill_e820(struct boot_params *zero, const struct boot_info *info)
{
	for (unsigned int i = 0; i < info->range_count; i++) {
		zero->e820_table[i].addr = info->ranges[i].start;
		zero->e820_table[i].size = info->ranges[i].size;
		zero->e820_table[i].type = info->ranges[i].type;
	}
	zero->e820_entries = info->range_count;
}

static void fill_zero_page(struct boot_params *zero, const struct setup_header *header,
			   const struct boot_info *info)
{
	memset(zero, 0, sizeof(*zero));
	zero->hdr = *header;
	zero->hdr.type_of_loader = LOADER_UNDEFINED;
	zero->hdr.cmd_line_ptr = (uint32_t)info->cmdline;
	zero->hdr.ramdisk_image = (uint32_t)info->initrd;
	zero->hdr.ramdisk_size = (uint32_t)info->initrd_size;
	zero->ext_ramdisk_size = info->initrd_size >> 32;
	zero->acpi_rsdp_addr = info->rsdp;
	fill_e820(zero, info);
}

int bzimage__load(struct machine *m, const struct boot_file *file, struct boot_info *info,
		  struct boot_entry *entry, struct error *err)
{
	const struct setup_header *header = header_of(file);
	size_t setup = (1 + (header->setup_sects ? header->setup_sects : 4)) * SECTOR;
	uint64_t address = load_address(header);
	uint64_t room = header->init_size;

	if (check(m, header, err) < 0)
		return -1;
	if (setup >= file->size)
		return error__set(err, STATUS_USAGE, "kernel %s is cut short; copy it again",
				  m->config->kernel);
	if (room < file->size - setup)
		room = file->size - setup;
	if (!memory__ptr(m->memory, address, room))
		return error__set(err, STATUS_USAGE,
				  "the kernel does not fit into %llu MiB of memory; give more with -m",
				  (unsigned long long)(m->config->memory >> 20));
	memory__write(m->memory, address, file->data + setup, file->size - setup);
	if (direct__place_initrd(m, address + room, header->initrd_addr_max, info, err) < 0)
		return -1;

	fill_zero_page(memory__ptr(m->memory, BOOT_INFO, sizeof(struct boot_params)), header, info);
	*entry = (struct boot_entry){ true, address + ENTRY_64, BOOT_INFO };
	return 0;
}
