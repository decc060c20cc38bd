/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark's rows: what an operation costs the host, in executed instructions.
 *
 * The host must be an emulated one of one CPU whose time-stamp counter counts
 * instructions. A figure is the median of SAMPLES measurements, so that the
 * host's clock ticks are in none. It is the ABI's: with $MINIVMM_DEVICE=/dev/kvm
 * the same program measures KVM.
 */
#ifndef BENCH_H
#define BENCH_H

#include "guest_code.h"

#define SAMPLES		31
#define BATCH		64	/* operations of a guest between two exits to us */

#define STRING(x)	STRING_(x)
#define STRING_(x)	#x

/*
 * Around each measurement of a row whose privileged instructions can be counted. With
 * --marks they mark a section of the counts (mark.h), of which the row then tells how
 * many; without they do nothing, and the instructions of a measurement are the same.
 */
void bench_begin(void);
void bench_end(void);

/* Instructions executed so far by anybody but the idler, whom bench_idle() starts. */
__u64 bench_executed(void);

/*
 * From now on a thread that runs when no other can keeps the CPU busy: a CPU
 * that halts would move its clock by time. For rows that wait.
 */
void bench_idle(void);

struct samples {
	__u64 value[SAMPLES];
	unsigned int count;
};

void bench_sample(struct samples *samples, __u64 value);
__u64 bench_median(const struct samples *samples);

/* Prints a row: @total instructions for @operations. */
void bench_row(const char *name, __u64 total, __u64 operations);

/* bench_row() of the samples' median. */
void bench_median_row(const char *name, const struct samples *samples, __u64 operations);

/* Prints a row of a GUEST_BATCH: @total instructions for BATCH times @operations. */
void bench_batch_row(const char *name, __u64 total, unsigned int operations);

/* A VM with one vCPU that starts some code in 64-bit mode. */
struct guest {
	struct vm vm;
	struct vcpu vcpu;
};

/* Code of GUEST64 or GUEST_BATCH, as two arguments. */
#define CODE(name)	name, name##_end

/* vcpu_enter_long() with machine checks on, as every kernel has them. */
void bench_enter(struct vcpu *vcpu, __u64 rip);

void guest_init(struct guest *g, const __u8 *code, const __u8 *end);
void guest_init_irqchip(struct guest *g, const __u8 *code, const __u8 *end);
void guest_free(struct guest *g);

/* An interrupt gate of @vcpu for @vector to the code's @offset. */
void guest_set_handler(struct vcpu *vcpu, __u8 vector, __u64 offset);

/* RUN, which must end with @reason. */
void bench_run(struct vcpu *vcpu, __u32 reason);

/* Instructions of a RUN that ends with @reason, which is a section. */
__u64 bench_cost(struct vcpu *vcpu, __u32 reason);

/*
 * A guest that does @op BATCH times and then writes to GUEST_PORT, again and
 * again; @setup comes first, then a write too. @op leaves ESI alone.
 */
#define GUEST_BATCH(name, setup, op)						\
	GUEST64(name, setup "\n out %al, $0x10\n"				\
		"8: mov $" STRING(BATCH) ", %esi\n 9:\n" op "\n"		\
		"dec %esi; jnz 9b; out %al, $0x10; jmp 8b")

/* What a round of GUEST_BATCH costs without its operations. */
__u64 bench_empty_cost(void);

/* Prints the row @name of a guest whose code is a GUEST_BATCH of an op with so many operations. */
void bench_batches(struct vcpu *vcpu, const char *name, unsigned int operations);

/* The groups of rows; bench.c has their table. */
void bench_exits(void);
void bench_devices(void);
void bench_apic(void);
void bench_waits(void);
void bench_memory(void);
void bench_log(void);
void bench_vms(void);
void bench_calls(void);

/* The row "insmod": modules of files @name, loaded one after the other. */
void bench_insmod(char **names, int count);

#endif
