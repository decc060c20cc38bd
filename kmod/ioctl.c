// SPDX-License-Identifier: GPL-2.0
/* Calls of ioctls' functions, with the copying of fixed-size structures. */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* Bytes that find room on the stack: of a vCPU's registers, and of its local APIC. */
#define SMALL	144
#define MEDIUM	1024

static __always_inline long call_with(const struct ioctl_entry *entry, void *object,
				      void __user *arg, void *data)
{
	size_t size = _IOC_SIZE(entry->cmd);
	long ret;

	if (!(_IOC_DIR(entry->cmd) & _IOC_WRITE))
		memset(data, 0, size);	/* the function may leave some of it as it is */
	else if (copy_from_user(data, arg, size))
		return -EFAULT;
	ret = entry->fixed(object, data);
	if (ret >= 0 && (_IOC_DIR(entry->cmd) & _IOC_READ) && copy_to_user(arg, data, size))
		return -EFAULT;
	return ret;
}

static noinline_for_stack
long call_small(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	u64 data[SMALL / sizeof(u64)];

	return call_with(entry, object, arg, data);
}

static noinline_for_stack
long call_medium(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	u64 data[MEDIUM / sizeof(u64)];

	return call_with(entry, object, arg, data);
}

static long call_large(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	void *data = kmalloc(_IOC_SIZE(entry->cmd), GFP_KERNEL_ACCOUNT);
	long ret;

	if (!data)
		return -ENOMEM;
	ret = call_with(entry, object, arg, data);
	kfree(data);
	return ret;
}

long ioctl_call_fixed(const struct ioctl_entry *entry, void *object, void __user *arg)
{
	unsigned int size = _IOC_SIZE(entry->cmd);

	if (size <= SMALL)
		return call_small(entry, object, arg);
	if (size <= MEDIUM)
		return call_medium(entry, object, arg);
	return call_large(entry, object, arg);
}
