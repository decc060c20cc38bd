// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls with arguments that are plausible first (what the GET call gives, or what a VMM
 * would pass) and then, often, damaged in some fields.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define ROOM	0x4000		/* for any argument */

struct request {
	struct rng *rng;
	struct machine *m;
	struct vcpu *vcpu;
	union {
		__u8 bytes[ROOM];
		__u64 words[ROOM / 8];
	};
};

struct known_call {
	unsigned long nr;
	unsigned long get;		/* the call that gives an argument, or 0 */
	void (*fill)(struct request *r);
	__u16 rarely;			/* one in so many times */
	bool by_value;
	bool keep;			/* damage would keep the round from its end */
};

static int some_eventfd(struct request *r)
{
	return pick(r->rng, r->m->eventfds);
}

static void fill_msi(struct request *r)
{
	struct minivmm_msi *msi = (void *)r->bytes;

	msi->address_lo = 0xfee00000 | below(r->rng, 4) << 12 | below(r->rng, 4) << 2;
	msi->data = below(r->rng, 256) | below(r->rng, 8) << 8 | below(r->rng, 4) << 14;
}

static void fill_line(struct request *r)
{
	struct minivmm_irq_level *line = (void *)r->bytes;

	line->irq = below(r->rng, 26);
	line->level = below(r->rng, 2);
}

static void fill_routing(struct request *r)
{
	struct minivmm_irq_routing *routing = (void *)r->bytes;

	routing->nr = below(r->rng, 60);
	for (unsigned int i = 0; i < routing->nr; i++) {
		struct minivmm_irq_routing_entry *entry = &routing->entries[i];

		entry->gsi = i < 24 ? i : below(r->rng, 64);
		entry->type = i < 40 ? MINIVMM_IRQ_ROUTING_IRQCHIP : MINIVMM_IRQ_ROUTING_MSI;
		if (entry->type == MINIVMM_IRQ_ROUTING_IRQCHIP) {
			entry->u.irqchip.irqchip = i < 24 ? 2 : i / 8 - 3;
			entry->u.irqchip.pin = i < 24 ? i : i % 8;
			entry->gsi = i < 24 ? i : i - 24;
		} else {
			entry->gsi = i;
			entry->u.msi.address_lo = 0xfee00000 | below(r->rng, 4) << 12;
			entry->u.msi.data = below(r->rng, 0x800);
		}
	}
}

static void fill_irqfd(struct request *r)
{
	struct minivmm_irqfd *irqfd = (void *)r->bytes;

	irqfd->fd = some_eventfd(r);
	irqfd->gsi = below(r->rng, 30);
	irqfd->flags = below(r->rng, 4);
	irqfd->resamplefd = some_eventfd(r);
}

static void fill_ioeventfd(struct request *r)
{
	struct minivmm_ioeventfd *io = (void *)r->bytes;

	io->fd = some_eventfd(r);
	io->flags = below(r->rng, 8);
	io->addr = io->flags & MINIVMM_IOEVENTFD_FLAG_PIO ? DEVICE_PORT + below(r->rng, 256) :
							     DEVICE_GPA + below(r->rng, 0x10000);
	io->len = 1 << below(r->rng, 4);
	io->datamatch = below(r->rng, 4);
}

static void fill_zone(struct request *r)
{
	struct minivmm_coalesced_mmio_zone *zone = (void *)r->bytes;

	zone->pio = below(r->rng, 2);
	zone->addr = zone->pio ? DEVICE_PORT + below(r->rng, 256) :
				 DEVICE_GPA + below(r->rng, 0x10000);
	zone->size = 1 + below(r->rng, 64);
}

static void fill_irqchip(struct request *r)
{
	((struct minivmm_irqchip *)r->bytes)->chip_id = below(r->rng, 3);
	call(r->m->vm.fd, MINIVMM_GET_IRQCHIP, r->bytes);
}

static void fill_reinject(struct request *r)
{
	r->bytes[0] = below(r->rng, 2);
}

static void fill_cpuid(struct request *r)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(r->m->vm.device);

	memcpy(r->bytes, cpuid, sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]));
	free(cpuid);
}

