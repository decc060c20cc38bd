// SPDX-License-Identifier: GPL-2.0
/*
 * Opcode tables of the instruction emulator: which function executes an opcode
 * and how its operands are encoded. An opcode that is not here is not emulated;
 * decode_left_out.h says why.
 */
#include "emulator_private.h"

#define OP(f, fl, a)	{ .exec = emul_exec_##f, .flags = (fl), .arg = (a) }
#define GROUP(g)	{ .group = groups[g], .flags = OPF_MODRM | OPF_GROUP }

/* The six regular encodings of a two-operand arithmetic instruction. */
#define ALU_ROW(base, a, lock)							\
	[(base) + 0] = OP(alu, OPF_MODRM | OPF_BYTE | (lock), a),		\
	[(base) + 1] = OP(alu, OPF_MODRM | (lock), a),				\
	[(base) + 2] = OP(alu, OPF_MODRM | OPF_BYTE | OPF_TO_REG, a),		\
	[(base) + 3] = OP(alu, OPF_MODRM | OPF_TO_REG, a),			\
	[(base) + 4] = OP(alu, OPF_ACC | OPF_BYTE | OPF_IMM8, a),		\
	[(base) + 5] = OP(alu, OPF_ACC | OPF_IMMZ, a)

/* Arithmetic with an immediate: ModRM.reg says which. */
#define ALU_GROUP(fl)								\
	[0] = OP(alu, (fl) | OPF_LOCK, ALU_ADD),				\
	[1] = OP(alu, (fl) | OPF_LOCK, ALU_OR),					\
	[2] = OP(alu, (fl) | OPF_LOCK, ALU_ADC),				\
	[3] = OP(alu, (fl) | OPF_LOCK, ALU_SBB),				\
	[4] = OP(alu, (fl) | OPF_LOCK, ALU_AND),				\
	[5] = OP(alu, (fl) | OPF_LOCK, ALU_SUB),				\
	[6] = OP(alu, (fl) | OPF_LOCK, ALU_XOR),				\
	[7] = OP(alu, (fl), ALU_CMP)

/* Eight opcodes whose low bits name a register. */
#define REG_ROW(base, f, fl, a)							\
	[(base) + 0 ... (base) + 7] = OP(f, OPF_OPREG | (fl), a)

/* Shifts and rotates: ModRM.reg says which. */
#define SHIFT_GROUP(fl)								\
	[0] = OP(shift, (fl), SHIFT_ROL),					\
	[1] = OP(shift, (fl), SHIFT_ROR),					\
	[2] = OP(shift, (fl), SHIFT_RCL),					\
	[3] = OP(shift, (fl), SHIFT_RCR),					\
	[4] = OP(shift, (fl), SHIFT_SHL),					\
	[5] = OP(shift, (fl), SHIFT_SHR),					\
	[6] = OP(shift, (fl), SHIFT_SAL),					\
	[7] = OP(shift, (fl), SHIFT_SAR)

/* Opcodes, with their prefixes, that ModRM.reg tells apart. */
enum {
	GROUP_80, GROUP_81, GROUP_82, GROUP_83, GROUP_8C, GROUP_8E, GROUP_8F, GROUP_C0,
	GROUP_C1, GROUP_D0, GROUP_D1, GROUP_D2, GROUP_D3, GROUP_C6, GROUP_C7, GROUP_D9,
	GROUP_DD, GROUP_F6, GROUP_F7, GROUP_FE, GROUP_FF, GROUP_0F00, GROUP_0F01, GROUP_0FAE,
	GROUP_660FAE, GROUP_0FBA, GROUP_0FC7,
	NR_GROUPS
};

