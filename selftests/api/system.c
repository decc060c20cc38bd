// SPDX-License-Identifier: GPL-2.0
/* Calls on the device: capabilities, creation of VMs, lists of MSRs and CPUID leaves. */
#include <cpuid.h>

#include "fixture.h"

static const __u32 msrs_every_client_saves[] = {
	0x10,		/* TSC */
	0x174, 0x175, 0x176,	/* SYSENTER_CS, _ESP, _EIP */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* STAR, LSTAR, CSTAR, FMASK */
	0xc0000102,	/* KERNEL_GS_BASE */
};

TEST(capabilities_of_the_supported_calls_are_advertised)
{
	static const __u32 caps[] = {
		MINIVMM_CAP_IRQCHIP, MINIVMM_CAP_HLT, MINIVMM_CAP_USER_MEMORY,
		MINIVMM_CAP_SET_TSS_ADDR, MINIVMM_CAP_EXT_CPUID, MINIVMM_CAP_NR_VCPUS,
		MINIVMM_CAP_NR_MEMSLOTS, MINIVMM_CAP_MP_STATE, MINIVMM_CAP_SYNC_MMU,
		MINIVMM_CAP_DESTROY_MEMORY_REGION_WORKS, MINIVMM_CAP_USER_NMI,
		MINIVMM_CAP_IRQ_ROUTING, MINIVMM_CAP_IRQ_INJECT_STATUS,
		MINIVMM_CAP_JOIN_MEMORY_REGIONS_WORKS, MINIVMM_CAP_IRQFD, MINIVMM_CAP_PIT2,
		MINIVMM_CAP_PIT_STATE2, MINIVMM_CAP_IOEVENTFD,
		MINIVMM_CAP_SET_IDENTITY_MAP_ADDR, MINIVMM_CAP_ADJUST_CLOCK,
		MINIVMM_CAP_INTERNAL_ERROR_DATA, MINIVMM_CAP_VCPU_EVENTS,
		MINIVMM_CAP_DEBUGREGS, MINIVMM_CAP_XSAVE, MINIVMM_CAP_XCRS,
		MINIVMM_CAP_GET_TSC_KHZ, MINIVMM_CAP_MAX_VCPUS,
		MINIVMM_CAP_TSC_DEADLINE_TIMER, MINIVMM_CAP_SIGNAL_MSI,
		MINIVMM_CAP_READONLY_MEM, MINIVMM_CAP_IRQFD_RESAMPLE,
		MINIVMM_CAP_CHECK_EXTENSION_VM, MINIVMM_CAP_IOEVENTFD_ANY_LENGTH,
		MINIVMM_CAP_MAX_VCPU_ID, MINIVMM_CAP_IMMEDIATE_EXIT,
	};
	int device = device_open();

	for (int i = 0; i < ARRAY_LEN(caps); i++) {
		EXPECT_LT(0, capability(device, caps[i]))
			TH_LOG("capability %u is missing", caps[i]);
	}
}

TEST(unknown_capabilities_are_zero)
{
	int device = device_open();

	EXPECT_EQ(0, capability(device, 5));
	EXPECT_EQ(0, capability(device, 100000));
	EXPECT_EQ(0, capability(device, 0xffffffff));
}

TEST(capability_values_are_large_enough_for_clients)
{
	int device = device_open();

	EXPECT_LE(32, capability(device, MINIVMM_CAP_NR_MEMSLOTS));
	EXPECT_LE(255, capability(device, MINIVMM_CAP_MAX_VCPUS));
	EXPECT_LE(capability(device, MINIVMM_CAP_MAX_VCPUS),
		  capability(device, MINIVMM_CAP_MAX_VCPU_ID));
	EXPECT_LE(capability(device, MINIVMM_CAP_NR_VCPUS),
		  capability(device, MINIVMM_CAP_MAX_VCPUS));
	EXPECT_LE(1024, capability(device, MINIVMM_CAP_IRQ_ROUTING));
}

TEST(vm_answers_for_capabilities_too)
{
	struct vm vm;

	vm_init(&vm, 0);
	EXPECT_EQ(capability(vm.device, MINIVMM_CAP_NR_MEMSLOTS),
		  capability(vm.fd, MINIVMM_CAP_NR_MEMSLOTS));
	EXPECT_EQ(0, capability(vm.fd, 100000));
	vm_free(&vm);
}

