// SPDX-License-Identifier: GPL-2.0
/* Messages to more vCPUs than are woken at once: each of these hears of every one. */
#include "crowd.h"
#include "fixture.h"

#define CROWD	40

FIXTURE(crowd) {
	struct crowd crowd;
};

FIXTURE_SETUP(crowd)
{
	crowd_init(&self->crowd, CROWD);
}

FIXTURE_TEARDOWN(crowd)
{
	crowd_free(&self->crowd);
}

#define TO_ALL_MSI	0xfeeff000U	/* physical destination 0xff */
#define GSI		100

/* An eventfd for GSI, which stands for an MSI to all. */
static int event_for_all(struct vm *vm, __u32 data)
{
	struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entry;
	} routing = {
		.head.nr = 1,
		.entry = {
			.gsi = GSI, .type = MINIVMM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = TO_ALL_MSI, .data = data },
		},
	};
	struct minivmm_irqfd irqfd = { .fd = eventfd(0, 0), .gsi = GSI };

	if (call(vm->fd, MINIVMM_SET_GSI_ROUTING, &routing) || call(vm->fd, MINIVMM_IRQFD, &irqfd))
		fatal("no irqfd");
	return irqfd.fd;
}

TEST_F(crowd, event_reaches_all)
{
	int fd = event_for_all(&self->crowd.vm, CROWD_VECTOR);

	for (int i = 0; i < 5; i++) {
		signal_event(fd);
		EXPECT_EQ(CROWD, crowd_answers(&self->crowd, CROWD_VECTOR, CROWD));
	}
}

TEST_F(crowd, event_that_is_an_nmi_reaches_all)
{
	int fd = event_for_all(&self->crowd.vm, 0x400);

	for (int i = 0; i < 5; i++) {
		signal_event(fd);
		EXPECT_EQ(CROWD, crowd_answers(&self->crowd, CROWD_NMI, CROWD));
	}
}

TEST_F(crowd, message_of_the_process_reaches_all)
{
	struct minivmm_msi msi = { .address_lo = TO_ALL_MSI, .data = CROWD_VECTOR };

	EXPECT_LT(0, call(self->crowd.vm.fd, MINIVMM_SIGNAL_MSI, &msi));
	EXPECT_EQ(CROWD, crowd_answers(&self->crowd, CROWD_VECTOR, CROWD));
}

/* The vCPU that sends goes to userspace next. */
TEST_F(crowd, ipi_of_a_vcpu_reaches_all)
{
	for (int i = 0; i < 5; i++) {
		crowd_lead(&self->crowd);
		EXPECT_EQ(CROWD, crowd_answers(&self->crowd, CROWD_VECTOR, CROWD));
	}
}

TEST_F(crowd, line_of_the_io_apic_reaches_all)
{
	vm_set_pin(&self->crowd.vm, 20, 0xffUL << 56 | CROWD_VECTOR);
	EXPECT_EQ(0, vm_irq_line(&self->crowd.vm, 20, 1));
	EXPECT_EQ(CROWD, crowd_answers(&self->crowd, CROWD_VECTOR, CROWD));
}

/* What waits at a pin that is loaded as open goes out, too, until the line is down. */
TEST_F(crowd, interrupt_loaded_into_the_io_apic_reaches_all)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };

	ASSERT_EQ(0, call(self->crowd.vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	chip.chip.ioapic.redirtbl[20].bits = 0xffUL << 56 | 0x8000 | CROWD_VECTOR;
	chip.chip.ioapic.irr = 1 << 20;
	ASSERT_EQ(0, call(self->crowd.vm.fd, MINIVMM_SET_IRQCHIP, &chip));
	EXPECT_LE(CROWD, crowd_answers(&self->crowd, CROWD_VECTOR, CROWD));
	EXPECT_EQ(0, vm_irq_line(&self->crowd.vm, 20, 0));
}

/* A VM that ends while vCPUs are still to be kicked. */
TEST(vm_ends_right_after_an_event_for_all)
{
	static struct crowd crowd;

	for (int i = 0; i < 5; i++) {
		int fd;

		crowd_init(&crowd, CROWD);
		fd = event_for_all(&crowd.vm, CROWD_VECTOR);
		signal_event(fd);
		crowd_free(&crowd);
		close(fd);
	}
}

TEST_HARNESS_MAIN
