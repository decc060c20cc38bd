// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile guest: vCPU threads that do at random what a guest can do to the devices (ports, BARs,
 * configuration space, rings and descriptors in RAM), some of it nearly right, so that it gets far.
 * Machines live for a moment and are reset. Built with sanitizers: what counts is that nothing is
 * reported, nothing leaks and nothing hangs. HOSTILE_SEED repeats a run's choices, HOSTILE_SECONDS
 * (10) bounds it.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "console.h"
#include "host.h"
#include "net/user.h"
#include "support/board.h"

#define VCPUS		3
#define RAM_MIB		16
#define RAM		((uint64_t)RAM_MIB << 20)
#define DISK_BYTES	(4 << 20)
#define LIFE_MS		150
#define BATCH		64
#define BARS_AT		0xd0000000u
#define BAR_BYTES	0x8000u
#define SLOTS		8
#define QUEUES		4
#define RING		16
#define HANG_SECONDS	120

struct vcpu_thread {
	pthread_t thread;
	uint64_t random;
	uint64_t operations;
};

static struct console *console;
static struct host host;
static bool ending;		/* atomic */
static int to_guest;		/* what the user types */

static uint64_t rnd(struct vcpu_thread *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 7;
	v->random ^= v->random << 17;
	return v->random * 0x2545f4914f6cdd1dULL >> 16;
}

static bool one_in(struct vcpu_thread *v, unsigned int n)
{
	return rnd(v) % n == 0;
}

static unsigned int width(struct vcpu_thread *v)
{
	return one_in(v, 20) ? 1 + rnd(v) % 8 : 1u << rnd(v) % 3;
}

/* Values that mean something more often than chance would have it. */
static uint64_t value(struct vcpu_thread *v)
{
	switch (rnd(v) % 5) {
	case 0:
		return rnd(v) % 16;
	case 1:
		return 1ULL << rnd(v) % 64;
	case 2:
		return -(rnd(v) % 16);
	case 3:
		return rnd(v) % RAM;
	default:
		return rnd(v) << 16 ^ rnd(v);
	}
}

static void touch(struct vcpu_thread *v, struct bus *bus, uint64_t address)
{
	if (one_in(v, 2))
		bus__read(bus, address, width(v));
	else
		bus__write(bus, address, width(v), value(v));
}

static void touch_port(struct vcpu_thread *v)
{
	static const uint16_t bases[] = {
		0x60, 0x64, 0x70, 0x92, 0x3f8, 0x402, 0x510, 0x600, 0xb000, 0xcf8,
	};
	uint16_t port = bases[rnd(v) % (sizeof(bases) / sizeof(bases[0]))] + rnd(v) % 12;

	touch(v, board.m.pio, one_in(v, 50) ? rnd(v) & 0xffff : port);
}

static void config_write(unsigned int slot, unsigned int at, unsigned int size, uint32_t data)
{
	bus__write(board.m.pio, 0xcf8, 4, 0x80000000u | slot << 11 | (at & ~3u));
	bus__write(board.m.pio, 0xcfc + at % 4, size, data);
}

