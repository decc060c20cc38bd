/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface of /dev/minivmm: numbers, layouts and rules of each call.
 *
 * Numbers and layouts are those of the KVM API, version 12, for x86-64; the
 * selftest api/abi proves it field by field. Our own additions are in the last
 * section and use another ioctl magic. Usable from kernel and userspace; needs
 * nothing but the two headers below.
 */
#ifndef _UAPI_MINIVMM_H
#define _UAPI_MINIVMM_H

#include <linux/types.h>
#include <linux/ioctl.h>

#ifdef __KERNEL__
#define __minivmm_user __user
#else
#define __minivmm_user
#endif

#define MINIVMM_API_VERSION		12
#define MINIVMMIO			0xAE

/* Pages of a vCPU's mapping: 0 is struct minivmm_run. */
#define MINIVMM_PIO_PAGE_OFFSET			1
#define MINIVMM_COALESCED_MMIO_PAGE_OFFSET	2
#define MINIVMM_DIRTY_LOG_PAGE_OFFSET		64

/*
 * Capabilities (MINIVMM_CHECK_EXTENSION).
 */
#define MINIVMM_CAP_IRQCHIP			0
#define MINIVMM_CAP_HLT				1
#define MINIVMM_CAP_MMU_SHADOW_CACHE_CONTROL	2
#define MINIVMM_CAP_USER_MEMORY			3
#define MINIVMM_CAP_SET_TSS_ADDR		4
#define MINIVMM_CAP_VAPIC			6
#define MINIVMM_CAP_EXT_CPUID			7
#define MINIVMM_CAP_CLOCKSOURCE			8
#define MINIVMM_CAP_NR_VCPUS			9
#define MINIVMM_CAP_NR_MEMSLOTS			10
#define MINIVMM_CAP_PIT				11
#define MINIVMM_CAP_NOP_IO_DELAY		12
#define MINIVMM_CAP_MP_STATE			14
#define MINIVMM_CAP_COALESCED_MMIO		15
#define MINIVMM_CAP_SYNC_MMU			16
#define MINIVMM_CAP_DESTROY_MEMORY_REGION_WORKS	21
#define MINIVMM_CAP_USER_NMI			22
#define MINIVMM_CAP_SET_GUEST_DEBUG		23
#define MINIVMM_CAP_REINJECT_CONTROL		24
#define MINIVMM_CAP_IRQ_ROUTING			25
#define MINIVMM_CAP_IRQ_INJECT_STATUS		26
#define MINIVMM_CAP_JOIN_MEMORY_REGIONS_WORKS	30
#define MINIVMM_CAP_MCE				31
#define MINIVMM_CAP_IRQFD			32
#define MINIVMM_CAP_PIT2			33
#define MINIVMM_CAP_SET_BOOT_CPU_ID		34
#define MINIVMM_CAP_PIT_STATE2			35
#define MINIVMM_CAP_IOEVENTFD			36
#define MINIVMM_CAP_SET_IDENTITY_MAP_ADDR	37
#define MINIVMM_CAP_XEN_HVM			38
#define MINIVMM_CAP_ADJUST_CLOCK		39
#define MINIVMM_CAP_INTERNAL_ERROR_DATA		40
#define MINIVMM_CAP_VCPU_EVENTS			41
#define MINIVMM_CAP_HYPERV			44
#define MINIVMM_CAP_PCI_SEGMENT			47
#define MINIVMM_CAP_INTR_SHADOW			49
#define MINIVMM_CAP_DEBUGREGS			50
#define MINIVMM_CAP_X86_ROBUST_SINGLESTEP	51
#define MINIVMM_CAP_ENABLE_CAP			54
#define MINIVMM_CAP_XSAVE			55
#define MINIVMM_CAP_XCRS			56
#define MINIVMM_CAP_ASYNC_PF			59
#define MINIVMM_CAP_TSC_CONTROL			60
#define MINIVMM_CAP_GET_TSC_KHZ			61
#define MINIVMM_CAP_MAX_VCPUS			66
#define MINIVMM_CAP_ONE_REG			70
#define MINIVMM_CAP_TSC_DEADLINE_TIMER		72
#define MINIVMM_CAP_SYNC_REGS			74
#define MINIVMM_CAP_KVMCLOCK_CTRL		76
#define MINIVMM_CAP_SIGNAL_MSI			77
#define MINIVMM_CAP_READONLY_MEM		81
#define MINIVMM_CAP_IRQFD_RESAMPLE		82
#define MINIVMM_CAP_DEVICE_CTRL			89
#define MINIVMM_CAP_EXT_EMUL_CPUID		95
#define MINIVMM_CAP_HYPERV_TIME			96
#define MINIVMM_CAP_IOAPIC_POLARITY_IGNORED	97
#define MINIVMM_CAP_ENABLE_CAP_VM		98
#define MINIVMM_CAP_IOEVENTFD_NO_LENGTH		100
#define MINIVMM_CAP_VM_ATTRIBUTES		101
#define MINIVMM_CAP_CHECK_EXTENSION_VM		105
#define MINIVMM_CAP_DISABLE_QUIRKS		116
#define MINIVMM_CAP_X86_SMM			117
#define MINIVMM_CAP_MULTI_ADDRESS_SPACE		118
#define MINIVMM_CAP_SPLIT_IRQCHIP		121
#define MINIVMM_CAP_IOEVENTFD_ANY_LENGTH	122
#define MINIVMM_CAP_VCPU_ATTRIBUTES		127
#define MINIVMM_CAP_MAX_VCPU_ID			128
#define MINIVMM_CAP_X2APIC_API			129
#define MINIVMM_CAP_MSI_DEVID			131
#define MINIVMM_CAP_IMMEDIATE_EXIT		136
#define MINIVMM_CAP_X86_DISABLE_EXITS		143
#define MINIVMM_CAP_GET_MSR_FEATURES		153
#define MINIVMM_CAP_NESTED_STATE		157
#define MINIVMM_CAP_MSR_PLATFORM_INFO		159
#define MINIVMM_CAP_COALESCED_PIO		162
#define MINIVMM_CAP_EXCEPTION_PAYLOAD		164
#define MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2	168
#define MINIVMM_CAP_PMU_EVENT_FILTER		173
#define MINIVMM_CAP_HALT_POLL			182
#define MINIVMM_CAP_ASYNC_PF_INT		183
#define MINIVMM_CAP_SMALLER_MAXPHYADDR		185
#define MINIVMM_CAP_STEAL_TIME			187
#define MINIVMM_CAP_X86_USER_SPACE_MSR		188
#define MINIVMM_CAP_X86_MSR_FILTER		189
#define MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID	190
#define MINIVMM_CAP_DIRTY_LOG_RING		192
#define MINIVMM_CAP_X86_BUS_LOCK_EXIT		193
#define MINIVMM_CAP_SET_GUEST_DEBUG2		195
#define MINIVMM_CAP_SREGS2			200
#define MINIVMM_CAP_EXIT_HYPERCALL		201
#define MINIVMM_CAP_BINARY_STATS_FD		203
#define MINIVMM_CAP_EXIT_ON_EMULATION_FAILURE	204
#define MINIVMM_CAP_VM_GPA_BITS			207
#define MINIVMM_CAP_XSAVE2			208
#define MINIVMM_CAP_SYS_ATTRIBUTES		209
#define MINIVMM_CAP_PMU_CAPABILITY		212
#define MINIVMM_CAP_DISABLE_QUIRKS2		213
#define MINIVMM_CAP_VM_TSC_CONTROL		214
#define MINIVMM_CAP_SYSTEM_EVENT_DATA		215
#define MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT	218
#define MINIVMM_CAP_X86_NOTIFY_VMEXIT		219
#define MINIVMM_CAP_VM_DISABLE_NX_HUGE_PAGES	220

