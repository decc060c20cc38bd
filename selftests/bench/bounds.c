// SPDX-License-Identifier: GPL-2.0
/*
 * Does what makes the module work longest with interrupts off, each between marks: the
 * worst that a VMM and a guest may legally ask for. Prints "bound LABEL NAME"; bounds-run
 * adds what was counted. See kmod/docs/bounds.md.
 */
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crowd.h"
#include "mark.h"

#define PINS		24
#define GSI		24		/* the first that no pin has by itself */
#define EVENTS		3000
#define LEADER_CODE	(GUEST_CODE + 0x1000)
#define QUIET_VECTOR	0x21		/* the leader alone takes it */
#define TO_ALL		(0xffUL << 56)
#define LEVEL		0x8000UL
#define MASKED		0x10000UL
#define HOLE		0x20000000UL
#define AREA		0x40000000UL
#define SLOTS		32763		/* beside the first */
#define LOGGED		32		/* one slot of so many is, and is written to */

static struct crowd crowd;

static void measured(const char *name)
{
	static unsigned char label;

	mark(++label);
	printf("bound %u %s\n", label, name);
	fflush(stdout);
}

static int new_event(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	if (fd < 0)
		fatal("no eventfd");
	return fd;
}

static void add_irqfd(struct vm *vm, int fd, __u32 gsi, int resample)
{
	struct minivmm_irqfd args = { .fd = fd, .gsi = gsi };

	if (resample >= 0) {
		args.flags = MINIVMM_IRQFD_FLAG_RESAMPLE;
		args.resamplefd = resample;
	}
	if (call(vm->fd, MINIVMM_IRQFD, &args))
		fatal("IRQFD refused");
}

/* GSI 0 to 23 are the I/O APIC's pins and nothing else; GSI 24 is an MSI to all. */
static void set_routes(struct vm *vm)
{
	static struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entry[PINS + 1];
	} routing = { .head.nr = PINS + 1 };
	unsigned int i;

	for (i = 0; i < PINS; i++) {
		routing.entry[i].gsi = i;
		routing.entry[i].type = MINIVMM_IRQ_ROUTING_IRQCHIP;
		routing.entry[i].u.irqchip.irqchip = MINIVMM_IRQCHIP_IOAPIC;
		routing.entry[i].u.irqchip.pin = i;
	}
	routing.entry[PINS].gsi = GSI;
	routing.entry[PINS].type = MINIVMM_IRQ_ROUTING_MSI;
	routing.entry[PINS].u.msi.address_lo = 0xfeeff000;
	routing.entry[PINS].u.msi.data = CROWD_VECTOR;
	if (call(vm->fd, MINIVMM_SET_GSI_ROUTING, &routing))
		fatal("SET_GSI_ROUTING refused");
}

/* All pins: @entry, and one vector more for each if @spread. Pending if @irr. */
static void load_pins(struct vm *vm, __u64 entry, unsigned int spread, __u32 irr)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	unsigned int i;

	chip.chip.ioapic.base_address = 0xfec00000;
	chip.chip.ioapic.irr = irr;
	for (i = 0; i < PINS; i++)
		chip.chip.ioapic.redirtbl[i].bits = entry + i * spread;
	if (call(vm->fd, MINIVMM_SET_IRQCHIP, &chip))
		fatal("SET_IRQCHIP refused");
}

static void event_for_all(void)
{
	int fd = new_event();

	add_irqfd(&crowd.vm, fd, GSI, -1);
	mark(MARK_START);
	signal_event(fd);
	measured("eventfd whose MSI goes to 255 vCPUs");
	if (crowd_answers(&crowd, CROWD_VECTOR, crowd.nr) != crowd.nr)
		fatal("not all vCPUs answer");
	close(fd);
}

static void ipi_to_all(void)
{
	crowd_lead(&crowd);	/* at first, the instruction is not at hand in the window */
	if (crowd_answers(&crowd, CROWD_VECTOR, crowd.nr) != crowd.nr)
		fatal("not all vCPUs answer");
	mark(MARK_START);
	crowd_lead(&crowd);
	measured("IPI of a vCPU to 254 others");
	if (crowd_answers(&crowd, CROWD_VECTOR, crowd.nr) != crowd.nr)
		fatal("not all vCPUs answer");
}

static void load_for_all(void)
{
	load_pins(&crowd.vm, MASKED, 0, 0);
	mark(MARK_START);
	load_pins(&crowd.vm, TO_ALL | LEVEL | (QUIET_VECTOR + 1), 1, (1 << PINS) - 1);
	measured("SET_IRQCHIP, 24 pins with a message to 255 vCPUs each");
	usleep(200000);
	load_pins(&crowd.vm, MASKED, 0, 0);
}

