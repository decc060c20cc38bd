/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How machine.c makes and ends the firmware configuration device; its users need fw_cfg.h only. */
#ifndef MINIVMM_CHIP_FW_CFG_DEVICE_H
#define MINIVMM_CHIP_FW_CFG_DEVICE_H

#include "error.h"
#include "fw_cfg.h"

struct machine;

int fw_cfg__create(struct fw_cfg **cfg, struct machine *m, struct error *err);
/* NULL is allowed. */
void fw_cfg__destroy(struct fw_cfg *cfg);

#endif
