// SPDX-License-Identifier: GPL-2.0
/*
 * What QEMU's emulated CPU does otherwise than AMD's manual says. One test at load tells whether
 * this is one; on others all that is left is a branch that is never taken. But for that test, all
 * of it runs in the window.
 */
#include "svm.h"
#include "../compat.h"
#include "../report/log.h"

#define CPUID_HYPERVISOR	0x40000000
#define QEMU_EBX		0x54474354u	/* "TCGTCGTCGTCG" */

bool svm_quirks __ro_after_init;
static bool equal_priority_is_taken __read_mostly;

void svm_quirks_setup(void)
{
	svm_quirks = cpuid_ebx(CPUID_HYPERVISOR) == QEMU_EBX;
	backend.hides_xsetbv = svm_quirks;	/* there is no such intercept */
	if (svm_quirks)
		log_info("svm: the CPU is QEMU's, whose faults are worked around");
}

/*
 * The manual: a virtual interrupt is taken when its priority is above the TPR. Here it is at the
 * same priority, too; without this the window of a vector that the TPR holds back would open
 * again and again, and the guest would stand still.
 */
void svm_quirk_window_opened(const struct vmcb_control *c)
{
	u64 priority = (c->int_control & VMCB_V_INTR_PRIO) >> 16;

	if (!(c->int_control & VMCB_V_IGN_TPR) && c->tpr == priority)
		equal_priority_is_taken = true;
}

/* What to ask for by svm_want_irq_window() in place of @priority. */
int svm_quirk_priority(struct vcpu *vcpu, int priority)
{
	if (to_svm(vcpu)->steps_in_shadow && priority >= 0 && svm_step_over_shadow(vcpu))
		return -1;
	return priority > 0 && priority <= 15 ? priority - equal_priority_is_taken : priority;
}

/*
 * The shadow is not taken from the VMCB (but with the lab's patch), which would let an interrupt
 * in between STI and HLT, whose wake-up is then lost. While RIP stands where it was entered with
 * a shadow, the shadow stays; a window that opens there says that this CPU is such a one, and the
 * instruction is stepped over instead of asking for a window. After an entry at @rip.
 */
void svm_quirk_shadow(struct vcpu *vcpu, u64 rip)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (vcpu->lazy_state.regs.rip != rip || vcpu->exit.kind == EXIT_STEP || svm->shadow_over) {
		svm->steps_in_shadow = false;
		return;
	}
	vcpu->lazy_state.irq_shadow = true;
	if (vcpu->exit.kind == EXIT_INTERRUPT_WINDOW)
		svm->steps_in_shadow = true;
}

/*
 * The host's registers were saved as the guest's, and with them what was known of interrupts:
 * without V_INTR_MASKING a guest could turn the host's off. Bochs does so, too, and cannot be told
 * from a CPU: this is undone on all.
 */
void svm_quirk_refused(struct vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.int_control |= VMCB_V_INTR_MASKING;
	svm_want_irq_window(vcpu, -1);
	vcpu->irq_window = -1;
	svm_sync_control(vcpu);
	svm_sync_debug(vcpu);
}