static const struct emul_opcode groups[NR_GROUPS][8] = {
	[GROUP_80] = { ALU_GROUP(OPF_BYTE | OPF_IMM8) },
	[GROUP_81] = { ALU_GROUP(OPF_IMMZ) },
	[GROUP_82] = { ALU_GROUP(OPF_BYTE | OPF_IMM8 | OPF_NO64) },
	[GROUP_83] = { ALU_GROUP(OPF_IMM8) },
	[GROUP_8C] = {
		[SEG_ES ... SEG_GS] = OP(mov_from_sreg, 0, 0),
	},
	[GROUP_8E] = {
		[SEG_ES] = OP(mov_to_sreg, 0, 0),
		[SEG_SS ... SEG_GS] = OP(mov_to_sreg, 0, 0),
	},
	[GROUP_8F] = {
		[0] = OP(pop, OPF_STACK, 0),
	},
	[GROUP_C0] = { SHIFT_GROUP(OPF_BYTE | OPF_IMM8) },
	[GROUP_C1] = { SHIFT_GROUP(OPF_IMM8) },
	[GROUP_D0] = { SHIFT_GROUP(OPF_BYTE) },
	[GROUP_D1] = { SHIFT_GROUP(0) },
	[GROUP_D2] = { SHIFT_GROUP(OPF_BYTE | OPF_CL) },
	[GROUP_D3] = { SHIFT_GROUP(OPF_CL) },
	[GROUP_C6] = {
		[0] = OP(mov, OPF_BYTE | OPF_IMM8, 0),
	},
	[GROUP_C7] = {
		[0] = OP(mov, OPF_IMMZ, 0),
	},
	[GROUP_D9] = {
		[5] = OP(fldcw, OPF_ONLY_MEM, 0),
		[7] = OP(fnstcw, OPF_ONLY_MEM, 0),
	},
	[GROUP_DD] = {
		[7] = OP(fnstsw, OPF_ONLY_MEM, 0),
	},
	[GROUP_F6] = {
		[0] = OP(alu, OPF_BYTE | OPF_IMM8, ALU_TEST),
		[1] = OP(alu, OPF_BYTE | OPF_IMM8, ALU_TEST),
		[2] = OP(unary, OPF_BYTE | OPF_LOCK, UNARY_NOT),
		[3] = OP(unary, OPF_BYTE | OPF_LOCK, UNARY_NEG),
		[4] = OP(mul, OPF_BYTE, MUL_UNSIGNED),
		[5] = OP(mul, OPF_BYTE, MUL_SIGNED),
		[6] = OP(div, OPF_BYTE, MUL_UNSIGNED),
		[7] = OP(div, OPF_BYTE, MUL_SIGNED),
	},
	[GROUP_F7] = {
		[0] = OP(alu, OPF_IMMZ, ALU_TEST),
		[1] = OP(alu, OPF_IMMZ, ALU_TEST),
		[2] = OP(unary, OPF_LOCK, UNARY_NOT),
		[3] = OP(unary, OPF_LOCK, UNARY_NEG),
		[4] = OP(mul, 0, MUL_UNSIGNED),
		[5] = OP(mul, 0, MUL_SIGNED),
		[6] = OP(div, 0, MUL_UNSIGNED),
		[7] = OP(div, 0, MUL_SIGNED),
	},
	[GROUP_FE] = {
		[0] = OP(unary, OPF_BYTE | OPF_LOCK, UNARY_INC),
		[1] = OP(unary, OPF_BYTE | OPF_LOCK, UNARY_DEC),
	},
	[GROUP_FF] = {
		[0] = OP(unary, OPF_LOCK, UNARY_INC),
		[1] = OP(unary, OPF_LOCK, UNARY_DEC),
		[2] = OP(call, OPF_STACK | OPF_NEAR, TARGET_OPERAND),
		[3] = OP(call_far, OPF_MEM, TARGET_OPERAND),
		[4] = OP(jmp, OPF_STACK | OPF_NEAR, TARGET_OPERAND),
		[5] = OP(jmp_far, OPF_MEM, TARGET_OPERAND),
		[6] = OP(push, OPF_STACK, 0),
	},
	[GROUP_0F00] = {
		[0] = OP(store_selector, 0, SEG_LDTR),
		[1] = OP(store_selector, 0, SEG_TR),
	},
	[GROUP_0F01] = {
		[0] = OP(store_table, OPF_ONLY_MEM, STORE_GDTR),
		[1] = OP(store_table, OPF_ONLY_MEM, STORE_IDTR),
		[2] = OP(load_table, OPF_ONLY_MEM, STORE_GDTR),
		[3] = OP(load_table, OPF_ONLY_MEM, STORE_IDTR),
		[4] = OP(smsw, 0, 0),
		[6] = OP(lmsw, 0, 0),
	},
	/* Told apart by a mandatory prefix: none, and 66. */
	[GROUP_0FAE] = {
		[2] = OP(ldmxcsr, OPF_ONLY_MEM | OPF_VEX | OPF_L0, 0),
		[3] = OP(stmxcsr, OPF_ONLY_MEM | OPF_VEX | OPF_L0, 0),
		[7] = OP(flush, OPF_ONLY_MEM | OPF_BYTE, 0),
	},
	[GROUP_660FAE] = {
		[6] = OP(flush, OPF_ONLY_MEM | OPF_BYTE, 0),
		[7] = OP(flush, OPF_ONLY_MEM | OPF_BYTE, 0),
	},
	[GROUP_0FBA] = {
		[4] = OP(bit, OPF_IMM8, BIT_TEST),
		[5] = OP(bit, OPF_IMM8 | OPF_LOCK, BIT_SET),
		[6] = OP(bit, OPF_IMM8 | OPF_LOCK, BIT_RESET),
		[7] = OP(bit, OPF_IMM8 | OPF_LOCK, BIT_COMPLEMENT),
	},
	[GROUP_0FC7] = {
		[1] = OP(cmpxchg8b, OPF_MEM | OPF_LOCK, 0),
	},
};

