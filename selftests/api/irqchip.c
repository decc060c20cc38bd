// SPDX-License-Identifier: GPL-2.0
/* The in-kernel interrupt controllers: creation, state, lines, routes, messages. */
#include "fixture.h"

/* Creation */

TEST(interrupt_controllers_are_created_once)
{
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	EXPECT_EQ(0, call(vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(-EEXIST, call(vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
}

TEST_F(vm, interrupt_controllers_come_before_the_first_vcpu)
{
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
}

TEST(pit_needs_interrupt_controllers)
{
	struct minivmm_pit_config config = { 0 };
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	if (!device_is_minivmm(vm.device))
		SKIP(return, "KVM 6.1 creates a PIT whose interrupts go nowhere");
	EXPECT_EQ(-ENOENT, call(vm.fd, MINIVMM_CREATE_PIT2, &config));
}

TEST(pit_is_created_once)
{
	struct minivmm_pit_config config = { .flags = MINIVMM_PIT_SPEAKER_DUMMY };
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	EXPECT_EQ(0, call(vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(-EFAULT, call(vm.fd, MINIVMM_CREATE_PIT2, BAD_POINTER));
	EXPECT_EQ(0, call(vm.fd, MINIVMM_CREATE_PIT2, &config));
	EXPECT_EQ(-EEXIST, call(vm.fd, MINIVMM_CREATE_PIT2, &config));
}

GUEST16(read_each_port,
	"xor %dx, %dx; 1: in %dx, %al; inc %dx; cmp $0x600, %dx; jne 1b; out %al, $0x10");

/* Reads all ports below 0x600: those in the kernel are the ones that userspace does not see. */
static void check_ports(struct __test_metadata *_metadata, const struct minivmm_pit_config *pit,
			const __u16 *ports, int nr)
{
	unsigned int next = 0;
	struct vcpu vcpu;
	struct vm vm;
	int found = 0;

	vm_init(&vm, GUEST_MEMORY);
	ASSERT_EQ(0, call(vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
	if (pit)
		ASSERT_EQ(0, call(vm.fd, MINIVMM_CREATE_PIT2, pit));
	vcpu_init(&vcpu, &vm, 0);
	start_real(&vcpu, read_each_port);
	do {
		ASSERT_EXIT(&vcpu, MINIVMM_EXIT_IO);
		if (vcpu.run->io.direction == MINIVMM_EXIT_IO_OUT)
			vcpu.run->io.port = 0x600;
		for (; next < vcpu.run->io.port; next++) {
			ASSERT_LT(found, nr) TH_LOG("port 0x%x is in the kernel", next);
			EXPECT_EQ(ports[found++], next);
		}
		next = vcpu.run->io.port + 1;
	} while (vcpu.run->io.direction == MINIVMM_EXIT_IO_IN);
	EXPECT_EQ(nr, found);
	vcpu_free(&vcpu);
	vm_free(&vm);
}

TEST(devices_in_the_kernel_have_their_ports_and_no_others)
{
	static const __u16 pics[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	static const __u16 pit[] = { 0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	static const __u16 speaker[] = {
		0x20, 0x21, 0x40, 0x41, 0x42, 0x43, 0x61, 0xa0, 0xa1, 0x4d0, 0x4d1,
	};
	struct minivmm_pit_config config = { 0 };

	check_ports(_metadata, NULL, pics, ARRAY_SIZE(pics));
	check_ports(_metadata, &config, pit, ARRAY_SIZE(pit));
	config.flags = MINIVMM_PIT_SPEAKER_DUMMY;
	check_ports(_metadata, &config, speaker, ARRAY_SIZE(speaker));
}

/* 0xa5 and 0x5a are the masks of the two PICs. */
GUEST16(read_wide,
	"mov $0xa5, %al; out %al, $0x21; mov $0x5a, %al; out %al, $0xa1;"
	"in $0xa0, %ax; mov %ax, %bx; in $0x21, %ax; mov %ax, %cx; in $0x1f, %eax; out %al, $0x10");

TEST_F(chip, wide_accesses_belong_to_the_device_of_their_first_byte)
{
	struct minivmm_regs regs;

	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM gives zeros for wide reads of its PICs");
	start_real(&self->vcpu, read_wide);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x1f, self->vcpu.run->io.port);
	EXPECT_EQ(4, self->vcpu.run->io.size);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0x5a, regs.rbx >> 8 & 0xff);
	EXPECT_EQ(0xffa5, regs.rcx & 0xffff);	/* nobody has port 0x22 */
}

TEST(boot_cpu_is_chosen_before_the_first_vcpu)
{
	struct vm vm;
	struct vcpu vcpus[2];
	struct minivmm_mp_state state;

	vm_init(&vm, GUEST_MEMORY);
	REQUIRE(vm.fd, SET_BOOT_CPU_ID);
	EXPECT_EQ(0, call(vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(0, call(vm.fd, MINIVMM_SET_BOOT_CPU_ID, 1));
	vcpu_init(&vcpus[0], &vm, 0);
	vcpu_init(&vcpus[1], &vm, 1);
	EXPECT_EQ(-EBUSY, call(vm.fd, MINIVMM_SET_BOOT_CPU_ID, 0));
	EXPECT_EQ(0, call(vcpus[0].fd, MINIVMM_GET_MP_STATE, &state));
	EXPECT_EQ(MINIVMM_MP_STATE_UNINITIALIZED, state.mp_state);
	EXPECT_EQ(0, call(vcpus[1].fd, MINIVMM_GET_MP_STATE, &state));
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, state.mp_state);
}

TEST_F(vm, calls_for_interrupt_controllers_need_them)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	struct minivmm_reinject_control control = { .pit_reinject = 1 };
	struct minivmm_pit_state2 pit = { 0 };
	struct minivmm_irq_level line = { .irq = 1, .level = 1 };
	struct minivmm_msi msi = { .address_lo = 0xfee00000 };
	struct minivmm_irq_routing routing = { 0 };
	static struct minivmm_lapic_state lapic;

	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &chip));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_GET_PIT2, &pit));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_SET_PIT2, &pit));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_GET_PIT, &pit));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_SET_PIT, &pit));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_REINJECT_CONTROL, &control));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_IRQ_LINE, &line));
	EXPECT_EQ(-ENXIO, call(self->vm.fd, MINIVMM_IRQ_LINE_STATUS, &line));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &msi));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_GSI_ROUTING, &routing));
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &lapic));
}

