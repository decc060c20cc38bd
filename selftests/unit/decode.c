// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's decoder against Zydis, on random bytes in 16-, 32- and 64-bit
 * code: what the one decodes the other must decode to the same length, memory
 * operand and immediate. UNIT_SEED and UNIT_CASES in the environment repeat or
 * extend a run.
 *
 * Links: kmod/emulator/decode.c kmod/emulator/decode_table.c kmod/emulator/emulator.c
 * Links: kmod/emulator/alu.c kmod/emulator/bit.c kmod/emulator/fpu.c
 * Links: kmod/emulator/move.c kmod/emulator/mul.c kmod/emulator/operand.c
 * Links: kmod/emulator/segment.c kmod/emulator/shift.c kmod/emulator/stack.c
 * Links: kmod/emulator/string.c kmod/emulator/system.c kmod/emulator/vec.c
 * Libs: -lZydis
 */
#include <stdio.h>
#include <stdlib.h>

#include "emulator/emulator_private.h"

#include <Zydis/Zydis.h>

#include "kselftest_harness.h"

#define DEFAULT_SEED	20261122
#define DEFAULT_CASES	400000
#define CODE_BYTES	24

static u64 random_state;

static u64 rnd(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

static unsigned int below(unsigned int n)
{
	return (rnd() >> 32) % n;
}

static u64 env_number(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void op_segment(struct emul *e, enum sreg seg, struct segment *out)
{
	*out = (struct segment){ .limit = ~0u, .attr = e->cs_attr };
	(void)seg;
}

/* One byte at a time: the decoder must cope with any amount. */
static int op_fetch(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int *got)
{
	const u8 *code = e->ctx;

	*got = 1 + below(len);
	memcpy(buf, code + linear, *got);
	return EMUL_DONE;
}

static const struct emul_ops ops = { .segment = op_segment, .fetch = op_fetch };

/* Bytes that are often a supported instruction. */
static void make_code(u8 *code)
{
	static const u8 prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
				       0xf0, 0xf2, 0xf3, 0x40, 0x48, 0x4f };
	static const u8 escapes[] = { 0x0f, 0x0f, 0xc4, 0xc5 };
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < CODE_BYTES; i++)
		code[i] = rnd();
	while (below(3) == 0 && n < 16)
		code[n++] = prefixes[below(ARRAY_SIZE(prefixes))];
	if (below(2) == 0)
		code[n++] = escapes[below(ARRAY_SIZE(escapes))];
	if (code[n - !!n] == 0x0f && below(8) == 0)
		code[n++] = 0x38;
}

static ZydisRegister address_register(u8 reg, unsigned int size)
{
	ZydisRegister first = size == 2 ? ZYDIS_REGISTER_AX : size == 4 ? ZYDIS_REGISTER_EAX :
									  ZYDIS_REGISTER_RAX;

	return reg == EMUL_NO_REG ? ZYDIS_REGISTER_NONE : first + reg;
}

static bool same_base(const struct emul_insn *insn, ZydisRegister base)
{
	if (insn->rip_relative)
		return base == (insn->addr_size == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP);
	return base == address_register(insn->base, insn->addr_size);
}

/*
 * Zydis 4.0 takes "no base" for R13D when REX.B and 32-bit addressing come
 * together. The CPU does not (emulate_native.c has the case).
 */
static bool zydis_invents_r13(const struct emul_insn *insn, const ZydisDecodedOperandMem *mem)
{
	return mem->base == ZYDIS_REGISTER_R13D && !mem->disp.has_displacement &&
	       insn->base == EMUL_NO_REG && (insn->rex & 1);
}

static bool same_memory(const struct emul_insn *insn, const ZydisDecodedOperandMem *mem)
{
	u64 disp = mem->disp.has_displacement ? mem->disp.value : 0;

	if ((insn->disp ^ disp) & emul_mask(insn->addr_size))
		return false;
	if (insn->seg != mem->segment - ZYDIS_REGISTER_ES)
		return false;
	return same_base(insn, mem->base) &&
	       mem->index == address_register(insn->index, insn->addr_size) &&
	       (insn->index == EMUL_NO_REG || mem->scale == 1 << insn->scale);
}

/* The @nr th immediate. Zydis names the 1 of a shift by one, which is not in the code. */
static bool same_immediate(const struct emul_insn *insn, const ZydisDecodedOperand *op,
			   unsigned int nr, bool encoded)
{
	unsigned int size = max_t(unsigned int, 1, min_t(unsigned int, insn->op_size, 8));

	if (nr)
		return insn->imm2 == op->imm.value.u;
	return !encoded || !((insn->imm ^ op->imm.value.u) & emul_mask(op->imm.is_signed ? size : 1));
}

