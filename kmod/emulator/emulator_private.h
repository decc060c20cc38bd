/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the emulator share: the opcode tables' entries, access to
 * operands, and the functions that execute. Nobody else includes this.
 *
 * Functions returning int return an enum emul_result unless said otherwise.
 */
#ifndef MINIVMM_EMULATOR_EMULATOR_PRIVATE_H
#define MINIVMM_EMULATOR_EMULATOR_PRIVATE_H

#include "emulator.h"
#include "move.h"

#define XCR0_SSE_AVX	0x6ULL

#define RFLAGS_ARITH	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | \
			 X86_EFLAGS_SF | X86_EFLAGS_OF)

/* How an opcode is decoded; struct emul_opcode.flags. */
#define OPF_MODRM	BIT(0)
#define OPF_BYTE	BIT(1)	/* 8-bit operand, whatever the prefixes */
#define OPF_IMM8	BIT(2)	/* sign-extended 8-bit immediate */
#define OPF_IMMZ	BIT(3)	/* 16- or 32-bit immediate by operand size */
#define OPF_MOFFS	BIT(4)	/* offset of address size follows the opcode */
#define OPF_STACK	BIT(5)	/* operand size is 64 bits in 64-bit mode */
#define OPF_LOCK	BIT(6)	/* LOCK is legal with a memory destination */
#define OPF_MEM		BIT(7)	/* ModRM must name memory, otherwise #UD */
#define OPF_TO_REG	BIT(8)	/* the register operand is the destination */
#define OPF_ACC		BIT(9)	/* the register operand is the accumulator */
#define OPF_GROUP	BIT(10)	/* ModRM.reg selects from .group */
#define OPF_NO64	BIT(11)	/* #UD in 64-bit mode */
#define OPF_ONLY64	BIT(12)	/* another instruction outside 64-bit mode: unhandled */
#define OPF_NOREP	BIT(13)	/* another instruction with F2 or F3: unhandled */
#define OPF_NO66	BIT(14)	/* another instruction with 66: unhandled */
#define OPF_VEX		BIT(15)	/* exists in VEX form too */
#define OPF_VVVV	BIT(16)	/* its VEX form uses VEX.vvvv */
#define OPF_VVVV_REG	BIT(17)	/* only its VEX form between registers does */
#define OPF_L0		BIT(18)	/* its VEX form with VEX.L is #UD */
#define OPF_DWORD	BIT(19)	/* operand is 32 bits, 64 with W, whatever 66 and mode say */
#define OPF_OPREG	BIT(20)	/* low opcode bits name the register */
#define OPF_CL		BIT(21)	/* a count in CL */
#define OPF_IMM16	BIT(22)	/* sign-extended 16-bit immediate */
#define OPF_SECOND8	BIT(23)	/* another immediate of 8 bits follows: insn.imm2 */
#define OPF_SECOND16	BIT(24)	/* ... of 16 bits */
#define OPF_ONLY_MEM	BIT(25)	/* another instruction if ModRM names a register: unhandled */
#define OPF_NEAR	BIT(26)	/* 66 in 64-bit code is for each vendor to choose: unhandled */
#define OPF_IMM		(OPF_IMM8 | OPF_IMMZ | OPF_IMM16)

/* An opcode the tables do not know has neither exec nor group. */
struct emul_opcode {
	int (*exec)(struct emul *e);
	const struct emul_opcode *group;
	u32 flags;
	u8 arg;			/* which one, for functions that execute several */
};

/* Table lookups, decode_table.c; NULL: unknown. pp as in struct emul_insn. */
const struct emul_opcode *emul_opcode_1byte(u8 opcode);
const struct emul_opcode *emul_opcode_0f(u8 opcode, u8 pp);
const struct emul_opcode *emul_opcode_0f38(u8 opcode, u8 pp);

/* struct emul_opcode.arg of emul_exec_alu() in encoding order, and after. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };
enum { UNARY_INC, UNARY_DEC, UNARY_NOT, UNARY_NEG };
enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };
/* emul_exec_movx(): size of the source, and whether to sign-extend it. */
#define MOVX_SIZE	0x0f
#define MOVX_SIGNED	0x80
/* Vector moves: size of a scalar, or flags. */
#define VEC_SIZE	0x0f
#define VEC_ALIGNED	0x80
#define VEC_HIGH	0x40

/* emul_exec_shift() and emul_exec_double_shift(): in encoding order. */
enum { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL, SHIFT_SAR };
enum { MUL_UNSIGNED, MUL_SIGNED };
enum { SCAN_FORWARD, SCAN_REVERSE };
enum { STORE_GDTR, STORE_IDTR };
/* Where emul_exec_jmp(), emul_exec_call() and their far forms find their target. */
enum { TARGET_IMMEDIATE, TARGET_OPERAND };

/* What an exec function returns besides enum emul_result. */
#define EMUL_UNFINISHED	0x100	/* a REP not at its end */
#define EMUL_JUMPED	0x101	/* done, and RIP is where it goes on */

