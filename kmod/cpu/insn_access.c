// SPDX-License-Identifier: GPL-2.0
/*
 * What an instruction reads and writes: the emulator's ops on memory, devices and ports, and the
 * transcript that lets it be run again from its start after userspace has completed an access.
 */
#include <linux/mm.h>

#include "../io/bus.h"
#include "../memory/access.h"
#include "../memory/slots.h"
#include "../mmu/walk.h"
#include "../report/trace.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "insn.h"
#include "insn_ops.h"

/* What a failed access to guest memory means for the instruction. */
static int memory_result(struct vcpu *vcpu, int err)
{
	switch (err) {
	case 0:
		return EMUL_DONE;
	case -ENOENT:
	case -EROFS:
		return EMUL_UNHANDLED;
	case -EAGAIN:
		return EMUL_RETRY;
	default:
		vcpu->insn.error = err;
		return EMUL_RETRY;
	}
}

static int read_pte(void *ctx, u64 gpa, unsigned int size, u64 *val)
{
	*val = 0;
	return guest_read(ctx, gpa, val, size);
}

static int cmpxchg_pte(void *ctx, u64 gpa, unsigned int size, u64 old, u64 new)
{
	int ret = guest_cmpxchg(ctx, gpa, &old, &new, size);

	return ret > 0 ? -EAGAIN : ret;
}

static const struct walk_ops walk_ops = { .read_pte = read_pte, .cmpxchg_pte = cmpxchg_pte };
static const struct walk_ops walk_ops_silent = { .read_pte = read_pte };

static int fill_walk_mode(struct vcpu *vcpu, struct walk_mode *mode)
{
	const struct control_regs *control = vcpu_control(vcpu);

	*mode = (struct walk_mode){
		.cr3 = control->cr3,
		.levels = vcpu_paging_levels(vcpu),
		.phys_bits = vcpu->cpuid.has.phys_bits,
		.wp = control->cr0 & X86_CR0_WP,
		.pse = control->cr4 & X86_CR4_PSE,
		.pse36 = vcpu->cpuid.has.pse36,
		.smep = control->cr4 & X86_CR4_SMEP,
		.smap = control->cr4 & X86_CR4_SMAP,
		.pku = control->cr4 & X86_CR4_PKE,
		.pkru = vcpu->xstate.pkru,
		.nxe = control->efer & EFER_NX,
		.gbpages = vcpu->cpuid.has.gbpages,
		.nonleaf_bit8_rsvd = vcpu->cpuid.has.amd,
	};
	if (mode->levels != 3)
		return 0;
	return guest_read_pdptes(vcpu, mode->pdpte);
}

static void remember(struct insn_state *em, u64 linear, u32 access, u64 gpa)
{
	em->last = (struct insn_translation){
		.linear = linear & PAGE_MASK, .gpa = gpa & PAGE_MASK, .access = access, .valid = true,
	};
}

/* Did the CPU exit for just this access of the instruction's operand? Then it has translated it. */
static bool is_faulting_access(const struct vcpu *vcpu, u64 linear, u32 access)
{
	const struct exit_info *exit = &vcpu->exit;

	return (exit->kind == EXIT_FAULT || exit->kind == EXIT_APIC_ACCESS) && exit->fault.final &&
	       linear == vcpu->insn.e.linear &&
	       offset_in_page(linear) == offset_in_page(exit->fault.gpa) &&
	       (access & WALK_WRITE) == (exit->fault.access & MMU_WRITE ? WALK_WRITE : 0);
}

/* The translation of this access, if the instruction or the CPU has made it already. */
static bool recall(struct vcpu *vcpu, u64 linear, u32 access, u64 *gpa)
{
	struct insn_state *em = &vcpu->insn;

	if (!em->last.valid && is_faulting_access(vcpu, linear, access))
		remember(em, linear, access, vcpu->exit.fault.gpa);
	if (!em->last.valid || em->last.access != access || em->last.linear != (linear & PAGE_MASK))
		return false;
	*gpa = em->last.gpa | offset_in_page(linear);
	return true;
}

