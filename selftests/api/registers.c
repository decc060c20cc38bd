// SPDX-License-Identifier: GPL-2.0
/* State of a vCPU: what is set is what is got, what the guest sees, and what is refused. */
#include <x86intrin.h>

#include "fixture.h"

GUEST16(halt, "hlt");
GUEST64(long_halt, "hlt");

/* General registers */

TEST_F(vm, regs_are_got_as_set)
{
	struct minivmm_regs set, got;

	for (int i = 0; i < sizeof(set) / 8; i++)
		((__u64 *)&set)[i] = 0x0101010101010101 * (i + 1);
	set.rip = 0x1234;
	set.rflags = 0x246;
	vcpu_set_regs(&self->vcpu, &set);
	got = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
}

TEST_F(vm, reserved_bit_1_of_rflags_is_always_set)
{
	struct minivmm_regs regs = { 0 };

	vcpu_set_regs(&self->vcpu, &regs);
	EXPECT_EQ(2, vcpu_regs(&self->vcpu).rflags);
}

GUEST64(rotate_registers,
	"xchg %rax, %rbx; xchg %rcx, %rdx; xchg %rsi, %rdi; xchg %r8, %r9;"
	"xchg %r10, %r11; xchg %r12, %r13; xchg %r14, %r15; xchg %rsp, %rbp; hlt");

TEST_F(vm, guest_has_the_registers_that_are_set)
{
	struct minivmm_regs set, got;

	start_long(&self->vcpu, rotate_registers);
	set = vcpu_regs(&self->vcpu);
	for (int i = 0; i < 16; i++)
		((__u64 *)&set)[i] = 0x1000000000000000 + i;
	vcpu_set_regs(&self->vcpu, &set);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	got = vcpu_regs(&self->vcpu);
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(0x1000000000000000 + (i ^ 1), ((__u64 *)&got)[i]);
}

TEST_F(vm, bad_pointers_are_efault)
{
	static const unsigned long calls[] = {
		MINIVMM_GET_REGS, MINIVMM_SET_REGS, MINIVMM_GET_SREGS, MINIVMM_SET_SREGS,
		MINIVMM_GET_FPU, MINIVMM_SET_FPU, MINIVMM_GET_XSAVE, MINIVMM_SET_XSAVE,
		MINIVMM_GET_XCRS, MINIVMM_SET_XCRS, MINIVMM_GET_DEBUGREGS, MINIVMM_SET_DEBUGREGS,
		MINIVMM_GET_VCPU_EVENTS, MINIVMM_SET_VCPU_EVENTS, MINIVMM_GET_MP_STATE,
		MINIVMM_SET_MP_STATE, MINIVMM_GET_MSRS, MINIVMM_SET_MSRS, MINIVMM_SET_CPUID2,
		MINIVMM_INTERRUPT,
	};

	for (int i = 0; i < ARRAY_LEN(calls); i++) {
		EXPECT_EQ(-EFAULT, call(self->vcpu.fd, calls[i], BAD_POINTER))
			TH_LOG("call %#lx", calls[i]);
	}
}

/* Segments, control registers, descriptor tables */

TEST_F(vm, sregs_are_got_as_set)
{
	struct minivmm_sregs set, got;

	start_long(&self->vcpu, long_halt);
	set = vcpu_sregs(&self->vcpu);
	set.fs.base = 0x123456789000;
	set.gs.base = 0xffff888000000000;
	set.gdt.limit = 0x7f;
	set.idt.base = 0xffff800000001000;
	set.idt.limit = 0xfff;
	set.tr.base = 0x5000;
	set.ldt.base = 0x6000;
	set.cr2 = 0xdeadbeef000;
	set.cr8 = 5;
	vcpu_set_sregs(&self->vcpu, &set);
	got = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
}

