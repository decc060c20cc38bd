/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of the machine: the open /dev/minivmm (or /dev/kvm) and the VM made with it.
 * Owned by the machine; the descriptors may be used from any thread.
 */
#ifndef MINIVMM_VM_H
#define MINIVMM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct vm {
	const char *path;	/* of the device */
	int device_fd;
	int fd;
	size_t run_size;	/* bytes to map per vCPU */
	bool is_minivmm;	/* the calls of our own exist (last-error record) */
};

/* Opens the device, checks version and capabilities, creates the VM with irqchip and PIT. */
/* The hypervisor device at @path, or -1 with @err. */
int vm__open_device(const char *path, struct error *err);
/* @device_fd stays the caller's; @path names it in messages. */
int vm__create(struct vm **vm, const char *path, int device_fd, struct error *err);
void vm__destroy(struct vm *vm);

/* A free memory slot number, unique in this VM, for memory.c. */
enum vm_slot {
	VM_SLOT_LOW,		/* RAM below the VGA area */
	VM_SLOT_HIGH,		/* RAM from 1 MiB to the hole */
	VM_SLOT_ABOVE_4G,
	VM_SLOT_FIRMWARE,
	VM_SLOT_SHADOW,		/* and one more for each granule of the shadow area */
};

/* Sets a slot; @size 0 deletes it. 0, or -1 with errno. */
int vm__set_slot(struct vm *vm, unsigned int slot, uint64_t gpa, uint64_t size, void *host,
		 bool read_only);

/* Appends the kernel's own reason for the latest refusal on @fd, if it has one, to err->text. */
void vm__explain(const struct vm *vm, int fd, struct error *err);

#endif