static void fill_msrs(struct request *r)
{
	static const __u32 indices[] = {
		0x10, 0x1b, 0x3b, 0x6e0, 0x174, 0x175, 0x176, 0x277, 0x2ff, 0x200, 0x48, 0x49,
		0x1a0, 0x1d9, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100,
		0xc0000101, 0xc0000102, 0xc0000103, 0xda0, 0x4b564d00, 0x4b564d01, 0x4b564d02,
		0x4b564d03, 0x4b564d04, 0x11, 0x12, 0x8b, 0xc0010015, 0xc001001f, 0xc0000080,
		0x17a, 0x17b, 0x400, 0x401, 0x402, 0x1d9, 0x800, 0x808, 0x830, 0x38f, 0xc0000104,
	};
	struct minivmm_msrs *msrs = (void *)r->bytes;

	msrs->nmsrs = 1 + below(r->rng, 8);
	for (unsigned int i = 0; i < msrs->nmsrs; i++)
		msrs->entries[i].index = one_in(r->rng, 5) ? rnd(r->rng) & 0xc0011fff :
							     pick(r->rng, indices);
	call(r->vcpu->fd, MINIVMM_GET_MSRS, msrs);
	if (one_in(r->rng, 2))
		msrs->entries[0].data = odd_number(r->rng);
}

static void fill_interrupt(struct request *r)
{
	r->bytes[0] = rnd(r->rng);
}

static void fill_mp_state(struct request *r)
{
	r->bytes[0] = below(r->rng, 5);
}

static void fill_sregs(struct request *r)
{
	struct minivmm_sregs *sregs = (void *)r->bytes;

	call(r->vcpu->fd, MINIVMM_GET_SREGS, sregs);
	sregs->cr2 = odd_number(r->rng);
	sregs->cr8 = below(r->rng, 20);
	if (one_in(r->rng, 3))
		sregs->fs.base = odd_number(r->rng);
	if (one_in(r->rng, 3))
		sregs->gs.limit = odd_number(r->rng);
	if (one_in(r->rng, 5))
		sregs->apic_base = 0xfee00000 | below(r->rng, 16) << 8;
	if (one_in(r->rng, 5))
		sregs->interrupt_bitmap[below(r->rng, 4)] = 1ULL << below(r->rng, 64);
	if (one_in(r->rng, 5))
		sregs->cr3 = odd_number(r->rng) & 0xffffffffff000;
}

static void fill_guest_debug(struct request *r)
{
	struct minivmm_guest_debug *debug = (void *)r->bytes;

	debug->control = below(r->rng, 4) | (one_in(r->rng, 3) ? 1 << (16 + below(r->rng, 5)) : 0);
	debug->arch.debugreg[7] = one_in(r->rng, 2) ? rnd(r->rng) & 0xffff : 0;
}

static void fill_mce(struct request *r)
{
	struct minivmm_x86_mce *mce = (void *)r->bytes;

	mce->status = 1ULL << 63 | (rnd(r->rng) & (7ULL << 60 | 0xffff));
	mce->mcg_status = below(r->rng, 8);
	mce->bank = below(r->rng, 34);
}

static void fill_mce_setup(struct request *r)
{
	r->words[0] = below(r->rng, 34) | (one_in(r->rng, 4) ? odd_number(r->rng) : 0);
}

/* Not the signal that ends a RUN. */
static void fill_signal_mask(struct request *r)
{
	struct minivmm_signal_mask *mask = (void *)r->bytes;
	__u64 blocked = rnd(r->rng) & ~(1ULL << (SIGUSR1 - 1));

	mask->len = one_in(r->rng, 10) ? below(r->rng, 20) : 8;
	memcpy(mask->sigset, &blocked, sizeof(blocked));
}

static void fill_device_attr(struct request *r)
{
	struct minivmm_device_attr *attr = (void *)r->bytes;

	attr->addr = (unsigned long)&r->bytes[64];
}

static void fill_count(struct request *r)
{
	r->words[0] = below(r->rng, 300);
}

static void fill_capability(struct request *r)
{
	static const __u32 caps[] = { MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				      MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT };
	struct minivmm_enable_cap *cap = (void *)r->bytes;

	cap->cap = one_in(r->rng, 2) ? pick(r->rng, caps) : below(r->rng, 250);
	cap->args[0] = below(r->rng, 4);
}

