// SPDX-License-Identifier: GPL-2.0
/*
 * VMX on the host's CPUs: what they can do, taking and giving back VMX operation,
 * and which VMCS is loaded.
 *
 * setup/teardown run at load and unload, cpu_enable/cpu_disable on the CPU in
 * question with interrupts off, cpu_disable also in a crash: it takes no lock.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/msr.h>

#include "vmx.h"
#include "../compat.h"
#include "../cpu/msr_rows.h"
#include "../report/log.h"
#include "../vm.h"

#define CPUID_VMX	BIT(5)
#define CR4_FRED	BIT_ULL(32)

struct vmx_host vmx_host;
DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);

static bool windowed = !HOST_KEEPS_VMXE;
module_param_named(vmx_windowed, windowed, bool, 0444);
MODULE_PARM_DESC(vmx_windowed, "leave VMX operation whenever interrupts go on (for tests; always so since 6.18)");

/*
 * What the CPU may have and is then used, F(parameter, word of vmx_host, its bits,
 * description). A parameter that is N takes the bits away; after load the parameters
 * tell what is in use. Without the controls of controls[].must there is no guest.
 */
#define VMX_FEATURES(F)									\
	F(vpid, proc2, PROC2_VPID,							\
	  "keep translations of guests apart by VPID instead of flushing")		\
	F(ept_ad, ept_vpid, VMX_EPT_AD,							\
	  "let the CPU keep accessed and dirty bits in EPT entries")			\
	F(pml, proc2, PROC2_PML,							\
	  "let the CPU log which pages of logged memory a guest writes to")		\
	F(large_pages, ept_vpid, VMX_EPT_2M | VMX_EPT_1G,				\
	  "map guest memory by large pages where it is contiguous")			\
	F(single_context, ept_vpid, VMX_INVEPT_SINGLE | VMX_INVVPID_SINGLE,		\
	  "drop the cached translations of one guest instead of all")			\
	F(ple, proc2, PROC2_PAUSE_LOOP, "end guests that spin in PAUSE loops")		\
	F(apic_access, proc2, PROC2_APIC_ACCESS,					\
	  "recognize accesses to the local APIC's page")				\
	F(apic_registers, proc2, PROC2_APIC_REGISTERS,					\
	  "let the CPU serve reads of the local APIC's registers")			\
	F(virtual_interrupts, proc2, PROC2_VIRTUAL_INTERRUPT,				\
	  "let the CPU deliver and end interrupts of the local APIC")			\
	F(x2apic, proc2, PROC2_X2APIC, "the same in the local APIC's x2APIC mode")	\
	F(rdtscp, proc2, PROC2_RDTSCP, "offer RDTSCP and RDPID to guests")		\
	F(invpcid, proc2, PROC2_INVPCID, "offer INVPCID to guests")			\
	F(preemption_timer, pin, PIN_PREEMPTION_TIMER,					\
	  "end a run by the CPU's timer when the guest's deadline comes")		\
	F(tsc_scaling, proc2, PROC2_TSC_SCALING,					\
	  "let a guest's TSC run at another rate than the host's")			\
	F(xsaves, proc2, PROC2_XSAVES, "offer XSAVES to guests")

#define F(param, word, bits, text)	FEATURE_##param,
enum { VMX_FEATURES(F) NR_FEATURES };
#undef F

static bool use[NR_FEATURES] = { [0 ... NR_FEATURES - 1] = true };

