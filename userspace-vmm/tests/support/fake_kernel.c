// SPDX-License-Identifier: GPL-2.0-or-later
/* See fake_kernel.h. */
#include "fake_kernel.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

struct fake_kernel fake_kernel;
struct vm fake_vm = { .path = "fake", .device_fd = FAKE_VM_FD, .fd = FAKE_VM_FD };

void fake_kernel__reset(void)
{
	memset(&fake_kernel, 0, sizeof(fake_kernel));
}

const struct minivmm_userspace_memory_region *fake_kernel__slot(uint64_t gpa)
{
	for (unsigned int i = 0; i < FAKE_SLOTS; i++) {
		const struct minivmm_userspace_memory_region *s = &fake_kernel.slots[i];

		if (gpa >= s->guest_phys_addr && gpa - s->guest_phys_addr < s->memory_size)
			return s;
	}
	return NULL;
}

int fake_kernel__irqfd(int fd)
{
	for (unsigned int i = 0; i < FAKE_IRQFDS; i++) {
		if ((int)fake_kernel.irqfds[i].fd == fd)
			return fake_kernel.irqfds[i].gsi;
	}
	return -1;
}

static int set_slot(const struct minivmm_userspace_memory_region *r)
{
	if (r->slot >= FAKE_SLOTS) {
		errno = EINVAL;
		return -1;
	}
	/* As the kernel: a slot is deleted before it is given another place or other flags. */
	if (r->memory_size && fake_kernel.slots[r->slot].memory_size) {
		errno = EEXIST;
		return -1;
	}
	fake_kernel.slots[r->slot] = *r;
	return 0;
}

static int set_irqfd(const struct minivmm_irqfd *irqfd)
{
	bool remove = irqfd->flags & MINIVMM_IRQFD_FLAG_DEASSIGN;

	for (unsigned int i = 0; i < FAKE_IRQFDS; i++) {
		struct minivmm_irqfd *slot = &fake_kernel.irqfds[i];

		if (remove ? slot->fd != irqfd->fd : slot->fd != 0)
			continue;
		*slot = remove ? (struct minivmm_irqfd){ 0 } : *irqfd;
		return 0;
	}
	errno = ENOSPC;
	return -1;
}

static void set_routing(const struct minivmm_irq_routing *table)
{
	fake_kernel.routes = table->nr;
	fake_kernel.last_message = table->entries[table->nr - 1];
}

/* As many as there are are set. */
static int set_msrs(const struct minivmm_msrs *msrs)
{
	fake_kernel.msr_writes += msrs->nmsrs;
	fake_kernel.last_msr = msrs->entries[msrs->nmsrs - 1];
	return msrs->nmsrs;
}

static int dispatch(unsigned long request, void *arg)
{
	const struct minivmm_irq_level *level = arg;

	switch (request) {
	case MINIVMM_SET_USER_MEMORY_REGION:
		return set_slot(arg);
	case MINIVMM_IRQFD:
		return set_irqfd(arg);
	case MINIVMM_SET_GSI_ROUTING:
		set_routing(arg);
		return 0;
	case MINIVMM_IRQ_LINE:
		fake_kernel.line[level->irq] = level->level;
		return 0;
	case MINIVMM_SET_MSRS:
		return set_msrs(arg);
	default:
		errno = ENOTTY;
		return -1;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd != FAKE_VM_FD) {
		errno = EBADF;
		return -1;
	}
	if (fake_kernel.refuse == (unsigned int)request) {
		errno = EIO;
		return -1;
	}
	pthread_mutex_lock(&lock);
	ret = dispatch(request, arg);
	pthread_mutex_unlock(&lock);
	return ret;
}
