/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a vCPU keeps for this room, and a VM of its clock: the structures alone. Their functions
 * are in the headers named beside them.
 */
#ifndef MINIVMM_CPU_STATE_H
#define MINIVMM_CPU_STATE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "../emulator/emulator.h"
#include "regs.h"

/* cpuid.h. What other rooms ask about the guest's CPU, derived once by cpuid_set(). */
struct cpuid_features {
	u8 phys_bits;		/* guest MAXPHYADDR */
	bool x2apic, tsc_deadline, xsaves, gbpages, pse36, rdtscp, rdpid, invpcid;
	bool spec_ctrl, pred_cmd, amd;
	u64 cr4_allowed;
	u64 cr4_hidden;		/* bits that the CPU has and the guest may not set */
	u64 efer_allowed;
	u64 xcr0_allowed;
};

struct vcpu_cpuid {
	struct minivmm_cpuid_entry2 *entries;	/* kvmalloc'ed, replaced whole under vcpu->lock */
	unsigned int count;
	struct cpuid_features has;
};

#define MSR_NR_MTRR_VAR		8

/* msr.h. Values that live here; msr_rows.h says where those of the other MSRs are. */
struct vcpu_msrs {
	u64 misc_enable;
	u64 tsc_aux;
	u64 host_tsc_aux;	/* of the CPU of this section */
	u64 tsc_adjust;
	u64 spec_ctrl;
	u64 mtrr_def_type;
	u64 mtrr_var[2 * MSR_NR_MTRR_VAR];
	u64 mtrr_64k, mtrr_16k[2], mtrr_4k[8];	/* fixed ranges */
	u64 ucode_rev;
	u64 hwcr;
};

#define MCE_MAX_BANKS	32

/* mce.h */
struct vcpu_mce {
	u64 cap, status, ctl;	/* MCG_CAP, MCG_STATUS, MCG_CTL */
	struct mce_bank {
		u64 ctl, status, addr, misc;	/* in the order of their MSRs */
	} bank[MCE_MAX_BANKS];
};

/* xstate.h */
struct xstate {
	void *area;		/* xstate_size() bytes, 64-byte aligned */
	u64 xcr0;		/* the guest's */
	u64 xss;
	u32 pkru;
	u32 host_pkru;		/* during a window */
};

/* debug_regs.h */
struct debug_regs {
	u64 db[4], dr6, dr7;		/* the guest's; whoever changes them calls sync_debug */
	unsigned long host_db[4];	/* the host's, where perf uses them; in a window */
	u64 host_debugctl;		/* in a window */
	bool live;			/* the guest's DR0-3 are loaded in windows */
};

/* debug.h */
struct vcpu_debug {
	u32 control;		/* MINIVMM_GUESTDBG_*, 0: off */
	bool step_begun;	/* at step_rip */
	u64 step_rip;
};

#define CODE_FIRST_PAGES	4
#define CODE_PAGES		64	/* both are powers of two */
#define CODE_LEVELS	5

/*
 * code_page.h. A page that code was fetched from. As a translation in the CPU's TLB it holds until
 * code_forget(); where the guest itself may have changed it, that is looked at each time.
 */
struct code_page {
	u64 linear;			/* of the page, and the tag of when it was found; 0: nothing known */
	const u8 *bytes;
	struct control_regs control;	/* the guest's mode ... */
	const u64 *entry[CODE_LEVELS];	/* ... and the entries of its tables that led here, */
	u64 value[CODE_LEVELS];		/* with these values */
};

struct code_pages {
	struct code_page first[CODE_FIRST_PAGES];
	struct code_page *page;			/* these, or CODE_PAGES: by page number and CR3 */
	unsigned int mask;			/* one less than there are */
	u64 tag;				/* 1 to 4095: code_forget() takes the next */
	bool is_64bit;				/* what was looked at last is 64-bit code */
};

/*
 * insn.h. Most MMIO accesses of one instruction: 32 bytes read and written, in pieces of 8, over
 * two pages.
 */
#define INSN_MAX_STEPS	12

/* One access that was completed, in the order the instruction makes them. */
struct insn_step {
	u8 data[8];
	u64 gpa;		/* INSN_PORT: to a port */
};

#define INSN_PORT	(~0ull)

/* Where the last data access went: an instruction, run again, asks for the same page. */
struct insn_translation {
	u64 linear, gpa;	/* of the page */
	u32 access;		/* WALK_* */
	bool valid;
};

/* Plain moves that stay decoded: a driver accesses its device from several places. */
#define INSN_MOVES	4

struct insn_state {
	struct emul e;
	struct emul_insn moves[INSN_MOVES];	/* move_size is 0: none yet */
	u8 next_move;		/* of moves[]: makes room for the next */
	u8 code[EMUL_INSN_MAX];	/* at RIP, as far as the window saw; for this exit's insn_run() */
	u8 code_len;		/* 0 from one exit to the next */
	struct insn_translation last;
	struct insn_step steps[INSN_MAX_STEPS];
	u8 done, next;		/* steps answered by userspace; the one to use next */
	bool stale;		/* userspace has set what prepare() took, while it was asked */
	bool reading;		/* userspace was asked for data, in run->mmio */
	bool may_post;		/* the instruction may end before userspace is told of its last write */
	bool posted;		/* such a write is in run->mmio, and in steps[done] */
	u64 move_data;		/* what a plain move has written, or read from the kernel */
	int error;		/* errno behind an EMUL_RETRY, or 0 */
};

/*
 * pv.h. The pair (host TSC, host monotonic ns) from which all vCPUs compute their clock.
 * @lock guards all but host_khz.
 */
struct vm_clock {
	spinlock_t lock;
	u32 host_khz;		/* the host TSC's rate, as known when the VM was made */
	u64 base_tsc;		/* host TSC at base_ns */
	u64 base_ns;		/* guest clock at base_tsc */
	u64 tsc_offset;		/* common guest TSC offset; vCPUs may differ by MSR writes */
	u32 tsc_khz;		/* the rate that tsc_offset goes with */
	bool tsc_written;	/* userspace has chosen tsc_offset by a write of a TSC */
};

/* pv.h */
struct vcpu_pv {
	u64 system_time_msr;	/* MSR_KVM_SYSTEM_TIME_NEW: gpa | enable */
	u64 wall_clock_msr;
	bool wall_clock_wanted;	/* written once, by the next pv_update_clock() */
	bool guest_stopped;	/* KVMCLOCK_CTRL: tell the guest's watchdog */
};

#endif /* MINIVMM_CPU_STATE_H */
