// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kill -9 at any moment loses no write that the guest was told is stable.
 *
 * A child drives the disk with numbered writes and reports each number through a
 * pipe once the device has promised it; the parent kills it after a random time
 * and looks for every promised number in the image.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "support/blk-driver.h"
#include "support/ktap.h"

#define SLOTS		512
#define SLOT_BYTES	4096
#define SLOT_WORDS	(SLOT_BYTES / sizeof(uint64_t))
#define BATCH		5	/* writes between two flushes */
#define ROUNDS		40
#define MAX_LIFE_US	60000

static char path[] = "/tmp/minivmm-blk-crash.XXXXXX";

static bool write_number(struct blk_driver *d, uint64_t number)
{
	uint64_t *words = (uint64_t *)blk_driver__data(d);
	unsigned int i;

	for (i = 0; i < SLOT_WORDS; i++)
		words[i] = number;
	return blk_driver__request(d, VIRTIO_BLK_T_OUT,
				   number % SLOTS * (SLOT_BYTES / BLOCK_SECTOR), SLOT_BYTES,
				   false) == VIRTIO_BLK_S_OK;
}

static bool make_stable(struct blk_driver *d, uint64_t number, bool cached)
{
	if (!cached)
		return true;
	return number % BATCH == 0 &&
	       blk_driver__request(d, VIRTIO_BLK_T_FLUSH, 0, 0, false) == VIRTIO_BLK_S_OK;
}

/* Writes numbers from first on until it is killed. */
static void write_for_ever(int report, uint64_t first, bool cached)
{
	static struct blk_driver d;
	uint64_t number;

	if (!blk_driver__open(&d, path, false))
		return;
	blk_driver__start(&d, cached ? 1ULL << VIRTIO_BLK_F_FLUSH : 0);
	for (number = first; write_number(&d, number); number++)
		if (make_stable(&d, number, cached) &&
		    write(report, &number, sizeof(number)) != sizeof(number))
			return;
}

/* Runs a child and kills it. Returns the last number it was promised; 0: none. */
static uint64_t run_and_kill(uint64_t first, bool cached)
{
	uint64_t number, last = 0;
	int report[2];
	pid_t child;

	if (pipe2(report, O_CLOEXEC))
		return 0;
	child = fork();
	if (child == 0) {
		write_for_ever(report[1], first, cached);
		_exit(1);
	}
	close(report[1]);
	/* The first promise starts the clock, so that every round has something to lose. */
	if (read(report[0], &last, sizeof(last)) == sizeof(last))
		usleep(random() % MAX_LIFE_US);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(report[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	close(report[0]);
	return last;
}

/* The slot of a promised number holds it in every word, or a later number of that slot. */
static bool slot_holds(int fd, uint64_t number)
{
	uint64_t words[SLOT_WORDS];
	unsigned int i;

	if (pread(fd, words, SLOT_BYTES, number % SLOTS * SLOT_BYTES) != SLOT_BYTES)
		return false;
	for (i = 0; i < SLOT_WORDS; i++)
		if (words[i] < number || words[i] % SLOTS != number % SLOTS)
			return false;
	return true;
}

static bool all_promises_kept(uint64_t last)
{
	uint64_t number = last > SLOTS ? last - SLOTS + 1 : 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0;

	for (; ok && number <= last; number++)
		ok = slot_holds(fd, number);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool survives_kills(bool cached)
{
	uint64_t promised, last = 0;
	unsigned int i;

	if (truncate(path, 0) || truncate(path, SLOTS * SLOT_BYTES))
		return false;
	for (i = 0; i < ROUNDS; i++) {
		promised = run_and_kill(last + 1, cached);
		if (promised <= last || !all_promises_kept(promised))
			return false;
		last = promised;
	}
	printf("# %llu numbers\n", (unsigned long long)last);
	return true;
}

TEST(flushed_writes_survive)
{
	CHECK(survives_kills(true));
}

TEST(uncached_writes_survive)
{
	CHECK(survives_kills(false));
}

__attribute__((constructor)) static void make_image(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	close(fd);
}

KTAP_MAIN()
