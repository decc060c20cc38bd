// SPDX-License-Identifier: GPL-2.0
/*
 * A guest for the shell to handle: "guest run" runs one to its end and succeeds
 * if it did what it should, or exits with the errno of RUN; "guest hold" opens a VM with a vCPU, says "held" and
 * keeps them until its standard input ends.
 */
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

int main(int argc, char **argv)
{
	struct vcpu vcpu;
	struct vm vm;
	int status;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 0);
	status = argc > 1 && !strcmp(argv[1], "hold") ? hold() : run_to_end(&vcpu);
	vcpu_free(&vcpu);
	vm_free(&vm);
	return status;
}
