// SPDX-License-Identifier: GPL-2.0-or-later
/* ELF files of 64-bit kernels. Every offset is checked before it is used. */
#include "boot/elf.h"

#include <string.h>

#include "memory.h"

static bool lies_in(const struct boot_file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset;
}

bool elf__header(const struct boot_file *file, Elf64_Ehdr *elf)
{
	if (!lies_in(file, 0, sizeof(*elf)))
		return false;
	memcpy(elf, file->data, sizeof(*elf));
	return !memcmp(elf->e_ident, ELFMAG, SELFMAG) && elf->e_phnum <= ELF_SEGMENTS_MAX && elf->e_ident[EI_CLASS] == ELFCLASS64 &&
	       elf->e_machine == EM_X86_64 && elf->e_phentsize == sizeof(Elf64_Phdr) &&
	       lies_in(file, elf->e_phoff, elf->e_phnum * sizeof(Elf64_Phdr));
}

bool elf__segment(const struct boot_file *file, const Elf64_Ehdr *elf, unsigned int i,
		  Elf64_Phdr *segment)
{
	memcpy(segment, file->data + elf->e_phoff + i * sizeof(*segment), sizeof(*segment));
	return lies_in(file, segment->p_offset, segment->p_filesz);
}

bool elf__load(const struct boot_file *file, const Elf64_Phdr *segment, struct memory *memory,
	       uint64_t gpa)
{
	uint8_t *host = memory__ptr(memory, gpa, segment->p_memsz);

	if (!host || segment->p_filesz > segment->p_memsz)
		return false;
	memcpy(host, file->data + segment->p_offset, segment->p_filesz);
	memset(host + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
	return true;
}
