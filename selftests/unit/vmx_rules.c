// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of VM entry: each broken alone, valid states of each mode.
 *
 * Links: kmod/vmx/rules.c
 */
#include "vmx/rules.h"

#define STATE struct vmx_state
#include "entry_rules.h"

#define NON_CANONICAL	0x0000800000000000ull
#define BEYOND		(1ull << 39)	/* first address above the physical width */

#define PIN		(0x16 | PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS)
#define PROC		(0x0401e172 | PROC_TPR_SHADOW | PROC_IO_BITMAPS | PROC_MSR_BITMAP | \
			 PROC_SECONDARY)
#define PROC2		(PROC2_EPT | PROC2_VPID | PROC2_UNRESTRICTED | PROC2_PML | \
			 PROC2_TSC_SCALING)
#define APICV		(PROC2_APIC_ACCESS | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT)
#define EXITCTL		(0x36dff | EXITCTL_HOST_64 | EXITCTL_LOAD_PAT | EXITCTL_LOAD_EFER | \
			 EXITCTL_LOAD_CET)
#define ENTRYCTL	(0x11ff | ENTRYCTL_LOAD_DEBUG | ENTRYCTL_LOAD_PAT | ENTRYCTL_LOAD_EFER | \
			 ENTRYCTL_LOAD_CET)
#define EPTP		(0x50000 | EPTP_WRITE_BACK | EPTP_LEVELS(4) | EPTP_AD)

#define COMMON										\
	.pin_controls = PIN, .proc_controls = PROC, .exit_controls = EXITCTL,		\
	.io_bitmap_a = 0x1000, .io_bitmap_b = 0x2000, .msr_bitmap = 0x3000,		\
	.virtual_apic_addr = 0x4000, .apic_access_addr = 0xfee00000,			\
	.vpid = 1, .ept_pointer = EPTP, .pml_addr = 0x6000, .tsc_multiplier = 1ull << 48, \
	.host_cr0 = 0x80050033, .host_cr3 = 0x7000, .host_cr4 = 0xb726f0,		\
	.host_sysenter_eip = 0xffffffff81800000, .host_sysenter_esp = 0xfffffe0000002000, \
	.host_pat = 0x0407010600070106, .host_efer = 0xd01,				\
	.host_s_cet = 4, .host_ssp = 0x10000, .host_ssp_table = 0xffffff8000000000,	\
	.host_cs_selector = 0x10, .host_ss_selector = 0x18, .host_tr_selector = 0x40,	\
	.host_fs_base = 0x7f0000000000, .host_gs_base = 0xffff888000000000,		\
	.host_tr_base = 0xfffffe0000003000, .host_gdtr_base = 0xfffffe0000001000,	\
	.host_idtr_base = 0xfffffe0000000000, .host_rip = 0xffffffffc0000000,		\
	.guest_dr7 = 0x400, .guest_pat = 0x0007040600070406,				\
	.guest_tr_ar = 0x8b, .guest_tr_limit = 0x67,					\
	.guest_gdtr_limit = 0xffff, .guest_idtr_limit = 0x3ff,				\
	.link_pointer = ~0ull,								\
	.basic = 0x00da040000000004, .misc = 0x7004c1e7, .ept_vpid = 0x00000f0106734141, \
	.pin_allowed = 0x0000007f00000016, .proc_allowed = 0xfff9fffe0401e172,		\
	.proc2_allowed = 0x037fffff00000000, .exit_allowed = 0x31ffffff00036dff,	\
	.entry_allowed = 0x00ffffff000011ff,						\
	.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,				\
	.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0xf737ff,					\
	.efer_valid = 0xd01, .phys_bits = 39, .linear_bits = 48

/* A segment of a state; one line each for all six. */
#define SEG(seg, sel, addr, lim, rights)						\
	.guest_##seg##_selector = sel, .guest_##seg##_base = addr,			\
	.guest_##seg##_limit = lim, .guest_##seg##_ar = rights
#define DATA(sel, addr, lim, rights)							\
	SEG(ss, sel, addr, lim, rights), SEG(ds, sel, addr, lim, rights),		\
	SEG(es, sel, addr, lim, rights), SEG(fs, sel, addr, lim, rights),		\
	SEG(gs, sel, addr, lim, rights)

#define LDT		SEG(ldtr, 0, 0, 0xffff, 0x82)
#define FLAT		DATA(0x10, 0, 0xffffffff, 0xc093), LDT

#define LONG										\
	COMMON, .entry_controls = ENTRYCTL | ENTRYCTL_GUEST_64,				\
	.guest_cr0 = 0x80010031, .guest_cr3 = 0x1000, .guest_cr4 = 0x2020,		\
	.guest_efer = 0xd01, .guest_rflags = 0x202
