/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware configuration device (ports 0x510..0x51b): numbered entries and named files that
 * SeaBIOS and Linux read. Files are added while devices are created, never later.
 */
#ifndef MINIVMM_FW_CFG_H
#define MINIVMM_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

struct fw_cfg;

/* Copies @data. 0, or -1 with errno (ENOSPC, ENOMEM, EEXIST). */
int fw_cfg__add_file(struct fw_cfg *cfg, const char *name, const void *data, size_t len);
int fw_cfg__add_entry(struct fw_cfg *cfg, uint16_t key, const void *data, size_t len);

#endif
