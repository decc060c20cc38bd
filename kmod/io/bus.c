// SPDX-License-Identifier: GPL-2.0
/* The buses: ranges of devices, in lists that only grow, and the order in which all are asked. */
#include <linux/mm.h>

#include "../irq/lapic.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "bus.h"
#include "coalesced.h"
#include "ioeventfd.h"

void bus_add(struct vm *vm, enum bus_kind kind, struct bus_range *range)
{
	struct bus *bus = &vm->bus;
	struct bus_range **last = &bus->ranges[kind];

	lockdep_assert_held(&vm->lock);
	while (*last)
		last = &(*last)->next;
	smp_store_release(last, range);
	bus_claim(bus, kind, range->base, range->size);
}

static __always_inline struct bus_range *find(struct vm *vm, enum bus_kind kind, u64 addr)
{
	struct bus_range *range;

	if (!bus_may_take(&vm->bus, kind, addr))
		return NULL;
	range = vm->bus.ranges[kind];
	while (range && addr - range->base >= range->size)
		range = READ_ONCE(range->next);
	return range;
}

/* Whether an eventfd signals it, or the ring has it. */
static __always_inline bool take_write(struct vm *vm, enum bus_kind kind, u64 addr,
				       unsigned int len, u64 data)
{
	return (rcu_access_pointer(vm->bus.ioeventfds[kind]) ||
		rcu_access_pointer(vm->bus.coalesced.zones)) &&
	       (ioeventfd_signal(vm, kind, addr, len, data) ||
		coalesced_write(vm, kind, addr, len, data));
}

/* A wide access is split as on the ISA bus: byte by byte; where nobody answers, ones are read. */
static noinline void access_ports(struct vm *vm, struct bus_range *range, u16 port,
				  unsigned int size, bool is_write, u32 *data)
{
	u32 result = 0;
	unsigned int i;

	for (i = 0; i < size; i++) {
		u64 byte = is_write ? (u8)(*data >> i * 8) : 0xff;

		if (i)
			range = find(vm, BUS_PORTS, (u16)(port + i));
		if (range)
			range->access(vm, (u16)(port + i), 1, is_write, &byte);
		result |= (u32)byte << i * 8;
	}
	*data = result;
}

bool bus_port(struct vm *vm, u16 port, unsigned int size, bool is_write, u32 *data)
{
	struct bus_range *range = find(vm, BUS_PORTS, port);

	if (range) {
		access_ports(vm, range, port, size, is_write, data);
		return true;
	}
	return is_write && take_write(vm, BUS_PORTS, port, size, *data);
}

/* The page of the local APIC moves, and each vCPU has one of its own. */
static bool access_lapic(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write, u64 *data)
{
	const struct lapic *lapic = &vcpu->lapic;

	if (unlikely(!lapic_mmio_is_plain(lapic, gpa)))
		return lapic->in_kernel && !lapic->plain &&
		       lapic_mmio(vcpu, gpa, len, is_write, data);
	if (is_write)
		lapic_mmio_write(vcpu, offset_in_page(gpa), len, *data);
	else
		lapic_mmio_read(vcpu, offset_in_page(gpa), len, data);
	return true;
}

bool bus_may_take_memory(const struct vcpu *vcpu, u64 gpa)
{
	return (vcpu->lapic.in_kernel && lapic_mmio_is_page(&vcpu->lapic, gpa)) ||
	       bus_may_take(&vcpu->vm->bus, BUS_MEMORY, gpa);
}

bool bus_memory(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write, u64 *data)
{
	struct vm *vm = vcpu->vm;
	struct bus_range *range;

	if (access_lapic(vcpu, gpa, len, is_write, data))
		return true;
	range = find(vm, BUS_MEMORY, gpa);
	if (!range)
		return is_write && take_write(vm, BUS_MEMORY, gpa, len, *data);
	range->access(vm, gpa, len, is_write, data);
	return true;
}

int bus_init(struct vm *vm)
{
	mutex_init(&vm->bus.lock);
	return coalesced_init(vm);
}

void bus_destroy(struct vm *vm)
{
	ioeventfd_release(vm);
	coalesced_destroy(vm);
}
