// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of VM entry that no call can break: a hook of debug builds (MINIVMM_DEBUG=1,
 * module parameter vmx_corrupt) changes fields of the VMCS before one entry. The CPU
 * must refuse it, the rule be named, and the next entry succeed. Skipped without the hook.
 *
 * The unit tests alone have what Bochs does not check (guest_long_paging, guest_rip_width,
 * guest_blocking_virtual_nmi) or its CPU does not have (CET, no EPT accessed flags).
 */
#include <fcntl.h>
#include <stdio.h>

#include "fixture.h"

#include "../../kmod/vmx/vmcs.h"

#define HOOK		"/sys/module/minivmm/parameters/vmx_corrupt"

GUEST64(long_halt, "hlt");

struct change {
	unsigned int field;
	char op;
	unsigned long value;
};

#define FLIP(field, bits)	{ VMCS_##field, '^', bits }
#define SET(field, value)	{ VMCS_##field, '=', value }

static void corrupt_next_entry(const struct change *changes, unsigned int nr)
{
	int fd = open(HOOK, O_WRONLY);
	char text[200] = "";

	for (unsigned int i = 0; i < nr; i++)
		sprintf(text + strlen(text), "%s%x%c%lx", i ? "," : "", changes[i].field,
			changes[i].op, changes[i].value);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fatal("%s does not take %s", HOOK, text);
	close(fd);
}

static const char *broken_rule(struct vcpu *vcpu)
{
	static struct minivmm_last_error error;

	error = last_error(vcpu->fd);
	*strchrnul(error.rule, ':') = 0;
	return error.rule;
}

/* What the CPU says: VM-instruction errors, or the exit reason of a failed entry. */
#define CONTROLS	7
#define HOST_STATE	8
#define GUEST_STATE	0x80000021

