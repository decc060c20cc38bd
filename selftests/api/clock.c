// SPDX-License-Identifier: GPL-2.0
/* The VM's clock and its paravirtual view. */
#include <fcntl.h>
#include <sys/klog.h>
#include <time.h>

#include "fixture.h"

#define SECOND	1000000000ULL
#define TSC	0x10		/* an MSR */

static struct minivmm_clock_data get_clock(struct vm *vm)
{
	struct minivmm_clock_data clock;
	long ret = call(vm->fd, MINIVMM_GET_CLOCK, &clock);

	if (ret)
		fatal("GET_CLOCK: %ld", ret);
	return clock;
}

static bool host_refined_its_rate(void)
{
	const int read_all = 3;
	static char log[4 << 20];
	int size = klogctl(read_all, log, sizeof(log) - 1);

	return size > 0 && strstr(log, "Refined TSC clocksource");
}

/* A host that measures its TSC's rate has a better figure a second after its start. */
static bool await_refined_rate(void)
{
	struct timespec up;

	do {
		if (host_refined_its_rate())
			return true;
		usleep(50000);
		clock_gettime(CLOCK_BOOTTIME, &up);
	} while (up.tv_sec < 3);
	return false;
}

GUEST64(read_tsc_in_both_ways, "mov $0x10, %ecx\n"
	"rdtsc; shl $32, %rdx; lea (%rdx,%rax), %r8; rdmsr; shl $32, %rdx; lea (%rdx,%rax), %r9\n"
	"rdtsc; shl $32, %rdx; lea (%rdx,%rax), %r10; hlt");

/* Far from the host's, and at another rate where that can be. */
TEST_F(vm, tsc_is_the_same_by_instruction_and_by_msr)
{
	long khz = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);
	struct minivmm_regs regs;

	for (int faster = 0; faster < 2; faster++) {
		if (faster && (capability(self->vm.fd, MINIVMM_CAP_TSC_CONTROL) != 1 ||
			       call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, khz * 3)))
			break;
		ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, TSC, 1UL << 50));
		start_long(&self->vcpu, read_tsc_in_both_ways);
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
		regs = vcpu_regs(&self->vcpu);
		EXPECT_LE(1UL << 50, regs.r8);
		EXPECT_LE(regs.r8, regs.r9);
		EXPECT_LE(regs.r9, regs.r10);
	}
}

GUEST64(read_tsc, "rdtsc; out %al, $0x10; hlt");

/* `tools/lab/run --icount` is early enough. */
TEST_F(vm, vm_keeps_its_rate_when_the_host_refines_its_own)
{
	long khz = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);
	__u64 before, tsc, after;
	struct minivmm_regs regs;

	if (host_refined_its_rate())
		SKIP(return, "the host has been up for too long");
	if (!await_refined_rate())
		SKIP(return, "the host does not refine its TSC's rate");
	start_long(&self->vcpu, read_tsc);
	before = vcpu_msr(&self->vcpu, TSC);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	after = vcpu_msr(&self->vcpu, TSC);
	regs = vcpu_regs(&self->vcpu);
	tsc = regs.rdx << 32 | regs.rax;
	EXPECT_LE(before, tsc);
	EXPECT_GE(after, tsc);
	EXPECT_EQ(khz, call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0));
}

TEST_F(vm, clock_advances_with_host_time)
{
	__u64 before = get_clock(&self->vm).clock;
	__u64 after;

	usleep(100000);
	after = get_clock(&self->vm).clock;
	EXPECT_LE(before + SECOND / 10, after);
	EXPECT_GT(before + 60 * SECOND, after);
}

TEST_F(vm, clock_goes_on_from_where_it_is_set)
{
	struct minivmm_clock_data set = { .clock = 1000 * SECOND };
	__u64 clock;

	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_CLOCK, &set));
	clock = get_clock(&self->vm).clock;
	EXPECT_LE(1000 * SECOND, clock);
	EXPECT_GT(1060 * SECOND, clock);
}

