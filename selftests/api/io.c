// SPDX-License-Identifier: GPL-2.0
/* Port and memory-mapped I/O: what RUN returns with, and how it goes on. */
#include "fixture.h"

#define HOLE	0x20000000UL	/* guest physical address without a slot, below 1 GiB */

/* Port I/O */

GUEST16(out_all_sizes,
	"mov $0x12345678, %eax; mov $0x3f8, %dx;"
	"out %al, %dx; out %ax, %dx; out %eax, %dx; hlt");

TEST_F(vm, port_writes_of_1_2_and_4_bytes)
{
	static const __u32 values[] = { 0x78, 0x5678, 0x12345678 };

	start_real(&self->vcpu, out_all_sizes);
	for (int i = 0; i < 3; i++) {
		__u32 value = 0;

		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(MINIVMM_EXIT_IO_OUT, self->vcpu.run->io.direction);
		EXPECT_EQ(0x3f8, self->vcpu.run->io.port);
		EXPECT_EQ(1 << i, self->vcpu.run->io.size);
		memcpy(&value, port_data(&self->vcpu), 1 << i);
		EXPECT_EQ(values[i], value);
	}
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST16(in_all_sizes,
	"mov $0xffffffff, %eax; in $0x10, %al; mov %eax, %ebx;"
	"mov $0xffffffff, %eax; in $0x10, %ax; mov %eax, %ecx;"
	"in $0x10, %eax; hlt");

TEST_F(vm, port_reads_change_only_their_bytes_of_rax)
{
	const __u32 answer = 0x12345678;
	struct minivmm_regs regs;

	start_real(&self->vcpu, in_all_sizes);
	for (int i = 0; i < 3; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(MINIVMM_EXIT_IO_IN, self->vcpu.run->io.direction);
		EXPECT_EQ(1 << i, self->vcpu.run->io.size);
		memcpy(port_data(&self->vcpu), &answer, 1 << i);
	}
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0xffffff78, regs.rbx);
	EXPECT_EQ(0xffff5678, regs.rcx);
	EXPECT_EQ(0x12345678, regs.rax);
}

TEST_F(vm, data_of_a_port_read_starts_as_zero)
{
	struct minivmm_regs regs;

	start_real(&self->vcpu, in_all_sizes);
	memset((__u8 *)self->vcpu.run + PAGE, 0x5a, 16);
	for (int i = 0; i < 3; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(0, *(__u32 *)port_data(&self->vcpu) & (0xffffffffu >> (32 - (8 << i))));
	}
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0xffffff00, regs.rbx);
	EXPECT_EQ(0xffff0000, regs.rcx);
	EXPECT_EQ(0, regs.rax);
}

GUEST64(in_clears_upper_half, "mov $-1, %rax; in $0x10, %eax; hlt");

TEST_F(vm, port_read_of_4_bytes_clears_the_upper_half_of_rax)
{
	start_long(&self->vcpu, in_clears_upper_half);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	memset(port_data(&self->vcpu), 0x11, 4);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x11111111, vcpu_regs(&self->vcpu).rax);
}

GUEST16(out_string,
	"cld; push %cs; pop %ds; lea (text - out_string), %si; mov $8, %cx; mov $0x10, %dx;"
	"rep outsb; hlt; text: .ascii \"abcdefgh\"");

TEST_F(vm, string_write_hands_over_every_element)
{
	char text[9] = "";
	int length = 0;

	start_real(&self->vcpu, out_string);
	while (length < 8) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		ASSERT_EQ(1, self->vcpu.run->io.size);
		ASSERT_LE(length + self->vcpu.run->io.count, 8);
		memcpy(text + length, port_data(&self->vcpu), self->vcpu.run->io.count);
		length += self->vcpu.run->io.count;
	}
	EXPECT_STREQ("abcdefgh", text);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu_regs(&self->vcpu).rcx & 0xffff);
}

GUEST16(in_string,
	"cld; mov $0x8000, %ax; mov %ax, %es; xor %di, %di; mov $4, %cx; mov $0x10, %dx;"
	"rep insw; hlt");

