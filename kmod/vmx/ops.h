/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMX instructions. Each survives failing and faulting: on a CPU whose VMX
 * operation somebody ended, a guest dies, not the host.
 */
#ifndef MINIVMM_VMX_OPS_H
#define MINIVMM_VMX_OPS_H

#include <linux/types.h>
#include <asm/asm.h>

#include "vmcs.h"

/* Ends the function it is in with false if @insn fails or faults. */
#define VMX_TRY(insn, ...)						\
	asm goto("1: " insn "\n\t"					\
		 "jbe %l[failed]\n"					\
		 _ASM_EXTABLE(1b, %l[failed])				\
		 : : __VA_ARGS__ : "cc", "memory" : failed)

static inline bool vmxon(u64 region)
{
	VMX_TRY("vmxon %[region]", [region] "m" (region));
	return true;
failed:
	return false;
}

static inline bool vmxoff(void)
{
	VMX_TRY("vmxoff", "i" (0));
	return true;
failed:
	return false;
}

static inline bool vmclear(u64 vmcs)
{
	VMX_TRY("vmclear %[vmcs]", [vmcs] "m" (vmcs));
	return true;
failed:
	return false;
}

static inline bool vmptrld(u64 vmcs)
{
	VMX_TRY("vmptrld %[vmcs]", [vmcs] "m" (vmcs));
	return true;
failed:
	return false;
}

enum { INVALIDATE_SINGLE = 1, INVALIDATE_ALL = 2 };

static inline bool invept(unsigned long type, u64 eptp)
{
	struct { u64 eptp, zero; } operand = { eptp, 0 };

	VMX_TRY("invept %[operand], %[type]", [operand] "m" (operand), [type] "r" (type));
	return true;
failed:
	return false;
}

static inline bool invvpid(unsigned long type, u16 vpid)
{
	struct { u64 vpid, linear; } operand = { vpid, 0 };

	VMX_TRY("invvpid %[operand], %[type]", [operand] "m" (operand), [type] "r" (type));
	return true;
failed:
	return false;
}

/* A field of the current VMCS; 0 if there is none. */
static __always_inline u64 vmcs_read(unsigned long field)
{
	u64 value = 0;

	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [value] "+r" (value) : [field] "r" (field) : "cc");
	return value;
}

/* The same to memory, which stays as it is if there is none. Fewer instructions. */
static __always_inline void vmcs_load(unsigned long field, u64 *value)
{
	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [value] "+m" (*value) : [field] "r" (field) : "cc");
}

/* vmx_write_failed - says once which field could not be written. cpu.c. */
void vmx_write_failed(unsigned long field, u64 value);

static __always_inline void vmcs_write(unsigned long field, u64 value)
{
	asm goto("1: vmwrite %[value], %[field]\n\t"
		 "jbe %l[failed]\n"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [value] "rm" (value), [field] "r" (field) : "cc" : failed);
	return;
failed:
	vmx_write_failed(field, value);
}

#endif /* MINIVMM_VMX_OPS_H */
