// SPDX-License-Identifier: GPL-2.0
/* vCPUs that wait for interrupts; the contract is in crowd.h. */
#include <pthread.h>
#include <unistd.h>

#include "crowd.h"

#define END_VECTOR	0x62

/* In the guest: vCPUs that are ready, and what was taken. */
#define READY		GUEST_DATA
#define COUNT		(GUEST_DATA + 4)
#define NMI_COUNT	(GUEST_DATA + 8)
#define IDT		(GUEST_DATA + 0x1000)

GUEST64(crowd_code,
	"lock incl 0x80000; sti; 1: hlt; jmp 1b;"
	".globl crowd_counts, crowd_counts_nmi, crowd_ends, crowd_leads;"
	"crowd_counts: lock incl 0x80004; mov $0xfee000b0, %edi; movl $0, (%rdi); iretq;"
	"crowd_counts_nmi: lock incl 0x80008; iretq;"
	"crowd_ends: out %al, $0x10;"
	"crowd_leads: mov $0xfee00300, %edi; movl $0xc0061, (%rdi); out %al, $0x10; jmp crowd_leads");
extern const __u8 crowd_counts[], crowd_counts_nmi[], crowd_ends[], crowd_leads[];

static __u64 code_address(const __u8 *label)
{
	return GUEST_CODE + (label - crowd_code);
}

void crowd_set_handler(struct crowd *c, unsigned int vector, __u64 address)
{
	const __u64 gate[2] = {
		(address & 0xffff) | 0x8UL << 16 | 0x8eUL << 40 | (address >> 16 & 0xffff) << 48,
		address >> 32,
	};

	vm_write(&c->vm, IDT + vector * 16, gate, sizeof(gate));
}

static void prepare(struct vcpu *vcpu, struct vm *vm, unsigned int id, const __u8 *entry)
{
	struct minivmm_lapic_state lapic;
	struct minivmm_sregs sregs;

	vcpu_init(vcpu, vm, id);
	vcpu_enter_long(vcpu, code_address(entry));
	sregs = vcpu_sregs(vcpu);
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	vcpu_set_sregs(vcpu, &sregs);
	if (call(vcpu->fd, MINIVMM_GET_LAPIC, &lapic))
		fatal("GET_LAPIC");
	*(__u32 *)&lapic.regs[0xf0] = 0x1ff;
	*(__u32 *)&lapic.regs[0x80] = id ? CROWD_DEAF - 1 : 0;
	if (call(vcpu->fd, MINIVMM_SET_LAPIC, &lapic))
		fatal("SET_LAPIC");
}

static void *wait_for_interrupts(void *arg)
{
	struct vcpu *vcpu = arg;

	vcpu->end = vcpu_run(vcpu);
	return NULL;
}

/* Waits until the guest has counted to @count. */
static __u32 wait_for_count(struct crowd *c, __u64 address, __u32 count)
{
	volatile __u32 *counter = (__u32 *)(c->vm.memory + address);

	for (int i = 0; i < 6000 && *counter < count; i++)
		usleep(10000);
	return *counter;
}

void crowd_init(struct crowd *c, unsigned int nr)
{
	c->nr = nr;
	vm_init(&c->vm, GUEST_MEMORY);
	vm_add_irqchip(&c->vm);
	load_code(&c->vm, crowd_code);
	crowd_set_handler(c, CROWD_NMI, code_address(crowd_counts_nmi));
	crowd_set_handler(c, CROWD_VECTOR, code_address(crowd_counts));
	crowd_set_handler(c, END_VECTOR, code_address(crowd_ends));
	prepare(&c->leader, &c->vm, 0, crowd_leads);
	for (unsigned int i = 0; i < nr; i++) {
		prepare(&c->vcpu[i], &c->vm, 1 + i, crowd_code);
		if (pthread_create(&c->vcpu[i].thread, NULL, wait_for_interrupts, &c->vcpu[i]))
			fatal("no thread");
	}
	if (wait_for_count(c, READY, nr) != nr)
		fatal("not all vCPUs start");
	usleep(300000);
}

void crowd_free(struct crowd *c)
{
	struct minivmm_msi msi = { .address_lo = 0xfeeff000, .data = END_VECTOR };

	if (call(c->vm.fd, MINIVMM_SIGNAL_MSI, &msi) < 0)
		fatal("SIGNAL_MSI");
	for (unsigned int i = 0; i < c->nr; i++) {
		pthread_join(c->vcpu[i].thread, NULL);
		if (c->vcpu[i].end || c->vcpu[i].run->exit_reason != MINIVMM_EXIT_IO)
			fatal("vCPU %u ended with %ld, exit %u", i, c->vcpu[i].end,
			      c->vcpu[i].run->exit_reason);
		vcpu_free(&c->vcpu[i]);
	}
	vcpu_free(&c->leader);
	vm_free(&c->vm);
}

__u32 crowd_answers(struct crowd *c, unsigned int vector, __u32 expected)
{
	__u64 address = vector == CROWD_NMI ? NMI_COUNT : COUNT;
	__u32 count = wait_for_count(c, address, expected);

	*(volatile __u32 *)(c->vm.memory + address) = 0;
	return count;
}

void crowd_lead(struct crowd *c)
{
	if (vcpu_run(&c->leader) || c->leader.run->exit_reason != MINIVMM_EXIT_IO)
		fatal("the leader does not come back");
}
