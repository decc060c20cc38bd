// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's registers, priorities, modes, timer and messages, rule by rule.
 *
 * Links: kmod/irq/message.c kmod/irq/lapic_regs.c kmod/irq/lapic_timer.c
 */
#include "kselftest_harness.h"

#include "irq/lapic_timer.h"

#define KHZ	2000000	/* guest TSC: 2 cycles in a nanosecond */

FIXTURE(lapic) {
	struct lapic_regs r;
	struct lapic_effect e;
	struct lapic_clock clock;
	u8 image[LAPIC_IMAGE_SIZE];
	u32 page[LAPIC_IMAGE_SIZE / sizeof(u32)];
};

FIXTURE_SETUP(lapic)
{
	memset(self, 0, sizeof(*self));
	self->r.page = self->page;
	self->r.has_x2apic = true;
	self->r.has_deadline = true;
	self->r.x2apic_id = 5;
	self->clock = (struct lapic_clock) { .ns = 1000000, .guest_tsc = 5000, .tsc_khz = KHZ };
	lapic_regs_reset(&self->r, false, false);
}

FIXTURE_TEARDOWN(lapic)
{
}

#define WRITE(reg, value) \
	(memset(&self->e, 0, sizeof(self->e)), \
	 lapic_regs_write(&self->r, reg, value, &self->clock, &self->e))
#define MSR_WRITE(reg, value) \
	(memset(&self->e, 0, sizeof(self->e)), \
	 x2apic_regs_write(&self->r, reg, value, &self->clock, &self->e))
#define READ(reg) ({ u32 v_ = 0xdead; lapic_regs_read(&self->r, reg, &v_, &self->clock); v_; })
#define SET_BASE(base, host) \
	(memset(&self->e, 0, sizeof(self->e)), \
	 lapic_regs_set_base(&self->r, base, 40, host, &self->e))
#define POST(vector) \
	lapic_regs_post(&self->r, (vector) / 64, BIT_ULL((vector) % 64), 0)
#define ENABLE() WRITE(APIC_REG_SPIV, LAPIC_SPIV_ENABLE | 0xff)
#define TO_X2APIC() SET_BASE(LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC, false)

static void pass(struct lapic_clock *clock, u64 ns)
{
	clock->ns += ns;
	clock->guest_tsc += ns * (KHZ / 1000000);
}

TEST_F(lapic, power_on_state)
{
	EXPECT_EQ(5u << 24, READ(APIC_REG_ID));
	EXPECT_EQ(0x50014, READ(APIC_REG_VERSION));
	EXPECT_EQ(0xff, READ(APIC_REG_SPIV));
	EXPECT_EQ(~0u, READ(APIC_REG_DFR));
	EXPECT_EQ(LAPIC_LVT_MASKED, READ(APIC_REG_LVT0));
	EXPECT_EQ(LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE, self->r.base);
	EXPECT_FALSE(lapic_regs_accepts_extint(&self->r));
}

TEST_F(lapic, boot_processor_takes_extint_from_power_on)
{
	lapic_regs_reset(&self->r, true, false);
	EXPECT_TRUE(self->r.base & LAPIC_BASE_BSP);
	EXPECT_TRUE(lapic_regs_accepts_extint(&self->r));
	ENABLE();
	WRITE(APIC_REG_LVT0, 0x700 | LAPIC_LVT_MASKED);
	EXPECT_FALSE(lapic_regs_accepts_extint(&self->r));
}

TEST_F(lapic, disabled_apic_lets_extint_through)
{
	ASSERT_EQ(0, SET_BASE(LAPIC_BASE_DEFAULT, false));
	EXPECT_TRUE(lapic_regs_accepts_extint(&self->r));
}

TEST_F(lapic, init_keeps_id_and_base_only)
{
	ENABLE();
	WRITE(APIC_REG_ID, 0x77000000);
	WRITE(APIC_REG_TPR, 0x40);
	POST(0x55);
	lapic_regs_reset(&self->r, false, true);
	EXPECT_EQ(0x77000000, READ(APIC_REG_ID));
	EXPECT_EQ(0, READ(APIC_REG_TPR));
	EXPECT_EQ(0xff, READ(APIC_REG_SPIV));
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
}

