/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface of /dev/minivmm: numbers, layouts and rules of each call.
 *
 * Numbers and layouts are those of the KVM API, version 12, for x86-64; the
 * selftest api/abi proves it field by field. Our own additions are in the last
 * section and use another ioctl magic. Usable from kernel and userspace; needs
 * nothing but the two headers below. Structures come first, calls after them.
 *
 * Three kinds of file take calls: the device, a VM (from CREATE_VM) and a vCPU
 * (from CREATE_VCPU). A VM and its vCPUs belong to the process that created the
 * VM, and live until the last of their files is closed; closing order is free.
 *
 * "Since" names the capability that announces a call; a call whose capability is
 * 0 is not there. Reserved fields and paddings are written as 0. Errors below
 * are those with a cause of their own; any call can also fail with
 *
 *   EFAULT  a pointer does not lead to memory of the process
 *   EIO     another process than the VM's owner calls, or the VM hit a bug
 *   EINTR   a fatal signal came while waiting for the vCPU, which another thread uses
 *   ENOMEM  the kernel, or the caller's cgroup, has no memory left
 *   ENOTTY  no such call on this kind of file
 *
 * MINIVMM_GET_LAST_ERROR tells which field broke which rule.
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

/*
 * Pages of a vCPU file's mapping; page 0 is struct minivmm_run. Mapped with
 * MAP_SHARED; the pages outlive the file for as long as they are mapped. An
 * offset without a page raises SIGBUS when touched, or is refused by mmap().
 */
#define MINIVMM_PIO_PAGE_OFFSET			1
#define MINIVMM_COALESCED_MMIO_PAGE_OFFSET	2
#define MINIVMM_DIRTY_LOG_PAGE_OFFSET		64

/*
 * Capabilities, for MINIVMM_CHECK_EXTENSION. 0 is "no", 1 "yes"; some say more:
 *
 *   NR_VCPUS            how many vCPUs of one VM still run well on this host
 *   MAX_VCPUS           how many vCPUs a VM can have
 *   MAX_VCPU_ID         vCPU ids are below this
 *   NR_MEMSLOTS         slots per address space; slot numbers are below this
 *   MULTI_ADDRESS_SPACE number of address spaces: 0 is the normal one, 1 is SMM's
 *   IRQ_ROUTING         GSI numbers are below this, and routes are no more
 *   XSAVE2              size in bytes of what GET_XSAVE2 writes and SET_XSAVE reads
 *   ADJUST_CLOCK        MINIVMM_CLOCK_ flags that GET_CLOCK can set
 *   MCE                 most banks that X86_SETUP_MCE takes
 *   COALESCED_MMIO      page of the ring in the vCPU's mapping
 *   MANUAL_DIRTY_LOG_PROTECT2, X86_DISABLE_EXITS, DISABLE_QUIRKS2
 *                       the flags that ENABLE_CAP accepts
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

/*
 * @cap:   a MINIVMM_CAP_ that can be enabled.
 * @flags: 0.
 * @args:  by capability; what is not used is 0.
 */
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

/*
 * Registers.
 */

/* All 64 bits wide in every mode; bit 1 of rflags reads 1. */
struct minivmm_regs {
	__u64 rax, rbx, rcx, rdx;
	__u64 rsi, rdi, rsp, rbp;
	__u64 r8, r9, r10, r11;
	__u64 r12, r13, r14, r15;
	__u64 rip, rflags;
};

/*
 * A segment register with its hidden part, attributes as in the descriptor.
 *
 * @limit:    in bytes whatever @g says.
 * @unusable: 1: a null selector was loaded; the other attributes do not count.
 */
struct minivmm_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u8 type;
	__u8 present, dpl, db, s, l, g, avl;
	__u8 unusable;
	__u8 padding;
};

/* GDTR or IDTR; @limit is the offset of the last byte. */
struct minivmm_dtable {
	__u64 base;
	__u16 limit;
	__u16 padding[3];
};

#define MINIVMM_NR_INTERRUPTS	256

/*
 * @cr8:       task priority, 0 to 15. Without in-kernel local APIC RUN takes it from the run page.
 * @apic_base: IA32_APIC_BASE.
 * @interrupt_bitmap: at most one bit, an interrupt accepted but not yet delivered.
 */
struct minivmm_sregs {
	struct minivmm_segment cs, ds, es, fs, gs, ss;
	struct minivmm_segment tr, ldt;
	struct minivmm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 apic_base;
	__u64 interrupt_bitmap[(MINIVMM_NR_INTERRUPTS + 63) / 64];
};

/* @pdptrs hold the guest's PAE page-directory pointers; else they are read from its memory. */
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

/* The FXSAVE image, rearranged; @ftwx is the abridged tag word: bit n set, register n in use. */
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

/*
 * The XSAVE image in the standard format: legacy area, header at byte 512, then
 * each component where the host's CPUID leaf 0xD says. @extra: see CAP_XSAVE2.
 */
struct minivmm_xsave {
	__u32 region[1024];
	__u32 extra[];
};

#define MINIVMM_MAX_XCRS	16

/* @xcr: number of the register, 0 for XCR0. */
struct minivmm_xcr {
	__u32 xcr;
	__u32 reserved;
	__u64 value;
};

/* @nr_xcrs: entries used. @flags: 0. */
struct minivmm_xcrs {
	__u32 nr_xcrs;
	__u32 flags;
	struct minivmm_xcr xcrs[MINIVMM_MAX_XCRS];
	__u64 padding[16];
};

/* @db: DR0 to DR3. @flags: 0. Upper halves of @dr6 and @dr7 are 0. */
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

/*
 * A file of GET_STATS_FD begins with this, and has three blocks at these offsets: the name of
 * the VM or vCPU (@name_size bytes), @num_desc descriptors of @name_size bytes more than the
 * structure below, and the data. All but the data stays as it is.
 */
struct minivmm_stats_header {
	__u32 flags;		/* 0 */
	__u32 name_size;
	__u32 num_desc;
	__u32 id_offset;
	__u32 desc_offset;
	__u32 data_offset;
};

/* The lowest bits of minivmm_stats_desc.flags; those above, unit and base, are 0: plain numbers. */
#define MINIVMM_STATS_TYPE_CUMULATIVE	0	/* only grows */
#define MINIVMM_STATS_TYPE_INSTANT	1	/* of this moment */

/* @size: how many __u64 values, at @offset into the data; @name is NUL-terminated. */
struct minivmm_stats_desc {
	__u32 flags;
	__s16 exponent;		/* 0 */
	__u16 size;
	__u32 offset;
	__u32 bucket_size;	/* 0 */
	char name[];
};

/* @nmsrs: entries that follow, at most 255. */
struct minivmm_msrs {
	__u32 nmsrs;
	__u32 pad;
	struct minivmm_msr_entry entries[];
};

/* @nmsrs: in: room in @indices; out: how many there are. */
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

/*
 * @flags:  accesses the range is about, MINIVMM_MSR_FILTER_READ and _WRITE.
 * @bitmap: one bit per MSR from @base on; 1 lets the access through.
 */
