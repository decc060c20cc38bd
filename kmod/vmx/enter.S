/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way into a VMX guest and back.
 *
 * bool vmx_enter_guest(u64 *gpr, bool launched, u64 spec_ctrl, u64 host_spec_ctrl)
 *
 * @gpr		the general registers but RSP, in encoding order, read and written
 * @launched	the loaded VMCS was entered before, since it was last cleared
 * @spec_ctrl	SPEC_CTRL for the guest and for the host; written only when they differ
 *
 * False: the CPU refused at once, and nothing was loaded or changed. Called with
 * interrupts off. NMIs may come at any moment outside the guest: segments, tables
 * and GS base are always the host's there. After an exit the guest's registers are
 * cleared and the return stack is refilled before the first RET, so the guest
 * steers no speculation.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#define GPR(n)		((n) * 8)
#define MSR_SPEC_CTRL	0x48
#define VMCS_HOST_RSP	0x6c14

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

SYM_FUNC_START(vmx_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx

	push	%rcx			/* host SPEC_CTRL */
	push	%rdx			/* guest SPEC_CTRL */
	push	%rsi			/* launched */
	push	%rdi			/* gpr[] */

	movl	$VMCS_HOST_RSP, %eax
.Lwrite:
	vmwrite	%rsp, %rax
	SWITCH_SPEC_CTRL 16(%rsp), 24(%rsp)

	movq	(%rsp), %rdi
	movq	GPR(0)(%rdi), %rax
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

	/* The CPU comes back at vmx_exit_point with this same stack. */
	UNWIND_HINT_SAVE
	cmpb	$0, 8(%rsp)
	jne	.Lresume
.Llaunch:
	vmlaunch
	jmp	.Lrefused
.Lresume:
	vmresume
	jmp	.Lrefused

SYM_INNER_LABEL_ALIGN(vmx_exit_point, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR

	push	%rax
	movq	8(%rsp), %rax
	popq	GPR(0)(%rax)
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
	movl	$1, %ebx

.Lleave:
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

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	SWITCH_SPEC_CTRL 24(%rsp), 16(%rsp)
	lfence				/* not past here before it is decided */
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	movl	%ebx, %eax

	addq	$32, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lrefused:
	xorl	%ebx, %ebx
	jmp	.Lleave

	_ASM_EXTABLE(.Lwrite, .Lrefused)
	_ASM_EXTABLE(.Llaunch, .Lrefused)
	_ASM_EXTABLE(.Lresume, .Lrefused)
SYM_FUNC_END(vmx_enter_guest)