TEST_F(lapic, highest_vector_first)
{
	POST(0x31);
	POST(0xf1);
	POST(0x80);
	EXPECT_EQ(0xf1, lapic_regs_pending(&self->r));
}

TEST_F(lapic, accept_moves_request_to_service_and_raises_ppr)
{
	POST(0x45);
	lapic_regs_accept(&self->r, 0x45);
	EXPECT_EQ(0, READ(APIC_REG_IRR + 0x20));
	EXPECT_EQ(1u << 5, READ(APIC_REG_ISR + 0x20));
	EXPECT_EQ(0x40, READ(APIC_REG_PPR));
}

TEST_F(lapic, same_or_lower_class_waits_for_eoi)
{
	POST(0x45);
	lapic_regs_accept(&self->r, 0x45);
	POST(0x4f);
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
	POST(0x50);
	EXPECT_EQ(0x50, lapic_regs_pending(&self->r));
}

TEST_F(lapic, eoi_ends_the_highest_in_service)
{
	POST(0x45);
	lapic_regs_accept(&self->r, 0x45);
	POST(0x91);
	lapic_regs_accept(&self->r, 0x91);
	WRITE(APIC_REG_EOI, 0);
	EXPECT_TRUE(self->e.eoi);
	EXPECT_EQ(0x91, self->e.vector);
	EXPECT_EQ(0x40, READ(APIC_REG_PPR));
	WRITE(APIC_REG_EOI, 0);
	EXPECT_EQ(0x45, self->e.vector);
	EXPECT_EQ(0, READ(APIC_REG_PPR));
}

TEST_F(lapic, eoi_without_service_tells_nobody)
{
	WRITE(APIC_REG_EOI, 0);
	EXPECT_FALSE(self->e.eoi);
}

TEST_F(lapic, tpr_holds_back_its_class_and_lower)
{
	WRITE(APIC_REG_TPR, 0x50);
	POST(0x5f);
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
	EXPECT_EQ(5, lapic_regs_masked(&self->r));
	WRITE(APIC_REG_TPR, 0x4f);
	EXPECT_EQ(0x5f, lapic_regs_pending(&self->r));
	EXPECT_EQ(-1, lapic_regs_masked(&self->r));
}

TEST_F(lapic, ppr_is_tpr_where_its_class_is_not_below_service)
{
	POST(0x45);
	lapic_regs_accept(&self->r, 0x45);
	WRITE(APIC_REG_TPR, 0x43);
	EXPECT_EQ(0x43, READ(APIC_REG_PPR));
	WRITE(APIC_REG_TPR, 0x3f);
	EXPECT_EQ(0x40, READ(APIC_REG_PPR));
}

TEST_F(lapic, masked_class_ignores_what_service_holds_back)
{
	POST(0x62);
	lapic_regs_accept(&self->r, 0x62);
	POST(0x61);
	WRITE(APIC_REG_TPR, 0xf0);
	EXPECT_EQ(-1, lapic_regs_masked(&self->r));
}

TEST_F(lapic, trigger_mode_follows_the_last_message)
{
	lapic_regs_post(&self->r, 1, BIT_ULL(3), BIT_ULL(3));
	EXPECT_EQ(1u << 3, READ(APIC_REG_TMR + 0x20));
	lapic_regs_post(&self->r, 1, BIT_ULL(3), 0);
	EXPECT_EQ(0, READ(APIC_REG_TMR + 0x20));
}

TEST_F(lapic, received_illegal_vector_is_an_error_not_an_interrupt)
{
	POST(15);
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
	EXPECT_EQ(0, READ(APIC_REG_ESR));
	WRITE(APIC_REG_ESR, 0);
	EXPECT_EQ(LAPIC_ESR_RECV_VECTOR, READ(APIC_REG_ESR));
	WRITE(APIC_REG_ESR, 0);
	EXPECT_EQ(0, READ(APIC_REG_ESR));
}

TEST_F(lapic, illegal_vector_does_not_drop_legal_ones)
{
	lapic_regs_post(&self->r, 0, BIT_ULL(3) | BIT_ULL(16), 0);
	EXPECT_EQ(16, lapic_regs_pending(&self->r));
}