/* State */

TEST_F(chip, pic_state_is_got_as_set)
{
	struct minivmm_irqchip set = { .chip_id = MINIVMM_IRQCHIP_PIC_MASTER };
	struct minivmm_irqchip got = { .chip_id = MINIVMM_IRQCHIP_PIC_MASTER };

	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &set));
	set.chip.pic.imr = 0xfa;
	set.chip.pic.irq_base = 0x20;
	set.chip.pic.elcr = 0x20;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &set));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &got));
	EXPECT_EQ(0, memcmp(&set.chip.pic, &got.chip.pic, sizeof(got.chip.pic)));
	got.chip_id = MINIVMM_IRQCHIP_PIC_SLAVE;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &got));
	EXPECT_EQ(0, got.chip.pic.irq_base);
}

TEST_F(chip, ioapic_state_is_got_as_set)
{
	struct minivmm_irqchip set = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	struct minivmm_irqchip got = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };

	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &set));
	EXPECT_EQ(0xfec00000, set.chip.ioapic.base_address);
	for (int i = 0; i < MINIVMM_IOAPIC_NUM_PINS; i++)
		EXPECT_NE(0, set.chip.ioapic.redirtbl[i].bits & 0x10000);
	set.chip.ioapic.id = 3;
	set.chip.ioapic.ioregsel = 0x10;
	set.chip.ioapic.redirtbl[4].bits = 0x0100000000000034;
	set.chip.ioapic.redirtbl[9].bits = 0x030000000001a939;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &set));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &got));
	EXPECT_EQ(0, memcmp(&set.chip.ioapic, &got.chip.ioapic, sizeof(got.chip.ioapic)));
}

TEST_F(chip, unknown_chip_is_refused)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_NR_IRQCHIPS };

	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &chip));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_GET_IRQCHIP, BAD_POINTER));
}

