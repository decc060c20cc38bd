/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a call or an entry was refused: one record per VM and per vCPU, read by
 * MINIVMM_GET_LAST_ERROR. Any sleeping context; the record has its own lock.
 */
#ifndef MINIVMM_REPORT_EXPLAIN_H
#define MINIVMM_REPORT_EXPLAIN_H

#include <linux/spinlock.h>

#include "../../uapi/minivmm.h"
#include "../entry_rule.h"
#include "state.h"

void explain_init(struct last_error *error);

/*
 * refuse - record that @field with @value broke @rule and return @err (a
 * negative errno), so that a check reads `return refuse(...)`.
 */
int refuse(struct last_error *error, int err, const char *field, u64 value, const char *rule);

/*
 * refuse_entry - record that the CPU did not enter the guest because of @rule: its
 * member, the member's @value, and "name: text" as the rule.
 */
void refuse_entry(struct last_error *error, const struct entry_rule *rule, u64 value);

/* explain_source - the ioctl that the next refusals belong to. */
static inline void explain_source(struct last_error *error, u32 ioctl)
{
	WRITE_ONCE(error->source, ioctl);
}

/* explain_get - MINIVMM_GET_LAST_ERROR. EFAULT, EINVAL (size), E2BIG as copy_struct_from_user. */
long explain_get(struct last_error *error, void __user *arg);

#endif /* MINIVMM_REPORT_EXPLAIN_H */
