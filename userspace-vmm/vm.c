// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens the hypervisor device and creates VMs; see vm.h. Called by host.c and machine.c on the main
 * thread.
 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <minivmm.h>

#include "config.h"

#define API_VERSION		12
#define IDENTITY_MAP_ADDR	0xfeffc000ULL
#define TSS_ADDR		0xfeffd000ULL

/* What the launcher cannot do without; checked in one loop. */
static const struct {
	unsigned int nr;
	const char *name;
} required[] = {
	{ MINIVMM_CAP_IRQCHIP, "IRQCHIP" },
	{ MINIVMM_CAP_USER_MEMORY, "USER_MEMORY" },
	{ MINIVMM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" },
	{ MINIVMM_CAP_EXT_CPUID, "EXT_CPUID" },
	{ MINIVMM_CAP_MP_STATE, "MP_STATE" },
	{ MINIVMM_CAP_IRQ_ROUTING, "IRQ_ROUTING" },
	{ MINIVMM_CAP_IRQFD, "IRQFD" },
	{ MINIVMM_CAP_PIT2, "PIT2" },
	{ MINIVMM_CAP_IOEVENTFD, "IOEVENTFD" },
	{ MINIVMM_CAP_SET_IDENTITY_MAP_ADDR, "SET_IDENTITY_MAP_ADDR" },
	{ MINIVMM_CAP_SIGNAL_MSI, "SIGNAL_MSI" },
	{ MINIVMM_CAP_READONLY_MEM, "READONLY_MEM" },
	{ MINIVMM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
};

/* Does a line of /proc/cpuinfo that begins with @start lack this flag? */
static bool cpu_lacks(const char *start, const char *flag)
{
	char line[8192], word[32];
	bool lacks = false;
	FILE *f = fopen("/proc/cpuinfo", "re");

	if (!f)
		return false;
	snprintf(word, sizeof(word), " %s ", flag);
	while (!lacks && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = ' ';
		lacks = !strncmp(line, start, strlen(start)) && !strstr(line, word);
	}
	fclose(f);
	return lacks;
}

/* What the CPU lacks, with the remedy, or NULL. */
static const char *missing_feature(void)
{
	if (cpu_lacks("flags", "svm") && cpu_lacks("flags", "vmx"))
		return "SVM or VMX; enable virtualization in the firmware";
	if (cpu_lacks("vmx flags", "ept"))
		return "EPT, which minivmm needs; use another machine";
	if (cpu_lacks("vmx flags", "unrestricted_guest"))
		return "unrestricted guests, which minivmm needs; use another machine";
	return NULL;
}

static const char *loaded_kvm(void)
{
	if (!access("/sys/module/kvm_amd", F_OK))
		return "kvm_amd";
	if (!access("/sys/module/kvm_intel", F_OK))
		return "kvm_intel";
	return NULL;
}

/* The default device is missing because the module is not there; another one may be a slip of the pen. */
static int explain_missing(const char *path, struct error *err)
{
	const char *kvm = loaded_kvm(), *missing = missing_feature();

	if (strcmp(path, CONFIG_DEFAULT_DEVICE))
		return error__set(err, STATUS_DEVICE,
				  "--device %s does not exist; check the name, and that its module is loaded, or leave --device out to use "
				  CONFIG_DEFAULT_DEVICE, path);
	if (missing)
		return error__set(err, STATUS_DEVICE,
				  "%s does not exist and this CPU offers no %s, or use the emulated host: tools/lab/run --shell",
				  path, missing);
	if (kvm)
		return error__set(err, STATUS_DEVICE,
				  "%s does not exist because %s holds the CPU; modprobe -r %s kvm, then insmod minivmm.ko (or run with --device /dev/kvm)",
				  path, kvm, kvm);
	return error__set(err, STATUS_DEVICE,
			  "%s does not exist; load the module first: insmod minivmm.ko, or use the emulated host: tools/lab/run --shell",
			  path);
}

static int explain_open(const char *path, int cause, struct error *err)
{
	switch (cause) {
	case ENOENT:
	case ENOTDIR:
		return explain_missing(path, err);
	case EACCES:
	case EPERM:
		return error__set(err, STATUS_DEVICE,
				  "no permission to open %s; join its group (usermod -aG kvm $USER, then log in again)",
				  path);
	case EBUSY:
		return error__set(err, STATUS_DEVICE,
				  "%s is busy: another hypervisor holds the CPU; modprobe -r kvm_amd kvm_intel kvm",
				  path);
	case ENODEV:
	case ENXIO:
	case EOPNOTSUPP:
		return error__set(err, STATUS_DEVICE,
				  "%s has no usable CPU behind it; enable virtualization in the firmware and load the module again",
				  path);
	default:
		return error__set(err, STATUS_DEVICE, "cannot open %s: %s; check --device", path,
				  strerror(cause));
	}
}

static int check_device(struct vm *vm, struct error *err)
{
	int version = ioctl(vm->device_fd, MINIVMM_GET_API_VERSION, 0);
	int size;

	if (version != API_VERSION)
		return error__set(err, STATUS_DEVICE,
				  "%s is no hypervisor device: it does not speak API version %d; check --device",
				  vm->path, API_VERSION);

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (ioctl(vm->device_fd, MINIVMM_CHECK_EXTENSION, required[i].nr) <= 0)
			return error__set(err, STATUS_DEVICE,
					  "%s lacks capability %s, which minivmm needs; load a newer module",
					  vm->path, required[i].name);
	}

	size = ioctl(vm->device_fd, MINIVMM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct minivmm_run))
		return error__set(err, STATUS_DEVICE, "%s reports a vCPU page of %d bytes",
				  vm->path, size);
	vm->run_size = size;
	vm->is_minivmm = ioctl(vm->device_fd, MINIVMM_CHECK_EXTENSION, MINIVMM_CAP_MINIVMM) > 0;
	return 0;
}

