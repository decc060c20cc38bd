// SPDX-License-Identifier: GPL-2.0
/*
 * A small VMM as they are in the wild: one file, the kernel's own <linux/kvm.h>,
 * no interrupt controller. It sets the registers of long mode first and the CPUID
 * later or never, as many of its kind do, and looks at what its guests computed.
 *
 * The device is $MINIVMM_DEVICE, by default /dev/minivmm.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define MEMORY		(2UL << 20)
#define TABLES		0x2000	/* PML4, PDPT and PD, a page each */
#define CODE		0x8000
#define STACK		0x10000
#define DEVICE		0x30000000	/* mapped by the page tables, no memory there */

#define CR0_PE		(1UL << 0)
#define CR0_ET		(1UL << 4)
#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define CR4_OSFXSR	(1UL << 9)
#define CR4_OSXMMEXCPT	(1UL << 10)
#define EFER_SCE	(1UL << 0)
#define EFER_LME	(1UL << 8)
#define EFER_LMA	(1UL << 10)
#define PTE_TABLE	7UL	/* present, writable, user */
#define PTE_2M		(1UL << 7)

#define GUEST(name, mode, code)						\
	extern const char name[], name##_end[];				\
	asm(".pushsection .rodata\n.code" #mode "\n" #name ":" code "\n"	\
	    #name "_end:\n.code64\n.popsection")

GUEST(add16, 16,
      "mov $0x3f8, %dx; add %bl, %al; add $'0', %al; out %al, (%dx);"
      "mov $'\\n', %al; out %al, (%dx); hlt");

/* The sum of 1 to 100000 by way of the stack and SSE, a port read, device memory both ways. */
GUEST(sum64, 64,
      "mov $100000, %ecx; xor %ebx, %ebx;"
      "1: push %rcx; pop %rax; add %rax, %rbx; dec %ecx; jnz 1b;"
      "movq %rbx, %xmm0; movq %xmm0, %rax; out %eax, $0x10; shr $32, %rax; out %eax, $0x11;"
      "mov $-1, %eax; in $0x12, %eax; mov $0x30000000, %edi; mov %eax, (%rdi);"
      "mov 8(%rdi), %rax; mov %eax, (%rdi); hlt");

struct vmm {
	int device, vm, vcpu;
	char *memory;
	struct kvm_run *run;
	size_t run_size;
};

static int open_device(void)
{
	const char *path = getenv("MINIVMM_DEVICE") ?: "/dev/minivmm";

	return open(path, O_RDWR | O_CLOEXEC);
}

FIXTURE(small)
{
	struct vmm vmm;
};

FIXTURE_SETUP(small)
{
	struct vmm *vmm = &self->vmm;
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY };

	vmm->device = open_device();
	ASSERT_LE(0, vmm->device);
	ASSERT_EQ(KVM_API_VERSION, ioctl(vmm->device, KVM_GET_API_VERSION, 0));
	vmm->vm = ioctl(vmm->device, KVM_CREATE_VM, 0);
	ASSERT_LE(0, vmm->vm);
	vmm->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, vmm->memory);
	slot.userspace_addr = (unsigned long)vmm->memory;
	ASSERT_EQ(0, ioctl(vmm->vm, KVM_SET_USER_MEMORY_REGION, &slot));
	vmm->vcpu = ioctl(vmm->vm, KVM_CREATE_VCPU, 0);
	ASSERT_LE(0, vmm->vcpu);
	vmm->run_size = ioctl(vmm->device, KVM_GET_VCPU_MMAP_SIZE, 0);
	vmm->run = mmap(NULL, vmm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->vcpu, 0);
	ASSERT_NE(MAP_FAILED, vmm->run);
}

FIXTURE_TEARDOWN(small)
{
	munmap(self->vmm.run, self->vmm.run_size);
	close(self->vmm.vcpu);
	close(self->vmm.vm);
	munmap(self->vmm.memory, MEMORY);
	close(self->vmm.device);
}

/* RUN; the exit's reason, or -1. */
static int run(struct vmm *vmm)
{
	return ioctl(vmm->vcpu, KVM_RUN, 0) ? -1 : (int)vmm->run->exit_reason;
}

static void *port_data(struct vmm *vmm)
{
	return (char *)vmm->run + vmm->run->io.data_offset;
}

static void load(struct vmm *vmm, const char *code, const char *end)
{
	memcpy(vmm->memory + CODE, code, end - code);
}

static int set_regs(struct vmm *vmm, __u64 rax, __u64 rbx)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rax = rax, .rbx = rbx, .rflags = 2 };

	return ioctl(vmm->vcpu, KVM_SET_REGS, &regs);
}

/* The first 1 GiB, mapped where it is. */
static void make_page_tables(struct vmm *vmm)
{
	__u64 *pml4 = (__u64 *)(vmm->memory + TABLES), *pdpt = pml4 + 512, *pd = pdpt + 512;
	int i;

	pml4[0] = (TABLES + 0x1000) | PTE_TABLE;
	pdpt[0] = (TABLES + 0x2000) | PTE_TABLE;
	for (i = 0; i < 512; i++)
		pd[i] = ((__u64)i << 21) | PTE_2M | PTE_TABLE;
}

static void make_long_mode(struct kvm_sregs *sregs)
{
	struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1 };
	struct kvm_segment data = { .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };

	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->cr3 = TABLES;
	sregs->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	sregs->cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs->efer = EFER_SCE | EFER_LME | EFER_LMA;
}