/* BREAKS(rule, reason of the CPU, changes...) */
#define BREAKS(name, reason, ...)						\
TEST_F(vm, name)								\
{										\
	const struct change changes[] = { __VA_ARGS__ };			\
										\
	start_long(&self->vcpu, long_halt);					\
	corrupt_next_entry(changes, ARRAY_LEN(changes));			\
	ASSERT_EXIT(&self->vcpu, MINIVMM_EXIT_FAIL_ENTRY);			\
	EXPECT_EQ(reason, self->vcpu.run->fail_entry.hardware_entry_failure_reason); \
	EXPECT_STREQ(#name, broken_rule(&self->vcpu));				\
	EXPECT_EXIT(&self->vcpu, MINIVMM_EXIT_HLT);				\
}

#define SIGN		(1UL << 47)	/* makes a canonical address one that is not */
#define BEYOND		(1UL << 51)	/* above any CPU's physical addresses */

/* Controls */
BREAKS(pin_controls_allowed, CONTROLS, FLIP(PIN_CONTROLS, 1 << 1))
BREAKS(proc_controls_allowed, CONTROLS, FLIP(PROC_CONTROLS, 1 << 1))
BREAKS(proc2_controls_allowed, CONTROLS, FLIP(PROC2_CONTROLS, 1UL << 31))
BREAKS(cr3_target_count, CONTROLS, SET(CR3_TARGET_COUNT, 0x101))
BREAKS(io_bitmap_a, CONTROLS, FLIP(PROC_CONTROLS, PROC_IO_BITMAPS), SET(IO_BITMAP_A, 1))
BREAKS(io_bitmap_b, CONTROLS, FLIP(PROC_CONTROLS, PROC_IO_BITMAPS), SET(IO_BITMAP_B, BEYOND))
BREAKS(msr_bitmap, CONTROLS, FLIP(MSR_BITMAP, 1 << 4))
BREAKS(virtual_apic_addr, CONTROLS, FLIP(VIRTUAL_APIC_ADDR, 1 << 11))
BREAKS(tpr_threshold_reserved, CONTROLS, SET(TPR_THRESHOLD, 0x10))
BREAKS(tpr_threshold_vtpr, CONTROLS, SET(TPR_THRESHOLD, 1))
BREAKS(tpr_shadow_missing, CONTROLS, FLIP(PROC_CONTROLS, PROC_TPR_SHADOW),
       FLIP(PROC2_CONTROLS, PROC2_APIC_REGISTERS))
BREAKS(virtual_nmis, CONTROLS, FLIP(PIN_CONTROLS, PIN_NMI))
BREAKS(nmi_window, CONTROLS, FLIP(PIN_CONTROLS, PIN_VIRTUAL_NMIS),
       FLIP(PROC_CONTROLS, PROC_NMI_WINDOW))
BREAKS(apic_access_addr, CONTROLS, FLIP(PROC2_CONTROLS, PROC2_APIC_ACCESS),
       SET(APIC_ACCESS_ADDR, 0xfee00010))
BREAKS(x2apic_and_apic_access, CONTROLS, FLIP(PROC2_CONTROLS, PROC2_APIC_ACCESS | PROC2_X2APIC),
       SET(APIC_ACCESS_ADDR, 0xfee00000))
BREAKS(virtual_interrupt_delivery, CONTROLS, FLIP(PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT),
       FLIP(PIN_CONTROLS, PIN_EXTERNAL_INTERRUPT))
BREAKS(vpid, CONTROLS, SET(VPID, 0))
BREAKS(ept_memory_type, CONTROLS, FLIP(EPT_POINTER, 1))
BREAKS(ept_levels, CONTROLS, FLIP(EPT_POINTER, 1 << 3))
BREAKS(ept_reserved, CONTROLS, FLIP(EPT_POINTER, 1 << 11))
BREAKS(pml_needs_ept, CONTROLS,
       FLIP(PROC2_CONTROLS, PROC2_EPT | PROC2_UNRESTRICTED))
BREAKS(pml_addr, CONTROLS, SET(PML_ADDR, 8))
BREAKS(unrestricted_needs_ept, CONTROLS, FLIP(PROC2_CONTROLS, PROC2_PML | PROC2_EPT))
BREAKS(mode_based_exec_needs_ept, CONTROLS,
       FLIP(PROC2_CONTROLS, PROC2_MODE_BASED_EXEC | PROC2_PML | PROC2_EPT |
			    PROC2_UNRESTRICTED))
BREAKS(tsc_multiplier, CONTROLS, SET(TSC_MULTIPLIER, 0))
BREAKS(exit_controls_allowed, CONTROLS, FLIP(EXIT_CONTROLS, 1))
BREAKS(save_timer, CONTROLS, FLIP(EXIT_CONTROLS, EXITCTL_SAVE_TIMER))
BREAKS(exit_msr_store, CONTROLS, SET(EXIT_MSR_STORE_COUNT, 1), SET(EXIT_MSR_STORE_ADDR, 8))
BREAKS(exit_msr_load, CONTROLS, SET(EXIT_MSR_LOAD_COUNT, 1), SET(EXIT_MSR_LOAD_ADDR, BEYOND))
BREAKS(entry_controls_allowed, CONTROLS, FLIP(ENTRY_CONTROLS, 1))
BREAKS(entry_to_smm, CONTROLS, FLIP(ENTRY_CONTROLS, ENTRYCTL_END_DUAL))
BREAKS(event_type, CONTROLS, SET(ENTRY_EVENT, 0x80000100))
BREAKS(event_vector, CONTROLS, SET(ENTRY_EVENT, 0x80000203))
BREAKS(event_reserved, CONTROLS, SET(ENTRY_EVENT, 0x80001202))
BREAKS(event_error, CONTROLS, SET(ENTRY_EVENT, 0x80000b0d), SET(ENTRY_EVENT_ERROR, 0x10000))
BREAKS(event_insn_len, CONTROLS, SET(ENTRY_EVENT, 0x80000480), SET(ENTRY_INSN_LEN, 16))
BREAKS(entry_msr_load, CONTROLS, SET(ENTRY_MSR_LOAD_COUNT, 2),
       SET(ENTRY_MSR_LOAD_ADDR, 0x7fffffffffff0))

/* Host state */
BREAKS(host_cr0, HOST_STATE, FLIP(HOST_CR0, 1))
BREAKS(host_cr4, HOST_STATE, FLIP(HOST_CR4, 1 << 13))
BREAKS(host_cr3, HOST_STATE, FLIP(HOST_CR3, BEYOND))
BREAKS(host_sysenter_esp, HOST_STATE, FLIP(HOST_SYSENTER_ESP, SIGN))
BREAKS(host_sysenter_eip, HOST_STATE, FLIP(HOST_SYSENTER_EIP, SIGN))
BREAKS(host_pat, HOST_STATE, SET(HOST_PAT, 0x0007040600070402))
BREAKS(host_efer_reserved, HOST_STATE, FLIP(HOST_EFER, 1 << 1))
BREAKS(host_efer_mode, HOST_STATE, FLIP(HOST_EFER, 1 << 10))
BREAKS(host_cs_selector, HOST_STATE, FLIP(HOST_CS_SELECTOR, 3))
BREAKS(host_ss_selector, HOST_STATE, FLIP(HOST_SS_SELECTOR, 4))
BREAKS(host_ds_selector, HOST_STATE, FLIP(HOST_DS_SELECTOR, 1))
BREAKS(host_es_selector, HOST_STATE, FLIP(HOST_ES_SELECTOR, 2))
BREAKS(host_fs_selector, HOST_STATE, FLIP(HOST_FS_SELECTOR, 7))
BREAKS(host_gs_selector, HOST_STATE, FLIP(HOST_GS_SELECTOR, 3))
BREAKS(host_tr_selector, HOST_STATE, FLIP(HOST_TR_SELECTOR, 4))
BREAKS(host_cs_null, HOST_STATE, SET(HOST_CS_SELECTOR, 0))
BREAKS(host_tr_null, HOST_STATE, SET(HOST_TR_SELECTOR, 0))
BREAKS(host_fs_base, HOST_STATE, FLIP(HOST_FS_BASE, SIGN))
BREAKS(host_gs_base, HOST_STATE, FLIP(HOST_GS_BASE, SIGN))
BREAKS(host_gdtr_base, HOST_STATE, FLIP(HOST_GDTR_BASE, SIGN))
BREAKS(host_idtr_base, HOST_STATE, FLIP(HOST_IDTR_BASE, SIGN))
BREAKS(host_tr_base, HOST_STATE, FLIP(HOST_TR_BASE, SIGN))
BREAKS(host_64, HOST_STATE, FLIP(EXIT_CONTROLS, EXITCTL_HOST_64 | EXITCTL_LOAD_EFER))
BREAKS(host_pae, HOST_STATE, FLIP(HOST_CR4, 1 << 5))
BREAKS(host_rip, HOST_STATE, FLIP(HOST_RIP, SIGN))

/* Guest state that the calls check, or the backend keeps right */
BREAKS(guest_cr0_fixed, GUEST_STATE, FLIP(GUEST_CR0, 1 << 5))
BREAKS(guest_cr0_paging, GUEST_STATE, FLIP(GUEST_CR0, 1))
BREAKS(guest_long_pae, GUEST_STATE, FLIP(GUEST_CR4, 1 << 5))
BREAKS(guest_dr7, GUEST_STATE, FLIP(GUEST_DR7, 1UL << 32))
BREAKS(guest_sysenter_esp, GUEST_STATE, FLIP(GUEST_SYSENTER_ESP, SIGN))
BREAKS(guest_sysenter_eip, GUEST_STATE, FLIP(GUEST_SYSENTER_EIP, SIGN))
BREAKS(guest_pat, GUEST_STATE, SET(GUEST_PAT, 3))
BREAKS(guest_efer_reserved, GUEST_STATE, FLIP(GUEST_EFER, 1 << 1))
BREAKS(guest_efer_lma, GUEST_STATE, FLIP(GUEST_EFER, 1 << 10))
BREAKS(guest_efer_lme, GUEST_STATE, FLIP(GUEST_EFER, 1 << 8))
BREAKS(guest_cs_l_db, GUEST_STATE, FLIP(GUEST_CS_AR, VMCS_AR_DB))
BREAKS(guest_cs_reserved, GUEST_STATE, FLIP(GUEST_CS_AR, 1 << 8))
BREAKS(guest_ss_reserved, GUEST_STATE, FLIP(GUEST_SS_AR, 1 << 9))
BREAKS(guest_ds_reserved, GUEST_STATE, FLIP(GUEST_DS_AR, 1 << 10))
BREAKS(guest_es_reserved, GUEST_STATE, FLIP(GUEST_ES_AR, 1 << 11))
BREAKS(guest_fs_reserved, GUEST_STATE, FLIP(GUEST_FS_AR, 1 << 8))
BREAKS(guest_gs_reserved, GUEST_STATE, FLIP(GUEST_GS_AR, 1 << 8))
BREAKS(guest_tr_reserved, GUEST_STATE, FLIP(GUEST_TR_AR, 1 << 8))
BREAKS(guest_ss_p, GUEST_STATE, FLIP(GUEST_SS_AR, VMCS_AR_P))
BREAKS(guest_ds_p, GUEST_STATE, FLIP(GUEST_DS_AR, VMCS_AR_P))
BREAKS(guest_es_p, GUEST_STATE, FLIP(GUEST_ES_AR, VMCS_AR_P))
BREAKS(guest_fs_p, GUEST_STATE, FLIP(GUEST_FS_AR, VMCS_AR_P))
BREAKS(guest_gs_p, GUEST_STATE, FLIP(GUEST_GS_AR, VMCS_AR_P))
BREAKS(guest_tr_p, GUEST_STATE, FLIP(GUEST_TR_AR, VMCS_AR_P))
BREAKS(guest_gdtr_limit, GUEST_STATE, FLIP(GUEST_GDTR_LIMIT, 1 << 16))
BREAKS(guest_idtr_limit, GUEST_STATE, FLIP(GUEST_IDTR_LIMIT, 1UL << 31))
BREAKS(guest_rflags_bit_1, GUEST_STATE, FLIP(GUEST_RFLAGS, 1 << 1))
BREAKS(guest_activity, GUEST_STATE, SET(GUEST_ACTIVITY, 4))
BREAKS(guest_activity_hlt, GUEST_STATE, SET(GUEST_ACTIVITY, VMCS_HALTED),
       FLIP(GUEST_SS_AR, VMCS_AR_DPL), FLIP(GUEST_CS_AR, VMCS_AR_DPL))
BREAKS(guest_activity_blocked, GUEST_STATE, SET(GUEST_ACTIVITY, VMCS_SHUTDOWN),
       SET(GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_MOV_SS))
BREAKS(guest_activity_event, GUEST_STATE, SET(GUEST_ACTIVITY, VMCS_SHUTDOWN),
       SET(ENTRY_EVENT, 0x80000b0d))
BREAKS(guest_blocking_reserved, GUEST_STATE, SET(GUEST_INTERRUPTIBILITY, 1 << 5))
BREAKS(guest_blocking_twice, GUEST_STATE, SET(GUEST_INTERRUPTIBILITY, 3),
       FLIP(GUEST_RFLAGS, 1 << 9))
BREAKS(guest_blocking_if, GUEST_STATE, SET(GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_STI))
BREAKS(guest_blocking_smi, GUEST_STATE, SET(GUEST_INTERRUPTIBILITY, VMCS_BLOCKED_BY_SMI))
BREAKS(guest_pending_debug_reserved, GUEST_STATE, SET(GUEST_PENDING_DEBUG, 1 << 4))
BREAKS(guest_link_pointer, GUEST_STATE, SET(LINK, 1))

SKIP_ALL_IF(!host_is_intel() || access(HOOK, W_OK), "not VMX, or not a debug build")

TEST_HARNESS_MAIN
