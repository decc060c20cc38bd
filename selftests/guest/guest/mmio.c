// SPDX-License-Identifier: GPL-2.0
/* The device of device.h: values, and the accesses of which each instruction is made. */
#define CASES "../mmio-cases.h"
#include "cases.h"

#define LOG_COUNT	(*(volatile u64 *)DEVICE_LOG_COUNT)
#define LOG(i)		(((volatile u64 *)DEVICE_LOG)[i])
#define CR4_OSXSAVE	(1UL << 18)

static u8 buffer[4096] __attribute__((aligned(64)));
static u8 second[4096] __attribute__((aligned(64)));

static void clear_log(void)
{
	LOG_COUNT = 0;
}

static void fill(u8 *bytes, u32 size, u8 seed)
{
	for (u32 i = 0; i < size; i++)
		bytes[i] = seed + i * 7;
}

static int same(const u8 *a, const u8 *b, u32 size)
{
	for (u32 i = 0; i < size; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

/* The device's bytes, one by one. */
static int device_holds(u32 offset, const u8 *bytes, u32 size)
{
	for (u32 i = 0; i < size; i++)
		if (((volatile u8 *)DEVICE)[offset + i] != bytes[i])
			return 0;
	return 1;
}

static void check_log(u32 count, u64 first)
{
	CHECK_EQ(count, LOG_COUNT);
	CHECK_EQ(first, LOG(0));
}

#define CHECK_WIDTH(type, value)						\
do {										\
	volatile type *p_ = (void *)(DEVICE + 0x40);				\
										\
	clear_log();								\
	*p_ = (type)(value);							\
	check_log(1, LOG_ENTRY(0x40, sizeof(type), 1));				\
	clear_log();								\
	CHECK_EQ((type)(value), *p_);						\
	check_log(1, LOG_ENTRY(0x40, sizeof(type), 0));				\
} while (0)

static void each_width_is_read_and_written(u64 id)
{
	CHECK_WIDTH(u64, 0x8877665544332211);
	CHECK_WIDTH(u32, 0xdeadbeef);
	CHECK_WIDTH(u16, 0xcafe);
	CHECK_WIDTH(u8, 0x5a);
	CHECK_EQ(0x88776655deadca5a, *(volatile u64 *)(DEVICE + 0x40));
}

static void loads_extend_as_the_instruction_says(u64 id)
{
	u64 value;

	*(volatile u64 *)DEVICE = 0xfedcba98f6f4f280;
	asm volatile("movzbl (%1), %k0" : "=r"(value) : "r"(DEVICE));
	CHECK_EQ(0x80, value);
	asm volatile("movsbq (%1), %0" : "=r"(value) : "r"(DEVICE));
	CHECK_EQ(0xffffffffffffff80, value);
	asm volatile("movsbl (%1), %k0" : "=r"(value) : "r"(DEVICE));
	CHECK_EQ(0xffffff80, value);
	asm volatile("movswq (%1), %0" : "=r"(value) : "r"(DEVICE));
	CHECK_EQ(0xfffffffffffff280, value);
	asm volatile("movslq (%1), %0" : "=r"(value) : "r"(DEVICE));
	CHECK_EQ(0xfffffffff6f4f280, value);
	/* 32 bits clear the upper half, 8 and 16 keep the rest, also of AH. */
	value = ~0UL;
	asm volatile("mov (%1), %k0" : "+r"(value) : "r"(DEVICE));
	CHECK_EQ(0xf6f4f280, value);
	value = ~0UL;
	asm volatile("mov (%1), %w0" : "+r"(value) : "r"(DEVICE));
	CHECK_EQ(0xfffffffffffff280, value);
	value = 0;
	asm volatile("movb 1(%1), %%ah" : "+a"(value) : "r"(DEVICE));
	CHECK_EQ(0xf200, value);
}

static void unaligned_accesses_keep_their_bytes(u64 id)
{
	for (u32 offset = 1; offset < 8; offset++) {
		u64 value = 0x0102030405060708UL * offset;

		clear_log();
		*(volatile u64 *)(DEVICE + offset) = value;
		CHECK_EQ(1, LOG_COUNT);
		CHECK_EQ(value, *(volatile u64 *)(DEVICE + offset));
		CHECK(device_holds(offset, (u8 *)&value, 8));
	}
	/* Over the boundary of two pages of the device. */
	*(volatile u64 *)(DEVICE + 0xffd) = 0x1122334455667788;
	CHECK_EQ(0x1122334455667788, *(volatile u64 *)(DEVICE + 0xffd));
	CHECK_EQ(0x55, *(volatile u8 *)(DEVICE + 0x1000));
}

static void access_from_ram_into_the_device_is_split(u64 id)
{
	volatile u8 *ram = (void *)(DEVICE - 3);

	*(volatile u64 *)(DEVICE - 8) = 0;
	*(volatile u64 *)DEVICE = 0;
	clear_log();
	*(volatile u64 *)(DEVICE - 3) = 0x8877665544332211;
	CHECK_EQ(0x11, ram[0]);
	CHECK_EQ(0x33, ram[2]);
	for (u32 i = 0; i < LOG_COUNT; i++)
		CHECK_EQ(1, LOG(i) & 0xff);
	CHECK_EQ(0x8877665544, *(volatile u64 *)DEVICE);
	CHECK_EQ(0x8877665544332211, *(volatile u64 *)(DEVICE - 3));
	*(volatile u16 *)(DEVICE - 1) = 0xaabb;
	CHECK_EQ(0xbb, ram[2]);
	CHECK_EQ(0x88776655aaUL, *(volatile u64 *)DEVICE);
}

static int avx_on(void)
{
	write_cr4(read_cr4() | CR4_OSXSAVE);
	if (!(cpuid(1, 0).c >> 28 & 1))
		return 0;
	asm volatile("xsetbv" : : "a"(7), "c"(0), "d"(0));
	return 1;
}

static void sixteen_bytes(u64 id)
{
	fill(buffer, 64, 3);
	asm volatile("movdqa (%0), %%xmm3; movdqu %%xmm3, (%1)" : : "r"(buffer), "r"(DEVICE + 0x100)
		     : "memory");
	CHECK(device_holds(0x100, buffer, 16));
	asm volatile("pxor %%xmm4, %%xmm4; movups (%1), %%xmm4; movdqa %%xmm4, (%0)"
		     : : "r"(second), "r"(DEVICE + 0x100) : "memory");
	CHECK(same(buffer, second, 16));
}

static void thirty_two_bytes(u64 id)
{
	fill(buffer, 64, 3);
	if (!avx_on())
		return;
	asm volatile("vmovdqa (%0), %%ymm9; vmovdqu %%ymm9, (%1)"
		     : : "r"(buffer + 32), "r"(DEVICE + 0x207) : "memory");
	CHECK(device_holds(0x207, buffer + 32, 32));
	asm volatile("vmovups (%1), %%ymm12; vmovdqa %%ymm12, (%0)"
		     : : "r"(second), "r"(DEVICE + 0x207) : "memory");
	CHECK(same(buffer + 32, second, 32));
}

static void read_modify_write_reads_once_and_writes_once(u64 id)
{
	volatile u32 *word = (void *)(DEVICE + 0x10);
	u32 value = 5;
	u8 carry;

	*word = 0xfffffff0;
	clear_log();
	asm volatile("addl $0x20, (%1); setc %0" : "=r"(carry) : "r"(word) : "memory");
	check_log(2, LOG_ENTRY(0x10, 4, 0));
	CHECK_EQ(LOG_ENTRY(0x10, 4, 1), LOG(1));
	CHECK_EQ(1, carry);
	CHECK_EQ(0x10, *word);
	asm volatile("lock orl $0x105, (%0)" : : "r"(word) : "memory");
	CHECK_EQ(0x115, *word);
	asm volatile("xchg %0, (%1)" : "+r"(value) : "r"(word) : "memory");
	CHECK_EQ(0x115, value);
	CHECK_EQ(5, *word);
	asm volatile("lock xadd %0, (%1)" : "+r"(value) : "r"(word) : "memory");
	CHECK_EQ(5, value);
	CHECK_EQ(0x11a, *word);
	asm volatile("mov $0x11a, %%eax; lock cmpxchg %1, (%0)" : : "r"(word), "r"(7)
		     : "memory", "rax");
	CHECK_EQ(7, *word);
	asm volatile("btsl $4, (%0)" : : "r"(word) : "memory");
	CHECK_EQ(0x17, *word);
	asm volatile("notl (%0); negl (%0); incl (%0); decl (%0)" : : "r"(word) : "memory");
	CHECK_EQ(0x18, *word);
	clear_log();
	asm volatile("testl $8, (%1); setnz %0" : "=r"(carry) : "r"(word));
	check_log(1, LOG_ENTRY(0x10, 4, 0));
	CHECK_EQ(1, carry);
}

#define MOVS(letter, to, from, count)						\
do {										\
	u64 to_ = (u64)(to), from_ = (u64)(from), count_ = (count);		\
										\
	asm volatile("rep movs" letter : "+D"(to_), "+S"(from_), "+c"(count_)	\
		     : : "memory");						\
	CHECK_EQ(0, count_);							\
} while (0)

/* Does the same to RAM and to the device, and compares what is left there and in RAX. */
#define CHECK_ON_DEVICE(code)							\
do {										\
	u64 on_ram_ = 1234567, on_device_ = 1234567;				\
										\
	fill(buffer, 64, 3);							\
	for (u32 i_ = 0; i_ < 64; i_++)						\
		((volatile u8 *)DEVICE)[0x800 + i_] = buffer[i_];		\
	asm volatile(code : "+a"(on_ram_) : "D"(buffer) : "rcx", "rdx", "cc", "memory"); \
	asm volatile(code : "+a"(on_device_) : "D"(DEVICE + 0x800)		\
		     : "rcx", "rdx", "cc", "memory");				\
	CHECK_EQ(on_ram_, on_device_);						\
	CHECK(device_holds(0x800, buffer, 64));					\
} while (0)

static void arithmetic_on_the_device(u64 id)
{
	CHECK_ON_DEVICE("mull (%%rdi); add %%rdx, %%rax");
	CHECK_ON_DEVICE("imulq 8(%%rdi); add %%rdx, %%rax");
	CHECK_ON_DEVICE("imul $77, (%%rdi), %%eax");
	CHECK_ON_DEVICE("xor %%edx, %%edx; divw 2(%%rdi); shl $16, %%rdx; add %%rdx, %%rax");
	CHECK_ON_DEVICE("mov $-3, %%rdx; idivq 32(%%rdi); add %%rdx, %%rax");
	CHECK_ON_DEVICE("shll $3, (%%rdi); rolw 4(%%rdi); stc; rcrq $5, 8(%%rdi); mov $3, %%cl; sarb %%cl, 16(%%rdi)");
	CHECK_ON_DEVICE("shld $5, %%rax, (%%rdi); mov $9, %%cl; shrd %%cl, %%eax, 8(%%rdi)");
	CHECK_ON_DEVICE("bsf (%%rdi), %%rax; bsr 8(%%rdi), %%rcx; shl $8, %%rcx; add %%rcx, %%rax");
	CHECK_ON_DEVICE("stc; cmovc (%%rdi), %%rax; setc 8(%%rdi); clc; cmovc 16(%%rdi), %%eax; setc 9(%%rdi)");
	CHECK_ON_DEVICE("push %%rbx; mov %%rdi, %%rbx; mov $5, %%al; xlat; pop %%rbx");
}

static void stack_on_the_device(u64 id)
{
	CHECK_ON_DEVICE("mov %%rsp, %%rcx; lea 64(%%rdi), %%rsp; call 1f; 1: pop %%rdx; xor %%edx, %%edx;"
			"push %%rdx; push %%rax; stc; pushf; clc; popf; adc $0, %%rax; mov %%rcx, %%rsp");
	CHECK_ON_DEVICE("mov %%rsp, %%rcx; push %%rbp; lea 64(%%rdi), %%rsp; xor %%ebp, %%ebp; enter $16, $0; push %%rax;"
			"mov $0, %%ebp; lea 56(%%rdi), %%rbp; leave; lea -8(%%rcx), %%rsp; pop %%rbp");
	CHECK_ON_DEVICE("lea 1f(%%rip), %%rdx; mov %%rdx, (%%rdi); jmp *(%%rdi); ud2; 1: movq $0, (%%rdi)");
	CHECK_ON_DEVICE("lea 1f(%%rip), %%rdx; mov %%rdx, (%%rdi); call *(%%rdi); jmp 2f; 1: ret; 2: movq $0, (%%rdi)");
}

static void control_words_and_segments_on_the_device(u64 id)
{
	CHECK_ON_DEVICE("fninit; fnstcw (%%rdi); fnstsw 2(%%rdi); mov %%ds, 4(%%rdi); smsw 6(%%rdi); mov 4(%%rdi), %%es");
	CHECK_ON_DEVICE("movq (%%rdi), %%mm3; movq %%mm3, 16(%%rdi); movd %%mm3, %%eax; emms");
}

static void more_control_words_on_the_device(u64 id)
{
	CHECK_ON_DEVICE("movw $0x27f, (%%rdi); fldcw (%%rdi); fnstcw 8(%%rdi); fninit; movl $0x1f81, 16(%%rdi); ldmxcsr 16(%%rdi); stmxcsr 24(%%rdi)");
	CHECK_ON_DEVICE("movq (%%rdi), %%mm3; movntq %%mm3, 24(%%rdi); emms; popcnt (%%rdi), %%rax; sgdt 32(%%rdi); lgdt 32(%%rdi)");
}

/* The flags and the device's part are those of the operand as it was. */
static void addition_across_the_end_of_memory(u64 id)
{
	volatile u64 *first = (void *)(DEVICE - 4);
	u64 flags;

	*first = 0x00000001ffffffff;
	asm volatile("addq $1, (%1); pushf; pop %0" : "=r"(flags) : "r"(first) : "cc", "memory");
	CHECK_EQ(0x0000000200000000, *first);
	*first = ~0ull;
	asm volatile("addq $1, (%1); pushf; pop %0" : "=r"(flags) : "r"(first) : "cc", "memory");
	CHECK_EQ(0, *first);
	CHECK_EQ(0x41, flags & 0x41);
}

static void rep_movs_copies_to_and_from_the_device(u64 id)
{
	fill(buffer, 256, 11);
	MOVS("b", DEVICE + 0x301, buffer, 77);
	CHECK(device_holds(0x301, buffer, 77));
	MOVS("q", DEVICE + 0x400, buffer, 32);
	CHECK(device_holds(0x400, buffer, 256));
	MOVS("l", second, DEVICE + 0x400, 64);
	CHECK(same(buffer, second, 256));
	/* From device to device, and from RAM on over the edge of the device. */
	MOVS("w", DEVICE + 0x600, DEVICE + 0x400, 50);
	CHECK(device_holds(0x600, buffer, 100));
	MOVS("b", DEVICE - 40, buffer, 100);
	CHECK(same((u8 *)DEVICE - 40, buffer, 40));
	CHECK(device_holds(0, buffer + 40, 60));
}

static void rep_stos_fills_the_device(u64 id)
{
	u64 to = DEVICE + 0xff0, count = 8;

	asm volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(0x04030201) : "memory");
	CHECK_EQ(0, count);
	CHECK_EQ(DEVICE + 0x1010, to);
	CHECK_EQ(0x0403020104030201, *(volatile u64 *)(DEVICE + 0xff8));
	CHECK_EQ(0x0403020104030201, *(volatile u64 *)(DEVICE + 0x1008));
	CHECK_EQ(0, *(volatile u8 *)(DEVICE + 0x1010));
	/* A count of zero touches nothing. */
	clear_log();
	count = 0;
	asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(1) : "memory");
	CHECK_EQ(0, LOG_COUNT);
}