TEST_F(lapic, sent_illegal_vector_is_an_error_and_not_sent)
{
	WRITE(APIC_REG_ICR, 0x0f);
	EXPECT_FALSE(self->e.ipi);
	WRITE(APIC_REG_ESR, 0);
	EXPECT_EQ(LAPIC_ESR_SEND_VECTOR, READ(APIC_REG_ESR));
}

TEST_F(lapic, error_interrupt_is_delivered)
{
	ENABLE();
	WRITE(APIC_REG_LVTERR, 0xe0);
	WRITE(APIC_REG_ICR, 0x0f);
	EXPECT_EQ(0xe0, lapic_regs_pending(&self->r));
}

TEST_F(lapic, unknown_registers_are_refused_and_logged)
{
	static const u32 offsets[] = { 0x000, 0x010, 0x040, 0x070, 0x290, 0x2f0, 0x3a0, 0x3d0,
				       0x3f0, 0x400, 0xff0 };
	unsigned int i;
	u32 value;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		EXPECT_EQ(-EINVAL, WRITE(offsets[i], ~0u)) TH_LOG("write %x", offsets[i]);
		EXPECT_EQ(-EINVAL, lapic_regs_read(&self->r, offsets[i], &value, &self->clock))
			TH_LOG("read %x", offsets[i]);
		EXPECT_EQ(0, value);
	}
	WRITE(APIC_REG_ESR, 0);
	EXPECT_EQ(LAPIC_ESR_REGISTER, READ(APIC_REG_ESR));
}

TEST_F(lapic, read_only_registers_ignore_writes)
{
	static const u32 offsets[] = { APIC_REG_VERSION, APIC_REG_PPR, APIC_REG_ISR,
				       APIC_REG_IRR + 0x70, APIC_REG_TMCCT };
	struct lapic_regs before = self->r;
	u32 page[ARRAY_SIZE(self->page)];
	unsigned int i;

	memcpy(page, self->page, sizeof(page));
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		EXPECT_EQ(0, WRITE(offsets[i], ~0u));
	EXPECT_EQ(0, memcmp(&before, &self->r, sizeof(before)));
	EXPECT_EQ(0, memcmp(page, self->page, sizeof(page)));
}

TEST_F(lapic, software_disable_masks_all_local_vectors)
{
	u32 offset;

	ENABLE();
	for (offset = APIC_REG_LVTT; offset <= APIC_REG_LVTERR; offset += 0x10) {
		WRITE(offset, 0x40);
		EXPECT_EQ(0x40, READ(offset));
	}
	WRITE(APIC_REG_SPIV, 0xff);
	for (offset = APIC_REG_LVTT; offset <= APIC_REG_LVTERR; offset += 0x10) {
		EXPECT_EQ(0x40 | LAPIC_LVT_MASKED, READ(offset));
		WRITE(offset, 0x41);
		EXPECT_EQ(0x41 | LAPIC_LVT_MASKED, READ(offset));
	}
}

TEST_F(lapic, reserved_bits_of_local_vectors_are_dropped)
{
	ENABLE();
	WRITE(APIC_REG_LVTERR, ~0u);
	EXPECT_EQ(0x100ff, READ(APIC_REG_LVTERR));
	WRITE(APIC_REG_LVT1, ~0u);
	EXPECT_EQ(0x1a7ff, READ(APIC_REG_LVT1));
	self->r.has_deadline = false;
	WRITE(APIC_REG_LVTT, ~0u);
	EXPECT_EQ(0x300ff, READ(APIC_REG_LVTT));
}

TEST_F(lapic, icr_carries_destination_and_mode)
{
	WRITE(APIC_REG_ICR2, 0x3f123456);
	EXPECT_EQ(0x3f000000, READ(APIC_REG_ICR2));
	WRITE(APIC_REG_ICR, BIT(11) | BIT(14) | IRQ_DM_LOWEST << 8 | 0x99);
	ASSERT_TRUE(self->e.ipi);
	EXPECT_EQ(0x3f, self->e.message.dest);
	EXPECT_TRUE(self->e.message.logical);
	EXPECT_TRUE(self->e.message.lowest);
	EXPECT_FALSE(self->e.message.wide);
	EXPECT_FALSE(self->e.message.level);
	EXPECT_EQ(0x99, self->e.message.vector);
}

