// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz [--seed N] [--seconds N | --rounds N] [--verbose]
 *
 * Rounds with seeds N, N + 1, ... until the time is over. "--seed N --rounds 1" is
 * one again. A round that does not end is a failure, as is a module that is still in
 * use after the last; what the kernel has to say is in its log (tools/lab/run looks).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

/* A round takes a second or two; in a slow emulator on a busy machine ten times that. */
#define ROUND_LIMIT	120

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

/* Whether the round ended by itself. */
static bool wait_for_round(pid_t pid, uint64_t seed)
{
	double end = now() + ROUND_LIMIT;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (now() > end) {
			printf("# seed %" PRIu64 ": does not end\n", seed);
			show_stacks(pid);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return false;
		}
		usleep(2000);
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	printf("# seed %" PRIu64 ": ended with status 0x%x\n", seed, status);
	return false;
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ }
	};
	uint64_t seed = time(NULL), rounds = UINT64_MAX, done, bad = 0;
	double seconds = 1e9, start = now();
	bool verbose = false, released;
	int option;

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
	printf("TAP version 13\n1..2\n# first seed %" PRIu64 "\n", seed);
	for (done = 0; done < rounds && now() - start < seconds; done++) {
		pid_t pid = fork();

		if (!pid)
			run_round(seed + done, verbose);
		bad += !wait_for_round(pid, seed + done);
	}
	printf("# last seed %" PRIu64 ", %" PRIu64 " rounds in %.0f s\n", seed + done - 1, done,
	       now() - start);
	printf("%s 1 fuzz: every round ends\n", bad ? "not ok" : "ok");
	released = all_released();
	printf("%s 2 fuzz: nothing is left behind\n", released ? "ok" : "not ok");
	return bad || !released;
}