struct minivmm_msr_filter_range {
	__u32 flags;
	__u32 nmsrs;
	__u32 base;
	__u8 __minivmm_user *bitmap;
};

/* @flags: what happens to MSRs in no range. Ranges with @nmsrs 0 are unused. */
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

/* The entry answers for its @index only; without it for every value of ECX. */
#define MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX	(1 << 0)
/* Never set by the kernel and ignored. */
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

/* @nent: in: entries given, or room for them; out: how many there are. At most 256. */
struct minivmm_cpuid2 {
	__u32 nent;
	__u32 padding;
	struct minivmm_cpuid_entry2 entries[];
};

#define MINIVMM_APIC_REG_SIZE	0x400

/* The local APIC's registers at the offsets of its memory page; x2APIC ids in their own format. */
struct minivmm_lapic_state {
	char regs[MINIVMM_APIC_REG_SIZE];
};

#define MINIVMM_MP_STATE_RUNNABLE	0	/* runs, or is ready to */
#define MINIVMM_MP_STATE_UNINITIALIZED	1	/* waits for INIT */
#define MINIVMM_MP_STATE_INIT_RECEIVED	2	/* waits for the start-up IPI */
#define MINIVMM_MP_STATE_HALTED		3	/* executed HLT, waits for an event */
#define MINIVMM_MP_STATE_SIPI_RECEIVED	4	/* got the start-up IPI */

struct minivmm_mp_state {
	__u32 mp_state;
};

/* minivmm_vcpu_events.flags: which optional parts hold something. */
#define MINIVMM_VCPUEVENT_VALID_NMI_PENDING	0x00000001
#define MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR	0x00000002
#define MINIVMM_VCPUEVENT_VALID_SHADOW		0x00000004
#define MINIVMM_VCPUEVENT_VALID_SMM		0x00000008
#define MINIVMM_VCPUEVENT_VALID_PAYLOAD		0x00000010
#define MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT	0x00000020

#define MINIVMM_X86_SHADOW_INT_MOV_SS		0x01
#define MINIVMM_X86_SHADOW_INT_STI		0x02

/*
 * Events between "decided" and "delivered".
 *
 * @exception:   @injected: delivery was begun and is repeated at the next entry; @pending: it is
 *               to be delivered, @exception_payload goes to CR2 or DR6 then (only with
 *               MINIVMM_VCPUEVENT_VALID_PAYLOAD, which is refused: EINVAL).
 * @interrupt:   an interrupt in delivery; @soft: from INT n; @shadow: MINIVMM_X86_SHADOW_,
 *               interrupts wait for one instruction.
 * @nmi:         @injected: in delivery; @pending: waiting, at most 2; @masked: its handler runs.
 * @sipi_vector: of a start-up IPI that was received.
 * @smi, @triple_fault: as their names say, with their flag.
 */
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

/* A machine check for bank @bank, with the values of that bank's MSRs. */
struct minivmm_x86_mce {
	__u64 status;
	__u64 addr;
	__u64 misc;
	__u64 mcg_status;
	__u8 bank;
	__u8 pad1[7];
	__u64 pad2[3];
};

/*
 * Debugging.
 */

#define MINIVMM_GUESTDBG_ENABLE		0x00000001
#define MINIVMM_GUESTDBG_SINGLESTEP	0x00000002
#define MINIVMM_GUESTDBG_USE_SW_BP	0x00010000
#define MINIVMM_GUESTDBG_USE_HW_BP	0x00020000
#define MINIVMM_GUESTDBG_INJECT_DB	0x00040000
#define MINIVMM_GUESTDBG_INJECT_BP	0x00080000
#define MINIVMM_GUESTDBG_BLOCKIRQ	0x00100000

/* @exception: 1 or 3. @pc: where; @dr6, @dr7: the debug registers in force. */
struct minivmm_debug_exit_arch {
	__u32 exception;
	__u32 pad;
	__u64 pc;
	__u64 dr6;
	__u64 dr7;
};

/* For MINIVMM_GUESTDBG_USE_HW_BP, which is not supported yet. */
struct minivmm_guest_debug_arch {
	__u64 debugreg[8];
};

struct minivmm_guest_debug {
	__u32 control;
	__u32 pad;
	struct minivmm_guest_debug_arch arch;
};

struct minivmm_translation {
	__u64 linear_address;		/* in */
	__u64 physical_address;		/* out, with @valid */
	__u8 valid;			/* out: mapped */
	__u8 writeable;			/* out: may be written at some privilege */
	__u8 usermode;			/* out: may be read by user mode */
	__u8 pad[5];
};

/*
 * The run page. Why RUN returned 0, or EINTR:
 */
#define MINIVMM_EXIT_UNKNOWN		0	/* an exit nobody expects; hw */
#define MINIVMM_EXIT_EXCEPTION		1	/* not used */
#define MINIVMM_EXIT_IO			2	/* port access; io */
#define MINIVMM_EXIT_HYPERCALL		3	/* not used */
#define MINIVMM_EXIT_DEBUG		4	/* see SET_GUEST_DEBUG; debug */
#define MINIVMM_EXIT_HLT		5	/* HLT without in-kernel irqchip */
#define MINIVMM_EXIT_MMIO		6	/* no slot, or write to a read-only one; mmio */
#define MINIVMM_EXIT_IRQ_WINDOW_OPEN	7	/* asked for by request_interrupt_window */
#define MINIVMM_EXIT_SHUTDOWN		8	/* triple fault; the vCPU is as after INIT */
#define MINIVMM_EXIT_FAIL_ENTRY		9	/* the CPU refused the state; fail_entry */
#define MINIVMM_EXIT_INTR		10	/* a signal (RUN returned EINTR) */
#define MINIVMM_EXIT_SET_TPR		11	/* not used */
#define MINIVMM_EXIT_TPR_ACCESS		12	/* see TPR_ACCESS_REPORTING; tpr_access */
#define MINIVMM_EXIT_NMI		16	/* not used */
#define MINIVMM_EXIT_INTERNAL_ERROR	17	/* it cannot go on; internal, emulation_failure */
#define MINIVMM_EXIT_WATCHDOG		21	/* not used */
#define MINIVMM_EXIT_SYSTEM_EVENT	24	/* not raised so far; system_event */
#define MINIVMM_EXIT_IOAPIC_EOI		26	/* split irqchip; eoi */
#define MINIVMM_EXIT_X86_RDMSR		29	/* see CAP_X86_USER_SPACE_MSR; msr */
#define MINIVMM_EXIT_X86_WRMSR		30	/* likewise */
#define MINIVMM_EXIT_DIRTY_RING_FULL	31	/* see CAP_DIRTY_LOG_RING */
#define MINIVMM_EXIT_AP_RESET_HOLD	32	/* not used */
#define MINIVMM_EXIT_X86_BUS_LOCK	33	/* see CAP_X86_BUS_LOCK_EXIT */
#define MINIVMM_EXIT_NOTIFY		37	/* see CAP_X86_NOTIFY_VMEXIT; notify */

