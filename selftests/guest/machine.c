// SPDX-License-Identifier: GPL-2.0
/* The machine of the guest programs; the contracts are in machine.h and device.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"

static struct machine *machine_of(struct vcpu *vcpu)
{
	return (struct machine *)((char *)vcpu->vm - offsetof(struct machine, vm));
}

static void add_event(struct machine *machine)
{
	struct minivmm_ioeventfd args = {
		.datamatch = EVENT_VALUE, .addr = EVENT_ADDRESS, .len = 4,
		.flags = MINIVMM_IOEVENTFD_FLAG_DATAMATCH,
	};

	machine->event = eventfd(0, EFD_NONBLOCK);
	args.fd = machine->event;
	if (call(machine->vm.fd, MINIVMM_IOEVENTFD, &args))
		fatal("IOEVENTFD");
}

void machine_init(struct machine *machine, unsigned int vcpus)
{
	memset(machine, 0, sizeof(*machine));
	machine->vcpus = vcpus & ~(STARTED_BY_GUEST | BEYOND_KVM | BEYOND_QEMU | PROTECTED);
	machine->started_by_guest = vcpus & STARTED_BY_GUEST;
	machine->is_protected = vcpus & PROTECTED;
	vm_init(&machine->vm, GUEST_MEMORY);
	vm_add_irqchip(&machine->vm);
	machine->below = map_anonymous(PAGE);
	if (vm_set_slot(&machine->vm, 1, 0, RAM_BELOW, PAGE, machine->below))
		fatal("no slot below the device");
	add_event(machine);
	for (unsigned int i = 0; i < machine->vcpus; i++)
		vcpu_init(&machine->vcpu[i], &machine->vm, i);
}

void machine_free(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->vcpus; i++)
		vcpu_free(&machine->vcpu[i]);
	close(machine->event);
	vm_free(&machine->vm);
	munmap(machine->below, PAGE);
}

static void log_access(struct machine *machine, __u64 offset, __u32 size, bool write)
{
	__u64 *count = (__u64 *)(machine->vm.memory + DEVICE_LOG_COUNT);
	__u64 *log = (__u64 *)(machine->vm.memory + DEVICE_LOG);

	if (*count < DEVICE_LOG_SIZE)
		log[*count] = LOG_ENTRY(offset, size, write);
	++*count;
}

static bool serve_memory(struct machine *machine, struct minivmm_run *run)
{
	const __u64 offset = run->mmio.phys_addr - DEVICE;
	const __u32 size = run->mmio.len;

	if (offset >= DEVICE_SIZE || size > DEVICE_SIZE - offset)
		return false;
	log_access(machine, offset, size, run->mmio.is_write);
	if (run->mmio.is_write)
		memcpy(machine->bytes + offset, run->mmio.data, size);
	else
		memcpy(run->mmio.data, machine->bytes + offset, size);
	return true;
}

static void serve_queue(struct machine *machine, struct minivmm_run *run)
{
	__u8 *data = (__u8 *)run + run->io.data_offset;
	const __u32 size = run->io.size * run->io.count;

	for (__u32 i = 0; i < size; i++) {
		if (run->io.direction == MINIVMM_EXIT_IO_OUT)
			machine->queue[machine->queue_in++ % sizeof(machine->queue)] = data[i];
		else
			data[i] = machine->queue[machine->queue_out++ % sizeof(machine->queue)];
	}
}

/* An eventfd bound to the gsi, written by a thread of its own after a while. */
static void *wake_thread(void *arg)
{
	int fd = (long)arg;

	usleep(50000);
	eventfd_write(fd, 1);
	return NULL;
}

static bool wake_later(struct machine *machine, __u32 gsi)
{
	struct minivmm_irqfd irqfd = { .fd = eventfd(0, 0), .gsi = gsi };
	pthread_t thread;

	if (call(machine->vm.fd, MINIVMM_IRQFD, &irqfd))
		return false;
	if (pthread_create(&thread, NULL, wake_thread, (void *)(long)irqfd.fd))
		return false;
	pthread_detach(thread);
	return true;
}

