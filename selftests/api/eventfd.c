// SPDX-License-Identifier: GPL-2.0
/* IRQFD and IOEVENTFD: eventfds in place of calls and exits. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include "fixture.h"

/* IOEVENTFD */

static long ioeventfd(struct vm *vm, int fd, __u64 addr, __u32 len, __u32 flags, __u64 match)
{
	struct minivmm_ioeventfd args = {
		.datamatch = match, .addr = addr, .len = len, .fd = fd, .flags = flags,
	};

	return call(vm->fd, MINIVMM_IOEVENTFD, &args);
}

/* What was written to an eventfd since the last look; 0 if nothing. */
static __u64 fetch(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	__u64 value = 0;

	if (poll(&pollfd, 1, 0) == 1 && read(fd, &value, 8) != 8)
		fatal("eventfd");
	return value;
}

#define PIO	MINIVMM_IOEVENTFD_FLAG_PIO
#define MATCH	MINIVMM_IOEVENTFD_FLAG_DATAMATCH
#define GONE	MINIVMM_IOEVENTFD_FLAG_DEASSIGN
#define HOLE	0x20000000UL

GUEST64(write_ports,
	"mov $1, %al; out %al, $0x40; mov $2, %al; out %al, $0x40; out %ax, $0x40; hlt");

TEST_F(vm, port_write_signals_instead_of_exiting)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO, 0));
	start_long(&self->vcpu, write_ports);
	/* Two byte writes match; the write of a word does not. */
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(2, self->vcpu.run->io.size);
	EXPECT_EQ(2, fetch(fd));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

TEST_F(vm, datamatch_picks_one_value)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO | MATCH, 2));
	start_long(&self->vcpu, write_ports);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(1, *(__u8 *)port_data(&self->vcpu));
	EXPECT_EQ(0, fetch(fd));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(2, self->vcpu.run->io.size);
	EXPECT_EQ(1, fetch(fd));
}

GUEST64(write_low_byte, "mov $0x12345602, %eax; out %al, $0x40; hlt");

TEST_F(vm, datamatch_is_compared_with_what_is_written)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO | MATCH, 2));
	start_long(&self->vcpu, write_low_byte);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, fetch(fd));
}

TEST_F(vm, length_zero_matches_every_width)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 0, PIO, 0));
	start_long(&self->vcpu, write_ports);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(3, fetch(fd));
}

GUEST64(write_string,
	"mov $0x40, %edx; lea text(%rip), %rsi; mov $6, %ecx; cld; rep outsb; hlt;"
	"text: .ascii \"aabcab\"");

/* Userspace gets what follows the elements that were signalled, and not those again. */
TEST_F(vm, string_that_matches_at_first_exits_with_the_rest)
{
	int fd = eventfd(0, 0);

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM gives userspace the whole string again");
	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO | MATCH, 'a'));
	start_long(&self->vcpu, write_string);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(2, fetch(fd));
	EXPECT_EQ(4, self->vcpu.run->io.count);
	EXPECT_EQ(0, memcmp("bcab", port_data(&self->vcpu), 4));
	EXPECT_EQ(4, vcpu_regs(&self->vcpu).rcx);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, fetch(fd));
	EXPECT_EQ(0, vcpu_regs(&self->vcpu).rcx);
}

TEST_F(vm, string_that_matches_throughout_does_not_exit)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO, 0));
	start_long(&self->vcpu, write_string);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(6, fetch(fd));
}

GUEST64(write_mmio,
	"mov $0x20000000, %rdi; movl $7, (%rdi); movl $8, (%rdi); movl $8, 4(%rdi); hlt");

TEST_F(vm, mmio_write_signals_instead_of_exiting)
{
	int fd = eventfd(0, 0), other = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, HOLE, 4, MATCH, 7));
	ASSERT_EQ(0, ioeventfd(&self->vm, other, HOLE, 4, MATCH, 8));
	start_long(&self->vcpu, write_mmio);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(HOLE + 4, self->vcpu.run->mmio.phys_addr);
	EXPECT_EQ(1, fetch(fd));
	EXPECT_EQ(1, fetch(other));
}

GUEST64(write_eight_bytes,
	"mov $0x20000000, %rdi; mov $0x1122334455667788, %rax; mov %rax, (%rdi); hlt");

