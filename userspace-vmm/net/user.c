// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * User-mode networking. A thread of its own because libslirp asks anew before
 * each sleep which sockets it waits for, and so that a busy network holds up
 * nothing else. See user.h.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "user.h"

#define NETWORK		0x0a000200	/* 10.0.2.0 */
#define NETMASK		0xffffff00
#define HOST		0x0a000202
#define NAME_SERVER	0x0a000203
#define GUEST		0x0a00020f
#define BROADCAST	0xffffffff

#define ETHERNET_HEADER	14
#define IP_HEADER	20
#define IP_NOT_WHOLE	0x3fff	/* more fragments, or an offset */
#define PORT_DNS	53
#define PORT_DHCP	67

enum { POLL_STOP, POLL_KICK, POLL_SOCKETS };

struct net_user {
	Slirp *slirp;
	const struct net_user_ops *ops;
	void *ctx;
	int kick_fd;
	int stop_fd;
	pthread_mutex_t lock;
	pthread_t thread;
	bool started;
	bool host_loopback;
	struct pollfd *poll;		/* POLL_STOP, POLL_KICK, then slirp's sockets */
	size_t polls;
	size_t polls_room;
};

static struct in_addr address(uint32_t ip)
{
	return (struct in_addr){ .s_addr = htonl(ip) };
}

static ssize_t send_packet(const void *frame, size_t len, void *opaque)
{
	struct net_user *user = opaque;

	user->ops->receive(user->ctx, frame, len);
	return len;
}

/* A guest that sends nonsense harms only itself. */
static void guest_error(const char *message, void *opaque)
{
	(void)message;
	(void)opaque;
}

static int64_t clock_get_ns(void *opaque)
{
	struct timespec now;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The sockets are asked for before each sleep: there is no register to keep. */
static void poll_fd_changed(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

/* Only the thread itself calls into slirp, so it is awake when slirp says this. */
static void notify(void *opaque)
{
	(void)opaque;
}

/* No timers: slirp's only one advertises IPv6 routers, and IPv6 is off. */
static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.register_poll_fd = poll_fd_changed,
	.unregister_poll_fd = poll_fd_changed,
	.notify = notify,
};

static const struct { short poll; int slirp; } event_bits[] = {
	{ POLLIN, SLIRP_POLL_IN },
	{ POLLOUT, SLIRP_POLL_OUT },
	{ POLLPRI, SLIRP_POLL_PRI },
	{ POLLERR, SLIRP_POLL_ERR },
	{ POLLHUP, SLIRP_POLL_HUP },
};

#define EVENT_BITS	(sizeof(event_bits) / sizeof(event_bits[0]))

static short to_poll(int events)
{
	short bits = 0;
	unsigned int i;

	for (i = 0; i < EVENT_BITS; i++)
		if (events & event_bits[i].slirp)
			bits |= event_bits[i].poll;
	return bits;
}

static int from_poll(short events)
{
	int bits = 0;
	unsigned int i;

	for (i = 0; i < EVENT_BITS; i++)
		if (events & event_bits[i].poll)
			bits |= event_bits[i].slirp;
	return bits;
}

static bool grow(struct net_user *user)
{
	size_t room = user->polls_room ? 2 * user->polls_room : 64;
	struct pollfd *poll = realloc(user->poll, room * sizeof(*poll));

	if (!poll)
		return false;
	user->poll = poll;
	user->polls_room = room;
	return true;
}

/* Returns the entry's index; -1 when out of memory: slirp asks again next time. */
static int add_poll(int fd, int events, void *opaque)
{
	struct net_user *user = opaque;

	if (user->polls == user->polls_room && !grow(user))
		return -1;
	user->poll[user->polls] = (struct pollfd){ .fd = fd, .events = to_poll(events) };
	return user->polls++;
}

static int get_revents(int index, void *opaque)
{
	struct net_user *user = opaque;

	return index < 0 ? 0 : from_poll(user->poll[index].revents);
}

/* Sleep until something is to be done. Returns poll()'s answer. */
static int sleep_unlocked(struct net_user *user)
{
	uint32_t timeout = UINT32_MAX;
	int ret;

	user->polls = 0;
	add_poll(user->stop_fd, SLIRP_POLL_IN, user);
	add_poll(user->kick_fd, SLIRP_POLL_IN, user);
	slirp_pollfds_fill(user->slirp, &timeout, add_poll, user);
	pthread_mutex_unlock(&user->lock);
	ret = poll(user->poll, user->polls, timeout > INT32_MAX ? -1 : (int)timeout);
	pthread_mutex_lock(&user->lock);
	return ret;
}

static void *serve(void *arg)
{
	struct net_user *user = arg;
	sigset_t all;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&user->lock);
	for (;;) {
		ret = sleep_unlocked(user);
		if (user->poll[POLL_STOP].revents)
			break;
		slirp_pollfds_poll(user->slirp, ret < 0, get_revents, user);
		if (user->poll[POLL_KICK].revents)
			user->ops->kicked(user->ctx);
		user->ops->settled(user->ctx);
	}
	pthread_mutex_unlock(&user->lock);
	return NULL;
}