TEST_F(lapic, delivery_status_never_reads_busy)
{
	WRITE(APIC_REG_ICR, BIT(12) | 0x40);
	EXPECT_EQ(0x40, READ(APIC_REG_ICR));
}

TEST_F(lapic, init_deassert_is_told_from_init)
{
	WRITE(APIC_REG_ICR, BIT(15) | BIT(14) | IRQ_DM_INIT << 8);
	EXPECT_FALSE(self->e.message.deassert);
	WRITE(APIC_REG_ICR, BIT(15) | IRQ_DM_INIT << 8);
	EXPECT_TRUE(self->e.message.deassert);
}

TEST_F(lapic, base_refuses_reserved_bits_and_addresses)
{
	const u64 base = LAPIC_BASE_DEFAULT | LAPIC_BASE_ENABLE;

	EXPECT_EQ(-EINVAL, SET_BASE(base | BIT_ULL(0), false));
	EXPECT_EQ(-EINVAL, SET_BASE(base | BIT_ULL(9), true));
	EXPECT_EQ(-EINVAL, SET_BASE(base | BIT_ULL(40), false));
	EXPECT_EQ(0, SET_BASE(base | BIT_ULL(39), false));
}

TEST_F(lapic, mode_transitions)
{
	const u64 off = LAPIC_BASE_DEFAULT, on = off | LAPIC_BASE_ENABLE;
	const u64 x2 = on | LAPIC_BASE_X2APIC;

	EXPECT_EQ(-EINVAL, SET_BASE(off | LAPIC_BASE_X2APIC, false));
	EXPECT_EQ(-EINVAL, SET_BASE(off | LAPIC_BASE_X2APIC, true));
	EXPECT_EQ(0, SET_BASE(x2, false));
	EXPECT_EQ(-EINVAL, SET_BASE(on, false));
	EXPECT_EQ(0, SET_BASE(on, true));
	EXPECT_EQ(0, SET_BASE(x2, false));
	EXPECT_EQ(0, SET_BASE(off, false));
	EXPECT_EQ(-EINVAL, SET_BASE(x2, false));
	EXPECT_EQ(0, SET_BASE(on, false));
}

TEST_F(lapic, x2apic_needs_its_cpuid_bit)
{
	self->r.has_x2apic = false;
	EXPECT_EQ(-EINVAL, TO_X2APIC());
}

TEST_F(lapic, disabling_resets_the_registers)
{
	ENABLE();
	WRITE(APIC_REG_ID, 0x99000000);
	POST(0x80);
	ASSERT_EQ(0, SET_BASE(LAPIC_BASE_DEFAULT, false));
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
	EXPECT_EQ(5u << 24, self->r.id);
}

TEST_F(lapic, x2apic_id_and_derived_ldr)
{
	u64 value;

	self->r.x2apic_id = 0x123;
	ASSERT_EQ(0, TO_X2APIC());
	ASSERT_EQ(0, x2apic_regs_read(&self->r, APIC_REG_ID, &value, &self->clock));
	EXPECT_EQ(0x123, value);
	ASSERT_EQ(0, x2apic_regs_read(&self->r, APIC_REG_LDR, &value, &self->clock));
	EXPECT_EQ(0x120008, value);
}

TEST_F(lapic, x2apic_registers_need_x2apic_mode)
{
	u64 value;

	EXPECT_EQ(-EINVAL, x2apic_regs_read(&self->r, APIC_REG_ID, &value, &self->clock));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_TPR, 0));
}

TEST_F(lapic, x2apic_faults)
{
	u64 value;

	ASSERT_EQ(0, TO_X2APIC());
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_EOI, 1));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_ESR, 1));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_TPR, 1ULL << 32));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_SELF_IPI, 0x100));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_ICR, BIT(13) | 0x40));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_ICR, BIT(20) | 0x40));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_ID, 1));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_LDR, 1));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_DFR, ~0u));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_ICR2, 1));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_VERSION, 1));
	EXPECT_EQ(-EINVAL, MSR_WRITE(APIC_REG_IRR, 1));
	EXPECT_EQ(-EINVAL, x2apic_regs_read(&self->r, APIC_REG_EOI, &value, &self->clock));
	EXPECT_EQ(-EINVAL, x2apic_regs_read(&self->r, APIC_REG_SELF_IPI, &value, &self->clock));
	EXPECT_EQ(-EINVAL, x2apic_regs_read(&self->r, APIC_REG_DFR, &value, &self->clock));
	EXPECT_EQ(-EINVAL, x2apic_regs_read(&self->r, 0xff0, &value, &self->clock));
}

