// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that never exits by itself runs on every CPU: the host's own work must
 * go on as if these were ordinary busy programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest_code.h"

#define MAX_CPUS	4

GUEST16(spin, "1: jmp 1b");

static void nothing(int signal)
{
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(thread, sizeof(set), &set))
		fatal("cannot move a thread to CPU %d", cpu);
}

/* Set by each thread before its guest starts. */
static volatile pid_t tids[MAX_CPUS];

static void *spin_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	tids[vcpu->id] = gettid();
	vcpu->end = vcpu_run(vcpu);
	return NULL;
}

/* One guest on each CPU, and time for it to get going. */
static void start_guests(struct vcpu *vcpus, int count)
{
	for (int i = 0; i < count; i++) {
		pthread_create(&vcpus[i].thread, NULL, spin_thread, &vcpus[i]);
		pin(vcpus[i].thread, i);
	}
	usleep(300000);
}

static void stop_guests(struct vcpu *vcpus, int count)
{
	for (int i = 0; i < count; i++) {
		pthread_kill(vcpus[i].thread, SIGUSR1);
		pthread_join(vcpus[i].thread, NULL);
	}
}

FIXTURE(busy) {
	struct vm vm;
	struct vcpu vcpus[MAX_CPUS];
	int count;
};

FIXTURE_SETUP(busy)
{
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGUSR1, &action, NULL);
	self->count = sysconf(_SC_NPROCESSORS_ONLN);
	if (self->count > MAX_CPUS)
		self->count = MAX_CPUS;
	vm_init(&self->vm, GUEST_MEMORY);
	for (int i = 0; i < self->count; i++) {
		vcpu_init(&self->vcpus[i], &self->vm, i);
		start_real(&self->vcpus[i], spin);
	}
	start_guests(self->vcpus, self->count);
}

FIXTURE_TEARDOWN(busy)
{
	stop_guests(self->vcpus, self->count);
	for (int i = 0; i < self->count; i++)
		vcpu_free(&self->vcpus[i]);
	vm_free(&self->vm);
}

/* Clock ticks that were charged to a thread: user (with guest), system, guest. */
struct ticks {
	unsigned long user, system, guest;
};

/* What proc(5) tells in fields 14, 15 and 43 of the thread's stat. */
static void read_ticks(pid_t thread, struct ticks *ticks)
{
	char path[64], line[1024], *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
		fatal("cannot read %s", path);
	fclose(file);
	rest = strrchr(line, ')');
	if (sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d"
		   " %*d %*d %*u %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u"
		   " %*d %*d %*u %*u %*u %lu", &ticks->user, &ticks->system, &ticks->guest) != 3)
		fatal("cannot parse %s", line);
}

/* Clock ticks that came on a CPU, idle or not: proc(5), stat. */
static unsigned long ticks_of_cpu(int cpu)
{
	unsigned long user, nice, system, idle, iowait, irq, softirq;
	FILE *file = fopen("/proc/stat", "r");
	char line[1024];
	int nr;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "cpu%d %lu %lu %lu %lu %lu %lu %lu", &nr, &user, &nice, &system,
			   &idle, &iowait, &irq, &softirq) == 8 && nr == cpu) {
			fclose(file);
			return user + nice + system + idle + iowait + irq + softirq;
		}
	fatal("cannot read the ticks of CPU %d", cpu);
}

/* With ticks, and where a CPU has no ticks (nohz_full) with generic virtual time. */
TEST_F(busy, its_time_is_guest_time)
{
	struct ticks before, after;
	pid_t thread = tids[self->count - 1];
	unsigned long all, guest, came;

	came = ticks_of_cpu(self->count - 1);
	read_ticks(thread, &before);
	usleep(2000000);
	read_ticks(thread, &after);
	came = ticks_of_cpu(self->count - 1) - came;
	all = after.user + after.system - before.user - before.system;
	guest = after.guest - before.guest;
	TH_LOG("user %lu, system %lu, guest %lu ticks; %lu came", after.user - before.user,
	       after.system - before.system, guest, came);
	EXPECT_LT(10, all);
	EXPECT_LT((after.system - before.system) * 10, all);
	/* User and system come from the scheduler's clock, guest from ticks: an emulated CPU loses some. */
	EXPECT_GT(guest * 2, came);
}

