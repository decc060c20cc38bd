/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instruction emulator for memory-mapped and string port I/O: the contract.
 *
 * A pure part without state of its own. The caller fills a struct emul, calls
 * emulate() (or emul_decode() and emul_execute()), and serves memory, ports,
 * segments and vector registers through struct emul_ops.
 *
 * Restart. An op that needs userspace returns EMUL_EXIT, and so does the
 * emulator, having changed no register. The caller later runs the same
 * instruction again from its start and answers the accesses already completed
 * from a transcript: for given registers and bytes the sequence of calls of
 * read, write, compare_exchange, pio_in and pio_out is always the same, reads before
 * writes. (fetch, probe and those of registers have no side effects outside the vCPU
 * and do not belong into the transcript.) Registers change only when every access of the
 * instruction, or of one REP iteration, has succeeded: a commit point, after
 * which the transcript is to be emptied (ops->iterate tells of those inside
 * REP, the end of emul_execute() with EMUL_DONE or EMUL_FAULT is the last).
 *
 * Not looked at: data breakpoints (DR7) and the I/O permission bitmap; the
 * latter the CPU checks before it intercepts, see struct emul.pio_port.
 */
#ifndef MINIVMM_EMULATOR_EMULATOR_H
#define MINIVMM_EMULATOR_EMULATOR_H

#include "../cpu/regs.h"
#include "../pure.h"
#include "decode.h"

/* What ops and entry points return. */
enum emul_result {
	EMUL_DONE = 0,
	EMUL_FAULT,		/* the guest takes emul.fault; RIP is at the instruction */
	EMUL_EXIT,		/* userspace must act first; then run it again */
	EMUL_UNHANDLED,		/* not emulated: nothing was changed by this iteration */
	EMUL_RETRY,		/* enter the guest or emulate again: state moved meanwhile */
};

struct emul_fault {
	u8 vector;
	bool has_error;
	u32 error_code;
	u64 cr2;		/* VEC_PF only */
};

/* What of x87 and SSE is not registers for data. */
struct emul_fpu {
	u16 cw, sw;
	u32 mxcsr;
	u32 mxcsr_mask;		/* bits that may be set; fpu_write does not look at it */
};

/* Instructions that an older CPU takes for others: TZCNT for BSF, LZCNT for BSR. */
enum emul_feature { EMUL_HAS_TZCNT, EMUL_HAS_LZCNT };

/* How read and probe will use the memory. */
#define EMUL_READ	0u
#define EMUL_WRITE	1u	/* read part of a read-modify-write, or probe before a write */

struct emul;

/*
 * Linear addresses are canonical, cut to 32 bits outside 64-bit mode, and do
 * not wrap inside one call; accesses may cross pages. Lengths are 1 to 32
 * bytes, for string port I/O up to emul.pio_len, in a task switch up to 104. All accesses but fetch are
 * made at emul.cpl, or if emul.system is set at CPL 0 whatever RFLAGS.AC says.
 * An op that returns EMUL_FAULT has filled emul.fault. What set_* and *_write
 * change is like a register: they are called when all accesses have succeeded.
 */
struct emul_ops {
	/* The segment register as the CPU holds it. Cannot fail. */
	void (*segment)(struct emul *e, enum sreg seg, struct segment *out);
	void (*set_segment)(struct emul *e, enum sreg seg, const struct segment *in);
	/* GDTR, or IDTR if @idt. */
	void (*table)(struct emul *e, bool idt, struct table_register *out);
	void (*set_table)(struct emul *e, bool idt, const struct table_register *in);
	/* LMSW, a task switch: of the low four bits of CR0 some change. */
	void (*set_cr0)(struct emul *e, u64 cr0);
	/*
	 * A task switch. From now on linear addresses are translated so. False: what CR3 points
	 * to is illegal (PAE), and CR3 is to be set back.
	 */
	bool (*set_cr3)(struct emul *e, u64 cr3);
	/* Is it what the guest's CPU does, whatever its CPUID says? */
	bool (*cpu_has)(struct emul *e, enum emul_feature feature);
	/* Instruction bytes, up to len, at least one: *got says how many. */
	int (*fetch)(struct emul *e, u64 linear, void *buf, unsigned int len,
		     unsigned int *got);
	int (*read)(struct emul *e, u64 linear, void *buf, unsigned int len,
		    unsigned int access);
	int (*write)(struct emul *e, u64 linear, const void *buf, unsigned int len);
	/*
	 * Atomic on RAM if the guest can share it; len is 1, 2, 4, 8 or 16.
	 * EMUL_RETRY if memory is no longer *old. On MMIO a write of *new.
	 */
	int (*compare_exchange)(struct emul *e, u64 linear, const void *old, const void *new,
		       unsigned int len);
	/*
	 * Would an access of this kind fault? EMUL_DONE: no, and it is RAM;
	 * EMUL_EXIT: no, and some of it is not RAM; EMUL_FAULT.
	 */
	int (*probe)(struct emul *e, u64 linear, unsigned int len, unsigned int access);
	/*
	 * count accesses of size bytes to the port, data packed in
	 * emul.pio_data (for pio_in: filled by the op before it returns
	 * EMUL_DONE). count is over 1 only for REP INS and REP OUTS; of these
	 * the op may do fewer, at least one, and set emul.elements to how many.
	 */
	int (*pio_in)(struct emul *e, u16 port, unsigned int size, unsigned int count);
	int (*pio_out)(struct emul *e, u16 port, unsigned int size, unsigned int count);
	/*
	 * Vector register reg (0 to 15). 16 bytes: XMM, a write leaves the rest
	 * of the register; 32 bytes: YMM, a write clears what is above.
	 */
	void (*vec_read)(struct emul *e, unsigned int reg, void *buf, unsigned int len);
	void (*vec_write)(struct emul *e, unsigned int reg, const void *buf,
			  unsigned int len);
	/* Control and status of x87 and SSE. */
	void (*fpu_read)(struct emul *e, struct emul_fpu *out);
	void (*fpu_write)(struct emul *e, const struct emul_fpu *in);
	void (*mmx_read)(struct emul *e, unsigned int reg, u64 *val);
	void (*mmx_write)(struct emul *e, unsigned int reg, u64 val);
	/* An MMX instruction is done: all eight are valid, the top of the x87 stack is 0. */
	void (*mmx_used)(struct emul *e);
	/*
	 * After each committed REP iteration that is not the last: empty the
	 * transcript; false ends the call with EMUL_DONE and RIP unmoved, for
	 * example to take an interrupt. The emulator itself ends it after
	 * EMUL_REP_MAX iterations.
	 */
	bool (*iterate)(struct emul *e);
};

