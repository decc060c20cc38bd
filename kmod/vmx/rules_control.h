/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks on the VMX controls, in the manual's order; rules.c includes this twice.
 *
 * Left out, because minivmm never sets the control they are about: posted interrupts,
 * VM functions, VMCS shadowing, #VE, sub-page permissions, processor trace, tertiary
 * controls, secondary exit controls.
 */
RULE(pin_controls_allowed, pin_controls,
     "pin-based controls must be as IA32_VMX_PINBASED_CTLS allows",
     is_allowed(s->pin_controls, s->pin_allowed))
RULE(proc_controls_allowed, proc_controls,
     "primary processor-based controls must be as IA32_VMX_PROCBASED_CTLS allows",
     is_allowed(s->proc_controls, s->proc_allowed))
RULE(proc2_controls_allowed, proc2_controls,
     "secondary processor-based controls must be as IA32_VMX_PROCBASED_CTLS2 allows",
     !(s->proc_controls & PROC_SECONDARY) || is_allowed(s->proc2_controls, s->proc2_allowed))
RULE(cr3_target_count, cr3_target_count, "at most as many CR3 targets as IA32_VMX_MISC says",
     s->cr3_target_count <= (s->misc >> 16 & 0x1ff))
RULE(io_bitmap_a, io_bitmap_a, "I/O bitmap A must be a page within the physical-address width",
     !(s->proc_controls & PROC_IO_BITMAPS) || is_page(s, s->io_bitmap_a))
RULE(io_bitmap_b, io_bitmap_b, "I/O bitmap B must be a page within the physical-address width",
     !(s->proc_controls & PROC_IO_BITMAPS) || is_page(s, s->io_bitmap_b))
RULE(msr_bitmap, msr_bitmap, "the MSR bitmap must be a page within the physical-address width",
     !(s->proc_controls & PROC_MSR_BITMAP) || is_page(s, s->msr_bitmap))
RULE(virtual_apic_addr, virtual_apic_addr,
     "the virtual-APIC page must be a page within the physical-address width",
     !(s->proc_controls & PROC_TPR_SHADOW) || is_page(s, s->virtual_apic_addr))
RULE(tpr_threshold_reserved, tpr_threshold,
     "bits 31:4 of the TPR threshold must be 0 without virtual-interrupt delivery",
     !(s->proc_controls & PROC_TPR_SHADOW) || proc2(s) & PROC2_VIRTUAL_INTERRUPT ||
     is_below(s->tpr_threshold, 4))
RULE(tpr_threshold_vtpr, tpr_threshold,
     "the TPR threshold must not be above the virtual TPR's class",
     !(s->proc_controls & PROC_TPR_SHADOW) ||
     proc2(s) & (PROC2_VIRTUAL_INTERRUPT | PROC2_APIC_ACCESS) ||
     (s->tpr_threshold & 15) <= s->virtual_tpr >> 4)
RULE(tpr_shadow_missing, proc2_controls,
     "x2APIC mode, APIC-register virtualization and virtual-interrupt delivery need the TPR shadow",
     s->proc_controls & PROC_TPR_SHADOW ||
     !(proc2(s) & (PROC2_X2APIC | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT)))
RULE(virtual_nmis, pin_controls, "virtual NMIs need NMI exiting",
     s->pin_controls & PIN_NMI || !(s->pin_controls & PIN_VIRTUAL_NMIS))
RULE(nmi_window, proc_controls, "NMI-window exiting needs virtual NMIs",
     s->pin_controls & PIN_VIRTUAL_NMIS || !(s->proc_controls & PROC_NMI_WINDOW))
RULE(apic_access_addr, apic_access_addr,
     "the APIC-access page must be a page within the physical-address width",
     !(proc2(s) & PROC2_APIC_ACCESS) || is_page(s, s->apic_access_addr))
RULE(x2apic_and_apic_access, proc2_controls,
     "virtualized x2APIC mode and virtualized APIC accesses exclude each other",
     (proc2(s) & (PROC2_X2APIC | PROC2_APIC_ACCESS)) != (PROC2_X2APIC | PROC2_APIC_ACCESS))
RULE(virtual_interrupt_delivery, pin_controls,
     "virtual-interrupt delivery needs external-interrupt exiting",
     !(proc2(s) & PROC2_VIRTUAL_INTERRUPT) || s->pin_controls & PIN_EXTERNAL_INTERRUPT)
RULE(vpid, vpid, "the VPID must not be 0, which is the host's",
     !(proc2(s) & PROC2_VPID) || s->vpid)
