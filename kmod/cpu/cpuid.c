// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID policy: the host's CPUID cut down to what this module lets a guest use,
 * and a vCPU's own table with the bits that follow its registers.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../irq/lapic.h"
#include "../report/explain.h"
#include "../vcpu/vcpu.h"
#include "control.h"
#include "cpuid.h"
#include "cpuid_bits.h"
#include "xstate.h"

#define XCR0_ALWAYS		1ull	/* x87 */
#define PHYS_BITS_DEFAULT	36	/* where leaf 0x80000008 says nothing */
#define TOPOLOGY		0x3f0ffu	/* cores, APIC id bits, width of the time counter */

/* Either has images without gaps. */
#define COMPACTED	(CPUID_BIT(D_1_EAX, XSAVEC) | CPUID_BIT(D_1_EAX, XSAVES))

#define PV_BASE			0x40000000
#define PV_FEATURES		0x40000001

#define INTEL_SPEC_CTRL	(CPUID_BIT(7_EDX, IBRS_IBPB) | CPUID_BIT(7_EDX, STIBP) | \
			 CPUID_BIT(7_EDX, SSBD))
#define AMD_SPEC_CTRL	(CPUID_BIT(80000008_EBX, IBRS) | CPUID_BIT(80000008_EBX, STIBP) | \
			 CPUID_BIT(80000008_EBX, SSBD))

/*
 * The leaves that a guest may see, and which of their plain data are the host's or ours. Feature
 * bits are cpuid_bits.h's.
 */
struct leaf_policy {
	u32 function;
	u32 index;
	bool indexed;
	u32 eax, ebx, ecx, edx;			/* host bits that pass */
	u32 set_eax, set_ebx, set_ecx, set_edx;	/* bits that are ours */
};

static const struct leaf_policy policy[] = {
	{ 0x1, .eax = ~0u, .ebx = 0x0000ff00 },
	{ 0x2, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x6 },
	{ 0x7, 0, true, .set_eax = 1 },
	{ 0x7, 1, true },
	{ PV_BASE, .set_eax = PV_FEATURES,
	  .set_ebx = 0x4b4d564b, .set_ecx = 0x564b4d56, .set_edx = 0x4d },
	{ PV_FEATURES },
	{ 0x80000001, .eax = ~0u },
	{ 0x80000002, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x80000003, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x80000004, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x80000005, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x80000006, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x80000007 },
	{ 0x80000008, .eax = 0xffff, .ecx = TOPOLOGY },
	{ 0x8000001d, 0, true, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x8000001d, 1, true, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x8000001d, 2, true, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x8000001d, 3, true, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
	{ 0x80000021 },
};

#define PLACE(word, leaf, subleaf, reg)	{ leaf, subleaf, LEAF_##reg },
static const struct {
	u32 function, index;
	enum cpuid_register reg;
} places[NR_LEAF_WORDS] = { CPUID_WORDS(PLACE) };

static u32 *register_of(struct minivmm_cpuid_entry2 *e, enum cpuid_register reg)
{
	u32 *const registers[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return registers[reg];
}

/* The bits of a word that guests get so. */
static u32 bits_of(enum cpuid_word word, enum cpuid_policy which)
{
#define ROW(word, number, name, policy)	{ LEAF_##word, number, CPUID_##policy },
	static const struct {
		u8 word, number, policy;
	} rows[] = { CPUID_BITS(ROW) };
	unsigned int i;
	u32 bits = 0;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].word == word && rows[i].policy == which)
			bits |= 1u << rows[i].number;
	return bits;
}

/* Entries whose highest leaf depends on what follows, filled by add_leaf_range(). */
#define BASIC_MAX	0xd
#define EXTENDED_MAX	0x80000021

struct table {
	struct minivmm_cpuid_entry2 *entries;
	u32 count, room;
	bool full;
};

