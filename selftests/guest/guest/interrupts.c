// SPDX-License-Identifier: GPL-2.0
/* PIC, I/O APIC, messages, local APIC priorities, NMIs, and what holds them back. */
#define CASES "../interrupts-cases.h"
#include "cases.h"

#define PIC_BASE	0x30		/* vectors of the master, the slave's follow */
#define GSI		4
#define SLAVE_GSI	10
#define EXTINT		0x700
#define MASKED		0x10000
#define LEVEL		0x8000
#define REMOTE_IRR	0x4000
#define SPURIOUS	0xff

static void set_line(u32 gsi, u32 level)
{
	outl(PORT_LINE, gsi | level << 16);
}

static void pulse(u32 gsi)
{
	set_line(gsi, 1);
	set_line(gsi, 0);
}

static u32 io_apic_read(u32 reg)
{
	*(volatile u32 *)0xfec00000UL = reg;
	return *(volatile u32 *)0xfec00010UL;
}

static void io_apic_write(u32 reg, u32 value)
{
	*(volatile u32 *)0xfec00000UL = reg;
	*(volatile u32 *)0xfec00010UL = value;
}

static void set_redirection(u32 pin, u32 low)
{
	io_apic_write(0x11 + 2 * pin, 0);
	io_apic_write(0x10 + 2 * pin, low);
}

static void start_pic(void)
{
	static const u8 words[][2] = {
		{ 0x20, 0x11 }, { 0x21, PIC_BASE }, { 0x21, 4 }, { 0x21, 1 }, { 0x21, 0 },
		{ 0xa0, 0x11 }, { 0xa1, PIC_BASE + 8 }, { 0xa1, 2 }, { 0xa1, 1 }, { 0xa1, 0 },
	};

	apic_enable();
	apic_write(APIC_LVT0, EXTINT);
	end_of_interrupt = 0;
	for (u32 i = 0; i < sizeof(words) / 2; i++)
		outb(words[i][0], words[i][1]);
}

/* Lets all that is deliverable come. */
static void window(void)
{
	interrupts_on();
	interrupts_off();
}

static void pic_interrupt_is_taken_through_the_apics_lint0(u64 id)
{
	start_pic();
	pulse(GSI);
	CHECK_EQ(0, arrived);
	window();
	CHECK_EQ(1, interrupts[PIC_BASE + GSI]);
	/* No second one until the EOI. */
	pulse(GSI);
	window();
	CHECK_EQ(1, interrupts[PIC_BASE + GSI]);
	outb(0x20, 0x20);
	window();
	CHECK_EQ(2, interrupts[PIC_BASE + GSI]);
	outb(0x20, 0x20);
	apic_write(APIC_LVT0, EXTINT | MASKED);
	pulse(GSI);
	window();
	CHECK_EQ(2, interrupts[PIC_BASE + GSI]);
}

static void pic_priorities_nest_until_eoi(u64 id)
{
	start_pic();
	pulse(5);
	pulse(3);
	window();
	CHECK_EQ(1, arrived);
	CHECK_EQ(PIC_BASE + 3, order[0]);
	pulse(1);
	window();
	CHECK_EQ(2, arrived);
	CHECK_EQ(PIC_BASE + 1, order[1]);
	outb(0x20, 0x20);
	window();
	CHECK_EQ(2, arrived);
	outb(0x20, 0x20);
	window();
	CHECK_EQ(PIC_BASE + 5, order[2]);
}

static void pic_slave_comes_through_the_cascade(u64 id)
{
	start_pic();
	pulse(SLAVE_GSI);
	window();
	CHECK_EQ(1, interrupts[PIC_BASE + SLAVE_GSI]);
	outb(0xa0, 0x0b);
	CHECK_EQ(4, inb(0xa0));
	outb(0x20, 0x0b);
	CHECK_EQ(4, inb(0x20));
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
	CHECK_EQ(0, inb(0xa0));
	CHECK_EQ(0, inb(0x20));
}

static void io_apic_edge_interrupts_once(u64 id)
{
	apic_enable();
	set_redirection(GSI, 0x61);
	set_line(GSI, 1);
	window();
	CHECK_EQ(1, interrupts[0x61]);
	window();
	CHECK_EQ(1, interrupts[0x61]);
	set_line(GSI, 0);
	window();
	CHECK_EQ(1, interrupts[0x61]);
	pulse(GSI);
	window();
	CHECK_EQ(2, interrupts[0x61]);
}

