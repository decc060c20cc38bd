/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM: one anonymous mapping in huge pages where the host has them, seen by the guest below
 * the 32-bit hole (MEMORY_HOLE_START) and above 4 GiB. ROM and the shadow area below 1 MiB are
 * memory slots too; the host bridge switches them through memory__shadow().
 *
 * RAM never moves while the machine exists, so pointers from memory__ptr() stay valid; the guest
 * may change what they point to at any moment (copy once, then validate the copy).
 * All functions may be called from any thread.
 */
#ifndef MINIVMM_MEMORY_H
#define MINIVMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define MEMORY_HOLE_START	0xc0000000ULL	/* PCI windows, I/O APIC, firmware */
#define MEMORY_HOLE_END		0x100000000ULL
#define MEMORY_SHADOW_START	0xc0000ULL	/* option ROMs, BIOS: switched by PAM */
#define MEMORY_SHADOW_END	0x100000ULL
#define MEMORY_SHADOW_GRANULE	0x4000ULL
#define MEMORY_FIRMWARE_MAX	0x100000ULL	/* bytes of a firmware image */
#define MEMORY_VGA_START	0xa0000ULL	/* no RAM here */

struct memory;
struct vm;

/* Allocates @size bytes (multiple of 1 MiB) and maps them into @vm. */
int memory__create(struct memory **mem, struct vm *vm, uint64_t size, struct error *err);
void memory__destroy(struct memory *mem);

/*
 * Host address of guest RAM [gpa, gpa + len), or NULL unless the whole range is RAM in one piece
 * (in particular NULL across the hole and for len 0). ROM and shadow state play no role: this is
 * what a device that masters the bus sees.
 */
void *memory__ptr(struct memory *mem, uint64_t gpa, uint64_t len);

/* Copies; -1 and nothing copied if the range is not RAM. */
int memory__read(struct memory *mem, uint64_t gpa, void *buf, size_t len);
int memory__write(struct memory *mem, uint64_t gpa, const void *buf, size_t len);

/* Bytes of RAM below the hole, and above 4 GiB. */
uint64_t memory__below_4g(const struct memory *mem);
uint64_t memory__above_4g(const struct memory *mem);

/*
 * Maps @image (@size a multiple of 4 KiB, at most 1 MiB; copied) read-only to end at 4 GiB; its
 * last 128 KiB also back the shadow area where reads are not directed to RAM.
 */
int memory__set_firmware(struct memory *mem, const void *image, size_t size, struct error *err);

/*
 * Directs reads and writes of shadow granules [start, end) to RAM or away from it. Neither: ROM
 * alias, or nothing below 0xe0000. Writes without reads behave as neither.
 * Vcpus may run meanwhile.
 */
int memory__shadow(struct memory *mem, uint64_t start, uint64_t end, bool read, bool write,
		   struct error *err);

#endif
