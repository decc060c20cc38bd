// SPDX-License-Identifier: GPL-2.0
/* Rows of a guest that halts until an interrupt comes from somewhere else. */
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apic.h"

#define GSI		24
#define PARTNER_VECTOR	0x41
#define COUNT		"0x80000"	/* GUEST_DATA */

#define HANDLER(name, more)							\
	"\n.globl " #name "; " #name ": lock incl " COUNT "; " X2APIC_EOI "; " more "; iretq"
extern const __u8 timer_handler[], event_handler[], answer_handler[], partner[], partner_handler[];

GUEST_BATCH(halt_timer, X2APIC_ON X2APIC_DEADLINE_MODE "jmp 8f" HANDLER(timer_handler, "") "\n8:\n",
	"cli; " X2APIC_SET_DEADLINE "; sti; hlt");

GUEST64(halt_event, X2APIC_ON "out %al, $0x10; 1: sti; hlt; jmp 1b" HANDLER(event_handler, ""));

/* A vCPU that sends an IPI and halts until its partner, who waits for it so, has answered. */
GUEST_BATCH(halt_ipi, X2APIC_ON "jmp 8f" HANDLER(answer_handler, "")
	"\n.globl partner; partner: " X2APIC_ON "out %al, $0x10; 1: sti; hlt; jmp 1b"
	HANDLER(partner_handler, X2APIC_IPI(0, 0x40)) "\n8:\n",
	"cli; " X2APIC_IPI(1, 0x41) "; sti; hlt");

static volatile __u32 *counter(struct guest *g)
{
	return (__u32 *)(g->vm.memory + GUEST_DATA);
}

/* Batches in which @interrupts arrive. */
static void measure(struct guest *g, const char *name, __u32 interrupts)
{
	struct samples samples = { 0 };

	bench_run(&g->vcpu, MINIVMM_EXIT_IO);
	bench_run(&g->vcpu, MINIVMM_EXIT_IO);
	while (samples.count < SAMPLES) {
		__u32 before = *counter(g);
		__u64 cost = bench_cost(&g->vcpu, MINIVMM_EXIT_IO);

		if (*counter(g) - before != interrupts)
			fatal("%s: %u interrupts instead of %u", name, *counter(g) - before, interrupts);
		bench_sample(&samples, cost - bench_empty_cost());
	}
	bench_batch_row(name, bench_median(&samples), 1);
}

static void measure_timer(void)
{
	struct guest g;

	guest_init_irqchip(&g, CODE(halt_timer));
	vcpu_add_deadline_timer(&g.vcpu);
	guest_set_handler(&g.vcpu, VECTOR, timer_handler - halt_timer);
	measure(&g, "halt-timer", BATCH);
	guest_free(&g);
}

/* A vCPU that does not come back; the program's end ends it. */
static void *run_forever(void *arg)
{
	struct vcpu *vcpu = arg;

	bench_run(vcpu, MINIVMM_EXIT_HLT);
	return NULL;
}

static void measure_ipi(void)
{
	static struct guest g;
	static struct vcpu other;

	guest_init_irqchip(&g, CODE(halt_ipi));
	guest_set_handler(&g.vcpu, VECTOR, answer_handler - halt_ipi);
	vcpu_init(&other, &g.vm, 1);
	bench_enter(&other, GUEST_CODE + (partner - halt_ipi));
	guest_set_handler(&other, PARTNER_VECTOR, partner_handler - halt_ipi);
	bench_run(&other, MINIVMM_EXIT_IO);
	pthread_create(&other.thread, NULL, run_forever, &other);
	measure(&g, "halt-ipi", 2 * BATCH);
}

static int add_irqfd(struct vm *vm)
{
	struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entry;
	} routing = {
		.head.nr = 1,
		.entry = { .gsi = GSI, .type = MINIVMM_IRQ_ROUTING_MSI,
			   .u.msi = { .address_lo = 0xfee00000, .data = VECTOR } },
	};
	struct minivmm_irqfd irqfd = { .fd = eventfd(0, EFD_CLOEXEC), .gsi = GSI };

	if (call(vm->fd, MINIVMM_SET_GSI_ROUTING, &routing) || call(vm->fd, MINIVMM_IRQFD, &irqfd))
		fatal("SET_GSI_ROUTING or IRQFD refused");
	return irqfd.fd;
}

static __u64 wake_by_eventfd(struct guest *g, int fd)
{
	__u64 start, cost;
	__u32 before;

	bench_begin();
	start = bench_executed();
	before = *counter(g);
	eventfd_write(fd, 1);
	while (*counter(g) == before)
		sched_yield();
	cost = bench_executed() - start;
	bench_end();
	return cost;
}

static void measure_irqfd(void)
{
	struct samples samples = { 0 };
	static struct guest g;
	int fd;

	guest_init_irqchip(&g, CODE(halt_event));
	guest_set_handler(&g.vcpu, VECTOR, event_handler - halt_event);
	bench_run(&g.vcpu, MINIVMM_EXIT_IO);
	pthread_create(&g.vcpu.thread, NULL, run_forever, &g.vcpu);
	fd = add_irqfd(&g.vm);
	wake_by_eventfd(&g, fd);
	while (samples.count < SAMPLES)
		bench_sample(&samples, wake_by_eventfd(&g, fd));
	bench_median_row("halt-irqfd", &samples, 1);
}

void bench_waits(void)
{
	bench_idle();
	measure_timer();
	measure_irqfd();
	measure_ipi();
}
