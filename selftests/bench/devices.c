// SPDX-License-Identifier: GPL-2.0
/* Rows of accesses to devices of the kernel: a port, eventfds. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

#define HOLE		0xd0000000
#define EVENT_PORT	0x20

GUEST_BATCH(pic_read_op, "", "in $0x21, %al");
GUEST_BATCH(pic_write_op, "mov $0xff, %al", "out %al, $0x21");
GUEST_BATCH(event_port_op, "", "out %al, $" STRING(EVENT_PORT));
GUEST_BATCH(event_mmio_op, "mov $" STRING(HOLE) ", %edx", "mov %eax, (%rdx)");

static void measure_pic(const char *name, const __u8 *code, const __u8 *end)
{
	struct guest g;

	guest_init_irqchip(&g, code, end);
	bench_batches(&g.vcpu, name);
	guest_free(&g);
}

static void measure_eventfd(const char *name, struct minivmm_ioeventfd *event,
			    const __u8 *code, const __u8 *end)
{
	struct guest g;

	guest_init(&g, code, end);
	event->fd = eventfd(0, EFD_CLOEXEC);
	if (call(g.vm.fd, MINIVMM_IOEVENTFD, event))
		fatal("IOEVENTFD refused");
	bench_batches(&g.vcpu, name);
	close(event->fd);
	guest_free(&g);
}

void bench_devices(void)
{
	struct minivmm_ioeventfd port = {
		.addr = EVENT_PORT, .len = 1, .flags = MINIVMM_IOEVENTFD_FLAG_PIO,
	};
	struct minivmm_ioeventfd mmio = { .addr = HOLE, .len = 4 };

	measure_pic("pio-kernel", CODE(pic_read_op));
	measure_pic("pio-kernel-write", CODE(pic_write_op));
	measure_eventfd("pio-eventfd", &port, CODE(event_port_op));
	measure_eventfd("mmio-eventfd", &mmio, CODE(event_mmio_op));
}
