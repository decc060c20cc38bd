// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory is ordinary memory of the process: whatever happens to it while
 * vCPUs write it, no write is lost and none goes to a page that is no longer there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guests.h"

#define SIZE	(2 * MIB)
#define PAGES	(SIZE / PAGE)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

FIXTURE(area) {
	struct guests g;
	__u8 *memory;
};

FIXTURE_SETUP(area)
{
	guests_init(&self->g, 3);
}

FIXTURE_TEARDOWN(area)
{
	guests_free(&self->g);
}

/* Memory aligned to 2 MiB, so that it can be of huge pages. */
static void *map_aligned(size_t size)
{
	__u8 *memory = map_anonymous(size + 2 * MIB);

	return (void *)(((unsigned long)memory + 2 * MIB - 1) & -(2 * MIB));
}

static void start(struct guests *g, void *memory)
{
	guests_set_area(g, 0, memory, SIZE);
	guests_start(g, HAMMER, PAGES);
}

/* The end of every test: nothing vanishes any more, and both sides agree. */
#define EXPECT_INTACT(g, memory)						\
do {										\
	EXPECT_TRUE(guests_wait(g, 2));						\
	(g)->control->may_vanish = 0;						\
	EXPECT_TRUE(guests_wait(g, 2));						\
	EXPECT_EQ(0, guests_stop(g));						\
	EXPECT_EQ(0, guests_wrong_pages(g, memory));				\
} while (0)

TEST_F(area, vcpus_and_process_see_the_same_memory)
{
	self->memory = map_anonymous(SIZE);
	start(&self->g, self->memory);
	EXPECT_INTACT(&self->g, self->memory);
}

TEST_F(area, discarded_pages_come_back_empty)
{
	self->memory = map_anonymous(SIZE);
	self->g.control->may_vanish = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		size_t start = (rand() % PAGES) * PAGE;

		EXPECT_EQ(0, madvise(self->memory + start, SIZE - start, MADV_DONTNEED));
		usleep(5000);
	}
	EXPECT_INTACT(&self->g, self->memory);
}

TEST_F(area, remapped_memory_replaces_the_old)
{
	self->memory = map_anonymous(SIZE);
	self->g.control->may_vanish = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		void *fresh = mmap(self->memory, SIZE / 2, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		EXPECT_EQ(self->memory, fresh);
		usleep(5000);
	}
	EXPECT_INTACT(&self->g, self->memory);
}

TEST_F(area, writes_wait_while_memory_is_protected)
{
	self->memory = map_anonymous(SIZE);
	start(&self->g, self->memory);
	for (int i = 0; guests_more(&self->g); i++) {
		EXPECT_EQ(0, mprotect(self->memory, SIZE, i & 1 ? PROT_READ : PROT_NONE));
		/* The process reads it twice: nothing may change in between. */
		if (i & 1) {
			u64 value = *(volatile u64 *)self->memory;

			usleep(5000);
			EXPECT_EQ(value, *(volatile u64 *)self->memory);
		}
		EXPECT_EQ(0, mprotect(self->memory, SIZE, PROT_READ | PROT_WRITE));
		usleep(3000);
	}
	EXPECT_INTACT(&self->g, self->memory);
	EXPECT_NE(0, self->g.refused);
}

TEST_F(area, fork_copies_what_the_guest_had_written)
{
	self->memory = map_anonymous(SIZE);
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		int status, child = fork();

		if (!child) {
			/* A private copy: it stands still while the guest writes on. */
			u64 value = *(volatile u64 *)self->memory;

			usleep(20000);
			_exit(value != *(volatile u64 *)self->memory);
		}
		ASSERT_LT(0, child);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_INTACT(&self->g, self->memory);
}

/* Swap */

