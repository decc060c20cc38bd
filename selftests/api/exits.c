// SPDX-License-Identifier: GPL-2.0
/* RUN and what it returns with, but for I/O (io.c): halts, hypercalls, failures, signals. */
#include <signal.h>
#include <sys/auxv.h>

#include "fixture.h"

GUEST16(halt, "hlt");
GUEST16(spin, "1: jmp 1b");

/* Ends and failures */

TEST_F(vm, halted_guest_goes_on_behind_the_hlt)
{
	start_real(&self->vcpu, halt);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(&self->vcpu).rip);
}

GUEST64(triple_fault, "lidt empty(%rip); ud2; empty: .quad 0, 0");

TEST_F(vm, triple_fault_shuts_down)
{
	start_long(&self->vcpu, triple_fault);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

TEST_F(vm, shutdown_leaves_the_state_of_an_init)
{
	start_long(&self->vcpu, triple_fault);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM leaves it so on one vendor's CPUs");
	EXPECT_EQ(0xfff0, vcpu_regs(&self->vcpu).rip);
	EXPECT_EQ(0, vcpu_sregs(&self->vcpu).efer);
}

/* Hypercalls with both vendors' instructions; the number is one that nobody has. */
GUEST64(hypercalls, "mov $99, %eax; vmcall; mov %rax, %rbx; mov $99, %eax; vmmcall; out %al, $0x10");

TEST_F(vm, hypercalls_work_by_either_vendors_instruction)
{
	/* Across the end of a page, and of what the kernel has at hand; then out %al, $0x10. */
	static const __u8 across[2][5] = {
		{ 0x0f, 0x01, 0xc1, 0xe6, 0x10 }, { 0x0f, 0x01, 0xd9, 0xe6, 0x10 },
	};
	const __u64 where = GUEST_CODE + 2 * PAGE - 2;
	struct minivmm_regs regs;

	start_long(&self->vcpu, hypercalls);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(-1000UL, regs.rbx);
	EXPECT_EQ(-1000UL, regs.rax);
	for (int i = 0; i < 2; i++) {
		vm_write(&self->vm, where, across[i], sizeof(across[i]));
		regs.rax = 99;
		regs.rip = where;
		vcpu_set_regs(&self->vcpu, &regs);
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		EXPECT_EQ(-1000UL, vcpu_regs(&self->vcpu).rax);
	}
}

/* Ring 3 as SS says it, whose descriptor alone has the level when CS is conforming; ports are open. */
static void enter_ring_3(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	sregs.cs.type = 15;
	sregs.cs.selector |= 3;
	sregs.ss.dpl = 3;
	sregs.ss.selector |= 3;
	vcpu_set_sregs(vcpu, &sregs);
	regs.rflags |= 3 << 12;
	vcpu_set_regs(vcpu, &regs);
	for (__u64 i = 0; i < 6 * PAGE; i += 8)	/* the page tables' user bit */
		*(__u64 *)(vcpu->vm->memory + GUEST_PAGE_TABLES + i) |= 4;
}

GUEST64(vmcall, "mov $99, %eax; vmcall; out %al, $0x10");
GUEST64(vmmcall, "mov $99, %eax; vmmcall; out %al, $0x10");

TEST_F(vm, hypercalls_are_for_ring_0)
{
	if (host_is_intel())
		start_long(&self->vcpu, vmcall);
	else
		start_long(&self->vcpu, vmmcall);
	enter_ring_3(&self->vcpu);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(-1UL, vcpu_regs(&self->vcpu).rax);
}

GUEST64(halt_at_once, "out %al, $0x10; hlt");

TEST_F(vm, privilege_is_that_of_ss)
{
	start_long(&self->vcpu, halt_at_once);
	enter_ring_3(&self->vcpu);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(3, vcpu_sregs(&self->vcpu).ss.dpl);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

GUEST64(undefined_at_the_end, ".skip 4094, 0x90; ud2");

TEST_F(vm, undefined_instruction_is_read_no_further)
{
	start_long(&self->vcpu, undefined_at_the_end);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
}

GUEST64(jump_to_hole, "mov $0x20000000, %rax; jmp *%rax");

TEST_F(vm, execution_outside_memory_is_an_internal_error)
{
	start_long(&self->vcpu, jump_to_hole);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(MINIVMM_INTERNAL_ERROR_EMULATION, self->vcpu.run->internal.suberror);
}

/* FXSAVE writes 512 bytes, which no exit carries. */
GUEST64(unemulated, "mov $0x20000000, %rdi; fxsave (%rdi); hlt");

TEST_F(vm, instruction_that_cannot_be_emulated_is_shown)
{
	const struct minivmm_run *run = self->vcpu.run;
	const __u8 fxsave[] = { 0x0f, 0xae, 0x07 };

	start_long(&self->vcpu, unemulated);
	ASSERT_EQ(0, vcpu_run(&self->vcpu));
	if (run->exit_reason == MINIVMM_EXIT_MMIO)
		SKIP(return, "the device emulates FXSAVE");
	ASSERT_EQ(MINIVMM_EXIT_INTERNAL_ERROR, run->exit_reason);
	EXPECT_EQ(MINIVMM_INTERNAL_ERROR_EMULATION, run->emulation_failure.suberror);
	EXPECT_LE(3, run->emulation_failure.ndata);
	EXPECT_TRUE(run->emulation_failure.flags &
		    MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	EXPECT_LE(3, run->emulation_failure.insn_size);
	EXPECT_EQ(0, memcmp(fxsave, run->emulation_failure.insn_bytes, 3));
}

GUEST64(long_halt, "hlt");

TEST_F(vm, impossible_state_fails_the_entry)
{
	struct minivmm_sregs sregs;

	start_long(&self->vcpu, long_halt);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cs.db = 1;
	sregs.cs.l = 1;
	if (call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs) == -EINVAL)
		SKIP(return, "the device refuses the state at once");
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_FAIL_ENTRY);
}

GUEST64(touch_data, "movb $1, 0x40000000; hlt");

TEST_F(vm, slot_without_host_memory_fails_run_with_efault)
{
	void *memory = map_anonymous(2 * MIB);

	EXPECT_EQ(0, vm_set_slot(&self->vm, 1, 0, 0x40000000, 2 * MIB, memory));
	munmap(memory, 2 * MIB);
	start_long(&self->vcpu, touch_data);
	EXPECT_EQ(-EFAULT, vcpu_run(&self->vcpu));
	/* Nothing is lost: the access succeeds as soon as there is memory. */
	ASSERT_EQ(memory, mmap(memory, 2 * MIB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, *(__u8 *)memory);
}

/* RUN itself */

TEST_F(vm, run_takes_no_argument)
{
	start_real(&self->vcpu, halt);
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_RUN, 1));
}