#define LONG_64		LONG, SEG(cs, 8, 0, 0xffffffff, 0xa09b)
#define LEGACY		COMMON, .entry_controls = ENTRYCTL, .proc2_controls = PROC2
#define PROTECTED									\
	LEGACY, SEG(cs, 8, 0, 0xffffffff, 0xc09b), FLAT, .guest_rflags = 2,		\
	.guest_rip = 0xfff0

static const struct vmx_state real_mode = {
	LEGACY, .guest_cr0 = 0x30, .guest_cr4 = 0x2000, .guest_rip = 0xfff0, .guest_rflags = 2,
	SEG(cs, 0xf000, 0xffff0000, 0xffff, 0x9b), DATA(0, 0, 0xffff, 0x93), LDT,
};
/* After a switch from protected mode, before the segments are loaded again. */
static const struct vmx_state big_real_mode = {
	LEGACY, .guest_cr0 = 0x30, .guest_cr4 = 0x2000, .guest_rflags = 2,
	SEG(cs, 8, 0, 0xffff, 0x93), DATA(0x10, 0, 0xffffffff, 0x8093), LDT,
};
static const struct vmx_state protected_mode = {
	PROTECTED, .guest_cr0 = 0x31, .guest_cr4 = 0x2000,
};
static const struct vmx_state user_mode = {
	LEGACY, .guest_cr0 = 0x80000031, .guest_cr3 = 0x1000, .guest_cr4 = 0x2000,
	SEG(cs, 0x1b, 0, 0xffffffff, 0xc0fb), DATA(0x23, 0, 0xffffffff, 0xc0f3), LDT,
	.guest_rflags = 0x202, .guest_rip = 0x8048000,
};
static const struct vmx_state pae_mode = {
	PROTECTED, .guest_cr0 = 0x80000031, .guest_cr3 = 0x1000, .guest_cr4 = 0x2020,
	.guest_pdpte0 = 0x2001, .guest_pdpte3 = 0x7fffff1000 | 0xe19,
};
static const struct vmx_state long_mode = {
	LONG_64, FLAT, .proc2_controls = PROC2, .guest_rip = 0xffffffff81000000,
};
static const struct vmx_state compatibility_mode = {
	LONG, SEG(cs, 8, 0, 0xffffffff, 0xc09b), FLAT, .proc2_controls = PROC2,
	.guest_rip = 0x1000,
};
static const struct vmx_state v8086_mode = {
	LEGACY, .guest_cr0 = 0x80000031, .guest_cr4 = 0x2000, .guest_rflags = 0x20202,
	SEG(cs, 0x1000, 0x10000, 0xffff, 0xf3), DATA(0x2000, 0x20000, 0xffff, 0xf3), LDT,
};
static const struct vmx_state apicv = {
	LONG_64, FLAT, .proc2_controls = PROC2 | APICV, .tpr_threshold = 0xff,
};
static const struct vmx_state halted = {
	LONG_64, FLAT, .proc2_controls = PROC2, .guest_activity = VMCS_HALTED,
	.entry_event = 0x80000020,
};
static const struct vmx_state unusable_segments = {
	LONG_64, DATA(0, 0, 0, VMCS_AR_UNUSABLE), SEG(ldtr, 4, NON_CANONICAL, 0, VMCS_AR_UNUSABLE),
	.proc2_controls = PROC2,
};

#define EVENT(type, vector)	((u64)VMCS_EVENT_VALID | (type) | (vector))
#define WITH_ERROR		VMCS_EVENT_HAS_ERROR