#define MINIVMM_EXIT_IO_IN		0
#define MINIVMM_EXIT_IO_OUT		1

/*
 * minivmm_run.internal.suberror: an instruction that nobody emulates, or a task switch whose
 * tables or task states are not in memory; exceptions that cannot both be delivered; an exit
 * amid the delivery of an event; an exit without meaning.
 */
#define MINIVMM_INTERNAL_ERROR_EMULATION		1
#define MINIVMM_INTERNAL_ERROR_SIMUL_EX			2
#define MINIVMM_INTERNAL_ERROR_DELIVERY_EV		3
#define MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON	4

/* emulation_failure.insn_size and insn_bytes hold the instruction. */
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

/* Registers kept in the run page (CAP_SYNC_REGS): not there yet, RUN does not look at them. */
struct minivmm_sync_regs {
	struct minivmm_regs regs;
	struct minivmm_sregs sregs;
	struct minivmm_vcpu_events events;
};

/*
 * Shared with the kernel while the vCPU exists; written by one side at a time, but
 * for immediate_exit, which any thread may set while RUN is under way.
 *
 * @request_interrupt_window: in: without in-kernel irqchip, return with
 *      IRQ_WINDOW_OPEN as soon as the guest can take an interrupt.
 * @immediate_exit: in: finish what the last exit left open, then return EINTR.
 * @ready_for_interrupt_injection: out: INTERRUPT would be delivered at once.
 * @if_flag:    out: the guest's RFLAGS.IF.
 * @flags:      out: MINIVMM_RUN_X86_.
 * @cr8:        in and out; in only without in-kernel irqchip.
 * @apic_base:  out; to change it use SET_SREGS.
 *
 * io: @count elements of @size bytes at @data_offset from the start of this page
 * are written to @port, or are to be filled in before RUN is called again.
 * mmio: a write of @len bytes of @data, or a read whose answer goes to @data.
 * Both are completed by the next RUN, even one that returns EINTR, unless RIP was set in
 * between (a reset). Until then RIP may be that of the instruction or, for a write, behind it.
 */
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
			__u64 hardware_entry_failure_reason;	/* exit code of the CPU */
			__u32 cpu;				/* host CPU it happened on */
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

/*
 * Writes to a zone are collected in the ring instead of exiting one by one.
 *
 * @size: in bytes. @pio: 0: guest physical addresses; 1: ports (CAP_COALESCED_PIO).
 */
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

/* Entries from @first (moved by userspace) up to, not including, @last (moved by the kernel). */
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

/* @irq: a vector, 0 to 255. */
struct minivmm_interrupt {
	__u32 irq;
};

/* @len: 8, the size of the kernel's sigset_t. */
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

/*
 * Guest memory.
 */

/* Slot flags: keep a dirty log; writes of the guest exit as MMIO (CAP_READONLY_MEM). */
#define MINIVMM_MEM_LOG_DIRTY_PAGES	(1UL << 0)
#define MINIVMM_MEM_READONLY		(1UL << 1)

/*
 * @slot:            bits 0-15: number; bits 16-31: address space.
 * @guest_phys_addr, @memory_size, @userspace_addr: in bytes, multiples of 4096.
 */
struct minivmm_userspace_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
};

/*
 * @slot:         as in minivmm_userspace_memory_region.
 * @dirty_bitmap: one bit per page of the slot, in whole 64-bit words.
 */
struct minivmm_dirty_log {
	__u32 slot;
	__u32 padding1;
	union {
		void __minivmm_user *dirty_bitmap;
		__u64 padding2;
	};
};

/* @first_page: multiple of 64. @num_pages: likewise, or up to the slot's end. */
struct minivmm_clear_dirty_log {
	__u32 slot;
	__u32 num_pages;
	__u64 first_page;
	union {
		void __minivmm_user *dirty_bitmap;
		__u64 padding2;
	};
};

/*
 * Interrupt controllers, timer, clock.
 */

/* @irq: a GSI. @level: 1 up, 0 down. @status: see IRQ_LINE_STATUS. */
struct minivmm_irq_level {
	union {
		__u32 irq;
		__s32 status;
	};
	__u32 level;
};

/*
 * One 8259A. @last_irr: levels of the lines; @init_state: which initialisation word comes
 * next; @init4: the fourth one comes; @elcr: lines that are level-triggered, within @elcr_mask.
 */
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

/* @irr: levels of the pins. @redirtbl: as the chip's registers have it. */
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

/* The kernel answers port 0x61 too, without making a sound. */
#define MINIVMM_PIT_SPEAKER_DUMMY	1

struct minivmm_pit_config {
	__u32 flags;
	__u32 pad[15];
};

/* One counter of the 8254. @count_load_time: host's monotonic clock, ns, when counting began. */
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

/* @pit_reinject: 1: ticks the guest missed are delivered late; 0: they are dropped. */
struct minivmm_reinject_control {
	__u8 pit_reinject;
	__u8 reserved[31];
};

#define MINIVMM_IRQ_ROUTING_IRQCHIP	1
#define MINIVMM_IRQ_ROUTING_MSI		2

/* Pins 0-7 of a PIC, 0-23 of the I/O APIC. */
struct minivmm_irq_routing_irqchip {
	__u32 irqchip;
	__u32 pin;
};

/* What the device would write to the message's address, in the format of the CPU. */
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

/* @resamplefd: with MINIVMM_IRQFD_FLAG_RESAMPLE, signalled when the guest ends the interrupt. */
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

/* @len: bytes written by the guest, 1, 2, 4 or 8; 0: any number. */
struct minivmm_ioeventfd {
	__u64 datamatch;
	__u64 addr;
	__u32 len;
	__s32 fd;
	__u32 flags;
	__u8 pad[36];
};

/* All vCPUs see the same clock; realtime is filled in; host_tsc is filled in. */
#define MINIVMM_CLOCK_TSC_STABLE	2
#define MINIVMM_CLOCK_REALTIME		(1 << 2)
#define MINIVMM_CLOCK_HOST_TSC		(1 << 3)

/* @clock: ns since the VM's start, or as set. @realtime: ns since 1970, of the same moment. */
struct minivmm_clock_data {
	__u64 clock;
	__u32 flags;
	__u32 pad0;
	__u64 realtime;
	__u64 host_tsc;
	__u32 pad[4];
};

/*
 * Device attributes.
 */

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

/* Group and attribute on a vCPU: what is added to the host's TSC, 64 bits. */
#define MINIVMM_VCPU_TSC_CTRL		0
#define MINIVMM_VCPU_TSC_OFFSET		0
#define MINIVMM_X86_XCOMP_GUEST_SUPP	0

/*
 * Calls on the device.
 */

/* GET_API_VERSION(0): 12, always. EINVAL: the argument is not 0. */
#define MINIVMM_GET_API_VERSION		_IO(MINIVMMIO, 0x00)

/*
 * CREATE_VM(type) - a VM without vCPUs and memory, owned by the calling process. Returns its
 * file, closed on exec.
 *
 * EINVAL: @type is not 0. EMFILE, ENFILE: too many open files.
 */
