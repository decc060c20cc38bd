// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that is moved from VM to VM at any time: a second thread kicks the vCPU out of RUN, all
 * that the GET calls give, in any order, is set in a new VM, the old one is destroyed, and the
 * guest goes on there. What it sees is checked by the guest itself: guest/travel.c.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "device.h"
#include "guest_code.h"
#include "machine.h"
#include "program.h"

DECLARE_PROGRAM(travel);

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#define MOVES		400
#define MOST_NS		1500000000ULL	/* however few moves that are */
#define FIRST_TSC	(1ULL << 40)	/* KVM: not near to 0, where a new VM's begins */
#define MAX_MSRS	256

enum part {
	REGS, SREGS, XCRS, XSAVE, EVENTS, DEBUGREGS, MP_STATE, LAPIC, MSRS,
	PIC_MASTER, PIC_SLAVE, IOAPIC, PIT, CLOCK, NR_PARTS
};

struct traveller {
	struct vm vm;
	struct vcpu vcpu;
	__u8 *memory;
	bool reference;		/* KVM */
	__u32 sequence_in, sequence_out, wrong;
	unsigned int moves;
	__u64 began;
	volatile bool over;
	sem_t runs;		/* posted as the guest goes on somewhere */
	pthread_t thread;	/* of the vCPU */

	struct minivmm_regs regs;
	struct minivmm_sregs sregs;
	struct minivmm_xcrs xcrs;
	struct minivmm_xsave xsave;
	struct minivmm_vcpu_events events;
	struct minivmm_debugregs debugregs;
	struct minivmm_mp_state mp_state;
	struct minivmm_lapic_state lapic;
	struct minivmm_irqchip chip[3];
	struct minivmm_pit_state2 pit;
	struct minivmm_clock_data clock;
	struct {
		struct minivmm_msrs head;
		struct minivmm_msr_entry entries[MAX_MSRS];
	} msrs;
};

static struct minivmm_run *kicked;	/* the run page of the vCPU that is to stop */

static void must(long result, const char *what, int part)
{
	if (result < 0)
		fatal("%s of part %d: %ld", what, part, result);
}

static void list_msrs(struct traveller *t)
{
	struct {
		struct minivmm_msr_list head;
		__u32 indices[MAX_MSRS];
	} list = { .head.nmsrs = MAX_MSRS };

	must(call(t->vm.device, MINIVMM_GET_MSR_INDEX_LIST, &list), "list", MSRS);
	t->msrs.head.nmsrs = 0;
	for (__u32 i = 0; i < list.head.nmsrs; i++) {
		struct minivmm_msr_entry *entry = &t->msrs.entries[t->msrs.head.nmsrs];
		struct {
			struct minivmm_msrs head;
			struct minivmm_msr_entry entry;
		} one = { .head.nmsrs = 1, .entry.index = list.indices[i] };

		/* KVM lists some that this vCPU does not have, or that do not take what they give. */
		if (t->reference && (call(t->vcpu.fd, MINIVMM_GET_MSRS, &one) != 1 ||
				     call(t->vcpu.fd, MINIVMM_SET_MSRS, &one) != 1))
			continue;
		entry->index = list.indices[i];
		t->msrs.head.nmsrs++;
	}
}

static long get_part(struct traveller *t, enum part part)
{
	const int vcpu = t->vcpu.fd, vm = t->vm.fd;
	long n;

	switch (part) {
	case REGS: return call(vcpu, MINIVMM_GET_REGS, &t->regs);
	case SREGS: return call(vcpu, MINIVMM_GET_SREGS, &t->sregs);
	case XCRS: return call(vcpu, MINIVMM_GET_XCRS, &t->xcrs);
	case XSAVE: return call(vcpu, MINIVMM_GET_XSAVE, &t->xsave);
	case EVENTS: return call(vcpu, MINIVMM_GET_VCPU_EVENTS, &t->events);
	case DEBUGREGS: return call(vcpu, MINIVMM_GET_DEBUGREGS, &t->debugregs);
	case MP_STATE: return call(vcpu, MINIVMM_GET_MP_STATE, &t->mp_state);
	case LAPIC: return call(vcpu, MINIVMM_GET_LAPIC, &t->lapic);
	case MSRS:
		n = call(vcpu, MINIVMM_GET_MSRS, &t->msrs);
		return n == t->msrs.head.nmsrs ? 0 : -1000 - n;
	case PIC_MASTER:
	case PIC_SLAVE:
	case IOAPIC:
		t->chip[part - PIC_MASTER].chip_id = part - PIC_MASTER;
		return call(vm, MINIVMM_GET_IRQCHIP, &t->chip[part - PIC_MASTER]);
	case PIT: return call(vm, MINIVMM_GET_PIT2, &t->pit);
	case CLOCK: return call(vm, MINIVMM_GET_CLOCK, &t->clock);
	default: return -EINVAL;
	}
}

