// SPDX-License-Identifier: GPL-2.0
/* The virtual CPU's machine-check registers; the contract is in mce.h. */
#include <linux/nospec.h>
#include <asm/mce.h>
#include <asm/msr-index.h>

#include "../report/explain.h"
#include "../vcpu/inject.h"
#include "../vcpu/vcpu.h"
#include "mce.h"

#define CAP_BANKS		GENMASK_ULL(7, 0)
#define CAP_EXTENDED		GENMASK_ULL(23, 16)	/* their number says nothing to us */
#define HWCR_STATUS_WRITES	BIT_ULL(18)		/* AMD: software may make up errors */
#define BANK_MSRS		4

static_assert(sizeof(struct mce_bank) == BANK_MSRS * sizeof(u64));

u64 mce_supported(void)
{
	return MCG_CTL_P | MCG_SER_P;
}

static void enable_banks(struct vcpu_mce *mce)
{
	unsigned int i;

	for (i = 0; i < MCE_MAX_BANKS; i++)
		mce->bank[i].ctl = MCE_CTL_ALL;
}

void mce_reset(struct vcpu *vcpu)
{
	vcpu->mce = (struct vcpu_mce){ .cap = MCE_MAX_BANKS };
	enable_banks(&vcpu->mce);
}

int mce_set_cap(struct vcpu *vcpu, u64 cap)
{
	struct vcpu_mce *mce = &vcpu->mce;
	u64 banks = cap & CAP_BANKS;

	if (!banks || banks > MCE_MAX_BANKS)
		return refuse(&vcpu->error, -EINVAL, "mcg_cap", cap, "the banks are 1 to 32");
	if (cap & ~(mce_supported() | CAP_BANKS | CAP_EXTENDED))
		return refuse(&vcpu->error, -EINVAL, "mcg_cap", cap,
			      "bits that X86_GET_MCE_CAP_SUPPORTED does not give");
	mce->cap = cap;
	if (cap & MCG_CTL_P)
		mce->ctl = MCE_CTL_ALL;
	enable_banks(mce);
	return 0;
}

/* Errors of a bank, or of all, that the guest has turned off are not told. */
static bool is_enabled(const struct vcpu_mce *mce, const struct mce_bank *bank)
{
	return (!(mce->cap & MCG_CTL_P) || mce->ctl == MCE_CTL_ALL) && bank->ctl == MCE_CTL_ALL;
}

static void fill_bank(struct mce_bank *bank, const struct minivmm_x86_mce *error)
{
	u64 overflow = bank->status & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0;

	bank->status = error->status | overflow;
	bank->addr = error->addr;
	bank->misc = error->misc;
}

/* While one machine check is handled, or where none is expected, the next one shuts the CPU down. */
static void raise(struct vcpu *vcpu, struct mce_bank *bank, const struct minivmm_x86_mce *error)
{
	if ((vcpu->mce.status & MCG_STATUS_MCIP) || !(vcpu_cr4(vcpu) & X86_CR4_MCE)) {
		vcpu->events.triple_fault = true;
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return;
	}
	fill_bank(bank, error);
	vcpu->mce.status = error->mcg_status;
	vcpu_inject_machine_check(vcpu);
}

int mce_report(struct vcpu *vcpu, const struct minivmm_x86_mce *error)
{
	struct vcpu_mce *mce = &vcpu->mce;
	struct mce_bank *bank;

	if (error->bank >= (mce->cap & CAP_BANKS))
		return refuse(&vcpu->error, -EINVAL, "bank", error->bank,
			      "MCG_CAP has fewer banks");
	if (!(error->status & MCI_STATUS_VAL))
		return refuse(&vcpu->error, -EINVAL, "status", error->status,
			      "an error has its valid bit set");
	bank = &mce->bank[error->bank];
	if (error->status & MCI_STATUS_UC) {
		if (is_enabled(mce, bank))
			raise(vcpu, bank, error);
	} else if ((bank->status & MCI_STATUS_VAL) && (bank->status & MCI_STATUS_UC)) {
		/* What was not corrected stays to be seen. */
		bank->status |= MCI_STATUS_OVER;
	} else {
		fill_bank(bank, error);
	}
	return 0;
}

/* The MSR of a bank that MCG_CAP has, or NULL. */
static u64 *bank_msr(struct vcpu_mce *mce, u32 index)
{
	u32 nr = index - MSR_IA32_MC0_CTL, count = (mce->cap & CAP_BANKS) * BANK_MSRS;

	return nr < count ? (u64 *)mce->bank + array_index_nospec(nr, count) : NULL;
}

int mce_get_bank(struct vcpu *vcpu, u32 index, u64 *value)
{
	const u64 *bank = bank_msr(&vcpu->mce, index);

	if (!bank)
		return -EINVAL;
	*value = *bank;
	return 0;
}

/* Linux keeps bit 10 of bank 4 clear on old AMD CPUs, and bit 0 of bank 0 on old Intel ones. */
static bool is_bank_ctl(u64 value)
{
	return !value || (value | BIT_ULL(10) | BIT_ULL(0)) == MCE_CTL_ALL;
}

int mce_set_bank(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	unsigned int which = (index - MSR_IA32_MC0_CTL) % BANK_MSRS;
	u64 *bank = bank_msr(&vcpu->mce, index);

	if (!bank || (which == 0 && !is_bank_ctl(value)))
		return -EINVAL;
	if (which == 1 && value && !host && !(vcpu->msrs.hwcr & HWCR_STATUS_WRITES))
		return -EINVAL;
	*bank = value;
	return 0;
}