TEST(only_minivmm_has_the_identifying_capability)
{
	int device = device_open();
	bool named_kvm = !strcmp(device_path(), "/dev/kvm");

	EXPECT_EQ(!named_kvm, capability(device, MINIVMM_CAP_MINIVMM));
}

TEST_F(vm, number_of_mmu_pages_is_got_as_set)
{
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_NR_MMU_PAGES, 1024));
	EXPECT_EQ(1024, call(self->vm.fd, MINIVMM_GET_NR_MMU_PAGES, 0));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_NR_MMU_PAGES, 10));
	EXPECT_EQ(1024, call(self->vm.fd, MINIVMM_GET_NR_MMU_PAGES, 0));
}

TEST_F(vm, tss_pages_may_be_the_last_below_4_gib)
{
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_TSS_ADDR, 0xfffbd000));
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_TSS_ADDR, 0xffffd000));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_TSS_ADDR, 0xffffd001));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_TSS_ADDR, 1UL << 32));
}

TEST(vm_type_other_than_zero_is_refused)
{
	int device = device_open();

	EXPECT_EQ(-EINVAL, call(device, MINIVMM_CREATE_VM, 1));
	EXPECT_EQ(-EINVAL, call(device, MINIVMM_CREATE_VM, 0x80000000));
}

TEST_F(vm, flags_of_a_capability_to_enable_are_refused)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT, .args = { 1 },
	};

	REQUIRE(self->vm.fd, X86_TRIPLE_FAULT_EVENT);
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_ENABLE_CAP, &cap));
	cap.flags = 1;
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_ENABLE_CAP, &cap));
}

TEST(mapping_size_holds_run_pio_and_ring_pages)
{
	int device = device_open();
	long size = call(device, MINIVMM_GET_VCPU_MMAP_SIZE, 0);

	EXPECT_LE(2 * PAGE, size);
	EXPECT_EQ(0, size % PAGE);
	if (capability(device, MINIVMM_CAP_COALESCED_MMIO) > 0) {
		EXPECT_LE(3 * PAGE, size);
	}
	EXPECT_EQ(-EINVAL, call(device, MINIVMM_GET_VCPU_MMAP_SIZE, 1));
}

TEST(unknown_calls_are_refused)
{
	struct vm vm;
	struct vcpu vcpu;
	long ret;

	vm_init(&vm, 0);
	vcpu_init(&vcpu, &vm, 0);
	ret = call(vm.device, _IO(MINIVMMIO, 0xfe), 0);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(vm.fd, _IO(MINIVMMIO, 0xfe), 0);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(vcpu.fd, _IO(MINIVMMIO, 0xfe), 0);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
}

/* What the header says of them, and the capabilities that would announce them. */
TEST(calls_that_are_not_there_yet_are_not_announced)
{
	static const unsigned long device_calls[] = { MINIVMM_GET_EMULATED_CPUID };
	static const unsigned long vm_calls[] = {
		MINIVMM_RESET_DIRTY_RINGS, MINIVMM_X86_SET_MSR_FILTER, MINIVMM_CREATE_DEVICE,
		MINIVMM_SET_DEVICE_ATTR, MINIVMM_GET_DEVICE_ATTR, MINIVMM_HAS_DEVICE_ATTR,
	};
	static const unsigned long vcpu_calls[] = {
		MINIVMM_SET_CPUID, MINIVMM_SMI, MINIVMM_GET_SREGS2, MINIVMM_SET_SREGS2,
		MINIVMM_SET_DEVICE_ATTR, MINIVMM_GET_DEVICE_ATTR, MINIVMM_HAS_DEVICE_ATTR,
	};
	static const int capabilities[] = {
		MINIVMM_CAP_EXT_EMUL_CPUID, MINIVMM_CAP_DIRTY_LOG_RING, MINIVMM_CAP_X86_MSR_FILTER,
		MINIVMM_CAP_DEVICE_CTRL, MINIVMM_CAP_VCPU_ATTRIBUTES, MINIVMM_CAP_X86_SMM,
		MINIVMM_CAP_SREGS2,
	};
	struct vm vm;
	struct vcpu vcpu;

	vm_init(&vm, 0);
	vcpu_init(&vcpu, &vm, 0);
	if (!device_is_minivmm(vm.device))
		SKIP(return, "KVM has them");
	for (size_t i = 0; i < ARRAY_LEN(device_calls); i++)
		EXPECT_EQ(-ENOTTY, call(vm.device, device_calls[i], 0));
	for (size_t i = 0; i < ARRAY_LEN(vm_calls); i++)
		EXPECT_EQ(-ENOTTY, call(vm.fd, vm_calls[i], 0));
	for (size_t i = 0; i < ARRAY_LEN(vcpu_calls); i++)
		EXPECT_EQ(-ENOTTY, call(vcpu.fd, vcpu_calls[i], 0));
	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
		EXPECT_EQ(0, call(vm.device, MINIVMM_CHECK_EXTENSION, capabilities[i]));
}