static int translate(struct emul *e, u64 linear, u32 access, u64 *gpa)
{
	struct vcpu *vcpu = to_vcpu(e);
	struct walk_result result;
	struct walk_mode mode;
	int ret;

	if (unlikely(vcpu->insn.posted))
		return EMUL_EXIT;	/* it was not the last access */
	if (!e->system && e->cpl == 3)
		access |= WALK_USER;
	if (!e->system && (vcpu_rflags(vcpu) & X86_EFLAGS_AC))
		access |= WALK_AC;
	if (recall(vcpu, linear, access, gpa))
		return EMUL_DONE;
	ret = fill_walk_mode(vcpu, &mode);
	if (!ret)
		ret = walk_gva(&mode, &walk_ops, vcpu, linear, access, &result);
	if (!ret) {
		*gpa = result.gpa;
		if (!(access & WALK_FETCH))
			remember(&vcpu->insn, linear, access, result.gpa);
	}
	if (ret != WALK_FAULT)
		return memory_result(vcpu, ret);
	e->fault = (struct emul_fault){
		.vector = VEC_PF, .has_error = true,
		.error_code = result.error_code, .cr2 = linear,
	};
	return EMUL_FAULT;
}

bool insn_translate(struct vcpu *vcpu, u64 linear, u64 *gpa, bool *writable, bool *user)
{
	struct walk_result result;
	struct walk_mode mode;

	if (fill_walk_mode(vcpu, &mode) ||
	    walk_gva(&mode, &walk_ops_silent, vcpu, linear, WALK_READ, &result))
		return false;
	*gpa = result.gpa;
	*writable = result.perms & WALK_WRITE;
	*user = result.perms & WALK_USER;
	return true;
}

static unsigned int piece_of(u64 addr, unsigned int len, unsigned int most)
{
	return min3(len, (unsigned int)(PAGE_SIZE - offset_in_page(addr)), most);
}

/* Whether the next access of the instruction was completed already, as one to @gpa. */
static bool is_completed(const struct insn_state *em, u64 gpa)
{
	return em->next < em->done && em->steps[em->next].gpa == gpa;
}

/*
 * If userspace was asked for another access than the instruction now makes, it has changed
 * registers meanwhile: what comes now is new.
 */
static bool from_transcript(struct insn_state *em, u64 gpa, void *data, unsigned int len)
{
	if (!is_completed(em, gpa)) {
		em->done = em->next;
		return false;
	}
	if (data)
		memcpy(data, em->steps[em->next].data, len);
	em->next++;
	return true;
}

/* False: the transcript is full, and the instruction one that nobody issues. */
static bool to_transcript(struct insn_state *em, u64 gpa, const void *data, unsigned int len)
{
	if (em->done == INSN_MAX_STEPS)
		return false;
	memcpy(em->steps[em->done].data, data, len);
	em->steps[em->done].gpa = gpa;
	em->done++;
	em->next = em->done;
	return true;
}

static int ask_user_for_mmio(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write, u64 data)
{
	if (vcpu->insn.done == INSN_MAX_STEPS)
		return EMUL_UNHANDLED;
	trace_mmio(is_write, len, gpa, data, false);
	insn_report_mmio(vcpu->run, gpa, len, is_write);
	vcpu->insn.steps[vcpu->insn.done].gpa = gpa;
	vcpu->insn.reading = !is_write;
	if (is_write)
		memcpy(vcpu->run->mmio.data, &data, len);
	vcpu->insn.posted = is_write && vcpu->insn.may_post;
	return vcpu->insn.posted ? EMUL_DONE : EMUL_EXIT;
}

/*
 * Device memory, at most 8 bytes within a page. A write to userspace counts as done: mostly it is
 * the instruction's last access, and if it is not, the next one ends in EMUL_EXIT.
 */
static int mmio_read(struct vcpu *vcpu, u64 gpa, void *buf, unsigned int len)
{
	struct insn_state *em = &vcpu->insn;
	u64 data = 0;

	if (from_transcript(em, gpa, buf, len))
		return EMUL_DONE;
	if (!insn_in_kernel(vcpu, gpa, len, false, &data))
		return ask_user_for_mmio(vcpu, gpa, len, false, 0);
	trace_mmio(false, len, gpa, data, true);
	memcpy(buf, &data, len);
	return to_transcript(em, gpa, &data, len) ? EMUL_DONE : EMUL_UNHANDLED;
}

