// SPDX-License-Identifier: GPL-2.0
/* Bits of CR4 and EFER, and MOV to CR4; the contract is in control.h. */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../vcpu/vcpu.h"
#include "control.h"
#include "cpuid.h"

#define CR4_KEY_LOCKER	BIT_ULL(19)
#define CR4_CET		BIT_ULL(23)
#define CR4_UINTR	BIT_ULL(25)
#define CR4_LAM_SUP	BIT_ULL(28)
#define CR4_FRED	BIT_ULL(32)

struct control_host control_host;

#define FEATURE(word, name)	LEAF_##word, CPUID_BIT(word, name)

/* Which bit of which word announces which bits of CR4. What is not offered needs state we do not switch. */
static const struct {
	enum cpuid_word word;
	u32 bit;
	bool offered;
	u64 cr4;
} cr4_features[] = {
	{ FEATURE(1_EDX, VME), true, X86_CR4_VME | X86_CR4_PVI },
	{ FEATURE(1_EDX, DE), true, X86_CR4_DE },
	{ FEATURE(1_EDX, PSE), true, X86_CR4_PSE },
	{ FEATURE(1_EDX, TSC), true, X86_CR4_TSD },
	{ FEATURE(1_EDX, PAE), true, X86_CR4_PAE },
	{ FEATURE(1_EDX, MCE), true, X86_CR4_MCE },
	{ FEATURE(1_EDX, PGE), true, X86_CR4_PGE },
	{ FEATURE(1_EDX, FXSR), true, X86_CR4_OSFXSR },
	{ FEATURE(1_EDX, SSE), true, X86_CR4_OSXMMEXCPT },
	{ FEATURE(1_ECX, PCID), true, X86_CR4_PCIDE },
	{ FEATURE(1_ECX, XSAVE), true, X86_CR4_OSXSAVE },
	{ FEATURE(7_EBX, FSGSBASE), true, X86_CR4_FSGSBASE },
	{ FEATURE(7_EBX, SMEP), true, X86_CR4_SMEP },
	{ FEATURE(7_EBX, SMAP), true, X86_CR4_SMAP },
	{ FEATURE(7_ECX, UMIP), true, X86_CR4_UMIP },
	{ FEATURE(7_ECX, PKU), true, X86_CR4_PKE },
	{ FEATURE(7_ECX, LA57), true, X86_CR4_LA57 },
	{ FEATURE(1_ECX, VMX), false, X86_CR4_VMXE },
	{ FEATURE(1_ECX, SMX), false, X86_CR4_SMXE },
	{ FEATURE(7_ECX, CET_SS), false, CR4_CET },
	{ FEATURE(7_EDX, CET_IBT), false, CR4_CET },
	{ FEATURE(7_ECX, KEY_LOCKER), false, CR4_KEY_LOCKER },
	{ FEATURE(7_EDX, UINTR), false, CR4_UINTR },
	{ FEATURE(7_1_EAX, LAM), false, CR4_LAM_SUP },
	{ FEATURE(7_1_EAX, FRED), false, CR4_FRED },
};

static u64 cr4_bits(const struct cpuid_words *words, bool only_offered)
{
	u64 cr4 = X86_CR4_PCE;	/* no bit of CPUID says it */
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (words->word[cr4_features[i].word] & cr4_features[i].bit &&
		    (cr4_features[i].offered || !only_offered))
			cr4 |= cr4_features[i].cr4;
	return cr4;
}

static u64 efer_bits(const struct cpuid_words *words)
{
	return (cpuid_has(words, 80000001_EDX, SYSCALL) ? EFER_SCE : 0) |
	       (cpuid_has(words, 80000001_EDX, NX) ? EFER_NX : 0) |
	       (cpuid_has(words, 80000001_EDX, FXSR_OPT) ? EFER_FFXSR : 0) |
	       (cpuid_has(words, 80000001_EDX, LM) ? EFER_LME | EFER_LMA : 0);
}

u64 control_cr4(const struct cpuid_words *words)
{
	return cr4_bits(words, true) & control_host.cr4;
}

u64 control_efer(const struct cpuid_words *words)
{
	return efer_bits(words) & control_host.efer;
}

void control_setup(void)
{
	struct cpuid_words host;

	cpuid_host_words(&host);
	control_host.cr4_exists = cr4_bits(&host, false);
	control_host.cr4 = cr4_bits(&host, true);
	control_host.efer = efer_bits(&host);
	control_host.linear_bits = cpuid_has(&host, 7_ECX, LA57) ? 57 : 48;
	/* Their registers are switched as far as the host's kernel has them in use itself. */
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		control_host.cr4 &= ~(u64)X86_CR4_PKE;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		control_host.cr4 &= ~(u64)X86_CR4_OSXSAVE;
}

/* A bit that userspace has set although CPUID lacks it may stay. */
static bool is_legal(struct vcpu *vcpu, u64 value)
{
	u64 changed = value ^ vcpu_cr4(vcpu), set = changed & value;

	if (set & ~vcpu->cpuid.has.cr4_allowed)
		return false;
	if (is_long_mode(vcpu) && (!(value & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
		return false;
	return !(set & X86_CR4_PCIDE) || (is_long_mode(vcpu) && !(vcpu_cr3(vcpu) & 0xfff));
}

bool control_write_cr4(struct vcpu *vcpu, u64 value)
{
	if (!is_legal(vcpu, value))
		return false;
	vcpu_set_cr4(vcpu, value);
	/* It also flushes the TLB, more than some of the bits ask for. */
	backend_call(sync_control)(vcpu);
	return true;
}

bool control_needs_memory(struct vcpu *vcpu)
{
	return (vcpu_cr0(vcpu) & X86_CR0_PG) && !is_long_mode(vcpu);
}
