// SPDX-License-Identifier: GPL-2.0
/*
 * The guest is moved to a new VM again and again while this runs, between any two instructions
 * (../travel.c). It must not notice: no tick, event or access is lost, doubled or early, no
 * register changes. Something that comes late is no failure.
 */
#define CASES "../travel-cases.h"
#include "cases.h"

#define VECTOR		0x51
#define PIT_VECTOR	0x30
#define PERIODIC	0x20000
#define TSC_DEADLINE	0x40000
#define MSR_DEADLINE	0x6e0
#define DEBUG		1
#define BREAKPOINT	3
#define NMI		2
#define UNDEFINED	6
#define PAGE_FAULT	14

static int finish(void)
{
	return *(volatile u32 *)CASE_FINISH;
}

static u32 random(u32 below)
{
	static u32 state = 12345;

	state = state * 1103515245 + 12345;
	return (state >> 8) % below;
}

/* Until it was told that the vector came; asleep in every second wait. */
static int await(u8 vector, u32 count)
{
	static u32 waits;

	if (waits++ & 1)
		return wait_for(&interrupts[vector], count);
	interrupts_off();
	while (interrupts[vector] < count)
		halt();
	return 1;
}

/* With interrupts on, so that one too many would come. */
static void linger(void)
{
	interrupts_on();
	for (u32 i = random(3000); i; i--)
		relax();
	interrupts_off();
}

static void set_timer(u32 mode)
{
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, VECTOR | mode);
}

static void one_shot_count_ends_once(u64 id)
{
	set_timer(0);
	for (u32 i = 1; !finish(); i++) {
		apic_write(APIC_TMICT, 1000 + random(400000));
		CHECK(await(VECTOR, i));
		CHECK_EQ(0, apic_read(APIC_TMCCT));
		linger();
		CHECK_EQ(i, interrupts[VECTOR]);
	}
}

static void periodic_count_goes_on(u64 id)
{
	const u32 period = 1000000;

	set_timer(PERIODIC);
	apic_write(APIC_TMICT, period);
	while (!finish()) {
		const u32 count = interrupts[VECTOR];

		CHECK(await(VECTOR, count + 1));
		CHECK(apic_read(APIC_TMCCT) <= period);
		CHECK_EQ(period, apic_read(APIC_TMICT));
	}
}

static volatile u64 fired_at;

static void on_deadline(struct frame *frame)
{
	fired_at = rdtsc();
	interrupts[VECTOR]++;
	apic_write(APIC_EOI, 0);
}

static void deadline_comes_once_and_in_time(u64 id)
{
	handlers[VECTOR] = on_deadline;
	set_timer(TSC_DEADLINE);
	for (u32 i = 1; !finish(); i++) {
		const u64 deadline = rdtsc() + 10000 + random(1500000);

		wrmsr(MSR_DEADLINE, deadline);
		CHECK(await(VECTOR, i));
		CHECK(fired_at >= deadline);
		CHECK_EQ(0, rdmsr(MSR_DEADLINE));
		linger();
		CHECK_EQ(i, interrupts[VECTOR]);
	}
}

static void on_pit(struct frame *frame)
{
	interrupts[PIT_VECTOR]++;
	outb(0x20, 0x20);
}

static void use_pit(void)
{
	apic_enable();
	apic_write(APIC_LVT0, 0x700);
	handlers[PIT_VECTOR] = on_pit;
	outb(0x20, 0x11);
	outb(0x21, PIT_VECTOR);
	outb(0x21, 4);
	outb(0x21, 1);
	outb(0x21, 0xfe);
}

static void start_pit(u8 channel, u8 mode, u16 count)
{
	outb(0x43, channel << 6 | 0x30 | mode << 1);
	outb(0x40 + channel, count);
	outb(0x40 + channel, count >> 8);
}

static void pit_count_ends_once(u64 id)
{
	use_pit();
	for (u32 i = 1; !finish(); i++) {
		start_pit(0, random(2) ? 0 : 4, 20 + random(1000));
		CHECK(await(PIT_VECTOR, i));
		linger();
		CHECK_EQ(i, interrupts[PIT_VECTOR]);
	}
}

#define PIT_PERIOD	2000U
#define PIT_ALL		0xffffU

