/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walk of the guest's own page tables: guest virtual address (linear address)
 * to guest physical address, as the CPU would do it, with the CPU's fault.
 *
 * A pure part: it reads and updates page-table entries only through its ops,
 * keeps no state and takes no lock. Called by the emulator's memory ops and by
 * MINIVMM_TRANSLATE. Paging modes: off, 32-bit, PAE, 4-level and 5-level.
 */
#ifndef MINIVMM_MMU_WALK_H
#define MINIVMM_MMU_WALK_H

#include "../pure.h"

/*
 * Kinds of access. READ is none of the others. The values of WRITE, USER and
 * FETCH are those of the #PF error code, and of walk_result.perms.
 */
#define WALK_READ	0u
#define WALK_WRITE	(1u << 1)
#define WALK_USER	(1u << 2)	/* made at CPL 3 and not implicitly supervisor */
#define WALK_FETCH	(1u << 4)	/* instruction fetch; not together with WRITE */
#define WALK_AC		(1u << 8)	/* RFLAGS.AC lifts SMAP (leave clear if implicit) */

#define WALK_ERR_P	(1u << 0)
#define WALK_ERR_RSVD	(1u << 3)
#define WALK_ERR_PK	(1u << 5)

/* walk_gva() returns 0, WALK_FAULT or what an op returned. */
#define WALK_FAULT	1

/* The state the walk depends on, except the kind of access. */
struct walk_mode {
	u64 cr3;
	u64 pdpte[4];		/* levels == 3: the PDPTE registers, not memory */
	u32 pkru;		/* used if pku */
	u8 levels;		/* 0: paging off; 2, 3 (PAE), 4, 5 */
	u8 phys_bits;		/* guest MAXPHYADDR, 32 to 52 */
	bool wp;		/* CR0.WP */
	bool pse;		/* CR4.PSE */
	bool pse36;		/* CPUID: 4 MiB pages above 4 GiB */
	bool smep;		/* CR4.SMEP */
	bool smap;		/* CR4.SMAP */
	bool pku;		/* CR4.PKE */
	bool nxe;		/* EFER.NXE */
	bool gbpages;		/* CPUID: 1 GiB pages */
	bool nonleaf_bit8_rsvd;	/* AMD: bit 8 of PML5E, PML4E and non-leaf PDPTE is reserved */
};

/*
 * Access to page-table entries. Each op returns 0 or a negative errno, which
 * ends the walk and is returned by walk_gva() unchanged.
 */
struct walk_ops {
	/* Reads the entry of size bytes (4 or 8, naturally aligned) at gpa. */
	int (*read_pte)(void *ctx, u64 gpa, unsigned int size, u64 *val);
	/*
	 * Atomically replaces old by new; -EAGAIN if the entry was not old: the
	 * walk begins anew. NULL: the walk leaves no trace (accessed and dirty
	 * bits are not set).
	 */
	int (*cmpxchg_pte)(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new);
};

struct walk_result {
	u64 gpa;		/* of the address itself, not of its page */
	u64 page_size;		/* bytes: 4 KiB, 2 MiB, 4 MiB or 1 GiB */
	u32 perms;		/* WALK_WRITE, USER, FETCH: what all levels together allow */
	u32 error_code;		/* of the #PF, valid with WALK_FAULT */
	bool dirty;		/* the leaf's dirty bit is set (true if paging is off) */
};

/*
 * Translates gva, which the caller has found canonical (and cut to 32 bits
 * outside long mode), for one access of kind @access.
 *
 * Accessed bits, and the dirty bit for a write, are set once the access is
 * known to be allowed; a walk that faults changes nothing.
 *
 * Returns 0 and fills gpa, page_size, perms and dirty; WALK_FAULT and
 * error_code; an op's negative errno; -EAGAIN if the tables kept changing.
 */
int walk_gva(const struct walk_mode *mode, const struct walk_ops *ops, void *ctx,
	     u64 gva, u32 access, struct walk_result *res);

#endif /* MINIVMM_MMU_WALK_H */
