/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the VMX backend: its per-CPU and per-vCPU state.
 *
 * cpu.c owns the CPUs (VMX operation, which VMCS is current), host.c what of the
 * host's state a VM exit does not bring back, vcpu.c the guest state, exit.c the
 * way in and out, explain.c and rules.c say why there was none; enter.S is the
 * entry itself.
 *
 * A VMCS stays loaded (active and current) on the CPU of its last entry until
 * another vCPU's is loaded there, or it is needed on another CPU. Then it is cleared:
 * the CPU writes back what it holds of it. When VMX operation lasts for a window only,
 * it is cleared at the end of the window, and struct vmx_vcpu has all guest state.
 */
#ifndef MINIVMM_VMX_VMX_H
#define MINIVMM_VMX_VMX_H

#include <linux/percpu.h>
#include <asm/desc_defs.h>

#include "../backend.h"
#include "../vcpu.h"
#include "ops.h"

#define VMX_NR_SYSCALL_MSRS	4	/* see host.c */

/* What all CPUs can do, and what of it is used; fixed after setup. */
struct vmx_host {
	u64 basic, misc, ept_vpid;
	u64 eptp_bits;			/* of every EPT pointer: all but the address */
	u64 pin, proc, proc2, exit, entry;	/* controls every vCPU starts with */
	void *msr_bitmap, *msr_bitmap_x2apic;
	void *apic_access;		/* the page by which APIC accesses are recognized */
	bool windowed;			/* VMX operation lasts for a window */
};

extern struct vmx_host vmx_host;

struct vmx_cpu {
	struct page *region;		/* of VMXON */
	struct vmx_vcpu *current_vcpu;	/* whose VMCS is loaded; changes with interrupts off */
	bool on;			/* in VMX operation */

	/* Constant while the CPU is online. */
	u64 gs_base, tr_base, idt_base, pat, efer;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 syscall_msrs[VMX_NR_SYSCALL_MSRS];

	/* Of the thread that runs the section. */
	struct desc_ptr gdt;
	u64 fs_base, kernel_gs_base;
	u64 test_ctrl;
	u16 ds, es, fs, gs, ldt;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* Guest state in pieces: a segment register (its number), or one of these. */
enum { VMX_GDTR = 8, VMX_IDTR, VMX_SYSENTER, VMX_NR_PIECES };

struct vmx_vcpu {
	void *vmcs;
	u64 vmcs_pa;
	u16 vpid;			/* 0: none */
	int cpu;			/* whose caches hold no stale translation, -1: none */
	bool is_new;			/* never loaded: nothing in it is defined */
	int loaded_on;			/* CPU, or -1; only the owner loads, that CPU clears */
	bool launched;
	bool in_window;			/* the host state in the VMCS is that of this window */
	bool flush_vpid, flush_ept;	/* before the next entry */
	bool split_locks;		/* the guest has made one */
	bool virtual_irqs;		/* the CPU delivers what is in the IRR */
	bool nmi_arrived;		/* the host's: taken when the window ends */

	/* Bit n: piece n here is right (fresh), is newer than the VMCS (changed). */
	unsigned long fresh, changed;
	struct emul_seg segment[8];
	struct { u64 base; u32 limit; } table[2];
	u64 sysenter_cs, sysenter_esp, sysenter_eip;

	bool control_changed, pdpte_changed, debug_changed;
	u64 cr0_shadow;			/* what the guest reads of the bits we keep */
	u64 pdpte[4];
	u64 pat, debugctl, kernel_gs_base;
	u64 syscall_msrs[VMX_NR_SYSCALL_MSRS];

	/* Fields written at the next entry if they differ from what the VMCS has. */
	struct vmx_fields {
		u32 pin, proc, tpr_threshold, event, event_error, interruptibility;
		u64 rip, rsp, rflags, dr7, tsc_offset, tsc_ratio;
	} next, written;
	u32 shadow;			/* which interrupt shadow the last exit left */
};

static inline struct vmx_vcpu *to_vmx(const struct vcpu *vcpu)
{
	return vcpu->backend;
}

/* The backend's functions, see backend.h: all the files. */
#define OP(ret, name, args)	ret vmx_##name args;
BACKEND_OPS(OP)
#undef OP

/* cpu.c */
void vmx_clear(struct vmx_vcpu *vmx);
void vmx_fetch(struct vmx_vcpu *vmx);
bool vmx_load(struct vmx_vcpu *vmx);
void vmx_load_outside(struct vmx_vcpu *vmx);

/* host.c */
void vmx_host_init_cpu(struct vmx_cpu *vc);
void vmx_host_write_cpu(const struct vmx_cpu *vc);
void vmx_host_write_window(const struct vmx_cpu *vc);
void vmx_host_clear_buffers(void);
void vmx_host_permit_split_locks(struct vmx_vcpu *vmx);
u64 *vmx_syscall_msr(struct vmx_vcpu *vmx, u32 index);

/* vcpu.c */
void vmx_write_changes(struct vcpu *vcpu);
void vmx_read_control(struct vcpu *vcpu);
void vmx_set_cr0_view(struct vcpu *vcpu, u64 value);
void vmx_save_guest(struct vmx_vcpu *vmx);

/* explain.c */
void vmx_explain(struct vcpu *vcpu, u64 code);

/* corrupt.c: window, around an entry. */
#ifdef MINIVMM_DEBUG
void vmx_corrupt(void);
void vmx_mend(void);
#else
static inline void vmx_corrupt(void)
{
}

static inline void vmx_mend(void)
{
}
#endif

/* enter.S */
bool vmx_enter_guest(u64 *gpr, bool launched, u64 spec_ctrl, u64 host_spec_ctrl);
extern const char vmx_exit_point[];

#endif /* MINIVMM_VMX_VMX_H */
