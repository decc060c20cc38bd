// SPDX-License-Identifier: GPL-2.0
/* MINIVMM_GET_LAST_ERROR: every refusal names its field, value and rule. Skipped on KVM. */
#include <sys/eventfd.h>

#include "fixture.h"

FIXTURE(record) {
	struct vm vm;
	struct vcpu vcpu;
};

FIXTURE_SETUP(record)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vcpu_init(&self->vcpu, &self->vm, 0);
}

FIXTURE_TEARDOWN(record)
{
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
}

TEST_F(record, nothing_was_refused_at_first)
{
	EXPECT_EQ(0, last_error(self->vm.fd).code);
	EXPECT_EQ(0, last_error(self->vcpu.fd).code);
	EXPECT_EQ(sizeof(struct minivmm_last_error), last_error(self->vm.fd).size);
}

TEST_F(record, refused_slot_names_field_value_and_rule)
{
	struct minivmm_last_error error;

	ASSERT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, 0x40000123, MIB, self->vm.memory));
	error = last_error(self->vm.fd);
	EXPECT_EQ(EINVAL, error.code);
	EXPECT_EQ(_IOC_NR(MINIVMM_SET_USER_MEMORY_REGION), error.source);
	EXPECT_STREQ("guest_phys_addr", error.field);
	EXPECT_EQ(0x40000123, error.value);
	EXPECT_NE(0, error.rule[0]);
}

TEST_F(record, refused_register_names_field_value_and_rule)
{
	struct minivmm_sregs sregs = vcpu_sregs(&self->vcpu);
	struct minivmm_last_error error;

	sregs.cr0 |= 1UL << 40;
	ASSERT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
	error = last_error(self->vcpu.fd);
	EXPECT_EQ(EINVAL, error.code);
	EXPECT_EQ(_IOC_NR(MINIVMM_SET_SREGS), error.source);
	EXPECT_STREQ("cr0", error.field);
	EXPECT_EQ(sregs.cr0, error.value);
}

TEST_F(record, refused_msr_of_a_list_is_named)
{
	struct minivmm_last_error error;

	ASSERT_EQ(0, vcpu_set_msr(&self->vcpu, 0x0badbad0, 1));
	error = last_error(self->vcpu.fd);
	EXPECT_EQ(_IOC_NR(MINIVMM_SET_MSRS), error.source);
	EXPECT_EQ(0x0badbad0, error.value);
}

TEST_F(record, refused_irqfd_names_what_is_wrong)
{
	struct minivmm_irqfd in = { .gsi = 5, .resamplefd = 999, .flags = MINIVMM_IRQFD_FLAG_RESAMPLE };
	struct minivmm_last_error error;
	struct vm vm;

	vm_init(&vm, MIB);
	vm_add_irqchip(&vm);
	in.fd = eventfd(0, 0);
	ASSERT_EQ(-EBADF, call(vm.fd, MINIVMM_IRQFD, &in));
	error = last_error(vm.fd);
	EXPECT_EQ(EBADF, error.code);
	EXPECT_STREQ("resamplefd", error.field);
	EXPECT_EQ(999, error.value);

	in.flags = 0;
	ASSERT_EQ(0, call(vm.fd, MINIVMM_IRQFD, &in));
	ASSERT_EQ(-EBUSY, call(vm.fd, MINIVMM_IRQFD, &in));
	error = last_error(vm.fd);
	EXPECT_STREQ("gsi", error.field);
	EXPECT_EQ(5, error.value);
	close(in.fd);
	vm_free(&vm);
}

TEST_F(record, record_stays_until_the_next_refusal)
{
	struct minivmm_sregs sregs = vcpu_sregs(&self->vcpu);
	struct minivmm_last_error first, second;

	sregs.cr0 |= 1UL << 40;
	ASSERT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));
	first = last_error(self->vcpu.fd);
	vcpu_regs(&self->vcpu);		/* a call that succeeds */
	second = last_error(self->vcpu.fd);
	EXPECT_EQ(0, memcmp(&first, &second, sizeof(first)));
}

TEST_F(record, vm_and_vcpu_have_their_own_records)
{
	ASSERT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, 1, MIB, self->vm.memory));
	EXPECT_EQ(0, last_error(self->vcpu.fd).code);
}

TEST_F(record, text_always_ends)
{
	struct minivmm_last_error error;

	vm_set_slot(&self->vm, 1, 0, 1, MIB, self->vm.memory);
	error = last_error(self->vm.fd);
	EXPECT_NE(NULL, memchr(error.field, 0, sizeof(error.field)));
	EXPECT_NE(NULL, memchr(error.rule, 0, sizeof(error.rule)));
}

/* A caller that was built against another version of the structure. */
struct other_version {
	struct minivmm_last_error known;
	__u64 more[4];
};

TEST_F(record, shorter_structure_is_filled_as_far_as_it_goes)
{
	struct other_version caller;

	memset(&caller, 0xaa, sizeof(caller));
	caller.known.size = 24;
	ASSERT_EQ(-EINVAL, vm_set_slot(&self->vm, 1, 0, 1, MIB, self->vm.memory));
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_GET_LAST_ERROR, &caller));
	EXPECT_EQ(EINVAL, caller.known.code);
	EXPECT_EQ(1, caller.known.value);
	EXPECT_EQ((char)0xaa, caller.known.field[0]);
}

TEST_F(record, longer_structure_is_accepted_if_its_rest_is_zero)
{
	struct other_version caller = { .known.size = sizeof(caller) };

	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_GET_LAST_ERROR, &caller));
	EXPECT_EQ(sizeof(caller.known), caller.known.size);
	caller.known.size = sizeof(caller);
	caller.more[2] = 1;
	EXPECT_EQ(-E2BIG, call(self->vm.fd, MINIVMM_GET_LAST_ERROR, &caller));
}

TEST_F(record, impossible_sizes_are_refused)
{
	struct minivmm_last_error error = { .size = 8 };

	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_GET_LAST_ERROR, &error));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_GET_LAST_ERROR, BAD_POINTER));
}

SKIP_ALL_IF(!device_is_minivmm(device_open()), "the device is not minivmm")

TEST_HARNESS_MAIN
