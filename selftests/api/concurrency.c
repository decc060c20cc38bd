// SPDX-License-Identifier: GPL-2.0
/* Calls from several threads at once, and calls that are not quite calls. */
#include "fixture.h"

#define COUNTER		0x800	/* offset from GUEST_CODE */
GUEST16(spin, "1: incw %cs:0x800; jmp 1b");
GUEST16(halt, "hlt");

struct request {
	struct vcpu *vcpu;
	long result;
	struct minivmm_regs regs;
};

/* Returns once the guest has been seen to run. */
static void wait_for_guest(struct vm *vm)
{
	volatile __u16 *counter = (void *)((char *)vm->memory + GUEST_CODE + COUNTER);

	while (!*counter)
		usleep(1000);
}

static void *get_regs_thread(void *arg)
{
	struct request *request = arg;

	request->result = call(request->vcpu->fd, MINIVMM_GET_REGS, &request->regs);
	return NULL;
}

TEST_F(vm, calls_on_a_running_vcpu_wait_for_the_end_of_run)
{
	struct request request = { .vcpu = &self->vcpu, .result = 1 };
	pthread_t thread;

	start_real(&self->vcpu, spin);
	program_spawn(&self->vcpu);
	wait_for_guest(&self->vm);
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_regs_thread, &request));
	usleep(50000);
	EXPECT_EQ(1, request.result);
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, request.result);
	EXPECT_GT(8, request.regs.rip);	/* in the loop */
}

TEST_F(vm, vcpu_may_change_its_thread)
{
	start_real(&self->vcpu, halt);
	for (int i = 0; i < 4; i++) {
		struct minivmm_regs regs = { .rflags = 2 };

		vcpu_set_regs(&self->vcpu, &regs);
		program_spawn(&self->vcpu);
		EXPECT_EQ(MINIVMM_EXIT_HLT, program_join(&self->vcpu));
	}
}

TEST_F(vm, slots_change_while_a_vcpu_runs)
{
	void *memory = map_anonymous(2 * MIB);

	start_real(&self->vcpu, spin);
	program_spawn(&self->vcpu);
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, 0x40000000, 2 * MIB, memory));
		ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, 0x40000000, 0, NULL));
	}
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
}

static void *create_vcpus_thread(void *arg)
{
	struct vm *vm = arg;
	long created = 0;

	for (int id = 1; id < 20; id++) {
		long fd = call(vm->fd, MINIVMM_CREATE_VCPU, id);

		created += fd >= 0;
	}
	return (void *)created;
}

TEST_F(vm, racing_creations_make_each_vcpu_once)
{
	pthread_t threads[4];
	long created = 0;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, create_vcpus_thread, &self->vm));
	for (int i = 0; i < 4; i++) {
		void *result;

		ASSERT_EQ(0, pthread_join(threads[i], &result));
		created += (long)result;
	}
	EXPECT_EQ(19, created);
}

TEST_F(vm, files_closed_under_a_running_vcpu_do_no_harm)
{
	start_real(&self->vcpu, spin);
	program_spawn(&self->vcpu);
	usleep(20000);
	close(self->vcpu.fd);
	close(self->vm.fd);
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
}

TEST_F(chip, signals_wake_all_halted_vcpus)
{
	struct vcpu vcpus[4];

	for (int i = 0; i < 4; i++) {
		vcpu_init(&vcpus[i], &self->vm, i + 1);
		start_real(&vcpus[i], halt);
		program_spawn(&vcpus[i]);
	}
	usleep(50000);
	for (int i = 0; i < 4; i++)
		program_kick(&vcpus[i]);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(-EINTR, program_join(&vcpus[i]));
}

TEST_F(vm, run_page_scribbled_by_userspace_harms_nobody)
{
	start_real(&self->vcpu, halt);
	memset(self->vcpu.run, 0xff, self->vcpu.run_size);
	self->vcpu.run->immediate_exit = 0;
	self->vcpu.run->kvm_valid_regs = 0;
	self->vcpu.run->kvm_dirty_regs = 0;
	self->vcpu.run->request_interrupt_window = 0;
	self->vcpu.run->cr8 = 0;
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST16(in_then_halt, "in $0x10, %al; hlt");

TEST_F(vm, exit_description_changed_by_userspace_is_not_believed)
{
	start_real(&self->vcpu, in_then_halt);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	self->vcpu.run->io.size = 4;
	self->vcpu.run->io.count = 1000000;
	self->vcpu.run->io.direction = MINIVMM_EXIT_IO_OUT;
	self->vcpu.run->exit_reason = MINIVMM_EXIT_MMIO;
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

TEST_F(vm, call_number_with_another_size_is_another_call)
{
	static __u8 buffer[16384];
	long ret;

	ret = call(self->vcpu.fd, _IOR(MINIVMMIO, 0x81, __u64), buffer);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(self->vcpu.fd, _IOW(MINIVMMIO, 0x84, __u64), buffer);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(self->vm.fd, _IOW(MINIVMMIO, 0x46, __u64), buffer);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(self->vcpu.fd, _IO('T', 0x80), 0);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
}

TEST_F(vm, reads_and_writes_of_the_files_are_refused)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->vm.fd, &byte, 1));
	EXPECT_EQ(-1, write(self->vm.fd, &byte, 1));
	EXPECT_EQ(-1, read(self->vcpu.fd, &byte, 1));
	EXPECT_EQ(-1, write(self->vcpu.fd, &byte, 1));
	EXPECT_EQ(-1, read(self->vm.device, &byte, 1));
}

TEST_HARNESS_MAIN
