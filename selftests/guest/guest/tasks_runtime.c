// SPDX-License-Identifier: GPL-2.0
/* Tables, vectors and the tasks' own code; the contract is in tasks.h. */
#include "tasks.h"

volatile u32 failures, resume_at, trap_at, next_at;
volatile struct trap trap;
volatile struct visit visit;
volatile u32 faults, fault_error, fault_link, leave_by_jump, skipped;
void (*volatile on_visit)(void);

struct tss main_tss, fault_tss;
struct tss16 task16_tss;
u64 gdt[16];
u64 idt[256];
u32 page_tables[1024] __attribute__((aligned(4096)));
u32 other_tables[1024] __attribute__((aligned(4096)));
u32 task_stack[1024], fault_stack[1024];
static u32 ring_stack[256];

/* On a page of its own, which can be taken away. */
struct tss task_tss __attribute__((aligned(4096)));

extern u8 vector_entries[32][16];
void on_vector(volatile struct frame *frame);
void on_task(u32 eflags, u32 esp);
void on_fault_task(u32 esp);

asm(".section .text.start, \"ax\"\n"
    ".globl start\n"
    "start: cld\n"
    "	call guest_main\n"
    "	mov $0xf4, %edx\n"
    "1:	out %eax, %dx\n"
    "	hlt\n"
    "	jmp 1b\n"
    ".text\n"
    ".globl vector_entries, task_entry, task16_entry, fault_entry\n"
    "	.balign 16\n"
    "vector_entries:\n"
    "	.set vector, 0\n"
    "	.rept 32\n"
    "	.balign 16\n"
    "	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)\n"
    "	push $0\n"
    "	.endif\n"
    "	push $vector\n"
    "	jmp common\n"
    "	.set vector, vector + 1\n"
    "	.endr\n"
    "common:\n"
    "	pusha\n"
    "	cld\n"
    "	push %esp\n"
    "	call on_vector\n"
    "	add $4, %esp\n"
    "	popa\n"
    "	add $8, %esp\n"
    "	iret\n"
    /* With an error code the stack is not where it was to be: on_task() looks. */
    "task_entry:\n"
    "	pushf\n"
    "	mov %esp, %eax\n"
    "	add $4, %eax\n"
    "	push %eax\n"
    "	push 4(%esp)\n"
    "	call on_task\n"
    "	add $12, %esp\n"
    "	cmpl $0, leave_by_jump\n"
    "	jne 1f\n"
    "	iret\n"
    "	jmp task_entry\n"
    "1:	ljmp $0x18, $0\n"
    "	jmp task_entry\n"
    /* Of 16 bits is only the state: the code has another base, the stack, at base 0, is left. */
    "task16_entry:\n"
    "	pushf\n"
    "	movzwl %sp, %edx\n"
    "	mov (%edx), %eax\n"
    "	add $4, %edx\n"
    "	mov $0x10, %ecx\n"
    "	mov %ecx, %ss\n"
    "	mov $task_stack + 2048, %esp\n"
    "	push %edx\n"
    "	push %eax\n"
    "	call on_task\n"
    "	iret\n"
    "	jmp task16_entry\n"
    "fault_entry:\n"
    "	push %esp\n"
    "	call on_fault_task\n"
    "	mov $fault_stack + 4096, %esp\n"
    "	ljmp $0x18, $0\n");

extern void fault_entry(void);

void on_vector(volatile struct frame *frame)
{
	u32 dr6 = read_dr6();

	trap.vector = frame->vector;
	trap.error = frame->error;
	trap.eip = frame->eip;
	trap.eflags = frame->eflags;
	trap.task = task_register();
	trap.cr2 = read_cr2();
	trap.dr6 = dr6;
	if (frame->vector == 1) {
		frame->eflags &= ~TF;
		asm volatile("mov %0, %%dr6" : : "r"(0xffff0ff0));
		return;
	}
	if (resume_at && trap.task != TASK) {
		frame->eip = resume_at;
		resume_at = 0;
		return;
	}
	fail(__FILE_NAME__, frame->vector, "unexpected, at", frame->eip, frame->error);
	outl(0xf4, failures);
}

int is_busy(u16 selector)
{
	return gdt[selector / 8] >> 41 & 1;
}

void clear_busy(u16 selector)
{
	gdt[selector / 8] &= ~(1ull << 41);
}

void on_task(u32 eflags, u32 esp)
{
	u32 cr0;

	asm volatile("smsw %0" : "=r"(cr0));
	visit.count++;
	visit.eflags = eflags;
	visit.esp = esp;
	visit.task = task_register();
	visit.link = visit.task == TASK16 ? task16_tss.link : task_tss.link;
	visit.cr0 = cr0;
	visit.error = *(u32 *)esp;
	visit.main_busy = is_busy(MAIN_TASK);
	visit.task_busy = is_busy(visit.task);
	asm volatile("mov %%fs, %0" : "=r"(visit.fs));
	main_tss.eip += skipped;
	if (on_visit)
		on_visit();
}

/* What was nested is not busy any more. */
void on_fault_task(u32 esp)
{
	faults++;
	fault_error = *(u32 *)esp;
	fault_link = fault_tss.link & 0xffff;
	clear_busy(MAIN_TASK);
	clear_busy(TASK);
	clear_busy(TASK16);
}

