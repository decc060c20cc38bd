// SPDX-License-Identifier: GPL-2.0
/*
 * Local APIC registers: reads, writes, priorities, error log, modes. Pure part;
 * the timer's arithmetic is in lapic_timer.c.
 */
#include "lapic_timer.h"

#define SPIV_WRITABLE		0x3ffu
#define ICR_BUSY		BIT(12)
#define ICR_X2APIC_RESERVED	(GENMASK_ULL(31, 20) | GENMASK_ULL(17, 16) | BIT_ULL(13))
#define VERSION			(0x14u | (NR_LVT - 1) << 16)

#define LVT_VECTOR		0x0ffu
#define LVT_MODE		0x700u
#define LVT_MODE_EXTINT		0x700u
#define LVT_PINS		0xa000u		/* trigger and polarity */

static bool is_x2apic(const struct lapic_regs *r)
{
	return r->base & LAPIC_BASE_X2APIC;
}

/* The word of ISR, TMR or IRR (@offset) that holds @vector. */
static u32 *vector_word(const struct lapic_regs *r, u32 offset, u8 vector)
{
	return lapic_reg(r, offset + vector / 32 * 16);
}

int lapic_regs_highest(const struct lapic_regs *r, u32 offset)
{
	int word;

	/* Looked for several times an interrupt. */
#pragma GCC unroll 8
	for (word = 7; word >= 0; word--) {
		u32 bits = *lapic_reg(r, offset + word * 16);

		if (bits)
			return word * 32 + fls(bits) - 1;
	}
	return -1;
}

static void request(struct lapic_regs *r, u8 vector)
{
	*vector_word(r, APIC_REG_IRR, vector) |= BIT(vector % 32);
	r->requested = true;
	r->changed = true;
}

static u8 priority(const struct lapic_regs *r)
{
	int in_service = lapic_regs_highest(r, APIC_REG_ISR);
	u8 tpr = *lapic_reg(r, APIC_REG_TPR), class = in_service < 0 ? 0 : in_service & 0xf0;

	return (tpr & 0xf0) >= class ? tpr : class;
}

/* Deliver the local interrupt @index; one with an illegal vector is only logged. */
void lapic_regs_local(struct lapic_regs *r, unsigned int index)
{
	u8 vector = r->lvt[index] & LVT_VECTOR;

	if (r->lvt[index] & LAPIC_LVT_MASKED)
		return;
	if (vector < 16) {
		r->errors |= LAPIC_ESR_RECV_VECTOR;
		return;
	}
	request(r, vector);
	*vector_word(r, APIC_REG_TMR, vector) &= ~BIT(vector % 32);
}

static void log_error(struct lapic_regs *r, u32 error)
{
	r->errors |= error;
	lapic_regs_local(r, LVT_ERROR);
}

void lapic_regs_reset(struct lapic_regs *r, bool bsp, bool init)
{
	u64 base = LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE | (bsp ? LAPIC_BASE_BSP : 0);
	unsigned int i;

	memset(r->page, 0, LAPIC_IMAGE_SIZE);
	*r = (struct lapic_regs) {
		.page = r->page,
		.changed = true,
		.base = init ? r->base : base,
		.x2apic_id = r->x2apic_id,
		.id = init ? r->id : r->x2apic_id << 24,
		.dfr = ~0u,
		.spiv = 0xff,
		.has_x2apic = r->has_x2apic,
		.has_deadline = r->has_deadline,
	};
	for (i = 0; i < NR_LVT; i++)
		r->lvt[i] = LAPIC_LVT_MASKED;
	/* The PIC reaches the boot processor from power-on ("virtual wire"). */
	if (bsp)
		r->lvt[LVT_LINT0] = LVT_MODE_EXTINT;
}

