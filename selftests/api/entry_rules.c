// SPDX-License-Identifier: GPL-2.0
/*
 * States that no CPU enters: the call that would set one refuses it, or RUN ends with
 * FAIL_ENTRY. In both cases the last-error record names the rule, and afterwards the
 * vCPU runs again with a valid state. What one vendor's CPU refuses the other's may
 * accept: each case says both. Skipped on KVM, which repairs or loops on some of these.
 */
#include <cpuid.h>

#include "fixture.h"

GUEST64(long_halt, "hlt");
GUEST16(real_halt, "hlt");

static bool host_is_intel(void)
{
	unsigned int a, b, c, d;

	__cpuid(0, a, b, c, d);
	return b == signature_INTEL_ebx;
}

static struct minivmm_last_error last_error(struct vcpu *vcpu)
{
	struct minivmm_last_error error = { .size = sizeof(error) };

	if (call(vcpu->fd, MINIVMM_GET_LAST_ERROR, &error))
		fatal("GET_LAST_ERROR failed");
	return error;
}

/* What becomes of a state: refused by the call, entered until HLT, or a rule's name. */
#define REFUSED	"(refused)"
#define ENTERS	"(enters)"

/* The vCPU's CPUID has 5-level paging, whether the host's has it or not. */
static void offer_la57(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);

	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 7 && !cpuid->entries[i].index)
			cpuid->entries[i].ecx |= 1 << 16;
	if (call(vcpu->fd, MINIVMM_SET_CPUID2, cpuid))
		fatal("SET_CPUID2 failed");
	free(cpuid);
}

static const char *try_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs)
{
	static struct minivmm_last_error error;
	long ret = call(vcpu->fd, MINIVMM_SET_SREGS, sregs);

	if (ret) {
		error = last_error(vcpu);
		return ret == -EINVAL && error.source == _IOC_NR(MINIVMM_SET_SREGS) ?
		       REFUSED : "(a refusal without record)";
	}
	if (vcpu_run(vcpu))
		return "(RUN failed)";
	if (vcpu->run->exit_reason != MINIVMM_EXIT_FAIL_ENTRY)
		return vcpu->run->exit_reason == MINIVMM_EXIT_HLT ? ENTERS : "(other exit)";
	error = last_error(vcpu);
	if (error.source != MINIVMM_ERROR_SOURCE_ENTRY || !strchr(error.rule, ':'))
		return "(FAIL_ENTRY without rule)";
	*strchr(error.rule, ':') = 0;
	return error.rule;
}

#define CR4_LA57	(1UL << 12)
#define RFLAGS_VM	(1UL << 17)
#define NON_CANONICAL	0x8000000000000000UL

/*
 * STATE(name, mode, change, outcome on AMD, outcome on Intel): a change of the valid
 * `sregs` or `regs` has that outcome, and the valid state enters afterwards.
 */
#define STATE(name, mode, change, amd, intel)					\
TEST_F(vm, name)								\
{										\
	struct minivmm_sregs good_sregs, sregs;					\
	struct minivmm_regs good_regs, regs;					\
										\
	start_##mode(&self->vcpu, mode##_halt);					\
	offer_la57(&self->vcpu);						\
	good_regs = regs = vcpu_regs(&self->vcpu);				\
	good_sregs = sregs = vcpu_sregs(&self->vcpu);				\
	change;									\
	vcpu_set_regs(&self->vcpu, &regs);					\
	EXPECT_STREQ(host_is_intel() ? intel : amd, try_sregs(&self->vcpu, &sregs)); \
	vcpu_set_regs(&self->vcpu, &good_regs);					\
	EXPECT_STREQ(ENTERS, try_sregs(&self->vcpu, &good_sregs));		\
}

/* Control registers */
STATE(paging_without_protection, real, sregs.cr0 |= 1UL << 31, REFUSED, REFUSED)
STATE(cr0_beyond_32_bits, real, sregs.cr0 |= 1UL << 32, REFUSED, REFUSED)
STATE(not_write_through_without_cache_disable, real, sregs.cr0 |= 1UL << 29, REFUSED, REFUSED)
STATE(cr4_of_a_feature_the_host_lacks, real, sregs.cr4 |= CR4_LA57, "cr4_reserved",
      "guest_cr4_fixed")
STATE(cr3_beyond_physical_memory, long, sregs.cr3 |= 1UL << 52, REFUSED, REFUSED)
STATE(long_mode_without_pae, long, sregs.cr4 &= ~(1UL << 5), REFUSED, REFUSED)
STATE(unknown_efer_bit, real, sregs.efer |= 1UL << 1, REFUSED, REFUSED)

/* Segments: AMD's CPUs take what they need of each and ignore the rest. */
STATE(code_segment_of_both_sizes, long, sregs.cs.db = 1, REFUSED, REFUSED)
STATE(code_segment_of_a_system_type, long, sregs.cs.s = 0, ENTERS, "guest_cs_s")
STATE(code_segment_not_present, long, sregs.cs.present = 0, ENTERS, "guest_cs_p")
STATE(data_segment_not_accessed, long, sregs.ds.type = 2, ENTERS, "guest_ds_type")
STATE(data_segment_with_wrong_granularity, long, sregs.es.g = 0, ENTERS, "guest_es_g")
STATE(task_register_not_busy, long, sregs.tr.type = 9, ENTERS, "guest_tr_type")
STATE(task_register_in_the_local_table, long, sregs.tr.selector = 4, ENTERS, "guest_tr_ti")
STATE(local_table_of_a_wrong_type, long, (sregs.ldt.type = 3, sregs.ldt.present = 1,
      sregs.ldt.unusable = 0), ENTERS, "guest_ldtr_type")
STATE(fs_base_not_canonical, long, sregs.fs.base = NON_CANONICAL, ENTERS, "guest_fs_base")
STATE(gdt_base_not_canonical, long, sregs.gdt.base = NON_CANONICAL, ENTERS, "guest_gdtr_base")

/* RIP and RFLAGS */
STATE(virtual_8086_mode_in_long_mode, long, regs.rflags |= RFLAGS_VM, ENTERS, "guest_rflags_vm")
STATE(reserved_rflags, long, regs.rflags |= 1UL << 40, ENTERS, "guest_rflags_reserved")
STATE(rip_beyond_32_bits_in_real_mode, real, regs.rip |= 1UL << 32, ENTERS, "guest_rip_upper_half")

#define main run_tests
TEST_HARNESS_MAIN
#undef main

int main(int argc, char **argv)
{
	if (!device_is_minivmm(device_open()))
		ksft_exit_skip("%s is not minivmm\n", device_path());
	return run_tests(argc, argv);
}