/* PIT ticks since channel 2 was started, if its count has not ended yet; and channel 0's phase. */
static int pit_now(u32 *elapsed, u32 *phase)
{
	u32 count;

	outb(0x43, 0xda);
	count = inb(0x40);
	count |= inb(0x40) << 8;
	*phase = PIT_PERIOD - count;
	count = inb(0x42);
	count |= inb(0x42) << 8;
	*elapsed = PIT_ALL - count;
	outb(0x43, 0xe8);
	return !(inb(0x42) & 0x80);
}

static void stop_ticks(void)
{
	outb(0x43, 0x30);
	interrupts_on();
	for (u32 i = 0; i < 200; i++)
		relax();
	interrupts_off();
}

/*
 * Channel 2 counts what time it is. False: the host was so slow that its count ended, or that
 * nobody knows which tick of channel 0 was the first.
 */
static int count_ticks(u32 *expected, u32 *at_most)
{
	u32 elapsed, phase, ahead, until = PIT_PERIOD * (2 + random(20));

	start_pit(2, 0, PIT_ALL);
	start_pit(0, 2, PIT_PERIOD);
	if (!pit_now(&elapsed, &phase) || elapsed >= PIT_PERIOD)
		return 0;
	ahead = elapsed - phase;
	while (elapsed < until) {
		interrupts_on();
		for (u32 i = 0; i < 100; i++)
			relax();
		interrupts_off();
		if (!pit_now(&elapsed, &phase))
			return 0;
		/* Each channel counts whole ticks, so they may be one apart. */
		CHECK((elapsed - ahead + 1 + PIT_PERIOD - phase) % PIT_PERIOD <= 2);
	}
	*expected = (elapsed - ahead - 1) / PIT_PERIOD;
	outb(0x43, 0x30);
	outb(0x43, 0x80);
	elapsed = inb(0x42);
	elapsed = PIT_ALL - (elapsed | inb(0x42) << 8);
	*at_most = (elapsed - ahead + 1) / PIT_PERIOD;
	outb(0x43, 0xe8);
	return !(inb(0x42) & 0x80);
}

static void pit_ticks_are_neither_lost_nor_doubled(u64 id)
{
	volatile u32 *ticks = &interrupts[PIT_VECTOR];
	u32 expected, at_most, rounds = 0, tries = 0;

	use_pit();
	while (!finish() || (!rounds && tries < 100)) {
		tries++;
		*ticks = 0;
		if (count_ticks(&expected, &at_most)) {
			rounds++;
			CHECK(wait_for(ticks, expected));
			stop_ticks();
			CHECK(*ticks <= at_most);
		}
		stop_ticks();
		/* Those that are still owed come, one by one. */
		do {
			expected = *ticks;
			linger();
			stop_ticks();
		} while (*ticks != expected);
	}
	CHECK(rounds);
}

#define DR7_FIXED		0x400UL
#define DR7_WATCHES_8_BYTES	0x90001UL

static void write_dr(u64 a, u64 b, u64 c, u64 d)
{
	asm volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3"
		     : : "r"(a), "r"(b), "r"(c), "r"(d));
}

static void load_all(u64 seed, u64 (*v)[2])
{
	for (u32 i = 0; i < 3; i++)
		v[i][0] = v[i][1] = seed * 0x0101010101010101 + i;
	asm volatile("movdqu (%0), %%xmm0; movdqu 16(%0), %%xmm7; movdqu 32(%0), %%xmm15"
		     : : "r"(v) : "memory");
	asm volatile("fninit; fildll (%0)" : : "r"(v));
	write_dr(seed, seed + 1, seed + 2, seed + 3);
	wrmsr(0xc0000102, seed << 8);	/* KERNEL_GS_BASE */
	wrmsr(0xc0000082, seed << 12);	/* LSTAR */
	wrmsr(0xc0000101, seed << 16);	/* GS base */
	write_cr8(seed & 15);
	asm volatile("mov %0, %%cr2" : : "r"(seed * 3));
}

