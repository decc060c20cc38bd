// SPDX-License-Identifier: GPL-2.0
/*
 * A guest for the shell to handle: "guest run" runs one to its end and succeeds
 * if it did what it should, or exits with the errno of RUN; "guest hold" opens a VM with a vCPU,
 * says "held" and keeps them until its standard input ends; "guest spin" runs one that
 * never ends; "guest watch" runs one until its standard input ends and fails if time went back;
 * "guest turns" runs it and one of a second VM in turns, ten times each.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest_code.h"

GUEST16(say_a, "mov $'a', %al; out %al, $0x10; hlt");

static int run_to_end(struct vcpu *vcpu)
{
	long err;

	start_real(vcpu, say_a);
	err = vcpu_run(vcpu);
	if (err)
		return -err;
	if (vcpu->run->exit_reason != MINIVMM_EXIT_IO)
		return 1;
	if (*((char *)vcpu->run + vcpu->run->io.data_offset) != 'a')
		return 1;
	return vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_HLT;
}

static int hold(void)
{
	char byte;

	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

GUEST16(spin_forever, "1: jmp 1b");

static int spin(struct vcpu *vcpu)
{
	start_real(vcpu, spin_forever);
	return -vcpu_run(vcpu);
}

GUEST16(read_time, "1: rdtsc; out %al, $0x10; jmp 1b");

static bool input_ended(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	return poll(&input, 1, 0) && read(STDIN_FILENO, &byte, 1) <= 0;
}

static int watch(struct vcpu *vcpu)
{
	__u64 tsc = 0, ns = 0;

	start_real(vcpu, read_time);
	while (!input_ended()) {
		struct minivmm_clock_data clock;
		struct minivmm_regs regs;

		if (vcpu_run(vcpu) || vcpu->run->exit_reason != MINIVMM_EXIT_IO)
			return 1;
		regs = vcpu_regs(vcpu);
		call(vcpu->vm->fd, MINIVMM_GET_CLOCK, &clock);
		if ((regs.rdx << 32 | regs.rax) <= tsc || clock.clock <= ns)
			return 1;
		tsc = regs.rdx << 32 | regs.rax;
		ns = clock.clock;
	}
	return 0;
}

GUEST16(write_port, "1: out %al, $0x10; jmp 1b");

static int take_turns(struct vcpu *vcpu)
{
	struct vcpu other;
	struct vm vm;
	int bad = 0;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&other, &vm, 0);
	start_real(vcpu, write_port);
	start_real(&other, write_port);
	for (unsigned int i = 0; i < 10; i++)
		bad |= vcpu_run(vcpu) || vcpu_run(&other);
	vcpu_free(&other);
	vm_free(&vm);
	return bad;
}

static int do_as_told(const char *what, struct vcpu *vcpu)
{
	if (!strcmp(what, "hold"))
		return hold();
	if (!strcmp(what, "spin"))
		return spin(vcpu);
	if (!strcmp(what, "watch"))
		return watch(vcpu);
	if (!strcmp(what, "turns"))
		return take_turns(vcpu);
	return run_to_end(vcpu);
}

int main(int argc, char **argv)
{
	struct vcpu vcpu;
	struct vm vm;
	int status;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	status = do_as_told(argc > 1 ? argv[1] : "run", &vcpu);
	vcpu_free(&vcpu);
	vm_free(&vm);
	return status;
}