TEST(calls_on_the_wrong_file_are_refused)
{
	struct vm vm;
	struct vcpu vcpu;
	struct minivmm_regs regs;
	long ret;

	vm_init(&vm, 0);
	vcpu_init(&vcpu, &vm, 0);
	ret = call(vm.device, MINIVMM_RUN, 0);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(vm.fd, MINIVMM_GET_REGS, &regs);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
	ret = call(vcpu.fd, MINIVMM_CREATE_VCPU, 1);
	EXPECT_TRUE(ret == -ENOTTY || ret == -EINVAL);
}

/* Fetches a list; free() it. NULL if it cannot be had. */
static struct minivmm_msr_list *msr_list(int device, unsigned long call_nr)
{
	struct minivmm_msr_list empty = { 0 };
	struct minivmm_msr_list *list;

	if (call(device, call_nr, &empty) != -E2BIG)
		return NULL;
	list = calloc(1, sizeof(*list) + empty.nmsrs * sizeof(__u32));
	list->nmsrs = empty.nmsrs;
	if (call(device, call_nr, list) == 0)
		return list;
	free(list);
	return NULL;
}

static bool in_list(const struct minivmm_msr_list *list, __u32 index)
{
	for (__u32 i = 0; i < list->nmsrs; i++)
		if (list->indices[i] == index)
			return true;
	return false;
}

TEST(msr_list_too_small_tells_the_needed_size)
{
	struct minivmm_msr_list list = { 0 };
	int device = device_open();

	EXPECT_EQ(-E2BIG, call(device, MINIVMM_GET_MSR_INDEX_LIST, &list));
	EXPECT_LT(10, list.nmsrs);
	EXPECT_EQ(-EFAULT, call(device, MINIVMM_GET_MSR_INDEX_LIST, BAD_POINTER));
}

TEST(msr_list_names_what_every_client_saves)
{
	struct minivmm_msr_list *list = msr_list(device_open(), MINIVMM_GET_MSR_INDEX_LIST);

	ASSERT_NE(NULL, list);
	for (int i = 0; i < ARRAY_LEN(msrs_every_client_saves); i++) {
		EXPECT_TRUE(in_list(list, msrs_every_client_saves[i]))
			TH_LOG("MSR %#x is not listed", msrs_every_client_saves[i]);
	}
	free(list);
}

TEST(msr_list_names_no_msr_twice)
{
	struct minivmm_msr_list *list = msr_list(device_open(), MINIVMM_GET_MSR_INDEX_LIST);

	ASSERT_NE(NULL, list);
	for (__u32 i = 0; i < list->nmsrs; i++) {
		for (__u32 j = 0; j < i; j++) {
			EXPECT_NE(list->indices[i], list->indices[j]);
		}
	}
	free(list);
}

TEST_F(chip, every_listed_msr_reads_and_writes_back)
{
	struct minivmm_msr_list *list = msr_list(self->vm.device, MINIVMM_GET_MSR_INDEX_LIST);
	struct minivmm_msrs *msrs;

	ASSERT_NE(NULL, list);
	vcpu_set_supported_cpuid(&self->vcpu);
	msrs = calloc(1, sizeof(*msrs) + list->nmsrs * sizeof(msrs->entries[0]));
	msrs->nmsrs = list->nmsrs;
	for (__u32 i = 0; i < list->nmsrs; i++)
		msrs->entries[i].index = list->indices[i];
	EXPECT_EQ(list->nmsrs, call(self->vcpu.fd, MINIVMM_GET_MSRS, msrs));
	for (__u32 i = 0; i < list->nmsrs; i++) {
		EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, list->indices[i], msrs->entries[i].data))
			TH_LOG("MSR %#x = %#llx is refused", list->indices[i],
			       msrs->entries[i].data);
	}
	free(msrs);
	free(list);
}

