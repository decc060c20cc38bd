// SPDX-License-Identifier: GPL-2.0-or-later
/* ACPI tables: sums, pointers, contents that an OS relies on. */
#include "support/ktap.h"

#include <stdlib.h>
#include <string.h>

#include "acpi/acpi.h"
#include "acpi/aml.h"

#define BASE	0xe0000

static struct acpi acpi;

static uint8_t sum(const uint8_t *data, size_t len)
{
	uint8_t total = 0;

	while (len--)
		total += *data++;
	return total;
}

static uint32_t get32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The table that the XSDT of the linked blob lists with @signature, or NULL. */
static const uint8_t *find_table(const char *signature)
{
	const uint8_t *xsdt = acpi.data + (get32(acpi.data + 24) - BASE);

	for (uint32_t at = 36; at < get32(xsdt + 4); at += 8) {
		const uint8_t *table = acpi.data + (get32(xsdt + at) - BASE);

		if (!memcmp(table, signature, 4))
			return table;
	}
	return NULL;
}

static void build(unsigned int vcpus)
{
	acpi__build(&acpi, vcpus);
	acpi__link(&acpi, BASE);
}

TEST(every_checksum_is_zero_after_linking)
{
	build(4);
	CHECK(acpi.checksum_count >= 7);
	for (unsigned int i = 0; i < acpi.checksum_count; i++)
		CHECK(!sum(acpi.data + acpi.checksums[i].start, acpi.checksums[i].length));
}

TEST(rsdp_names_rsdt_and_xsdt)
{
	build(1);
	CHECK(!memcmp(acpi.data, "RSD PTR ", 8));
	CHECK(!memcmp(acpi.data + (get32(acpi.data + 16) - BASE), "RSDT", 4));
	CHECK(!memcmp(acpi.data + (get32(acpi.data + 24) - BASE), "XSDT", 4));
}

TEST(fadt_points_to_dsdt_and_aligned_facs)
{
	const uint8_t *fadt;

	build(1);
	fadt = find_table("FACP");
	CHECK(fadt);
	CHECK(get32(fadt + 4) == 244);
	CHECK(get32(fadt + 36) % 64 == 0);
	CHECK(!memcmp(acpi.data + (get32(fadt + 36) - BASE), "FACS", 4));
	CHECK(!memcmp(acpi.data + (get32(fadt + 40) - BASE), "DSDT", 4));
	CHECK(get32(fadt + 140) == get32(fadt + 40));
}

TEST(fadt_ports_are_those_of_the_power_chip)
{
	const uint8_t *fadt;

	build(1);
	fadt = find_table("FACP");
	CHECK(fadt);
	CHECK(get32(fadt + 56) == ACPI_PM_BASE);
	CHECK(get32(fadt + 64) == ACPI_PM_BASE + ACPI_PM_CONTROL);
	CHECK(get32(fadt + 76) == ACPI_PM_BASE + ACPI_PM_TIMER);
}

TEST(madt_has_one_local_apic_per_vcpu)
{
	const uint8_t *madt;
	unsigned int count = 0;

	build(255);
	madt = find_table("APIC");
	CHECK(madt);
	for (uint32_t at = 44; at < get32(madt + 4); at += madt[at + 1]) {
		CHECK(madt[at + 1] >= 2);
		if (madt[at] == 0) {
			CHECK(madt[at + 3] == count);
			CHECK(get32(madt + at + 4) == 1);
			count++;
		}
	}
	CHECK(count == 255);
}

TEST(largest_machine_fits)
{
	build(255);
	CHECK(acpi.size <= ACPI_SIZE);
	CHECK(acpi.pointer_count <= ACPI_FIXUPS && acpi.checksum_count <= ACPI_FIXUPS);
}

TEST(aml_package_lengths_nest)
{
	uint8_t data[64];
	struct aml aml = { .data = data, .size = sizeof(data) };
	aml_mark outer = aml__begin_package(&aml, 1);
	aml_mark inner = aml__begin_package(&aml, 1);

	aml__integer(&aml, 0x1234);
	aml__end(&aml, inner);
	aml__end(&aml, outer);
	/* op, 3 length bytes, count, op, 3 length bytes, count, word: the length counts itself. */
	CHECK(aml.len == 13);
	CHECK((data[1] & 0xf) + (data[2] << 4) == 12);
	CHECK((data[6] & 0xf) + (data[7] << 4) == 7);
}

TEST(aml_does_not_write_past_its_buffer)
{
	uint8_t data[4] = { 0, 0, 0, 0xee };
	struct aml aml = { .data = data, .size = 3 };

	aml__qword(&aml, ~0ULL);
	CHECK(aml.len == 8);
	CHECK(data[3] == 0xee);
}

TEST(eisa_id_is_compressed)
{
	uint8_t data[16];
	struct aml aml = { .data = data, .size = sizeof(data) };
	static const uint8_t expected[] = {
		0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0a, 0x03,
	};

	aml__name_eisa_id(&aml, "_HID", "PNP0A03");
	CHECK(aml.len == sizeof(expected));
	CHECK(!memcmp(data, expected, sizeof(expected)));
}

/* Writes table @signature of a linked blob to a file for iasl; 0 on success. */
static int dump(const char *signature, const uint8_t *table, const char *dir)
{
	char path[256];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/%s.aml", dir, signature);
	f = fopen(path, "wb");
	if (!f)
		return -1;
	ret = fwrite(table, get32(table + 4), 1, f) == 1 ? 0 : -1;
	fclose(f);
	return ret;
}

TEST(iasl_disassembles_and_recompiles_without_a_word)
{
	static const char *const names[] = { "FACP", "APIC", "DSDT" };
	char dir[] = "/tmp/minivmm-acpi-XXXXXX", command[512];

	if (system("command -v iasl >/dev/null")) {
		printf("# SKIP iasl is not installed (package acpica-tools)\n");
		return;
	}
	build(4);
	CHECK(mkdtemp(dir));
	for (unsigned int i = 0; i < 3; i++) {
		const uint8_t *table = find_table(names[i]);

		if (!table)
			table = acpi.data + (get32(find_table("FACP") + 40) - BASE);
		CHECK(!dump(names[i], table, dir));
	}
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d *.aml >out 2>&1 && ! grep -iE 'error|warning|invalid' out *.dsl && iasl -tc DSDT.dsl >out 2>&1 && grep -q ' 0 Errors, 0 Warnings' out",
		 dir);
	CHECK(!system(command));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK(!system(command));
}

KTAP_MAIN()
