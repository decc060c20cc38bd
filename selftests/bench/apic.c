// SPDX-License-Identifier: GPL-2.0
/* Rows of the local APIC: its registers, interrupts to itself and by its timer. */
#include "apic.h"

GUEST_BATCH(apic_read_op, APIC_ON, "mov 0x350(%rdx), %eax");
GUEST_BATCH(apic_write_op, APIC_ON "mov $0x10, %eax", "mov %eax, 0x80(%rdx)");
GUEST_BATCH(apic_eoi_op, APIC_ON "xor %eax, %eax", "mov %eax, 0xb0(%rdx)");
GUEST_BATCH(x2apic_eoi_op, X2APIC_ON, X2APIC_EOI);

/* The handler counts in R8. */
#define HANDLER(name)								\
	"\n.globl " #name "; " #name ": inc %r8; " X2APIC_EOI "; iretq"
extern const __u8 self_ipi_handler[], self_halt_handler[], deadline_handler[];

GUEST_BATCH(self_ipi_op, X2APIC_ON "xor %r8d, %r8d; sti; jmp 8f" HANDLER(self_ipi_handler) "\n8:\n",
	X2APIC_SELF_IPI);
GUEST_BATCH(self_halt_op, X2APIC_ON "xor %r8d, %r8d; sti; jmp 8f" HANDLER(self_halt_handler) "\n8:\n",
	"cli; " X2APIC_SELF_IPI "; sti; hlt");

/* A deadline, then rounds of three instructions, counted in RBX, until it has come. */
GUEST_BATCH(deadline_op, X2APIC_ON X2APIC_DEADLINE_MODE "xor %r8d, %r8d; xor %ebx, %ebx; sti; jmp 8f"
	HANDLER(deadline_handler) "\n8:\n",
	"mov %r8, %rdi\n" X2APIC_SET_DEADLINE "\n"
	"7: inc %rbx; cmp %rdi, %r8; je 7b");

/* To a vCPU whose APIC is enabled and whose thread does not run it: halt-ipi is with all the rest. */
GUEST_BATCH(ipi_op, X2APIC_ON, X2APIC_IPI(1, 0x40));

static void measure(const char *name, const __u8 *code, const __u8 *end)
{
	struct guest g;

	guest_init_irqchip(&g, code, end);
	bench_batches(&g.vcpu, name, 1);
	guest_free(&g);
}

/* As batches, with an interrupt each, which must come. */
static void measure_interrupts(const char *name, const __u8 *handler, const __u8 *code,
			       const __u8 *end)
{
	struct samples samples = { 0 };
	__u64 empty = bench_empty_cost(), last_rounds, last_count;
	struct minivmm_regs regs;
	struct guest g;

	guest_init_irqchip(&g, code, end);
	vcpu_add_deadline_timer(&g.vcpu);
	guest_set_handler(&g.vcpu, VECTOR, handler - code);
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	regs = vcpu_regs(&g.vcpu);
	while (samples.count < SAMPLES) {
		__u64 cost = bench_cost(&g.vcpu, MINIVMM_EXIT_IO);

		last_rounds = regs.rbx;
		last_count = regs.r8;
		regs = vcpu_regs(&g.vcpu);
		if (regs.r8 - last_count != BATCH)
			fatal("%s: %llu interrupts instead of %u", name, regs.r8 - last_count, BATCH);
		bench_sample(&samples, cost - empty - 3 * (regs.rbx - last_rounds));
	}
	bench_batch_row(name, bench_median(&samples), 1);
	guest_free(&g);
}

static void measure_ipi(void)
{
	struct vcpu other;
	struct guest g;

	guest_init_irqchip(&g, CODE(ipi_op));
	vcpu_init(&other, &g.vm, 1);
	bench_enter(&other, GUEST_CODE);
	bench_run(&other, MINIVMM_EXIT_IO);
	bench_batches(&g.vcpu, "ipi-send", 1);
	vcpu_free(&other);
	guest_free(&g);
}

void bench_apic(void)
{
	measure("apic-read", CODE(apic_read_op));
	measure("apic-write", CODE(apic_write_op));
	measure("apic-eoi", CODE(apic_eoi_op));
	measure("x2apic-eoi", CODE(x2apic_eoi_op));
	measure_ipi();
	measure_interrupts("self-ipi", self_ipi_handler, CODE(self_ipi_op));
	measure_interrupts("self-ipi-halt", self_halt_handler, CODE(self_halt_op));
	measure_interrupts("tsc-deadline", deadline_handler, CODE(deadline_op));
}