TEST_F(vm, segment_attributes_are_kept_across_run)
{
	struct minivmm_sregs before, after;

	start_long(&self->vcpu, long_halt);
	before = vcpu_sregs(&self->vcpu);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	after = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

GUEST64(read_control_registers,
	"mov %cr2, %rax; mov %cr3, %rbx; mov %cr8, %rcx; rdfsbase %rdx; hlt");

TEST_F(vm, guest_has_the_control_registers_that_are_set)
{
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;

	start_long(&self->vcpu, read_control_registers);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr2 = 0x1234567000;
	self->vcpu.run->cr8 = 7;	/* without a local APIC the run page has it */
	sregs.cr4 |= 1 << 16;		/* FSGSBASE */
	sregs.fs.base = 0xabcd0000;
	vcpu_set_sregs(&self->vcpu, &sregs);
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	EXPECT_EQ(0x1234567000, regs.rax);
	EXPECT_EQ(GUEST_PAGE_TABLES, regs.rbx);
	EXPECT_EQ(7, regs.rcx);
	EXPECT_EQ(0xabcd0000, regs.rdx);
}

#define EXPECT_SREGS_REFUSED(change)						\
do {										\
	struct minivmm_sregs sregs = vcpu_sregs(&self->vcpu);			\
										\
	sregs.change;								\
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_SREGS, &sregs));	\
} while (0)

TEST_F(vm, contradicting_mode_bits_are_refused)
{
	start_long(&self->vcpu, long_halt);
	EXPECT_SREGS_REFUSED(cr4 &= ~(1UL << 5));	/* long mode without PAE */
	EXPECT_SREGS_REFUSED(efer &= ~(1UL << 10));	/* LME and PG without LMA */
	EXPECT_SREGS_REFUSED(efer = 0);			/* 64-bit CS without long mode */
}

TEST_F(vm, reserved_bits_of_cr4_are_refused)
{
	start_long(&self->vcpu, long_halt);
	EXPECT_SREGS_REFUSED(cr4 |= 1UL << 63);
	EXPECT_SREGS_REFUSED(cr4 |= 1UL << 15);
}

TEST_F(vm, cr3_beyond_physical_memory_is_refused)
{
	start_long(&self->vcpu, long_halt);
	EXPECT_SREGS_REFUSED(cr3 |= 1UL << 60);
}

TEST_F(chip, misaligned_apic_base_is_refused)
{
	EXPECT_SREGS_REFUSED(apic_base |= 1);
}

TEST_F(vm, refused_sregs_change_nothing)
{
	struct minivmm_sregs before, after;

	start_long(&self->vcpu, long_halt);
	before = vcpu_sregs(&self->vcpu);
	EXPECT_SREGS_REFUSED(cr4 = 1UL << 63);
	after = vcpu_sregs(&self->vcpu);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

/* Floating point */

/* KVM's SET_FPU is lost when the state before it was the initial one; ours is not. */
static void prepare_set_fpu(struct vcpu *vcpu)
{
	static struct minivmm_xsave xsave;

	if (device_is_minivmm(vcpu->vm->device))
		return;
	call(vcpu->fd, MINIVMM_GET_XSAVE, &xsave);
	xsave.region[512 / 4] |= 3;
	call(vcpu->fd, MINIVMM_SET_XSAVE, &xsave);
}

TEST_F(vm, fpu_is_got_as_set)
{
	struct minivmm_fpu set = {
		.fcw = 0x27f, .fsw = 0x3800, .ftwx = 0x81, .last_opcode = 0x123,
		.last_ip = 0x1000, .last_dp = 0x2000, .mxcsr = 0x1fa0,
	}, got;

	memset(set.xmm, 0x5a, sizeof(set.xmm));
	memset(set.fpr[0], 0x11, 10);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_FPU, &set));
	memset(&got, 0xff, sizeof(got));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_FPU, &got));
	EXPECT_EQ(set.fcw, got.fcw);
	EXPECT_EQ(set.fsw, got.fsw);
	EXPECT_EQ(set.ftwx, got.ftwx);
	EXPECT_EQ(0, memcmp(set.xmm, got.xmm, sizeof(set.xmm)));
	EXPECT_EQ(0, memcmp(set.fpr[0], got.fpr[0], 10));
}

GUEST64(copy_xmm,
	"movq %xmm0, %rax; movq %rax, %xmm15; mov $0x7777, %ebx; movq %rbx, %xmm1; hlt");

