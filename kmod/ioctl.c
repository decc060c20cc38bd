// SPDX-License-Identifier: GPL-2.0
/* Dispatch of ioctls by table, with the copying of fixed-size structures. */

#include <linux/ioctl.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

#define SMALL	64	/* bytes that find room on the stack */

static long call_with(const struct ioctl_entry *entry, void *object, void __user *arg, void *data)
{
	size_t size = _IOC_SIZE(entry->cmd);
	long ret;

	if ((_IOC_DIR(entry->cmd) & _IOC_WRITE) && copy_from_user(data, arg, size))
		return -EFAULT;
	ret = entry->fixed(object, data);
	if (ret >= 0 && (_IOC_DIR(entry->cmd) & _IOC_READ) && copy_to_user(arg, data, size))
		return -EFAULT;
	return ret;
}

static long call_small(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	u64 data[SMALL / sizeof(u64)] = { 0 };

	return call_with(entry, object, arg, data);
}

static long call_large(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	void *data = kzalloc(_IOC_SIZE(entry->cmd), GFP_KERNEL_ACCOUNT);
	long ret;

	if (!data)
		return -ENOMEM;
	ret = call_with(entry, object, arg, data);
	kfree(data);
	return ret;
}

static long call_fixed(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	return _IOC_SIZE(entry->cmd) <= SMALL ? call_small(entry, object, arg) :
						call_large(entry, object, arg);
}

long ioctl_dispatch(const struct ioctl_entry *table, unsigned int count, void *object,
		    unsigned int cmd, unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (table[i].cmd != cmd)
			continue;
		if (table[i].raw)
			return table[i].raw(object, arg);
		return call_fixed(&table[i], object, (void __user *)arg);
	}
	return -ENOTTY;
}
