/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way into an SVM guest and back.
 *
 * in:	RDI the general registers but RAX and RSP, in encoding order, read and written
 *	RSI struct svm_entry; SPEC_CTRL is written only where host and guest differ
 *
 * The guest's RAX, RSP, RIP and RFLAGS are in its VMCB. Of the registers only RBX, RBP and
 * RSP are preserved, unlike by a C function: svm_enter_guest is for run_guest() alone.
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

#include "../compat.h"
#include "../enter.h"
#include "entry.h"

.section .rodata
SYM_DATA_LOCAL(verw_selector, .short VERW_SELECTOR)

.section .noinstr.text, "ax"

SYM_FUNC_START(svm_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%rsi			/* struct svm_entry */
	push	%rdi			/* the registers */

	clgi
	SWITCH_SPEC_CTRL SVM_ENTRY_SPEC_CTRL(%rsi), SVM_ENTRY_HOST_SPEC_CTRL(%rsi)

	movq	SVM_ENTRY_VMCB_PA(%rsi), %rax
	LOAD_GPRS

	vmload	%rax
	CLEAR_BUFFERS_AT .Lclear
.Lrun:
	sti
	vmrun	%rax
	vmsave	%rax
	cli

	/* RAX is the host's again (the VMCB), RSP too; the rest is the guest's. */
	movq	(%rsp), %rax
	SAVE_GPRS

	movq	8(%rsp), %rbx
	movq	SVM_ENTRY_HOST_PA(%rbx), %rax
	vmload	%rax

	CLEAR_GPRS

	FORGET_PREDICTIONS
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	SWITCH_SPEC_CTRL SVM_ENTRY_HOST_SPEC_CTRL(%rbx), SVM_ENTRY_SPEC_CTRL(%rbx)
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	CALL_UNTRAIN_RET
	stgi

	addq	$16, %rsp
	pop	%rbx
	pop	%rbp
	RET

.Lclear:
	CLEAR_BUFFERS
	jmp	.Lrun
SYM_FUNC_END(svm_enter_guest)
