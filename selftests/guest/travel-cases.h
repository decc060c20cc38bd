/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those that KVM is known to fail are BEYOND_KVM (machine.h). QEMU's VMRUN loads DR7 without
 * arming its breakpoints: there they hit only after a MOV to DR7 on the same CPU.
 */
CASE(one_shot_count_ends_once, 1)
CASE(periodic_count_goes_on, 1)
CASE(deadline_comes_once_and_in_time, 1)
CASE(pit_count_ends_once, BEYOND_KVM | 1)
CASE(pit_ticks_are_neither_lost_nor_doubled, BEYOND_KVM | 1)
CASE(registers_stay, 1)
CASE(each_step_traps_once, 1)
CASE(each_breakpoint_traps_once, BEYOND_QEMU | 1)
CASE(each_event_comes_once, 1)
CASE(each_access_is_made_once, 1)
