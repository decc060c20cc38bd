// SPDX-License-Identifier: GPL-2.0-or-later
/* RSDP, RSDT, XSDT, FADT, FACS and MADT around the DSDT; see acpi.h. */
#include <string.h>

#include "acpi/acpi.h"
#include "acpi/aml.h"

#define TABLE_CHECKSUM		9	/* offset in every table's header */
#define RSDP_SIZE		36
#define RSDP_SIZE_V1		20
#define RSDP_CHECKSUM		8
#define RSDP_CHECKSUM_V2	32
#define FACS_SIZE		64

#define SPACE_IO		1
#define ACCESS_BYTE		1
#define ACCESS_WORD		2
#define ACCESS_DWORD		3

#define FADT_WBINVD		(1u << 0)
#define FADT_C1			(1u << 2)
#define FADT_NO_SLEEP_BUTTON	(1u << 5)
#define FADT_NO_RTC_WAKE	(1u << 6)
#define FADT_RESET_REGISTER	(1u << 10)
#define BOOT_LEGACY_DEVICES	(1u << 0)
#define BOOT_NO_VGA		(1u << 2)
#define LATENCY_NO_C2		0x0065
#define LATENCY_NO_C3		0x03e9
#define CMOS_CENTURY		0x32

#define MADT_LAPIC		0
#define MADT_IOAPIC		1
#define MADT_OVERRIDE		2
#define MADT_LAPIC_NMI		4
#define MADT_PCAT_COMPAT	1
#define LAPIC_ADDRESS		0xfee00000
#define IOAPIC_ADDRESS		0xfec00000
#define ACTIVE_HIGH_LEVEL	0x0d

struct builder {
	struct acpi *acpi;
	struct aml aml;		/* the blob; aml.len is where the next byte goes */
};

/* A pointer to the blob's offset @target. */
static void add_pointer(struct builder *b, uint64_t target, uint8_t size)
{
	struct acpi *acpi = b->acpi;

	acpi->pointers[acpi->pointer_count++] = (struct acpi_pointer){ b->aml.len, size };
	if (size == 4)
		aml__dword(&b->aml, target);
	else
		aml__qword(&b->aml, target);
}

static void add_checksum(struct builder *b, uint32_t at, uint32_t start, uint32_t length)
{
	struct acpi *acpi = b->acpi;

	acpi->checksums[acpi->checksum_count++] = (struct acpi_checksum){ at, start, length };
}

static void add_text(struct builder *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		aml__byte(&b->aml, text[i]);
}

static void add_zeros(struct builder *b, size_t count)
{
	while (count--)
		aml__byte(&b->aml, 0);
}

static void align(struct builder *b, size_t to)
{
	while (b->aml.len % to)
		aml__byte(&b->aml, 0);
}

static size_t begin_table(struct builder *b, const char *signature, uint8_t revision)
{
	size_t start;

	align(b, 16);
	start = b->aml.len;
	add_text(b, signature, 4);
	aml__dword(&b->aml, 0);		/* length, see end_table() */
	aml__byte(&b->aml, revision);
	aml__byte(&b->aml, 0);		/* checksum */
	add_text(b, "MINVMM", 6);
	add_text(b, "MINIVMM ", 8);
	aml__dword(&b->aml, 1);
	add_text(b, "MVMM", 4);
	aml__dword(&b->aml, 1);
	return start;
}

static void end_table(struct builder *b, size_t start)
{
	uint32_t length = b->aml.len - start;

	memcpy(b->acpi->data + start + 4, &length, sizeof(length));
	add_checksum(b, start + TABLE_CHECKSUM, start, length);
}

static size_t add_dsdt(struct builder *b)
{
	size_t start = begin_table(b, "DSDT", 2);

	acpi__dsdt(&b->aml);
	end_table(b, start);
	return start;
}

static size_t add_facs(struct builder *b)
{
	size_t start;

	align(b, 64);
	start = b->aml.len;
	add_text(b, "FACS", 4);
	aml__dword(&b->aml, FACS_SIZE);
	add_zeros(b, 24);
	aml__byte(&b->aml, 1);		/* version */
	add_zeros(b, FACS_SIZE - 33);
	return start;
}

