/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KVM: drops a fault that is found in a switch, and goes on behind the instruction; cannot enter
 * a task of 16 bits; does not look at the T bit; writes what is reserved.
 * QEMU's CPU: knows no T bit and no EXT bit; marks no segment accessed; takes an absent stack
 * segment for another absent one; forgets LE, and the EIP of the new task in its faults.
 */
/* Instructions */
CASE(jump_saves_one_task_and_loads_another, PROTECTED | 1)
CASE(only_half_a_word_is_the_selectors, BEYOND_KVM | PROTECTED | 1)
CASE(call_nests_and_iret_returns, PROTECTED | 1)
CASE(task_gates_in_the_gdt, PROTECTED | 1)
CASE(task_of_16_bits, BEYOND_KVM | PROTECTED | 1)
CASE(task_in_virtual_8086_mode, PROTECTED | 1)
CASE(task_of_ring_3, PROTECTED | 1)
CASE(task_with_a_descriptor_table_of_its_own, PROTECTED | 1)
CASE(segments_are_marked_accessed, BEYOND_QEMU | PROTECTED | 1)
CASE(page_tables_are_the_new_tasks, PROTECTED | 1)
CASE(trap_flag_is_the_new_tasks, PROTECTED | 1)
CASE(local_breakpoints_end_with_the_task, PROTECTED | 1)
CASE(local_exact_breakpoints_end_with_the_task, BEYOND_QEMU | PROTECTED | 1)
CASE(trap_bit_stops_before_the_new_task, BEYOND_KVM | BEYOND_QEMU | PROTECTED | 1)
/* Task gates in the IDT */
CASE(software_interrupt_to_a_task, PROTECTED | 1)
CASE(exception_to_a_task, PROTECTED | 1)
CASE(exception_with_error_code_to_a_task, PROTECTED | 1)
CASE(error_code_on_a_stack_of_16_bits, BEYOND_KVM | PROTECTED | 1)
CASE(breakpoint_to_a_task, PROTECTED | 1)
CASE(external_interrupt_to_a_task, PROTECTED | 1)
CASE(nmi_to_a_task_blocks_nmis_until_iret, PROTECTED | 1)
CASE(double_fault_to_a_task, PROTECTED | 1)
/* Faults of the old task */
CASE(busy_task_is_refused, PROTECTED | 1)
CASE(return_to_a_task_that_is_not_busy_is_refused, PROTECTED | 1)
CASE(task_state_that_is_not_there_is_refused, PROTECTED | 1)
CASE(page_fault_on_the_new_task_state, BEYOND_KVM | PROTECTED | 1)
CASE(page_fault_on_the_old_task_state, BEYOND_KVM | PROTECTED | 1)
CASE(fault_of_a_gate_says_whose_it_is, BEYOND_QEMU | PROTECTED | 1)
/* Faults of the new task */
CASE(bad_segments_are_the_new_tasks_faults, BEYOND_KVM | PROTECTED | 1)
CASE(fault_of_a_new_task_comes_before_its_first_instruction,
     BEYOND_KVM | BEYOND_QEMU | PROTECTED | 1)
CASE(stack_segment_that_is_not_there, BEYOND_KVM | BEYOND_QEMU | PROTECTED | 1)
