/* SPDX-License-Identifier: GPL-2.0 */
/* What VMs and vCPUs keep for this room, the structures alone: explain.h, stats.h. */
#ifndef MINIVMM_REPORT_STATE_H
#define MINIVMM_REPORT_STATE_H

#include <linux/spinlock.h>

#include "../../uapi/minivmm.h"
#include "../vcpu/exit_info.h"

struct last_error {
	spinlock_t lock;
	u32 source;		/* of the call under way; the record's is that of the refusal */
	struct minivmm_last_error record;
};

struct vcpu_stats {
	u64 exits[NR_EXIT_KINDS];
	u64 injections;
	u64 user_exits;
	u64 signal_exits;
	u64 emulated;
	u64 halts;
	u64 tlb_flushes;	/* of cached translations: made (VMX), or asked for (SVM) */
};

#endif /* MINIVMM_REPORT_STATE_H */
