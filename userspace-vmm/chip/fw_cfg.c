// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware configuration device: see fw_cfg.h. Read-only for the guest, by byte port or by DMA. The
 * entries do not change once vCPUs run; selector and offset are under the mutex.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "chip/fw_cfg_device.h"
#include "machine.h"

#define PORT			0x510
#define PORTS			12
#define OFFSET_SELECTOR		0
#define OFFSET_DATA		1
#define OFFSET_DMA_HIGH		4
#define OFFSET_DMA_LOW		8

#define KEY_SIGNATURE		0x00
#define KEY_ID			0x01
#define KEY_DIRECTORY		0x19
#define KEY_FIRST_FILE		0x20
#define KEYS			0x60
#define ID_TRADITIONAL_DMA	0x03
#define NAME_SIZE		56
#define DMA_SIGNATURE		0x51454d5520434647ULL	/* "QEMU CFG" */

#define DMA_ERROR		0x01
#define DMA_READ		0x02
#define DMA_SKIP		0x04
#define DMA_SELECT		0x08
#define DMA_WRITE		0x10
#define DMA_KEY(control)	((control) >> 16)

/* As the guest sees them: big endian. */
struct directory_file {
	uint32_t size;
	uint16_t key;
	uint16_t reserved;
	char name[NAME_SIZE];
};
_Static_assert(sizeof(struct directory_file) == 64, "layout");

struct dma_access {
	uint32_t control;
	uint32_t length;
	uint64_t address;
};
_Static_assert(sizeof(struct dma_access) == 16, "layout");

struct fw_cfg {
	struct machine *m;
	struct {
		uint8_t *data;
		size_t size;
	} entries[KEYS];
	uint16_t next_file;

	pthread_mutex_t lock;	/* protects all below */
	uint16_t key;
	size_t offset;
	uint32_t dma_high;
};

int fw_cfg__add_entry(struct fw_cfg *cfg, uint16_t key, const void *data, size_t len)
{
	if (key >= KEYS) {
		errno = ENOSPC;
		return -1;
	}
	if (cfg->entries[key].data) {
		errno = EEXIST;
		return -1;
	}
	cfg->entries[key].data = malloc(len);
	if (!cfg->entries[key].data)
		return -1;
	memcpy(cfg->entries[key].data, data, len);
	cfg->entries[key].size = len;
	return 0;
}

/* The directory: a big-endian count, then the files. */
static int add_to_directory(struct fw_cfg *cfg, const char *name, uint16_t key, size_t len)
{
	struct directory_file file = { .size = htobe32(len), .key = htobe16(key) };
	size_t old = cfg->entries[KEY_DIRECTORY].size;
	uint8_t *data = realloc(cfg->entries[KEY_DIRECTORY].data, old + sizeof(file));
	uint32_t count;

	if (!data)
		return -1;
	strncpy(file.name, name, NAME_SIZE - 1);
	memcpy(data + old, &file, sizeof(file));
	memcpy(&count, data, sizeof(count));
	count = htobe32(be32toh(count) + 1);
	memcpy(data, &count, sizeof(count));
	cfg->entries[KEY_DIRECTORY].data = data;
	cfg->entries[KEY_DIRECTORY].size = old + sizeof(file);
	return 0;
}

int fw_cfg__add_file(struct fw_cfg *cfg, const char *name, const void *data, size_t len)
{
	if (fw_cfg__add_entry(cfg, cfg->next_file, data, len) < 0)
		return -1;
	return add_to_directory(cfg, name, cfg->next_file++, len);
}

static void select_key(struct fw_cfg *cfg, uint16_t key)
{
	cfg->key = key;
	cfg->offset = 0;
}

/* Bytes left of the selected entry. */
static size_t left(const struct fw_cfg *cfg)
{
	size_t size = cfg->key < KEYS ? cfg->entries[cfg->key].size : 0;

	return size > cfg->offset ? size - cfg->offset : 0;
}

static uint8_t read_byte(struct fw_cfg *cfg)
{
	return left(cfg) ? cfg->entries[cfg->key].data[cfg->offset++] : 0;
}