struct minivmm_enable_cap {
	__u32 cap;
	__u32 flags;
	__u64 args[4];
	__u8 pad[64];
};

#define MINIVMM_X86_DISABLE_EXITS_MWAIT		(1 << 0)
#define MINIVMM_X86_DISABLE_EXITS_HLT		(1 << 1)
#define MINIVMM_X86_DISABLE_EXITS_PAUSE		(1 << 2)
#define MINIVMM_X86_DISABLE_EXITS_CSTATE	(1 << 3)

#define MINIVMM_X86_QUIRK_LINT0_REENABLED	(1 << 0)
#define MINIVMM_X86_QUIRK_CD_NW_CLEARED		(1 << 1)
#define MINIVMM_X86_QUIRK_LAPIC_MMIO_HOLE	(1 << 2)
#define MINIVMM_X86_QUIRK_OUT_7E_INC_RIP	(1 << 3)
#define MINIVMM_X86_QUIRK_MISC_ENABLE_NO_MWAIT	(1 << 4)
#define MINIVMM_X86_QUIRK_FIX_HYPERCALL_INSN	(1 << 5)
#define MINIVMM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS	(1 << 6)

#define MINIVMM_X2APIC_API_USE_32BIT_IDS		(1ULL << 0)
#define MINIVMM_X2APIC_API_DISABLE_BROADCAST_QUIRK	(1ULL << 1)

#define MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE	(1 << 0)
#define MINIVMM_DIRTY_LOG_INITIALLY_SET		(1 << 1)

#define MINIVMM_BUS_LOCK_DETECTION_OFF		(1 << 0)
#define MINIVMM_BUS_LOCK_DETECTION_EXIT		(1 << 1)

/* Registers. */

struct minivmm_regs {
	__u64 rax, rbx, rcx, rdx;
	__u64 rsi, rdi, rsp, rbp;
	__u64 r8, r9, r10, r11;
	__u64 r12, r13, r14, r15;
	__u64 rip, rflags;
};

struct minivmm_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u8 type;
	__u8 present, dpl, db, s, l, g, avl;
	__u8 unusable;
	__u8 padding;
};

struct minivmm_dtable {
	__u64 base;
	__u16 limit;
	__u16 padding[3];
};

#define MINIVMM_NR_INTERRUPTS	256

struct minivmm_sregs {
	struct minivmm_segment cs, ds, es, fs, gs, ss;
	struct minivmm_segment tr, ldt;
	struct minivmm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 apic_base;
	__u64 interrupt_bitmap[(MINIVMM_NR_INTERRUPTS + 63) / 64];
};