u64 lapic_regs_identity(const struct lapic_regs *r)
{
	u64 flags = 0;

	if (r->base & LAPIC_BASE_ENABLE)
		flags |= APIC_IDENTITY_ENABLED;
	if (r->spiv & LAPIC_SPIV_ENABLE)
		flags |= APIC_IDENTITY_SOFT;
	if (is_x2apic(r))
		return apic_identity(r->x2apic_id, 0, flags | APIC_IDENTITY_X2APIC);
	if (r->dfr >> 28 != 0xf)
		flags |= APIC_IDENTITY_CLUSTER;
	return apic_identity(r->id >> 24, r->ldr >> 24, flags);
}

static void post_word(struct lapic_regs *r, u32 offset, u32 vectors, u32 level)
{
	u32 *tmr = lapic_reg(r, APIC_REG_TMR + offset);

	*lapic_reg(r, APIC_REG_IRR + offset) |= vectors;
	*tmr = (*tmr & ~vectors) | (level & vectors);
}

void lapic_regs_post(struct lapic_regs *r, unsigned int word, u64 vectors, u64 level)
{
	if (word == 0 && (vectors & 0xffff)) {
		vectors &= ~0xffffULL;
		log_error(r, LAPIC_ESR_RECV_VECTOR);
	}
	post_word(r, word * 32, vectors, level);
	post_word(r, word * 32 + 16, vectors >> 32, level >> 32);
	r->requested = true;
	r->changed = true;
}

int lapic_regs_pending(struct lapic_regs *r)
{
	int vector;

	if (!r->requested)
		return -1;
	vector = lapic_regs_highest(r, APIC_REG_IRR);
	r->requested = vector >= 0;
	return vector >= 0 && (vector & 0xf0) > (priority(r) & 0xf0) ? vector : -1;
}

int lapic_regs_masked(const struct lapic_regs *r)
{
	int requested, in_service;

	if (!r->requested)
		return -1;
	requested = lapic_regs_highest(r, APIC_REG_IRR);
	in_service = lapic_regs_highest(r, APIC_REG_ISR);
	if (requested < 16 || requested >> 4 > *lapic_reg(r, APIC_REG_TPR) >> 4)
		return -1;
	return in_service >= 0 && requested >> 4 <= in_service >> 4 ? -1 : requested >> 4;
}

void lapic_regs_accept(struct lapic_regs *r, u8 vector)
{
	*vector_word(r, APIC_REG_IRR, vector) &= ~BIT(vector % 32);
	*vector_word(r, APIC_REG_ISR, vector) |= BIT(vector % 32);
	r->changed = true;
}

bool lapic_regs_accepts_extint(const struct lapic_regs *r)
{
	u32 lint0 = READ_ONCE(r->lvt[LVT_LINT0]);

	if (!(READ_ONCE(r->base) & LAPIC_BASE_ENABLE))
		return true;
	return (lint0 & (LAPIC_LVT_MASKED | LVT_MODE)) == LVT_MODE_EXTINT;
}

static void end_interrupt(struct lapic_regs *r, struct lapic_effect *effect)
{
	int vector = lapic_regs_highest(r, APIC_REG_ISR);

	if (vector < 0)
		return;
	*vector_word(r, APIC_REG_ISR, vector) &= ~BIT(vector % 32);
	r->changed = true;
	effect->eoi = true;
	effect->vector = vector;
}

static void write_spiv(struct lapic_regs *r, u32 value, struct lapic_effect *effect)
{
	unsigned int i;

	r->spiv = value & SPIV_WRITABLE;
	effect->identity = true;
	if (value & LAPIC_SPIV_ENABLE)
		return;
	for (i = 0; i < NR_LVT; i++)
		r->lvt[i] |= LAPIC_LVT_MASKED;
}

static u32 lvt_writable(const struct lapic_regs *r, unsigned int index)
{
	u32 mask = LVT_VECTOR | LAPIC_LVT_MASKED;

	switch (index) {
	case LVT_TIMER:
		return mask | LVT_TIMER_PERIODIC | (r->has_deadline ? LVT_TIMER_DEADLINE : 0);
	case LVT_LINT0:
	case LVT_LINT1:
		return mask | LVT_MODE | LVT_PINS;
	case LVT_ERROR:
		return mask;
	default:
		return mask | LVT_MODE;
	}
}

