// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit costs: instructions of the host from one to the next, by the
 * time-stamp counter of an emulated host that counts them (tools/lab/run
 * --icount, or Bochs with one CPU). $MINIVMM_DEVICE may be /dev/kvm. Prints a
 * line "exit NAME COST" for each kind.
 */
#include <sched.h>
#include <stdio.h>
#include <x86intrin.h>

#include "guest_code.h"

#define EXITS		2000
#define MMIO_ADDRESS	0xd0000000
#define VECTOR		0x40
#define LOCAL_APIC	0xfee00000
#define DEADLINE	20000	/* ticks from the write to the timer's interrupt */

#define STRING(x)	STRING_(x)
#define STRING_(x)	#x

GUEST64(cpuid_loop, "mov $" STRING(EXITS) ", %esi; 1: xor %eax, %eax; cpuid; dec %esi; jnz 1b; out %al, $0x10");
GUEST64(pio_loop, "1: out %al, $0x10; jmp 1b");
GUEST64(mmio_loop, "mov $" STRING(MMIO_ADDRESS) ", %edx; 1: mov %eax, (%rdx); jmp 1b");
/* Counts its interrupts at GUEST_DATA; the handler is the code's second half. */
GUEST64(halt_loop, "mov $" STRING(LOCAL_APIC) ", %edx; movl $0x1ff, 0xf0(%rdx); out %al, $0x10\n"
	"1: sti; hlt; jmp 1b\n"
	".globl halt_handler; halt_handler: lock incl 0x80000; movl $0, 0xb0(%rdx); iretq");
extern const __u8 halt_handler[];

/* x2APIC, LVTT in deadline mode; then a deadline, and rounds of three instructions until it comes. */
GUEST64(timer_loop,
	"mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr; xor %edx, %edx\n"
	"mov $0x80f, %ecx; mov $0x1ff, %eax; wrmsr\n"
	"mov $0x832, %ecx; mov $0x40000+" STRING(VECTOR) ", %eax; wrmsr\n"
	"out %al, $0x10; xor %ebx, %ebx; sti; mov $" STRING(EXITS) ", %esi\n"
	"1: xor %edi, %edi; mov $0x6e0, %ecx\n"
	"rdtsc; add $" STRING(DEADLINE) ", %eax; adc $0, %edx; wrmsr\n"
	"2: inc %rbx; test %edi, %edi; jz 2b; dec %esi; jnz 1b; out %al, $0x10\n"
	".globl timer_handler; timer_handler:\n"
	"xor %eax, %eax; xor %edx, %edx; mov $0x80b, %ecx; wrmsr; inc %edi; iretq");
extern const __u8 timer_handler[];

static void must_exit(struct vcpu *vcpu, __u32 reason)
{
	long ret = vcpu_run(vcpu);

	if (ret || vcpu->run->exit_reason != reason)
		fatal("RUN: %ld, exit reason %u instead of %u", ret, vcpu->run->exit_reason, reason);
}

static void print_cost(const char *name, __u64 start)
{
	printf("exit %s %llu\n", name, (__rdtsc() - start) / EXITS);
}

/* One RUN for all exits. */
static void measure_cpuid(struct vm *vm)
{
	struct vcpu vcpu;
	__u64 start;

	vcpu_init(&vcpu, vm, 0);
	start_long(&vcpu, cpuid_loop);
	start = __rdtsc();
	must_exit(&vcpu, MINIVMM_EXIT_IO);
	print_cost("cpuid", start);
	vcpu_free(&vcpu);
}

/* A RUN for each exit. */
static void measure_exits(struct vcpu *vcpu, const char *name, __u32 reason)
{
	__u64 start;

	must_exit(vcpu, reason);
	start = __rdtsc();
	for (unsigned int i = 0; i < EXITS; i++)
		must_exit(vcpu, reason);
	print_cost(name, start);
	vcpu_free(vcpu);
}

static void measure_user_exits(struct vm *vm)
{
	struct vcpu vcpu;

	vcpu_init(&vcpu, vm, 1);
	start_long(&vcpu, pio_loop);
	measure_exits(&vcpu, "pio-user", MINIVMM_EXIT_IO);
	vcpu_init(&vcpu, vm, 2);
	start_long(&vcpu, mmio_loop);
	measure_exits(&vcpu, "mmio-user", MINIVMM_EXIT_MMIO);
}

/* An interrupt gate for VECTOR to the code's @offset, in the guest's memory behind its counter. */
static void set_handler(struct vcpu *vcpu, __u64 offset)
{
	const __u64 idt = GUEST_DATA + PAGE, handler = GUEST_CODE + offset;
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	__u64 gate[2] = { (handler & 0xffff) | (__u64)sregs.cs.selector << 16 | 0x8e00ull << 32 |
			  (handler & 0xffff0000) << 32, handler >> 32 };

	vm_write(vcpu->vm, idt + VECTOR * sizeof(gate), gate, sizeof(gate));
	sregs.idt.base = idt;
	sregs.idt.limit = 256 * sizeof(gate) - 1;
	vcpu_set_sregs(vcpu, &sregs);
}

static void *run_forever(void *arg)
{
	struct vcpu *vcpu = arg;
	long ret = vcpu_run(vcpu);

	fatal("the halting guest stopped: RUN %ld, exit reason %u", ret, vcpu->run->exit_reason);
}

/* HLT, an MSI from another thread that waits until it was counted, the EOI. */
static void measure_halt(struct vm *vm)
{
	volatile __u32 *count = (__u32 *)(vm->memory + GUEST_DATA);
	struct minivmm_msi msi = { .address_lo = LOCAL_APIC, .data = VECTOR };
	struct vcpu vcpu;
	__u64 start;

	vcpu_init(&vcpu, vm, 0);
	start_long(&vcpu, halt_loop);
	set_handler(&vcpu, halt_handler - halt_loop);
	must_exit(&vcpu, MINIVMM_EXIT_IO);
	pthread_create(&vcpu.thread, NULL, run_forever, &vcpu);
	start = __rdtsc();
	for (__u32 i = 0; i < EXITS; i++) {
		if (call(vm->fd, MINIVMM_SIGNAL_MSI, &msi) != 1)
			fatal("SIGNAL_MSI failed");
		while (*count == i)
			sched_yield();
	}
	print_cost("halt-wake", start);
}

/* What a timer interrupt takes from the guest: deadline write, expiry, EOI. */
static void measure_timer(struct vm *vm)
{
	struct vcpu vcpu;
	__u64 start;

	vcpu_init(&vcpu, vm, 0);
	start_long(&vcpu, timer_loop);
	vcpu_add_deadline_timer(&vcpu);
	set_handler(&vcpu, timer_handler - timer_loop);
	must_exit(&vcpu, MINIVMM_EXIT_IO);
	start = __rdtsc();
	must_exit(&vcpu, MINIVMM_EXIT_IO);
	print_cost("timer", start + 3 * vcpu_regs(&vcpu).rbx);
	vcpu_free(&vcpu);
}

static void measure_with_irqchip(void (*measure)(struct vm *vm))
{
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	vm_add_irqchip(&vm);
	measure(&vm);
	vm_free(&vm);
}

int main(void)
{
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	measure_cpuid(&vm);
	measure_user_exits(&vm);
	vm_free(&vm);
	measure_with_irqchip(measure_timer);
	measure_with_irqchip(measure_halt);
	return 0;
}
