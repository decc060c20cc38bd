// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: every page written since the last fetch, once. A page the guest
 * only read may be in it too (it may have become writable by that), no other.
 */
#include "fixture.h"

#define SIZE	(4 * MIB)
#define PAGES	(SIZE / PAGE)

struct bitmap {
	__u64 bits[PAGES / 64];
};

static long get_log(struct vm *vm, __u32 slot, void *bitmap)
{
	struct minivmm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return call(vm->fd, MINIVMM_GET_DIRTY_LOG, &log);
}

static int count(const struct bitmap *bitmap)
{
	int pages = 0;

	for (int i = 0; i < PAGES / 64; i++)
		pages += __builtin_popcountll(bitmap->bits[i]);
	return pages;
}

static bool is_dirty(const struct bitmap *bitmap, int page)
{
	return bitmap->bits[page / 64] >> page % 64 & 1;
}

FIXTURE(log) {
	struct vm vm;
	struct vcpu vcpu;
	__u8 *memory;
	struct bitmap bitmap;
};

FIXTURE_SETUP(log)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vcpu_init(&self->vcpu, &self->vm, 0);
	self->memory = map_anonymous(SIZE);
	memset(self->memory, 1, SIZE);
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, MINIVMM_MEM_LOG_DIRTY_PAGES, GPA, SIZE,
				 self->memory));
}

FIXTURE_TEARDOWN(log)
{
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
}

/* Writes pages 3 and 700, reads page 5. */
GUEST64(write_two_pages,
	"movb $7, 0x40003000; movb $7, 0x402bc010; movb 0x40005000, %al; hlt");

static void expect_two_pages(struct __test_metadata *_metadata, const struct bitmap *bitmap)
{
	EXPECT_TRUE(is_dirty(bitmap, 3));
	EXPECT_TRUE(is_dirty(bitmap, 700));
	EXPECT_EQ(2 + is_dirty(bitmap, 5), count(bitmap));
}

TEST_F(log, new_slot_is_clean)
{
	memset(&self->bitmap, 0xff, sizeof(self->bitmap));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(0, count(&self->bitmap));
}

TEST_F(log, written_pages_are_dirty_and_untouched_pages_are_not)
{
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	expect_two_pages(_metadata, &self->bitmap);
}

GUEST64(write_upwards, "movb $7, 0x40002000; movb $7, 0x40003000; hlt");
GUEST64(read_upwards, "movb 0x40002000, %al; movb 0x40003000, %al; out %al, $0x10\n"
	"movb $7, 0x40004000; hlt");

/* A fault behind another may bring in more pages: they are there, and nobody has written to them. */
TEST_F(log, pages_that_came_along_with_a_write_are_clean)
{
	start_long(&self->vcpu, write_upwards);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_TRUE(is_dirty(&self->bitmap, 2));
	EXPECT_TRUE(is_dirty(&self->bitmap, 3));
	EXPECT_EQ(2, count(&self->bitmap));
}

TEST_F(log, pages_that_came_along_with_a_read_are_dirty_once_written)
{
	start_long(&self->vcpu, read_upwards);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_FALSE(is_dirty(&self->bitmap, 4));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_TRUE(is_dirty(&self->bitmap, 4));
}

TEST_F(log, fetching_the_log_clears_it)
{
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	expect_two_pages(_metadata, &self->bitmap);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(0, count(&self->bitmap));
}

TEST_F(log, page_written_again_is_dirty_again)
{
	for (int i = 0; i < 3; i++) {
		start_long(&self->vcpu, write_two_pages);
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
		EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
		expect_two_pages(_metadata, &self->bitmap);
	}
}

TEST_F(log, pages_mapped_before_logging_starts_are_logged)
{
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, SIZE, self->memory));
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, MINIVMM_MEM_LOG_DIRTY_PAGES, GPA, SIZE,
				 self->memory));
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	expect_two_pages(_metadata, &self->bitmap);
}

TEST_F(log, huge_page_is_logged_by_small_pages)
{
	__u8 *memory = map_anonymous(SIZE + 2 * MIB);

	memory = (__u8 *)(((unsigned long)memory + 2 * MIB - 1) & -(2 * MIB));
	madvise(memory, SIZE, MADV_HUGEPAGE);
	memset(memory, 1, SIZE);
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 0, NULL));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, SIZE, memory));
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, MINIVMM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, memory));
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	expect_two_pages(_metadata, &self->bitmap);
}

