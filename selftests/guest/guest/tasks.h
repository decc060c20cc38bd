/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tasks.c stands on: a program of 32 bits in ring 0, without paging, with tables of its own.
 * Three tasks: the program itself, one that it switches to, and one that looks after a fault
 * of the latter.
 */
#ifndef GUEST_TASKS_H
#define GUEST_TASKS_H

#include "../device.h"
#include "report.h"

/* Selectors. */
#define CODE		0x08
#define DATA		0x10
#define MAIN_TASK	0x18
#define TASK		0x20		/* the task under test */
#define FAULT_TASK	0x28
#define GATE		0x30		/* to TASK */
#define USER_CODE	0x3b
#define USER_DATA	0x43
#define LDT		0x48
#define TASK16		0x50
#define CODE16		0x58		/* of 32 bits, but based at the program */
#define DATA16		0x60		/* a stack of 16 bits */
#define SPARE		0x68		/* for a bad one */
#define BEYOND		0x1000		/* the table does not reach there */

#define STACK16		0x6000		/* of TASK16, which leaves it at once */

#define NT		0x4000u
#define RF		0x10000u
#define VM		0x20000u
#define IOPL3		0x3000u
#define TF		0x100u
#define IF		0x200u

struct tss {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt;
	u16 trap, iomap;
};

struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags;
	u16 ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};

struct table_pointer {
	u16 limit;
	u32 base;
} __attribute__((packed));

/* What a vector pushed. */
struct frame {
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags;
};

/* The last exception that came through an interrupt gate, in whichever task. */
#define NO_TRAP		0x100
struct trap {
	u32 vector, error, eip, eflags, task, cr2, dr6;
};
extern volatile struct trap trap;
extern volatile u32 resume_at, trap_at, next_at;

/* Runs an instruction that may fault; then goes on behind it. */
#define TRAP(text, ...)								\
({										\
	trap.vector = NO_TRAP;							\
	asm volatile("movl $1f, resume_at\n movl $2f, trap_at\n movl $1f, next_at\n" \
		     "2: " text "\n 1: movl $0, resume_at" __VA_ARGS__);		\
	trap.vector;								\
})

/* What TASK found when it was entered; it then returns, by IRET or by a jump. */
struct visit {
	u32 count, eflags, esp, task, link, cr0, dr7, cr3, error, fs;
	u32 main_busy, task_busy;
};
extern volatile struct visit visit;

extern struct tss main_tss, task_tss, fault_tss;
extern struct tss16 task16_tss;
extern u64 gdt[16];
extern u64 idt[256];
extern u32 page_tables[1024], other_tables[1024];
extern u32 task_stack[1024], fault_stack[1024];

/* What FAULT_TASK found. */
extern volatile u32 faults, fault_error, fault_link;

/* What TASK does beyond that: calls a function (not TASK16), moves the program's saved EIP. */
extern void (*volatile on_visit)(void);
extern volatile u32 skipped, leave_by_jump;

void set_up(void);
void set_gate(u8 vector, u64 type, u16 selector, u32 offset);
void set_task_gate(u8 vector, u16 selector);
void catch_by_task(u8 vector);		/* in FAULT_TASK, which jumps back to the program */
void catch_by_gate(u8 vector);		/* in whichever task, see struct trap */
void paging_on(void);
u64 descriptor(u32 base, u32 limit, u32 type);
int is_busy(u16 selector);
void clear_busy(u16 selector);
void task_entry(void);
void task16_entry(void);
void start(void);

#define TSS_TYPE	0x0089		/* bits 8 to 23 of a descriptor's upper half; not busy */

static inline u32 read_cr2(void)
{
	u32 value;

	asm volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline u32 read_dr6(void)
{
	u32 value;

	asm volatile("mov %%dr6, %0" : "=r"(value));
	return value;
}

static inline u32 task_register(void)
{
	u32 value;

	asm volatile("str %0" : "=r"(value));
	return value & 0xffff;
}

static inline void clear_task_switched(void)
{
	asm volatile("clts");
}

#endif