TEST_F(vm, unknown_clock_flags_are_refused)
{
	struct minivmm_clock_data set = { .clock = SECOND, .flags = 1 << 20 };

	EXPECT_EQ(-EINVAL, call(self->vm.fd, MINIVMM_SET_CLOCK, &set));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_SET_CLOCK, BAD_POINTER));
	EXPECT_EQ(-EFAULT, call(self->vm.fd, MINIVMM_GET_CLOCK, BAD_POINTER));
}

TEST_F(vm, clock_tells_real_time_and_tsc_it_belongs_to)
{
	struct minivmm_clock_data clock = get_clock(&self->vm);

	if (!(capability(self->vm.fd, MINIVMM_CAP_ADJUST_CLOCK) & MINIVMM_CLOCK_REALTIME))
		SKIP(return, "no CLOCK_REALTIME");
	if (clock.flags & MINIVMM_CLOCK_REALTIME) {
		EXPECT_LT(1700000000 * SECOND, clock.realtime);
	}
	if (clock.flags & MINIVMM_CLOCK_HOST_TSC) {
		EXPECT_NE(0, clock.host_tsc);
	}
}

/* The MSRs of the only CPU, or -1. */
static int open_msrs(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) != 1 || system("modprobe -q msr"))
		return -1;
	return open("/dev/cpu/0/msr", O_RDWR);
}

static __u64 host_tsc(void)
{
	__u32 low, high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return low | (__u64)high << 32;
}

static bool set_host_tsc(int msrs, __u64 value)
{
	return pwrite(msrs, &value, sizeof(value), TSC) == sizeof(value);
}

/* Firmware does it in S3. Bochs lets it be done. */
TEST_F(vm, clock_stands_still_where_the_hosts_tsc_is_behind)
{
	__u64 before, while_behind, old;
	int msrs = open_msrs();

	if (msrs < 0)
		SKIP(return, "needs the MSRs of a single CPU");
	before = get_clock(&self->vm).clock;
	old = host_tsc();
	if (!set_host_tsc(msrs, 1000) || host_tsc() > old)
		SKIP(return, "the host's TSC cannot be set");
	while_behind = get_clock(&self->vm).clock;
	set_host_tsc(msrs, old + host_tsc());
	EXPECT_GE(before, while_behind);
	EXPECT_LE(before, get_clock(&self->vm).clock);
	EXPECT_GT(before + 60 * SECOND, get_clock(&self->vm).clock);
}

TEST_F(vm, pausing_a_clock_nobody_uses_is_refused)
{
	REQUIRE(self->vm.fd, KVMCLOCK_CTRL);
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_KVMCLOCK_CTRL, 0));
}

/* Enables the paravirtual clock at GUEST_DATA by its MSR. */
GUEST64(enable_clock,
	"mov $0x4b564d01, %ecx; mov $0x80001, %eax; xor %edx, %edx; wrmsr; hlt;"
	"out %al, $0x10; hlt");

/* The same, then writes TSC_ADJUST. */
GUEST64(adjust_clock,
	"mov $0x4b564d01, %ecx; mov $0x80001, %eax; xor %edx, %edx; wrmsr; hlt;"
	"out %al, $0x10; mov $0x3b, %ecx; xor %eax, %eax; mov $1 << 10, %edx; wrmsr;"
	"out %al, $0x10; hlt");

struct pvclock {
	__u32 version;
	__u32 pad0;
	__u64 tsc_timestamp;
	__u64 system_time;
	__u32 tsc_to_system_mul;
	__s8 tsc_shift;
	__u8 flags;
	__u8 pad[2];
};

TEST_F(vm, guest_that_enables_the_clock_finds_its_parameters)
{
	const volatile struct pvclock *clock = (void *)(self->vm.memory + GUEST_DATA);

	start_long(&self->vcpu, enable_clock);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_NE(0, clock->version);
	EXPECT_EQ(0, clock->version & 1);
	EXPECT_NE(0, clock->tsc_to_system_mul);
	EXPECT_GE(get_clock(&self->vm).clock, clock->system_time);
}