/* The leader takes what the crowd is deaf for, and ends it. */
GUEST64(leader, "sti; 1: hlt; jmp 1b;"
	".globl leader_ends, leader_ignores;"
	"leader_ignores: push %rdi; mov $0xfee000b0, %edi; movl $0, (%rdi); pop %rdi; iretq;"
	"leader_ends: out %al, $0x10; mov $0xfee000b0, %edi; movl $0, (%rdi);"
	"out %al, $0x11; iretq");
extern const __u8 leader_ends[], leader_ignores[];

static void lead(__u16 port)
{
	if (vcpu_run(&crowd.leader) || crowd.leader.run->exit_reason != MINIVMM_EXIT_IO ||
	    crowd.leader.run->io.port != port)
		fatal("the leader's exit is another one");
}

static void restart_leader(void)
{
	struct minivmm_regs regs = vcpu_regs(&crowd.leader);

	vm_write(&crowd.vm, LEADER_CODE, leader, leader_end - leader);
	crowd_set_handler(&crowd, QUIET_VECTOR, LEADER_CODE + (leader_ends - leader));
	for (unsigned int pin = 0; pin < PINS; pin++)	/* from load_for_all() */
		crowd_set_handler(&crowd, QUIET_VECTOR + 1 + pin,
				  LEADER_CODE + (leader_ignores - leader));
	regs.rip = LEADER_CODE;
	vcpu_set_regs(&crowd.leader, &regs);
}

static void set_lines(int level)
{
	for (unsigned int pin = 0; pin < PINS; pin++)
		if (vm_irq_line(&crowd.vm, pin, level))
			fatal("IRQ_LINE");
}

static void end_for_all(void)
{
	restart_leader();
	load_pins(&crowd.vm, TO_ALL | LEVEL | QUIET_VECTOR, 0, 0);
	set_lines(1);
	lead(0x10);
	mark(MARK_START);
	lead(0x11);
	measured("EOI of a vector of 24 pins whose lines are up, each to 255 vCPUs");
	load_pins(&crowd.vm, MASKED, 0, 0);
	set_lines(0);
}

/* Pin by pin as many as the end of one interrupt signals at once, or many at one pin. */
static void end_for_eventfds(const char *name, unsigned int first_pin, unsigned int events)
{
	static int fds[EVENTS], resample[EVENTS];
	unsigned int pins = PINS - first_pin, i;

	for (i = 0; i < events; i++) {
		fds[i] = new_event();
		resample[i] = new_event();
		add_irqfd(&crowd.vm, fds[i], first_pin + i % pins, resample[i]);
	}
	load_pins(&crowd.vm, LEVEL | QUIET_VECTOR, 0, 0);
	signal_event(fds[0]);
	restart_leader();
	lead(0x10);
	mark(MARK_START);
	lead(0x11);
	measured(name);
	usleep(200000);
	for (i = 0; i < events; i++) {
		close(fds[i]);
		close(resample[i]);
	}
	load_pins(&crowd.vm, MASKED, 0, 0);
	sleep(1);
}

static void irqfd_among_many(void)
{
	static int fds[EVENTS];
	struct minivmm_irqfd args = { .gsi = 20 };
	unsigned int i;

	for (i = 0; i < EVENTS; i++) {
		fds[i] = new_event();
		if (i)
			add_irqfd(&crowd.vm, fds[i], 20, -1);
	}
	args.fd = fds[0];
	mark(MARK_START);
	add_irqfd(&crowd.vm, fds[0], 20, -1);
	measured("IRQFD assigned beside 3000");
	args.flags = MINIVMM_IRQFD_FLAG_DEASSIGN;
	mark(MARK_START);
	if (call(crowd.vm.fd, MINIVMM_IRQFD, &args))
		fatal("IRQFD refused");
	measured("IRQFD deassigned beside 3000");
	for (i = 0; i < EVENTS; i++)
		close(fds[i]);
}

/* A VM of one vCPU without interrupt controllers that runs @code up to an exit. */
struct guest {
	struct vm vm;
	struct vcpu vcpu;
};

static void guest_init(struct guest *g)
{
	vm_init(&g->vm, GUEST_MEMORY);
	vcpu_init(&g->vcpu, &g->vm, 0);
}

static void guest_free(struct guest *g)
{
	vcpu_free(&g->vcpu);
	vm_free(&g->vm);
}

