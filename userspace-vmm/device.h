/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device is one file that ends with DEVICE_REGISTER(its struct device_type); there is no list
 * to edit. The machine creates the devices in ascending order of @order before any vCPU runs, and
 * destroys them in reverse after all vCPUs have ended. There is no reset call: a machine reset
 * destroys the whole machine and creates it again, so every device starts from power-on.
 */
#ifndef MINIVMM_DEVICE_H
#define MINIVMM_DEVICE_H

#include "error.h"

struct machine;

enum device_order {
	DEVICE_CHIPSET,		/* host bridge, ISA bridge: the slots that firmware expects */
	DEVICE_PLATFORM,	/* chips at fixed ports */
	DEVICE_PCI,		/* takes the next free PCI slot */
	DEVICE_LATE,		/* describes the finished machine: ACPI tables, fw_cfg files */
};

struct device_type {
	const char *name;
	enum device_order order;	/* equal order: by name */

	/*
	 * Creates the device for m->config. *state stays NULL if this machine has none of it.
	 * Returns 0, or -1 with @err and nothing left behind.
	 */
	int (*create)(struct machine *m, void **state, struct error *err);
	/* Frees @state; optional. Loop thread, vCPUs have ended. */
	void (*destroy)(void *state);
};

#define DEVICE_REGISTER(type)							\
	static const struct device_type *const device_entry_##type		\
		__attribute__((used, section("minivmm_devices"))) = &(type)

#endif
