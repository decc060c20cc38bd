// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest RAM, firmware ROM and the shadow area as memory slots; see memory.h. The slots of the
 * shadow area change under struct memory's mutex; all else is set once, before vCPUs run.
 */
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "text.h"
#include "vm.h"

#define PAGE		4096ULL
#define HUGE_PAGE	0x200000ULL
#define ONE_MIB		0x100000ULL
#define BIOS_ALIAS_SIZE	0x20000ULL
#define BIOS_ALIAS_START (MEMORY_SHADOW_END - BIOS_ALIAS_SIZE)
#define GRANULES	((MEMORY_SHADOW_END - MEMORY_SHADOW_START) / MEMORY_SHADOW_GRANULE)

enum shadow_state { SHADOW_ROM, SHADOW_RAM, SHADOW_RAM_READ_ONLY };

struct memory {
	struct vm *vm;
	uint8_t *ram;		/* low RAM, then RAM above 4 GiB */
	uint64_t size;
	uint64_t below;
	uint8_t *firmware;
	size_t firmware_size;
	pthread_mutex_t lock;	/* protects shadow[] and its slots */
	enum shadow_state shadow[GRANULES];
};

/*
 * Aligned to 2 MiB so that the kernel can back guest 2 MiB pages with huge ones. Private memory
 * gets huge pages on a host with default settings, a memfd does not; and each page that is not
 * huge costs an exit of its own when the guest first touches it.
 */
