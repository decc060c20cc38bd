// SPDX-License-Identifier: GPL-2.0-or-later
/* The network card and a driver that keeps its rules, or does not. */
#include "support/ktap.h"

#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "support/virtio-driver.h"
#include "net/user.h"
#include "virtio/net.h"

#define NEXT_RING	0x8000ULL	/* distance of the transmit queue's ring */
#define RX_GPA		DRIVER_DATA_GPA
#define TX_GPA		(DRIVER_DATA_GPA + 0x1000)
#define HEADER_BYTES	sizeof(struct virtio_net_hdr_v1)
#define ARP_BYTES	(ETH_HLEN + sizeof(struct ether_arp))
#define WAIT_MS		10000

static struct driver rx, tx;
static struct virtio_net *net;
static struct virtio_device *dev;
static int interrupt_fd;
static bool config_event;
static struct net_user *user;

static void interrupt(void *transport, int queue)
{
	(void)transport;
	if (queue == VIRTIO_CONFIG_EVENT)
		__atomic_store_n(&config_event, true, __ATOMIC_RELEASE);
	eventfd_write(interrupt_fd, 1);
}

/* The transmit queue's ring lies in the same memory, behind the other. */
static void place_transmit_ring(void)
{
	tx = rx;
	tx.desc = driver__at(&rx, DRIVER_DESC_GPA + NEXT_RING);
	tx.avail = driver__at(&rx, DRIVER_AVAIL_GPA + NEXT_RING);
	tx.used = driver__at(&rx, DRIVER_USED_GPA + NEXT_RING);
}

static void start(void)
{
	unsigned int i;

	pthread_mutex_lock(&dev->lock);
	virtio__write_status(dev, 0);
	memset(rx.ram, 0, DRIVER_RAM_BYTES);
	config_event = false;
	virtio__negotiate(dev, 1, 1);
	virtio__write_status(dev, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
	for (i = 0; i < 2; i++) {
		driver__configure(&dev->queue[i]);
		dev->queue[i].desc_gpa += i * NEXT_RING;
		dev->queue[i].avail_gpa += i * NEXT_RING;
		dev->queue[i].used_gpa += i * NEXT_RING;
		dev->enabled[i] = true;
	}
	virtio__write_status(dev, 7 | VIRTIO_CONFIG_S_FEATURES_OK);
	pthread_mutex_unlock(&dev->lock);
}

static bool begin(void)
{
	static const struct config config;
	struct error err = { 0 };

	if (net_user__create(&user, &config, &err))
		return false;
	interrupt_fd = eventfd(0, EFD_NONBLOCK);
	net = virtio_net__create(&err);
	if (!net)
		return false;
	dev = virtio_net__device(net);
	if (virtio__init(dev, &rx.memory, interrupt, NULL, &err) ||
	    virtio_net__connect(net, user, &err))
		return false;
	start();
	return true;
}

static void end(void)
{
	virtio_net__disconnect(net);
	virtio__destroy(dev);
	virtio_net__destroy(net);
	net_user__destroy(user);
	close(interrupt_fd);
}

/* Wait until the device has given back count chains of a ring; false if it fails first. */
static bool used(struct driver *ring, uint16_t count)
{
	struct pollfd pfd = { .fd = interrupt_fd, .events = POLLIN };
	eventfd_t ignored;

	while (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) != count) {
		if (__atomic_load_n(&config_event, __ATOMIC_ACQUIRE))
			return false;
		if (poll(&pfd, 1, WAIT_MS) != 1)
			return false;
		eventfd_read(interrupt_fd, &ignored);
	}
	return true;
}

static void offer_buffer(uint32_t bytes)
{
	driver__describe(&rx.desc[0], RX_GPA, bytes, VRING_DESC_F_WRITE, 0);
	driver__offer(&rx, 0);
}

static void transmit(uint32_t bytes)
{
	driver__describe(&tx.desc[0], TX_GPA, bytes, 0, 0);
	driver__offer(&tx, 0);
	virtio__kick(dev, 1);
}

