// SPDX-License-Identifier: GPL-2.0
/* Rows of accesses to devices of the kernel: a port, eventfds. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

#define HOLE		0xd0000000
#define EVENT_PORT	0x20

GUEST_BATCH(pic_op, "", "in $0x21, %al");
GUEST_BATCH(event_port_op, "", "out %al, $" STRING(EVENT_PORT));
GUEST_BATCH(event_mmio_op, "mov $" STRING(HOLE) ", %edx", "mov %eax, (%rdx)");

static void measure_pic(void)
{
	struct guest g;

	guest_init_irqchip(&g, CODE(pic_op));
	bench_batches(&g.vcpu, "pio-kernel");
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

	measure_pic();
	measure_eventfd("pio-eventfd", &port, CODE(event_port_op));
	measure_eventfd("mmio-eventfd", &mmio, CODE(event_mmio_op));
}