static void add_register(struct builder *b, uint16_t port, uint8_t bytes, uint8_t access)
{
	aml__byte(&b->aml, SPACE_IO);
	aml__byte(&b->aml, 8 * bytes);
	aml__byte(&b->aml, 0);
	aml__byte(&b->aml, bytes ? access : 0);
	aml__qword(&b->aml, port);
}

/* Ports and lengths of the ACPI 1.0 part. */
static void add_fadt_ports(struct builder *b)
{
	struct aml *aml = &b->aml;

	aml__dword(aml, 0);			/* SMI command: always in ACPI mode */
	aml__dword(aml, 0);			/* enable, disable, S4BIOS, P-state commands */
	aml__dword(aml, ACPI_PM_BASE + ACPI_PM_EVENT);
	aml__dword(aml, 0);
	aml__dword(aml, ACPI_PM_BASE + ACPI_PM_CONTROL);
	aml__dword(aml, 0);
	aml__dword(aml, 0);
	aml__dword(aml, ACPI_PM_BASE + ACPI_PM_TIMER);
	aml__dword(aml, 0);			/* GPE0 */
	aml__dword(aml, 0);			/* GPE1 */
	aml__byte(aml, 4);			/* lengths: event, control, PM2, timer */
	aml__byte(aml, 2);
	aml__byte(aml, 0);
	aml__byte(aml, 4);
	aml__dword(aml, 0);			/* GPE lengths, GPE1 base, C-state command */
	aml__word(aml, LATENCY_NO_C2);
	aml__word(aml, LATENCY_NO_C3);
	aml__dword(aml, 0);			/* flush size and stride */
	aml__word(aml, 0);			/* duty offset and width */
	aml__word(aml, 0);			/* day and month alarm */
	aml__byte(aml, CMOS_CENTURY);
}

static size_t add_fadt(struct builder *b, size_t dsdt, size_t facs)
{
	size_t start = begin_table(b, "FACP", 3);
	struct aml *aml = &b->aml;

	add_pointer(b, facs, 4);
	add_pointer(b, dsdt, 4);
	aml__byte(aml, 0);
	aml__byte(aml, 0);			/* no preferred profile */
	aml__word(aml, ACPI_SCI);
	add_fadt_ports(b);
	aml__word(aml, BOOT_LEGACY_DEVICES | BOOT_NO_VGA);
	aml__byte(aml, 0);
	aml__dword(aml, FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON | FADT_NO_RTC_WAKE |
		   FADT_RESET_REGISTER);
	add_register(b, ACPI_RESET_PORT, 1, ACCESS_BYTE);
	aml__byte(aml, ACPI_RESET_VALUE);
	add_zeros(b, 3);
	aml__qword(aml, 0);			/* the 32-bit FACS pointer counts */
	add_pointer(b, dsdt, 8);
	add_register(b, ACPI_PM_BASE + ACPI_PM_EVENT, 4, ACCESS_WORD);
	add_register(b, 0, 0, 0);
	add_register(b, ACPI_PM_BASE + ACPI_PM_CONTROL, 2, ACCESS_WORD);
	add_register(b, 0, 0, 0);
	add_register(b, 0, 0, 0);
	add_register(b, ACPI_PM_BASE + ACPI_PM_TIMER, 4, ACCESS_DWORD);
	add_register(b, 0, 0, 0);
	add_register(b, 0, 0, 0);
	end_table(b, start);
	return start;
}

static void add_override(struct builder *b, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	aml__byte(&b->aml, MADT_OVERRIDE);
	aml__byte(&b->aml, 10);
	aml__byte(&b->aml, 0);
	aml__byte(&b->aml, irq);
	aml__dword(&b->aml, gsi);
	aml__word(&b->aml, flags);
}

static void add_lapic(struct builder *b, uint8_t id)
{
	aml__byte(&b->aml, MADT_LAPIC);
	aml__byte(&b->aml, 8);
	aml__byte(&b->aml, id);
	aml__byte(&b->aml, id);
	aml__dword(&b->aml, 1);			/* enabled */
}

