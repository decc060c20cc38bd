/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ioeventfds: guest writes that end in an eventfd signal instead of an exit.
 *
 * Two RCU-published arrays sorted by address, one for ports, one for memory.
 * Readers take no lock; writers hold bus.lock.
 */
#ifndef MINIVMM_IO_IOEVENTFD_H
#define MINIVMM_IO_IOEVENTFD_H

#include <linux/types.h>

struct vm;
struct minivmm_ioeventfd;

#define IOEVENTFD_MAX	1000	/* per address space */

/*
 * ioeventfd_control - the IOEVENTFD ioctl. EINVAL: flag, length, pad, address wraps,
 * datamatch without length, fd no eventfd; EBADF; EEXIST: overlaps another one in what it
 * matches; ENOENT: deassigning what is not there; ENOSPC; ENOMEM. After a deassign
 * returned, the eventfd gets no more signals. May sleep.
 */
int ioeventfd_control(struct vm *vm, const struct minivmm_ioeventfd *args);

/*
 * ioeventfd_signal - a guest wrote @len bytes @data to @addr: whether an eventfd took
 * it. Window or outside.
 */
bool ioeventfd_signal(struct vm *vm, bool is_port, u64 addr, unsigned int len, u64 data);

/* ioeventfd_release - drop all; no vCPU runs any more. */
void ioeventfd_release(struct vm *vm);

#endif /* MINIVMM_IO_IOEVENTFD_H */
