// SPDX-License-Identifier: GPL-2.0
/* GET_STATS_FD: the files of counters of VMs and vCPUs, their form and what some of them count. */
#include <sched.h>
#include <sys/resource.h>

#include "fixture.h"

/* A whole file. */
struct stats {
	int fd;
	char *image;
	size_t size;
	struct minivmm_stats_header header;
};

static int stats_fd(int object)
{
	return call(object, MINIVMM_GET_STATS_FD, 0);
}

static struct stats stats_read(int fd)
{
	static char image[1 << 16];
	struct stats stats = { .fd = fd, .image = image };
	ssize_t len = pread(fd, image, sizeof(image), 0);

	if (len < (ssize_t)sizeof(stats.header))
		fatal("a file of counters has %zd bytes", len);
	stats.size = len;
	memcpy(&stats.header, image, sizeof(stats.header));
	return stats;
}

static const struct minivmm_stats_desc *stats_desc(const struct stats *stats, unsigned int i)
{
	const struct minivmm_stats_header *h = &stats->header;

	return (void *)(stats->image + h->desc_offset +
			i * (sizeof(struct minivmm_stats_desc) + h->name_size));
}

static void check_form(struct __test_metadata *_metadata, const struct stats *stats)
{
	const struct minivmm_stats_header *h = &stats->header;
	const struct minivmm_stats_desc *desc, *other;

	EXPECT_EQ(0, h->flags);
	EXPECT_LE(sizeof(*h), h->id_offset);
	EXPECT_LE(h->id_offset + h->name_size, h->desc_offset);
	EXPECT_GE(h->data_offset, h->desc_offset + h->num_desc * (sizeof(*desc) + h->name_size));
	EXPECT_NE(NULL, memchr(stats->image + h->id_offset, 0, h->name_size));
	EXPECT_LT(0, h->num_desc);
	for (unsigned int i = 0; i < h->num_desc; i++) {
		desc = stats_desc(stats, i);
		EXPECT_NE(NULL, memchr(desc->name, 0, h->name_size));
		EXPECT_NE(0, desc->name[0]);
		EXPECT_LE(h->data_offset + desc->offset + 8 * desc->size, stats->size);
		for (unsigned int j = 0; j < i; j++) {
			other = stats_desc(stats, j);
			EXPECT_NE(0, strcmp(desc->name, other->name));
			EXPECT_NE(desc->offset, other->offset);
		}
	}
}

TEST(capability_says_that_there_are_counters)
{
	EXPECT_LT(0, capability(device_open(), MINIVMM_CAP_BINARY_STATS_FD));
}

TEST_F(vm, files_have_the_form_that_is_documented)
{
	struct stats stats = stats_read(stats_fd(self->vm.fd));

	check_form(_metadata, &stats);
	stats = stats_read(stats_fd(self->vcpu.fd));
	check_form(_metadata, &stats);
}

TEST_F(vm, id_names_process_and_vcpu)
{
	struct stats stats = stats_read(stats_fd(self->vcpu.fd));
	char pid[32];

	snprintf(pid, sizeof(pid), "-%d/vcpu-0", getpid());
	EXPECT_NE(NULL, strstr(stats.image + stats.header.id_offset, pid));
}

TEST_F(vm, reading_goes_on_where_it_stopped_and_ends)
{
	int fd = stats_fd(self->vcpu.fd);
	struct stats stats = stats_read(fd);
	size_t got = 0;
	char byte;

	while (read(fd, &byte, 1) == 1 && got < stats.header.data_offset)
		EXPECT_EQ(stats.image[got++], byte);
	EXPECT_EQ(stats.header.data_offset, got);
	EXPECT_EQ(0, pread(fd, &byte, 1, stats.size));
	EXPECT_EQ(0, pread(fd, &byte, 1, 1 << 20));
}

TEST_F(vm, files_are_read_only)
{
	void *volatile nowhere = BAD_POINTER;
	int fd = stats_fd(self->vm.fd);
	char byte = 0;

	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, 0));
	EXPECT_EQ(-1, pread(fd, nowhere, 8, 0));
	EXPECT_EQ(EFAULT, errno);
}

GUEST64(one_halt, "hlt");
GUEST64(three_ports, "out %al, $0x10; out %al, $0x10; out %al, $0x10");

TEST_F(vm, exits_are_counted)
{
	struct stats stats = stats_read(stats_fd(self->vcpu.fd));

	EXPECT_EQ(0, stats_counter(stats.fd, "exits"));
	start_long(&self->vcpu, three_ports);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, vcpu_run(&self->vcpu));
	EXPECT_LE(3, stats_counter(stats.fd, "exits"));
	EXPECT_EQ(3, stats_counter(stats.fd, "io_exits"));
}

TEST_F(vm, halts_are_counted)
{
	struct stats stats = stats_read(stats_fd(self->vcpu.fd));

	start_long(&self->vcpu, one_halt);
	EXPECT_EQ(0, vcpu_run(&self->vcpu));
	EXPECT_EQ(1, stats_counter(stats.fd, "halt_exits"));
}

