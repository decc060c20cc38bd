// SPDX-License-Identifier: GPL-2.0
/* Rows of ioctls that a VMM makes often, or of all vCPUs at once. */
#include "bench.h"

#define IRQ		5	/* a GSI that nobody listens to */
#define MSI_ADDRESS	0xfee00000

union state {
	struct minivmm_regs regs;
	struct minivmm_sregs sregs;
	struct minivmm_fpu fpu;
	struct minivmm_debugregs debugregs;
	struct minivmm_lapic_state lapic;
};

static void sample_call(struct samples *samples, const char *name, int fd, unsigned long request,
			void *arg)
{
	__u64 start;

	bench_begin();
	start = bench_executed();
	if (call(fd, request, arg) < 0)
		fatal("%s failed", name);
	bench_sample(samples, bench_executed() - start);
	bench_end();
}

static void measure_call(const char *name, int fd, unsigned long request, void *arg)
{
	struct samples samples = { 0 };

	call(fd, request, arg);
	while (samples.count < SAMPLES)
		sample_call(&samples, name, fd, request, arg);
	bench_median_row(name, &samples, 1);
}

/* The vCPU has run since it was asked last, so that what is asked for may still be in the CPU. */
static void measure_get(const char *name, struct vcpu *vcpu, unsigned long request)
{
	struct samples samples = { 0 };
	union state state;

	while (samples.count < SAMPLES) {
		bench_run(vcpu, MINIVMM_EXIT_IO);
		sample_call(&samples, name, vcpu->fd, request, &state);
	}
	bench_median_row(name, &samples, 1);
}

GUEST64(out_forever, "1: out %al, $0x10; jmp 1b");

void bench_calls(void)
{
	struct minivmm_irq_level level = { .irq = IRQ, .level = 0 };
	struct minivmm_msi msi = { .address_lo = MSI_ADDRESS, .data = 0x40 };
	struct guest g;

	guest_init_irqchip(&g, CODE(out_forever));
	measure_get("get-regs", &g.vcpu, MINIVMM_GET_REGS);
	measure_get("get-sregs", &g.vcpu, MINIVMM_GET_SREGS);
	measure_get("get-fpu", &g.vcpu, MINIVMM_GET_FPU);
	measure_get("get-debugregs", &g.vcpu, MINIVMM_GET_DEBUGREGS);
	measure_get("get-lapic", &g.vcpu, MINIVMM_GET_LAPIC);
	measure_call("check-extension", g.vm.fd, MINIVMM_CHECK_EXTENSION,
		     (void *)MINIVMM_CAP_SIGNAL_MSI);
	measure_call("irq-line", g.vm.fd, MINIVMM_IRQ_LINE, &level);
	measure_call("signal-msi", g.vm.fd, MINIVMM_SIGNAL_MSI, &msi);
	guest_free(&g);
}
