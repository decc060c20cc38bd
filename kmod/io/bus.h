/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two buses of a VM: who in the kernel takes a guest's access to a port, or to memory
 * where no slot is. First come the devices; then, of writes, ioeventfds and the coalesced ring.
 *
 * A device adds a range for each place where it listens, and stays for the life of the VM.
 * Accesses come in the window and outside, from all vCPUs at once: it has a lock of its own.
 */
#ifndef MINIVMM_IO_BUS_H
#define MINIVMM_IO_BUS_H

#include <linux/rcupdate.h>
#include <linux/types.h>

#include "blocks.h"
#include "state.h"

struct vcpu;
struct vm;

/* bus_init/destroy - at VM creation (ENOMEM) and when no vCPU runs any more. */
int bus_init(struct vm *vm);
void bus_destroy(struct vm *vm);

/*
 * bus_add - @range, whose base, size and access are set, is on the bus from now on. The
 * device is ready. A range is not empty and overlaps no other one. vm->lock held.
 */
void bus_add(struct vm *vm, enum bus_kind kind, struct bus_range *range);

/*
 * bus_port - access of @size bytes (1, 2 or 4) to a port: whether it needs no userspace. A
 * read has set *@data then. Window or outside.
 */
bool bus_port(struct vm *vm, u16 port, unsigned int size, bool is_write, u32 *data);

/* bus_may_take_memory - false: bus_memory() would be. */
bool bus_may_take_memory(const struct vcpu *vcpu, u64 gpa);

/* bus_memory - the same of an access to device memory, up to 8 bytes; first by the local APIC. */
bool bus_memory(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write, u64 *data);

#endif /* MINIVMM_IO_BUS_H */
