/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One virtual CPU and its thread. Created in power-on state: vCPU 0 runs at the reset vector, the
 * others wait in the kernel for INIT and SIPI.
 */
#ifndef MINIVMM_VCPU_H
#define MINIVMM_VCPU_H

#include <pthread.h>
#include <stdbool.h>

#include "error.h"

struct machine;
struct minivmm_run;

struct vcpu {
	struct machine *m;
	unsigned int id;	/* also its APIC id */
	int fd;
	struct minivmm_run *run;
	pthread_t thread;
	bool started;
	bool la57;		/* CPUID offers paging of five levels */
};

/* Once, before the first vCPU: the signal that takes a vCPU out of the guest. */
void vcpu__init_signal(void);

int vcpu__create(struct vcpu **vcpu, struct machine *m, unsigned int id, struct error *err);
int vcpu__start(struct vcpu *vcpu, struct error *err);
/* Waits for the thread, which ends soon after machine__ending() has become true. NULL allowed. */
void vcpu__join(struct vcpu *vcpu);
/* After vcpu__join(). NULL allowed. */
void vcpu__destroy(struct vcpu *vcpu);

/* Appends registers and the code at RIP to @err. The vCPU is not in RUN. */
void vcpu__describe(const struct vcpu *vcpu, struct error *err);

/* cpuid.c: gives the vCPU what the host supports, with its own topology. */
int cpuid__setup(struct vcpu *vcpu, struct error *err);

#endif