#define MINIVMM_SREGS2_FLAGS_PDPTRS_VALID	1

struct minivmm_sregs2 {
	struct minivmm_segment cs, ds, es, fs, gs, ss;
	struct minivmm_segment tr, ldt;
	struct minivmm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 apic_base;
	__u64 flags;
	__u64 pdptrs[4];
};

struct minivmm_fpu {
	__u8 fpr[8][16];
	__u16 fcw;
	__u16 fsw;
	__u8 ftwx;
	__u8 pad1;
	__u16 last_opcode;
	__u64 last_ip;
	__u64 last_dp;
	__u8 xmm[16][16];
	__u32 mxcsr;
	__u32 pad2;
};

struct minivmm_xsave {
	__u32 region[1024];
	__u32 extra[];
};

#define MINIVMM_MAX_XCRS	16

struct minivmm_xcr {
	__u32 xcr;
	__u32 reserved;
	__u64 value;
};

struct minivmm_xcrs {
	__u32 nr_xcrs;
	__u32 flags;
	struct minivmm_xcr xcrs[MINIVMM_MAX_XCRS];
	__u64 padding[16];
};

struct minivmm_debugregs {
	__u64 db[4];
	__u64 dr6;
	__u64 dr7;
	__u64 flags;
	__u64 reserved[9];
};

struct minivmm_msr_entry {
	__u32 index;
	__u32 reserved;
	__u64 data;
};

struct minivmm_msrs {
	__u32 nmsrs;
	__u32 pad;
	struct minivmm_msr_entry entries[];
};

struct minivmm_msr_list {
	__u32 nmsrs;
	__u32 indices[];
};

#define MINIVMM_MSR_FILTER_MAX_BITMAP_SIZE	0x600
#define MINIVMM_MSR_FILTER_MAX_RANGES		16
#define MINIVMM_MSR_FILTER_READ			(1 << 0)
#define MINIVMM_MSR_FILTER_WRITE		(1 << 1)
#define MINIVMM_MSR_FILTER_DEFAULT_ALLOW	(0 << 0)
#define MINIVMM_MSR_FILTER_DEFAULT_DENY		(1 << 0)

struct minivmm_msr_filter_range {
	__u32 flags;
	__u32 nmsrs;
	__u32 base;
	__u8 __minivmm_user *bitmap;
};

struct minivmm_msr_filter {
	__u32 flags;
	struct minivmm_msr_filter_range ranges[MINIVMM_MSR_FILTER_MAX_RANGES];
};

struct minivmm_cpuid_entry {
	__u32 function;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 padding;
};

struct minivmm_cpuid {
	__u32 nent;
	__u32 padding;
	struct minivmm_cpuid_entry entries[];
};

#define MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX	(1 << 0)
#define MINIVMM_CPUID_FLAG_STATEFUL_FUNC	(1 << 1)
#define MINIVMM_CPUID_FLAG_STATE_READ_NEXT	(1 << 2)

struct minivmm_cpuid_entry2 {
	__u32 function;
	__u32 index;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 padding[3];
};

struct minivmm_cpuid2 {
	__u32 nent;
	__u32 padding;
	struct minivmm_cpuid_entry2 entries[];
};

#define MINIVMM_APIC_REG_SIZE	0x400

struct minivmm_lapic_state {
	char regs[MINIVMM_APIC_REG_SIZE];
};

#define MINIVMM_MP_STATE_RUNNABLE	0
#define MINIVMM_MP_STATE_UNINITIALIZED	1
#define MINIVMM_MP_STATE_INIT_RECEIVED	2
#define MINIVMM_MP_STATE_HALTED		3
#define MINIVMM_MP_STATE_SIPI_RECEIVED	4

struct minivmm_mp_state {
	__u32 mp_state;
};

#define MINIVMM_VCPUEVENT_VALID_NMI_PENDING	0x00000001
#define MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR	0x00000002
#define MINIVMM_VCPUEVENT_VALID_SHADOW		0x00000004
#define MINIVMM_VCPUEVENT_VALID_SMM		0x00000008
#define MINIVMM_VCPUEVENT_VALID_PAYLOAD		0x00000010
#define MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT	0x00000020

#define MINIVMM_X86_SHADOW_INT_MOV_SS		0x01
#define MINIVMM_X86_SHADOW_INT_STI		0x02

struct minivmm_vcpu_events {
	struct {
		__u8 injected;
		__u8 nr;
		__u8 has_error_code;
		__u8 pending;
		__u32 error_code;
	} exception;
	struct {
		__u8 injected;
		__u8 nr;
		__u8 soft;
		__u8 shadow;
	} interrupt;
	struct {
		__u8 injected;
		__u8 pending;
		__u8 masked;
		__u8 pad;
	} nmi;
	__u32 sipi_vector;
	__u32 flags;
	struct {
		__u8 smm;
		__u8 pending;
		__u8 smm_inside_nmi;
		__u8 latched_init;
	} smi;
	struct {
		__u8 pending;
	} triple_fault;
	__u8 reserved[26];
	__u8 exception_has_payload;
	__u64 exception_payload;
};

struct minivmm_x86_mce {
	__u64 status;
	__u64 addr;
	__u64 misc;
	__u64 mcg_status;
	__u8 bank;
	__u8 pad1[7];
	__u64 pad2[3];
};

