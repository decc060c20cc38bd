// SPDX-License-Identifier: GPL-2.0
/* Slots come, move and go; the owner's memory behind them does what memory may do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define QUARTER		(EXTRA_PAGES / 4)
#define NR_SLOTS	4

/* A part of the extra memory, in pages. */
struct part {
	unsigned long first, pages;
};

static struct part random_part(struct rng *rng)
{
	struct part part = { .first = below(rng, EXTRA_PAGES) };

	part.pages = 1 + below(rng, EXTRA_PAGES - part.first);
	if (one_in(rng, 2) && part.pages > 8)
		part.pages = 1 + below(rng, 8);
	return part;
}

static void set_slot(struct rng *rng, struct machine *m)
{
	static const __u32 flags[] = { 0, 0, 0, MINIVMM_MEM_LOG_DIRTY_PAGES,
				       MINIVMM_MEM_READONLY, 3 };
	struct part part = random_part(rng);
	__u32 slot = 1 + below(rng, NR_SLOTS);
	__u64 gpa = EXTRA_GPA + below(rng, 2 * EXTRA_PAGES) * PAGE;
	__u64 size = part.pages * PAGE;

	/* The same part for a slot each time: so flags change and it moves. */
	if (one_in(rng, 2)) {
		part.first = slot * QUARTER % EXTRA_PAGES;
		size = QUARTER * PAGE;
	}
	if (one_in(rng, 5))
		size = 0;
	if (one_in(rng, 10))
		slot |= 1 << 16;
	if (one_in(rng, 20))
		gpa = odd_number(rng);
	vm_set_slot(&m->vm, slot, pick(rng, flags), gpa, size, m->extra + part.first * PAGE);
}

static void read_log(struct rng *rng, struct machine *m)
{
	static __thread __u64 bitmap[EXTRA_PAGES / 64 + 64];
	__u32 slot = 1 + below(rng, NR_SLOTS);
	struct minivmm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };
	struct minivmm_clear_dirty_log clear = {
		.slot = slot, .num_pages = below(rng, EXTRA_PAGES / 64) * 64,
		.first_page = below(rng, EXTRA_PAGES / 64) * 64, .dirty_bitmap = bitmap,
	};
	struct minivmm_enable_cap manual = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { below(rng, 4) },
	};

	if (one_in(rng, 3))
		call(m->vm.fd, MINIVMM_CLEAR_DIRTY_LOG, &clear);
	else
		call(m->vm.fd, MINIVMM_GET_DIRTY_LOG, &log);
	if (one_in(rng, 20))
		call(m->vm.fd, MINIVMM_ENABLE_CAP, &manual);
}

