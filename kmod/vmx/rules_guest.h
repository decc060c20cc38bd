/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks on the guest-state area, in the manual's order but segments one by one;
 * rules.c includes this twice.
 *
 * Left out: what holds for restricted guests only (RPLs; minivmm requires unrestricted
 * guest) and for MSRs that minivmm does not have the CPU load (IA32_PERF_GLOBAL_CTRL,
 * IA32_BNDCFGS, IA32_RTIT_CTL, IA32_LBR_CTL, IA32_PKRS, UINV), entry to SMM, enclaves.
 */

/* Control registers, debug registers, MSRs. PE and PG are free in unrestricted guests. */
RULE(guest_cr0_fixed, guest_cr0, "CR0 must have the bits that IA32_VMX_CR0_FIXED0 and FIXED1 fix",
     is_fixed(s->guest_cr0, s->cr0_fixed0 & ~free_cr0_bits(s), s->cr0_fixed1))
RULE(guest_cr0_paging, guest_cr0, "CR0.PG needs CR0.PE",
     !(s->guest_cr0 & X86_CR0_PG) || s->guest_cr0 & X86_CR0_PE)
RULE(guest_cr4_fixed, guest_cr4, "CR4 must have the bits that IA32_VMX_CR4_FIXED0 and FIXED1 fix",
     is_fixed(s->guest_cr4, s->cr4_fixed0, s->cr4_fixed1))
RULE(guest_cr4_cet, guest_cr4, "CR4.CET needs CR0.WP",
     !(s->guest_cr4 & X86_CR4_CET) || s->guest_cr0 & X86_CR0_WP)
RULE(guest_debugctl, guest_debugctl, "reserved bits of DEBUGCTL must be 0",
     !(s->entry_controls & ENTRYCTL_LOAD_DEBUG) || !(s->guest_debugctl & ~DEBUGCTL_BITS))
RULE(guest_long_paging, guest_cr0, "long mode needs CR0.PG",
     !is_long(s) || s->guest_cr0 & X86_CR0_PG)
RULE(guest_long_pae, guest_cr4, "long mode needs CR4.PAE",
     !is_long(s) || s->guest_cr4 & X86_CR4_PAE)
RULE(guest_pcide, guest_cr4, "CR4.PCIDE needs long mode",
     is_long(s) || !(s->guest_cr4 & X86_CR4_PCIDE))
RULE(guest_cr3, guest_cr3, "CR3 must be within the physical-address width",
     is_below(s->guest_cr3, s->phys_bits))
RULE(guest_dr7, guest_dr7, "bits 63:32 of DR7 must be 0",
     !(s->entry_controls & ENTRYCTL_LOAD_DEBUG) || is_below(s->guest_dr7, 32))
RULE(guest_sysenter_esp, guest_sysenter_esp, "SYSENTER_ESP must be canonical",
     is_canonical(s, s->guest_sysenter_esp))
RULE(guest_sysenter_eip, guest_sysenter_eip, "SYSENTER_EIP must be canonical",
     is_canonical(s, s->guest_sysenter_eip))
RULE(guest_s_cet, guest_s_cet, "S_CET must be canonical, without reserved or contradicting bits",
     !(s->entry_controls & ENTRYCTL_LOAD_CET) || is_s_cet(s, s->guest_s_cet))
RULE(guest_ssp_table, guest_ssp_table, "the interrupt SSP table must be canonical",
     !(s->entry_controls & ENTRYCTL_LOAD_CET) || is_canonical(s, s->guest_ssp_table))
RULE(guest_pat, guest_pat, "every byte of PAT must be 0, 1 or 4 to 7",
     !(s->entry_controls & ENTRYCTL_LOAD_PAT) || is_pat(s->guest_pat))
RULE(guest_efer_reserved, guest_efer, "EFER must have only bits of features that the CPU has",
     !(s->entry_controls & ENTRYCTL_LOAD_EFER) || !(s->guest_efer & ~s->efer_valid))
RULE(guest_efer_lma, guest_efer, "EFER.LMA must be as the entry control for long mode",
     !(s->entry_controls & ENTRYCTL_LOAD_EFER) || !(s->guest_efer & EFER_LMA) == !is_long(s))
RULE(guest_efer_lme, guest_efer, "EFER.LME must equal LMA while CR0.PG is 1",
     !(s->entry_controls & ENTRYCTL_LOAD_EFER) || !(s->guest_cr0 & X86_CR0_PG) ||
     !(s->guest_efer & EFER_LMA) == !(s->guest_efer & EFER_LME))

