/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instructions with an operand in memory that are not emulated, and why. If one
 * touches a device, userspace gets INTERNAL_ERROR with the instruction's bytes. A unit test
 * (opcode_map.c) walks the opcode maps and finds each form either in the decoder's tables
 * or here. Not in the maps: EVEX (62 in 64-bit code) and XOP (8F), which are left out whole,
 * as vector arithmetic is; and operand-size prefixes of near jumps in 64-bit code and REX.W
 * of far pointers, which mean something else to each vendor's CPUs.
 */
#ifndef MINIVMM_EMULATOR_DECODE_LEFT_OUT_H
#define MINIVMM_EMULATOR_DECODE_LEFT_OUT_H

enum opcode_map {
	MAP_1BYTE, MAP_0F, MAP_0F38, MAP_0F3A,
	MAP_VEX_0F, MAP_VEX_0F38, MAP_VEX_0F3A, NR_MAPS,
};

/* ModRM.reg, as a mask */
#define REGS(first, last)	(0xffu >> (7 - (last)) & 0xffu << (first))
#define REGS_ALL		REGS(0, 7)

#define WHY_EVENT	"delivers an event or returns from one, in which more than memory takes part"
#define WHY_UNDEFINED	"is #UD"
#define WHY_DESCRIPTOR	"examines descriptors; no selector for it comes from a device"
#define WHY_HINT	"a hint or no operation: the CPU makes no access for it that could exit"
#define WHY_X87		"x87 data: would need floating-point conversion or arithmetic"
#define WHY_VECTOR	"arithmetic on vectors or their parts: a device is moved to or from, not computed with"
#define WHY_STATE	"an image of processor state, larger than what a device takes"
#define WHY_VIRT	"virtualization or shadow stacks, which guests are not offered"
#define WHY_WIDE	"64 bytes in one access, which no device interface here can express"
#define WHY_KEYS	"cipher or hash: a device is no operand for it"

/*
 * LEFT_OUT(OUT) - OUT(map, first opcode, last opcode, registers, reason). A range may hold
 * forms that are emulated: the others are left out.
 */
#define LEFT_OUT(OUT)									\
	OUT(MAP_1BYTE, 0x62, 0x62, REGS_ALL, WHY_EVENT)		/* BOUND */		\
	OUT(MAP_1BYTE, 0x63, 0x63, REGS_ALL, WHY_DESCRIPTOR)	/* ARPL */		\
	OUT(MAP_1BYTE, 0xcf, 0xcf, REGS_ALL, WHY_EVENT)		/* IRET */		\
	OUT(MAP_1BYTE, 0xd8, 0xdf, REGS_ALL, WHY_X87)					\
	OUT(MAP_0F, 0x00, 0x00, REGS(2, 5), WHY_DESCRIPTOR)	/* LLDT, LTR, VERR, VERW */ \
	OUT(MAP_0F, 0x01, 0x01, REGS(5, 5), WHY_VIRT)		/* RSTORSSP */		\
	OUT(MAP_0F, 0x01, 0x01, REGS(7, 7), WHY_HINT)		/* INVLPG */		\
	OUT(MAP_0F, 0x02, 0x03, REGS_ALL, WHY_DESCRIPTOR)	/* LAR, LSL */		\
	OUT(MAP_0F, 0x0d, 0x0d, REGS_ALL, WHY_HINT)		/* PREFETCHW */		\
	OUT(MAP_0F, 0x0f, 0x0f, REGS_ALL, WHY_VECTOR)		/* 3DNow! */		\
	OUT(MAP_0F, 0x12, 0x16, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F, 0x18, 0x19, REGS_ALL, WHY_HINT)		/* PREFETCHh, NOP */	\
	OUT(MAP_0F, 0x1a, 0x1b, REGS_ALL, WHY_STATE)		/* MPX */		\
	OUT(MAP_0F, 0x1c, 0x1f, REGS_ALL, WHY_HINT)		/* CLDEMOTE, NOP */	\
	OUT(MAP_0F, 0x2a, 0x2f, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F, 0x51, 0x76, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F, 0x78, 0x79, REGS_ALL, WHY_VIRT)		/* VMREAD, VMWRITE */	\
	OUT(MAP_0F, 0x7c, 0x7d, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F, 0xae, 0xae, REGS_ALL, WHY_STATE)		/* FXSAVE to XSAVEOPT */ \
	OUT(MAP_0F, 0xb9, 0xb9, REGS_ALL, WHY_UNDEFINED)	/* UD1 */		\
	OUT(MAP_0F, 0xc2, 0xc6, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F, 0xc7, 0xc7, REGS(3, 5), WHY_STATE)		/* XRSTORS, XSAVEC, XSAVES */ \
	OUT(MAP_0F, 0xc7, 0xc7, REGS(6, 7), WHY_VIRT)		/* VMPTRLD, VMXON, ... */ \
	OUT(MAP_0F, 0xd0, 0xff, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F38, 0x00, 0x41, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F38, 0x80, 0x82, REGS_ALL, WHY_VIRT)		/* INVEPT, INVVPID, INVPCID */ \
	OUT(MAP_0F38, 0xc8, 0xcf, REGS_ALL, WHY_KEYS)		/* SHA, GFNI */		\
	OUT(MAP_0F38, 0xd8, 0xdf, REGS_ALL, WHY_KEYS)		/* AES, key locker */	\
	OUT(MAP_0F38, 0xf5, 0xf6, REGS_ALL, WHY_VIRT)		/* WRUSS, WRSS */	\
	OUT(MAP_0F38, 0xf8, 0xf8, REGS_ALL, WHY_WIDE)		/* MOVDIR64B, ENQCMD */	\
	OUT(MAP_0F3A, 0x08, 0x63, REGS_ALL, WHY_VECTOR)					\
	OUT(MAP_0F3A, 0xcc, 0xdf, REGS_ALL, WHY_KEYS)		/* SHA, GFNI, AES */	\
	OUT(MAP_VEX_0F, 0x12, 0x7f, REGS_ALL, WHY_VECTOR)				\
	OUT(MAP_VEX_0F, 0x90, 0x91, REGS_ALL, WHY_VECTOR)	/* KMOV */		\
	OUT(MAP_VEX_0F, 0xae, 0xae, REGS(7, 7), WHY_HINT)	/* CLEVICT */		\
	OUT(MAP_VEX_0F, 0xc2, 0xff, REGS_ALL, WHY_VECTOR)				\
	OUT(MAP_VEX_0F38, 0x00, 0xf7, REGS_ALL, WHY_VECTOR)	/* also AES, BMI and AMX */ \
	OUT(MAP_VEX_0F3A, 0x00, 0xf0, REGS_ALL, WHY_VECTOR)	/* also AES and RORX */

#endif /* MINIVMM_EMULATOR_DECODE_LEFT_OUT_H */