#define F(param, word, bits, text)							\
	module_param_named(param, use[FEATURE_##param], bool, 0444);			\
	MODULE_PARM_DESC(param, text);
VMX_FEATURES(F)
#undef F

static const struct feature {
	const char *name;
	u64 *word, bits;
} features[NR_FEATURES] = {
#define F(param, word, bits, text)	{ #param, &vmx_host.word, bits },
	VMX_FEATURES(F)
#undef F
};

void vmx_write_failed(unsigned long field, u64 value)
{
	printk_once(KERN_ERR "minivmm: VMWRITE of %#llx to field %#lx failed\n", value, field);
}

enum { PERMIT_READ = BIT(0), PERMIT_WRITE = BIT(1) };

/* The bitmap: reads of low and of high MSRs, then writes of both, 1 KiB each. */
static void permit_msr(u8 *map, u32 msr, unsigned int how)
{
	unsigned int byte = (msr & 0x1fff) / 8 + (msr >= 0xc0000000 ? 1024 : 0);

	if (how & PERMIT_READ)
		map[byte] &= ~BIT(msr % 8);
	if (how & PERMIT_WRITE)
		map[byte + 2048] &= ~BIT(msr % 8);
}

static void permit_apic_msr(u8 *map, u32 offset, unsigned int how)
{
	permit_msr(map, 0x800 + (offset >> 4), how);
}

static int alloc_msr_bitmaps(void)
{
	u32 direct[MSR_MAX_LISTED];
	unsigned int i, count = msr_list(MSR_IN_DIRECT, direct);

	vmx_host.msr_bitmap = (void *)__get_free_page(GFP_KERNEL);
	vmx_host.msr_bitmap_x2apic = (void *)__get_free_page(GFP_KERNEL);
	if (!vmx_host.msr_bitmap || !vmx_host.msr_bitmap_x2apic)
		return -ENOMEM;
	memset(vmx_host.msr_bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < count; i++)
		if (vmx_syscall_msr(direct[i]) < 0)	/* no exit saves what a guest wrote to these */
			permit_msr(vmx_host.msr_bitmap, direct[i], PERMIT_READ | PERMIT_WRITE);
	/* What is read is offset and scaled as by RDTSC. */
	permit_msr(vmx_host.msr_bitmap, MSR_IA32_TSC, PERMIT_READ);
	memcpy(vmx_host.msr_bitmap_x2apic, vmx_host.msr_bitmap, PAGE_SIZE);
	permit_apic_msr(vmx_host.msr_bitmap_x2apic, APIC_REG_TPR, PERMIT_READ | PERMIT_WRITE);
	permit_apic_msr(vmx_host.msr_bitmap_x2apic, APIC_REG_EOI, PERMIT_WRITE);
	permit_apic_msr(vmx_host.msr_bitmap_x2apic, APIC_REG_SELF_IPI, PERMIT_WRITE);
	return 0;
}

static int alloc_apic_access(void)
{
	if (!(vmx_host.proc2 & PROC2_APIC_ACCESS))
		return 0;
	vmx_host.apic_access = (void *)get_zeroed_page(GFP_KERNEL);
	return vmx_host.apic_access ? 0 : -ENOMEM;
}

static int alloc_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

		if (!page)
			return -ENOMEM;
		*(u32 *)page_address(page) = vmx_host.basic & VMX_BASIC_REVISION;
		per_cpu(vmx_cpu, cpu).region = page;
	}
	return 0;
}

static int missing(const char *what)
{
	log_err("this CPU's VMX (VT-x) has no %s, which minivmm needs", what);
	return -ENODEV;
}

/*
 * Control words: what must be set, what should be; the capability MSR says what may be.
 * No port is passed through, so all I/O exits and there are no I/O bitmaps to look up.
 */
static const struct control {
	u32 msr;
	u32 must, may;
	u64 *word;
	const char *name;
} controls[] = {
	{ MSR_VMX_TRUE_PIN, PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS,
	  PIN_PREEMPTION_TIMER,
	  &vmx_host.pin, "exits for interrupts, NMIs and virtual NMIs" },
	{ MSR_VMX_TRUE_PROC,
	  PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_TPR_SHADOW | PROC_MOV_DR |
	  PROC_ALL_IO | PROC_MSR_BITMAP | PROC_MONITOR | PROC_SECONDARY, 0,
	  &vmx_host.proc, "TPR shadow, MSR bitmap or secondary controls" },
	{ MSR_VMX_PROC2, PROC2_EPT | PROC2_UNRESTRICTED | PROC2_WBINVD,
	  PROC2_APIC_ACCESS | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT | PROC2_X2APIC |
	  PROC2_VPID | PROC2_PAUSE_LOOP | PROC2_ENCLS | PROC2_RDTSCP | PROC2_INVPCID |
	  PROC2_XSAVES | PROC2_TSC_SCALING | PROC2_PML,
	  &vmx_host.proc2, "unrestricted guests or WBINVD exits" },
	{ MSR_VMX_TRUE_EXIT, EXITCTL_SAVE_DEBUG | EXITCTL_HOST_64 | EXITCTL_LOAD_PAT |
	  EXITCTL_SAVE_EFER | EXITCTL_LOAD_EFER, 0,
	  &vmx_host.exit, "switching of EFER and PAT at exits" },
	{ MSR_VMX_TRUE_ENTRY, ENTRYCTL_LOAD_DEBUG | ENTRYCTL_LOAD_PAT | ENTRYCTL_LOAD_EFER, 0,
	  &vmx_host.entry, "switching of EFER and PAT at entries" },
};

