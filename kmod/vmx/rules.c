// SPDX-License-Identifier: GPL-2.0
/* The table of VM entry's rules, and the words its three lists are written in. Pure. */

#include "rules.h"
#include "../cpu/regs.h"

#define RFLAGS_RESERVED		(~GENMASK_ULL(21, 0) | BIT_ULL(15) | BIT_ULL(5) | BIT_ULL(3))
#define DEBUGCTL_BTF		BIT_ULL(1)
#define DEBUGCTL_BITS		0xffc7ull
#define S_CET_RESERVED		GENMASK_ULL(9, 6)
#define S_CET_SUPPRESS		BIT_ULL(10)
#define S_CET_TRACKER		BIT_ULL(11)
#define BLOCKED_BY_BOTH		(VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS)
#define PENDING_DEBUG_BITS	(0xf | VMCS_PENDING_DEBUG_ENABLED | VMCS_PENDING_DEBUG_BS)
#define EPT_MEMORY_TYPE		7
#define PDPTE_RESERVED		(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5))

/* Controls */

static bool is_allowed(u64 controls, u64 allowed)
{
	return !((u32)allowed & ~controls) && !(controls & ~(allowed >> 32));
}

/* Secondary controls are 0 unless a primary one turns them on. */
static u64 proc2(const struct vmx_state *s)
{
	return s->proc_controls & PROC_SECONDARY ? s->proc2_controls : 0;
}

static u64 address_bits(const struct vmx_state *s)
{
	return s->basic & VMX_BASIC_32BIT_ADDR ? 32 : s->phys_bits;
}

static bool is_page(const struct vmx_state *s, u64 address)
{
	return !(address & 0xfff) && is_below(address, address_bits(s));
}

static bool is_msr_list(const struct vmx_state *s, u64 address, u64 count)
{
	return !count || (!(address & 15) && is_below(address, address_bits(s)) &&
			  is_below(address + (u32)count * 16ull - 1, address_bits(s)));
}

static bool is_ept_memory_type(const struct vmx_state *s)
{
	switch (s->ept_pointer & EPT_MEMORY_TYPE) {
	case 0:
		return s->ept_vpid & VMX_EPT_UNCACHEABLE;
	case EPTP_WRITE_BACK:
		return s->ept_vpid & VMX_EPT_WRITE_BACK;
	default:
		return false;
	}
}

static bool is_ept_levels(const struct vmx_state *s)
{
	switch (s->ept_pointer & EPTP_LEVELS(8)) {
	case EPTP_LEVELS(4):
		return s->ept_vpid & VMX_EPT_4_LEVELS;
	case EPTP_LEVELS(5):
		return s->ept_vpid & VMX_EPT_5_LEVELS;
	default:
		return false;
	}
}

/* Injected events */

static bool is_injecting(const struct vmx_state *s)
{
	return s->entry_event & VMCS_EVENT_VALID;
}

static u32 event_type(const struct vmx_state *s)
{
	return s->entry_event & VMCS_EVENT_TYPE;
}

static u32 event_vector(const struct vmx_state *s)
{
	return s->entry_event & VMCS_EVENT_VECTOR;
}

static bool is_injecting_type(const struct vmx_state *s, u32 type)
{
	return is_injecting(s) && event_type(s) == type;
}

static bool is_event_type(const struct vmx_state *s)
{
	if (event_type(s) == VMCS_EVENT_OTHER)
		return s->proc_allowed >> 32 & PROC_MONITOR_TRAP;
	return event_type(s) != 1u << 8;
}

static bool is_event_vector(const struct vmx_state *s)
{
	switch (event_type(s)) {
	case VMCS_EVENT_NMI:
		return event_vector(s) == VEC_NMI;
	case VMCS_EVENT_EXCEPTION:
		return event_vector(s) < 32;
	case VMCS_EVENT_OTHER:
		return !event_vector(s);
	default:
		return true;
	}
}

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC and, where CET exists, #CP. */
static bool pushes_error(const struct vmx_state *s, u32 vector)
{
	const u32 pushing = 0x27d00 | (s->cr4_fixed1 & X86_CR4_CET ? 1u << VEC_CP : 0);

	return vector < 32 && pushing & 1u << vector;
}

static bool is_event_error_flag(const struct vmx_state *s)
{
	bool flag = s->entry_event & VMCS_EVENT_HAS_ERROR;

	if (event_type(s) != VMCS_EVENT_EXCEPTION || !(s->guest_cr0 & X86_CR0_PE))
		return !flag;
	return s->basic & VMX_BASIC_NO_ERROR_CODE || flag == pushes_error(s, event_vector(s));
}

static bool is_software_event(const struct vmx_state *s)
{
	return event_type(s) == VMCS_EVENT_SOFT_INTR || event_type(s) == VMCS_EVENT_ICEBP ||
	       event_type(s) == VMCS_EVENT_SOFT_EXCEPTION;
}

static bool is_insn_len(const struct vmx_state *s)
{
	return s->entry_insn_len <= 15 && (s->entry_insn_len || s->misc & VMX_MISC_ZERO_LEN_INSN);
}

