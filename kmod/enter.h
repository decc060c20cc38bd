/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the entry code of both vendors is made of: assembly macros. gpr[] is an
 * array of the general registers in encoding order, without RSP and, for some, RAX.
 */
#ifndef MINIVMM_ENTER_H
#define MINIVMM_ENTER_H

#include <asm/msr-index.h>

#define GPR(n)		((n) * 8)
#define MSR_SPEC_CTRL	0x48

/* As __KERNEL_DS: what VERW asks about does not matter. */
#define VERW_SELECTOR	0x18

/*
 * To \target, which clears the CPU's buffers and comes back, where they could tell the guest
 * something. Changes no register.
 */
.macro CLEAR_BUFFERS_AT target
	cmpb	$0, speculation_verw(%rip)
	jne	\target
.endm

.macro CLEAR_BUFFERS
	verw	verw_selector(%rip)
.endm

/*
 * Where the host asks for it nothing that the guest has taught the branch predictors is left, not
 * that of its returns either, which the barrier itself leaves on some CPUs. Nothing before may be
 * predicted. Clobbers RAX, RCX, RDX.
 */
.macro FORGET_PREDICTIONS
	ALTERNATIVE_2 "jmp .Lno_barrier\@", "", X86_FEATURE_ENTRY_IBPB, \
		      "", X86_FEATURE_IBPB_ON_VMEXIT
	movl	$MSR_IA32_PRED_CMD, %ecx
	movl	$PRED_CMD_IBPB, %eax
	xorl	%edx, %edx
	wrmsr
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_ALWAYS
.Lno_barrier\@:
.endm

/* Write SPEC_CTRL with RAX. Clobbers RCX and RDX. */
.macro WRITE_SPEC_CTRL
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	$MSR_SPEC_CTRL, %ecx
	wrmsr
.endm

/* Write SPEC_CTRL, if the CPU has it, with \value if \other differs. Clobbers RAX, RCX, RDX. */
.macro SWITCH_SPEC_CTRL value, other
	ALTERNATIVE "jmp .Lsame\@", "", X86_FEATURE_MSR_SPEC_CTRL
	movq	\value, %rax
	cmpq	\other, %rax
	je	.Lsame\@
	WRITE_SPEC_CTRL
.Lsame\@:
.endm

/* All but RAX and RSP from gpr[] at RDI. */
.macro LOAD_GPRS
	movq	GPR(1)(%rdi), %rcx
	movq	GPR(2)(%rdi), %rdx
	movq	GPR(3)(%rdi), %rbx
	movq	GPR(5)(%rdi), %rbp
	movq	GPR(6)(%rdi), %rsi
	movq	GPR(8)(%rdi), %r8
	movq	GPR(9)(%rdi), %r9
	movq	GPR(10)(%rdi), %r10
	movq	GPR(11)(%rdi), %r11
	movq	GPR(12)(%rdi), %r12
	movq	GPR(13)(%rdi), %r13
	movq	GPR(14)(%rdi), %r14
	movq	GPR(15)(%rdi), %r15
	movq	GPR(7)(%rdi), %rdi
.endm

/* All but RAX and RSP to gpr[] at RAX. */
.macro SAVE_GPRS
	movq	%rcx, GPR(1)(%rax)
	movq	%rdx, GPR(2)(%rax)
	movq	%rbx, GPR(3)(%rax)
	movq	%rbp, GPR(5)(%rax)
	movq	%rsi, GPR(6)(%rax)
	movq	%rdi, GPR(7)(%rax)
	movq	%r8, GPR(8)(%rax)
	movq	%r9, GPR(9)(%rax)
	movq	%r10, GPR(10)(%rax)
	movq	%r11, GPR(11)(%rax)
	movq	%r12, GPR(12)(%rax)
	movq	%r13, GPR(13)(%rax)
	movq	%r14, GPR(14)(%rax)
	movq	%r15, GPR(15)(%rax)
.endm

/* All but RAX, RBX, RCX, RDX and RSP: nothing of the guest steers speculation. */
.macro CLEAR_GPRS
	xorl	%ebp, %ebp
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
.endm

#endif /* MINIVMM_ENTER_H */