static const struct emul_opcode table_1byte[256] = {
	ALU_ROW(0x00, ALU_ADD, OPF_LOCK),
	ALU_ROW(0x08, ALU_OR, OPF_LOCK),
	ALU_ROW(0x10, ALU_ADC, OPF_LOCK),
	ALU_ROW(0x18, ALU_SBB, OPF_LOCK),
	ALU_ROW(0x20, ALU_AND, OPF_LOCK),
	ALU_ROW(0x28, ALU_SUB, OPF_LOCK),
	ALU_ROW(0x30, ALU_XOR, OPF_LOCK),
	ALU_ROW(0x38, ALU_CMP, 0),
	[0x06] = OP(push_sreg, OPF_STACK | OPF_NO64, SEG_ES),
	[0x07] = OP(pop_sreg, OPF_STACK | OPF_NO64, SEG_ES),
	[0x0e] = OP(push_sreg, OPF_STACK | OPF_NO64, SEG_CS),
	[0x16] = OP(push_sreg, OPF_STACK | OPF_NO64, SEG_SS),
	[0x17] = OP(pop_sreg, OPF_STACK | OPF_NO64, SEG_SS),
	[0x1e] = OP(push_sreg, OPF_STACK | OPF_NO64, SEG_DS),
	[0x1f] = OP(pop_sreg, OPF_STACK | OPF_NO64, SEG_DS),
	REG_ROW(0x50, push, OPF_STACK, 0),
	REG_ROW(0x58, pop, OPF_STACK, 0),
	[0x60] = OP(pusha, OPF_STACK | OPF_NO64, 0),
	[0x61] = OP(popa, OPF_STACK | OPF_NO64, 0),
	[0x63] = OP(movx, OPF_MODRM | OPF_TO_REG | OPF_ONLY64, 4 | MOVX_SIGNED),
	[0x68] = OP(push, OPF_STACK | OPF_IMMZ, 0),
	[0x69] = OP(imul, OPF_MODRM | OPF_TO_REG | OPF_IMMZ, 0),
	[0x6a] = OP(push, OPF_STACK | OPF_IMM8, 0),
	[0x6b] = OP(imul, OPF_MODRM | OPF_TO_REG | OPF_IMM8, 0),
	[0x6c] = OP(ins, OPF_BYTE, 0),
	[0x6d] = OP(ins, 0, 0),
	[0x6e] = OP(outs, OPF_BYTE, 0),
	[0x6f] = OP(outs, 0, 0),
	[0x80] = GROUP(GROUP_80),
	[0x81] = GROUP(GROUP_81),
	[0x82] = GROUP(GROUP_82),
	[0x83] = GROUP(GROUP_83),
	[0x84] = OP(alu, OPF_MODRM | OPF_BYTE, ALU_TEST),
	[0x85] = OP(alu, OPF_MODRM, ALU_TEST),
	[0x86] = OP(xchg, OPF_MODRM | OPF_BYTE | OPF_LOCK, 0),
	[0x87] = OP(xchg, OPF_MODRM | OPF_LOCK, 0),
	[0x88] = OP(mov, OPF_MODRM | OPF_BYTE, 0),
	[0x89] = OP(mov, OPF_MODRM, 0),
	[0x8a] = OP(mov, OPF_MODRM | OPF_BYTE | OPF_TO_REG, 0),
	[0x8b] = OP(mov, OPF_MODRM | OPF_TO_REG, 0),
	[0x8c] = GROUP(GROUP_8C),
	[0x8e] = GROUP(GROUP_8E),
	[0x8f] = GROUP(GROUP_8F),
	[0x9a] = OP(call_far, OPF_NO64 | OPF_IMMZ | OPF_SECOND16, TARGET_IMMEDIATE),
	[0x9c] = OP(pushf, OPF_STACK, 0),
	[0x9d] = OP(popf, OPF_STACK, 0),
	[0xa0] = OP(mov, OPF_MOFFS | OPF_ACC | OPF_BYTE | OPF_TO_REG, 0),
	[0xa1] = OP(mov, OPF_MOFFS | OPF_ACC | OPF_TO_REG, 0),
	[0xa2] = OP(mov, OPF_MOFFS | OPF_ACC | OPF_BYTE, 0),
	[0xa3] = OP(mov, OPF_MOFFS | OPF_ACC, 0),
	[0xa4] = OP(movs, OPF_BYTE, 0),
	[0xa5] = OP(movs, 0, 0),
	[0xa6] = OP(cmps, OPF_BYTE, 0),
	[0xa7] = OP(cmps, 0, 0),
	[0xa8] = OP(alu, OPF_ACC | OPF_BYTE | OPF_IMM8, ALU_TEST),
	[0xa9] = OP(alu, OPF_ACC | OPF_IMMZ, ALU_TEST),
	[0xaa] = OP(stos, OPF_BYTE, 0),
	[0xab] = OP(stos, 0, 0),
	[0xac] = OP(lods, OPF_BYTE, 0),
	[0xad] = OP(lods, 0, 0),
	[0xae] = OP(scas, OPF_BYTE, 0),
	[0xaf] = OP(scas, 0, 0),
	[0xc0] = GROUP(GROUP_C0),
	[0xc1] = GROUP(GROUP_C1),
	[0xc2] = OP(ret, OPF_STACK | OPF_NEAR | OPF_IMM16, 0),
	[0xc3] = OP(ret, OPF_STACK | OPF_NEAR, 0),
	[0xc4] = OP(load_pointer, OPF_MODRM | OPF_MEM | OPF_NO64, SEG_ES),
	[0xc5] = OP(load_pointer, OPF_MODRM | OPF_MEM | OPF_NO64, SEG_DS),
	[0xc6] = GROUP(GROUP_C6),
	[0xc7] = GROUP(GROUP_C7),
	[0xc8] = OP(enter, OPF_STACK | OPF_IMM16 | OPF_SECOND8, 0),
	[0xc9] = OP(leave, OPF_STACK, 0),
	[0xca] = OP(ret_far, OPF_IMM16, 0),
	[0xcb] = OP(ret_far, 0, 0),
	[0xd0] = GROUP(GROUP_D0),
	[0xd1] = GROUP(GROUP_D1),
	[0xd2] = GROUP(GROUP_D2),
	[0xd3] = GROUP(GROUP_D3),
	[0xd7] = OP(xlat, 0, 0),
	[0xd9] = GROUP(GROUP_D9),
	[0xdd] = GROUP(GROUP_DD),
	[0xe4] = OP(in, OPF_BYTE | OPF_IMM8, 0),
	[0xe5] = OP(in, OPF_IMM8, 0),
	[0xe6] = OP(out, OPF_BYTE | OPF_IMM8, 0),
	[0xe7] = OP(out, OPF_IMM8, 0),
	[0xe8] = OP(call, OPF_STACK | OPF_NEAR | OPF_IMMZ, TARGET_IMMEDIATE),
	[0xea] = OP(jmp_far, OPF_NO64 | OPF_IMMZ | OPF_SECOND16, TARGET_IMMEDIATE),
	[0xec] = OP(in, OPF_BYTE, 0),
	[0xed] = OP(in, 0, 0),
	[0xee] = OP(out, OPF_BYTE, 0),
	[0xef] = OP(out, 0, 0),
	[0xf6] = GROUP(GROUP_F6),
	[0xf7] = GROUP(GROUP_F7),
	[0xfe] = GROUP(GROUP_FE),
	[0xff] = GROUP(GROUP_FF),
};

