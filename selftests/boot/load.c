// SPDX-License-Identifier: GPL-2.0
/*
 * Load for a Linux guest, run inside it: load SECONDS ADDRESS PORT. One computing thread pinned to
 * each CPU, plus one for the disk, the network and timers; each checks its own results. Prints one
 * line of counts; every defect is a line "defect: ..." and makes the exit status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CPUS	256
#define MAX_SHOWN	20	/* defects printed; all are counted */
#define SLEEP_NS	(20 * 1000000LL)
/* An interrupt that comes this late was lost; the slowest emulated host stays far below. */
#define LATE_NS		(5 * 1000000000LL)
#define DISK_FILE	"/root/load.tmp"
#define DISK_BLOCK	65536
#define DISK_BLOCKS	16

static atomic_bool stop;
static atomic_uint defects;
static _Atomic int64_t newest;	/* highest monotonic time that any CPU has read */
static struct sockaddr_in server;

struct worker {
	pthread_t thread;
	void (*step)(struct worker *w);
	int cpu;		/* -1: not pinned */
	uint64_t rounds;
	int64_t worst;		/* nanoseconds, timers only */
};

static void defect(const char *fmt, ...)
{
	va_list ap;

	if (atomic_fetch_add(&defects, 1) >= MAX_SHOWN)
		return;
	va_start(ap, fmt);
	flockfile(stdout);
	printf("defect: ");
	vprintf(fmt, ap);
	printf("\n");
	funlockfile(stdout);
	va_end(ap);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* No CPU may read a time older than one that another CPU has already seen. */
static void check_clock(int cpu)
{
	int64_t seen = atomic_load(&newest);
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now < seen)
		defect("CPU %d: monotonic clock went back by %lld ns", cpu,
		       (long long)(seen - now));
	while (seen < now && !atomic_compare_exchange_weak(&newest, &seen, now))
		;
}

/* Integer and floating-point work whose result never changes. */
static uint64_t compute_once(void)
{
	uint64_t x = 88172645463325252ULL;
	double y = 1.0;

	for (int i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		y = y * 1.0000001 + (double)(x & 7);
	}
	return x ^ (uint64_t)y;
}

static void compute_step(struct worker *w)
{
	static _Atomic uint64_t expected;
	uint64_t result = compute_once(), first = 0;

	if (!atomic_compare_exchange_strong(&expected, &first, result) && first != result)
		defect("CPU %d: computed %llx instead of %llx", w->cpu,
		       (unsigned long long)result, (unsigned long long)first);
	check_clock(w->cpu);
}

static void timer_step(struct worker *w)
{
	struct timespec ts = { .tv_nsec = SLEEP_NS };
	int64_t start = clock_ns(CLOCK_MONOTONIC), real = clock_ns(CLOCK_REALTIME), late, jump;

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	late = clock_ns(CLOCK_MONOTONIC) - start - SLEEP_NS;
	jump = clock_ns(CLOCK_REALTIME) - real - SLEEP_NS - late;
	if (late < 0)
		defect("timer fired %lld ns early", (long long)-late);
	if (late > LATE_NS)
		defect("timer fired %lld ms late", (long long)late / 1000000);
	if (llabs(jump) > LATE_NS)
		defect("wall clock jumped by %lld ms", (long long)jump / 1000000);
	if (late > w->worst)
		w->worst = late;
}

static void fill_block(unsigned char *block, uint64_t round, int number)
{
	uint64_t x = round * DISK_BLOCKS + number + 1;

	for (size_t i = 0; i < DISK_BLOCK; i += sizeof(x)) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(block + i, &x, sizeof(x));
	}
}

static int write_blocks(int fd, unsigned char *block, uint64_t round)
{
	for (int i = 0; i < DISK_BLOCKS; i++) {
		fill_block(block, round, i);
		if (pwrite(fd, block, DISK_BLOCK, (off_t)i * DISK_BLOCK) != DISK_BLOCK)
			return -1;
	}
	return fsync(fd);
}