static bool is_exception_of(const struct vmx_state *s, u32 vector)
{
	return event_type(s) == VMCS_EVENT_EXCEPTION && event_vector(s) == vector;
}

static bool is_event_of_activity(const struct vmx_state *s)
{
	u32 type = event_type(s);

	switch (s->guest_activity) {
	case VMCS_HALTED:
		return type == VMCS_EVENT_INTR || type == VMCS_EVENT_NMI ||
		       type == VMCS_EVENT_OTHER || is_exception_of(s, VEC_DB) ||
		       is_exception_of(s, VEC_MC);
	case VMCS_SHUTDOWN:
		return type == VMCS_EVENT_NMI || is_exception_of(s, VEC_MC);
	case VMCS_WAIT_FOR_SIPI:
		return false;
	default:
		return true;
	}
}

/* Registers */

static bool is_fixed(u64 value, u64 must_be_1, u64 may_be_1)
{
	return !(must_be_1 & ~value) && !(value & ~may_be_1);
}

static u64 free_cr0_bits(const struct vmx_state *s)
{
	return proc2(s) & PROC2_UNRESTRICTED ? X86_CR0_PE | X86_CR0_PG : 0;
}

static bool is_canonical(const struct vmx_state *s, u64 address)
{
	unsigned int sign = s->linear_bits == 57 ? 56 : 47;
	u64 upper = address >> sign;

	return !upper || upper == ~0ull >> sign;
}

static bool is_efer_mode(u64 efer, bool long_mode)
{
	return (efer & (EFER_LME | EFER_LMA)) == (long_mode ? EFER_LME | EFER_LMA : 0);
}

static bool is_s_cet(const struct vmx_state *s, u64 value)
{
	return is_canonical(s, value) && !(value & S_CET_RESERVED) &&
	       !(value & S_CET_SUPPRESS && value & S_CET_TRACKER);
}

static bool is_ssp(const struct vmx_state *s, u64 value)
{
	return is_canonical(s, value) && !(value & 3);
}

static bool is_long(const struct vmx_state *s)
{
	return s->entry_controls & ENTRYCTL_GUEST_64;
}

static bool is_64bit(const struct vmx_state *s)
{
	return is_long(s) && s->guest_cs_ar & VMCS_AR_L;
}

static bool is_v8086(const struct vmx_state *s)
{
	return s->guest_rflags & X86_EFLAGS_VM;
}

static bool is_pae_paging(const struct vmx_state *s)
{
	return s->guest_cr0 & X86_CR0_PG && s->guest_cr4 & X86_CR4_PAE && !is_long(s);
}

static bool is_pdpte(const struct vmx_state *s, u64 pdpte)
{
	return !(pdpte & 1) || (!(pdpte & PDPTE_RESERVED) && is_below(pdpte, s->phys_bits));
}

/* Segments: a segment's access rights are looked at outside of virtual-8086 mode. */

static bool is_usable(const struct vmx_state *s, u64 ar)
{
	return !is_v8086(s) && !(ar & VMCS_AR_UNUSABLE);
}

static bool is_type(u64 ar, u64 type)
{
	return (ar & VMCS_AR_TYPE) == type;
}

static bool is_nonconforming(u64 ar)
{
	return is_type(ar, 9) || is_type(ar, 11);
}

static bool is_conforming(u64 ar)
{
	return is_type(ar, 13) || is_type(ar, 15);
}

static bool is_code(u64 ar)
{
	return is_nonconforming(ar) || is_conforming(ar);
}

static bool is_readable(u64 ar)
{
	return ar & 1 && (!(ar & 8) || ar & 2);
}

static bool is_granular(u64 ar, u64 limit)
{
	return ar & VMCS_AR_G ? (limit & 0xfff) == 0xfff : !(limit & 0xfff00000);
}

static unsigned int dpl(u64 ar)
{
	return (ar & VMCS_AR_DPL) >> VMCS_AR_DPL_SHIFT;
}

/* Interruptibility */

static bool is_blocked(const struct vmx_state *s)
{
	return s->guest_interruptibility & BLOCKED_BY_BOTH;
}

static bool is_stepping(const struct vmx_state *s)
{
	return s->guest_rflags & X86_EFLAGS_TF && !(s->guest_debugctl & DEBUGCTL_BTF);
}

#define RULE_STATE struct vmx_state

#define RULE RULE_NUMBER
enum {
#include "rules_control.h"
#include "rules_host.h"
#include "rules_guest.h"
};
#undef RULE

#define RULE RULE_CHECK
static bool holds(unsigned int number, const void *state)
{
	const RULE_STATE *s = state;

	switch (number) {
#include "rules_control.h"
#include "rules_host.h"
#include "rules_guest.h"
	}
	return false;
}
#undef RULE

#define RULE RULE_ROW
const struct entry_rule vmx_rules[] = {
#include "rules_control.h"
#include "rules_host.h"
#include "rules_guest.h"
};

const size_t vmx_nr_rules = ARRAY_SIZE(vmx_rules);