TEST_F(chip, pit_state_is_got_as_set)
{
	struct minivmm_pit_state2 set, got;

	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_PIT2, &set));
	set.channels[2].count = 0x1234;
	set.channels[2].mode = 3;
	set.channels[2].rw_mode = 3;
	set.channels[2].gate = 1;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_PIT2, &set));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_PIT2, &got));
	EXPECT_EQ(0x1234, got.channels[2].count);
	EXPECT_EQ(3, got.channels[2].mode);
	EXPECT_EQ(3, got.channels[2].rw_mode);
	EXPECT_EQ(1, got.channels[2].gate);
}

TEST(first_pit_call_is_the_second_with_a_speaker)
{
	struct minivmm_pit_config config = { 0 };
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	EXPECT_EQ(0, call(vm.fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(0, call(vm.fd, MINIVMM_CREATE_PIT, 0));
	EXPECT_EQ(-EEXIST, call(vm.fd, MINIVMM_CREATE_PIT, 0));
	EXPECT_EQ(-EEXIST, call(vm.fd, MINIVMM_CREATE_PIT2, &config));
}

TEST_F(chip, first_pit_calls_show_the_same_channels)
{
	struct minivmm_pit_state first;
	struct minivmm_pit_state2 second;

	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_PIT, &first));
	first.channels[2].count = 0x4321;
	first.channels[2].mode = 2;
	first.channels[2].rw_mode = 3;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_PIT, &first));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_PIT2, &second));
	EXPECT_EQ(0x4321, second.channels[2].count);
	EXPECT_EQ(2, second.channels[2].mode);
	EXPECT_EQ(3, second.channels[2].rw_mode);
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_GET_PIT, BAD_POINTER));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_SET_PIT, BAD_POINTER));
}

/* What it does to ticks is tested of the PIT itself, unit/pit.c. */
TEST_F(chip, reinjection_is_turned_off_and_on)
{
	struct minivmm_reinject_control control = { .pit_reinject = 0 };

	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_REINJECT_CONTROL, &control));
	control.pit_reinject = 1;
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_REINJECT_CONTROL, &control));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_REINJECT_CONTROL, BAD_POINTER));
	control.reserved[30] = 1;
	if (device_is_minivmm(self->vm.device)) {
		EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_REINJECT_CONTROL, &control));
	}
}

static __u32 *apic_register(struct minivmm_lapic_state *lapic, int offset)
{
	return (__u32 *)&lapic->regs[offset];
}

TEST_F(chip, local_apic_starts_as_after_reset)
{
	static struct minivmm_lapic_state lapic;

	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(0, *apic_register(&lapic, 0x20));		/* id */
	EXPECT_EQ(0x14, *apic_register(&lapic, 0x30) & 0xff);	/* version */
	EXPECT_EQ(0xffffffff, *apic_register(&lapic, 0xe0));	/* destination format */
	EXPECT_EQ(0xff, *apic_register(&lapic, 0xf0));		/* spurious vector, off */
	EXPECT_EQ(0x10000, *apic_register(&lapic, 0x320));	/* timer masked */
	EXPECT_EQ(0x10000, *apic_register(&lapic, 0x370));	/* error masked */
}

TEST_F(chip, local_apic_is_got_as_set)
{
	static struct minivmm_lapic_state set, got;

	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &set));
	*apic_register(&set, 0x80) = 0x20;	/* TPR */
	*apic_register(&set, 0xd0) = 0x01000000;	/* logical id */
	*apic_register(&set, 0xf0) = 0x1ff;
	*apic_register(&set, 0x320) = 0x200ef;
	*apic_register(&set, 0x350) = 0x700;
	*apic_register(&set, 0x3e0) = 0xb;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &set));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &got));
	EXPECT_EQ(0x20, *apic_register(&got, 0x80));
	EXPECT_EQ(0x01000000, *apic_register(&got, 0xd0));
	EXPECT_EQ(0x1ff, *apic_register(&got, 0xf0));
	EXPECT_EQ(0x200ef, *apic_register(&got, 0x320));
	EXPECT_EQ(0x700, *apic_register(&got, 0x350));
	EXPECT_EQ(0xb, *apic_register(&got, 0x3e0));
	EXPECT_EQ(2, vcpu_sregs(&self->vcpu).cr8);
}

/* Routes */

struct routing {
	struct minivmm_irq_routing head;
	struct minivmm_irq_routing_entry entries[2];
};

