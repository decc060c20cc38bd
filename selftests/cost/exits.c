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

/* An interrupt gate for VECTOR, in the guest's memory behind its counter. */
static void set_handler(struct vcpu *vcpu)
{
	const __u64 idt = GUEST_DATA + PAGE, handler = GUEST_CODE + (halt_handler - halt_loop);
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
	set_handler(&vcpu);
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

int main(void)
{
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	measure_cpuid(&vm);
	measure_user_exits(&vm);
	vm_free(&vm);
	vm_init(&vm, GUEST_MEMORY);
	vm_add_irqchip(&vm);
	measure_halt(&vm);
	return 0;
}
