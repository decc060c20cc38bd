/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM with interrupt controllers, a thread for each vCPU and the device of device.h,
 * for guest programs.
 */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include "guest_code.h"
#include "program.h"
#include "device.h"

#define MACHINE_VCPUS	8

/* In a number of vCPUs: all but the first wait for a start-up IPI. */
#define STARTED_BY_GUEST	0x100

/* In a number of vCPUs: a case that KVM of 6.1 is known to fail in the emulated host. */
#define BEYOND_KVM		0x200

/* ... a case that QEMU's emulated CPU is known to fail by itself. */
#define BEYOND_QEMU		0x400

/* In a number of vCPUs: the program is one of 32 bits, which starts without paging. */
#define PROTECTED		0x800

struct machine {
	struct vm vm;
	struct vcpu vcpu[MACHINE_VCPUS];
	unsigned int vcpus;
	bool started_by_guest;
	bool is_protected;
	__u8 *below;			/* RAM_BELOW */
	__u8 bytes[DEVICE_SIZE];
	__u8 queue[4096];
	unsigned int queue_in, queue_out;
	int event;			/* ioeventfd of EVENT_ADDRESS */
};

void machine_init(struct machine *machine, unsigned int vcpus);
void machine_free(struct machine *machine);

/*
 * Runs case @number of the loaded program on all vCPUs. Returns the failures that the
 * guest counted; -1 if a vCPU ended otherwise, which is printed.
 */
long machine_run(struct machine *machine, unsigned int number);

/* Whether the tests run on KVM: BEYOND_KVM. */
bool on_kvm(void);

#endif