TEST_F(vm, immediate_exit_returns_eintr_without_running)
{
	start_real(&self->vcpu, halt);
	self->vcpu.run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(0, vcpu_regs(&self->vcpu).rip);
	self->vcpu.run->immediate_exit = 0;
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

static void on_signal(int signal)
{
}

static void catch(int number)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(number, &action, NULL);
}

static void block(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

TEST_F(vm, signal_interrupts_a_running_guest)
{
	catch(SIGUSR1);
	start_real(&self->vcpu, spin);
	program_spawn(&self->vcpu);
	usleep(50000);
	pthread_kill(self->vcpu.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
	EXPECT_EQ(MINIVMM_EXIT_INTR, self->vcpu.run->exit_reason);
}

/* The kernel's signal set: 64 bits. */
struct mask64 {
	__u32 len;
	__u64 bits;
} __attribute__((packed));

TEST_F(vm, signal_mask_must_be_64_bits)
{
	struct mask64 mask = { .len = 4 };

	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SIGNAL_MASK, &mask));
	mask.len = 16;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SIGNAL_MASK, &mask));
	mask.len = 8;
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SIGNAL_MASK, &mask));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SIGNAL_MASK, NULL));
	EXPECT_EQ(-EFAULT, call(self->vcpu.fd, MINIVMM_SET_SIGNAL_MASK, BAD_POINTER));
}

