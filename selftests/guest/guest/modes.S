/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tour of the CPU modes, linked at MODES_START. Entered in real mode with CS = 0
 * at one of the jumps below (enum tour in modes.c), it tells what it finds to port
 * 0x10 and halts back in real mode. Tables of pages and vectors are made by modes.c.
 */
#include "../modes.h"

#define CODE32		0x08
#define DATA32		0x10
#define CODE16		0x18
#define DATA16		0x20
#define CODE64		0x28
#define DATA_BASED	0x30
#define NOT_PRESENT	0x38
#define TASK		0x40
#define USER_CODE	0x4b
#define USER_DATA	0x53

#define CR0_PE		0x00000001
#define CR0_PG		0x80000000
#define CR4_PSE		0x10
#define CR4_PAE		0x20
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100
#define EFER_NXE	0x800

	.macro	report value:vararg
	mov	\value, %eax
	out	%eax, $0x10
	.endm

	/* From real mode to 32-bit code at the next line, vectors of protected mode. */
	.macro	to_protected32
	lgdtl	gdt_pointer
	lidtl	idt32_pointer
	mov	%cr0, %eax
	or	$CR0_PE, %al
	mov	%eax, %cr0
	ljmpl	$CODE32, $0f
	.code32
0:	mov	$DATA32, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$TOUR_STACK, %esp
	.endm

	.macro	set_efer bits
	mov	$MSR_EFER, %ecx
	xor	%edx, %edx
	mov	$\bits, %eax
	wrmsr
	.endm

	.macro	paging_on tables
	mov	$\tables, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$CR0_PG, %eax
	mov	%eax, %cr0
	.endm

	.text
	.globl	_start
_start:
	.code16
	jmp	real_mode
	.balign 8
	jmp	unreal_mode
	.balign 8
	jmp	protected16
	.balign 8
	jmp	protected32
	.balign 8
	jmp	user_ring
	.balign 8
	jmp	paging32
	.balign 8
	jmp	pae
	.balign 8
	jmp	long_mode
	.balign 8
	jmp	compatibility

real_mode:
	mov	%cr0, %eax
	and	$CR0_PE, %eax
	out	%eax, $0x10
	mov	$0x2345, %ax
	mov	%ax, %ds
	movl	$0xc0ffee01, 0x10
	mov	$0x2000, %ax
	mov	%ax, %es
	report	%es:0x3460
	mov	$0xffff, %ax
	mov	%ax, %ds
	report	0x20
	xor	%ax, %ax
	mov	%ax, %ds
	movw	$int_in_real_mode, 4 * 0x40
	movw	%ax, 4 * 0x40 + 2
	int	$0x40
	report	$0x41
	hlt
int_in_real_mode:
	report	$0x40
	iret

	/* The limit and base that FS got in protected mode stay with it. */
unreal_mode:
	lgdtl	gdt_pointer
	mov	%cr0, %eax
	or	$CR0_PE, %al
	mov	%eax, %cr0
	mov	$DATA_BASED, %bx
	mov	%bx, %fs
	and	$~CR0_PE, %al
	mov	%eax, %cr0
	ljmp	$0, $1f
1:	mov	$FAR_WORD - DATA_BASE, %esi
	report	%fs:(%esi)
	xor	%ax, %ax
	mov	%ax, %fs
	mov	$LOW_WORD, %esi
	report	%fs:(%esi)
	hlt

protected16:
	lgdtl	gdt_pointer
	lidtl	idt32_pointer
	mov	%cr0, %eax
	or	$CR0_PE, %al
	mov	%eax, %cr0
	ljmp	$CODE16, $1f