/* Now and then the code's own slot goes: write_code() brings it back. */
static void fill_region(struct request *r)
{
	struct minivmm_userspace_memory_region *region = (void *)r->bytes;

	if (one_in(r->rng, 20))
		return;
	region->slot = 1 + below(r->rng, 5);
	region->guest_phys_addr = odd_number(r->rng) & -PAGE;
	region->memory_size = below(r->rng, EXTRA_PAGES) * PAGE;
	region->userspace_addr = (unsigned long)r->m->extra;
}

static const struct known_call device_calls[] = {
	{ .nr = MINIVMM_GET_API_VERSION, .by_value = true },
	{ .nr = MINIVMM_GET_SUPPORTED_CPUID, .fill = fill_count },
	{ .nr = MINIVMM_GET_EMULATED_CPUID, .fill = fill_count },
	{ .nr = MINIVMM_GET_MSR_INDEX_LIST, .fill = fill_count },
	{ .nr = MINIVMM_GET_MSR_FEATURE_INDEX_LIST, .fill = fill_count },
	{ .nr = MINIVMM_X86_GET_MCE_CAP_SUPPORTED },
	{ .nr = MINIVMM_GET_MSRS, .fill = fill_msrs },
	{ .nr = MINIVMM_CHECK_EXTENSION, .by_value = true },
	{ .nr = MINIVMM_CREATE_VM, .by_value = true },
};

static const struct known_call vm_calls[] = {
	{ .nr = MINIVMM_SIGNAL_MSI, .fill = fill_msi },
	{ .nr = MINIVMM_IRQ_LINE, .fill = fill_line },
	{ .nr = MINIVMM_IRQ_LINE_STATUS, .fill = fill_line },
	{ .nr = MINIVMM_SET_GSI_ROUTING, .fill = fill_routing, .rarely = 2 },
	{ .nr = MINIVMM_IRQFD, .fill = fill_irqfd },
	{ .nr = MINIVMM_IRQFD, .fill = fill_irqfd },
	{ .nr = MINIVMM_IOEVENTFD, .fill = fill_ioeventfd },
	{ .nr = MINIVMM_IOEVENTFD, .fill = fill_ioeventfd },
	{ .nr = MINIVMM_REGISTER_COALESCED_MMIO, .fill = fill_zone },
	{ .nr = MINIVMM_UNREGISTER_COALESCED_MMIO, .fill = fill_zone },
	{ .nr = MINIVMM_GET_IRQCHIP, .fill = fill_irqchip },
	{ .nr = MINIVMM_SET_IRQCHIP, .fill = fill_irqchip, .rarely = 2 },
	{ .nr = MINIVMM_GET_PIT2 },
	{ .nr = MINIVMM_SET_PIT2, .get = MINIVMM_GET_PIT2 },
	{ .nr = MINIVMM_GET_PIT },
	{ .nr = MINIVMM_SET_PIT, .get = MINIVMM_GET_PIT },
	{ .nr = MINIVMM_REINJECT_CONTROL, .fill = fill_reinject },
	{ .nr = MINIVMM_GET_CLOCK },
	{ .nr = MINIVMM_SET_CLOCK, .get = MINIVMM_GET_CLOCK },
	{ .nr = MINIVMM_CREATE_VCPU, .by_value = true, .rarely = 20 },
	{ .nr = MINIVMM_CREATE_IRQCHIP, .by_value = true, .rarely = 10 },
	{ .nr = MINIVMM_SET_TSS_ADDR, .by_value = true, .rarely = 4 },
	{ .nr = MINIVMM_SET_BOOT_CPU_ID, .by_value = true, .rarely = 4 },
	{ .nr = MINIVMM_SET_IDENTITY_MAP_ADDR, .rarely = 4 },
	{ .nr = MINIVMM_CHECK_EXTENSION, .by_value = true, .rarely = 4 },
	{ .nr = MINIVMM_GET_STATS_FD, .by_value = true },
	{ .nr = MINIVMM_SET_USER_MEMORY_REGION, .fill = fill_region, .rarely = 4 },
	{ .nr = MINIVMM_SET_NR_MMU_PAGES, .by_value = true },
	{ .nr = MINIVMM_GET_NR_MMU_PAGES, .by_value = true },
	{ .nr = MINIVMM_RESET_DIRTY_RINGS, .by_value = true },
	{ .nr = MINIVMM_CREATE_PIT, .by_value = true },
	{ .nr = MINIVMM_CREATE_PIT2, .rarely = 4 },
	{ .nr = MINIVMM_CREATE_DEVICE, .rarely = 4 },
	{ .nr = MINIVMM_X86_SET_MSR_FILTER, .rarely = 4 },
	{ .nr = MINIVMM_ENABLE_CAP, .fill = fill_capability, .rarely = 8 },
	{ .nr = MINIVMM_GET_LAST_ERROR, .fill = fill_count },
};