static void string_compare_and_scan_on_the_device(u64 id)
{
	u64 left = (u64)buffer, right = DEVICE + 0x700, count = 32;

	fill(buffer, 32, 1);
	MOVS("b", right, buffer, 32);
	*(volatile u8 *)(right + 20) = 0;
	asm volatile("repe cmpsb" : "+S"(left), "+D"(right), "+c"(count) : : "cc");
	CHECK_EQ(11, count);
	CHECK_EQ(DEVICE + 0x700 + 21, right);
	right = DEVICE + 0x700;
	count = 32;
	asm volatile("repne scasb" : "+D"(right), "+c"(count) : "a"(buffer[9]) : "cc");
	CHECK_EQ(22, count);
	CHECK_EQ(DEVICE + 0x700 + 10, right);
}

static void backward_strings(u64 id)
{
	u64 to = DEVICE + 0x80f, from = (u64)buffer + 15, count = 16;

	fill(buffer, 16, 9);
	asm volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	CHECK_EQ(DEVICE + 0x7ff, to);
	CHECK(device_holds(0x800, buffer, 16));
}

#define CHECK_STRING_PORT(letter, size, number)					\
do {										\
	u64 at_ = (u64)buffer, count_ = (number);				\
										\
	fill(buffer, (size) * (number), size);					\
	asm volatile("rep outs" letter : "+S"(at_), "+c"(count_)		\
		     : "d"(PORT_QUEUE) : "memory");				\
	CHECK_EQ(0, count_);							\
	CHECK_EQ((u64)buffer + (size) * (number), at_);				\
	fill(second, (size) * (number) + 1, 0x55);				\
	at_ = (u64)second;							\
	count_ = (number);							\
	asm volatile("rep ins" letter : "+D"(at_), "+c"(count_)			\
		     : "d"(PORT_QUEUE) : "memory");				\
	CHECK_EQ(0, count_);							\
	CHECK_EQ((u64)second + (size) * (number), at_);				\
	CHECK(same(buffer, second, (size) * (number)));				\
	CHECK_EQ((u8)(0x55 + (size) * (number) * 7), second[(size) * (number)]);	\
} while (0)

static void string_output_and_input_of_all_sizes(u64 id)
{
	CHECK_STRING_PORT("b", 1, 3);
	CHECK_STRING_PORT("w", 2, 100);
	CHECK_STRING_PORT("l", 4, 900);
}

static void string_output_from_the_device(u64 id)
{
	u64 from = DEVICE + 0x900, count = 10;

	fill(buffer, 40, 77);
	MOVS("b", from, buffer, 40);
	asm volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(PORT_QUEUE) : "memory");
	CHECK_EQ(0, count);
	for (u32 i = 0; i < 10; i++)
		CHECK_EQ(((u32 *)buffer)[i], inl(PORT_QUEUE));
}

static void mmio_write_is_taken_by_an_ioeventfd(u64 id)
{
	volatile u32 *event = (void *)EVENT_ADDRESS;

	clear_log();
	*event = EVENT_VALUE;
	*event = EVENT_VALUE;
	CHECK_EQ(0, LOG_COUNT);
	CHECK_EQ(2, inl(PORT_TAKE));
	*event = EVENT_VALUE + 1;
	*(volatile u16 *)event = EVENT_VALUE;
	CHECK_EQ(2, LOG_COUNT);
	CHECK_EQ(0, inl(PORT_TAKE));
}
