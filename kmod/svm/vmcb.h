/* SPDX-License-Identifier: GPL-2.0 */
/* Layout of the AMD virtual machine control block (AMD64 APM volume 2, appendix B). */
#ifndef MINIVMM_SVM_VMCB_H
#define MINIVMM_SVM_VMCB_H

#include <linux/build_bug.h>
#include <linux/types.h>

/* vmcb_control.intercept[]: bit numbers, 32 per word. */
enum {
	INTERCEPT_CR_READ = 0,		/* + CR number */
	INTERCEPT_CR_WRITE = 16,
	INTERCEPT_DR_READ = 32,
	INTERCEPT_DR_WRITE = 48,
	INTERCEPT_EXCEPTION = 64,	/* + vector */
	INTERCEPT_INTR = 96,
	INTERCEPT_NMI,
	INTERCEPT_SMI,
	INTERCEPT_INIT,
	INTERCEPT_VINTR,
	INTERCEPT_CR0_SELECTIVE,
	INTERCEPT_RDPMC = 96 + 15,
	INTERCEPT_PUSHF,
	INTERCEPT_POPF,
	INTERCEPT_CPUID,
	INTERCEPT_RSM,
	INTERCEPT_IRET,
	INTERCEPT_INTN,
	INTERCEPT_INVD,
	INTERCEPT_PAUSE,
	INTERCEPT_HLT,
	INTERCEPT_INVLPG,
	INTERCEPT_INVLPGA,
	INTERCEPT_IOIO,
	INTERCEPT_MSR,
	INTERCEPT_TASK_SWITCH,
	INTERCEPT_FERR_FREEZE,
	INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN = 128,
	INTERCEPT_VMMCALL,
	INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE,
	INTERCEPT_STGI,
	INTERCEPT_CLGI,
	INTERCEPT_SKINIT,
	INTERCEPT_RDTSCP,
	INTERCEPT_ICEBP,
	INTERCEPT_WBINVD,
	INTERCEPT_MONITOR,
	INTERCEPT_MWAIT,
	INTERCEPT_MWAIT_ARMED,
	INTERCEPT_XSETBV,
	INTERCEPT_RDPRU,
	INTERCEPT_WORDS = 6
};

#define VMCB_TLB_KEEP			0
#define VMCB_TLB_FLUSH_ALL		1
#define VMCB_TLB_FLUSH_ASID		3

#define VMCB_V_IRQ			(1ull << 8)
#define VMCB_V_INTR_PRIO		(0xfull << 16)
#define VMCB_V_IGN_TPR			(1ull << 20)
#define VMCB_V_INTR_MASKING		(1ull << 24)

#define VMCB_INTERRUPT_SHADOW		1ull

#define VMCB_NP_ENABLE			1ull

/* vmcb_control.event_inject and .exit_int_info. */
#define VMCB_EVENT_VECTOR		0xffull
#define VMCB_EVENT_TYPE			(7ull << 8)
#define VMCB_EVENT_INTR			(0ull << 8)
#define VMCB_EVENT_NMI			(2ull << 8)
#define VMCB_EVENT_EXCEPTION		(3ull << 8)
#define VMCB_EVENT_HAS_ERROR		(1ull << 11)
#define VMCB_EVENT_VALID		(1ull << 31)

struct vmcb_control {
	u32 intercept[INTERCEPT_WORDS];
	u32 reserved_018[9];
	u16 pause_filter_threshold;
	u16 pause_filter_count;
	u64 iopm_base;
	u64 msrpm_base;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	union {
		u64 int_control;
		u8 tpr;		/* its bits 0-3; 4-7 must be 0 */
	};
	u64 int_state;
	u64 exit_code;
	u64 exit_info_1;
	u64 exit_info_2;
	u64 exit_int_info;
	u64 nested_control;
	u64 reserved_098[2];
	u64 event_inject;
	u64 nested_cr3;
	u64 lbr_control;
	u32 clean;
	u32 reserved_0c4;
	u64 next_rip;
	u8 insn_len;
	u8 insn_bytes[15];
	u8 reserved_0e0[0x400 - 0x0e0];
} __packed;

struct vmcb_segment {
	u16 selector;
	u16 attr;	/* descriptor bits 40-47 and 52-55, packed to 12 bits */
	u32 limit;
	u64 base;
} __packed;

struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0x2b];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x70];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_180[0x58];
	u64 rsp;
	u64 s_cet, ssp, isst_addr;
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x20];
	u64 g_pat;
	u64 debugctl;
	u8 reserved_278[0x68];
	u64 spec_ctrl;
	u8 reserved_2e8[0xc00 - 0x2e8];
} __packed;

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
} __packed;