GUEST64(port_string_to_slot,
	"cld; mov $0x40009000, %rdi; mov $4, %ecx; mov $0x10, %dx; rep insb; hlt");

TEST_F(log, memory_written_for_a_port_string_read_is_dirty)
{
	start_long(&self->vcpu, port_string_to_slot);
	do {
		ASSERT_EQ(0, vcpu_run(&self->vcpu));
	} while (self->vcpu.run->exit_reason == MINIVMM_EXIT_IO);
	ASSERT_EQ(MINIVMM_EXIT_HLT, self->vcpu.run->exit_reason);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(1, count(&self->bitmap));
	EXPECT_TRUE(is_dirty(&self->bitmap, 9));
}

TEST_F(log, writes_of_the_process_are_not_logged)
{
	memset(self->memory, 2, SIZE);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(0, count(&self->bitmap));
}

TEST_F(log, slot_without_logging_has_no_log)
{
	EXPECT_EQ(-ENOENT, get_log(&self->vm, 0, &self->bitmap));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, SIZE, self->memory));
	EXPECT_EQ(-ENOENT, get_log(&self->vm, 1, &self->bitmap));
}

TEST_F(log, empty_slot_has_no_log)
{
	EXPECT_EQ(-ENOENT, get_log(&self->vm, 2, &self->bitmap));
}

TEST_F(log, slot_number_must_be_possible)
{
	long slots = capability(self->vm.fd, MINIVMM_CAP_NR_MEMSLOTS);
	long spaces = capability(self->vm.fd, MINIVMM_CAP_MULTI_ADDRESS_SPACE);

	EXPECT_EQ(-EINVAL, get_log(&self->vm, slots, &self->bitmap));
	EXPECT_EQ(-EINVAL, get_log(&self->vm, 0xff << 16, &self->bitmap));
	EXPECT_EQ(-EINVAL, get_log(&self->vm, (spaces ?: 1) << 16, &self->bitmap));
}

TEST_F(log, bad_bitmap_pointer_is_efault)
{
	EXPECT_EQ(-EFAULT, get_log(&self->vm, 1, BAD_POINTER));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_GET_DIRTY_LOG, BAD_POINTER));
}

GUEST64(write_all_pages,
	"2: mov $0x40000000, %rdi; mov $1024, %ecx; 1: incb (%rdi); add $4096, %rdi; loop 1b;"
	"out %al, $0x10; jmp 2b");

TEST_F(log, no_write_is_lost_while_the_log_is_fetched)
{
	struct bitmap all = { 0 };

	start_long(&self->vcpu, write_all_pages);
	for (int round = 0; round < 3; round++) {
		memset(&all, 0, sizeof(all));
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(0, get_log(&self->vm, 1, &all));
		EXPECT_EQ(PAGES, count(&all));
	}
}

static void *fetch_logs(void *arg)
{
	struct vm *vm = arg;
	static struct bitmap sum, one;

	for (int i = 0; i < 20; i++) {
		if (get_log(vm, 1, &one))
			return NULL;
		for (int j = 0; j < PAGES / 64; j++)
			sum.bits[j] |= one.bits[j];
	}
	return &sum;
}

TEST_F(log, logs_fetched_beside_a_running_guest_add_up_to_all_writes)
{
	struct bitmap *sum;
	pthread_t thread;

	start_long(&self->vcpu, write_all_pages);
	ASSERT_EQ(0, pthread_create(&thread, NULL, fetch_logs, &self->vm));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EQ(0, pthread_join(thread, (void **)&sum));
	ASSERT_NE(NULL, sum);
	ASSERT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	for (int i = 0; i < PAGES / 64; i++)
		sum->bits[i] |= self->bitmap.bits[i];
	EXPECT_EQ(PAGES, count(sum));
}

/* Counts in page 3 without an end, or (RSI) writes page 700. */
GUEST64(count_or_write,
	"test %rsi, %rsi; jnz 2f; 1: incq 0x40003000; jmp 1b; 2: movb $7, 0x402bc000; hlt; jmp 2b");

static void wait_until_counted(const volatile __u64 *counter)
{
	for (__u64 seen = *counter; *counter < seen + 2;)
		usleep(100);
}

