// SPDX-License-Identifier: GPL-2.0
/* Rows of accesses to devices of the kernel: a port, eventfds. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

#define HOLE		0xd0000000
#define EVENT_PORT	0x20

GUEST_BATCH(pic_read_op, "", "in $0x21, %al");
GUEST_BATCH(pic_write_op, "mov $0xff, %al", "out %al, $0x21");

#define STRING_BYTES	256
GUEST_BATCH(pic_string_in_op, "mov $0x21, %edx",
	    "mov $0x80000, %edi; mov $" STRING(STRING_BYTES) ", %ecx; rep insb");
GUEST_BATCH(pic_string_out_op, "mov $0x21, %edx", "mov %esi, %ebx\n"
	    "mov $0x80000, %esi; mov $" STRING(STRING_BYTES) ", %ecx; rep outsb; mov %ebx, %esi");

GUEST_BATCH(event_port_op, "", "out %al, $" STRING(EVENT_PORT));
GUEST_BATCH(event_mmio_op, "mov $" STRING(HOLE) ", %edx", "mov %eax, (%rdx)");

/* Stores by instructions that differ, each in a page of its own. */
#define STORE(reg)	"mov %" reg ", (%rdx); jmp 1f; .skip 4096; 1: "
GUEST_BATCH(event_mmio_2_op, "mov $" STRING(HOLE) ", %edx", STORE("eax") STORE("ebx"));
GUEST_BATCH(event_mmio_4_op, "mov $" STRING(HOLE) ", %edx",
	    STORE("eax") STORE("ebx") STORE("ecx") STORE("edi"));

static void measure_pic(const char *name, const __u8 *code, const __u8 *end,
			unsigned int operations)
{
	struct guest g;

	guest_init_irqchip(&g, code, end);
	bench_batches(&g.vcpu, name, operations);
	guest_free(&g);
}

static void measure_eventfd(const char *name, struct minivmm_ioeventfd *event,
			    const __u8 *code, const __u8 *end, unsigned int operations)
{
	struct guest g;

	guest_init(&g, code, end);
	event->fd = eventfd(0, EFD_CLOEXEC);
	if (call(g.vm.fd, MINIVMM_IOEVENTFD, event))
		fatal("IOEVENTFD refused");
	bench_batches(&g.vcpu, name, operations);
	close(event->fd);
	guest_free(&g);
}

void bench_devices(void)
{
	struct minivmm_ioeventfd port = {
		.addr = EVENT_PORT, .len = 1, .flags = MINIVMM_IOEVENTFD_FLAG_PIO,
	};
	struct minivmm_ioeventfd mmio = { .addr = HOLE, .len = 4 };
	struct minivmm_ioeventfd any = { .addr = HOLE };	/* of any length, as QEMU asks for */

	measure_pic("pio-kernel", CODE(pic_read_op), 1);
	measure_pic("pio-kernel-write", CODE(pic_write_op), 1);
	measure_pic("pio-kernel-string-in-byte", CODE(pic_string_in_op), STRING_BYTES);
	measure_pic("pio-kernel-string-byte", CODE(pic_string_out_op), STRING_BYTES);
	measure_eventfd("pio-eventfd", &port, CODE(event_port_op), 1);
	measure_eventfd("mmio-eventfd", &mmio, CODE(event_mmio_op), 1);
	measure_eventfd("mmio-eventfd-2", &mmio, CODE(event_mmio_2_op), 2);
	measure_eventfd("mmio-eventfd-4", &mmio, CODE(event_mmio_4_op), 4);
	measure_eventfd("mmio-eventfd-any", &any, CODE(event_mmio_op), 1);
}
