// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts a kernel without firmware: does what firmware would have left behind (memory map, ACPI
 * tables, interrupt routing) and puts vCPU 0 at the kernel's entry.
 */
#include "boot/direct.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <minivmm.h>

#include "acpi/acpi.h"
#include "chip/chipset.h"
#include "host.h"
#include "machine.h"
#include "text.h"
#include "vcpu.h"

#define PAGE_SIZE	4096ULL
#define KERNEL_FILE_MAX	(2ULL << 30)	/* of an ELF file not all is loaded */
#define CODE_SELECTOR	0x10
#define DATA_SELECTOR	0x18
#define TASK_SELECTOR	0x20

#define GDT_CODE64	0x00af9b000000ffffULL
#define GDT_CODE32	0x00cf9b000000ffffULL
#define GDT_DATA	0x00cf93000000ffffULL
#define GDT_TASK	0x00008b0000000067ULL

#define CR0_PE		0x00000001ULL
#define CR0_ET		0x00000010ULL
#define CR0_PG		0x80000000ULL
#define CR4_PAE		0x20ULL
#define CR4_LA57	0x1000ULL
#define EFER_LME	0x100ULL
#define EFER_LMA	0x400ULL
#define RFLAGS_ONE	0x2ULL
#define PTE_TABLE	0x3ULL		/* present, writable */
#define PTE_HUGE	0x83ULL		/* and 2 MiB */

#define WHITE_SPACE	" \t\n\v\f\r"

#define MSR_MTRR_DEF_TYPE	0x2ff
#define MTRR_ENABLE		0x800
#define MTRR_WRITE_BACK		6

static void add_range(struct boot_info *info, uint64_t start, uint64_t end,
		      enum boot_range_type type)
{
	if (end > start)
		info->ranges[info->range_count++] = (struct boot_range){ start, end - start, type };
}

static void build_memory_map(struct machine *m, struct boot_info *info)
{
	uint64_t above = memory__above_4g(m->memory);

	add_range(info, 0, BOOT_EBDA, BOOT_RANGE_RAM);
	add_range(info, BOOT_EBDA, MEMORY_VGA_START, BOOT_RANGE_RESERVED);
	add_range(info, BOOT_ACPI, BOOT_ACPI_END, BOOT_RANGE_RESERVED);
	add_range(info, BOOT_KERNEL_MIN, memory__below_4g(m->memory), BOOT_RANGE_RAM);
	add_range(info, MEMORY_HOLE_END, MEMORY_HOLE_END + above, BOOT_RANGE_RAM);
}

static int place_cmdline(struct machine *m, struct boot_info *info, struct error *err)
{
	info->cmdline = BOOT_CMDLINE;
	info->cmdline_size = strlen(m->config->append) + 1;
	if (info->cmdline_size > BOOT_CMDLINE_SIZE)
		return error__set(err, STATUS_USAGE, "--append is longer than %llu bytes",
				  BOOT_CMDLINE_SIZE);
	memory__write(m->memory, info->cmdline, m->config->append, info->cmdline_size);
	return 0;
}

bool direct__has_option(const char *cmdline, const char *option)
{
	size_t length;

	for (; *cmdline; cmdline += length) {
		cmdline += strspn(cmdline, WHITE_SPACE);
		length = strcspn(cmdline, WHITE_SPACE);
		if (length == strlen(option) && !memcmp(cmdline, option, length))
			return true;
	}
	return false;
}

static int place_acpi(struct machine *m, struct boot_info *info, struct error *err)
{
	struct acpi acpi;

	if (memory__shadow(m->memory, MEMORY_SHADOW_START, MEMORY_SHADOW_END, true, true, err) < 0)
		return -1;
	acpi__build(&acpi, m->config->vcpus);
	acpi__link(&acpi, BOOT_ACPI);
	memory__write(m->memory, BOOT_ACPI, acpi.data, acpi.size);
	info->rsdp = BOOT_ACPI + acpi.rsdp;
	return 0;
}

int direct__no_room(const struct machine *m, const char *what_does, struct error *err)
{
	char size[TEXT_SIZE_MAX];

	return error__set(err, STATUS_USAGE, "%s not fit into %s of memory; give more with -m",
			  what_does, text__size(size, m->config->memory));
}

int direct__place_initrd(struct machine *m, uint64_t kernel_end, uint64_t max,
			 struct boot_info *info, struct error *err)
{
	uint64_t top = memory__below_4g(m->memory);
	struct boot_file file;

	if (!m->config->initrd)
		return 0;
	if (boot__read_file(&file, &m->host->initrd, m->config->memory, err) < 0)
		return -1;
	if (top > max)
		top = max + 1;
	info->initrd_size = file.size;
	info->initrd = top > file.size ? (top - file.size) & ~(PAGE_SIZE - 1) : 0;
	if (info->initrd < kernel_end)
		direct__no_room(m, "kernel and initrd do", err);
	else
		memory__write(m->memory, info->initrd, file.data, file.size);
	boot__free_file(&file);
	return error__is_set(err) ? -1 : 0;
}

