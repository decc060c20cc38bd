/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An option ROM that is the whole boot loader of the lab's Bochs machines. The
 * kernel, the initramfs and bochs-parameters.S are in RAM when the machine
 * starts (see bochs.sh); it asks the BIOS for the memory map and enters the
 * kernel by the 64-bit boot protocol: flat segments, RAM mapped as it is, RSI ->
 * boot parameters.
 *
 * On the machine's second start, a reset by a panicked kernel, it ends Bochs.
 */
#include "bochs-parameters.h"

#define ROM		0xd0000
#define MAP		0x5000		/* as the BIOS gives it */
#define STARTED		0x4ff0		/* BIOS and kernel leave it alone */
#define STARTED_MAGIC	0x6d76
#define SHUTDOWN_PORT	0x8900		/* Bochs's own */

#define CODE_32		0x08
#define CODE_64		0x10		/* as the protocol wants it */
#define DATA		0x18

	.code16
	.globl	_start
_start:
	.byte	0x55, 0xaa, 1
	jmp	init
	.org	6
	.byte	CHECKSUM

/* The BIOS calls this while it looks for ROMs: booting is ours. */
init:
	pushw	%ds
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	$boot - _start, 0x19 * 4
	movw	%cs, 0x19 * 4 + 2
	popw	%ds
	lret

boot:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7000, %sp
	cld
	cmpw	$STARTED_MAGIC, STARTED
	je	shut_down
	movw	$STARTED_MAGIC, STARTED
	inb	$0x92, %al		/* A20 */
	orb	$2, %al
	andb	$0xfe, %al
	outb	%al, $0x92

	movw	$MAP, %di
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
next_range:
	movl	$0xe820, %eax
	movl	$MAP_ENTRY_SIZE, %ecx
	movl	$0x534d4150, %edx
	int	$0x15
	jc	map_done
	incl	%ebp
	addw	$MAP_ENTRY_SIZE, %di
	testl	%ebx, %ebx
	jnz	next_range
map_done:
	cli
	lgdtl	%cs:gdt_pointer - _start
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$CODE_32, $ROM + protected - _start

shut_down:
	movw	$shutdown - _start, %si
	movw	$SHUTDOWN_PORT, %dx
1:	lodsb	%cs:(%si), %al
	outb	%al, %dx
	jmp	1b

	.code32
protected:
	movw	$DATA, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$MAP, %esi
	movl	$BOOT_PARAMETERS + MEMORY_MAP, %edi
	imull	$MAP_ENTRY_SIZE, %ebp, %ecx
	rep movsb
	movl	%ebp, %eax
	movb	%al, BOOT_PARAMETERS + MEMORY_MAP_LENGTH

	/* The first 4 GiB: one page of PML4, one of PDPT, four of PD. */
	movl	$PAGE_TABLES + 0x1003, PAGE_TABLES
	movl	$PAGE_TABLES + 0x1000, %edi
	movl	$PAGE_TABLES + 0x2003, %eax
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$0x1000, %eax
	addl	$8, %edi
	loop	1b
	movl	$PAGE_TABLES + 0x2000, %edi
	movl	$0x83, %eax		/* present, writable, 2 MiB */
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	1b

	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$PAGE_TABLES, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER: long mode */
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	ljmp	$CODE_64, $ROM + long - _start

	.code64
long:
	movl	$BOOT_PARAMETERS, %esi
	movl	PARAMETERS, %eax
	jmp	*%rax

shutdown:
	.ascii	"Shutdown"
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	ROM + gdt - _start
	.org	512
