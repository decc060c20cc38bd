// SPDX-License-Identifier: GPL-2.0
/* Rows of single instructions that exit, handled in the kernel or by us. */
#include <string.h>

#include "bench.h"

#define HOLE		0xd0000000	/* no slot is here */
#define STRING_BYTES	4096

/* As every kernel does when it starts. */
#define CLEAR_DEBUG_REGISTERS							\
	"xor %eax, %eax; mov %rax, %dr0; mov %rax, %dr1; mov %rax, %dr2; mov %rax, %dr3\n" \
	"mov $0xffff0ff0, %eax; mov %rax, %dr6; mov $0x400, %eax; mov %rax, %dr7\n"

GUEST_BATCH(cpuid_op, "", "xor %eax, %eax; cpuid");
GUEST_BATCH(cpuid_debug_op, CLEAR_DEBUG_REGISTERS, "xor %eax, %eax; cpuid");
/* From as many pages of code in turn; and with a change of CR3 before each. */
#define CODE_PAGES	64
GUEST_BATCH(cpuid_pages_op, "", ".rept " STRING(CODE_PAGES) "\n"
	    "xor %eax, %eax; cpuid; jmp 1f; .skip 4087; 1:\n .endr");
GUEST_BATCH(cpuid_cr3_op, "mov %cr3, %rdi; mov $0x82000, %ebp",
	    "xchg %rdi, %rbp; mov %rdi, %cr3; xor %eax, %eax; cpuid");
GUEST_BATCH(vmmcall_op, "", "mov $99, %eax; vmmcall");
GUEST_BATCH(vmcall_op, "", "mov $99, %eax; vmcall");
GUEST_BATCH(rdmsr_op, "mov $0x1b, %ecx", "rdmsr");
GUEST_BATCH(wrmsr_op, "mov $0x17a, %ecx; xor %eax, %eax; xor %edx, %edx", "wrmsr");
GUEST_BATCH(rdmsr_tsc_op, "mov $0x10, %ecx", "rdmsr");
GUEST_BATCH(rdmsr_direct_op, "mov $0xc0000102, %ecx", "rdmsr");
GUEST_BATCH(wrmsr_direct_op, "mov $0xc0000102, %ecx; xor %eax, %eax; xor %edx, %edx", "wrmsr");
GUEST_BATCH(cr0_op, "mov %cr0, %rax", "xor $0x10000, %rax; mov %rax, %cr0");
GUEST_BATCH(cr4_op, "mov %cr4, %rax", "xor $0x80, %rax; mov %rax, %cr4");

GUEST64(out_user, "1: out %al, $0x10; jmp 1b");
GUEST64(out_user_debug, CLEAR_DEBUG_REGISTERS "1: out %al, $0x10; jmp 1b");
GUEST64(in_user, "1: in $0x10, %al; jmp 1b");
GUEST64(mmio_write_user, "mov $" STRING(HOLE) ", %edx; out %al, $0x10; 1: mov %eax, (%rdx); jmp 1b");
GUEST64(mmio_read_user, "mov $" STRING(HOLE) ", %edx; out %al, $0x10; 1: mov (%rdx), %eax; jmp 1b");
GUEST64(string_user, "mov $0x10, %edx; out %al, $0x10\n"
	"1: mov $0x80000, %esi; mov $" STRING(STRING_BYTES) ", %ecx; rep outsb; jmp 1b");

GUEST64(string_in_user, "mov $0x10, %edx; out %al, $0x10\n"
	"1: mov $0x80000, %edi; mov $" STRING(STRING_BYTES) ", %ecx; rep insb; jmp 1b");
GUEST64(mmio_or_user, "mov $" STRING(HOLE) ", %edx; out %al, $0x10; 1: or %eax, (%rdx); jmp 1b");
GUEST64(mmio_xchg_user, "mov $" STRING(HOLE) ", %edx; out %al, $0x10; 1: xchg %eax, (%rdx); jmp 1b");
GUEST64(mmio_test_user, "mov $" STRING(HOLE) ", %edx; out %al, $0x10; 1: test %eax, (%rdx); jmp 1b");

static void measure_ops(const char *name, const __u8 *code, const __u8 *end, unsigned int operations)
{
	struct guest g;

	guest_init(&g, code, end);
	/* A second set of page tables for whoever changes CR3. */
	memcpy(g.vm.memory + GUEST_DATA + 2 * PAGE, g.vm.memory + GUEST_PAGE_TABLES, PAGE);
	bench_batches(&g.vcpu, name, operations);
	guest_free(&g);
}