TEST_F(vm, datamatch_is_as_wide_as_the_write)
{
	int fd = eventfd(0, 0), other = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, HOLE, 8, MATCH, 0x1122334455667788));
	ASSERT_EQ(0, ioeventfd(&self->vm, other, HOLE, 8, MATCH, 0x55667788));
	start_long(&self->vcpu, write_eight_bytes);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, fetch(fd));
	EXPECT_EQ(0, fetch(other));
}

TEST_F(vm, deassigned_ioeventfd_exits_again)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO, 0));
	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO | GONE, 0));
	start_long(&self->vcpu, write_ports);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(1, self->vcpu.run->io.size);
	EXPECT_EQ(0, fetch(fd));
}

TEST_F(vm, port_and_memory_addresses_are_apart)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, 0, 0));
	start_long(&self->vcpu, write_ports);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, fetch(fd));
}

TEST_F(vm, impossible_ioeventfds_are_refused)
{
	int fd = eventfd(0, 0);

	EXPECT_EQ(-EINVAL, ioeventfd(&self->vm, fd, 0x40, 3, PIO, 0));
	EXPECT_EQ(-EINVAL, ioeventfd(&self->vm, fd, 0x40, 16, PIO, 0));
	EXPECT_EQ(-EINVAL, ioeventfd(&self->vm, fd, 0x40, 1, 1 << 30, 0));
	EXPECT_EQ(-EINVAL, ioeventfd(&self->vm, fd, -1UL, 8, 0, 0));
	EXPECT_EQ(-EINVAL, ioeventfd(&self->vm, fd, 0x40, 0, PIO | MATCH, 1));
	EXPECT_EQ(-EBADF, ioeventfd(&self->vm, -1, 0x40, 1, PIO, 0));
	EXPECT_EQ(-EINVAL, ioeventfd(&self->vm, open("/dev/null", O_RDWR), 0x40, 1, PIO, 0));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_IOEVENTFD, BAD_POINTER));
}

TEST_F(vm, same_ioeventfd_twice_is_refused)
{
	int fd = eventfd(0, 0);

	EXPECT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 1, PIO, 0));
	EXPECT_EQ(-EEXIST, ioeventfd(&self->vm, fd, 0x40, 1, PIO, 0));
	EXPECT_EQ(-EEXIST, ioeventfd(&self->vm, fd, 0x40, 1, PIO | MATCH, 1));
	EXPECT_EQ(0, ioeventfd(&self->vm, fd, 0x41, 1, PIO, 0));
}

TEST_F(vm, unknown_ioeventfd_cannot_be_deassigned)
{
	int fd = eventfd(0, 0);

	EXPECT_EQ(-ENOENT, ioeventfd(&self->vm, fd, 0x40, 1, PIO | GONE, 0));
}

TEST_F(vm, ioeventfd_outlives_the_callers_file)
{
	int fd = eventfd(0, 0), kept = dup(fd);

	ASSERT_EQ(0, ioeventfd(&self->vm, fd, 0x40, 0, PIO, 0));
	close(fd);
	start_long(&self->vcpu, write_ports);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(3, fetch(kept));
}

/* IRQFD */

static long irqfd(struct vm *vm, int fd, __u32 gsi, __u32 flags, int resamplefd)
{
	struct minivmm_irqfd args = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd,
	};

	return call(vm->fd, MINIVMM_IRQFD, &args);
}

#define RESAMPLE	MINIVMM_IRQFD_FLAG_RESAMPLE
#define DEASSIGN	MINIVMM_IRQFD_FLAG_DEASSIGN

/* True if the vector is requested at the local APIC. */
static bool is_requested(struct vcpu *vcpu, __u8 vector)
{
	static struct minivmm_lapic_state lapic;

	call(vcpu->fd, MINIVMM_GET_LAPIC, &lapic);
	return *(__u32 *)&lapic.regs[0x200 + vector / 32 * 0x10] & 1U << vector % 32;
}

/* The same, waiting up to a second for it. */
static bool vector_requested(struct vcpu *vcpu, __u8 vector)
{
	for (int i = 0; i < 100; i++) {
		if (is_requested(vcpu, vector))
			return true;
		usleep(10000);
	}
	return false;
}

struct signaller {
	int fd;
	volatile bool stop;
};

static void *signal_always(void *arg)
{
	struct signaller *signaller = arg;

	while (!signaller->stop)
		signal_event(signaller->fd);
	return NULL;
}

static long route_to_vector(struct vm *vm, __u32 gsi, __u8 vector)
{
	struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entry;
	} routing = {
		.head.nr = 1,
		.entry = { .gsi = gsi, .type = MINIVMM_IRQ_ROUTING_MSI,
			   .u.msi = { .address_lo = 0xfee00000, .data = vector } },
	};

	return call(vm->fd, MINIVMM_SET_GSI_ROUTING, &routing);
}

