/* SPDX-License-Identifier: GPL-2.0 */
CASE(vector_registers_survive_exits, 1)
CASE(x87_and_mxcsr_survive_exits, 1)
CASE(vector_registers_of_two_vcpus_are_apart, 2)
CASE(legal_xcr0_is_read_back, 1)
CASE(illegal_xcr0_faults, 1)
CASE(xsetbv_needs_osxsave, 1)
