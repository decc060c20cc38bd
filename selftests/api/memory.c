// SPDX-License-Identifier: GPL-2.0
/* What the guest sees of its memory when slots and host memory change. */
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"

GUEST64(read_slot, "1: movb 0x40000000, %al; out %al, $0x10; jmp 1b");

/* The byte the guest reads at GPA, or -1 if that is MMIO, which is answered with 0xff. */
static int guest_byte(struct vcpu *vcpu)
{
	int byte = -2;

	for (;;) {
		if (vcpu_run(vcpu))
			fatal("RUN");
		if (vcpu->run->exit_reason == MINIVMM_EXIT_MMIO) {
			vcpu->run->mmio.data[0] = 0xff;
			byte = -1;
			continue;
		}
		if (vcpu->run->exit_reason != MINIVMM_EXIT_IO)
			fatal("exit %u", vcpu->run->exit_reason);
		return byte == -1 ? -1 : *(__u8 *)port_data(vcpu);
	}
}

TEST_F(vm, slot_appears_and_disappears_under_a_guest)
{
	__u8 *memory;

	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(-1, guest_byte(&self->vcpu));
	memory = second_slot(&self->vm, 0);
	memory[0] = 7;
	EXPECT_EQ(7, guest_byte(&self->vcpu));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 0, NULL));
	EXPECT_EQ(-1, guest_byte(&self->vcpu));
}

TEST_F(vm, moved_slot_is_found_at_its_new_place)
{
	__u8 *memory = second_slot(&self->vm, 0);

	memory[0] = 7;
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(7, guest_byte(&self->vcpu));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA + 4 * MIB, 2 * MIB, memory));
	EXPECT_EQ(-1, guest_byte(&self->vcpu));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 2 * MIB, memory));
	EXPECT_EQ(7, guest_byte(&self->vcpu));
}

TEST_F(vm, slot_recreated_with_other_memory_shows_it)
{
	__u8 *first = second_slot(&self->vm, 0);
	__u8 *other = map_anonymous(2 * MIB);

	first[0] = 1;
	other[0] = 2;
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(1, guest_byte(&self->vcpu));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 0, NULL));
	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 2 * MIB, other));
	EXPECT_EQ(2, guest_byte(&self->vcpu));
}

TEST_F(vm, discarded_memory_reads_zero)
{
	__u8 *memory = second_slot(&self->vm, 0);

	memory[0] = 7;
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(7, guest_byte(&self->vcpu));
	ASSERT_EQ(0, madvise(memory, 2 * MIB, MADV_DONTNEED));
	EXPECT_EQ(0, guest_byte(&self->vcpu));
	memory[0] = 8;
	EXPECT_EQ(8, guest_byte(&self->vcpu));
}

TEST_F(vm, remapped_memory_is_seen)
{
	__u8 *memory = second_slot(&self->vm, 0);
	__u8 *other = map_anonymous(2 * MIB);

	memory[0] = 1;
	other[0] = 2;
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(1, guest_byte(&self->vcpu));
	ASSERT_EQ(memory, mremap(other, 2 * MIB, 2 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, memory));
	EXPECT_EQ(2, guest_byte(&self->vcpu));
}

TEST_F(vm, read_fault_does_not_make_a_page_of_a_fork_shared)
{
	__u8 *memory = second_slot(&self->vm, 0);

	memory[0] = 1;
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(1, guest_byte(&self->vcpu));
	if (!fork())
		_exit(0);	/* leaves the page copy-on-write in the parent */
	memory[0] = 2;
	EXPECT_EQ(2, guest_byte(&self->vcpu));
}

GUEST64(read_upwards, "movb 0x40000000, %al; movb 0x40001000, %al; movb $9, 0x40002000\n"
	"out %al, $0x10; hlt");
GUEST64(write_upwards, "movb $8, 0x40000000; movb $8, 0x40001000; movb $9, 0x40002000\n"
	"out %al, $0x10; hlt");

