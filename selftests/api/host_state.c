// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of RUN: what a thread and its CPU had before, or another thread gave
 * them meanwhile, they have afterwards. Tests with another thread need two CPUs.
 */
#include <asm/ldt.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fixture.h"

#define LDT_ENTRY	3
#define LDT_SELECTOR	(LDT_ENTRY << 3 | 7)
#define DEBUGCTL	0x1d9
#define DEBUGCTL_BTF	2

GUEST16(spin_here, "1: jmp 1b");
GUEST16(write_ports, "1: out %al, $0x10; jmp 1b");

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fatal("cannot run on CPU %d", cpu);
}

static long nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

#define REQUIRE_TWO_CPUS()							\
do {										\
	if (nr_cpus() < 2)							\
		SKIP(return, "one CPU");					\
} while (0)

/* Gives the process an LDT whose entry has this limit, or changes it. */
static void set_ldt_limit(unsigned int limit)
{
	struct user_desc desc = {
		.entry_number = LDT_ENTRY, .limit = limit, .seg_32bit = 1, .useable = 1,
	};

	if (syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)))
		fatal("modify_ldt: %m");
}

/* The limit that this CPU finds in its LDT; 0: it has no such entry. */
static unsigned int ldt_limit(void)
{
	unsigned int limit = 0;

	asm volatile("lsl %1, %0" : "+r" (limit) : "r" (LDT_SELECTOR) : "cc");
	return limit;
}

/* A thread on CPU 1 that is in RUN until it is kicked, and then looks around at once. */
struct runner {
	struct vcpu *vcpu;
	pthread_t thread;
	void (*look)(struct runner *runner);
	volatile int tid;
	unsigned int limit;
	volatile unsigned long watched;
};

static void *run_and_look(void *arg)
{
	struct runner *runner = arg;

	pin_to(1);
	runner->tid = gettid();
	vcpu_run(runner->vcpu);
	runner->look(runner);
	return NULL;
}

static void start_runner(struct runner *runner)
{
	start_real(runner->vcpu, spin_here);
	runner->vcpu->run->immediate_exit = 0;
	if (pthread_create(&runner->thread, NULL, run_and_look, runner))
		fatal("no thread");
	while (!runner->tid)
		usleep(1000);
	usleep(100000);
}

static void on_signal(int signal)
{
}

static void stop_runner(struct runner *runner)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	pthread_kill(runner->thread, SIGUSR1);
	pthread_join(runner->thread, NULL);
}

static void look_at_ldt(struct runner *runner)
{
	runner->limit = ldt_limit();
}

#define KVM_FAILS "KVM of 6.1 fails it now and then on AMD"

/* The guest goes on for a while after each change, so that exits follow it. */
TEST_F(vm, an_ldt_made_during_run_is_there_afterwards)
{
	struct runner runner = { .vcpu = &self->vcpu, .look = look_at_ldt };

	REQUIRE_TWO_CPUS();
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, KVM_FAILS);
	pin_to(0);
	start_runner(&runner);
	set_ldt_limit(0x123);
	usleep(100000);
	stop_runner(&runner);
	EXPECT_EQ(0x123, runner.limit);
}

TEST_F(vm, an_ldt_changed_during_run_is_the_new_one_afterwards)
{
	REQUIRE_TWO_CPUS();
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, KVM_FAILS);
	pin_to(0);
	set_ldt_limit(0x100);
	for (unsigned int i = 1; i < 4; i++) {
		struct runner runner = { .vcpu = &self->vcpu, .look = look_at_ldt };

		/* Once: a second change may get the memory of the LDT before the first. */
		start_runner(&runner);
		set_ldt_limit(0x200 + i);
		usleep(100000);
		stop_runner(&runner);
		EXPECT_EQ(0x200 + i, runner.limit);
	}
}

/* What 32-bit code and emulators of other systems have in these registers. */
TEST_F(vm, segment_registers_are_as_before)
{
	unsigned short before[4], after[4];

	start_real(&self->vcpu, write_ports);
	set_ldt_limit(0xfff);
	asm volatile("mov %0, %%ds; mov %0, %%es" : : "r" (LDT_SELECTOR));
#define READ_SELECTORS(array)							\
	asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"	\
		     : "=m" (array[0]), "=m" (array[1]), "=m" (array[2]), "=m" (array[3]))
	READ_SELECTORS(before);
	for (int i = 0; i < 3; i++)
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	READ_SELECTORS(after);
	asm volatile("mov %0, %%ds; mov %0, %%es" : : "r" (0));
	EXPECT_EQ(LDT_SELECTOR, before[0]);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(before[i], after[i]);
	EXPECT_EQ(0xfff, ldt_limit());
}

static void look_at_watched(struct runner *runner)
{
	runner->watched++;
}

