// SPDX-License-Identifier: GPL-2.0
/*
 * SVM on the host's CPUs: what they can do, taking and giving back SVM, ASIDs.
 *
 * setup/teardown run at load and unload; cpu_enable/cpu_disable on the CPU in
 * question with interrupts off, cpu_disable also in a crash: it takes no lock.
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "svm.h"
#include "../compat.h"
#include "../cpu/msr_rows.h"
#include "../report/log.h"

#define CPUID_SVM		BIT(2)
#define VM_CR_SVM_DISABLE	BIT(4)
#define IOPM_SIZE	(3 * PAGE_SIZE)
#define MSRPM_SIZE	(2 * PAGE_SIZE)

struct svm_host svm_host;
DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

/* The permission map has two bits (read, write) per MSR, in three ranges of 8192 MSRs. */
static void permit_msr(u8 *map, u32 msr)
{
	static const u32 range_base[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(range_base); i++) {
		if (msr < range_base[i] || msr >= range_base[i] + 8192)
			continue;
		bit = (i * 8192 + msr - range_base[i]) * 2;
		map[bit / 8] &= ~(3u << (bit % 8));
	}
}

static int alloc_permission_maps(void)
{
	u32 direct[MSR_MAX_LISTED];
	unsigned int i, count = msr_list(MSR_IN_DIRECT, direct);

	svm_host.iopm = alloc_pages_exact(IOPM_SIZE, GFP_KERNEL);
	svm_host.msrpm = alloc_pages_exact(MSRPM_SIZE, GFP_KERNEL);
	if (!svm_host.iopm || !svm_host.msrpm)
		return -ENOMEM;
	memset(svm_host.iopm, 0xff, IOPM_SIZE);
	memset(svm_host.msrpm, 0xff, MSRPM_SIZE);
	for (i = 0; i < count; i++)
		permit_msr(svm_host.msrpm, direct[i]);	/* the VMCB has all of them */
	svm_host.iopm_pa = __sme_pa(svm_host.iopm);
	svm_host.msrpm_pa = __sme_pa(svm_host.msrpm);
	return 0;
}

static int alloc_cpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpu, cpu);

		sc->host_save = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		sc->host_state = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!sc->host_save || !sc->host_state)
			return -ENOMEM;
	}
	return 0;
}

static int check_cpu(void)
{
	u64 vm_cr;

	if (!host_rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & (VM_CR_SVM_DISABLE))) {
		log_err("SVM (AMD-V) is disabled by the firmware: turn it on in the firmware set-up");
		return -ENODEV;
	}
	if (!(svm_host.features & SVM_FEATURE_NPT)) {
		log_err("this CPU has no nested paging (NPT), which minivmm needs");
		return -ENODEV;
	}
	return 0;
}

bool svm_probe(void)
{
	return cpuid_eax(0x80000000) >= 0x8000000a && (cpuid_ecx(0x80000001) & CPUID_SVM);
}

int svm_setup(void)
{
	u32 eax, ebx, ecx, edx;
	int err;

	cpuid(0x8000000a, &eax, &ebx, &ecx, &edx);
	svm_host.features = edx;
	svm_host.nr_asids = ebx;
	svm_host.forced_cr4 = native_read_cr4() & X86_CR4_MCE;
	err = check_cpu();
	if (err)
		return err;
	err = alloc_permission_maps();
	if (!err)
		err = alloc_cpu_pages();
	if (err) {
		svm_teardown();
		return err;
	}
	backend.name = "svm";
	backend.holds_cpus = true;
	/* Traps of bus locks would be the guest's. Steps and records of branches do no harm there. */
	backend.clears_debugctl = boot_cpu_has(X86_FEATURE_BUS_LOCK_DETECT);
	backend.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	backend.xsaves = boot_cpu_has(X86_FEATURE_XSAVES);
	backend.steps = true;
	backend.rdtscp = true;
	backend.invpcid = true;
	svm_quirks_setup();
	/* Nested tables have as many levels as the host's own. */
	mmu_setup(&(struct mmu_host){
		.role = { .levels = pgtable_l5_enabled() ? 5 : 4, .ad = 1 },
		.max_leaf_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? 3 : 2,
	});
	return 0;
}

void svm_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpu, cpu);

		if (sc->host_save)
			__free_page(sc->host_save);
		if (sc->host_state)
			__free_page(sc->host_state);
		sc->host_save = NULL;
		sc->host_state = NULL;
	}
	if (svm_host.iopm)
		free_pages_exact(svm_host.iopm, IOPM_SIZE);
	if (svm_host.msrpm)
		free_pages_exact(svm_host.msrpm, MSRPM_SIZE);
	svm_host.iopm = NULL;
	svm_host.msrpm = NULL;
}

int svm_cpu_enable(void)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpu);
	u64 efer = host_rdmsr(MSR_EFER);

	if (efer & EFER_SVME)
		return -EBUSY;
	host_wrmsr(MSR_EFER, efer | EFER_SVME);
	sc->host_state_pa = __sme_set(page_to_phys(sc->host_state));
	host_wrmsr(MSR_VM_HSAVE_PA, __sme_set(page_to_phys(sc->host_save)));
	sc->next_asid = svm_host.nr_asids;	/* the first guest starts with a flush */
	sc->enabled = true;
	return 0;
}

void svm_cpu_disable(void)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpu);

	if (!sc->enabled)
		return;
	sc->enabled = false;
	/* EFER.SVME cannot be cleared safely while GIF is 0. */
	asm volatile("stgi");
	host_wrmsr(MSR_VM_HSAVE_PA, 0);
	host_wrmsr(MSR_EFER, host_rdmsr(MSR_EFER) & ~EFER_SVME);
}

/*
 * Gives @svm an ASID of this CPU that no cached translation carries. When they
 * are used up, a new generation starts and the CPU forgets all of them, by the
 * next entry here that succeeds, whoever's it is.
 */
void svm_new_asid(struct svm_vcpu *svm)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpu);

	svm->vmcb->control.tlb_control = VMCB_TLB_KEEP;
	if (sc->next_asid >= svm_host.nr_asids) {
		sc->asid_generation++;
		sc->next_asid = 1;
		sc->flush_all = true;
	}
	svm->vmcb->control.asid = sc->next_asid++;
	svm->asid_generation = sc->asid_generation;
	svm->asid_cpu = smp_processor_id();
}