static void touch_config(struct vcpu_thread *v)
{
	unsigned int slot = rnd(v) % SLOTS;

	if (one_in(v, 4)) {
		/* Where the rest expects the BAR. */
		config_write(slot, PCI_BASE_ADDRESS_0, 4, BARS_AT + slot * BAR_BYTES);
		config_write(slot, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		return;
	}
	bus__write(board.m.pio, 0xcf8, 4, 0x80000000u | slot << 11 | (rnd(v) & 0x7fc));
	touch(v, board.m.pio, 0xcfc + rnd(v) % 4);
}

static uint64_t bar_of(unsigned int slot)
{
	return BARS_AT + slot * BAR_BYTES;
}

static void touch_bar(struct vcpu_thread *v)
{
	static const uint16_t structures[] = { 0, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000 };
	uint64_t at = structures[rnd(v) % 6] + rnd(v) % 80;

	touch(v, board.m.mmio, bar_of(rnd(v) % SLOTS) + at);
}

static void common(uint64_t bar, unsigned int at, unsigned int size, uint64_t data)
{
	bus__write(board.m.mmio, bar + at, size, data);
}

/* Descriptors, available and used ring of a queue. */
static uint64_t ring_at(unsigned int slot, unsigned int queue, unsigned int part)
{
	return 0x100000 + (slot * QUEUES + queue) * 0x3000 + part * 0x1000;
}

static void *ram(uint64_t gpa)
{
	return memory__ptr(board.m.memory, gpa, 16);
}

static void start_device(struct vcpu_thread *v)
{
	unsigned int slot = rnd(v) % SLOTS;
	uint64_t bar = bar_of(slot), features = rnd(v) << 16 ^ rnd(v);

	common(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	common(bar, VIRTIO_PCI_COMMON_STATUS, 1, 3);
	for (unsigned int half = 0; half < 2; half++) {
		uint32_t offered;

		common(bar, VIRTIO_PCI_COMMON_DFSELECT, 4, half);
		offered = bus__read(board.m.mmio, bar + VIRTIO_PCI_COMMON_DF, 4);
		common(bar, VIRTIO_PCI_COMMON_GFSELECT, 4, half);
		common(bar, VIRTIO_PCI_COMMON_GF, 4, half ? offered : offered & features);
	}
	common(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0xb);
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct vring_avail *avail = ram(ring_at(slot, i, 1));

		avail->idx = 0;
		common(bar, VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
		common(bar, VIRTIO_PCI_COMMON_Q_SIZE, 2, RING);
		common(bar, VIRTIO_PCI_COMMON_Q_DESCLO, 8, ring_at(slot, i, 0));
		common(bar, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, ring_at(slot, i, 1));
		common(bar, VIRTIO_PCI_COMMON_Q_USEDLO, 8, ring_at(slot, i, 2));
		common(bar, VIRTIO_PCI_COMMON_Q_ENABLE, 2, !one_in(v, 8));
	}
	common(bar, VIRTIO_PCI_COMMON_STATUS, 1, 0xf);
}

static void write_descriptor(struct vcpu_thread *v, struct vring_desc *desc)
{
	*desc = (struct vring_desc){
		.addr = one_in(v, 20) ? value(v) : rnd(v) % RAM & ~0xfULL,
		.len = one_in(v, 8) ? value(v) : one_in(v, 2) ? 16 : rnd(v) % 5000,
		.flags = rnd(v) & (one_in(v, 6) ? 7 : 3),
		.next = rnd(v) % (RING + one_in(v, 20)),
	};
}

/* Header, data, status: what a disk takes for a request. */
static void write_request(struct vcpu_thread *v, struct vring_desc *desc)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 99 };
	struct { uint32_t type, priority; uint64_t sector; } *header = ram(0x200000);
	bool reads = one_in(v, 2);

	header->type = types[rnd(v) % 7];
	header->sector = one_in(v, 10) ? value(v) : rnd(v) % (DISK_BYTES / 512);
	desc[0] = (struct vring_desc){ 0x200000, 16, VRING_DESC_F_NEXT, 1 };
	desc[1] = (struct vring_desc){ 0x201000, 512u << rnd(v) % 5,
				       VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), 2 };
	desc[2] = (struct vring_desc){ 0x202000, 1, VRING_DESC_F_WRITE, 0 };
}

/* A chain in a table of its own, perhaps longer than a device takes. */
static void write_indirect(struct vcpu_thread *v, struct vring_desc *desc)
{
	unsigned int count = 1 + rnd(v) % 600, written = rnd(v) % count;
	struct vring_desc *table = ram(0x210000);

	for (unsigned int i = 0; i < count; i++)
		table[i] = (struct vring_desc){ 0x220000 + 16 * i, 16,
						VRING_DESC_F_NEXT | (i > written ? VRING_DESC_F_WRITE : 0),
						i + 1 };
	table[count - 1].flags &= ~(one_in(v, 10) ? 0 : VRING_DESC_F_NEXT);
	*desc = (struct vring_desc){ 0x210000, count * 16, VRING_DESC_F_INDIRECT, 0 };
}

static void offer(struct vcpu_thread *v)
{
	unsigned int slot = rnd(v) % SLOTS, queue = rnd(v) % QUEUES;
	struct vring_desc *desc = ram(ring_at(slot, queue, 0));
	struct vring_avail *avail = ram(ring_at(slot, queue, 1));

	if (one_in(v, 2))
		write_request(v, desc);
	else if (one_in(v, 10))
		write_indirect(v, desc);
	else
		write_descriptor(v, &desc[rnd(v) % RING]);
	avail->ring[avail->idx % RING] = one_in(v, 4) ? rnd(v) % (RING + one_in(v, 30)) : 0;
	avail->flags = rnd(v) & 1;
	avail->idx += one_in(v, 50) ? rnd(v) : 1;
	bus__write(board.m.mmio, bar_of(slot) + 0x3000 + 4 * queue, 2, queue);
}

static void scribble(struct vcpu_thread *v)
{
	uint64_t *words = ram(one_in(v, 2) ? ring_at(rnd(v) % SLOTS, rnd(v) % QUEUES, rnd(v) % 3) : 0);

	words[rnd(v) % 256] = value(v);
}