static void io_apic_level_waits_for_eoi_and_comes_again(u64 id)
{
	const u32 entry = 0x10 + 2 * GSI;

	apic_enable();
	end_of_interrupt = 0;
	set_redirection(GSI, 0x62 | LEVEL);
	set_line(GSI, 1);
	CHECK_EQ(REMOTE_IRR, io_apic_read(entry) & REMOTE_IRR);
	window();
	CHECK_EQ(1, interrupts[0x62]);
	CHECK(apic_bit(APIC_ISR, 0x62));
	CHECK(apic_bit(APIC_ISR + 0x80, 0x62));
	window();
	CHECK_EQ(1, interrupts[0x62]);
	/* The line is still up: the EOI brings the next one. */
	apic_write(APIC_EOI, 0);
	CHECK_EQ(REMOTE_IRR, io_apic_read(entry) & REMOTE_IRR);
	window();
	CHECK_EQ(2, interrupts[0x62]);
	set_line(GSI, 0);
	CHECK_EQ(REMOTE_IRR, io_apic_read(entry) & REMOTE_IRR);
	apic_write(APIC_EOI, 0);
	CHECK_EQ(0, io_apic_read(entry) & REMOTE_IRR);
	window();
	CHECK_EQ(2, interrupts[0x62]);
}

static void io_apic_masked_pin_holds_no_edge(u64 id)
{
	apic_enable();
	set_redirection(GSI, 0x63 | MASKED);
	pulse(GSI);
	window();
	CHECK_EQ(0, interrupts[0x63]);
	set_redirection(GSI, 0x63);
	window();
	pulse(GSI);
	window();
	CHECK(interrupts[0x63] >= 1);
}

static void message_reaches_its_vector(u64 id)
{
	apic_enable();
	outl(PORT_MSI, 0x64);
	CHECK(apic_bit(APIC_IRR, 0x64));
	window();
	CHECK_EQ(1, interrupts[0x64]);
	CHECK(!apic_bit(APIC_IRR, 0x64));
	CHECK(!apic_bit(APIC_ISR, 0x64));
}

static void self_ipi_sets_irr_then_isr(u64 id)
{
	apic_enable();
	end_of_interrupt = 0;
	apic_send(0, ICR_SELF | 0x71);
	CHECK(apic_bit(APIC_IRR, 0x71));
	CHECK(!apic_bit(APIC_ISR, 0x71));
	window();
	CHECK(!apic_bit(APIC_IRR, 0x71));
	CHECK(apic_bit(APIC_ISR, 0x71));
	CHECK_EQ(0x70, apic_read(APIC_PPR));
	apic_write(APIC_EOI, 0);
	CHECK(!apic_bit(APIC_ISR, 0x71));
	CHECK_EQ(0, apic_read(APIC_PPR));
	CHECK_EQ(1, interrupts[0x71]);
}

static void send_three(void)
{
	apic_send(0, ICR_SELF | 0x51);
	apic_send(0, ICR_SELF | 0x91);
	apic_send(0, ICR_SELF | 0x72);
}

static void higher_vector_comes_first(u64 id)
{
	apic_enable();
	send_three();
	window();
	CHECK_EQ(3, arrived);
	CHECK_EQ(0x91, order[0]);
	CHECK_EQ(0x72, order[1]);
	CHECK_EQ(0x51, order[2]);
}

static void lower_vector_waits_for_eoi_of_a_higher(u64 id)
{
	apic_enable();
	end_of_interrupt = 0;
	send_three();
	window();
	CHECK_EQ(1, arrived);
	/* The same class waits too, a higher one does not. */
	apic_send(0, ICR_SELF | 0x9f);
	window();
	CHECK_EQ(1, arrived);
	apic_send(0, ICR_SELF | 0xa0);
	window();
	CHECK_EQ(2, arrived);
	CHECK_EQ(0xa0, order[1]);
	apic_write(APIC_EOI, 0);
	window();
	CHECK_EQ(2, arrived);
	end_of_interrupt = 1;
	apic_write(APIC_EOI, 0);
	window();
	CHECK_EQ(5, arrived);
	CHECK_EQ(0x9f, order[2]);
	CHECK_EQ(0x51, order[4]);
}