static int read_controls(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		const struct control *c = &controls[i];
		u64 caps = host_rdmsr(c->msr);
		u32 always = caps, allowed = caps >> 32;

		if (c->must & ~allowed)
			return missing(c->name);
		*c->word = (c->must | c->may | always) & allowed;
	}
	vmx_host.ept_vpid = host_rdmsr(MSR_VMX_EPT_VPID);
	return 0;
}

/* CPUs (of those with unrestricted guests) whose timer counts at another rate than it says. */
static bool timer_errs(void)
{
	static const u32 signatures[] = { 0x20652, 0x20655, 0x206e6, 0x306a8 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signatures); i++)
		if (cpuid_eax(1) == signatures[i])
			return true;
	return false;
}

static void choose_features(void)
{
	unsigned int i;

	if (timer_errs())
		vmx_host.pin &= ~PIN_PREEMPTION_TIMER;
	if (!(vmx_host.ept_vpid & VMX_INVVPID) || !(vmx_host.ept_vpid & VMX_INVVPID_ALL))
		vmx_host.proc2 &= ~PROC2_VPID;
	/* Pages are logged when they become dirty. */
	if (!use[FEATURE_ept_ad] || !(vmx_host.ept_vpid & VMX_EPT_AD))
		vmx_host.proc2 &= ~PROC2_PML;
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		use[i] &= !!(*f->word & f->bits);
		if (!use[i])
			*f->word &= ~f->bits;
	}
}

static int check_ept(void)
{
	u64 caps = vmx_host.ept_vpid;

	if (!(caps & VMX_EPT_4_LEVELS) || !(caps & VMX_EPT_WRITE_BACK))
		return missing("EPT of four levels and write-back memory");
	if (!(caps & VMX_INVEPT) || !(caps & VMX_INVEPT_ALL))
		return missing("INVEPT");
	vmx_host.eptp_bits = EPTP_WRITE_BACK | EPTP_LEVELS(4) | (caps & VMX_EPT_AD ? EPTP_AD : 0);
	return 0;
}

static int check_cpu(void)
{
	u64 secondary;

	if (!(host_rdmsr(MSR_VMX_FEATURE_CONTROL) & VMX_FEATURE_ENABLED)) {
		log_err("VMX (VT-x) is disabled by the firmware: turn it on in the firmware set-up");
		return -ENODEV;
	}
	if (__read_cr4() & CR4_FRED) {
		log_err("this kernel uses FRED, with which minivmm does not run yet: boot it with fred=off");
		return -EOPNOTSUPP;
	}
	if (!(host_rdmsr(MSR_VMX_PROC) >> 32 & PROC_SECONDARY))
		return missing("EPT");
	secondary = host_rdmsr(MSR_VMX_PROC2) >> 32;
	if (!(secondary & PROC2_EPT))
		return missing("EPT");
	if (!(secondary & PROC2_UNRESTRICTED))
		return missing("unrestricted guests");
	vmx_host.basic = host_rdmsr(MSR_VMX_BASIC);
	if (!(vmx_host.basic & VMX_BASIC_TRUE_CONTROLS))
		return missing("adjustable controls");
	return 0;
}

