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

#include "../enter.h"

.section .noinstr.text, "ax"

SYM_FUNC_START(svm_enter_guest)
	PUSH_CALLEE_SAVED

	push	%r8			/* host SPEC_CTRL */
	push	%rcx			/* guest SPEC_CTRL */
	push	%rdx			/* host VMSAVE area */
	push	%rsi			/* gpr[] */
	push	%rdi			/* VMCB, popped last before entry */

	clgi
	SWITCH_SPEC_CTRL %rcx, %r8

	movq	0(%rsp), %rax
	movq	8(%rsp), %rdi
	LOAD_GPRS

	sti
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	cli

	/* RAX is the host's again (the VMCB), RSP too; the rest is the guest's. */
	movq	8(%rsp), %rax
	SAVE_GPRS

	movq	16(%rsp), %rax
	vmload	%rax

	xorl	%ebx, %ebx
	CLEAR_GPRS

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	SWITCH_SPEC_CTRL 32(%rsp), 24(%rsp)
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	CALL_UNTRAIN_RET
	stgi

	addq	$40, %rsp
	POP_CALLEE_SAVED
	RET
SYM_FUNC_END(svm_enter_guest)
