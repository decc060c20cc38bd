// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a vCPU thread: run, handle the exit, until the machine ends; see vcpu.h. Exits are
 * handled on this thread, without a lock of its own.
 */
#include "vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <minivmm.h>

#include "machine.h"
#include "vm.h"

#define KICK_SIGNAL	SIGUSR1

/* The run page of this thread's vCPU, for the signal handler. */
static __thread struct minivmm_run *volatile current_run;

static void kicked(int signal)
{
	(void)signal;
	if (current_run)
		current_run->immediate_exit = 1;
}

void vcpu__init_signal(void)
{
	struct sigaction action = { .sa_handler = kicked };

	sigaction(KICK_SIGNAL, &action, NULL);
}

static void handle_io(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	struct bus *bus = vcpu->m->pio;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint64_t value = 0;

		if (run->io.direction == MINIVMM_EXIT_IO_OUT) {
			memcpy(&value, data, run->io.size);
			bus__write(bus, run->io.port, run->io.size, value);
		} else {
			value = bus__read(bus, run->io.port, run->io.size);
			memcpy(data, &value, run->io.size);
		}
	}
}

static void handle_mmio(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;
	struct bus *bus = vcpu->m->mmio;
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		bus__write(bus, run->mmio.phys_addr, run->mmio.len, value);
	} else {
		value = bus__read(bus, run->mmio.phys_addr, run->mmio.len);
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
}

static void handle_system_event(struct vcpu *vcpu)
{
	if (vcpu->run->system_event.type == MINIVMM_SYSTEM_EVENT_SHUTDOWN)
		machine__request_stop(vcpu->m, STATUS_OK);
	else
		machine__request_reset(vcpu->m);
}

static void handle_shutdown(struct vcpu *vcpu)
{
	machine__phase(vcpu->m, "vCPU %u: triple fault, the machine restarts", vcpu->id);
	machine__request_reset(vcpu->m);
}

/* Whether the exit carries the instruction that nobody could emulate. */
static bool has_instruction(const struct minivmm_run *run)
{
	return run->internal.suberror == MINIVMM_INTERNAL_ERROR_EMULATION &&
	       run->emulation_failure.ndata >= 3 &&
	       run->emulation_failure.flags &
	       MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES &&
	       run->emulation_failure.insn_size <= sizeof(run->emulation_failure.insn_bytes);
}

static int fail_internal(struct vcpu *vcpu, struct error *err)
{
	struct minivmm_run *run = vcpu->run;

	error__set(err, STATUS_GUEST, "vCPU %u: the kernel cannot go on: internal error %u",
		   vcpu->id, run->internal.suberror);
	if (has_instruction(run)) {
		error__append(err, ", no emulation for instruction");
		for (unsigned int i = 0; i < run->emulation_failure.insn_size; i++)
			error__append(err, " %02x", run->emulation_failure.insn_bytes[i]);
		return -1;
	}
	for (uint32_t i = 0; i < run->internal.ndata && i < 16; i++)
		error__append(err, " 0x%llx", (unsigned long long)run->internal.data[i]);
	return -1;
}

static int fail_entry(struct vcpu *vcpu, struct error *err)
{
	return error__set(err, STATUS_GUEST,
			  "vCPU %u: the CPU refused to enter the guest, reason 0x%llx on CPU %u",
			  vcpu->id,
			  (unsigned long long)vcpu->run->fail_entry.hardware_entry_failure_reason,
			  vcpu->run->fail_entry.cpu);
}

/* 0, or -1 with @err if the guest cannot go on. */
static int handle_exit(struct vcpu *vcpu, struct error *err)
{
	switch (vcpu->run->exit_reason) {
	case MINIVMM_EXIT_IO:
		handle_io(vcpu);
		return 0;
	case MINIVMM_EXIT_MMIO:
		handle_mmio(vcpu);
		return 0;
	case MINIVMM_EXIT_INTR:
		return 0;
	case MINIVMM_EXIT_SHUTDOWN:
		handle_shutdown(vcpu);
		return 0;
	case MINIVMM_EXIT_SYSTEM_EVENT:
		handle_system_event(vcpu);
		return 0;
	case MINIVMM_EXIT_INTERNAL_ERROR:
		return fail_internal(vcpu, err);
	case MINIVMM_EXIT_FAIL_ENTRY:
		return fail_entry(vcpu, err);
	default:
		return error__set(err, STATUS_GUEST, "vCPU %u: unexpected exit %u", vcpu->id,
				  vcpu->run->exit_reason);
	}
}

static int run_once(struct vcpu *vcpu, struct error *err)
{
	if (!ioctl(vcpu->fd, MINIVMM_RUN, 0))
		return handle_exit(vcpu, err);
	/* EAGAIN: an INIT arrived, the vCPU waits for its SIPI in the next RUN. */
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	error__errno(err, "vCPU %u: RUN failed", vcpu->id);
	err->status = STATUS_GUEST;
	return -1;
}

static void *thread(void *arg)
{
	struct vcpu *vcpu = arg;
	struct error err = { 0 };

	current_run = vcpu->run;
	while (!machine__ending(vcpu->m)) {
		if (run_once(vcpu, &err) < 0) {
			vm__explain(vcpu->m->vm, vcpu->fd, &err);
			vcpu__describe(vcpu, &err);
			machine__request_fail(vcpu->m, &err);
		}
	}
	return NULL;
}

int vcpu__create(struct vcpu **out, struct machine *m, unsigned int id, struct error *err)
{
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));

	if (!vcpu)
		return error__errno(err, "cannot allocate vCPU %u", id);
	vcpu->m = m;
	vcpu->id = id;
	vcpu->run = MAP_FAILED;
	vcpu->fd = ioctl(m->vm->fd, MINIVMM_CREATE_VCPU, id);
	if (vcpu->fd < 0) {
		error__errno(err, "cannot create vCPU %u", id);
		vm__explain(m->vm, m->vm->fd, err);
		goto fail;
	}
	vcpu->run = mmap(NULL, m->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		error__errno(err, "cannot map vCPU %u", id);
		goto fail;
	}
	if (cpuid__setup(vcpu, err) < 0)
		goto fail;
	*out = vcpu;
	return 0;
fail:
	vcpu__destroy(vcpu);
	return -1;
}

int vcpu__start(struct vcpu *vcpu, struct error *err)
{
	char name[16];
	int ret = pthread_create(&vcpu->thread, NULL, thread, vcpu);

	if (ret) {
		errno = ret;
		return error__errno(err, "cannot start the thread of vCPU %u", vcpu->id);
	}
	vcpu->started = true;
	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	pthread_setname_np(vcpu->thread, name);
	return 0;
}

void vcpu__join(struct vcpu *vcpu)
{
	if (!vcpu || !vcpu->started)
		return;
	pthread_kill(vcpu->thread, KICK_SIGNAL);
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}

void vcpu__destroy(struct vcpu *vcpu)
{
	if (!vcpu)
		return;
	if (vcpu->run != MAP_FAILED)
		munmap(vcpu->run, vcpu->m->vm->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	free(vcpu);
}
