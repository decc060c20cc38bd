/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the trace points of trace.h write down, in events/minivmm of tracefs. Where KVM has the
 * event, it has its name, and a field of the same name means the same. trace.c's alone.
 */
#if !defined(MINIVMM_REPORT_TRACE_EVENTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define MINIVMM_REPORT_TRACE_EVENTS_H

#include <linux/tracepoint.h>

#include "../irq/message.h"
#include "../vcpu/vcpu.h"
#include "../vm.h"

#undef TRACE_SYSTEM
#define TRACE_SYSTEM minivmm

/* By number, as tools see them: trace.c asserts that each is that of enum exit_kind. */
#define TRACE_EXIT_KINDS(KIND) \
	KIND(0, UNKNOWN) KIND(1, INTERRUPT) KIND(2, ENTRY_FAILED) KIND(3, IO) KIND(4, FAULT) \
	KIND(5, CPUID) KIND(6, MSR_READ) KIND(7, MSR_WRITE) KIND(8, HLT) KIND(9, HYPERCALL) \
	KIND(10, XSETBV) KIND(11, CR4_WRITE) KIND(12, PAUSE) KIND(13, INTERRUPT_WINDOW) \
	KIND(14, NMI_WINDOW) KIND(15, TIMER) KIND(16, DEBUG_REGISTER) KIND(17, SHUTDOWN) \
	KIND(18, EXCEPTION) KIND(19, MACHINE_CHECK) KIND(20, CACHE_FLUSH) \
	KIND(21, UNDEFINED) KIND(22, RDPMC) KIND(23, CPU_TAKEN) KIND(24, RESUME) \
	KIND(25, APIC_ACCESS) KIND(26, EOI_WRITE) KIND(27, APIC_WRITTEN) KIND(28, STEP) \
	KIND(29, CR4_READ) KIND(30, EOI_DONE) KIND(31, TASK_SWITCH)

#define TRACE_NAME_OF_KIND(number, kind)	{ number, #kind },

TRACE_EVENT(minivmm_entry,
	TP_PROTO(struct vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->rip = vcpu_rip(vcpu);
	),
	TP_printk("vcpu %u, rip 0x%llx", __entry->vcpu_id, __entry->rip)
);

/*
 * @kind: enum exit_kind. @info: the gpa of a FAULT or APIC_ACCESS, the port of IO, the vector of
 * an EXCEPTION.
 */
TRACE_EVENT(minivmm_exit,
	TP_PROTO(struct vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u32, kind)
		__field(u64, guest_rip)
		__field(u64, info)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->kind = vcpu->exit.kind;
		__entry->guest_rip = vcpu_rip(vcpu);
		__entry->info = exit_trace_info(&vcpu->exit);
	),
	TP_printk("vcpu %u reason %s rip 0x%llx info 0x%llx", __entry->vcpu_id,
		  __print_symbolic(__entry->kind,
				   TRACE_EXIT_KINDS(TRACE_NAME_OF_KIND) { -1, "" }),
		  __entry->guest_rip, __entry->info)
);

/*
 * @reason: MINIVMM_EXIT_*, as the run page has it, where userspace may write; @errno: what VM_RUN
 * returns, 0 or negative.
 */
TRACE_EVENT(minivmm_userspace_exit,
	TP_PROTO(u32 vcpu_id, u32 reason, int err),
	TP_ARGS(vcpu_id, reason, err),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u32, reason)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->reason = reason;
		__entry->errno = err;
	),
	TP_printk("vcpu %u reason %u errno %d", __entry->vcpu_id, __entry->reason,
		  -__entry->errno)
);

TRACE_EVENT(minivmm_inj_virq,
	TP_PROTO(u32 vcpu_id, u8 vector),
	TP_ARGS(vcpu_id, vector),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->vector = vector;
	),
	TP_printk("vcpu %u IRQ 0x%x", __entry->vcpu_id, __entry->vector)
);

TRACE_EVENT(minivmm_inj_exception,
	TP_PROTO(u32 vcpu_id, u8 vector, bool has_error, u32 error_code),
	TP_ARGS(vcpu_id, vector, has_error, error_code),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u32, error_code)
		__field(u8, exception)
		__field(bool, has_error)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->exception = vector;
		__entry->has_error = has_error;
		__entry->error_code = has_error ? error_code : 0;
	),
	TP_printk("vcpu %u exception %u error code 0x%x%s", __entry->vcpu_id, __entry->exception,
		  __entry->error_code, __entry->has_error ? "" : " (none)")
);

/* @result: enum mmu_result, or a negative errno. */
TRACE_EVENT(minivmm_page_fault,
	TP_PROTO(u32 vcpu_id, u64 gpa, u32 access, int result),
	TP_ARGS(vcpu_id, gpa, access, result),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u32, access)
		__field(u64, fault_address)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->fault_address = gpa;
		__entry->access = access;
		__entry->result = result;
	),
	TP_printk("vcpu %u address 0x%llx %s result %d", __entry->vcpu_id, __entry->fault_address,
		  __entry->access & MMU_WRITE ? "write" :
		  __entry->access & MMU_EXEC ? "fetch" : "read",
		  __entry->result)
);