/* Debugging. */

#define MINIVMM_GUESTDBG_ENABLE		0x00000001
#define MINIVMM_GUESTDBG_SINGLESTEP	0x00000002
#define MINIVMM_GUESTDBG_USE_SW_BP	0x00010000
#define MINIVMM_GUESTDBG_USE_HW_BP	0x00020000
#define MINIVMM_GUESTDBG_INJECT_DB	0x00040000
#define MINIVMM_GUESTDBG_INJECT_BP	0x00080000
#define MINIVMM_GUESTDBG_BLOCKIRQ	0x00100000

struct minivmm_debug_exit_arch {
	__u32 exception;
	__u32 pad;
	__u64 pc;
	__u64 dr6;
	__u64 dr7;
};

struct minivmm_guest_debug_arch {
	__u64 debugreg[8];
};

struct minivmm_guest_debug {
	__u32 control;
	__u32 pad;
	struct minivmm_guest_debug_arch arch;
};

struct minivmm_translation {
	__u64 linear_address;
	__u64 physical_address;
	__u8 valid;
	__u8 writeable;
	__u8 usermode;
	__u8 pad[5];
};

/* The run page. */

#define MINIVMM_EXIT_UNKNOWN		0
#define MINIVMM_EXIT_EXCEPTION		1
#define MINIVMM_EXIT_IO			2
#define MINIVMM_EXIT_HYPERCALL		3
#define MINIVMM_EXIT_DEBUG		4
#define MINIVMM_EXIT_HLT		5
#define MINIVMM_EXIT_MMIO		6
#define MINIVMM_EXIT_IRQ_WINDOW_OPEN	7
#define MINIVMM_EXIT_SHUTDOWN		8
#define MINIVMM_EXIT_FAIL_ENTRY		9
#define MINIVMM_EXIT_INTR		10
#define MINIVMM_EXIT_SET_TPR		11
#define MINIVMM_EXIT_TPR_ACCESS		12
#define MINIVMM_EXIT_NMI		16
#define MINIVMM_EXIT_INTERNAL_ERROR	17
#define MINIVMM_EXIT_WATCHDOG		21
#define MINIVMM_EXIT_SYSTEM_EVENT	24
#define MINIVMM_EXIT_IOAPIC_EOI		26
#define MINIVMM_EXIT_X86_RDMSR		29
#define MINIVMM_EXIT_X86_WRMSR		30
#define MINIVMM_EXIT_DIRTY_RING_FULL	31
#define MINIVMM_EXIT_AP_RESET_HOLD	32
#define MINIVMM_EXIT_X86_BUS_LOCK	33
#define MINIVMM_EXIT_NOTIFY		37

#define MINIVMM_EXIT_IO_IN		0
#define MINIVMM_EXIT_IO_OUT		1

#define MINIVMM_INTERNAL_ERROR_EMULATION		1
#define MINIVMM_INTERNAL_ERROR_SIMUL_EX			2
#define MINIVMM_INTERNAL_ERROR_DELIVERY_EV		3
#define MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON	4

#define MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES	(1ULL << 0)

#define MINIVMM_SYSTEM_EVENT_SHUTDOWN	1
#define MINIVMM_SYSTEM_EVENT_RESET	2
#define MINIVMM_SYSTEM_EVENT_CRASH	3
#define MINIVMM_SYSTEM_EVENT_WAKEUP	4
#define MINIVMM_SYSTEM_EVENT_SUSPEND	5

#define MINIVMM_MSR_EXIT_REASON_INVAL	(1 << 0)
#define MINIVMM_MSR_EXIT_REASON_UNKNOWN	(1 << 1)
#define MINIVMM_MSR_EXIT_REASON_FILTER	(1 << 2)

#define MINIVMM_NOTIFY_CONTEXT_INVALID	(1 << 0)

#define MINIVMM_RUN_X86_SMM		(1 << 0)
#define MINIVMM_RUN_X86_BUS_LOCK	(1 << 1)

#define MINIVMM_SYNC_X86_REGS		(1UL << 0)
#define MINIVMM_SYNC_X86_SREGS		(1UL << 1)
#define MINIVMM_SYNC_X86_EVENTS		(1UL << 2)
#define MINIVMM_SYNC_X86_VALID_FIELDS	\
	(MINIVMM_SYNC_X86_REGS | MINIVMM_SYNC_X86_SREGS | MINIVMM_SYNC_X86_EVENTS)
#define MINIVMM_SYNC_REGS_SIZE_BYTES	2048

struct minivmm_sync_regs {
	struct minivmm_regs regs;
	struct minivmm_sregs sregs;
	struct minivmm_vcpu_events events;
};

struct minivmm_run {
	__u8 request_interrupt_window;
	__u8 immediate_exit;
	__u8 padding1[6];

	__u32 exit_reason;
	__u8 ready_for_interrupt_injection;
	__u8 if_flag;
	__u16 flags;

	__u64 cr8;
	__u64 apic_base;

