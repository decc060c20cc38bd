// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction decoder: bytes at RIP to struct emul_insn. Contract: decode.h and
 * emulator.h. Order of the work: prefixes, opcode, ModRM with its displacement,
 * immediate, and last what makes the whole illegal.
 */
#include "emulator_private.h"

#define REX_W	0x08
#define REX_R	0x04
#define REX_X	0x02
#define REX_B	0x01

/*
 * How many bytes may be fetched at RIP + fetched, and from where; 0: none, the
 * instruction is too long or leaves its segment.
 */
static unsigned int fetch_window(struct emul *e, u64 *linear)
{
	unsigned int len = EMUL_INSN_MAX - e->fetched;
	u64 offset = e->regs->rip + e->fetched;
	struct segment cs;

	if (e->insn.code_bits == 64) {
		*linear = offset;
		return emul_is_canonical(e, offset) ? len : 0;
	}
	e->ops->segment(e, SEG_CS, &cs);
	offset &= emul_mask(4);
	*linear = (cs.base + offset) & emul_mask(4);
	if (offset > cs.limit)
		return 0;
	return min_t(u64, len, min_t(u64, cs.limit - offset, emul_mask(4) - *linear) + 1);
}

static int fetch_more(struct emul *e)
{
	unsigned int got = 0;
	unsigned int len;
	u64 linear;
	int ret;

	len = fetch_window(e, &linear);
	if (!len)
		return emul_raise(e, VEC_GP);
	ret = e->ops->fetch(e, linear, e->insn.bytes + e->fetched, len, &got);
	if (ret)
		return ret;
	e->fetched += got;
	return EMUL_DONE;
}

static inline int next_byte(struct emul *e, u8 *byte)
{
	int ret;

	if (unlikely(e->insn.len == e->fetched)) {
		ret = fetch_more(e);
		if (ret)
			return ret;
	}
	*byte = e->insn.bytes[e->insn.len++];
	return EMUL_DONE;
}

/* A little-endian number of size bytes, sign-extended. */
static int next_number(struct emul *e, unsigned int size, u64 *val)
{
	unsigned int i;
	u64 num = 0;
	u8 byte;
	int ret;

	for (i = 0; i < size; i++) {
		ret = next_byte(e, &byte);
		if (ret)
			return ret;
		num |= (u64)byte << (8 * i);
	}
	*val = emul_sign_extend(num, size);
	return EMUL_DONE;
}

/* In 64-bit mode only FS and GS can be named. */
static void segment_prefix(struct emul_insn *insn, u8 *seg, enum sreg named)
{
	if (insn->code_bits != 64 || named >= SEG_FS)
		*seg = named;
}

/* Takes one legacy prefix; false: the byte is none. */
static bool take_prefix(struct emul_insn *insn, u8 byte, u8 *seg, bool *addr_prefix)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		segment_prefix(insn, seg, byte >> 3 & 3);
		return true;
	case 0x64: case 0x65:
		segment_prefix(insn, seg, SEG_FS + (byte & 1));
		return true;
	case 0x66:
		insn->opsize_prefix = true;
		return true;
	case 0x67:
		*addr_prefix = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2: case 0xf3:
		insn->rep = byte;
		return true;
	default:
		return false;
	}
}

static void set_address_size(struct emul_insn *insn, bool addr_prefix)
{
	switch (insn->code_bits) {
	case 16:
		insn->addr_size = addr_prefix ? 4 : 2;
		break;
	case 32:
		insn->addr_size = addr_prefix ? 2 : 4;
		break;
	default:
		insn->addr_size = addr_prefix ? 4 : 8;
		break;
	}
}

static u8 mandatory_prefix(const struct emul_insn *insn)
{
	if (insn->rep)
		return insn->rep == 0xf3 ? 2 : 3;
	return insn->opsize_prefix ? 1 : 0;
}