/* A VMM that masks a message or moves it elsewhere counts on it. */
TEST_F(chip, a_route_that_was_replaced_sends_nothing_any_more)
{
	struct signaller signaller = { .fd = eventfd(0, EFD_NONBLOCK) };
	struct minivmm_lapic_state clean;
	bool late = false;
	pthread_t thread;

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &clean));
	ASSERT_EQ(0, route_to_vector(&self->vm, 20, 0x40));
	ASSERT_EQ(0, irqfd(&self->vm, signaller.fd, 20, 0, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_always, &signaller));
	/* Where nothing is waited for, 5000 take less. */
	for (time_t end = time(NULL) + 3; time(NULL) < end && !late;) {
		ASSERT_EQ(0, route_to_vector(&self->vm, 20, 0x40));
		ASSERT_EQ(0, route_to_vector(&self->vm, 20, 0x50));
		ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &clean));
		late = is_requested(&self->vcpu, 0x40) ||
		       is_requested(&self->vcpu, 0x40);	/* or a moment later */
	}
	signaller.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_FALSE(late);
	signal_event(signaller.fd);
	EXPECT_TRUE(vector_requested(&self->vcpu, 0x50));
}

TEST_F(chip, event_raises_the_interrupt)
{
	int fd = eventfd(0, 0);

	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x61);
	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
	signal_event(fd);
	EXPECT_TRUE(vector_requested(&self->vcpu, 0x61));
}

TEST_F(chip, event_from_before_the_assignment_counts)
{
	int fd = eventfd(1, 0);

	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x61);
	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
	EXPECT_TRUE(vector_requested(&self->vcpu, 0x61));
}

TEST_F(chip, event_of_a_message_route_raises_its_vector)
{
	struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entry;
	} routing = {
		.head.nr = 1,
		.entry = {
			.gsi = 100, .type = MINIVMM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = 0x72 },
		},
	};
	int fd = eventfd(0, 0);

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, irqfd(&self->vm, fd, 100, 0, 0));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_GSI_ROUTING, &routing));
	signal_event(fd);
	EXPECT_TRUE(vector_requested(&self->vcpu, 0x72));
}

TEST_F(chip, deassigned_irqfd_raises_nothing)
{
	static struct minivmm_lapic_state lapic;
	int fd = eventfd(0, 0);

	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x61);
	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, DEASSIGN, 0));
	signal_event(fd);
	usleep(50000);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(0, *(__u32 *)&lapic.regs[0x200 + 0x61 / 32 * 0x10]);
}

TEST_F(chip, irqfd_is_deassigned_by_its_interrupt)
{
	int fd = eventfd(0, 0);

	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x61);
	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
	EXPECT_EQ(0, irqfd(&self->vm, fd, 21, DEASSIGN, 0));
	signal_event(fd);
	EXPECT_TRUE(vector_requested(&self->vcpu, 0x61));
}

TEST_F(chip, impossible_irqfds_are_refused)
{
	int fd = eventfd(0, 0);

	EXPECT_EQ(-EBADF, irqfd(&self->vm, -1, 20, 0, 0));
	EXPECT_EQ(-EINVAL, irqfd(&self->vm, open("/dev/null", O_RDWR), 20, 0, 0));
	EXPECT_EQ(-EINVAL, irqfd(&self->vm, fd, 20, 1 << 5, 0));
	EXPECT_EQ(-EBADF, irqfd(&self->vm, fd, 20, RESAMPLE, -1));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_IRQFD, BAD_POINTER));
	EXPECT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
}

TEST_F(chip, one_eventfd_serves_one_interrupt)
{
	int fd = eventfd(0, 0);

	EXPECT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
	EXPECT_EQ(-EBUSY, irqfd(&self->vm, fd, 20, 0, 0));
	EXPECT_EQ(-EBUSY, irqfd(&self->vm, fd, 21, 0, 0));
}

TEST_F(vm, irqfd_needs_interrupt_controllers)
{
	EXPECT_EQ(-EINVAL, irqfd(&self->vm, eventfd(0, 0), 20, 0, 0));
}

TEST_F(chip, closed_eventfd_ends_its_irqfd)
{
	int fd = eventfd(0, 0);

	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
	close(fd);
	usleep(10000);
	fd = eventfd(0, 0);
	EXPECT_EQ(0, irqfd(&self->vm, fd, 20, 0, 0));
}

