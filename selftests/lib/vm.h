/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMM side of a selftest: a device, a VM with memory, its vCPUs.
 *
 * Set-up steps that any working device grants end the test with a message when
 * they fail; what a test is about it calls itself, by call(), and compares the
 * result with a value or -errno.
 *
 * The device is $MINIVMM_DEVICE, by default /dev/minivmm; naming /dev/kvm runs
 * the same tests on the reference.
 */
#ifndef SELFTEST_VM_H
#define SELFTEST_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include <minivmm.h>

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* ioctl() that returns the result or -errno. */
#define call(fd, nr, arg)	call_ioctl(fd, nr, (unsigned long)(arg))
long call_ioctl(int fd, unsigned long nr, unsigned long arg);

/* Prints the reason and ends the test as failed. */
void fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

const char *device_path(void);

/* A new file descriptor of the device. */
int device_open(void);

/* True on minivmm, false on the reference. */
bool device_is_minivmm(int device);

/* The last refusal that the device's object @fd (VM or vCPU) recorded; minivmm only. */
struct minivmm_last_error last_error(int fd);

/* The CPU's vendor: what VMX demands of a state is more than what SVM does. */
bool host_is_intel(void);
/* Whether it is an emulated one of QEMU's: "TCGTCGTCGTCG". */
bool host_is_qemu(void);

/* Value of a capability on the device or VM @fd. */
long capability(int fd, __u32 cap);

struct vm {
	int device;
	int fd;
	__u8 *memory;		/* guest physical 0 */
	size_t size;
	bool irqchip;
};

/*
 * Creates a VM with @size bytes of anonymous memory in slot 0 at guest physical
 * address 0; no memory and no slot if @size is 0.
 */
void vm_init(struct vm *vm, size_t size);

/* Closes the VM and unmaps its memory; the vCPUs must be freed before. */
void vm_free(struct vm *vm);

/* Adds the in-kernel interrupt controllers and the PIT; before any vCPU. */
void vm_add_irqchip(struct vm *vm);

/* SET_USER_MEMORY_REGION; 0 or -errno. */
long vm_set_slot(struct vm *vm, __u32 slot, __u32 flags, __u64 gpa, __u64 size, void *memory);

/* Copies to guest physical @gpa, which is in slot 0. */
void vm_write(struct vm *vm, __u64 gpa, const void *data, size_t size);

/* Sets a line of the interrupt controllers; 0 or -errno. */
long vm_irq_line(struct vm *vm, __u32 gsi, int level);

/* Loads the entry of one pin of the I/O APIC; ends the test if it is refused. */
void vm_set_pin(struct vm *vm, int pin, __u64 entry);

/* Adds 1 to an eventfd. */
void signal_event(int fd);

/* CLOCK_MONOTONIC. */
__u64 now_ns(void);

/* Anonymous, zeroed memory, page-aligned; ends the test if there is none. */
void *map_anonymous(size_t size);

struct vcpu {
	struct vm *vm;
	int fd;
	__u32 id;
	struct minivmm_run *run;
	size_t run_size;

	/* program.h */
	pthread_t thread;
	long end;
	__u32 result;
};

void vcpu_init(struct vcpu *vcpu, struct vm *vm, __u32 id);
void vcpu_free(struct vcpu *vcpu);

/* RUN once; 0 or -errno. */
long vcpu_run(struct vcpu *vcpu);

struct minivmm_regs vcpu_regs(struct vcpu *vcpu);
void vcpu_set_regs(struct vcpu *vcpu, const struct minivmm_regs *regs);
struct minivmm_sregs vcpu_sregs(struct vcpu *vcpu);
void vcpu_set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs);

/* Reads one MSR; ends the test if it is refused. */
__u64 vcpu_msr(struct vcpu *vcpu, __u32 index);

/* Writes one MSR; the number of MSRs written, 0 or 1, or -errno. */
long vcpu_set_msr(struct vcpu *vcpu, __u32 index, __u64 value);

/* A counter as it is now, of a file of GET_STATS_FD; ends the test if there is none of that name. */
__u64 stats_counter(int fd, const char *name);

/* The same, of the VM or vCPU whose descriptor @object is. */
__u64 object_counter(int object, const char *name);

/* The device's GET_SUPPORTED_CPUID; free() it. */
struct minivmm_cpuid2 *supported_cpuid(int device);

/* Gives the vCPU the supported CPUID with its own APIC id. */
void vcpu_set_supported_cpuid(struct vcpu *vcpu);

/*
 * Adds the local APIC's deadline timer to the vCPU's CPUID: a capability offers it, the
 * supported CPUID leaves it to the VMM.
 */
void vcpu_add_deadline_timer(struct vcpu *vcpu);

/* Turns the vCPU's local APIC on, by its spurious-vector register. */
void vcpu_enable_apic(struct vcpu *vcpu);

#endif
