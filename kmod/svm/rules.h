/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The consistency checks of VMRUN (AMD64 APM volume 2, 15.5.1, 15.20 and 15.25)
 * as a table. svm/explain.c fills the state when VMRUN has ended with
 * VMEXIT_INVALID; rules_list.h has the rules. Pure.
 */
#ifndef MINIVMM_SVM_RULES_H
#define MINIVMM_SVM_RULES_H

#include "../entry_rule.h"

/* FIELD(member, where the VMCB has it) */
#define SVM_STATE_FIELDS(FIELD)			\
	FIELD(intercepts_4, control.intercept[4])	\
	FIELD(iopm_base, control.iopm_base)	\
	FIELD(msrpm_base, control.msrpm_base)	\
	FIELD(asid, control.asid)		\
	FIELD(event_inject, control.event_inject) \
	FIELD(nested_control, control.nested_control) \
	FIELD(nested_cr3, control.nested_cr3)	\
	FIELD(cs_attr, save.cs.attr)		\
	FIELD(efer, save.efer)			\
	FIELD(cr0, save.cr0)			\
	FIELD(cr3, save.cr3)			\
	FIELD(cr4, save.cr4)			\
	FIELD(dr6, save.dr6)			\
	FIELD(dr7, save.dr7)			\
	FIELD(g_pat, save.g_pat)

struct svm_state {
#define FIELD(member, vmcb) u64 member;
	SVM_STATE_FIELDS(FIELD)
#undef FIELD
	/* What this CPU has. */
	u64 phys_bits;		/* width of physical addresses */
	u64 cr4_valid;		/* bits of CR4 */
	u64 efer_valid;		/* bits of EFER */
	u64 nr_asids;
};

extern const struct entry_rule svm_rules[];
extern const size_t svm_nr_rules;

#endif /* MINIVMM_SVM_RULES_H */
