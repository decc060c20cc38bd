/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decoded form of one x86 instruction, and the decoder's tables.
 *
 * Produced by emul_decode() (see emulator.h), consumed by emul_execute(). Pure
 * data without pointers into the guest: a vCPU may keep it and use it again as
 * long as bytes and mode are the same.
 */
#ifndef MINIVMM_EMULATOR_DECODE_H
#define MINIVMM_EMULATOR_DECODE_H

#include "../pure.h"

#define EMUL_INSN_MAX	15

struct emul;
struct emul_opcode;

struct emul_insn {
	u8 bytes[EMUL_INSN_MAX + 1];
	u64 first_mask;		/* of the first eight bytes those that are the instruction's */
	u8 len;
	u8 code_bits;		/* 16, 32 or 64: what the code segment made it */
	u8 op_size;		/* operand size in bytes: 1, 2, 4, 8 */
	u8 addr_size;		/* address size in bytes: 2, 4, 8 */
	u8 opcode;		/* last opcode byte */
	u8 modrm;
	u8 rex;			/* REX byte, or the like from VEX; 0 if none */
	u8 rep;			/* 0, 0xf2 or 0xf3 */
	u8 pp;			/* mandatory prefix: 0 none, 1 66, 2 F3, 3 F2 */
	u8 reg;			/* ModRM.reg with REX.R, or the register in the opcode */
	u8 rm;			/* ModRM.rm with REX.B if is_reg */
	u8 base, index, scale;	/* memory operand; EMUL_NO_REG: none */
	u8 vvvv;		/* VEX.vvvv, already inverted */
	u8 seg;			/* enum sreg of the memory operand */
	bool is_reg;		/* ModRM names a register, not memory */
	bool rip_relative;
	bool lock;
	bool opsize_prefix;	/* 66 */
	bool vex;
	bool vex_l;		/* 256 bits */
	s64 disp;		/* displacement, or the whole offset of MOV moffs */
	u64 imm;		/* sign-extended immediate */
	u16 imm2;		/* second immediate: level of ENTER, selector of a far pointer */
	u8 move_size;		/* bytes of a plain move, see emul_known_move(); 0: it is none */
	bool move_is_write;
	u8 move_reg;		/* what is written; EMUL_NO_REG: the immediate */
	u64 move_mask;		/* the bits written */
	u8 read_size;		/* bytes of an operand that is read before all else; 0: of none */
	bool read_to_write;	/* and then written, with no other memory in between */
	const struct emul_opcode *op;
};

#define EMUL_NO_REG	0xff

#endif /* MINIVMM_EMULATOR_DECODE_H */
