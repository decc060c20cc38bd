// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPU's ioctls. Each is one small function under vcpu->lock; what userspace
 * gives is a kernel copy by then and is checked before anything changes.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"
#include "../cpu/control.h"
#include "../cpu/cpuid.h"
#include "../cpu/debug.h"
#include "../cpu/debug_regs.h"
#include "../cpu/insn.h"
#include "../cpu/mce.h"
#include "../cpu/msr.h"
#include "../cpu/xstate.h"
#include "../ioctl.h"
#include "../irq/lapic.h"
#include "../memory/slots.h"
#include "../pv.h"
#include "../report/explain.h"
#include "../report/stats.h"
#include "../vm.h"
#include "inject.h"
#include "run.h"
#include "vcpu.h"
#include "vcpu_ioctl.h"

static int get_regs(void *object, void *data)
{
	const struct regs *regs = vcpu_regs(object);
	const u64 *gpr = regs->gpr;
	struct minivmm_regs *r = data;

	*r = (struct minivmm_regs){
		.rax = gpr[GPR_RAX], .rbx = gpr[GPR_RBX], .rcx = gpr[GPR_RCX],
		.rdx = gpr[GPR_RDX], .rsi = gpr[GPR_RSI], .rdi = gpr[GPR_RDI],
		.rsp = gpr[GPR_RSP], .rbp = gpr[GPR_RBP], .r8 = gpr[GPR_R8],
		.r9 = gpr[GPR_R9], .r10 = gpr[GPR_R10], .r11 = gpr[GPR_R11],
		.r12 = gpr[GPR_R12], .r13 = gpr[GPR_R13], .r14 = gpr[GPR_R14],
		.r15 = gpr[GPR_R15], .rip = regs->rip, .rflags = regs->rflags,
	};
	return 0;
}

static int set_regs(void *object, void *data)
{
	const struct minivmm_regs *r = data;
	struct vcpu *vcpu = object;

	*vcpu_regs(vcpu) = (struct regs){
		.gpr = { [GPR_RAX] = r->rax, [GPR_RBX] = r->rbx, [GPR_RCX] = r->rcx,
			 [GPR_RDX] = r->rdx, [GPR_RSI] = r->rsi, [GPR_RDI] = r->rdi,
			 [GPR_RSP] = r->rsp, [GPR_RBP] = r->rbp, [GPR_R8] = r->r8,
			 [GPR_R9] = r->r9, [GPR_R10] = r->r10, [GPR_R11] = r->r11,
			 [GPR_R12] = r->r12, [GPR_R13] = r->r13, [GPR_R14] = r->r14,
			 [GPR_R15] = r->r15 },
		.rip = r->rip,
		.rflags = r->rflags | X86_EFLAGS_FIXED,
	};
	vcpu->events.exception.pending = false;
	debug_restart_step(&vcpu->debug);
	return 0;
}

static void get_segment(struct vcpu *vcpu, int seg, struct minivmm_segment *out)
{
	struct segment s;

	backend_call(get_segment)(vcpu, seg, &s);
	*out = (struct minivmm_segment){
		.base = s.base, .limit = s.limit, .selector = s.selector,
		.type = s.attr & SEG_ATTR_TYPE, .s = !!(s.attr & SEG_ATTR_S),
		.dpl = (s.attr & SEG_ATTR_DPL) >> 5, .present = !!(s.attr & SEG_ATTR_P),
		.avl = (s.attr >> 8) & 1, .l = !!(s.attr & SEG_ATTR_L),
		.db = !!(s.attr & SEG_ATTR_DB), .g = !!(s.attr & SEG_ATTR_G),
		.unusable = !(s.attr & SEG_ATTR_P),
	};
}

static void set_segment(struct vcpu *vcpu, int seg, const struct minivmm_segment *in)
{
	struct segment s = { .base = in->base, .limit = in->limit, .selector = in->selector };

	s.attr = (in->type & 15) | (in->s & 1) << 4 | (in->dpl & 3) << 5 |
		 (in->present && !in->unusable ? SEG_ATTR_P : 0) | (in->avl & 1) << 8 |
		 (in->l & 1) << 9 | (in->db & 1) << 10 | (in->g & 1) << 11;
	backend_call(set_segment)(vcpu, seg, &s);
}