TEST_F(vm, guest_has_the_xmm_registers_that_are_set)
{
	struct minivmm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };

	*(__u64 *)fpu.xmm[0] = 0x1122334455667788;
	start_long(&self->vcpu, copy_xmm);
	prepare_set_fpu(&self->vcpu);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_FPU, &fpu));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x1122334455667788, vcpu_regs(&self->vcpu).rax);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_FPU, &fpu));
	EXPECT_EQ(0x1122334455667788, *(__u64 *)fpu.xmm[15]);
	EXPECT_EQ(0x7777, *(__u64 *)fpu.xmm[1]);
}

TEST_F(vm, guest_and_host_xmm_registers_are_apart)
{
	const __u64 host = 0xfedcba9876543210;
	__u64 after;

	start_long(&self->vcpu, copy_xmm);
	asm volatile("movq %0, %%xmm1" : : "r"(host) : "xmm1");
	ASSERT_EQ(0, vcpu_run(&self->vcpu));
	asm volatile("movq %%xmm1, %0" : "=r"(after));
	/* The compiler may use xmm1 in between, the guest's value it cannot make up. */
	EXPECT_NE(0x7777, after);
}

#define XSAVE_MXCSR	(24 / 4)
#define XSAVE_XMM0	(160 / 4)
#define XSAVE_BV	(512 / 4)
#define XSAVE_XCOMP	(520 / 4)

TEST_F(vm, xsave_is_got_as_set)
{
	static struct minivmm_xsave set, got;

	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &set));
	set.region[XSAVE_XMM0] = 0x12345678;
	set.region[XSAVE_MXCSR] = 0x1fa0;
	set.region[XSAVE_BV] |= 3;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XSAVE, &set));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &got));
	EXPECT_EQ(0x12345678, got.region[XSAVE_XMM0]);
	EXPECT_EQ(0x1fa0, got.region[XSAVE_MXCSR]);
	EXPECT_EQ(3, got.region[XSAVE_BV] & 3);
}

/* What an area says nothing of is as after a reset, whatever an earlier one said. */
TEST_F(vm, xsave_without_a_component_resets_it)
{
	static struct minivmm_xsave set, got;

	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &set));
	set.region[XSAVE_XMM0] = 0x12345678;
	set.region[XSAVE_BV] = 3;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XSAVE, &set));
	set.region[XSAVE_BV] = 1;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XSAVE, &set));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &got));
	EXPECT_EQ(0, got.region[XSAVE_XMM0]);
}

static long set_xcr0(struct vcpu *vcpu, __u64 value)
{
	struct minivmm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value };

	return call(vcpu->fd, MINIVMM_SET_XCRS, &xcrs);
}

#define XCR0_PKRU	(1 << 9)
#define CR4_OSXSAVE	(1UL << 18)
#define CR4_PKE		(1UL << 22)

GUEST64(read_pkru, "xor %ecx, %ecx; rdpkru; mov %eax, %esi; out %al, $0x10; jmp read_pkru");

/* Where protection keys are in the area: CPUID 0xd. 0: the vCPU cannot have them. */
static __u32 pkru_offset(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->device);
	const struct minivmm_cpuid_entry2 *e;
	bool offered = false;
	__u32 offset = 0;

	for (e = cpuid->entries; e < cpuid->entries + cpuid->nent; e++) {
		if (e->function == 7 && e->index == 0)
			offered = e->ecx & 1 << 3;
		if (e->function == 0xd && e->index == 9)
			offset = e->ebx;
	}
	free(cpuid);
	return offered ? offset : 0;
}

/* KVM: keys are the one component that an area without them leaves as it was. */
TEST_F(vm, xsave_without_protection_keys_resets_them)
{
	static struct minivmm_xsave set;
	__u32 at = pkru_offset(&self->vcpu) / 4;
	struct minivmm_sregs sregs;

	if (!at)
		SKIP(return, "no protection keys");
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "the keys stay");
	vcpu_set_supported_cpuid(&self->vcpu);
	start_long(&self->vcpu, read_pkru);
	sregs = vcpu_sregs(&self->vcpu);
	sregs.cr4 |= CR4_PKE | CR4_OSXSAVE;
	vcpu_set_sregs(&self->vcpu, &sregs);
	ASSERT_EQ(0, set_xcr0(&self->vcpu, 3 | XCR0_PKRU));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &set));
	set.region[at] = 0xc;
	set.region[XSAVE_BV] |= XCR0_PKRU;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XSAVE, &set));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0xc, vcpu_regs(&self->vcpu).rsi);
	set.region[XSAVE_BV] &= ~XCR0_PKRU;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XSAVE, &set));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(0, vcpu_regs(&self->vcpu).rsi);
}