/* Behind its end an entry reads as zeros. */
static int dma_read(struct fw_cfg *cfg, uint64_t address, uint32_t length)
{
	size_t data = left(cfg) < length ? left(cfg) : length;
	uint8_t *host = memory__ptr(cfg->m->memory, address, length);

	if (!length)
		return 0;
	if (!host)
		return -1;
	if (data)
		memcpy(host, cfg->entries[cfg->key].data + cfg->offset, data);
	memset(host + data, 0, length - data);
	cfg->offset += data;
	return 0;
}

static void run_dma(struct fw_cfg *cfg, uint64_t gpa)
{
	struct dma_access access;
	uint32_t control, length, result = 0;

	if (memory__read(cfg->m->memory, gpa, &access, sizeof(access)) < 0)
		return;
	control = be32toh(access.control);
	length = be32toh(access.length);
	if (control & DMA_SELECT)
		select_key(cfg, DMA_KEY(control));
	if (control & DMA_READ)
		result = dma_read(cfg, be64toh(access.address), length) < 0 ? DMA_ERROR : 0;
	else if (control & DMA_WRITE)
		result = DMA_ERROR;
	else if (control & DMA_SKIP)
		cfg->offset += length < left(cfg) ? length : left(cfg);
	result = htobe32(result);
	memory__write(cfg->m->memory, gpa + offsetof(struct dma_access, control), &result,
		      sizeof(result));
}

static uint64_t ports_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct fw_cfg *cfg = ctx;
	uint64_t value = 0;

	pthread_mutex_lock(&cfg->lock);
	if (offset == OFFSET_DATA && size == 1)
		value = read_byte(cfg);
	else if (offset == OFFSET_DMA_HIGH && size == 4)
		value = htobe32(DMA_SIGNATURE >> 32);
	else if (offset == OFFSET_DMA_LOW && size == 4)
		value = htobe32((uint32_t)DMA_SIGNATURE);
	pthread_mutex_unlock(&cfg->lock);
	return value;
}

static void ports_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct fw_cfg *cfg = ctx;

	pthread_mutex_lock(&cfg->lock);
	if (offset == OFFSET_SELECTOR && size == 2) {
		select_key(cfg, value);
	} else if (offset == OFFSET_DMA_HIGH && size == 4) {
		cfg->dma_high = be32toh(value);
	} else if (offset == OFFSET_DMA_LOW && size == 4) {
		run_dma(cfg, (uint64_t)cfg->dma_high << 32 | be32toh(value));
		cfg->dma_high = 0;
	}
	pthread_mutex_unlock(&cfg->lock);
}

static const struct bus_ops ops = { .read = ports_read, .write = ports_write };

int fw_cfg__create(struct fw_cfg **out, struct machine *m, struct error *err)
{
	static const uint32_t no_files;
	struct fw_cfg *cfg = calloc(1, sizeof(*cfg));
	uint32_t id = htole32(ID_TRADITIONAL_DMA);

	if (!cfg)
		return error__errno(err, "cannot allocate the firmware configuration");
	cfg->m = m;
	cfg->next_file = KEY_FIRST_FILE;
	pthread_mutex_init(&cfg->lock, NULL);
	if (fw_cfg__add_entry(cfg, KEY_SIGNATURE, "QEMU", 4) < 0 ||
	    fw_cfg__add_entry(cfg, KEY_ID, &id, sizeof(id)) < 0 ||
	    fw_cfg__add_entry(cfg, KEY_DIRECTORY, &no_files, sizeof(no_files)) < 0 ||
	    bus__add(m->pio, PORT, PORTS, &ops, cfg) < 0) {
		error__errno(err, "cannot create the firmware configuration");
		fw_cfg__destroy(cfg);
		return -1;
	}
	*out = cfg;
	return 0;
}

void fw_cfg__destroy(struct fw_cfg *cfg)
{
	if (!cfg)
		return;
	for (unsigned int i = 0; i < KEYS; i++)
		free(cfg->entries[i].data);
	pthread_mutex_destroy(&cfg->lock);
	free(cfg);
}