static struct minivmm_cpuid_entry2 *add_entry(struct table *t, u32 function, u32 index,
					      bool indexed)
{
	struct minivmm_cpuid_entry2 *e;

	if (t->count == t->room) {
		t->full = true;
		return NULL;
	}
	e = &t->entries[t->count++];
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->index = index;
	e->flags = indexed ? MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	if ((function & 0xf0000000) != PV_BASE)
		cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

/* Features the host has but this module's backend cannot give. */
static void remove_unavailable(struct minivmm_cpuid_entry2 *e)
{
	if (e->function == 0x80000008) {
		if (!backend.spec_ctrl)
			e->ebx &= ~AMD_SPEC_CTRL;
		if (!boot_cpu_has(X86_FEATURE_IBPB))
			e->ebx &= ~CPUID_BIT(80000008_EBX, IBPB);
	}
	if (e->function == 0x80000007 && !boot_cpu_has(X86_FEATURE_CONSTANT_TSC))
		e->edx = 0;
	if (e->function == 0x80000001 && !backend.rdtscp)
		e->edx &= ~CPUID_BIT(80000001_EDX, RDTSCP);
	if (e->function == 0xd && !backend.xsaves)
		e->eax &= ~CPUID_BIT(D_1_EAX, XSAVES);
	if (e->function != 0x7 || e->index)
		return;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		e->ecx &= ~CPUID_BIT(7_ECX, PKU);
	if (!backend.spec_ctrl || !boot_cpu_has(X86_FEATURE_IBPB))
		e->edx &= ~INTEL_SPEC_CTRL;
	if (!backend.rdtscp)
		e->ecx &= ~CPUID_BIT(7_ECX, RDPID);
	if (!backend.invpcid)
		e->ebx &= ~CPUID_BIT(7_EBX, INVPCID);
}

/* Feature bits of an entry that has the host's. */
static void apply_bits(struct minivmm_cpuid_entry2 *e, const struct minivmm_cpuid_entry2 *host)
{
	unsigned int i;

	for (i = 0; i < NR_LEAF_WORDS; i++) {
		struct minivmm_cpuid_entry2 from = *host;

		if (places[i].function != e->function || places[i].index != e->index)
			continue;
		*register_of(e, places[i].reg) =
			(*register_of(&from, places[i].reg) & bits_of(i, CPUID_HOST)) |
			bits_of(i, CPUID_OURS);
	}
	remove_unavailable(e);
}

/*
 * CPUs that have leaf 0x8000001d may lack 0x80000021 and be what it says: LFENCE serializes,
 * a null selector clears the base.
 */
static u32 highest_leaf(u32 range)
{
	u32 max = cpuid_eax(range);

	return range == 0x80000000 && max >= 0x8000001d && max < EXTENDED_MAX ? EXTENDED_MAX : max;
}

static void add_what_the_cpu_is(struct minivmm_cpuid_entry2 *e)
{
	if (e->function > cpuid_eax(0x80000000))
		e->eax = e->ebx = e->ecx = e->edx = 0;
	if (boot_cpu_has(X86_FEATURE_LFENCE_RDTSC))
		e->eax |= CPUID_BIT(80000021_EAX, LFENCE_SERIALIZING);
	if (!boot_cpu_has_bug(X86_BUG_NULL_SEG))
		e->eax |= CPUID_BIT(80000021_EAX, NULL_SEG_CLEARS_BASE);
}

static void add_policy(struct table *t, const struct leaf_policy *p)
{
	struct minivmm_cpuid_entry2 *e, host;
	bool pv = (p->function & 0xf0000000) == PV_BASE;

	if (!pv && p->function > highest_leaf(p->function & 0xf0000000))
		return;
	e = add_entry(t, p->function, p->index, p->indexed);
	if (!e)
		return;
	if (p->function == EXTENDED_MAX)
		add_what_the_cpu_is(e);
	host = *e;
	e->eax = (e->eax & p->eax) | p->set_eax;
	e->ebx = (e->ebx & p->ebx) | p->set_ebx;
	e->ecx = (e->ecx & p->ecx) | p->set_ecx;
	e->edx = (e->edx & p->edx) | p->set_edx;
	apply_bits(e, &host);
}

static void add_xstate(struct table *t)
{
	u64 features = xstate_host_features();
	struct minivmm_cpuid_entry2 *e;
	unsigned int i;

	e = add_entry(t, 0xd, 0, true);
	if (e) {
		e->eax = features;
		e->edx = features >> 32;
		e->ebx = e->ecx = xstate_size_of(features);
	}
	e = add_entry(t, 0xd, 1, true);
	if (e) {
		apply_bits(e, e);
		e->ebx = xstate_compacted_size_of(features);
		e->ecx = e->edx = 0;
	}
	for (i = 2; i < 63; i++)
		if (features & BIT_ULL(i))
			add_entry(t, 0xd, i, true);
}

static void add_leaf_range(struct table *t, u32 base, u32 max)
{
	struct minivmm_cpuid_entry2 *e = add_entry(t, base, 0, false);

	if (e)
		e->eax = min(highest_leaf(base), max);
}

int cpuid_supported(struct minivmm_cpuid_entry2 *entries, u32 *count)
{
	struct table t = { .entries = entries, .room = *count };
	unsigned int i;

	add_leaf_range(&t, 0, BASIC_MAX);
	add_leaf_range(&t, 0x80000000, EXTENDED_MAX);
	for (i = 0; i < ARRAY_SIZE(policy); i++)
		add_policy(&t, &policy[i]);
	add_xstate(&t);
	if (t.full)
		return -E2BIG;
	*count = t.count;
	return 0;
}

static const struct minivmm_cpuid_entry2 *find(const struct vcpu_cpuid *cpuid, u32 function,
					       u32 index)
{
	unsigned int i;

	for (i = 0; i < cpuid->count; i++) {
		const struct minivmm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function &&
		    (!(e->flags & MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

/* The entry or, if there is none, one that has nothing. */
static struct minivmm_cpuid_entry2 leaf(const struct vcpu_cpuid *cpuid, u32 function, u32 index)
{
	const struct minivmm_cpuid_entry2 *e = find(cpuid, function, index);

	return e ? *e : (struct minivmm_cpuid_entry2){ 0 };
}

static void words_of(const struct vcpu_cpuid *cpuid, struct cpuid_words *words)
{
	unsigned int i;

	for (i = 0; i < NR_LEAF_WORDS; i++) {
		struct minivmm_cpuid_entry2 e = leaf(cpuid, places[i].function, places[i].index);

		words->word[i] = *register_of(&e, places[i].reg);
	}
}

void cpuid_host_words(struct cpuid_words *words)
{
	struct minivmm_cpuid_entry2 e;
	unsigned int i;

	*words = (struct cpuid_words){ 0 };
	for (i = 0; i < NR_LEAF_WORDS; i++) {
		u32 function = places[i].function;

		if ((function & 0xf0000000) == PV_BASE ||
		    function > cpuid_eax(function & 0xf0000000))
			continue;
		if (function == 7 && places[i].index > cpuid_eax(7))
			continue;
		cpuid_count(function, places[i].index, &e.eax, &e.ebx, &e.ecx, &e.edx);
		words->word[i] = *register_of(&e, places[i].reg);
	}
}

/* A table without leaf 1 says nothing about what is in it. */
static void derive_control(struct vcpu_cpuid *cpuid, const struct cpuid_words *words)
{
	struct cpuid_features *has = &cpuid->has;

	has->cr4_allowed = control_cr4(words);
	if (!find(cpuid, 1, 0))
		has->cr4_allowed |= control_host.cr4 & CONTROL_CR4_BASIC;
	has->efer_allowed = control_efer(words);
	has->cr4_hidden = control_host.cr4_exists & ~has->cr4_allowed;
}

static void derive_features(struct vcpu_cpuid *cpuid)
{
	struct minivmm_cpuid_entry2 l0 = leaf(cpuid, 0, 0), ld = leaf(cpuid, 0xd, 0);
	struct minivmm_cpuid_entry2 le8 = leaf(cpuid, 0x80000008, 0);
	struct cpuid_words words;

	words_of(cpuid, &words);
	cpuid->has = (struct cpuid_features){
		.phys_bits = le8.eax & 0xff ? min_t(u8, le8.eax, boot_cpu_data.x86_phys_bits) :
					      PHYS_BITS_DEFAULT,
		.x2apic = cpuid_has(&words, 1_ECX, X2APIC),
		.tsc_deadline = cpuid_has(&words, 1_ECX, TSC_DEADLINE),
		.pse36 = cpuid_has(&words, 1_EDX, PSE36),
		.invpcid = cpuid_has(&words, 7_EBX, INVPCID),
		.rdpid = cpuid_has(&words, 7_ECX, RDPID),
		.xsaves = cpuid_has(&words, D_1_EAX, XSAVES) && backend.xsaves,
		.gbpages = cpuid_has(&words, 80000001_EDX, GBPAGES),
		.rdtscp = cpuid_has(&words, 80000001_EDX, RDTSCP),
		.spec_ctrl = ((words.word[LEAF_80000008_EBX] & AMD_SPEC_CTRL) ||
			      (words.word[LEAF_7_EDX] & INTEL_SPEC_CTRL)) && backend.spec_ctrl,
		.pred_cmd = cpuid_has(&words, 80000008_EBX, IBPB) ||
			    cpuid_has(&words, 7_EDX, IBRS_IBPB),
		.amd = l0.ebx == 0x68747541 || l0.ebx == 0x6f677948,
		.xcr0_allowed = (((u64)ld.edx << 32 | ld.eax) & xstate_host_features()) |
				XCR0_ALWAYS,
	};
	derive_control(cpuid, &words);
}

/* Some VMMs set registers first and CPUID later, or never: then there is all that the host can give. */
void cpuid_init(struct vcpu *vcpu)
{
	vcpu->cpuid.has = (struct cpuid_features){
		.phys_bits = PHYS_BITS_DEFAULT,
		.cr4_allowed = control_host.cr4,
		.cr4_hidden = control_host.cr4_exists & ~control_host.cr4,
		.efer_allowed = control_host.efer,
		.xcr0_allowed = XCR0_ALWAYS,
	};
}

/* Bits that show the state of the vCPU, not what it can do. @gpr holds the entry's values. */
static void apply_state(struct vcpu *vcpu, u32 function, u32 index, u64 *gpr)
{
	switch (function) {
	case 1:
		gpr[GPR_RCX] &= ~(u64)CPUID_BIT(1_ECX, OSXSAVE);
		if (vcpu_cr4(vcpu) & X86_CR4_OSXSAVE)
			gpr[GPR_RCX] |= CPUID_BIT(1_ECX, OSXSAVE);
		if (!(lapic_base(&vcpu->lapic) & MSR_IA32_APICBASE_ENABLE))
			gpr[GPR_RDX] &= ~(u64)CPUID_BIT(1_EDX, APIC);
		break;
	case 7:
		gpr[GPR_RCX] &= ~(u64)CPUID_BIT(7_ECX, OSPKE);
		if (!index && (vcpu_cr4(vcpu) & X86_CR4_PKE))
			gpr[GPR_RCX] |= CPUID_BIT(7_ECX, OSPKE);
		break;
	case 0xd:
		if (index == 0 && gpr[GPR_RBX])
			gpr[GPR_RBX] = xstate_size_of(xstate_guest_xcr0(vcpu));
		else if (index == 1 && (gpr[GPR_RAX] & COMPACTED))
			gpr[GPR_RBX] = xstate_compacted_size_of(xstate_guest_xcr0(vcpu));
		break;
	}
}

struct minivmm_cpuid_entry2 cpuid_shown(struct vcpu *vcpu, const struct minivmm_cpuid_entry2 *e)
{
	u64 gpr[] = {
		[GPR_RAX] = e->eax, [GPR_RBX] = e->ebx, [GPR_RCX] = e->ecx, [GPR_RDX] = e->edx,
	};
	struct minivmm_cpuid_entry2 shown = *e;

	apply_state(vcpu, e->function, e->index, gpr);
	shown.eax = gpr[GPR_RAX];
	shown.ebx = gpr[GPR_RBX];
	shown.ecx = gpr[GPR_RCX];
	shown.edx = gpr[GPR_RDX];
	return shown;
}

/* GET_CPUID2's table is the same as the one that was set. */
static bool same_table(struct vcpu *vcpu, const struct minivmm_cpuid_entry2 *entries,
		       unsigned int count)
{
	unsigned int i;

	if (vcpu->cpuid.count != count)
		return false;
	for (i = 0; i < count; i++) {
		struct minivmm_cpuid_entry2 old = cpuid_shown(vcpu, &vcpu->cpuid.entries[i]);
		struct minivmm_cpuid_entry2 new = cpuid_shown(vcpu, &entries[i]);

		if (memcmp(&old, &new, sizeof(old)))
			return false;
	}
	return true;
}

int cpuid_set(struct vcpu *vcpu, struct minivmm_cpuid_entry2 *entries, unsigned int count)
{
	struct vcpu_cpuid next = { .entries = entries, .count = count };
	struct minivmm_cpuid_entry2 e = leaf(&next, 0x80000008, 0);
	u8 linear_bits = e.eax >> 8;

	if (vcpu->cpu >= 0 && !same_table(vcpu, entries, count))
		return refuse(&vcpu->error, -EINVAL, "cpuid", count,
			      "the CPUID table cannot change once the vCPU has run");
	if (linear_bits && linear_bits != 48 && linear_bits != 57)
		return refuse(&vcpu->error, -EINVAL, "leaf 0x80000008 eax", e.eax,
			      "linear addresses have 48 or 57 bits");
	e = leaf(&next, 0xd, 0);
	if (((u64)e.edx << 32 | e.eax) & ~xstate_host_features())
		return refuse(&vcpu->error, -EINVAL, "leaf 0xd eax:edx", (u64)e.edx << 32 | e.eax,
			      "XSAVE components that GET_SUPPORTED_CPUID does not offer");
	derive_features(&next);
	cpuid_free(vcpu);
	vcpu->cpuid = next;
	lapic_cpuid_changed(vcpu);
	backend_call(sync_control)(vcpu);
	return 0;
}

void cpuid_free(struct vcpu *vcpu)
{
	kvfree(vcpu->cpuid.entries);
	vcpu->cpuid = (struct vcpu_cpuid){ 0 };
}

u32 cpuid_signature(struct vcpu *vcpu)
{
	u32 eax = leaf(&vcpu->cpuid, 1, 0).eax;

	return eax ? eax : 0x600;
}

/* Intel CPUs answer a basic leaf beyond the last with the last; others with 0. */
static const struct minivmm_cpuid_entry2 *beyond_last(const struct vcpu_cpuid *cpuid, u32 function,
						      u32 index)
{
	const struct minivmm_cpuid_entry2 *first = find(cpuid, 0, 0);

	if (cpuid->has.amd || !first || function <= first->eax || function >= PV_BASE)
		return NULL;
	return find(cpuid, first->eax, index);
}

void cpuid_execute(struct vcpu *vcpu)
{
	static const struct minivmm_cpuid_entry2 nothing;
	u64 *gpr = vcpu_gprs(vcpu);
	u32 function = gpr[GPR_RAX], index = gpr[GPR_RCX];
	const struct minivmm_cpuid_entry2 *e = find(&vcpu->cpuid, function, index);

	if (unlikely(!e))
		e = beyond_last(&vcpu->cpuid, function, index) ?: &nothing;
	gpr[GPR_RAX] = e->eax;
	gpr[GPR_RBX] = e->ebx;
	gpr[GPR_RCX] = e->ecx;
	gpr[GPR_RDX] = e->edx;
	apply_state(vcpu, e->function, index, gpr);
}
