/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The emulator's ops for a vCPU, which is emul.ctx, and what the insn files share; theirs alone.
 */
#ifndef MINIVMM_CPU_INSN_OPS_H
#define MINIVMM_CPU_INSN_OPS_H

#include "../emulator/emulator.h"
#include "../io/bus.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"

static inline struct vcpu *to_vcpu(struct emul *e)
{
	return e->ctx;
}

/* insn_regs.c: registers. */
void insn_segment(struct emul *e, enum sreg seg, struct segment *out);
void insn_set_segment(struct emul *e, enum sreg seg, const struct segment *in);
void insn_table(struct emul *e, bool idt, struct table_register *out);
void insn_set_table(struct emul *e, bool idt, const struct table_register *in);
void insn_set_cr0(struct emul *e, u64 cr0);
bool insn_set_cr3(struct emul *e, u64 cr3);
bool insn_cpu_has(struct emul *e, enum emul_feature feature);
void insn_vec_read(struct emul *e, unsigned int reg, void *buf, unsigned int len);
void insn_vec_write(struct emul *e, unsigned int reg, const void *buf, unsigned int len);
void insn_fpu_read(struct emul *e, struct emul_fpu *out);
void insn_fpu_write(struct emul *e, const struct emul_fpu *in);
void insn_mmx_read(struct emul *e, unsigned int reg, u64 *val);
void insn_mmx_write(struct emul *e, unsigned int reg, u64 val);
void insn_mmx_used(struct emul *e);

/* insn.c: the instruction that is decoded runs, from its start, when userspace has read @gpa. */
void insn_await(struct insn_state *em, u64 gpa);

/* insn_access.c: memory, devices, ports. */
int insn_op_read(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int access);
int insn_op_write(struct emul *e, u64 linear, const void *buf, unsigned int len);
int insn_op_compare_exchange(struct emul *e, u64 linear, const void *old, const void *new,
			     unsigned int len);
int insn_op_probe(struct emul *e, u64 linear, unsigned int len, unsigned int access);
int insn_op_fetch(struct emul *e, u64 linear, void *buf, unsigned int len, unsigned int *got);
int insn_op_pio_in(struct emul *e, u16 port, unsigned int size, unsigned int count);
int insn_op_pio_out(struct emul *e, u16 port, unsigned int size, unsigned int count);

/* The data of a write are the caller's to hand over. */
static inline void insn_report_mmio(struct minivmm_run *run, u64 gpa, unsigned int len,
				    bool is_write)
{
	run->exit_reason = MINIVMM_EXIT_MMIO;
	run->mmio.phys_addr = gpa;
	run->mmio.len = len;
	run->mmio.is_write = is_write;
}

/* Whether a device or eventfd of the kernel took it; then a read has set *@data. */
static inline bool insn_in_kernel(struct vcpu *vcpu, u64 gpa, unsigned int len, bool is_write,
				  u64 *data)
{
	return (vcpu->lapic.in_kernel || bus_may_take(&vcpu->vm->bus, BUS_MEMORY, gpa)) &&
	       bus_memory(vcpu, gpa, len, is_write, data);
}

#endif /* MINIVMM_CPU_INSN_OPS_H */
