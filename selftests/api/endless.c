// SPDX-License-Identifier: GPL-2.0
/*
 * Guests whose exits follow each other without a moment at which the CPU takes an
 * interrupt of the host: another thread on the same CPU goes on, and a signal ends RUN.
 * Where the module fails, the CPU is lost and the machine with it.
 */
#include <sched.h>
#include <signal.h>

#include "fixture.h"

#define GDT_CODE3	0x00cffb000000ffffull
#define GDT_DATA3	0x00cff3000000ffffull
#define GDT_CODE64	0x00af9b000000ffffull
#define GDT_DATA	0x00cf93000000ffffull
#define IDT		(GUEST_DATA + 0x1000)
#define TSS		(GUEST_DATA + 0x2000)
#define STACK		(GUEST_DATA + 0x4000)

static volatile unsigned long ticks;
static volatile bool stop;

static void *tick(void *arg)
{
	while (!stop) {
		ticks++;
		usleep(5000);
	}
	return NULL;
}

/* What the guest does, it does for a second, beside a thread that wants a turn now and then. */
static void run_beside_another(struct __test_metadata *_metadata, struct vcpu *vcpu)
{
	pthread_t ticker;
	cpu_set_t set;
	long end;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	stop = false;
	ticks = 0;
	ASSERT_EQ(0, pthread_create(&ticker, NULL, tick, NULL));
	program_spawn(vcpu);
	sleep(1);
	program_kick(vcpu);
	end = program_join(vcpu);
	stop = true;
	pthread_join(ticker, NULL);
	if (end == MINIVMM_EXIT_HLT || end == MINIVMM_EXIT_SHUTDOWN)
		SKIP(return, "this CPU checks no such thing while it delivers an event: QEMU's");
	if (end == MINIVMM_EXIT_INTERNAL_ERROR && !device_is_minivmm(vcpu->vm->device))
		SKIP(return, "KVM ends the guest");
	EXPECT_EQ(-EINTR, end);
	EXPECT_LT(10, ticks);
}

static void write_u64(struct vm *vm, __u64 gpa, __u64 value)
{
	vm_write(vm, gpa, &value, sizeof(value));
}

static void write_gate64(struct vm *vm, unsigned int vector, __u64 handler, unsigned int type,
			 unsigned int ist)
{
	write_u64(vm, IDT + vector * 16, (handler & 0xffff) | 8ull << 16 | (__u64)ist << 32 |
		  (__u64)(0x80 | type) << 40 | (handler >> 16 & 0xffff) << 48);
	write_u64(vm, IDT + vector * 16 + 8, 0);
}

/* 64-bit mode with an IDT and a TSS whose first interrupt stack is at STACK. */
static void start_with_idt(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs;

	vcpu_enter_long(vcpu, GUEST_CODE);
	sregs = vcpu_sregs(vcpu);
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	sregs.tr.base = TSS;
	sregs.tr.limit = 0x67;
	vcpu_set_sregs(vcpu, &sregs);
	write_u64(vcpu->vm, TSS + 0x24, STACK);
	write_u64(vcpu->vm, GUEST_GDT + 8, GDT_CODE64);
	write_u64(vcpu->vm, GUEST_GDT + 16, GDT_DATA);
}

static struct minivmm_segment flat(__u16 selector, unsigned int type, unsigned int dpl)
{
	return (struct minivmm_segment){
		.limit = ~0u, .selector = selector, .type = type, .present = 1, .dpl = dpl,
		.db = 1, .s = 1, .g = 1,
	};
}

/* #AC is delivered on the stack whose alignment it complains of. */
GUEST32(push_odd, "push %eax; hlt");

TEST_F(vm, alignment_checks_on_their_own_stack)
{
	__u64 gate = (GUEST_CODE & 0xffff) | 0x1bull << 16 | 0xeeull << 40 |
		     (GUEST_CODE >> 16) << 48;
	struct minivmm_regs regs = { .rip = GUEST_CODE, .rsp = STACK + 1, .rflags = 0x40002 };
	struct minivmm_sregs sregs;

	vcpu_enter_protected(&self->vcpu, GUEST_CODE);
	load_code(&self->vm, push_odd);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr0 |= 0x40000;
	sregs.cs = flat(0x1b, 0xb, 3);
	sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = flat(0x23, 3, 3);
	sregs.gdt.base = GUEST_GDT;
	sregs.gdt.limit = 0x2f;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0x7ff;
	write_u64(&self->vm, GUEST_GDT + 24, GDT_CODE3);
	write_u64(&self->vm, GUEST_GDT + 32, GDT_DATA3);
	write_u64(&self->vm, IDT + 17 * 8, gate);
	vcpu_set_sregs(&self->vcpu, &sregs);
	vcpu_set_regs(&self->vcpu, &regs);
	run_beside_another(_metadata, &self->vcpu);
}

/* The frame of #DB is written where the breakpoint is. */
GUEST64(write_watched, "mov %eax, 0x83fe0; hlt");

TEST_F(vm, data_breakpoints_on_their_own_stack)
{
	struct minivmm_debugregs debug = {
		.db = { STACK - 0x20 }, .dr6 = 0xffff0ff0, .dr7 = 0x00090401,
	};

	start_with_idt(&self->vcpu);
	load_code(&self->vm, write_watched);
	write_gate64(&self->vm, 1, GUEST_CODE + 7, 0xe, 1);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	run_beside_another(_metadata, &self->vcpu);
}

/* A level that stays up, a controller that ends interrupts by itself, a gate that leaves IF set. */
GUEST64(wait_for_it, "1: jmp 1b");

TEST_F(chip, interrupts_of_a_level_that_stays)
{
	struct minivmm_irqchip pic = { .chip_id = 0 };
	struct minivmm_regs regs;

	start_with_idt(&self->vcpu);
	load_code(&self->vm, wait_for_it);
	write_gate64(&self->vm, 0x25, GUEST_CODE, 0xf, 1);
	pic.chip.pic.irq_base = 0x20;
	pic.chip.pic.imr = 0xdf;
	pic.chip.pic.elcr = 0x20;
	pic.chip.pic.auto_eoi = 1;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &pic));
	ASSERT_EQ(0, vm_irq_line(&self->vm, 5, 1));
	regs = vcpu_regs(&self->vcpu);
	regs.rflags = 0x202;
	vcpu_set_regs(&self->vcpu, &regs);
	run_beside_another(_metadata, &self->vcpu);
}

/* Siblings: single steps into a handler that steps, and a page fault that faults again. */
GUEST64(step_on, "1: jmp 1b");

TEST_F(vm, single_steps_for_ever)
{
	struct minivmm_regs regs;

	start_with_idt(&self->vcpu);
	load_code(&self->vm, step_on);
	write_gate64(&self->vm, 1, GUEST_CODE, 0xe, 1);
	regs = vcpu_regs(&self->vcpu);
	regs.rflags = 0x102;
	vcpu_set_regs(&self->vcpu, &regs);
	run_beside_another(_metadata, &self->vcpu);
}

TEST_HARNESS_MAIN
