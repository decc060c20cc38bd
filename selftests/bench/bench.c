// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's main and what its rows share; the contract is in bench.h.
 *
 *	bench [--marks] GROUP...	rows of these groups, or of all
 *	bench --insmod FILE...		loads modules: the row "insmod"
 *
 * A row is a line "row NAME INSTRUCTIONS". With --marks there is before it a line
 * "sections NAME COUNT OPERATIONS EMPTY": since the line before, COUNT sections of
 * OPERATIONS each were marked, with labels from 1 on, and those named EMPTY are as
 * long and have no operations; were their labels others, the first would follow. Only
 * groups whose rows are sections can be marked.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

#include "mark.h"

#define CR4_MCE		(1UL << 6)

/* The sections without operations. */
#define NO_RUN		"no-run"
#define EMPTY_BATCH	"empty-batch"

static volatile __u64 idle_rounds;
static struct {
	bool marked;
	unsigned int count;	/* since the last line that told it */
} sections;

/* Two instructions a round. */
static void *idler(void *arg)
{
	const struct sched_param lowest = { 0 };

	sched_setscheduler(0, SCHED_IDLE, &lowest);
	asm volatile("1: incq %0; jmp 1b" : "+m" (idle_rounds));
	return NULL;
}

void bench_idle(void)
{
	static pthread_t thread;

	if (!thread && pthread_create(&thread, NULL, idler, NULL))
		fatal("no thread");
}

__u64 bench_executed(void)
{
	return __rdtsc() - 2 * idle_rounds;
}