#define MINIVMM_CREATE_VM		_IO(MINIVMMIO, 0x01)

/*
 * GET_MSR_INDEX_LIST(struct minivmm_msr_list *) - the MSRs that hold state of a vCPU: each
 * can be read by GET_MSRS, and the value read can be written back by SET_MSRS, if
 * the vCPU has the supported CPUID.
 *
 * E2BIG: more MSRs than room; nmsrs has become their number, and nothing else was written.
 */
#define MINIVMM_GET_MSR_INDEX_LIST	_IOWR(MINIVMMIO, 0x02, struct minivmm_msr_list)

/*
 * CHECK_EXTENSION(capability) - on the device and on a VM: 0 for what is not supported or not
 * known, else a positive number, see the list of capabilities. Never fails.
 */
#define MINIVMM_CHECK_EXTENSION		_IO(MINIVMMIO, 0x03)

/* GET_VCPU_MMAP_SIZE(0): bytes to map of a vCPU file. EINVAL: the argument is not 0. */
#define MINIVMM_GET_VCPU_MMAP_SIZE	_IO(MINIVMMIO, 0x04)

/*
 * GET_SUPPORTED_CPUID(struct minivmm_cpuid2 *) - the CPUID that this host and this module can
 * give a guest; fit for SET_CPUID2 once the APIC ids (leaves 1 and 0xB) are filled in.
 *
 * E2BIG: more entries than nent; 100 are enough.
 */
#define MINIVMM_GET_SUPPORTED_CPUID	_IOWR(MINIVMMIO, 0x05, struct minivmm_cpuid2)

/*
 * GET_EMULATED_CPUID: features provided without the CPU's help. Since CAP_EXT_EMUL_CPUID, not there
 * yet: ENOTTY.
 */
#define MINIVMM_GET_EMULATED_CPUID	_IOWR(MINIVMMIO, 0x09, struct minivmm_cpuid2)

/*
 * GET_MSR_FEATURE_INDEX_LIST(struct minivmm_msr_list *) - MSRs that describe the CPU rather
 * than hold state; GET_MSRS on the device reads what this host offers of them.
 *
 * E2BIG: as for GET_MSR_INDEX_LIST. Since CAP_GET_MSR_FEATURES.
 */
#define MINIVMM_GET_MSR_FEATURE_INDEX_LIST	_IOWR(MINIVMMIO, 0x0a, struct minivmm_msr_list)

/*
 * X86_GET_MCE_CAP_SUPPORTED(__u64 *) - the bits of MCG_CAP that X86_SETUP_MCE takes, apart from the
 * number of banks. Since CAP_MCE.
 */
#define MINIVMM_X86_GET_MCE_CAP_SUPPORTED	_IOR(MINIVMMIO, 0x9d, __u64)

/*
 * Calls on a VM: vCPUs and memory.
 */

/*
 * CREATE_VCPU(id) - a vCPU as after power-on; its id is its APIC id. With in-kernel irqchip
 * all but the boot CPU (id 0, or SET_BOOT_CPU_ID) wait for INIT. Returns its file.
 *
 * EEXIST: the id is taken. EINVAL: id not below CAP_MAX_VCPU_ID, or CAP_MAX_VCPUS reached.
 * EMFILE, ENFILE: too many open files.
 */
#define MINIVMM_CREATE_VCPU		_IO(MINIVMMIO, 0x41)

/*
 * GET_DIRTY_LOG(struct minivmm_dirty_log *) - fills the bitmap: the pages written by the guest, or
 * by the kernel for it, since the last call; and begins anew, also where EFAULT ends it. A page
 * the guest only read may be reported too. With CAP_MANUAL_DIRTY_LOG_PROTECT2 enabled nothing
 * begins anew; that is CLEAR_DIRTY_LOG's task. Writes of the process itself are not logged.
 *
 * EINVAL: no such slot number or address space. ENOENT: empty slot, or one without log.
 */
#define MINIVMM_GET_DIRTY_LOG		_IOW(MINIVMMIO, 0x42, struct minivmm_dirty_log)

/*
 * SET_NR_MMU_PAGES(n), GET_NR_MMU_PAGES(0) - how many pages the shadow page tables may have. The number
 * is kept; with nested paging, which every supported CPU has, there are no such tables.
 *
 * EINVAL: fewer than 64, or more than 32 bits. Since CAP_MMU_SHADOW_CACHE_CONTROL.
 */
#define MINIVMM_SET_NR_MMU_PAGES	_IO(MINIVMMIO, 0x44)
#define MINIVMM_GET_NR_MMU_PAGES	_IO(MINIVMMIO, 0x45)

/*
 * SET_USER_MEMORY_REGION(struct minivmm_userspace_memory_region *) - fills, moves, changes
 * or (memory_size 0) empties a slot. The memory stays the process's own: it need not be
 * populated, is not pinned, and what happens to it (swapping, madvise, mprotect, remapping) shows
 * in the guest at once. When the call returns no vCPU uses the old slot any more. In a living
 * slot guest_phys_addr and the log flag can change; size, memory and read-only cannot.
 *
 * EINVAL: misaligned address or size; number or address space too high; unknown flag; address
 *         not the process's; the range wraps; more than 2^31 - 1 pages; emptying an empty
 *         slot; changing what cannot change.
 * EEXIST: overlaps another slot of the address space. EINTR: killed while it waited for accesses
 * that userfaultfd holds up, and with them too much of what earlier calls replaced.
 */
#define MINIVMM_SET_USER_MEMORY_REGION	\
	_IOW(MINIVMMIO, 0x46, struct minivmm_userspace_memory_region)

/*
 * SET_TSS_ADDR(gpa) - three guest pages below 4 GiB that no slot covers, for CPUs that cannot run
 * real mode by themselves. Accepted, and not needed, on all others.
 *
 * EINVAL: the pages would not lie below 4 GiB.
 */
#define MINIVMM_SET_TSS_ADDR		_IO(MINIVMMIO, 0x47)

/*
 * SET_IDENTITY_MAP_ADDR(__u64 *gpa) - one more such page, see SET_TSS_ADDR.
 *
 * EINVAL: a vCPU exists already. Since CAP_SET_IDENTITY_MAP_ADDR.
 */
#define MINIVMM_SET_IDENTITY_MAP_ADDR	_IOW(MINIVMMIO, 0x48, __u64)

/*
 * CLEAR_DIRTY_LOG(struct minivmm_clear_dirty_log *) - clears the log's bits that are set in the
 * given bitmap (whose bit 0 is first_page) and begins to watch those pages again.
 *
 * EINVAL: no such slot number or address space; first_page or num_pages misaligned or beyond the
 * slot. ENOENT: as for GET_DIRTY_LOG. Since CAP_MANUAL_DIRTY_LOG_PROTECT2, enabled or not.
 */
#define MINIVMM_CLEAR_DIRTY_LOG		_IOWR(MINIVMMIO, 0xc0, struct minivmm_clear_dirty_log)

