// SPDX-License-Identifier: GPL-2.0
/* SET_CPUID2 and what the guest's CPUID returns. */
#include "fixture.h"

struct cpuid {
	struct minivmm_cpuid2 head;
	struct minivmm_cpuid_entry2 entries[300];
};

GUEST64(ask, "cpuid; hlt");

/* The guest's CPUID of one leaf. */
static struct minivmm_regs guest_cpuid(struct vcpu *vcpu, __u32 leaf, __u32 subleaf)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_CODE;
	regs.rax = leaf;
	regs.rcx = subleaf;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_HLT)
		fatal("CPUID ended with exit %u", vcpu->run->exit_reason);
	return vcpu_regs(vcpu);
}

static long set_cpuid(struct vcpu *vcpu, const struct minivmm_cpuid2 *supported,
		      const struct minivmm_cpuid_entry2 *more)
{
	struct cpuid cpuid = { 0 };

	memcpy(&cpuid, supported,
	       sizeof(*supported) + supported->nent * sizeof(supported->entries[0]));
	if (more)
		cpuid.entries[cpuid.head.nent++] = *more;
	return call(vcpu->fd, MINIVMM_SET_CPUID2, &cpuid);
}

TEST_F(vm, guest_sees_the_entries_that_are_set)
{
	const struct minivmm_cpuid_entry2 own = {
		.function = 0x40001000, .eax = 1, .ebx = 2, .ecx = 3, .edx = 4,
	};
	struct minivmm_cpuid2 *supported = supported_cpuid(self->vm.device);
	struct minivmm_regs regs;

	start_long(&self->vcpu, ask);
	ASSERT_EQ(0, set_cpuid(&self->vcpu, supported, &own));
	regs = guest_cpuid(&self->vcpu, 0x40001000, 0);
	EXPECT_EQ(1, regs.rax);
	EXPECT_EQ(2, regs.rbx);
	EXPECT_EQ(3, regs.rcx);
	EXPECT_EQ(4, regs.rdx);
	free(supported);
}

TEST_F(vm, subleaf_counts_only_where_the_entry_says_so)
{
	const struct minivmm_cpuid_entry2 plain = { .function = 0x40001000, .eax = 7 };
	const struct minivmm_cpuid_entry2 indexed = {
		.function = 0x40001000, .eax = 7, .index = 1,
		.flags = MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
	struct minivmm_cpuid2 *supported = supported_cpuid(self->vm.device);

	start_long(&self->vcpu, ask);
	ASSERT_EQ(0, set_cpuid(&self->vcpu, supported, &plain));
	EXPECT_EQ(7, guest_cpuid(&self->vcpu, 0x40001000, 5).rax);
	vcpu_free(&self->vcpu);
	vcpu_init(&self->vcpu, &self->vm, 1);
	start_long(&self->vcpu, ask);
	ASSERT_EQ(0, set_cpuid(&self->vcpu, supported, &indexed));
	EXPECT_EQ(7, guest_cpuid(&self->vcpu, 0x40001000, 1).rax);
	EXPECT_EQ(0, guest_cpuid(&self->vcpu, 0x40001000, 2).rax);
	free(supported);
}

TEST_F(vm, osxsave_follows_cr4)
{
	struct minivmm_sregs sregs;

	start_long(&self->vcpu, ask);
	EXPECT_EQ(0, guest_cpuid(&self->vcpu, 1, 0).rcx & 1 << 27);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr4 |= 1 << 18;
	vcpu_set_sregs(&self->vcpu, &sregs);
	EXPECT_NE(0, guest_cpuid(&self->vcpu, 1, 0).rcx & 1 << 27);
}

TEST_F(vm, xsave_size_follows_xcr0)
{
	struct minivmm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 1 };

	start_long(&self->vcpu, ask);
	EXPECT_EQ(576, guest_cpuid(&self->vcpu, 0xd, 0).rbx);
	xcrs.xcrs[0].value = 7;
	if (call(self->vcpu.fd, MINIVMM_SET_XCRS, &xcrs))
		SKIP(return, "no AVX");
	EXPECT_EQ(832, guest_cpuid(&self->vcpu, 0xd, 0).rbx);
}

TEST_F(vm, entries_are_got_as_set)
{
	struct minivmm_cpuid2 *supported = supported_cpuid(self->vm.device);
	struct cpuid got = { .head.nent = 300 };

	ASSERT_EQ(0, set_cpuid(&self->vcpu, supported, NULL));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_CPUID2, &got));
	if (device_is_minivmm(self->vm.device)) {	/* KVM 6.1 leaves the count alone */
		EXPECT_EQ(supported->nent, got.head.nent);
	}
	EXPECT_EQ(supported->entries[0].eax, got.entries[0].eax);
	EXPECT_EQ(supported->entries[0].ebx, got.entries[0].ebx);
	free(supported);
}

TEST_F(vm, getting_entries_needs_room)
{
	struct cpuid got = { .head.nent = 1 };

	vcpu_set_supported_cpuid(&self->vcpu);
	EXPECT_EQ(-E2BIG, call(self->vcpu.fd, MINIVMM_GET_CPUID2, &got));
}

TEST_F(vm, more_than_256_entries_are_too_many)
{
	static struct cpuid cpuid = { .head.nent = 257 };

	EXPECT_EQ(-E2BIG, call(self->vcpu.fd, MINIVMM_SET_CPUID2, &cpuid));
	cpuid.head.nent = ~0U;
	EXPECT_EQ(-E2BIG, call(self->vcpu.fd, MINIVMM_SET_CPUID2, &cpuid));
}

TEST_F(vm, unreadable_entries_are_efault)
{
	__u8 *pages = map_anonymous(2 * PAGE);
	struct minivmm_cpuid2 *cpuid = (void *)(pages + PAGE - sizeof(*cpuid));

	munmap(pages + PAGE, PAGE);
	cpuid->nent = 1;
	EXPECT_EQ(-EFAULT, call(self->vcpu.fd, MINIVMM_SET_CPUID2, cpuid));
}

TEST_F(vm, virtual_address_width_must_be_48_or_57)
{
	const struct minivmm_cpuid_entry2 width = { .function = 0x80000008, .eax = 50 << 8 | 40 };
	struct cpuid cpuid = { .head.nent = 1 };

	cpuid.entries[0] = width;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_CPUID2, &cpuid));
}

TEST_F(vm, entries_do_not_change_under_a_guest_that_ran)
{
	struct minivmm_cpuid2 *supported = supported_cpuid(self->vm.device);
	struct minivmm_cpuid_entry2 other = { .function = 0x40001000, .eax = 1 };

	start_long(&self->vcpu, ask);
	ASSERT_EQ(0, set_cpuid(&self->vcpu, supported, NULL));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, set_cpuid(&self->vcpu, supported, NULL));
	EXPECT_EQ(-EINVAL, set_cpuid(&self->vcpu, supported, &other));
	free(supported);
}

TEST_HARNESS_MAIN
