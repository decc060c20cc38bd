// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a vCPU looked like when it could not go on: registers, segments, code at RIP. Called once,
 * on the vCPU's own thread, with the guest stopped there.
 */
#include <sys/ioctl.h>

#include <minivmm.h>

#include "machine.h"
#include "vcpu.h"

#define CODE_BYTES	16

static void append_regs(struct error *err, const struct minivmm_regs *r)
{
	error__append(err, "\n  rip %016llx rflags %016llx rsp %016llx", r->rip, r->rflags, r->rsp);
	error__append(err, "\n  rax %016llx rbx %016llx rcx %016llx rdx %016llx", r->rax, r->rbx, r->rcx,
	       r->rdx);
	error__append(err, "\n  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", r->rsi, r->rdi, r->rbp,
	       r->r8);
	error__append(err, "\n  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", r->r9, r->r10, r->r11,
	       r->r12);
	error__append(err, "\n  r13 %016llx r14 %016llx r15 %016llx", r->r13, r->r14, r->r15);
}

static void append_segment(struct error *err, const char *name, const struct minivmm_segment *s)
{
	error__append(err, "\n  %s %04x base %016llx limit %08x type %x dpl %u s %u db %u l %u", name,
	       s->selector, s->base, s->limit, s->type, s->dpl, s->s, s->db, s->l);
}

static void append_sregs(struct error *err, const struct minivmm_sregs *s)
{
	append_segment(err, "cs", &s->cs);
	append_segment(err, "ss", &s->ss);
	append_segment(err, "ds", &s->ds);
	append_segment(err, "tr", &s->tr);
	error__append(err, "\n  gdt %016llx/%04x idt %016llx/%04x", s->gdt.base, s->gdt.limit,
	       s->idt.base, s->idt.limit);
	error__append(err, "\n  cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx apic %llx", s->cr0, s->cr2,
	       s->cr3, s->cr4, s->efer, s->apic_base);
}

static void append_code(struct error *err, const struct vcpu *vcpu, uint64_t linear)
{
	struct minivmm_translation where = { .linear_address = linear };
	uint8_t code[CODE_BYTES];

	if (ioctl(vcpu->fd, MINIVMM_TRANSLATE, &where) < 0 || !where.valid ||
	    memory__read(vcpu->m->memory, where.physical_address, code, sizeof(code)) < 0)
		return;
	error__append(err, "\n  code at %llx (gpa %llx):", (unsigned long long)linear,
	       where.physical_address);
	for (unsigned int i = 0; i < CODE_BYTES; i++)
		error__append(err, " %02x", code[i]);
}

void vcpu__describe(const struct vcpu *vcpu, struct error *err)
{
	struct minivmm_regs regs;
	struct minivmm_sregs sregs;

	if (ioctl(vcpu->fd, MINIVMM_GET_REGS, &regs) < 0 ||
	    ioctl(vcpu->fd, MINIVMM_GET_SREGS, &sregs) < 0)
		return;
	append_regs(err, &regs);
	append_sregs(err, &sregs);
	append_code(err, vcpu, sregs.cs.base + regs.rip);
}