static void tpr_holds_back_its_class_and_those_below(u64 id)
{
	apic_enable();
	apic_write(APIC_TPR, 0x70);
	send_three();
	window();
	CHECK_EQ(1, arrived);
	CHECK_EQ(0x91, order[0]);
	CHECK_EQ(0x70, apic_read(APIC_PPR));
	interrupts_on();
	apic_write(APIC_TPR, 0x60);
	asm volatile("nop");
	CHECK_EQ(2, arrived);
	apic_write(APIC_TPR, 0);
	asm volatile("nop");
	interrupts_off();
	CHECK_EQ(3, arrived);
}

/* Nothing but a write changes it: all eight bits survive an exit. */
static void tpr_keeps_its_lower_bits(u64 id)
{
	apic_enable();
	apic_write(APIC_TPR, 0x2f);
	cpuid(0, 0);
	CHECK_EQ(0x2f, apic_read(APIC_TPR));
}

static void cr8_is_the_tpr(u64 id)
{
	apic_enable();
	write_cr8(7);
	CHECK_EQ(0x70, apic_read(APIC_TPR));
	apic_write(APIC_TPR, 0x93);
	CHECK_EQ(9, read_cr8());
	write_cr8(9);
	send_three();
	window();
	CHECK_EQ(0, arrived);
	/*
	 * Lowered through the page: QEMU's emulated CPU ends itself when a write of CR8
	 * lets a virtual interrupt through.
	 */
	interrupts_on();
	apic_write(APIC_TPR, 0x80);
	asm volatile("nop");
	CHECK_EQ(8, read_cr8());
	CHECK_EQ(1, arrived);
	apic_write(APIC_TPR, 0x5f);
	asm volatile("nop");
	CHECK_EQ(2, arrived);
	apic_write(APIC_TPR, 0);
	asm volatile("nop");
	interrupts_off();
	CHECK_EQ(3, arrived);
}

/* RIP at which the interrupt came. */
static volatile u64 came_at;

static void on_interrupt(struct frame *frame)
{
	came_at = frame->rip;
	apic_write(APIC_EOI, 0);
}

static void sti_opens_behind_the_next_instruction(u64 id)
{
	apic_enable();
	handlers[0x55] = on_interrupt;
	apic_send(0, ICR_SELF | 0x55);
	asm volatile("movq $1f, trap_at; sti; nop; 1: nop; nop; cli" : : : "memory");
	CHECK_EQ(trap_at, came_at);
	/* The instruction in the shadow may be an intercepted one. */
	apic_send(0, ICR_SELF | 0x55);
	asm volatile("movq $1f, trap_at; xor %%ecx, %%ecx; sti; cpuid; 1: nop; nop; cli"
		     : : : "memory", "rax", "rbx", "rcx", "rdx");
	CHECK_EQ(trap_at, came_at);
	/* No window: CLI stands in the shadow. */
	apic_send(0, ICR_SELF | 0x56);
	asm volatile("sti; cli; nop; nop" : : : "memory");
	CHECK_EQ(0, interrupts[0x56]);
	window();
	CHECK_EQ(1, interrupts[0x56]);
}

static volatile u32 nmis, nmi_depth, nmi_depth_seen;

static void on_nmi(struct frame *frame)
{
	if (++nmi_depth > nmi_depth_seen)
		nmi_depth_seen = nmi_depth;
	if (++nmis == 1) {
		outl(PORT_NMI, 0);
		asm volatile("nop");
	}
	nmi_depth--;
}

static void nmi_comes_with_interrupts_off(u64 id)
{
	nmis = 5;
	handlers[2] = on_nmi;
	outl(PORT_NMI, 0);
	CHECK_EQ(6, nmis);
	apic_enable();
	apic_send(0, ICR_NMI);
	asm volatile("nop");
	CHECK_EQ(7, nmis);
}

static void nmis_are_held_until_iret(u64 id)
{
	handlers[2] = on_nmi;
	outl(PORT_NMI, 0);
	asm volatile("nop");
	CHECK_EQ(2, nmis);
	CHECK_EQ(1, nmi_depth_seen);
}

static void on_nmi_with_three(struct frame *frame)
{
	if (++nmis == 1)
		for (u32 i = 0; i < 3; i++)
			outl(PORT_NMI, 0);
}

static void one_nmi_is_held(u64 id)
{
	handlers[2] = on_nmi_with_three;
	outl(PORT_NMI, 0);
	asm volatile("nop; nop" : : : "memory");
	CHECK_EQ(2, nmis);
}

/* An NMI handler that sets TF in its frame, as debuggers do, starts steps there. */
#define TF	0x100UL