TEST_F(vm, signal_mask_opens_a_blocked_signal_during_run)
{
	struct mask64 none = { .len = 8 };

	catch(SIGUSR1);
	block(SIGUSR1);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_SIGNAL_MASK, &none));
	start_real(&self->vcpu, spin);
	raise(SIGUSR1);
	EXPECT_EQ(-EINTR, vcpu_run(&self->vcpu));
	EXPECT_EQ(MINIVMM_EXIT_INTR, self->vcpu.run->exit_reason);
}

TEST_F(vm, without_signal_mask_a_blocked_signal_does_not_interrupt)
{
	catch(SIGUSR1);
	block(SIGUSR1);
	raise(SIGUSR1);
	start_real(&self->vcpu, halt);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

TEST_F(vm, run_page_shows_cr8_apic_base_and_if)
{
	start_real(&self->vcpu, halt);
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, self->vcpu.run->cr8);
	EXPECT_EQ(0, self->vcpu.run->if_flag);
	EXPECT_EQ(vcpu_sregs(&self->vcpu).apic_base, self->vcpu.run->apic_base);
}

TEST_F(chip, waiting_vcpu_is_interrupted_by_a_signal)
{
	struct vcpu second;

	vcpu_init(&second, &self->vm, 1);	/* waits for INIT and SIPI */
	program_spawn(&second);
	usleep(50000);
	program_kick(&second);
	EXPECT_EQ(-EINTR, program_join(&second));
	vcpu_free(&second);
}

TEST_F(chip, halted_vcpu_sleeps_in_the_kernel)
{
	start_real(&self->vcpu, halt);
	program_spawn(&self->vcpu);
	usleep(50000);
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
}

/* The thread's own segment registers */

#define USER_DS			0x2b
#define MSR_KERNEL_GS_BASE	0xc0000102
#define HWCAP2_FSGSBASE	(1 << 1)

struct selectors {
	__u64 gs_base;
	__u16 ds, es, fs, gs;
};

/* Where FS points to is glibc's: it stays. */
static void load_selectors(const struct selectors *s)
{
	__u64 fs_base;

	asm volatile("rdfsbase %[fs_base]; mov %[fs], %%fs; wrfsbase %[fs_base];"
		     "mov %[ds], %%ds; mov %[es], %%es; mov %[gs], %%gs; wrgsbase %[gs_base]"
		     : [fs_base] "=&r" (fs_base)
		     : [ds] "m" (s->ds), [es] "m" (s->es), [fs] "m" (s->fs), [gs] "m" (s->gs),
		       [gs_base] "r" (s->gs_base));
}

static struct selectors read_selectors(void)
{
	struct selectors s;

	asm volatile("mov %%ds, %[ds]; mov %%es, %[es]; mov %%fs, %[fs]; mov %%gs, %[gs];"
		     "rdgsbase %[gs_base]"
		     : [ds] "=m" (s.ds), [es] "=m" (s.es), [fs] "=m" (s.fs), [gs] "=m" (s.gs),
		       [gs_base] "=r" (s.gs_base));
	return s;
}

static void expect_selectors_stay(struct __test_metadata *_metadata, struct vcpu *vcpu)
{
	const struct selectors mine = { 0x123456789000, USER_DS, USER_DS, USER_DS, USER_DS };
	const struct selectors none = { 0 };
	struct selectors after;

	start_real(vcpu, halt);
	load_selectors(&mine);
	vcpu_run(vcpu);
	after = read_selectors();
	load_selectors(&none);
	EXPECT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
	EXPECT_EQ(mine.gs_base, after.gs_base);
	EXPECT_EQ(mine.ds, after.ds);
	EXPECT_EQ(mine.es, after.es);
	EXPECT_EQ(mine.fs, after.fs);
	EXPECT_EQ(mine.gs, after.gs);
}

TEST_F(vm, a_run_leaves_the_threads_segment_registers)
{
	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		SKIP(return, "no FSGSBASE");
	if (!device_is_minivmm(self->vm.device) && host_is_intel())
		SKIP(return, "KVM loads the selector of FS, and the base is lost");
	expect_selectors_stay(_metadata, &self->vcpu);
	/* The guest happens to have what the thread has. */
	EXPECT_EQ(1, vcpu_set_msr(&self->vcpu, MSR_KERNEL_GS_BASE, 0x123456789000));
	expect_selectors_stay(_metadata, &self->vcpu);
}

TEST_HARNESS_MAIN
