// SPDX-License-Identifier: GPL-2.0
/*
 * Emulated string and port instructions. One step is one element (for port
 * strings as many as one exit can carry); string_loop() repeats it, and after
 * each step the registers are those of an instruction that was interrupted
 * there.
 */
#include "emulator_private.h"

#define PAGE_BYTES	4096

static u64 string_offset(const struct emul *e, unsigned int reg)
{
	return emul_areg_read(e, reg, e->insn.addr_size);
}

/* Moves RSI or RDI past the elements done. */
static void string_advance(struct emul *e, unsigned int reg)
{
	u64 bytes = (u64)e->elements * e->insn.op_size;

	if (e->regs->rflags & X86_EFLAGS_DF)
		bytes = -bytes;
	emul_areg_write(e, reg, e->insn.addr_size, e->regs->gpr[reg] + bytes);
}

/* Linear address of n elements at RSI (in insn.seg) or RDI (in ES). */
static int string_linearize(struct emul *e, unsigned int reg, unsigned int n,
			    unsigned int access, u64 *linear)
{
	unsigned int size = e->insn.op_size;
	enum sreg seg = reg == GPR_RDI ? SEG_ES : e->insn.seg;

	return emul_linearize(e, seg, string_offset(e, reg), n * size, size, access, linear);
}

static int string_read(struct emul *e, unsigned int reg, u64 *val)
{
	u64 linear;
	int ret;

	*val = 0;
	ret = string_linearize(e, reg, 1, EMUL_READ, &linear);
	return ret ? ret : emul_read(e, linear, val, e->insn.op_size, EMUL_READ);
}

/* The destination of a string is at RDI. */
static int string_write(struct emul *e, u64 val)
{
	u64 linear;
	int ret = string_linearize(e, GPR_RDI, 1, EMUL_WRITE, &linear);

	return ret ? ret : emul_write(e, linear, &val, e->insn.op_size);
}

/* REPE and REPNE end by ZF; other strings never do. */
static bool string_ends(const struct emul *e, bool compares)
{
	bool equal = e->regs->rflags & X86_EFLAGS_ZF;

	return compares && equal != (e->insn.rep == 0xf3);
}

static int string_loop(struct emul *e, int (*step)(struct emul *e), bool compares)
{
	const unsigned int size = e->insn.addr_size;
	unsigned int n;
	u64 count;
	int ret;

	e->elements = 1;
	if (!e->insn.rep)
		return step(e);
	for (n = 1; ; n++) {
		count = emul_areg_read(e, GPR_RCX, size);
		if (!count)
			return EMUL_DONE;
		ret = step(e);
		if (ret)
			return ret;
		count -= e->elements;
		emul_areg_write(e, GPR_RCX, size, count);
		if (!count || string_ends(e, compares))
			return EMUL_DONE;
		if ((e->regs->rflags & X86_EFLAGS_TF) || !e->ops->iterate(e) || n == EMUL_REP_MAX)
			return EMUL_UNFINISHED;
	}
}

static int movs_step(struct emul *e)
{
	u64 val;
	int ret;

	ret = string_read(e, GPR_RSI, &val);
	if (ret)
		return ret;
	ret = string_write(e, val);
	if (ret)
		return ret;
	string_advance(e, GPR_RSI);
	string_advance(e, GPR_RDI);
	return EMUL_DONE;
}

int emul_exec_movs(struct emul *e)
{
	return string_loop(e, movs_step, false);
}

static int cmps_step(struct emul *e)
{
	u64 a, b;
	int ret;

	ret = string_read(e, GPR_RSI, &a);
	if (ret)
		return ret;
	ret = string_read(e, GPR_RDI, &b);
	if (ret)
		return ret;
	emul_alu(ALU_CMP, e->insn.op_size, a, b, &e->regs->rflags);
	string_advance(e, GPR_RSI);
	string_advance(e, GPR_RDI);
	return EMUL_DONE;
}

int emul_exec_cmps(struct emul *e)
{
	return string_loop(e, cmps_step, true);
}

static int stos_step(struct emul *e)
{
	int ret = string_write(e, e->regs->gpr[GPR_RAX]);

	if (!ret)
		string_advance(e, GPR_RDI);
	return ret;
}

int emul_exec_stos(struct emul *e)
{
	return string_loop(e, stos_step, false);
}

static int lods_step(struct emul *e)
{
	u64 val;
	int ret;

	ret = string_read(e, GPR_RSI, &val);
	if (ret)
		return ret;
	emul_areg_write(e, GPR_RAX, e->insn.op_size, val);
	string_advance(e, GPR_RSI);
	return EMUL_DONE;
}

int emul_exec_lods(struct emul *e)
{
	return string_loop(e, lods_step, false);
}

static int scas_step(struct emul *e)
{
	u64 val;
	int ret;

	ret = string_read(e, GPR_RDI, &val);
	if (ret)
		return ret;
	emul_alu(ALU_CMP, e->insn.op_size, emul_areg_read(e, GPR_RAX, e->insn.op_size), val,
		 &e->regs->rflags);
	string_advance(e, GPR_RDI);
	return EMUL_DONE;
}

