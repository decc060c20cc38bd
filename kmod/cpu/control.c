// SPDX-License-Identifier: GPL-2.0
/* Bits of CR4 and EFER, and MOV to CR4; the contract is in control.h. */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../vcpu/vcpu.h"
#include "control.h"

#define CR4_KEY_LOCKER	BIT_ULL(19)
#define CR4_CET		BIT_ULL(23)
#define CR4_UINTR	BIT_ULL(25)
#define CR4_LAM_SUP	BIT_ULL(28)
#define CR4_FRED	BIT_ULL(32)

struct control_host control_host;

/* Which bit of which word announces which bits of CR4. What is not offered needs state we do not switch. */
static const struct {
	u8 word, bit;
	bool offered;
	u64 cr4;
} cr4_features[] = {
	{ CONTROL_1_EDX, 1, true, X86_CR4_VME | X86_CR4_PVI },
	{ CONTROL_1_EDX, 2, true, X86_CR4_DE },
	{ CONTROL_1_EDX, 3, true, X86_CR4_PSE },
	{ CONTROL_1_EDX, 4, true, X86_CR4_TSD },
	{ CONTROL_1_EDX, 6, true, X86_CR4_PAE },
	{ CONTROL_1_EDX, 7, true, X86_CR4_MCE },
	{ CONTROL_1_EDX, 13, true, X86_CR4_PGE },
	{ CONTROL_1_EDX, 24, true, X86_CR4_OSFXSR },
	{ CONTROL_1_EDX, 25, true, X86_CR4_OSXMMEXCPT },
	{ CONTROL_1_ECX, 17, true, X86_CR4_PCIDE },
	{ CONTROL_1_ECX, 26, true, X86_CR4_OSXSAVE },
	{ CONTROL_7_EBX, 0, true, X86_CR4_FSGSBASE },
	{ CONTROL_7_EBX, 7, true, X86_CR4_SMEP },
	{ CONTROL_7_EBX, 20, true, X86_CR4_SMAP },
	{ CONTROL_7_ECX, 2, true, X86_CR4_UMIP },
	{ CONTROL_7_ECX, 3, true, X86_CR4_PKE },
	{ CONTROL_7_ECX, 16, true, X86_CR4_LA57 },
	{ CONTROL_1_ECX, 5, false, X86_CR4_VMXE },
	{ CONTROL_1_ECX, 6, false, X86_CR4_SMXE },
	{ CONTROL_7_ECX, 7, false, CR4_CET },		/* shadow stacks */
	{ CONTROL_7_EDX, 20, false, CR4_CET },		/* indirect branch tracking */
	{ CONTROL_7_ECX, 23, false, CR4_KEY_LOCKER },
	{ CONTROL_7_EDX, 5, false, CR4_UINTR },
	{ CONTROL_7_1_EAX, 26, false, CR4_LAM_SUP },
	{ CONTROL_7_1_EAX, 17, false, CR4_FRED },
};

static u64 cr4_bits(const struct control_words *words, bool only_offered)
{
	u64 cr4 = X86_CR4_PCE;	/* no bit of CPUID says it */
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (words->word[cr4_features[i].word] & BIT(cr4_features[i].bit) &&
		    (cr4_features[i].offered || !only_offered))
			cr4 |= cr4_features[i].cr4;
	return cr4;
}

static u64 efer_bits(const struct control_words *words)
{
	u32 edx = words->word[CONTROL_EXT_EDX];

	return (edx & BIT(11) ? EFER_SCE : 0) | (edx & BIT(20) ? EFER_NX : 0) |
	       (edx & BIT(25) ? EFER_FFXSR : 0) | (edx & BIT(29) ? EFER_LME | EFER_LMA : 0);
}

u64 control_cr4(const struct control_words *words)
{
	return cr4_bits(words, true) & control_host.cr4;
}

u64 control_efer(const struct control_words *words)
{
	return efer_bits(words) & control_host.efer;
}

static void read_host(struct control_words *host)
{
	u32 unused;

	*host = (struct control_words){ 0 };
	host->word[CONTROL_1_ECX] = cpuid_ecx(1);
	host->word[CONTROL_1_EDX] = cpuid_edx(1);
	host->word[CONTROL_EXT_EDX] = cpuid_edx(0x80000001);
	if (cpuid_eax(0) < 7)
		return;
	cpuid_count(7, 0, &unused, &host->word[CONTROL_7_EBX], &host->word[CONTROL_7_ECX],
		    &host->word[CONTROL_7_EDX]);
	if (cpuid_eax(7) >= 1)
		cpuid_count(7, 1, &host->word[CONTROL_7_1_EAX], &unused, &unused, &unused);
}

void control_setup(void)
{
	struct control_words host;

	read_host(&host);
	control_host.cr4_exists = cr4_bits(&host, false);
	control_host.cr4 = cr4_bits(&host, true);
	control_host.efer = efer_bits(&host);
	control_host.linear_bits = host.word[CONTROL_7_ECX] & BIT(16) ? 57 : 48;
	/* Their registers are switched as far as the host's kernel has them in use itself. */
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		control_host.cr4 &= ~(u64)X86_CR4_PKE;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		control_host.cr4 &= ~(u64)X86_CR4_OSXSAVE;
}

/* A bit that userspace has set although CPUID lacks it may stay. */
static bool is_legal(struct vcpu *vcpu, u64 value)
{
	u64 changed = value ^ vcpu->cr4, set = changed & value;

	if (set & ~vcpu->cpuid.has.cr4_allowed)
		return false;
	if (is_long_mode(vcpu) && (!(value & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
		return false;
	return !(set & X86_CR4_PCIDE) || (is_long_mode(vcpu) && !(vcpu->cr3 & 0xfff));
}

bool control_write_cr4(struct vcpu *vcpu, u64 value)
{
	vcpu_need(vcpu, VCPU_CR0 | VCPU_CR3 | VCPU_CR4 | VCPU_EFER);
	if (!is_legal(vcpu, value))
		return false;
	vcpu->cr4 = value;
	/* It also flushes the TLB, more than some of the bits ask for. */
	backend_call(sync_control)(vcpu);
	return true;
}

bool control_needs_memory(struct vcpu *vcpu)
{
	vcpu_need(vcpu, VCPU_CR0);
	return (vcpu->cr0 & X86_CR0_PG) && !is_long_mode(vcpu);
}
