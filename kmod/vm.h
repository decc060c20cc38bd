/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VM object: what all vCPUs of one guest share.
 *
 * Lifetime: each VM, vCPU and counter fd holds one reference (vm_get/vm_put); the
 * last put tears down in the order written in vm_free(). irqfds hold none: they go
 * when the VM fd is closed.
 * Lock order: vm->lock, vcpu->lock, slot readers (SRCU), memory.mmu_lock.
 */
#ifndef MINIVMM_VM_H
#define MINIVMM_VM_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "cpu/state.h"
#include "io/state.h"
#include "irq/state.h"
#include "memory/memory.h"
#include "report/state.h"

#define VM_MAX_VCPUS	255
#define VM_MAX_VCPU_ID	4096
#define VM_MIN_MMU_PAGES	64	/* SET_NR_MMU_PAGES */

struct vcpu;
struct mm_struct;

struct vm {
	struct list_head link;		/* all VMs, see vm_for_all() */
	struct mm_struct *mm;		/* owner (mmgrab); ioctls from another mm get EIO */
	refcount_t refs;
	struct mutex lock;		/* slots writers, dirty log, creation of vCPUs, irqchip and PIT */

	struct memory memory;		/* memory/memory.h: slots, second-level tables, MMU notifier */
	struct irqchip irqchip;		/* irq/irqchip.h: PICs, I/O APIC, PIT, routing, irqfds */
	struct bus bus;			/* io/bus.h: devices in the kernel, ioeventfds, coalesced writes */
	struct vm_clock clock;		/* pv.h: TSC offset and paravirtual clock */
	struct last_error error;	/* report/explain.h; written under its own lock */

	/*
	 * vcpus[i] for i < nr_vcpus never changes once published (release/acquire
	 * on nr_vcpus) and lives until vm_free(): readers need no lock.
	 */
	unsigned int nr_vcpus;
	struct vcpu *vcpus[VM_MAX_VCPUS];

	u32 nr_mmu_pages;		/* SET_NR_MMU_PAGES: kept for the ABI, too */
	u64 tss_addr;			/* SET_TSS_ADDR: kept for the ABI, not needed with EPT/NPT */
	u64 identity_map_addr;
	u32 boot_cpu_id;
	bool triple_fault_event;	/* CAP_X86_TRIPLE_FAULT_EVENT is enabled */
};

/* for_each_vcpu - visit every published vCPU; no lock needed. */
#define for_each_vcpu(vm, i, v)						\
	for ((i) = 0; (i) < smp_load_acquire(&(vm)->nr_vcpus) &&	\
	     ((v) = (vm)->vcpus[(i)], true); (i)++)

/* vm_create - new VM owned by current->mm. ENOMEM. The caller holds the only reference. */
struct vm *vm_create(void);

/* vm_get/vm_put - pin the VM; the last put frees it. vm_put may sleep. */
static inline void vm_get(struct vm *vm)
{
	refcount_inc(&vm->refs);
}

void vm_put(struct vm *vm);

/* vm_create_fd - install a new fd for @vm, consuming the caller's reference. Returns fd or -errno. */
int vm_create_fd(struct vm *vm);

/* vm_for_all - calls @fn for every VM, under a spinlock. Any context but interrupts. */
void vm_for_all(void (*fn)(struct vm *vm));

/* vm_kick_all - set @req (a VCPU_REQ_ bit) on every vCPU and make each notice it soon. Any context. */
void vm_kick_all(struct vm *vm, unsigned int req);

/*
 * vm_flush_and_wait - set @req on every vCPU and return once no vCPU is still
 * inside a window (interrupts off, guest or exit handler) that began before.
 * Caller may hold spinlocks but must have interrupts enabled; preemption may be off.
 */
void vm_flush_and_wait(struct vm *vm, unsigned int req);

#endif /* MINIVMM_VM_H */