static const struct routing one_msi_route = {
	.head.nr = 1,
	.entries[0] = {
		.gsi = 40, .type = MINIVMM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = 0x30 },
	},
};

static const struct routing one_pin_route = {
	.head.nr = 1,
	.entries[0] = {
		.gsi = 4, .type = MINIVMM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = MINIVMM_IRQCHIP_IOAPIC, .pin = 4 },
	},
};

static long set_routing(struct vm *vm, const struct routing *routing)
{
	return call(vm->fd, MINIVMM_SET_GSI_ROUTING, routing);
}

TEST_F(chip, good_routes_are_accepted)
{
	EXPECT_EQ(0, set_routing(&self->vm, &one_msi_route));
	EXPECT_EQ(0, set_routing(&self->vm, &one_pin_route));
	EXPECT_EQ(0, set_routing(&self->vm, &(struct routing) { 0 }));
}

#define EXPECT_ROUTE_REFUSED(from, change)					\
do {										\
	struct routing routing = from;						\
										\
	routing.change;								\
	EXPECT_EQ(-EINVAL, set_routing(&self->vm, &routing));			\
} while (0)

TEST_F(chip, bad_routes_are_refused)
{
	EXPECT_ROUTE_REFUSED(one_msi_route, head.flags = 1);
	EXPECT_ROUTE_REFUSED(one_msi_route, head.nr = 100000);
	EXPECT_ROUTE_REFUSED(one_msi_route, entries[0].type = 77);
	EXPECT_ROUTE_REFUSED(one_msi_route, entries[0].flags = 2);
	EXPECT_ROUTE_REFUSED(one_msi_route, entries[0].gsi = 100000);
	EXPECT_ROUTE_REFUSED(one_pin_route, entries[0].flags = 1);
	EXPECT_ROUTE_REFUSED(one_pin_route, entries[0].u.irqchip.irqchip = 9);
	EXPECT_ROUTE_REFUSED(one_pin_route, entries[0].u.irqchip.pin = 24);
}

TEST_F(chip, one_pin_of_a_chip_belongs_to_a_gsi_once)
{
	struct routing routing = one_pin_route;

	routing.head.nr = 2;
	routing.entries[1] = routing.entries[0];
	routing.entries[1].u.irqchip.pin = 5;
	EXPECT_EQ(-EINVAL, set_routing(&self->vm, &routing));
}

TEST_F(chip, unreadable_routes_are_efault)
{
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_SET_GSI_ROUTING, BAD_POINTER));
}

TEST_F(chip, refused_routes_leave_the_old_ones)
{
	struct routing bad = one_msi_route;

	bad.entries[0].type = 77;
	EXPECT_EQ(-EINVAL, set_routing(&self->vm, &bad));
	EXPECT_EQ(0, vm_irq_line(&self->vm, 4, 1));
	EXPECT_EQ(0, vm_irq_line(&self->vm, 4, 0));
}

/* Messages */

TEST_F(chip, msi_flags_are_checked)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x30, .flags = 2 };

	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &msi));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_SIGNAL_MSI, BAD_POINTER));
}

TEST_F(chip, msi_sets_its_vector_in_the_local_apic)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x51 };
	static struct minivmm_lapic_state lapic;

	vcpu_enable_apic(&self->vcpu);
	EXPECT_LT(0, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &msi));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(1 << (0x51 % 32), *apic_register(&lapic, 0x200 + 0x51 / 32 * 0x10));
}

TEST_F(chip, local_apic_that_is_set_has_no_older_interrupt)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x51 };
	static struct minivmm_lapic_state lapic;

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_LT(0, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &msi));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &lapic));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(0, *apic_register(&lapic, 0x200 + 0x51 / 32 * 0x10));
}

TEST_F(chip, msi_route_sets_its_vector_in_the_local_apic)
{
	static struct minivmm_lapic_state lapic;

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, set_routing(&self->vm, &one_msi_route));
	EXPECT_EQ(0, vm_irq_line(&self->vm, 40, 1));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(1 << (0x30 % 32), *apic_register(&lapic, 0x200 + 0x30 / 32 * 0x10));
}

/* Lines */

