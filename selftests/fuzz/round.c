// SPDX-License-Identifier: GPL-2.0
/* One round: makes its VMs, lets the threads loose on them, and ends. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define NR_STEPS	150	/* of each thread, at most */
#define ROUND_SECONDS	4
#define NR_DISTURBERS	2	/* for each VM */
#define MAX_THREADS	(MAX_VMS * (MAX_VCPUS + NR_DISTURBERS + 1))

struct worker {
	pthread_t thread;
	struct rng rng;
	struct machine *machine;
	struct vcpu *vcpu;	/* NULL: disturbs */
	int steps;
	volatile bool ended;
};

static struct machine machines[MAX_VMS];
static struct worker workers[MAX_THREADS];
static int nr_workers;
static volatile bool working = true;

uint64_t odd_number(struct rng *rng)
{
	switch (below(rng, 6)) {
	case 0:
		return below(rng, 16);
	case 1:
		return (1ULL << below(rng, 64)) + below(rng, 3) - 1;
	case 2:
		return -below(rng, 5000);
	case 3:
		return EXTRA_GPA + below(rng, EXTRA_PAGES) * PAGE;
	case 4:
		return below(rng, 1 << 20);
	default:
		return rnd(rng);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void nothing(int signal)
{
}

/* What a device might answer, whatever the exit was. */
static void answer_exit(struct rng *rng, struct machine *m, struct vcpu *vcpu)
{
	static const struct minivmm_guest_debug off;
	struct minivmm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case MINIVMM_EXIT_IO:
		if (run->io.direction == MINIVMM_EXIT_IO_IN && run->io.data_offset < vcpu->run_size)
			((__u8 *)run)[run->io.data_offset] = rnd(rng);
		break;
	case MINIVMM_EXIT_MMIO:
		run->mmio.data[below(rng, 8)] = rnd(rng);
		break;
	case MINIVMM_EXIT_SHUTDOWN:
	case MINIVMM_EXIT_FAIL_ENTRY:
	case MINIVMM_EXIT_INTERNAL_ERROR:
		if (one_in(rng, 4))
			write_code(rng, m);
		enter_code(rng, vcpu);
		break;
	case MINIVMM_EXIT_DEBUG:
		if (one_in(rng, 20))
			call(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &off);
		break;
	}
	/* A VMM may write anything anywhere in the page. */
	if (one_in(rng, 50))
		((__u8 *)run)[below(rng, PAGE)] = rnd(rng);
}

static void run_some(struct rng *rng, struct machine *m, struct vcpu *vcpu)
{
	int exits = 1 + below(rng, 30);
	long result;

	while (exits--) {
		vcpu->run->immediate_exit = one_in(rng, 30);
		vcpu->run->request_interrupt_window = one_in(rng, 30);
		result = vcpu_run(vcpu);
		count(runs);
		count(reasons[result < 0 ? 63 : vcpu->run->exit_reason & 63]);
		if (result < 0)
			break;
		answer_exit(rng, m, vcpu);
	}
	vcpu->run->immediate_exit = 0;
}

static void work_on_vcpu(struct worker *w)
{
	if (one_in(&w->rng, 4))
		call_vcpu(&w->rng, w->machine, w->vcpu);
	else if (one_in(&w->rng, 12))
		enter_code(&w->rng, w->vcpu);
	else
		run_some(&w->rng, w->machine, w->vcpu);
}

static void disturb(struct worker *w)
{
	struct machine *m = w->machine;

	switch (below(&w->rng, 8)) {
	case 0 ... 2:
		change_memory(&w->rng, m);
		break;
	case 3:
		call_vcpu(&w->rng, m, &m->vcpus[below(&w->rng, m->nr_vcpus)]);
		break;
	case 4:
		write_code(&w->rng, m);
		/* Another thread's vCPU: it waits, or finds that it need not run. */
		m->vcpus[0].run->immediate_exit = 1;
		vcpu_run(&m->vcpus[0]);
		break;
	default:
		call_vm(&w->rng, m);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (w->steps-- && working) {
		if (w->vcpu)
			work_on_vcpu(w);
		else
			disturb(w);
	}
	w->ended = true;
	return NULL;
}

static void *serve(void *arg)
{
	struct worker *w = arg;

	for (;;)
		serve_userfault(&w->rng, w->machine);
	return NULL;
}

static void make_machine(struct rng *rng, struct machine *m)
{
	struct vm *vm = &m->vm;

	vm_init(vm, GUEST_MEMORY);
	if (!one_in(rng, 4))
		vm_add_irqchip(vm);
	m->nr_vcpus = 1 + below(rng, MAX_VCPUS);
	for (int i = 0; i < m->nr_vcpus; i++)
		vcpu_init(&m->vcpus[i], vm, i);
	for (int i = 0; i < NR_EVENTFDS; i++)
		m->eventfds[i] = eventfd(0, EFD_NONBLOCK);
	m->extra = map_anonymous(EXTRA_PAGES * PAGE);
	m->uffd = -1;
	if (one_in(rng, 2))
		start_userfault(m);
	write_code(rng, m);
	for (int i = 0; i < m->nr_vcpus; i++)
		enter_code(rng, &m->vcpus[i]);
}

static struct worker *add_worker(struct rng *rng, struct machine *m, struct vcpu *vcpu,
				 void *(*function)(void *))
{
	struct worker *w = &workers[nr_workers++];

	w->rng.state = rnd(rng);
	w->machine = m;
	w->vcpu = vcpu;
	w->steps = NR_STEPS;
	pthread_create(&w->thread, NULL, function, w);
	return w;
}

/* Signals end what waits, as a VMM's timers do, until all have done their steps. */
static void wait_for_workers(void)
{
	double end = now() + ROUND_SECONDS;
	bool all;

	do {
		usleep(3000);
		working &= now() < end;
		all = true;
		for (int i = 0; i < nr_workers; i++) {
			all &= workers[i].ended;
			if (!workers[i].ended)
				pthread_kill(workers[i].thread, SIGUSR1);
		}
	} while (!all);
	for (int i = 0; i < nr_workers; i++)
		pthread_join(workers[i].thread, NULL);
}

/* How often the guests of @m left, as the kernel counted. */
static uint64_t guest_exits(struct machine *m)
{
	static const char *const names[] = { "io_exits", "page_fault_exits", "irq_exits",
					     "cpuid_exits", "msr_read_exits", "msr_write_exits",
					     "halt_exits", "hypercalls" };
	uint64_t sum = 0;

	for (int v = 0; v < m->nr_vcpus; v++) {
		int fd = call(m->vcpus[v].fd, MINIVMM_GET_STATS_FD, 0);

		for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(names); i++)
			sum += stats_counter(fd, names[i]);
		close(fd);
	}
	return sum;
}

void run_round(uint64_t seed, bool verbose)
{
	struct rng rng = { seed };
	struct sigaction action = { .sa_handler = nothing };
	pthread_t server;
	int nr;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	nr = 1 + below(&rng, MAX_VMS);
	if (verbose)
		printf("# seed %" PRIu64 ": %d VMs\n", seed, nr);
	for (int i = 0; i < nr; i++)
		make_machine(&rng, &machines[i]);
	for (int i = 0; i < nr; i++) {
		struct machine *m = &machines[i];
		static struct worker servers[MAX_VMS];

		for (int v = 0; v < m->nr_vcpus; v++)
			add_worker(&rng, m, &m->vcpus[v], work);
		for (int d = 0; d < NR_DISTURBERS; d++)
			add_worker(&rng, m, NULL, work);
		servers[i] = (struct worker){ .rng = { rnd(&rng) }, .machine = m };
		pthread_create(&server, NULL, serve, &servers[i]);
	}
	if (one_in(&rng, 4)) {
		/* In the middle of everything, as VMMs die. */
		usleep(below(&rng, ROUND_SECONDS * 500000));
		_exit(0);
	}
	wait_for_workers();
	for (int i = 0; i < nr; i++)
		count_more(exits, guest_exits(&machines[i]));
	/* Everything else goes with the process, in the order that the kernel likes. */
	_exit(0);
}
