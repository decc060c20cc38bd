// SPDX-License-Identifier: GPL-2.0
/*
 * The host's side of VM entries and exits: the host state in the VMCS, and what
 * an exit does not bring back, which is saved before the first entry of a section and
 * restored when it ends: user selectors, table limits, the syscall MSRs, KERNEL_GS_BASE.
 * Kernel code needs none of these in between.
 */
#include <linux/thread_info.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/special_insns.h>

#include "vmx.h"
#include "../compat.h"
#include "../cpu/speculation.h"

static const u32 syscall_msrs[VMX_NR_SYSCALL_MSRS] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
};

void vmx_host_init_cpu(struct vmx_cpu *vc)
{
	struct desc_ptr idt;
	unsigned int i;

	native_store_gdt(&vc->gdt);
	store_idt(&idt);
	vc->idt_base = idt.address;
	vc->gs_base = host_rdmsr(MSR_GS_BASE);
	vc->tr_base = (unsigned long)&get_cpu_entry_area(smp_processor_id())->tss.x86_tss;
	vc->pat = host_rdmsr(MSR_IA32_CR_PAT);
	vc->efer = host_rdmsr(MSR_EFER);
	vc->sysenter_cs = host_rdmsr(MSR_IA32_SYSENTER_CS);
	vc->sysenter_esp = host_rdmsr(MSR_IA32_SYSENTER_ESP);
	vc->sysenter_eip = host_rdmsr(MSR_IA32_SYSENTER_EIP);
	for (i = 0; i < VMX_NR_SYSCALL_MSRS; i++)
		vc->syscall_msrs[i] = host_rdmsr(syscall_msrs[i]);
}