static void measure_op(const char *name, const __u8 *code, const __u8 *end)
{
	measure_ops(name, code, end, 1);
}

/* One exit of @reason a RUN. */
static void measure_exits(struct guest *g, const char *name, __u32 reason)
{
	struct samples samples = { 0 };

	bench_run(&g->vcpu, MINIVMM_EXIT_IO);
	bench_run(&g->vcpu, reason);
	bench_run(&g->vcpu, reason);
	while (samples.count < SAMPLES)
		bench_sample(&samples, bench_cost(&g->vcpu, reason));
	bench_median_row(name, &samples, 1);
	guest_free(g);
}

static void measure_user(const char *name, __u32 reason, const __u8 *code, const __u8 *end)
{
	struct guest g;

	guest_init(&g, code, end);
	measure_exits(&g, name, reason);
}

/* The interrupt controllers are in the kernel, and the vCPU looks whether they want something. */
static void measure_user_irqchip(const char *name, __u32 reason, const __u8 *code, const __u8 *end)
{
	struct guest g;

	guest_init_irqchip(&g, code, end);
	measure_exits(&g, name, reason);
}

/* An instruction that reads and then writes: a row for each of its two exits. */
static void measure_rmw(const char *name, const __u8 *code, const __u8 *end)
{
	struct samples samples = { 0 };
	struct guest g;

	guest_init(&g, code, end);
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	for (int i = 0; i < 4; i++)
		bench_run(&g.vcpu, MINIVMM_EXIT_MMIO);
	while (samples.count < SAMPLES) {
		__u64 start;

		bench_begin();
		start = bench_executed();
		bench_run(&g.vcpu, MINIVMM_EXIT_MMIO);
		bench_run(&g.vcpu, MINIVMM_EXIT_MMIO);
		bench_sample(&samples, bench_executed() - start);
		bench_end();
	}
	bench_median_row(name, &samples, 2);
	guest_free(&g);
}

/* Bytes of a string reach us in as many RUNs as the device likes. */
static void measure_string(const char *name, const __u8 *code, const __u8 *end)
{
	struct samples samples = { 0 };
	struct guest g;

	guest_init(&g, code, end);
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	while (samples.count < SAMPLES) {
		__u64 start, bytes = 0;

		bench_begin();
		start = bench_executed();
		while (bytes < STRING_BYTES) {
			bench_run(&g.vcpu, MINIVMM_EXIT_IO);
			bytes += g.vcpu.run->io.count * g.vcpu.run->io.size;
		}
		bench_sample(&samples, bench_executed() - start);
		bench_end();
	}
	bench_median_row(name, &samples, STRING_BYTES);
	guest_free(&g);
}

void bench_exits(void)
{
	measure_op("cpuid", CODE(cpuid_op));
	measure_op("cpuid-debug", CODE(cpuid_debug_op));
	measure_ops("cpuid-64-pages", CODE(cpuid_pages_op), CODE_PAGES);
	measure_op("cpuid-cr3", CODE(cpuid_cr3_op));
	if (host_is_intel())
		measure_op("hypercall", CODE(vmcall_op));
	else
		measure_op("hypercall", CODE(vmmcall_op));
	measure_op("msr-read", CODE(rdmsr_op));
	measure_op("msr-write", CODE(wrmsr_op));
	measure_op("msr-read-tsc", CODE(rdmsr_tsc_op));
	measure_op("msr-read-direct", CODE(rdmsr_direct_op));
	measure_op("msr-write-direct", CODE(wrmsr_direct_op));
	measure_op("cr0-write", CODE(cr0_op));
	measure_op("cr4-write", CODE(cr4_op));
	measure_user("pio-write-user", MINIVMM_EXIT_IO, CODE(out_user));
	measure_user("pio-write-user-debug", MINIVMM_EXIT_IO, CODE(out_user_debug));
	measure_user("pio-read-user", MINIVMM_EXIT_IO, CODE(in_user));
	measure_user_irqchip("pio-write-user-irqchip", MINIVMM_EXIT_IO, CODE(out_user));
	measure_string("pio-string-byte", CODE(string_user));
	measure_string("pio-string-in-byte", CODE(string_in_user));
	measure_user("mmio-write-user", MINIVMM_EXIT_MMIO, CODE(mmio_write_user));
	measure_user("mmio-read-user", MINIVMM_EXIT_MMIO, CODE(mmio_read_user));
	measure_user("mmio-test-user", MINIVMM_EXIT_MMIO, CODE(mmio_test_user));
	measure_rmw("mmio-or-user", CODE(mmio_or_user));
	measure_rmw("mmio-xchg-user", CODE(mmio_xchg_user));
}
