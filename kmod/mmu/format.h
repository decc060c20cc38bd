/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry formats of second-level page tables (NPT, EPT) as data: the code of this
 * room knows masks only. Constant after module load.
 */
#ifndef MINIVMM_MMU_FORMAT_H
#define MINIVMM_MMU_FORMAT_H

#include <linux/bits.h>
#include <linux/types.h>

/* Levels: 1 holds 4 KiB leaves, 2 2 MiB, 3 1 GiB. */
#define MMU_LEAF_SIZES		3
#define MMU_MAX_LEVELS		5
#define MMU_TABLE_ENTRIES	512
#define MMU_LARGE		BIT_ULL(7)	/* leaf above level 1, in both formats */

/* Bits the hardware ignores in every entry of both formats. */
#define MMU_SW_DIRECT		BIT_ULL(53)	/* leaf of a page in the kernel's direct map */
#define MMU_SW_WRITABLE		BIT_ULL(54)	/* made writable: if it is not now, that is for the log */

struct mmu_format {
	u64 present;		/* an entry is in use if any of these is set */
	u64 table;		/* set in every entry that points to a table */
	u64 leaf;		/* set in every leaf: readable, write-back memory */
	u64 leaf_uncached;	/* the same for device memory */
	u64 write;
	u64 exec;		/* set: executable (EPT) */
	u64 nx;			/* set: not executable (NPT) */
	u64 accessed;		/* 0: the format has no such bit */
	u64 dirty;
};

extern const struct mmu_format mmu_format_npt;
extern const struct mmu_format mmu_format_ept;
/* For CPUs that do not snoop their own caches: memory that the host caches is cached by the guest. */
extern const struct mmu_format mmu_format_ept_no_pat;

/*
 * What a root was built for: vCPUs of equal role share a root. @word compares.
 * A role has no unnamed bits, so that equal fields mean equal words.
 */
union mmu_role {
	struct {
		u8 as_id;	/* address space */
		u8 levels;	/* 4 or 5 */
		u8 ept;		/* entry format: 0 NPT, 1 EPT, 2 EPT without PAT */
		u8 ad;		/* the hardware sets accessed and dirty bits */
		u8 guest_mode;	/* belongs to a nested guest */
		u8 nx_large;	/* large leaves are not executable (iTLB multihit) */
		u8 apic;	/* the local APIC's page is mapped, for the CPU to recognize */
		u8 log;		/* the hardware logs the pages whose dirty bit it sets */
	};
	u64 word;
};

#endif /* MINIVMM_MMU_FORMAT_H */
