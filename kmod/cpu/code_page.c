// SPDX-License-Identifier: GPL-2.0
/* Instruction bytes for exits handled in the window; the contract is in code_page.h. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/msr-index.h>
#include <asm/pgtable_types.h>

#include "../backend.h"
#include "../vcpu/vcpu.h"
#include "code_page.h"

#define PTE_ADDRESS	GENMASK_ULL(51, 12)

static noinline u64 linear_rip_of_segment(struct vcpu *vcpu, u64 rip)
{
	struct segment cs;

	backend_call(get_segment)(vcpu, SEG_CS, &cs);
	vcpu->code_pages.is_64bit = false;
	return (u32)(cs.base + rip);
}

static __always_inline u64 linear_rip(struct vcpu *vcpu, const struct control_regs *now, u64 rip)
{
	if (unlikely(!(now->efer & EFER_LMA) || !backend_call(code_is_64bit)(vcpu)))
		return linear_rip_of_segment(vcpu, rip);
	vcpu->code_pages.is_64bit = true;
	return rip;
}

u64 code_linear_rip(struct vcpu *vcpu)
{
	u64 rip;
	const struct control_regs *now = vcpu_code_place(vcpu, &rip);

	return linear_rip(vcpu, now, rip);
}

/* What stands for the page of @linear, as far as it was found since code_forget(). */
static __always_inline u64 tagged(const struct vcpu *vcpu, u64 linear)
{
	return (linear & PAGE_MASK) | vcpu->code_pages.tag;
}

/* Whether @page holds one, found since code_forget(). */
static bool is_known(const struct vcpu *vcpu, const struct code_page *page)
{
	return (page->linear & ~PAGE_MASK) == vcpu->code_pages.tag;
}

/* Whether the guest's mode and tables are as they were when the page was found. */
static __always_inline bool is_current(const struct code_page *page, u64 tagged,
				       const struct control_regs *now)
{
	u64 changed;
	unsigned int i;

	if (page->linear != tagged)
		return false;
	changed = (page->control.cr0 ^ now->cr0) | (page->control.cr3 ^ now->cr3) |
		  (page->control.cr4 ^ now->cr4) | (page->control.efer ^ now->efer);
#pragma GCC unroll 5
	for (i = 0; i < CODE_LEVELS; i++)
		changed |= READ_ONCE(*page->entry[i]) ^ page->value[i];
	return !changed;
}

/* Stands for the entries of levels that the guest's paging has not. */
static const u64 no_entry;

static void remember_entry(struct code_page *page, unsigned int level, const u64 *entry, u64 value)
{
	page->entry[level - 1] = entry;
	page->value[level - 1] = value;
}

/*
 * The way from CR3 to @linear's page. The CPU has just gone it: nothing needs to be checked
 * or marked. False: some table is not at hand, or it is one of 32-bit paging.
 */
static bool walk(struct vcpu *vcpu, u64 linear, struct code_page *page, u64 *gpa)
{
	unsigned int level = vcpu_paging_levels(vcpu), shift = PAGE_SHIFT + level * 9, i;
	u64 entry = vcpu_cr3(vcpu);

	for (i = 1; i <= CODE_LEVELS; i++)
		remember_entry(page, i, &no_entry, no_entry);
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
		remember_entry(page, level, table, entry);
	} while (--level && !(entry & _PAGE_PSE));
	*gpa = (entry & PTE_ADDRESS & -(1ull << shift)) | (linear & ((1ull << shift) - 1));
	return true;
}

/* NULL: not at hand. */
static noinline const u8 *find(struct vcpu *vcpu, struct code_page *page, u64 linear)
{
	u64 gpa;

	/* Most guests need few pages at a time; more are for those in which one is in another's way. */
	if (unlikely(is_known(vcpu, page) && vcpu->code_pages.mask != CODE_PAGES - 1))
		vcpu_request(vcpu, VCPU_REQ_CODE);
	page->linear = 0;
	if (!walk(vcpu, linear, page, &gpa))
		return NULL;
	page->bytes = mmu_peek(vcpu, gpa & PAGE_MASK, false);
	if (!page->bytes)
		return NULL;
	page->linear = tagged(vcpu, linear);
	page->control = *vcpu_control(vcpu);
	return page->bytes + offset_in_page(linear);
}

