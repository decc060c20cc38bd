// SPDX-License-Identifier: GPL-2.0
/* Rows of whole VMs: their creation and end, the memory they hold, the module itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS	9
#define IDLE	128	/* VMs that wait while memory is looked at */
#define VCPUS	8
#define AREA	0x40000000UL	/* guest physical */
#define GIB	(1024 * MIB)
#define LARGE	(2 * MIB)

GUEST64(out_once, "1: out %al, $0x10; jmp 1b");
GUEST64(touch_gib, "out %al, $0x10; mov $0x40000000, %rdx; mov $0x40000, %esi\n"
	"1: movb $1, (%rdx); add $0x1000, %rdx; dec %esi; jnz 1b; out %al, $0x10");

static __u64 create_cost(unsigned int vcpus)
{
	__u64 start = bench_executed();
	int vcpu[VCPUS], device = device_open();
	int vm = call(device, MINIVMM_CREATE_VM, 0);

	for (unsigned int i = 0; i < vcpus; i++) {
		vcpu[i] = call(vm, MINIVMM_CREATE_VCPU, i);
		if (vcpu[i] < 0)
			fatal("CREATE_VM or CREATE_VCPU failed");
	}
	for (unsigned int i = 0; i < vcpus; i++)
		close(vcpu[i]);
	close(vm);
	close(device);
	return bench_executed() - start;
}

static void measure_create(const char *name, unsigned int vcpus)
{
	struct samples samples = { 0 };

	create_cost(vcpus);
	while (samples.count < ROUNDS)
		bench_sample(&samples, create_cost(vcpus));
	bench_median_row(name, &samples, 1);
}

/* As a VMM makes a PC: interrupt controllers, timer, memory, a vCPU that knows its CPUID. */
static __u64 create_pc_cost(void *memory, struct minivmm_cpuid2 *cpuid)
{
	__u64 start = bench_executed();
	struct vm vm = { .device = device_open() };
	int vcpu;

	vm.fd = call(vm.device, MINIVMM_CREATE_VM, 0);
	vm_add_irqchip(&vm);
	if (vm_set_slot(&vm, 0, 0, 0, GUEST_MEMORY, memory))
		fatal("SET_USER_MEMORY_REGION refused");
	vcpu = call(vm.fd, MINIVMM_CREATE_VCPU, 0);
	if (vcpu < 0 || call(vcpu, MINIVMM_SET_CPUID2, cpuid))
		fatal("CREATE_VCPU or SET_CPUID2 failed");
	close(vcpu);
	close(vm.fd);
	close(vm.device);
	return bench_executed() - start;
}

static void measure_create_pc(void)
{
	int device = device_open();
	struct minivmm_cpuid2 *cpuid = supported_cpuid(device);
	void *memory = map_anonymous(GUEST_MEMORY);
	struct samples samples = { 0 };

	create_pc_cost(memory, cpuid);
	while (samples.count < ROUNDS)
		bench_sample(&samples, create_pc_cost(memory, cpuid));
	bench_median_row("vm-create-pc", &samples, 1);
	munmap(memory, GUEST_MEMORY);
	free(cpuid);
	close(device);
}

/* The sum of the numbers in the lines of @path that begin so. */
static long sum_of(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	long sum = 0, value;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			sum += value;
	if (!file || !sum)
		fatal("%s has no %s", path, format);
	fclose(file);
	return sum;
}

/*
 * Of the free memory some is in the CPUs' lists of pages, "count" in /proc/zoneinfo, and
 * some not yet in the sums: counted as well, differences are exact to a few pages.
 */
static long available_kib(void)
{
	int refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (refresh < 0 || write(refresh, "1", 1) != 1)
		fatal("/proc/sys/vm/stat_refresh: %s", strerror(errno));
	close(refresh);
	return sum_of("/proc/meminfo", "MemAvailable: %ld") +
	       sum_of("/proc/zoneinfo", " count: %ld") * (long)(PAGE / 1024);
}

