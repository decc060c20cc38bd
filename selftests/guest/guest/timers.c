// SPDX-License-Identifier: GPL-2.0
/*
 * The timer of the local APIC, the PIT and the clock page. Hosts may be slow, so
 * that something comes late is no failure; early, twice or never is.
 */
#define CASES "../timers-cases.h"
#include "cases.h"

#define VECTOR		0x51
#define MASKED		0x10000
#define PERIODIC	0x20000
#define TSC_DEADLINE	0x40000
#define DIVIDE_BY_1	0xb
#define MSR_DEADLINE	0x6e0
#define LONG_COUNT	2000000000	/* two seconds */

#define CLOCK_PAGE	0x90000UL
#define MSR_CLOCK	0x4b564d01
#define CLOCK_ENABLED	1

static void start_timer(u32 mode, u32 count)
{
	apic_enable();
	apic_write(APIC_TDCR, DIVIDE_BY_1);
	apic_write(APIC_LVTT, VECTOR | mode);
	apic_write(APIC_TMICT, count);
}

/* With interrupts on. */
static void spin(u64 ticks)
{
	const u64 end = rdtsc() + ticks;

	interrupts_on();
	while (rdtsc() < end)
		relax();
	interrupts_off();
}

static void one_shot_timer_fires_once(u64 id)
{
	start_timer(0, 1000000);
	CHECK(wait_for(&interrupts[VECTOR], 1));
	CHECK_EQ(0, apic_read(APIC_TMCCT));
	CHECK_EQ(1000000, apic_read(APIC_TMICT));
	spin(50000000);
	CHECK_EQ(1, interrupts[VECTOR]);
}

static void periodic_timer_keeps_firing_until_stopped(u64 id)
{
	u32 count;

	start_timer(PERIODIC, 10000000);
	CHECK(wait_for(&interrupts[VECTOR], 5));
	for (int i = 0; i < 3; i++)
		halt();
	CHECK(interrupts[VECTOR] >= 8);
	apic_write(APIC_TMICT, 0);
	interrupts_on();
	interrupts_off();
	count = interrupts[VECTOR];
	CHECK_EQ(0, apic_read(APIC_TMCCT));
	start_timer(0, 30000000);
	halt();
	CHECK_EQ(count + 1, interrupts[VECTOR]);
}

static void timer_counts_down_and_never_up(u64 id)
{
	u32 last = LONG_COUNT, now;

	start_timer(0, LONG_COUNT);
	for (int i = 0; i < 200; i++) {
		now = apic_read(APIC_TMCCT);
		CHECK(now <= last);
		last = now;
	}
	CHECK(last < LONG_COUNT);
	apic_write(APIC_TMICT, 0);
	CHECK_EQ(0, apic_read(APIC_TMCCT));
}

static void masked_timer_counts_without_interrupt(u64 id)
{
	start_timer(MASKED, 1000000);
	while (apic_read(APIC_TMCCT))
		relax();
	CHECK(!apic_bit(APIC_IRR, VECTOR));
	interrupts_on();
	interrupts_off();
	CHECK_EQ(0, interrupts[VECTOR]);
}

static volatile u64 fired_at;

static void on_deadline(struct frame *frame)
{
	fired_at = rdtsc();
	interrupts[VECTOR]++;
	apic_write(APIC_EOI, 0);
}

static void tsc_deadline_fires_at_its_time(u64 id)
{
	handlers[VECTOR] = on_deadline;
	start_timer(TSC_DEADLINE, 0);
	for (u32 i = 1; i <= 10; i++) {
		u64 deadline = rdtsc() + 20000000;

		wrmsr(MSR_DEADLINE, deadline);
		CHECK(wait_for(&interrupts[VECTOR], i));
		CHECK(fired_at >= deadline);
		CHECK_EQ(0, rdmsr(MSR_DEADLINE));
	}
	/* One that has passed fires at once; one while halted wakes. */
	wrmsr(MSR_DEADLINE, 1);
	CHECK(wait_for(&interrupts[VECTOR], 11));
	wrmsr(MSR_DEADLINE, rdtsc() + 50000000);
	halt();
	CHECK_EQ(12, interrupts[VECTOR]);
}

static void tsc_deadline_outlasts_an_exit_to_userspace(u64 id)
{
	const u64 deadline = rdtsc() + 20000000;

	handlers[VECTOR] = on_deadline;
	start_timer(TSC_DEADLINE, 0);
	wrmsr(MSR_DEADLINE, deadline);
	inl(PORT_TAKE);
	CHECK(wait_for(&interrupts[VECTOR], 1));
	CHECK(fired_at >= deadline);
}