static u32 lvt_value(const struct lapic_regs *r, unsigned int index, u32 value)
{
	value &= lvt_writable(r, index);
	return r->spiv & LAPIC_SPIV_ENABLE ? value : value | LAPIC_LVT_MASKED;
}

static void send_ipi(struct lapic_regs *r, u64 icr, struct lapic_effect *effect)
{
	struct irq_message *msg = &effect->message;

	*lapic_reg(r, APIC_REG_ICR) = (u32)icr & ~ICR_BUSY;
	icr_decode(msg, icr, is_x2apic(r));
	if (msg->delivery <= IRQ_DM_LOWEST && msg->vector < 16)
		log_error(r, LAPIC_ESR_SEND_VECTOR);
	else
		effect->ipi = true;
}

static unsigned int lvt_index(u32 offset)
{
	return array_index_nospec((offset - APIC_REG_LVTT) >> 4, NR_LVT);
}

/* Registers that exist in xAPIC mode only; true if @offset is one of them. */
static bool write_xapic_only(struct lapic_regs *r, u32 offset, u32 value,
			     struct lapic_effect *effect)
{
	switch (offset) {
	case APIC_REG_ID:
		r->id = value & 0xff000000;
		break;
	case APIC_REG_LDR:
		r->ldr = value & 0xff000000;
		break;
	case APIC_REG_DFR:
		r->dfr = value | 0x0fffffff;
		break;
	case APIC_REG_ICR2:
		*lapic_reg(r, APIC_REG_ICR2) = value & 0xff000000;
		return true;
	default:
		return false;
	}
	effect->identity = true;
	return true;
}

static int write_common(struct lapic_regs *r, u32 offset, u32 value,
			const struct lapic_clock *clock, struct lapic_effect *effect)
{
	switch (offset) {
	case APIC_REG_TPR:
		*lapic_reg(r, APIC_REG_TPR) = value & 0xff;
		return 0;
	case APIC_REG_EOI:
		end_interrupt(r, effect);
		return 0;
	case APIC_REG_SPIV:
		write_spiv(r, value, effect);
		return 0;
	case APIC_REG_ESR:
		r->esr = r->errors;
		r->errors = 0;
		return 0;
	case APIC_REG_LVTT:
		lapic_timer_set_lvt(r, lvt_value(r, LVT_TIMER, value), effect);
		return 0;
	case APIC_REG_LVTTHMR:
	case APIC_REG_LVTPC:
	case APIC_REG_LVT0:
	case APIC_REG_LVT1:
	case APIC_REG_LVTERR:
		WRITE_ONCE(r->lvt[lvt_index(offset)], lvt_value(r, lvt_index(offset), value));
		return 0;
	case APIC_REG_TMICT:
		lapic_timer_set_initial(r, value, clock, effect);
		return 0;
	case APIC_REG_TDCR:
		lapic_timer_set_divide(r, value, clock, effect);
		return 0;
	default:
		return -EINVAL;
	}
}

static bool read_only(u32 offset)
{
	return offset == APIC_REG_VERSION || offset == APIC_REG_APR || offset == APIC_REG_PPR ||
	       offset == APIC_REG_RRD || offset == APIC_REG_TMCCT ||
	       (offset >= APIC_REG_ISR && offset < APIC_REG_ESR);
}

int lapic_regs_write(struct lapic_regs *r, u32 offset, u32 value, const struct lapic_clock *clock,
		     struct lapic_effect *effect)
{
	if (read_only(offset) || write_xapic_only(r, offset, value, effect))
		return 0;
	if (offset == APIC_REG_ICR) {
		send_ipi(r, (u64)*lapic_reg(r, APIC_REG_ICR2) << 32 | value, effect);
		return 0;
	}
	if (!write_common(r, offset, value, clock, effect))
		return 0;
	log_error(r, LAPIC_ESR_REGISTER);
	return -EINVAL;
}