/* Of the checks on RFLAGS this one first: it decides what is asked of segments. */
RULE(guest_rflags_vm, guest_rflags, "RFLAGS.VM must be 0 in long mode and in real mode",
     !is_v8086(s) || (!is_long(s) && s->guest_cr0 & X86_CR0_PE))

/* Segments in virtual-8086 mode. */
#define V8086_SEGMENT(seg, SEG)							\
RULE(guest_##seg##_v8086_base, guest_##seg##_base,				\
     SEG "'s base must be its selector times 16 in virtual-8086 mode",		\
     !is_v8086(s) || s->guest_##seg##_base == s->guest_##seg##_selector << 4)	\
RULE(guest_##seg##_v8086_limit, guest_##seg##_limit,				\
     SEG "'s limit must be 0xffff in virtual-8086 mode",			\
     !is_v8086(s) || s->guest_##seg##_limit == 0xffff)				\
RULE(guest_##seg##_v8086_ar, guest_##seg##_ar,					\
     SEG "'s access rights must be 0xf3 in virtual-8086 mode",			\
     !is_v8086(s) || s->guest_##seg##_ar == 0xf3)
V8086_SEGMENT(cs, "CS")
V8086_SEGMENT(ss, "SS")
V8086_SEGMENT(ds, "DS")
V8086_SEGMENT(es, "ES")
V8086_SEGMENT(fs, "FS")
V8086_SEGMENT(gs, "GS")
#undef V8086_SEGMENT

/* What is asked of every code and data segment that @checked says. */
#define SEGMENT(seg, SEG, checked)						\
RULE(guest_##seg##_s, guest_##seg##_ar, SEG " must not be a system segment",	\
     !(checked) || s->guest_##seg##_ar & VMCS_AR_S)				\
RULE(guest_##seg##_p, guest_##seg##_ar, SEG " must be present",			\
     !(checked) || s->guest_##seg##_ar & VMCS_AR_P)				\
RULE(guest_##seg##_reserved, guest_##seg##_ar,					\
     "bits 11:8 and 31:17 of " SEG "'s access rights must be 0",		\
     !(checked) || !(s->guest_##seg##_ar & VMCS_AR_RESERVED))			\
RULE(guest_##seg##_g, guest_##seg##_ar,						\
     SEG "'s G must be 0 if limit bits 11:0 are not all 1, and 1 if any of 31:20 is", \
     !(checked) || is_granular(s->guest_##seg##_ar, s->guest_##seg##_limit))

#define DATA_SEGMENT(seg, SEG)							\
RULE(guest_##seg##_type, guest_##seg##_ar,					\
     SEG "'s type must be accessed, and readable if it is code",		\
     !is_usable(s, s->guest_##seg##_ar) || is_readable(s->guest_##seg##_ar))	\
SEGMENT(seg, SEG, is_usable(s, s->guest_##seg##_ar))

#define BASE_BELOW_4G(seg, SEG, checked)					\
RULE(guest_##seg##_base, guest_##seg##_base, "bits 63:32 of " SEG "'s base must be 0", \
     !(checked) || is_below(s->guest_##seg##_base, 32))

#define BASE_CANONICAL(seg, SEG, checked)					\
RULE(guest_##seg##_base, guest_##seg##_base, SEG "'s base must be canonical",	\
     !(checked) || is_canonical(s, s->guest_##seg##_base))

BASE_BELOW_4G(cs, "CS", true)
RULE(guest_cs_type, guest_cs_ar, "CS's type must be 9, 11, 13 or 15 (code, accessed), or 3",
     is_v8086(s) || is_code(s->guest_cs_ar) || is_type(s->guest_cs_ar, 3))
SEGMENT(cs, "CS", !is_v8086(s))
RULE(guest_cs_data_dpl, guest_cs_ar, "CS's DPL must be 0 if its type is 3",
     is_v8086(s) || !is_type(s->guest_cs_ar, 3) || !dpl(s->guest_cs_ar))
RULE(guest_cs_dpl, guest_cs_ar, "CS's DPL must be SS's",
     is_v8086(s) || !is_nonconforming(s->guest_cs_ar) ||
     dpl(s->guest_cs_ar) == dpl(s->guest_ss_ar))
RULE(guest_cs_conforming_dpl, guest_cs_ar, "the DPL of a conforming CS must not be above SS's",
     is_v8086(s) || !is_conforming(s->guest_cs_ar) ||
     dpl(s->guest_cs_ar) <= dpl(s->guest_ss_ar))
RULE(guest_cs_l_db, guest_cs_ar, "CS.L and CS.D must not both be 1 in long mode",
     is_v8086(s) || !is_long(s) || !(s->guest_cs_ar & VMCS_AR_L) ||
     !(s->guest_cs_ar & VMCS_AR_DB))

BASE_BELOW_4G(ss, "SS", !(s->guest_ss_ar & VMCS_AR_UNUSABLE))
RULE(guest_ss_type, guest_ss_ar, "SS's type must be 3 or 7 (writable data, accessed)",
     !is_usable(s, s->guest_ss_ar) || is_type(s->guest_ss_ar, 3) || is_type(s->guest_ss_ar, 7))
SEGMENT(ss, "SS", is_usable(s, s->guest_ss_ar))
RULE(guest_ss_dpl, guest_ss_ar, "SS's DPL must be 0 in real mode, and if CS's type is 3",
     is_v8086(s) || !dpl(s->guest_ss_ar) ||
     (s->guest_cr0 & X86_CR0_PE && !is_type(s->guest_cs_ar, 3)))

BASE_BELOW_4G(ds, "DS", !(s->guest_ds_ar & VMCS_AR_UNUSABLE))
DATA_SEGMENT(ds, "DS")
BASE_BELOW_4G(es, "ES", !(s->guest_es_ar & VMCS_AR_UNUSABLE))
DATA_SEGMENT(es, "ES")
BASE_CANONICAL(fs, "FS", true)
DATA_SEGMENT(fs, "FS")
BASE_CANONICAL(gs, "GS", true)
DATA_SEGMENT(gs, "GS")

/* TR, and LDTR unless it is unusable. */
#define SYSTEM_SEGMENT(seg, SEG, checked)					\
RULE(guest_##seg##_ti, guest_##seg##_selector, SEG "'s selector must have TI 0", \
     !(checked) || !(s->guest_##seg##_selector & 4))				\
BASE_CANONICAL(seg, SEG, checked)						\
RULE(guest_##seg##_s, guest_##seg##_ar, SEG " must be a system segment",	\
     !(checked) || !(s->guest_##seg##_ar & VMCS_AR_S))				\
RULE(guest_##seg##_p, guest_##seg##_ar, SEG " must be present",			\
     !(checked) || s->guest_##seg##_ar & VMCS_AR_P)				\
RULE(guest_##seg##_reserved, guest_##seg##_ar,					\
     "bits 11:8 and 31:17 of " SEG "'s access rights must be 0",		\
     !(checked) || !(s->guest_##seg##_ar & VMCS_AR_RESERVED))			\
RULE(guest_##seg##_g, guest_##seg##_ar,						\
     SEG "'s G must be 0 if limit bits 11:0 are not all 1, and 1 if any of 31:20 is", \
     !(checked) || is_granular(s->guest_##seg##_ar, s->guest_##seg##_limit))

RULE(guest_tr_usable, guest_tr_ar, "TR must be usable",
     !(s->guest_tr_ar & VMCS_AR_UNUSABLE))
RULE(guest_tr_type, guest_tr_ar, "TR must be a busy TSS: of type 11, outside of long mode also 3",
     is_type(s->guest_tr_ar, 11) || (!is_long(s) && is_type(s->guest_tr_ar, 3)))
SYSTEM_SEGMENT(tr, "TR", true)
RULE(guest_ldtr_type, guest_ldtr_ar, "LDTR must be of type 2",
     s->guest_ldtr_ar & VMCS_AR_UNUSABLE || is_type(s->guest_ldtr_ar, 2))
SYSTEM_SEGMENT(ldtr, "LDTR", !(s->guest_ldtr_ar & VMCS_AR_UNUSABLE))

#undef SEGMENT
#undef DATA_SEGMENT
#undef BASE_BELOW_4G
#undef BASE_CANONICAL
#undef SYSTEM_SEGMENT

/* Descriptor tables. */
RULE(guest_gdtr_base, guest_gdtr_base, "GDTR's base must be canonical",
     is_canonical(s, s->guest_gdtr_base))
RULE(guest_idtr_base, guest_idtr_base, "IDTR's base must be canonical",
     is_canonical(s, s->guest_idtr_base))
RULE(guest_gdtr_limit, guest_gdtr_limit, "GDTR's limit has 16 bits",
     is_below(s->guest_gdtr_limit, 16))
RULE(guest_idtr_limit, guest_idtr_limit, "IDTR's limit has 16 bits",
     is_below(s->guest_idtr_limit, 16))

/* RIP, RFLAGS, SSP. */
RULE(guest_rip_upper_half, guest_rip, "bits 63:32 of RIP must be 0 outside of 64-bit mode",
     is_64bit(s) || is_below(s->guest_rip, 32))
RULE(guest_rip_width, guest_rip, "bits of RIP beyond the linear-address width must be the same",
     !is_64bit(s) || is_below(s->guest_rip, s->linear_bits) ||
     is_below(~s->guest_rip, s->linear_bits))
RULE(guest_rflags_reserved, guest_rflags, "bits 63:22, 15, 5 and 3 of RFLAGS must be 0",
     !(s->guest_rflags & RFLAGS_RESERVED))
RULE(guest_rflags_bit_1, guest_rflags, "bit 1 of RFLAGS must be 1",
     s->guest_rflags & X86_EFLAGS_FIXED)
RULE(guest_rflags_if, guest_rflags, "RFLAGS.IF must be 1 when an external interrupt is injected",
     s->guest_rflags & X86_EFLAGS_IF || !is_injecting_type(s, VMCS_EVENT_INTR))
RULE(guest_ssp, guest_ssp, "SSP must be canonical and aligned to 4",
     !(s->entry_controls & ENTRYCTL_LOAD_CET) || is_ssp(s, s->guest_ssp))

/* What is not in registers. */
RULE(guest_activity, guest_activity, "the activity state must be one that IA32_VMX_MISC has",
     s->guest_activity == VMCS_ACTIVE ||
     (s->guest_activity <= VMCS_WAIT_FOR_SIPI &&
      s->misc & (VMX_MISC_HLT >> VMCS_HALTED) << s->guest_activity))
RULE(guest_activity_hlt, guest_activity, "the activity state must not be HLT if SS's DPL is not 0",
     s->guest_activity != VMCS_HALTED || !dpl(s->guest_ss_ar))
RULE(guest_activity_blocked, guest_activity,
     "the activity state must be active if STI or MOV SS block interrupts",
     s->guest_activity == VMCS_ACTIVE || !is_blocked(s))
RULE(guest_activity_event, guest_activity,
     "the injected event must be one that is taken in the activity state",
     !is_injecting(s) || is_event_of_activity(s))
RULE(guest_blocking_reserved, guest_interruptibility, "bits 31:4 of the interruptibility must be 0",
     is_below(s->guest_interruptibility, 4))
RULE(guest_blocking_twice, guest_interruptibility, "STI and MOV SS must not both block interrupts",
     (s->guest_interruptibility & BLOCKED_BY_BOTH) != BLOCKED_BY_BOTH)
RULE(guest_blocking_if, guest_interruptibility, "STI cannot block interrupts if RFLAGS.IF is 0",
     !(s->guest_interruptibility & VMCS_BLOCKED_BY_STI) || s->guest_rflags & X86_EFLAGS_IF)
RULE(guest_blocking_intr, guest_interruptibility,
     "no external interrupt may be injected while STI or MOV SS block interrupts",
     !is_blocked(s) || !is_injecting_type(s, VMCS_EVENT_INTR))
RULE(guest_blocking_nmi, guest_interruptibility,
     "no NMI may be injected while STI or MOV SS block interrupts",
     !is_blocked(s) || !is_injecting_type(s, VMCS_EVENT_NMI))
RULE(guest_blocking_smi, guest_interruptibility, "SMIs can be blocked in SMM only",
     !(s->guest_interruptibility & VMCS_BLOCKED_BY_SMI))
RULE(guest_blocking_virtual_nmi, guest_interruptibility,
     "no NMI may be injected while virtual NMIs are blocked",
     !(s->pin_controls & PIN_VIRTUAL_NMIS) || !is_injecting_type(s, VMCS_EVENT_NMI) ||
     !(s->guest_interruptibility & VMCS_BLOCKED_BY_NMI))
RULE(guest_pending_debug_reserved, guest_pending_debug,
     "pending debug exceptions have bits 3:0, 12 and 14 only",
     !(s->guest_pending_debug & ~PENDING_DEBUG_BITS))
RULE(guest_pending_step, guest_pending_debug,
     "while interrupts are blocked or in HLT, BS must be 1 just if TF is 1 and DEBUGCTL.BTF 0",
     (!is_blocked(s) && s->guest_activity != VMCS_HALTED) ||
     !(s->guest_pending_debug & VMCS_PENDING_DEBUG_BS) == !is_stepping(s))
RULE(guest_link_pointer, link_pointer,
     "the VMCS link pointer must be all ones: there is no other VMCS",
     s->link_pointer == ~0ull)

/* Page-directory pointers of PAE paging, which with EPT are in the VMCS. */
#define PDPTE(n)								\
RULE(guest_pdpte##n, guest_pdpte##n,						\
     "bits 2:1, 8:5 and those beyond the physical-address width must be 0 in a present PDPTE", \
     !is_pae_paging(s) || is_pdpte(s, s->guest_pdpte##n))
PDPTE(0)
PDPTE(1)
PDPTE(2)
PDPTE(3)
#undef PDPTE
