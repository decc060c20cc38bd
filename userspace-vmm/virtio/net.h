/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net over the user-mode network (net/user.h): one receive and one transmit
 * queue, no offloads. Both queues belong to the network's thread and its lock;
 * start and stop, which vCPUs ask for, take the same lock. Frames that find no
 * buffer in the guest, or are too long, are dropped, as on a wire.
 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "virtio.h"

struct net_user;
struct virtio_net;

/* Fills a device, to be handed to a transport. NULL with @err on failure. */
struct virtio_net *virtio_net__create(struct error *err);
struct virtio_device *virtio_net__device(struct virtio_net *net);

/* Connects a device that a transport has taken to @user, before the guest runs. -1 with @err. */
int virtio_net__connect(struct virtio_net *net, struct net_user *user, struct error *err);
/* Resets the device and lets go of the network; before the transport lets go. */
void virtio_net__disconnect(struct virtio_net *net);

/* After the transport has let go of the device. */
void virtio_net__destroy(struct virtio_net *net);

#endif
