// SPDX-License-Identifier: GPL-2.0
/* The emulator's ops on registers: what emulator.h asks of them, from the vCPU's places. */
#include <asm/cpufeature.h>

#include "../backend.h"
#include "../memory/access.h"
#include "../vcpu/vcpu.h"
#include "insn_ops.h"
#include "xstate.h"

void insn_segment(struct emul *e, enum sreg seg, struct segment *out)
{
	backend_call(get_segment)(e->ctx, seg, out);
}

void insn_set_segment(struct emul *e, enum sreg seg, const struct segment *in)
{
	backend_call(set_segment)(e->ctx, seg, in);
}

void insn_table(struct emul *e, bool idt, struct table_register *out)
{
	backend_call(get_table)(e->ctx, idt, &out->base, &out->limit);
}

void insn_set_table(struct emul *e, bool idt, const struct table_register *in)
{
	backend_call(set_table)(e->ctx, idt, in->base, in->limit);
}

void insn_set_cr0(struct emul *e, u64 cr0)
{
	struct vcpu *vcpu = e->ctx;

	vcpu_set_cr0(vcpu, cr0);
	backend_call(sync_control)(vcpu);
}

#define PDPTE_PRESENT		BIT_ULL(0)
#define PDPTE_RESERVED		0x1e6ull

/* What the CPU, too, looks at when CR3 is loaded. */
static bool pdptes_are_legal(struct vcpu *vcpu)
{
	u64 reserved = PDPTE_RESERVED | ~0ull << vcpu->cpuid.has.phys_bits, pdpte[4];
	unsigned int i;

	if (vcpu_paging_levels(vcpu) != 3)
		return true;
	if (guest_read_pdptes(vcpu, pdpte))
		return true;	/* they count as absent */
	for (i = 0; i < ARRAY_SIZE(pdpte); i++)
		if ((pdpte[i] & PDPTE_PRESENT) && (pdpte[i] & reserved))
			return false;
	return true;
}

bool insn_set_cr3(struct emul *e, u64 cr3)
{
	struct vcpu *vcpu = e->ctx;

	vcpu_set_cr3(vcpu, cr3);
	vcpu->insn.last.valid = false;
	backend_call(sync_control)(vcpu);
	return pdptes_are_legal(vcpu);
}

bool insn_cpu_has(struct emul *e, enum emul_feature feature)
{
	return boot_cpu_has(feature == EMUL_HAS_TZCNT ? X86_FEATURE_BMI1 : X86_FEATURE_ABM);
}

void insn_vec_read(struct emul *e, unsigned int reg, void *buf, unsigned int len)
{
	xstate_vec_read(e->ctx, reg, buf, len);
}

void insn_vec_write(struct emul *e, unsigned int reg, const void *buf, unsigned int len)
{
	xstate_vec_write(e->ctx, reg, buf, len);
}

void insn_fpu_read(struct emul *e, struct emul_fpu *out)
{
	xstate_control_read(e->ctx, out);
}

void insn_fpu_write(struct emul *e, const struct emul_fpu *in)
{
	xstate_control_write(e->ctx, in);
}

void insn_mmx_read(struct emul *e, unsigned int reg, u64 *val)
{
	*val = xstate_mmx_read(e->ctx, reg);
}

void insn_mmx_write(struct emul *e, unsigned int reg, u64 val)
{
	xstate_mmx_write(e->ctx, reg, val);
}

void insn_mmx_used(struct emul *e)
{
	xstate_mmx_used(e->ctx);
}