/* The clock that the guest computes from its page when its TSC is @tsc. */
static __u64 page_clock(const volatile struct pvclock *clock, __u64 tsc)
{
	__u64 ticks = tsc - clock->tsc_timestamp;

	ticks = clock->tsc_shift < 0 ? ticks >> -clock->tsc_shift : ticks << clock->tsc_shift;
	return clock->system_time + (__u64)((unsigned __int128)ticks * clock->tsc_to_system_mul >> 32);
}

#define EXPECT_PAGE_CLOCK()							\
do {										\
	__u64 before_ = get_clock(&self->vm).clock;				\
	__u64 now_ = page_clock(clock, vcpu_msr(&self->vcpu, TSC));		\
	__u64 after_ = get_clock(&self->vm).clock;				\
	EXPECT_LE(before_, now_ + 1000);					\
	EXPECT_GE(after_ + 1000, now_);						\
} while (0)

TEST_F(vm, clock_page_tells_the_clock_whatever_the_tsc_does)
{
	const volatile struct pvclock *clock = (void *)(self->vm.memory + GUEST_DATA);
	const __u64 tsc_adjust = 0x3b;

	start_long(&self->vcpu, adjust_clock);
	if (capability(self->vm.device, MINIVMM_CAP_TSC_CONTROL) > 0)
		ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ,
				  3 * call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0)));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_PAGE_CLOCK();
	/* The guest moves its TSC by an hour at a GHz. */
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1UL << 42, vcpu_msr(&self->vcpu, tsc_adjust));
	EXPECT_PAGE_CLOCK();
}

GUEST64(enable_clock_and_spin,
	"mov $0x4b564d01, %ecx; mov $0x80001, %eax; xor %edx, %edx; wrmsr; 1: jmp 1b");

#define COMES(condition)							\
({										\
	for (int ms_ = 0; ms_ < 2000 && !(condition); ms_++)			\
		usleep(1000);							\
	(condition);								\
})

TEST_F(vm, a_guest_that_runs_on_sees_the_clock_that_is_set)
{
	const volatile struct pvclock *clock = (void *)(self->vm.memory + GUEST_DATA);
	struct minivmm_clock_data set = { .clock = 1000 * SECOND };

	start_long(&self->vcpu, enable_clock_and_spin);
	program_spawn(&self->vcpu);
	EXPECT_TRUE(COMES(clock->version && !(clock->version & 1)));
	EXPECT_GT(1000 * SECOND, clock->system_time);
	EXPECT_EQ(0, call(self->vm.fd, MINIVMM_SET_CLOCK, &set));
	EXPECT_TRUE(COMES(clock->system_time >= 1000 * SECOND));
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
}

GUEST64(ask_for_wall_clock,
	"mov $0x4b564d00, %ecx; mov $0x80000, %eax; xor %edx, %edx; wrmsr; hlt");

TEST_F(vm, wall_clock_tells_when_the_clock_was_0)
{
	const volatile struct { __u32 version, sec, nsec; } *wall =
		(void *)(self->vm.memory + GUEST_DATA);
	__u64 sec;

	start_long(&self->vcpu, ask_for_wall_clock);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_NE(0, wall->version);
	EXPECT_EQ(0, wall->version & 1);
	sec = time(NULL) - get_clock(&self->vm).clock / SECOND;
	EXPECT_LE(sec - 2, wall->sec);
	EXPECT_GE(sec + 2, wall->sec);
	EXPECT_GT(SECOND, wall->nsec);
}

TEST_F(vm, paused_guest_is_told_so)
{
	const volatile struct pvclock *clock = (void *)(self->vm.memory + GUEST_DATA);

	REQUIRE(self->vm.fd, KVMCLOCK_CTRL);
	start_long(&self->vcpu, enable_clock);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_KVMCLOCK_CTRL, 0));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_NE(0, clock->flags & 2);
}

TEST_HARNESS_MAIN
