/* SPDX-License-Identifier: GPL-2.0 */
/* The vCPU's ioctls: its registers as userspace sees them, and VM_RUN. */
#ifndef MINIVMM_VCPU_VCPU_IOCTL_H
#define MINIVMM_VCPU_VCPU_IOCTL_H

#include <linux/fs.h>
#include <linux/types.h>

struct vcpu;

/* vcpu_ioctl - every ioctl of a vCPU fd, under vcpu->lock. EIO: another process's VM. */
long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* MINIVMM_VCPU_VCPU_IOCTL_H */