/* An external interrupt under delivery or, without in-kernel irqchip, waiting for it. */
static bool shown_interrupt(const struct vcpu_events *ev, u8 *vector)
{
	*vector = ev->user_interrupt && !ev->interrupt.injected ? ev->user_vector :
								  ev->interrupt.vector;
	return ev->interrupt.injected || ev->user_interrupt;
}

#define CR0_KNOWN (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
		   X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

/*
 * What is got can be set again: bits that the CPU keeps and ignores are left out. Of a code
 * segment loaded outside long mode, L is such a bit.
 */
static int get_sregs(void *object, void *data)
{
	struct minivmm_sregs *s = data;
	struct vcpu *vcpu = object;
	const struct control_regs *control = vcpu_control(vcpu);
	u8 vector;

	get_segment(vcpu, SEG_CS, &s->cs);
	if (!is_long_mode(vcpu))
		s->cs.l = 0;
	get_segment(vcpu, SEG_DS, &s->ds);
	get_segment(vcpu, SEG_ES, &s->es);
	get_segment(vcpu, SEG_FS, &s->fs);
	get_segment(vcpu, SEG_GS, &s->gs);
	get_segment(vcpu, SEG_SS, &s->ss);
	get_segment(vcpu, BACKEND_TR, &s->tr);
	get_segment(vcpu, BACKEND_LDTR, &s->ldt);
	backend_call(get_table)(vcpu, false, &s->gdt.base, &s->gdt.limit);
	backend_call(get_table)(vcpu, true, &s->idt.base, &s->idt.limit);
	s->cr0 = control->cr0 & CR0_KNOWN;
	s->cr2 = vcpu->cr2;
	s->cr3 = control->cr3;
	s->cr4 = control->cr4;
	s->cr8 = lapic_get_cr8(&vcpu->lapic);
	s->efer = control->efer;
	s->apic_base = lapic_base(&vcpu->lapic);
	if (shown_interrupt(&vcpu->events, &vector))
		s->interrupt_bitmap[vector / 64] = 1ull << (vector % 64);
	return 0;
}

/* What the CPU would refuse at entry, or could only hold after an illegal MOV. */
static int check_sregs(struct vcpu *vcpu, const struct minivmm_sregs *s)
{
	const struct cpuid_features *has = &vcpu->cpuid.has;
	bool long_mode = (s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG);

	if (s->cr0 & ~(u64)CR0_KNOWN)
		return refuse(&vcpu->error, -EINVAL, "cr0", s->cr0, "reserved bits must be 0");
	if ((s->cr0 & X86_CR0_PG) && !(s->cr0 & X86_CR0_PE))
		return refuse(&vcpu->error, -EINVAL, "cr0", s->cr0, "PG needs PE");
	if ((s->cr0 & X86_CR0_NW) && !(s->cr0 & X86_CR0_CD))
		return refuse(&vcpu->error, -EINVAL, "cr0", s->cr0, "NW needs CD");
	if (s->cr4 & ~(has->cr4_allowed | (control_host.cr4 & CONTROL_CR4_BASIC)))
		return refuse(&vcpu->error, -EINVAL, "cr4", s->cr4,
			      "bits of features the vCPU's CPUID or this host does not have");
	if (s->efer & ~has->efer_allowed)
		return refuse(&vcpu->error, -EINVAL, "efer", s->efer,
			      "bits of features the vCPU's CPUID does not have");
	if (long_mode && (!(s->cr4 & X86_CR4_PAE) || !(s->efer & EFER_LMA)))
		return refuse(&vcpu->error, -EINVAL, "efer", s->efer,
			      "long mode with paging needs CR4.PAE and EFER.LMA");
	if (long_mode && s->cs.l && s->cs.db)
		return refuse(&vcpu->error, -EINVAL, "cs", s->cs.type,
			      "a code segment cannot have both L and DB");
	if (!long_mode && (s->efer & EFER_LMA))
		return refuse(&vcpu->error, -EINVAL, "efer", s->efer,
			      "LMA needs LME and paging");
	if (!long_mode && s->cs.l)
		return refuse(&vcpu->error, -EINVAL, "cs.l", s->cs.l,
			      "a 64-bit code segment needs long mode");
	if (long_mode && (s->cr3 & GENMASK_ULL(62, boot_cpu_data.x86_phys_bits)))
		return refuse(&vcpu->error, -EINVAL, "cr3", s->cr3,
			      "bits beyond the physical address width");
	if (s->cr8 > 15)
		return refuse(&vcpu->error, -EINVAL, "cr8", s->cr8, "has 4 bits");
	return 0;
}

