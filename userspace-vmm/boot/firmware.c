// SPDX-License-Identifier: GPL-2.0-or-later
/* Firmware at the reset vector, where a new vCPU 0 starts by itself. */
#include "boot/boot.h"
#include "host.h"
#include "machine.h"

int boot__firmware(struct machine *m, struct error *err)
{
	struct boot_file file;
	int ret;

	if (boot__read_file(&file, &m->host->firmware, MEMORY_FIRMWARE_MAX, err) < 0)
		return -1;
	ret = memory__set_firmware(m->memory, file.data, file.size, err);
	if (!ret)
		machine__phase(m, "firmware %s mapped", m->config->bios);
	boot__free_file(&file);
	return ret;
}