/* A child, which shares small pages with the slot until one side writes: 0 if it sees no write. */
static pid_t onlooker(__u8 *memory, int *go)
{
	pid_t child;
	char c;

	madvise(memory, 2 * MIB, MADV_NOHUGEPAGE);
	memset(memory, 1, 2 * MIB);
	if (pipe(go) || (child = fork()) < 0)
		fatal("no child");
	if (child)
		return child;
	close(go[1]);
	_exit(read(go[0], &c, 1) || memory[0] != 1 || memory[PAGE] != 1 || memory[2 * PAGE] != 1);
}

static int onlooker_saw(pid_t child, int *go)
{
	int status;

	close(go[0]);
	close(go[1]);
	return waitpid(child, &status, 0) == child ? status : -1;
}

/* A fault behind another brings in more pages than the one touched: the third, before it is written. */
TEST_F(vm, pages_that_came_along_with_a_read_are_copied_when_written)
{
	__u8 *memory = second_slot(&self->vm, 0);
	int go[2];
	pid_t child = onlooker(memory, go);

	memory[0] = 2;
	memory[PAGE] = 2;
	start_long(&self->vcpu, read_upwards);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(9, memory[2 * PAGE]);
	EXPECT_EQ(0, onlooker_saw(child, go));
}

TEST_F(vm, pages_that_came_along_with_a_write_are_copied_when_written)
{
	__u8 *memory = second_slot(&self->vm, 0);
	int go[2];
	pid_t child = onlooker(memory, go);

	start_long(&self->vcpu, write_upwards);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(8, memory[PAGE]);
	EXPECT_EQ(9, memory[2 * PAGE]);
	EXPECT_EQ(0, onlooker_saw(child, go));
}

GUEST64(write_slot,
	"movb $9, 0x40000000; out %al, $0x10; movb 0x40000000, %al; out %al, $0x10; hlt");

TEST_F(vm, write_reaches_host_memory)
{
	__u8 *memory = second_slot(&self->vm, 0);

	start_long(&self->vcpu, write_slot);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(9, memory[0]);
}

TEST_F(vm, two_slots_may_share_host_memory)
{
	__u8 *memory = second_slot(&self->vm, 0);

	EXPECT_EQ(0, vm_set_slot(&self->vm, 2, 0, GPA + 2 * MIB, 2 * MIB, memory));
	start_long(&self->vcpu, write_slot);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(9, memory[0]);
}

TEST_F(vm, write_to_a_read_only_slot_is_mmio)
{
	__u8 *memory = second_slot(&self->vm, MINIVMM_MEM_READONLY);

	memory[0] = 7;
	start_long(&self->vcpu, write_slot);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(1, self->vcpu.run->mmio.is_write);
	EXPECT_EQ(GPA, self->vcpu.run->mmio.phys_addr);
	EXPECT_EQ(9, self->vcpu.run->mmio.data[0]);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(7, memory[0]);
	/* The read that follows needs no exit. */
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(7, *(__u8 *)port_data(&self->vcpu));
}

TEST_F(vm, read_only_slot_may_be_of_read_only_memory)
{
	void *memory = mmap(NULL, 2 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, MINIVMM_MEM_READONLY, GPA, 2 * MIB, memory));
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(0, guest_byte(&self->vcpu));
}

TEST_F(vm, write_to_memory_the_process_may_not_write_is_efault)
{
	void *memory = mmap(NULL, 2 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, 2 * MIB, memory));
	start_long(&self->vcpu, write_slot);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->vcpu));
}

TEST_F(vm, protection_taken_from_a_mapped_page_is_respected)
{
	__u8 *memory = second_slot(&self->vm, 0);

	start_long(&self->vcpu, write_slot);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EQ(0, mprotect(memory, 2 * MIB, PROT_READ));
	start_long(&self->vcpu, write_slot);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->vcpu));
}

