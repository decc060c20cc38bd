// SPDX-License-Identifier: GPL-2.0
/*
 * What second-level faults cost when several vCPUs have them at once: each writes once to
 * every 4 KiB page of its quarter of an area that the VMM has and the VM has not.
 *
 *	faults VCPUS
 *
 * Prints "faults VCPUS PAGES TSC NANOSECONDS" for each round. See faults-run.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include "guest_code.h"

#define AREA	0x40000000UL	/* guest physical */
#define PAGES	4096UL		/* of each vCPU */
#define MAX	4
#define ROUNDS	9

/* Quarter edi, again and again. */
GUEST64(touch_quarter, "shl $24, %rdi; add $0x40000000, %rdi\n"
	"1: out %al, $0x10; mov %rdi, %rdx; mov $4096, %esi\n"
	"2: movb $1, (%rdx); add $0x1000, %rdx; dec %esi; jnz 2b; jmp 1b");

static pthread_barrier_t begin, end;

static void run(struct vcpu *vcpu)
{
	if (vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_IO)
		fatal("vCPU %u: exit reason %u", vcpu->id, vcpu->run->exit_reason);
}

static void *serve(void *arg)
{
	struct vcpu *vcpu = arg;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(vcpu->id, &cpu);
	if (pthread_setaffinity_np(pthread_self(), sizeof(cpu), &cpu))
		fatal("there are fewer CPUs than vCPUs");
	run(vcpu);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&begin);
		run(vcpu);
		pthread_barrier_wait(&end);
	}
	return NULL;
}

static void measure(struct vm *vm, unsigned int vcpus, void *area)
{
	size_t size = vcpus * PAGES * PAGE;
	__u64 start, start_ns;

	if (vm_set_slot(vm, 1, 0, AREA, size, area))
		fatal("SET_USER_MEMORY_REGION refused");
	start = __rdtsc();
	start_ns = now_ns();
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&end);
	printf("faults %u %lu %llu %llu\n", vcpus, vcpus * PAGES, __rdtsc() - start,
	       now_ns() - start_ns);
	if (vm_set_slot(vm, 1, 0, AREA, 0, NULL))
		fatal("the area's slot stays");
}

int main(int argc, char **argv)
{
	unsigned int vcpus = argc > 1 ? atoi(argv[1]) : 0, i;
	struct vcpu vcpu[MAX];
	struct vm vm;
	void *area;

	if (vcpus < 1 || vcpus > MAX)
		fatal("how many vCPUs? 1 to 4");
	area = map_anonymous(vcpus * PAGES * PAGE);
	madvise(area, vcpus * PAGES * PAGE, MADV_NOHUGEPAGE);
	memset(area, 1, vcpus * PAGES * PAGE);
	pthread_barrier_init(&begin, NULL, vcpus + 1);
	pthread_barrier_init(&end, NULL, vcpus + 1);
	vm_init(&vm, GUEST_MEMORY);
	for (i = 0; i < vcpus; i++) {
		vcpu_init(&vcpu[i], &vm, i);
		start_long(&vcpu[i], touch_quarter);
		pthread_create(&vcpu[i].thread, NULL, serve, &vcpu[i]);
	}
	for (i = 0; i < ROUNDS; i++)
		measure(&vm, vcpus, area);
	for (i = 0; i < vcpus; i++) {
		pthread_join(vcpu[i].thread, NULL);
		vcpu_free(&vcpu[i]);
	}
	vm_free(&vm);
	return 0;
}
