/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes of the slots of a VM. Writers hold vm->lock and publish under mmu_lock.
 */
#ifndef MINIVMM_MEMORY_SLOTS_H
#define MINIVMM_MEMORY_SLOTS_H

#include "memory.h"

#define MEMORY_MAX_RETIRED	(8L << 20)	/* bytes: a change of slots waits with more */
#define MEMORY_MAX_SLOTS	32764		/* slots per address space: CAP_NR_MEMSLOTS */
#define MEMORY_LOG_CHUNK	(PAGE_SIZE / sizeof(long))	/* of the log, dealt with at a time */
#define MEMORY_MAX_SLOT_PAGES	((1UL << 31) - 1)

struct vm;
struct vcpu;
struct minivmm_userspace_memory_region;

/*
 * memory_set_region - SET_USER_MEMORY_REGION: create, move, delete (size 0) a
 * slot or change its flags. The upper 16 bits of ->slot are the address space.
 * When a slot was deleted or moved, no vCPU and no host access uses the old
 * place after the return. Takes vm->lock.
 *
 * EINVAL: unknown flag; size, guest or user address not page-aligned; user range
 * not in user space; slot id or address space out of range; guest range wraps or
 * exceeds the addressable width; more than MEMORY_MAX_SLOT_PAGES; deletion of
 * nothing; change of size, user address or READONLY of a slot that exists.
 * EEXIST: overlaps another slot. ENOMEM. EINTR: killed while it waited for an access
 * that itself waits for userspace (userfaultfd).
 */
int memory_set_region(struct vm *vm, const struct minivmm_userspace_memory_region *region);

/*
 * memory_has_slot - whether a slot covers @gpa in the vCPU's address space. Any
 * level. False is stable only as far as userspace does not add a slot meanwhile.
 */
bool memory_has_slot(struct vcpu *vcpu, gpa_t gpa);

#endif /* MINIVMM_MEMORY_SLOTS_H */
