// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux's 64-bit boot protocol (Documentation/arch/x86/boot.rst): a bzImage's kernel, described by
 * a zero page. It is unpacked here, which takes fewer instructions than its own code needs, or else
 * the bzImage's protected-mode part is loaded at its preferred address, and unpacks the kernel.
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
#define PROTOCOL_UNPACK		0x20f		/* Linux 5.5; older ones were not tried */
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
			   const struct boot_info *info, bool kaslr)
{
	memset(zero, 0, sizeof(*zero));
	zero->hdr = *header;
	zero->hdr.loadflags |= kaslr ? KASLR_FLAG : 0;
	zero->hdr.type_of_loader = LOADER_UNDEFINED;
	zero->hdr.cmd_line_ptr = (uint32_t)info->cmdline;
	zero->hdr.ramdisk_image = (uint32_t)info->initrd;
	zero->hdr.ramdisk_size = (uint32_t)info->initrd_size;
	zero->ext_ramdisk_size = info->initrd_size >> 32;
	zero->acpi_rsdp_addr = info->rsdp;
	fill_e820(zero, info);
}

/* Bytes before the protected-mode part. */
static size_t setup_size(const struct setup_header *header)
{
	return (1 + (header->setup_sects ? header->setup_sects : 4)) * SECTOR;
}

static int unpack(const struct boot_file *file, struct vmlinux *k, struct error *err)
{
	const struct setup_header *header = header_of(file);
	uint64_t payload = setup_size(header) + (uint64_t)header->payload_offset;

	if (header->version < PROTOCOL_UNPACK)
		return error__set(err, STATUS_USAGE, "it is older than Linux 5.5");
	if (payload > file->size || header->payload_length > file->size - payload)
		return error__set(err, STATUS_USAGE, "it is cut short");
	return unpack__payload(&k->file, file->data + payload, header->payload_length, k->room, err);
}

static int load_unpacked(struct machine *m, const struct boot_file *file, struct vmlinux *k,
			 struct boot_entry *entry, struct error *err)
{
	int ret;

	if (unpack(file, k, err) < 0)
		return -1;
	ret = vmlinux__load(m, k, &entry->rip, err);
	boot__free_file(&k->file);
	if (ret < 0)
		return -1;
	entry->five_levels = header_of(file)->xloadflags & XLF_5LEVEL_ENABLED &&
			     !direct__has_option(m->config->append, "no5lvl");
	machine__phase(m, "kernel unpacked to 0x%llx, moved by 0x%llx",
		       (unsigned long long)(k->linked + k->physical),
		       (unsigned long long)k->virtual);
	return 0;
}

int bzimage__load(struct machine *m, const struct boot_file *file, struct boot_info *info,
		  struct boot_entry *entry, struct error *err)
{
	const struct setup_header *header = header_of(file);
	struct vmlinux k = {
		.linked = load_address(header),
		.room = header->init_size,
		.align = header->kernel_alignment,
	};
	size_t setup = setup_size(header);
	struct error why = { 0 };

	if (check(m, header, err) < 0)
		return -1;
	if (setup >= file->size)
		return error__set(err, STATUS_USAGE, "kernel %s is cut short; copy it again",
				  m->config->kernel);
	if (k.room < file->size - setup)
		k.room = file->size - setup;
	if (!memory__ptr(m->memory, k.linked, k.room))
		return direct__no_room(m, "the kernel does", err);
	if (direct__place_initrd(m, k.linked + k.room, header->initrd_addr_max, info, err) < 0)
		return -1;
	k.top = info->initrd_size ? info->initrd : memory__below_4g(m->memory);

	*entry = (struct boot_entry){ .long_mode = true, .info = BOOT_INFO };
	if (load_unpacked(m, file, &k, entry, &why) < 0) {
		machine__phase(m, "kernel unpacks itself: %s", why.text);
		k.kaslr = false;
		memory__write(m->memory, k.linked, file->data + setup, file->size - setup);
		entry->rip = k.linked + ENTRY_64;
	}
	fill_zero_page(memory__ptr(m->memory, BOOT_INFO, sizeof(struct boot_params)), header, info,
		       k.kaslr);
	return 0;
}