	union {
		struct {
			__u64 hardware_exit_reason;
		} hw;
		struct {
			__u64 hardware_entry_failure_reason;
			__u32 cpu;
		} fail_entry;
		struct {
			__u32 exception;
			__u32 error_code;
		} ex;
		struct {
			__u8 direction;
			__u8 size;
			__u16 port;
			__u32 count;
			__u64 data_offset;
		} io;
		struct {
			struct minivmm_debug_exit_arch arch;
		} debug;
		struct {
			__u64 phys_addr;
			__u8 data[8];
			__u32 len;
			__u8 is_write;
		} mmio;
		struct {
			__u64 nr;
			__u64 args[6];
			__u64 ret;
			__u32 longmode;
			__u32 pad;
		} hypercall;
		struct {
			__u64 rip;
			__u32 is_write;
			__u32 pad;
		} tpr_access;
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 data[16];
		} internal;
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 flags;
			__u8 insn_size;
			__u8 insn_bytes[15];
		} emulation_failure;
		struct {
			__u32 type;
			__u32 ndata;
			union {
				__u64 flags;
				__u64 data[16];
			};
		} system_event;
		struct {
			__u8 vector;
		} eoi;
		struct {
			__u8 error;
			__u8 pad[7];
			__u32 reason;
			__u32 index;
			__u64 data;
		} msr;
		struct {
			__u32 flags;
		} notify;
		char padding[256];
	};

	__u64 kvm_valid_regs;
	__u64 kvm_dirty_regs;
	union {
		struct minivmm_sync_regs regs;
		char padding[MINIVMM_SYNC_REGS_SIZE_BYTES];
	} s;
};

struct minivmm_coalesced_mmio_zone {
	__u64 addr;
	__u32 size;
	union {
		__u32 pad;
		__u32 pio;
	};
};

struct minivmm_coalesced_mmio {
	__u64 phys_addr;
	__u32 len;
	union {
		__u32 pad;
		__u32 pio;
	};
	__u8 data[8];
};

struct minivmm_coalesced_mmio_ring {
	__u32 first, last;
	struct minivmm_coalesced_mmio coalesced_mmio[];
};

#define MINIVMM_COALESCED_MMIO_MAX	\
	((4096 - sizeof(struct minivmm_coalesced_mmio_ring)) / \
	 sizeof(struct minivmm_coalesced_mmio))

#define MINIVMM_DIRTY_GFN_F_DIRTY	(1UL << 0)
#define MINIVMM_DIRTY_GFN_F_RESET	(1UL << 1)
#define MINIVMM_DIRTY_GFN_F_MASK	0x3

struct minivmm_dirty_gfn {
	__u32 flags;
	__u32 slot;
	__u64 offset;
};

struct minivmm_interrupt {
	__u32 irq;
};

struct minivmm_signal_mask {
	__u32 len;
	__u8 sigset[];
};

struct minivmm_tpr_access_ctl {
	__u32 enabled;
	__u32 flags;
	__u32 reserved[8];
};

struct minivmm_vapic_addr {
	__u64 vapic_addr;
};

/* Guest memory. */

#define MINIVMM_MEM_LOG_DIRTY_PAGES	(1UL << 0)
#define MINIVMM_MEM_READONLY		(1UL << 1)

struct minivmm_userspace_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
};

struct minivmm_dirty_log {
	__u32 slot;
	__u32 padding1;
	union {
		void __minivmm_user *dirty_bitmap;
		__u64 padding2;
	};
};

struct minivmm_clear_dirty_log {
	__u32 slot;
	__u32 num_pages;
	__u64 first_page;
	union {
		void __minivmm_user *dirty_bitmap;
		__u64 padding2;
	};
};

/* Interrupt controllers, timer, clock. */

struct minivmm_irq_level {
	union {
		__u32 irq;
		__s32 status;
	};
	__u32 level;
};

struct minivmm_pic_state {
	__u8 last_irr;
	__u8 irr;
	__u8 imr;
	__u8 isr;
	__u8 priority_add;
	__u8 irq_base;
	__u8 read_reg_select;
	__u8 poll;
	__u8 special_mask;
	__u8 init_state;
	__u8 auto_eoi;
	__u8 rotate_on_auto_eoi;
	__u8 special_fully_nested_mode;
	__u8 init4;
	__u8 elcr;
	__u8 elcr_mask;
};

#define MINIVMM_IOAPIC_NUM_PINS		24

struct minivmm_ioapic_state {
	__u64 base_address;
	__u32 ioregsel;
	__u32 id;
	__u32 irr;
	__u32 pad;
	union {
		__u64 bits;
		struct {
			__u8 vector;
			__u8 delivery_mode:3;
			__u8 dest_mode:1;
			__u8 delivery_status:1;
			__u8 polarity:1;
			__u8 remote_irr:1;
			__u8 trig_mode:1;
			__u8 mask:1;
			__u8 reserve:7;
			__u8 reserved[4];
			__u8 dest_id;
		} fields;
	} redirtbl[MINIVMM_IOAPIC_NUM_PINS];
};

#define MINIVMM_IRQCHIP_PIC_MASTER	0
#define MINIVMM_IRQCHIP_PIC_SLAVE	1
#define MINIVMM_IRQCHIP_IOAPIC		2
#define MINIVMM_NR_IRQCHIPS		3

struct minivmm_irqchip {
	__u32 chip_id;
	__u32 pad;
	union {
		char dummy[512];
		struct minivmm_pic_state pic;
		struct minivmm_ioapic_state ioapic;
	} chip;
};