TEST_F(vm, xsave_and_fpu_show_the_same_registers)
{
	static struct minivmm_xsave xsave;
	struct minivmm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };

	fpu.xmm[0][0] = 0x42;
	prepare_set_fpu(&self->vcpu);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_FPU, &fpu));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &xsave));
	EXPECT_EQ(0x42, xsave.region[XSAVE_XMM0]);
}

#define EXPECT_XSAVE_REFUSED(word, value)					\
do {										\
	static struct minivmm_xsave xsave;					\
										\
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE, &xsave));		\
	xsave.region[XSAVE_BV] |= 3;						\
	xsave.region[word] |= (value);						\
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_XSAVE, &xsave));	\
} while (0)

TEST_F(vm, impossible_xsave_areas_are_refused)
{
	EXPECT_XSAVE_REFUSED(XSAVE_BV, 1 << 30);		/* unknown state */
	EXPECT_XSAVE_REFUSED(XSAVE_BV + 1, 1 << 30);
	EXPECT_XSAVE_REFUSED(XSAVE_XCOMP + 1, 1U << 31);	/* compacted format */
	EXPECT_XSAVE_REFUSED(XSAVE_MXCSR, 1U << 31);		/* reserved bit */
}

TEST_F(vm, xsave2_holds_the_size_its_capability_tells)
{
	long size = capability(self->vm.fd, MINIVMM_CAP_XSAVE2);
	struct minivmm_xsave *xsave;

	REQUIRE(self->vm.fd, XSAVE2);
	EXPECT_LE(4096, size);
	xsave = map_anonymous(size);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XSAVE2, xsave));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_XSAVE, xsave));
}

TEST_F(vm, xcr0_is_got_as_set)
{
	struct minivmm_xcrs xcrs;

	vcpu_set_supported_cpuid(&self->vcpu);
	EXPECT_EQ(0, set_xcr0(&self->vcpu, 3));
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_XCRS, &xcrs));
	EXPECT_EQ(1, xcrs.nr_xcrs);
	EXPECT_EQ(0, xcrs.xcrs[0].xcr);
	EXPECT_EQ(3, xcrs.xcrs[0].value);
}

TEST_F(vm, impossible_xcr0_is_refused)
{
	vcpu_set_supported_cpuid(&self->vcpu);
	EXPECT_EQ(-EINVAL, set_xcr0(&self->vcpu, 0));		/* x87 is compulsory */
	EXPECT_EQ(-EINVAL, set_xcr0(&self->vcpu, 5));		/* AVX without SSE */
	EXPECT_EQ(-EINVAL, set_xcr0(&self->vcpu, 1UL << 62 | 3));
}

TEST_F(vm, count_and_flags_of_xcrs_are_checked)
{
	struct minivmm_xcrs xcrs = { .nr_xcrs = MINIVMM_MAX_XCRS + 1 };

	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_XCRS, &xcrs));
	xcrs.nr_xcrs = 1;
	xcrs.xcrs[0].value = 1;
	xcrs.flags = 1;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_XCRS, &xcrs));
}

/* Debug registers */

TEST_F(vm, debug_registers_are_got_as_set)
{
	struct minivmm_debugregs set = {
		.db = { 0x1000, 0x2000, 0x3000, 0x4000 }, .dr6 = 0xffff0ff1, .dr7 = 0x401,
	}, got;

	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &set));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_DEBUGREGS, &got));
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
}

GUEST64(read_debug_registers,
	"mov %dr0, %rax; mov %dr3, %rbx; mov $0x55000, %rcx; mov %rcx, %dr1; hlt");

