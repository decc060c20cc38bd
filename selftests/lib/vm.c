// SPDX-License-Identifier: GPL-2.0
/* Device, VM, memory slots and vCPUs of a selftest; the contract is in vm.h. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

long call_ioctl(int fd, unsigned long nr, unsigned long arg)
{
	int ret = ioctl(fd, nr, arg);

	return ret < 0 ? -errno : ret;
}

void fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("# set-up failed: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static long must(long result, const char *what)
{
	if (result < 0)
		fatal("%s: %s", what, strerror(-result));
	return result;
}

const char *device_path(void)
{
	const char *path = getenv("MINIVMM_DEVICE");

	return path && *path ? path : "/dev/minivmm";
}

int device_open(void)
{
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fatal("%s: %s", device_path(), strerror(errno));
	return fd;
}

bool device_is_minivmm(int device)
{
	return capability(device, MINIVMM_CAP_MINIVMM) == 1;
}

struct minivmm_last_error last_error(int fd)
{
	struct minivmm_last_error error = { .size = sizeof(error) };
	long ret = call(fd, MINIVMM_GET_LAST_ERROR, &error);

	if (ret)
		fatal("GET_LAST_ERROR: %ld", ret);
	return error;
}

bool host_is_intel(void)
{
	unsigned int a, b, c, d;

	__cpuid(0, a, b, c, d);
	return b == signature_INTEL_ebx;
}

bool host_is_qemu(void)
{
	unsigned int a, b, c, d;

	__cpuid(0x40000000, a, b, c, d);
	return b == 0x54474354;
}

long capability(int fd, __u32 cap)
{
	return call(fd, MINIVMM_CHECK_EXTENSION, cap);
}

void vm_set_pin(struct vm *vm, int pin, __u64 entry)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };

	if (call(vm->fd, MINIVMM_GET_IRQCHIP, &chip))
		fatal("GET_IRQCHIP");
	chip.chip.ioapic.redirtbl[pin].bits = entry;
	if (call(vm->fd, MINIVMM_SET_IRQCHIP, &chip))
		fatal("SET_IRQCHIP");
}

void signal_event(int fd)
{
	const __u64 one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		fatal("eventfd");
}

__u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

void *map_anonymous(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fatal("no memory");
	return memory;
}

void vm_init(struct vm *vm, size_t size)
{
	memset(vm, 0, sizeof(*vm));
	vm->device = device_open();
	vm->fd = must(call(vm->device, MINIVMM_CREATE_VM, 0), "CREATE_VM");
	vm->size = size;
	if (!size)
		return;
	vm->memory = map_anonymous(size);
	must(vm_set_slot(vm, 0, 0, 0, size, vm->memory), "SET_USER_MEMORY_REGION");
}

void vm_free(struct vm *vm)
{
	close(vm->fd);
	close(vm->device);
	if (vm->memory)
		munmap(vm->memory, vm->size);
}

void vm_add_irqchip(struct vm *vm)
{
	struct minivmm_pit_config pit = { 0 };

	must(call(vm->fd, MINIVMM_CREATE_IRQCHIP, 0), "CREATE_IRQCHIP");
	must(call(vm->fd, MINIVMM_CREATE_PIT2, &pit), "CREATE_PIT2");
	vm->irqchip = true;
}

long vm_set_slot(struct vm *vm, __u32 slot, __u32 flags, __u64 gpa, __u64 size, void *memory)
{
	struct minivmm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (unsigned long)memory,
	};

	return call(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, &region);
}

void vm_write(struct vm *vm, __u64 gpa, const void *data, size_t size)
{
	if (gpa > vm->size || size > vm->size - gpa)
		fatal("guest memory ends before %#llx", gpa + size);
	memcpy(vm->memory + gpa, data, size);
}

long vm_irq_line(struct vm *vm, __u32 gsi, int level)
{
	struct minivmm_irq_level line = { .irq = gsi, .level = level };

	return call(vm->fd, MINIVMM_IRQ_LINE, &line);
}

void vcpu_init(struct vcpu *vcpu, struct vm *vm, __u32 id)
{
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = must(call(vm->fd, MINIVMM_CREATE_VCPU, id), "CREATE_VCPU");
	vcpu->run_size = must(call(vm->device, MINIVMM_GET_VCPU_MMAP_SIZE, 0),
			      "GET_VCPU_MMAP_SIZE");
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		fatal("mmap of the vCPU: %s", strerror(errno));
}

void vcpu_free(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
}

long vcpu_run(struct vcpu *vcpu)
{
	return call(vcpu->fd, MINIVMM_RUN, 0);
}

struct minivmm_regs vcpu_regs(struct vcpu *vcpu)
{
	struct minivmm_regs regs;

	must(call(vcpu->fd, MINIVMM_GET_REGS, &regs), "GET_REGS");
	return regs;
}

void vcpu_set_regs(struct vcpu *vcpu, const struct minivmm_regs *regs)
{
	must(call(vcpu->fd, MINIVMM_SET_REGS, regs), "SET_REGS");
}

struct minivmm_sregs vcpu_sregs(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs;

	must(call(vcpu->fd, MINIVMM_GET_SREGS, &sregs), "GET_SREGS");
	return sregs;
}

void vcpu_set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs)
{
	must(call(vcpu->fd, MINIVMM_SET_SREGS, sregs), "SET_SREGS");
}

struct one_msr {
	struct minivmm_msrs head;
	struct minivmm_msr_entry entry;
};

static void read_at(int fd, void *data, size_t size, size_t offset)
{
	if (pread(fd, data, size, offset) != (ssize_t)size)
		fatal("a file of counters has no %zu bytes at %zu: %m", size, offset);
}

__u64 stats_counter(int fd, const char *name)
{
	struct { struct minivmm_stats_desc desc; char name[256]; } d;
	struct minivmm_stats_header h;
	__u64 value;

	read_at(fd, &h, sizeof(h), 0);
	if (h.name_size > sizeof(d.name))
		fatal("names of counters have %u bytes", h.name_size);
	for (__u32 i = 0, size = sizeof(d.desc) + h.name_size; i < h.num_desc; i++) {
		read_at(fd, &d, size, h.desc_offset + i * size);
		if (strncmp(d.name, name, h.name_size))
			continue;
		read_at(fd, &value, sizeof(value), h.data_offset + d.desc.offset);
		return value;
	}
	fatal("there is no counter '%s'", name);
}

__u64 object_counter(int object, const char *name)
{
	int fd = call(object, MINIVMM_GET_STATS_FD, 0);
	__u64 value;

	if (fd < 0)
		fatal("GET_STATS_FD: %d", fd);
	value = stats_counter(fd, name);
	close(fd);
	return value;
}

__u64 vcpu_msr(struct vcpu *vcpu, __u32 index)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };

	if (must(call(vcpu->fd, MINIVMM_GET_MSRS, &msr), "GET_MSRS") != 1)
		fatal("MSR %#x cannot be read", index);
	return msr.entry.data;
}

long vcpu_set_msr(struct vcpu *vcpu, __u32 index, __u64 value)
{
	struct one_msr msr = {
		.head.nmsrs = 1,
		.entry.index = index,
		.entry.data = value,
	};

	return call(vcpu->fd, MINIVMM_SET_MSRS, &msr);
}

struct minivmm_cpuid2 *supported_cpuid(int device)
{
	const __u32 entries = 256;
	struct minivmm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + entries * sizeof(cpuid->entries[0]));
	if (!cpuid)
		fatal("no memory");
	cpuid->nent = entries;
	must(call(device, MINIVMM_GET_SUPPORTED_CPUID, cpuid), "GET_SUPPORTED_CPUID");
	return cpuid;
}

void vcpu_set_supported_cpuid(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	for (__u32 i = 0; i < cpuid->nent; i++) {
		struct minivmm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == 1)
			entry->ebx = (entry->ebx & 0x00ffffff) | vcpu->id << 24;
		if (entry->function == 0xb)
			entry->edx = vcpu->id;
	}
	must(call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid), "SET_CPUID2");
	free(cpuid);
}

void vcpu_add_deadline_timer(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	must(call(vcpu->fd, MINIVMM_GET_CPUID2, cpuid), "GET_CPUID2");
	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= 1 << 24;
	must(call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid), "SET_CPUID2");
	free(cpuid);
}

void vcpu_enable_apic(struct vcpu *vcpu)
{
	const __u32 spurious = 0x1ff;
	struct minivmm_lapic_state lapic;

	must(call(vcpu->fd, MINIVMM_GET_LAPIC, &lapic), "GET_LAPIC");
	memcpy(lapic.regs + 0xf0, &spurious, sizeof(spurious));
	must(call(vcpu->fd, MINIVMM_SET_LAPIC, &lapic), "SET_LAPIC");
}
