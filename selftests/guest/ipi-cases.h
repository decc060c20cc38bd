/* SPDX-License-Identifier: GPL-2.0 */
CASE(fixed_ipi_reaches_one_vcpu, 4)
CASE(ipi_to_others_reaches_all_but_the_sender, 4)
CASE(ipi_to_all_reaches_the_sender_too, 4)
CASE(lowest_priority_reaches_exactly_one, 4)
CASE(flat_logical_destination_is_a_mask, 4)
CASE(cluster_logical_destination_is_cluster_and_mask, 4)
CASE(nmi_ipi_reaches_a_vcpu_with_interrupts_off, 2)
CASE(ipi_wakes_a_halted_vcpu, 2)
CASE(ping_pong_loses_no_ipi, 2)
CASE(x2apic_ids_and_ipis, 4)
/* KVM lets the guest read all of the APIC's MSRs where the CPU helps with that, on Intel. */
CASE(x2apic_takes_registers_away, BEYOND_KVM | 1)
CASE(init_and_startup_start_eight_vcpus, STARTED_BY_GUEST | 8)
