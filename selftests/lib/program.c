// SPDX-License-Identifier: GPL-2.0
/* The run loop and the vCPU threads of guest programs; the contract is in program.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

/* The signal that makes RUN return; the handler exists only to be there. */
#define KICK	SIGUSR1

static void on_kick(int signal)
{
}

static const void *io_data(struct vcpu *vcpu)
{
	return (const __u8 *)vcpu->run + vcpu->run->io.data_offset;
}

/* Lines of the vCPUs are collected apart, so that they do not mix. */
static void console_write(struct vcpu *vcpu, const char *data, size_t size)
{
	static __thread char line[160];
	static __thread size_t length;

	for (size_t i = 0; i < size; i++) {
		if (data[i] != '\n' && length < sizeof(line) - 1) {
			line[length++] = data[i];
			continue;
		}
		line[length] = 0;
		fprintf(stderr, "# vcpu %u: %s\n", vcpu->id, line);
		length = 0;
	}
}

static bool wrote_port(struct vcpu *vcpu, __u16 port, __u8 size)
{
	const struct minivmm_run *run = vcpu->run;

	return run->exit_reason == MINIVMM_EXIT_IO && run->io.direction == MINIVMM_EXIT_IO_OUT &&
	       run->io.port == port && run->io.size == size;
}

long program_run(struct vcpu *vcpu)
{
	long ret;

	while (!(ret = vcpu_run(vcpu))) {
		if (wrote_port(vcpu, PROGRAM_CONSOLE, 1)) {
			console_write(vcpu, io_data(vcpu), vcpu->run->io.count);
		} else if (wrote_port(vcpu, PROGRAM_RESULT, 4)) {
			memcpy(&vcpu->result, io_data(vcpu), 4);
			return PROGRAM_ENDED;
		} else {
			return vcpu->run->exit_reason;
		}
	}
	return ret;
}

static void *thread_main(void *arg)
{
	struct vcpu *vcpu = arg;

	vcpu->end = program_run(vcpu);
	return NULL;
}

void program_spawn(struct vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = on_kick };

	sigaction(KICK, &action, NULL);
	if (pthread_create(&vcpu->thread, NULL, thread_main, vcpu))
		fatal("no thread");
}

void program_kick(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	pthread_kill(vcpu->thread, KICK);
}

long program_join(struct vcpu *vcpu)
{
	pthread_join(vcpu->thread, NULL);
	return vcpu->end;
}