/* A breakpoint that another thread sets on this one, while it is in RUN. */
TEST_F(vm, a_breakpoint_set_during_run_hits_afterwards)
{
	struct runner runner = { .vcpu = &self->vcpu, .look = look_at_watched };
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .bp_type = HW_BREAKPOINT_W,
		.bp_addr = (unsigned long)&runner.watched, .bp_len = HW_BREAKPOINT_LEN_8,
	};
	__u64 count = 0;
	int event;

	REQUIRE_TWO_CPUS();
	pin_to(0);
	start_runner(&runner);
	event = syscall(SYS_perf_event_open, &attr, runner.tid, -1, -1, 0);
	usleep(50000);
	stop_runner(&runner);
	if (event < 0)
		SKIP(return, "no breakpoints by perf");
	ASSERT_EQ(sizeof(count), read(event, &count, sizeof(count)));
	EXPECT_EQ(1, count);
	close(event);
}

static bool msr_access(int fd, bool write, __u64 *value)
{
	ssize_t size = write ? pwrite(fd, value, sizeof(*value), DEBUGCTL) :
			       pread(fd, value, sizeof(*value), DEBUGCTL);

	return size == sizeof(*value);
}

static void load_msr_driver(void)
{
	pid_t child = fork();

	if (!child) {
		execlp("modprobe", "modprobe", "-q", "msr", "allow_writes=on", NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

static void look_at_nothing(struct runner *runner)
{
}

/*
 * DEBUGCTL has what the kernel wants to be told of (block steps, bus locks, branches): set
 * on the CPU during RUN, it must be there afterwards. A VM exit clears it, but not in Bochs.
 */
TEST_F(vm, debugctl_set_during_run_is_there_afterwards)
{
	struct runner runner = { .vcpu = &self->vcpu, .look = look_at_nothing };
	__u64 value = DEBUGCTL_BTF, after = 0, none = 0;
	int cpu1;

	REQUIRE_TWO_CPUS();
	load_msr_driver();
	cpu1 = open("/dev/cpu/1/msr", O_RDWR);
	if (cpu1 < 0)
		SKIP(return, "no driver for MSRs");
	pin_to(0);
	start_runner(&runner);
	msr_access(cpu1, true, &value);
	usleep(50000);
	msr_access(cpu1, false, &after);
	stop_runner(&runner);
	value = 0;
	msr_access(cpu1, false, &value);
	msr_access(cpu1, true, &none);
	close(cpu1);
	if (!after && !value)
		SKIP(return, "this CPU has no DEBUGCTL");
	EXPECT_EQ(DEBUGCTL_BTF, after);
	EXPECT_EQ(DEBUGCTL_BTF, value);
}

/* CR4.MCE is on whenever a guest runs, for the host; the guest sees what it wrote. */
GUEST64(toggle_mce,
	"mov %cr4, %rax; or $0x40, %rax; mov %rax, %cr4; mov %cr4, %rbx;"
	"and $~0x40, %rax; mov %rax, %cr4; mov %cr4, %rcx; mov %rax, %rdx; hlt");

TEST_F(vm, machine_check_enable_is_as_the_guest_wrote_it)
{
	struct minivmm_regs regs;

	start_long(&self->vcpu, toggle_mce);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(regs.rdx | 0x40, regs.rbx);
	EXPECT_EQ(regs.rdx, regs.rcx);
	EXPECT_EQ(regs.rdx, vcpu_sregs(&self->vcpu).cr4);
}

/*
 * That the CPU's bit is another one than the guest's shows by exits: on VMX of writes that change
 * the guest's, on SVM of all reads and writes while it is off.
 */
GUEST64(set_and_clear_mce,
	"mov %cr4, %rax; or $0x40, %rax; mov %rax, %cr4; out %al, $0x10;"
	"mov %cr4, %rbx; mov %cr4, %rcx; out %al, $0x10;"
	"and $~0x40, %rax; mov %rax, %cr4; out %al, $0x10;"
	"mov $30000000, %edx; 1: dec %edx; jnz 1b; mov %cr4, %r9; hlt");

TEST_F(vm, machine_check_enable_of_the_cpu_stays_on)
{
	struct minivmm_regs regs;
	int fd;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "the names of the counters are ours");
	start_long(&self->vcpu, set_and_clear_mce);
	fd = call(self->vcpu.fd, MINIVMM_GET_STATS_FD, 0);
	ASSERT_LE(0, fd);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(1, stats_counter(fd, "cr4_write_exits"));
	EXPECT_EQ(!host_is_intel(), stats_counter(fd, "cr4_read_exits"));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(regs.rax, regs.rbx);
	EXPECT_EQ(regs.rax, regs.rcx);
	EXPECT_EQ(!host_is_intel(), stats_counter(fd, "cr4_read_exits"));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	if (host_is_intel())
		EXPECT_EQ(2, stats_counter(fd, "cr4_write_exits"));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(regs.rax, regs.r9);
	EXPECT_EQ(regs.rax, vcpu_sregs(&self->vcpu).cr4);
	/* It was noticed by the first interrupt of the host. */
	EXPECT_EQ(host_is_intel() ? 0 : 2, stats_counter(fd, "cr4_read_exits"));
	close(fd);
}

TEST_HARNESS_MAIN
