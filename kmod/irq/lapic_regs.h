/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Register semantics of one local APIC: modes, priorities, LVT, error, timer.
 *
 * Pure part: belongs to the vCPU's own thread, which serialises. What a register
 * access does to the rest of the world comes back in struct lapic_effect. Time
 * is an argument; the timer counts nanoseconds (APIC bus clock 1 GHz).
 */
#ifndef MINIVMM_IRQ_LAPIC_REGS_H
#define MINIVMM_IRQ_LAPIC_REGS_H

#include "message.h"

/* Register offsets in the xAPIC page; x2APIC MSR 0x800 + (offset >> 4). */
enum {
	APIC_REG_ID = 0x020,
	APIC_REG_VERSION = 0x030,
	APIC_REG_TPR = 0x080,
	APIC_REG_APR = 0x090,
	APIC_REG_PPR = 0x0a0,
	APIC_REG_EOI = 0x0b0,
	APIC_REG_RRD = 0x0c0,
	APIC_REG_LDR = 0x0d0,
	APIC_REG_DFR = 0x0e0,
	APIC_REG_SPIV = 0x0f0,
	APIC_REG_ISR = 0x100,
	APIC_REG_TMR = 0x180,
	APIC_REG_IRR = 0x200,
	APIC_REG_ESR = 0x280,
	APIC_REG_CMCI = 0x2f0,
	APIC_REG_ICR = 0x300,
	APIC_REG_ICR2 = 0x310,
	APIC_REG_LVTT = 0x320,
	APIC_REG_LVTTHMR = 0x330,
	APIC_REG_LVTPC = 0x340,
	APIC_REG_LVT0 = 0x350,
	APIC_REG_LVT1 = 0x360,
	APIC_REG_LVTERR = 0x370,
	APIC_REG_TMICT = 0x380,
	APIC_REG_TMCCT = 0x390,
	APIC_REG_TDCR = 0x3e0,
	APIC_REG_SELF_IPI = 0x3f0,
};

#define LAPIC_IMAGE_SIZE	0x400	/* bytes of the GET/SET_LAPIC image */

#define LAPIC_BASE_BSP		BIT_ULL(8)
#define LAPIC_BASE_X2APIC	BIT_ULL(10)
#define LAPIC_BASE_ENABLE	BIT_ULL(11)
#define LAPIC_BASE_DEFAULT	0xfee00000ULL

#define LAPIC_LVT_MASKED		BIT(16)
#define LAPIC_SPIV_ENABLE	BIT(8)

#define LAPIC_ESR_SEND_VECTOR	BIT(5)
#define LAPIC_ESR_RECV_VECTOR	BIT(6)
#define LAPIC_ESR_REGISTER	BIT(7)

/* The local vector table, in register order. */
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, NR_LVT };

/* Time as a register access or timer expiry sees it. */
struct lapic_clock {
	u64 ns;			/* monotonic */
	u64 guest_tsc;
	u32 tsc_khz;		/* rate of guest_tsc, not 0 */
};

struct lapic_regs {
	/*
	 * LAPIC_IMAGE_SIZE bytes in xAPIC layout. TPR, ISR, TMR, IRR, ICR and ICR2 live
	 * here, where a CPU that virtualizes the APIC changes them itself; the others are below,
	 * and here only for such a CPU to read (lapic_regs_publish).
	 */
	u32 *page;
	bool requested;		/* false: the IRR is empty */
	bool changed;		/* we, not the CPU, changed IRR or ISR; the backend clears it */
	u64 base;		/* IA32_APIC_BASE */
	u32 x2apic_id;		/* the vCPU id */
	u32 id, ldr, dfr, spiv, esr;	/* xAPIC register formats */
	u32 errors;		/* to be seen in esr after the next write to it */
	u32 lvt[NR_LVT];
	u32 tmict, tdcr;
	bool has_x2apic, has_deadline;	/* what CPUID offers */

	u64 target_ns;		/* expiry of the timer; 0: not running */
	u64 deadline;		/* IA32_TSC_DEADLINE; 0: not armed */
};

/* What a register write asks its caller to do. */
struct lapic_effect {
	bool ipi;		/* send @message */
	bool eoi;		/* EOI of @vector: tell the I/O APICs */
	bool timer;		/* target_ns changed: program or cancel */
	bool due;		/* ... and has come */
	bool identity;		/* publish lapic_regs_identity() */
	u8 vector;
	struct irq_message message;
};

/* lapic_reg - a register in the page. */
static inline u32 *lapic_reg(const struct lapic_regs *r, u32 offset)
{
	return &r->page[offset / sizeof(u32)];
}

