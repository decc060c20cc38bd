/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks on the host-state area, in the manual's order; rules.c includes this twice.
 *
 * Left out: IA32_PERF_GLOBAL_CTRL and IA32_PKRS, which minivmm does not have the CPU
 * load, and what is asked of a host that is not in 64-bit mode.
 */
RULE(host_cr0, host_cr0, "host CR0 must have the bits that IA32_VMX_CR0_FIXED0 and FIXED1 fix",
     is_fixed(s->host_cr0, s->cr0_fixed0, s->cr0_fixed1))
RULE(host_cr4, host_cr4, "host CR4 must have the bits that IA32_VMX_CR4_FIXED0 and FIXED1 fix",
     is_fixed(s->host_cr4, s->cr4_fixed0, s->cr4_fixed1))
RULE(host_cr4_cet, host_cr4, "host CR4.CET needs CR0.WP",
     !(s->host_cr4 & X86_CR4_CET) || s->host_cr0 & X86_CR0_WP)
RULE(host_cr3, host_cr3, "host CR3 must be within the physical-address width",
     is_below(s->host_cr3, s->phys_bits))
RULE(host_sysenter_esp, host_sysenter_esp, "host SYSENTER_ESP must be canonical",
     is_canonical(s, s->host_sysenter_esp))
RULE(host_sysenter_eip, host_sysenter_eip, "host SYSENTER_EIP must be canonical",
     is_canonical(s, s->host_sysenter_eip))
RULE(host_pat, host_pat, "every byte of host PAT must be 0, 1 or 4 to 7",
     !(s->exit_controls & EXITCTL_LOAD_PAT) || is_pat(s->host_pat))
RULE(host_efer_reserved, host_efer, "host EFER must have only bits of features that the CPU has",
     !(s->exit_controls & EXITCTL_LOAD_EFER) || !(s->host_efer & ~s->efer_valid))
RULE(host_efer_mode, host_efer,
     "host EFER.LMA and LME must be as the exit control for 64-bit hosts",
     !(s->exit_controls & EXITCTL_LOAD_EFER) ||
     is_efer_mode(s->host_efer, s->exit_controls & EXITCTL_HOST_64))
RULE(host_s_cet, host_s_cet, "host S_CET must be canonical, without reserved or contradicting bits",
     !(s->exit_controls & EXITCTL_LOAD_CET) || is_s_cet(s, s->host_s_cet))
RULE(host_ssp, host_ssp, "host SSP must be canonical and aligned to 4",
     !(s->exit_controls & EXITCTL_LOAD_CET) || is_ssp(s, s->host_ssp))
RULE(host_ssp_table, host_ssp_table, "the host's interrupt SSP table must be canonical",
     !(s->exit_controls & EXITCTL_LOAD_CET) || is_canonical(s, s->host_ssp_table))

#define HOST_SELECTOR(seg, SEG)							\
RULE(host_##seg##_selector, host_##seg##_selector,				\
     "host " SEG "'s selector must have TI and RPL 0",				\
     !(s->host_##seg##_selector & 7))
HOST_SELECTOR(cs, "CS")
HOST_SELECTOR(ss, "SS")
HOST_SELECTOR(ds, "DS")
HOST_SELECTOR(es, "ES")
HOST_SELECTOR(fs, "FS")
HOST_SELECTOR(gs, "GS")
HOST_SELECTOR(tr, "TR")
#undef HOST_SELECTOR
RULE(host_cs_null, host_cs_selector, "host CS's selector must not be null",
     s->host_cs_selector)
RULE(host_tr_null, host_tr_selector, "host TR's selector must not be null",
     s->host_tr_selector)
RULE(host_fs_base, host_fs_base, "host FS's base must be canonical",
     is_canonical(s, s->host_fs_base))
RULE(host_gs_base, host_gs_base, "host GS's base must be canonical",
     is_canonical(s, s->host_gs_base))
RULE(host_gdtr_base, host_gdtr_base, "host GDTR's base must be canonical",
     is_canonical(s, s->host_gdtr_base))
RULE(host_idtr_base, host_idtr_base, "host IDTR's base must be canonical",
     is_canonical(s, s->host_idtr_base))
RULE(host_tr_base, host_tr_base, "host TR's base must be canonical",
     is_canonical(s, s->host_tr_base))

RULE(host_64, exit_controls, "a host in 64-bit mode must come back to 64-bit mode",
     s->exit_controls & EXITCTL_HOST_64)
RULE(host_pae, host_cr4, "host CR4.PAE must be 1 in 64-bit mode",
     s->host_cr4 & X86_CR4_PAE)
RULE(host_rip, host_rip, "host RIP must be canonical",
     is_canonical(s, s->host_rip))
