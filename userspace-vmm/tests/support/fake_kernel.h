/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for the hypervisor device: test programs are linked with --wrap=ioctl, and every ioctl
 * lands here, one at a time. Memory slots, routes, irqfds, lines and MSRs are remembered for the tests
 * to look at.
 */
#ifndef MINIVMM_TESTS_FAKE_KERNEL_H
#define MINIVMM_TESTS_FAKE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include <minivmm.h>

#include "vm.h"

#define FAKE_VM_FD	(-1000)
#define FAKE_SLOTS	64
#define FAKE_IRQFDS	16

struct fake_kernel {
	struct minivmm_userspace_memory_region slots[FAKE_SLOTS];
	struct minivmm_irqfd irqfds[FAKE_IRQFDS];	/* assigned ones; fd 0: free */
	bool line[24];
	unsigned int routes;
	struct minivmm_irq_routing_entry last_message;	/* of the routing table */
	unsigned int msr_writes;
	struct minivmm_msr_entry last_msr;
	unsigned int refuse;	/* the ioctl that fails with EIO */
};

extern struct fake_kernel fake_kernel;
extern struct vm fake_vm;

/* Forgets everything. */
void fake_kernel__reset(void);
/* The slot that covers @gpa, or NULL. */
const struct minivmm_userspace_memory_region *fake_kernel__slot(uint64_t gpa);
/* The GSI that @fd is assigned to, or -1. */
int fake_kernel__irqfd(int fd);

#endif