/* "Who has 10.0.2.2?", which the network answers at once. */
static void transmit_question(void)
{
	static const uint8_t guest[] = { 10, 0, 2, 15 }, host[] = { 10, 0, 2, 2 };
	char *frame = (char *)driver__at(&rx, TX_GPA) + HEADER_BYTES;
	struct ether_header *eth = (struct ether_header *)frame;
	struct ether_arp arp = {
		.ea_hdr = {
			.ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETHERTYPE_IP),
			.ar_hln = ETH_ALEN, .ar_pln = 4, .ar_op = htons(ARPOP_REQUEST),
		},
	};

	memset(eth->ether_dhost, 0xff, ETH_ALEN);
	memcpy(eth->ether_shost, "\x52\x54\0\1\2\3", ETH_ALEN);
	eth->ether_type = htons(ETHERTYPE_ARP);
	memcpy(arp.arp_sha, eth->ether_shost, ETH_ALEN);
	memcpy(arp.arp_spa, guest, sizeof(guest));
	memcpy(arp.arp_tpa, host, sizeof(host));
	memcpy(frame + ETH_HLEN, &arp, sizeof(arp));
	transmit(HEADER_BYTES + ARP_BYTES);
}

TEST(frames_go_out_and_come_in)
{
	struct virtio_net_hdr_v1 header;
	char *buffer;

	CHECK(begin());
	offer_buffer(2048);
	transmit_question();
	CHECK(used(&tx, 1) && used(&rx, 1));
	CHECK(tx.used->ring[0].len == 0);
	CHECK(rx.used->ring[0].len >= HEADER_BYTES + ARP_BYTES);
	buffer = driver__at(&rx, RX_GPA);
	memcpy(&header, buffer, sizeof(header));
	CHECK(header.num_buffers == 1 && header.flags == 0 && header.gso_type == 0);
	CHECK(!memcmp(buffer + HEADER_BYTES, "\x52\x54\0\1\2\3", ETH_ALEN));
	end();
}

TEST(frame_without_a_buffer_is_dropped)
{
	CHECK(begin());
	transmit_question();
	CHECK(used(&tx, 1));
	offer_buffer(2048);
	transmit_question();
	CHECK(used(&tx, 2) && used(&rx, 1));
	CHECK(!config_event);
	end();
}

TEST(chain_shorter_than_a_header_is_given_back)
{
	CHECK(begin());
	transmit(HEADER_BYTES - 1);
	CHECK(used(&tx, 1));
	transmit(HEADER_BYTES);
	CHECK(used(&tx, 2));
	transmit(HEADER_BYTES + 1);
	CHECK(used(&tx, 3));
	CHECK(!config_event);
	end();
}

TEST(longer_frame_than_the_network_carries_is_dropped)
{
	CHECK(begin());
	transmit(65536);
	CHECK(used(&tx, 1));
	offer_buffer(2048);
	transmit_question();
	CHECK(used(&tx, 2) && used(&rx, 1));
	end();
}

TEST(buffer_too_small_for_a_frame_needs_reset)
{
	CHECK(begin());
	offer_buffer(HEADER_BYTES + ARP_BYTES - 1);
	transmit_question();
	CHECK(!used(&rx, 1));
	CHECK(virtio__status(dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
	start();
	offer_buffer(2048);
	transmit_question();
	CHECK(used(&rx, 1));
	end();
}

TEST(broken_transmit_ring_needs_reset)
{
	CHECK(begin());
	driver__offer(&tx, DRIVER_RING_SIZE);
	virtio__kick(dev, 1);
	CHECK(!used(&tx, 1));
	CHECK(virtio__status(dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
	end();
}

TEST(full_rings_are_served)
{
	unsigned int i;

	CHECK(begin());
	offer_buffer(2048);
	for (i = 1; i < DRIVER_RING_SIZE; i++)
		driver__offer(&rx, 0);
	for (i = 0; i < DRIVER_RING_SIZE; i++)
		transmit_question();
	CHECK(used(&tx, DRIVER_RING_SIZE) && used(&rx, DRIVER_RING_SIZE));
	end();
}

TEST(reset_stops_the_traffic)
{
	unsigned int round, i;

	CHECK(begin());
	for (round = 0; round < 200; round++) {
		for (i = 0; i < DRIVER_RING_SIZE; i++) {
			offer_buffer(2048);
			transmit_question();
		}
		start();
		CHECK(rx.used->idx == 0 && tx.used->idx == 0);
	}
	end();
}

__attribute__((constructor)) static void map_memory(void)
{
	if (!driver__init(&rx))
		abort();
	place_transmit_ring();
}

__attribute__((destructor)) static void unmap_memory(void)
{
	driver__free(&rx);
}

KTAP_MAIN()
