// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel that was packed in a bzImage: puts it in place as the bzImage's own code would, at a
 * random place (KASLR). It is an ELF file and, if the kernel was built for KASLR, the relocation
 * table behind it: lists of the places that hold an absolute address, each place as the low half
 * of its virtual address, a zero before each list. The first list is of 64-bit addresses, the last
 * one of 32-bit ones; up to Linux 6.12 at least, and not in 7.3, one of 32-bit distances, which
 * shrink, is between them.
 */
#include <string.h>
#include <sys/random.h>

#include "boot/direct.h"
#include "boot/elf.h"
#include "machine.h"

#define PAGE_2M		0x200000ULL	/* the kernel maps itself in these */
#define MAP_LOW		0x80000000U	/* low half of where the kernel's virtual addresses begin */
#define MAP_SIZE	0x40000000ULL

static uint32_t word_at(const uint8_t *data)
{
	uint32_t word;

	memcpy(&word, data, sizeof(word));
	return word;
}

static int broken(struct error *err)
{
	return error__set(err, STATUS_USAGE, "what is packed in it is no complete kernel");
}

/* A random multiple of its alignment by which the kernel can move up and end below @top. */
static uint64_t choose(const struct vmlinux *k, uint64_t random, uint64_t top)
{
	uint64_t end = k->linked + k->room;

	return end <= top ? random % ((top - end) / k->align + 1) * k->align : 0;
}

static int choose_place(struct vmlinux *k, const char *cmdline, struct error *err)
{
	uint64_t random[2];

	if (!k->align || k->align % PAGE_2M || k->linked % k->align)
		return error__set(err, STATUS_USAGE, "its alignment is unusual");
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return error__errno(err, "no random numbers");
	k->kaslr = true;
	k->virtual = choose(k, random[0], MAP_SIZE);
	/* These take memory away, but not where a kernel that does not move would be. */
	if (!strstr(cmdline, "mem=") && !strstr(cmdline, "memmap=") &&
	    !strstr(cmdline, "hugepages"))
		k->physical = choose(k, random[1], k->top);
	return 0;
}

/* All inside the room that the bzImage asked for: what else is loaded lies outside. */
static int load_segments(struct memory *memory, const struct vmlinux *k, const Elf64_Ehdr *elf,
			 struct error *err)
{
	uint64_t total = 0;
	Elf64_Phdr ph;

	for (unsigned int i = 0; i < elf->e_phnum; i++) {
		uint64_t offset;

		if (!elf__segment(&k->file, elf, i, &ph))
			return broken(err);
		if (ph.p_type == PT_LOAD && __builtin_add_overflow(total, ph.p_memsz, &total))
			return broken(err);
		if (total > k->room)
			return broken(err);
		offset = ph.p_paddr - k->linked;
		if (ph.p_type == PT_LOAD &&
		    (offset > k->room || ph.p_memsz > k->room - offset ||
		     !elf__load(&k->file, &ph, memory, ph.p_paddr + k->physical)))
			return broken(err);
	}
	return elf->e_entry - k->linked < k->room ? 0 : broken(err);
}

/* Adds @shift to the @width bytes at the virtual address whose low half is @address. */
static bool relocate(const struct vmlinux *k, uint8_t *image, uint32_t address, size_t width,
		     uint64_t shift)
{
	uint64_t offset = (uint64_t)address - MAP_LOW - k->linked;
	uint64_t value = 0;

	if (offset > k->room || width > k->room - offset)
		return false;
	memcpy(&value, image + offset, width);
	value += shift;
	memcpy(image + offset, &value, width);
	return true;
}

static int relocate_all(const struct vmlinux *k, uint8_t *image, const uint8_t *table, size_t size,
			struct error *err)
{
	unsigned int lists = 0, list = 0;

	for (size_t at = 0; at + sizeof(uint32_t) <= size; at += sizeof(uint32_t))
		lists += !word_at(table + at);
	if (size % sizeof(uint32_t) || word_at(table) || lists < 2 || lists > 3)
		return broken(err);
	for (size_t at = 0; at < size; at += sizeof(uint32_t)) {
		uint32_t address = word_at(table + at);
		bool shrinks = lists == 3 && list == 2;

		if (!address)
			list++;
		else if (!relocate(k, image, address, list == 1 ? 8 : 4,
				   shrinks ? -k->virtual : k->virtual))
			return broken(err);
	}
	return 0;
}

int vmlinux__load(struct machine *m, struct vmlinux *k, uint64_t *entry, struct error *err)
{
	uint8_t *image;
	uint64_t table;
	Elf64_Ehdr elf;

	if (!elf__header(&k->file, &elf))
		return broken(err);
	/* Section headers are the last part of a linked ELF file. */
	table = elf.e_shoff + (uint64_t)elf.e_shnum * elf.e_shentsize;
	if (elf.e_shoff > k->file.size || !elf.e_shnum || table > k->file.size)
		return broken(err);
	if (table < k->file.size && !direct__has_option(m->config->append, "nokaslr") &&
	    choose_place(k, m->config->append, err) < 0)
		return -1;
	if (load_segments(m->memory, k, &elf, err) < 0)
		return -1;
	image = memory__ptr(m->memory, k->linked + k->physical, k->room);
	if (k->virtual && relocate_all(k, image, k->file.data + table, k->file.size - table, err) < 0)
		return -1;
	*entry = elf.e_entry + k->physical;
	return 0;
}