TEST_F(vm, string_read_fills_guest_memory)
{
	__u16 next = 0x1111;
	int left = 4;

	start_real(&self->vcpu, in_string);
	while (left) {
		__u16 *data;

		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		ASSERT_EQ(2, self->vcpu.run->io.size);
		ASSERT_LE(self->vcpu.run->io.count, left);
		data = port_data(&self->vcpu);
		for (__u32 i = 0; i < self->vcpu.run->io.count; i++, next += 0x1111)
			data[i] = next;
		left -= self->vcpu.run->io.count;
	}
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x4444333322221111, *(__u64 *)(self->vm.memory + 0x80000));
}

/* Nobody fills the data in. */
TEST_F(vm, data_of_a_string_read_starts_as_zero)
{
	start_real(&self->vcpu, in_string);
	memset((__u8 *)self->vcpu.run + PAGE, 0x5a, 16);
	memset(self->vm.memory + 0x80000, 0x55, 16);
	do {
		ASSERT_EQ(0, vcpu_run(&self->vcpu));
	} while (self->vcpu.run->exit_reason == MINIVMM_EXIT_IO);
	EXPECT_EQ(MINIVMM_EXIT_HLT, self->vcpu.run->exit_reason);
	EXPECT_EQ(0, *(__u64 *)(self->vm.memory + 0x80000));
}

TEST_F(vm, registers_set_while_a_port_read_is_open_are_kept)
{
	struct minivmm_regs regs;

	start_real(&self->vcpu, in_all_sizes);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	*(__u8 *)port_data(&self->vcpu) = 0x42;
	regs = vcpu_regs(&self->vcpu);
	regs.rsi = 0x77;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0x77, regs.rsi);
}

/* Memory-mapped I/O */

GUEST64(mmio_writes,
	"mov $0x20000000, %rdi; mov $0x1122334455667788, %rax;"
	"movb %al, (%rdi); movw %ax, 2(%rdi); movl %eax, 4(%rdi); movq %rax, 8(%rdi); hlt");

TEST_F(vm, mmio_writes_of_1_2_4_and_8_bytes)
{
	const __u64 value = 0x1122334455667788;

	start_long(&self->vcpu, mmio_writes);
	for (int size = 1; size <= 8; size *= 2) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(1, self->vcpu.run->mmio.is_write);
		EXPECT_EQ(size, self->vcpu.run->mmio.len);
		EXPECT_EQ(HOLE + (size == 1 ? 0 : size), self->vcpu.run->mmio.phys_addr);
		EXPECT_EQ(0, memcmp(&value, self->vcpu.run->mmio.data, size));
	}
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(mmio_reads,
	"mov $0x20000000, %rdi; mov $-1, %rax; mov $-1, %rbx; mov $-1, %rcx; mov $-1, %rdx;"
	"movb (%rdi), %al; movw (%rdi), %bx; movl (%rdi), %ecx; movq (%rdi), %rdx; hlt");

TEST_F(vm, mmio_reads_change_what_the_instruction_changes)
{
	const __u64 answer = 0x1122334455667788;
	struct minivmm_regs regs;

	start_long(&self->vcpu, mmio_reads);
	for (int size = 1; size <= 8; size *= 2) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(0, self->vcpu.run->mmio.is_write);
		EXPECT_EQ(size, self->vcpu.run->mmio.len);
		EXPECT_EQ(HOLE, self->vcpu.run->mmio.phys_addr);
		memcpy(self->vcpu.run->mmio.data, &answer, size);
	}
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0xffffffffffffff88, regs.rax);
	EXPECT_EQ(0xffffffffffff7788, regs.rbx);
	EXPECT_EQ(0x55667788, regs.rcx);
	EXPECT_EQ(answer, regs.rdx);
}

