/* SPDX-License-Identifier: GPL-2.0 */
/* /dev/minivmm: the calls that need no VM. */
#ifndef MINIVMM_SYSTEM_H
#define MINIVMM_SYSTEM_H

#include <linux/fs.h>
#include <linux/percpu.h>

struct vm;

/* cpu_ready - whether guests may run on this CPU; stays so while interrupts are off. */
DECLARE_PER_CPU(bool, cpu_ready);

/* system_ioctl - ioctl of /dev/minivmm. ENOTTY: not one of ours. */
long system_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* check_extension - CHECK_EXTENSION on the device or a VM: 0 if not supported. */
int check_extension(long capability);

#endif /* MINIVMM_SYSTEM_H */
