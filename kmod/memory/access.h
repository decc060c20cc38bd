/* SPDX-License-Identifier: GPL-2.0 */
/* The host's access to guest memory, through the owner's mapping. */
#ifndef MINIVMM_MEMORY_ACCESS_H
#define MINIVMM_MEMORY_ACCESS_H

#include "slots.h"

/*
 * Access to guest memory through the owner's mapping, in address space
 * vcpu->mmu.role.as_id. Outside level; may sleep; current->mm is
 * vm->mm. Neither vm->lock nor mmu_lock nor the mm's mmap lock held. Ranges may
 * cross pages and slots; what precedes the failing page has been transferred.
 *
 * 0, or
 * -EFAULT  a slot is there but the owner's memory behind it is not accessible
 * -ENOENT  no slot: MMIO
 * -EROFS   write to a read-only slot: MMIO
 * -EAGAIN  the slot is just being deleted or moved: do the instruction again
 */
int guest_read(struct vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len);
/* The four entries that CR3 points to in PAE paging. */
int guest_read_pdptes(struct vcpu *vcpu, u64 pdpte[4]);
int guest_write(struct vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len);

/*
 * guest_cmpxchg - atomically replace @size (1, 2, 4, 8, 16) bytes *@old by *@new
 * at @gpa, which is naturally aligned. As above, and 1 when memory was not *@old
 * (then *@old is what was found).
 */
int guest_cmpxchg(struct vcpu *vcpu, gpa_t gpa, void *old, const void *new, unsigned int size);

#endif /* MINIVMM_MEMORY_ACCESS_H */
