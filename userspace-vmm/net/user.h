/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User-mode networking: libslirp, with a thread that serves it. Needs no
 * privilege. The guest finds a network 10.0.2.0/24 with itself at .15 (by DHCP),
 * the gateway at .2, a name server at .3. With config->host_loopback the gateway
 * is also this host's 127.0.0.1, which is closed to the guest otherwise.
 *
 * It outlives machines: connections and port forwards stay over a reset, while
 * guests come and go with net_user__attach() and net_user__detach().
 *
 * One lock is held whenever the thread is not asleep, so all callbacks come with
 * it held; others take it with net_user__lock() to keep the thread out.
 */
#ifndef NET_USER_H
#define NET_USER_H

#include <stddef.h>

#include "../config.h"
#include "../error.h"

#define NET_FRAME_MAX	1514	/* Ethernet header and 1500 bytes */

struct net_user;

struct net_user_ops {
	/* A frame for the guest; valid during the call. */
	void (*receive)(void *ctx, const void *frame, size_t len);
	/* The kick eventfd is readable. */
	void (*kicked)(void *ctx);
	/* The end of a round of the above. */
	void (*settled)(void *ctx);
};

/* Sets up the network and its port forwards; -1 with @err if one of these is taken. */
int net_user__create(struct net_user **user, const struct config *config, struct error *err);
void net_user__destroy(struct net_user *user);

/* Starts the thread, which watches @kick_fd and makes the calls of @ops. -1 with @err. */
int net_user__attach(struct net_user *user, int kick_fd, const struct net_user_ops *ops, void *ctx,
		     struct error *err);
/* No call is made once this returns. */
void net_user__detach(struct net_user *user);

void net_user__lock(struct net_user *user);
void net_user__unlock(struct net_user *user);

/* A frame from the guest, from kicked() only: slirp's clock stands still between rounds. */
void net_user__send(struct net_user *user, const void *frame, size_t len);

#endif
