/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the VMX backend: its per-CPU and per-vCPU state.
 *
 * cpu.c owns the CPUs (VMX operation, which VMCS is current), host.c what of the
 * host's state a VM exit does not bring back, vcpu.c the guest state, exit.c the
 * way in and out, pml.c what the CPU says the guest wrote to, explain.c and rules.c say
 * why there was no way in; enter.S is the entry itself.
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

#define MINIVMM_BACKEND		/* see vcpu/lazy_state.h; before all of ours */

#include "../backend.h"
#include "../vcpu/vcpu.h"
#include "entry.h"
#include "ops.h"

#define VMX_NR_SYSCALL_MSRS	4	/* see host.c */

/* Bits of vmx_vcpu.pending: what the next entry sees to before anything else, or the exit does. */
#define VMX_BEGIN_WINDOW	BIT(0)
#define VMX_WRITE_CONTROL	BIT(1)	/* control registers, controls, kept MSRs */
#define VMX_WRITE_PDPTES	BIT(2)
#define VMX_WRITE_PIECES	BIT(3)	/* those of vmx_vcpu.changed */
#define VMX_WRITE_FIELDS	BIT(4)	/* of vmx_vcpu.next, where they differ */
#define VMX_WRITE_EVENT		BIT(5)
#define VMX_FLUSH_EPT		BIT(6)
#define VMX_FLUSH_VPID		BIT(7)
/* These stay, */
#define VMX_TIMER_ON		BIT(8)	/* until there is no deadline */
#define VMX_DEBUG_LIVE		BIT(9)	/* while the guest's debug registers are in the CPU */
#define VMX_EVENT_HANDED	BIT(10)	/* until the exit tells whether the event was delivered */
#define VMX_STEP		BIT(11)	/* until the exit: it may be for the monitor trap */
#define VMX_STAYS		GENMASK(11, 8)

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
	struct desc_ptr gdt;

	/* Of the thread that runs the section. */
	u64 fs_base, kernel_gs_base;
	u64 test_ctrl;
	bool test_ctrl_changed;
	bool has_selectors;		/* one of these is not null */
	u16 ds, es, fs, gs, ldt;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* Guest state in pieces: a segment register (its number), or one of these. */
enum { VMX_GDTR = 8, VMX_IDTR, VMX_SYSENTER, VMX_EXCEPTIONS, VMX_NR_PIECES };

struct vmx_vcpu {
	unsigned int pending;		/* VMX_BEGIN_WINDOW ... */
	u32 event;			/* of VMX_WRITE_EVENT */
	bool in_window;			/* the host state in the VMCS is that of this window */
	bool virtual_irqs;		/* the CPU delivers what is in the IRR */

	/*
	 * As the VMCS has them. What an exit leaves unread is also not changed: the
	 * members of struct vcpu are then still equal to these.
	 */
	struct { u64 rip, rsp, rflags, interruptibility, eoi_exits[4]; } written;

	/* For enter.S. */
	struct vmx_entry {
		u64 host_rsp;		/* as the VMCS has it */
		u64 spec_ctrl;		/* the guest's, with what the host insists on */
		u64 host_spec_ctrl;	/* in this window */
		bool launched;		/* entered since it was last cleared */
	} entry;

	u64 *pml;			/* see pml.c; NULL: the CPU does not log */
	void *vmcs;
	u64 vmcs_pa;
	u16 vpid;			/* 0: none */
	int cpu;			/* whose caches hold no stale translation, -1: none */
	bool flush_wanted;		/* in builds for tests: asked for, and not done yet */
	bool is_new;			/* never loaded: nothing in it is defined */
	int loaded_on;			/* CPU, or -1; only the owner loads, that CPU clears */
	bool split_locks;		/* the guest has made one */
	bool nmi_arrived;		/* the host's: taken when the window ends */

	/* Bit n: piece n here is right (fresh), is newer than the VMCS (changed). */
	unsigned long fresh, changed;
	struct segment segment[8];
	struct { u64 base; u32 limit; } table[2];
	u32 exceptions;			/* intercepted; never read back */
	u64 sysenter_cs, sysenter_esp, sysenter_eip;