static __always_inline const u8 *peek(struct vcpu *vcpu)
{
	u64 rip;
	const struct control_regs *now = vcpu_code_place(vcpu, &rip);
	u64 linear = linear_rip(vcpu, now, rip);
	u64 number = (linear ^ now->cr3) >> PAGE_SHIFT;
	struct code_page *page = &vcpu->code_pages.page[number & vcpu->code_pages.mask];

	if (likely(is_current(page, tagged(vcpu, linear), now)))
		return page->bytes + offset_in_page(linear);
	return find(vcpu, page, linear);
}

const u8 *code_peek(struct vcpu *vcpu)
{
	return peek(vcpu);
}

static bool is_prefix(struct vcpu *vcpu, u8 byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64 ... 0x67:
	case 0xf0: case 0xf2: case 0xf3:
		return true;
	case 0x40 ... 0x4f:
		return is_long_mode(vcpu);
	default:
		return false;
	}
}

/* Of a ModRM byte with its prefixes, the register that the operand is. */
static u8 operand_gpr(struct vcpu *vcpu, const u8 *bytes, unsigned int prefixes, u8 modrm)
{
	u8 rex = prefixes && is_long_mode(vcpu) ? bytes[prefixes - 1] : 0;

	return (modrm & 7) | ((rex & 0xf1) == 0x41 ? 8 : 0);
}

bool code_set_insn_len(struct vcpu *vcpu, const u8 *bytes, unsigned int got,
		       unsigned int opcode_len)
{
	unsigned int prefixes = 0, len;

	got = min_t(unsigned int, got, EMUL_INSN_MAX);
	while (prefixes < got && is_prefix(vcpu, bytes[prefixes]))
		prefixes++;
	len = prefixes + opcode_len;
	vcpu->exit.insn_len = len;
	if (len > got)
		return false;
	vcpu->exit.gpr = operand_gpr(vcpu, bytes, prefixes, bytes[len - 1]);
	return true;
}

/* Most have no prefixes, and their opcode begins with this. */
#define TWO_BYTE_OPCODE		0x0f

bool code_measure(struct vcpu *vcpu, unsigned int opcode_len)
{
	const u8 *bytes = peek(vcpu);

	if (!bytes)
		return false;
	if (unlikely(bytes[0] != TWO_BYTE_OPCODE))
		return code_set_insn_len(vcpu, bytes, code_len(bytes), opcode_len);
	vcpu->exit.insn_len = opcode_len;
	return true;
}

void code_init(struct vcpu *vcpu)
{
	struct code_pages *pages = &vcpu->code_pages;

	pages->page = pages->first;
	pages->mask = CODE_FIRST_PAGES - 1;
	code_forget(vcpu);
}

void code_destroy(struct vcpu *vcpu)
{
	if (vcpu->code_pages.page != vcpu->code_pages.first)
		kfree(vcpu->code_pages.page);
}

void code_make_room(struct vcpu *vcpu)
{
	struct code_pages *pages = &vcpu->code_pages;
	struct code_page *page;

	if (pages->mask == CODE_PAGES - 1)
		return;
	page = kcalloc(CODE_PAGES, sizeof(*page), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!page)
		return;
	pages->page = page;
	pages->mask = CODE_PAGES - 1;
}

void code_forget(struct vcpu *vcpu)
{
	struct code_pages *pages = &vcpu->code_pages;
	unsigned int i;

	if (likely(++pages->tag < PAGE_SIZE))
		return;
	pages->tag = 1;
	for (i = 0; i <= pages->mask; i++)
		pages->page[i].linear = 0;
}
