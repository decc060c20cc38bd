// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine's disk: a virtio-blk device on the host's image, and its place on the PCI bus. */
#include <stdlib.h>

#include "../device.h"
#include "../host.h"
#include "../machine.h"
#include "blk.h"
#include "pci.h"

#define CLASS_SCSI_STORAGE	0x010000

struct disk {
	struct virtio_blk *blk;
	struct virtio_pci vpci;
};

static int create_device(struct disk *disk, struct machine *m, struct error *err)
{
	disk->blk = virtio_blk__create(&m->host->disk, m->config->vcpus, err);
	if (!disk->blk)
		return -1;
	if (virtio_pci__create(&disk->vpci, virtio_blk__device(disk->blk), m, CLASS_SCSI_STORAGE,
			       err)) {
		virtio_blk__destroy(disk->blk);
		return -1;
	}
	return 0;
}

static int create(struct machine *m, void **state, struct error *err)
{
	struct disk *disk;

	if (!m->config->disk)
		return 0;
	if (host__open_disk(m->host, m->config, err))
		return -1;
	disk = calloc(1, sizeof(*disk));
	if (!disk)
		return error__errno(err, "cannot set up the disk");
	if (create_device(disk, m, err)) {
		free(disk);
		return -1;
	}
	*state = disk;
	return 0;
}

static void destroy(void *state)
{
	struct disk *disk = state;

	virtio_pci__destroy(&disk->vpci);
	virtio_blk__destroy(disk->blk);
	free(disk);
}

static const struct device_type disk_type = {
	.name = "virtio-blk",
	.order = DEVICE_PCI,
	.create = create,
	.destroy = destroy,
};
DEVICE_REGISTER(disk_type);