/*
 * RESET_DIRTY_RINGS(0): number of entries taken back. Since CAP_DIRTY_LOG_RING, not there yet:
 * ENOTTY.
 */
#define MINIVMM_RESET_DIRTY_RINGS	_IO(MINIVMMIO, 0xc7)

/*
 * REGISTER_COALESCED_MMIO, UNREGISTER_COALESCED_MMIO(struct minivmm_coalesced_mmio_zone *).
 * The rings are in the vCPUs' mappings. A zone that is gone queues nothing after the return. Since
 * CAP_COALESCED_MMIO.
 *
 * EINVAL: pio is neither 0 nor 1; size 0, or the zone wraps. ENOSPC: more than 100 zones.
 */
#define MINIVMM_REGISTER_COALESCED_MMIO	\
	_IOW(MINIVMMIO, 0x67, struct minivmm_coalesced_mmio_zone)
#define MINIVMM_UNREGISTER_COALESCED_MMIO	\
	_IOW(MINIVMMIO, 0x68, struct minivmm_coalesced_mmio_zone)

/*
 * Calls on a VM: interrupts and time.
 */

/*
 * CREATE_IRQCHIP(0) - puts a local APIC into each vCPU and two PICs and an I/O APIC into the VM,
 * with the PC's routes: GSI 0-15 to the PICs and the I/O APIC's pin of the same number, 16-23 to
 * the latter. From then on a halted vCPU sleeps in RUN.
 *
 * EEXIST: done already. EINVAL: a vCPU exists already. Since CAP_IRQCHIP.
 */
#define MINIVMM_CREATE_IRQCHIP		_IO(MINIVMMIO, 0x60)

/*
 * IRQ_LINE(struct minivmm_irq_level *) - sets the level of a GSI's line. A line that several
 * sources drive is up while one of them holds it up. A GSI without route is ignored.
 *
 * ENXIO: no in-kernel irqchip.
 */
#define MINIVMM_IRQ_LINE		_IOW(MINIVMMIO, 0x61, struct minivmm_irq_level)

/*
 * GET_IRQCHIP, SET_IRQCHIP(struct minivmm_irqchip *) - state of the chip named by chip_id.
 *
 * EINVAL: no such chip. ENXIO: no in-kernel irqchip.
 */
#define MINIVMM_GET_IRQCHIP		_IOWR(MINIVMMIO, 0x62, struct minivmm_irqchip)
#define MINIVMM_SET_IRQCHIP		_IOR(MINIVMMIO, 0x63, struct minivmm_irqchip)

/* Older forms of CREATE_PIT2, GET_PIT2 and SET_PIT2: without flags, same errors. Since CAP_PIT. */
#define MINIVMM_CREATE_PIT		_IO(MINIVMMIO, 0x64)
#define MINIVMM_GET_PIT			_IOWR(MINIVMMIO, 0x65, struct minivmm_pit_state)
#define MINIVMM_SET_PIT			_IOR(MINIVMMIO, 0x66, struct minivmm_pit_state)

/*
 * IRQ_LINE_STATUS(struct minivmm_irq_level *) - IRQ_LINE that tells in status how many CPUs got
 * the interrupt; 0: it merged with one still pending; -1: it was masked.
 *
 * ENXIO: no in-kernel irqchip. Since CAP_IRQ_INJECT_STATUS.
 */
#define MINIVMM_IRQ_LINE_STATUS		_IOWR(MINIVMMIO, 0x67, struct minivmm_irq_level)

/*
 * SET_GSI_ROUTING(struct minivmm_irq_routing *) - replaces all routes. A GSI leads to one message,
 * or to at most one pin of each chip. After the return no interrupt takes an old route.
 *
 * EINVAL: flags not 0; nr above CAP_IRQ_ROUTING; an entry with unknown type, chip or pin, GSI too
 *         high, flags not 0, or against the rule above; no in-kernel irqchip. The old routes
 *         stay then. Since CAP_IRQ_ROUTING.
 */
#define MINIVMM_SET_GSI_ROUTING		_IOW(MINIVMMIO, 0x6a, struct minivmm_irq_routing)

/*
 * REINJECT_CONTROL(struct minivmm_reinject_control *) - what becomes of missed PIT ticks.
 *
 * ENXIO: no in-kernel PIT. Since CAP_REINJECT_CONTROL.
 */
#define MINIVMM_REINJECT_CONTROL	_IO(MINIVMMIO, 0x71)

/*
 * IRQFD(struct minivmm_irqfd *) - a write to eventfd fd becomes an interrupt on gsi: an edge, or,
 * with RESAMPLE, a level that stays up until the guest ends the interrupt, which is then
 * signalled on resamplefd. An event of before counts. DEASSIGN undoes it, and so does closing
 * the eventfd; nothing to undo is no error. The route is looked up at each event.
 *
 * EBADF: fd or resamplefd is not open. EBUSY: the eventfd serves an interrupt of this VM already.
 * EINVAL: a descriptor is no eventfd; unknown flag; pad not 0; GSI too high; no in-kernel irqchip.
 * Since CAP_IRQFD, CAP_IRQFD_RESAMPLE.
 */
#define MINIVMM_IRQFD			_IOW(MINIVMMIO, 0x76, struct minivmm_irqfd)

/*
 * CREATE_PIT2(struct minivmm_pit_config *) - an 8254 at ports 0x40-0x43; channel 0 drives GSI 0.
 *
 * EEXIST: done already. EINVAL: unknown flag. ENOENT: no in-kernel irqchip. Since CAP_PIT2.
 */
#define MINIVMM_CREATE_PIT2		_IOW(MINIVMMIO, 0x77, struct minivmm_pit_config)

/*
 * SET_BOOT_CPU_ID(id) - the vCPU that starts by itself; 0 if never called.
 *
 * EBUSY: a vCPU exists already. Since CAP_SET_BOOT_CPU_ID.
 */
#define MINIVMM_SET_BOOT_CPU_ID		_IO(MINIVMMIO, 0x78)

/*
 * IOEVENTFD(struct minivmm_ioeventfd *) - from now on a guest's write of len bytes to addr, a port
 * with PIO, with DATAMATCH only of the value datamatch, signals eventfd fd and does not
 * exit. DEASSIGN undoes the one with the same values. The VM keeps the eventfd open.
 *
 * EBADF: fd is not open. EEXIST: another one takes such a write. ENOENT: none to undo.
 * EINVAL: len, flags or pad not as above; addr + len wraps; DATAMATCH without len; no eventfd.
 * ENOSPC: too many. Since CAP_IOEVENTFD, CAP_IOEVENTFD_ANY_LENGTH.
 */
#define MINIVMM_IOEVENTFD		_IOW(MINIVMMIO, 0x79, struct minivmm_ioeventfd)

/*
 * SET_CLOCK, GET_CLOCK(struct minivmm_clock_data *) - the clock behind the paravirtual one. It
 * goes on with the host's from what is set; with CLOCK_REALTIME, from what it would be by now.
 * While the host sleeps (S3) it stands still where the host's TSC does not go on.
 *
 * EINVAL: flags that SET_CLOCK does not know. Since CAP_ADJUST_CLOCK.
 */