static void set_segments(struct vcpu *vcpu, const struct minivmm_sregs *s)
{
	set_segment(vcpu, SEG_CS, &s->cs);
	set_segment(vcpu, SEG_DS, &s->ds);
	set_segment(vcpu, SEG_ES, &s->es);
	set_segment(vcpu, SEG_FS, &s->fs);
	set_segment(vcpu, SEG_GS, &s->gs);
	set_segment(vcpu, SEG_SS, &s->ss);
	set_segment(vcpu, BACKEND_TR, &s->tr);
	set_segment(vcpu, BACKEND_LDTR, &s->ldt);
	backend_call(set_table)(vcpu, false, s->gdt.base, s->gdt.limit);
	backend_call(set_table)(vcpu, true, s->idt.base, s->idt.limit);
}

static void set_pending_interrupt(struct vcpu *vcpu, const u64 *bitmap)
{
	unsigned int i;

	vcpu->events.interrupt.injected = false;
	for (i = 0; i < 4; i++)
		if (bitmap[i]) {
			vcpu->events.interrupt.injected = true;
			vcpu->events.interrupt.vector = i * 64 + __ffs64(bitmap[i]);
			vcpu->events.user_interrupt = false;
		}
}

/* With real-mode state at the reset vector a waiting processor starts, as after SIPI. */
static void start_if_reset(struct vcpu *vcpu, const struct minivmm_sregs *s)
{
	if (vcpu_is_bsp(vcpu) && vcpu_rip(vcpu) == 0xfff0 && s->cs.selector == 0xf000 &&
	    s->cs.base == 0xffff0000 && !(s->cr0 & X86_CR0_PE))
		vcpu->mp_state = MINIVMM_MP_STATE_RUNNABLE;
}

