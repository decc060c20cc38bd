// SPDX-License-Identifier: GPL-2.0
/* The entry formats (see format.h). */

#include "format.h"

const struct mmu_format mmu_format_npt = {
	.present	= BIT_ULL(0),
	.table		= BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(2),	/* present, writable, user */
	.leaf		= BIT_ULL(0) | BIT_ULL(2),
	.leaf_uncached	= BIT_ULL(0) | BIT_ULL(2) | BIT_ULL(3) | BIT_ULL(4),	/* PWT, PCD */
	.write		= BIT_ULL(1),
	.nx		= BIT_ULL(63),
	.accessed	= BIT_ULL(5),
	.dirty		= BIT_ULL(6),
};

#define EPT_FORMAT								\
	.present	= BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(2),			\
	.table		= BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(2),	/* read, write, execute */ \
	.leaf_uncached	= BIT_ULL(0),						\
	.write		= BIT_ULL(1),						\
	.exec		= BIT_ULL(2),						\
	.accessed	= BIT_ULL(8),						\
	.dirty		= BIT_ULL(9)

const struct mmu_format mmu_format_ept = {
	.leaf		= BIT_ULL(0) | 6ULL << 3,		/* read, write-back */
	EPT_FORMAT
};

const struct mmu_format mmu_format_ept_no_pat = {
	.leaf		= BIT_ULL(0) | 6ULL << 3 | BIT_ULL(6),	/* whatever the guest's PAT says */
	EPT_FORMAT
};
