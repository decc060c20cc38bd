/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's ACPI tables as one relocatable blob: RSDP first, then the tables. Pure. Pointers
 * and checksums are listed, not filled in: firmware does that after placing the blob (fw_cfg's
 * loader script), or acpi__link() does when there is no firmware.
 */
#ifndef MINIVMM_ACPI_ACPI_H
#define MINIVMM_ACPI_ACPI_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_SIZE	16384
#define ACPI_TABLES	64	/* offset of what follows the RSDP */
#define ACPI_FIXUPS	24

/* The ACPI registers' ports, decoded by the power management function of the chipset. */
#define ACPI_PM_BASE	0x600
#define ACPI_PM_EVENT	0x00	/* status, enable: 2 bytes each */
#define ACPI_PM_CONTROL	0x04
#define ACPI_PM_TIMER	0x08
#define ACPI_RESET_PORT	0xcf9
#define ACPI_RESET_VALUE 0x06
#define ACPI_SCI	9

struct acpi {
	uint8_t data[ACPI_SIZE];
	size_t size;
	size_t rsdp;		/* offset of the RSDP: 0 */
	/* At @at stand @size bytes that hold an offset into the blob and shall be an address. */
	struct acpi_pointer {
		uint32_t at;
		uint8_t size;
	} pointers[ACPI_FIXUPS];
	unsigned int pointer_count;
	/* The byte at @at makes the sum over [start, start + length) zero; link pointers first. */
	struct acpi_checksum {
		uint32_t at, start, length;
	} checksums[ACPI_FIXUPS];
	unsigned int checksum_count;
};

/* Builds the tables for @vcpus (1 to 255) vCPUs with APIC ids from 0. */
void acpi__build(struct acpi *acpi, unsigned int vcpus);
/* Makes the blob valid at guest physical address @base. */
void acpi__link(struct acpi *acpi, uint64_t base);

/* dsdt.c: appends the DSDT's byte code. */
struct aml;
void acpi__dsdt(struct aml *aml);

#endif