static void add_ioapic(struct builder *b)
{
	aml__byte(&b->aml, MADT_IOAPIC);
	aml__byte(&b->aml, 12);
	aml__byte(&b->aml, 0);
	aml__byte(&b->aml, 0);
	aml__dword(&b->aml, IOAPIC_ADDRESS);
	aml__dword(&b->aml, 0);
}

static size_t add_madt(struct builder *b, unsigned int vcpus)
{
	size_t start = begin_table(b, "APIC", 1);

	aml__dword(&b->aml, LAPIC_ADDRESS);
	aml__dword(&b->aml, MADT_PCAT_COMPAT);
	for (unsigned int i = 0; i < vcpus; i++)
		add_lapic(b, i);
	add_ioapic(b);
	add_override(b, 0, 2, 0);
	add_override(b, ACPI_SCI, ACPI_SCI, ACTIVE_HIGH_LEVEL);
	add_override(b, 10, 10, ACTIVE_HIGH_LEVEL);
	add_override(b, 11, 11, ACTIVE_HIGH_LEVEL);
	aml__byte(&b->aml, MADT_LAPIC_NMI);
	aml__byte(&b->aml, 6);
	aml__byte(&b->aml, 0xff);		/* all processors */
	aml__word(&b->aml, 0);
	aml__byte(&b->aml, 1);			/* LINT1 */
	end_table(b, start);
	return start;
}

static size_t add_root(struct builder *b, const char *signature, uint8_t pointer_size,
		       const size_t *tables, unsigned int count)
{
	size_t start = begin_table(b, signature, 1);

	for (unsigned int i = 0; i < count; i++)
		add_pointer(b, tables[i], pointer_size);
	end_table(b, start);
	return start;
}

static void add_rsdp(struct builder *b, size_t rsdt, size_t xsdt)
{
	size_t end = b->aml.len;

	b->aml.len = 0;
	add_text(b, "RSD PTR ", 8);
	aml__byte(&b->aml, 0);
	add_text(b, "MINVMM", 6);
	aml__byte(&b->aml, 2);
	add_pointer(b, rsdt, 4);
	aml__dword(&b->aml, RSDP_SIZE);
	add_pointer(b, xsdt, 8);
	add_zeros(b, 4);
	b->aml.len = end;
	add_checksum(b, RSDP_CHECKSUM, 0, RSDP_SIZE_V1);
	add_checksum(b, RSDP_CHECKSUM_V2, 0, RSDP_SIZE);
}

void acpi__build(struct acpi *acpi, unsigned int vcpus)
{
	struct builder b = { .acpi = acpi };
	size_t tables[2], dsdt, facs, rsdt, xsdt;

	memset(acpi, 0, sizeof(*acpi));
	b.aml = (struct aml){ .data = acpi->data, .size = ACPI_SIZE, .len = ACPI_TABLES };
	dsdt = add_dsdt(&b);
	facs = add_facs(&b);
	tables[0] = add_fadt(&b, dsdt, facs);
	tables[1] = add_madt(&b, vcpus);
	rsdt = add_root(&b, "RSDT", 4, tables, 2);
	xsdt = add_root(&b, "XSDT", 8, tables, 2);
	add_rsdp(&b, rsdt, xsdt);
	acpi->size = b.aml.len;
}

static void link_pointer(struct acpi *acpi, const struct acpi_pointer *p, uint64_t base)
{
	uint64_t value = 0;

	memcpy(&value, acpi->data + p->at, p->size);
	value += base;
	memcpy(acpi->data + p->at, &value, p->size);
}

static void link_checksum(struct acpi *acpi, const struct acpi_checksum *c)
{
	uint8_t sum = 0;

	acpi->data[c->at] = 0;
	for (uint32_t i = 0; i < c->length; i++)
		sum += acpi->data[c->start + i];
	acpi->data[c->at] = -sum;
}

void acpi__link(struct acpi *acpi, uint64_t base)
{
	for (unsigned int i = 0; i < acpi->pointer_count; i++)
		link_pointer(acpi, &acpi->pointers[i], base);
	for (unsigned int i = 0; i < acpi->checksum_count; i++)
		link_checksum(acpi, &acpi->checksums[i]);
}