static void add_ioeventfd(struct guest *g, const struct minivmm_ioeventfd *args)
{
	if (call(g->vm.fd, MINIVMM_IOEVENTFD, args))
		fatal("IOEVENTFD refused");
}

static void run_to(struct guest *g, __u32 reason)
{
	if (vcpu_run(&g->vcpu) || g->vcpu.run->exit_reason != reason)
		fatal("exit reason %u instead of %u", g->vcpu.run->exit_reason, reason);
}

GUEST64(write_last, "mov $0x20000000, %edi; 1: out %al, $0x10; mov $9, %ecx;"
	"2: movl $0, (%rdi); dec %ecx; jnz 2b; jmp 1b");

static void write_among_ioeventfds(void)
{
	struct minivmm_ioeventfd args = {
		.addr = HOLE, .len = 4, .flags = MINIVMM_IOEVENTFD_FLAG_DATAMATCH, .fd = new_event(),
	};
	struct guest g;

	guest_init(&g);
	for (; args.datamatch < 1000; args.datamatch++)
		add_ioeventfd(&g, &args);
	start_long(&g.vcpu, write_last);
	run_to(&g, MINIVMM_EXIT_IO);
	run_to(&g, MINIVMM_EXIT_IO);
	mark(MARK_START);
	run_to(&g, MINIVMM_EXIT_IO);
	measured("write to 1000 ioeventfds, the last of which takes it");
	guest_free(&g);
}

GUEST64(string_out, "1: out %al, $0x10; lea 1b(%rip), %rsi; mov $0x10000, %ecx; cld;"
	"mov $0x40, %edx; rep outsb; jmp 1b");

static void string_to_ioeventfd(void)
{
	struct minivmm_ioeventfd args = {
		.addr = 0x40, .len = 1, .flags = MINIVMM_IOEVENTFD_FLAG_PIO, .fd = new_event(),
	};
	struct guest g;

	guest_init(&g);
	add_ioeventfd(&g, &args);
	start_long(&g.vcpu, string_out);
	run_to(&g, MINIVMM_EXIT_IO);
	mark(MARK_START);
	run_to(&g, MINIVMM_EXIT_IO);
	measured("string of 65536 bytes to an ioeventfd");
	guest_free(&g);
}

GUEST64(touch_slots, "1: out %al, $0x10; mov $0x40000000, %edi; mov $1023, %ecx;"
	"2: incb (%rdi); add $0x40000, %rdi; dec %ecx; jnz 2b; jmp 1b");

/* Where the CPU logs, its buffer is emptied when a window ends: each page is of another slot. */
static void log_of_many_slots(void)
{
	__u8 *memory = map_anonymous(SLOTS * PAGE);
	static __u64 bitmap;
	struct guest g;

	guest_init(&g);
	for (unsigned int i = 0; i < SLOTS; i++)
		if (vm_set_slot(&g.vm, 1 + i, i % LOGGED ? 0 : MINIVMM_MEM_LOG_DIRTY_PAGES,
				AREA + i * 2 * PAGE, PAGE, memory + i * PAGE))
			fatal("a slot was refused");
	start_long(&g.vcpu, touch_slots);
	run_to(&g, MINIVMM_EXIT_IO);
	run_to(&g, MINIVMM_EXIT_IO);
	for (unsigned int i = 0; i < SLOTS; i += LOGGED) {
		struct minivmm_dirty_log log = { .slot = 1 + i, .dirty_bitmap = &bitmap };

		if (call(g.vm.fd, MINIVMM_GET_DIRTY_LOG, &log))
			fatal("GET_DIRTY_LOG refused");
	}
	mark(MARK_START);
	run_to(&g, MINIVMM_EXIT_IO);
	measured("first writes to 1023 logged slots of 32764");
	guest_free(&g);
}

int main(void)
{
	struct rlimit files = { 4 * EVENTS, 4 * EVENTS };

	if (setrlimit(RLIMIT_NOFILE, &files))
		fatal("RLIMIT_NOFILE");
	write_among_ioeventfds();
	string_to_ioeventfd();
	if (host_is_intel())
		log_of_many_slots();
	crowd_init(&crowd, CROWD_MAX);
	set_routes(&crowd.vm);
	event_for_all();
	ipi_to_all();
	load_for_all();
	end_for_all();
	end_for_eventfds("EOI of a vector of 24 pins with 8 resample eventfds each", 0, 8 * PINS);
	end_for_eventfds("EOI of a pin with 3000 resample eventfds", PINS - 1, EVENTS);
	irqfd_among_many();
	crowd_free(&crowd);
	return 0;
}
