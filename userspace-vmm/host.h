/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the program has of its host, under names the user gave: opened once and kept over resets of
 * the machine, so that the names may meanwhile be gone, or belong to something else. With it is what
 * else outlives a machine.
 */
#ifndef MINIVMM_HOST_H
#define MINIVMM_HOST_H

#include "block/image.h"
#include "chip/rtc.h"
#include "config.h"
#include "error.h"

struct net_user;

/* A file that is read whole, each time the machine starts. */
struct host_file {
	int fd;			/* -1: not given */
	const char *path;
	const char *option;	/* that named it, for messages */
};

struct host {
	int device;
	struct block_image disk;	/* fd -1: not open */
	struct net_user *network;	/* NULL: not set up */
	struct host_file kernel, initrd, firmware;
	struct rtc_battery rtc_battery;	/* the clock's own */
};

/* Opens the device and the files; -1 with @err. host__close() is due in either case. */
int host__open(struct host *host, const struct config *cfg, struct error *err);
/* For the first machine that has one; nothing happens if it is open. -1 with @err. */
int host__open_disk(struct host *host, const struct config *cfg, struct error *err);
int host__open_network(struct host *host, const struct config *cfg, struct error *err);
void host__close(struct host *host);

#endif