/* More than stay decoded (INSN_MOVES), each by another instruction; then the first ones once more. */
GUEST64(moves_in_turn,
	"mov $0x20000000, %ebx; mov $0x11, %eax; mov $0x22, %ecx; mov $0x33, %edx; mov $0x44, %esi\n"
	"mov $0x55, %edi; mov $0x66, %ebp\n"
	"1: mov %eax, (%rbx); mov %ecx, 4(%rbx); mov %edx, 8(%rbx); mov %ecx, 4(%rbx)\n"
	"mov %eax, (%rbx); mov %esi, 12(%rbx); mov %edi, 16(%rbx); mov %ebp, 20(%rbx); jmp 1b");

TEST_F(vm, moves_that_take_turns_write_what_each_has)
{
	static const __u32 offsets[] = { 0, 4, 8, 4, 0, 12, 16, 20 };

	start_long(&self->vcpu, moves_in_turn);
	for (int i = 0; i < 3 * ARRAY_LEN(offsets); i++) {
		__u32 offset = offsets[i % ARRAY_LEN(offsets)], value = 0x11 * (offset / 4 + 1);

		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(1, self->vcpu.run->mmio.is_write);
		EXPECT_EQ(4, self->vcpu.run->mmio.len);
		EXPECT_EQ(HOLE + offset, self->vcpu.run->mmio.phys_addr);
		EXPECT_EQ(0, memcmp(&value, self->vcpu.run->mmio.data, 4));
	}
}

/* The same instruction again and again, which is remembered from its first exit on. */
GUEST64(mmio_read_loop,
	"mov $0x20000000, %edi; xor %ebx, %ebx; mov $3, %ecx;"
	"1: movsbq (%rdi), %rax; add %rax, %rbx; dec %ecx; jnz 1b; hlt");

TEST_F(vm, repeated_mmio_reads_take_each_answer)
{
	start_long(&self->vcpu, mmio_read_loop);
	for (int i = 1; i <= 3; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(0, self->vcpu.run->mmio.is_write);
		EXPECT_EQ(1, self->vcpu.run->mmio.len);
		memset(self->vcpu.run->mmio.data, -i, 8);
	}
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(-6, (__s64)vcpu_regs(&self->vcpu).rbx);
}

GUEST64(mmio_write_loop,
	"mov $0x20000000, %edi; mov $1, %eax; mov $3, %ecx;"
	"1: mov %ax, 2(%rdi); inc %eax; dec %ecx; jnz 1b; hlt");

