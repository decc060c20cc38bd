// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine's network card: a virtio-net device and its place on the PCI bus. */
#include <stdlib.h>

#include "../device.h"
#include "../host.h"
#include "../machine.h"
#include "net.h"
#include "pci.h"

#define CLASS_ETHERNET	0x020000

struct card {
	struct virtio_net *net;
	struct virtio_pci vpci;
};

static int plug(struct card *card, struct machine *m, struct error *err)
{
	if (virtio_pci__create(&card->vpci, virtio_net__device(card->net), m, CLASS_ETHERNET, err))
		return -1;
	if (virtio_net__connect(card->net, m->host->network, err)) {
		virtio_pci__destroy(&card->vpci);
		return -1;
	}
	return 0;
}

static int create(struct machine *m, void **state, struct error *err)
{
	struct card *card;

	if (m->config->no_network)
		return 0;
	if (host__open_network(m->host, m->config, err))
		return -1;
	card = calloc(1, sizeof(*card));
	if (!card)
		return error__errno(err, "cannot set up the network");
	card->net = virtio_net__create(err);
	if (!card->net)
		goto fail;
	if (plug(card, m, err))
		goto fail_net;
	*state = card;
	return 0;

fail_net:
	virtio_net__destroy(card->net);
fail:
	free(card);
	return -1;
}

static void destroy(void *state)
{
	struct card *card = state;

	virtio_net__disconnect(card->net);
	virtio_pci__destroy(&card->vpci);
	virtio_net__destroy(card->net);
	free(card);
}

static const struct device_type card_type = {
	.name = "virtio-net",
	.order = DEVICE_PCI,
	.create = create,
	.destroy = destroy,
};
DEVICE_REGISTER(card_type);