#define MINIVMM_SET_CLOCK		_IOW(MINIVMMIO, 0x7b, struct minivmm_clock_data)
#define MINIVMM_GET_CLOCK		_IOR(MINIVMMIO, 0x7c, struct minivmm_clock_data)

/*
 * GET_PIT2, SET_PIT2(struct minivmm_pit_state2 *).
 *
 * In @reserved GET_PIT2 tells, in a form of its own, how far counts are, which have ended, and
 * which ticks the guest is still to get: SET_PIT2 of such a state goes on from there. With
 * @reserved 0 all counts begin anew, those that had ended, too, and no tick is owed.
 *
 * From GET or SET of PIT2, of an irqchip, or GET_LAPIC until a vCPU is in RUN, ticks wait, if
 * no vCPU is in RUN when it is called: what several calls give fits together.
 *
 * EINVAL: a count, mode or access state the chip cannot have. ENXIO: no in-kernel PIT.
 * Since CAP_PIT_STATE2.
 */
#define MINIVMM_GET_PIT2		_IOR(MINIVMMIO, 0x9f, struct minivmm_pit_state2)
#define MINIVMM_SET_PIT2		_IOW(MINIVMMIO, 0xa0, struct minivmm_pit_state2)

/*
 * SIGNAL_MSI(struct minivmm_msi *) - delivers a message at once. Returns the number of CPUs
 * that got it, 0 if it merged with one still pending.
 *
 * EINVAL: flags not 0; no in-kernel irqchip. Since CAP_SIGNAL_MSI.
 */
#define MINIVMM_SIGNAL_MSI		_IOW(MINIVMMIO, 0xa5, struct minivmm_msi)

/*
 * X86_SET_MSR_FILTER(struct minivmm_msr_filter *) - which MSR accesses of the guest fail, or exit.
 * Since CAP_X86_MSR_FILTER, not there yet: ENOTTY.
 */
#define MINIVMM_X86_SET_MSR_FILTER	_IOW(MINIVMMIO, 0xc6, struct minivmm_msr_filter)

/*
 * CREATE_DEVICE(struct minivmm_create_device *): other in-kernel devices. Since CAP_DEVICE_CTRL,
 * not there yet: ENOTTY.
 */
#define MINIVMM_CREATE_DEVICE		_IOWR(MINIVMMIO, 0xe0, struct minivmm_create_device)

/*
 * Calls on a vCPU. Each waits until no other thread is in a call on it, RUN included.
 */

/*
 * RUN(0) - completes what the last exit left open, runs the guest, and returns 0 with the cause in
 * the run page's exit_reason.
 *
 * EINTR:  a signal is pending (exit_reason is EXIT_INTR), or immediate_exit is set.
 * EINVAL: the argument is not 0.
 * EFAULT: the guest used a slot's page that the process has not mapped, or has not mapped
 *         writable. The access is tried again by the next RUN.
 * EBUSY:  another hypervisor owns this CPU's virtualization.
 */
#define MINIVMM_RUN			_IO(MINIVMMIO, 0x80)

/* GET_REGS, SET_REGS(struct minivmm_regs *). SET_REGS drops a pending exception. */
#define MINIVMM_GET_REGS		_IOR(MINIVMMIO, 0x81, struct minivmm_regs)
#define MINIVMM_SET_REGS		_IOW(MINIVMMIO, 0x82, struct minivmm_regs)

/*
 * GET_SREGS, SET_SREGS(struct minivmm_sregs *) - all or nothing is set.
 *
 * What GET gives can be set again. Before SET_CPUID2, or without it, CR4 and EFER may have what the
 * host could give. CR4 bits 0 to 10 may be set whatever CPUID says; the guest itself cannot set those
 * that its CPUID lacks.
 *
 * EINVAL: reserved bits in CR0, CR4, EFER, CR3 or APIC base, or bits of features that the host or the
 *         vCPU's CPUID lacks; modes that contradict each other (PG without PE, long mode without
 *         PAE or with LMA unlike it, a 64-bit code segment outside it or also a 32-bit one);
 *         cr8 above 15.
 */
#define MINIVMM_GET_SREGS		_IOR(MINIVMMIO, 0x83, struct minivmm_sregs)
#define MINIVMM_SET_SREGS		_IOW(MINIVMMIO, 0x84, struct minivmm_sregs)

/* TRANSLATE(struct minivmm_translation *): walks the guest's page tables as they are now. */
#define MINIVMM_TRANSLATE		_IOWR(MINIVMMIO, 0x85, struct minivmm_translation)

/*
 * INTERRUPT(struct minivmm_interrupt *) - the interrupt of an irqchip outside the kernel, taken as
 * soon as the guest can; see ready_for_interrupt_injection.
 *
 * EEXIST: one is waiting already. EINVAL: vector above 255. ENXIO: the irqchip is in the kernel.
 */
#define MINIVMM_INTERRUPT		_IOW(MINIVMMIO, 0x86, struct minivmm_interrupt)

/*
 * GET_MSRS, SET_MSRS(struct minivmm_msrs *) - returns how many entries were read or written,
 * from the first; one that is refused ends the call. On the device GET_MSRS reads feature MSRs.
 * An address must be canonical for the host's CPU, whatever the vCPU's CPUID says. EFER.LMA follows
 * from LME and CR0.PG.
 * The first TSC that is written becomes that of the VM; one that is written later, within a second
 * of what that is by then, joins it, so that the TSCs of all vCPUs are equal after a restore.
 *
 * E2BIG: more than 255 entries.
 */
#define MINIVMM_GET_MSRS		_IOWR(MINIVMMIO, 0x88, struct minivmm_msrs)
#define MINIVMM_SET_MSRS		_IOW(MINIVMMIO, 0x89, struct minivmm_msrs)

/* SET_CPUID: older form of SET_CPUID2 without subleaves; not there: ENOTTY. */
#define MINIVMM_SET_CPUID		_IOW(MINIVMMIO, 0x8a, struct minivmm_cpuid)

/*
 * SET_SIGNAL_MASK(struct minivmm_signal_mask *, or NULL) - the signals blocked during RUN, in
 * place of the thread's own. NULL: the thread's own again.
 *
 * EINVAL: len is not 8.
 */
#define MINIVMM_SET_SIGNAL_MASK		_IOW(MINIVMMIO, 0x8b, struct minivmm_signal_mask)

/* GET_FPU, SET_FPU(struct minivmm_fpu *). EINVAL: reserved bits in mxcsr. */
#define MINIVMM_GET_FPU			_IOR(MINIVMMIO, 0x8c, struct minivmm_fpu)
#define MINIVMM_SET_FPU			_IOW(MINIVMMIO, 0x8d, struct minivmm_fpu)

/*
 * GET_LAPIC, SET_LAPIC(struct minivmm_lapic_state *). A TSC deadline that has passed since the last
 * RUN is not in the IRR but still in its MSR, so that a save has it whenever it passes.
 *
 * EINVAL: no in-kernel irqchip.
 */
