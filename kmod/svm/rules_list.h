/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules of VMRUN, in the manual's order; rules.c includes this twice.
 *
 * Left out, because minivmm never turns on what they are about: shadow paging (host
 * CR0.PG, page-directory pointers), CET, AVIC, encrypted guests, bus-lock threshold.
 * Segments have no rules but one: VMRUN takes what it finds and forces the rest.
 */
RULE(efer_svme, efer, "EFER.SVME must be 1",
     s->efer & EFER_SVME)
RULE(cr0_nw_without_cd, cr0, "CR0.NW must be 0 if CR0.CD is 0",
     s->cr0 & X86_CR0_CD || !(s->cr0 & X86_CR0_NW))
RULE(cr0_upper_half, cr0, "bits 63:32 of CR0 must be 0",
     is_below(s->cr0, 32))
RULE(cr3_reserved, cr3, "CR3 must be below the physical-address width",
     is_below(s->cr3, s->phys_bits))
RULE(cr4_reserved, cr4, "CR4 must have only bits of features that the host CPU has",
     !(s->cr4 & ~s->cr4_valid))
RULE(dr6_upper_half, dr6, "bits 63:32 of DR6 must be 0",
     is_below(s->dr6, 32))
RULE(dr7_upper_half, dr7, "bits 63:32 of DR7 must be 0",
     is_below(s->dr7, 32))
RULE(efer_reserved, efer, "EFER must have only bits of features that the host CPU has",
     !(s->efer & ~s->efer_valid))
RULE(long_mode_pae, cr4, "CR4.PAE must be 1 if EFER.LME and CR0.PG are 1",
     !is_long_mode(s) || s->cr4 & X86_CR4_PAE)
RULE(long_mode_pe, cr0, "CR0.PE must be 1 if EFER.LME and CR0.PG are 1",
     !is_long_mode(s) || s->cr0 & X86_CR0_PE)
RULE(long_mode_cs, cs_attr, "CS.L and CS.D must not both be 1 in long mode",
     !is_long_mode(s) || !(s->cr4 & X86_CR4_PAE) || !is_set(s->cs_attr, SVM_CS_L | SVM_CS_D))

RULE(vmrun_intercept, intercepts_4, "VMRUN must be intercepted",
     s->intercepts_4 & 1)
RULE(iopm_base, iopm_base, "the I/O permission map must end below the physical-address width",
     is_map(s, s->iopm_base, 3))
RULE(msrpm_base, msrpm_base, "the MSR permission map must end below the physical-address width",
     is_map(s, s->msrpm_base, 2))
RULE(asid_zero, asid, "the ASID must not be 0, which is the host's",
     s->asid)
RULE(asid_number, asid, "the ASID must be below the number of ASIDs of this CPU",
     s->asid < s->nr_asids)

RULE(event_type, event_inject, "an injected event must be an interrupt, NMI, exception or INT n",
     !is_injecting(s) || is_event_type(event_type(s)))
RULE(event_exception, event_inject, "an injected exception must be one of 0 to 31, and not 2 (NMI)",
     !is_injecting(s) || event_type(s) != SVM_EVENT_EXCEPTION ||
     is_exception(s->event_inject & 0xff))

RULE(g_pat, g_pat, "with nested paging every byte of G_PAT must be 0, 1 or 4 to 7",
     !(s->nested_control & 1) || is_pat(s->g_pat))
RULE(nested_cr3, nested_cr3, "the nested CR3 must be below the physical-address width",
     !(s->nested_control & 1) || is_below(s->nested_cr3, s->phys_bits))
