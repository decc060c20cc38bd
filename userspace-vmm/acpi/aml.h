/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Appends AML, the byte code of ACPI's DSDT, to a buffer of fixed size. Pure: no allocation, no
 * OS. Writing past the end is counted but not done; the owner checks aml->len against aml->size.
 */
#ifndef MINIVMM_ACPI_AML_H
#define MINIVMM_ACPI_AML_H

#include <stdint.h>
#include <stddef.h>

struct aml {
	uint8_t *data;
	size_t size;
	size_t len;
};

/* An open package, closed by aml__end(). Packages nest. */
typedef size_t aml_mark;

void aml__byte(struct aml *aml, uint8_t value);
void aml__word(struct aml *aml, uint16_t value);
void aml__dword(struct aml *aml, uint32_t value);
void aml__qword(struct aml *aml, uint64_t value);

/* A constant in its shortest form. */
void aml__integer(struct aml *aml, uint32_t value);
/* A path such as "\\_SB" or "COM1": segments are padded to four characters. */
void aml__path(struct aml *aml, const char *path);
/* Name (@path, what is appended next). */
void aml__name(struct aml *aml, const char *path);
void aml__name_integer(struct aml *aml, const char *path, uint32_t value);
/* Name (@path, EisaId (@id)), @id as in "PNP0A03". */
void aml__name_eisa_id(struct aml *aml, const char *path, const char *id);

aml_mark aml__begin_scope(struct aml *aml, const char *path);
aml_mark aml__begin_device(struct aml *aml, const char *path);
/* Package of @count elements, which are appended next. */
aml_mark aml__begin_package(struct aml *aml, uint8_t count);
void aml__end(struct aml *aml, aml_mark mark);

/* Resource template: descriptors are appended between begin and end. */
struct aml_resources {
	aml_mark package;
	size_t length_at;
};

struct aml_resources aml__begin_resources(struct aml *aml);
void aml__end_resources(struct aml *aml, struct aml_resources resources);
void aml__io(struct aml *aml, uint16_t port, uint8_t count);
void aml__irq(struct aml *aml, unsigned int irq);
/* Windows that a bridge hands on: both ends included. */
void aml__bus_window(struct aml *aml, uint16_t first, uint16_t last);
void aml__io_window(struct aml *aml, uint16_t first, uint16_t last);
void aml__memory_window(struct aml *aml, uint32_t first, uint32_t last);

#endif
