/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ioctls as tables: one small function each. For those with a fixed structure the
 * copying in and out stands here once, by the direction and size in the number.
 */
#ifndef MINIVMM_IOCTL_H
#define MINIVMM_IOCTL_H

#include <linux/types.h>

struct last_error;

struct ioctl_entry {
	unsigned int cmd;
	/* Fixed size: @data is a kernel copy of the structure, zeroed if only read out. */
	int (*fixed)(void *object, void *data);
	/* Anything else: @arg as userspace gave it. */
	long (*raw)(void *object, unsigned long arg);
};

/* ioctl_dispatch - call @cmd's function on @object. -ENOTTY: not in the table; -EFAULT; -ENOMEM. */
long ioctl_dispatch(const struct ioctl_entry *table, unsigned int count, void *object,
		    unsigned int cmd, unsigned long arg);

#endif /* MINIVMM_IOCTL_H */