static int mmio_write(struct vcpu *vcpu, u64 gpa, const void *buf, unsigned int len)
{
	struct insn_state *em = &vcpu->insn;
	u64 data = 0;

	if (from_transcript(em, gpa, NULL, len))
		return EMUL_DONE;
	memcpy(&data, buf, len);
	if (!insn_in_kernel(vcpu, gpa, len, true, &data))
		return ask_user_for_mmio(vcpu, gpa, len, true, data);
	trace_mmio(true, len, gpa, data, true);
	return to_transcript(em, gpa, &data, len) ? EMUL_DONE : EMUL_UNHANDLED;
}

/* Device memory in one page, at most 8 bytes at a time. */
static int mmio_transfer(struct vcpu *vcpu, u64 gpa, void *buf, unsigned int len, bool write)
{
	while (len) {
		unsigned int n = min(len, 8u);
		int ret = vcpu->insn.posted ? EMUL_EXIT :
			  write ? mmio_write(vcpu, gpa, buf, n) : mmio_read(vcpu, gpa, buf, n);

		if (ret != EMUL_DONE)
			return ret;
		gpa += n;
		buf += n;
		len -= n;
	}
	return EMUL_DONE;
}

/*
 * In one page. What was a device when userspace was asked is one when it has answered, even if
 * it made memory appear there.
 */
static int transfer_in_page(struct vcpu *vcpu, u64 gpa, void *buf, unsigned int len, bool write)
{
	int err = -ENOENT;

	if (!is_completed(&vcpu->insn, gpa))
		err = write ? guest_write(vcpu, gpa, buf, len) : guest_read(vcpu, gpa, buf, len);
	if (err == -ENOENT || err == -EROFS)
		return mmio_transfer(vcpu, gpa, buf, len, write);
	return memory_result(vcpu, err);
}

static int transfer(struct emul *e, u64 linear, void *buf, unsigned int len, u32 access, bool write)
{
	while (len) {
		unsigned int n = piece_of(linear, len, len);
		u64 gpa;
		int ret = translate(e, linear, access, &gpa);

		if (ret == EMUL_DONE)
			ret = transfer_in_page(to_vcpu(e), gpa, buf, n, write);
		if (ret != EMUL_DONE)
			return ret;
		linear += n;
		buf += n;
		len -= n;
	}
	return EMUL_DONE;
}

static u32 walk_access(unsigned int access)
{
	return access == EMUL_WRITE ? WALK_WRITE : WALK_READ;
}

static bool spans_pages(u64 linear, unsigned int len)
{
	return offset_in_page(linear) + len > PAGE_SIZE;
}

/*
 * To change an operand of which one page may be a device's. The memory in the other one is
 * written before userspace is asked: run again, the instruction must not read its own result.
 */
static int read_to_change(struct emul *e, u64 linear, void *buf, unsigned int len)
{
	struct insn_state *em = &to_vcpu(e)->insn;

	while (len) {
		unsigned int n = piece_of(linear, len, 8), next = em->next;
		u64 gpa;
		int ret = translate(e, linear, WALK_WRITE, &gpa);

		if (ret == EMUL_DONE)
			ret = transfer_in_page(to_vcpu(e), gpa, buf, n, false);
		/* Memory was read, now, and what else may be noted is of no use. */
		if (ret == EMUL_DONE && em->next == next) {
			em->done = next;
			ret = to_transcript(em, gpa, buf, n) ? EMUL_DONE : EMUL_UNHANDLED;
		}
		if (ret != EMUL_DONE)
			return ret;
		linear += n;
		buf += n;
		len -= n;
	}
	return EMUL_DONE;
}

int insn_op_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access)
{
	if (unlikely(access == EMUL_WRITE && spans_pages(linear, len)))
		return read_to_change(e, linear, buf, len);
	return transfer(e, linear, buf, len, walk_access(access), false);
}

/* A write to two pages: both must allow it before either is changed. */
static int check_both_pages(struct emul *e, u64 linear)
{
	u64 second = (linear & PAGE_MASK) + PAGE_SIZE, gpa;
	int ret = translate(e, linear, WALK_WRITE, &gpa);

	return ret ? ret : translate(e, second, WALK_WRITE, &gpa);
}

int insn_op_write(struct emul *e, u64 linear, const void *buf, unsigned int len)
{
	int ret = EMUL_DONE;

	if (unlikely(spans_pages(linear, len)))
		ret = check_both_pages(e, linear);
	return ret ? ret : transfer(e, linear, (void *)buf, len, WALK_WRITE, true);
}