GUEST64(execute_slot, "mov $0x40000000, %rax; jmp *%rax");

TEST_F(vm, code_runs_from_a_second_slot)
{
	__u8 *memory = second_slot(&self->vm, 0);

	memory[0] = 0xf4;	/* hlt */
	start_long(&self->vcpu, execute_slot);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(GPA + 1, vcpu_regs(&self->vcpu).rip);
}

/* Memory of other kinds */

static void expect_guest_memory(struct __test_metadata *_metadata, struct vm *vm,
				struct vcpu *vcpu, __u8 *memory)
{
	ASSERT_EQ(0, vm_set_slot(vm, 1, 0, GPA, 2 * MIB, memory));
	memory[0] = 5;
	start_long(vcpu, read_slot);
	EXPECT_EQ(5, guest_byte(vcpu));
	start_long(vcpu, write_slot);
	EXPECT_EXIT(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(9, memory[0]);
}

/*
 * Instructions that exit, in so many pages, of two or three bytes: where the module looks for the
 * length itself, what it has seen of another slot's memory must be gone. As often as it may count.
 */
#define EXITS_IN_PAGES(name, pages, cpuid)						\
	GUEST64(name, "1: xor %ebx, %ebx; mov %ebx, %ebp\n .rept " pages "\n"		\
		"xor %eax, %eax; " cpuid "; inc %ebp; jmp 2f; .skip 4080; 2:\n .endr\n"	\
		"mov %ebp, %eax; out %al, $0x10; jmp 1b")
EXITS_IN_PAGES(short_in_70, "70", "cpuid; nop");
EXITS_IN_PAGES(long_in_70, "70", ".byte 0x48; cpuid");
EXITS_IN_PAGES(short_in_3, "3", "cpuid; nop");
EXITS_IN_PAGES(long_in_3, "3", ".byte 0x48; cpuid");

static bool runs_from_either(struct vcpu *vcpu, const __u8 *codes[2], size_t size, int pages,
			     int rounds)
{
	__u8 *memory[2];
	bool good = true;

	for (int i = 0; i < 2; i++) {
		memory[i] = map_anonymous(2 * MIB);
		memcpy(memory[i], codes[i], size);
	}
	for (int round = 0; round < rounds && good; round++) {
		if (vm_set_slot(vcpu->vm, 1, 0, GPA, 2 * MIB, memory[round % 2]))
			fatal("second slot");
		vcpu_enter_long(vcpu, GPA);
		good = !vcpu_run(vcpu) && vcpu->run->exit_reason == MINIVMM_EXIT_IO &&
		       *(__u8 *)port_data(vcpu) == pages;
		vm_set_slot(vcpu->vm, 1, 0, GPA, 0, NULL);
	}
	for (int i = 0; i < 2; i++)
		munmap(memory[i], 2 * MIB);
	return good;
}

TEST_F(vm, instructions_that_exit_are_looked_at_in_the_memory_that_is_there)
{
	EXPECT_TRUE(runs_from_either(&self->vcpu, (const __u8 *[]){ short_in_70, long_in_70 },
				     short_in_70_end - short_in_70, 70, 40));
	EXPECT_TRUE(runs_from_either(&self->vcpu, (const __u8 *[]){ short_in_3, long_in_3 },
				     short_in_3_end - short_in_3, 3, 4200));
}

TEST_F(vm, shared_memory_file_backs_a_slot)
{
	int fd = memfd_create("slot", 0);
	__u8 *memory;

	ASSERT_EQ(0, ftruncate(fd, 2 * MIB));
	memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, memory);
	expect_guest_memory(_metadata, &self->vm, &self->vcpu, memory);
}