static int create_vm(struct vm *vm, struct error *err)
{
	struct minivmm_pit_config pit = { .flags = MINIVMM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_MAP_ADDR;

	do {
		vm->fd = ioctl(vm->device_fd, MINIVMM_CREATE_VM, 0);
	} while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0 && errno == EBUSY)
		return explain_open(vm->path, EBUSY, err);
	if (vm->fd < 0)
		return error__errno(err, "%s: cannot create a VM", vm->path);

	if (ioctl(vm->fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return error__errno(err, "SET_IDENTITY_MAP_ADDR");
	if (ioctl(vm->fd, MINIVMM_SET_TSS_ADDR, TSS_ADDR) < 0)
		return error__errno(err, "SET_TSS_ADDR");
	if (ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0) < 0)
		return error__errno(err, "CREATE_IRQCHIP");
	if (ioctl(vm->fd, MINIVMM_CREATE_PIT2, &pit) < 0)
		return error__errno(err, "CREATE_PIT2");
	return 0;
}

int vm__open_device(const char *path, struct error *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? explain_open(path, errno, err) : fd;
}

int vm__create(struct vm **out, const char *path, int device_fd, struct error *err)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return error__errno(err, "cannot allocate the VM");
	vm->path = path;
	vm->fd = -1;
	vm->device_fd = device_fd;
	if (!check_device(vm, err) && !create_vm(vm, err)) {
		*out = vm;
		return 0;
	}
	vm__explain(vm, vm->fd, err);
	vm__destroy(vm);
	return -1;
}

void vm__destroy(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->fd >= 0)
		close(vm->fd);
	free(vm);
}

int vm__set_slot(struct vm *vm, unsigned int slot, uint64_t gpa, uint64_t size, void *host,
		 bool read_only)
{
	struct minivmm_userspace_memory_region region = {
		.slot = slot,
		.flags = size && read_only ? MINIVMM_MEM_READONLY : 0,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, &region);
}

void vm__explain(const struct vm *vm, int fd, struct error *err)
{
	struct minivmm_last_error last = { .size = sizeof(last) };

	if (!vm->is_minivmm || fd < 0 || ioctl(fd, MINIVMM_GET_LAST_ERROR, &last) < 0 || !last.code)
		return;
	error__append(err, " (%.*s%s%.*s)", (int)sizeof(last.field), last.field,
		      last.field[0] ? ": " : "", (int)sizeof(last.rule), last.rule);
}