static int set_sregs(void *object, void *data)
{
	const struct minivmm_sregs *s = data;
	struct vcpu *vcpu = object;
	int err = check_sregs(vcpu, s);

	if (!err && lapic_set_base(vcpu, s->apic_base, true))
		err = refuse(&vcpu->error, -EINVAL, "apic_base", s->apic_base,
			     "reserved bits, or x2APIC without xAPIC");
	if (err)
		return err;
	vcpu->insn.stale = true;
	*vcpu_control(vcpu) = (struct control_regs){
		.cr0 = s->cr0 | X86_CR0_ET, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer,
	};
	vcpu->cr2 = s->cr2;
	lapic_set_cr8(&vcpu->lapic, s->cr8);
	set_segments(vcpu, s);
	set_pending_interrupt(vcpu, s->interrupt_bitmap);
	backend_call(sync_control)(vcpu);
	start_if_reset(vcpu, s);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

static int get_fpu(void *object, void *data)
{
	xstate_get_fpu(object, data);
	return 0;
}

static int set_fpu(void *object, void *data)
{
	return xstate_set_fpu(object, data);
}

static int get_xsave(void *object, void *data)
{
	xstate_get(object, data, sizeof(struct minivmm_xsave));
	return 0;
}

/* SET_XSAVE's size is that of CAP_XSAVE2, not the one in its number. */
static long set_xsave(void *object, unsigned long arg)
{
	unsigned int size = max_t(unsigned int, xstate_size(), sizeof(struct minivmm_xsave));
	void *buf = memdup_user((void __user *)arg, size);
	int err;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	err = xstate_set(object, buf, size);
	kfree(buf);
	return err;
}

static long get_xsave2(void *object, unsigned long arg)
{
	unsigned int size = max_t(unsigned int, xstate_size(), sizeof(struct minivmm_xsave));
	void *buf = kzalloc(size, GFP_KERNEL_ACCOUNT);
	long ret;

	if (!buf)
		return -ENOMEM;
	xstate_get(object, buf, size);
	ret = copy_to_user((void __user *)arg, buf, size) ? -EFAULT : 0;
	kfree(buf);
	return ret;
}

static int get_xcrs(void *object, void *data)
{
	const struct vcpu *vcpu = object;
	struct minivmm_xcrs *x = data;

	x->nr_xcrs = 1;
	x->xcrs[0].xcr = 0;
	x->xcrs[0].value = vcpu->xstate.xcr0;
	return 0;
}

static int set_xcrs(void *object, void *data)
{
	const struct minivmm_xcrs *x = data;
	struct vcpu *vcpu = object;
	unsigned int i;

	if (x->nr_xcrs > MINIVMM_MAX_XCRS || x->flags)
		return refuse(&vcpu->error, -EINVAL, "nr_xcrs, flags", x->nr_xcrs,
			      "at most 16 registers and no flags");
	for (i = 0; i < x->nr_xcrs; i++)
		if (!x->xcrs[i].xcr && xstate_set_xcr0(vcpu, x->xcrs[i].value))
			return refuse(&vcpu->error, -EINVAL, "xcr0", x->xcrs[i].value,
				      "x87 is always on, and only what CPUID leaf 0xD offers");
	return 0;
}

static int get_msr(void *object, u32 index, u64 *value)
{
	return msr_get(object, index, value, true);
}

static long get_msrs(void *object, unsigned long arg)
{
	return msr_array_get((struct minivmm_msrs __user *)arg, get_msr, object);
}

static long set_msrs(void *object, unsigned long arg)
{
	return msr_array_set((struct minivmm_msrs __user *)arg, object);
}

static int get_lapic(void *object, void *data)
{
	return lapic_get_state(object, data);
}

static int set_lapic(void *object, void *data)
{
	return lapic_set_state(object, data);
}

static int get_mp_state(void *object, void *data)
{
	const struct vcpu *vcpu = object;
	struct minivmm_mp_state *state = data;

	state->mp_state = vcpu->mp_state;
	return 0;
}

/*
 * What has come for this vCPU since its last RUN is in what a call gives, whichever
 * is called first.
 */
static void settle(struct vcpu *vcpu)
{
	if (lapic_has_events(&vcpu->lapic))
		vcpu_take_init_and_sipi(vcpu);
	vcpu_settle_debug(vcpu);
}

static int set_mp_state(void *object, void *data)
{
	const struct minivmm_mp_state *state = data;
	struct vcpu *vcpu = object;

	if (!vcpu->lapic.in_kernel && state->mp_state != MINIVMM_MP_STATE_RUNNABLE)
		return refuse(&vcpu->error, -EINVAL, "mp_state", state->mp_state,
			      "only RUNNABLE without in-kernel irqchip");
	switch (state->mp_state) {
	case MINIVMM_MP_STATE_RUNNABLE:
	case MINIVMM_MP_STATE_UNINITIALIZED:
	case MINIVMM_MP_STATE_INIT_RECEIVED:
	case MINIVMM_MP_STATE_HALTED:
		vcpu->mp_state = state->mp_state;
		return 0;
	case MINIVMM_MP_STATE_SIPI_RECEIVED:
		vcpu->mp_state = MINIVMM_MP_STATE_INIT_RECEIVED;
		lapic_set_sipi(vcpu);
		return 0;
	default:
		return refuse(&vcpu->error, -EINVAL, "mp_state", state->mp_state,
			      "not a state of an x86 vCPU");
	}
}

static int get_vcpu_events(void *object, void *data)
{
	struct minivmm_vcpu_events *out = data;
	struct vcpu *vcpu = object;
	const struct vcpu_events *ev = &vcpu->events;

	vcpu_limit_nmis(vcpu);
	out->exception.injected = ev->exception.injected || ev->exception.pending;
	out->exception.nr = ev->exception.vector;
	out->exception.has_error_code = ev->exception.has_error;
	out->exception.error_code = ev->exception.error;
	out->interrupt.injected = shown_interrupt(ev, &out->interrupt.nr);
	out->interrupt.shadow = vcpu_irq_shadow(vcpu) ? MINIVMM_X86_SHADOW_INT_STI : 0;
	out->nmi.injected = ev->nmi_injected;
	out->nmi.pending = atomic_read(&ev->nmi_pending);
	out->nmi.masked = vcpu_nmi_masked(vcpu);
	out->flags = MINIVMM_VCPUEVENT_VALID_NMI_PENDING | MINIVMM_VCPUEVENT_VALID_SHADOW;
	if (READ_ONCE(vcpu->vm->triple_fault_event)) {
		out->triple_fault.pending = ev->triple_fault;
		out->flags |= MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static u32 event_flags(const struct vcpu *vcpu)
{
	return MINIVMM_VCPUEVENT_VALID_NMI_PENDING | MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR |
	       MINIVMM_VCPUEVENT_VALID_SHADOW |
	       (READ_ONCE(vcpu->vm->triple_fault_event) ? MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT : 0);
}

static int set_vcpu_events(void *object, void *data)
{
	const struct minivmm_vcpu_events *in = data;
	struct vcpu *vcpu = object;
	struct vcpu_events *ev = &vcpu->events;

	if (in->flags & ~event_flags(vcpu))
		return refuse(&vcpu->error, -EINVAL, "flags", in->flags, "unknown flags");
	if (in->exception.injected && (in->exception.nr > 31 || in->exception.nr == 2))
		return refuse(&vcpu->error, -EINVAL, "exception.nr", in->exception.nr,
			      "exceptions are 0 to 31 without NMI");
	ev->exception.injected = in->exception.injected;
	ev->exception.pending = false;
	ev->exception.behind = false;
	ev->exception.vector = in->exception.nr;
	/* RIP is their instruction's, as KVM gives and takes it. */
	ev->exception.insn_len = in->exception.nr == VEC_BP || in->exception.nr == VEC_OF;
	ev->exception.has_error = in->exception.has_error_code && (vcpu_cr0(vcpu) & X86_CR0_PE);
	ev->exception.error = in->exception.error_code;
	ev->user_interrupt = false;
	/* A software interrupt is made again: RIP is its INT's. */
	ev->interrupt.injected = in->interrupt.injected && !in->interrupt.soft;
	ev->interrupt.vector = in->interrupt.nr;
	if (in->flags & MINIVMM_VCPUEVENT_VALID_SHADOW)
		vcpu_set_irq_shadow(vcpu, in->interrupt.shadow);
	if ((in->flags & MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR) && vcpu->lapic.in_kernel)
		WRITE_ONCE(vcpu->lapic.sipi_vector, in->sipi_vector);
	ev->nmi_injected = in->nmi.injected;
	vcpu_set_nmi_masked(vcpu, in->nmi.masked);
	if (in->flags & MINIVMM_VCPUEVENT_VALID_NMI_PENDING)
		atomic_set(&ev->nmi_pending, min_t(u8, in->nmi.pending, 2));
	vcpu_limit_nmis(vcpu);
	if (in->flags & MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT)
		ev->triple_fault = in->triple_fault.pending;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

static int get_debugregs(void *object, void *data)
{
	debug_regs_get(object, data);
	return 0;
}

static int set_debugregs(void *object, void *data)
{
	return debug_regs_set(object, data);
}

static int set_guest_debug(void *object, void *data)
{
	return debug_set(object, data);
}

static long get_tsc_khz(void *object, unsigned long unused)
{
	return ((struct vcpu *)object)->tsc_khz;
}

static long set_tsc_khz(void *object, unsigned long khz)
{
	return pv_set_tsc_khz(object, khz);
}

static long set_cpuid2(void *object, unsigned long arg)
{
	struct minivmm_cpuid2 __user *argp = (void __user *)arg;
	struct minivmm_cpuid_entry2 *entries;
	struct minivmm_cpuid2 head;
	struct vcpu *vcpu = object;
	int err;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (head.nent > CPUID_MAX_ENTRIES)
		return refuse(&vcpu->error, -E2BIG, "nent", head.nent, "at most 256 entries");
	entries = vmemdup_user(argp->entries, array_size(head.nent, sizeof(*entries)));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	err = cpuid_set(vcpu, entries, head.nent);
	if (err)
		kvfree(entries);
	return err;
}

static long get_cpuid2(void *object, unsigned long arg)
{
	struct minivmm_cpuid2 __user *argp = (void __user *)arg;
	struct minivmm_cpuid_entry2 e;
	struct vcpu *vcpu = object;
	u32 room, i;

	if (get_user(room, &argp->nent) || put_user(vcpu->cpuid.count, &argp->nent))
		return -EFAULT;
	if (room < vcpu->cpuid.count)
		return -E2BIG;
	for (i = 0; i < vcpu->cpuid.count; i++) {
		e = cpuid_shown(vcpu, &vcpu->cpuid.entries[i]);
		if (copy_to_user(&argp->entries[i], &e, sizeof(e)))
			return -EFAULT;
	}
	return 0;
}

static long queue_nmi(void *object, unsigned long unused)
{
	vcpu_queue_nmi(object);
	return 0;
}

static int queue_interrupt(void *object, void *data)
{
	const struct minivmm_interrupt *irq = data;
	struct vcpu *vcpu = object;

	if (irq->irq > 255)
		return refuse(&vcpu->error, -EINVAL, "irq", irq->irq, "a vector is 0 to 255");
	if (vcpu->lapic.in_kernel)
		return refuse(&vcpu->error, -ENXIO, "irqchip", 1,
			      "the in-kernel irqchip delivers interrupts: use IRQ_LINE");
	if (vcpu->events.user_interrupt)
		return refuse(&vcpu->error, -EEXIST, "irq", irq->irq,
			      "an interrupt is waiting already: see ready_for_interrupt_injection");
	vcpu->events.user_vector = irq->irq;
	vcpu->events.user_interrupt = true;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

static long set_signal_mask(void *object, unsigned long arg)
{
	struct minivmm_signal_mask __user *argp = (void __user *)arg;
	struct vcpu *vcpu = object;
	sigset_t mask;
	u32 len;

	vcpu->sigmask_set = false;
	if (!arg)
		return 0;
	if (get_user(len, &argp->len))
		return -EFAULT;
	if (len != sizeof(mask))
		return refuse(&vcpu->error, -EINVAL, "len", len, "must be the kernel's 8 bytes");
	if (copy_from_user(&mask, argp->sigset, sizeof(mask)))
		return -EFAULT;
	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigmask = mask;
	vcpu->sigmask_set = true;
	return 0;
}

static int setup_mce(void *object, void *data)
{
	return mce_set_cap(object, *(u64 *)data);
}

static int set_mce(void *object, void *data)
{
	return mce_report(object, data);
}

/* There is no page to keep the TPR in: CAP_VAPIC is 0. */
static int set_vapic_addr(void *object, void *data)
{
	const struct minivmm_vapic_addr *in = data;
	struct vcpu *vcpu = object;

	if (!vcpu->lapic.in_kernel)
		return refuse(&vcpu->error, -EINVAL, "irqchip", 0, "no in-kernel irqchip");
	if (in->vapic_addr && !memory_has_slot(vcpu, in->vapic_addr))
		return refuse(&vcpu->error, -EINVAL, "vapic_addr", in->vapic_addr,
			      "no slot has this address");
	return 0;
}

static int set_tpr_reporting(void *object, void *data)
{
	const struct minivmm_tpr_access_ctl *in = data;
	struct vcpu *vcpu = object;

	if (in->flags)
		return refuse(&vcpu->error, -EINVAL, "flags", in->flags, "must be 0");
	lapic_set_tpr_reporting(vcpu, in->enabled);
	return 0;
}

static long clock_ctrl(void *object, unsigned long unused)
{
	return pv_guest_stopped(object);
}

static int translate(void *object, void *data)
{
	struct minivmm_translation *t = data;
	bool writable = false, user = false;
	u64 gpa = 0;

	t->valid = insn_translate(object, t->linear_address, &gpa, &writable, &user);
	t->physical_address = t->valid ? gpa : ~0ull;
	t->writeable = writable;
	t->usermode = user;
	return 0;
}

static long get_stats_fd(void *object, unsigned long arg)
{
	return stats_vcpu_fd(object);
}

static long get_last_error(void *object, unsigned long arg)
{
	struct vcpu *vcpu = object;

	return explain_get(&vcpu->error, (void __user *)arg);
}

static const struct ioctl_entry vcpu_ioctls[] = {
	IOCTL_FIXED(MINIVMM_GET_REGS, get_regs),
	IOCTL_FIXED(MINIVMM_SET_REGS, set_regs),
	IOCTL_FIXED(MINIVMM_GET_SREGS, get_sregs),
	IOCTL_FIXED(MINIVMM_SET_SREGS, set_sregs),
	IOCTL_FIXED(MINIVMM_GET_FPU, get_fpu),
	IOCTL_FIXED(MINIVMM_SET_FPU, set_fpu),
	IOCTL_FIXED(MINIVMM_GET_XSAVE, get_xsave),
	IOCTL_RAW(MINIVMM_SET_XSAVE, set_xsave),
	IOCTL_RAW(MINIVMM_GET_XSAVE2, get_xsave2),
	IOCTL_FIXED(MINIVMM_GET_XCRS, get_xcrs),
	IOCTL_FIXED(MINIVMM_SET_XCRS, set_xcrs),
	IOCTL_RAW(MINIVMM_GET_MSRS, get_msrs),
	IOCTL_RAW(MINIVMM_SET_MSRS, set_msrs),
	IOCTL_FIXED(MINIVMM_GET_LAPIC, get_lapic),
	IOCTL_FIXED(MINIVMM_SET_LAPIC, set_lapic),
	IOCTL_FIXED(MINIVMM_GET_MP_STATE, get_mp_state),
	IOCTL_FIXED(MINIVMM_SET_MP_STATE, set_mp_state),
	IOCTL_FIXED(MINIVMM_GET_VCPU_EVENTS, get_vcpu_events),
	IOCTL_FIXED(MINIVMM_SET_VCPU_EVENTS, set_vcpu_events),
	IOCTL_FIXED(MINIVMM_GET_DEBUGREGS, get_debugregs),
	IOCTL_FIXED(MINIVMM_SET_DEBUGREGS, set_debugregs),
	IOCTL_FIXED(MINIVMM_SET_GUEST_DEBUG, set_guest_debug),
	IOCTL_RAW(MINIVMM_GET_TSC_KHZ, get_tsc_khz),
	IOCTL_RAW(MINIVMM_SET_TSC_KHZ, set_tsc_khz),
	IOCTL_RAW(MINIVMM_SET_CPUID2, set_cpuid2),
	IOCTL_RAW(MINIVMM_GET_CPUID2, get_cpuid2),
	IOCTL_RAW(MINIVMM_NMI, queue_nmi),
	IOCTL_FIXED(MINIVMM_INTERRUPT, queue_interrupt),
	IOCTL_RAW(MINIVMM_SET_SIGNAL_MASK, set_signal_mask),
	IOCTL_FIXED(MINIVMM_X86_SETUP_MCE, setup_mce),
	IOCTL_FIXED(MINIVMM_X86_SET_MCE, set_mce),
	IOCTL_FIXED(MINIVMM_SET_VAPIC_ADDR, set_vapic_addr),
	IOCTL_FIXED(MINIVMM_TPR_ACCESS_REPORTING, set_tpr_reporting),
	IOCTL_RAW(MINIVMM_KVMCLOCK_CTRL, clock_ctrl),
	IOCTL_FIXED(MINIVMM_TRANSLATE, translate),
	IOCTL_RAW(MINIVMM_GET_STATS_FD, get_stats_fd),
	IOCTL_RAW(MINIVMM_GET_LAST_ERROR, get_last_error),
};

long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;
	long ret;

	if (current->mm != vcpu->vm->mm)
		return -EIO;
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (cmd == MINIVMM_RUN) {
		ret = arg ? -EINVAL : vcpu_run(vcpu);
	} else {
		if (cmd != MINIVMM_GET_LAST_ERROR)
			explain_source(&vcpu->error, _IOC_NR(cmd));
		vcpu_need(vcpu, VCPU_STATE);
		if (_IOC_DIR(cmd) & _IOC_READ)
			settle(vcpu);
		ret = ioctl_call(ioctl_find(vcpu_ioctls, ARRAY_SIZE(vcpu_ioctls), cmd), vcpu, arg);
	}
	mutex_unlock(&vcpu->lock);
	return ret;
}