int insn_op_compare_exchange(struct emul *e, u64 linear, const void *old, const void *new,
			       unsigned int len)
{
	struct vcpu *vcpu = to_vcpu(e);
	u64 gpa, expected[2];
	int ret = translate(e, linear, WALK_WRITE, &gpa);

	if (ret != EMUL_DONE)
		return ret;
	if (!IS_ALIGNED(gpa, len))
		return EMUL_UNHANDLED;
	memcpy(expected, old, len);
	ret = is_completed(&vcpu->insn, gpa) ? -ENOENT :
					       guest_cmpxchg(vcpu, gpa, expected, new, len);
	if (ret > 0)
		return EMUL_RETRY;
	if (ret == -ENOENT || ret == -EROFS)
		return len > 8 ? EMUL_UNHANDLED : mmio_write(vcpu, gpa, new, len);
	return memory_result(vcpu, ret);
}

int insn_op_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access)
{
	bool ram = true;

	while (len) {
		unsigned int n = piece_of(linear, len, len);
		u64 gpa;
		int ret = translate(e, linear, walk_access(access), &gpa);

		if (ret != EMUL_DONE)
			return ret;
		ram &= memory_has_slot(to_vcpu(e), gpa);
		linear += n;
		len -= n;
	}
	return ram ? EMUL_DONE : EMUL_EXIT;
}

int insn_op_fetch(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int *got)
{
	struct vcpu *vcpu = to_vcpu(e);
	u64 gpa;
	int ret = translate(e, linear, WALK_FETCH, &gpa);

	*got = piece_of(linear, len, len);
	return ret == EMUL_DONE ? memory_result(vcpu, guest_read(vcpu, gpa, buf, *got)) : ret;
}

static int ask_user_for_ports(struct vcpu *vcpu, u16 port, unsigned int size, u64 count, bool in)
{
	struct insn_state *em = &vcpu->insn;
	struct minivmm_run *run = vcpu->run;

	if (em->done == INSN_MAX_STEPS)
		return EMUL_UNHANDLED;
	run->exit_reason = MINIVMM_EXIT_IO;
	run->io.direction = in ? MINIVMM_EXIT_IO_IN : MINIVMM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = VCPU_PIO_PAGE * PAGE_SIZE;
	trace_pio(!in, port, size, count, 0, false);
	if (in)
		memset(vcpu->pio_data, 0, count * size);
	em->steps[em->done].gpa = INSN_PORT;
	memcpy(em->steps[em->done].data, &count, sizeof(count));
	em->reading = false;
	return EMUL_EXIT;
}

/* How many elements, from the first, the kernel's devices and eventfds have taken. */
static unsigned int ports_in_kernel(struct vcpu *vcpu, u16 port, unsigned int size,
				    unsigned int count, bool in)
{
	void *element = vcpu->pio_data;
	unsigned int i;
	u32 data;

	for (i = 0; i < count; i++, element += size) {
		data = 0;
		if (!in)
			memcpy(&data, element, size);
		if (!bus_port(vcpu->vm, port, size, !in, &data))
			break;
		trace_pio(!in, port, size, 1, data, true);
		if (in)
			memcpy(element, &data, size);
	}
	return i;
}

/*
 * Userspace gets a string from its first element on that the kernel does not take:
 * what came before is one step of its own. If it has changed registers so that fewer
 * elements are left than it was given, these are what counts.
 */
static int op_ports(struct emul *e, u16 port, unsigned int size, unsigned int count, bool in)
{
	struct vcpu *vcpu = to_vcpu(e);
	u64 done;

	if (!from_transcript(&vcpu->insn, INSN_PORT, &done, sizeof(done))) {
		done = ports_in_kernel(vcpu, port, size, count, in);
		if (!done)
			return ask_user_for_ports(vcpu, port, size, count, in);
		if (!to_transcript(&vcpu->insn, INSN_PORT, &done, sizeof(done)))
			return EMUL_UNHANDLED;
	}
	e->elements = min_t(u64, done, count);
	return EMUL_DONE;
}

int insn_op_pio_in(struct emul *e, u16 port, unsigned int size, unsigned int count)
{
	return op_ports(e, port, size, count, true);
}

int insn_op_pio_out(struct emul *e, u16 port, unsigned int size, unsigned int count)
{
	return op_ports(e, port, size, count, false);
}
