/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What VM entry demands of the VMCS (SDM volume 3, chapter "VM entries"), as a table:
 * rules_control.h, rules_host.h and rules_guest.h are the manual's three lists.
 * explain.c fills the state when an entry has failed. Pure.
 */
#ifndef MINIVMM_VMX_RULES_H
#define MINIVMM_VMX_RULES_H

#include "../entry_rule.h"
#include "vmcs.h"

#define VMX_SEGMENT_FIELDS(FIELD, seg, SEG)			\
	FIELD(guest_##seg##_selector, VMCS_GUEST_##SEG##_SELECTOR) \
	FIELD(guest_##seg##_base, VMCS_GUEST_##SEG##_BASE)	\
	FIELD(guest_##seg##_limit, VMCS_GUEST_##SEG##_LIMIT)	\
	FIELD(guest_##seg##_ar, VMCS_GUEST_##SEG##_AR)

/* FIELD(member, field of the VMCS). A field that a CPU does not have reads as 0. */
#define VMX_STATE_FIELDS(FIELD)					\
	FIELD(pin_controls, VMCS_PIN_CONTROLS)			\
	FIELD(proc_controls, VMCS_PROC_CONTROLS)		\
	FIELD(proc2_controls, VMCS_PROC2_CONTROLS)		\
	FIELD(exit_controls, VMCS_EXIT_CONTROLS)		\
	FIELD(entry_controls, VMCS_ENTRY_CONTROLS)		\
	FIELD(cr3_target_count, VMCS_CR3_TARGET_COUNT)		\
	FIELD(io_bitmap_a, VMCS_IO_BITMAP_A)			\
	FIELD(io_bitmap_b, VMCS_IO_BITMAP_B)			\
	FIELD(msr_bitmap, VMCS_MSR_BITMAP)			\
	FIELD(virtual_apic_addr, VMCS_VIRTUAL_APIC_ADDR)	\
	FIELD(apic_access_addr, VMCS_APIC_ACCESS_ADDR)		\
	FIELD(tpr_threshold, VMCS_TPR_THRESHOLD)		\
	FIELD(vpid, VMCS_VPID)					\
	FIELD(ept_pointer, VMCS_EPT_POINTER)			\
	FIELD(pml_addr, VMCS_PML_ADDR)				\
	FIELD(tsc_multiplier, VMCS_TSC_MULTIPLIER)		\
	FIELD(exit_msr_store_count, VMCS_EXIT_MSR_STORE_COUNT)	\
	FIELD(exit_msr_store_addr, VMCS_EXIT_MSR_STORE_ADDR)	\
	FIELD(exit_msr_load_count, VMCS_EXIT_MSR_LOAD_COUNT)	\
	FIELD(exit_msr_load_addr, VMCS_EXIT_MSR_LOAD_ADDR)	\
	FIELD(entry_msr_load_count, VMCS_ENTRY_MSR_LOAD_COUNT)	\
	FIELD(entry_msr_load_addr, VMCS_ENTRY_MSR_LOAD_ADDR)	\
	FIELD(entry_event, VMCS_ENTRY_EVENT)			\
	FIELD(entry_event_error, VMCS_ENTRY_EVENT_ERROR)	\
	FIELD(entry_insn_len, VMCS_ENTRY_INSN_LEN)		\
	FIELD(host_cr0, VMCS_HOST_CR0)				\
	FIELD(host_cr3, VMCS_HOST_CR3)				\
	FIELD(host_cr4, VMCS_HOST_CR4)				\
	FIELD(host_sysenter_esp, VMCS_HOST_SYSENTER_ESP)	\
	FIELD(host_sysenter_eip, VMCS_HOST_SYSENTER_EIP)	\
	FIELD(host_pat, VMCS_HOST_PAT)				\
	FIELD(host_efer, VMCS_HOST_EFER)			\
	FIELD(host_s_cet, VMCS_HOST_S_CET)			\
	FIELD(host_ssp, VMCS_HOST_SSP)				\
	FIELD(host_ssp_table, VMCS_HOST_SSP_TABLE)		\
	FIELD(host_es_selector, VMCS_HOST_ES_SELECTOR)		\
	FIELD(host_cs_selector, VMCS_HOST_CS_SELECTOR)		\
	FIELD(host_ss_selector, VMCS_HOST_SS_SELECTOR)		\
	FIELD(host_ds_selector, VMCS_HOST_DS_SELECTOR)		\
	FIELD(host_fs_selector, VMCS_HOST_FS_SELECTOR)		\
	FIELD(host_gs_selector, VMCS_HOST_GS_SELECTOR)		\
	FIELD(host_tr_selector, VMCS_HOST_TR_SELECTOR)		\
	FIELD(host_fs_base, VMCS_HOST_FS_BASE)			\
	FIELD(host_gs_base, VMCS_HOST_GS_BASE)			\
	FIELD(host_tr_base, VMCS_HOST_TR_BASE)			\
	FIELD(host_gdtr_base, VMCS_HOST_GDTR_BASE)		\
	FIELD(host_idtr_base, VMCS_HOST_IDTR_BASE)		\
	FIELD(host_rip, VMCS_HOST_RIP)				\
	FIELD(guest_cr0, VMCS_GUEST_CR0)			\
	FIELD(guest_cr3, VMCS_GUEST_CR3)			\
	FIELD(guest_cr4, VMCS_GUEST_CR4)			\
	FIELD(guest_dr7, VMCS_GUEST_DR7)			\
	FIELD(guest_debugctl, VMCS_GUEST_DEBUGCTL)		\
	FIELD(guest_sysenter_esp, VMCS_GUEST_SYSENTER_ESP)	\
	FIELD(guest_sysenter_eip, VMCS_GUEST_SYSENTER_EIP)	\
	FIELD(guest_pat, VMCS_GUEST_PAT)			\
	FIELD(guest_efer, VMCS_GUEST_EFER)			\
	FIELD(guest_s_cet, VMCS_GUEST_S_CET)			\
	FIELD(guest_ssp, VMCS_GUEST_SSP)			\
	FIELD(guest_ssp_table, VMCS_GUEST_SSP_TABLE)		\
	VMX_SEGMENT_FIELDS(FIELD, es, ES)			\
	VMX_SEGMENT_FIELDS(FIELD, cs, CS)			\
	VMX_SEGMENT_FIELDS(FIELD, ss, SS)			\
	VMX_SEGMENT_FIELDS(FIELD, ds, DS)			\
	VMX_SEGMENT_FIELDS(FIELD, fs, FS)			\
	VMX_SEGMENT_FIELDS(FIELD, gs, GS)			\
	VMX_SEGMENT_FIELDS(FIELD, ldtr, LDTR)			\
	VMX_SEGMENT_FIELDS(FIELD, tr, TR)			\
	FIELD(guest_gdtr_base, VMCS_GUEST_GDTR_BASE)		\
	FIELD(guest_gdtr_limit, VMCS_GUEST_GDTR_LIMIT)		\
	FIELD(guest_idtr_base, VMCS_GUEST_IDTR_BASE)		\
	FIELD(guest_idtr_limit, VMCS_GUEST_IDTR_LIMIT)		\
	FIELD(guest_rip, VMCS_GUEST_RIP)			\
	FIELD(guest_rflags, VMCS_GUEST_RFLAGS)			\
	FIELD(guest_activity, VMCS_GUEST_ACTIVITY)		\
	FIELD(guest_interruptibility, VMCS_GUEST_INTERRUPTIBILITY) \
	FIELD(guest_pending_debug, VMCS_GUEST_PENDING_DEBUG)	\
	FIELD(link_pointer, VMCS_LINK)				\
	FIELD(guest_pdpte0, VMCS_GUEST_PDPTE0)			\
	FIELD(guest_pdpte1, VMCS_GUEST_PDPTE0 + 2)		\
	FIELD(guest_pdpte2, VMCS_GUEST_PDPTE0 + 4)		\
	FIELD(guest_pdpte3, VMCS_GUEST_PDPTE0 + 6)

struct vmx_state {
#define FIELD(member, vmcs) u64 member;
	VMX_STATE_FIELDS(FIELD)
#undef FIELD
	/*
	 * What this CPU has: values of the capability MSRs. Those of the controls have
	 * the bits that must be 1 in the low half, those that may be 1 in the high.
	 */
	u64 basic, misc, ept_vpid;
	u64 pin_allowed, proc_allowed, proc2_allowed, exit_allowed, entry_allowed;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 efer_valid;		/* bits of EFER */
	u64 phys_bits;		/* width of physical addresses */
	u64 linear_bits;	/* ... of linear addresses: 48 or 57 */
	u64 virtual_tpr;	/* the TPR of the virtual-APIC page */
};

extern const struct entry_rule vmx_rules[];
extern const size_t vmx_nr_rules;

#endif /* MINIVMM_VMX_RULES_H */