static volatile u32 steps, nmis_wanted;
static volatile u64 step_at[4];

static void on_stepping_nmi(struct frame *frame)
{
	CHECK_EQ(0, frame->rflags & TF);
	if (++nmis < nmis_wanted)
		outl(PORT_NMI, 0);	/* waits for the IRET */
	else
		frame->rflags |= TF;
}

static void clear_dr6(void)
{
	asm volatile("mov %0, %%dr6" : : "r"(0xffff0ff0UL));
}

static void on_step(struct frame *frame)
{
	step_at[steps & 3] = frame->rip;
	if (++steps == 3)
		frame->rflags &= ~TF;
	clear_dr6();
}

static void step_from_nmi(u32 wanted)
{
	nmis_wanted = wanted;
	handlers[1] = on_step;
	handlers[2] = on_stepping_nmi;
	asm volatile("movq $1f, trap_at; out %0, %w1; 1: nop; nop; nop; nop; nop"
		     : : "a"(0), "d"(PORT_NMI) : "memory");
	CHECK_EQ(wanted, nmis);
	CHECK_EQ(3, steps);
	CHECK_EQ(trap_at + 1, step_at[0]);
	CHECK_EQ(trap_at + 3, step_at[2]);
}

static void trap_flag_loaded_by_the_iret_of_an_nmi(u64 id)
{
	step_from_nmi(1);
}

static void trap_flag_loaded_by_the_iret_when_an_nmi_waits(u64 id)
{
	step_from_nmi(2);
}

static void on_plain_nmi(struct frame *frame)
{
	nmis++;
}

static void on_plain_step(struct frame *frame)
{
	steps++;
	clear_dr6();
}

/* Every step is counted once, whatever NMIs of the other vCPU come in between. */
static void nmis_do_not_disturb_a_guest_that_steps(u64 id)
{
	static volatile u32 ready, stop;
	const u64 rounds = 500;
	u64 count = rounds;

	apic_enable();
	handlers[1] = on_plain_step;
	handlers[2] = on_plain_nmi;
	if (id) {
		while (!ready)
			relax();
		while (!stop) {
			apic_send(0, ICR_NMI);
			for (u32 i = 0; i < 2000; i++)
				relax();
		}
		return;
	}
	ready = 1;
	while (!nmis)
		relax();
	asm volatile("pushf; orl $0x100, (%%rsp); popf\n"
		     "1: nop; dec %0; jnz 1b\n"
		     "pushf; andl $~0x100, (%%rsp); popf" : "+r"(count) : : "memory");
	stop = 1;
	CHECK_EQ(3 * rounds + 3, steps);
}

static void start_timer(u8 vector, u32 count)
{
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, vector);
	apic_write(APIC_TMICT, count);
}

static void halt_ends_with_an_interrupt(u64 id)
{
	start_timer(0x57, 10000000);
	halt();
	CHECK_EQ(1, interrupts[0x57]);
}

/* An interrupt that waits when STI; HLT comes is taken in HLT, not before it. */
static void halt_of_a_sti_is_not_missed(u64 id)
{
	apic_enable();
	handlers[0x55] = on_interrupt;
	for (int i = 0; i < 100; i++) {
		came_at = 0;
		apic_send(0, ICR_SELF | 0x55);
		asm volatile("movq $1f, trap_at; sti; hlt; 1: cli" : : : "memory");
		CHECK_EQ(trap_at, came_at);
	}
}

static void irqfd_wakes_a_halted_vcpu(u64 id)
{
	apic_enable();
	set_redirection(GSI, 0x65);
	outl(PORT_WAKE, GSI);
	halt();
	CHECK_EQ(1, interrupts[0x65]);
	/* The level of an irqfd is a pulse: the second one comes too. */
	outl(PORT_WAKE, GSI);
	halt();
	CHECK_EQ(2, interrupts[0x65]);
}

static void spurious_vector_needs_no_eoi(u64 id)
{
	apic_enable();
	CHECK_EQ(0x1ff, apic_read(APIC_SPIV));
	/* Disabled by software: nothing is accepted, the vectors are masked. */
	apic_write(APIC_SPIV, SPURIOUS);
	CHECK_EQ(MASKED, apic_read(APIC_LVTT) & MASKED);
	apic_send(0, ICR_SELF | 0x58);
	outl(PORT_MSI, 0x58);
	window();
	CHECK_EQ(0, arrived);
	apic_enable();
	window();
	CHECK_EQ(0, arrived);
}
