// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a vCPU answers to CPUID: all that the kernel supports, with the topology of one socket of
 * single-threaded cores whose APIC ids are the vCPU numbers. Called once per vCPU at creation.
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include <minivmm.h>

#include "machine.h"
#include "vcpu.h"
#include "vm.h"

#define ENTRIES			256

#define LEAF1_EBX_APIC_ID_SHIFT	24
#define LEAF1_EBX_COUNT_SHIFT	16
#define LEAF1_EBX_TOPOLOGY_MASK	0xffff0000u
#define LEAF1_EDX_HTT		(1u << 28)
#define LEAF1_ECX_HYPERVISOR	(1u << 31)
#define LEAF1_ECX_TSC_DEADLINE	(1u << 24)
#define LEAF4_EAX_SHARING_SHIFT	14
#define LEAF4_EAX_CORES_SHIFT	26
#define LEAF4_EAX_LEVEL(eax)	(((eax) >> 5) & 7)
#define LEAF7_ECX_LA57		(1u << 16)
#define LEAF_B_SMT		1
#define LEAF_B_CORE		2
#define AMD_ECX_CMP_LEGACY	(1u << 1)

/* Bits needed to tell @count ids apart. */
static unsigned int width(unsigned int count)
{
	unsigned int bits = 0;

	while ((1u << bits) < count)
		bits++;
	return bits;
}

static void fix_leaf_1(struct minivmm_cpuid_entry2 *e, unsigned int id, unsigned int count)
{
	e->ebx &= ~LEAF1_EBX_TOPOLOGY_MASK;
	e->ebx |= id << LEAF1_EBX_APIC_ID_SHIFT;
	e->ebx |= ((1u << width(count)) & 0xff) << LEAF1_EBX_COUNT_SHIFT;
	e->ecx |= LEAF1_ECX_HYPERVISOR;
	if (count > 1)
		e->edx |= LEAF1_EDX_HTT;
	else
		e->edx &= ~LEAF1_EDX_HTT;
}

/* Cache leaves of both vendors: the last level is shared by all, the others private. */
static void fix_cache(struct minivmm_cpuid_entry2 *e, unsigned int count)
{
	uint32_t ids = (1u << width(count)) - 1;
	uint32_t sharing = LEAF4_EAX_LEVEL(e->eax) >= 3 ? ids : 0;

	e->eax &= (1u << LEAF4_EAX_SHARING_SHIFT) - 1;
	e->eax |= sharing << LEAF4_EAX_SHARING_SHIFT;
	if (e->function == 4)
		e->eax |= (ids & 0x3f) << LEAF4_EAX_CORES_SHIFT;
}

static void fix_extended_topology(struct minivmm_cpuid_entry2 *e, unsigned int id,
				  unsigned int count)
{
	e->eax = e->ebx = 0;
	e->ecx = e->index;
	e->edx = id;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= LEAF_B_SMT << 8;
	} else if (e->index == 1) {
		e->eax = width(count);
		e->ebx = count;
		e->ecx |= LEAF_B_CORE << 8;
	}
}

static void fix_amd_size(struct minivmm_cpuid_entry2 *e, unsigned int count)
{
	e->ecx = width(count) << 12 | ((count - 1) & 0xff);
}

static void fix_amd_topology(struct minivmm_cpuid_entry2 *e, unsigned int id)
{
	e->eax = id;
	e->ebx = id & 0xff;	/* core id, one thread per core */
	e->ecx = 0;		/* one node */
}

static void fix_entry(struct minivmm_cpuid_entry2 *e, unsigned int id, unsigned int count)
{
	switch (e->function) {
	case 1:
		fix_leaf_1(e, id, count);
		break;
	case 4:
	case 0x8000001d:
		if (e->eax & 0x1f)
			fix_cache(e, count);
		break;
	case 0xb:
	case 0x1f:
		fix_extended_topology(e, id, count);
		break;
	case 0x80000001:
		if (count > 1)
			e->ecx |= AMD_ECX_CMP_LEGACY;
		else
			e->ecx &= ~AMD_ECX_CMP_LEGACY;
		break;
	case 0x80000008:
		fix_amd_size(e, count);
		break;
	case 0x8000001e:
		fix_amd_topology(e, id);
		break;
	}
}

static bool deadline_timer(const struct vm *vm)
{
	return ioctl(vm->device_fd, MINIVMM_CHECK_EXTENSION, MINIVMM_CAP_TSC_DEADLINE_TIMER) > 0;
}

/* Adds the second level of leaf 0xb if the kernel reports only the first. */
static void complete_topology(struct minivmm_cpuid2 *cpuid)
{
	struct minivmm_cpuid_entry2 *first = NULL;

	for (uint32_t i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function != 0xb)
			continue;
		if (cpuid->entries[i].index == 1)
			return;
		if (cpuid->entries[i].index == 0)
			first = &cpuid->entries[i];
	}
	if (!first || cpuid->nent == ENTRIES)
		return;
	first->flags |= MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX;
	cpuid->entries[cpuid->nent] = *first;
	cpuid->entries[cpuid->nent++].index = 1;
}

static int set(struct vcpu *vcpu, struct minivmm_cpuid2 *cpuid, struct error *err)
{
	const struct vm *vm = vcpu->m->vm;

	cpuid->nent = ENTRIES;
	if (ioctl(vm->device_fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return error__errno(err, "cannot read what CPUID supports");

	complete_topology(cpuid);
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct minivmm_cpuid_entry2 *e = &cpuid->entries[i];

		fix_entry(e, vcpu->id, vcpu->m->config->vcpus);
		if (e->function == 1 && deadline_timer(vm))
			e->ecx |= LEAF1_ECX_TSC_DEADLINE;
		if (e->function == 7 && e->index == 0)
			vcpu->la57 = e->ecx & LEAF7_ECX_LA57;
	}
	if (ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid) < 0) {
		error__errno(err, "cannot set CPUID of vCPU %u", vcpu->id);
		vm__explain(vm, vcpu->fd, err);
		return -1;
	}
	return 0;
}

int cpuid__setup(struct vcpu *vcpu, struct error *err)
{
	struct minivmm_cpuid2 *cpuid;
	int ret;

	cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return error__errno(err, "cannot allocate CPUID entries");
	ret = set(vcpu, cpuid, err);
	free(cpuid);
	return ret;
}