TEST_F(lapic, x2apic_icr_is_64_bits)
{
	u64 value;

	ASSERT_EQ(0, TO_X2APIC());
	ASSERT_EQ(0, MSR_WRITE(APIC_REG_ICR, 0x123400000000ULL | 0x55));
	EXPECT_TRUE(self->e.message.wide);
	EXPECT_EQ(0x1234, self->e.message.dest);
	ASSERT_EQ(0, x2apic_regs_read(&self->r, APIC_REG_ICR, &value, &self->clock));
	EXPECT_EQ(0x123400000055ULL, value);
}

TEST_F(lapic, self_ipi_addresses_self)
{
	ASSERT_EQ(0, TO_X2APIC());
	ASSERT_EQ(0, MSR_WRITE(APIC_REG_SELF_IPI, 0x70));
	ASSERT_TRUE(self->e.ipi);
	EXPECT_EQ(IRQ_TO_SELF, self->e.message.shorthand);
	EXPECT_EQ(IRQ_DM_FIXED, self->e.message.delivery);
	EXPECT_EQ(0x70, self->e.message.vector);
}

TEST_F(lapic, one_shot_counts_down_divided)
{
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30);
	WRITE(APIC_REG_TDCR, 0x3);	/* divide by 16 */
	WRITE(APIC_REG_TMICT, 1000);
	EXPECT_TRUE(self->e.timer);
	EXPECT_EQ(self->clock.ns + 16000, self->r.target_ns);
	EXPECT_EQ(1000, READ(APIC_REG_TMCCT));
	pass(&self->clock, 8000);
	EXPECT_EQ(500, READ(APIC_REG_TMCCT));
	pass(&self->clock, 8000);
	EXPECT_EQ(0, READ(APIC_REG_TMCCT));
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_EQ(0x30, lapic_regs_pending(&self->r));
	EXPECT_EQ(0, self->r.target_ns);
}

TEST_F(lapic, divide_configuration)
{
	static const struct { u32 tdcr, divide; } rows[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 }, { 0x8, 32 }, { 0x9, 64 },
		{ 0xa, 128 }, { 0xb, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		WRITE(APIC_REG_TDCR, rows[i].tdcr);
		WRITE(APIC_REG_TMICT, 10000);
		EXPECT_EQ(self->clock.ns + 10000 * rows[i].divide, self->r.target_ns);
	}
}

TEST_F(lapic, early_expiry_delivers_nothing)
{
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30);
	WRITE(APIC_REG_TMICT, 1000);
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
	EXPECT_NE(0, self->r.target_ns);
}

TEST_F(lapic, masked_timer_runs_silently)
{
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30 | LAPIC_LVT_MASKED);
	WRITE(APIC_REG_TMICT, 1000);
	pass(&self->clock, 5000);
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
}

TEST_F(lapic, initial_count_0_stops)
{
	WRITE(APIC_REG_TMICT, 1000);
	WRITE(APIC_REG_TMICT, 0);
	EXPECT_TRUE(self->e.timer);
	EXPECT_EQ(0, self->r.target_ns);
	EXPECT_EQ(0, READ(APIC_REG_TMCCT));
}

TEST_F(lapic, periodic_keeps_its_phase_and_skips_what_was_missed)
{
	u64 start = self->clock.ns;

	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_PERIODIC);
	WRITE(APIC_REG_TDCR, 0xb);
	WRITE(APIC_REG_TMICT, 1000000);
	pass(&self->clock, 3400000);
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_EQ(0x30, lapic_regs_pending(&self->r));
	EXPECT_EQ(start + 4000000, self->r.target_ns);
	EXPECT_EQ(600000, READ(APIC_REG_TMCCT));
}

