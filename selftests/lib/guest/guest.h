/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest side of a linked program: ports, console and result. Freestanding,
 * ring 0, 64-bit (selftests/guest/guest/tasks.c: 32-bit), memory mapped 1:1. The program defines guest_main(), called
 * once on each vCPU that is started; what it returns is the result (0 is good).
 */
#ifndef SELFTEST_GUEST_H
#define SELFTEST_GUEST_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef __UINT64_TYPE__ u64;

u32 guest_main(u64 vcpu_id);

static inline void outb(u16 port, u8 value)
{
	asm volatile("out %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(u16 port, u32 value)
{
	asm volatile("out %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline u8 inb(u16 port)
{
	u8 value;

	asm volatile("in %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u32 inl(u16 port)
{
	u32 value;

	asm volatile("in %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u64 rdmsr(u32 index)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index) : "memory");
	return low | (u64)high << 32;
}

static inline void wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (u64)high << 32;
}

/* A string for the test's log; a line appears at its newline. */
static inline void print(const char *text)
{
	while (*text)
		outb(0xe9, *text++);
}

#endif
