/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in memory and in vCPU 0 when the guest starts: firmware at the reset vector, or a kernel
 * loaded by ourselves. Called once by machine.c after the devices were created.
 */
#ifndef MINIVMM_BOOT_BOOT_H
#define MINIVMM_BOOT_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct host_file;
struct machine;
struct vcpu;

/* Maps the firmware image named by the config. */
int boot__firmware(struct machine *m, struct error *err);
/* Loads the config's kernel and initrd, points vCPU 0 at it, and sets up all others as firmware would. */
int boot__kernel(struct machine *m, struct vcpu *const *vcpus, struct error *err);

/* A whole file in memory. */
struct boot_file {
	uint8_t *data;
	size_t size;
};

/* STATUS_USAGE also for a file of more than @max bytes, of which nothing is read then. */
int boot__read_file(struct boot_file *file, const struct host_file *from, uint64_t max,
		    struct error *err);
void boot__free_file(struct boot_file *file);

#endif
