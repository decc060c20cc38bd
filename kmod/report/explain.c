// SPDX-License-Identifier: GPL-2.0
/* The last-error records: written where a check fails, read by one ioctl. */

#include <linux/string.h>
#include <linux/uaccess.h>

#include "../compat.h"
#include "explain.h"
#include "trace.h"

void explain_init(struct last_error *error)
{
	spin_lock_init(&error->lock);
}

int refuse(struct last_error *error, int err, const char *field, u64 value, const char *rule)
{
	trace_refused(err, field, value, rule);
	spin_lock(&error->lock);
	error->record.code = -err;
	error->record.source = READ_ONCE(error->source);
	error->record.value = value;
	error->record.index = 0;
	strscpy(error->record.field, field, sizeof(error->record.field));
	strscpy(error->record.rule, rule, sizeof(error->record.rule));
	spin_unlock(&error->lock);
	return err;
}

void refuse_entry(struct last_error *error, const struct entry_rule *rule, u64 value)
{
	char text[sizeof(error->record.rule)];

	scnprintf(text, sizeof(text), "%s: %s", rule->name, rule->text);
	refuse(error, -EINVAL, rule->field, value, text);
}

long explain_get(struct last_error *error, void __user *arg)
{
	struct minivmm_last_error request, record;
	u32 size;
	int err;

	if (get_user(size, (u32 __user *)arg))
		return -EFAULT;
	if (size < offsetofend(struct minivmm_last_error, index))
		return -EINVAL;
	err = copy_struct_from_user(&request, sizeof(request), arg, size);
	if (err)
		return err;
	spin_lock(&error->lock);
	record = error->record;
	spin_unlock(&error->lock);
	record.size = sizeof(record);
	return copy_to_user(arg, &record, min_t(size_t, size, sizeof(record))) ? -EFAULT : 0;
}