static void fill_caps(void)
{
	backend.name = "vmx";
	backend.holds_cpus = !vmx_host.windowed;
	backend.clears_debugctl = true;
	backend.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	backend.delivers_irqs = vmx_host.proc2 & PROC2_VIRTUAL_INTERRUPT;
	backend.apic_registers = (vmx_host.proc2 & PROC2_APIC_ACCESS) &&
				 (vmx_host.proc2 & PROC2_APIC_REGISTERS);
	backend.xsaves = boot_cpu_has(X86_FEATURE_XSAVES) && (vmx_host.proc2 & PROC2_XSAVES);
	backend.exit_timer = vmx_host.pin & PIN_PREEMPTION_TIMER;
	backend.steps = host_rdmsr(MSR_VMX_TRUE_PROC) >> 32 & PROC_MONITOR_TRAP;
	backend.tsc_ratio_bits = vmx_host.proc2 & PROC2_TSC_SCALING ? 48 : 0;
	backend.rdtscp = vmx_host.proc2 & PROC2_RDTSCP;
	backend.invpcid = vmx_host.proc2 & PROC2_INVPCID;
	mmu_setup(&(struct mmu_host){
		.role = { .levels = 4, .ept = boot_cpu_has(X86_FEATURE_SELFSNOOP) ? 1 : 2,
			  .ad = !!(vmx_host.ept_vpid & VMX_EPT_AD),
			  .log = !!(vmx_host.proc2 & PROC2_PML),
			  .nx_large = boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) },
		.apic_pfn = vmx_host.apic_access ? __pa(vmx_host.apic_access) >> PAGE_SHIFT : 0,
		.max_leaf_level = vmx_host.ept_vpid & VMX_EPT_1G ? 3 :
				  vmx_host.ept_vpid & VMX_EPT_2M ? 2 : 1,
	});
}

static void report(void)
{
	char text[256];
	unsigned int i, len = 0;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		len += scnprintf(text + len, sizeof(text) - len, ", %s %s", features[i].name,
				 str_on_off(use[i]));
	log_info("vmx: %s%s", vmx_host.windowed ? "windowed" : "held", text);
}

bool vmx_probe(void)
{
	return cpuid_ecx(1) & CPUID_VMX;
}

int vmx_setup(void)
{
	int err = check_cpu();

	if (!err)
		err = read_controls();
	if (err)
		return err;
	choose_features();
	err = check_ept();
	if (!err)
		err = alloc_msr_bitmaps();
	if (!err)
		err = alloc_apic_access();
	if (!err)
		err = alloc_regions();
	if (err) {
		vmx_teardown();
		return err;
	}
	windowed |= !HOST_KEEPS_VMXE;
	vmx_host.windowed = windowed;
	vmx_host.misc = host_rdmsr(MSR_VMX_MISC);
	fill_caps();
	report();
	return 0;
}

void vmx_teardown(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpu, cpu);

		if (vc->region)
			__free_page(vc->region);
		vc->region = NULL;
	}
	free_page((unsigned long)vmx_host.apic_access);
	free_page((unsigned long)vmx_host.msr_bitmap_x2apic);
	free_page((unsigned long)vmx_host.msr_bitmap);
	vmx_host.apic_access = vmx_host.msr_bitmap_x2apic = vmx_host.msr_bitmap = NULL;
}

static void set_vmxe(bool on)
{
	unsigned long cr4;

	if (!vmx_host.windowed) {
		host_keep_vmxe(on);
		return;
	}
	cr4 = on ? __read_cr4() | X86_CR4_VMXE : __read_cr4() & ~X86_CR4_VMXE;
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

static bool vmx_begin(struct vmx_cpu *vc)
{
	if (__read_cr4() & X86_CR4_VMXE)
		return false;
	set_vmxe(true);
	vc->on = vmxon(page_to_phys(vc->region));
	if (!vc->on)
		set_vmxe(false);
	return vc->on;
}

static void vmx_end(struct vmx_cpu *vc)
{
	vc->on = false;
	vmxoff();
	set_vmxe(false);
}

/* Interrupts off. The VMCS that is loaded here may then be loaded anywhere. */
static void clear_vmcs(struct vmx_cpu *vc)
{
	struct vmx_vcpu *vmx = vc->current_vcpu;

	vc->current_vcpu = NULL;
	vmclear(vmx->vmcs_pa);
	vmx->entry.launched = false;
	smp_store_release(&vmx->loaded_on, -1);
}

int vmx_cpu_enable(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	vmx_host_init_cpu(vc);
	if (!vmx_begin(vc))
		return -EBUSY;
	if (vmx_host.windowed)
		vmx_end(vc);
	return 0;
}

void vmx_cpu_disable(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	if (!vc->on)
		return;
	if (vc->current_vcpu)
		clear_vmcs(vc);
	vmx_end(vc);
}

static void clear_if_loaded(void *vmx)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	if (vc->current_vcpu == vmx)
		clear_vmcs(vc);
}