TEST(irqfd_ends_with_its_vm)
{
	int fd = eventfd(0, 0);

	for (int i = 0; i < 10; i++) {
		struct vm vm;

		vm_init(&vm, GUEST_MEMORY);
		vm_add_irqchip(&vm);
		ASSERT_EQ(0, irqfd(&vm, fd, 20, 0, 0));
		vm_free(&vm);
		signal_event(fd);
	}
}

/*
 * Takes vector 0x61 in long mode: the handler tells port 0x10, ends the interrupt
 * at the local APIC and tells port 0x11.
 */
GUEST64(serve_level_interrupt,
	"sti; 1: hlt; jmp 1b;"
	".globl on_level; on_level: out %al, $0x10; mov $0xfee000b0, %edi; movl $0, (%rdi);"
	"out %al, $0x11; iretq");
extern const __u8 on_level[];

static void start_with_handler(struct vcpu *vcpu)
{
	const __u64 handler = GUEST_CODE + (on_level - serve_level_interrupt);
	const __u64 gate[2] = {
		(handler & 0xffff) | 0x8UL << 16 | 0x8eUL << 40 | (handler >> 16 & 0xffff) << 48,
		handler >> 32,
	};
	struct minivmm_sregs sregs;

	start_long(vcpu, serve_level_interrupt);
	vm_write(vcpu->vm, GUEST_DATA + 0x61 * 16, gate, sizeof(gate));
	sregs = vcpu_sregs(vcpu);
	sregs.idt.base = GUEST_DATA;
	sregs.idt.limit = 0xfff;
	vcpu_set_sregs(vcpu, &sregs);
}

TEST_F(chip, resample_event_follows_the_end_of_the_interrupt)
{
	int fd = eventfd(0, 0), resample = eventfd(0, 0);

	start_with_handler(&self->vcpu);
	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x8061);		/* level */
	ASSERT_EQ(0, irqfd(&self->vm, fd, 20, RESAMPLE, resample));
	signal_event(fd);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x10, self->vcpu.run->io.port);
	EXPECT_EQ(0, fetch(resample));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x11, self->vcpu.run->io.port);
	EXPECT_EQ(1, fetch(resample));
}

#define MANY	3000

static void allow_many_files(void)
{
	struct rlimit files = { 4 * MANY, 4 * MANY };

	if (setrlimit(RLIMIT_NOFILE, &files))
		fatal("RLIMIT_NOFILE");
}

/* The shortest of ten runs, in ns, from the interrupt's handler past its end. */
static long time_of_end(struct vcpu *vcpu, int fd)
{
	long start, time, shortest = LONG_MAX;

	for (int i = 0; i < 10; i++) {
		signal_event(fd);
		if (vcpu_run(vcpu) || vcpu->run->io.port != 0x10)
			fatal("no interrupt");
		start = now_ns();
		if (vcpu_run(vcpu) || vcpu->run->io.port != 0x11)
			fatal("no end of it");
		time = now_ns() - start;
		if (time < shortest)
			shortest = time;
		usleep(10000);
	}
	return shortest;
}

/* The end of an interrupt is handled with interrupts off, so not by work that a VMM may multiply. */
TEST_F(chip, resample_events_are_many_and_the_end_is_short)
{
	int resample[MANY], fds[MANY];
	long one, many, told;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "what is done elsewhere delays the only CPU");
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM signals them all there, and waits for a grace period with each");
	allow_many_files();
	start_with_handler(&self->vcpu);
	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x8061);
	for (int i = 0; i < MANY; i++) {
		fds[i] = eventfd(0, 0);
		resample[i] = eventfd(0, EFD_NONBLOCK);
	}
	ASSERT_EQ(0, irqfd(&self->vm, fds[0], 20, RESAMPLE, resample[0]));
	one = time_of_end(&self->vcpu, fds[0]);
	for (int i = 1; i < MANY; i++)
		ASSERT_EQ(0, irqfd(&self->vm, fds[i], 20, RESAMPLE, resample[i]));
	many = time_of_end(&self->vcpu, fds[0]);
	told = 0;
	for (int i = 0; i < MANY; i++)
		told += fetch(resample[i]) > 0;
	TH_LOG("%ld ns with one, %ld ns with %d", one, many, MANY);
	EXPECT_EQ(MANY, told);
	EXPECT_LT(many, 3 * one);
}