TEST_F(area, swapped_out_pages_keep_their_content)
{
	long swapped = 0;

	if (!add_swap())
		SKIP(return, "no zram");
	self->memory = map_anonymous(SIZE);
	self->g.control->read_passes = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		long now;

		EXPECT_EQ(0, madvise(self->memory, SIZE, MADV_PAGEOUT));
		now = read_field("/proc/self/status", "VmSwap");
		swapped = now > swapped ? now : swapped;
		usleep(5000);
	}
	EXPECT_INTACT(&self->g, self->memory);
	EXPECT_LT(0, swapped);
}

TEST_F(area, swapped_out_shared_memory_keeps_its_content)
{
	int fd = memfd_create("area", 0);

	if (!add_swap())
		SKIP(return, "no zram");
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	self->g.control->read_passes = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		EXPECT_EQ(0, madvise(self->memory, SIZE, MADV_PAGEOUT));
		usleep(5000);
	}
	EXPECT_INTACT(&self->g, self->memory);
}

/* Same-page merging */

TEST_F(area, merged_pages_are_copied_when_written)
{
	long merged = 0;

	if (!write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1") ||
	    !write_file("/sys/kernel/mm/ksm/pages_to_scan", "10000") ||
	    !write_file("/sys/kernel/mm/ksm/run", "1"))
		SKIP(return, "no KSM");
	self->memory = map_anonymous(SIZE);
	ASSERT_EQ(0, madvise(self->memory, SIZE, MADV_MERGEABLE));
	self->g.control->same = 1;
	self->g.control->read_passes = 400;
	start(&self->g, self->memory);
	for (int i = 0; i < 100 && !merged; i++) {
		FILE *file = fopen("/sys/kernel/mm/ksm/pages_sharing", "r");
		long now = 0;

		if (file && fscanf(file, "%ld", &now) == 1 && now > merged)
			merged = now;
		if (file)
			fclose(file);
		usleep(50000);
	}
	self->g.control->read_passes = 0;
	EXPECT_INTACT(&self->g, self->memory);
	write_file("/sys/kernel/mm/ksm/run", "2");
	EXPECT_LT(0, merged);
}

/* Huge pages */

TEST_F(area, huge_pages_are_split_and_collapsed_under_the_guest)
{
	self->memory = map_aligned(SIZE);
	if (madvise(self->memory, SIZE, MADV_HUGEPAGE))
		SKIP(return, "no transparent huge pages");
	self->g.control->may_vanish = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		/* One page away splits the huge one; collapsing fills the gap. */
		madvise(self->memory + 5 * PAGE, PAGE, MADV_DONTNEED);
		usleep(5000);
		madvise(self->memory, SIZE, MADV_COLLAPSE);
		usleep(2000);
	}
	EXPECT_INTACT(&self->g, self->memory);
}

TEST_F(area, hugetlb_memory_can_be_discarded)
{
	if (!write_file("/proc/sys/vm/nr_hugepages", "2"))
		SKIP(return, "no hugetlb pages");
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (self->memory == MAP_FAILED)
		SKIP(return, "no hugetlb pages");
	self->g.control->may_vanish = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		EXPECT_EQ(0, madvise(self->memory, SIZE, MADV_DONTNEED));
		usleep(5000);
	}
	EXPECT_INTACT(&self->g, self->memory);
	munmap(self->memory, SIZE);
	write_file("/proc/sys/vm/nr_hugepages", "0");
}

/* Shared files */

TEST_F(area, holes_in_a_shared_file_read_zero)
{
	int fd = memfd_create("area", 0);

	ASSERT_EQ(0, ftruncate(fd, SIZE));
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	self->g.control->may_vanish = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		size_t start = (rand() % PAGES) * PAGE;

		EXPECT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start,
				       SIZE - start));
		usleep(5000);
	}
	EXPECT_INTACT(&self->g, self->memory);
}

TEST_F(area, truncated_file_refuses_access_until_it_grows)
{
	int fd = memfd_create("area", 0);

	ASSERT_EQ(0, ftruncate(fd, SIZE));
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	self->g.control->may_vanish = 1;
	start(&self->g, self->memory);
	while (guests_more(&self->g)) {
		EXPECT_EQ(0, ftruncate(fd, SIZE / 4));
		usleep(5000);
		EXPECT_EQ(0, ftruncate(fd, SIZE));
		usleep(2000);
	}
	EXPECT_INTACT(&self->g, self->memory);
	EXPECT_NE(0, self->g.refused);
}