TEST_F(lapic, periodic_storm_is_slowed_down)
{
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_PERIODIC);
	WRITE(APIC_REG_TDCR, 0xb);
	WRITE(APIC_REG_TMICT, 1);
	EXPECT_EQ(self->clock.ns + LAPIC_MIN_PERIOD_NS, self->r.target_ns);
	pass(&self->clock, LAPIC_MIN_PERIOD_NS);
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_EQ(self->clock.ns + LAPIC_MIN_PERIOD_NS, self->r.target_ns);
}

TEST_F(lapic, deadline_in_guest_cycles)
{
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	lapic_regs_set_deadline(&self->r, self->clock.guest_tsc + 2000, &self->clock, &self->e);
	EXPECT_FALSE(self->e.due);
	EXPECT_TRUE(self->e.timer);
	EXPECT_EQ(self->clock.ns + 1001, self->r.target_ns);
	pass(&self->clock, 1001);
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_EQ(0x30, lapic_regs_pending(&self->r));
	EXPECT_EQ(0, self->r.deadline);
}

TEST_F(lapic, deadline_in_the_past_is_due_now)
{
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	lapic_regs_set_deadline(&self->r, 1, &self->clock, &self->e);
	EXPECT_EQ(self->clock.ns, self->r.target_ns);
	EXPECT_TRUE(self->e.due);
}

TEST_F(lapic, far_deadline_does_not_overflow)
{
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	lapic_regs_set_deadline(&self->r, ~0ULL, &self->clock, &self->e);
	EXPECT_LT(self->clock.ns, self->r.target_ns);
	EXPECT_GT(BIT_ULL(56), self->r.target_ns);
}

TEST_F(lapic, deadline_0_disarms)
{
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	lapic_regs_set_deadline(&self->r, ~0ULL, &self->clock, &self->e);
	lapic_regs_set_deadline(&self->r, 0, &self->clock, &self->e);
	EXPECT_EQ(0, self->r.target_ns);
}

TEST_F(lapic, deadline_outside_its_mode_is_ignored)
{
	lapic_regs_set_deadline(&self->r, 100, &self->clock, &self->e);
	EXPECT_EQ(0, self->r.deadline);
	EXPECT_EQ(0, self->r.target_ns);
}

TEST_F(lapic, initial_count_in_deadline_mode_is_ignored)
{
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	WRITE(APIC_REG_TMICT, 1000);
	EXPECT_EQ(0, READ(APIC_REG_TMICT));
	EXPECT_EQ(0, self->r.target_ns);
}

TEST_F(lapic, deadline_mode_is_dropped_without_its_cpuid_bit)
{
	self->r.has_deadline = false;
	ENABLE();
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	EXPECT_EQ(0x30, READ(APIC_REG_LVTT));
}

TEST_F(lapic, switching_to_and_from_deadline_mode_stops)
{
	WRITE(APIC_REG_TMICT, 1000);
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	EXPECT_TRUE(self->e.timer);
	EXPECT_EQ(0, self->r.target_ns);
	lapic_regs_set_deadline(&self->r, ~0ULL, &self->clock, &self->e);
	WRITE(APIC_REG_LVTT, 0x30);
	EXPECT_EQ(0, self->r.deadline);
	EXPECT_EQ(0, self->r.target_ns);
}

TEST_F(lapic, tsc_jump_moves_the_deadline)
{
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	lapic_regs_set_deadline(&self->r, 1005000, &self->clock, &self->e);
	self->clock.guest_tsc += 500000;
	self->e = (struct lapic_effect){ 0 };
	lapic_regs_retime(&self->r, &self->clock, &self->e);
	EXPECT_TRUE(self->e.timer);
	EXPECT_EQ(self->clock.ns + 250001, self->r.target_ns);
}

TEST_F(lapic, deadline_that_is_looked_at_too_early_is_waited_for)
{
	WRITE(APIC_REG_LVTT, 0x30 | LVT_TIMER_DEADLINE);
	lapic_regs_set_deadline(&self->r, self->clock.guest_tsc + 2000, &self->clock, &self->e);
	self->e = (struct lapic_effect){ 0 };
	lapic_regs_expire(&self->r, &self->clock, &self->e);
	EXPECT_TRUE(self->e.timer);
	EXPECT_EQ(self->clock.ns + 1001, self->r.target_ns);
}