#define MINIVMM_PIT_SPEAKER_DUMMY	1

struct minivmm_pit_config {
	__u32 flags;
	__u32 pad[15];
};

struct minivmm_pit_channel_state {
	__u32 count;
	__u16 latched_count;
	__u8 count_latched;
	__u8 status_latched;
	__u8 status;
	__u8 read_state;
	__u8 write_state;
	__u8 write_latch;
	__u8 rw_mode;
	__u8 mode;
	__u8 bcd;
	__u8 gate;
	__s64 count_load_time;
};

struct minivmm_pit_state {
	struct minivmm_pit_channel_state channels[3];
};

#define MINIVMM_PIT_FLAGS_HPET_LEGACY		0x00000001
#define MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON	0x00000002

struct minivmm_pit_state2 {
	struct minivmm_pit_channel_state channels[3];
	__u32 flags;
	__u32 reserved[9];
};

struct minivmm_reinject_control {
	__u8 pit_reinject;
	__u8 reserved[31];
};

#define MINIVMM_IRQ_ROUTING_IRQCHIP	1
#define MINIVMM_IRQ_ROUTING_MSI		2

struct minivmm_irq_routing_irqchip {
	__u32 irqchip;
	__u32 pin;
};

struct minivmm_irq_routing_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	union {
		__u32 pad;
		__u32 devid;
	};
};

struct minivmm_irq_routing_entry {
	__u32 gsi;
	__u32 type;
	__u32 flags;
	__u32 pad;
	union {
		struct minivmm_irq_routing_irqchip irqchip;
		struct minivmm_irq_routing_msi msi;
		__u32 pad[8];
	} u;
};

struct minivmm_irq_routing {
	__u32 nr;
	__u32 flags;
	struct minivmm_irq_routing_entry entries[];
};

#define MINIVMM_MSI_VALID_DEVID		(1U << 0)

struct minivmm_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	__u32 flags;
	__u32 devid;
	__u8 pad[12];
};

#define MINIVMM_IRQFD_FLAG_DEASSIGN	(1 << 0)
#define MINIVMM_IRQFD_FLAG_RESAMPLE	(1 << 1)

struct minivmm_irqfd {
	__u32 fd;
	__u32 gsi;
	__u32 flags;
	__u32 resamplefd;
	__u8 pad[16];
};

#define MINIVMM_IOEVENTFD_FLAG_DATAMATCH	(1 << 0)
#define MINIVMM_IOEVENTFD_FLAG_PIO		(1 << 1)
#define MINIVMM_IOEVENTFD_FLAG_DEASSIGN		(1 << 2)

struct minivmm_ioeventfd {
	__u64 datamatch;
	__u64 addr;
	__u32 len;
	__s32 fd;
	__u32 flags;
	__u8 pad[36];
};

#define MINIVMM_CLOCK_TSC_STABLE	2
#define MINIVMM_CLOCK_REALTIME		(1 << 2)
#define MINIVMM_CLOCK_HOST_TSC		(1 << 3)

struct minivmm_clock_data {
	__u64 clock;
	__u32 flags;
	__u32 pad0;
	__u64 realtime;
	__u64 host_tsc;
	__u32 pad[4];
};

/* Device attributes. */

struct minivmm_create_device {
	__u32 type;
	__u32 fd;
	__u32 flags;
};

struct minivmm_device_attr {
	__u32 flags;
	__u32 group;
	__u64 attr;
	__u64 addr;
};

#define MINIVMM_VCPU_TSC_CTRL		0
#define MINIVMM_VCPU_TSC_OFFSET		0
#define MINIVMM_X86_XCOMP_GUEST_SUPP	0

/* Calls on /dev/minivmm. */

#define MINIVMM_GET_API_VERSION		_IO(MINIVMMIO, 0x00)
#define MINIVMM_CREATE_VM		_IO(MINIVMMIO, 0x01)
#define MINIVMM_GET_MSR_INDEX_LIST	_IOWR(MINIVMMIO, 0x02, struct minivmm_msr_list)
#define MINIVMM_CHECK_EXTENSION		_IO(MINIVMMIO, 0x03)
#define MINIVMM_GET_VCPU_MMAP_SIZE	_IO(MINIVMMIO, 0x04)
#define MINIVMM_GET_SUPPORTED_CPUID	_IOWR(MINIVMMIO, 0x05, struct minivmm_cpuid2)
#define MINIVMM_GET_EMULATED_CPUID	_IOWR(MINIVMMIO, 0x09, struct minivmm_cpuid2)
#define MINIVMM_GET_MSR_FEATURE_INDEX_LIST	_IOWR(MINIVMMIO, 0x0a, struct minivmm_msr_list)
#define MINIVMM_X86_GET_MCE_CAP_SUPPORTED	_IOR(MINIVMMIO, 0x9d, __u64)

/* Calls on a VM. */