TEST_F(vm, repeated_mmio_writes_carry_each_value)
{
	start_long(&self->vcpu, mmio_write_loop);
	for (int i = 1; i <= 3; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(1, self->vcpu.run->mmio.is_write);
		EXPECT_EQ(HOLE + 2, self->vcpu.run->mmio.phys_addr);
		EXPECT_EQ(2, self->vcpu.run->mmio.len);
		EXPECT_EQ(i, *(__u16 *)self->vcpu.run->mmio.data);
	}
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(mmio_split_loop,
	"mov $0xfffffe, %edi; mov $0x44332211, %eax; mov $3, %ecx;"
	"1: mov %eax, (%rdi); dec %ecx; jnz 1b; hlt");

TEST_F(vm, repeated_writes_across_the_end_of_memory_are_split)
{
	start_long(&self->vcpu, mmio_split_loop);
	for (int i = 1; i <= 3; i++) {
		vm_write(&self->vm, GUEST_MEMORY - 2, "\0\0", 2);
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(GUEST_MEMORY, self->vcpu.run->mmio.phys_addr);
		EXPECT_EQ(2, self->vcpu.run->mmio.len);
		EXPECT_EQ(0x4433, *(__u16 *)self->vcpu.run->mmio.data);
		EXPECT_EQ(0x2211, *(__u16 *)(self->vm.memory + GUEST_MEMORY - 2));
	}
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(mmio_in_turns, "mov $0x20000000, %edi; mov $1, %eax; mov $2, %ebx; 1: mov %eax, (%rdi); jmp 1b");

TEST_F(vm, instruction_rewritten_between_two_exits_is_seen)
{
	__u8 *modrm = self->vm.memory + GUEST_CODE + 16;

	start_long(&self->vcpu, mmio_in_turns);
	ASSERT_EQ(0x07, *modrm);
	for (int i = 0; i < 4; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(1 + i % 2, self->vcpu.run->mmio.data[0]);
		*modrm ^= 3 << 3;	/* EAX and EBX */
	}
}

/* Here and there is the same code but for the register it writes; it exchanges the two. */
GUEST64(mmio_and_remap, "1: mov %eax, (%rdi); xchg %r8, (%rsi); invlpg 1b(%rip); jmp 1b");

TEST_F(vm, instruction_remapped_between_two_exits_is_seen)
{
	const __u64 here = 4 * MIB, there = 8 * MIB, linear = 6 * MIB;
	struct minivmm_regs regs;
	__u64 *entry = (__u64 *)(self->vm.memory + GUEST_PAGE_TABLES + 2 * PAGE) + linear / (2 * MIB);

	vcpu_enter_long(&self->vcpu, linear);
	vm_write(&self->vm, here, mmio_and_remap, mmio_and_remap_end - mmio_and_remap);
	vm_write(&self->vm, there, mmio_and_remap, mmio_and_remap_end - mmio_and_remap);
	ASSERT_EQ(0x07, self->vm.memory[there + 1]);
	self->vm.memory[there + 1] = 0x1f;	/* EBX */
	regs = vcpu_regs(&self->vcpu);
	regs.rax = 1;
	regs.rbx = 2;
	regs.rdi = HOLE;
	regs.rsi = (__u8 *)entry - self->vm.memory;
	regs.r8 = *entry - linear + there;
	*entry += here - linear;
	vcpu_set_regs(&self->vcpu, &regs);
	for (int i = 0; i < 6; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(1 + i % 2, self->vcpu.run->mmio.data[0]);
	}
}

GUEST64(mmio_read_forever, "out %al, $0x11; mov $0x20000000, %edi; 1: mov (%rdi), %eax; jmp 1b");
GUEST64(mmio_write_forever, "out %al, $0x11; mov $0x20000000, %edi; 1: mov %eax, (%rdi); jmp 1b");
GUEST64(port_read_forever, "out %al, $0x11; 1: in $0x10, %al; jmp 1b");
GUEST64(string_read_forever, "out %al, $0x11; mov $0x80000, %edi; mov $0x10, %edx; 1: insb; jmp 1b");

/* As a reset does: what waits for its access is not completed, neither the first nor a known one. */
static void move_rip_during(struct __test_metadata *_metadata, struct vcpu *vcpu, __u32 reason)
{
	struct minivmm_regs regs;

	for (int accesses = 1; accesses <= 3; accesses++) {
		ASSERT_EXIT(vcpu, MINIVMM_EXIT_IO);
		for (int i = 0; i < accesses; i++)
			ASSERT_EXIT(vcpu, reason);
		regs = vcpu_regs(vcpu);
		regs.rip = GUEST_CODE;
		vcpu_set_regs(vcpu, &regs);
	}
	ASSERT_EXIT(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x11, vcpu->run->io.port);
}

TEST_F(vm, rip_moved_during_an_mmio_read_is_where_the_guest_goes_on)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM completes the read all the same");
	start_long(&self->vcpu, mmio_read_forever);
	move_rip_during(_metadata, &self->vcpu, MINIVMM_EXIT_MMIO);
}

TEST_F(vm, rip_moved_during_a_port_read_is_where_the_guest_goes_on)
{
	start_long(&self->vcpu, port_read_forever);
	move_rip_during(_metadata, &self->vcpu, MINIVMM_EXIT_IO);
}

TEST_F(vm, rip_moved_during_a_string_read_is_where_the_guest_goes_on)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM completes the read all the same");
	start_long(&self->vcpu, string_read_forever);
	move_rip_during(_metadata, &self->vcpu, MINIVMM_EXIT_IO);
}

