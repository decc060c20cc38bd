/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way into a VMX guest and back: vmx_enter_guest, which only run_guest() calls.
 *
 * in:	RDI the general registers but RSP, in encoding order, read and written
 *	RSI struct vmx_entry; SPEC_CTRL is written only where host and guest differ
 * out:	EAX 0: the CPU refused at once, and nothing was loaded or changed
 *
 * Of the other registers only RBX, RBP and RSP are preserved, unlike by a C function. Called
 * with interrupts off. NMIs may come at any moment outside the guest: segments, tables
 * and GS base are always the host's there. After an exit the guest's registers are
 * cleared, the return stack is refilled before the first RET, and where the host
 * asks for it the branch history is overwritten, so the guest steers no speculation.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#include "../compat.h"
#include "../enter.h"
#include "entry.h"

#define VMCS_HOST_RSP	0x6c14

/* Taken branches enough for the longest history: so many nested calls with so many jumps each. */
#define HISTORY_CALLS	5
#define HISTORY_JUMPS	5

.section .rodata
SYM_DATA_LOCAL(verw_selector, .short VERW_SELECTOR)

.section .noinstr.text, "ax"

	.balign 64
SYM_FUNC_START_LOCAL(nest_calls)
	movl	$HISTORY_JUMPS, %eax
.Ljump:
	jmp	.Ltaken
	nop
.Ltaken:
	subl	$1, %eax
	jnz	.Ljump
	subl	$1, %ecx
	jz	.Ldeepest
	call	nest_calls
.Ldeepest:
	RET
SYM_FUNC_END(nest_calls)

/* Leaves nothing of the guest in the branch history. Clobbers EAX and ECX. */
SYM_FUNC_START_LOCAL(overwrite_branch_history)
	movl	$HISTORY_CALLS, %ecx
	call	nest_calls
	RET
SYM_FUNC_END(overwrite_branch_history)

/*
 * SPEC_CTRL as the host has it. Where the host's kernel runs with IBRS of the old kind, that
 * holds only once it is written after the guest, even if the guest had it, too.
 */
.macro LEAVE_GUEST
	movq	8(%rsp), %rsi
	movq	VMX_ENTRY_HOST_SPEC_CTRL(%rsi), %rax
	cmpq	VMX_ENTRY_SPEC_CTRL(%rsi), %rax
	ALTERNATIVE "je .Lsame\@", "", X86_FEATURE_KERNEL_IBRS
	WRITE_SPEC_CTRL
.Lsame\@:
.endm

.macro RETURN_TO_HOST
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	addq	$16, %rsp
	pop	%rbx
	pop	%rbp
	RET
.endm

SYM_FUNC_START(vmx_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%rbx
	push	%rsi			/* struct vmx_entry */
	push	%rdi			/* the registers */

	/* The CPU comes back at vmx_exit_point with this same stack. */
	cmpq	%rsp, VMX_ENTRY_HOST_RSP(%rsi)
	jne	.Lwrite_rsp
.Lrsp_is_written:
	SWITCH_SPEC_CTRL VMX_ENTRY_SPEC_CTRL(%rsi), VMX_ENTRY_HOST_SPEC_CTRL(%rsi)

	cmpb	$0, VMX_ENTRY_LAUNCHED(%rsi)
	movq	GPR(0)(%rdi), %rax
	LOAD_GPRS			/* leaves the flags alone */

	UNWIND_HINT_SAVE
	je	.Lto_launch
	CLEAR_BUFFERS_AT .Lclear_and_resume
.Lresume:
	vmresume
	jmp	.Lrefused
.Lto_launch:
	CLEAR_BUFFERS_AT .Lclear_and_launch
.Llaunch:
	vmlaunch
	jmp	.Lrefused
.Lclear_and_resume:
	CLEAR_BUFFERS
	jmp	.Lresume
.Lclear_and_launch:
	CLEAR_BUFFERS
	jmp	.Llaunch

SYM_INNER_LABEL_ALIGN(vmx_exit_point, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR

	push	%rax
	movq	8(%rsp), %rax
	popq	GPR(0)(%rax)
	SAVE_GPRS
	xorl	%ebx, %ebx
	CLEAR_GPRS

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE
	LEAVE_GUEST
	ALTERNATIVE "", "call overwrite_branch_history", X86_FEATURE_CLEAR_BHB_VMEXIT
	/* Not past here before it is decided, where there is something to decide. */
	ALTERNATIVE_2 "", "lfence", X86_FEATURE_MSR_SPEC_CTRL, "lfence", X86_FEATURE_CLEAR_BHB_VMEXIT
	movl	$1, %eax
	RETURN_TO_HOST

.Lwrite_rsp:
	movl	$VMCS_HOST_RSP, %eax
.Lwrite:
	vmwrite	%rsp, %rax
	jbe	.Lrefused
	movq	%rsp, VMX_ENTRY_HOST_RSP(%rsi)
	jmp	.Lrsp_is_written

.Lrefused:
	CLEAR_GPRS
	LEAVE_GUEST
	xorl	%eax, %eax
	RETURN_TO_HOST

	_ASM_EXTABLE(.Lwrite, .Lrefused)
	_ASM_EXTABLE(.Llaunch, .Lrefused)
	_ASM_EXTABLE(.Lresume, .Lrefused)
SYM_FUNC_END(vmx_enter_guest)