/*
 * An access to a device: @in_kernel tells who has it. @val is 0 of a read that userspace will
 * answer, and of a string for userspace.
 */
TRACE_EVENT(minivmm_mmio,
	TP_PROTO(bool is_write, unsigned int len, u64 gpa, u64 val, bool in_kernel),
	TP_ARGS(is_write, len, gpa, val, in_kernel),
	TP_STRUCT__entry(
		__field(bool, is_write)
		__field(bool, in_kernel)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->is_write = is_write;
		__entry->in_kernel = in_kernel;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = is_write || in_kernel ? val & (~0ull >> (64 - 8 * len)) : 0;
	),
	TP_printk("%s %s len %u gpa 0x%llx val 0x%llx", __entry->in_kernel ? "kernel" : "user",
		  __entry->is_write ? "write" : "read", __entry->len, __entry->gpa, __entry->val)
);

TRACE_EVENT(minivmm_pio,
	TP_PROTO(bool is_write, u16 port, unsigned int size, u64 count, u32 val, bool in_kernel),
	TP_ARGS(is_write, port, size, count, val, in_kernel),
	TP_STRUCT__entry(
		__field(bool, is_write)
		__field(bool, in_kernel)
		__field(u16, port)
		__field(u32, size)
		__field(u32, count)
		__field(u32, val)
	),
	TP_fast_assign(
		__entry->is_write = is_write;
		__entry->in_kernel = in_kernel;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = is_write || in_kernel ? val : 0;
	),
	TP_printk("%s %s at 0x%x size %u count %u val 0x%x", __entry->in_kernel ? "kernel" : "user",
		  __entry->is_write ? "write" : "read", __entry->port, __entry->size,
		  __entry->count, __entry->val)
);

TRACE_EVENT(minivmm_msr,
	TP_PROTO(struct vcpu *vcpu, bool is_write, bool exception),
	TP_ARGS(vcpu, is_write, exception),
	TP_STRUCT__entry(
		__field(bool, write)
		__field(bool, exception)
		__field(u32, ecx)
		__field(u64, data)
	),
	TP_fast_assign(
		const u64 *gpr = vcpu_gprs(vcpu);

		__entry->write = is_write;
		__entry->exception = exception;
		__entry->ecx = gpr[GPR_RCX];
		__entry->data = exception && !is_write ? 0 :
				(u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
	),
	TP_printk("msr_%s 0x%x = 0x%llx%s", __entry->write ? "write" : "read", __entry->ecx,
		  __entry->data, __entry->exception ? " (#GP)" : "")
);

/* @irq_source_id: enum irq_source. */
TRACE_EVENT(minivmm_set_irq,
	TP_PROTO(u32 gsi, bool level, int source),
	TP_ARGS(gsi, level, source),
	TP_STRUCT__entry(
		__field(u32, gsi)
		__field(bool, level)
		__field(int, irq_source_id)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->irq_source_id = source;
	),
	TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level, __entry->irq_source_id)
);

/* A message has come to a local APIC; @dm: IRQ_DM_*. */
TRACE_EVENT(minivmm_apic_accept_irq,
	TP_PROTO(u32 vcpu_id, const struct irq_message *msg),
	TP_ARGS(vcpu_id, msg),
	TP_STRUCT__entry(
		__field(u32, apicid)
		__field(u8, dm)
		__field(u8, vec)
		__field(bool, tm)
	),
	TP_fast_assign(
		__entry->apicid = vcpu_id;
		__entry->dm = msg->delivery;
		__entry->vec = msg->vector;
		__entry->tm = msg->level;
	),
	TP_printk("apicid %u vec %u dm %u (%s)", __entry->apicid, __entry->vec, __entry->dm,
		  __entry->tm ? "level" : "edge")
);

TRACE_EVENT(minivmm_apic,
	TP_PROTO(bool is_write, u32 reg, u64 val),
	TP_ARGS(is_write, reg, val),
	TP_STRUCT__entry(
		__field(bool, rw)
		__field(u32, reg)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->rw = is_write;
		__entry->reg = reg;
		__entry->val = val;
	),
	TP_printk("apic_%s 0x%x = 0x%llx", __entry->rw ? "write" : "read", __entry->reg,
		  __entry->val)
);

/* A call or an entry was refused: the last-error record. */
TRACE_EVENT(minivmm_refused,
	TP_PROTO(int err, const char *field, u64 value, const char *rule),
	TP_ARGS(err, field, value, rule),
	TP_STRUCT__entry(
		__field(int, errno)
		__field(u64, value)
		__string(field, field)
		__string(rule, rule)
	),
	TP_fast_assign(
		__entry->errno = -err;
		__entry->value = value;
		host_assign_str(field, field);
		host_assign_str(rule, rule);
	),
	TP_printk("errno %d %s = 0x%llx: %s", __entry->errno, __get_str(field), __entry->value,
		  __get_str(rule))
);

#endif /* MINIVMM_REPORT_TRACE_EVENTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH report
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_events
#include <trace/define_trace.h>
