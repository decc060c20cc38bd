// SPDX-License-Identifier: GPL-2.0
/* Exceptions: guest/exceptions.c checks what it gets; what ends the vCPU is seen here. */
#define PROGRAM exceptions
#define CASES "exceptions-cases.h"
#include "cases.h"

GUEST64(triple_fault, "push $0; push $0; lidt (%rsp); ud2");

TEST(fault_without_vectors_shuts_the_vcpu_down)
{
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	start_long(&vcpu, triple_fault);
	EXPECT_EQ(0, vcpu_run(&vcpu));
	EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN, vcpu.run->exit_reason);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

TEST_HARNESS_MAIN