/* alu.c */
int emul_exec_alu(struct emul *e);
int emul_exec_unary(struct emul *e);
int emul_exec_xadd(struct emul *e);
int emul_exec_cmpxchg(struct emul *e);
int emul_exec_cmpxchg8b(struct emul *e);
int emul_exec_add_carry(struct emul *e);
/* Computes a op b of the given size, updates the arithmetic flags in *rflags. */
u64 emul_alu(unsigned int op, unsigned int size, u64 a, u64 b, u64 *rflags);
/* ZF, SF and PF of a result. */
u64 emul_result_flags(unsigned int size, u64 result);

/* shift.c */
int emul_exec_shift(struct emul *e);
int emul_exec_double_shift(struct emul *e);

/* mul.c */
int emul_exec_mul(struct emul *e);
int emul_exec_imul(struct emul *e);
int emul_exec_div(struct emul *e);

/* bit.c */
int emul_exec_bit(struct emul *e);
int emul_exec_bit_scan(struct emul *e);
int emul_exec_popcnt(struct emul *e);
int emul_exec_crc32(struct emul *e);

/* move.c */
int emul_exec_mov(struct emul *e);
int emul_exec_movx(struct emul *e);
int emul_exec_movbe(struct emul *e);
int emul_exec_xchg(struct emul *e);
int emul_exec_cmov(struct emul *e);
int emul_exec_setcc(struct emul *e);
int emul_exec_xlat(struct emul *e);
int emul_exec_flush(struct emul *e);

/* stack.c */
int emul_exec_push(struct emul *e);
int emul_exec_push_sreg(struct emul *e);
int emul_exec_pop(struct emul *e);
int emul_exec_pusha(struct emul *e);
int emul_exec_popa(struct emul *e);
int emul_exec_pushf(struct emul *e);
int emul_exec_popf(struct emul *e);
int emul_exec_enter(struct emul *e);
int emul_exec_leave(struct emul *e);
int emul_exec_jmp(struct emul *e);
int emul_exec_call(struct emul *e);
int emul_exec_ret(struct emul *e);

/* segment.c */
int emul_exec_mov_from_sreg(struct emul *e);
int emul_exec_mov_to_sreg(struct emul *e);
int emul_exec_pop_sreg(struct emul *e);
int emul_exec_load_pointer(struct emul *e);
int emul_exec_jmp_far(struct emul *e);
int emul_exec_call_far(struct emul *e);
int emul_exec_ret_far(struct emul *e);

static inline bool emul_is_null(u16 selector)
{
	return !(selector & ~SEL_RPL);
}

/* A segment register about to be loaded. */
struct emul_segment_load {
	u16 selector;
	u64 desc;		/* 0: none, as of a null selector or in real mode */
	u64 linear;		/* of the descriptor */
	struct segment seg;
};

/* Fills @load->linear and desc: its selector is one of the table's, which can be read. */
int emul_read_descriptor(struct emul *e, struct emul_segment_load *load);
/*
 * The byte of the descriptor at @descriptor that has its type, and a change of it: it is aligned
 * wherever the table is. If somebody else changes it meanwhile, all begins anew.
 */
u64 emul_descriptor_type_at(const struct emul *e, u64 descriptor);
int emul_change_descriptor_type(struct emul *e, u64 linear, u8 old, u8 new);
void emul_unpack(u64 desc, u16 selector, struct segment *seg);
/* A selector that may not be loaded: #GP, or #TS if it is a new task's. */
int emul_refuse_selector(struct emul *e, u16 selector);
/* Loads a register of a new task, whose flags, CPL and LDTR are there already. */
int emul_load_task_segment(struct emul *e, enum sreg sreg, u16 selector);
/* An access of the CPU's own, to a descriptor table or task state. */
int emul_read_system(struct emul *e, u64 linear, void *buf, unsigned int len);

/* system.c */
int emul_exec_store_table(struct emul *e);
int emul_exec_load_table(struct emul *e);
int emul_exec_store_selector(struct emul *e);
int emul_exec_smsw(struct emul *e);
int emul_exec_lmsw(struct emul *e);

/* fpu.c */
int emul_exec_fldcw(struct emul *e);
int emul_exec_fnstcw(struct emul *e);
int emul_exec_fnstsw(struct emul *e);
int emul_exec_ldmxcsr(struct emul *e);
int emul_exec_stmxcsr(struct emul *e);
int emul_exec_mmx_load(struct emul *e);
int emul_exec_mmx_store(struct emul *e);

/* string.c */
int emul_exec_movs(struct emul *e);
int emul_exec_cmps(struct emul *e);
int emul_exec_stos(struct emul *e);
int emul_exec_lods(struct emul *e);
int emul_exec_scas(struct emul *e);
int emul_exec_ins(struct emul *e);
int emul_exec_outs(struct emul *e);
int emul_exec_in(struct emul *e);
int emul_exec_out(struct emul *e);

/* vec.c */
/* Whether the guest may execute SSE, or AVX if the instruction is of VEX form: #UD or #NM if not. */
int emul_check_vec(struct emul *e);
int emul_exec_vec_load(struct emul *e);
int emul_exec_vec_store(struct emul *e);
int emul_exec_vec_load_scalar(struct emul *e);
int emul_exec_vec_store_scalar(struct emul *e);
int emul_exec_vec_load_half(struct emul *e);
int emul_exec_vec_store_half(struct emul *e);
int emul_exec_movd_load(struct emul *e);
int emul_exec_movd_store(struct emul *e);

