// SPDX-License-Identifier: GPL-2.0-or-later
//
// Counts the instructions that the emulated CPU begins, by opcode, apart for the
// host ("root") and for a guest, and those of the host by place as well, between
// marks that the host sets by OUT:
//
//	port 0x8901, value 0	start from nothing
//	port 0x8901, value N	write what was counted since, with label N, and stop
//
// The port is beside Bochs's own 0x8900 (power-off): no device of the PC is there,
// the 10 bits of it that ISA cards look at are nobody's, and PCI devices get ports
// from 0xc000 on. A guest's OUT, should it come here, is no mark.
//
// $LAB_COUNTS names the file. A line is "LABEL MODE CLASS COUNT"; a class is an
// instruction by name, one of the kinds in `classes`, or
//
//	INSTRUCTIONS	all; a REP is one, and one more each time it is resumed
//	LOCK		with the prefix, and XCHG with memory, which needs none
//
// $LAB_COUNTS.places has lines "LABEL ADDRESS COUNT" for the host, hexadecimal.
//
// $LAB_COUNTS.off has a line "LABEL COUNT ADDRESS": the host's instructions of the
// longest stretch with interrupts off, of those in which a module had a part, and where
// it began. A guest ends one: the host's interrupts end the guest.
//
// Instructions count when they begin: one that faults or exits does, in the mode it
// was begun in, and once more when it is tried again. A mark's own OUT does not.
//
// For one CPU.

#include <err.h>
#include <fnmatch.h>
#include <map>
#include <string>
#include <unordered_map>

#include "bochs.h"
#include "cpu/cpu.h"
#include "cpu/decoder/ia_opcodes.h"

#define MARK_PORT	0x8901
#define NAME_PREFIX	(sizeof("BX_IA_") - 1)
// Where Linux has modules.
#define MODULES_START	0xffffffffc0000000ULL
#define MODULES_END	0xffffffffff000000ULL

enum mode { ROOT, GUEST, MODES };
enum form { REGISTER, MEMORY, LOCKED, FORMS };

static const char *const mode_names[MODES] = { "root", "guest" };

// What costs more than its work, by Bochs's names for opcodes. Without a name of
// its own here, a class has the opcode's up to its operands: INVEPT, VMREAD.
static const struct {
	const char *opcodes;
	const char *name;
} classes[] = {
	{ "MOV_R?CR0", "READ_CR0" },		// and CR8, which differs by operand only
	{ "SMSW_*", "READ_CR0" },
	{ "MOV_R?CR2", "READ_CR2" },
	{ "MOV_R?CR3", "READ_CR3" },
	{ "MOV_R?CR4", "READ_CR4" },
	{ "MOV_CR0R?", "WRITE_CR0" },		// and CR8
	{ "LMSW_*", "WRITE_CR0" },
	{ "CLTS", "WRITE_CR0" },
	{ "MOV_CR2R?", "WRITE_CR2" },
	{ "MOV_CR3R?", "WRITE_CR3" },
	{ "MOV_CR4R?", "WRITE_CR4" },
	{ "MOV_R?D?", "READ_DR" },
	{ "MOV_D?R?", "WRITE_DR" },
	{ "MOV_SwEw", "LOAD_SEGMENT" },
	{ "REP_INS?_*", "IN" },
	{ "REP_OUTS?_*", "OUT" },
	{ "IN_*" }, { "OUT_*" },
	{ "RDMSR*" }, { "WRMSR*" }, { "RDPMC" }, { "RDTSC*" }, { "CPUID" },
	{ "XSAVE*" }, { "XRSTOR*" }, { "FXSAVE" }, { "FXRSTOR" },
	{ "XGETBV" }, { "XSETBV" }, { "RDPKRU" }, { "WRPKRU" },
	{ "VMRUN" }, { "VMLOAD" }, { "VMSAVE" }, { "CLGI" }, { "STGI" }, { "VMMCALL" },
	{ "VMXON_*" }, { "VMXOFF" }, { "VMLAUNCH" }, { "VMRESUME" }, { "VMCALL" }, { "VMFUNC" },
	{ "VMPTRLD_*" }, { "VMPTRST_*" }, { "VMCLEAR_*" }, { "VMREAD_*" }, { "VMWRITE_*" },
	{ "INVLPG*" }, { "INVPCID" }, { "INVEPT" }, { "INVVPID" },
	{ "INVD" }, { "WBINVD" }, { "CLFLUSH*" }, { "CLWB" },
	{ "LGDT_*" }, { "LIDT_*" }, { "LLDT_*" }, { "LTR_*" }, { "VERW_*" },
	{ "RD?SBASE_*" }, { "WR?SBASE_*" }, { "SWAPGS" },
	{ "IRET_*" }, { "SYSCALL*" }, { "SYSRET*" }, { "SYSENTER" }, { "SYSEXIT" },
	{ "LFENCE" }, { "MFENCE" }, { "SFENCE" }, { "SERIALIZE" }, { "PAUSE" },
	{ "HLT" }, { "MONITOR*" }, { "MWAIT*" }, { "RDRAND_*" }, { "RDSEED_*" },
	{ "POPF_*" }, { "CLI" }, { "STI" }, { "CLAC" }, { "STAC" },
};