/* lapic_regs_is_live - whether the register at @offset, a multiple of 16, is kept in the page alone. */
static inline bool lapic_regs_is_live(u32 offset)
{
	return offset == APIC_REG_TPR || offset == APIC_REG_ICR || offset == APIC_REG_ICR2 ||
	       (offset >= APIC_REG_ISR && offset < APIC_REG_ESR);
}

/* lapic_regs_highest - the highest vector in ISR, TMR or IRR (@offset), or -1. */
int lapic_regs_highest(const struct lapic_regs *r, u32 offset);

/* lapic_regs_reset - power-on state, or after INIT (@init: ID and IA32_APIC_BASE are kept). */
void lapic_regs_reset(struct lapic_regs *r, bool bsp, bool init);

/* lapic_regs_identity - what senders match messages against (message.h). */
u64 lapic_regs_identity(const struct lapic_regs *r);

/* lapic_regs_need_clock - whether an access to @offset looks at its clock argument. */
static inline bool lapic_regs_need_clock(u32 offset)
{
	return (offset >= APIC_REG_TMICT && offset <= APIC_REG_TDCR) ||
	       offset == APIC_REG_LVTT;
}

/*
 * lapic_regs_read/write - one 32-bit register; reserved bits of a write are
 * dropped. 0, or -EINVAL when no such register exists (recorded in the ESR).
 * @effect must be zeroed by the caller and may be set in part on 0.
 */
int lapic_regs_read(struct lapic_regs *r, u32 offset, u32 *value, const struct lapic_clock *clock);
int lapic_regs_write(struct lapic_regs *r, u32 offset, u32 value, const struct lapic_clock *clock,
		     struct lapic_effect *effect);

/* x2apic_regs_read/write - the MSR of @offset; -EINVAL means #GP (mode, register, reserved bit). */
int x2apic_regs_read(struct lapic_regs *r, u32 offset, u64 *value, const struct lapic_clock *clock);
int x2apic_regs_write(struct lapic_regs *r, u32 offset, u64 value, const struct lapic_clock *clock,
		      struct lapic_effect *effect);

/*
 * lapic_regs_set_base - IA32_APIC_BASE. -EINVAL: reserved bit (@maxphyaddr) or
 * illegal mode; illegal transition too unless @host.
 */
int lapic_regs_set_base(struct lapic_regs *r, u64 base, unsigned int maxphyaddr, bool host,
			struct lapic_effect *effect);

/* lapic_regs_post - merge 64 newly arrived vectors; @level says which are level-triggered. */
void lapic_regs_post(struct lapic_regs *r, unsigned int word, u64 vectors, u64 level);

/* lapic_regs_pending - highest vector deliverable now, or -1. */
int lapic_regs_pending(struct lapic_regs *r);

/*
 * lapic_regs_masked - class (vector bits 7:4) of the highest vector that the TPR
 * alone holds back, or -1: worth an exit when the TPR falls below it.
 */
int lapic_regs_masked(const struct lapic_regs *r);

/* lapic_regs_accept - move @vector (from lapic_regs_pending) from IRR to ISR. */
void lapic_regs_accept(struct lapic_regs *r, u8 vector);

/* lapic_regs_accepts_extint - whether the PIC's output reaches this CPU. */
bool lapic_regs_accepts_extint(const struct lapic_regs *r);

/* lapic_regs_set_deadline - write IA32_TSC_DEADLINE; ignored unless LVTT is in that mode. */
void lapic_regs_set_deadline(struct lapic_regs *r, u64 deadline, const struct lapic_clock *clock,
			     struct lapic_effect *effect);

/* lapic_regs_retime - the guest's TSC jumped: recompute target_ns of an armed deadline. */
void lapic_regs_retime(struct lapic_regs *r, const struct lapic_clock *clock,
		       struct lapic_effect *effect);

/* lapic_regs_expire - the timer may have run out: deliver and restart as its mode says. */
void lapic_regs_expire(struct lapic_regs *r, const struct lapic_clock *clock,
		       struct lapic_effect *effect);

/*
 * lapic_regs_save/load - the GET/SET_LAPIC image (LAPIC_IMAGE_SIZE bytes). The
 * ID is in bits 31:24 in both modes. load takes IRR, ISR and timer from it.
 */
void lapic_regs_save(struct lapic_regs *r, void *image, const struct lapic_clock *clock);
void lapic_regs_load(struct lapic_regs *r, const void *image, const struct lapic_clock *clock,
		     struct lapic_effect *effect);

/* lapic_regs_publish - bring the page up to date, except for TMCCT. PPR is that of now. */
void lapic_regs_publish(struct lapic_regs *r);

#endif /* MINIVMM_IRQ_LAPIC_REGS_H */
