/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a start-up IPI sends a vCPU: copied to a page below 1 MiB, from real mode to
 * 64-bit mode with the tables that the first vCPU has, then to the program's entry
 * with the APIC id as rdi and a stack of its own.
 */
#define PAGE_TABLES	0x1000
#define GDT		0x7000
#define STACKS		0x200000
#define STACK_SHIFT	14

	.text
	.globl	ap_start, ap_start_end
	.code16
ap_start:
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	gdt_pointer - ap_start
	mov	$0x20, %eax
	mov	%eax, %cr4
	mov	$PAGE_TABLES, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	mov	$0x100, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80000011, %eax
	mov	%eax, %cr0
	ljmpl	$0x08, $in_long_mode
gdt_pointer:
	.word	23
	.long	GDT
ap_start_end:

	.code64
in_long_mode:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$1, %eax
	cpuid
	shr	$24, %ebx
	mov	%ebx, %edi
	lea	1(%rdi), %rsp
	shl	$STACK_SHIFT, %rsp
	add	$STACKS, %rsp
	jmp	start

	.section .note.GNU-stack, "", @progbits