#define MINIVMM_CREATE_VCPU		_IO(MINIVMMIO, 0x41)
#define MINIVMM_GET_DIRTY_LOG		_IOW(MINIVMMIO, 0x42, struct minivmm_dirty_log)
#define MINIVMM_SET_NR_MMU_PAGES	_IO(MINIVMMIO, 0x44)
#define MINIVMM_GET_NR_MMU_PAGES	_IO(MINIVMMIO, 0x45)
#define MINIVMM_SET_USER_MEMORY_REGION	\
	_IOW(MINIVMMIO, 0x46, struct minivmm_userspace_memory_region)
#define MINIVMM_SET_TSS_ADDR		_IO(MINIVMMIO, 0x47)
#define MINIVMM_SET_IDENTITY_MAP_ADDR	_IOW(MINIVMMIO, 0x48, __u64)
#define MINIVMM_CREATE_IRQCHIP		_IO(MINIVMMIO, 0x60)
#define MINIVMM_IRQ_LINE		_IOW(MINIVMMIO, 0x61, struct minivmm_irq_level)
#define MINIVMM_GET_IRQCHIP		_IOWR(MINIVMMIO, 0x62, struct minivmm_irqchip)
#define MINIVMM_SET_IRQCHIP		_IOR(MINIVMMIO, 0x63, struct minivmm_irqchip)
#define MINIVMM_CREATE_PIT		_IO(MINIVMMIO, 0x64)
#define MINIVMM_GET_PIT			_IOWR(MINIVMMIO, 0x65, struct minivmm_pit_state)
#define MINIVMM_SET_PIT			_IOR(MINIVMMIO, 0x66, struct minivmm_pit_state)
#define MINIVMM_IRQ_LINE_STATUS		_IOWR(MINIVMMIO, 0x67, struct minivmm_irq_level)
#define MINIVMM_REGISTER_COALESCED_MMIO	\
	_IOW(MINIVMMIO, 0x67, struct minivmm_coalesced_mmio_zone)
#define MINIVMM_UNREGISTER_COALESCED_MMIO	\
	_IOW(MINIVMMIO, 0x68, struct minivmm_coalesced_mmio_zone)
#define MINIVMM_SET_GSI_ROUTING		_IOW(MINIVMMIO, 0x6a, struct minivmm_irq_routing)
#define MINIVMM_REINJECT_CONTROL	_IO(MINIVMMIO, 0x71)
#define MINIVMM_IRQFD			_IOW(MINIVMMIO, 0x76, struct minivmm_irqfd)
#define MINIVMM_CREATE_PIT2		_IOW(MINIVMMIO, 0x77, struct minivmm_pit_config)
#define MINIVMM_SET_BOOT_CPU_ID		_IO(MINIVMMIO, 0x78)
#define MINIVMM_IOEVENTFD		_IOW(MINIVMMIO, 0x79, struct minivmm_ioeventfd)
#define MINIVMM_SET_CLOCK		_IOW(MINIVMMIO, 0x7b, struct minivmm_clock_data)
#define MINIVMM_GET_CLOCK		_IOR(MINIVMMIO, 0x7c, struct minivmm_clock_data)
#define MINIVMM_GET_PIT2		_IOR(MINIVMMIO, 0x9f, struct minivmm_pit_state2)
#define MINIVMM_SET_PIT2		_IOW(MINIVMMIO, 0xa0, struct minivmm_pit_state2)
#define MINIVMM_SET_TSC_KHZ		_IO(MINIVMMIO, 0xa2)
#define MINIVMM_GET_TSC_KHZ		_IO(MINIVMMIO, 0xa3)
#define MINIVMM_SIGNAL_MSI		_IOW(MINIVMMIO, 0xa5, struct minivmm_msi)
#define MINIVMM_CLEAR_DIRTY_LOG		_IOWR(MINIVMMIO, 0xc0, struct minivmm_clear_dirty_log)
#define MINIVMM_X86_SET_MSR_FILTER	_IOW(MINIVMMIO, 0xc6, struct minivmm_msr_filter)
#define MINIVMM_RESET_DIRTY_RINGS	_IO(MINIVMMIO, 0xc7)
#define MINIVMM_CREATE_DEVICE		_IOWR(MINIVMMIO, 0xe0, struct minivmm_create_device)

/* Calls on a vCPU. */

