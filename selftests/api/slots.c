// SPDX-License-Identifier: GPL-2.0
/* Memory slots: what is refused, where they are found, and changes while somebody waits in one. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/syscall.h>

#include "fixture.h"

/* Refusals */

TEST_F(vm, slot_is_page_aligned)
{
	void *memory = map_anonymous(2 * MIB);

	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, MIB + 1, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA + 512, MIB, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, MIB, memory + 512));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, PAGE, memory));
}

TEST_F(vm, slot_number_is_below_the_maximum)
{
	void *memory = map_anonymous(MIB);
	long slots = capability(self->vm.fd, MINIVMM_CAP_NR_MEMSLOTS);

	EXPECT_EQ(0, vm_set_slot(&self->vm, slots - 1, 0, GPA, MIB, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, slots, 0, 2 * GPA, MIB, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 0xffff, 0, 2 * GPA, MIB, memory));
}

TEST_F(vm, address_space_must_exist)
{
	void *memory = map_anonymous(MIB);
	long spaces = capability(self->vm.fd, MINIVMM_CAP_MULTI_ADDRESS_SPACE);

	if (spaces < 1)
		spaces = 1;
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, spaces << 16, 0, GPA, MIB, memory));
}

TEST_F(vm, unknown_flags_are_refused)
{
	void *memory = map_anonymous(MIB);

	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 1 << 4, GPA, MIB, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 1U << 31, GPA, MIB, memory));
}

TEST_F(vm, slots_of_an_address_space_do_not_overlap)
{
	void *memory = map_anonymous(GUEST_MEMORY + 2 * MIB);

	EXPECT_EQ(-EEXIST, vm_set_slot(&self->vm, 1, 0, 0, PAGE, memory));
	EXPECT_EQ(-EEXIST, vm_set_slot(&self->vm, 1, 0, GUEST_MEMORY - PAGE, 2 * PAGE, memory));
	EXPECT_EQ(-EEXIST, vm_set_slot(&self->vm, 1, 0, 0, GUEST_MEMORY + MIB, memory));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GUEST_MEMORY, MIB, memory));
}

TEST_F(vm, address_spaces_are_independent)
{
	void *memory = map_anonymous(MIB);

	if (capability(self->vm.fd, MINIVMM_CAP_MULTI_ADDRESS_SPACE) < 2)
		SKIP(return, "one address space");
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1 << 16, 0, 0, MIB, memory));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1 << 16, 0, 0, 0, NULL));
}

TEST_F(vm, guest_addresses_do_not_wrap)
{
	void *memory = map_anonymous(MIB);

	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, -PAGE, 2 * PAGE, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, 1UL << 62, memory));
}

TEST_F(vm, host_addresses_belong_to_the_process)
{
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, MIB, (void *)(1UL << 63)));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, MIB, (void *)-MIB));
}

TEST_F(vm, deletion_of_an_empty_slot_is_refused)
{
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, 0, 0, NULL));
}

TEST_F(vm, living_slot_keeps_size_memory_and_read_only_flag)
{
	void *memory = second_slot(&self->vm, 0);

	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, MIB, memory));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, GPA, 2 * MIB, memory + PAGE));
	EXPECT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, MINIVMM_MEM_READONLY, GPA, 2 * MIB, memory));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 2 * MIB, memory));
}

TEST_F(vm, move_onto_another_slot_is_refused)
{
	void *memory = second_slot(&self->vm, 0);

	EXPECT_EQ(-EEXIST, vm_set_slot(&self->vm, 1, 0, MIB, 2 * MIB, memory));
}

TEST_F(vm, bad_pointer_is_efault)
{
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_SET_USER_MEMORY_REGION, BAD_POINTER));
}

TEST_F(vm, every_slot_can_be_in_use)
{
	long slots = capability(self->vm.fd, MINIVMM_CAP_NR_MEMSLOTS);
	void *memory = map_anonymous(PAGE);

	if (slots > 512)
		slots = 512;
	for (long i = 1; i < slots; i++)
		ASSERT_EQ(0, vm_set_slot(&self->vm, i, 0, GPA + i * PAGE, PAGE, memory));
	for (long i = 1; i < slots; i++)
		ASSERT_EQ(0, vm_set_slot(&self->vm, i, 0, 0, 0, NULL));
}

/* Slots that come, move and go in no order, and what a list of all pages says of them. */

#define ROOM		64	/* pages from GPA on */
#define NR_IDS		24

struct model {
	struct { unsigned int first, pages; } slot[1 + NR_IDS];	/* pages 0: none */
	unsigned int owner[ROOM];				/* slot id; 0: none */
	__u32 seed;
};

static unsigned int draw(struct model *m, unsigned int below)
{
	m->seed = m->seed * 1664525 + 1013904223;
	return (m->seed >> 16) % below;
}

static void own(struct model *m, unsigned int id, unsigned int owner)
{
	for (unsigned int i = 0; i < m->slot[id].pages; i++)
		m->owner[m->slot[id].first + i] = owner;
}