/* Prefixes up to the first opcode byte; *seg: EMUL_NO_REG or the one named. */
static int decode_prefixes(struct emul *e, u8 *seg)
{
	struct emul_insn *insn = &e->insn;
	bool addr_prefix = false;
	u8 byte;
	int ret;

	for (;;) {
		ret = next_byte(e, &byte);
		if (ret)
			return ret;
		if (insn->code_bits == 64 && (byte & 0xf0) == 0x40)
			insn->rex = byte;
		else if (take_prefix(insn, byte, seg, &addr_prefix))
			insn->rex = 0;
		else
			break;
	}
	insn->opcode = byte;
	insn->pp = mandatory_prefix(insn);
	set_address_size(insn, addr_prefix);
	return EMUL_DONE;
}

/*
 * After C4 or C5, which outside 64-bit mode are LES and LDS if what follows
 * does not look like a register operand. Sets the opcode and what a REX prefix
 * would; *map: 1 for 0F, 2 for 0F 38.
 */
static int decode_vex(struct emul *e, u8 *map)
{
	struct emul_insn *insn = &e->insn;
	bool three = insn->opcode == 0xc4;
	u8 b1, b2;
	int ret;

	ret = next_byte(e, &b1);
	if (ret)
		return ret;
	if (insn->code_bits != 64 && (b1 & 0xc0) != 0xc0) {
		insn->len--;	/* it is the ModRM byte of LES or LDS */
		*map = 0;
		return EMUL_DONE;
	}
	if (!emul_is_protected(e) || insn->lock || insn->rep || insn->opsize_prefix || insn->rex)
		return emul_raise(e, VEC_UD);
	*map = 1;
	b2 = b1 & 0x7f;
	insn->rex = b1 & 0x80 ? 0 : REX_R;
	if (three) {
		*map = b1 & 0x1f;
		insn->rex = ~b1 >> 5 & (REX_R | REX_X | REX_B);
		ret = next_byte(e, &b2);
		if (ret)
			return ret;
		insn->rex |= b2 & 0x80 ? REX_W : 0;
	}
	if (insn->code_bits != 64)
		insn->rex = 0;
	insn->vex = true;
	insn->vvvv = ~b2 >> 3 & 0xf;
	insn->vex_l = b2 & 0x04;
	insn->pp = b2 & 3;
	return next_byte(e, &insn->opcode);
}

static int decode_opcode(struct emul *e, const struct emul_opcode **op)
{
	struct emul_insn *insn = &e->insn;
	u8 map = 0;
	int ret = EMUL_DONE;

	*op = NULL;
	if (insn->opcode == 0xc4 || insn->opcode == 0xc5) {
		ret = decode_vex(e, &map);
	} else if (insn->opcode == 0x0f) {
		map = 1;
		ret = next_byte(e, &insn->opcode);
		if (!ret && insn->opcode == 0x38) {
			map = 2;
			ret = next_byte(e, &insn->opcode);
		}
	}
	if (ret)
		return ret;
	if (map == 0)
		*op = emul_opcode_1byte(insn->opcode);
	else if (map == 1)
		*op = emul_opcode_0f(insn->opcode, insn->pp);
	else if (map == 2)
		*op = emul_opcode_0f38(insn->opcode, insn->pp);
	return *op ? EMUL_DONE : EMUL_UNHANDLED;
}

static int decode_address_16(struct emul *e, u8 mod, u8 rm)
{
	static const u8 base[8] = { GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
				    GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX };
	static const u8 index[8] = { GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI,
				     EMUL_NO_REG, EMUL_NO_REG, EMUL_NO_REG, EMUL_NO_REG };
	struct emul_insn *insn = &e->insn;
	unsigned int disp_size = mod;

	insn->base = base[rm];
	insn->index = index[rm];
	if (mod == 0 && rm == 6) {
		insn->base = EMUL_NO_REG;
		disp_size = 2;
	}
	if (insn->base == GPR_RBP)
		insn->seg = SEG_SS;
	return disp_size ? next_number(e, disp_size, (u64 *)&insn->disp) : EMUL_DONE;
}