static bool same_operand(const struct emul_insn *insn, const ZydisDecodedOperand *op)
{
	if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
		return !insn->is_reg && (zydis_invents_r13(insn, &op->mem) ||
					 same_memory(insn, &op->mem));
	if (op->type == ZYDIS_OPERAND_TYPE_POINTER)
		return insn->imm2 == op->ptr.segment &&
		       !((insn->imm ^ op->ptr.offset) & emul_mask(insn->op_size));
	return true;
}

static bool same_decoding(const struct emul_insn *insn, const ZydisDecodedInstruction *z,
			  const ZydisDecodedOperand *operands)
{
	unsigned int i, immediates = 0;

	if (insn->len != z->length || insn->addr_size * 8 != z->address_width)
		return false;
	for (i = 0; i < z->operand_count_visible; i++) {
		if (!same_operand(insn, &operands[i]))
			return false;
		if (operands[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		    !same_immediate(insn, &operands[i], immediates++, z->raw.imm[0].size))
			return false;
	}
	return true;
}

static void describe(const struct emul *e, const u8 *code, int ret, ZyanStatus status,
		     const ZydisDecodedInstruction *z)
{
	unsigned int i;

	printf("# %u-bit:", e->insn.code_bits);
	for (i = 0; i < 16; i++)
		printf(" %02x", code[i]);
	printf("; result %d length %u; Zydis %s length %u %s\n", ret, e->insn.len,
	       ZYAN_SUCCESS(status) ? "decodes" : "refuses", z->length,
	       ZYAN_SUCCESS(status) ? ZydisMnemonicGetString(z->mnemonic) : "");
	printf("# base %d index %d scale %u disp %llx imm %llx seg %u addr %u op %u\n",
	       e->insn.base, e->insn.index, e->insn.scale, (unsigned long long)e->insn.disp,
	       (unsigned long long)e->insn.imm, e->insn.seg, e->insn.addr_size, e->insn.op_size);
}

/* Returns the number of cases that differ; *decoded: how many both decoded. */
static unsigned int compare(ZydisMachineMode mode, ZydisStackWidth width, u16 cs_attr, u64 cases,
			    u64 *decoded)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct regs regs = { .rflags = 2 };
	ZydisDecodedInstruction z;
	unsigned int different = 0;
	ZydisDecoder decoder;
	u8 code[CODE_BYTES];
	ZyanStatus status;
	struct emul e;
	bool agree;
	int ret;

	ZydisDecoderInit(&decoder, mode, width);
	for (*decoded = 0; cases && different < 10; cases--) {
		make_code(code);
		e = (struct emul){ .ops = &ops, .ctx = code, .regs = &regs, .cr0 = X86_CR0_PE,
				   .efer = EFER_LMA, .cs_attr = cs_attr };
		ret = emul_decode(&e);
		if (ret == EMUL_UNHANDLED)
			continue;
		memset(&z, 0, sizeof(z));
		status = ZydisDecoderDecodeFull(&decoder, code, 15, &z, operands);
		agree = ret == EMUL_DONE ? ZYAN_SUCCESS(status) &&
					   same_decoding(&e.insn, &z, operands) :
					   !ZYAN_SUCCESS(status);
		*decoded += ret == EMUL_DONE;
		if (!agree) {
			describe(&e, code, ret, status, &z);
			different++;
		}
	}
	return different;
}

FIXTURE(decode)
{
	u64 cases;
	u64 decoded;
};

FIXTURE_SETUP(decode)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	random_state = env_number("UNIT_SEED", DEFAULT_SEED);
	self->cases = env_number("UNIT_CASES", DEFAULT_CASES);
	printf("# UNIT_SEED=%llu UNIT_CASES=%llu\n", (unsigned long long)random_state,
	       (unsigned long long)self->cases);
}

FIXTURE_TEARDOWN(decode)
{
}

TEST_F(decode, code_64bit)
{
	EXPECT_EQ(0, compare(ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64,
			     SEG_ATTR_P | SEG_ATTR_L, self->cases, &self->decoded));
	EXPECT_GT(self->decoded, self->cases / 8);
}

TEST_F(decode, code_32bit)
{
	EXPECT_EQ(0, compare(ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32,
			     SEG_ATTR_P | SEG_ATTR_DB, self->cases, &self->decoded));
	EXPECT_GT(self->decoded, self->cases / 8);
}

TEST_F(decode, code_16bit)
{
	EXPECT_EQ(0, compare(ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16,
			     SEG_ATTR_P, self->cases, &self->decoded));
	EXPECT_GT(self->decoded, self->cases / 8);
}

TEST_HARNESS_MAIN