/* Sockets may act only while the thread runs, and it runs only while there is a guest. */
static void stop_thread(struct net_user *user)
{
	if (!user->started)
		return;
	eventfd_write(user->stop_fd, 1);
	pthread_join(user->thread, NULL);
	user->started = false;
}

static int add_forwards(struct net_user *user, const struct config *config, struct error *err)
{
	unsigned int i;

	for (i = 0; i < config->forwards; i++) {
		const struct config_forward *forward = &config->forward[i];

		if (slirp_add_hostfwd(user->slirp, 0, address(INADDR_LOOPBACK), forward->host,
				      address(GUEST), forward->guest))
			return error__set(err, STATUS_USAGE,
					  "port %u of 127.0.0.1 cannot be forwarded: %s; "
					  "choose another with -p HOST:GUEST", forward->host,
					  strerror(errno));
	}
	return 0;
}

static Slirp *create_slirp(struct net_user *user)
{
	SlirpConfig config = {
		.version = 1,
		.in_enabled = true,
		.vnetwork = address(NETWORK),
		.vnetmask = address(NETMASK),
		.vhost = address(HOST),
		.vdhcp_start = address(GUEST),
		.vnameserver = address(NAME_SERVER),
		.vhostname = "minivmm",
		.disable_host_loopback = !user->host_loopback,
	};

	return slirp_new(&config, &callbacks, user);
}

int net_user__create(struct net_user **result, const struct config *config, struct error *err)
{
	struct net_user *user = calloc(1, sizeof(*user));

	if (!user)
		return error__errno(err, "cannot set up the network");
	user->host_loopback = config->host_loopback;
	user->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&user->lock, NULL);
	if (user->stop_fd < 0 || !grow(user)) {
		error__errno(err, "cannot set up the network");
		goto fail;
	}
	user->slirp = create_slirp(user);
	if (!user->slirp) {
		error__set(err, STATUS_HOST, "cannot set up user-mode networking");
		goto fail;
	}
	if (add_forwards(user, config, err))
		goto fail;
	*result = user;
	return 0;

fail:
	net_user__destroy(user);
	return -1;
}

int net_user__attach(struct net_user *user, int kick_fd, const struct net_user_ops *ops, void *ctx,
		     struct error *err)
{
	eventfd_t count;
	int ret;

	user->ops = ops;
	user->ctx = ctx;
	user->kick_fd = kick_fd;
	eventfd_read(user->stop_fd, &count);
	ret = pthread_create(&user->thread, NULL, serve, user);
	if (ret) {
		errno = ret;
		return error__errno(err, "cannot start the network's thread");
	}
	user->started = true;
	return 0;
}

void net_user__detach(struct net_user *user)
{
	stop_thread(user);
}

void net_user__destroy(struct net_user *user)
{
	stop_thread(user);
	if (user->slirp)
		slirp_cleanup(user->slirp);
	if (user->stop_fd >= 0)
		close(user->stop_fd);
	pthread_mutex_destroy(&user->lock);
	free(user->poll);
	free(user);
}

void net_user__lock(struct net_user *user)
{
	pthread_mutex_lock(&user->lock);
}

void net_user__unlock(struct net_user *user)
{
	pthread_mutex_unlock(&user->lock);
}

/* The 32 bits of the network's byte order at @at. */
static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* To the port of UDP or TCP, which the first piece of a datagram shows and others do not. */
static bool is_to_port(const uint8_t *ip, size_t len, uint16_t port)
{
	size_t header = (ip[0] & 0xf) * 4;
	bool piece = (ip[6] << 8 | ip[7]) & IP_NOT_WHOLE;

	return !piece && (ip[9] == IPPROTO_UDP || ip[9] == IPPROTO_TCP) && header + 4 <= len &&
	       (ip[header + 2] << 8 | ip[header + 3]) == port;
}

/*
 * Whether slirp would turn the frame into traffic to 127.0.0.1 of this host. slirp itself refuses
 * what goes to its own network if told to, but for the name server's address, which may be one of
 * 127.0.0.0/8 and have more open ports than the name server's. Addresses that the host's kernel
 * takes for itself are passed on as they are.
 */
static bool reaches_loopback(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETHERNET_HEADER;
	uint32_t to;

	if (len < ETHERNET_HEADER + IP_HEADER || frame[12] != 0x08 || frame[13] != 0x00)
		return false;
	to = get32(ip + 16);
	if (to >> 24 == 127 || to >> 24 == 0)
		return true;
	if (to == BROADCAST)
		return !is_to_port(ip, len - ETHERNET_HEADER, PORT_DHCP);
	return to == NAME_SERVER && !is_to_port(ip, len - ETHERNET_HEADER, PORT_DNS);
}

void net_user__send(struct net_user *user, const void *frame, size_t len)
{
	if (user->host_loopback || !reaches_loopback(frame, len))
		slirp_input(user->slirp, frame, len);
}
