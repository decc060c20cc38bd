/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside boot/: what the two kernel formats share. Low memory while a kernel starts: GDT, start
 * information, page tables, command line; ACPI tables in the shadow area.
 */
#ifndef MINIVMM_BOOT_DIRECT_H
#define MINIVMM_BOOT_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot.h"

#define BOOT_GDT		0x500ULL
#define BOOT_INFO		0x7000ULL	/* zero page or hvm_start_info, one page */
#define BOOT_PAGE_TABLES	0x9000ULL	/* six pages: 4 GiB of identity */
#define BOOT_CMDLINE		0x20000ULL
#define BOOT_CMDLINE_SIZE	0x10000ULL
#define BOOT_EBDA		0x9fc00ULL
#define BOOT_ACPI		0xe0000ULL
#define BOOT_ACPI_END		0x100000ULL
#define BOOT_KERNEL_MIN		0x100000ULL

#define BOOT_RANGES		8

enum boot_range_type { BOOT_RANGE_RAM = 1, BOOT_RANGE_RESERVED = 2 };

struct boot_range {
	uint64_t start, size;
	enum boot_range_type type;
};

/* What the start information tells the kernel. */
struct boot_info {
	struct boot_range ranges[BOOT_RANGES];
	unsigned int range_count;
	uint64_t initrd, initrd_size;	/* size 0: none */
	uint64_t cmdline;
	uint64_t cmdline_size;		/* with its NUL */
	uint64_t rsdp;
};

/* Where vCPU 0 starts. */
struct boot_entry {
	bool long_mode;		/* else 32-bit protected mode without paging */
	uint64_t rip;
	uint64_t info;		/* in RSI (long mode) or EBX */
};

/*
 * Loads the kernel @file and writes its start information. @info is complete but for the initrd,
 * which direct__place_initrd() puts behind the kernel's reach when called.
 */
int bzimage__load(struct machine *m, const struct boot_file *file, struct boot_info *info,
		  struct boot_entry *entry, struct error *err);
int pvh__load(struct machine *m, const struct boot_file *file, struct boot_info *info,
	      struct boot_entry *entry, struct error *err);

bool bzimage__probe(const struct boot_file *file);
bool pvh__probe(const struct boot_file *file);

/*
 * Copies the config's initrd, if any, as high as possible in [@kernel_end, @max] below the hole.
 */
int direct__place_initrd(struct machine *m, uint64_t kernel_end, uint64_t max,
			 struct boot_info *info, struct error *err);

#endif