TEST_F(vm, hole_punched_into_a_memory_file_reads_zero)
{
	int fd = memfd_create("slot", 0);
	__u8 *memory;

	ASSERT_EQ(0, ftruncate(fd, 2 * MIB));
	memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect_guest_memory(_metadata, &self->vm, &self->vcpu, memory);
	ASSERT_EQ(0, madvise(memory, 2 * MIB, MADV_REMOVE));
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(0, guest_byte(&self->vcpu));
}

TEST_F(vm, huge_page_backs_a_slot)
{
	__u8 *memory = map_anonymous(4 * MIB);

	memory = (__u8 *)(((unsigned long)memory + 2 * MIB - 1) & -(2 * MIB));
	madvise(memory, 2 * MIB, MADV_HUGEPAGE);
	expect_guest_memory(_metadata, &self->vm, &self->vcpu, memory);
	ASSERT_EQ(0, madvise(memory, PAGE, MADV_DONTNEED));	/* splits it */
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(0, guest_byte(&self->vcpu));
}

TEST_F(vm, hugetlb_page_backs_a_slot)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "w");
	void *memory;

	if (file) {
		fputs("4", file);
		fclose(file);
	}
	memory = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		SKIP(return, "no hugetlb pages");
	expect_guest_memory(_metadata, &self->vm, &self->vcpu, memory);
}

/* A page of some device's registers, which the kernel has no struct page for, or NULL. */
static volatile __u8 *map_device(void)
{
	void *registers = MAP_FAILED;
	glob_t files;

	if (glob("/sys/bus/pci/devices/*/resource[0-5]", 0, NULL, &files))
		return NULL;
	for (size_t i = 0; i < files.gl_pathc && registers == MAP_FAILED; i++) {
		int fd = open(files.gl_pathv[i], O_RDWR);

		registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	globfree(&files);
	return registers == MAP_FAILED ? NULL : registers;
}

TEST_F(vm, device_registers_back_a_slot)
{
	volatile __u8 *registers = map_device();

	if (!registers)
		SKIP(return, "no PCI device with memory");
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, GPA, PAGE, (void *)registers));
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(registers[0], guest_byte(&self->vcpu));
	ASSERT_EQ(0, munmap((void *)registers, PAGE));
	EXPECT_EQ(-EFAULT, vcpu_run(&self->vcpu));
}

static volatile siginfo_t poison;

static void note_poison(int signal, siginfo_t *info, void *context)
{
	poison = *info;
}

TEST_F(vm, access_to_a_poisoned_page_is_sigbus)
{
	struct sigaction action = { .sa_sigaction = note_poison, .sa_flags = SA_SIGINFO };
	__u8 *memory = second_slot(&self->vm, 0);

	memory[0] = 7;
	start_long(&self->vcpu, read_slot);
	EXPECT_EQ(7, guest_byte(&self->vcpu));
	sigaction(SIGBUS, &action, NULL);
	if (madvise(memory, PAGE, MADV_HWPOISON))
		SKIP(return, "the kernel cannot poison pages");
	poison.si_code = 0;	/* newer kernels signal the call itself, too */
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(BUS_MCEERR_AR, poison.si_code);
	EXPECT_EQ(memory, poison.si_addr);
	/* What a VMM does about it: give the guest another page. */
	ASSERT_EQ(memory, mmap(memory, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(0, guest_byte(&self->vcpu));
}

/* The identity map and the task state segment */

TEST_F(chip, tss_address_leaves_room_below_4_gib)
{
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_TSS_ADDR, 0xfffbd000));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_TSS_ADDR, 0xffffffff));
}

TEST(identity_map_address_is_set_before_the_first_vcpu)
{
	__u64 address = 0xfffbc000;
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	EXPECT_EQ(0, call(vm.fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &address));
	EXPECT_EQ(-EFAULT, call(vm.fd, MINIVMM_SET_IDENTITY_MAP_ADDR, BAD_POINTER));
	vcpu_init(&vcpu, &vm, 0);
	EXPECT_EQ(-EINVAL, call(vm.fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &address));
}

TEST_HARNESS_MAIN
