// SPDX-License-Identifier: GPL-2.0
/* VMs that end while their vCPUs fault: nothing is left behind, whatever the order. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#define SIZE	(2 * MIB)
#define SLACK	1024	/* KiB that free memory may move by itself */

/* A VM whose vCPUs fault all the time, as the process's own memory goes away. */
static void run_and_discard(void)
{
	struct guests *g = calloc(1, sizeof(*g));
	void *memory = map_anonymous(SIZE);

	guests_init(g, 3);
	g->control->may_vanish = 1;
	guests_set_area(g, 0, memory, SIZE);
	guests_start(g, HAMMER, SIZE / PAGE);
	for (;;) {
		madvise(memory, SIZE, MADV_DONTNEED);
		usleep(1000);
	}
}

/* Kills a process with a running VM after @delay microseconds. */
static void kill_after(unsigned int delay)
{
	int child = fork();

	if (!child)
		run_and_discard();
	usleep(delay);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* KiB of free pages in the lists of single CPUs, which MemAvailable leaves out. */
static long on_cpu_lists(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	char line[128];
	long pages, sum = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &pages) == 1)
			sum += pages;
	if (file)
		fclose(file);
	return sum * PAGE / 1024;
}

static long available(void)
{
	long now, before = 0;

	/* Frees of the past may take a while to arrive. */
	for (int i = 0; i < 50; i++) {
		write_file("/proc/sys/vm/drop_caches", "3");
		now = read_field("/proc/meminfo", "MemAvailable") + on_cpu_lists();
		if (i && labs(now - before) < 64)
			return now;
		before = now;
		usleep(100000);
	}
	return now;
}

TEST(killed_process_leaves_nothing_behind)
{
	const char *kernel = getenv("MINIVMM_KERNEL");
	long before, after;

	if (kernel && !strcmp(kernel, "debug"))
		SKIP(return, "KASAN keeps what is freed for a while; kmemleak looks for leaks here");
	for (int i = 0; i < 5; i++)
		kill_after(20000 + i * 10000);
	before = available();
	for (int i = 0; i < 30; i++)
		kill_after(i * 7000);
	after = available();
	EXPECT_GE(SLACK, before - after);
}

TEST(vcpus_run_on_when_the_vm_descriptor_is_closed)
{
	struct guests g;
	void *memory = map_anonymous(SIZE);

	guests_init(&g, 2);
	guests_set_area(&g, 0, memory, SIZE);
	guests_start(&g, HAMMER, SIZE / PAGE);
	close(g.vm.fd);
	EXPECT_TRUE(guests_wait(&g, 2));
	EXPECT_EQ(0, guests_stop(&g));
	EXPECT_EQ(0, guests_wrong_pages(&g, memory));
	g.vm.fd = open("/dev/null", 0);
	guests_free(&g);
}

TEST(memory_unmapped_before_the_vm_ends_is_no_harm)
{
	struct guests g;

	for (int i = 0; i < 5; i++) {
		void *memory = map_anonymous(SIZE);

		guests_init(&g, 2);
		guests_set_area(&g, 0, memory, SIZE);
		guests_start(&g, TOUCH, SIZE / PAGE);
		EXPECT_EQ(0, guests_stop(&g));
		munmap(memory, SIZE);
		guests_free(&g);
	}
}

/* Memory changes all the time in one thread while VMs begin and end in another. */
static volatile bool stop_churn;

static void *churn(void *memory)
{
	while (!stop_churn) {
		madvise(memory, SIZE, MADV_DONTNEED);
		memset(memory, 1, PAGE);
	}
	return NULL;
}

TEST(vm_ends_while_memory_changes)
{
	void *memory = map_anonymous(SIZE);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, memory));
	for (int i = 0; i < 10; i++) {
		struct guests g;

		guests_init(&g, 2);
		g.control->may_vanish = 1;
		guests_set_area(&g, 0, memory, SIZE);
		guests_start(&g, TOUCH, SIZE / PAGE);
		guests_stop(&g);
		guests_free(&g);
	}
	stop_churn = true;
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
