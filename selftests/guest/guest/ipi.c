// SPDX-License-Identifier: GPL-2.0
/*
 * vCPU 0 sends, the others take interrupts until it says that it is done. Each
 * counts for itself.
 */
#include "../device.h"
#define STARTED_BY_GUEST 0x100
#define CASES "../ipi-cases.h"
#include "cases.h"

#define VECTOR	0x61

static volatile u32 came[MAX_VCPUS], ready, done;

/* The id as CPUID has it, valid in each mode of the APIC. */
static u32 own_id(void)
{
	return cpuid(1, 0).b >> 24;
}

static void on_ipi(struct frame *frame)
{
	__atomic_add_fetch(&came[own_id()], 1, __ATOMIC_SEQ_CST);
	if (frame->vector != 2)
		apic_write(APIC_EOI, 0);
}

/* True on vCPU 0, when all others wait for its interrupts; the others return at its end. */
static int sender(u64 id)
{
	const u32 vcpus = *(volatile u32 *)CASE_VCPUS;

	handlers[VECTOR] = on_ipi;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	if (id == 0)
		return wait_for(&ready, vcpus);
	interrupts_on();
	while (!done)
		relax();
	interrupts_off();
	return 0;
}

static u32 total(void)
{
	u32 sum = 0;

	for (u32 i = 0; i < MAX_VCPUS; i++)
		sum += came[i];
	return sum;
}

static int wait_for_total(u32 value)
{
	const u64 end = rdtsc() + 20000000000UL;

	while (total() < value && rdtsc() < end)
		relax();
	return total() >= value;
}

/* Time for interrupts that should not come. */
static void settle(void)
{
	const u64 end = rdtsc() + 20000000;

	interrupts_on();
	while (rdtsc() < end)
		relax();
	interrupts_off();
}

/* The vCPUs of @mask got one more each since the last call, nobody else anything. */
static void check_reached(u32 mask)
{
	static u32 before[MAX_VCPUS];

	for (u32 i = 0; i < MAX_VCPUS; i++)
		if (mask >> i & 1)
			CHECK(wait_for(&came[i], before[i] + 1));
	settle();
	for (u32 i = 0; i < MAX_VCPUS; i++) {
		before[i] += mask >> i & 1;
		CHECK_EQ(before[i], came[i]);
		before[i] = came[i];
	}
}

static void fixed_ipi_reaches_one_vcpu(u64 id)
{
	apic_enable();
	CHECK_EQ(id, apic_read(APIC_ID) >> 24);
	if (!sender(id))
		return;
	for (u32 i = 0; i < 4; i++) {
		apic_send(i, VECTOR);
		check_reached(1 << i);
	}
	apic_send(0xff, VECTOR);
	check_reached(0xf);
	/* Nobody has this id. */
	apic_send(9, VECTOR);
	check_reached(0);
	done = 1;
}

static void ipi_to_others_reaches_all_but_the_sender(u64 id)
{
	apic_enable();
	if (!sender(id))
		return;
	apic_send(0, ICR_OTHERS | VECTOR);
	check_reached(0xe);
	done = 1;
}

static void ipi_to_all_reaches_the_sender_too(u64 id)
{
	apic_enable();
	if (!sender(id))
		return;
	apic_send(0, ICR_ALL | VECTOR);
	check_reached(0xf);
	done = 1;
}

static void lowest_priority_reaches_exactly_one(u64 id)
{
	apic_enable();
	apic_write(APIC_DFR, 0xffffffff);
	apic_write(APIC_LDR, 1U << (24 + id));
	if (!sender(id))
		return;
	for (u32 i = 1; i <= 8; i++) {
		apic_send(0x0e, ICR_LOWEST | ICR_LOGICAL | VECTOR);
		CHECK(wait_for_total(i));
		settle();
		CHECK_EQ(i, total());
		CHECK_EQ(0, came[0]);
	}
	done = 1;
}

static void flat_logical_destination_is_a_mask(u64 id)
{
	apic_enable();
	apic_write(APIC_DFR, 0xffffffff);
	apic_write(APIC_LDR, 1U << (24 + id));
	if (!sender(id))
		return;
	apic_send(0x0a, ICR_LOGICAL | VECTOR);
	check_reached(0x0a);
	apic_send(0x05, ICR_LOGICAL | VECTOR);
	check_reached(0x05);
	apic_send(0xf0, ICR_LOGICAL | VECTOR);
	check_reached(0);
	done = 1;
}