TEST_F(vm, guest_has_the_debug_registers_that_are_set)
{
	struct minivmm_debugregs debug = {
		.db = { 0x11000, 0, 0, 0x44000 }, .dr6 = 0xffff0ff0, .dr7 = 0x400,
	};

	start_long(&self->vcpu, read_debug_registers);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x11000, vcpu_regs(&self->vcpu).rax);
	EXPECT_EQ(0x44000, vcpu_regs(&self->vcpu).rbx);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_DEBUGREGS, &debug));
	EXPECT_EQ(0x55000, debug.db[1]);
}

GUEST64(read_dr7, "mov %dr7, %rax; hlt");

/* Bit 10 of DR7 is 1, bits 12, 14 and 15 are 0: KVM leaves these three as they are set. */
TEST_F(vm, guest_reads_fixed_bits_of_dr7)
{
	__u64 looked_at = device_is_minivmm(self->vm.device) ? ~0ULL : 0x400;
	struct minivmm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0xd000 };

	start_long(&self->vcpu, read_dr7);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x400, vcpu_regs(&self->vcpu).rax & looked_at);
}

GUEST64(nop_and_halt, "nop; hlt");

/* The guest touches no debug register; the exception finds no handler. */
TEST_F(vm, breakpoint_that_is_set_is_hit)
{
	struct minivmm_debugregs debug = {
		.db = { GUEST_CODE + 1 }, .dr6 = 0xffff0ff0, .dr7 = 0x402,
	};

	start_long(&self->vcpu, nop_and_halt);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_SHUTDOWN);
	debug.dr7 = 0x400;
	start_long(&self->vcpu, nop_and_halt);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
}

TEST_F(vm, impossible_debug_registers_are_refused)
{
	struct minivmm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };

	debug.flags = 1;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	debug.flags = 0;
	debug.dr7 = 1UL << 32;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
	debug.dr7 = 0x400;
	debug.dr6 = 1UL << 32;
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_DEBUGREGS, &debug));
}

/* Run state */

static long set_mp_state(struct vcpu *vcpu, __u32 value)
{
	struct minivmm_mp_state state = { value };

	return call(vcpu->fd, MINIVMM_SET_MP_STATE, &state);
}

static __u32 mp_state(struct vcpu *vcpu)
{
	struct minivmm_mp_state state = { ~0U };

	call(vcpu->fd, MINIVMM_GET_MP_STATE, &state);
	return state.mp_state;
}

TEST_F(vm, without_interrupt_controllers_every_vcpu_is_runnable)
{
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, mp_state(&self->vcpu));
	EXPECT_EQ(0, set_mp_state(&self->vcpu, MINIVMM_MP_STATE_RUNNABLE));
	EXPECT_EQ(-EINVAL, set_mp_state(&self->vcpu, MINIVMM_MP_STATE_HALTED));
	EXPECT_EQ(-EINVAL, set_mp_state(&self->vcpu, MINIVMM_MP_STATE_INIT_RECEIVED));
}

TEST_F(chip, only_the_boot_cpu_starts_runnable)
{
	struct vcpu second;

	vcpu_init(&second, &self->vm, 1);
	EXPECT_EQ(MINIVMM_MP_STATE_RUNNABLE, mp_state(&self->vcpu));
	EXPECT_EQ(MINIVMM_MP_STATE_UNINITIALIZED, mp_state(&second));
	vcpu_free(&second);
}

TEST_F(chip, mp_state_is_got_as_set)
{
	static const __u32 states[] = {
		MINIVMM_MP_STATE_RUNNABLE, MINIVMM_MP_STATE_UNINITIALIZED,
		MINIVMM_MP_STATE_INIT_RECEIVED, MINIVMM_MP_STATE_HALTED,
	};

	for (int i = 0; i < ARRAY_LEN(states); i++) {
		EXPECT_EQ(0, set_mp_state(&self->vcpu, states[i]));
		EXPECT_EQ(states[i], mp_state(&self->vcpu));
	}
}

TEST_F(chip, unknown_mp_states_are_refused)
{
	EXPECT_EQ(-EINVAL, set_mp_state(&self->vcpu, 5));
	EXPECT_EQ(-EINVAL, set_mp_state(&self->vcpu, 100));
}