1:	mov	$DATA_BASED, %ax
	mov	%ax, %ds
	mov	$DATA16, %ax
	mov	%ax, %ss
	mov	$TOUR_STACK & 0xffff, %esp
	xor	%eax, %eax
	mov	%cs, %ax
	out	%eax, $0x10
	report	LOW_WORD - DATA_BASE
	/* A push of two bytes each shows the size of operand and stack. */
	mov	%sp, %bx
	push	%ax
	sub	%sp, %bx
	movzwl	%bx, %eax
	out	%eax, $0x10
	jmp	to_real16

	.code16
protected32:
	to_protected32
	xor	%eax, %eax
	mov	%cs, %ax
	out	%eax, $0x10
	mov	%esp, %ebx
	push	%eax
	sub	%esp, %ebx
	report	%ebx
	mov	$DATA_BASED, %eax
	mov	%eax, %fs
	report	%fs:LOW_WORD - DATA_BASE
	report	%fs:FAR_WORD - DATA_BASE
	mov	$1f, %ebx
	mov	$NOT_PRESENT, %eax
	mov	%eax, %gs
	report	$0xbad
1:	mov	$1f, %ebx
	mov	$NO_SELECTOR, %eax
	mov	%eax, %gs
	report	$0xbad
1:	jmp	to_real

	.code16
user_ring:
	to_protected32
	mov	$TASK, %eax
	ltr	%ax
	pushl	$USER_DATA
	pushl	$TOUR_STACK - 0x800
	pushl	$0x3002			/* may use ports */
	pushl	$USER_CODE
	pushl	$1f
	iret
1:	xor	%eax, %eax
	mov	%cs, %ax
	out	%eax, $0x10
	mov	$1f, %ebx
	hlt
	report	$0xbad
1:	mov	$1f, %ebx
	int	$0x80
	report	$0xbad
1:	xor	%eax, %eax
	mov	%cs, %ax
	out	%eax, $0x10
	jmp	to_real

	.code16
paging32:
	to_protected32
	mov	$CR4_PSE, %eax
	mov	%eax, %cr4
	paging_on TABLES32
	report	MOVED_PAGE
	report	LARGE_32 + 0x10
	mov	$1f, %ebx
	mov	ABSENT_PAGE, %eax
	report	$0xbad
1:	mov	$1f, %ebx
	movl	$1, ABSENT_PAGE + 4
	report	$0xbad
1:	jmp	to_real

	.code16
pae:
	to_protected32
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	set_efer EFER_NXE
	paging_on TABLES_PAE
	report	MOVED_PAGE
	report	LARGE_1G + 0x10
	mov	$1f, %ebx
	mov	$MOVED_PAGE, %eax
	jmp	*%eax
	report	$0xbad
1:	mov	$1f, %ebx
	mov	ABSENT_PAGE, %eax
	report	$0xbad
1:	mov	$1f, %ebx
	movl	$0, TABLES_PAE + 8
	mov	$TABLES_PAE, %eax
	mov	%eax, %cr3
	mov	LARGE_1G, %eax
	report	$0xbad
1:	jmp	to_real

	.macro	to_long
	to_protected32
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	set_efer EFER_NXE | EFER_LME
	paging_on TABLES_LONG
	.endm

	.code16
long_mode:
	to_long
	ljmp	$CODE64, $1f
	.code64
1:	lidt	idt64_pointer
	mov	$0x1122334455667788, %rax
	mov	%rax, %r15
	shr	$32, %rax
	out	%eax, $0x10
	report	%r15d
	mov	$MSR_EFER, %ecx
	rdmsr
	out	%eax, $0x10
	movabs	$HIGH_HALF + LOW_WORD, %rsi
	report	(%rsi)
	mov	$LARGE_1G + 0x10, %esi
	report	(%rsi)
	mov	$1f, %ebx
	mov	$MOVED_PAGE, %eax
	jmp	*%rax
	report	$0xbad
1:	mov	$1f, %ebx
	movabs	$HIGH_HALF + ABSENT_PAGE, %rsi
	movl	$1, (%rsi)
	report	$0xbad