static long set_part(struct traveller *t, enum part part)
{
	const int vcpu = t->vcpu.fd, vm = t->vm.fd;
	long n;

	switch (part) {
	case REGS: return call(vcpu, MINIVMM_SET_REGS, &t->regs);
	case SREGS: return call(vcpu, MINIVMM_SET_SREGS, &t->sregs);
	case XCRS: return call(vcpu, MINIVMM_SET_XCRS, &t->xcrs);
	case XSAVE: return call(vcpu, MINIVMM_SET_XSAVE, &t->xsave);
	case EVENTS: return call(vcpu, MINIVMM_SET_VCPU_EVENTS, &t->events);
	case DEBUGREGS: return call(vcpu, MINIVMM_SET_DEBUGREGS, &t->debugregs);
	case MP_STATE: return call(vcpu, MINIVMM_SET_MP_STATE, &t->mp_state);
	case LAPIC: return call(vcpu, MINIVMM_SET_LAPIC, &t->lapic);
	case MSRS:
		n = call(vcpu, MINIVMM_SET_MSRS, &t->msrs);
		return n == t->msrs.head.nmsrs ? 0 : -1000 - n;
	case PIC_MASTER:
	case PIC_SLAVE:
	case IOAPIC:
		return call(vm, MINIVMM_SET_IRQCHIP, &t->chip[part - PIC_MASTER]);
	case PIT: return call(vm, MINIVMM_SET_PIT2, &t->pit);
	case CLOCK:
		t->clock.flags = 0;
		return call(vm, MINIVMM_SET_CLOCK, &t->clock);
	default: return -EINVAL;
	}
}

/* KVM's calls give what fits together only in some orders. */
static void save(struct traveller *t)
{
	static const enum part for_kvm[NR_PARTS] = {
		MP_STATE, REGS, EVENTS, DEBUGREGS, SREGS, XCRS, XSAVE, MSRS, LAPIC,
		PIC_MASTER, PIC_SLAVE, IOAPIC, PIT, CLOCK
	};
	enum part order[NR_PARTS];

	memcpy(order, for_kvm, sizeof(order));
	for (int i = NR_PARTS - 1; i > 0 && !t->reference; i--) {
		const int j = rand() % (i + 1);
		const enum part part = order[i];

		order[i] = order[j];
		order[j] = part;
	}
	for (int i = 0; i < NR_PARTS; i++)
		must(get_part(t, order[i]), "save", order[i]);
}

static void make(struct traveller *t)
{
	vm_init(&t->vm, 0);
	t->vm.memory = t->memory;
	t->vm.size = GUEST_MEMORY;
	must(vm_set_slot(&t->vm, 0, 0, 0, GUEST_MEMORY, t->memory), "slot", 0);
	vm_add_irqchip(&t->vm);
	vcpu_init(&t->vcpu, &t->vm, 0);
	vcpu_set_supported_cpuid(&t->vcpu);
	vcpu_add_deadline_timer(&t->vcpu);
	__atomic_store_n(&kicked, t->vcpu.run, __ATOMIC_SEQ_CST);
}

struct left_behind {
	struct vm vm;
	struct vcpu vcpu;
};

static void *destroy(void *arg)
{
	struct left_behind *old = arg;

	vcpu_free(&old->vcpu);
	vm_free(&old->vm);
	free(old);
	return NULL;
}

/* On a thread of its own: it waits for grace periods, and the guest need not. */
static void unmake(struct traveller *t)
{
	struct left_behind *old = malloc(sizeof(*old));
	pthread_t thread;

	__atomic_store_n(&kicked, NULL, __ATOMIC_SEQ_CST);
	*old = (struct left_behind){ t->vm, t->vcpu };
	old->vm.memory = NULL;
	if (pthread_create(&thread, NULL, destroy, old))
		fatal("no thread");
	pthread_detach(thread);
}

/* The machine's parts come before or after the vCPU's; some of the latter need others. */
static void restore(struct traveller *t)
{
	static const enum part vcpu_order[] = {
		XCRS, SREGS, MSRS, LAPIC, MSRS, XSAVE, DEBUGREGS, REGS, MP_STATE, EVENTS
	};
	static const enum part vm_order[] = { CLOCK, PIT, PIC_SLAVE, IOAPIC, PIC_MASTER };
	const bool vm_first = rand() & 1;

	for (int turn = 0; turn < 2; turn++) {
		if ((turn == 0) == vm_first)
			for (int i = 0; i < ARRAY_LEN(vm_order); i++)
				must(set_part(t, vm_order[i]), "restore", vm_order[i]);
		else
			for (int i = 0; i < ARRAY_LEN(vcpu_order); i++)
				must(set_part(t, vcpu_order[i]), "restore", vcpu_order[i]);
	}
}