#define V8086(seg)									\
	{ "guest_" #seg "_v8086_base", &v8086_mode, { SET(guest_##seg##_base, 0x20010) } }, \
	{ "guest_" #seg "_v8086_limit", &v8086_mode, { SET(guest_##seg##_limit, 0xfffff) } }, \
	{ "guest_" #seg "_v8086_ar", &v8086_mode, { SET(guest_##seg##_ar, 0x93) } }

/* @ar: what is valid, of a segment whose limit is 0xffffffff. */
#define SEGMENT(seg, ar)								\
	{ "guest_" #seg "_s", &long_mode, { SET(guest_##seg##_ar, (ar) & ~VMCS_AR_S) } }, \
	{ "guest_" #seg "_p", &long_mode, { SET(guest_##seg##_ar, (ar) & ~VMCS_AR_P) } }, \
	{ "guest_" #seg "_reserved", &long_mode, { SET(guest_##seg##_ar, (ar) | 1 << 8) } }, \
	{ "guest_" #seg "_reserved", &long_mode, { SET(guest_##seg##_ar, (ar) | 1u << 31) } }, \
	{ "guest_" #seg "_g", &long_mode, { SET(guest_##seg##_ar, (ar) & ~VMCS_AR_G) } }, \
	{ "guest_" #seg "_g", &long_mode, { SET(guest_##seg##_limit, 0xfffff000) } }

#define DATA_SEGMENT(seg)								\
	SEGMENT(seg, 0xc093),								\
	{ "guest_" #seg "_type", &long_mode, { SET(guest_##seg##_ar, 0xc092) } },	\
	{ "guest_" #seg "_type", &long_mode, { SET(guest_##seg##_ar, 0xc099) } }

#define SYSTEM_SEGMENT(seg, ar)								\
	{ "guest_" #seg "_ti", &long_mode, { SET(guest_##seg##_selector, 0x44) } },	\
	{ "guest_" #seg "_base", &long_mode, { SET(guest_##seg##_base, NON_CANONICAL) } }, \
	{ "guest_" #seg "_s", &long_mode, { SET(guest_##seg##_ar, (ar) | VMCS_AR_S) } },	\
	{ "guest_" #seg "_p", &long_mode, { SET(guest_##seg##_ar, (ar) & ~VMCS_AR_P) } }, \
	{ "guest_" #seg "_reserved", &long_mode, { SET(guest_##seg##_ar, (ar) | 1 << 11) } }, \
	{ "guest_" #seg "_g", &long_mode, { SET(guest_##seg##_limit, 0x100000) } },	\
	{ "guest_" #seg "_g", &long_mode, { SET(guest_##seg##_limit, 0xffe),		\
					    SET(guest_##seg##_ar, (ar) | VMCS_AR_G) } }

static const struct breach breaches[] = {
	/* Controls */
	{ "pin_controls_allowed", &long_mode, { SET(pin_controls, PIN & ~2) } },
	{ "pin_controls_allowed", &long_mode, { SET(pin_controls, PIN | PIN_POSTED_INTERRUPTS) } },
	{ "pin_controls_allowed", &long_mode, { SET(pin_controls, PIN | 1ull << 32) } },
	{ "proc_controls_allowed", &long_mode, { SET(proc_controls, PROC & ~2) } },
	{ "proc_controls_allowed", &long_mode, { SET(proc_controls, PROC | 1) } },
	{ "proc2_controls_allowed", &long_mode, { SET(proc2_controls, PROC2 | 1u << 31) } },
	{ "cr3_target_count", &long_mode, { SET(cr3_target_count, 5) } },
	{ "io_bitmap_a", &long_mode, { SET(io_bitmap_a, 0x1800) } },
	{ "io_bitmap_a", &long_mode, { SET(io_bitmap_a, BEYOND) } },
	{ "io_bitmap_b", &long_mode, { SET(io_bitmap_b, 1) } },
	{ "io_bitmap_b", &long_mode, { SET(io_bitmap_b, 1ull << 63) } },
	{ "msr_bitmap", &long_mode, { SET(msr_bitmap, 0x3001) } },
	{ "msr_bitmap", &long_mode, { SET(msr_bitmap, BEYOND) } },
	{ "virtual_apic_addr", &long_mode, { SET(virtual_apic_addr, 0x4010) } },
	{ "virtual_apic_addr", &long_mode, { SET(virtual_apic_addr, BEYOND) } },
	{ "tpr_threshold_reserved", &long_mode, { SET(tpr_threshold, 0x10) } },
	{ "tpr_threshold_vtpr", &long_mode, { SET(tpr_threshold, 3), SET(virtual_tpr, 0x2f) } },
	{ "tpr_shadow_missing", &apicv, { SET(proc_controls, PROC & ~PROC_TPR_SHADOW) } },
	{ "virtual_nmis", &long_mode, { SET(pin_controls, PIN & ~PIN_NMI) } },
	{ "nmi_window", &long_mode, { SET(pin_controls, PIN & ~PIN_VIRTUAL_NMIS),
				      SET(proc_controls, PROC | PROC_NMI_WINDOW) } },
	{ "apic_access_addr", &apicv, { SET(apic_access_addr, 0xfee00100) } },
	{ "apic_access_addr", &apicv, { SET(apic_access_addr, BEYOND) } },
	{ "x2apic_and_apic_access", &apicv, { SET(proc2_controls, PROC2 | APICV | PROC2_X2APIC) } },
	{ "virtual_interrupt_delivery", &apicv,
	  { SET(pin_controls, PIN & ~PIN_EXTERNAL_INTERRUPT) } },
	{ "vpid", &long_mode, { SET(vpid, 0) } },
	{ "ept_memory_type", &long_mode, { SET(ept_pointer, EPTP ^ EPTP_WRITE_BACK ^ 4) } },
	{ "ept_memory_type", &long_mode, { SET(ept_pointer, EPTP ^ EPTP_WRITE_BACK),
					   SET(ept_vpid, 0x00000f0106734041) } },
	{ "ept_levels", &long_mode, { SET(ept_pointer, EPTP ^ EPTP_LEVELS(4) ^ EPTP_LEVELS(3)) } },
	{ "ept_levels", &long_mode, { SET(ept_pointer, EPTP ^ EPTP_LEVELS(4) ^ EPTP_LEVELS(5)) } },
	{ "ept_accessed_dirty", &long_mode, { SET(ept_vpid, 0x00000f0106534141) } },
	{ "ept_reserved", &long_mode, { SET(ept_pointer, EPTP | 0x800) } },
	{ "ept_reserved", &long_mode, { SET(ept_pointer, EPTP | BEYOND) } },
	{ "pml_needs_ept", &long_mode, { SET(proc2_controls, PROC2_PML) } },
	{ "pml_addr", &long_mode, { SET(pml_addr, 0x6008) } },
	{ "pml_addr", &long_mode, { SET(pml_addr, BEYOND) } },
	{ "unrestricted_needs_ept", &long_mode, { SET(proc2_controls, PROC2_UNRESTRICTED) } },
	{ "mode_based_exec_needs_ept", &long_mode, { SET(proc2_controls, PROC2_MODE_BASED_EXEC) } },
	{ "tsc_multiplier", &long_mode, { SET(tsc_multiplier, 0) } },
	{ "exit_controls_allowed", &long_mode, { SET(exit_controls, EXITCTL & ~1) } },
	{ "exit_controls_allowed", &long_mode, { SET(exit_controls, EXITCTL | 1u << 31) } },
	{ "save_timer", &long_mode, { SET(exit_controls, EXITCTL | EXITCTL_SAVE_TIMER) } },
	{ "exit_msr_store", &long_mode, { SET(exit_msr_store_count, 1),
					  SET(exit_msr_store_addr, 8) } },
	{ "exit_msr_store", &long_mode, { SET(exit_msr_store_count, 2),
					  SET(exit_msr_store_addr, BEYOND - 16) } },
	{ "exit_msr_load", &long_mode, { SET(exit_msr_load_count, 1),
					 SET(exit_msr_load_addr, 8) } },
	{ "exit_msr_load", &long_mode, { SET(exit_msr_load_count, 1),
					 SET(exit_msr_load_addr, BEYOND) } },
	{ "entry_controls_allowed", &real_mode, { SET(entry_controls, ENTRYCTL & ~1) } },
	{ "entry_controls_allowed", &real_mode, { SET(entry_controls, ENTRYCTL | 1u << 31) } },
	{ "entry_to_smm", &real_mode, { SET(entry_controls, ENTRYCTL | ENTRYCTL_SMM) } },
	{ "entry_to_smm", &real_mode, { SET(entry_controls, ENTRYCTL | ENTRYCTL_END_DUAL) } },
	{ "event_type", &long_mode, { SET(entry_event, EVENT(1 << 8, 0)) } },
	{ "event_type", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_OTHER, 0)),
				      SET(proc_allowed, 0xf7f9fffe0401e172) } },
	{ "event_vector", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_NMI, 3)) } },
	{ "event_vector", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION, 32)) } },
	{ "event_vector", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_OTHER, 1)) } },
	{ "event_has_error", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION, 13)),
					   SET(basic, 0x00da040000000004) } },
	{ "event_has_error", &long_mode,
	  { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION | WITH_ERROR, 6)) } },
	{ "event_has_error", &long_mode, { SET(entry_event, EVENT(WITH_ERROR, 32)) } },
	{ "event_has_error", &real_mode,
	  { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION | WITH_ERROR, 13)) } },
	{ "event_reserved", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_NMI, 2) | 1 << 12) } },
	{ "event_error", &long_mode,
	  { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION | WITH_ERROR, 14)),
	    SET(entry_event_error, 0x10000) } },
	{ "event_insn_len", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_SOFT_INTR, 0x80)),
					  SET(entry_insn_len, 16) } },
	{ "event_insn_len", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_ICEBP, 1)),
					  SET(misc, 0x3004c1e7) } },
	{ "event_insn_len", &long_mode, { SET(entry_event, EVENT(VMCS_EVENT_SOFT_EXCEPTION, 3)),
					  SET(entry_insn_len, 16) } },
	{ "entry_msr_load", &long_mode, { SET(entry_msr_load_count, 1),
					  SET(entry_msr_load_addr, 0x1004) } },
	{ "entry_msr_load", &long_mode, { SET(entry_msr_load_count, 1),
					  SET(entry_msr_load_addr, ~15ull) } },

	/* Host state */
	{ "host_cr0", &long_mode, { SET(host_cr0, 0x80050013) } },
	{ "host_cr0", &long_mode, { SET(host_cr0, 0x180050033) } },
	{ "host_cr4", &long_mode, { SET(host_cr4, 0xb706f0) } },
	{ "host_cr4", &long_mode, { SET(host_cr4, 0xb7a6f0 | 1 << 24) } },
	{ "host_cr4_cet", &long_mode, { SET(host_cr0, 0x80040033) } },
	{ "host_cr3", &long_mode, { SET(host_cr3, BEYOND) } },
	{ "host_sysenter_esp", &long_mode, { SET(host_sysenter_esp, NON_CANONICAL) } },
	{ "host_sysenter_eip", &long_mode, { SET(host_sysenter_eip, NON_CANONICAL) } },
	{ "host_pat", &long_mode, { SET(host_pat, 0x0407010600070102) } },
	{ "host_efer_reserved", &long_mode, { SET(host_efer, 0xd03) } },
	{ "host_efer_mode", &long_mode, { SET(host_efer, 0x901) } },
	{ "host_efer_mode", &long_mode, { SET(host_efer, 0xc01) } },
	{ "host_s_cet", &long_mode, { SET(host_s_cet, NON_CANONICAL) } },
	{ "host_s_cet", &long_mode, { SET(host_s_cet, 0x40) } },
	{ "host_s_cet", &long_mode, { SET(host_s_cet, 0xc00) } },
	{ "host_ssp", &long_mode, { SET(host_ssp, 2) } },
	{ "host_ssp", &long_mode, { SET(host_ssp, NON_CANONICAL) } },
	{ "host_ssp_table", &long_mode, { SET(host_ssp_table, NON_CANONICAL) } },
	{ "host_cs_selector", &long_mode, { SET(host_cs_selector, 0x11) } },
	{ "host_ss_selector", &long_mode, { SET(host_ss_selector, 0x1b) } },
	{ "host_ds_selector", &long_mode, { SET(host_ds_selector, 4) } },
	{ "host_es_selector", &long_mode, { SET(host_es_selector, 0x2b) } },
	{ "host_fs_selector", &long_mode, { SET(host_fs_selector, 3) } },
	{ "host_gs_selector", &long_mode, { SET(host_gs_selector, 1) } },
	{ "host_tr_selector", &long_mode, { SET(host_tr_selector, 0x42) } },
	{ "host_cs_null", &long_mode, { SET(host_cs_selector, 0) } },
	{ "host_tr_null", &long_mode, { SET(host_tr_selector, 0) } },
	{ "host_fs_base", &long_mode, { SET(host_fs_base, NON_CANONICAL) } },
	{ "host_gs_base", &long_mode, { SET(host_gs_base, NON_CANONICAL) } },
	{ "host_gdtr_base", &long_mode, { SET(host_gdtr_base, NON_CANONICAL) } },
	{ "host_idtr_base", &long_mode, { SET(host_idtr_base, NON_CANONICAL) } },
	{ "host_tr_base", &long_mode, { SET(host_tr_base, NON_CANONICAL) } },
	{ "host_64", &long_mode,
	  { SET(exit_controls, EXITCTL & ~(EXITCTL_HOST_64 | EXITCTL_LOAD_EFER)),
	    SET(exit_allowed, 0x31ffffff00036dff & ~EXITCTL_HOST_64) } },
	{ "host_pae", &long_mode, { SET(host_cr4, 0xb726d0) } },
	{ "host_rip", &long_mode, { SET(host_rip, NON_CANONICAL) } },

	/* Guest control registers, debug registers, MSRs */
	{ "guest_cr0_fixed", &long_mode, { SET(guest_cr0, 0x80010011) } },
	{ "guest_cr0_fixed", &real_mode, { SET(guest_cr0, 0x100000030) } },
	{ "guest_cr0_fixed", &real_mode, { SET(proc2_controls, PROC2 & ~PROC2_UNRESTRICTED) } },
	{ "guest_cr0_paging", &real_mode, { SET(guest_cr0, 0x80000030) } },
	{ "guest_cr4_fixed", &real_mode, { SET(guest_cr4, 0) } },
	{ "guest_cr4_fixed", &real_mode, { SET(guest_cr4, 0x2000 | 1 << 14) } },
	{ "guest_cr4_cet", &real_mode, { SET(guest_cr4, 0x2000 | 1 << 23) } },
	{ "guest_debugctl", &long_mode, { SET(guest_debugctl, 0x8) } },
	{ "guest_debugctl", &long_mode, { SET(guest_debugctl, 1ull << 32) } },
	{ "guest_long_paging", &long_mode, { SET(guest_cr0, 0x10031) } },
	{ "guest_long_pae", &long_mode, { SET(guest_cr4, 0x2000) } },
	{ "guest_pcide", &protected_mode, { SET(guest_cr4, 0x2000 | 1 << 17) } },
	{ "guest_cr3", &real_mode, { SET(guest_cr3, BEYOND) } },
	{ "guest_dr7", &long_mode, { SET(guest_dr7, 1ull << 32) } },
	{ "guest_sysenter_esp", &real_mode, { SET(guest_sysenter_esp, NON_CANONICAL) } },
	{ "guest_sysenter_eip", &real_mode, { SET(guest_sysenter_eip, NON_CANONICAL) } },
	{ "guest_s_cet", &long_mode, { SET(guest_s_cet, 0x200) } },
	{ "guest_ssp_table", &long_mode, { SET(guest_ssp_table, NON_CANONICAL) } },
	{ "guest_pat", &long_mode, { SET(guest_pat, 0x0307040600070406) } },
	{ "guest_efer_reserved", &long_mode, { SET(guest_efer, 0x1d01) } },
	{ "guest_efer_lma", &protected_mode, { SET(guest_efer, 0x400) } },
	{ "guest_efer_lme", &long_mode, { SET(guest_efer, 0xc01) } },
	{ "guest_efer_lme", &pae_mode, { SET(guest_efer, 0x100) } },

	/* Segments */
	V8086(cs), V8086(ss), V8086(ds), V8086(es), V8086(fs), V8086(gs),
	{ "guest_cs_base", &long_mode, { SET(guest_cs_base, 1ull << 32) } },
	{ "guest_cs_type", &long_mode, { SET(guest_cs_ar, 0xa09a) } },
	{ "guest_cs_type", &long_mode, { SET(guest_cs_ar, 0xa097) } },
	SEGMENT(cs, 0xa09b),
	{ "guest_cs_data_dpl", &user_mode, { SET(guest_cs_ar, 0xc0f3), SET(guest_ss_ar, 0xc093) } },
	{ "guest_cs_dpl", &long_mode, { SET(guest_cs_ar, 0xa0fb) } },
	{ "guest_cs_dpl", &user_mode, { SET(guest_ss_ar, 0xc0d3) } },
	{ "guest_cs_conforming_dpl", &long_mode, { SET(guest_cs_ar, 0xa0bf) } },
	{ "guest_cs_l_db", &long_mode, { SET(guest_cs_ar, 0xe09b) } },
	{ "guest_ss_base", &long_mode, { SET(guest_ss_base, 1ull << 32) } },
	{ "guest_ss_type", &long_mode, { SET(guest_ss_ar, 0xc091) } },
	{ "guest_ss_type", &long_mode, { SET(guest_ss_ar, 0xc09b) } },
	SEGMENT(ss, 0xc093),
	{ "guest_ss_dpl", &real_mode, { SET(guest_ss_ar, 0xf3), SET(guest_cs_ar, 0xfb) } },
	{ "guest_ss_dpl", &user_mode, { SET(guest_cs_ar, 0xc093) } },
	{ "guest_ds_base", &long_mode, { SET(guest_ds_base, NON_CANONICAL) } },
	{ "guest_es_base", &long_mode, { SET(guest_es_base, 1ull << 32) } },
	{ "guest_fs_base", &long_mode, { SET(guest_fs_base, NON_CANONICAL) } },
	{ "guest_gs_base", &long_mode, { SET(guest_gs_base, NON_CANONICAL) } },
	{ "guest_fs_base", &unusable_segments, { SET(guest_fs_base, NON_CANONICAL) } },
	DATA_SEGMENT(ds), DATA_SEGMENT(es), DATA_SEGMENT(fs), DATA_SEGMENT(gs),
	{ "guest_tr_usable", &long_mode, { SET(guest_tr_ar, 0x8b | VMCS_AR_UNUSABLE) } },
	{ "guest_tr_type", &long_mode, { SET(guest_tr_ar, 0x89) } },
	{ "guest_tr_type", &long_mode, { SET(guest_tr_ar, 0x83) } },
	{ "guest_tr_type", &protected_mode, { SET(guest_tr_ar, 0x81) } },
	SYSTEM_SEGMENT(tr, 0x8b),
	{ "guest_ldtr_type", &long_mode, { SET(guest_ldtr_ar, 0x83) } },
	SYSTEM_SEGMENT(ldtr, 0x82),

	/* Descriptor tables, RIP, RFLAGS, SSP */
	{ "guest_gdtr_base", &real_mode, { SET(guest_gdtr_base, NON_CANONICAL) } },
	{ "guest_idtr_base", &long_mode, { SET(guest_idtr_base, NON_CANONICAL) } },
	{ "guest_gdtr_limit", &real_mode, { SET(guest_gdtr_limit, 0x10000) } },
	{ "guest_idtr_limit", &long_mode, { SET(guest_idtr_limit, 0xffffffff) } },
	{ "guest_rip_upper_half", &real_mode, { SET(guest_rip, 1ull << 32) } },
	{ "guest_rip_upper_half", &compatibility_mode, { SET(guest_rip, 1ull << 63) } },
	{ "guest_rip_width", &long_mode, { SET(guest_rip, 1ull << 48) } },
	{ "guest_rip_width", &long_mode, { SET(guest_rip, 0x8000ffffffffffff) } },
	{ "guest_rflags_reserved", &long_mode, { SET(guest_rflags, 0x20a) } },
	{ "guest_rflags_reserved", &long_mode, { SET(guest_rflags, 0x222) } },
	{ "guest_rflags_reserved", &real_mode, { SET(guest_rflags, 0x8202) } },
	{ "guest_rflags_reserved", &real_mode, { SET(guest_rflags, 0x400202) } },
	{ "guest_rflags_reserved", &real_mode, { SET(guest_rflags, 1ull << 63 | 0x202) } },
	{ "guest_rflags_bit_1", &long_mode, { SET(guest_rflags, 0x200) } },
	{ "guest_rflags_vm", &v8086_mode, { SET(guest_cr0, 0x30) } },
	{ "guest_rflags_if", &long_mode, { SET(guest_rflags, 2), SET(entry_event, EVENT(0, 32)) } },
	{ "guest_ssp", &long_mode, { SET(guest_ssp, 1) } },

	/* Not in registers */
	{ "guest_activity", &long_mode, { SET(guest_activity, 4) } },
	{ "guest_activity", &long_mode, { SET(guest_activity, VMCS_WAIT_FOR_SIPI),
					  SET(misc, 0x7004c0e7) } },
	{ "guest_activity", &long_mode, { SET(guest_activity, VMCS_HALTED),
					  SET(misc, 0x7004c1a7) } },
	{ "guest_activity_hlt", &user_mode, { SET(guest_activity, VMCS_HALTED) } },
	{ "guest_activity_blocked", &long_mode, { SET(guest_activity, VMCS_SHUTDOWN),
						  SET(guest_interruptibility, 1) } },
	{ "guest_activity_event", &halted,
	  { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION | WITH_ERROR, 13)) } },
	{ "guest_activity_event", &long_mode, { SET(guest_activity, VMCS_SHUTDOWN),
						SET(entry_event, EVENT(0, 32)) } },
	{ "guest_activity_event", &long_mode, { SET(guest_activity, VMCS_WAIT_FOR_SIPI),
						SET(entry_event, EVENT(VMCS_EVENT_NMI, 2)) } },
	{ "guest_blocking_reserved", &long_mode, { SET(guest_interruptibility, 0x20) } },
	{ "guest_blocking_twice", &long_mode, { SET(guest_interruptibility, 3) } },
	{ "guest_blocking_if", &protected_mode, { SET(guest_interruptibility, 1) } },
	{ "guest_blocking_intr", &long_mode, { SET(guest_interruptibility, 1),
					       SET(entry_event, EVENT(0, 32)) } },
	{ "guest_blocking_intr", &long_mode, { SET(guest_interruptibility, 2),
					       SET(entry_event, EVENT(0, 32)) } },
	{ "guest_blocking_nmi", &long_mode, { SET(guest_interruptibility, 2),
					      SET(entry_event, EVENT(VMCS_EVENT_NMI, 2)) } },
	{ "guest_blocking_smi", &long_mode, { SET(guest_interruptibility, 4) } },
	{ "guest_blocking_virtual_nmi", &long_mode,
	  { SET(guest_interruptibility, 8), SET(entry_event, EVENT(VMCS_EVENT_NMI, 2)) } },
	{ "guest_pending_debug_reserved", &long_mode, { SET(guest_pending_debug, 0x10) } },
	{ "guest_pending_debug_reserved", &long_mode, { SET(guest_pending_debug, 1 << 13) } },
	{ "guest_pending_step", &long_mode, { SET(guest_interruptibility, 1),
					      SET(guest_rflags, 0x302) } },
	{ "guest_pending_step", &long_mode, { SET(guest_interruptibility, 2),
					      SET(guest_pending_debug, 1 << 14) } },
	{ "guest_pending_step", &halted, { SET(guest_rflags, 0x302), SET(guest_debugctl, 2),
					   SET(guest_pending_debug, 1 << 14) } },
	{ "guest_link_pointer", &long_mode, { SET(link_pointer, 0x1000) } },
	{ "guest_pdpte0", &pae_mode, { SET(guest_pdpte0, 0x2003) } },
	{ "guest_pdpte1", &pae_mode, { SET(guest_pdpte1, 0x2021) } },
	{ "guest_pdpte2", &pae_mode, { SET(guest_pdpte2, BEYOND | 1) } },
	{ "guest_pdpte3", &pae_mode, { SET(guest_pdpte3, 0x2101) } },
};