TEST_F(chip, halted_state_is_seen_after_the_guest_halts)
{
	start_real(&self->vcpu, halt);
	program_spawn(&self->vcpu);
	usleep(50000);
	program_kick(&self->vcpu);
	EXPECT_EQ(-EINTR, program_join(&self->vcpu));
	EXPECT_EQ(MINIVMM_MP_STATE_HALTED, mp_state(&self->vcpu));
}

/* Time stamp counter */

TEST_F(vm, tsc_frequency_is_known)
{
	long khz = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);

	EXPECT_LT(1000, khz);
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, khz));
	EXPECT_EQ(khz, call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0));
}

TEST_F(vm, tsc_slower_than_the_hosts_needs_scaling)
{
	if (capability(self->vm.device, MINIVMM_CAP_TSC_CONTROL) > 0)
		SKIP(return, "the host scales the TSC");
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 1000));
}

GUEST64(read_tsc, "rdtsc; hlt");

TEST_F(vm, tsc_is_set_by_its_msr_and_goes_on_from_there)
{
	struct minivmm_regs regs;
	__u64 seen;

	start_long(&self->vcpu, read_tsc);
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, 0x10, 1UL << 50));
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(&self->vcpu);
	seen = regs.rdx << 32 | regs.rax;
	EXPECT_LE(1UL << 50, seen);
	EXPECT_GT(1UL << 51, seen);
	EXPECT_LE(seen, vcpu_msr(&self->vcpu, 0x10));
}

static __u64 guest_tsc(struct vcpu *vcpu)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rip = GUEST_CODE;
	vcpu_set_regs(vcpu, &regs);
	if (vcpu_run(vcpu))
		fatal("RUN failed");
	regs = vcpu_regs(vcpu);
	return regs.rdx << 32 | regs.rax;
}

/* Host ticks @numerator / @denominator times as fast. */
static __u64 scaled(__u64 ticks, __u64 numerator, __u64 denominator)
{
	return (__u64)((unsigned __int128)ticks * numerator / denominator);
}

TEST_F(vm, tsc_runs_at_the_rate_that_is_set)
{
	static const struct { long multiply, divide; } rates[] = { { 3, 2 }, { 1, 3 }, { 100, 1 } };
	const long host = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);

	REQUIRE(self->vm.device, TSC_CONTROL);
	start_long(&self->vcpu, read_tsc);
	for (unsigned int i = 0; i < ARRAY_LEN(rates); i++) {
		const long khz = host * rates[i].multiply / rates[i].divide;
		__u64 host_tsc[4], first, last;

		ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, khz));
		EXPECT_EQ(khz, call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0));
		host_tsc[0] = __rdtsc();
		first = guest_tsc(&self->vcpu);
		host_tsc[1] = __rdtsc();
		usleep(20000);
		host_tsc[2] = __rdtsc();
		last = guest_tsc(&self->vcpu);
		host_tsc[3] = __rdtsc();
		EXPECT_LE(scaled(host_tsc[2] - host_tsc[1], khz, host) - 2, last - first);
		EXPECT_GE(scaled(host_tsc[3] - host_tsc[0], khz, host) + 2, last - first);
		EXPECT_LE(last, vcpu_msr(&self->vcpu, 0x10));
	}
	EXPECT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 0));
	EXPECT_EQ(host, call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0));
}

TEST_F(vm, tsc_does_not_jump_when_its_rate_changes)
{
	const long host = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);
	__u64 host_tsc, before, after;

	REQUIRE(self->vm.device, TSC_CONTROL);
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM lets it jump");
	ASSERT_EQ(1, vcpu_set_msr(&self->vcpu, 0x10, 1UL << 50));
	host_tsc = __rdtsc();
	before = vcpu_msr(&self->vcpu, 0x10);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 2 * host));
	after = vcpu_msr(&self->vcpu, 0x10);
	host_tsc = __rdtsc() - host_tsc;
	EXPECT_LE(before, after);
	EXPECT_GE(2 * host_tsc, after - before);
}

