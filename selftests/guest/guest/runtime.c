// SPDX-License-Identifier: GPL-2.0
/* Vectors and local APIC of the guest programs; the contract is in runtime.h. */
#include "runtime.h"

volatile u32 failures;
handler_fn handlers[256];
volatile u32 interrupts[256];
volatile u8 order[64];
volatile u32 arrived;
volatile u8 end_of_interrupt = 1;
volatile struct trap trap;
volatile u64 resume_at, trap_at;

struct gate {
	u16 offset_low, selector, type, offset_middle;
	u32 offset_high, reserved;
};

static struct gate idt[256];

extern u8 vector_entries[256][16];
void on_vector(struct frame *frame);

void load_vectors(u16 limit)
{
	struct table_pointer pointer = { limit, (u64)idt };

	for (u32 i = 0; i < 256; i++) {
		u64 entry = (u64)vector_entries[i];

		idt[i] = (struct gate) {
			.offset_low = entry, .selector = 0x08, .type = 0x8e00,
			.offset_middle = entry >> 16,
		};
	}
	asm volatile("lidt %0" : : "m"(pointer));
}

static void stop_unexpected(const struct frame *frame)
{
	fail("vector", frame->vector, "rip, error code", frame->rip, frame->error);
	for (;;) {
		outl(0xf4, failures);
		asm volatile("hlt");
	}
}

static void count_interrupt(u8 vector)
{
	interrupts[vector]++;
	order[__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST) % sizeof(order)] = vector;
	if (end_of_interrupt)
		apic_write(APIC_EOI, 0);
}

void on_vector(struct frame *frame)
{
	if (handlers[frame->vector]) {
		handlers[frame->vector](frame);
	} else if (frame->vector < 32 && resume_at) {
		trap.vector = frame->vector;
		trap.error = frame->error;
		trap.rip = frame->rip;
		trap.rflags = frame->rflags;
		trap.cr2 = read_cr2();
		frame->rip = resume_at;
		resume_at = 0;
	} else if (frame->vector >= 32) {
		count_interrupt(frame->vector);
	} else {
		stop_unexpected(frame);
	}
}

static int x2apic(void)
{
	return (rdmsr(APIC_BASE_MSR) & APIC_X2) != 0;
}

u32 apic_read(u32 offset)
{
	if (x2apic())
		return rdmsr(0x800 + offset / 16);
	return *(volatile u32 *)(APIC_PAGE + offset);
}

void apic_write(u32 offset, u32 value)
{
	if (x2apic())
		wrmsr(0x800 + offset / 16, value);
	else
		*(volatile u32 *)(APIC_PAGE + offset) = value;
}

void apic_send(u32 destination, u32 command)
{
	if (x2apic()) {
		wrmsr(0x800 + APIC_ICR / 16, (u64)destination << 32 | command);
		return;
	}
	apic_write(APIC_ICR2, destination << 24);
	apic_write(APIC_ICR, command);
}

void apic_enable(void)
{
	apic_write(APIC_SPIV, 0x1ff);
	apic_write(APIC_LVT0, 0x10000);
}

void apic_enable_x2(void)
{
	wrmsr(APIC_BASE_MSR, rdmsr(APIC_BASE_MSR) | APIC_X2);
	apic_enable();
}

int apic_bit(u32 bitmap, u8 vector)
{
	return apic_read(bitmap + vector / 32 * 16) >> vector % 32 & 1;
}

int wait_for(volatile u32 *counter, u32 value)
{
	const u64 end = rdtsc() + 20000000000UL;

	interrupts_on();
	while (*counter < value && rdtsc() < end)
		relax();
	interrupts_off();
	return *counter >= value;
}
