// SPDX-License-Identifier: GPL-2.0
/* Creation, mapping and end of vCPUs and VMs: files closed in any order, other processes. */
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"

GUEST16(out_and_halt, "mov $0x5a, %al; out %al, $0x10; hlt");

TEST_F(vm, vcpu_id_is_unique)
{
	EXPECT_EQ(-EEXIST, call(self->vm.fd, MINIVMM_CREATE_VCPU, 0));
}

TEST_F(vm, vcpu_id_is_below_the_maximum)
{
	long limit = capability(self->vm.fd, MINIVMM_CAP_MAX_VCPU_ID);

	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_CREATE_VCPU, limit));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_CREATE_VCPU, limit + 1));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_CREATE_VCPU, -1));
}

TEST(vm_has_255_vcpus)
{
	struct vm vm;
	static int fds[255];

	vm_init(&vm, GUEST_MEMORY);
	vm_add_irqchip(&vm);
	for (int i = 0; i < 255; i++) {
		fds[i] = call(vm.fd, MINIVMM_CREATE_VCPU, i);
		ASSERT_LE(0, fds[i]);
	}
	for (int i = 0; i < 255; i++)
		close(fds[i]);
	vm_free(&vm);
}

TEST(vcpu_ids_need_no_order)
{
	struct vm vm;
	struct vcpu high, low;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&high, &vm, 7);
	vcpu_init(&low, &vm, 3);
	start_real(&low, out_and_halt);
	EXPECT_EXIT(&low, MINIVMM_EXIT_IO);
	start_real(&high, out_and_halt);
	EXPECT_EXIT(&high, MINIVMM_EXIT_IO);
}

static sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, 1);
}

/* Maps a page of the vCPU file and touches it; false if either is refused. */
static bool page_is_usable(int fd, unsigned long page)
{
	volatile __u8 *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page * PAGE);
	bool usable = false;

	if (p == MAP_FAILED)
		return false;
	signal(SIGBUS, on_bus_error);
	if (!sigsetjmp(bus_error, 1)) {
		(void)*p;
		usable = true;
	}
	signal(SIGBUS, SIG_DFL);
	munmap((void *)p, PAGE);
	return usable;
}

TEST_F(vm, vcpu_file_maps_run_and_pio_pages_and_nothing_beyond)
{
	EXPECT_TRUE(page_is_usable(self->vcpu.fd, 0));
	EXPECT_TRUE(page_is_usable(self->vcpu.fd, MINIVMM_PIO_PAGE_OFFSET));
	if (capability(self->vm.device, MINIVMM_CAP_COALESCED_MMIO) > 0) {
		EXPECT_TRUE(page_is_usable(self->vcpu.fd, MINIVMM_COALESCED_MMIO_PAGE_OFFSET));
	}
	EXPECT_FALSE(page_is_usable(self->vcpu.fd, 5));
	EXPECT_FALSE(page_is_usable(self->vcpu.fd, 1UL << 40));
}

TEST_F(vm, mapping_outlives_the_vcpu_file)
{
	int fd = call(self->vm.fd, MINIVMM_CREATE_VCPU, 1);
	struct minivmm_run *run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ASSERT_NE(MAP_FAILED, run);
	close(fd);
	run->immediate_exit = 1;
	EXPECT_EQ(1, run->immediate_exit);
	munmap(run, PAGE);
}

TEST(vcpu_runs_after_vm_and_device_files_are_closed)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_real(&vcpu, out_and_halt);
	close(vm.fd);
	close(vm.device);
	EXPECT_EXIT(&vcpu, MINIVMM_EXIT_IO);
	close(vcpu.fd);
}

TEST(vm_lives_after_device_and_vcpu_files_are_closed)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	close(vm.device);
	close(vcpu.fd);
	EXPECT_EQ(-EEXIST, call(vm.fd, MINIVMM_CREATE_VCPU, 0));
	EXPECT_LE(0, call(vm.fd, MINIVMM_CREATE_VCPU, 1));
	close(vm.fd);
}

TEST(run_page_survives_all_files)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	close(vcpu.fd);
	close(vm.fd);
	close(vm.device);
	vcpu.run->cr8 = 3;
	EXPECT_EQ(3, vcpu.run->cr8);
	munmap(vcpu.run, vcpu.run_size);
}

/* The result of a call made by another process, in which it is the child's exit status. */
static int errno_in_child(int fd, unsigned long nr, void *arg)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(-call(fd, nr, arg));
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

TEST_F(vm, another_process_gets_eio)
{
	struct minivmm_regs regs;

	EXPECT_EQ(EIO, errno_in_child(self->vcpu.fd, MINIVMM_RUN, NULL));
	EXPECT_EQ(EIO, errno_in_child(self->vcpu.fd, MINIVMM_GET_REGS, &regs));
	EXPECT_EQ(EIO, errno_in_child(self->vm.fd, MINIVMM_CREATE_VCPU, (void *)1));
	EXPECT_EQ(EIO, errno_in_child(self->vm.fd, MINIVMM_CHECK_EXTENSION, NULL));
	EXPECT_EQ(0, errno_in_child(self->vm.device, MINIVMM_CHECK_EXTENSION, (void *)5));
}

TEST(owner_may_exit_while_another_process_holds_the_files)
{
	int ready[2];
	pid_t owner;
	int status;

	ASSERT_EQ(0, pipe(ready));
	owner = fork();
	if (!owner) {
		struct vm vm;
		struct vcpu vcpu;

		vm_init(&vm, GUEST_MEMORY);
		vcpu_init(&vcpu, &vm, 0);
		start_real(&vcpu, out_and_halt);
		if (!fork()) {
			/* Outlives the owner, then closes the last references. */
			close(ready[0]);
			usleep(200000);
			_exit(call(vm.fd, MINIVMM_CHECK_EXTENSION, 0) != -EIO);
		}
		_exit(vcpu_run(&vcpu) != 0);
	}
	close(ready[1]);
	ASSERT_EQ(owner, waitpid(owner, &status, 0));
	EXPECT_EQ(0, status);
	/* End of file: the grandchild is gone too. */
	EXPECT_EQ(0, read(ready[0], &status, 1));
}

TEST(two_vms_do_not_share_anything)
{
	struct vm a, b;
	struct vcpu vcpu_a, vcpu_b;
	struct minivmm_regs regs = { .rflags = 2, .rax = 1 };

	vm_init(&a, GUEST_MEMORY);
	vm_init(&b, GUEST_MEMORY);
	vcpu_init(&vcpu_a, &a, 0);
	vcpu_init(&vcpu_b, &b, 0);
	start_real(&vcpu_a, out_and_halt);
	start_real(&vcpu_b, out_and_halt);
	EXPECT_EXIT(&vcpu_a, MINIVMM_EXIT_IO);
	vcpu_set_regs(&vcpu_b, &regs);
	EXPECT_EXIT(&vcpu_a, MINIVMM_EXIT_HLT);
	EXPECT_EXIT(&vcpu_b, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x5a, *(__u8 *)port_data(&vcpu_b));
}

TEST(many_vms_come_and_go)
{
	for (int i = 0; i < 50; i++) {
		struct vm vm;
		struct vcpu vcpu;

		vm_init(&vm, GUEST_MEMORY);
		if (i & 1)
			vm_add_irqchip(&vm);
		vcpu_init(&vcpu, &vm, 0);
		start_real(&vcpu, out_and_halt);
		ASSERT_EXIT(&vcpu, MINIVMM_EXIT_IO);
		vcpu_free(&vcpu);
		vm_free(&vm);
	}
}

TEST_HARNESS_MAIN