/* Without a kick in between: making a VM does not outlive one. */
static void move(struct traveller *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	save(t);
	unmake(t);
	make(t);
	restore(t);
	t->moves++;
	if (t->moves >= MOVES || now_ns() - t->began > MOST_NS)
		*(volatile __u32 *)(t->memory + CASE_FINISH) = 1;
	else
		sem_post(&t->runs);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void on_kick(int signal)
{
	struct minivmm_run *run = __atomic_load_n(&kicked, __ATOMIC_SEQ_CST);

	if (run)
		run->immediate_exit = 1;
}

static void *kick(void *arg)
{
	struct traveller *t = arg;
	unsigned int seed = 1;

	while (!sem_wait(&t->runs) && !t->over) {
		usleep(rand_r(&seed) % 1000);
		pthread_kill(t->thread, SIGUSR1);
	}
	return NULL;
}

/* One of the devices that count accesses. */
static bool serve(struct traveller *t, void *data, bool is_write)
{
	if (is_write)
		t->wrong += *(__u32 *)data != ++t->sequence_out;
	else
		*(__u32 *)data = ++t->sequence_in;
	/* Every other access is completed by a RUN that does nothing else. */
	if (rand() & 1)
		t->vcpu.run->immediate_exit = 1;
	return true;
}

static bool serve_exit(struct traveller *t, long reason)
{
	struct minivmm_run *run = t->vcpu.run;

	if (reason == MINIVMM_EXIT_IO && run->io.port == 0xe8)
		return true;
	if (reason == MINIVMM_EXIT_IO && run->io.port == PORT_SEQUENCE && run->io.size == 4)
		return serve(t, (__u8 *)run + run->io.data_offset,
			     run->io.direction == MINIVMM_EXIT_IO_OUT);
	if (reason == MINIVMM_EXIT_MMIO && run->mmio.phys_addr == DEVICE && run->mmio.len == 4)
		return serve(t, run->mmio.data, run->mmio.is_write);
	return false;
}

static long travel_on(struct traveller *t)
{
	long reason;

	do {
		reason = program_run(&t->vcpu);
		if (reason == -EINTR) {
			t->vcpu.run->immediate_exit = 0;
			move(t);
		}
	} while (reason == -EINTR || serve_exit(t, reason));
	return reason;
}

static long travel(__u32 number)
{
	struct sigaction action = { .sa_handler = on_kick };
	struct traveller t = { .began = now_ns(), .thread = pthread_self() };
	const __u32 parameters[3] = { number, 1, 0 };
	pthread_t kicker;
	long end;

	t.memory = map_anonymous(GUEST_MEMORY);
	make(&t);
	t.reference = !device_is_minivmm(t.vm.device);
	load_program(&t.vm, travel);
	vm_write(&t.vm, CASE_NUMBER, parameters, sizeof(parameters));
	vcpu_enter_long(&t.vcpu, GUEST_PROGRAM);
	vcpu_add_deadline_timer(&t.vcpu);
	vcpu_set_msr(&t.vcpu, 0x10, FIRST_TSC);
	list_msrs(&t);
	sigaction(SIGUSR1, &action, NULL);
	sem_init(&t.runs, 0, 1);
	if (pthread_create(&kicker, NULL, kick, &t))
		fatal("no thread");
	end = travel_on(&t);
	t.over = true;
	sem_post(&t.runs);
	pthread_join(kicker, NULL);
	fprintf(stderr, "# %u moves in %llu ms\n", t.moves, (now_ns() - t.began) / 1000000);
	if (end != PROGRAM_ENDED)
		fprintf(stderr, "# ended with %ld at %#llx\n", end, vcpu_regs(&t.vcpu).rip);
	end = end == PROGRAM_ENDED ? t.vcpu.result + t.wrong : -1;
	unmake(&t);
	munmap(t.memory, GUEST_MEMORY);
	return end;
}

enum guest_case {
#define CASE(name, flags) CASE_##name,
#include "travel-cases.h"
#undef CASE
};

#define CASE(name, flags)							\
TEST(name)									\
{										\
	if ((flags) & BEYOND_KVM && on_kvm())					\
		SKIP(return, "KVM starts all counts of the PIT anew");		\
	if ((flags) & BEYOND_QEMU && host_is_qemu())					\
		SKIP(return, "the emulated CPU cannot do it");			\
	EXPECT_EQ(0, travel(CASE_##name));					\
}
#include "travel-cases.h"
#undef CASE

TEST_HARNESS_MAIN