/* The firmware configuration's DMA, nearly right. */
static void firmware_dma(struct vcpu_thread *v)
{
	uint32_t *access = ram(0x300000);

	access[0] = __builtin_bswap32((uint32_t)(rnd(v) % 0x60) << 16 | (rnd(v) & 0x1f));
	access[1] = __builtin_bswap32(value(v));
	access[2] = one_in(v, 10) ? value(v) : 0;
	access[3] = __builtin_bswap32(value(v));
	bus__write(board.m.pio, 0x518, 4, __builtin_bswap32(0x300000));
}

static void *vcpu(void *arg)
{
	static void (*const deeds[])(struct vcpu_thread *v) = {
		touch_port, touch_port, touch_config, touch_bar, touch_bar, offer, offer, offer,
		scribble, firmware_dma,
	};
	struct vcpu_thread *v = arg;

	while (!__atomic_load_n(&ending, __ATOMIC_RELAXED)) {
		if (one_in(v, 4))
			start_device(v);
		for (unsigned int i = 0; i < BATCH; i++)
			deeds[rnd(v) % (sizeof(deeds) / sizeof(deeds[0]))](v);
		v->operations += BATCH;
	}
	return NULL;
}

/* What comes from outside meanwhile: keys and the power button. */
static void disturb(struct vcpu_thread *v)
{
	static const char keys[] = "a\1a\1p\1hxyz\r\n";

	if (write(to_guest, keys, 1 + rnd(v) % (sizeof(keys) - 1)) < 0)
		return;	/* the pipe is full */
	board.m.power_button(board.m.power_button_ctx);
}

/* One machine from power-on to its end. The operations it withstood. */
static uint64_t live(uint64_t seed)
{
	struct vcpu_thread vcpus[VCPUS], outside = { .random = seed | 1 };
	uint64_t operations = 0;

	if (!board__create(RAM_MIB))
		return 0;
	board.config.disk = host.disk.fd >= 0 ? "kept" : NULL;
	/* The firmware's port prints to standard error, where sanitizers report. */
	board.config.verbose = false;
	board.config.vcpus = VCPUS;
	board.m.host = &host;
	board.m.console = console;
	__atomic_store_n(&ending, false, __ATOMIC_RELAXED);
	if (!board__add_all())
		return 0;
	for (unsigned int i = 0; i < VCPUS; i++) {
		vcpus[i] = (struct vcpu_thread){ .random = (seed + i) * 0x9e3779b97f4a7c15ULL | 1 };
		pthread_create(&vcpus[i].thread, NULL, vcpu, &vcpus[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		board__run(LIFE_MS / 3);
		disturb(&outside);
	}
	__atomic_store_n(&ending, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < VCPUS; i++) {
		pthread_join(vcpus[i].thread, NULL);
		operations += vcpus[i].operations;
	}
	board__destroy();
	return operations;
}

/* The host's side: a disk in memory, a network, a user. Messages of the guest's go nowhere. */
static bool open_host(FILE **report)
{
	static struct config config;
	char path[32];
	int disk = memfd_create("disk", 0), ends[2];

	*report = fdopen(dup(STDOUT_FILENO), "w");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", disk);
	host = (struct host){ .device = -1, .kernel.fd = -1, .initrd.fd = -1, .firmware.fd = -1 };
	if (ftruncate(disk, DISK_BYTES) < 0 || pipe2(ends, O_NONBLOCK) < 0 ||
	    block_image__open(&host.disk, path, false, &board.err) < 0 ||
	    net_user__create(&host.network, &config, &board.err) < 0)
		return false;
	close(disk);
	fcntl(ends[0], F_SETFL, 0);
	to_guest = ends[1];
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	return !console__create(&console, &board.err);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
	uint64_t seed = number("HOSTILE_SEED", loop__now()), operations = 0, end, more;
	unsigned int seconds = number("HOSTILE_SECONDS", 10), lives = 0;
	FILE *report;

	printf("KTAP version 1\n1..1\n# HOSTILE_SEED=%llu HOSTILE_SECONDS=%u\n",
	       (unsigned long long)seed, seconds);
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	if (!open_host(&report)) {
		fprintf(report, "# %s\nnot ok 1 hostile_guest_breaks_nothing\n", board.err.text);
		fclose(report);
		return 1;
	}
	end = loop__now() + seconds * 1000000000ULL;
	do {
		/* A life that hangs ends by SIGALRM: not ok. */
		alarm(HANG_SECONDS);
		more = live(seed + lives);
		operations += more;
		lives++;
	} while (more && loop__now() < end);
	alarm(0);
	console__destroy(console);
	host__close(&host);
	fprintf(report, "# %llu operations in %u lives %s\n%s 1 hostile_guest_breaks_nothing\n",
		(unsigned long long)operations, lives, board.err.text, more ? "ok" : "not ok");
	fclose(report);
	return !more;
}