static void tsc_deadline_far_away_does_not_fire(u64 id)
{
	start_timer(TSC_DEADLINE, 0);
	wrmsr(MSR_DEADLINE, ~0UL);
	spin(100000000);
	CHECK_EQ(0, interrupts[VECTOR]);
	CHECK_EQ(~0UL, rdmsr(MSR_DEADLINE));
	/* An earlier one takes its place. */
	wrmsr(MSR_DEADLINE, rdtsc() + 1000000);
	CHECK(wait_for(&interrupts[VECTOR], 1));
}

static void tsc_deadline_of_zero_disarms(u64 id)
{
	start_timer(TSC_DEADLINE, 0);
	wrmsr(MSR_DEADLINE, rdtsc() + 200000000);
	wrmsr(MSR_DEADLINE, 0);
	spin(400000000);
	CHECK_EQ(0, interrupts[VECTOR]);
	/* In the other modes the register reads as zero and ignores writes. */
	apic_write(APIC_LVTT, VECTOR);
	wrmsr(MSR_DEADLINE, 1);
	CHECK_EQ(0, rdmsr(MSR_DEADLINE));
	interrupts_on();
	interrupts_off();
	CHECK_EQ(0, interrupts[VECTOR]);
}

static void start_pit(u8 mode, u16 count)
{
	outb(0x43, 0x30 | mode << 1);
	outb(0x40, count);
	outb(0x40, count >> 8);
}

static void on_pit(struct frame *frame)
{
	interrupts[0x30]++;
	outb(0x20, 0x20);
}

static void pit_channel_0_interrupts_through_the_pic(u64 id)
{
	apic_enable();
	apic_write(APIC_LVT0, 0x700);
	handlers[0x30] = on_pit;
	outb(0x20, 0x11);
	outb(0x21, 0x30);
	outb(0x21, 4);
	outb(0x21, 1);
	outb(0x21, 0xfe);
	/* Mode 2, about 10 ms. */
	start_pit(2, 11932);
	CHECK(wait_for(&interrupts[0x30], 5));
	for (int i = 0; i < 3; i++)
		halt();
	CHECK(interrupts[0x30] >= 8);
}

static u16 read_pit(void)
{
	u16 count;

	outb(0x43, 0);
	count = inb(0x40);
	return count | inb(0x40) << 8;
}

static void pit_counts_down(u64 id)
{
	u16 first, later;

	start_pit(0, 0xffff);
	first = read_pit();
	for (int i = 0; i < 20; i++)
		later = read_pit();
	/* One round of 55 ms may be over on a slow host; standing still is the failure. */
	CHECK(later != first);
	outb(0x43, 0xe2);
	CHECK_EQ(0x30, inb(0x40) & 0x3f);
}

struct clock_page {
	u32 version, pad;
	u64 tsc, nanoseconds;
	u32 scale;
	signed char shift;
	u8 flags, pad2[2];
};

static volatile struct clock_page *clock_page(u64 id)
{
	return (void *)(CLOCK_PAGE + id * 64);
}

static void start_clock(u64 id)
{
	wrmsr(MSR_CLOCK, (u64)clock_page(id) | CLOCK_ENABLED);
}

/* Nanoseconds by the formula of the interface: scaled ticks since the page was written. */
static u64 read_clock(u64 id)
{
	volatile struct clock_page *page = clock_page(id);
	u32 version;
	u64 ticks, now;

	do {
		version = page->version & ~1U;
		asm volatile("lfence" : : : "memory");
		ticks = rdtsc() - page->tsc;
		ticks = page->shift < 0 ? ticks >> -page->shift : ticks << page->shift;
		now = page->nanoseconds + (u64)((unsigned __int128)ticks * page->scale >> 32);
		asm volatile("lfence" : : : "memory");
	} while (version != page->version);
	return now;
}

static void clock_page_is_even_and_advances(u64 id)
{
	u64 first, last;

	start_clock(id);
	CHECK(clock_page(id)->version != 0);
	CHECK_EQ(0, clock_page(id)->version & 1);
	CHECK(clock_page(id)->scale != 0);
	first = last = read_clock(id);
	for (int i = 0; i < 1000; i++) {
		u64 now = read_clock(id);

		CHECK(now >= last);
		last = now;
		if (i % 100 == 0)
			inl(PORT_TAKE);
	}
	CHECK(last > first);
	/* Within a minute, whatever the scale says. */
	CHECK(last - first < 60000000000UL);
	wrmsr(MSR_CLOCK, 0);
}

/* In turns: each vCPU's time is not before the one that the other read last. */
static void clock_is_monotonic_across_vcpus(u64 id)
{
	static volatile u64 last;
	static volatile u32 turn;

	start_clock(id);
	for (u32 i = 0; i < 300; i++) {
		u64 now;

		while (turn % 2 != id)
			relax();
		now = read_clock(id);
		CHECK(now >= last);
		last = now;
		turn++;
	}
}
