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
#define BOOT_FIFTH_LEVEL	0xf000ULL	/* one page above them */
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
	bool five_levels;	/* of page tables, if the CPU has them (long mode) */
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
 * unpack.c: unpacks @payload, a stream of xz or zstd and the length of its content in four bytes,
 * at most @max, into @out (boot__free_file()). Errors of this and the next one begin in the middle
 * of a sentence about the kernel: it can still unpack itself.
 */
int unpack__payload(struct boot_file *out, const uint8_t *payload, size_t size, size_t max,
		    struct error *err);

/* vmlinux.c: a kernel that was unpacked, and what is behind it. */
struct vmlinux {
	struct boot_file file;
	uint64_t linked;	/* gpa it was built for, the lowest it may get */
	uint64_t room;		/* bytes it needs from there on: all in RAM and below @top */
	uint64_t align;		/* it moves by multiples of this */
	uint64_t top;		/* end of the RAM that is free for it */
	/* Zero before, then where it is: */
	bool kaslr;		/* at a random place, */
	uint64_t physical;	/* so far above @linked */
	uint64_t virtual;	/* and so far above the virtual address it was built for */
};

/*
 * Loads @k at a random place, unless it was built without KASLR or the command line has nokaslr.
 * @entry is a gpa. After an error anything may be in the RAM from @linked to @top.
 */
int vmlinux__load(struct machine *m, struct vmlinux *k, uint64_t *entry, struct error *err);

/* MTRRs that make all memory write-back, in every vCPU of @vcpus. */
int direct__set_mtrrs(const struct machine *m, struct vcpu *const *vcpus, struct error *err);

/* Whether @option is one of the words of @cmdline. */
bool direct__has_option(const char *cmdline, const char *option);

/*
 * Copies the config's initrd, if any, as high as possible in [@kernel_end, @max] below the hole.
 */
int direct__place_initrd(struct machine *m, uint64_t kernel_end, uint64_t max,
			 struct boot_info *info, struct error *err);

/* "the kernel does" or the like not fit into the guest's memory: fills @err and returns -1. */
int direct__no_room(const struct machine *m, const char *what_does, struct error *err);

#endif