int emul_exec_scas(struct emul *e)
{
	return string_loop(e, scas_step, true);
}

/* Ports know no 64-bit operand. */
static unsigned int port_size(struct emul *e)
{
	if (e->insn.op_size == 8)
		e->insn.op_size = 4;
	return e->insn.op_size;
}

/*
 * The permission bitmap is the CPU's to check. Where it counts, only the very
 * access that was intercepted after that check is emulated; if the bytes have
 * changed since, the guest runs the new ones itself.
 */
static bool port_permitted(const struct emul *e, u16 port, unsigned int size)
{
	u64 rflags = e->regs->rflags;

	if (!(e->cr0 & X86_CR0_PE))
		return true;
	if (!(rflags & X86_EFLAGS_VM) && e->cpl <= (rflags & X86_EFLAGS_IOPL) >> 12)
		return true;
	return e->pio_size == size && e->pio_port == port;
}

/* How many elements one port exit may carry: forward, in one page, in the buffer. */
static unsigned int port_elements(struct emul *e, u64 linear)
{
	unsigned int size = e->insn.op_size;
	u64 n = emul_areg_read(e, GPR_RCX, e->insn.addr_size);

	if (!e->insn.rep || (e->regs->rflags & (X86_EFLAGS_DF | X86_EFLAGS_TF)))
		return 1;
	n = min_t(u64, n, e->pio_len / size);
	n = min_t(u64, n, (PAGE_BYTES - (linear & (PAGE_BYTES - 1))) / size);
	return max_t(u64, n, 1);
}

/*
 * Finds the memory of a port string at RSI or RDI, how many elements to do at
 * once (into e->elements), and whether it can be accessed at all: a port is not
 * read before it is known that the data can be stored.
 */
static int port_string_begin(struct emul *e, unsigned int reg, unsigned int access, u64 *linear)
{
	unsigned int n;
	int ret;

	e->elements = 1;
	ret = string_linearize(e, reg, 1, access, linear);
	if (ret)
		return ret;
	n = port_elements(e, *linear);
	if (n > 1 && string_linearize(e, reg, n, access, linear) == EMUL_DONE &&
	    e->ops->probe(e, *linear, n * e->insn.op_size, access) == EMUL_DONE) {
		e->elements = n;
		return EMUL_DONE;
	}
	ret = e->ops->probe(e, *linear, e->insn.op_size, access);
	return ret == EMUL_EXIT ? EMUL_DONE : ret;
}

/* The op may do fewer elements than it is given, and then says so in e->elements. */
static int port_string_step(struct emul *e, bool in)
{
	unsigned int reg = in ? GPR_RDI : GPR_RSI;
	unsigned int size = port_size(e);
	u16 port = e->regs->gpr[GPR_RDX];
	u64 linear;
	int ret;

	if (!port_permitted(e, port, size))
		return EMUL_RETRY;
	ret = port_string_begin(e, reg, in ? EMUL_WRITE : EMUL_READ, &linear);
	if (!ret && !in)
		ret = emul_read(e, linear, e->pio_data, e->elements * size, EMUL_READ);
	if (!ret)
		ret = in ? e->ops->pio_in(e, port, size, e->elements) :
			   e->ops->pio_out(e, port, size, e->elements);
	if (!ret && in)
		ret = emul_write(e, linear, e->pio_data, e->elements * size);
	if (!ret)
		string_advance(e, reg);
	return ret;
}

static int ins_step(struct emul *e)
{
	return port_string_step(e, true);
}

int emul_exec_ins(struct emul *e)
{
	return string_loop(e, ins_step, false);
}

static int outs_step(struct emul *e)
{
	return port_string_step(e, false);
}

int emul_exec_outs(struct emul *e)
{
	return string_loop(e, outs_step, false);
}

/* IN and OUT name the port by an 8-bit immediate or DX. */
static u16 port_operand(const struct emul *e)
{
	return e->insn.op->flags & OPF_IMM ? e->insn.imm & 0xff : e->regs->gpr[GPR_RDX];
}

int emul_exec_in(struct emul *e)
{
	unsigned int size = port_size(e);
	u16 port = port_operand(e);
	u64 val = 0;
	int ret;

	if (!port_permitted(e, port, size))
		return EMUL_RETRY;
	ret = e->ops->pio_in(e, port, size, 1);
	if (ret)
		return ret;
	memcpy(&val, e->pio_data, size);
	emul_areg_write(e, GPR_RAX, size, val);
	return EMUL_DONE;
}

int emul_exec_out(struct emul *e)
{
	unsigned int size = port_size(e);
	u16 port = port_operand(e);

	if (!port_permitted(e, port, size))
		return EMUL_RETRY;
	memcpy(e->pio_data, &e->regs->gpr[GPR_RAX], size);
	return e->ops->pio_out(e, port, size, 1);
}