RULE(ept_memory_type, ept_pointer,
     "the EPT pointer's memory type must be one that IA32_VMX_EPT_VPID_CAP has",
     !(proc2(s) & PROC2_EPT) || is_ept_memory_type(s))
RULE(ept_levels, ept_pointer,
     "the EPT pointer's number of levels must be one that IA32_VMX_EPT_VPID_CAP has",
     !(proc2(s) & PROC2_EPT) || is_ept_levels(s))
RULE(ept_accessed_dirty, ept_pointer, "EPT accessed and dirty flags must be something the CPU has",
     !(proc2(s) & PROC2_EPT) || !(s->ept_pointer & EPTP_AD) || s->ept_vpid & VMX_EPT_AD)
RULE(ept_reserved, ept_pointer,
     "bits 11:7 and those beyond the physical-address width must be 0 in the EPT pointer",
     !(proc2(s) & PROC2_EPT) ||
     (!(s->ept_pointer & 0xf80) && is_below(s->ept_pointer, s->phys_bits)))
RULE(pml_needs_ept, proc2_controls, "page-modification logging needs EPT",
     !(proc2(s) & PROC2_PML) || proc2(s) & PROC2_EPT)
RULE(pml_addr, pml_addr,
     "the page-modification log must be a page within the physical-address width",
     !(proc2(s) & PROC2_PML) || is_page(s, s->pml_addr))
RULE(unrestricted_needs_ept, proc2_controls, "an unrestricted guest needs EPT",
     !(proc2(s) & PROC2_UNRESTRICTED) || proc2(s) & PROC2_EPT)
RULE(mode_based_exec_needs_ept, proc2_controls, "mode-based execute control needs EPT",
     !(proc2(s) & PROC2_MODE_BASED_EXEC) || proc2(s) & PROC2_EPT)
RULE(tsc_multiplier, tsc_multiplier, "the TSC multiplier must not be 0",
     !(proc2(s) & PROC2_TSC_SCALING) || s->tsc_multiplier)

RULE(exit_controls_allowed, exit_controls, "VM-exit controls must be as IA32_VMX_EXIT_CTLS allows",
     is_allowed(s->exit_controls, s->exit_allowed))
RULE(save_timer, exit_controls, "saving the preemption timer needs the timer to be on",
     s->pin_controls & PIN_PREEMPTION_TIMER || !(s->exit_controls & EXITCTL_SAVE_TIMER))
RULE(exit_msr_store, exit_msr_store_addr,
     "the MSRs to store at exit must be aligned to 16 and within the physical-address width",
     is_msr_list(s, s->exit_msr_store_addr, s->exit_msr_store_count))
RULE(exit_msr_load, exit_msr_load_addr,
     "the MSRs to load at exit must be aligned to 16 and within the physical-address width",
     is_msr_list(s, s->exit_msr_load_addr, s->exit_msr_load_count))

RULE(entry_controls_allowed, entry_controls,
     "VM-entry controls must be as IA32_VMX_ENTRY_CTLS allows",
     is_allowed(s->entry_controls, s->entry_allowed))
RULE(entry_to_smm, entry_controls,
     "entry to SMM and the end of dual-monitor treatment are for monitors in SMM only",
     !(s->entry_controls & (ENTRYCTL_SMM | ENTRYCTL_END_DUAL)))
RULE(event_type, entry_event,
     "an injected event must not be of type 1, and of type 7 only if the CPU has the monitor trap",
     !is_injecting(s) || is_event_type(s))
RULE(event_vector, entry_event,
     "the vector of an injected NMI is 2, of an exception at most 31, of another event 0",
     !is_injecting(s) || is_event_vector(s))
RULE(event_has_error, entry_event,
     "an error code goes with just those exceptions that push one, in protected mode",
     !is_injecting(s) || is_event_error_flag(s))
RULE(event_reserved, entry_event, "bits 30:12 of an injected event must be 0",
     !is_injecting(s) || !(s->entry_event & VMCS_EVENT_RESERVED))
RULE(event_error, entry_event_error, "an injected error code has 16 bits",
     !is_injecting(s) || !(s->entry_event & VMCS_EVENT_HAS_ERROR) ||
     is_below(s->entry_event_error, 16))
RULE(event_insn_len, entry_insn_len,
     "the instruction length of a software event must be 1 to 15 (0 if the CPU allows it)",
     !is_injecting(s) || !is_software_event(s) || is_insn_len(s))
RULE(entry_msr_load, entry_msr_load_addr,
     "the MSRs to load at entry must be aligned to 16 and within the physical-address width",
     is_msr_list(s, s->entry_msr_load_addr, s->entry_msr_load_count))
