/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry of a guest program: 64-bit mode and a stack are set up by the test
 * (vcpu_enter_long), rdi is the vCPU's id. guest_main's value is the result.
 */
	.section .text.start, "ax"
	.globl start
start:
	cld
	call	guest_main
	mov	$0xf4, %edx
1:	out	%eax, %dx
	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