TEST_F(chip, line_of_the_pic_is_pending_while_masked)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_PIC_MASTER };

	EXPECT_EQ(0, vm_irq_line(&self->vm, 5, 1));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_EQ(1 << 5, chip.chip.pic.irr);
	EXPECT_EQ(0, vm_irq_line(&self->vm, 5, 0));
}

TEST_F(chip, ioapic_pin_delivers_its_vector)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	static struct minivmm_lapic_state lapic;

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	chip.chip.ioapic.redirtbl[20].bits = 0x61;	/* edge, physical, CPU 0 */
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &chip));
	EXPECT_EQ(0, vm_irq_line(&self->vm, 20, 1));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(1 << (0x61 % 32), *apic_register(&lapic, 0x200 + 0x61 / 32 * 0x10));
}

TEST_F(chip, level_triggered_pin_sets_remote_irr)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	chip.chip.ioapic.redirtbl[20].bits = 0x8061;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &chip));
	EXPECT_EQ(0, vm_irq_line(&self->vm, 20, 1));
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_NE(0, chip.chip.ioapic.redirtbl[20].bits & 0x4000);
	EXPECT_EQ(0, vm_irq_line(&self->vm, 20, 0));
}

GUEST64(self_ipi, "mov $0xfee00000, %ebx; movl $0x40061, 0x300(%rbx); out %al, $0x10; hlt");

/* Until the timer's interrupt is requested. */
GUEST64(wait_for_timer,
	"mov $0xfee00000, %ebx; movl $0x61, 0x320(%rbx); movl $1, 0x380(%rbx);"
	"1: testb $2, 0x230(%rbx); jz 1b; out %al, $0x10; hlt");

static __u32 vector_bit(struct vcpu *vcpu, __u32 registers, __u8 vector)
{
	static struct minivmm_lapic_state lapic;

	if (call(vcpu->fd, MINIVMM_GET_LAPIC, &lapic))
		fatal("GET_LAPIC");
	return *apic_register(&lapic, registers + vector / 32 * 0x10) >> vector % 32 & 1;
}

#define TMR	0x180
#define IRR	0x200

/* A vector is level-triggered as its last interrupt was, wherever that came from. */
TEST_F(chip, trigger_mode_is_that_of_the_last_interrupt)
{
	struct minivmm_msi edge = { .address_lo = 0xfee00000, .data = 0x61 };
	struct minivmm_msi level = { .address_lo = 0xfee00000, .data = 0xc061 };
	static struct minivmm_lapic_state lapic;

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_LT(0, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &level));
	EXPECT_EQ(1, vector_bit(&self->vcpu, IRR, 0x61));
	EXPECT_EQ(1, vector_bit(&self->vcpu, TMR, 0x61));

	*apic_register(&lapic, TMR + 0x61 / 32 * 0x10) = 1U << 0x61 % 32;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &lapic));
	EXPECT_EQ(1, vector_bit(&self->vcpu, TMR, 0x61));
	EXPECT_LT(0, call(self->vm.fd, MINIVMM_SIGNAL_MSI, &edge));
	EXPECT_EQ(1, vector_bit(&self->vcpu, IRR, 0x61));
	EXPECT_EQ(0, vector_bit(&self->vcpu, TMR, 0x61));

	/* An IPI to itself that Intel's CPU makes alone leaves the trigger mode as it was: KVM, too. */
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &lapic));
	start_long(&self->vcpu, self_ipi);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(1, vector_bit(&self->vcpu, IRR, 0x61));
	if (!host_is_intel())
		EXPECT_EQ(0, vector_bit(&self->vcpu, TMR, 0x61));

	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &lapic));
	start_long(&self->vcpu, wait_for_timer);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, vector_bit(&self->vcpu, TMR, 0x61));
}

TEST_F(chip, line_status_tells_whether_the_interrupt_was_taken)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	struct minivmm_irq_level line = { .irq = 20, .level = 1 };

	vcpu_enable_apic(&self->vcpu);
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_GET_IRQCHIP, &chip));
	chip.chip.ioapic.redirtbl[20].bits = 0x61;
	ASSERT_EQ(0, call(self->vm.fd, MINIVMM_SET_IRQCHIP, &chip));
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_IRQ_LINE_STATUS, &line));
	EXPECT_LT(0, line.status);
}