/* @offset is a multiple of 16. */
static int read_common(const struct lapic_regs *r, u32 offset, u32 *value,
		       const struct lapic_clock *clock)
{
	if (lapic_regs_is_live(offset)) {
		*value = *lapic_reg(r, offset);
		return 0;
	}
	switch (offset) {
	case APIC_REG_ID:
		*value = is_x2apic(r) ? r->x2apic_id : r->id;
		return 0;
	case APIC_REG_VERSION:
		*value = VERSION;
		return 0;
	case APIC_REG_PPR:
		*value = priority(r);
		return 0;
	case APIC_REG_LDR:
		*value = is_x2apic(r) ? x2apic_ldr(r->x2apic_id) : r->ldr;
		return 0;
	case APIC_REG_SPIV:
		*value = r->spiv;
		return 0;
	case APIC_REG_ESR:
		*value = r->esr;
		return 0;
	case APIC_REG_LVTT ... APIC_REG_LVTERR:
		*value = r->lvt[lvt_index(offset)];
		return 0;
	case APIC_REG_TMICT:
		*value = r->tmict;
		return 0;
	case APIC_REG_TMCCT:
		*value = lapic_timer_count(r, clock);
		return 0;
	case APIC_REG_TDCR:
		*value = r->tdcr;
		return 0;
	default:
		return -EINVAL;
	}
}

int lapic_regs_read(struct lapic_regs *r, u32 offset, u32 *value, const struct lapic_clock *clock)
{
	*value = 0;
	switch (offset) {
	case APIC_REG_APR:
	case APIC_REG_RRD:
	case APIC_REG_EOI:
		return 0;
	case APIC_REG_DFR:
		*value = r->dfr;
		return 0;
	}
	if (!read_common(r, offset, value, clock))
		return 0;
	log_error(r, LAPIC_ESR_REGISTER);
	return -EINVAL;
}

int x2apic_regs_read(struct lapic_regs *r, u32 offset, u64 *value, const struct lapic_clock *clock)
{
	u32 low;

	if (!is_x2apic(r) || offset == APIC_REG_ICR2 || read_common(r, offset, &low, clock))
		return -EINVAL;
	*value = low;
	if (offset == APIC_REG_ICR)
		*value |= (u64)*lapic_reg(r, APIC_REG_ICR2) << 32;
	return 0;
}

static int write_x2apic_icr(struct lapic_regs *r, u64 icr, struct lapic_effect *effect)
{
	if (icr & ICR_X2APIC_RESERVED)
		return -EINVAL;
	*lapic_reg(r, APIC_REG_ICR2) = icr >> 32;
	send_ipi(r, icr, effect);
	return 0;
}

int x2apic_regs_write(struct lapic_regs *r, u32 offset, u64 value, const struct lapic_clock *clock,
		      struct lapic_effect *effect)
{
	if (!is_x2apic(r))
		return -EINVAL;
	if (offset == APIC_REG_ICR)
		return write_x2apic_icr(r, value, effect);
	if (value >> 32)
		return -EINVAL;
	if ((offset == APIC_REG_EOI || offset == APIC_REG_ESR) && value)
		return -EINVAL;
	if (offset == APIC_REG_SELF_IPI) {
		if (value > 0xff)
			return -EINVAL;
		send_ipi(r, (u64)IRQ_TO_SELF << 18 | value, effect);
		return 0;
	}
	return write_common(r, offset, value, clock, effect);
}

int lapic_regs_set_base(struct lapic_regs *r, u64 base, unsigned int maxphyaddr, bool host,
			struct lapic_effect *effect)
{
	const u64 mode = LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC;
	u64 old = r->base & mode, new = base & mode;

