// SPDX-License-Identifier: GPL-2.0-or-later
/* The user-mode network as its guest sees it: frames in, frames out. */
#include "support/ktap.h"

#include <arpa/inet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/user.h"

#define GUEST_IP	0x0a00020f
#define HOST_IP		0x0a000202
#define NAME_SERVER_IP	0x0a000203
#define BROADCAST_IP	0xffffffff
#define DHCP_SERVER	67
#define DHCP_CLIENT	68
#define DHCP_FIXED	236	/* bytes before the magic cookie */
#define GUEST_PORT	22
#define WAIT_MS		10000
#define FRAMES		64

static const uint8_t guest_mac[ETH_ALEN] = { 0x52, 0x54, 0, 1, 2, 3 };

struct frame {
	_Alignas(4) uint8_t pad[2];	/* aligns what follows the Ethernet header */
	uint8_t bytes[NET_FRAME_MAX];
	size_t len;
};

/* What the guest got; the network's lock. */
static struct frame inbox[FRAMES];
static unsigned int received, looked_at;
static const struct frame *to_send;	/* what the guest has for the network; its lock */
static int received_fd;
static int kick_fd;
static int sent_fd;
static struct net_user *user;

static void receive(void *ctx, const void *frame, size_t len)
{
	struct frame *f = &inbox[received % FRAMES];

	(void)ctx;
	if (len > sizeof(f->bytes) || received - looked_at == FRAMES)
		return;
	memcpy(f->bytes, frame, len);
	f->len = len;
	received++;
	eventfd_write(received_fd, 1);
}

static void kicked(void *ctx)
{
	eventfd_t count;

	(void)ctx;
	eventfd_read(kick_fd, &count);
	if (to_send)
		net_user__send(user, to_send->bytes, to_send->len);
	to_send = NULL;
	eventfd_write(sent_fd, 1);
}

static void settled(void *ctx)
{
	(void)ctx;
}

static const struct net_user_ops ops = {
	.receive = receive,
	.kicked = kicked,
	.settled = settled,
};

static bool begin(const struct config *config)
{
	struct error err = { 0 };

	received = 0;
	looked_at = 0;
	received_fd = eventfd(0, EFD_NONBLOCK);
	kick_fd = eventfd(0, EFD_NONBLOCK);
	sent_fd = eventfd(0, 0);
	if (net_user__create(&user, config, &err) ||
	    net_user__attach(user, kick_fd, &ops, NULL, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	return true;
}

static void end(void)
{
	net_user__destroy(user);
	close(received_fd);
	close(kick_fd);
	close(sent_fd);
}

/* Returns when the network's thread has taken the frame. */
static void send_frame(const struct frame *f)
{
	eventfd_t count;

	net_user__lock(user);
	to_send = f;
	net_user__unlock(user);
	eventfd_write(kick_fd, 1);
	eventfd_read(sent_fd, &count);
}

/* The next frame that @fits says yes to; false if none comes in time. */
static bool expect(struct frame *out, bool (*fits)(const struct frame *f))
{
	struct pollfd pfd = { .fd = received_fd, .events = POLLIN };
	eventfd_t count;
	bool found = false;

	while (!found) {
		net_user__lock(user);
		while (!found && looked_at != received) {
			*out = inbox[looked_at++ % FRAMES];
			found = fits(out);
		}
		net_user__unlock(user);
		if (!found && poll(&pfd, 1, WAIT_MS) != 1)
			return false;
		eventfd_read(received_fd, &count);
	}
	return true;
}

static void put_ethernet(struct frame *f, uint16_t type)
{
	struct ether_header *eth = (struct ether_header *)f->bytes;

	memset(f, 0, sizeof(*f));
	memset(eth->ether_dhost, 0xff, ETH_ALEN);
	memcpy(eth->ether_shost, guest_mac, ETH_ALEN);
	eth->ether_type = htons(type);
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static struct iphdr *ip_of(struct frame *f)
{
	return (struct iphdr *)(f->bytes + ETH_HLEN);
}

static void *payload_of(struct frame *f)
{
	return f->bytes + ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr);
}

static void put_udp(struct frame *f, uint32_t from, uint16_t from_port, uint32_t to,
		    uint16_t to_port, const void *data, size_t len)
{
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(ip) + sizeof(struct udphdr) + len),
		.saddr = htonl(from), .daddr = htonl(to),
	};
	struct udphdr udp = {
		.source = htons(from_port), .dest = htons(to_port),
		.len = htons(sizeof(udp) + len),
	};

	put_ethernet(f, ETHERTYPE_IP);
	ip.check = checksum(&ip, sizeof(ip));
	memcpy(ip_of(f), &ip, sizeof(ip));
	memcpy(ip_of(f) + 1, &udp, sizeof(udp));
	memcpy(payload_of(f), data, len);
	f->len = ETH_HLEN + ntohs(ip.tot_len);
}