/* Takes the SIB byte; *base5: the base field says 5, which mod 0 makes "none". */
static int decode_sib(struct emul *e, bool *base5)
{
	struct emul_insn *insn = &e->insn;
	u8 sib;
	int ret;

	ret = next_byte(e, &sib);
	if (ret)
		return ret;
	insn->base = (sib & 7) | (insn->rex & REX_B ? 8 : 0);
	insn->index = (sib >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);
	insn->scale = sib >> 6;
	if (insn->index == GPR_RSP)
		insn->index = EMUL_NO_REG;
	*base5 = (sib & 7) == 5;
	return EMUL_DONE;
}

static int decode_address_32(struct emul *e, u8 mod, u8 rm)
{
	struct emul_insn *insn = &e->insn;
	unsigned int disp_size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	bool base5 = rm == 5;
	int ret;

	insn->base = rm | (insn->rex & REX_B ? 8 : 0);
	insn->index = EMUL_NO_REG;
	if (rm == 4) {
		ret = decode_sib(e, &base5);
		if (ret)
			return ret;
	}
	if (mod == 0 && base5) {
		insn->base = EMUL_NO_REG;
		insn->rip_relative = rm == 5 && insn->code_bits == 64;
		disp_size = 4;
	}
	if (insn->base == GPR_RSP || insn->base == GPR_RBP)
		insn->seg = SEG_SS;
	return disp_size ? next_number(e, disp_size, (u64 *)&insn->disp) : EMUL_DONE;
}

static int decode_modrm(struct emul *e)
{
	struct emul_insn *insn = &e->insn;
	u8 mod, rm;
	int ret;

	ret = next_byte(e, &insn->modrm);
	if (ret)
		return ret;
	mod = insn->modrm >> 6;
	rm = insn->modrm & 7;
	insn->reg = (insn->modrm >> 3 & 7) | (insn->rex & REX_R ? 8 : 0);
	if (mod == 3) {
		insn->is_reg = true;
		insn->rm = rm | (insn->rex & REX_B ? 8 : 0);
		return EMUL_DONE;
	}
	if (insn->addr_size == 2)
		return decode_address_16(e, mod, rm);
	return decode_address_32(e, mod, rm);
}

static void set_operand_size(struct emul_insn *insn)
{
	if (insn->op->flags & OPF_BYTE)
		insn->op_size = 1;
	else if (insn->rex & REX_W)
		insn->op_size = 8;
	else if (insn->op->flags & OPF_DWORD)
		insn->op_size = 4;
	else if (insn->code_bits == 64)
		insn->op_size = insn->opsize_prefix ? 2 : insn->op->flags & OPF_STACK ? 8 : 4;
	else
		insn->op_size = insn->opsize_prefix == (insn->code_bits == 32) ? 2 : 4;
}

static int decode_immediate(struct emul *e)
{
	struct emul_insn *insn = &e->insn;

	if (insn->op->flags & OPF_IMM8)
		return next_number(e, 1, &insn->imm);
	if (insn->op->flags & OPF_IMMZ)
		return next_number(e, min_t(unsigned int, insn->op_size, 4), &insn->imm);
	if (insn->op->flags & OPF_MOFFS)
		return next_number(e, insn->addr_size, (u64 *)&insn->disp);
	if (insn->op->flags & OPF_IMM16)
		return next_number(e, 2, &insn->imm);
	return EMUL_DONE;
}

static int decode_immediates(struct emul *e)
{
	struct emul_insn *insn = &e->insn;
	u64 second = 0;
	int ret = decode_immediate(e);

	if (ret || !(insn->op->flags & (OPF_SECOND8 | OPF_SECOND16)))
		return ret;
	ret = next_number(e, insn->op->flags & OPF_SECOND8 ? 1 : 2, &second);
	insn->imm2 = insn->op->flags & OPF_SECOND8 ? (u8)second : second;
	return ret;
}