TEST_F(chip, external_vector_is_refused_when_the_kernel_has_the_pic)
{
	struct minivmm_interrupt interrupt = { 0x20 };

	EXPECT_EQ(-ENXIO, call(self->vcpu.fd, MINIVMM_INTERRUPT, &interrupt));
}

/* The local APIC's page. */

#define APIC_ID_REGISTER	0xfee00020
#define MSR_APIC_BASE		0x1b
#define XAPIC			0xfee00900
#define XAPIC_ELSEWHERE		0xfed00900
#define X2APIC			0xfee00d00

GUEST64(read_apic_id, "1: mov $0xfee00020, %edx; mov (%rdx), %eax; out %al, $0x10; jmp 1b");

#define NOT_THERE	0xffffffff

/* The guest reads the APIC ID register's address: @answer, if userspace is asked. */
static __u32 read_apic_page(struct __test_metadata *_metadata, struct vcpu *vcpu, bool is_asked)
{
	const __u32 answer = 0x12345678;

	EXPECT_EQ(0, vcpu_run(vcpu));
	if (is_asked) {
		EXPECT_EQ(MINIVMM_EXIT_MMIO, vcpu->run->exit_reason);
		EXPECT_EQ(APIC_ID_REGISTER, vcpu->run->mmio.phys_addr);
		memcpy(vcpu->run->mmio.data, &answer, sizeof(answer));
		EXPECT_EQ(0, vcpu_run(vcpu));
	}
	EXPECT_EQ(MINIVMM_EXIT_IO, vcpu->run->exit_reason);
	return vcpu_regs(vcpu).rax;
}

GUEST64(jump_to_apic, "mov $0xfee000b0, %eax; jmp *%rax");

TEST_F(chip, code_in_the_apic_page_is_an_internal_error)
{
	if (!device_is_minivmm(self->vm.device) && host_is_intel())
		SKIP(return, "KVM has memory there for the CPU, which the guest then executes");
	start_long(&self->vcpu, jump_to_apic);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(MINIVMM_INTERNAL_ERROR_EMULATION, self->vcpu.run->internal.suberror);
	EXPECT_EQ(0xfee000b0, vcpu_regs(&self->vcpu).rip);
}

TEST_F(chip, apic_page_is_there_in_xapic_mode_only)
{
	struct minivmm_mp_state runnable = { MINIVMM_MP_STATE_RUNNABLE };
	struct vcpu *first = &self->vcpu, second;

	if (!device_is_minivmm(self->vm.device) && host_is_intel())
		SKIP(return, "KVM has memory there for the CPU, which the guest then sees");
	vcpu_init(&second, &self->vm, 1);
	EXPECT_EQ(0, call(second.fd, MINIVMM_SET_MP_STATE, &runnable));
	vcpu_set_supported_cpuid(first);
	vcpu_set_supported_cpuid(&second);
	start_long(first, read_apic_id);
	start_long(&second, read_apic_id);
	EXPECT_EQ(0, read_apic_page(_metadata, first, false));
	EXPECT_EQ(1, vcpu_set_msr(first, MSR_APIC_BASE, X2APIC));
	EXPECT_EQ(NOT_THERE, read_apic_page(_metadata, first, false));
	/* Each vCPU has its own. */
	EXPECT_EQ(1 << 24, read_apic_page(_metadata, &second, false));
	EXPECT_EQ(NOT_THERE, read_apic_page(_metadata, first, false));
	EXPECT_EQ(1, vcpu_set_msr(first, MSR_APIC_BASE, XAPIC_ELSEWHERE));
	EXPECT_EQ(0x12345678, read_apic_page(_metadata, first, true));
	EXPECT_EQ(1, vcpu_set_msr(first, MSR_APIC_BASE, XAPIC & ~(1UL << 11)));
	EXPECT_EQ(NOT_THERE, read_apic_page(_metadata, first, false));
	EXPECT_EQ(1, vcpu_set_msr(first, MSR_APIC_BASE, XAPIC));
	EXPECT_EQ(0, read_apic_page(_metadata, first, false));
	vcpu_free(&second);
}

GUEST64(write_apic_page, "mov $0xfee00300, %edx; movl $0x4500, (%rdx); out %al, $0x10");