GUEST64(string_read_of_8, "mov $0x80000, %edi; mov $0x10, %edx; mov $8, %ecx; rep insb; hlt");
GUEST64(string_write_of_8, "mov $0x80000, %esi; mov $0x10, %edx; mov $8, %ecx; rep outsb; hlt");

/* Fewer elements than userspace was given: the string ends, and its count does not wrap. */
static void expect_string_ends(struct __test_metadata *_metadata, struct vcpu *vcpu, __u64 count)
{
	struct minivmm_regs regs;

	ASSERT_EXIT(vcpu, MINIVMM_EXIT_IO);
	ASSERT_EQ(8, vcpu->run->io.count);
	memset(port_data(vcpu), 0x5a, 8);
	regs = vcpu_regs(vcpu);
	regs.rcx = count;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_EXIT(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu_regs(vcpu).rcx);
}

TEST_F(vm, count_lowered_during_a_string_read_ends_it)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM writes what it has read, and the count wraps");
	for (__u64 count = 0; count < 8; count += 3) {
		start_long(&self->vcpu, string_read_of_8);
		memset(self->vm.memory + 0x80000, 0, 8);
		expect_string_ends(_metadata, &self->vcpu, count);
		/* What is beyond the count is not written. */
		EXPECT_EQ(0, self->vm.memory[0x80000 + count]);
	}
}

TEST_F(vm, count_lowered_during_a_string_write_ends_it)
{
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM asks for each element");
	for (__u64 count = 0; count < 8; count += 3) {
		start_long(&self->vcpu, string_write_of_8);
		expect_string_ends(_metadata, &self->vcpu, count);
	}
}

TEST_F(vm, rip_moved_during_an_mmio_write_is_where_the_guest_goes_on)
{
	start_long(&self->vcpu, mmio_write_forever);
	move_rip_during(_metadata, &self->vcpu, MINIVMM_EXIT_MMIO);
}

TEST_F(vm, mmio_instruction_may_cross_a_page)
{
	static const __u8 code[] = { 0x89, 0x07, 0xf4 };	/* mov %eax, (%rdi); hlt */
	struct minivmm_regs regs;

	vm_write(&self->vm, GUEST_CODE + PAGE - 1, code, sizeof(code));
	vcpu_enter_long(&self->vcpu, GUEST_CODE + PAGE - 1);
	regs = vcpu_regs(&self->vcpu);
	regs.rdi = HOLE;
	vcpu_set_regs(&self->vcpu, &regs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(HOLE, self->vcpu.run->mmio.phys_addr);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(mmio_across_end_of_memory, "mov $0xfffffe, %rdi; movl $0x44332211, (%rdi); hlt");

TEST_F(vm, write_across_the_end_of_memory_is_split)
{
	start_long(&self->vcpu, mmio_across_end_of_memory);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(GUEST_MEMORY, self->vcpu.run->mmio.phys_addr);
	EXPECT_EQ(2, self->vcpu.run->mmio.len);
	EXPECT_EQ(0x33, self->vcpu.run->mmio.data[0]);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x2211, *(__u16 *)(self->vm.memory + GUEST_MEMORY - 2));
}

GUEST64(mmio_into_memory, "mov $0x20000ffe, %edi; movl $0x44332211, (%rdi); hlt");

TEST_F(vm, write_that_begins_beside_memory_is_split)
{
	__u8 *memory = map_anonymous(PAGE);

	start_long(&self->vcpu, mmio_into_memory);
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, HOLE + PAGE, PAGE, memory));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(HOLE + PAGE - 2, self->vcpu.run->mmio.phys_addr);
	EXPECT_EQ(2, self->vcpu.run->mmio.len);
	EXPECT_EQ(0x11, self->vcpu.run->mmio.data[0]);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x4433, *(__u16 *)memory);
	EXPECT_EQ(0, memory[2]);
}

/* The device's writes of one instruction, which are all told of, in order, and no other. */
GUEST64(mmio_wide_writes, "mov $0x1122334455667788, %rax; movq %rax, %xmm0; punpcklqdq %xmm0, %xmm0\n"
	"mov %rax, 0x20000ffc; movups %xmm0, 0x20000010; movups %xmm0, 0x20000ffc; hlt");

