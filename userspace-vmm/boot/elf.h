/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside boot/: ELF files of 64-bit kernels. Pure. */
#ifndef MINIVMM_BOOT_ELF_H
#define MINIVMM_BOOT_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot/boot.h"

struct memory;

#define ELF_SEGMENTS_MAX	128	/* more is no kernel, which has about five */

/* Copies the header. False: this is no 64-bit x86 ELF file with all its segments' headers. */
bool elf__header(const struct boot_file *file, Elf64_Ehdr *elf);

/* Copies the header of segment @i (below e_phnum). False: its content does not lie in the file. */
bool elf__segment(const struct boot_file *file, const Elf64_Ehdr *elf, unsigned int i,
		  Elf64_Phdr *segment);

/* Copies @segment, which lies in the file, to @gpa. False: it does not fit into the RAM there. */
bool elf__load(const struct boot_file *file, const Elf64_Phdr *segment, struct memory *memory,
	       uint64_t gpa);

#endif
