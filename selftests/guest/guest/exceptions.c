// SPDX-License-Identifier: GPL-2.0
/* Exceptions of the CPU, and those that must come out of intercepted instructions. */
#define CASES "../exceptions-cases.h"
#include "cases.h"

#define DE	0
#define DB	1
#define BP	3
#define UD	6
#define DF	8
#define GP	13
#define PF	14

#define RF		0x10000UL
#define DR6_B0		0x1UL
#define DR6_BS		0x4000UL

#define FAULT_PRESENT	1
#define FAULT_WRITE	2
#define FAULT_RESERVED	8

#define PAGE_TABLES	0x1000UL	/* of vcpu_enter_long(); 2 MiB pages from 0x3000 */
#define LARGE_ENTRIES	((volatile u64 *)(PAGE_TABLES + 0x2000))
#define VICTIM		0x600000UL	/* a 2 MiB page that nothing else uses */

static u64 get_dr6(void)
{
	u64 value;

	asm volatile("mov %%dr6, %0" : "=r"(value));
	return value;
}

static void set_dr6(u64 value)
{
	asm volatile("mov %0, %%dr6" : : "r"(value));
}

static void set_dr7(u64 value)
{
	asm volatile("mov %0, %%dr7" : : "r"(value) : "memory");
}

static void set_victim(u64 entry)
{
	LARGE_ENTRIES[VICTIM >> 21] = entry;
	asm volatile("invlpg (%0)" : : "r"(VICTIM) : "memory");
}

static void divide_error_points_at_the_instruction(u64 id)
{
	CHECK_EQ(DE, TRAP("div %%cl", : : "a"(1), "c"(0)));
	CHECK_EQ(trap_at, trap.rip);
	CHECK_EQ(0, trap.error);
}

static void breakpoint_points_behind_the_instruction(u64 id)
{
	CHECK_EQ(BP, TRAP("int3"));
	CHECK_EQ(trap_at + 1, trap.rip);
}

static void undefined_opcode(u64 id)
{
	CHECK_EQ(UD, TRAP("ud2"));
	CHECK_EQ(trap_at, trap.rip);
}

static void general_protection_gives_the_selector(u64 id)
{
	CHECK_EQ(GP, TRAP("mov %0, %%gs", : : "r"(0x1008)));
	CHECK_EQ(0x1008, trap.error);
	CHECK_EQ(trap_at, trap.rip);
}

static void msr_that_does_not_exist_faults(u64 id)
{
	CHECK_EQ(GP, TRAP("rdmsr", : : "c"(0x12345678) : "rax", "rdx"));
	CHECK_EQ(0, trap.error);
	CHECK_EQ(trap_at, trap.rip);
	CHECK_EQ(GP, TRAP("wrmsr", : : "c"(0x12345678), "a"(0), "d"(0)));
}

static void page_fault_gives_address_and_cause(u64 id)
{
	volatile u64 *word = (void *)(VICTIM + 0x1238);

	set_victim(0);
	CHECK_EQ(PF, TRAP("mov (%0), %%rax", : : "r"(word) : "rax"));
	CHECK_EQ(0, trap.error);
	CHECK_EQ(word, trap.cr2);
	CHECK_EQ(trap_at, trap.rip);
	CHECK_EQ(PF, TRAP("mov %%rax, (%0)", : : "r"(word)));
	CHECK_EQ(FAULT_WRITE, trap.error);
	set_victim(VICTIM | 0x83 | 1UL << 51);
	CHECK_EQ(PF, TRAP("mov (%0), %%rax", : : "r"(word) : "rax"));
	/* Emulated hosts forget that the page was present. */
	CHECK_EQ(FAULT_RESERVED, trap.error & ~FAULT_PRESENT);
	set_victim(VICTIM | 0x83);
	CHECK_EQ(NO_TRAP, TRAP("mov (%0), %%rax", : : "r"(word) : "rax"));
	/* Accessed, and dirty only after a write. */
	CHECK_EQ(0x20, LARGE_ENTRIES[VICTIM >> 21] & 0x60);
	*word = 1;
	CHECK_EQ(0x60, LARGE_ENTRIES[VICTIM >> 21] & 0x60);
}