/* What the guest ran on is mapped. */
TEST_F(vm, pages_are_counted)
{
	struct stats stats = stats_read(stats_fd(self->vm.fd));

	EXPECT_EQ(0, stats_counter(stats.fd, "pages_4k") + stats_counter(stats.fd, "pages_2m"));
	start_long(&self->vcpu, three_ports);
	EXPECT_EQ(0, vcpu_run(&self->vcpu));
	EXPECT_LT(0, stats_counter(stats.fd, "pages_4k") + stats_counter(stats.fd, "pages_2m"));
}

/*
 * Emulators keep little in their TLBs and so do not show that a flush is missing: here is counted
 * whether one was made.
 */
GUEST64(write_and_tell, "1: movb $1, 0x300000; out %al, $0x10; jmp 1b");

struct flushing {
	struct vm *vm;
	struct vcpu *vcpu;
	int counters;
};

static __u64 flushes(const struct flushing *f)
{
	return stats_counter(f->counters, "tlb_flush");
}

/* Flushes from now until the guest has run again. */
#define FLUSHES_OF(f, change) ({						\
	__u64 before_ = flushes(f);						\
	change;									\
	EXPECT_EQ(0, vcpu_run((f)->vcpu));					\
	flushes(f) - before_;							\
})

/* The CPU on which it runs stays the same: another one has nothing cached. */
static void begin_flushing(struct __test_metadata *_metadata, struct flushing *f)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(first), &first));
	f->counters = stats_fd(f->vcpu->fd);
	start_long(f->vcpu, write_and_tell);
	for (int i = 0; i < 3; i++)
		ASSERT_EXIT(f->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, FLUSHES_OF(f, (void)0));
}

TEST_F(vm, pages_that_go_or_become_read_only_are_flushed)
{
	struct flushing f = { .vm = &self->vm, .vcpu = &self->vcpu };
	char *page = (char *)self->vm.memory + 0x300000;
	struct minivmm_userspace_memory_region region;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "what is counted, and when, is minivmm's");
	begin_flushing(_metadata, &f);
	EXPECT_LE(1, FLUSHES_OF(&f, EXPECT_EQ(0, madvise(page, PAGE, MADV_DONTNEED))));
	EXPECT_LE(1, FLUSHES_OF(&f, EXPECT_EQ(0, mprotect(page, PAGE, PROT_READ));
				    EXPECT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE))));
	region = (struct minivmm_userspace_memory_region){
		.slot = 9, .guest_phys_addr = 1UL << 30, .memory_size = 2 * MIB,
		.userspace_addr = (__u64)self->vm.memory,
	};
	EXPECT_EQ(0, FLUSHES_OF(&f, EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_USER_MEMORY_REGION,
						      &region))));
}

TEST_F(vm, a_log_that_is_restarted_is_flushed)
{
	static __u8 bitmap[GUEST_MEMORY / PAGE / 8];
	struct minivmm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
	struct flushing f = { .vm = &self->vm, .vcpu = &self->vcpu };
	struct minivmm_userspace_memory_region region = {
		.memory_size = GUEST_MEMORY, .userspace_addr = (__u64)self->vm.memory,
		.flags = MINIVMM_MEM_LOG_DIRTY_PAGES,
	};

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "what is counted, and when, is minivmm's");
	begin_flushing(_metadata, &f);
	EXPECT_LE(1, FLUSHES_OF(&f, EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_USER_MEMORY_REGION,
						      &region))));
	EXPECT_EQ(0, FLUSHES_OF(&f, (void)0));
	EXPECT_LE(1, FLUSHES_OF(&f, EXPECT_EQ(0, call(self->vm.fd, MINIVMM_GET_DIRTY_LOG, &log))));
}

/* Userspace's, which CPUs do not see: for a guest's own they know themselves what to flush. */
TEST_F(vm, changes_of_control_registers_are_flushed)
{
	struct flushing f = { .vm = &self->vm, .vcpu = &self->vcpu };
	struct minivmm_sregs sregs;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "what is counted, and when, is minivmm's");
	begin_flushing(_metadata, &f);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr3 += 8;
	EXPECT_LE(1, FLUSHES_OF(&f, vcpu_set_sregs(&self->vcpu, &sregs)));
	sregs.cr4 |= 1 << 7;	/* PGE */
	EXPECT_LE(1, FLUSHES_OF(&f, vcpu_set_sregs(&self->vcpu, &sregs)));
	sregs.cr0 |= 1 << 16;	/* WP */
	EXPECT_LE(1, FLUSHES_OF(&f, vcpu_set_sregs(&self->vcpu, &sregs)));
	sregs.efer |= 1 << 11;	/* NXE */
	EXPECT_LE(1, FLUSHES_OF(&f, vcpu_set_sregs(&self->vcpu, &sregs)));
}

TEST_F(vm, no_room_for_another_file_is_told)
{
	struct rlimit limit, none = { 0 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none.rlim_max = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, stats_fd(self->vm.fd));
	EXPECT_EQ(-EMFILE, stats_fd(self->vcpu.fd));
	setrlimit(RLIMIT_NOFILE, &limit);
}

TEST(files_outlive_the_vm)
{
	struct stats stats;
	struct vcpu vcpu;
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_long(&vcpu, three_ports);
	EXPECT_EQ(0, vcpu_run(&vcpu));
	stats = stats_read(stats_fd(vcpu.fd));
	vcpu_free(&vcpu);
	vm_free(&vm);
	EXPECT_EQ(1, stats_counter(stats.fd, "io_exits"));
	close(stats.fd);
}

TEST_HARNESS_MAIN
