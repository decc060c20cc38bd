/* SPDX-License-Identifier: GPL-2.0 */
/* The emulator's ops on registers of a vCPU, which is emul.ctx; insn.c's alone. */
#ifndef MINIVMM_CPU_INSN_REGS_H
#define MINIVMM_CPU_INSN_REGS_H

#include "../emulator/emulator.h"

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

#endif /* MINIVMM_CPU_INSN_REGS_H */