/* The shortest of twenty, since an emulated CPU may itself wait for a CPU. */
static double grace_period(void)
{
	double start, shortest = 1000;

	for (int i = 0; i < 20; i++) {
		start = now();
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
			fatal("no membarrier");
		if (now() - start < shortest)
			shortest = now() - start;
	}
	return shortest;
}

static volatile bool stop_programs;

static void *program_thread(void *unused)
{
	while (!stop_programs)
		;
	return NULL;
}

/* A grace period while an ordinary program is busy on each CPU. */
static double grace_period_of_programs(int count)
{
	pthread_t threads[MAX_CPUS];
	double time;

	stop_programs = false;
	for (int i = 0; i < count; i++) {
		pthread_create(&threads[i], NULL, program_thread, NULL);
		pin(threads[i], i);
	}
	time = grace_period();
	stop_programs = true;
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return time;
}

TEST_F(busy, rcu_grace_periods_are_not_longer_than_with_busy_programs)
{
	double guests, programs;

	if (self->count < 2)
		SKIP(return, "membarrier waits for no grace period on one CPU");
	guests = grace_period();
	stop_guests(self->vcpus, self->count);
	programs = grace_period_of_programs(self->count);
	start_guests(self->vcpus, self->count);
	TH_LOG("grace period: %.3f s with guests, %.3f s with programs", guests, programs);
	EXPECT_LT(guests, 2 * programs + 0.02);
}

#define IN_RUN	12345

/*
 * The expiry of a timer on a thread's CPU clock is task work of that thread's, whoever gets the
 * signal. (What rseq is told is no such work any more: Linux 7 leaves it to the way to user mode.)
 */
TEST_F(busy, task_work_is_done_without_leaving_run)
{
	const struct timespec limit = { .tv_sec = 10 };
	struct itimerspec soon = { .it_value.tv_nsec = 50000000 };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
	struct vcpu *vcpu = &self->vcpus[0];
	clockid_t clock;
	sigset_t set;
	timer_t timer;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	event._sigev_un._tid = gettid();
	vcpu->end = IN_RUN;
	ASSERT_EQ(0, pthread_getcpuclockid(vcpu->thread, &clock));
	ASSERT_EQ(0, timer_create(clock, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &soon, NULL));
	EXPECT_EQ(SIGUSR2, sigtimedwait(&set, NULL, &limit));
	EXPECT_EQ(IN_RUN, vcpu->end);
	timer_delete(timer);
}

TEST_F(busy, signal_ends_run_soon)
{
	struct vcpu *vcpu = &self->vcpus[0];
	double start = now();

	pthread_kill(vcpu->thread, SIGUSR1);
	pthread_join(vcpu->thread, NULL);
	EXPECT_LT(now() - start, 0.5);
	EXPECT_EQ(-EINTR, vcpu->end);
	start_guests(vcpu, 1);
}

/* Threads that may and may not read the TSC: at each switch the kernel rewrites CR4. */
TEST_F(busy, guests_go_on_while_the_kernel_rewrites_cr4)
{
	pin(pthread_self(), 0);
	for (int i = 0; i < 500; i++) {
		prctl(PR_SET_TSC, i % 2 ? PR_TSC_ENABLE : PR_TSC_SIGSEGV);
		sched_yield();
	}
	stop_guests(self->vcpus, 1);
	EXPECT_EQ(-EINTR, self->vcpus[0].end);
	start_guests(self->vcpus, 1);
}

/* Does the kernel's log, read on from where @log stands, have this? */
static bool log_has(int log, const char *text)
{
	char record[8192];
	ssize_t got;

	while ((got = read(log, record, sizeof(record) - 1)) > 0) {
		record[got] = 0;
		if (strstr(record, text))
			return true;
	}
	return false;
}

TEST_F(busy, nmis_reach_the_host)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	int trigger = open("/proc/sysrq-trigger", O_WRONLY);
	char text[64];

	ASSERT_LE(0, log);
	ASSERT_LE(0, trigger);
	if (self->count < 2)
		SKIP(return, "one CPU only: it is not interrupted by its own NMI");
	pin(pthread_self(), 0);
	for (int cpu = 1; cpu < self->count; cpu++) {
		lseek(log, 0, SEEK_END);
		ASSERT_EQ(1, write(trigger, "l", 1));
		usleep(100000);
		snprintf(text, sizeof(text), "NMI backtrace for cpu %d", cpu);
		EXPECT_TRUE(log_has(log, text));
	}
	close(trigger);
	close(log);
}

TEST_HARNESS_MAIN