static void put_arp(struct frame *f, uint32_t from, uint32_t to, uint16_t operation)
{
	struct ether_arp arp = {
		.ea_hdr = {
			.ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETHERTYPE_IP),
			.ar_hln = ETH_ALEN, .ar_pln = 4, .ar_op = htons(operation),
		},
	};

	put_ethernet(f, ETHERTYPE_ARP);
	memcpy(arp.arp_sha, guest_mac, ETH_ALEN);
	from = htonl(from);
	to = htonl(to);
	memcpy(arp.arp_spa, &from, 4);
	memcpy(arp.arp_tpa, &to, 4);
	memcpy(f->bytes + ETH_HLEN, &arp, sizeof(arp));
	f->len = ETH_HLEN + sizeof(arp);
}

static bool is_type(const struct frame *f, uint16_t type)
{
	const struct ether_header *eth = (const struct ether_header *)f->bytes;

	return ntohs(eth->ether_type) == type;
}

static bool is_arp_reply(const struct frame *f)
{
	const struct ether_arp *arp = (const struct ether_arp *)(f->bytes + ETH_HLEN);

	return is_type(f, ETHERTYPE_ARP) && ntohs(arp->ea_hdr.ar_op) == ARPOP_REPLY;
}

static bool is_protocol(const struct frame *f, uint8_t protocol)
{
	const struct iphdr *ip = (const struct iphdr *)(f->bytes + ETH_HLEN);

	return is_type(f, ETHERTYPE_IP) && ip->protocol == protocol;
}

static bool is_udp(const struct frame *f)
{
	return is_protocol(f, IPPROTO_UDP);
}

static bool is_tcp(const struct frame *f)
{
	return is_protocol(f, IPPROTO_TCP);
}

static bool is_arp_request(const struct frame *f)
{
	return is_type(f, ETHERTYPE_ARP) && !is_arp_reply(f);
}

/* An option of a DHCP answer as a number; 0: not there. */
static uint32_t dhcp_option(struct frame *f, uint8_t code)
{
	const uint8_t *p = (uint8_t *)payload_of(f) + DHCP_FIXED + 4;
	const uint8_t *limit = f->bytes + f->len;
	uint32_t value = 0;

	for (; p + 2 < limit && *p != 255; p += 2 + p[1]) {
		if (*p != code)
			continue;
		memcpy(&value, p + 2, p[1] < 4 ? p[1] : 4);
		return p[1] < 4 ? value : ntohl(value);
	}
	return 0;
}

static void put_dhcp_discover(struct frame *f)
{
	uint8_t data[DHCP_FIXED + 8] = { 1, 1, ETH_ALEN };

	memcpy(data + 28, guest_mac, ETH_ALEN);
	memcpy(data + DHCP_FIXED, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	put_udp(f, 0, DHCP_CLIENT, BROADCAST_IP, DHCP_SERVER, data, sizeof(data));
}

TEST(arp_is_answered_for_the_host)
{
	static const struct config config;
	struct frame f;

	CHECK(begin(&config));
	put_arp(&f, GUEST_IP, HOST_IP, ARPOP_REQUEST);
	send_frame(&f);
	CHECK(expect(&f, is_arp_reply));
	end();
}

TEST(dhcp_gives_address_router_and_name_server)
{
	static const struct config config;
	struct frame f;
	uint32_t address;

	CHECK(begin(&config));
	put_dhcp_discover(&f);
	send_frame(&f);
	CHECK(expect(&f, is_udp));
	memcpy(&address, (uint8_t *)payload_of(&f) + 16, 4);
	CHECK(ntohl(address) == GUEST_IP);
	CHECK(dhcp_option(&f, 53) == 2);
	CHECK(dhcp_option(&f, 3) == HOST_IP);
	CHECK(dhcp_option(&f, 6) == NAME_SERVER_IP);
	end();
}

/* A socket of this host on loopback, on a free port. */
static int host_socket(int type, uint16_t *port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		return -1;
	*port = ntohs(addr.sin_port);
	return fd;
}

TEST(datagrams_reach_the_host_and_come_back)
{
	static const struct config config = { .host_loopback = true };
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct frame f;
	uint16_t port;
	char text[8];
	int fd = host_socket(SOCK_DGRAM, &port);

	CHECK(fd >= 0 && begin(&config));
	put_arp(&f, GUEST_IP, HOST_IP, ARPOP_REQUEST);
	send_frame(&f);
	put_udp(&f, GUEST_IP, 4000, HOST_IP, port, "ping", 4);
	send_frame(&f);
	CHECK(recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &from_len) == 4);
	CHECK(sendto(fd, "pong", 4, 0, (struct sockaddr *)&from, from_len) == 4);
	CHECK(expect(&f, is_udp));
	CHECK(!memcmp(payload_of(&f), "pong", 4));
	close(fd);
	end();
}