static bool send_message(struct machine *machine, __u32 value)
{
	struct minivmm_msi msi = {
		.address_lo = 0xfee00000 | value >> 16 << 12,
		.data = value & 0xffff,
	};

	/* 0: nobody accepted it. */
	return call(machine->vm.fd, MINIVMM_SIGNAL_MSI, &msi) >= 0;
}

static bool serve_command(struct machine *machine, struct vcpu *vcpu, __u32 value)
{
	switch (vcpu->run->io.port) {
	case PORT_LINE:
		return !vm_irq_line(&machine->vm, value & 0xffff, value >> 16);
	case PORT_NMI:
		return !call(vcpu->fd, MINIVMM_NMI, 0);
	case PORT_MSI:
		return send_message(machine, value);
	case PORT_WAKE:
		return wake_later(machine, value);
	}
	return false;
}

static __u32 take_events(struct machine *machine)
{
	eventfd_t events = 0;

	return eventfd_read(machine->event, &events) ? 0 : events;
}

static bool serve_port(struct machine *machine, struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;
	__u32 *data = (__u32 *)((__u8 *)run + run->io.data_offset);

	if (run->io.port == PORT_QUEUE) {
		serve_queue(machine, run);
		return true;
	}
	if (run->io.size != 4 || run->io.count != 1)
		return false;
	if (run->io.direction == MINIVMM_EXIT_IO_OUT)
		return serve_command(machine, vcpu, *data);
	*data = take_events(machine);
	return run->io.port == PORT_TAKE;
}

static bool serve(struct vcpu *vcpu)
{
	struct machine *machine = machine_of(vcpu);

	switch (vcpu->end) {
	case MINIVMM_EXIT_IO:
		return serve_port(machine, vcpu);
	case MINIVMM_EXIT_MMIO:
		return serve_memory(machine, vcpu->run);
	}
	return false;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	/* KVM answers EAGAIN once a processor that waited has been started. */
	do {
		vcpu->end = program_run(vcpu);
	} while (vcpu->end == -EAGAIN || serve(vcpu));
	return NULL;
}

static bool ended_well(struct vcpu *vcpu)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	if (vcpu->end == PROGRAM_ENDED)
		return true;
	fprintf(stderr, "# vcpu %u: ended with %ld at %#llx\n", vcpu->id, vcpu->end, regs.rip);
	return false;
}

static void start_vcpu(struct machine *machine, struct vcpu *vcpu)
{
	if (vcpu->id && machine->started_by_guest) {
		vcpu_set_supported_cpuid(vcpu);
	} else if (machine->is_protected) {
		vcpu_set_supported_cpuid(vcpu);
		vcpu_enter_protected(vcpu, GUEST_PROGRAM);
	} else {
		vcpu_enter_long(vcpu, GUEST_PROGRAM);
	}
	vcpu_add_deadline_timer(vcpu);
}

long machine_run(struct machine *machine, unsigned int number)
{
	const __u32 parameters[2] = { number, machine->vcpus };
	long failures = 0;

	vm_write(&machine->vm, CASE_NUMBER, parameters, sizeof(parameters));
	for (unsigned int i = 0; i < machine->vcpus; i++)
		start_vcpu(machine, &machine->vcpu[i]);
	for (unsigned int i = 0; i < machine->vcpus; i++)
		if (pthread_create(&machine->vcpu[i].thread, NULL, vcpu_thread, &machine->vcpu[i]))
			fatal("no thread");
	for (unsigned int i = 0; i < machine->vcpus; i++) {
		pthread_join(machine->vcpu[i].thread, NULL);
		if (!ended_well(&machine->vcpu[i]))
			return -1;
		failures = machine->vcpu[i].result;
	}
	return failures;
}

bool on_kvm(void)
{
	int device = device_open();
	bool ours = device_is_minivmm(device);

	close(device);
	return !ours;
}