TEST_F(lapic, image_round_trip)
{
	u8 again[LAPIC_IMAGE_SIZE];
	struct lapic_regs saved;

	ENABLE();
	WRITE(APIC_REG_ID, 0x21000000);
	WRITE(APIC_REG_LDR, 0x04000000);
	WRITE(APIC_REG_TPR, 0x21);
	WRITE(APIC_REG_LVTT, 0x30);
	WRITE(APIC_REG_LVT1, 0x400);
	WRITE(APIC_REG_TMICT, 4000);
	POST(0x80);
	lapic_regs_accept(&self->r, 0x80);
	lapic_regs_post(&self->r, 3, BIT_ULL(5), BIT_ULL(5));
	pass(&self->clock, 2000);
	lapic_regs_save(&self->r, self->image, &self->clock);
	saved = self->r;
	lapic_regs_reset(&self->r, false, false);
	lapic_regs_load(&self->r, self->image, &self->clock, &self->e);
	EXPECT_EQ(0, memcmp(&saved, &self->r, sizeof(saved)));
	lapic_regs_save(&self->r, again, &self->clock);
	EXPECT_EQ(0, memcmp(again, self->image, sizeof(again)));
	EXPECT_TRUE(self->e.identity && self->e.timer);
}

TEST_F(lapic, published_page_is_what_reads_return)
{
	u32 offset;

	ENABLE();
	WRITE(APIC_REG_ICR2, 0x03000000);
	WRITE(APIC_REG_ICR, 0x4041);
	WRITE(APIC_REG_LVTT, 0x30);
	WRITE(APIC_REG_TMICT, 4000);
	POST(0x80);
	lapic_regs_publish(&self->r);
	for (offset = 0; offset < LAPIC_IMAGE_SIZE; offset += 16)
		if (offset != APIC_REG_TMCCT && offset != APIC_REG_PPR && offset != APIC_REG_APR)
			EXPECT_EQ(READ(offset), *lapic_reg(&self->r, offset));
}

TEST_F(lapic, image_has_the_x2apic_id_in_the_top_byte)
{
	u32 id;

	ASSERT_EQ(0, TO_X2APIC());
	lapic_regs_save(&self->r, self->image, &self->clock);
	memcpy(&id, self->image + APIC_REG_ID, sizeof(id));
	EXPECT_EQ(5u << 24, id);
}

TEST_F(lapic, hostile_image_gives_no_illegal_state)
{
	memset(self->image, 0xff, sizeof(self->image));
	lapic_regs_load(&self->r, self->image, &self->clock, &self->e);
	EXPECT_EQ(0xb, self->r.tdcr);
	EXPECT_EQ(0x3ff, self->r.spiv);
	EXPECT_EQ(5, self->r.x2apic_id);
	EXPECT_EQ(0x100ff, self->r.lvt[LVT_ERROR]);
}

TEST_F(lapic, vectors_below_16_are_kept_and_never_delivered)
{
	const u32 low = 0xffff;

	lapic_regs_save(&self->r, self->image, &self->clock);
	memcpy(self->image + APIC_REG_IRR, &low, sizeof(low));
	lapic_regs_load(&self->r, self->image, &self->clock, &self->e);
	EXPECT_EQ(low, READ(APIC_REG_IRR));
	EXPECT_EQ(-1, lapic_regs_pending(&self->r));
	EXPECT_EQ(-1, lapic_regs_masked(&self->r));
}

/* Messages against identities. */

static struct irq_message to(u32 dest, bool logical, bool wide)
{
	return (struct irq_message) { .dest = dest, .logical = logical, .wide = wide,
				      .vector = 0x40 };
}

static bool addressed(u64 identity, struct irq_message msg)
{
	return apic_addressed(identity, &msg);
}

#define ON		APIC_IDENTITY_ENABLED
#define CLUSTER		(ON | APIC_IDENTITY_CLUSTER)
#define X2		(ON | APIC_IDENTITY_X2APIC)

TEST(disabled_apic_is_never_addressed)
{
	EXPECT_FALSE(addressed(apic_identity(3, 0xff, 0), to(3, false, false)));
	EXPECT_FALSE(addressed(apic_identity(3, 0xff, 0), to(0xff, false, false)));
}