static Bit64u counts[MODES][BX_IA_LAST][FORMS];
static std::unordered_map<bx_address, Bit64u> places;
static bool counting;
// The counts of the instruction that was begun last.
static Bit64u none, *last = &none, *last_place = &none;
static FILE *file, *places_file, *off_file;

struct stretch {
	Bit64u length;
	bx_address from;
	bool in_module;
};
static stretch off, longest;

static FILE *create(const std::string &name)
{
	FILE *f = fopen(name.c_str(), "w");

	if (!f)
		err(1, "$LAB_COUNTS ('%s')", name.c_str());
	return f;
}

void counts_begin()
{
	const char *name = getenv("LAB_COUNTS");

	file = create(name ? name : "");
	places_file = create(std::string(name) + ".places");
	off_file = create(std::string(name) + ".off");
}

static mode current_mode()
{
	return BX_CPU(0)->in_vmx_guest || BX_CPU(0)->in_svm_guest ? GUEST : ROOT;
}

static void end_stretch()
{
	if (off.in_module && off.length > longest.length)
		longest = off;
	off = stretch();
}

static bool interrupts_are_off()
{
	return !BX_CPU(0)->get_IF() || !BX_CPU(0)->svm_gif;
}

static void count_stretch(mode where, bx_address place)
{
	if (where == GUEST || !interrupts_are_off()) {
		end_stretch();
		return;
	}
	if (!off.length++)
		off.from = place;
	off.in_module |= place >= MODULES_START && place < MODULES_END;
}

void counts_instruction(const bxInstruction_c *i)
{
	const form operand = i->getLock() ? LOCKED : i->modC0() ? REGISTER : MEMORY;
	const mode where = current_mode();

	last = last_place = &none;
	if (!counting)
		return;
	last = &counts[where][i->getIaOpcode()][operand];
	++*last;
	if (i->getIaOpcode() == BX_INSERTED_OPCODE)
		return;
	count_stretch(where, BX_CPU(0)->get_instruction_pointer());
	if (where == GUEST)
		return;
	last_place = &places[BX_CPU(0)->get_instruction_pointer()];
	++*last_place;
}

// The class of an opcode; empty if it has none.
static std::string class_of(const std::string &opcode)
{
	for (const auto &c : classes) {
		if (!fnmatch(c.opcodes, opcode.c_str(), 0))
			return c.name ? c.name : opcode.substr(0, opcode.find('_'));
	}
	return "";
}

static void write_counts(unsigned label, mode where)
{
	std::map<std::string, Bit64u> sums;

	for (unsigned opcode = 0; opcode < BX_IA_LAST; opcode++) {
		const Bit64u *n = counts[where][opcode];
		std::string name = get_bx_opcode_name(opcode) + NAME_PREFIX;

		if (opcode == BX_INSERTED_OPCODE) // the end of a trace, no instruction
			continue;
		sums["INSTRUCTIONS"] += n[REGISTER] + n[MEMORY] + n[LOCKED];
		sums["LOCK"] += n[LOCKED] + (fnmatch("XCHG_E?G?", name.c_str(), 0) ? 0 : n[MEMORY]);
		sums[class_of(name)] += n[REGISTER] + n[MEMORY] + n[LOCKED];
	}
	sums.erase("");
	for (const auto &sum : sums) {
		if (sum.second)
			fprintf(file, "%u %s %s %llu\n", label, mode_names[where], sum.first.c_str(),
				(unsigned long long)sum.second);
	}
	fflush(file);
}

static void write_places(unsigned label)
{
	for (const auto &place : places) {
		if (place.second)
			fprintf(places_file, "%u %llx %llu\n", label, (unsigned long long)place.first,
				(unsigned long long)place.second);
	}
	fflush(places_file);
}

static void write_stretch(unsigned label)
{
	end_stretch();
	fprintf(off_file, "%u %llu %llx\n", label, (unsigned long long)longest.length,
		(unsigned long long)longest.from);
	fflush(off_file);
}

void counts_port_write(unsigned port, unsigned value)
{
	if (port != MARK_PORT || current_mode() == GUEST)
		return;
	--*last;
	--*last_place;
	counting = value == 0;
	if (counting) {
		memset(counts, 0, sizeof(counts));
		places.clear();
		off = longest = stretch();
	} else {
		write_counts(value, ROOT);
		write_counts(value, GUEST);
		write_places(value);
		write_stretch(value);
	}
}