/* All but the quarter that userfaultfd watches, which would lose the watch. */
static void map_again(struct rng *rng, struct machine *m, struct part part)
{
	if (part.first + part.pages > EXTRA_PAGES - QUARTER)
		return;
	munmap(m->extra + part.first * PAGE, part.pages * PAGE);
	if (one_in(rng, 2))
		usleep(below(rng, 300));
	mmap(m->extra + part.first * PAGE, part.pages * PAGE, PROT_READ | PROT_WRITE,
	     (one_in(rng, 4) ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* The pages that a vCPU shares, and those it has not. */
static void map_run_page(struct rng *rng, struct machine *m)
{
	static const int protections[] = { PROT_READ, PROT_READ | PROT_WRITE,
					   PROT_READ | PROT_EXEC };
	size_t size = (1 + below(rng, 4)) * PAGE;
	int fd = one_in(rng, 4) ? m->vm.fd : m->vcpus[below(rng, m->nr_vcpus)].fd;
	void *page = mmap(NULL, size, pick(rng, protections),
			  one_in(rng, 4) ? MAP_PRIVATE : MAP_SHARED, fd, below(rng, 6) * PAGE);

	if (page == MAP_FAILED)
		return;
	madvise(page, size, MADV_WILLNEED);
	mincore(page, PAGE, (unsigned char[1]){ 0 });
	munmap(page, size);
}

/* To another place and back: the slots' addresses are without memory in between. */
static void move_mapping(struct rng *rng, struct machine *m, struct part part)
{
	__u8 *start = m->extra + part.first * PAGE;
	size_t size = part.pages * PAGE;
	void *moved;

	if (part.first + part.pages > EXTRA_PAGES - QUARTER)
		return;
	moved = mremap(start, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (moved == MAP_FAILED)
		return;
	usleep(below(rng, 300));
	if (one_in(rng, 2))
		munmap(moved, size);
	else
		mremap(moved, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start);
}

/* By a system call, which minds no fault: the memory may be gone. */
static void touch(void *start, size_t size)
{
	static int zeros = -1;

	if (zeros < 0)
		zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	(void)!read(zeros, start, size);
}

/* A child has a copy of the memory, and the descriptors, whose calls it may not use. */
static void have_child(struct rng *rng, struct machine *m)
{
	unsigned int pause = below(rng, 2000);
	bool outlives = one_in(rng, 10);
	pid_t pid = fork();

	if (!pid) {
		call(m->vm.fd, MINIVMM_GET_CLOCK, m->extra);
		call(m->vcpus[0].fd, MINIVMM_RUN, 0);
		touch(m->extra, PAGE);
		usleep(outlives ? 200000 : pause);
		_exit(0);
	}
	while (!outlives && pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void change_mapping(struct rng *rng, struct machine *m)
{
	static const int advice[] = { MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE,
				      MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_COLD, MADV_PAGEOUT,
				      MADV_WILLNEED, MADV_POPULATE_WRITE, MADV_DONTFORK };
	static const int protection[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	struct part part = random_part(rng);
	__u8 *start = m->extra + part.first * PAGE;
	size_t size = part.pages * PAGE;

	switch (below(rng, 10)) {
	case 0 ... 2:
		madvise(start, size, pick(rng, advice));
		break;
	case 3:
		mprotect(start, size, pick(rng, protection));
		usleep(below(rng, 200));
		mprotect(m->extra, EXTRA_PAGES * PAGE, PROT_READ | PROT_WRITE);
		break;
	case 4:
		map_again(rng, m, part);
		break;
	case 5:
		have_child(rng, m);
		break;
	case 6:
		map_run_page(rng, m);
		break;
	case 7:
		move_mapping(rng, m, part);
		break;
	case 8:
		madvise(m->vm.memory + GUEST_DATA, 16 * PAGE, pick(rng, advice));
		break;
	default:
		touch(start, size);
	}
}

void change_memory(struct rng *rng, struct machine *m)
{
	count(changes);
	switch (below(rng, 4)) {
	case 0:
		set_slot(rng, m);
		break;
	case 1:
		read_log(rng, m);
		break;
	default:
		change_mapping(rng, m);
	}
}

void start_userfault(struct machine *m)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register watch = {
		.range = { (unsigned long)m->extra + (EXTRA_PAGES - QUARTER) * PAGE,
			   QUARTER * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &watch)) {
		close(fd);
		return;
	}
	m->uffd = fd;
}

void serve_userfault(struct rng *rng, struct machine *m)
{
	struct pollfd poll_fd = { .fd = m->uffd, .events = POLLIN };
	struct uffdio_zeropage zero = { .range.len = PAGE };
	struct uffd_msg msg;

	if (m->uffd < 0 || poll(&poll_fd, 1, 10) <= 0) {
		usleep(5000);
		return;
	}
	if (read(m->uffd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
		return;
	if (one_in(rng, 4))
		usleep(below(rng, 20000));
	zero.range.start = msg.arg.pagefault.address & -PAGE;
	/* Memory that is changing meanwhile: it faults again, and is served then. */
	if (ioctl(m->uffd, UFFDIO_ZEROPAGE, &zero))
		ioctl(m->uffd, UFFDIO_WAKE, &zero.range);
}