	u64 cr0_shadow, cr4_shadow;	/* what the guest reads of the bits we keep */
	u64 pdpte[4];
	u64 pat, kernel_gs_base;
	u64 syscall_msrs[VMX_NR_SYSCALL_MSRS];
	bool section_begins;		/* nothing was entered in it yet */
	bool syscall_used;		/* EFER.SCE is set */
	bool syscall_loaded;		/* the guest's MSRs are in the CPU */

	struct { u64 cr3, cr4, fs_base; } host;	/* as the VMCS has them */

	/* VMX_WRITE_FIELDS: @next is what the VMCS should have, @have what it has. */
	struct vmx_fields {
		u32 proc, tpr_threshold;
		u64 dr7, tsc_offset, tsc_ratio;
	} next, have;
};

static inline struct vmx_vcpu *to_vmx(const struct vcpu *vcpu)
{
	return vcpu->backend;
}

/* What every exit of an instruction needs, from the loaded VMCS. */
static __always_inline void vmx_read_rip(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	vmcs_load(VMCS_GUEST_RIP, &vmx->written.rip);
	vcpu->lazy_state.regs.rip = vmx->written.rip;
}

#define VMX_SHADOWS	(VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS)

static __always_inline void vmx_read_flags(struct vcpu *vcpu, struct vmx_vcpu *vmx)
{
	struct lazy_state *state = &vcpu->lazy_state;

	vmcs_load(VMCS_GUEST_RFLAGS, &vmx->written.rflags);
	vmcs_load(VMCS_GUEST_INTERRUPTIBILITY, &vmx->written.interruptibility);
	state->regs.rflags = vmx->written.rflags;
	state->irq_shadow = false;
	state->nmi_masked = false;
	if (unlikely(vmx->written.interruptibility)) {
		state->irq_shadow = vmx->written.interruptibility & VMX_SHADOWS;
		state->nmi_masked = vmx->written.interruptibility & VMCS_BLOCKED_BY_NMI;
	}
}

/* The backend's functions, see backend.h: all the files. */
#define OP(ret, name, args)	ret vmx_##name args;
BACKEND_OPS(OP)
#undef OP

/* cpu.c */
void vmx_clear(struct vmx_vcpu *vmx);
void vmx_fetch(struct vmx_vcpu *vmx);
bool vmx_load(struct vmx_vcpu *vmx);
bool vmx_load_outside(struct vmx_vcpu *vmx);

/* host.c */
void vmx_host_init_cpu(struct vmx_cpu *vc);
void vmx_host_write_cpu(struct vmx_vcpu *vmx, const struct vmx_cpu *vc);
bool vmx_host_begin_window(struct vmx_vcpu *vmx);
void vmx_host_use_syscall(struct vmx_vcpu *vmx, bool used);
void vmx_host_permit_split_locks(struct vmx_vcpu *vmx);
int vmx_syscall_msr(u32 index);	/* its place in syscall_msrs, or -1 */

/* vcpu.c */
void vmx_write_changes(struct vcpu *vcpu);
void vmx_write_fields(struct vmx_vcpu *vmx);
void vmx_set_cr0_view(struct vcpu *vcpu, u64 value);
void vmx_save_guest(struct vcpu *vcpu);

/* pml.c */
int vmx_pml_create(struct vmx_vcpu *vmx);
void vmx_pml_free(struct vmx_vcpu *vmx);
void vmx_pml_write_constants(const struct vmx_vcpu *vmx);
void vmx_pml_drain(struct vcpu *vcpu);

/* explain.c */
void vmx_explain(struct vcpu *vcpu, u64 code);

/* corrupt.c: window, around an entry. */
#ifdef MINIVMM_DEBUG
void vmx_corrupt(void);
void vmx_mend(void);
void vmx_spoil_unread(struct vcpu *vcpu);
#else
static inline void vmx_corrupt(void)
{
}

static inline void vmx_mend(void)
{
}

static inline void vmx_spoil_unread(struct vcpu *vcpu)
{
}
#endif

/* enter.S; no C function: see there. */
asmlinkage void vmx_enter_guest(void);
extern const char vmx_exit_point[];

#endif /* MINIVMM_VMX_VMX_H */
