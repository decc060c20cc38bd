// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PVH: an ELF kernel that names its 32-bit entry in a Xen note and finds its start information
 * through EBX.
 */
#include <string.h>

#include "boot/direct.h"
#include "boot/elf.h"
#include "machine.h"

#define NOTE_NAME		"Xen"
#define NOTE_PHYS32_ENTRY	18
#define START_MAGIC		0x336ec578
#define INITRD_MAX		0xffffffffULL
#define NOTES_MAX		0x100000ULL	/* bytes of a segment that are searched */

struct hvm_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr;
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr;
	uint32_t memmap_entries;
	uint32_t reserved;
};
_Static_assert(sizeof(struct hvm_start_info) == 56, "layout");

struct hvm_module {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline_paddr;
	uint64_t reserved;
};
_Static_assert(sizeof(struct hvm_module) == 32, "layout");

struct hvm_range {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};
_Static_assert(sizeof(struct hvm_range) == 24, "layout");

/* One page, all in one place. */
struct start_page {
	struct hvm_start_info info;
	struct hvm_module module;
	struct hvm_range ranges[BOOT_RANGES];
};

bool pvh__probe(const struct boot_file *file)
{
	return file->size >= sizeof(Elf64_Ehdr) && !memcmp(file->data, ELFMAG, SELFMAG);
}

static int broken(const struct machine *m, struct error *err)
{
	return error__set(err, STATUS_USAGE,
			  "kernel %s is no complete 64-bit x86 ELF file; give a vmlinux or a bzImage",
			  m->config->kernel);
}

static uint64_t align4(uint64_t n)
{
	return (n + 3) & ~3ULL;
}

/* The PVH entry if the notes in [data, data + size) name one, else 0. */
static uint32_t find_entry(const uint8_t *data, uint64_t size)
{
	Elf64_Nhdr note;
	uint32_t entry;

	for (uint64_t at = 0, body; at + sizeof(note) <= size;
	     at = body + align4(note.n_descsz)) {
		memcpy(&note, data + at, sizeof(note));
		body = at + sizeof(note) + align4(note.n_namesz);
		if (body + note.n_descsz > size)
			return 0;
		if (note.n_type != NOTE_PHYS32_ENTRY || note.n_namesz != sizeof(NOTE_NAME) ||
		    memcmp(data + at + sizeof(note), NOTE_NAME, sizeof(NOTE_NAME)) ||
		    note.n_descsz < sizeof(entry))
			continue;
		memcpy(&entry, data + body, sizeof(entry));
		return entry;
	}
	return 0;
}

static int load_segment(struct machine *m, const struct boot_file *file, const Elf64_Phdr *ph,
			uint64_t *end, struct error *err)
{
	if (!ph->p_memsz)
		return 0;
	if (ph->p_paddr < BOOT_KERNEL_MIN || !elf__load(file, ph, m->memory, ph->p_paddr))
		return direct__no_room(m, "the kernel does", err);
	if (ph->p_paddr + ph->p_memsz > *end)
		*end = ph->p_paddr + ph->p_memsz;
	return 0;
}

static int load_segments(struct machine *m, const struct boot_file *file, uint32_t *pvh_entry,
			 uint64_t *end, struct error *err)
{
	uint64_t total = 0;
	Elf64_Ehdr elf;
	Elf64_Phdr ph;

	if (!elf__header(file, &elf))
		return broken(m, err);
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		if (!elf__segment(file, &elf, i, &ph))
			return broken(m, err);
		/* Each may fit, and all together not: segments that overlap could take hours. */
		if (ph.p_type == PT_LOAD && __builtin_add_overflow(total, ph.p_memsz, &total))
			return broken(m, err);
		if (ph.p_memsz < total && total > m->config->memory)
			return broken(m, err);
		if (ph.p_type == PT_LOAD && load_segment(m, file, &ph, end, err) < 0)
			return -1;
		if (ph.p_type == PT_NOTE && !*pvh_entry)
			*pvh_entry = find_entry(file->data + ph.p_offset,
						ph.p_filesz < NOTES_MAX ? ph.p_filesz : NOTES_MAX);
	}
	if (!*pvh_entry)
		return error__set(err, STATUS_USAGE,
				  "kernel %s has no PVH entry; build it with CONFIG_PVH, or give a bzImage",
				  m->config->kernel);
	return 0;
}

static void fill_start_page(struct start_page *page, const struct boot_info *info)
{
	*page = (struct start_page){
		.info = {
			.magic = START_MAGIC,
			.version = 1,
			.nr_modules = info->initrd_size ? 1 : 0,
			.modlist_paddr = BOOT_INFO + offsetof(struct start_page, module),
			.cmdline_paddr = info->cmdline,
			.rsdp_paddr = info->rsdp,
			.memmap_paddr = BOOT_INFO + offsetof(struct start_page, ranges),
			.memmap_entries = info->range_count,
		},
		.module = { .paddr = info->initrd, .size = info->initrd_size },
	};
	for (unsigned int i = 0; i < info->range_count; i++) {
		page->ranges[i].addr = info->ranges[i].start;
		page->ranges[i].size = info->ranges[i].size;
		page->ranges[i].type = info->ranges[i].type;
	}
}

int pvh__load(struct machine *m, const struct boot_file *file, struct boot_info *info,
	      struct boot_entry *entry, struct error *err)
{
	uint32_t pvh_entry = 0;
	uint64_t end = 0;

	if (load_segments(m, file, &pvh_entry, &end, err) < 0 ||
	    direct__place_initrd(m, end, INITRD_MAX, info, err) < 0)
		return -1;
	fill_start_page(memory__ptr(m->memory, BOOT_INFO, sizeof(struct start_page)), info);
	*entry = (struct boot_entry){ .rip = pvh_entry, .info = BOOT_INFO };
	return 0;
}
