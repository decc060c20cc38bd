// SPDX-License-Identifier: GPL-2.0
/* The compiler uses no vector registers here, so what the asm put there must stay. */
#define CASES "../fpu-cases.h"
#include "cases.h"

#define GP		13
#define UD		6
#define CR4_OSXSAVE	(1UL << 18)
#define XCR0_X87	1
#define XCR0_SSE	2
#define XCR0_AVX	4

static int has_avx(void)
{
	return cpuid(1, 0).c >> 28 & 1;
}

static void xsetbv(u64 value)
{
	asm volatile("xsetbv" : : "a"((u32)value), "c"(0), "d"((u32)(value >> 32)));
}

static u64 xgetbv(void)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low | (u64)high << 32;
}

static void xsave_on(void)
{
	write_cr4(read_cr4() | CR4_OSXSAVE);
	xsetbv(XCR0_X87 | XCR0_SSE | (has_avx() ? XCR0_AVX : 0));
}

/* Loads or stores registers 0, 7 and 15, whole ones if there is AVX. */
static void load_vectors_from(const u64 (*v)[4])
{
	if (has_avx())
		asm volatile("vmovdqu (%0), %%ymm0; vmovdqu 32(%0), %%ymm7; vmovdqu 64(%0), %%ymm15"
			     : : "r"(v) : "memory");
	else
		asm volatile("movdqu (%0), %%xmm0; movdqu 32(%0), %%xmm7; movdqu 64(%0), %%xmm15"
			     : : "r"(v) : "memory");
}

static void store_vectors_to(u64 (*v)[4])
{
	if (has_avx())
		asm volatile("vmovdqu %%ymm0, (%0); vmovdqu %%ymm7, 32(%0); vmovdqu %%ymm15, 64(%0)"
			     : : "r"(v) : "memory");
	else
		asm volatile("movdqu %%xmm0, (%0); movdqu %%xmm7, 32(%0); movdqu %%xmm15, 64(%0)"
			     : : "r"(v) : "memory");
}

static void pattern(u64 (*v)[4], u64 seed)
{
	const u32 words = has_avx() ? 4 : 2;

	for (u32 i = 0; i < 3; i++)
		for (u32 j = 0; j < 4; j++)
			v[i][j] = j < words ? seed * 0x0101010101010101 + i * 16 + j : 0;
}

static void check_vectors(u64 (*expected)[4])
{
	u64 found[3][4] = { 0 };

	store_vectors_to(found);
	for (u32 i = 0; i < 3; i++)
		for (u32 j = 0; j < 4; j++)
			CHECK_EQ(expected[i][j], found[i][j]);
}

/* Exits of all sorts: to userspace, in the kernel, emulated, and a sleep. */
static void exit_a_lot(void)
{
	inl(PORT_TAKE);
	*(volatile u32 *)DEVICE = 1;
	cpuid(0, 0);
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x51);
	apic_write(APIC_TMICT, 1000000);
	halt();
}

static void vector_registers_survive_exits(u64 id)
{
	u64 expected[3][4];

	xsave_on();
	for (u64 i = 1; i <= 20; i++) {
		pattern(expected, i);
		load_vectors_from(expected);
		exit_a_lot();
		check_vectors(expected);
	}
}

static void x87_and_mxcsr_survive_exits(u64 id)
{
	const u32 mxcsr = 0x3f80;
	const u16 control = 0x0b7f;
	u32 found_mxcsr;
	u16 found_control;
	u64 value = 0x123456789abcde, found;

	xsave_on();
	asm volatile("fninit; fldcw %0; fildll %1; ldmxcsr %2"
		     : : "m"(control), "m"(value), "m"(mxcsr));
	exit_a_lot();
	asm volatile("fnstcw %0; fistpll %1; stmxcsr %2"
		     : "=m"(found_control), "=m"(found), "=m"(found_mxcsr));
	CHECK_EQ(control, found_control);
	CHECK_EQ(value, found);
	CHECK_EQ(mxcsr, found_mxcsr);
}

/* Both exit all the time on one host CPU: each entry replaces the other's registers. */
static void vector_registers_of_two_vcpus_are_apart(u64 id)
{
	u64 expected[3][4];

	xsave_on();
	for (u64 i = 1; i <= 50; i++) {
		pattern(expected, i + 128 * id);
		load_vectors_from(expected);
		exit_a_lot();
		check_vectors(expected);
	}
}

static void legal_xcr0_is_read_back(u64 id)
{
	struct cpuid leaf;

	write_cr4(read_cr4() | CR4_OSXSAVE);
	CHECK_EQ(XCR0_X87, xgetbv());
	CHECK(cpuid(1, 0).c >> 27 & 1);
	leaf = cpuid(0xd, 0);
	CHECK_EQ(XCR0_X87 | XCR0_SSE, leaf.a & (XCR0_X87 | XCR0_SSE));
	xsetbv(XCR0_X87 | XCR0_SSE);
	CHECK_EQ(XCR0_X87 | XCR0_SSE, xgetbv());
	CHECK_EQ(576, cpuid(0xd, 0).b);
	if (!has_avx())
		return;
	xsetbv(XCR0_X87 | XCR0_SSE | XCR0_AVX);
	CHECK_EQ(XCR0_X87 | XCR0_SSE | XCR0_AVX, xgetbv());
	CHECK_EQ(832, cpuid(0xd, 0).b);
	inl(PORT_TAKE);
	CHECK_EQ(XCR0_X87 | XCR0_SSE | XCR0_AVX, xgetbv());
}

#define XSETBV_TRAPS(index, low, high)						\
	TRAP("xsetbv", : : "a"(low), "c"(index), "d"(high))

static void illegal_xcr0_faults(u64 id)
{
	xsave_on();
	CHECK_EQ(GP, XSETBV_TRAPS(0, 0, 0));
	CHECK_EQ(trap_at, trap.rip);
	CHECK_EQ(0, trap.error);
	CHECK_EQ(GP, XSETBV_TRAPS(0, XCR0_SSE, 0));
	CHECK_EQ(GP, XSETBV_TRAPS(0, XCR0_X87 | XCR0_AVX, 0));
	CHECK_EQ(GP, XSETBV_TRAPS(0, XCR0_X87 | 0x100, 0));
	CHECK_EQ(GP, XSETBV_TRAPS(0, XCR0_X87, 0x80000000));
	CHECK_EQ(GP, XSETBV_TRAPS(1, XCR0_X87, 0));
	CHECK_EQ(NO_TRAP, XSETBV_TRAPS(0, XCR0_X87, 0));
	CHECK_EQ(XCR0_X87, xgetbv());
}

static void xsetbv_needs_osxsave(u64 id)
{
	CHECK_EQ(0, read_cr4() & CR4_OSXSAVE);
	CHECK_EQ(0, cpuid(1, 0).c >> 27 & 1);
	CHECK_EQ(UD, XSETBV_TRAPS(0, XCR0_X87, 0));
}