static void write_to_a_read_only_page_faults_under_wp(u64 id)
{
	set_victim(VICTIM | 0x81);
	CHECK_EQ(PF, TRAP("movl $1, (%0)", : : "r"(VICTIM)));
	CHECK_EQ(FAULT_PRESENT | FAULT_WRITE, trap.error);
	CHECK_EQ(VICTIM, trap.cr2);
	asm volatile("mov %%cr0, %%rax; btr $16, %%rax; mov %%rax, %%cr0" : : : "rax");
	CHECK_EQ(NO_TRAP, TRAP("movl $1, (%0)", : : "r"(VICTIM)));
	asm volatile("mov %%cr0, %%rax; bts $16, %%rax; mov %%rax, %%cr0" : : : "rax");
	CHECK_EQ(PF, TRAP("movl $1, (%0)", : : "r"(VICTIM)));
}

static void fault_while_delivering_a_fault_is_a_double_fault(u64 id)
{
	/* Vectors above #DF lie beyond the table's end. */
	load_vectors(9 * 16 - 1);
	CHECK_EQ(DF, TRAP("mov %0, %%gs", : : "r"(0x1008)));
	CHECK_EQ(0, trap.error);
	load_vectors(ALL_VECTORS);
}

/* Single steps: where each #DB found the guest. */
static volatile u64 steps[16];
static volatile u32 step_count;
static volatile u64 step_dr6;

static void on_step(struct frame *frame)
{
	steps[step_count++ % 16] = frame->rip;
	step_dr6 |= get_dr6();
	if (get_dr6() & 15)
		frame->rflags |= RF;
	set_dr6(0xffff0ff0);
}

static void start_steps(void)
{
	handlers[DB] = on_step;
	step_count = 0;
	step_dr6 = 0;
	set_dr6(0xffff0ff0);
}

/* Runs one instruction after POPF has set TF, and the PUSHF behind it. */
#define STEP(text, ...)								\
	asm volatile("pushf; orl $0x100, (%%rsp); popf\n"			\
		     "1: " text "\n 2: pushf\n andl $~0x100, (%%rsp)\n popf\n"	\
		     "3: movq $2b, trap_at"	__VA_ARGS__)

/* Steps are: behind the instruction, PUSHF, ANDL and POPF. */
#define CHECK_STEPS()								\
do {										\
	CHECK_EQ(4, step_count);						\
	CHECK_EQ(trap_at, steps[0]);						\
	CHECK_EQ(DR6_BS, step_dr6 & (DR6_BS | 15));				\
} while (0)

static void trap_flag_stops_behind_each_instruction(u64 id)
{
	start_steps();
	STEP("nop", : : );
	CHECK_STEPS();
}

static void trap_flag_stops_behind_intercepted_instructions(u64 id)
{
	start_steps();
	STEP("cpuid", : : "a"(0), "c"(0) : "rbx", "rdx");
	CHECK_STEPS();
	start_steps();
	STEP("out %%al, %%dx", : : "d"(PORT_QUEUE));
	CHECK_STEPS();
	start_steps();
	STEP("in %%dx, %%eax", : : "d"(PORT_TAKE) : "rax");
	CHECK_STEPS();
	start_steps();
	STEP("rdmsr", : : "c"(APIC_BASE_MSR) : "rax", "rdx");
	CHECK_STEPS();
	start_steps();
	STEP("wbinvd", : : );
	CHECK_STEPS();
}

static void trap_flag_stops_behind_an_emulated_access(u64 id)
{
	start_steps();
	STEP("mov (%0), %%eax", : : "r"(DEVICE) : "rax");
	CHECK_STEPS();
	start_steps();
	STEP("movl $5, (%0)", : : "r"(DEVICE));
	CHECK_STEPS();
	start_steps();
	STEP("mov (%0), %%eax", : : "r"(APIC_PAGE + APIC_ID) : "rax");
	CHECK_STEPS();
}

/* The step is pending behind HLT, so there is nothing to wait for; the timer rescues. */
static void trap_flag_ends_a_halt(u64 id)
{
	start_steps();
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x50);
	apic_write(APIC_TMICT, 2000000000);
	interrupts_on();
	STEP("hlt", : : );
	interrupts_off();
	CHECK_EQ(0, interrupts[0x50]);
	CHECK_STEPS();
}

static void breakpoint_register_stops_before_the_instruction(u64 id)
{
	start_steps();
	asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %%dr0; mov %%rax, trap_at\n"
		     "mov $0x401, %%eax; mov %%rax, %%dr7\n"
		     "nop\n 1: movq $0x400, %%rax; mov %%rax, %%dr7" : : : "rax", "memory");
	/* RF let it go on. */
	CHECK_EQ(1, step_count);
	CHECK_EQ(trap_at, steps[0]);
	CHECK_EQ(DR6_B0, step_dr6 & (DR6_BS | 15));
}

