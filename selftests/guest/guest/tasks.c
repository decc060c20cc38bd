// SPDX-License-Identifier: GPL-2.0
/* Hardware task switches: what is saved, what is loaded, and whose fault a fault is. */
#include "tasks.h"

#define DB	1
#define BP	3
#define UD	6
#define DF	8
#define TS	10
#define NP	11
#define SS	12
#define GP	13
#define PF	14

#define CR0_TS		8u
#define DR6_STEP	0x4000u
#define DR6_TASK	0x8000u

#define APIC		0xfee00000u
#define VECTOR		0x50		/* of an external interrupt */

#define CASE(name, vcpus) static void name(void);
#include "../tasks-cases.h"
#undef CASE

static void (*const cases[])(void) = {
#define CASE(name, vcpus) name,
#include "../tasks-cases.h"
#undef CASE
};

/* Far jump or call to a selector; EBX is something to be found in the saved state. */
#define SWITCH(how, selector)							\
	asm volatile("movl $1f, next_at\n mov $0x12345678, %%ebx\n"		\
		     how " $" #selector ", $0\n 1:" : : : "ebx", "memory")
#define SWITCH_TO(how, selector) SWITCH(how, selector)

static void check_visit(u32 count, u32 nested)
{
	CHECK_EQ(count, visit.count);
	CHECK_EQ(TASK, visit.task);
	CHECK_EQ(nested ? NT : 0, visit.eflags & NT);
	CHECK_EQ(nested, visit.main_busy);
	CHECK_EQ(1, visit.task_busy);
	CHECK_EQ(CR0_TS, visit.cr0 & CR0_TS);
	/* And back. */
	CHECK_EQ(MAIN_TASK, task_register());
	CHECK_EQ(1, is_busy(MAIN_TASK));
	CHECK_EQ(0, is_busy(TASK));
	CHECK_EQ(0, task_tss.eflags & NT);
}

/* ---- Instructions ---- */

static void jump_saves_one_task_and_loads_another(void)
{
	leave_by_jump = 1;
	task_tss.link = 0x7777;
	task_tss.fs = 0;
	task_tss.edi = 0xabcdef01;
	SWITCH_TO("ljmp", 0x20);
	check_visit(1, 0);
	CHECK_EQ(0x7777, visit.link);
	CHECK_EQ(0, visit.fs);
	CHECK_EQ((u32)task_stack + sizeof(task_stack), visit.esp);
	CHECK_EQ(next_at, main_tss.eip);
	CHECK_EQ(0x12345678, main_tss.ebx);
	CHECK_EQ(CODE, main_tss.cs);
	CHECK_EQ(DATA, main_tss.ss);
	CHECK_EQ(DATA, main_tss.es);
	CHECK_EQ(0xabcdef01, task_tss.edi);
}

static void only_half_a_word_is_the_selectors(void)
{
	main_tss.es = 0x55550000;
	main_tss.cs = 0xaaaa0000;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(0x55550000 | DATA, main_tss.es);
	CHECK_EQ(0xaaaa0000 | CODE, main_tss.cs);
}

static void call_nests_and_iret_returns(void)
{
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(MAIN_TASK, visit.link);
	CHECK_EQ(next_at, main_tss.eip);
	CHECK_EQ(0, main_tss.eflags & NT);
	/* It goes on behind its IRET. */
	SWITCH_TO("lcall", 0x20);
	check_visit(2, 1);
}

static void task_gates_in_the_gdt(void)
{
	SWITCH_TO("lcall", 0x30);
	check_visit(1, 1);
	CHECK_EQ(next_at, main_tss.eip);
	leave_by_jump = 1;
	SWITCH_TO("ljmp", 0x30);
	check_visit(2, 0);
	CHECK_EQ(next_at, main_tss.eip);
}

static void task_of_16_bits(void)
{
	SWITCH_TO("lcall", 0x50);
	CHECK_EQ(1, visit.count);
	CHECK_EQ(TASK16, visit.task);
	CHECK_EQ(MAIN_TASK, visit.link);
	CHECK_EQ(NT, visit.eflags & NT);
	CHECK_EQ(STACK16, visit.esp);
	CHECK_EQ(0, visit.fs);
	CHECK_EQ(1, visit.task_busy);
	CHECK_EQ(0, is_busy(TASK16));
	CHECK_EQ(next_at, main_tss.eip);
	CHECK_EQ(DATA, main_tss.fs);
	CHECK_EQ(0, task16_tss.flags & NT);
	CHECK_EQ(CODE16, task16_tss.cs);
	CHECK_EQ(DATA, task16_tss.ss);
}

/* In low memory, where such a task can reach it: it asks for FAULT_TASK by INT. */
static void task_in_virtual_8086_mode(void)
{
	static const u8 code[] = { 0x1e, 0x58, 0xcd, 0x40 };	/* push %ds; pop %ax; int $0x40 */

	for (u32 i = 0; i < sizeof(code); i++)
		((volatile u8 *)0x5000)[i] = code[i];
	catch_by_task(0x40);
	idt[0x40] |= 3ull << 45;
	task_tss.eflags = VM | IOPL3 | 2;
	task_tss.cs = 0x4f0;
	task_tss.eip = 0x100;
	task_tss.ds = 0xbeef;
	task_tss.ss = 0x600;
	task_tss.esp = 0x800;
	SWITCH_TO("lcall", 0x20);
	CHECK_EQ(1, faults);
	CHECK_EQ(TASK, fault_link);
	CHECK_EQ(VM | IOPL3, task_tss.eflags & (VM | IOPL3));
	CHECK_EQ(0x104, task_tss.eip);
	CHECK_EQ(0x4f0, task_tss.cs & 0xffff);
	CHECK_EQ(0xbeef, task_tss.eax & 0xffff);
	CHECK_EQ(0x800, task_tss.esp);
	CHECK_EQ(CODE, main_tss.cs);
}

static void task_of_ring_3(void)
{
	task_tss.cs = USER_CODE;
	task_tss.ss = task_tss.ds = task_tss.es = task_tss.fs = task_tss.gs = USER_DATA;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(USER_CODE, task_tss.cs);
	CHECK_EQ(USER_DATA, task_tss.fs);
	CHECK_EQ(USER_DATA, visit.fs);
}

static u64 ldt[2];
static volatile u32 found;

static void look_through_ldt(void)
{
	asm volatile("mov %%fs:0, %0" : "=r"(found));
}

static void task_with_a_descriptor_table_of_its_own(void)
{
	static volatile u32 word = 0x1d7;

	ldt[1] = descriptor((u32)&word, 0xfff, 0x4092);
	gdt[LDT / 8] = descriptor((u32)ldt, sizeof(ldt) - 1, 0x82);
	task_tss.ldt = LDT;
	task_tss.fs = 0xc;
	on_visit = look_through_ldt;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(0x1d7, found);
	asm volatile("sldt %0" : "=r"(found));
	CHECK_EQ(0, found & 0xffff);
}

static void segments_are_marked_accessed(void)
{
	gdt[SPARE / 8] = 0x00cf92000000ffff;
	task_tss.fs = SPARE;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(0x93, gdt[SPARE / 8] >> 40 & 0xff);
}

#define MOVED	0x800000u
#define MOVED_TO 0xc00000u

static void look_at_memory(void)
{
	found = *(volatile u32 *)MOVED;
	asm volatile("mov %%cr3, %%eax; mov %%eax, %0" : "=m"(visit.cr3) : : "eax");
}

static void page_tables_are_the_new_tasks(void)
{
	*(volatile u32 *)MOVED = 1;
	*(volatile u32 *)MOVED_TO = 2;
	paging_on();
	other_tables[MOVED >> 22] = MOVED_TO | 0x87;
	task_tss.cr3 = (u32)other_tables;
	on_visit = look_at_memory;
	CHECK_EQ(1, *(volatile u32 *)MOVED);
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(2, found);
	CHECK_EQ(other_tables, visit.cr3);
	CHECK_EQ(1, *(volatile u32 *)MOVED);
}

/* One step, then the handler clears TF. */
static void trap_flag_is_the_new_tasks(void)
{
	task_tss.eflags |= TF;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(DB, trap.vector);
	CHECK_EQ(TASK, trap.task);
	CHECK_EQ((u32)task_entry + 1, trap.eip);
	CHECK_EQ(DR6_STEP, trap.dr6 & (DR6_STEP | DR6_TASK));
}

static void look_at_breakpoints(void)
{
	asm volatile("mov %%dr7, %%eax; mov %%eax, %0" : "=m"(visit.dr7) : : "eax");
}

static void local_breakpoints_end_with_the_task(void)
{
	on_visit = look_at_breakpoints;
	asm volatile("mov %0, %%dr7" : : "r"(0x6ff));
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(0x6aa, visit.dr7);
	asm volatile("mov %%dr7, %0" : "=r"(found));
	CHECK_EQ(0x6aa, found);
}

static void local_exact_breakpoints_end_with_the_task(void)
{
	on_visit = look_at_breakpoints;
	asm volatile("mov %0, %%dr7" : : "r"(0x700));
	SWITCH_TO("lcall", 0x20);
	CHECK_EQ(0x600, visit.dr7);
}

static void trap_bit_stops_before_the_new_task(void)
{
	task_tss.trap = 1;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
	CHECK_EQ(DB, trap.vector);
	CHECK_EQ(TASK, trap.task);
	CHECK_EQ(task_entry, trap.eip);
	CHECK_EQ(DR6_TASK, trap.dr6 & (DR6_STEP | DR6_TASK | 15));
}

/* ---- Task gates in the IDT ---- */

static void software_interrupt_to_a_task(void)
{
	set_task_gate(0x41, TASK);
	asm volatile("movl $1f, next_at; int $0x41; 1:" : : : "memory");
	check_visit(1, 1);
	CHECK_EQ(MAIN_TASK, visit.link);
	CHECK_EQ(next_at, main_tss.eip);
	CHECK_EQ((u32)task_stack + sizeof(task_stack), visit.esp);
	CHECK_EQ(0, main_tss.eflags & RF);
}

/* The saved EIP tells the task where the fault was, and says where it is to go on. */
static void exception_to_a_task(void)
{
	set_task_gate(UD, TASK);
	skipped = 2;
	for (u32 i = 1; i <= 2; i++) {
		asm volatile("movl $1f, next_at; ud2; 1:" : : : "memory");
		check_visit(i, 1);
		CHECK_EQ(next_at, main_tss.eip);
		CHECK_EQ((u32)task_stack + sizeof(task_stack), visit.esp);
	}
}

static void exception_with_error_code_to_a_task(void)
{
	set_task_gate(GP, TASK);
	skipped = 2;
	asm volatile("mov %0, %%eax; movl $1f, next_at; mov %%eax, %%gs; 1:"
		     : : "i"(BEYOND + 8) : "eax", "memory");
	check_visit(1, 1);
	CHECK_EQ(BEYOND + 8, visit.error);
	CHECK_EQ((u32)task_stack + sizeof(task_stack) - 4, visit.esp);
	CHECK_EQ(next_at, main_tss.eip);
}

static void error_code_on_a_stack_of_16_bits(void)
{
	set_task_gate(GP, TASK16);
	skipped = 2;
	asm volatile("mov %0, %%eax; movl $1f, next_at; mov %%eax, %%gs; 1:"
		     : : "i"(SPARE) : "eax", "memory");
	CHECK_EQ(next_at, main_tss.eip);
	CHECK_EQ(1, visit.count);
	CHECK_EQ(TASK16, visit.task);
	CHECK_EQ(SPARE, visit.error & 0xffff);
	CHECK_EQ(STACK16 - 2, visit.esp);
}

static void breakpoint_to_a_task(void)
{
	set_task_gate(BP, TASK);
	asm volatile("int3; movl $1f, next_at; int3; 1:" : : : "memory");
	check_visit(2, 1);
	CHECK_EQ(next_at, main_tss.eip);
}

static void end_interrupt(void)
{
	*(volatile u32 *)(APIC + 0xb0) = 0;
}

static void external_interrupt_to_a_task(void)
{
	set_task_gate(VECTOR, TASK);
	on_visit = end_interrupt;
	*(volatile u32 *)(APIC + 0xf0) = 0x1ff;
	*(volatile u32 *)(APIC + 0x350) = 0x10000;
	for (u32 i = 1; i <= 2; i++) {
		*(volatile u32 *)(APIC + 0x300) = 0x44000 | VECTOR;
		asm volatile("movl $1f, next_at; sti; nop; 1: cli" : : : "memory");
		check_visit(i, 1);
		CHECK_EQ(next_at, main_tss.eip);
		CHECK_EQ(IF, main_tss.eflags & IF);
		CHECK_EQ(0, visit.eflags & IF);
	}
}

static volatile u32 inside, deepest;

/* Asks for one more, which has to wait. */
static void on_nmi(void)
{
	if (++inside > deepest)
		deepest = inside;
	if (visit.count == 1)
		outl(PORT_NMI, 0);
	asm volatile("mov $0, %%eax; cpuid" : : : "eax", "ebx", "ecx", "edx");
	CHECK_EQ(1, inside);
	inside--;
}

static void nmi_to_a_task_blocks_nmis_until_iret(void)
{
	set_task_gate(2, TASK);
	on_visit = on_nmi;
	outl(PORT_NMI, 0);
	for (u32 i = 0; i < 100000 && visit.count < 2; i++)
		asm volatile("pause");
	check_visit(2, 1);
	CHECK_EQ(1, deepest);
	/* It is not blocked for good. */
	outl(PORT_NMI, 0);
	asm volatile("nop");
	check_visit(3, 1);
}

u32 good_esp;

static void mend_stack(void)
{
	main_tss.esp = good_esp;
	main_tss.eip = next_at;
}

/* What double faults were given a task for: the stack cannot be written. */
static void double_fault_to_a_task(void)
{
	paging_on();
	page_tables[MOVED >> 22] = 0;
	asm volatile("mov %%cr3, %%eax; mov %%eax, %%cr3" : : : "eax", "memory");
	set_task_gate(DF, TASK);
	on_visit = mend_stack;
	asm volatile("mov %%esp, good_esp; movl $2f, next_at; mov %0, %%esp\n"
		     "movl $1f, trap_at; 1: push %%eax; 2:" : : "i"(MOVED + 0x1000) : "memory");
	check_visit(1, 1);
	CHECK_EQ(0, visit.error);
	CHECK_EQ((u32)task_stack + sizeof(task_stack) - 4, visit.esp);
}

/* ---- Faults of the old task ---- */

static void check_refused(u32 vector, u32 error)
{
	CHECK_EQ(vector, trap.vector);
	CHECK_EQ(error, trap.error);
	CHECK_EQ(trap_at, trap.eip);
	CHECK_EQ(MAIN_TASK, trap.task);
	CHECK_EQ(0, visit.count);
	CHECK_EQ(1, is_busy(MAIN_TASK));
}

static void busy_task_is_refused(void)
{
	TRAP("ljmp $0x18, $0");
	check_refused(GP, MAIN_TASK);
	gdt[TASK / 8] |= 1ull << 41;
	TRAP("ljmp $0x20, $0");
	check_refused(GP, TASK);
	TRAP("lcall $0x20, $0");
	check_refused(GP, TASK);
	TRAP("lcall $0x30, $0");
	check_refused(GP, TASK);
	set_task_gate(0x41, TASK);
	TRAP("int $0x41");
	check_refused(GP, TASK);
}

#define SET_NT	"pushf; orl $0x4000, (%%esp); popf; "

static void return_to(u16 link, u32 vector)
{
	main_tss.link = link;
	trap.vector = NO_TRAP;
	asm volatile("movl $1f, resume_at\n movl $2f, trap_at\n" SET_NT
		     "2: iret\n 1: movl $0, resume_at\n"
		     "pushf; andl $~0x4000, (%%esp); popf" : : : "memory");
	check_refused(vector, link);
	CHECK_EQ(NT, trap.eflags & NT);
}

static void return_to_a_task_that_is_not_busy_is_refused(void)
{
	return_to(TASK, TS);
	return_to(DATA, TS);
	return_to(BEYOND, TS);
	gdt[TASK / 8] |= 1ull << 41;
	gdt[TASK / 8] &= ~(1ull << 47);
	return_to(TASK, NP);
}

static void task_state_that_is_not_there_is_refused(void)
{
	gdt[TASK / 8] = descriptor((u32)&task_tss, sizeof(task_tss) - 2, TSS_TYPE);
	TRAP("ljmp $0x20, $0");
	check_refused(TS, TASK);
	TRAP("lcall $0x30, $0");
	check_refused(TS, TASK);
	gdt[TASK / 8] = descriptor((u32)&task_tss, sizeof(task_tss) - 1, TSS_TYPE & ~0x80);
	TRAP("ljmp $0x20, $0");
	check_refused(NP, TASK);
	TRAP("lcall $0x30, $0");
	check_refused(NP, TASK);
	gdt[TASK16 / 8] = descriptor((u32)&task16_tss, sizeof(task16_tss) - 2, 0x81);
	TRAP("lcall $0x50, $0");
	check_refused(TS, TASK16);
	gdt[GATE / 8] = (u64)BEYOND << 16 | 0x85ull << 40;
	TRAP("lcall $0x30, $0");
	check_refused(GP, BEYOND);
}

static void take_page_away(const void *page, u32 flags)
{
	u32 *small = (u32 *)(page_tables[0] & ~0xfffu);

	small[(u32)page >> 12] = ((u32)page & ~0xfffu) | flags;
	asm volatile("invlpg (%0)" : : "r"(page) : "memory");
}

static void page_fault_on_the_new_task_state(void)
{
	paging_on();
	take_page_away(&task_tss, 0);
	TRAP("ljmp $0x20, $0");
	check_refused(PF, 0);
	CHECK_EQ(0, (trap.cr2 ^ (u32)&task_tss) & ~0xfffu);
	CHECK_EQ(0, is_busy(TASK));
	take_page_away(&task_tss, 7);
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
}

static void page_fault_on_the_old_task_state(void)
{
	static struct tss away __attribute__((aligned(4096)));

	paging_on();
	gdt[SPARE / 8] = descriptor((u32)&away, sizeof(away) - 1, TSS_TYPE);
	asm volatile("ltr %w0" : : "r"(SPARE));
	take_page_away(&away, 0);
	CHECK_EQ(PF, TRAP("ljmp $0x20, $0"));
	CHECK_EQ(trap_at, trap.eip);
	CHECK_EQ(0, (trap.cr2 ^ (u32)&away) & ~0xfffu);
	CHECK_EQ(0, visit.count);
	CHECK_EQ(0, is_busy(TASK));
}

/* The EXT bit is that of an event. */
static void fault_of_a_gate_says_whose_it_is(void)
{
	gdt[TASK / 8] = descriptor((u32)&task_tss, sizeof(task_tss) - 1, TSS_TYPE & ~0x80);
	set_task_gate(0x41, TASK);
	TRAP("int $0x41");
	check_refused(NP, TASK);
	set_task_gate(UD, TASK);
	TRAP("ud2");
	check_refused(NP, TASK | 1);
	set_task_gate(UD, BEYOND);
	TRAP("ud2");
	check_refused(GP, BEYOND | 1);
}

/* ---- Faults of the new task ---- */

/* The switch is done, but for a segment: the handler's task follows the new one. */
static void fault_in_new_task(u8 vector, u32 error)
{
	u32 before = faults;

	task_tss.eip = (u32)task_entry;
	catch_by_task(vector);
	SWITCH_TO("lcall", 0x20);
	CHECK_EQ(before + 1, faults);
	CHECK_EQ(error, fault_error);
	CHECK_EQ(TASK, fault_link);
	CHECK_EQ(NT, task_tss.eflags & NT);
	CHECK_EQ(next_at, main_tss.eip);
	CHECK_EQ(0, visit.count);
	catch_by_gate(vector);
}

#define BAD(member, selector, vector)						\
do {										\
	u32 good_ = task_tss.member;						\
										\
	task_tss.member = (selector);						\
	fault_in_new_task(vector, (selector) & 0xfffc);				\
	CHECK_EQ(selector, task_tss.member);					\
	task_tss.member = good_;						\
} while (0)

static void bad_segments_are_the_new_tasks_faults(void)
{
	BAD(cs, 0, TS);
	BAD(cs, DATA, TS);
	BAD(cs, BEYOND, TS);
	BAD(cs, TASK, TS);
	BAD(ss, 0, TS);
	BAD(ss, CODE, TS);
	BAD(ss, USER_DATA, TS);
	BAD(ss, BEYOND, TS);
	BAD(ds, BEYOND, TS);
	BAD(es, TASK, TS);
	BAD(fs, BEYOND + 4, TS);
	BAD(ldt, DATA, TS);
	BAD(ldt, BEYOND, TS);
	BAD(ldt, LDT | 4, TS);
	gdt[SPARE / 8] = 0x00cf13000000ffff;
	BAD(ds, SPARE, NP);
	BAD(gs, SPARE, NP);
	gdt[SPARE / 8] = 0x00cf1b000000ffff;
	BAD(cs, SPARE, NP);
	gdt[SPARE / 8] = descriptor((u32)ldt, sizeof(ldt) - 1, 0x02);
	BAD(ldt, SPARE, TS);
	/* Nothing of it stays. */
	task_tss.eip = (u32)task_entry;
	SWITCH_TO("lcall", 0x20);
	check_visit(1, 1);
}

static void fault_of_a_new_task_comes_before_its_first_instruction(void)
{
	BAD(ds, BEYOND, TS);
	CHECK_EQ(task_entry, task_tss.eip);
}

static void stack_segment_that_is_not_there(void)
{
	gdt[SPARE / 8] = 0x00cf13000000ffff;
	BAD(ss, SPARE, SS);
}

u32 guest_main(u64 vcpu_id)
{
	set_up();
	cases[*(volatile u32 *)CASE_NUMBER]();
	return failures;
}