static int enter_long_mode(struct vmm *vmm)
{
	struct kvm_sregs sregs;

	make_page_tables(vmm);
	if (ioctl(vmm->vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	make_long_mode(&sregs);
	return ioctl(vmm->vcpu, KVM_SET_SREGS, &sregs);
}

static int set_cpuid(struct vmm *vmm)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	int result;

	cpuid->nent = 256;
	result = ioctl(vmm->device, KVM_GET_SUPPORTED_CPUID, cpuid) ||
		ioctl(vmm->vcpu, KVM_SET_CPUID2, cpuid) ? -1 : 0;
	free(cpuid);
	return result;
}

static void expect_port_write(struct __test_metadata *_metadata, struct vmm *vmm, __u16 port, __u8 size, __u32 value)
{
	__u32 written = 0;

	ASSERT_EQ(KVM_EXIT_IO, run(vmm));
	EXPECT_EQ(KVM_EXIT_IO_OUT, vmm->run->io.direction);
	EXPECT_EQ(port, vmm->run->io.port);
	EXPECT_EQ(size, vmm->run->io.size);
	EXPECT_EQ(1, vmm->run->io.count);
	memcpy(&written, port_data(vmm), size);
	EXPECT_EQ(value, written);
}

static void expect_device_write(struct __test_metadata *_metadata, struct vmm *vmm, __u32 value)
{
	__u32 written;

	ASSERT_EQ(KVM_EXIT_MMIO, run(vmm));
	EXPECT_EQ(DEVICE, vmm->run->mmio.phys_addr);
	EXPECT_EQ(1, vmm->run->mmio.is_write);
	EXPECT_EQ(4, vmm->run->mmio.len);
	memcpy(&written, vmm->run->mmio.data, 4);
	EXPECT_EQ(value, written);
}

/* A VMM that has no device there leaves the data of the port read as it finds them. */
static void run_sum(struct __test_metadata *_metadata, struct vmm *vmm)
{
	static const __u64 answer = 0x12345678;

	load(vmm, sum64, sum64_end);
	ASSERT_EQ(0, set_regs(vmm, 0, 0));
	expect_port_write(_metadata, vmm, 0x10, 4, (__u32)5000050000);
	expect_port_write(_metadata, vmm, 0x11, 4, 5000050000 >> 32);
	ASSERT_EQ(KVM_EXIT_IO, run(vmm));
	EXPECT_EQ(KVM_EXIT_IO_IN, vmm->run->io.direction);
	EXPECT_EQ(0x12, vmm->run->io.port);
	expect_device_write(_metadata, vmm, 0);
	ASSERT_EQ(KVM_EXIT_MMIO, run(vmm));
	EXPECT_EQ(DEVICE + 8, vmm->run->mmio.phys_addr);
	EXPECT_EQ(0, vmm->run->mmio.is_write);
	EXPECT_EQ(8, vmm->run->mmio.len);
	memcpy(vmm->run->mmio.data, &answer, 8);
	expect_device_write(_metadata, vmm, answer);
	EXPECT_EQ(KVM_EXIT_HLT, run(vmm));
}

static void expect_long_mode(struct __test_metadata *_metadata, struct vmm *vmm)
{
	struct kvm_sregs sregs;

	ASSERT_EQ(0, ioctl(vmm->vcpu, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT, sregs.cr4);
	EXPECT_EQ(EFER_SCE | EFER_LME | EFER_LMA, sregs.efer);
	EXPECT_EQ(TABLES, sregs.cr3);
	EXPECT_EQ(1, sregs.cs.l);
}

TEST_F(small, a_real_mode_guest_adds)
{
	struct kvm_sregs sregs;

	ASSERT_EQ(0, ioctl(self->vmm.vcpu, KVM_GET_SREGS, &sregs));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	ASSERT_EQ(0, ioctl(self->vmm.vcpu, KVM_SET_SREGS, &sregs));
	load(&self->vmm, add16, add16_end);
	ASSERT_EQ(0, set_regs(&self->vmm, 2, 3));
	expect_port_write(_metadata, &self->vmm, 0x3f8, 1, '5');
	expect_port_write(_metadata, &self->vmm, 0x3f8, 1, '\n');
	EXPECT_EQ(KVM_EXIT_HLT, run(&self->vmm));
}

TEST_F(small, a_64_bit_guest_runs_without_cpuid)
{
	ASSERT_EQ(0, enter_long_mode(&self->vmm));
	expect_long_mode(_metadata, &self->vmm);
	run_sum(_metadata, &self->vmm);
	expect_long_mode(_metadata, &self->vmm);
}

TEST_F(small, a_64_bit_guest_runs_with_cpuid_set_after_its_registers)
{
	ASSERT_EQ(0, enter_long_mode(&self->vmm));
	ASSERT_EQ(0, set_cpuid(&self->vmm));
	expect_long_mode(_metadata, &self->vmm);
	run_sum(_metadata, &self->vmm);
}

TEST_F(small, a_64_bit_guest_runs_with_cpuid_set_before_its_registers)
{
	ASSERT_EQ(0, set_cpuid(&self->vmm));
	ASSERT_EQ(0, enter_long_mode(&self->vmm));
	run_sum(_metadata, &self->vmm);
}

TEST_HARNESS_MAIN
