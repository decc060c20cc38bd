// SPDX-License-Identifier: GPL-2.0
/* The trace points in events/minivmm of tracefs, each test with a buffer of its own. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fixture.h"

#define TRACEFS		"/sys/kernel/tracing"
#define BUFFER		TRACEFS "/instances/minivmm-test"

SKIP_ALL_IF(access(TRACEFS "/events/minivmm", F_OK),
	    "no trace points: KVM, or a host without tracefs");

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fatal("%s: %m", path);
	close(fd);
}

FIXTURE(trace) {
	struct vm vm;
	struct vcpu vcpu;
	char lines[1 << 16];
};

FIXTURE_SETUP(trace)
{
	vm_init(&self->vm, GUEST_MEMORY);
	vm_add_irqchip(&self->vm);
	vcpu_init(&self->vcpu, &self->vm, 0);
	rmdir(BUFFER);
	ASSERT_EQ(0, mkdir(BUFFER, 0700));
	write_text(BUFFER "/events/minivmm/enable", "1");
}

FIXTURE_TEARDOWN(trace)
{
	write_text(BUFFER "/events/minivmm/enable", "0");
	EXPECT_EQ(0, rmdir(BUFFER));
	vcpu_free(&self->vcpu);
	vm_free(&self->vm);
}

/* What has been traced until now. */
static const char *traced(struct _test_data_trace *self)
{
	FILE *file = fopen(BUFFER "/trace", "r");
	size_t len = 0;

	if (!file)
		fatal("trace: %m");
	write_text(BUFFER "/events/minivmm/enable", "0");
	len = fread(self->lines, 1, sizeof(self->lines) - 1, file);
	self->lines[len] = 0;
	fclose(file);
	return self->lines;
}

/* The events come in this order, whatever is between them. */
#define EXPECT_TRACED(self, ...) do {						\
	static const char *const wanted[] = { __VA_ARGS__ };			\
	const char *at = traced(self);						\
										\
	for (unsigned int i = 0; i < ARRAY_SIZE(wanted) && at; i++) {		\
		at = strstr(at, wanted[i]);					\
		EXPECT_NE(NULL, at) TH_LOG("no '%s' in\n%s", wanted[i], self->lines);	\
	}									\
} while (0)

GUEST64(write_port, "mov $0x41, %al; out %al, $0x10");

TEST_F(trace, an_exit_to_userspace_from_entry_to_return)
{
	start_long(&self->vcpu, write_port);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_TRACED(self, "minivmm_entry: vcpu 0, rip 0x10000",
		      "minivmm_exit: vcpu 0 reason IO rip 0x10002 info 0x10",
		      "minivmm_pio: user write at 0x10 size 1 count 1 val 0x41",
		      "minivmm_userspace_exit: vcpu 0 reason 2 errno 0");
}

GUEST64(touch_devices,
	"mov $0xfee00000, %edi; mov 0x30(%rdi), %eax; movl $0x1ff, 0xf0(%rdi); in $0x21, %al;"
	"movl $0x12345678, 0x20000000; mov 0x20000004, %eax; out %al, $0x10");

TEST_F(trace, accesses_to_devices_say_who_took_them)
{
	start_long(&self->vcpu, touch_devices);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_MMIO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_TRACED(self, "minivmm_apic: apic_write 0xf0 = 0x1ff",
		      "minivmm_pio: kernel read at 0x21 size 1 count 1 val 0x",
		      "minivmm_exit: vcpu 0 reason FAULT rip 0x",
		      "minivmm_mmio: user write len 4 gpa 0x20000000 val 0x12345678",
		      "minivmm_mmio: user read len 4 gpa 0x20000004 val 0x0");
}

GUEST64(use_msrs, "mov $0x277, %ecx; rdmsr; wrmsr; mov $0x12345, %ecx; rdmsr");

TEST_F(trace, msrs_and_the_exception_of_one_that_is_not_there)
{
	start_long(&self->vcpu, use_msrs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);	/* there is no IDT */
	EXPECT_TRACED(self, "minivmm_msr: msr_read 0x12345 = 0x0 (#GP)",
		      "minivmm_inj_exception: vcpu 0 exception 13 error code 0x0",
		      "minivmm_exit: vcpu 0 reason SHUTDOWN",
		      "minivmm_userspace_exit: vcpu 0 reason 8 errno 0");
}

GUEST64(touch_page, "mov 0x300000, %eax; out %al, $0x10");

TEST_F(trace, a_page_that_is_mapped)
{
	start_long(&self->vcpu, touch_page);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_TRACED(self, "minivmm_exit: vcpu 0 reason FAULT rip 0x",
		      "minivmm_page_fault: vcpu 0 address 0x");
}

TEST_F(trace, interrupts_from_the_line_to_the_local_apic)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x55 };
	struct minivmm_irq_level line = { .irq = 9, .level = 1 };

	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_IRQ_LINE, &line));
	call(self->vm.fd, MINIVMM_SIGNAL_MSI, &msi);
	EXPECT_TRACED(self, "minivmm_set_irq: gsi 9 level 1 source 0",
		      "minivmm_apic_accept_irq: apicid 0 vec 85 dm 0 (edge)");
}

GUEST64(enable_interrupts, "sti; nop; out %al, $0x10");

/* Of a VM without chips: where there are some, CPUs may deliver themselves. */
TEST_F(trace, an_interrupt_that_is_injected)
{
	struct minivmm_interrupt interrupt = { .irq = 0x55 };
	struct vcpu vcpu;
	struct vm vm;

	vm_init(&vm, GUEST_MEMORY);
	vcpu_init(&vcpu, &vm, 3);
	start_long(&vcpu, enable_interrupts);
	EXPECT_EQ(0, call(vcpu.fd, MINIVMM_INTERRUPT, &interrupt));
	EXPECT_EXIT(&vcpu, MINIVMM_EXIT_SHUTDOWN);	/* there is no IDT */
	EXPECT_TRACED(self, "minivmm_inj_virq: vcpu 3 IRQ 0x55",
		      "minivmm_exit: vcpu 3 reason SHUTDOWN");
	vcpu_free(&vcpu);
	vm_free(&vm);
}

GUEST64(write_string, "cld; mov $0x80000, %esi; mov $3, %ecx; mov $0x10, %edx; rep outsw");

TEST_F(trace, a_string_with_its_count)
{
	start_long(&self->vcpu, write_string);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_TRACED(self, "minivmm_pio: user write at 0x10 size 2 count 3 val 0x0");
}

TEST_F(trace, a_run_that_fails_with_its_error)
{
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_TRACED(self, "minivmm_userspace_exit: vcpu 0 reason 0 errno 4");
}

TEST_F(trace, a_refused_call_with_its_reason)
{
	struct minivmm_userspace_memory_region region = { .slot = 5, .memory_size = 0x123 };

	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_USER_MEMORY_REGION, &region));
	EXPECT_TRACED(self,
		      "minivmm_refused: errno 22 memory_size = 0x123: must be a multiple of 4096");
}

TEST_HARNESS_MAIN
