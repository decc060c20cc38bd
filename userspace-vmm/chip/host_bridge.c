// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Intel 440FX host bridge: PCI device 0 and the PAM registers, which direct accesses to the shadow
 * area (0xc0000 to 0xfffff) to RAM or ROM. All state is its configuration space.
 */
#include <stdlib.h>

#include "chip/chipset.h"
#include "device.h"
#include "machine.h"

#define REG_PAM0		0x59
#define REG_PAM6		0x5f
#define REG_SMRAM		0x72
#define SMRAM_DEFAULT		0x02
#define PAM_READ		0x1
#define PAM_WRITE		0x2
#define BIOS_START		0xf0000
#define GRANULE			MEMORY_SHADOW_GRANULE

struct host_bridge {
	struct machine *m;
	struct pci_device pci;
};

static void shadow(struct host_bridge *h, uint64_t start, uint64_t end, unsigned int bits)
{
	struct error err = { 0 };

	if (memory__shadow(h->m->memory, start, end, bits & PAM_READ, bits & PAM_WRITE, &err) < 0)
		machine__request_fail(h->m, &err);
}

/* PAM0 has the BIOS in its high nibble; each other has two granules, the lower in the low one. */
static void apply_pam(struct host_bridge *h, unsigned int reg)
{
	uint8_t value = h->pci.config[reg];
	uint64_t start;

	if (reg == REG_PAM0) {
		shadow(h, BIOS_START, MEMORY_SHADOW_END, value >> 4);
		return;
	}
	start = MEMORY_SHADOW_START + (reg - REG_PAM0 - 1) * 2 * GRANULE;
	shadow(h, start, start + GRANULE, value);
	shadow(h, start + GRANULE, start + 2 * GRANULE, value >> 4);
}

static void config_write(void *ctx, unsigned int offset, unsigned int size, uint32_t value)
{
	(void)value;
	for (unsigned int reg = offset; reg < offset + size; reg++) {
		if (reg >= REG_PAM0 && reg <= REG_PAM6)
			apply_pam(ctx, reg);
	}
}

static int host_bridge_create(struct machine *m, void **state, struct error *err)
{
	struct host_bridge *h = calloc(1, sizeof(*h));

	if (!h)
		return error__errno(err, "cannot allocate the host bridge");
	h->m = m;
	h->pci = (struct pci_device){
		.name = "host bridge",
		.vendor_id = 0x8086,
		.device_id = 0x1237,
		/* SeaBIOS recognizes the virtual machine by these. */
		.subsystem_vendor_id = 0x1af4,
		.subsystem_id = 0x1100,
		.revision = 2,
		.class_code = 0x060000,
		.ctx = h,
		.config_write = config_write,
	};
	for (unsigned int reg = REG_PAM0; reg <= REG_PAM6; reg++)
		h->pci.writable[reg] = 0x33;
	h->pci.config[REG_SMRAM] = SMRAM_DEFAULT;
	if (pci__register(m->pci, &h->pci, CHIPSET_HOST_SLOT, 0, err) < 0) {
		free(h);
		return -1;
	}
	*state = h;
	return 0;
}

static void host_bridge_destroy(void *state)
{
	struct host_bridge *h = state;

	pci__unregister(&h->pci);
	free(h);
}

static const struct device_type host_bridge = {
	.name = "0 host bridge",
	.order = DEVICE_CHIPSET,
	.create = host_bridge_create,
	.destroy = host_bridge_destroy,
};
DEVICE_REGISTER(host_bridge);