	if (base >> maxphyaddr || (base & 0x2ff))
		return -EINVAL;
	if (new == LAPIC_BASE_X2APIC || (new == mode && !r->has_x2apic))
		return -EINVAL;
	if (!host && ((old == mode && new == LAPIC_BASE_ENABLE) || (!old && new == mode)))
		return -EINVAL;
	WRITE_ONCE(r->base, base);
	if (!host && old && !new) {
		lapic_regs_reset(r, false, true);
		r->id = r->x2apic_id << 24;
		effect->timer = true;
	}
	effect->identity = true;
	return 0;
}

void lapic_regs_publish(struct lapic_regs *r)
{
	u32 *page = lapic_reg(r, 0);
	unsigned int i;

#define REG(name)	page[APIC_REG_##name / sizeof(*page)]
	REG(ID) = is_x2apic(r) ? r->x2apic_id : r->id;
	REG(VERSION) = VERSION;
	REG(PPR) = priority(r);
	REG(LDR) = is_x2apic(r) ? x2apic_ldr(r->x2apic_id) : r->ldr;
	REG(DFR) = r->dfr;
	REG(SPIV) = r->spiv;
	REG(ESR) = r->esr;
	for (i = 0; i < NR_LVT; i++)
		(&REG(LVTT))[i * 4] = r->lvt[i];
	REG(TMICT) = r->tmict;
	REG(TDCR) = r->tdcr;
#undef REG
}

static void put_reg(void *image, u32 offset, u32 value)
{
	memcpy((u8 *)image + offset, &value, sizeof(value));
}

static u32 get_reg(const void *image, u32 offset)
{
	u32 value;

	memcpy(&value, (const u8 *)image + offset, sizeof(value));
	return value;
}

void lapic_regs_save(struct lapic_regs *r, void *image, const struct lapic_clock *clock)
{
	lapic_regs_publish(r);
	memcpy(image, r->page, LAPIC_IMAGE_SIZE);
	put_reg(image, APIC_REG_TMCCT, lapic_timer_count(r, clock));
	if (is_x2apic(r))
		put_reg(image, APIC_REG_ID, r->x2apic_id << 24);
}

static void load_vectors(struct lapic_regs *r, const void *image)
{
	u32 offset;

	for (offset = APIC_REG_ISR; offset < APIC_REG_ESR; offset += 16)
		*lapic_reg(r, offset) = get_reg(image, offset);
	r->requested = true;
	r->changed = true;
}

void lapic_regs_load(struct lapic_regs *r, const void *image, const struct lapic_clock *clock,
		     struct lapic_effect *effect)
{
	unsigned int i;

	load_vectors(r, image);
	if (!is_x2apic(r)) {
		r->id = get_reg(image, APIC_REG_ID) & 0xff000000;
		r->ldr = get_reg(image, APIC_REG_LDR) & 0xff000000;
	}
	r->dfr = get_reg(image, APIC_REG_DFR) | 0x0fffffff;
	r->spiv = get_reg(image, APIC_REG_SPIV) & SPIV_WRITABLE;
	r->esr = get_reg(image, APIC_REG_ESR) & 0xff;
	r->errors = 0;
	*lapic_reg(r, APIC_REG_ICR) = get_reg(image, APIC_REG_ICR) & ~ICR_BUSY;
	*lapic_reg(r, APIC_REG_ICR2) = get_reg(image, APIC_REG_ICR2);
	for (i = 0; i < NR_LVT; i++)
		r->lvt[i] = lvt_value(r, i, get_reg(image, APIC_REG_LVTT + i * 16));
	*lapic_reg(r, APIC_REG_TPR) = get_reg(image, APIC_REG_TPR) & 0xff;
	lapic_timer_load(r, get_reg(image, APIC_REG_TMICT), get_reg(image, APIC_REG_TMCCT),
			 get_reg(image, APIC_REG_TDCR), clock, effect);
	effect->identity = true;
}