static void cluster_logical_destination_is_cluster_and_mask(u64 id)
{
	apic_enable();
	apic_write(APIC_DFR, 0x0fffffff);
	/* vCPUs 0 and 1 in cluster 0, 2 and 3 in cluster 1. */
	apic_write(APIC_LDR, (u32)((id / 2) << 28 | 1 << (24 + id % 2)));
	if (!sender(id))
		return;
	apic_send(0x13, ICR_LOGICAL | VECTOR);
	check_reached(0x0c);
	apic_send(0x02, ICR_LOGICAL | VECTOR);
	check_reached(0x02);
	apic_send(0x23, ICR_LOGICAL | VECTOR);
	check_reached(0);
	done = 1;
}

static void nmi_ipi_reaches_a_vcpu_with_interrupts_off(u64 id)
{
	apic_enable();
	handlers[2] = on_ipi;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	if (id) {
		while (!done)
			relax();
		return;
	}
	CHECK(wait_for(&ready, 2));
	apic_send(1, ICR_NMI);
	CHECK(wait_for(&came[1], 1));
	CHECK_EQ(0, came[0]);
	done = 1;
}

static void ipi_wakes_a_halted_vcpu(u64 id)
{
	apic_enable();
	handlers[VECTOR] = on_ipi;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	if (id) {
		while (came[1] < 20)
			halt();
		return;
	}
	CHECK(wait_for(&ready, 2));
	for (u32 i = 1; i <= 20; i++) {
		if (i % 2)
			settle();
		apic_send(1, VECTOR);
		CHECK(wait_for(&came[1], i));
	}
}

/* Each answers the other from HLT: one lost interrupt would stop both. */
static void ping_pong_loses_no_ipi(u64 id)
{
	apic_enable();
	handlers[VECTOR] = on_ipi;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	CHECK(wait_for(&ready, 2));
	for (u32 i = 1; i <= 1500; i++) {
		if (id == 0)
			apic_send(1, VECTOR);
		while (came[id] < i)
			halt();
		if (id == 1)
			apic_send(0, VECTOR);
	}
	CHECK_EQ(1500, came[id]);
}

static void x2apic_ids_and_ipis(u64 id)
{
	apic_enable_x2();
	CHECK_EQ(id, apic_read(APIC_ID));
	CHECK_EQ(1U << id, apic_read(APIC_LDR));
	if (!sender(id))
		return;
	apic_send(2, VECTOR);
	check_reached(0x4);
	apic_send(0x0b, ICR_LOGICAL | VECTOR);
	check_reached(0x0b);
	apic_send(0, ICR_OTHERS | VECTOR);
	check_reached(0x0e);
	apic_send(0xffffffff, VECTOR);
	check_reached(0x0f);
	/* The self-IPI register. */
	wrmsr(0x83f, VECTOR);
	check_reached(0x01);
	done = 1;
}

static void x2apic_takes_registers_away(u64 id)
{
	apic_enable_x2();
	CHECK_EQ(13, TRAP("rdmsr", : : "c"(0x80e) : "rax", "rdx"));
	CHECK_EQ(13, TRAP("wrmsr", : : "c"(0x802), "a"(0), "d"(0)));
	CHECK_EQ(13, TRAP("wrmsr", : : "c"(APIC_BASE_MSR), "a"(0xfee00900), "d"(0)));
}

static void init_and_startup_start_eight_vcpus(u64 id)
{
	extern u8 ap_start[], ap_start_end[];
	u8 *page = (u8 *)0x9000;

	apic_enable();
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	if (id) {
		CHECK_EQ(id, apic_read(APIC_ID) >> 24);
		CHECK_EQ(0, rdmsr(APIC_BASE_MSR) & 0x100);
		return;
	}
	CHECK_EQ(0x100, rdmsr(APIC_BASE_MSR) & 0x100);
	for (u32 i = 0; i < ap_start_end - ap_start; i++)
		page[i] = ap_start[i];
	apic_send(0, ICR_OTHERS | ICR_INIT | ICR_ASSERT);
	settle();
	CHECK_EQ(1, ready);
	for (u32 i = 1; i < 8; i++) {
		apic_send(i, ICR_STARTUP | 9);
		CHECK(wait_for(&ready, i + 1));
	}
	/* A second start-up IPI finds nobody who waits for it. */
	apic_send(0, ICR_OTHERS | ICR_STARTUP | 9);
	settle();
	CHECK_EQ(8, ready);
}