TEST(physical_destination_is_the_id)
{
	EXPECT_TRUE(addressed(apic_identity(3, 0, ON), to(3, false, false)));
	EXPECT_FALSE(addressed(apic_identity(3, 0, ON), to(4, false, false)));
	EXPECT_TRUE(addressed(apic_identity(300, 0, X2), to(300, false, true)));
	EXPECT_FALSE(addressed(apic_identity(3, 0, ON), to(0x103, false, true)));
}

TEST(broadcast_is_all_ones_of_the_senders_width)
{
	EXPECT_TRUE(addressed(apic_identity(3, 0, ON), to(0xff, false, false)));
	EXPECT_TRUE(addressed(apic_identity(3, 0, X2), to(0xff, false, false)));
	EXPECT_TRUE(addressed(apic_identity(3, 0, X2), to(~0u, true, true)));
	EXPECT_FALSE(addressed(apic_identity(3, 0, X2), to(0xff, false, true)));
}

TEST(flat_logical_is_any_common_bit)
{
	EXPECT_TRUE(addressed(apic_identity(0, 0x04, ON), to(0x06, true, false)));
	EXPECT_FALSE(addressed(apic_identity(0, 0x04, ON), to(0x0a, true, false)));
	EXPECT_FALSE(addressed(apic_identity(0, 0x00, ON), to(0xfe, true, false)));
	EXPECT_FALSE(addressed(apic_identity(0, 0x04, ON), to(0x104, true, true)));
}

TEST(cluster_logical_is_the_cluster_and_a_common_bit)
{
	EXPECT_TRUE(addressed(apic_identity(0, 0x24, CLUSTER), to(0x2c, true, false)));
	EXPECT_FALSE(addressed(apic_identity(0, 0x24, CLUSTER), to(0x1c, true, false)));
	EXPECT_FALSE(addressed(apic_identity(0, 0x24, CLUSTER), to(0x28, true, false)));
}

TEST(x2apic_logical_is_derived_from_the_id)
{
	EXPECT_TRUE(addressed(apic_identity(0x25, 0, X2), to(0x20020, true, true)));
	EXPECT_FALSE(addressed(apic_identity(0x25, 0, X2), to(0x20010, true, true)));
	EXPECT_FALSE(addressed(apic_identity(0x25, 0, X2), to(0x10020, true, true)));
	/* An 8-bit logical destination reaches cluster 0. */
	EXPECT_TRUE(addressed(apic_identity(2, 0, X2), to(0x04, true, false)));
}

TEST(identity_follows_the_mode)
{
	u32 page[LAPIC_IMAGE_SIZE / sizeof(u32)];
	struct lapic_regs r = { .page = page, .x2apic_id = 9, .has_x2apic = true };
	struct lapic_effect e = { 0 };

	lapic_regs_reset(&r, false, false);
	EXPECT_EQ(apic_identity(9, 0, ON), lapic_regs_identity(&r));
	r.ldr = 0x21000000;
	r.dfr = 0x0fffffff;
	r.spiv |= LAPIC_SPIV_ENABLE;
	EXPECT_EQ(apic_identity(9, 0x21, CLUSTER | APIC_IDENTITY_SOFT), lapic_regs_identity(&r));
	lapic_regs_set_base(&r, r.base | LAPIC_BASE_X2APIC, 40, false, &e);
	EXPECT_TRUE(e.identity);
	EXPECT_EQ(apic_identity(9, 0, X2 | APIC_IDENTITY_SOFT), lapic_regs_identity(&r));
}

TEST(msi_format)
{
	struct irq_message msg;

	msi_decode(&msg, 0xfee5600c, BIT(15) | BIT(14) | IRQ_DM_FIXED << 8 | 0x61);
	EXPECT_EQ(0x56, msg.dest);
	EXPECT_TRUE(msg.logical);
	EXPECT_TRUE(msg.lowest);
	EXPECT_TRUE(msg.level);
	EXPECT_FALSE(msg.wide);
	EXPECT_EQ(0x61, msg.vector);
	EXPECT_EQ(IRQ_TO_FIELD, msg.shorthand);
	msi_decode(&msg, 0xfee00000, IRQ_DM_NMI << 8);
	EXPECT_EQ(IRQ_DM_NMI, msg.delivery);
	EXPECT_FALSE(msg.lowest);
}

TEST_HARNESS_MAIN