static void check_all(u64 seed, u64 (*v)[2])
{
	u64 found[3][2], a, b, c, d, top;

	asm volatile("movdqu %%xmm0, (%0); movdqu %%xmm7, 16(%0); movdqu %%xmm15, 32(%0)"
		     : : "r"(found) : "memory");
	for (u32 i = 0; i < 3; i++) {
		CHECK_EQ(v[i][0], found[i][0]);
		CHECK_EQ(v[i][1], found[i][1]);
	}
	asm volatile("fistpll %0" : "=m"(top));
	CHECK_EQ(v[0][0], top);
	asm volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
		     : "=r"(a), "=r"(b), "=r"(c), "=r"(d));
	CHECK_EQ(seed, a);
	CHECK_EQ(seed + 1, b);
	CHECK_EQ(seed + 2, c);
	CHECK_EQ(seed + 3, d);
	CHECK_EQ(seed << 8, rdmsr(0xc0000102));
	CHECK_EQ(seed << 12, rdmsr(0xc0000082));
	CHECK_EQ(seed << 16, rdmsr(0xc0000101));
	CHECK_EQ(seed & 15, read_cr8());
	CHECK_EQ(seed * 3, read_cr2());
}

static void registers_stay(u64 id)
{
	u64 v[3][2];

	apic_enable();
	for (u64 seed = 1; !finish(); seed++) {
		load_all(seed, v);
		for (u32 i = random(2000); i; i--)
			asm volatile("" : : : "memory");
		check_all(seed, v);
	}
	write_cr8(0);
}

static volatile u32 steps, hits, other_causes;

static void on_debug(struct frame *frame)
{
	u64 dr6;

	asm volatile("mov %%dr6, %0" : "=r"(dr6));
	asm volatile("mov %0, %%dr6" : : "r"(0UL));
	steps += dr6 >> 14 & 1;
	hits += dr6 & 1;
	other_causes += (dr6 & 0xe) != 0 || !(dr6 & 0x4001);
}

/* Four instructions with TF set: POPF's own does not step, and the last POPF does. */
static void step(void)
{
	asm volatile("pushf; pushf; orl $0x100, (%%rsp); popf; nop; out %%al, $0xe8; nop; popf"
		     : : : "memory", "cc");
}

static void each_step_traps_once(u64 id)
{
	apic_enable();
	handlers[DEBUG] = on_debug;
	for (u32 i = 1; !finish(); i++) {
		step();
		CHECK_EQ(4 * i, steps);
	}
	CHECK_EQ(0, hits);
	CHECK_EQ(0, other_causes);
}

static void each_breakpoint_traps_once(u64 id)
{
	static volatile u64 watched;

	apic_enable();
	handlers[DEBUG] = on_debug;
	write_dr((u64)&watched, 0, 0, 0);
	asm volatile("mov %0, %%dr7" : : "r"(DR7_WATCHES_8_BYTES | DR7_FIXED));
	for (u32 i = 1; !finish(); i++) {
		watched = i;
		CHECK_EQ(i, hits);
	}
	CHECK_EQ(0, steps);
	CHECK_EQ(0, other_causes);
	asm volatile("mov %0, %%dr7" : : "r"(DR7_FIXED));
}

static volatile u32 nmis, breakpoints;

static void on_nmi(struct frame *frame)
{
	nmis++;
}

static void on_breakpoint(struct frame *frame)
{
	breakpoints++;
}

static void each_event_comes_once(u64 id)
{
	apic_enable();
	handlers[NMI] = on_nmi;
	handlers[BREAKPOINT] = on_breakpoint;
	for (u32 i = 1; !finish(); i++) {
		apic_send(0, VECTOR | ICR_ASSERT);
		apic_send(0, (VECTOR + 16) | ICR_ASSERT);
		interrupts_on();
		interrupts_off();
		CHECK_EQ(i, interrupts[VECTOR]);
		CHECK_EQ(i, interrupts[VECTOR + 16]);
		asm volatile("int $0x40");
		CHECK_EQ(i, interrupts[0x40]);
		asm volatile("int3");
		CHECK_EQ(i, breakpoints);
		CHECK_EQ(UNDEFINED, TRAP("ud2"));
		CHECK_EQ(PAGE_FAULT, TRAP("mov 0x100000000, %%al", : : : "rax"));
		CHECK_EQ(0x100000000, trap.cr2);
		apic_send(0, ICR_NMI | ICR_ASSERT);
		for (u32 n = 0; nmis < i && n < 1000000; n++)
			relax();
		CHECK_EQ(i, nmis);
	}
}

static void each_access_is_made_once(u64 id)
{
	volatile u32 *device = (u32 *)DEVICE;

	for (u32 i = 1; !finish(); i++) {
		CHECK_EQ(2 * i - 1, inl(PORT_SEQUENCE));
		outl(PORT_SEQUENCE, 2 * i - 1);
		CHECK_EQ(2 * i, *device);
		*device = 2 * i;
	}
}
