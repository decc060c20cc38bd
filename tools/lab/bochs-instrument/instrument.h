// SPDX-License-Identifier: GPL-2.0-or-later
//
// Counts of the instructions that Bochs executes: the hooks that Bochs expects
// of its --enable-instrumentation folder, all but three empty. See instrument.cc.

class bxInstruction_c;

void counts_begin();
void counts_instruction(const bxInstruction_c *i);
void counts_port_write(unsigned port, unsigned value);

#define BX_INSTR_INITIALIZE(cpu)			counts_begin()
#define BX_INSTR_BEFORE_EXECUTION(cpu, i)		counts_instruction(i)
#define BX_INSTR_OUTP(port, size, value)		counts_port_write(port, value)

#define BX_INSTR_INIT_ENV()
#define BX_INSTR_EXIT_ENV()
#define BX_INSTR_EXIT(cpu)
#define BX_INSTR_RESET(cpu, type)
#define BX_INSTR_HLT(cpu)
#define BX_INSTR_MWAIT(cpu, address, size, flags)
#define BX_INSTR_CNEAR_BRANCH_TAKEN(cpu, from, to)
#define BX_INSTR_CNEAR_BRANCH_NOT_TAKEN(cpu, from)
#define BX_INSTR_UCNEAR_BRANCH(cpu, what, from, to)
#define BX_INSTR_FAR_BRANCH(cpu, what, from_cs, from, to_cs, to)
#define BX_INSTR_OPCODE(cpu, i, bytes, size, is32, is64)
#define BX_INSTR_EXCEPTION(cpu, vector, error_code)
#define BX_INSTR_INTERRUPT(cpu, vector)
#define BX_INSTR_HWINTERRUPT(cpu, vector, cs, rip)
#define BX_INSTR_CLFLUSH(cpu, linear, physical)
#define BX_INSTR_CACHE_CNTRL(cpu, what)
#define BX_INSTR_TLB_CNTRL(cpu, what, cr3)
#define BX_INSTR_PREFETCH_HINT(cpu, what, segment, offset)
#define BX_INSTR_AFTER_EXECUTION(cpu, i)
#define BX_INSTR_REPEAT_ITERATION(cpu, i)
#define BX_INSTR_LIN_ACCESS(cpu, linear, physical, size, type, rw)
#define BX_INSTR_PHY_ACCESS(cpu, physical, size, type, rw)
#define BX_INSTR_INP(port, size)
#define BX_INSTR_INP2(port, size, value)
#define BX_INSTR_WRMSR(cpu, index, value)
#define BX_INSTR_VMEXIT(cpu, reason, qualification)