TEST(feature_msrs_are_listed_and_read_on_the_device)
{
	int device = device_open();
	struct minivmm_msr_list *list;

	REQUIRE(device, GET_MSR_FEATURES);
	list = msr_list(device, MINIVMM_GET_MSR_FEATURE_INDEX_LIST);
	if (!list)
		SKIP(return, "the list is empty");
	for (__u32 i = 0; i < list->nmsrs; i++) {
		struct {
			struct minivmm_msrs head;
			struct minivmm_msr_entry entry;
		} msr = { .head.nmsrs = 1, .entry.index = list->indices[i] };

		EXPECT_EQ(1, call(device, MINIVMM_GET_MSRS, &msr));
	}
	free(list);
}

TEST(supported_cpuid_needs_room_and_says_so)
{
	int device = device_open();
	struct minivmm_cpuid2 cpuid = { 0 };

	EXPECT_EQ(-E2BIG, call(device, MINIVMM_GET_SUPPORTED_CPUID, &cpuid));
	EXPECT_EQ(-EFAULT, call(device, MINIVMM_GET_SUPPORTED_CPUID, BAD_POINTER));
}

TEST(supported_cpuid_fits_in_100_entries)
{
	int device = device_open();
	struct minivmm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + 100 * sizeof(cpuid->entries[0]));
	cpuid->nent = 100;
	EXPECT_EQ(0, call(device, MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	EXPECT_GE(100, cpuid->nent);
	free(cpuid);
}

static const struct minivmm_cpuid_entry2 *leaf(const struct minivmm_cpuid2 *cpuid, __u32 function)
{
	static const struct minivmm_cpuid_entry2 none;

	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && !cpuid->entries[i].index)
			return &cpuid->entries[i];
	return &none;
}

TEST(supported_cpuid_describes_a_64_bit_guest_with_xsave_and_x2apic)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(device_open());

	EXPECT_LE(0xd, leaf(cpuid, 0)->eax);
	EXPECT_NE(0, leaf(cpuid, 1)->ecx & 1U << 26);		/* XSAVE */
	EXPECT_NE(0, leaf(cpuid, 1)->ecx & 1U << 21);		/* x2APIC */
	EXPECT_NE(0, leaf(cpuid, 1)->edx & 1U << 26);		/* SSE2 */
	EXPECT_NE(0, leaf(cpuid, 0x80000001)->edx & 1U << 29);	/* long mode */
	EXPECT_NE(0, leaf(cpuid, 0x80000001)->edx & 1U << 20);	/* NX */
	EXPECT_LE(32, leaf(cpuid, 0x80000008)->eax & 0xff);	/* physical bits */
	EXPECT_NE(0, leaf(cpuid, 0x40000000)->ebx);		/* signature */
	free(cpuid);
}

TEST(supported_cpuid_names_no_leaf_twice)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(device_open());

	for (__u32 i = 0; i < cpuid->nent; i++) {
		for (__u32 j = 0; j < i; j++) {
			EXPECT_FALSE(cpuid->entries[i].function == cpuid->entries[j].function &&
				     cpuid->entries[i].index == cpuid->entries[j].index);
		}
	}
	free(cpuid);
}

static const struct minivmm_cpuid_entry2 *entry_of(const struct minivmm_cpuid2 *cpuid, __u32 leaf)
{
	static const struct minivmm_cpuid_entry2 none;

	for (__u32 i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf)
			return &cpuid->entries[i];
	return &none;
}

TEST(supported_cpuid_leaves_it_to_the_vmm_to_be_a_hypervisor)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(device_open());

	EXPECT_EQ(0, entry_of(cpuid, 1)->ecx & 1U << 31);
	free(cpuid);
}

TEST(supported_cpuid_tells_what_amd_cpus_say_of_themselves)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(device_open());
	unsigned int a = 0, b, c = 0, d, max;

	__cpuid(0x80000000, max, b, c, d);
	__cpuid(0x80000001, a, b, c, d);
	EXPECT_EQ(c & 1 << 1, entry_of(cpuid, 0x80000001)->ecx & 1 << 1);	/* CMP_LEGACY */
	__cpuid(0x80000008, a, b, c, d);
	EXPECT_EQ(c & 0xf0ff, entry_of(cpuid, 0x80000008)->ecx & 0xf0ff);
	if (max < 0x8000001d)
		SKIP(return, "an Intel CPU, or an old one");
	EXPECT_EQ(0x80000021, entry_of(cpuid, 0x80000000)->eax);
	EXPECT_EQ(0x80000021, entry_of(cpuid, 0x80000021)->function);
	free(cpuid);
}

TEST_HARNESS_MAIN