TEST_F(vm, writes_of_one_instruction_are_told_one_by_one)
{
	static const struct {
		__u64 offset;
		__u32 len;
	} writes[] = {
		{ 0xffc, 4 }, { 0x1000, 4 },
		{ 0x10, 8 }, { 0x18, 8 },
		{ 0xffc, 4 }, { 0x1000, 8 }, { 0x1008, 4 },
	};
	static const __u64 value = 0x1122334455667788, swapped = 0x5566778811223344;

	start_long(&self->vcpu, mmio_wide_writes);
	for (unsigned int i = 0; i < ARRAY_LEN(writes); i++) {
		const void *data = writes[i].offset == 0x1000 || writes[i].offset == 0x1008 ?
				   (const void *)&swapped : (const void *)&value;

		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(1, self->vcpu.run->mmio.is_write);
		EXPECT_EQ(HOLE + writes[i].offset, self->vcpu.run->mmio.phys_addr);
		EXPECT_EQ(writes[i].len, self->vcpu.run->mmio.len);
		EXPECT_EQ(0, memcmp(data, self->vcpu.run->mmio.data, writes[i].len));
	}
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

GUEST64(mmio_read_modify_write, "mov $0x20000000, %rdi; addl $1, (%rdi); hlt");

TEST_F(vm, read_modify_write_reads_then_writes)
{
	const __u32 before = 41;

	start_long(&self->vcpu, mmio_read_modify_write);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0, self->vcpu.run->mmio.is_write);
	memcpy(self->vcpu.run->mmio.data, &before, 4);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(1, self->vcpu.run->mmio.is_write);
	EXPECT_EQ(42, self->vcpu.run->mmio.data[0]);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

/*
 * An instruction on memory and then on the device, with the same operands: flags and EAX are to be
 * the same afterwards. What memory has then goes to port 0x10, what differs to port 0x14. Again and
 * again, as an instruction that is known is run otherwise than one that is met first.
 */
#define OPERAND	0x80000001
#define BOTH(name, op)									\
	GUEST64(both_##name, "1: mov $0x80000, %edi; movl $0x80000001, (%rdi)\n"	\
		"mov $0x7ffffffe, %eax; stc; " op "\n pushf; pop %r8; mov %eax, %r9d; mov (%rdi), %r10d\n" \
		"mov $0x20000000, %edi; mov $0x7ffffffe, %eax; stc; " op "\n pushf; pop %r11\n" \
		"xor %r8, %r11; xor %eax, %r9d; or %r9, %r11\n"			\
		"mov %r10d, %eax; out %eax, $0x10; mov %r11d, %eax; out %eax, $0x14; jmp 1b")
#define FORMS(form)									\
	form(add, "add %eax, (%rdi)", true) form(or, "or %eax, (%rdi)", true)		\
	form(adc, "adcl $1, (%rdi)", true) form(sbb, "sbb %eax, (%rdi)", true)		\
	form(and, "lock andl $3, (%rdi)", true) form(xor, "xorb $0x81, (%rdi)", true)	\
	form(xchg, "xchg %eax, (%rdi)", true) form(inc, "incl (%rdi)", true)		\
	form(neg, "negw (%rdi)", true) form(not, "lock notl (%rdi)", true)		\
	form(sub_reg, "sub (%rdi), %eax", false) form(adc_reg, "adc (%rdi), %eax", false)	\
	form(cmp, "cmp (%rdi), %eax", false) form(cmp_mem, "cmpl $5, (%rdi)", false)	\
	form(test, "test %eax, (%rdi)", false) form(test_imm, "testb $1, (%rdi)", false)	\
	form(shl, "shll (%rdi)", true) form(bts, "lock btsl $3, (%rdi)", true)		\
	form(xadd, "lock xadd %eax, (%rdi)", true) form(cmpxchg, "cmpxchg %edi, (%rdi)", true)	\
	form(setc, "setc (%rdi)", true) form(push, "push (%rdi); pop %rax", false)
#define GUEST_OF(name, op, writes) BOTH(name, op);
FORMS(GUEST_OF)

/* Returns what the device was written, or OPERAND. */
static __u32 answer_device(struct vcpu *vcpu, int *reads, int *writes)
{
	__u32 value = OPERAND;

	*reads = *writes = 0;
	for (;;) {
		if (vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_MMIO)
			return value;
		if (vcpu->run->mmio.is_write)
			memcpy(&value, vcpu->run->mmio.data, vcpu->run->mmio.len);
		else
			memcpy(vcpu->run->mmio.data, (__u64[]){ OPERAND }, 8);
		*(vcpu->run->mmio.is_write ? writes : reads) += 1;
	}
}

TEST_F(vm, instructions_that_compute_do_to_a_device_what_they_do_to_memory)
{
	static const struct {
		const char *name;
		const __u8 *code, *end;
		bool writes;
	} forms[] = {
#define FORM(name, op, writes) { op, both_##name, both_##name##_end, writes },
		FORMS(FORM)
	};

	for (unsigned int i = 0; i < ARRAY_LEN(forms); i++) {
		vm_write(&self->vm, GUEST_CODE, forms[i].code, forms[i].end - forms[i].code);
		vcpu_enter_long(&self->vcpu, GUEST_CODE);
		for (int round = 0; round < 4; round++) {
			int reads, writes;
			__u32 value = answer_device(&self->vcpu, &reads, &writes);

			EXPECT_EQ(MINIVMM_EXIT_IO, self->vcpu.run->exit_reason);
			EXPECT_EQ(*(__u32 *)port_data(&self->vcpu), value);
			EXPECT_EQ(forms[i].writes, writes);
			EXPECT_GE(1, reads);
			ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
			EXPECT_EQ(0, *(__u32 *)port_data(&self->vcpu))
				TH_LOG("%s, round %d", forms[i].name, round);
		}
	}
}

GUEST64(mmio_write, "movl $1, 0x20000000; hlt");

TEST_F(vm, memory_that_appears_during_an_mmio_write_is_not_written)
{
	__u32 *memory = map_anonymous(PAGE);

	start_long(&self->vcpu, mmio_write);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, 0x20000000, PAGE, memory));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, *memory);
	ASSERT_EQ(0, vm_set_slot(&self->vm, 1, 0, 0x20000000, 0, NULL));
	munmap(memory, PAGE);
}