#define FIRST_PIN	16	/* not the PIC's, too */
#define PINS		8
#define PER_PIN		8	/* as many as are signalled at once */

/* One end of an interrupt may be that of many pins. */
TEST_F(chip, end_of_a_vector_tells_the_resample_events_of_all_its_pins)
{
	int resample[PINS][PER_PIN], fds[PINS][PER_PIN], told = 0;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM waits for a grace period with each irqfd");
	start_with_handler(&self->vcpu);
	vcpu_enable_apic(&self->vcpu);
	for (int pin = 0; pin < PINS; pin++) {
		vm_set_pin(&self->vm, FIRST_PIN + pin, 0x8061);
		for (int i = 0; i < PER_PIN; i++) {
			fds[pin][i] = eventfd(0, 0);
			resample[pin][i] = eventfd(0, EFD_NONBLOCK);
			ASSERT_EQ(0, irqfd(&self->vm, fds[pin][i], FIRST_PIN + pin, RESAMPLE,
					   resample[pin][i]));
		}
	}
	for (int pin = 0; pin < PINS; pin++)
		signal_event(fds[pin][0]);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x10, self->vcpu.run->io.port);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x11, self->vcpu.run->io.port);
	usleep(100000);		/* some by a worker */
	for (int pin = 0; pin < PINS; pin++)
		for (int i = 0; i < PER_PIN; i++)
			told += fetch(resample[pin][i]);
	EXPECT_EQ(PINS * PER_PIN, told);
}

/* The shortest time, in ns, in which it is found that @fd already is an irqfd. */
static long time_of_refusal(struct vm *vm, int fd)
{
	long start, time, shortest = LONG_MAX;

	for (int i = 0; i < 50; i++) {
		start = now_ns();
		if (irqfd(vm, fd, 20, 0, 0) != -EBUSY)
			fatal("an irqfd twice");
		time = now_ns() - start;
		if (time < shortest)
			shortest = time;
	}
	return shortest;
}

#define VERY_MANY	10000

/* An irqfd is looked for with interrupts off or a grace period held up. */
TEST_F(chip, irqfds_are_many_and_found_at_once)
{
	int fds[VERY_MANY];
	long one, many;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM walks a list of them");
	allow_many_files();
	for (int i = 0; i < VERY_MANY; i++)
		fds[i] = eventfd(0, 0);
	ASSERT_EQ(0, irqfd(&self->vm, fds[0], 20, 0, 0));
	one = time_of_refusal(&self->vm, fds[0]);
	for (int i = 1; i < VERY_MANY; i++)
		ASSERT_EQ(0, irqfd(&self->vm, fds[i], 20, 0, 0));
	many = time_of_refusal(&self->vm, fds[VERY_MANY - 1]);
	TH_LOG("%ld ns with one, %ld ns with %d", one, many, VERY_MANY);
	EXPECT_LT(many, 5 * one);
}

#define SOME	200

TEST_F(chip, each_of_many_irqfds_is_deassigned_alone)
{
	int fds[SOME];

	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x61);
	for (int i = 0; i < SOME; i++) {
		fds[i] = eventfd(0, 0);
		ASSERT_EQ(0, irqfd(&self->vm, fds[i], 20, 0, 0));
	}
	for (int i = 0; i < SOME; i += 2)
		ASSERT_EQ(0, irqfd(&self->vm, fds[i], 20, DEASSIGN, 0));
	for (int i = 0; i < SOME; i++)
		EXPECT_EQ(i % 2 ? -EBUSY : 0, irqfd(&self->vm, fds[i], 21, 0, 0));
	signal_event(fds[SOME - 2]);	/* of pin 21 now, which is masked */
	EXPECT_FALSE(is_requested(&self->vcpu, 0x61));
	signal_event(fds[SOME - 1]);
	EXPECT_TRUE(vector_requested(&self->vcpu, 0x61));
}

TEST_F(chip, level_interrupt_comes_again_while_its_line_is_up)
{
	start_with_handler(&self->vcpu);
	vcpu_enable_apic(&self->vcpu);
	vm_set_pin(&self->vm, 20, 0x8061);
	EXPECT_EQ(0, vm_irq_line(&self->vm, 20, 1));
	for (int i = 0; i < 3; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(0x10, self->vcpu.run->io.port);
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(0x11, self->vcpu.run->io.port);
	}
	EXPECT_EQ(0, vm_irq_line(&self->vm, 20, 0));
}

TEST_HARNESS_MAIN
