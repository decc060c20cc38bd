// SPDX-License-Identifier: GPL-2.0
/*
 * The shortest way through the interface, in the order in which a new backend
 * comes to life: open, create, map, run. Everything else builds on these.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest_code.h"
#include "program.h"

GUEST16(out_and_halt, "mov $0x5a, %al; out %al, $0x10; hlt");

TEST(api_version_is_12)
{
	int device = device_open();

	EXPECT_EQ(12, call(device, MINIVMM_GET_API_VERSION, 0));
	EXPECT_EQ(-EINVAL, call(device, MINIVMM_GET_API_VERSION, 1));
}

TEST(vm_is_created_and_closed)
{
	struct vm vm;

	vm_init(&vm, 0);
	EXPECT_LE(0, vm.fd);
	EXPECT_EQ(0, close(vm.fd));
}

TEST(memory_slot_is_added_and_removed)
{
	struct vm vm;
	void *memory = map_anonymous(MIB);

	vm_init(&vm, 0);
	EXPECT_EQ(0, vm_set_slot(&vm, 0, 0, 0, MIB, memory));
	EXPECT_EQ(0, vm_set_slot(&vm, 0, 0, 0, 0, NULL));
	vm_free(&vm);
}

TEST(vcpu_is_created_and_its_run_page_mapped)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	EXPECT_LE(sizeof(struct minivmm_run), vcpu.run_size);
	EXPECT_EQ(0, vcpu.run->immediate_exit);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

TEST(vcpu_starts_at_the_reset_vector)
{
	struct vm vm;
	struct vcpu vcpu;
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	sregs = vcpu_sregs(&vcpu);
	regs = vcpu_regs(&vcpu);
	EXPECT_EQ(0xfff0, regs.rip);
	EXPECT_EQ(2, regs.rflags);
	EXPECT_EQ(0xf000, sregs.cs.selector);
	EXPECT_EQ(0xffff0000, sregs.cs.base);
	EXPECT_EQ(0x60000010, sregs.cr0);
	EXPECT_EQ(0, sregs.efer);
}

TEST(sregs_and_regs_are_set)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_real(&vcpu, out_and_halt);
	EXPECT_EQ(GUEST_CODE, vcpu_sregs(&vcpu).cs.base);
	EXPECT_EQ(0, vcpu_regs(&vcpu).rip);
}

TEST(port_write_exits_with_its_byte)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_real(&vcpu, out_and_halt);
	ASSERT_EQ(0, vcpu_run(&vcpu));
	ASSERT_EQ(MINIVMM_EXIT_IO, vcpu.run->exit_reason);
	EXPECT_EQ(MINIVMM_EXIT_IO_OUT, vcpu.run->io.direction);
	EXPECT_EQ(1, vcpu.run->io.size);
	EXPECT_EQ(1, vcpu.run->io.count);
	EXPECT_EQ(0x10, vcpu.run->io.port);
	EXPECT_EQ(PAGE * MINIVMM_PIO_PAGE_OFFSET, vcpu.run->io.data_offset);
	EXPECT_EQ(0x5a, *((__u8 *)vcpu.run + vcpu.run->io.data_offset));
}

TEST(halt_exits_without_interrupt_controllers)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_real(&vcpu, out_and_halt);
	ASSERT_EQ(0, vcpu_run(&vcpu));
	ASSERT_EQ(0, vcpu_run(&vcpu));
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu.run->exit_reason);
	EXPECT_EQ(out_and_halt_end - out_and_halt, vcpu_regs(&vcpu).rip);
}

GUEST32(protected_out, "mov $0x12345678, %eax; out %eax, $0x10; hlt");

TEST(protected_mode_code_runs)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_protected(&vcpu, protected_out);
	ASSERT_EQ(0, vcpu_run(&vcpu));
	ASSERT_EQ(MINIVMM_EXIT_IO, vcpu.run->exit_reason);
	EXPECT_EQ(0x12345678, *(__u32 *)((__u8 *)vcpu.run + vcpu.run->io.data_offset));
}

GUEST64(long_out, "mov $0x100000001, %rax; shr $1, %rax; push %rax; pop %rbx; hlt");

TEST(long_mode_code_runs)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_long(&vcpu, long_out);
	ASSERT_EQ(0, vcpu_run(&vcpu));
	ASSERT_EQ(MINIVMM_EXIT_HLT, vcpu.run->exit_reason);
	EXPECT_EQ(0x80000000, vcpu_regs(&vcpu).rbx);
}

DECLARE_PROGRAM(hello);

TEST(linked_program_prints_and_ends)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	load_program(&vm, hello);
	vcpu_enter_long(&vcpu, GUEST_PROGRAM);
	EXPECT_EQ(PROGRAM_ENDED, program_run(&vcpu));
	EXPECT_EQ(4950, vcpu.result);
}

TEST(linked_program_runs_on_two_vcpus_with_interrupt_controllers)
{
	struct vm vm;
	struct vcpu vcpus[2];

	vm_init(&vm, GUEST_MEMORY);
	vm_add_irqchip(&vm);
	load_program(&vm, hello);
	for (int i = 0; i < 2; i++) {
		vcpu_init(&vcpus[i], &vm, i);
		vcpu_enter_long(&vcpus[i], GUEST_PROGRAM);
	}
	for (int i = 0; i < 2; i++)
		program_spawn(&vcpus[i]);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(PROGRAM_ENDED, program_join(&vcpus[i]));
		EXPECT_EQ(4950 + i, vcpus[i].result);
	}
}

TEST_HARNESS_MAIN