static const struct known_call vcpu_calls[] = {
	{ .nr = MINIVMM_GET_REGS },
	{ .nr = MINIVMM_SET_REGS, .get = MINIVMM_GET_REGS },
	{ .nr = MINIVMM_GET_SREGS },
	{ .nr = MINIVMM_SET_SREGS, .fill = fill_sregs },
	{ .nr = MINIVMM_GET_SREGS2 },
	{ .nr = MINIVMM_SET_SREGS2, .get = MINIVMM_GET_SREGS2 },
	{ .nr = MINIVMM_GET_MSRS, .fill = fill_msrs },
	{ .nr = MINIVMM_SET_MSRS, .fill = fill_msrs },
	{ .nr = MINIVMM_SET_CPUID2, .fill = fill_cpuid, .rarely = 3 },
	{ .nr = MINIVMM_GET_CPUID2, .fill = fill_cpuid },
	{ .nr = MINIVMM_GET_FPU },
	{ .nr = MINIVMM_SET_FPU, .get = MINIVMM_GET_FPU },
	{ .nr = MINIVMM_GET_LAPIC },
	{ .nr = MINIVMM_SET_LAPIC, .get = MINIVMM_GET_LAPIC },
	{ .nr = MINIVMM_GET_MP_STATE },
	{ .nr = MINIVMM_SET_MP_STATE, .fill = fill_mp_state },
	{ .nr = MINIVMM_GET_VCPU_EVENTS },
	{ .nr = MINIVMM_SET_VCPU_EVENTS, .get = MINIVMM_GET_VCPU_EVENTS },
	{ .nr = MINIVMM_GET_DEBUGREGS },
	{ .nr = MINIVMM_SET_DEBUGREGS, .get = MINIVMM_GET_DEBUGREGS },
	{ .nr = MINIVMM_GET_XSAVE },
	{ .nr = MINIVMM_SET_XSAVE, .get = MINIVMM_GET_XSAVE },
	{ .nr = MINIVMM_GET_XCRS },
	{ .nr = MINIVMM_SET_XCRS, .get = MINIVMM_GET_XCRS },
	{ .nr = MINIVMM_INTERRUPT, .fill = fill_interrupt },
	{ .nr = MINIVMM_NMI, .by_value = true },
	{ .nr = MINIVMM_SET_TSC_KHZ, .by_value = true },
	{ .nr = MINIVMM_GET_TSC_KHZ, .by_value = true },
	{ .nr = MINIVMM_KVMCLOCK_CTRL, .by_value = true },
	{ .nr = MINIVMM_TRANSLATE },
	{ .nr = MINIVMM_GET_STATS_FD, .by_value = true },
	{ .nr = MINIVMM_SET_DEVICE_ATTR, .fill = fill_device_attr },
	{ .nr = MINIVMM_GET_DEVICE_ATTR, .fill = fill_device_attr },
	{ .nr = MINIVMM_HAS_DEVICE_ATTR, .fill = fill_device_attr },
	{ .nr = MINIVMM_ENABLE_CAP },
	{ .nr = MINIVMM_SET_GUEST_DEBUG, .fill = fill_guest_debug },
	{ .nr = MINIVMM_X86_SETUP_MCE, .fill = fill_mce_setup, .rarely = 2 },
	{ .nr = MINIVMM_X86_SET_MCE, .fill = fill_mce },
	{ .nr = MINIVMM_SET_SIGNAL_MASK, .fill = fill_signal_mask, .keep = true },
	{ .nr = MINIVMM_TPR_ACCESS_REPORTING },
	{ .nr = MINIVMM_SET_VAPIC_ADDR },
	{ .nr = MINIVMM_GET_XSAVE2 },
	{ .nr = MINIVMM_SMI, .by_value = true },
	{ .nr = MINIVMM_SET_CPUID },
	{ .nr = MINIVMM_GET_LAST_ERROR, .fill = fill_count },
};