static const struct emul_opcode table_0f[256] = {
	[0x00] = GROUP(GROUP_0F00),
	[0x01] = GROUP(GROUP_0F01),
	[0x40 ... 0x4f] = OP(cmov, OPF_MODRM | OPF_TO_REG, 0),
	[0x90 ... 0x9f] = OP(setcc, OPF_MODRM | OPF_BYTE, 0),
	[0xa0] = OP(push_sreg, OPF_STACK, SEG_FS),
	[0xa1] = OP(pop_sreg, OPF_STACK, SEG_FS),
	[0xa3] = OP(bit, OPF_MODRM, BIT_TEST),
	[0xa4] = OP(double_shift, OPF_MODRM | OPF_IMM8, SHIFT_SHL),
	[0xa5] = OP(double_shift, OPF_MODRM | OPF_CL, SHIFT_SHL),
	[0xa8] = OP(push_sreg, OPF_STACK, SEG_GS),
	[0xa9] = OP(pop_sreg, OPF_STACK, SEG_GS),
	[0xab] = OP(bit, OPF_MODRM | OPF_LOCK, BIT_SET),
	[0xac] = OP(double_shift, OPF_MODRM | OPF_IMM8, SHIFT_SHR),
	[0xad] = OP(double_shift, OPF_MODRM | OPF_CL, SHIFT_SHR),
	[0xaf] = OP(imul, OPF_MODRM | OPF_TO_REG, 0),
	[0xb0] = OP(cmpxchg, OPF_MODRM | OPF_BYTE | OPF_LOCK, 0),
	[0xb1] = OP(cmpxchg, OPF_MODRM | OPF_LOCK, 0),
	[0xb2] = OP(load_pointer, OPF_MODRM | OPF_MEM, SEG_SS),
	[0xb3] = OP(bit, OPF_MODRM | OPF_LOCK, BIT_RESET),
	[0xb4] = OP(load_pointer, OPF_MODRM | OPF_MEM, SEG_FS),
	[0xb5] = OP(load_pointer, OPF_MODRM | OPF_MEM, SEG_GS),
	[0xb6] = OP(movx, OPF_MODRM | OPF_TO_REG, 1),
	[0xb7] = OP(movx, OPF_MODRM | OPF_TO_REG, 2),
	[0xba] = GROUP(GROUP_0FBA),
	[0xbb] = OP(bit, OPF_MODRM | OPF_LOCK, BIT_COMPLEMENT),
	[0xbc] = OP(bit_scan, OPF_MODRM | OPF_TO_REG, SCAN_FORWARD),
	[0xbd] = OP(bit_scan, OPF_MODRM | OPF_TO_REG, SCAN_REVERSE),
	[0xbe] = OP(movx, OPF_MODRM | OPF_TO_REG, 1 | MOVX_SIGNED),
	[0xbf] = OP(movx, OPF_MODRM | OPF_TO_REG, 2 | MOVX_SIGNED),
	[0xc0] = OP(xadd, OPF_MODRM | OPF_BYTE | OPF_LOCK, 0),
	[0xc1] = OP(xadd, OPF_MODRM | OPF_LOCK, 0),
	[0xc3] = OP(mov, OPF_MODRM | OPF_MEM | OPF_DWORD | OPF_NOREP | OPF_NO66, 0),
	[0xc7] = GROUP(GROUP_0FC7),
};

