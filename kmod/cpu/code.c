// SPDX-License-Identifier: GPL-2.0
/* Instruction bytes for exits handled in the window; the contract is in code.h. */
#include <linux/mm.h>
#include <asm/pgtable_types.h>

#include "../backend.h"
#include "../vcpu.h"
#include "code.h"

#define PTE_ADDRESS	GENMASK_ULL(51, 12)

static noinline u64 linear_rip_of_segment(struct vcpu *vcpu)
{
	struct emul_seg cs;

	backend_call(get_segment)(vcpu, EMUL_CS, &cs);
	vcpu->emulation.e.cs_attr = cs.attr;
	return (u32)(cs.base + vcpu->regs.rip);
}

u64 code_linear_rip(struct vcpu *vcpu)
{
	vcpu_need(vcpu, VCPU_RIP);
	if (unlikely(!is_long_mode(vcpu) || !backend_call(code_is_64bit)(vcpu)))
		return linear_rip_of_segment(vcpu);
	vcpu->emulation.e.cs_attr = EMUL_ATTR_L;
	return vcpu->regs.rip;
}

/* Whether the guest's mode and tables are as they were when the page was found. */
static bool is_current(const struct vcpu *vcpu, const struct code_page *page, u64 linear)
{
	unsigned int i;

	if (!page->bytes || page->linear != (linear & PAGE_MASK) || page->cr3 != vcpu->cr3 ||
	    page->cr0 != vcpu->cr0 || page->cr4 != vcpu->cr4 || page->efer != vcpu->efer)
		return false;
	for (i = 0; i < page->levels; i++)
		if (READ_ONCE(*page->entry[i]) != page->value[i])
			return false;
	return true;
}

/*
 * The way from CR3 to @linear's page. The CPU has just gone it: nothing needs to be checked
 * or marked. False: some table is not at hand, or it is one of 32-bit paging.
 */
static bool walk(struct vcpu *vcpu, u64 linear, struct code_page *page, u64 *gpa)
{
	unsigned int level = vcpu_paging_levels(vcpu), shift = PAGE_SHIFT + level * 9;
	u64 entry = vcpu->cr3;

	page->levels = 0;
	*gpa = linear;
	if (!level)
		return true;
	if (level < 4)
		return false;
	do {
		const u64 *table = mmu_peek(vcpu, entry & PTE_ADDRESS, false);

		if (!table)
			return false;
		shift -= 9;
		table += linear >> shift & 511;
		entry = READ_ONCE(*table);
		if (!(entry & _PAGE_PRESENT))
			return false;
		page->entry[page->levels] = table;
		page->value[page->levels++] = entry;
	} while (--level && !(entry & _PAGE_PSE));
	*gpa = (entry & PTE_ADDRESS & -(1ull << shift)) | (linear & ((1ull << shift) - 1));
	return true;
}

/* NULL: not at hand. */
static noinline const u8 *find(struct vcpu *vcpu, struct code_page *page, u64 linear)
{
	u64 gpa;

	page->bytes = NULL;
	if (!walk(vcpu, linear, page, &gpa))
		return NULL;
	page->linear = linear & PAGE_MASK;
	page->cr0 = vcpu->cr0;
	page->cr3 = vcpu->cr3;
	page->cr4 = vcpu->cr4;
	page->efer = vcpu->efer;
	page->bytes = mmu_peek(vcpu, gpa & PAGE_MASK, false);
	return page->bytes;
}

const u8 *code_peek(struct vcpu *vcpu, unsigned int *len)
{
	u64 linear = code_linear_rip(vcpu);
	struct code_page *page = &vcpu->code.page[(linear >> PAGE_SHIFT) % CODE_PAGES];
	unsigned int offset = offset_in_page(linear);

	vcpu_need(vcpu, VCPU_CR0 | VCPU_CR3 | VCPU_CR4 | VCPU_EFER);
	if (unlikely(!is_current(vcpu, page, linear)) && !find(vcpu, page, linear))
		return NULL;
	*len = min_t(unsigned int, EMUL_INSN_MAX, PAGE_SIZE - offset);
	return page->bytes + offset;
}

void code_forget(struct vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < CODE_PAGES; i++)
		vcpu->code.page[i].bytes = NULL;
}
