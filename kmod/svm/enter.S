/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way into an SVM guest and back.
 *
 * void svm_enter_guest(u64 vmcb_pa, u64 *gpr, u64 host_pa, u64 spec_ctrl, u64 host_spec_ctrl)
 *
 * @vmcb_pa	the guest's VMCB; its RAX, RSP, RIP and RFLAGS are in there
 * @gpr		the other general registers, in encoding order, read and written
 * @host_pa	this CPU's VMSAVE area with the host's FS, GS, TR, LDTR and syscall MSRs
 * @spec_ctrl	SPEC_CTRL for the guest and for the host; written only when they differ
 *
 * Called with interrupts off. Between CLGI and STGI no interrupt, NMI or C code
 * runs, because GS base and TR are the guest's there. Interrupts are on while
 * VMRUN executes: with V_INTR_MASKING, the host's RFLAGS.IF decides whether an
 * interrupt ends the guest. The guest's registers are cleared and the return
 * stack is refilled before the first RET, so the guest steers no speculation.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>

#define GPR(n)		((n) * 8)
#define MSR_SPEC_CTRL	0x48

.section .noinstr.text, "ax"

/* Write SPEC_CTRL with \value if \other differs. Clobbers RAX, RCX, RDX. */
.macro SWITCH_SPEC_CTRL value, other
	movq	\value, %rax
	cmpq	\other, %rax
	je	.Lsame\@
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	$MSR_SPEC_CTRL, %ecx
	wrmsr
.Lsame\@:
.endm

SYM_FUNC_START(svm_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx

	push	%r8			/* host SPEC_CTRL */
	push	%rcx			/* guest SPEC_CTRL */
	push	%rdx			/* host VMSAVE area */
	push	%rsi			/* gpr[] */
	push	%rdi			/* VMCB, popped last before entry */

	clgi
	SWITCH_SPEC_CTRL %rcx, %r8

	movq	0(%rsp), %rax
	movq	8(%rsp), %rdi
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

	sti
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	cli

	/* RAX is the host's again (the VMCB), RSP too; the rest is the guest's. */
	movq	8(%rsp), %rax
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

	movq	16(%rsp), %rax
	vmload	%rax

	xorl	%ebx, %ebx
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

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	SWITCH_SPEC_CTRL 32(%rsp), 24(%rsp)
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	CALL_UNTRAIN_RET
	stgi

	addq	$40, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(svm_enter_guest)