/* Whether a datagram to @to arrives at a socket on @port of this host's loopback. */
static bool arrives(int fd, uint32_t to, uint16_t port)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct frame f;
	char text[8];

	put_udp(&f, GUEST_IP, 4000, to, port, "ping", 4);
	send_frame(&f);
	/* The thread has sent it by now, or never will; loopback is quick. */
	return poll(&pfd, 1, 100) == 1 && recv(fd, text, sizeof(text), 0) == 4;
}

/* By whatever address: the alias, one of the network, the loopback's own, "this host", broadcast. */
TEST(loopback_of_the_host_is_closed)
{
	static const uint32_t addresses[] = {
		HOST_IP, NAME_SERVER_IP, 0x0a000207, 0x0a0002ff, 0x7f000001, 0x7f000035, 0, BROADCAST_IP,
	};
	static const struct config config;
	struct frame f;
	uint16_t port;
	int fd = host_socket(SOCK_DGRAM, &port);

	CHECK(fd >= 0 && begin(&config));
	put_arp(&f, GUEST_IP, HOST_IP, ARPOP_REQUEST);
	send_frame(&f);
	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		CHECK(!arrives(fd, addresses[i], port));
	close(fd);
	end();
}

/* A free port of this host, for a forward. */
static uint16_t free_port(void)
{
	uint16_t port = 0;
	int fd = host_socket(SOCK_STREAM, &port);

	close(fd);
	return port;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

TEST(forwarded_port_reaches_the_guest)
{
	struct config config = { .forwards = 1 };
	const struct tcphdr *tcp;
	struct frame f;
	int fd;

	config.forward[0].host = free_port();
	config.forward[0].guest = GUEST_PORT;
	CHECK(begin(&config));
	fd = connect_to(config.forward[0].host);
	CHECK(fd >= 0);
	CHECK(expect(&f, is_arp_request));
	put_arp(&f, GUEST_IP, HOST_IP, ARPOP_REPLY);
	send_frame(&f);
	CHECK(expect(&f, is_tcp));
	tcp = (const struct tcphdr *)(ip_of(&f) + 1);
	CHECK(tcp->syn && !tcp->ack && ntohs(tcp->dest) == GUEST_PORT);
	CHECK(ntohl(ip_of(&f)->daddr) == GUEST_IP);
	close(fd);
	end();
}

TEST(network_outlives_its_guest)
{
	struct config config = { .forwards = 1 };
	struct error err = { 0 };
	struct frame f;
	int fd;

	config.forward[0].host = free_port();
	config.forward[0].guest = GUEST_PORT;
	CHECK(begin(&config));
	net_user__detach(user);
	/* The port is still ours: a connection waits for the next guest. */
	fd = connect_to(config.forward[0].host);
	CHECK(fd >= 0);
	CHECK(!net_user__attach(user, kick_fd, &ops, NULL, &err));
	CHECK(expect(&f, is_arp_request));
	close(fd);
	end();
}

TEST(taken_port_is_named)
{
	struct config config = { .forwards = 1 };
	struct error err = { 0 };
	char words[32];
	uint16_t port;
	int fd = host_socket(SOCK_STREAM, &port);

	CHECK(fd >= 0 && !listen(fd, 1));
	config.forward[0].host = port;
	config.forward[0].guest = GUEST_PORT;
	CHECK(net_user__create(&user, &config, &err) == -1);
	snprintf(words, sizeof(words), "port %u of", port);
	CHECK(err.status == STATUS_USAGE && strstr(err.text, words) && strstr(err.text, "-p"));
	close(fd);
}

/* A sound IP header, then anything: almost always a wrong checksum, so it ends in this process. */
static void put_nonsense(struct frame *f)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, 2, 41 };
	uint8_t data[1400];
	size_t len = random() % sizeof(data), i;

	for (i = 0; i < len; i++)
		data[i] = random() >> 8;
	put_udp(f, GUEST_IP, random(), HOST_IP, random(), data, len);
	ip_of(f)->protocol = protocols[random() % sizeof(protocols)];
	ip_of(f)->check = 0;
	ip_of(f)->check = checksum(ip_of(f), sizeof(struct iphdr));
	if (random() % 4 == 0)
		f->len = random() % (f->len + 1);
}

TEST(nonsense_is_survived)
{
	static const struct config config;
	struct frame f;
	unsigned int i;

	CHECK(begin(&config));
	srandom(1);
	for (i = 0; i < 20000; i++) {
		put_nonsense(&f);
		send_frame(&f);
	}
	net_user__lock(user);
	looked_at = received;
	net_user__unlock(user);
	put_arp(&f, GUEST_IP, HOST_IP, ARPOP_REQUEST);
	send_frame(&f);
	CHECK(expect(&f, is_arp_reply));
	end();
}

KTAP_MAIN()