#define MINIVMM_GET_LAPIC		_IOR(MINIVMMIO, 0x8e, struct minivmm_lapic_state)
#define MINIVMM_SET_LAPIC		_IOW(MINIVMMIO, 0x8f, struct minivmm_lapic_state)

/*
 * SET_CPUID2(struct minivmm_cpuid2 *) - what the guest's CPUID returns, apart from bits that follow
 * its state (OSXSAVE, OSPKE, APIC, XSAVE sizes). What is not set is 0. Features that
 * GET_SUPPORTED_CPUID does not name are shown to the guest but do not work.
 *
 * E2BIG:  more than 256 entries.
 * EINVAL: linear addresses of other than 48 or 57 bits; XSAVE components that are not supported;
 *         a change after the vCPU has run.
 */
#define MINIVMM_SET_CPUID2		_IOW(MINIVMMIO, 0x90, struct minivmm_cpuid2)

/*
 * GET_CPUID2(struct minivmm_cpuid2 *): what the guest sees now, with the bits that follow its
 * state; SET_CPUID2 takes it for the table that was set. E2BIG: more entries than nent, which
 * tells now.
 */
#define MINIVMM_GET_CPUID2		_IOWR(MINIVMMIO, 0x91, struct minivmm_cpuid2)

/*
 * TPR_ACCESS_REPORTING(struct minivmm_tpr_access_ctl *) - for VMMs that patch guests which have the
 * TPR in memory on their hot paths. While it is on (enabled is not 0), RUN ends with EXIT_TPR_ACCESS
 * after each access to the TPR in the local APIC's page that the kernel does for the guest:
 * tpr_access.rip is that of the instruction, which is complete. CPUs that have the TPR themselves
 * (VMX with virtualized APIC accesses) ask nobody: there is no exit then. Nor is there for CR8 and the
 * x2APIC's MSR.
 *
 * SET_VAPIC_ADDR(struct minivmm_vapic_addr *) - a place in the guest's memory where such a VMM's patches
 * would find the TPR. Accepted without effect: CAP_VAPIC is 0.
 *
 * EINVAL: flags not 0; SET_VAPIC_ADDR without in-kernel irqchip, or vapic_addr is neither 0 nor in a
 * slot.
 */
#define MINIVMM_TPR_ACCESS_REPORTING	_IOWR(MINIVMMIO, 0x92, struct minivmm_tpr_access_ctl)
#define MINIVMM_SET_VAPIC_ADDR		_IOW(MINIVMMIO, 0x93, struct minivmm_vapic_addr)

/*
 * GET_MP_STATE, SET_MP_STATE(struct minivmm_mp_state *). INIT and the start-up IPI that came since
 * the last RUN are in what this and the other GET calls give: INIT_RECEIVED; or RUNNABLE, with CS
 * and RIP where the processor starts. SIPI_RECEIVED starts it by RUN at the vector that
 * SET_VCPU_EVENTS gave, or else at that of the last start-up IPI.
 *
 * EINVAL: no such state; another than RUNNABLE without in-kernel irqchip. Since CAP_MP_STATE.
 */
#define MINIVMM_GET_MP_STATE		_IOR(MINIVMMIO, 0x98, struct minivmm_mp_state)
#define MINIVMM_SET_MP_STATE		_IOW(MINIVMMIO, 0x99, struct minivmm_mp_state)

/* NMI(0): the guest takes an NMI. While NMIs are masked one waits, others are lost. Since CAP_USER_NMI. */
#define MINIVMM_NMI			_IO(MINIVMMIO, 0x9a)

/*
 * SET_GUEST_DEBUG(struct minivmm_guest_debug *): debug the guest from outside. What control says
 * lasts until the next call; without ENABLE, as with 0, it is off.
 *
 * USE_SW_BP: INT3 ends RUN with EXIT_DEBUG, exception 3, RIP at the INT3. If that is the guest's
 * own, INJECT_BP gives it to the guest.
 * SINGLESTEP: each instruction, and each delivery of an exception or interrupt, ends RUN with
 * EXIT_DEBUG, exception 1, BS in dr6. An exit of the instruction's own comes before. RFLAGS and
 * the debug registers stay the guest's: its own steps and breakpoints work, and it does not see
 * ours but, on AMD, in the flags that PUSHF, INT n and SYSCALL store.
 * INJECT_DB, INJECT_BP: once, and without ENABLE, too; #BP is that of a one-byte INT3 at RIP.
 *
 * EINVAL: USE_HW_BP, BLOCKIRQ, unknown bits; SINGLESTEP on an Intel CPU that has no monitor trap
 * flag. EBUSY: INJECT_ while an exception is on its way, or an interrupt or NMI whose delivery
 * was interrupted.
 * Since CAP_SET_GUEST_DEBUG; setting registers between two steps does no harm:
 * CAP_X86_ROBUST_SINGLESTEP.
 */
#define MINIVMM_SET_GUEST_DEBUG		_IOW(MINIVMMIO, 0x9b, struct minivmm_guest_debug)

/*
 * X86_SETUP_MCE(__u64 *mcg_cap) - the number of machine-check banks, 32 before, with bits that
 * X86_GET_MCE_CAP_SUPPORTED gives; all errors are enabled.
 *
 * EINVAL: 0 or more than CAP_MCE banks; another bit, but for 16 to 23, which are taken. Since
 * CAP_MCE.
 *
 * X86_SET_MCE(struct minivmm_x86_mce *) - an error: in its bank, and if it is uncorrected (MCI_STATUS
 * bit 61) as #MC. An uncorrected one while MCG_STATUS.MCIP is set, or CR4.MCE is not, shuts the guest
 * down; it is dropped where any bit of MCG_CTL or of the bank's CTL is clear.
 *
 * EINVAL: no such bank; status without its valid bit (63). Since CAP_MCE.
 */
#define MINIVMM_X86_SETUP_MCE		_IOW(MINIVMMIO, 0x9c, __u64)
#define MINIVMM_X86_SET_MCE		_IOW(MINIVMMIO, 0x9e, struct minivmm_x86_mce)

/*
 * GET_VCPU_EVENTS, SET_VCPU_EVENTS(struct minivmm_vcpu_events *). Parts whose flag SET does not get
 * stay as they are. An exception that is to be delivered is given as injected, its cause is in
 * CR2 or DR6. RIP is that of the instruction: an injected #BP or #OF is that of the one-byte INT3
 * or INTO at RIP, and an injected soft interrupt is made by its INT n again.
 *
 * EINVAL: unknown flag, or VALID_TRIPLE_FAULT that is not enabled; exception.nr above 31, or 2.
 * Since CAP_VCPU_EVENTS.
 */
#define MINIVMM_GET_VCPU_EVENTS		_IOR(MINIVMMIO, 0x9f, struct minivmm_vcpu_events)
#define MINIVMM_SET_VCPU_EVENTS		_IOW(MINIVMMIO, 0xa0, struct minivmm_vcpu_events)

