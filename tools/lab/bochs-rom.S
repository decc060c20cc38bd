/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An option ROM that is the whole boot loader of the lab's Bochs machines. The
 * kernel, the initramfs and the parameters are in RAM when the machine starts
 * (see bochs.sh); it asks the BIOS for the memory map and enters the kernel as
 * the PVH boot protocol says: 32-bit, paging off, EBX -> start info.
 *
 * On the machine's second start, a reset by a panicked kernel, it ends Bochs.
 */
#define ROM		0xd0000
#define PARAMETERS	0x7f00000	/* entry point, then start info: bochs.sh */
#define START_INFO	(PARAMETERS + 8)
#define MAP_ENTRIES	48		/* offset in the start info */
#define MAP		0x5000
#define MAP_ENTRY_SIZE	24
#define STARTED		0x4ff0		/* BIOS and kernel leave it alone */
#define STARTED_MAGIC	0x6d76
#define CMOS_SHUTDOWN	0x8900		/* Bochs's port */

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
next_entry:
	movl	$0xe820, %eax
	movl	$20, %ecx
	movl	$0x534d4150, %edx
	int	$0x15
	jc	map_done
	movl	$0, 20(%di)
	incl	%ebp
	addw	$MAP_ENTRY_SIZE, %di
	testl	%ebx, %ebx
	jnz	next_entry
map_done:
	cli
	lgdtl	%cs:gdt_pointer - _start
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$8, $ROM + enter_kernel - _start

shut_down:
	movw	$shutdown - _start, %si
	movw	$CMOS_SHUTDOWN, %dx
1:	lodsb	%cs:(%si), %al
	outb	%al, %dx
	jmp	1b

	.code32
enter_kernel:
	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$START_INFO, %ebx
	movl	%ebp, MAP_ENTRIES(%ebx)
	jmp	*PARAMETERS

shutdown:
	.ascii	"Shutdown"
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	ROM + gdt - _start
	.org	512