static int compare_blocks(int fd, unsigned char *block, unsigned char *back, uint64_t round)
{
	for (int i = 0; i < DISK_BLOCKS; i++) {
		fill_block(block, round, i);
		if (pread(fd, back, DISK_BLOCK, (off_t)i * DISK_BLOCK) != DISK_BLOCK)
			return -1;
		if (memcmp(block, back, DISK_BLOCK) != 0)
			defect("disk: block %d differs from what was written", i);
	}
	return 0;
}

/* O_DIRECT: what is compared has been on the virtual disk and back. */
static void disk_step(struct worker *w)
{
	unsigned char *block = aligned_alloc(4096, DISK_BLOCK), *back = aligned_alloc(4096, DISK_BLOCK);
	int fd = open(DISK_FILE, O_RDWR | O_CREAT | O_DIRECT, 0600);

	if (!block || !back || fd < 0 || write_blocks(fd, block, w->rounds) < 0 ||
	    compare_blocks(fd, block, back, w->rounds) < 0)
		defect("disk: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	free(back);
	free(block);
}

static uint32_t adler(uint32_t sum, const unsigned char *data, size_t n)
{
	uint32_t a = sum & 0xffff, b = sum >> 16;

	for (size_t i = 0; i < n; i++) {
		a = (a + data[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/*
 * The server sends 4 bytes, the Adler-32 of what follows in network order, then the data, and
 * closes. Returns 0, or -1 with errno.
 */
static int fetch(int fd, uint32_t *promised, uint32_t *sum)
{
	unsigned char buf[16384];
	ssize_t n;

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0 ||
	    recv(fd, promised, sizeof(*promised), MSG_WAITALL) != sizeof(*promised))
		return -1;
	*promised = ntohl(*promised);
	*sum = 1;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		*sum = adler(*sum, buf, n);
	return n < 0 ? -1 : 0;
}

static void network_step(struct worker *w)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint32_t promised = 0, sum = 0;

	(void)w;
	if (fd < 0 || fetch(fd, &promised, &sum) < 0)
		defect("network: %s", strerror(errno));
	else if (promised != sum)
		defect("network: data of checksum %08x arrived as %08x", promised, sum);
	if (fd >= 0)
		close(fd);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t set;

	if (w->cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(w->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			defect("CPU %d: %s", w->cpu, strerror(errno));
	}
	while (!atomic_load(&stop)) {
		w->step(w);
		w->rounds++;
	}
	return NULL;
}

static struct worker workers[MAX_CPUS + 3];
static int n_workers;

static struct worker *add_worker(void (*step)(struct worker *w), int cpu)
{
	struct worker *w = &workers[n_workers++];

	w->step = step;
	w->cpu = cpu;
	if (pthread_create(&w->thread, NULL, work, w) != 0) {
		defect("cannot start a thread");
		exit(1);
	}
	return w;
}

/* A worker that never got on has waited for something that was lost. */
static void join_workers(void)
{
	for (int i = 0; i < n_workers; i++) {
		pthread_join(workers[i].thread, NULL);
		if (!workers[i].rounds)
			defect("worker %d did nothing", i);
	}
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct worker *disk, *network, *timer;
	uint64_t computed = 0;

	if (argc != 4 || cpus > MAX_CPUS || inet_aton(argv[2], &server.sin_addr) == 0) {
		fprintf(stderr, "usage: load SECONDS ADDRESS PORT\n");
		return 2;
	}
	server.sin_family = AF_INET;
	server.sin_port = htons(atoi(argv[3]));
	disk = add_worker(disk_step, -1);
	network = add_worker(network_step, -1);
	timer = add_worker(timer_step, -1);
	for (int i = 0; i < cpus; i++)
		add_worker(compute_step, i);
	sleep(atoi(argv[1]));
	atomic_store(&stop, true);
	join_workers();
	unlink(DISK_FILE);
	for (struct worker *w = timer + 1; w < workers + n_workers; w++)
		computed += w->rounds;
	printf("load: %d CPUs, %llu computations, %llu timers (worst %lld ms late), %llu MiB disk, %llu fetches, %u defects\n",
	       cpus, (unsigned long long)computed, (unsigned long long)timer->rounds,
	       (long long)timer->worst / 1000000, (unsigned long long)disk->rounds,
	       (unsigned long long)network->rounds, atomic_load(&defects));
	return atomic_load(&defects) ? 1 : 0;
}