#define MINIVMM_RUN			_IO(MINIVMMIO, 0x80)
#define MINIVMM_GET_REGS		_IOR(MINIVMMIO, 0x81, struct minivmm_regs)
#define MINIVMM_SET_REGS		_IOW(MINIVMMIO, 0x82, struct minivmm_regs)
#define MINIVMM_GET_SREGS		_IOR(MINIVMMIO, 0x83, struct minivmm_sregs)
#define MINIVMM_SET_SREGS		_IOW(MINIVMMIO, 0x84, struct minivmm_sregs)
#define MINIVMM_TRANSLATE		_IOWR(MINIVMMIO, 0x85, struct minivmm_translation)
#define MINIVMM_INTERRUPT		_IOW(MINIVMMIO, 0x86, struct minivmm_interrupt)
#define MINIVMM_GET_MSRS		_IOWR(MINIVMMIO, 0x88, struct minivmm_msrs)
#define MINIVMM_SET_MSRS		_IOW(MINIVMMIO, 0x89, struct minivmm_msrs)
#define MINIVMM_SET_CPUID		_IOW(MINIVMMIO, 0x8a, struct minivmm_cpuid)
#define MINIVMM_SET_SIGNAL_MASK		_IOW(MINIVMMIO, 0x8b, struct minivmm_signal_mask)
#define MINIVMM_GET_FPU			_IOR(MINIVMMIO, 0x8c, struct minivmm_fpu)
#define MINIVMM_SET_FPU			_IOW(MINIVMMIO, 0x8d, struct minivmm_fpu)
#define MINIVMM_GET_LAPIC		_IOR(MINIVMMIO, 0x8e, struct minivmm_lapic_state)
#define MINIVMM_SET_LAPIC		_IOW(MINIVMMIO, 0x8f, struct minivmm_lapic_state)
#define MINIVMM_SET_CPUID2		_IOW(MINIVMMIO, 0x90, struct minivmm_cpuid2)
#define MINIVMM_GET_CPUID2		_IOWR(MINIVMMIO, 0x91, struct minivmm_cpuid2)
#define MINIVMM_TPR_ACCESS_REPORTING	_IOWR(MINIVMMIO, 0x92, struct minivmm_tpr_access_ctl)
#define MINIVMM_SET_VAPIC_ADDR		_IOW(MINIVMMIO, 0x93, struct minivmm_vapic_addr)
#define MINIVMM_GET_MP_STATE		_IOR(MINIVMMIO, 0x98, struct minivmm_mp_state)
#define MINIVMM_SET_MP_STATE		_IOW(MINIVMMIO, 0x99, struct minivmm_mp_state)
#define MINIVMM_NMI			_IO(MINIVMMIO, 0x9a)
#define MINIVMM_SET_GUEST_DEBUG		_IOW(MINIVMMIO, 0x9b, struct minivmm_guest_debug)
#define MINIVMM_X86_SETUP_MCE		_IOW(MINIVMMIO, 0x9c, __u64)
#define MINIVMM_X86_SET_MCE		_IOW(MINIVMMIO, 0x9e, struct minivmm_x86_mce)
#define MINIVMM_GET_VCPU_EVENTS		_IOR(MINIVMMIO, 0x9f, struct minivmm_vcpu_events)
#define MINIVMM_SET_VCPU_EVENTS		_IOW(MINIVMMIO, 0xa0, struct minivmm_vcpu_events)
#define MINIVMM_GET_DEBUGREGS		_IOR(MINIVMMIO, 0xa1, struct minivmm_debugregs)
#define MINIVMM_SET_DEBUGREGS		_IOW(MINIVMMIO, 0xa2, struct minivmm_debugregs)
#define MINIVMM_ENABLE_CAP		_IOW(MINIVMMIO, 0xa3, struct minivmm_enable_cap)
#define MINIVMM_GET_XSAVE		_IOR(MINIVMMIO, 0xa4, struct minivmm_xsave)
#define MINIVMM_SET_XSAVE		_IOW(MINIVMMIO, 0xa5, struct minivmm_xsave)
#define MINIVMM_GET_XCRS		_IOR(MINIVMMIO, 0xa6, struct minivmm_xcrs)
#define MINIVMM_SET_XCRS		_IOW(MINIVMMIO, 0xa7, struct minivmm_xcrs)
#define MINIVMM_KVMCLOCK_CTRL		_IO(MINIVMMIO, 0xad)
#define MINIVMM_SMI			_IO(MINIVMMIO, 0xb7)
#define MINIVMM_GET_SREGS2		_IOR(MINIVMMIO, 0xcc, struct minivmm_sregs2)
#define MINIVMM_SET_SREGS2		_IOW(MINIVMMIO, 0xcd, struct minivmm_sregs2)
#define MINIVMM_GET_STATS_FD		_IO(MINIVMMIO, 0xce)
#define MINIVMM_GET_XSAVE2		_IOR(MINIVMMIO, 0xcf, struct minivmm_xsave)
#define MINIVMM_SET_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe1, struct minivmm_device_attr)
#define MINIVMM_GET_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe2, struct minivmm_device_attr)
#define MINIVMM_HAS_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe3, struct minivmm_device_attr)

/* Our own additions. */

#define MINIVMMXIO			0xBE

/* 1 on our device, 0 on KVM's: tells that the calls of this section exist. */
#define MINIVMM_CAP_MINIVMM		0x4D560001

/* minivmm_last_error.source of a VM entry that was refused by the CPU or by us. */
#define MINIVMM_ERROR_SOURCE_ENTRY	0

/*
 * Why the latest refused call on this VM or vCPU was refused.
 *
 * @size:   in: bytes the caller provides, at least 16; out: bytes the kernel knows.
 * @code:   errno of the refusal, positive; 0: nothing was refused so far.
 * @source: number of the refused ioctl, or MINIVMM_ERROR_SOURCE_ENTRY.
 * @index:  for calls that take an array: the element refused.
 * @value:  the value that was refused, where it is one number.
 * @field:  name of the refused field, NUL-terminated.
 * @rule:   the rule that was broken, one sentence, NUL-terminated.
 */
struct minivmm_last_error {
	__u32 size;
	__u32 code;
	__u32 source;
	__u32 index;
	__u64 value;
	char field[32];
	char rule[160];
};

#define MINIVMM_GET_LAST_ERROR		_IO(MINIVMMXIO, 0x00)

#endif /* _UAPI_MINIVMM_H */