/* move.c: sets the move_ members of a decoded instruction. */
void emul_note_move(struct emul_insn *insn);

static inline u64 emul_sign_extend(u64 val, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (s64)(val << shift) >> shift;
}

/* Bits of the code segment: 16, 32 or 64. */
static inline unsigned int emul_code_bits(const struct emul *e)
{
	if (e->regs->rflags & X86_EFLAGS_VM)
		return 16;
	if ((e->efer & EFER_LMA) && (e->cs_attr & SEG_ATTR_L))
		return 64;
	return e->cs_attr & SEG_ATTR_DB ? 32 : 16;
}

/* AH, CH, DH, BH: encodings 4 to 7 without a REX prefix. */
static inline bool emul_is_high_byte(const struct emul_insn *insn, unsigned int reg,
				     unsigned int size)
{
	return size == 1 && !insn->rex && reg >= 4 && reg < 8;
}

/* Offset of the ModRM or moffs memory operand in its segment. */
static inline u64 emul_effective_address(const struct emul *e)
{
	return emul_address_sum(e) & emul_mask(e->insn.addr_size);
}

/* Is segmentation that of protected mode: neither real nor virtual-8086? */
static inline bool emul_is_protected(const struct emul *e)
{
	return (e->cr0 & X86_CR0_PE) && !(e->regs->rflags & X86_EFLAGS_VM);
}

bool emul_is_canonical(const struct emul *e, u64 linear);

/* Fills e->fault; error code 0 for the vectors that have one. Returns EMUL_FAULT. */
int emul_raise(struct emul *e, u8 vector);
/* The same, with an error code: mostly a selector, of which the RPL does not count. */
int emul_raise_selector(struct emul *e, u8 vector, u16 selector);

/* Does condition @code (the low bits of Jcc, SETcc, CMOVcc) hold? */
bool emul_condition(u8 code, u64 rflags);

/*
 * The stack: begin, then push or pop, and commit when all accesses have succeeded.
 * Several operands pushed or popped together are one access: one fault or none.
 */
struct emul_stack {
	u64 sp;
	unsigned int size;	/* of the stack pointer in bytes */
};

void emul_stack_begin(struct emul *e, struct emul_stack *stack);
int emul_stack_push(struct emul *e, struct emul_stack *stack, const void *operands,
		    unsigned int size, unsigned int nr);
int emul_stack_pop(struct emul *e, struct emul_stack *stack, void *operands, unsigned int size,
		   unsigned int nr);
void emul_stack_commit(struct emul *e, const struct emul_stack *stack);
/* Of SP + @bytes, which may be negative. */
u64 emul_stack_sum(const struct emul_stack *stack, s64 bytes);

/* May code of @code_bits go on at @rip? #GP if not. @limit is its segment's. */
int emul_check_target(struct emul *e, unsigned int code_bits, u32 limit, u64 rip);

/* General register; 8-bit ones by the rules of the REX prefix. */
u64 emul_reg_read(const struct emul *e, unsigned int reg, unsigned int size);
void emul_reg_write(struct emul *e, unsigned int reg, unsigned int size, u64 val);
/* An address or count register: never AH to BH. */
u64 emul_areg_read(const struct emul *e, unsigned int reg, unsigned int size);
void emul_areg_write(struct emul *e, unsigned int reg, unsigned int size, u64 val);

/*
 * Segmentation: offset in a segment to linear address, for an access of len
 * bytes of which each must be aligned to @align if alignment is checked.
 * access: EMUL_READ or EMUL_WRITE.
 */
int emul_linearize(struct emul *e, enum sreg seg, u64 offset, unsigned int len,
		   unsigned int align, unsigned int access, u64 *linear);

/* Memory at a linear address emul_linearize() gave; may wrap at 4 GiB. */
int emul_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access);
int emul_write(struct emul *e, u64 linear, const void *buf, unsigned int len);
int emul_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access);

/*
 * The memory operand: linear address into e->linear. emul_mem_update() writes
 * what emul_mem_read() with EMUL_WRITE has read, atomically if locked.
 */
int emul_mem_linearize(struct emul *e, unsigned int len, unsigned int align,
		       unsigned int access);
int emul_mem_read(struct emul *e, void *buf, unsigned int len, unsigned int access);
int emul_mem_write(struct emul *e, const void *buf, unsigned int len);
int emul_mem_update(struct emul *e, const void *old, const void *new, unsigned int len,
		    bool locked);

/* The ModRM operand, register or memory. */
int emul_rm_read(struct emul *e, unsigned int size, unsigned int access, u64 *val);
int emul_rm_write(struct emul *e, unsigned int size, u64 val);
int emul_rm_update(struct emul *e, unsigned int size, u64 old, u64 new, bool locked);

#endif /* MINIVMM_EMULATOR_EMULATOR_PRIVATE_H */
