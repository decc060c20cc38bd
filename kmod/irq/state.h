/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a vCPU (its local APIC, lapic.h) and a VM (all else, irqchip.h) keep for this room: the
 * structures alone.
 */
#ifndef MINIVMM_IRQ_STATE_H
#define MINIVMM_IRQ_STATE_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../io/state.h"
#include "ioapic.h"
#include "lapic_regs.h"
#include "pic.h"
#include "pit.h"
#include "routing.h"

struct lapic {
	struct lapic_regs regs;
	bool in_kernel;		/* fixed at vCPU creation; false: only base and tpr are used */
	bool by_cpu;		/* the CPU takes what is in the IRR and ends it, by itself */
	bool report_tpr;	/* userspace is told of each access to the TPR's place in memory */
	bool plain;		/* accesses to the page are those to the registers, and no more */
	bool tpr_written;	/* the access that userspace is to be told of, */
	u64 tpr_rip;		/* and by which instruction */
	u8 sipi_vector;		/* any context */
	unsigned int arbitration;	/* lowest-priority messages taken; any context */

	unsigned long events ____cacheline_aligned;
	unsigned long posted[4];	/* vectors that arrived */
	unsigned long posted_level[4];	/* of these, level-triggered ones */
	struct hrtimer timer;
};

#define IRQCHIP_MAX_APICS	255

/* What of the interrupt hardware is in the kernel. */
enum irqchip_mode {
	IRQCHIP_NONE,		/* nothing: userspace injects by INTERRUPT and NMI */
	IRQCHIP_SPLIT,		/* the local APICs; no call makes this yet */
	IRQCHIP_KERNEL,		/* PICs and I/O APIC, too */
};

struct irqchip {
	enum irqchip_mode mode;		/* set once, before any vCPU exists */
	bool has_pit;			/* release/acquire */
	struct bus_range pic_ports[3], pit_ports[2], ioapic_page;

	raw_spinlock_t pic_lock;
	struct pic pic;

	raw_spinlock_t ioapic_lock;
	struct ioapic ioapic;
	unsigned int ioapic_kicks;	/* that its messages may still make before the lock is left, */
	unsigned int ioapic_taken;	/* and vCPUs that have taken one since the lock was taken */
	struct hrtimer ioapic_retry;	/* delivers the pins put off by ioapic_eoi() */

	raw_spinlock_t pit_lock;
	struct pit pit;
	struct hrtimer pit_timer;
	bool pit_held;			/* ticks wait for the next RUN: pit_timer_hold() */
	bool pit_fires;			/* pit_timer's callback is under way */

	u64 apic_identity[IRQCHIP_MAX_APICS];	/* by vCPU index; each written by its vCPU */
	unsigned long kicks[BITS_TO_LONGS(IRQCHIP_MAX_APICS)];	/* put off: see irq_make_kicks() */
	struct work_struct kick_work;

	struct mutex lock;
	struct irq_table __rcu *table;
	raw_spinlock_t irqfd_lock;		/* inside an eventfd's wait-queue lock */
	struct rb_root irqfds;			/* irqfd.c; by eventfd; irqfd_lock */
	struct hlist_head resamplers[64];	/* irqfd.c; by GSI; RCU, writers under @lock */
};

#endif /* MINIVMM_IRQ_STATE_H */