/* A CPU that still may write without being seen is told, whichever page is the log's last. */
TEST_F(log, a_guest_that_goes_on_writing_is_seen_where_the_last_page_has_gone)
{
	struct minivmm_regs regs;
	struct vcpu writer;

	vcpu_init(&writer, &self->vm, 1);
	start_long(&self->vcpu, count_or_write);
	start_long(&writer, count_or_write);
	regs = vcpu_regs(&writer);
	regs.rsi = 1;
	vcpu_set_regs(&writer, &regs);
	program_spawn(&self->vcpu);
	for (int round = 0; round < 20; round++) {
		EXPECT_EXIT(&writer, MINIVMM_EXIT_HLT);
		wait_until_counted((__u64 *)(self->memory + 3 * PAGE));
		EXPECT_EQ(0, madvise(self->memory + 700 * PAGE, PAGE, MADV_DONTNEED));
		EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
		EXPECT_TRUE(is_dirty(&self->bitmap, 700));
		wait_until_counted((__u64 *)(self->memory + 3 * PAGE));
		EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
		EXPECT_TRUE(is_dirty(&self->bitmap, 3));
	}
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
	vcpu_free(&writer);
}

/* Clearing by hand */

static void enable_manual(struct vm *vm, __u64 flags)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags },
	};
	long ret = call(vm->fd, MINIVMM_ENABLE_CAP, &cap);

	if (ret)
		fatal("ENABLE_CAP: %ld", ret);
}

static long clear_log(struct vm *vm, __u64 first, __u32 pages, void *bitmap)
{
	struct minivmm_clear_dirty_log log = {
		.slot = 1, .first_page = first, .num_pages = pages, .dirty_bitmap = bitmap,
	};

	return call(vm->fd, MINIVMM_CLEAR_DIRTY_LOG, &log);
}

TEST_F(log, manual_log_stays_until_it_is_cleared)
{
	REQUIRE(self->vm.fd, MANUAL_DIRTY_LOG_PROTECT2);
	enable_manual(&self->vm, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	expect_two_pages(_metadata, &self->bitmap);
	EXPECT_EQ(0, clear_log(&self->vm, 0, PAGES, &self->bitmap));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(0, count(&self->bitmap));
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	expect_two_pages(_metadata, &self->bitmap);
}

/* Without it, GET_DIRTY_LOG clears what it gives. */
TEST_F(log, clearing_needs_no_capability_enabled)
{
	struct bitmap clear = { .bits = { 1 << 3 } };

	REQUIRE(self->vm.fd, MANUAL_DIRTY_LOG_PROTECT2);
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, clear_log(&self->vm, 0, 64, &clear));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_FALSE(is_dirty(&self->bitmap, 3));
	EXPECT_TRUE(is_dirty(&self->bitmap, 700));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(0, count(&self->bitmap));
}

TEST_F(log, only_the_named_pages_are_cleared)
{
	struct bitmap clear = { .bits = { 1 << 3 } };

	REQUIRE(self->vm.fd, MANUAL_DIRTY_LOG_PROTECT2);
	enable_manual(&self->vm, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	start_long(&self->vcpu, write_two_pages);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, clear_log(&self->vm, 0, 64, &clear));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_FALSE(is_dirty(&self->bitmap, 3));
	EXPECT_TRUE(is_dirty(&self->bitmap, 700));
}

TEST_F(log, log_may_start_with_every_page_in_it)
{
	void *memory = map_anonymous(SIZE);

	if (!(capability(self->vm.fd, MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2) &
	      MINIVMM_DIRTY_LOG_INITIALLY_SET))
		SKIP(return, "not offered");
	enable_manual(&self->vm, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
		      MINIVMM_DIRTY_LOG_INITIALLY_SET);
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 0, NULL));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, MINIVMM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, memory));
	EXPECT_EQ(0, get_log(&self->vm, 1, &self->bitmap));
	EXPECT_EQ(PAGES, count(&self->bitmap));
}

TEST_F(log, ranges_to_clear_are_checked)
{
	struct bitmap clear = { 0 };
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 1 << 20 },
	};

	REQUIRE(self->vm.fd, MANUAL_DIRTY_LOG_PROTECT2);
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_ENABLE_CAP, &cap));
	enable_manual(&self->vm, MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	EXPECT_EQ(-EINVAL, clear_log(&self->vm, 1, 64, &clear));
	EXPECT_EQ(-EINVAL, clear_log(&self->vm, 0, 65, &clear));
	EXPECT_EQ(-EINVAL, clear_log(&self->vm, 64, PAGES, &clear));
	EXPECT_EQ(-EFAULT, clear_log(&self->vm, 0, 64, BAD_POINTER));
}

TEST_HARNESS_MAIN
