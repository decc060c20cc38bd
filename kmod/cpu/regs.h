/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers of a vCPU: the words that emulator, backends, vCPU and ioctls share. Pure.
 *
 * Bits of CR0, CR4 and RFLAGS are <asm/processor-flags.h>'s, which userspace has, too.
 */
#ifndef MINIVMM_CPU_REGS_H
#define MINIVMM_CPU_REGS_H

#include <asm/processor-flags.h>

#include "../pure.h"

#ifdef __KERNEL__
#include <asm/msr-index.h>
#else
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)
#define EFER_SVME	BIT_ULL(12)
#endif

#ifndef X86_CR4_CET		/* headers before 6.6 */
#define X86_CR4_CET	BIT_ULL(23)
#endif

/* General registers in the order the instruction encoding numbers them. */
enum gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
};

struct regs {
	u64 gpr[16];
	u64 rip;
	u64 rflags;
};

/* What decides the mode that code runs in. */
struct control_regs {
	u64 cr0, cr3, cr4, efer;
};

/* Segment registers in encoding order. */
enum sreg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR };

/* Descriptor attributes in the layout of the VMCB. */
#define SEG_ATTR_TYPE	0x000f
#define SEG_ATTR_S	0x0010
#define SEG_ATTR_DPL	0x0060
#define SEG_ATTR_P	0x0080
#define SEG_ATTR_L	0x0200
#define SEG_ATTR_DB	0x0400
#define SEG_ATTR_G	0x0800

struct segment {
	u64 base;
	u32 limit;		/* in bytes, G already applied */
	u16 selector;
	u16 attr;		/* SEG_ATTR_*; P clear: null or unusable */
};

/* GDTR or IDTR. */
struct table_register {
	u64 base;
	u16 limit;
};

/* Bits of a selector. */
#define SEL_RPL		3u
#define SEL_LDT		4u

/* Vectors that the CPU itself gives events. */
enum {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_OLD_MF = 9,		/* coprocessor segment overrun: no CPU since the 486 */
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XF = 19,
	VEC_VE = 20,
	VEC_CP = 21,
};

#endif /* MINIVMM_CPU_REGS_H */