#define EMUL_REP_MAX	1024

/* The bits of an operand of @size bytes. */
static inline u64 emul_mask(unsigned int size)
{
	return ~0ULL >> (64 - 8 * size);
}

/* Where no instruction can reach. */
#define EMUL_NO_LINEAR	BIT_ULL(63)

struct emul {
	/* Set by the caller. */
	const struct emul_ops *ops;
	void *ctx;		/* for the ops */
	struct regs *regs;
	u64 cr0, cr4, efer;
	u64 xcr0;		/* looked at for VEX instructions only */
	u16 cs_attr;		/* attributes of CS; other segments are asked for by need */
	u8 cpl;
	/*
	 * Ports at CPL > IOPL or in virtual-8086 mode: the I/O intercept that
	 * led here was for this port and size (0: it was not an I/O intercept),
	 * so the CPU has checked the permission bitmap. Another port than that
	 * ends in EMUL_RETRY.
	 */
	u8 pio_size;
	u16 pio_port;
	void *pio_data;		/* buffer for port data, usually the PIO page */
	unsigned int pio_len;	/* its size, at least 4 */
	/*
	 * Instruction bytes in insn.bytes, emul.fetched of them (0 to 15)
	 * already there; emul_decode() fetches what is missing.
	 */
	u8 fetched;
	struct emul_insn insn;

	/* Set by the emulator. */
	struct emul_fault fault;	/* with EMUL_FAULT */
	bool single_step;		/* with EMUL_DONE: RFLAGS.TF asks for #DB (DR6.BS) now */
	bool shadow;			/* with EMUL_DONE: no interrupt before one more instruction */

	/* Working state of emul_execute(). */
	u64 linear;			/* of the memory operand, once checked, or EMUL_NO_LINEAR */
	unsigned int elements;		/* of a string, done by the last step */
	bool system;			/* the access is the CPU's own, to a descriptor table */

	/* Working state of emul_task_switch(). */
	bool loads_task;		/* a selector is the new task's: #TS if it is bad */
};

/*
 * Decodes the instruction at RIP into e->insn.
 * Returns EMUL_DONE, EMUL_UNHANDLED (an instruction it does not know; the bytes
 * seen so far are in insn.bytes, their number in e->fetched), EMUL_FAULT (#UD,
 * #GP for more than 15 bytes or the code segment's end, or what fetch
 * reported), or what fetch returned.
 */
int emul_decode(struct emul *e);

/*
 * True if the decoded form left in e->insn by an earlier emul_decode() is
 * still right, given that the n bytes now at RIP are these and the mode is
 * e's; n must cover insn.len to match. False after a decoding that failed.
 */
bool emul_decoded_matches(const struct emul *e, const u8 *bytes, unsigned int n);

/*
 * Executes the decoded instruction once, or as many REP iterations as allowed.
 * With EMUL_DONE registers and RIP are final (for an unfinished REP, RIP stays)
 * and RFLAGS.RF is clear.
 */
int emul_execute(struct emul *e);

/* Decode and execute. */
int emulate(struct emul *e);

/* What switches tasks; the numbers are the CPU's. */
enum emul_task_source { EMUL_TASK_CALL, EMUL_TASK_IRET, EMUL_TASK_JMP, EMUL_TASK_GATE };

struct emul_task {
	enum emul_task_source source;	/* GATE: of the IDT */
	u16 selector;			/* of the new TSS */
	u8 insn_len;			/* the old task is to go on behind; 0: at RIP */
	bool by_event;			/* by an interrupt or exception, and no instruction for it */
	bool has_error;			/* of an exception: for the new task's stack */
	u32 error_code;
	u64 cr3;			/* the old task's */

	/* Set by emul_task_switch(). */
	bool switched;			/* with EMUL_DONE, or EMUL_FAULT: the fault is the new task's */
	bool trap;			/* with EMUL_DONE: the new task asks for #DB (DR6.BT) now */
};

/*
 * A task switch that the CPU has found the guest to have the privilege for. RIP is at the
 * instruction, or where the event interrupted. Not here: DR7, of which a switch clears the local
 * enables, what becomes of the event, and NMIs.
 * Returns EMUL_DONE; EMUL_FAULT; EMUL_RETRY or EMUL_UNHANDLED, and registers are as they were.
 */
int emul_task_switch(struct emul *e, struct emul_task *task);

#endif /* MINIVMM_EMULATOR_EMULATOR_H */