static void build_page_tables(struct machine *m)
{
	uint64_t *table = memory__ptr(m->memory, BOOT_PAGE_TABLES, 6 * PAGE_SIZE);
	uint64_t *directory = table + 2 * 512;
	uint64_t *fifth = memory__ptr(m->memory, BOOT_FIFTH_LEVEL, PAGE_SIZE);

	memset(fifth, 0, PAGE_SIZE);
	fifth[0] = BOOT_PAGE_TABLES | PTE_TABLE;
	memset(table, 0, 6 * PAGE_SIZE);
	table[0] = (BOOT_PAGE_TABLES + PAGE_SIZE) | PTE_TABLE;
	for (unsigned int i = 0; i < 4; i++)
		table[512 + i] = (BOOT_PAGE_TABLES + (2 + i) * PAGE_SIZE) | PTE_TABLE;
	for (uint64_t i = 0; i < 4 * 512; i++)
		directory[i] = i << 21 | PTE_HUGE;
}

static struct minivmm_segment segment(uint16_t selector, uint8_t type, bool code, bool l)
{
	return (struct minivmm_segment){
		.selector = selector,
		.limit = 0xffffffff,
		.type = type,
		.present = 1,
		.s = 1,
		.l = code && l,
		.db = !(code && l),
		.g = 1,
	};
}

static void set_segments(struct machine *m, struct minivmm_sregs *s, bool long_mode)
{
	uint64_t gdt[] = { 0, 0, long_mode ? GDT_CODE64 : GDT_CODE32, GDT_DATA, GDT_TASK, 0 };

	memory__write(m->memory, BOOT_GDT, gdt, sizeof(gdt));
	s->gdt.base = BOOT_GDT;
	s->gdt.limit = sizeof(gdt) - 1;
	s->idt.base = 0;
	s->idt.limit = 0;
	s->cs = segment(CODE_SELECTOR, 0xb, true, long_mode);
	s->ds = segment(DATA_SELECTOR, 0x3, false, long_mode);
	s->es = s->fs = s->gs = s->ss = s->ds;
	s->tr = (struct minivmm_segment){
		.selector = TASK_SELECTOR,
		.limit = 0x67,
		.type = 0xb,
		.present = 1,
	};
}

/*
 * The kernel would take disabled MTRRs for "all memory uncached" and give up PAT. Firmware sets them
 * in every CPU alike; a kernel that finds them different says so and copies those of the first.
 */
static int set_mtrr(const struct vcpu *vcpu)
{
	struct {
		struct minivmm_msrs header;
		struct minivmm_msr_entry entry;
	} msrs = {
		.header.nmsrs = 1,
		.entry = { .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE | MTRR_WRITE_BACK },
	};

	return ioctl(vcpu->fd, MINIVMM_SET_MSRS, &msrs) == 1 ? 0 : -1;
}

static int set_entry(struct machine *m, struct vcpu *bsp, const struct boot_entry *entry,
		     struct error *err)
{
	struct minivmm_regs regs = {
		.rip = entry->rip,
		.rflags = RFLAGS_ONE,
		.rsi = entry->long_mode ? entry->info : 0,
		.rbx = entry->long_mode ? 0 : entry->info,
	};
	struct minivmm_sregs sregs;

	if (ioctl(bsp->fd, MINIVMM_GET_SREGS, &sregs) < 0)
		return error__errno(err, "cannot read the registers of vCPU 0");
	set_segments(m, &sregs, entry->long_mode);
	sregs.cr0 = CR0_PE | CR0_ET;
	if (entry->long_mode) {
		build_page_tables(m);
		sregs.cr0 |= CR0_PG;
		sregs.cr3 = BOOT_PAGE_TABLES;
		sregs.cr4 = CR4_PAE;
		sregs.efer = EFER_LME | EFER_LMA;
	}
	if (entry->five_levels && bsp->la57) {
		sregs.cr3 = BOOT_FIFTH_LEVEL;
		sregs.cr4 |= CR4_LA57;
	}
	if (ioctl(bsp->fd, MINIVMM_SET_SREGS, &sregs) < 0 ||
	    ioctl(bsp->fd, MINIVMM_SET_REGS, &regs) < 0)
		return error__errno(err, "cannot set the registers of vCPU 0");
	return 0;
}

int direct__set_mtrrs(const struct machine *m, struct vcpu *const *vcpus, struct error *err)
{
	for (unsigned int i = 0; i < m->config->vcpus; i++) {
		if (set_mtrr(vcpus[i]) < 0)
			return error__errno(err, "cannot set the MTRRs of vCPU %u", i);
	}
	return 0;
}

static int load(struct machine *m, const struct boot_file *file, struct boot_info *info,
		struct boot_entry *entry, struct error *err)
{
	if (bzimage__probe(file))
		return bzimage__load(m, file, info, entry, err);
	if (pvh__probe(file))
		return pvh__load(m, file, info, entry, err);
	return error__set(err, STATUS_USAGE,
			  "kernel %s is neither a bzImage nor an ELF file; give the vmlinuz of a 64-bit kernel",
			  m->config->kernel);
}

int boot__kernel(struct machine *m, struct vcpu *const *vcpus, struct error *err)
{
	struct boot_entry entry = { 0 };
	struct boot_info info = { 0 };
	struct boot_file file;
	int ret;

	build_memory_map(m, &info);
	if (place_cmdline(m, &info, err) < 0 || place_acpi(m, &info, err) < 0 ||
	    boot__read_file(&file, &m->host->kernel, KERNEL_FILE_MAX, err) < 0)
		return -1;
	ret = load(m, &file, &info, &entry, err);
	boot__free_file(&file);
	if (ret < 0)
		return ret;
	chipset__setup_without_firmware(m);
	machine__phase(m, "kernel %s loaded", m->config->kernel);
	if (direct__set_mtrrs(m, vcpus, err) < 0)
		return -1;
	return set_entry(m, vcpus[0], &entry, err);
}