/* Opcodes told apart by a mandatory prefix. */
struct prefixed_opcode {
	u8 opcode;
	u8 pp;
	struct emul_opcode op;
};

#define PP_NONE	0
#define PP_66	1
#define PP_F3	2
#define PP_F2	3

#define PREFIXED(code, p, f, fl, a)						\
	{ .opcode = (code), .pp = (p), .op = OP(f, OPF_MODRM | (fl), a) }
#define VEC(code, p, f, fl, a)	PREFIXED(code, p, f, OPF_VEX | (fl), a)

static const struct prefixed_opcode prefixed_0f[] = {
	VEC(0x10, PP_NONE, vec_load, 0, 0),
	VEC(0x10, PP_66, vec_load, 0, 0),
	VEC(0x10, PP_F3, vec_load_scalar, OPF_VVVV_REG, 4),
	VEC(0x10, PP_F2, vec_load_scalar, OPF_VVVV_REG, 8),
	VEC(0x11, PP_NONE, vec_store, 0, 0),
	VEC(0x11, PP_66, vec_store, 0, 0),
	VEC(0x11, PP_F3, vec_store_scalar, OPF_VVVV_REG, 4),
	VEC(0x11, PP_F2, vec_store_scalar, OPF_VVVV_REG, 8),
	VEC(0x12, PP_NONE, vec_load_half, OPF_VVVV | OPF_L0, 0),
	VEC(0x12, PP_66, vec_load_half, OPF_VVVV | OPF_L0 | OPF_MEM, 0),
	VEC(0x13, PP_NONE, vec_store_half, OPF_L0 | OPF_MEM, 0),
	VEC(0x13, PP_66, vec_store_half, OPF_L0 | OPF_MEM, 0),
	VEC(0x16, PP_NONE, vec_load_half, OPF_VVVV | OPF_L0, VEC_HIGH),
	VEC(0x16, PP_66, vec_load_half, OPF_VVVV | OPF_L0 | OPF_MEM, VEC_HIGH),
	VEC(0x17, PP_NONE, vec_store_half, OPF_L0 | OPF_MEM, VEC_HIGH),
	VEC(0x17, PP_66, vec_store_half, OPF_L0 | OPF_MEM, VEC_HIGH),
	VEC(0x28, PP_NONE, vec_load, 0, VEC_ALIGNED),
	VEC(0x28, PP_66, vec_load, 0, VEC_ALIGNED),
	VEC(0x29, PP_NONE, vec_store, 0, VEC_ALIGNED),
	VEC(0x29, PP_66, vec_store, 0, VEC_ALIGNED),
	VEC(0x2b, PP_NONE, vec_store, OPF_MEM, VEC_ALIGNED),
	VEC(0x2b, PP_66, vec_store, OPF_MEM, VEC_ALIGNED),
	PREFIXED(0x6e, PP_NONE, mmx_load, OPF_DWORD, 0),
	VEC(0x6e, PP_66, movd_load, OPF_DWORD | OPF_L0, 0),
	PREFIXED(0x6f, PP_NONE, mmx_load, 0, 8),
	VEC(0x6f, PP_66, vec_load, 0, VEC_ALIGNED),
	VEC(0x6f, PP_F3, vec_load, 0, 0),
	PREFIXED(0x7e, PP_NONE, mmx_store, OPF_DWORD, 0),
	VEC(0x7e, PP_66, movd_store, OPF_DWORD | OPF_L0, 0),
	VEC(0x7e, PP_F3, vec_load_scalar, OPF_L0, 8),
	PREFIXED(0x7f, PP_NONE, mmx_store, 0, 8),
	VEC(0x7f, PP_66, vec_store, 0, VEC_ALIGNED),
	VEC(0x7f, PP_F3, vec_store, 0, 0),
	{ .opcode = 0xae, .pp = PP_NONE, .op = GROUP(GROUP_0FAE) },
	{ .opcode = 0xae, .pp = PP_66, .op = GROUP(GROUP_660FAE) },
	PREFIXED(0xb8, PP_F3, popcnt, OPF_TO_REG, 0),
	VEC(0xd6, PP_66, vec_store_scalar, OPF_L0, 8),
	PREFIXED(0xe7, PP_NONE, mmx_store, OPF_MEM, 8),
	VEC(0xe7, PP_66, vec_store, OPF_MEM, VEC_ALIGNED),
	VEC(0xf0, PP_F2, vec_load, OPF_MEM, 0),
};

