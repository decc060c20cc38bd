/* SPDX-License-Identifier: GPL-2.0 */
/* Dirty log: which pages of a slot were written. How nothing is lost is said in dirty_log.c. */
#ifndef MINIVMM_MEMORY_DIRTY_LOG_H
#define MINIVMM_MEMORY_DIRTY_LOG_H

#include "slots.h"

struct minivmm_dirty_log;
struct minivmm_clear_dirty_log;

/* memory_mark_written - note in the log, if there is one, that @vcpu wrote to a page of @slot. */
static inline void memory_mark_written(struct vcpu *vcpu, struct memslot *slot, gfn_t gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->base_gfn, slot->dirty);
}

/*
 * memory_get_dirty_log - GET_DIRTY_LOG: copies the bitmap of a slot out and
 * restarts logging for just the pages reported. A page written later is reported
 * next time. With manual protection nothing is restarted. Takes vm->lock.
 * EINVAL: slot out of range; ENOENT: no such slot or not logged; EFAULT.
 */
int memory_get_dirty_log(struct vm *vm, const struct minivmm_dirty_log *log);

/*
 * memory_clear_dirty_log - CLEAR_DIRTY_LOG: clears the bits set in the given
 * bitmap and restarts logging of these pages. Takes vm->lock.
 * EINVAL: slot or page range out of range or not a multiple of 64; ENOENT; EFAULT.
 */
int memory_clear_dirty_log(struct vm *vm, const struct minivmm_clear_dirty_log *log);

/*
 * memory_log_written - the guest wrote to the pages of the @nr addresses, says the CPU.
 * Where it does, the backend calls this when a window ends, if memory.logged. Window.
 */
void memory_log_written(struct vcpu *vcpu, const u64 *gpas, unsigned int nr);

/*
 * memory_set_manual_protect - ENABLE_CAP of CAP_MANUAL_DIRTY_LOG_PROTECT2.
 * EINVAL: unknown flag, or INITIALLY_SET without MANUAL_PROTECT_ENABLE. Takes vm->lock.
 */
int memory_set_manual_protect(struct vm *vm, u64 flags);

#endif /* MINIVMM_MEMORY_DIRTY_LOG_H */