static_assert(offsetof(struct vmcb_control, pause_filter_threshold) == 0x3c);
static_assert(offsetof(struct vmcb_control, iopm_base) == 0x40);
static_assert(offsetof(struct vmcb_control, asid) == 0x58);
static_assert(offsetof(struct vmcb_control, int_control) == 0x60);
static_assert(offsetof(struct vmcb_control, exit_code) == 0x70);
static_assert(offsetof(struct vmcb_control, nested_control) == 0x90);
static_assert(offsetof(struct vmcb_control, event_inject) == 0xa8);
static_assert(offsetof(struct vmcb_control, clean) == 0xc0);
static_assert(offsetof(struct vmcb_control, next_rip) == 0xc8);
static_assert(offsetof(struct vmcb_control, insn_len) == 0xd0);
static_assert(sizeof(struct vmcb_control) == 0x400);
static_assert(offsetof(struct vmcb_save, tr) == 0x90);
static_assert(offsetof(struct vmcb_save, cpl) == 0xcb);
static_assert(offsetof(struct vmcb_save, efer) == 0xd0);
static_assert(offsetof(struct vmcb_save, cr4) == 0x148);
static_assert(offsetof(struct vmcb_save, rip) == 0x178);
static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8);
static_assert(offsetof(struct vmcb_save, rax) == 0x1f8);
static_assert(offsetof(struct vmcb_save, star) == 0x200);
static_assert(offsetof(struct vmcb_save, cr2) == 0x240);
static_assert(offsetof(struct vmcb_save, g_pat) == 0x268);
static_assert(offsetof(struct vmcb_save, spec_ctrl) == 0x2e0);
static_assert(sizeof(struct vmcb) == 4096);

/* Exit codes. CR, DR and exception exits follow the order of their intercepts. */
#define SVM_EXIT_CR_READ	0x000
#define SVM_EXIT_CR_WRITE	0x010
#define SVM_EXIT_DR_READ	0x020
#define SVM_EXIT_DR_LAST	0x03f
#define SVM_EXIT_EXCEPTION	0x040
#define SVM_EXIT_EXCEPTION_LAST	0x05f
#define SVM_EXIT_INTR		0x060
#define SVM_EXIT_NMI		0x061
#define SVM_EXIT_SMI		0x062
#define SVM_EXIT_INIT		0x063
#define SVM_EXIT_VINTR		0x064
#define SVM_EXIT_RDPMC		0x06f
#define SVM_EXIT_PUSHF		0x070
#define SVM_EXIT_POPF		0x071
#define SVM_EXIT_CPUID		0x072
#define SVM_EXIT_RSM		0x073
#define SVM_EXIT_IRET		0x074
#define SVM_EXIT_INTN		0x075
#define SVM_EXIT_INVD		0x076
#define SVM_EXIT_PAUSE		0x077
#define SVM_EXIT_HLT		0x078
#define SVM_EXIT_INVLPGA	0x07a
#define SVM_EXIT_IOIO		0x07b
#define SVM_EXIT_MSR		0x07c
#define SVM_EXIT_TASK_SWITCH	0x07d
#define SVM_EXIT_SHUTDOWN	0x07f
#define SVM_EXIT_VMRUN		0x080
#define SVM_EXIT_VMMCALL	0x081
#define SVM_EXIT_VMLOAD		0x082
#define SVM_EXIT_VMSAVE		0x083
#define SVM_EXIT_STGI		0x084
#define SVM_EXIT_CLGI		0x085
#define SVM_EXIT_SKINIT		0x086
#define SVM_EXIT_ICEBP		0x088
#define SVM_EXIT_WBINVD		0x089
#define SVM_EXIT_MONITOR	0x08a
#define SVM_EXIT_MWAIT		0x08b
#define SVM_EXIT_MWAIT_ARMED	0x08c
#define SVM_EXIT_XSETBV		0x08d
#define SVM_EXIT_RDPRU		0x08e
#define SVM_EXIT_NPF		0x400
#define SVM_EXIT_INVALID	(-1)	/* QEMU's emulated CPU writes 32 bits of it */

/* exit_info_1 of SVM_EXIT_CR_WRITE, with decode assists. */
#define SVM_CR_GPR		0xfu

/* exit_info_1 of SVM_EXIT_IOIO. */
#define SVM_IOIO_IN		(1u << 0)
#define SVM_IOIO_STRING		(1u << 2)
#define SVM_IOIO_SIZE_SHIFT	4
#define SVM_IOIO_SIZE_MASK	7u
#define SVM_IOIO_PORT_SHIFT	16

/* exit_info_2 of SVM_EXIT_TASK_SWITCH; exit_info_1 is the selector. */
#define SVM_TASK_IRET		BIT_ULL(36)
#define SVM_TASK_JMP		BIT_ULL(38)

/* exit_info_1 of SVM_EXIT_NPF. */
#define SVM_NPF_PRESENT		(1u << 0)
#define SVM_NPF_WRITE		(1u << 1)
#define SVM_NPF_FETCH		(1u << 4)
#define SVM_NPF_FINAL		BIT_ULL(32)	/* of the guest's own translation */

#endif /* MINIVMM_SVM_VMCB_H */