TEST_F(area, private_file_mapping_is_copied_on_write)
{
	int fd = memfd_create("area", 0);
	__u8 byte;

	ASSERT_EQ(0, ftruncate(fd, SIZE));
	self->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	start(&self->g, self->memory);
	EXPECT_INTACT(&self->g, self->memory);
	EXPECT_EQ(1, pread(fd, &byte, 1, 0));
	EXPECT_EQ(0, byte);
}

/* userfaultfd */

struct pager {
	int fd;
	__u8 *memory;
	volatile bool stop;
	unsigned long served;
};

static int open_pager(struct pager *p, __u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (unsigned long)p->memory, SIZE }, .mode = mode,
	};

	p->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0 || ioctl(p->fd, UFFDIO_API, &api))
		return -1;
	return ioctl(p->fd, UFFDIO_REGISTER, &reg);
}

static void serve(struct pager *p, const struct uffd_msg *msg)
{
	__u64 page = msg->arg.pagefault.address & -PAGE;
	struct uffdio_zeropage zero = { .range = { page, PAGE } };
	struct uffdio_writeprotect unprotect = { .range = { page, PAGE } };

	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
		ioctl(p->fd, UFFDIO_WRITEPROTECT, &unprotect);
	else
		ioctl(p->fd, UFFDIO_ZEROPAGE, &zero);
	p->served++;
}

static void *pager_thread(void *arg)
{
	struct pager *p = arg;
	struct uffd_msg msg;

	while (!p->stop) {
		if (read(p->fd, &msg, sizeof(msg)) == sizeof(msg))
			serve(p, &msg);
		else
			usleep(200);
	}
	return NULL;
}

TEST_F(area, missing_pages_are_served_by_userspace)
{
	struct pager p = { .memory = map_anonymous(SIZE) };
	pthread_t thread;

	if (open_pager(&p, UFFDIO_REGISTER_MODE_MISSING))
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, pthread_create(&thread, NULL, pager_thread, &p));
	self->g.control->may_vanish = 1;
	start(&self->g, p.memory);
	EXPECT_TRUE(guests_wait(&self->g, 1));
	while (guests_more(&self->g)) {
		EXPECT_EQ(0, madvise(p.memory, 64 * PAGE, MADV_DONTNEED));
		usleep(20000);
	}
	EXPECT_INTACT(&self->g, p.memory);
	p.stop = true;
	pthread_join(thread, NULL);
	close(p.fd);
	EXPECT_LE(PAGES, p.served);
}

TEST_F(area, write_protected_pages_are_reported_before_they_change)
{
	struct pager p = { .memory = map_anonymous(SIZE) };
	struct uffdio_writeprotect protect = {
		.range = { (unsigned long)p.memory, SIZE }, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	pthread_t thread;

	memset(p.memory, 0, SIZE);
	if (open_pager(&p, UFFDIO_REGISTER_MODE_WP))
		SKIP(return, "no write protection by userfaultfd");
	start(&self->g, p.memory);
	EXPECT_TRUE(guests_wait(&self->g, 1));
	for (int i = 0; i < 5; i++) {
		u64 before;

		EXPECT_EQ(0, ioctl(p.fd, UFFDIO_WRITEPROTECT, &protect));
		/* Nobody serves yet: the page must stand still. */
		before = *(volatile u64 *)p.memory;
		usleep(10000);
		EXPECT_EQ(before, *(volatile u64 *)p.memory);
		p.stop = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, pager_thread, &p));
		EXPECT_TRUE(guests_wait(&self->g, 2));
		p.stop = true;
		pthread_join(thread, NULL);
	}
	EXPECT_INTACT(&self->g, p.memory);
	close(p.fd);
	EXPECT_LE(PAGES, p.served);
}

TEST_HARNESS_MAIN