/* Encodings of a known opcode that are another instruction, or none. */
static int check_legal(struct emul *e)
{
	const struct emul_insn *insn = &e->insn;
	u32 flags = insn->op->flags;

	if ((flags & OPF_ONLY64) && insn->code_bits != 64)
		return EMUL_UNHANDLED;
	if ((flags & OPF_ONLY_MEM) && insn->is_reg)
		return EMUL_UNHANDLED;
	if ((flags & OPF_NEAR) && insn->code_bits == 64 && insn->opsize_prefix)
		return EMUL_UNHANDLED;
	if (!insn->vex && (((flags & OPF_NOREP) && insn->rep) ||
			   ((flags & OPF_NO66) && insn->opsize_prefix)))
		return EMUL_UNHANDLED;
	if (insn->vex && !(flags & OPF_VEX))
		return EMUL_UNHANDLED;
	if ((flags & OPF_NO64) && insn->code_bits == 64)
		return emul_raise(e, VEC_UD);
	if ((flags & OPF_MEM) && insn->is_reg)
		return emul_raise(e, VEC_UD);
	if (insn->lock && (!(flags & OPF_LOCK) || insn->is_reg))
		return emul_raise(e, VEC_UD);
	if (insn->vvvv && !(flags & (insn->is_reg ? OPF_VVVV | OPF_VVVV_REG : OPF_VVVV)))
		return emul_raise(e, VEC_UD);
	if (insn->vex_l && (flags & OPF_L0))
		return emul_raise(e, VEC_UD);
	return EMUL_DONE;
}

static int decode_operands(struct emul *e, const struct emul_opcode *op, u8 seg)
{
	struct emul_insn *insn = &e->insn;
	int ret;

	insn->seg = SEG_DS;
	if (op->flags & OPF_MODRM) {
		ret = decode_modrm(e);
		if (ret)
			return ret;
	}
	if (op->flags & OPF_GROUP)
		op = &op->group[insn->modrm >> 3 & 7];
	if (!op->exec)
		return EMUL_UNHANDLED;
	insn->op = op;
	if (seg != EMUL_NO_REG)
		insn->seg = seg;
	if (op->flags & OPF_ACC)
		insn->reg = GPR_RAX;
	if (op->flags & OPF_OPREG) {
		insn->is_reg = true;
		insn->rm = (insn->opcode & 7) | (insn->rex & REX_B ? 8 : 0);
	}
	set_operand_size(insn);
	return decode_immediates(e);
}

/* Everything but the bytes starts empty. */
static void begin_insn(struct emul *e)
{
	struct emul_insn *insn = &e->insn;
	size_t head = sizeof(insn->bytes);

	static_assert(offsetof(struct emul_insn, bytes) == 0, "bytes come first");
	memset((u8 *)insn + head, 0, sizeof(*insn) - head);
	insn->base = EMUL_NO_REG;
	insn->index = EMUL_NO_REG;
	insn->code_bits = emul_code_bits(e);
}

static int decode(struct emul *e)
{
	const struct emul_opcode *op;
	u8 seg = EMUL_NO_REG;
	int ret;

	begin_insn(e);
	ret = decode_prefixes(e, &seg);
	if (ret)
		return ret;
	ret = decode_opcode(e, &op);
	if (ret)
		return ret;
	ret = decode_operands(e, op, seg);
	if (ret)
		return ret;
	return check_legal(e);
}

int emul_decode(struct emul *e)
{
	struct emul_insn *insn = &e->insn;
	int ret = decode(e);

	if (ret) {
		insn->op = NULL;
		return ret;
	}
	insn->first_mask = insn->len < 8 ? BIT_ULL(8 * insn->len) - 1 : ~0ull;
	emul_note_move(insn);
	return EMUL_DONE;
}

bool emul_decoded_matches(const struct emul *e, const u8 *bytes, unsigned int n)
{
	const struct emul_insn *insn = &e->insn;

	return insn->op && insn->code_bits == emul_code_bits(e) &&
	       (!insn->vex || emul_is_protected(e)) && emul_same_bytes(insn, bytes, n);
}