1:	mov	%rsp, %rbx
	push	%rax
	sub	%rsp, %rbx
	report	%ebx
	pushq	$CODE32
	pushq	$to_real
	lretq

	/* Code of 32 bits while long mode is active: no REX prefixes, no high registers. */
	.code16
compatibility:
	to_long
	mov	$MSR_EFER, %ecx
	rdmsr
	out	%eax, $0x10
	mov	$0x41, %eax
	.byte	0x40			/* inc %eax, or a prefix in 64-bit mode */
	out	%eax, $0x10
	mov	%esp, %ebx
	push	%eax
	sub	%esp, %ebx
	report	%ebx
	mov	$DATA_BASED, %eax
	mov	%eax, %fs
	report	%fs:LOW_WORD - DATA_BASE
	ljmp	$CODE64, $1f
	.code64
1:	mov	$-1, %rax
	inc	%rax
	out	%eax, $0x10
	pushq	$CODE32
	pushq	$to_real
	lretq

	/* The way back from all 32-bit modes; ends the tour. */
	.code32
to_real:
	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	set_efer 0
	xor	%eax, %eax
	mov	%eax, %cr4
	ljmp	$CODE16, $to_real16
	.code16
to_real16:
	mov	$DATA16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~CR0_PE, %al
	mov	%eax, %cr0
	ljmp	$0, $1f
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$REAL_STACK, %sp
	lidtl	real_idt_pointer
	mov	%cr0, %eax
	and	$CR0_PE | CR0_PG, %eax
	out	%eax, $0x10
	jmp	real_mode

	/* Faults: tell the error code (and CR2), go on where EBX says. */
	.code32
	.globl	fault32, page_fault32, system_call32
	.balign	16
fault32:
	pop	%eax
	out	%eax, $0x10
	mov	%ebx, (%esp)
	iret
	.balign	16
page_fault32:
	pop	%eax
	out	%eax, $0x10
	report	%cr2
	mov	%ebx, (%esp)
	iret
	.balign	16
system_call32:
	report	%esp
	report	4(%esp)
	report	12(%esp)
	jmp	*%ebx

	.code64
	.balign	16
page_fault64:
	pop	%rax
	out	%eax, $0x10
	mov	%cr2, %rax
	out	%eax, $0x10
	shr	$32, %rax
	out	%eax, $0x10
	mov	%rbx, (%rsp)
	iretq

	.macro	gate32 handler, type
	.word	\handler, CODE32, \type << 8, 0
	.endm

	.balign	16
idt32:
	.fill	11, 8, 0
	gate32	fault32, 0x8e
	.fill	1, 8, 0
	gate32	fault32, 0x8e
	gate32	page_fault32, 0x8e
	.fill	0x80 - 15, 8, 0
	gate32	system_call32, 0xee
idt32_end:
idt64:
	.fill	14 * 2, 8, 0
	.word	page_fault64, CODE64, 0x8e00, 0
	.quad	0
idt64_end:

gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00cf93000000ffff	/* DATA32 */
	.quad	0x00009b000000ffff	/* CODE16 */
	.quad	0x000093000000ffff	/* DATA16 */
	.quad	0x00af9b000000ffff	/* CODE64 */
	.quad	0x00cf93020000ffff	/* DATA_BASED: 0x20000 */
	.quad	0x00cf13000000ffff	/* NOT_PRESENT */
	.quad	0x0000890300000067 | (TASK_STATE & 0xffff) << 16
	.quad	0x00cffb000000ffff	/* USER_CODE */
	.quad	0x00cff3000000ffff	/* USER_DATA */
gdt_end:

	.macro	pointer start, end
	.word	\end - \start - 1
	.quad	\start
	.endm

gdt_pointer:
	pointer	gdt, gdt_end
idt32_pointer:
	pointer	idt32, idt32_end
idt64_pointer:
	pointer	idt64, idt64_end
real_idt_pointer:
	.word	0x3ff
	.quad	0

	.section .note.GNU-stack, "", @progbits
