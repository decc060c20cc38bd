// SPDX-License-Identifier: GPL-2.0
/*
 * The whole of the opcode maps (one byte, 0F, 0F 38, 0F 3A, with each mandatory prefix and
 * ModRM.reg, in legacy and VEX encoding): what Zydis says accesses memory is either in the
 * emulator's tables or in decode_left_out.h, and each line of that is needed.
 *
 * Links: kmod/emulator/decode.c kmod/emulator/decode_table.c kmod/emulator/emulator.c
 * Links: kmod/emulator/alu.c kmod/emulator/bit.c kmod/emulator/fpu.c
 * Links: kmod/emulator/move.c kmod/emulator/mul.c kmod/emulator/operand.c
 * Links: kmod/emulator/segment.c kmod/emulator/shift.c kmod/emulator/stack.c
 * Links: kmod/emulator/string.c kmod/emulator/system.c kmod/emulator/vec.c
 * Libs: -lZydis
 */
#include <stdio.h>

#include "emulator/decode_left_out.h"
#include "emulator/emulator_private.h"

#include <Zydis/Zydis.h>

#include "kselftest_harness.h"

#define CODE_BYTES	24
#define FILL		0xbf	/* also one of 3DNow!'s opcodes, which come last */

static const struct left_out {
	u8 map, first, last, regs;
	const char *reason;
} left_out[] = {
#define OUT(map, first, last, regs, reason)	{ map, first, last, regs, reason },
	LEFT_OUT(OUT)
#undef OUT
};

static bool used[ARRAY_SIZE(left_out)];

/* One encoding; the memory operand, if there is one, is [RDI]. */
struct encoding {
	u8 map, opcode, pp, reg;
	bool w, l;		/* VEX only */
};

static const char *const map_names[] = { "", "0f ", "0f 38 ", "0f 3a ", "vex 0f ", "vex 0f 38 ",
					 "vex 0f 3a " };

static void op_segment(struct emul *e, enum sreg seg, struct segment *out)
{
	*out = (struct segment){ .limit = ~0u, .attr = e->cs_attr };
}

static int op_fetch(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int *got)
{
	memcpy(buf, (const u8 *)e->ctx + linear, len);
	*got = len;
	return EMUL_DONE;
}

static const struct emul_ops ops = { .segment = op_segment, .fetch = op_fetch };

static void encode(const struct encoding *c, u8 *code)
{
	static const u8 mandatory[] = { 0, 0x66, 0xf3, 0xf2 };
	unsigned int n = 0;

	memset(code, FILL, CODE_BYTES);
	if (c->map >= MAP_VEX_0F) {
		code[n++] = 0xc4;
		code[n++] = 0xe0 | (c->map - MAP_VEX_0F + 1);
		code[n++] = (c->w ? 0x80 : 0) | 0x78 | (c->l ? 4 : 0) | c->pp;
	} else {
		if (c->pp)
			code[n++] = mandatory[c->pp];
		if (c->map)
			code[n++] = 0x0f;
		if (c->map >= MAP_0F38)
			code[n++] = c->map == MAP_0F38 ? 0x38 : 0x3a;
	}
	code[n++] = c->opcode;
	code[n] = c->reg << 3 | 7;
}

static bool accesses_memory(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *operands)
{
	unsigned int i;

	for (i = 0; i < z->operand_count; i++) {
		if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && operands[i].actions &&
		    operands[i].mem.type != ZYDIS_MEMOP_TYPE_AGEN)
			return true;
	}
	return false;
}

static bool is_escape(const struct encoding *c)
{
	return (c->map == MAP_1BYTE && c->opcode == 0x0f) ||
	       (c->map == MAP_0F && (c->opcode == 0x38 || c->opcode == 0x3a));
}

static bool is_left_out(const struct encoding *c)
{
	bool found = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(left_out); i++) {
		const struct left_out *l = &left_out[i];

		if (l->map != c->map || c->opcode < l->first || c->opcode > l->last ||
		    !(l->regs & BIT(c->reg)))
			continue;
		used[i] = true;
		found = true;
	}
	return found;
}

static bool is_emulated(const u8 *code, bool code64)
{
	struct regs regs = { .rflags = 2 };
	struct emul e = { .ops = &ops, .ctx = (void *)code, .regs = &regs, .cr0 = X86_CR0_PE,
			  .efer = EFER_LMA,
			  .cs_attr = SEG_ATTR_P | (code64 ? SEG_ATTR_L : SEG_ATTR_DB) };

	return emul_decode(&e) == EMUL_DONE;
}

/* 0: as it should be, or no such instruction. */
static unsigned int check(const struct encoding *c, const ZydisDecoder *decoder, bool code64)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	u8 code[CODE_BYTES];

	encode(c, code);
	if (ZYAN_FAILED(ZydisDecoderDecodeFull(decoder, code, 15, &z, operands)) ||
	    !accesses_memory(&z, operands))
		return 0;
	if (is_escape(c) || is_emulated(code, code64) || is_left_out(c))
		return 0;
	printf("# %s: %s%02x pp %u /%u w %u l %u %s\n", code64 ? "64" : "32",
	       map_names[c->map], c->opcode, c->pp, c->reg, c->w, c->l,
	       ZydisMnemonicGetString(z.mnemonic));
	return 1;
}

static unsigned int walk(bool code64)
{
	unsigned int wrong = 0, i;
	struct encoding c = { 0 };
	ZydisDecoder decoder;

	if (code64)
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
	for (i = 0; i < NR_MAPS << 15; i++) {
		c.map = i >> 15;
		c.opcode = i >> 7;
		c.pp = i >> 5 & 3;
		c.reg = i >> 2 & 7;
		c.w = i & 2;
		c.l = i & 1;
		if (c.map < MAP_VEX_0F && (c.w || c.l || (!c.map && c.pp)))
			continue;
		wrong += check(&c, &decoder, code64);
	}
	return wrong;
}

TEST(every_form_is_emulated_or_left_out_for_a_reason)
{
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	EXPECT_EQ(0, walk(true));
	EXPECT_EQ(0, walk(false));
	for (i = 0; i < ARRAY_SIZE(left_out); i++) {
		if (!used[i])
			printf("# %s%02x to %02x is no instruction that is left out\n",
			       map_names[left_out[i].map], left_out[i].first, left_out[i].last);
		EXPECT_TRUE(used[i]);
	}
}

TEST_HARNESS_MAIN