/* What SET_USER_MEMORY_REGION says of a slot that is to begin at @first, and does. */
static long model_set(struct model *m, unsigned int id, unsigned int first, unsigned int pages)
{
	for (unsigned int i = first; i < first + pages; i++)
		if (m->owner[i] && m->owner[i] != id)
			return -EEXIST;
	own(m, id, 0);
	m->slot[id].first = first;
	m->slot[id].pages = pages;
	own(m, id, id);
	return 0;
}

static long model_delete(struct model *m, unsigned int id)
{
	if (!m->slot[id].pages)
		return -EINVAL;
	own(m, id, 0);
	m->slot[id].pages = 0;
	return 0;
}

/* One change, made to the VM and to the list; false: they disagree. */
static bool change_slot(struct vm *vm, struct model *m, __u8 *memory)
{
	unsigned int id = 1 + draw(m, NR_IDS), pages = m->slot[id].pages, first;

	if (!draw(m, 4))
		return vm_set_slot(vm, id, 0, 0, 0, NULL) == model_delete(m, id);
	pages = pages ?: 1 + draw(m, 4);
	first = draw(m, ROOM - pages);
	return vm_set_slot(vm, id, 0, GPA + first * PAGE, pages * PAGE, memory + id * 4 * PAGE) ==
	       model_set(m, id, first, pages);
}

/* A byte of each page of the room; each slot's memory holds its id. */
GUEST64(read_room, "1: mov $0x40000000, %edx; 2: mov (%rdx), %al; out %al, $0x10\n"
	"add $0x1000, %edx; cmp $0x40040000, %edx; jb 2b; jmp 1b");

/* 0 of nobody's, as MMIO is answered here. */
static unsigned int next_owner(struct vcpu *vcpu)
{
	memset(vcpu->run->mmio.data, 0, sizeof(vcpu->run->mmio.data));
	if (!vcpu_run(vcpu) && vcpu->run->exit_reason == MINIVMM_EXIT_MMIO) {
		memset(vcpu->run->mmio.data, 0, sizeof(vcpu->run->mmio.data));
		vcpu_run(vcpu);
	}
	return vcpu->run->exit_reason == MINIVMM_EXIT_IO ? *(__u8 *)port_data(vcpu) : -1;
}

TEST_F(vm, slots_in_any_order_are_where_they_were_put)
{
	__u8 *memory = map_anonymous((1 + NR_IDS) * 4 * PAGE);
	static struct model m = { .seed = 1 };

	for (unsigned int id = 1; id <= NR_IDS; id++)
		memset(memory + id * 4 * PAGE, id, 4 * PAGE);
	load_code(&self->vm, read_room);
	vcpu_enter_long(&self->vcpu, GUEST_CODE);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < 40; i++)
			ASSERT_TRUE(change_slot(&self->vm, &m, memory));
		for (int page = 0; page < ROOM; page++)
			ASSERT_EQ(m.owner[page], next_owner(&self->vcpu));
	}
}

/* A fault of the guest that waits for userspace, while the slots change. */

GUEST16(read_data, "mov $0x8000, %ax; mov %ax, %ds; mov 0, %al; hlt");

static void *run_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	vcpu->end = vcpu_run(vcpu);
	return NULL;
}

/* -1: not to be had. */
static int watch_page(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register watch = {
		.range = { (unsigned long)page, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &watch))
		return -1;
	return fd;
}

/* The sum of the numbers that stand in @path as @format says. */
static long sum_of(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	char line[200];
	long sum = 0, value;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &value) == 1)
			sum += value;
	if (file)
		fclose(file);
	return sum;
}

/* With the CPUs' own lists of free pages, which may hold tens of MiB. */
static long available_kib(void)
{
	return sum_of("/proc/meminfo", "MemAvailable: %ld") +
	       sum_of("/proc/zoneinfo", " count: %ld") * (long)(PAGE / 1024);
}

#define NR_CHANGES	6000

