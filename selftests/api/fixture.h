/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two machines most tests start from: "vm" has memory and a vCPU, "chip"
 * also has the in-kernel interrupt controllers. Included once per program.
 */
#ifndef API_FIXTURE_H
#define API_FIXTURE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest_code.h"
#include "program.h"

/* An address no process has mapped, for EFAULT. */
#define BAD_POINTER	((void *)0x10)

/* At file level: no test of this program runs where @condition is true. */
#define SKIP_ALL_IF(condition, reason)						\
static void __attribute__((constructor)) skip_all(void)				\
{										\
	if (condition)								\
		ksft_exit_skip(reason "\n");					\
}

FIXTURE(vm) {
	struct vm vm;
	struct vcpu vcpu;
};

FIXTURE_SETUP(vm)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vcpu_init(&self->vcpu, &self->vm, 0);
}

FIXTURE_TEARDOWN(vm)
{
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
}

FIXTURE(chip) {
	struct vm vm;
	struct vcpu vcpu;
};

FIXTURE_SETUP(chip)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vm_add_irqchip(&self->vm);
	vcpu_init(&self->vcpu, &self->vm, 0);
}

FIXTURE_TEARDOWN(chip)
{
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
}

/* The bytes of a port exit, in the run page's I/O page. */
static inline void *port_data(struct vcpu *vcpu)
{
	return (__u8 *)vcpu->run + vcpu->run->io.data_offset;
}

/* Runs and expects an exit. */
#define EXPECT_EXIT(vcpu, reason)						\
do {										\
	EXPECT_EQ(0, vcpu_run(vcpu));						\
	EXPECT_EQ(reason, (vcpu)->run->exit_reason);				\
} while (0)

#define ASSERT_EXIT(vcpu, reason)						\
do {										\
	ASSERT_EQ(0, vcpu_run(vcpu));						\
	ASSERT_EQ(reason, (vcpu)->run->exit_reason);				\
} while (0)

/* Skips a test of something that the device does not offer. */
#define REQUIRE(fd, cap)							\
do {										\
	if (capability(fd, MINIVMM_CAP_##cap) <= 0)				\
		SKIP(return, "no " #cap);					\
} while (0)

/* Where tests put a slot of their own: number 1. */
#define GPA	0x40000000UL

/* It, of 2 MiB; returns its memory. */
static inline void *second_slot(struct vm *vm, __u32 flags)
{
	void *memory = map_anonymous(2 * MIB);
	long ret = vm_set_slot(vm, 1, flags, GPA, 2 * MIB, memory);

	if (ret)
		fatal("second slot: %ld", ret);
	return memory;
}

#endif