GUEST64(mmio_string,
	"cld; mov $0x20000000, %rdi; mov $0x80000, %rsi; mov $3, %ecx; rep movsl; hlt");

TEST_F(vm, string_copy_to_mmio_writes_each_element)
{
	static const __u32 data[] = { 1, 2, 3 };

	vm_write(&self->vm, GUEST_DATA, data, sizeof(data));
	start_long(&self->vcpu, mmio_string);
	for (int i = 0; i < 3; i++) {
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(HOLE + 4 * i, self->vcpu.run->mmio.phys_addr);
		EXPECT_EQ(data[i], *(__u32 *)self->vcpu.run->mmio.data);
	}
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(HOLE + 12, vcpu_regs(&self->vcpu).rdi);
}

TEST_F(vm, immediate_exit_completes_an_open_port_read)
{
	start_real(&self->vcpu, in_all_sizes);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	*(__u8 *)port_data(&self->vcpu) = 0x42;
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(0x42, vcpu_regs(&self->vcpu).rax & 0xff);
	EXPECT_EQ(8, vcpu_regs(&self->vcpu).rip);
}

TEST_F(vm, immediate_exit_completes_an_open_mmio_read)
{
	start_long(&self->vcpu, mmio_reads);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	self->vcpu.run->mmio.data[0] = 0x42;
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(0x42, vcpu_regs(&self->vcpu).rax & 0xff);
}

TEST_HARNESS_MAIN