TEST_F(vm, tscs_of_one_rate_are_equal)
{
	const long host = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);
	struct vcpu other;
	__u64 last = 0;

	REQUIRE(self->vm.device, TSC_CONTROL);
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM leaves it to writes of the TSC");
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 2 * host));
	vcpu_init(&other, &self->vm, 1);
	ASSERT_EQ(0, call(other.fd, MINIVMM_SET_TSC_KHZ, 2 * host));
	for (unsigned int i = 0; i < 10; i++) {
		__u64 now = vcpu_msr(i % 2 ? &other : &self->vcpu, 0x10);

		EXPECT_LE(last, now);
		last = now;
	}
	vcpu_free(&other);
}

TEST_F(vm, tsc_has_a_greatest_rate)
{
	const long host = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);

	REQUIRE(self->vm.device, TSC_CONTROL);
	if (!device_is_minivmm(self->vm.device))
		SKIP(return, "KVM looks at 32 bits");
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 256 * host));
	EXPECT_EQ(-EINVAL, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 1UL << 40));
	EXPECT_EQ(host, call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0));
}

#define POLLED_TICKS	60000
#define STRING(x)	STRING_(x)
#define STRING_(x)	#x

/* x2APIC, LVTT in deadline mode, a deadline; polls IRR, then says by how much it is late. */
GUEST64(poll_deadline,
	"mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr; xor %edx, %edx\n"
	"mov $0x80f, %ecx; mov $0x1ff, %eax; wrmsr\n"
	"mov $0x832, %ecx; mov $0x40040, %eax; wrmsr\n"
	"rdtsc; shl $32, %rdx; lea " STRING(POLLED_TICKS) "(%rax, %rdx), %rbx\n"
	"mov %ebx, %eax; mov %rbx, %rdx; shr $32, %rdx; mov $0x6e0, %ecx; wrmsr\n"
	"mov $0x822, %ecx; 1: rdmsr; test $1, %al; jz 1b\n"
	"rdtsc; shl $32, %rdx; or %rdx, %rax; sub %rbx, %rax; out %al, $0x10");

TEST_F(chip, deadline_of_a_scaled_tsc_is_kept)
{
	const long host = call(self->vcpu.fd, MINIVMM_GET_TSC_KHZ, 0);
	struct minivmm_lapic_state no_interrupt;
	unsigned int late = 0;

	REQUIRE(self->vm.device, TSC_CONTROL);
	start_long(&self->vcpu, poll_deadline);
	vcpu_add_deadline_timer(&self->vcpu);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_TSC_KHZ, 3 * host));
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_GET_LAPIC, &no_interrupt));
	for (unsigned int i = 0; i < 10; i++) {
		struct minivmm_regs regs = vcpu_regs(&self->vcpu);

		regs.rip = GUEST_CODE;
		vcpu_set_regs(&self->vcpu, &regs);
		ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_IO);
		regs = vcpu_regs(&self->vcpu);
		EXPECT_LE(0, (long)regs.rax);
		late += regs.rax > POLLED_TICKS;
		ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_SET_LAPIC, &no_interrupt));
	}
	/* The host may have other things to do now and then. */
	EXPECT_GT(5, late);
}

/* Address translation */

TEST_F(vm, translation_follows_the_guests_page_tables)
{
	struct minivmm_translation t = { .linear_address = 0x123456 };
	__u64 *table;

	start_long(&self->vcpu, long_halt);
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TRANSLATE, &t));
	EXPECT_EQ(1, t.valid);
	EXPECT_EQ(0x123456, t.physical_address);
	/* The second 2 MiB lead to the fourth, and the third nowhere. */
	table = (__u64 *)(self->vm.memory + GUEST_PAGE_TABLES) + 1024;
	table[1] = 3UL << 21 | 0x83;
	table[2] = 0;
	t.linear_address = 0x212345;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TRANSLATE, &t));
	EXPECT_EQ(1, t.valid);
	EXPECT_EQ(0x612345, t.physical_address);
	t.linear_address = 0x400000;
	ASSERT_EQ(0, call(self->vcpu.fd, MINIVMM_TRANSLATE, &t));
	EXPECT_EQ(0, t.valid);
}

TEST_HARNESS_MAIN