TEST_F(chip, writes_of_the_apic_page_are_lost_in_x2apic_mode)
{
	start_long(&self->vcpu, write_apic_page);
	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_APIC_BASE, X2APIC));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
}

GUEST64(write_a_device, "1: mov $0x20000000, %edx; movl $1, (%rdx); jmp 1b");

TEST_F(chip, other_devices_stay_where_they_are_without_an_apic_page)
{
	const __u64 bases[] = { X2APIC, XAPIC & ~(1UL << 11) };

	vcpu_set_supported_cpuid(&self->vcpu);
	start_long(&self->vcpu, write_a_device);
	for (unsigned int i = 0; i < ARRAY_LEN(bases); i++) {
		EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_APIC_BASE, bases[i]));
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
		EXPECT_EQ(0x20000000, self->vcpu.run->mmio.phys_addr);
	}
}

/* Help for guests that poll the TPR: accepted where there is a local APIC. */

TEST_F(chip, vapic_page_is_memory_or_none)
{
	struct minivmm_vapic_addr addr = { 0 };

	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_VAPIC_ADDR, &addr));
	addr.vapic_addr = GUEST_DATA;
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_VAPIC_ADDR, &addr));
	addr.vapic_addr = 1UL << 40;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_VAPIC_ADDR, &addr));
}

TEST_F(vm, vapic_page_needs_a_local_apic)
{
	struct minivmm_vapic_addr addr = { 0 };

	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_VAPIC_ADDR, &addr));
}

TEST_F(chip, tpr_access_reporting_is_turned_on_and_off)
{
	struct minivmm_tpr_access_ctl ctl = { .enabled = 1 };

	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
	ctl.enabled = 0;
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
	ctl.flags = 1;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
}

GUEST64(use_cr8, "mov $0xfee00000, %ebx; mov 0x20(%rbx), %eax; mov $5, %ecx; mov %rcx, %cr8; out %al, $0x10; hlt");
GUEST64(use_tpr,
	"mov $0xfee00000, %ebx; mov $0x20, %ecx; 1: mov %ecx, 0x80(%rbx); mov 0x80(%rbx), %eax;"
	"addl $0x10, 0x80(%rbx); mov 0x20(%rbx), %edx; mov 0x80(%rbx), %edx; out %al, $0x10; jmp 1b");

#define EXPECT_TPR_ACCESS(offset, written)					\
do {										\
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_TPR_ACCESS);			\
	EXPECT_EQ(GUEST_CODE + (offset), self->vcpu.run->tpr_access.rip);	\
	EXPECT_EQ(written, self->vcpu.run->tpr_access.is_write);		\
} while (0)

/* The access is complete when it is told, and what is told is which instruction did it. */
TEST_F(chip, tpr_accesses_are_reported_while_that_is_on)
{
	struct minivmm_tpr_access_ctl ctl = { .enabled = 1 };

	if (host_is_intel())
		SKIP(return, "the CPU has the TPR itself");
	start_long(&self->vcpu, use_tpr);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
	EXPECT_TPR_ACCESS(10, 1);
	EXPECT_EQ(2, vcpu_sregs(&self->vcpu).cr8);
	EXPECT_TPR_ACCESS(16, 0);
	EXPECT_EQ(0x20, vcpu_regs(&self->vcpu).rax);
	/* One instruction reads and writes it: one report, of the write. */
	EXPECT_TPR_ACCESS(22, 1);
	EXPECT_EQ(3, vcpu_sregs(&self->vcpu).cr8);
	ctl.enabled = 0;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0x30, vcpu_regs(&self->vcpu).rdx);
	/* Instructions that are known from the first time say the same. */
	ctl.enabled = 1;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
	EXPECT_TPR_ACCESS(10, 1);
	EXPECT_TPR_ACCESS(16, 0);
	EXPECT_TPR_ACCESS(22, 1);
}

TEST_F(chip, tpr_in_memory_alone_is_reported)
{
	struct minivmm_tpr_access_ctl ctl = { .enabled = 1 };

	start_long(&self->vcpu, use_cr8);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TPR_ACCESS_REPORTING, &ctl));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(5, vcpu_sregs(&self->vcpu).cr8);
}

TEST_HARNESS_MAIN
