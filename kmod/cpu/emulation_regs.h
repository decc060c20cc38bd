/* SPDX-License-Identifier: GPL-2.0 */
/* The emulator's ops on registers of a vCPU, which is emul.ctx; emulation.c's alone. */
#ifndef MINIVMM_CPU_EMULATION_REGS_H
#define MINIVMM_CPU_EMULATION_REGS_H

#include "../emulator/emulator.h"

void emulation_segment(struct emul *e, enum sreg seg, struct segment *out);
void emulation_set_segment(struct emul *e, enum sreg seg, const struct segment *in);
void emulation_table(struct emul *e, bool idt, struct table_register *out);
void emulation_set_table(struct emul *e, bool idt, const struct table_register *in);
void emulation_set_cr0(struct emul *e, u64 cr0);
bool emulation_set_cr3(struct emul *e, u64 cr3);
bool emulation_cpu_has(struct emul *e, enum emul_feature feature);
void emulation_vec_read(struct emul *e, unsigned int reg, void *buf, unsigned int len);
void emulation_vec_write(struct emul *e, unsigned int reg, const void *buf, unsigned int len);
void emulation_fpu_read(struct emul *e, struct emul_fpu *out);
void emulation_fpu_write(struct emul *e, const struct emul_fpu *in);
void emulation_mmx_read(struct emul *e, unsigned int reg, u64 *val);
void emulation_mmx_write(struct emul *e, unsigned int reg, u64 val);
void emulation_mmx_used(struct emul *e);

#endif /* MINIVMM_CPU_EMULATION_REGS_H */