TEST_F(vm, changes_of_slots_leave_nothing_while_a_fault_waits)
{
	__u8 *page = self->vm.memory + GUEST_DATA, *small = map_anonymous(PAGE);
	struct uffdio_zeropage zero = { .range = { (unsigned long)page, PAGE } };
	struct pollfd poll_fd = { .events = POLLIN };
	long before, after = 0;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM lets each change wait for the fault");
	poll_fd.fd = watch_page(page);
	if (poll_fd.fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, (1UL << 30) + PAGE, PAGE, small));
	start_real(&self->vcpu, read_data);
	ASSERT_EQ(0, pthread_create(&self->vcpu.thread, NULL, run_thread, &self->vcpu));
	ASSERT_EQ(1, poll(&poll_fd, 1, 20000));
	before = available_kib();
	for (int i = 0; i < NR_CHANGES; i++)
		ASSERT_EQ(0, vm_set_slot(&self->vm, 1, i % 2 ? 0 : MINIVMM_MEM_LOG_DIRTY_PAGES,
					 (1UL << 30) + PAGE, PAGE, small));
	/* What RCU frees comes a little later; what the fault holds would stay. */
	for (int i = 0; i < 50; i++) {
		usleep(100000);
		after = available_kib();
		if (before - after < 10000)
			break;
	}
	TH_LOG("%ld KiB are gone", before - after);
	EXPECT_GT(10000, before - after);
	EXPECT_EQ(0, ioctl(poll_fd.fd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(self->vcpu.thread, NULL);
	EXPECT_EQ(0, self->vcpu.end);
	EXPECT_EQ(MINIVMM_EXIT_HLT, self->vcpu.run->exit_reason);
	close(poll_fd.fd);
}

/* The page that it found is of a slot that is gone; the address may be somebody else's by now. */
TEST_F(vm, fault_that_has_waited_takes_the_slot_that_came_meanwhile)
{
	__u8 *page = self->vm.memory + GUEST_DATA, *other = map_anonymous(GUEST_MEMORY);
	struct uffdio_zeropage zero = { .range = { (unsigned long)page, PAGE } };
	struct pollfd poll_fd = { .events = POLLIN };

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM lets the change wait for the fault");
	poll_fd.fd = watch_page(page);
	if (poll_fd.fd < 0)
		SKIP(return, "no userfaultfd");
	start_real(&self->vcpu, read_data);
	memcpy(other, self->vm.memory, GUEST_DATA);
	other[GUEST_DATA] = 0x77;
	ASSERT_EQ(0, pthread_create(&self->vcpu.thread, NULL, run_thread, &self->vcpu));
	ASSERT_EQ(1, poll(&poll_fd, 1, 20000));
	ASSERT_EQ(0, vm_set_slot(&self->vm, 0, 0, 0, 0, NULL));
	ASSERT_EQ(0, vm_set_slot(&self->vm, 0, 0, 0, GUEST_MEMORY, other));
	EXPECT_EQ(0, ioctl(poll_fd.fd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(self->vcpu.thread, NULL);
	EXPECT_EQ(0, self->vcpu.end);
	EXPECT_EQ(MINIVMM_EXIT_HLT, self->vcpu.run->exit_reason);
	EXPECT_EQ(0x77, vcpu_regs(&self->vcpu).rax & 0xff);
	close(poll_fd.fd);
}

static void *translate_thread(void *arg)
{
	struct minivmm_translation translation = { .linear_address = GUEST_DATA };
	struct vcpu *vcpu = arg;

	vcpu->end = call(vcpu->fd, MINIVMM_TRANSLATE, &translation);
	return NULL;
}

struct changes {
	struct vm *vm;
	__u8 *memory;
	volatile int made;
};

static void *change_thread(void *arg)
{
	struct changes *c = arg;

	while (c->made < NR_CHANGES &&
	       !vm_set_slot(c->vm, 1, c->made % 2 ? 0 : MINIVMM_MEM_LOG_DIRTY_PAGES,
			    (1UL << 30) + PAGE, PAGE, c->memory))
		c->made++;
	return NULL;
}

/* How many were made when no other was for half a second. */
static int made_until_it_waits(struct changes *c)
{
	int last;

	do {
		last = c->made;
		usleep(500000);
	} while (c->made != last);
	return last;
}

/*
 * An access by the kernel itself does keep what was replaced since it began. So changes go on
 * for as long as that is little, then they wait for it.
 */
TEST_F(vm, changes_of_slots_wait_when_an_access_keeps_too_much)
{
	__u8 *page = self->vm.memory + GUEST_PAGE_TABLES;
	struct uffdio_zeropage zero = { .range = { (unsigned long)page, PAGE } };
	struct changes changes = { .vm = &self->vm, .memory = map_anonymous(PAGE) };
	struct pollfd poll_fd = { .events = POLLIN };
	pthread_t changer;
	long before;
	int made;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM lets each change wait for the access");
	vcpu_enter_long(&self->vcpu, GUEST_CODE);
	poll_fd.fd = watch_page(page);
	if (poll_fd.fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, madvise(page, PAGE, MADV_DONTNEED));
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, (1UL << 30) + PAGE, PAGE, changes.memory));
	ASSERT_EQ(0, pthread_create(&self->vcpu.thread, NULL, translate_thread, &self->vcpu));
	ASSERT_EQ(1, poll(&poll_fd, 1, 20000));
	before = available_kib();
	ASSERT_EQ(0, pthread_create(&changer, NULL, change_thread, &changes));
	made = made_until_it_waits(&changes);
	TH_LOG("%d changes before they wait, %ld KiB are gone", made, before - available_kib());
	EXPECT_LT(100, made);
	EXPECT_GT(NR_CHANGES, made);
	EXPECT_GT(20000, before - available_kib());
	EXPECT_EQ(0, ioctl(poll_fd.fd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(self->vcpu.thread, NULL);
	pthread_join(changer, NULL);
	EXPECT_EQ(0, self->vcpu.end);
	EXPECT_EQ(NR_CHANGES, changes.made);
	close(poll_fd.fd);
}

TEST_HARNESS_MAIN