/*
 * GET_DEBUGREGS, SET_DEBUGREGS(struct minivmm_debugregs *).
 *
 * EINVAL: flags not 0, or a bit in the upper half of dr6 or dr7. Since CAP_DEBUGREGS.
 */
#define MINIVMM_GET_DEBUGREGS		_IOR(MINIVMMIO, 0xa1, struct minivmm_debugregs)
#define MINIVMM_SET_DEBUGREGS		_IOW(MINIVMMIO, 0xa2, struct minivmm_debugregs)

/*
 * SET_TSC_KHZ(khz), GET_TSC_KHZ(0) - rate of the guest's TSC; SET with 0 means the host's. The
 * TSC goes on from where it is, and becomes equal to that of the VM's vCPUs that got this rate before.
 *
 * EINVAL: not the host's rate, within 250 ppm, and the CPU cannot scale (CAP_TSC_CONTROL is 0);
 * 256 times the host's or more.
 * Since CAP_GET_TSC_KHZ.
 */
#define MINIVMM_SET_TSC_KHZ		_IO(MINIVMMIO, 0xa2)
#define MINIVMM_GET_TSC_KHZ		_IO(MINIVMMIO, 0xa3)

/*
 * ENABLE_CAP(struct minivmm_enable_cap *) - on a VM:
 *
 *   CAP_MANUAL_DIRTY_LOG_PROTECT2: args[0] is MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, also with
 *   _INITIALLY_SET: a new log starts with every page in it.
 *
 *   CAP_X86_TRIPLE_FAULT_EVENT: args[0] not 0: GET_VCPU_EVENTS and SET_VCPU_EVENTS have a triple
 *   fault that is to be reported by the next RUN (MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT).
 *
 * EINVAL: flags not 0, unknown args, or a capability that cannot be enabled.
 */
#define MINIVMM_ENABLE_CAP		_IOW(MINIVMMIO, 0xa3, struct minivmm_enable_cap)

/*
 * GET_XSAVE, SET_XSAVE(struct minivmm_xsave *) - SET reads as many bytes as CAP_XSAVE2 says.
 *
 * EINVAL: XSTATE_BV has a component the host lacks; XCOMP_BV or the rest of the header is not 0;
 *         reserved bits in MXCSR. Since CAP_XSAVE.
 */
#define MINIVMM_GET_XSAVE		_IOR(MINIVMMIO, 0xa4, struct minivmm_xsave)
#define MINIVMM_SET_XSAVE		_IOW(MINIVMMIO, 0xa5, struct minivmm_xsave)

/*
 * GET_XCRS, SET_XCRS(struct minivmm_xcrs *) - only XCR0 exists; others are ignored.
 *
 * EINVAL: more than 16; flags not 0; XCR0 without x87, or with what the vCPU's CPUID does not offer
 *         or what contradicts itself; x87 alone is always taken. Since CAP_XCRS.
 */
#define MINIVMM_GET_XCRS		_IOR(MINIVMMIO, 0xa6, struct minivmm_xcrs)
#define MINIVMM_SET_XCRS		_IOW(MINIVMMIO, 0xa7, struct minivmm_xcrs)

/*
 * KVMCLOCK_CTRL(0) - marks the paravirtual clock: the guest was stopped, its watchdogs may be late.
 * The mark is in the clock's page at once and stays until the guest takes it off.
 *
 * EINVAL: the guest has not enabled that clock. Since CAP_KVMCLOCK_CTRL.
 */
#define MINIVMM_KVMCLOCK_CTRL		_IO(MINIVMMIO, 0xad)

/* SMI(0): the guest takes a system-management interrupt. Since CAP_X86_SMM, not there yet: ENOTTY. */
#define MINIVMM_SMI			_IO(MINIVMMIO, 0xb7)

/*
 * GET_SREGS2, SET_SREGS2: SREGS with PDPTRs, without interrupt_bitmap. Since CAP_SREGS2, not there
 * yet: ENOTTY.
 */
#define MINIVMM_GET_SREGS2		_IOR(MINIVMMIO, 0xcc, struct minivmm_sregs2)
#define MINIVMM_SET_SREGS2		_IOW(MINIVMMIO, 0xcd, struct minivmm_sregs2)

/*
 * GET_STATS_FD(0): on a VM or vCPU, a file of its counters (struct minivmm_stats_header), to be
 * read from any offset, by anyone it is given to. The VM lives as long as the file.
 *
 * EMFILE: no room for another file. ENOMEM, which a read may give, too. Since CAP_BINARY_STATS_FD.
 */
#define MINIVMM_GET_STATS_FD		_IO(MINIVMMIO, 0xce)

/* GET_XSAVE2(struct minivmm_xsave *): writes as many bytes as CAP_XSAVE2 says. Since CAP_XSAVE2. */
#define MINIVMM_GET_XSAVE2		_IOR(MINIVMMIO, 0xcf, struct minivmm_xsave)

/*
 * SET_, GET_, HAS_DEVICE_ATTR(struct minivmm_device_attr *) - addr points to the value.
 *
 * ENXIO: no such group or attribute. Since CAP_VCPU_ATTRIBUTES (vCPU), CAP_DEVICE_CTRL, neither of
 * them there yet: ENOTTY.
 */
#define MINIVMM_SET_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe1, struct minivmm_device_attr)
#define MINIVMM_GET_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe2, struct minivmm_device_attr)
#define MINIVMM_HAS_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe3, struct minivmm_device_attr)

/* Our own additions. */

#define MINIVMMXIO			0xBE

/* 1 on our device, 0 on KVM's: tells that the calls of this section exist. */
#define MINIVMM_CAP_MINIVMM		0x4D560001

/* minivmm_last_error.source when the CPU refused to enter the guest (EXIT_FAIL_ENTRY). */
#define MINIVMM_ERROR_SOURCE_ENTRY	0

/*
 * Why the latest refused call on this VM or vCPU was refused.
 *
 * @size:   in: bytes the caller provides, at least 16; out: bytes the kernel knows.
 * @code:   errno of the refusal, positive; 0: nothing was refused so far.
 * @source: _IOC_NR of the refused call, or MINIVMM_ERROR_SOURCE_ENTRY.
 * @index:  0; where an element of an array is refused, @value says which.
 * @value:  the value that was refused, where it is one number.
 * @field:  name of the refused field, NUL-terminated.
 * @rule:   the rule that was broken, one sentence, NUL-terminated. Of a refused entry:
 *          "NAME: sentence", where NAME stays the same from version to version.
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

/*
 * GET_LAST_ERROR(struct minivmm_last_error *) - on a VM or a vCPU: the latest refusal by a
 * rule; failures without a rule (EFAULT, ENOMEM, ENOTTY, EIO) leave no record. Reading
 * it changes nothing. A newer caller's structure is longer: what the kernel does not know
 * stays as it was, and must have been 0.
 *
 * EINVAL: size below 16. E2BIG: size above a page, or bytes unknown to the kernel are not 0.
 * Since CAP_MINIVMM.
 */
#define MINIVMM_GET_LAST_ERROR		_IO(MINIVMMXIO, 0x00)

#endif /* _UAPI_MINIVMM_H */
