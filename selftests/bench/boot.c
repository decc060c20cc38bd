// SPDX-License-Identifier: GPL-2.0
/*
 * boot [--marks] NAME COMMAND...: what it costs COMMAND, which boots a guest on its standard output, to
 * bring it to its init, which writes MARKER. Prints "row NAME COUNT": all instructions that the
 * emulated host executed in between, by its time-stamp counter, which counts them (tools/lab/run
 * --icount).
 *
 * Idle time moves that counter too. So the host never idles: a process of the least priority, the
 * idler, takes the time and counts it, in rounds of known length, which are not part of COUNT.
 *
 * With --marks there is no idler, and no COUNT: the boot is a section as those of bench.c.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "mark.h"

#define MARKER			"bench-init"
#define TIMEOUT_S		120	/* of the emulated host's clock: 120 or, in Bochs, 12 G instructions */
#define CANNOT_RUN		127	/* an exit status, as the shell's */
#define ROUND_LOOPS		500
#define ROUND_INSTRUCTIONS	(2 * ROUND_LOOPS + 3)

#define STRING(x)	STRING_(x)
#define STRING_(x)	#x

enum end { MARKER_SEEN, ENDED, TIMED_OUT };

static const char *name = "boot";

__attribute__((noreturn, format(printf, 1, 2)))
static void fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "boot: %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

__attribute__((noreturn))
static void idle(volatile uint64_t *rounds)
{
	asm volatile("1: mov $" STRING(ROUND_LOOPS) ", %%ecx\n"
		     "2: dec %%ecx\n"
		     "jnz 2b\n"
		     "incq %0\n"
		     "jmp 1b" : "+m"(*rounds) : : "ecx", "cc");
	__builtin_unreachable();
}

/* Without us nobody reads on: our children end with us, however that happens. */
static pid_t fork_child(void)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(CANNOT_RUN);
	return child;
}

/* On the CPU that all others use as well. Returns its count of rounds, which needs a page that is there. */
static volatile uint64_t *start_idler(void)
{
	const struct sched_param param = { 0 };
	volatile uint64_t *rounds;

	if (sysconf(_SC_NPROCESSORS_ONLN) != 1)
		fail("the host has several CPUs: instructions are counted with one, as tools/lab/run --icount has it");
	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rounds == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	*rounds = 0;
	if (!fork_child()) {
		if (sched_setscheduler(0, SCHED_IDLE, &param) < 0)
			_exit(CANNOT_RUN);
		idle(rounds);
	}
	return rounds;
}

/* Instructions executed since the host's start, but for the idler's. */
static uint64_t executed(volatile uint64_t *rounds)
{
	uint64_t before, now;

	do {	/* again if the idler ran meanwhile */
		before = *rounds;
		now = __rdtsc();
	} while (*rounds != before);
	return now - before * ROUND_INSTRUCTIONS;
}

static pid_t start_command(char **command, int *output)
{
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0)
		fail("pipe: %s", strerror(errno));
	child = fork_child();
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		personality(ADDR_NO_RANDOMIZE);	/* where things are in memory moves counts */
		execvp(command[0], command);
		_exit(CANNOT_RUN);
	}
	close(ends[1]);
	*output = ends[0];
	return child;
}

static int milliseconds_left(time_t end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < end ? (end - now.tv_sec) * 1000 : 0;
}

/* Reads until MARKER came, the output's end or too much time. */
static enum end wait_for_marker(int output)
{
	static char text[4096];	/* what was not searched yet, and enough before it to hold a part of MARKER */
	struct pollfd poller = { .fd = output, .events = POLLIN };
	struct timespec now;
	size_t size = 0;
	ssize_t len;

	clock_gettime(CLOCK_MONOTONIC, &now);
	while (poll(&poller, 1, milliseconds_left(now.tv_sec + TIMEOUT_S)) > 0) {
		len = read(output, text + size, sizeof(text) - size);
		if (len <= 0)
			return ENDED;
		size += len;
		if (memmem(text, size, MARKER, strlen(MARKER)))
			return MARKER_SEEN;
		if (size >= strlen(MARKER)) {
			memmove(text, text + size - strlen(MARKER), strlen(MARKER));
			size = strlen(MARKER);
		}
	}
	return TIMED_OUT;
}

static void check_end(enum end end, int status, const char *command)
{
	if (end == TIMED_OUT)
		fail("%s: its guest did not say '" MARKER "' within %d s", command, TIMEOUT_S);
	if (end == ENDED && WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
		fail("%s cannot be run", command);
	if (end == ENDED)
		fail("%s ended, its status is 0x%x, before its guest said '" MARKER "'", command, status);
}

/* The command, until its guest is at its init, between @begin and @end. */
static void boot(char **command, void (*begin)(void), void (*end)(void))
{
	enum end how;
	int output, status;
	pid_t child;

	begin();
	child = start_command(command, &output);
	how = wait_for_marker(output);
	end();
	kill(child, SIGKILL);
	if (waitpid(child, &status, 0) < 0)
		fail("waitpid: %s", strerror(errno));
	check_end(how, status, command[0]);
}

static volatile uint64_t *rounds;
static uint64_t start, count;

static void begin_count(void)
{
	rounds = start_idler();
	start = executed(rounds);
}

static void end_count(void)
{
	count = executed(rounds) - start;
}

#define LABEL_EMPTY	1
#define LABEL_BOOT	2

static void begin_section(void)
{
	mark(MARK_START);
}

static void end_section(void)
{
	mark(LABEL_BOOT);
}

static void mark_boot(char **command)
{
	mark(MARK_START);
	mark(LABEL_EMPTY);
	printf("sections no-boot 1 1 no-boot %u\n", LABEL_EMPTY);
	boot(command, begin_section, end_section);
	printf("sections %s 1 1 no-boot %u\n", name, LABEL_BOOT);
}

int main(int argc, char **argv)
{
	bool marks = argc > 1 && !strcmp(argv[1], "--marks");

	argv += marks;
	if (argc < 3 + marks) {
		fprintf(stderr, "Usage: boot [--marks] NAME COMMAND...\n");
		return 2;
	}
	name = argv[1];
	if (marks) {
		mark_boot(argv + 2);
		return 0;
	}
	boot(argv + 2, begin_count, end_count);
	printf("row %s %llu\n", name, (unsigned long long)count);
	return 0;
}