TEST_RULES(vmx_rules, vmx_nr_rules, breaches)

static const char *broken_by(const struct vmx_state *state)
{
	return broken_name(vmx_rules, vmx_nr_rules, state);
}

TEST(valid_states_of_each_mode_pass)
{
	EXPECT_STREQ("none", broken_by(&real_mode));
	EXPECT_STREQ("none", broken_by(&big_real_mode));
	EXPECT_STREQ("none", broken_by(&protected_mode));
	EXPECT_STREQ("none", broken_by(&user_mode));
	EXPECT_STREQ("none", broken_by(&pae_mode));
	EXPECT_STREQ("none", broken_by(&long_mode));
	EXPECT_STREQ("none", broken_by(&compatibility_mode));
	EXPECT_STREQ("none", broken_by(&v8086_mode));
	EXPECT_STREQ("none", broken_by(&apicv));
	EXPECT_STREQ("none", broken_by(&halted));
	EXPECT_STREQ("none", broken_by(&unusable_segments));
}

TEST(each_rule_is_asked_only_where_it_holds)
{
	static const struct breach allowed[] = {
		/* Addresses of what is off, lists of no entries. */
		{ "", &long_mode, { SET(proc_controls, PROC & ~PROC_SECONDARY),
				    SET(ept_pointer, ~0ull), SET(vpid, 0), SET(pml_addr, 1) } },
		{ "", &long_mode, { SET(proc_controls, PROC & ~(PROC_IO_BITMAPS | PROC_MSR_BITMAP)),
				    SET(io_bitmap_a, 1), SET(msr_bitmap, ~0ull) } },
		{ "", &long_mode, { SET(exit_msr_load_addr, 3), SET(entry_msr_load_addr, ~0ull) } },
		{ "", &long_mode, { SET(entry_msr_load_count, 1),
				    SET(entry_msr_load_addr, BEYOND - 16) } },
		{ "", &apicv, { SET(tpr_threshold, 0xf0), SET(virtual_tpr, 0) } },
		{ "", &long_mode, { SET(tpr_threshold, 3), SET(virtual_tpr, 0x30) } },
		/* Error codes that a CPU may leave out or have. */
		{ "", &long_mode, { SET(basic, 1ull << 56),
				    SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION, 13)) } },
		{ "", &long_mode,
		  { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION | WITH_ERROR, 21)) } },
		{ "", &real_mode, { SET(entry_event, EVENT(VMCS_EVENT_EXCEPTION, 13)) } },
		/* MSRs that the CPU is not told to load. */
		{ "", &real_mode, { SET(entry_controls, 0x11fb), SET(guest_efer, ~0ull),
				    SET(entry_allowed, 0x00ffffff000011fb),
				    SET(guest_dr7, ~0ull), SET(guest_s_cet, 0x40) } },
		{ "", &real_mode, { SET(entry_controls, ENTRYCTL & ~ENTRYCTL_LOAD_PAT),
				    SET(guest_pat, 2) } },
		/* Page-directory pointers that are absent, or of other paging modes. */
		{ "", &pae_mode, { SET(guest_pdpte0, ~1ull) } },
		{ "", &long_mode, { SET(guest_pdpte0, ~0ull) } },
		/* CR0.CD and NW are free. */
		{ "", &real_mode, { SET(guest_cr0, 0x60000030) } },
		{ "", &real_mode, { SET(guest_cr0, 0x20000030) } },
		/* A TSS of 16 bits, a conforming code segment, an expand-down stack. */
		{ "", &protected_mode, { SET(guest_tr_ar, 0x83) } },
		{ "", &user_mode, { SET(guest_cs_ar, 0xc09f) } },
		{ "", &protected_mode, { SET(guest_ss_ar, 0xc097) } },
		/* RIP need not be canonical. */
		{ "", &long_mode, { SET(guest_rip, 0x0000ffffffffffff) } },
		/* NMIs: blocked but none injected, in shutdown. */
		{ "", &long_mode, { SET(guest_interruptibility, 8) } },
		{ "", &long_mode, { SET(guest_activity, VMCS_SHUTDOWN),
				    SET(entry_event, EVENT(VMCS_EVENT_NMI, 2)) } },
		{ "", &long_mode, { SET(guest_interruptibility, 1), SET(guest_rflags, 0x302),
				    SET(guest_pending_debug, 1 << 14) } },
		{ "", &long_mode, { SET(guest_rflags, 0x302) } },
	};
	struct vmx_state state;

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		apply(&allowed[i], &state);
		EXPECT_STREQ("none", broken_by(&state)) TH_LOG("case %zu", i);
	}
}

TEST_HARNESS_MAIN