static volatile u64 watched;

static void breakpoint_register_stops_behind_a_write(u64 id)
{
	start_steps();
	asm volatile("mov %0, %%dr0" : : "r"(&watched));
	set_dr7(0xd0401);
	asm volatile("movq $7, watched; 1: nop; movq $1b, trap_at" : : : "memory");
	set_dr7(0x400);
	CHECK_EQ(1, step_count);
	CHECK_EQ(trap_at, steps[0]);
	CHECK_EQ(DR6_B0, step_dr6 & (DR6_BS | 15));
	CHECK_EQ(7, watched);
}

static void intercepted_faults_push_the_resume_flag(u64 id)
{
	CHECK_EQ(GP, TRAP("rdmsr", : : "c"(0x12345678) : "rax", "rdx"));
	CHECK_EQ(RF, trap.rflags & RF);
	CHECK_EQ(GP, TRAP("wrmsr", : : "c"(0x12345678), "a"(0), "d"(0)));
	CHECK_EQ(RF, trap.rflags & RF);
	CHECK_EQ(GP, TRAP("rdpmc", : : "c"(99) : "rax", "rdx"));
	CHECK_EQ(RF, trap.rflags & RF);
}

static void faults_push_the_resume_flag(u64 id)
{
	CHECK_EQ(UD, TRAP("ud2"));
	CHECK_EQ(RF, trap.rflags & RF);
	CHECK_EQ(UD, TRAP("xsetbv", : : "c"(0), "a"(2), "d"(0)));
	CHECK_EQ(RF, trap.rflags & RF);
	/* Not a trap. */
	CHECK_EQ(BP, TRAP("int3"));
	CHECK_EQ(0, trap.rflags & RF);
}

/* Returns to the instruction the first time, as if it had mended something. */
static volatile u32 faults;

static void on_fault(struct frame *frame)
{
	if (++faults == 2)
		frame->rip += 2;	/* of RDMSR, UD2 */
}

#define BREAK_AT(text)								\
	asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %%dr0\n"			\
		     "mov $0x401, %%eax; mov %%rax, %%dr7; mov $0x12345678, %%ecx; nop\n" \
		     "1: " text "; nop; mov $0x400, %%eax; mov %%rax, %%dr7"	\
		     : : : "rax", "rcx", "rdx", "memory")

static void breakpoint_before_a_fault_hits_once(u64 id)
{
	handlers[UD] = on_fault;
	handlers[GP] = on_fault;
	start_steps();
	BREAK_AT("rdmsr");
	CHECK_EQ(2, faults);
	CHECK_EQ(1, step_count);
	faults = 0;
	start_steps();
	BREAK_AT("ud2");
	CHECK_EQ(2, faults);
	CHECK_EQ(1, step_count);
}

#define DR6_BD		0x2000UL
#define DR7_GD		0x2000UL

static void on_guarded(struct frame *frame)
{
	u64 dr7;

	/* The CPU has lifted the guard for the handler. */
	asm volatile("mov %%dr7, %0" : "=r"(dr7));
	CHECK_EQ(0, dr7 & DR7_GD);
	step_dr6 |= get_dr6();
	set_dr6(0xffff0ff0);
	steps[step_count++ % 16] = frame->rip;
}

static void access_to_a_guarded_debug_register_faults(u64 id)
{
	start_steps();
	handlers[DB] = on_guarded;
	for (u32 i = 1; i <= 2; i++) {
		set_dr7(0x400 | DR7_GD);
		cpuid(0, 0);
		asm volatile("movq $1f, trap_at; 1: mov %%dr3, %%rax" : : : "rax", "memory");
		CHECK_EQ(i, step_count);
		CHECK_EQ(trap_at, steps[i - 1]);
		CHECK_EQ(DR6_BD, step_dr6 & (DR6_BD | DR6_BS | 15));
	}
}

static void icebp_points_behind_the_instruction(u64 id)
{
	start_steps();
	asm volatile("movq $1f, trap_at; .byte 0xf1; 1: nop" : : : "memory");
	CHECK_EQ(1, step_count);
	CHECK_EQ(trap_at, steps[0]);
	CHECK_EQ(0, step_dr6 & (DR6_BD | DR6_BS | 15));
}
