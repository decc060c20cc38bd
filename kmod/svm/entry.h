/* SPDX-License-Identifier: GPL-2.0 */
/* Offsets in struct svm_entry (svm.h), for enter.S. */
#ifndef MINIVMM_SVM_ENTRY_H
#define MINIVMM_SVM_ENTRY_H

#define SVM_ENTRY_VMCB_PA		0
#define SVM_ENTRY_HOST_PA		8
#define SVM_ENTRY_SPEC_CTRL		16
#define SVM_ENTRY_HOST_SPEC_CTRL	24

#endif /* MINIVMM_SVM_ENTRY_H */
