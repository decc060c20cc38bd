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

GUEST64(do_rdtscp, "rdtscp; hlt");
GUEST64(do_rdpid, "rdpid %rax; hlt");
GUEST64(do_invpcid, "mov $2, %eax; invpcid 0x80000, %rax; hlt");
GUEST64(do_xsaves, "xor %eax, %eax; xor %edx, %edx; xsaves 0x80000; hlt");

/* Instructions that a control of VMX turns off, and their CPUID bits. */
static const struct instruction {
	const char *name;
	const __u8 *code, *end;
	__u32 function, index;
	size_t word;		/* of struct minivmm_cpuid_entry2 */
	__u32 bit;
} instructions[] = {
#define ENTRY(name, function, index, reg, bit)					\
	{ #name, do_##name, do_##name##_end, function, index,			\
	  offsetof(struct minivmm_cpuid_entry2, reg), 1U << bit }
	ENTRY(rdtscp, 0x80000001, 0, edx, 27),
	ENTRY(rdpid, 7, 0, ecx, 22),
	ENTRY(invpcid, 7, 0, ebx, 10),
	ENTRY(xsaves, 0xd, 1, eax, 3),
#undef ENTRY
};

/* The word of @cpuid that has @insn's bit. */
static __u32 *cpuid_word(struct minivmm_cpuid2 *cpuid, const struct instruction *insn)
{
	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == insn->function &&
		    cpuid->entries[i].index == insn->index)
			return (void *)((__u8 *)&cpuid->entries[i] + insn->word);
	fatal("no leaf %#x", insn->function);
}

/* HLT is reached, or the CPU shuts down: there is no handler for #UD. */
static __u32 exit_of_instruction(struct vcpu *vcpu, const struct instruction *insn,
				 const struct minivmm_cpuid2 *cpuid)
{
	struct minivmm_sregs sregs;

	vm_write(vcpu->vm, GUEST_CODE, insn->code, insn->end - insn->code);
	vcpu_enter_long(vcpu, GUEST_CODE);
	if (set_cpuid(vcpu, cpuid, NULL))
		fatal("SET_CPUID2 failed");
	sregs = vcpu_sregs(vcpu);
	sregs.cr4 |= 1 << 18;
	vcpu_set_sregs(vcpu, &sregs);
	if (vcpu_run(vcpu))
		fatal("RUN failed");
	return vcpu->run->exit_reason;
}

TEST_F(vm, instructions_exist_if_cpuid_has_them)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(self->vm.device);

	for (unsigned int i = 0; i < ARRAY_LEN(instructions); i++) {
		const struct instruction *insn = &instructions[i];
		bool has = *cpuid_word(cpuid, insn) & insn->bit;
		__u32 reason;

		if (!has && !host_is_intel())
			continue;
		vcpu_free(&self->vcpu);
		vcpu_init(&self->vcpu, &self->vm, i + 1);
		reason = exit_of_instruction(&self->vcpu, insn, cpuid);
		TH_LOG("%s: offered %d, exit %u", insn->name, has, reason);
		EXPECT_EQ(has ? MINIVMM_EXIT_HLT : MINIVMM_EXIT_SHUTDOWN, reason);
	}
	free(cpuid);
}

TEST_F(vm, instructions_taken_from_cpuid_do_not_exist)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(self->vm.device);

	if (!host_is_intel())
		SKIP(return, "SVM takes no instruction away");
	for (unsigned int i = 0; i < ARRAY_LEN(instructions); i++)
		*cpuid_word(cpuid, &instructions[i]) &= ~instructions[i].bit;
	for (unsigned int i = 0; i < ARRAY_LEN(instructions); i++) {
		vcpu_free(&self->vcpu);
		vcpu_init(&self->vcpu, &self->vm, i + 1);
		EXPECT_EQ(MINIVMM_EXIT_SHUTDOWN,
			  exit_of_instruction(&self->vcpu, &instructions[i], cpuid));
	}
	free(cpuid);
}

TEST_HARNESS_MAIN