/* Host state in the loaded VMCS that is the same in every section on this CPU. */
void vmx_host_write_cpu(struct vmx_vcpu *vmx, const struct vmx_cpu *vc)
{
	vmcs_write(VMCS_HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write(VMCS_HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(VMCS_HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(VMCS_HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(VMCS_HOST_GS_BASE, vc->gs_base);
	vmcs_write(VMCS_HOST_TR_BASE, vc->tr_base);
	vmcs_write(VMCS_HOST_GDTR_BASE, vc->gdt.address);
	vmcs_write(VMCS_HOST_IDTR_BASE, vc->idt_base);
	vmcs_write(VMCS_HOST_PAT, vc->pat);
	vmcs_write(VMCS_HOST_EFER, vc->efer);
	vmcs_write(VMCS_HOST_SYSENTER_CS, vc->sysenter_cs);
	vmcs_write(VMCS_HOST_SYSENTER_ESP, vc->sysenter_esp);
	vmcs_write(VMCS_HOST_SYSENTER_EIP, vc->sysenter_eip);
	vmcs_write(VMCS_HOST_RIP, (unsigned long)vmx_exit_point);
	vmcs_write(VMCS_HOST_CR3, vmx->host.cr3);
	vmcs_write(VMCS_HOST_CR4, vmx->host.cr4);
	vmcs_write(VMCS_HOST_FS_BASE, vmx->host.fs_base);
	vmx->entry.host_rsp = 0;
}

#define WRITE_CHANGED(value, member, field)				\
	do {								\
		if ((value) != vmx->host.member) {			\
			vmx->host.member = (value);			\
			vmcs_write(field, vmx->host.member);		\
		}							\
	} while (0)

/* What the host may change between two windows. */
static void write_window(struct vmx_vcpu *vmx, const struct vmx_cpu *vc)
{
	u64 cr3 = host_cr3(), cr4 = host_cr4() | X86_CR4_VMXE;

	WRITE_CHANGED(cr3, cr3, VMCS_HOST_CR3);
	WRITE_CHANGED(cr4, cr4, VMCS_HOST_CR4);
	WRITE_CHANGED(vc->fs_base, fs_base, VMCS_HOST_FS_BASE);
}

/*
 * Some CPUs let the kernel trap split locks. Whoever runs guests is not asked to
 * have them without: from a guest's first one on, its sections go without the trap.
 */
void vmx_host_permit_split_locks(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	vmx->split_locks = true;
	if (!vc->test_ctrl_changed)
		vc->test_ctrl = host_rdmsr(MSR_TEST_CTRL);
	vc->test_ctrl_changed = true;
	host_wrmsr(MSR_TEST_CTRL, vc->test_ctrl & ~(u64)MSR_TEST_CTRL_SPLIT_LOCK_DETECT);
}

static void restore_split_lock_trap(struct vmx_cpu *vc)
{
	vc->test_ctrl_changed = false;
	host_wrmsr(MSR_TEST_CTRL, vc->test_ctrl);
}

static void load_msrs(const u64 *value, const u64 *loaded)
{
	unsigned int i;

	for (i = 0; i < VMX_NR_SYSCALL_MSRS; i++)
		if (value[i] != loaded[i])
			host_wrmsr(syscall_msrs[i], value[i]);
}

/* The guest cannot execute SYSCALL, which these are for, before it sets EFER.SCE. */
void vmx_host_use_syscall(struct vmx_vcpu *vmx, bool used)
{
	vmx->syscall_used = used;
	if (!used || vmx->syscall_loaded)
		return;
	vmx->syscall_loaded = true;
	load_msrs(vmx->syscall_msrs, this_cpu_ptr(&vmx_cpu)->syscall_msrs);
}

/* Interrupts off: in between only NMIs and the like can come, which look whose GS base they find. */
static __always_inline u64 read_kernel_gs_base(void)
{
	u64 base;

	if (!cpu_feature_enabled(X86_FEATURE_FSGSBASE))
		return host_rdmsr(MSR_KERNEL_GS_BASE);
	asm volatile("swapgs\n\t"
		     "rdgsbase %[base]\n\t"
		     "swapgs" : [base] "=r" (base) : : "memory");
	return base;
}

static u32 read_ldt(void)
{
	u32 ldt;

	asm volatile("sldt %[ldt]" : [ldt] "=r" (ldt));
	return ldt;
}

/*
 * Exits leave no LDT. One that is there when a later window begins was loaded by an
 * interrupt: another thread of the process has made it. What the selector stands for
 * is in the GDT, and kept up to date there.
 */
static void notice_new_ldt(struct vmx_cpu *vc)
{
	u32 ldt = read_ldt();

	if (likely(!ldt))
		return;
	if (!vc->has_selectors)
		vc->ds = vc->es = vc->fs = vc->gs = 0;
	vc->has_selectors = true;
	vc->ldt = ldt;
}

static void save_selectors(struct vmx_cpu *vc)
{
	u32 ds, es, fs, gs, ldt = read_ldt();

	savesegment(ds, ds);
	savesegment(es, es);
	savesegment(fs, fs);
	savesegment(gs, gs);
	vc->has_selectors = ds | es | fs | gs | ldt;
	if (likely(!vc->has_selectors))
		return;
	vc->ds = ds;
	vc->es = es;
	vc->fs = fs;
	vc->gs = gs;
	vc->ldt = ldt;
}

void vmx_section_enter(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (unlikely(READ_ONCE(vmx->loaded_on) != smp_processor_id()))
		vmx_fetch(vmx);
	vmx->section_begins = true;
}

/* Interrupts off. The rest of it: a section may end before anything is entered. */
static void begin_section(struct vmx_vcpu *vmx, struct vmx_cpu *vc)
{
	vmx->section_begins = false;
	save_selectors(vc);
	vc->fs_base = x86_fsbase_read_cpu();
	vc->kernel_gs_base = read_kernel_gs_base();
	if (vmx->kernel_gs_base != vc->kernel_gs_base)
		host_wrmsr(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	if (vmx->syscall_used)
		vmx_host_use_syscall(vmx, true);
	if (unlikely(vmx->split_locks))
		vmx_host_permit_split_locks(vmx);
}

static bool is_loaded(const struct vmx_vcpu *vmx, const struct vmx_cpu *vc)
{
	return vc->current_vcpu == vmx && vmx->cpu == smp_processor_id();
}

/* Before the first entry of a window. False: this CPU is not ours to use. */
bool vmx_host_begin_window(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpu);

	if (unlikely(!is_loaded(vmx, vc)) && !vmx_load(vmx))
		return false;
	vmx->entry.host_spec_ctrl = backend.spec_ctrl ? host_spec_ctrl_value() : 0;
	if (vmx->section_begins)
		begin_section(vmx, vc);
	else
		notice_new_ldt(vc);
	write_window(vmx, vc);
	if (speculation_flush_l1d)
		host_wrmsr(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	vmx->in_window = true;
	return true;
}

static noinline void reload_task_register(const struct desc_ptr *gdt)
{
	struct desc_struct *writable = get_current_gdt_rw();
	struct desc_ptr direct = { .size = GDT_SIZE - 1, .address = (unsigned long)writable };

	((tss_desc *)&writable[GDT_ENTRY_TSS])->type = DESC_TSS;
	native_load_gdt(&direct);
	asm volatile("ltr %w0" : : "q" (GDT_ENTRY_TSS * 8));
	native_load_gdt(gdt);
}

/*
 * An exit leaves the task register with the least limit, before the I/O bitmap
 * of ioperm(): threads that have one need it back now, others when they get one.
 */
static void restore_tss_limit(const struct desc_ptr *gdt)
{
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		reload_task_register(gdt);
	else
		this_cpu_write(__tss_limit_invalid, true);
}

/* Selectors that 32-bit programs have; 64-bit ones run with null selectors. */
static void restore_selectors(const struct vmx_cpu *vc)
{
	if (vc->ldt)
		asm volatile("lldt %w0" : : "q" (vc->ldt));	/* the others may be in it */
	if (vc->ds | vc->es) {
		loadsegment(ds, vc->ds);
		loadsegment(es, vc->es);
	}
	if (vc->fs) {
		loadsegment(fs, vc->fs);
		x86_fsbase_write_cpu(vc->fs_base);
	}
	if (vc->gs)
		load_gs_index(vc->gs);
}

static void end_section(struct vmx_vcpu *vmx, struct vmx_cpu *vc)
{
	unsigned long flags;

	vmx->kernel_gs_base = host_rdmsr(MSR_KERNEL_GS_BASE);
	host_section_irq_save(flags);
	native_load_gdt(&vc->gdt);
	restore_tss_limit(&vc->gdt);
	if (unlikely(vc->has_selectors))
		restore_selectors(vc);
	host_section_irq_restore(flags);
	/* Loading GS has changed it, too. */
	if (vmx->kernel_gs_base != vc->kernel_gs_base || vc->has_selectors)
		host_wrmsr(MSR_KERNEL_GS_BASE, vc->kernel_gs_base);
	if (unlikely(vmx->split_locks))
		restore_split_lock_trap(vc);
	if (vmx->syscall_loaded)
		load_msrs(vc->syscall_msrs, vmx->syscall_msrs);
	vmx->syscall_loaded = false;
}

void vmx_section_leave(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx->section_begins)
		end_section(vmx, this_cpu_ptr(&vmx_cpu));
}

int vmx_syscall_msr(u32 index)
{
	int i;

	for (i = 0; i < VMX_NR_SYSCALL_MSRS; i++)
		if (syscall_msrs[i] == index)
			return i;
	return -1;
}