static int map_ram(struct memory *mem, struct error *err)
{
	size_t reserve = mem->size + HUGE_PAGE;
	char size[TEXT_SIZE_MAX];
	uint8_t *area, *start;

	area = mmap(NULL, reserve, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return error__errno(err, "cannot map %s of guest memory; give less with -m",
				    text__size(size, mem->size));
	start = (uint8_t *)(((uintptr_t)area + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	if (start > area)
		munmap(area, start - area);
	munmap(start + mem->size, area + reserve - (start + mem->size));
	madvise(start, mem->size, MADV_HUGEPAGE);
	mem->ram = start;
	return 0;
}

static int set_ram_slots(struct memory *mem, struct error *err)
{
	uint64_t above = mem->size - mem->below;
	uint64_t low = mem->below < MEMORY_VGA_START ? mem->below : MEMORY_VGA_START;

	if (vm__set_slot(mem->vm, VM_SLOT_LOW, 0, low, mem->ram, false) < 0)
		return error__errno(err, "cannot give the guest its low memory");
	if (mem->below > ONE_MIB &&
	    vm__set_slot(mem->vm, VM_SLOT_HIGH, ONE_MIB, mem->below - ONE_MIB,
			 mem->ram + ONE_MIB, false) < 0)
		return error__errno(err, "cannot give the guest its memory");
	if (above && vm__set_slot(mem->vm, VM_SLOT_ABOVE_4G, MEMORY_HOLE_END, above,
				  mem->ram + mem->below, false) < 0)
		return error__errno(err, "cannot give the guest its memory above 4 GiB");
	return 0;
}

int memory__create(struct memory **out, struct vm *vm, uint64_t size, struct error *err)
{
	struct memory *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return error__errno(err, "cannot allocate guest memory's description");
	mem->vm = vm;
	mem->size = size;
	mem->below = size < MEMORY_HOLE_START ? size : MEMORY_HOLE_START;
	pthread_mutex_init(&mem->lock, NULL);
	if (map_ram(mem, err) < 0 || set_ram_slots(mem, err) < 0) {
		memory__destroy(mem);
		return -1;
	}
	*out = mem;
	return 0;
}

void memory__destroy(struct memory *mem)
{
	if (!mem)
		return;
	if (mem->ram)
		munmap(mem->ram, mem->size);
	if (mem->firmware)
		munmap(mem->firmware, mem->firmware_size);
	pthread_mutex_destroy(&mem->lock);
	free(mem);
}

uint64_t memory__below_4g(const struct memory *mem)
{
	return mem->below;
}

uint64_t memory__above_4g(const struct memory *mem)
{
	return mem->size - mem->below;
}

void *memory__ptr(struct memory *mem, uint64_t gpa, uint64_t len)
{
	uint64_t limit = mem->below;
	uint64_t base = 0;

	if (gpa >= MEMORY_HOLE_END) {
		gpa -= MEMORY_HOLE_END;
		limit = mem->size - mem->below;
		base = mem->below;
	}
	if (!len || gpa >= limit || len > limit - gpa)
		return NULL;
	return mem->ram + base + gpa;
}

int memory__read(struct memory *mem, uint64_t gpa, void *buf, size_t len)
{
	void *host = memory__ptr(mem, gpa, len);

	if (!host)
		return -1;
	memcpy(buf, host, len);
	return 0;
}

int memory__write(struct memory *mem, uint64_t gpa, const void *buf, size_t len)
{
	void *host = memory__ptr(mem, gpa, len);

	if (!host)
		return -1;
	memcpy(host, buf, len);
	return 0;
}

/* What a granule shows in @state; NULL: nothing. */
static void *granule_host(struct memory *mem, uint64_t gpa, enum shadow_state state)
{
	if (state != SHADOW_ROM)
		return memory__ptr(mem, gpa, MEMORY_SHADOW_GRANULE);
	if (gpa < BIOS_ALIAS_START || mem->firmware_size < MEMORY_SHADOW_END - gpa)
		return NULL;
	return mem->firmware + mem->firmware_size - (MEMORY_SHADOW_END - gpa);
}

/*
 * Run by run of equal granules would save slots; one slot per granule keeps the change of a
 * single PAM register local, and happens about twenty times in a boot.
 */
static int set_granule(struct memory *mem, unsigned int i, enum shadow_state state)
{
	uint64_t gpa = MEMORY_SHADOW_START + i * MEMORY_SHADOW_GRANULE;
	void *old = granule_host(mem, gpa, mem->shadow[i]);
	void *new = granule_host(mem, gpa, state);

	if (old && vm__set_slot(mem->vm, VM_SLOT_SHADOW + i, gpa, 0, NULL, false) < 0)
		return -1;
	mem->shadow[i] = state;
	if (!new)
		return 0;
	return vm__set_slot(mem->vm, VM_SLOT_SHADOW + i, gpa, MEMORY_SHADOW_GRANULE, new,
			    state != SHADOW_RAM);
}

int memory__set_firmware(struct memory *mem, const void *image, size_t size, struct error *err)
{
	if (!size || size % PAGE || size > MEMORY_FIRMWARE_MAX || size < BIOS_ALIAS_SIZE)
		return error__set(err, STATUS_USAGE,
				  "the firmware image has %zu bytes; a PC's has 128 KiB to 1 MiB, in whole pages",
				  size);

	mem->firmware = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
	if (mem->firmware == MAP_FAILED) {
		mem->firmware = NULL;
		return error__errno(err, "cannot allocate the firmware's memory");
	}
	memcpy(mem->firmware, image, size);
	mem->firmware_size = size;

	if (vm__set_slot(mem->vm, VM_SLOT_FIRMWARE, MEMORY_HOLE_END - size, size, mem->firmware,
			 true) < 0)
		return error__errno(err, "cannot map the firmware");
	for (unsigned int i = 0; i < GRANULES; i++) {
		uint64_t gpa = MEMORY_SHADOW_START + i * MEMORY_SHADOW_GRANULE;

		if (gpa >= BIOS_ALIAS_START &&
		    vm__set_slot(mem->vm, VM_SLOT_SHADOW + i, gpa, MEMORY_SHADOW_GRANULE,
				 granule_host(mem, gpa, SHADOW_ROM), true) < 0)
			return error__errno(err, "cannot map the firmware below 1 MiB");
	}
	return 0;
}

int memory__shadow(struct memory *mem, uint64_t start, uint64_t end, bool read, bool write,
		   struct error *err)
{
	enum shadow_state state = SHADOW_ROM;
	int ret = 0;

	if (read)
		state = write ? SHADOW_RAM : SHADOW_RAM_READ_ONLY;

	pthread_mutex_lock(&mem->lock);
	for (uint64_t gpa = start; gpa < end && !ret; gpa += MEMORY_SHADOW_GRANULE) {
		unsigned int i = (gpa - MEMORY_SHADOW_START) / MEMORY_SHADOW_GRANULE;

		if (mem->shadow[i] != state && set_granule(mem, i, state) < 0)
			ret = error__errno(err, "cannot switch the shadow memory at 0x%llx",
					   (unsigned long long)gpa);
	}
	pthread_mutex_unlock(&mem->lock);
	return ret;
}