/* A VM with interrupt controllers whose vCPU has run; all have the same memory. */
static void start_idle(struct guest *g, void *memory)
{
	vm_init(&g->vm, 0);
	g->vm.memory = memory;
	g->vm.size = GUEST_MEMORY;
	if (vm_set_slot(&g->vm, 0, 0, 0, GUEST_MEMORY, memory))
		fatal("SET_USER_MEMORY_REGION refused");
	vm_add_irqchip(&g->vm);
	vcpu_init(&g->vcpu, &g->vm, 0);
	load_code(&g->vm, out_once);
	bench_enter(&g->vcpu, GUEST_CODE);
	bench_run(&g->vcpu, MINIVMM_EXIT_IO);
}

static void end_idle(struct guest *g)
{
	g->vm.memory = NULL;
	guest_free(g);
}

/* In bytes. */
static void measure_memory(void)
{
	void *memory = map_anonymous(GUEST_MEMORY);
	static struct guest guests[IDLE];
	long before;

	start_idle(&guests[0], memory);
	end_idle(&guests[0]);
	before = available_kib();
	for (unsigned int i = 0; i < IDLE; i++)
		start_idle(&guests[i], memory);
	bench_row("vm-memory", (before - available_kib()) * 1024, IDLE);
	for (unsigned int i = 0; i < IDLE; i++)
		end_idle(&guests[i]);
}

/* A GiB of the VMM's memory that is there, aligned to large pages; the emulated hosts have two. */
static __u8 *map_gib(void **room, int advice)
{
	__u8 *memory;

	*room = map_anonymous(GIB + LARGE);
	memory = *room + -(unsigned long)*room % LARGE;
	madvise(memory, GIB, advice);
	memset(memory, 1, GIB);
	return memory;
}

/* In bytes: a slot of a GiB of pages that a guest has written to. */
static void measure_mapped(const char *name, int advice)
{
	struct guest g;
	void *room;
	__u8 *memory = map_gib(&room, advice);
	long before;

	guest_init_irqchip(&g, CODE(touch_gib));
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	before = available_kib();
	if (vm_set_slot(&g.vm, 1, 0, AREA, GIB, memory))
		fatal("SET_USER_MEMORY_REGION refused");
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	bench_row(name, (before - available_kib()) * 1024, 1);
	guest_free(&g);
	munmap(room, GIB + LARGE);
}

/* What is in a tmpfs is read at once. */
static __u64 insmod_cost(const char *name)
{
	int file = open(name, O_RDONLY | O_CLOEXEC);
	__u64 start = bench_executed();

	if (file < 0 || syscall(SYS_finit_module, file, "", 0))
		fatal("%s cannot be loaded: %s", name, strerror(errno));
	close(file);
	return bench_executed() - start;
}

static void module_name(const char *file, char *name, size_t size)
{
	const char *base = strrchr(file, '/');

	snprintf(name, size, "%s", base ? base + 1 : file);
	*strchrnul(name, '.') = '\0';
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
}

void bench_insmod(char **files, int count)
{
	struct samples samples = { 0 };

	bench_idle();
	for (;;) {
		__u64 cost = 0;
		char name[64];

		for (int i = 0; i < count; i++)
			cost += insmod_cost(files[i]);
		bench_sample(&samples, cost);
		if (samples.count == ROUNDS)
			break;
		for (int i = count; i--;) {
			module_name(files[i], name, sizeof(name));
			if (syscall(SYS_delete_module, name, 0))
				fatal("%s cannot be unloaded", name);
		}
	}
	bench_median_row("insmod", &samples, 1);
}

void bench_vms(void)
{
	bench_idle();
	measure_create("vm-create-1", 1);
	measure_create("vm-create-8", VCPUS);
	measure_create_pc();
	measure_memory();
	measure_mapped("vm-memory-mapped-gib", MADV_NOHUGEPAGE);
	measure_mapped("vm-memory-large-gib", MADV_HUGEPAGE);
}
