// SPDX-License-Identifier: GPL-2.0
/* The vCPU threads; the contract is in guests.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <time.h>
#include <unistd.h>

#include "guests.h"

DECLARE_PROGRAM(hammer);

void guests_init(struct guests *g, unsigned int vcpus)
{
	memset(g, 0, sizeof(*g));
	g->vcpus = vcpus;
	vm_init(&g->vm, GUEST_MEMORY);
	g->control = (void *)(g->vm.memory + CONTROL);
	for (unsigned int i = 0; i < vcpus; i++)
		vcpu_init(&g->vcpu[i], &g->vm, i);
}

void guests_free(struct guests *g)
{
	for (unsigned int i = 0; i < g->vcpus; i++)
		vcpu_free(&g->vcpu[i]);
	vm_free(&g->vm);
}

struct thread_args {
	struct guests *g;
	struct vcpu *vcpu;
};

/* True: the vCPU goes on. */
static bool answer(struct guests *g, struct vcpu *vcpu, long end)
{
	if (end == -EINTR)	/* a child of the test ended */
		return true;
	if (end == -EFAULT) {
		__atomic_add_fetch(&g->refused, 1, __ATOMIC_RELAXED);
		sched_yield();
		return true;
	}
	if (end != MINIVMM_EXIT_MMIO)
		return false;
	memset(vcpu->run->mmio.data, 0xff, 8);
	__atomic_add_fetch(&g->mmio, 1, __ATOMIC_RELAXED);
	return true;
}

/* What there is to know of a vCPU that ended as it should not. */
static void print_end(struct vcpu *vcpu, long end)
{
	const struct minivmm_run *run = vcpu->run;

	fprintf(stderr, "# vcpu %u ended with %ld at %llx\n", vcpu->id, end, vcpu_regs(vcpu).rip);
	for (__u32 i = 0; end == MINIVMM_EXIT_INTERNAL_ERROR && i < run->internal.ndata; i++)
		fprintf(stderr, "# suberror %u, data[%u] %llx\n", run->internal.suberror, i,
			run->internal.data[i]);
}

static void *run(void *arg)
{
	struct thread_args args = *(struct thread_args *)arg;
	long end;

	free(arg);
	do {
		end = program_run(args.vcpu);
	} while (answer(args.g, args.vcpu, end));
	if (end != PROGRAM_ENDED) {
		print_end(args.vcpu, end);
		args.g->unexpected = end;
	}
	return NULL;
}

void guests_start(struct guests *g, enum mode mode, u64 pages)
{
	g->control->mode = mode;
	g->control->pages = pages;
	g->control->vcpus = g->vcpus;
	load_program(&g->vm, hammer);
	for (unsigned int i = 0; i < g->vcpus; i++) {
		struct thread_args *args = malloc(sizeof(*args));

		*args = (struct thread_args){ g, &g->vcpu[i] };
		vcpu_enter_long(&g->vcpu[i], GUEST_PROGRAM);
		if (pthread_create(&g->thread[i], NULL, run, args))
			fatal("no thread");
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

bool guests_more(struct guests *g)
{
	if (!g->deadline)
		g->deadline = now() + 2;
	return now() < g->deadline;
}

static bool all_past(struct guests *g, const u64 *target)
{
	for (unsigned int i = 0; i < g->vcpus; i++)
		if (g->control->vcpu[i].passes < target[i])
			return false;
	return true;
}

static void print_progress(struct guests *g)
{
	for (unsigned int i = 0; i < g->vcpus; i++)
		fprintf(stderr, "# vcpu %u: %lu passes, mmio %lu, refused %lu\n", i,
			g->control->vcpu[i].passes, g->mmio, g->refused);
}

bool guests_wait(struct guests *g, u64 passes)
{
	double deadline = now() + 100;
	u64 target[MAX_VCPUS];

	for (unsigned int i = 0; i < g->vcpus; i++)
		target[i] = g->control->vcpu[i].passes + passes;
	while (!all_past(g, target) && !g->unexpected) {
		if (now() > deadline) {
			print_progress(g);
			return false;
		}
		usleep(1000);
	}
	return !g->unexpected;
}

long guests_stop(struct guests *g)
{
	long errors = 0;

	g->control->stop = 1;
	for (unsigned int i = 0; i < g->vcpus; i++) {
		volatile typeof(g->control->vcpu[0]) *v = &g->control->vcpu[i];

		pthread_join(g->thread[i], NULL);
		if (v->errors)
			fprintf(stderr, "# vcpu %u: %lu errors in %lu passes, first at %lx: %lx, not %lx\n",
				i, v->errors, v->passes, v->address, v->found, v->expected);
		errors += v->errors;
	}
	g->control->stop = 0;
	return g->unexpected ? -1 : errors;
}

u64 guests_wrong_pages(struct guests *g, const void *memory)
{
	u64 wrong = 0;

	for (u64 page = 0; page < g->control->pages; page++) {
		const u64 *word = memory + page * PAGE;

		wrong += word[0] != g->control->vcpu[page % g->vcpus].passes;
	}
	return wrong;
}

void guests_set_area(struct guests *g, __u32 flags, void *memory, size_t size)
{
	long ret = vm_set_slot(&g->vm, 1, flags, AREA, size, memory);

	if (ret)
		fatal("slot 1: %ld", ret);
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

long read_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name) + strspn(line + strlen(name), ": \t"));
	if (file)
		fclose(file);
	return value;
}

bool add_swap(void)
{
	if (system("modprobe zram num_devices=1 2>/dev/null") ||
	    !write_file("/sys/block/zram0/disksize", "64M"))
		return access("/sys/block/zram0/disksize", F_OK) == 0;
	if (system("[ -b /dev/zram0 ] || mknod /dev/zram0 b $(tr : ' ' </sys/block/zram0/dev)") ||
	    system("mkswap /dev/zram0 >/dev/null"))
		return false;
	return !swapon("/dev/zram0", 0);
}