static void damage(struct request *r, size_t size)
{
	int times = 1 + below(r->rng, 3);

	while (times--) {
		if (one_in(r->rng, 2) && size >= 8)
			r->words[below(r->rng, size / 8)] = odd_number(r->rng);
		else if (size)
			r->bytes[below(r->rng, size)] ^= 1 << below(r->rng, 8);
	}
}

static void make_call(struct request *r, int fd, const struct known_call *c)
{
	size_t size = (c->nr >> 16) & 0x3fff;
	long result;

	count(calls);
	if (c->by_value) {
		result = call(fd, c->nr, odd_number(r->rng));
	} else {
		if (c->get)
			call(fd, c->get, r->bytes);
		if (c->fill)
			c->fill(r);
		if (!c->keep && one_in(r->rng, 3))
			damage(r, size + (c->fill ? 64 : 0));
		result = call(fd, c->nr, one_in(r->rng, 100) ? (void *)odd_number(r->rng) :
							      r->bytes);
	}
	/* The calls that give a descriptor give it for nothing. */
	if (result > 0 && (c->nr == MINIVMM_GET_STATS_FD || c->nr == MINIVMM_CREATE_VCPU ||
			   c->nr == MINIVMM_CREATE_VM)) {
		(void)!read(result, r->bytes, below(r->rng, ROOM));
		call(result, MINIVMM_CREATE_VCPU, 0);
		close(result);
	}
}

static void call_one_of(struct rng *rng, struct machine *m, struct vcpu *vcpu, int fd,
			const struct known_call *calls, size_t nr)
{
	static __thread struct request r;
	const struct known_call *c = &calls[below(rng, nr)];

	if (c->rarely && !one_in(rng, c->rarely))
		return;
	memset(&r, 0, sizeof(r));
	r.rng = rng;
	r.m = m;
	r.vcpu = vcpu;
	make_call(&r, fd, c);
}

/* Any call of the API's number space, known or not, but RUN. */
static void call_anything(struct rng *rng, int fd)
{
	static __thread __u8 bytes[ROOM];
	unsigned long nr = rnd(rng) & 0x3fff00ff, kind = below(rng, 4) << 30;

	for (int i = 0; i < 64; i++)
		bytes[i] = one_in(rng, 3) ? rnd(rng) : 0;
	if ((nr & 0xff) == (MINIVMM_RUN & 0xff) || (nr & 0xff) == (MINIVMM_SET_SIGNAL_MASK & 0xff) ||
	    (nr & 0xff) == (MINIVMM_CREATE_VCPU & 0xff) || (nr & 0xff) == (MINIVMM_GET_STATS_FD & 0xff))
		return;
	count(calls);
	call(fd, nr | kind | MINIVMMIO << 8, bytes);
}

void call_vm(struct rng *rng, struct machine *m)
{
	static const __u64 one = 1;
	int times = 1 + below(rng, 10);

	if (one_in(rng, 10))
		call_anything(rng, m->vm.fd);
	if (one_in(rng, 10))
		call_one_of(rng, m, &m->vcpus[0], m->vm.device, device_calls,
			    ARRAY_LEN(device_calls));
	while (times--) {
		if (one_in(rng, 3))
			(void)!write(pick(rng, m->eventfds), &one, sizeof(one));
		call_one_of(rng, m, &m->vcpus[0], m->vm.fd, vm_calls, ARRAY_LEN(vm_calls));
	}
}

void call_vcpu(struct rng *rng, struct machine *m, struct vcpu *vcpu)
{
	int times = 1 + below(rng, 10);

	if (one_in(rng, 10))
		call_anything(rng, vcpu->fd);
	while (times--)
		call_one_of(rng, m, vcpu, vcpu->fd, vcpu_calls, ARRAY_LEN(vcpu_calls));
}