/* Interrupts on. A CPU that went offline has cleared what was loaded there. */
void vmx_clear(struct vmx_vcpu *vmx)
{
	int cpu = smp_load_acquire(&vmx->loaded_on);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_if_loaded, vmx, true);
}

/* Interrupts on. Whoever stays on this CPU can load the VMCS afterwards. */
void vmx_fetch(struct vmx_vcpu *vmx)
{
	int cpu = smp_load_acquire(&vmx->loaded_on);

	if (cpu != raw_smp_processor_id())
		vmx_clear(vmx);
}

/* Interrupts off. False: this CPU is not ours to use. */
static bool load_vmcs(struct vmx_cpu *vc, struct vmx_vcpu *vmx)
{
	if (!vc->on && !(vmx_host.windowed && vmx_begin(vc)))
		return false;
	if (vc->current_vcpu == vmx)
		return true;
	if (vc->current_vcpu)
		clear_vmcs(vc);
	if (vmx->is_new)
		vmclear(vmx->vmcs_pa);
	if (!vmptrld(vmx->vmcs_pa))
		return false;
	vc->current_vcpu = vmx;
	vmx->loaded_on = smp_processor_id();
	return true;
}

/* For an entry, in the window. False: this CPU is not ours to use. */
bool vmx_load(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	if (!load_vmcs(vc, vmx))
		return false;
	if (vmx->cpu == smp_processor_id())
		return true;
	/* Caches of this CPU may be from an earlier stay here. */
	vmx->cpu = smp_processor_id();
	vmx->pending |= VMX_FLUSH_VPID | VMX_FLUSH_EPT;
	vmx_host_write_cpu(vmx, vc);
	return true;
}

/*
 * Outside: true with the VMCS loaded and interrupts off, for the caller to turn on. A
 * CPU that goes offline, or that another hypervisor holds, is waited for; false, with
 * interrupts on, if the process is killed meanwhile.
 */
bool vmx_load_outside(struct vmx_vcpu *vmx)
{
	do {
		vmx_fetch(vmx);
		local_irq_disable();
		if ((vmx->loaded_on < 0 || vmx->loaded_on == smp_processor_id()) &&
		    load_vmcs(this_cpu_ptr(&vmx_cpu), vmx))
			return true;
		local_irq_enable();
		yield();
	} while (!fatal_signal_pending(current));
	return false;
}

static noinline void end_with_window(struct vcpu *vcpu)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	if (!vc->on)
		return;
	if (vc->current_vcpu) {
		vmx_save_guest(vcpu);
		clear_vmcs(vc);
	}
	vmx_end(vc);
}

/* With the first entry: there may be none, and it may find the CPU taken. */
void vmx_interrupted(struct vcpu *vcpu)
{
}

void vmx_window_enter(struct vcpu *vcpu)
{
}

void vmx_window_leave(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (READ_ONCE(vcpu->vm->memory.logged))
		vmx_pml_drain(vcpu);
	if (vmx_host.windowed)
		end_with_window(vcpu);
	vmx->in_window = false;
	vmx->pending |= VMX_BEGIN_WINDOW;
	/* NMIs have been blocked since the exit; the handler's IRET unblocks them. */
	if (unlikely(vmx->nmi_arrived)) {
		vmx->nmi_arrived = false;
		asm volatile("int $2");
	}
}