static const struct prefixed_opcode prefixed_0f38[] = {
	VEC(0x2a, PP_66, vec_load, OPF_MEM, VEC_ALIGNED),
	PREFIXED(0xf0, PP_NONE, movbe, OPF_MEM | OPF_TO_REG, 0),
	PREFIXED(0xf0, PP_66, movbe, OPF_MEM | OPF_TO_REG, 0),
	PREFIXED(0xf0, PP_F2, crc32, OPF_TO_REG, 1),
	PREFIXED(0xf1, PP_NONE, movbe, OPF_MEM, 0),
	PREFIXED(0xf1, PP_66, movbe, OPF_MEM, 0),
	PREFIXED(0xf1, PP_F2, crc32, OPF_TO_REG, 0),
	PREFIXED(0xf6, PP_66, add_carry, OPF_TO_REG | OPF_DWORD, 0),
	PREFIXED(0xf6, PP_F3, add_carry, OPF_TO_REG | OPF_DWORD, 1),
	PREFIXED(0xf9, PP_NONE, mov, OPF_MEM | OPF_DWORD, 0),	/* MOVDIRI */
};

static const struct emul_opcode *known(const struct emul_opcode *op)
{
	return op->exec || op->group ? op : NULL;
}

static const struct emul_opcode *find(const struct prefixed_opcode *table, size_t nr, u8 opcode,
				      u8 pp)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (table[i].opcode == opcode && table[i].pp == pp)
			return &table[i].op;
	}
	return NULL;
}

const struct emul_opcode *emul_opcode_1byte(u8 opcode)
{
	return known(&table_1byte[opcode]);
}

const struct emul_opcode *emul_opcode_0f(u8 opcode, u8 pp)
{
	const struct emul_opcode *op = known(&table_0f[opcode]);

	return op ? op : find(prefixed_0f, ARRAY_SIZE(prefixed_0f), opcode, pp);
}

const struct emul_opcode *emul_opcode_0f38(u8 opcode, u8 pp)
{
	return find(prefixed_0f38, ARRAY_SIZE(prefixed_0f38), opcode, pp);
}
