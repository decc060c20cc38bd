/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's emulated CPU does not intercept XSETBV: KVM then has the wrong XCR0. */
CASE(vector_registers_survive_exits, BEYOND_KVM | 1)
CASE(x87_and_mxcsr_survive_exits, 1)
CASE(vector_registers_of_two_vcpus_are_apart, BEYOND_KVM | 2)
CASE(legal_xcr0_is_read_back, BEYOND_KVM | 1)
CASE(illegal_xcr0_faults, 1)
CASE(xsetbv_needs_osxsave, 1)