u64 descriptor(u32 base, u32 limit, u32 type)
{
	return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)type << 40 |
	       (u64)(limit & 0xf0000) << 32 | (u64)(base & 0xff000000) << 32;
}

void set_gate(u8 vector, u64 type, u16 selector, u32 offset)
{
	idt[vector] = (offset & 0xffff) | (u32)selector << 16 | type << 40 |
		      (u64)(offset & 0xffff0000) << 32;
}

void set_task_gate(u8 vector, u16 selector)
{
	set_gate(vector, 0x85, selector, 0);
}

static void set_task(struct tss *tss, void (*entry)(void), u32 *stack, u32 size)
{
	for (u32 i = 0; i < sizeof(*tss) / 4; i++)
		((volatile u32 *)tss)[i] = 0;
	tss->eip = (u32)entry;
	tss->eflags = 2;
	tss->esp = (u32)stack + size;
	tss->cs = CODE;
	tss->es = tss->ss = tss->ds = tss->fs = tss->gs = DATA;
	tss->esp0 = (u32)ring_stack + sizeof(ring_stack);
	tss->ss0 = DATA;
	tss->cr3 = (u32)page_tables;
}

void catch_by_task(u8 vector)
{
	set_task(&fault_tss, fault_entry, fault_stack, sizeof(fault_stack));
	clear_busy(FAULT_TASK);
	set_task_gate(vector, FAULT_TASK);
}

void catch_by_gate(u8 vector)
{
	set_gate(vector, 0x8e, CODE, (u32)vector_entries[vector]);
}

static void set_task16(void)
{
	for (u32 i = 0; i < sizeof(task16_tss) / 2; i++)
		((volatile u16 *)&task16_tss)[i] = 0;
	task16_tss.ip = (u32)task16_entry - (u32)start;
	task16_tss.flags = 2;
	task16_tss.cs = CODE16;
	task16_tss.ss = DATA16;
	task16_tss.sp = STACK16;
	task16_tss.es = task16_tss.ds = DATA;
}

static void set_descriptors(void)
{
	const struct table_pointer pointer = { sizeof(gdt) - 1, (u32)gdt };

	gdt[CODE / 8] = 0x00cf9b000000ffff;
	gdt[DATA / 8] = 0x00cf93000000ffff;
	gdt[MAIN_TASK / 8] = descriptor((u32)&main_tss, sizeof(main_tss) - 1, TSS_TYPE);
	gdt[TASK / 8] = descriptor((u32)&task_tss, sizeof(task_tss) - 1, TSS_TYPE);
	gdt[FAULT_TASK / 8] = descriptor((u32)&fault_tss, sizeof(fault_tss) - 1, TSS_TYPE);
	gdt[GATE / 8] = (u64)TASK << 16 | 0x85ull << 40;
	gdt[USER_CODE / 8] = 0x00cffb000000ffff;
	gdt[USER_DATA / 8] = 0x00cff3000000ffff;
	gdt[TASK16 / 8] = descriptor((u32)&task16_tss, sizeof(task16_tss) - 1, 0x81);
	gdt[CODE16 / 8] = descriptor((u32)start, 0xffff, 0x409b);
	gdt[DATA16 / 8] = descriptor(0, 0xffff, 0x93);
	asm volatile("lgdt %0" : : "m"(pointer));
}

/*
 * Where a fault of nested paging comes in the middle of a switch, QEMU's CPU has half done it
 * already when it begins anew. There is none where the guest has been before.
 */
static void touch_stacks(void)
{
	for (u32 i = 0; i < 1024; i++) {
		((volatile u32 *)task_stack)[i] = 0;
		((volatile u32 *)fault_stack)[i] = 0;
	}
	((volatile u32 *)STACK16)[-1] = 0;
}

void set_up(void)
{
	const struct table_pointer pointer = { sizeof(idt) - 1, (u32)idt };

	set_descriptors();
	for (u32 i = 0; i < 32; i++)
		catch_by_gate(i);
	asm volatile("lidt %0" : : "m"(pointer));
	set_task(&task_tss, task_entry, task_stack, sizeof(task_stack));
	main_tss.cr3 = (u32)page_tables;
	set_task16();
	touch_stacks();
	asm volatile("ltr %w0" : : "r"(MAIN_TASK));
	clear_task_switched();
}

/* Pages of 4 MiB, 1:1, but for the one of this program, which has small ones. */
void paging_on(void)
{
	static u32 small[1024] __attribute__((aligned(4096)));

	for (u32 i = 0; i < 1024; i++) {
		page_tables[i] = other_tables[i] = i << 22 | 0x87;
		small[i] = i << 12 | 7;
	}
	page_tables[0] = other_tables[0] = (u32)small | 7;
	asm volatile("mov %%cr4, %%eax; or $0x10, %%eax; mov %%eax, %%cr4\n"
		     "mov %0, %%cr3\n"
		     "mov %%cr0, %%eax; or $0x80000000, %%eax; mov %%eax, %%cr0; jmp 1f; 1:"
		     : : "r"(page_tables) : "eax", "memory");
}
