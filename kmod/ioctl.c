// SPDX-License-Identifier: GPL-2.0
/* Dispatch of ioctls by table, with the copying of fixed-size structures. */

#include <linux/ioctl.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

static long call_fixed(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	size_t size = _IOC_SIZE(entry->cmd);
	void *data = kzalloc(size, GFP_KERNEL_ACCOUNT);
	long ret = -EFAULT;

	if (!data)
		return -ENOMEM;
	if ((_IOC_DIR(entry->cmd) & _IOC_WRITE) && copy_from_user(data, arg, size))
		goto out;
	ret = entry->fixed(object, data);
	if (ret >= 0 && (_IOC_DIR(entry->cmd) & _IOC_READ) && copy_to_user(arg, data, size))
		ret = -EFAULT;
out:
	kfree(data);
	return ret;
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
