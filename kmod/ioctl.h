/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ioctls as tables: one small function each. For those with a fixed structure the
 * copying in and out stands here once, by the direction and size in the number.
 */
#ifndef MINIVMM_IOCTL_H
#define MINIVMM_IOCTL_H

#include <linux/errno.h>
#include <linux/ioctl.h>
#include <linux/nospec.h>
#include <linux/types.h>

struct last_error;

struct ioctl_entry {
	unsigned int cmd;	/* 0: none */
	bool is_fixed;
	union {
		/* Fixed size: @data is a kernel copy of the structure, zeroed if only read out. */
		int (*fixed)(void *object, void *data);
		/* Anything else: @arg as userspace gave it. */
		long (*raw)(void *object, unsigned long arg);
	};
};

/*
 * Where in its table a command is. Some share their number with one that has a structure; two
 * in one place do not build.
 */
#define IOCTL_INDEX(cmd)	(_IOC_NR(cmd) * 2 + !_IOC_DIR(cmd))
#define IOCTL_FIXED(cmd, function) [IOCTL_INDEX(cmd)] = { cmd, true, .fixed = function }
#define IOCTL_RAW(cmd, function) [IOCTL_INDEX(cmd)] = { cmd, false, .raw = function }

/* ioctl_find - the entry of @cmd in a table of @count, or NULL. */
static inline const struct ioctl_entry *ioctl_find(const struct ioctl_entry *table,
						   unsigned int count, unsigned int cmd)
{
	const struct ioctl_entry *entry;

	if (IOCTL_INDEX(cmd) >= count)
		return NULL;
	entry = &table[array_index_nospec(IOCTL_INDEX(cmd), count)];
	return entry->cmd == cmd && entry->raw ? entry : NULL;
}

/* ioctl_call_fixed - ioctl_call() of an entry with a structure of fixed size. */
long ioctl_call_fixed(const struct ioctl_entry *entry, void *object, void __user *arg);

/* ioctl_call - its function on @object. What that returns; -ENOTTY: @entry is NULL; -EFAULT; -ENOMEM. */
static inline long ioctl_call(const struct ioctl_entry *entry, void *object, unsigned long arg)
{
	if (!entry)
		return -ENOTTY;
	if (!entry->is_fixed)
		return entry->raw(object, arg);
	return ioctl_call_fixed(entry, object, (void __user *)arg);
}

#endif /* MINIVMM_IOCTL_H */
