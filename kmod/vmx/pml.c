// SPDX-License-Identifier: GPL-2.0
/*
 * Page-modification log: the CPU notes the address of each page whose dirty bit it sets
 * in a page of the vCPU's, from its end down, and exits when that is full. It is emptied
 * then, and when a window ends while memory is logged (see ../memory/dirty_log.c).
 */
#include <linux/gfp.h>
#include <asm/io.h>

#include "vmx.h"
#include "../memory/dirty_log.h"

#define PML_ENTRIES	512
#define PML_EMPTY	(PML_ENTRIES - 1)	/* the index is that of the next entry; 0xffff: full */

int vmx_pml_create(struct vmx_vcpu *vmx)
{
	if (!(vmx_host.proc2 & PROC2_PML))
		return 0;
	vmx->pml = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vmx->pml ? 0 : -ENOMEM;
}

void vmx_pml_free(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->pml);
}

void vmx_pml_write_constants(const struct vmx_vcpu *vmx)
{
	if (!vmx->pml)
		return;
	vmcs_write(VMCS_PML_ADDR, __pa(vmx->pml));
	vmcs_write(VMCS_GUEST_PML_INDEX, PML_EMPTY);
}

/* Window. The VMCS is loaded if the window got as far as an entry. */
void vmx_pml_drain(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u16 first;

	if (!vmx->pml || !vmx->in_window)
		return;
	first = vmcs_read(VMCS_GUEST_PML_INDEX) + 1;
	if (first >= PML_ENTRIES)
		return;
	memory_log_written(vcpu, vmx->pml + first, PML_ENTRIES - first);
	vmcs_write(VMCS_GUEST_PML_INDEX, PML_EMPTY);
}
