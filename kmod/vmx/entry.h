/* SPDX-License-Identifier: GPL-2.0 */
/* Offsets in struct vmx_entry (vmx.h), for enter.S. */
#ifndef MINIVMM_VMX_ENTRY_H
#define MINIVMM_VMX_ENTRY_H

#define VMX_ENTRY_HOST_RSP		0
#define VMX_ENTRY_SPEC_CTRL		8
#define VMX_ENTRY_HOST_SPEC_CTRL	16
#define VMX_ENTRY_LAUNCHED		24

#endif /* MINIVMM_VMX_ENTRY_H */
