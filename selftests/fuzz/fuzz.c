// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz [--seed N] [--seconds N | --rounds N] [--verbose]
 *
 * Rounds with seeds N, N + 1, ... until the time is over. "--seed N --rounds 1" is
 * one again. It is a failure if a round does not end, if the kernel complains, and if
 * the module is still in use after the last. The first two end the fuzzer, so that the
 * last seed it printed is the one to look at. It ends at the latest ROUND_LIMIT after
 * its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

/* A round takes some seconds; in a slow emulator on a busy machine ten times that. */
#define ROUND_LIMIT	120
#define KILL_LIMIT	20

struct counts *counts;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Where its threads are, for who has to find out. */
static void show_stacks(pid_t pid)
{
	char command[200];

	snprintf(command, sizeof(command),
		 "for t in /proc/%d/task/*; do echo \"# $t\"; sed 's/^/# /' $t/stack; done", pid);
	fflush(stdout);
	if (system(command))
		printf("# no stacks\n");
}

static bool wait_until(pid_t pid, int *status, double end)
{
	while (!waitpid(pid, status, WNOHANG)) {
		if (now() > end)
			return false;
		usleep(2000);
	}
	return true;
}

/* Whether the round ended by itself. */
static bool wait_for_round(pid_t pid, uint64_t seed)
{
	int status;

	if (!wait_until(pid, &status, now() + ROUND_LIMIT)) {
		printf("# seed %" PRIu64 ": does not end\n", seed);
		show_stacks(pid);
		kill(pid, SIGKILL);
		if (!wait_until(pid, &status, now() + KILL_LIMIT)) {
			printf("# it cannot be killed\n");
			show_stacks(pid);
		}
		return false;
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	printf("# seed %" PRIu64 ": ended with status 0x%x\n", seed, status);
	return false;
}

/* The kernel's log from now on. -1: not root, or no log. */
static int open_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* What tools/lab/run calls trouble; it sees what comes too late for the round. */
static bool kernel_complains(int log)
{
	static const char *const words[] = { "WARNING: ", "BUG: ", "KASAN", "INFO: ", "Oops",
					     "detected stall", "unchecked MSR", "refcount_t",
					     "general protection fault, " };
	char line[2000];
	bool found = false;
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		line[n < 0 ? 0 : n] = 0;
		for (size_t i = 0; i < ARRAY_LEN(words); i++) {
			if (!strstr(line, words[i]))
				continue;
			printf("# the kernel: %s", line);
			found = true;
		}
	}
	return found;
}

/* Objects left behind keep the module in use. -1: no such module (built in, or KVM). */
static int module_uses(void)
{
	FILE *file = fopen("/sys/module/minivmm/refcnt", "r");
	int uses = -1;

	if (file && fscanf(file, "%d", &uses) != 1)
		uses = -1;
	if (file)
		fclose(file);
	return uses;
}

static bool all_released(void)
{
	for (int try = 0; try < 100 && module_uses() > 0; try++)
		usleep(100000);
	printf("# module in use by %d\n", module_uses());
	return module_uses() <= 0;
}

static bool one_round(uint64_t seed, bool verbose)
{
	pid_t pid;

	printf("# seed %" PRIu64 "\n", seed);
	pid = fork();
	if (!pid)
		run_round(seed, verbose);
	return pid > 0 && wait_for_round(pid, seed);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ }
	};
	uint64_t seed = time(NULL), rounds = UINT64_MAX, done = 0;
	double seconds = 1e9, start = now();
	bool verbose = false, ended = true, quiet = true, released;
	int option, log = open_log();

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 't')
			seconds = atof(optarg);
		else if (option == 'r')
			rounds = strtoull(optarg, NULL, 0);
		else if (option == 'v')
			verbose = true;
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	counts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("TAP version 13\n1..3\n");
	while (ended && quiet && done < rounds && now() - start < seconds) {
		ended = one_round(seed + done++, verbose);
		quiet = !kernel_complains(log);
	}
	printf("# seeds %" PRIu64 " to %" PRIu64 " in %.0f s: %" PRIu64 " calls, %" PRIu64
	       " changes of memory, %" PRIu64 " times RUN, over %" PRIu64 " exits\n", seed, seed + done - 1,
	       now() - start, counts->calls, counts->changes, counts->runs, counts->exits);
	for (size_t i = 0; i < ARRAY_LEN(counts->reasons); i++)
		if (counts->reasons[i])
			printf("# exit %zu: %" PRIu64 "\n", i, counts->reasons[i]);
	printf("%s 1 fuzz: every round ends\n", ended ? "ok" : "not ok");
	printf("%s 2 fuzz: the kernel does not complain\n", quiet ? "ok" : "not ok");
	released = all_released();
	printf("%s 3 fuzz: nothing is left behind\n", released ? "ok" : "not ok");
	return !ended || !quiet || !released;
}