void bench_sample(struct samples *samples, __u64 value)
{
	samples->value[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return (x > y) - (x < y);
}

__u64 bench_median(const struct samples *samples)
{
	struct samples sorted = *samples;

	qsort(sorted.value, sorted.count, sizeof(sorted.value[0]), compare);
	return sorted.value[sorted.count / 2];
}

void bench_begin(void)
{
	if (sections.marked)
		mark(MARK_START);
}

void bench_end(void)
{
	if (sections.marked)
		mark(++sections.count);
}

static void tell_sections(const char *name, __u64 operations, const char *empty)
{
	if (sections.marked)
		printf("sections %s %u %llu %s\n", name, sections.count, operations, empty);
	sections.count = 0;
}

static void print_row(const char *name, __u64 total, __u64 operations, const char *empty)
{
	tell_sections(name, operations, empty);
	printf("row %s %llu\n", name, (total + operations / 2) / operations);
	fflush(stdout);
}

void bench_row(const char *name, __u64 total, __u64 operations)
{
	print_row(name, total, operations, NO_RUN);
}

void bench_batch_row(const char *name, __u64 total, unsigned int operations)
{
	print_row(name, total, (__u64)BATCH * operations, EMPTY_BATCH);
}

void bench_median_row(const char *name, const struct samples *samples, __u64 operations)
{
	bench_row(name, bench_median(samples), operations);
}

void bench_run(struct vcpu *vcpu, __u32 reason)
{
	long ret = vcpu_run(vcpu);

	if (ret || vcpu->run->exit_reason != reason)
		fatal("RUN: %ld, exit reason %u instead of %u", ret, vcpu->run->exit_reason, reason);
}

/* By itself, so that the marks change nothing between the two looks at the clock. */
__attribute__((noinline))
static __u64 run_cost(struct vcpu *vcpu, __u32 reason)
{
	__u64 start = bench_executed();

	bench_run(vcpu, reason);
	return bench_executed() - start;
}

__u64 bench_cost(struct vcpu *vcpu, __u32 reason)
{
	__u64 cost;

	bench_begin();
	cost = run_cost(vcpu, reason);
	bench_end();
	return cost;
}

void bench_enter(struct vcpu *vcpu, __u64 rip)
{
	struct minivmm_sregs sregs;

	vcpu_enter_long(vcpu, rip);
	sregs = vcpu_sregs(vcpu);
	sregs.cr4 |= CR4_MCE;
	vcpu_set_sregs(vcpu, &sregs);
}

static void guest_start(struct guest *g, const __u8 *code, const __u8 *end)
{
	vcpu_init(&g->vcpu, &g->vm, 0);
	vm_write(&g->vm, GUEST_CODE, code, end - code);
	bench_enter(&g->vcpu, GUEST_CODE);
}

void guest_init(struct guest *g, const __u8 *code, const __u8 *end)
{
	vm_init(&g->vm, GUEST_MEMORY);
	guest_start(g, code, end);
}

void guest_init_irqchip(struct guest *g, const __u8 *code, const __u8 *end)
{
	vm_init(&g->vm, GUEST_MEMORY);
	vm_add_irqchip(&g->vm);
	guest_start(g, code, end);
}

void guest_free(struct guest *g)
{
	vcpu_free(&g->vcpu);
	vm_free(&g->vm);
}

void guest_set_handler(struct vcpu *vcpu, __u8 vector, __u64 offset)
{
	const __u64 idt = GUEST_DATA + PAGE, handler = GUEST_CODE + offset;
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	__u64 gate[2] = { (handler & 0xffff) | (__u64)sregs.cs.selector << 16 | 0x8e00ull << 32 |
			  (handler & 0xffff0000) << 32, handler >> 32 };

	vm_write(vcpu->vm, idt + vector * sizeof(gate), gate, sizeof(gate));
	sregs.idt.base = idt;
	sregs.idt.limit = 256 * sizeof(gate) - 1;
	vcpu_set_sregs(vcpu, &sregs);
}

static __u64 batch_cost(struct vcpu *vcpu)
{
	struct samples samples = { 0 };

	bench_run(vcpu, MINIVMM_EXIT_IO);	/* the set-up */
	bench_run(vcpu, MINIVMM_EXIT_IO);	/* and a round for what is done once */
	while (samples.count < SAMPLES)
		bench_sample(&samples, bench_cost(vcpu, MINIVMM_EXIT_IO));
	return bench_median(&samples);
}

GUEST_BATCH(nothing, "", "");

__u64 bench_empty_cost(void)
{
	static __u64 cost;
	struct guest g;

	if (!cost) {
		guest_init(&g, CODE(nothing));
		cost = batch_cost(&g.vcpu);
		guest_free(&g);
	}
	return cost;
}

void bench_batches(struct vcpu *vcpu, const char *name, unsigned int operations)
{
	__u64 empty = bench_empty_cost(), cost = batch_cost(vcpu);

	bench_batch_row(name, cost > empty ? cost - empty : 0, operations);
}

static __u64 no_run_cost(void)
{
	__u64 start, cost;

	bench_begin();
	start = bench_executed();
	cost = bench_executed() - start;
	bench_end();
	return cost;
}

static void mark_sections(void)
{
	sections.marked = true;
	for (unsigned int i = 0; i < SAMPLES; i++)
		no_run_cost();
	tell_sections(NO_RUN, 1, NO_RUN);
	bench_empty_cost();
	tell_sections(EMPTY_BATCH, BATCH, EMPTY_BATCH);
}

static const struct {
	const char *name;
	void (*measure)(void);
} groups[] = {
	{ "exits", bench_exits }, { "devices", bench_devices }, { "apic", bench_apic },
	{ "waits", bench_waits }, { "memory", bench_memory }, { "log", bench_log },
	{ "vms", bench_vms }, { "calls", bench_calls },
};

static bool is_wanted(const char *name, char **wanted)
{
	for (char **w = wanted; *w; w++)
		if (!strcmp(*w, name))
			return true;
	return !*wanted;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--insmod")) {
		bench_insmod(argv + 2, argc - 2);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--marks")) {
		mark_sections();
		argv++;
	}
	for (unsigned int i = 0; i < ARRAY_LEN(groups); i++)
		if (is_wanted(groups[i].name, argv + 1))
			groups[i].measure();
	return 0;
}
