/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every structure of uapi/minivmm.h, field by field; included several times by
 * abi.c with other meanings of:
 *
 *   BEGIN(s)      structure s starts
 *   F(s, field)   a field; together the fields cover the whole structure
 *   U(s, field)   a field at a place that an F covers already (union, nested)
 *   A(s, field)   the flexible array at the end
 *   END(s, holes) structure s ends; bytes that belong to no field
 */

BEGIN(enable_cap)
F(enable_cap, cap) F(enable_cap, flags) F(enable_cap, args) F(enable_cap, pad)
END(enable_cap, 0)

BEGIN(regs)
F(regs, rax) F(regs, rbx) F(regs, rcx) F(regs, rdx)
F(regs, rsi) F(regs, rdi) F(regs, rsp) F(regs, rbp)
F(regs, r8) F(regs, r9) F(regs, r10) F(regs, r11)
F(regs, r12) F(regs, r13) F(regs, r14) F(regs, r15)
F(regs, rip) F(regs, rflags)
END(regs, 0)

BEGIN(segment)
F(segment, base) F(segment, limit) F(segment, selector) F(segment, type)
F(segment, present) F(segment, dpl) F(segment, db) F(segment, s) F(segment, l)
F(segment, g) F(segment, avl) F(segment, unusable) F(segment, padding)
END(segment, 0)

BEGIN(dtable)
F(dtable, base) F(dtable, limit) F(dtable, padding)
END(dtable, 0)

BEGIN(sregs)
F(sregs, cs) F(sregs, ds) F(sregs, es) F(sregs, fs) F(sregs, gs) F(sregs, ss)
F(sregs, tr) F(sregs, ldt) F(sregs, gdt) F(sregs, idt)
F(sregs, cr0) F(sregs, cr2) F(sregs, cr3) F(sregs, cr4) F(sregs, cr8)
F(sregs, efer) F(sregs, apic_base) F(sregs, interrupt_bitmap)
END(sregs, 0)

BEGIN(sregs2)
F(sregs2, cs) F(sregs2, ds) F(sregs2, es) F(sregs2, fs) F(sregs2, gs) F(sregs2, ss)
F(sregs2, tr) F(sregs2, ldt) F(sregs2, gdt) F(sregs2, idt)
F(sregs2, cr0) F(sregs2, cr2) F(sregs2, cr3) F(sregs2, cr4) F(sregs2, cr8)
F(sregs2, efer) F(sregs2, apic_base) F(sregs2, flags) F(sregs2, pdptrs)
END(sregs2, 0)

BEGIN(fpu)
F(fpu, fpr) F(fpu, fcw) F(fpu, fsw) F(fpu, ftwx) F(fpu, pad1) F(fpu, last_opcode)
F(fpu, last_ip) F(fpu, last_dp) F(fpu, xmm) F(fpu, mxcsr) F(fpu, pad2)
END(fpu, 0)

BEGIN(xsave)
F(xsave, region) A(xsave, extra)
END(xsave, 0)

BEGIN(xcr)
F(xcr, xcr) F(xcr, reserved) F(xcr, value)
END(xcr, 0)

BEGIN(xcrs)
F(xcrs, nr_xcrs) F(xcrs, flags) F(xcrs, xcrs) F(xcrs, padding)
END(xcrs, 0)

BEGIN(debugregs)
F(debugregs, db) F(debugregs, dr6) F(debugregs, dr7) F(debugregs, flags)
F(debugregs, reserved)
END(debugregs, 0)

BEGIN(msr_entry)
F(msr_entry, index) F(msr_entry, reserved) F(msr_entry, data)
END(msr_entry, 0)

BEGIN(msrs)
F(msrs, nmsrs) F(msrs, pad) A(msrs, entries)
END(msrs, 0)

BEGIN(msr_list)
F(msr_list, nmsrs) A(msr_list, indices)
END(msr_list, 0)

BEGIN(msr_filter_range)
F(msr_filter_range, flags) F(msr_filter_range, nmsrs) F(msr_filter_range, base)
F(msr_filter_range, bitmap)
END(msr_filter_range, 4)

BEGIN(msr_filter)
F(msr_filter, flags) F(msr_filter, ranges)
END(msr_filter, 4)

BEGIN(cpuid_entry)
F(cpuid_entry, function) F(cpuid_entry, eax) F(cpuid_entry, ebx) F(cpuid_entry, ecx)
F(cpuid_entry, edx) F(cpuid_entry, padding)
END(cpuid_entry, 0)

BEGIN(cpuid)
F(cpuid, nent) F(cpuid, padding) A(cpuid, entries)
END(cpuid, 0)

BEGIN(cpuid_entry2)
F(cpuid_entry2, function) F(cpuid_entry2, index) F(cpuid_entry2, flags)
F(cpuid_entry2, eax) F(cpuid_entry2, ebx) F(cpuid_entry2, ecx) F(cpuid_entry2, edx)
F(cpuid_entry2, padding)
END(cpuid_entry2, 0)

BEGIN(cpuid2)
F(cpuid2, nent) F(cpuid2, padding) A(cpuid2, entries)
END(cpuid2, 0)

BEGIN(lapic_state)
F(lapic_state, regs)
END(lapic_state, 0)

BEGIN(mp_state)
F(mp_state, mp_state)
END(mp_state, 0)

BEGIN(vcpu_events)
F(vcpu_events, exception)
U(vcpu_events, exception.injected) U(vcpu_events, exception.nr)
U(vcpu_events, exception.has_error_code) U(vcpu_events, exception.pending)
U(vcpu_events, exception.error_code)
F(vcpu_events, interrupt)
U(vcpu_events, interrupt.injected) U(vcpu_events, interrupt.nr)
U(vcpu_events, interrupt.soft) U(vcpu_events, interrupt.shadow)
F(vcpu_events, nmi)
U(vcpu_events, nmi.injected) U(vcpu_events, nmi.pending) U(vcpu_events, nmi.masked)
U(vcpu_events, nmi.pad)
F(vcpu_events, sipi_vector) F(vcpu_events, flags)
F(vcpu_events, smi)
U(vcpu_events, smi.smm) U(vcpu_events, smi.pending) U(vcpu_events, smi.smm_inside_nmi)
U(vcpu_events, smi.latched_init)
F(vcpu_events, triple_fault) U(vcpu_events, triple_fault.pending)
F(vcpu_events, reserved) F(vcpu_events, exception_has_payload)
F(vcpu_events, exception_payload)
END(vcpu_events, 0)

BEGIN(x86_mce)
F(x86_mce, status) F(x86_mce, addr) F(x86_mce, misc) F(x86_mce, mcg_status)
F(x86_mce, bank) F(x86_mce, pad1) F(x86_mce, pad2)
END(x86_mce, 0)

BEGIN(debug_exit_arch)
F(debug_exit_arch, exception) F(debug_exit_arch, pad) F(debug_exit_arch, pc)
F(debug_exit_arch, dr6) F(debug_exit_arch, dr7)
END(debug_exit_arch, 0)

BEGIN(guest_debug_arch)
F(guest_debug_arch, debugreg)
END(guest_debug_arch, 0)

BEGIN(guest_debug)
F(guest_debug, control) F(guest_debug, pad) F(guest_debug, arch)
END(guest_debug, 0)

BEGIN(translation)
F(translation, linear_address) F(translation, physical_address) F(translation, valid)
F(translation, writeable) F(translation, usermode) F(translation, pad)
END(translation, 0)

BEGIN(sync_regs)
F(sync_regs, regs) F(sync_regs, sregs) F(sync_regs, events)
END(sync_regs, 0)

BEGIN(run)
F(run, request_interrupt_window) F(run, immediate_exit) F(run, padding1)
F(run, exit_reason) F(run, ready_for_interrupt_injection) F(run, if_flag) F(run, flags)
F(run, cr8) F(run, apic_base) F(run, padding)
U(run, hw.hardware_exit_reason)
U(run, fail_entry.hardware_entry_failure_reason) U(run, fail_entry.cpu)
U(run, ex.exception) U(run, ex.error_code)
U(run, io.direction) U(run, io.size) U(run, io.port) U(run, io.count) U(run, io.data_offset)
U(run, debug.arch)
U(run, mmio.phys_addr) U(run, mmio.data) U(run, mmio.len) U(run, mmio.is_write)
U(run, hypercall.nr) U(run, hypercall.args) U(run, hypercall.ret)
U(run, hypercall.longmode) U(run, hypercall.pad)
U(run, tpr_access.rip) U(run, tpr_access.is_write) U(run, tpr_access.pad)
U(run, internal.suberror) U(run, internal.ndata) U(run, internal.data)
U(run, emulation_failure.suberror) U(run, emulation_failure.ndata)
U(run, emulation_failure.flags) U(run, emulation_failure.insn_size)
U(run, emulation_failure.insn_bytes)
U(run, system_event.type) U(run, system_event.ndata) U(run, system_event.flags)
U(run, system_event.data)
U(run, eoi.vector)
U(run, msr.error) U(run, msr.pad) U(run, msr.reason) U(run, msr.index) U(run, msr.data)
U(run, notify.flags)
F(run, kvm_valid_regs) F(run, kvm_dirty_regs)
F(run, s) U(run, s.regs) U(run, s.padding)
END(run, 0)

BEGIN(coalesced_mmio_zone)
F(coalesced_mmio_zone, addr) F(coalesced_mmio_zone, size) F(coalesced_mmio_zone, pad)
U(coalesced_mmio_zone, pio)
END(coalesced_mmio_zone, 0)

BEGIN(coalesced_mmio)
F(coalesced_mmio, phys_addr) F(coalesced_mmio, len) F(coalesced_mmio, pad)
U(coalesced_mmio, pio) F(coalesced_mmio, data)
END(coalesced_mmio, 0)

BEGIN(coalesced_mmio_ring)
F(coalesced_mmio_ring, first) F(coalesced_mmio_ring, last)
A(coalesced_mmio_ring, coalesced_mmio)
END(coalesced_mmio_ring, 0)

BEGIN(dirty_gfn)
F(dirty_gfn, flags) F(dirty_gfn, slot) F(dirty_gfn, offset)
END(dirty_gfn, 0)

BEGIN(interrupt)
F(interrupt, irq)
END(interrupt, 0)

BEGIN(signal_mask)
F(signal_mask, len) A(signal_mask, sigset)
END(signal_mask, 0)

BEGIN(tpr_access_ctl)
F(tpr_access_ctl, enabled) F(tpr_access_ctl, flags) F(tpr_access_ctl, reserved)
END(tpr_access_ctl, 0)

BEGIN(vapic_addr)
F(vapic_addr, vapic_addr)
END(vapic_addr, 0)

BEGIN(userspace_memory_region)
F(userspace_memory_region, slot) F(userspace_memory_region, flags)
F(userspace_memory_region, guest_phys_addr) F(userspace_memory_region, memory_size)
F(userspace_memory_region, userspace_addr)
END(userspace_memory_region, 0)

BEGIN(dirty_log)
F(dirty_log, slot) F(dirty_log, padding1) F(dirty_log, dirty_bitmap) U(dirty_log, padding2)
END(dirty_log, 0)

BEGIN(clear_dirty_log)
F(clear_dirty_log, slot) F(clear_dirty_log, num_pages) F(clear_dirty_log, first_page)
F(clear_dirty_log, dirty_bitmap) U(clear_dirty_log, padding2)
END(clear_dirty_log, 0)

BEGIN(irq_level)
F(irq_level, irq) U(irq_level, status) F(irq_level, level)
END(irq_level, 0)

BEGIN(pic_state)
F(pic_state, last_irr) F(pic_state, irr) F(pic_state, imr) F(pic_state, isr)
F(pic_state, priority_add) F(pic_state, irq_base) F(pic_state, read_reg_select)
F(pic_state, poll) F(pic_state, special_mask) F(pic_state, init_state)
F(pic_state, auto_eoi) F(pic_state, rotate_on_auto_eoi)
F(pic_state, special_fully_nested_mode) F(pic_state, init4) F(pic_state, elcr)
F(pic_state, elcr_mask)
END(pic_state, 0)

BEGIN(ioapic_state)
F(ioapic_state, base_address) F(ioapic_state, ioregsel) F(ioapic_state, id)
F(ioapic_state, irr) F(ioapic_state, pad) F(ioapic_state, redirtbl)
U(ioapic_state, redirtbl[1].bits) U(ioapic_state, redirtbl[1].fields.vector)
U(ioapic_state, redirtbl[1].fields.reserved) U(ioapic_state, redirtbl[1].fields.dest_id)
END(ioapic_state, 0)

BEGIN(irqchip)
F(irqchip, chip_id) F(irqchip, pad) F(irqchip, chip)
U(irqchip, chip.pic) U(irqchip, chip.ioapic) U(irqchip, chip.dummy)
END(irqchip, 0)

BEGIN(pit_config)
F(pit_config, flags) F(pit_config, pad)
END(pit_config, 0)

BEGIN(pit_channel_state)
F(pit_channel_state, count) F(pit_channel_state, latched_count)
F(pit_channel_state, count_latched) F(pit_channel_state, status_latched)
F(pit_channel_state, status) F(pit_channel_state, read_state)
F(pit_channel_state, write_state) F(pit_channel_state, write_latch)
F(pit_channel_state, rw_mode) F(pit_channel_state, mode) F(pit_channel_state, bcd)
F(pit_channel_state, gate) F(pit_channel_state, count_load_time)
END(pit_channel_state, 0)

BEGIN(pit_state)
F(pit_state, channels)
END(pit_state, 0)

BEGIN(pit_state2)
F(pit_state2, channels) F(pit_state2, flags) F(pit_state2, reserved)
END(pit_state2, 0)

BEGIN(reinject_control)
F(reinject_control, pit_reinject) F(reinject_control, reserved)
END(reinject_control, 0)

BEGIN(irq_routing_irqchip)
F(irq_routing_irqchip, irqchip) F(irq_routing_irqchip, pin)
END(irq_routing_irqchip, 0)

BEGIN(irq_routing_msi)
F(irq_routing_msi, address_lo) F(irq_routing_msi, address_hi) F(irq_routing_msi, data)
F(irq_routing_msi, pad) U(irq_routing_msi, devid)
END(irq_routing_msi, 0)

BEGIN(irq_routing_entry)
F(irq_routing_entry, gsi) F(irq_routing_entry, type) F(irq_routing_entry, flags)
F(irq_routing_entry, pad) F(irq_routing_entry, u)
U(irq_routing_entry, u.irqchip) U(irq_routing_entry, u.msi) U(irq_routing_entry, u.pad)
END(irq_routing_entry, 0)

BEGIN(irq_routing)
F(irq_routing, nr) F(irq_routing, flags) A(irq_routing, entries)
END(irq_routing, 0)

BEGIN(msi)
F(msi, address_lo) F(msi, address_hi) F(msi, data) F(msi, flags) F(msi, devid) F(msi, pad)
END(msi, 0)

BEGIN(irqfd)
F(irqfd, fd) F(irqfd, gsi) F(irqfd, flags) F(irqfd, resamplefd) F(irqfd, pad)
END(irqfd, 0)

BEGIN(ioeventfd)
F(ioeventfd, datamatch) F(ioeventfd, addr) F(ioeventfd, len) F(ioeventfd, fd)
F(ioeventfd, flags) F(ioeventfd, pad)
END(ioeventfd, 0)

BEGIN(clock_data)
F(clock_data, clock) F(clock_data, flags) F(clock_data, pad0) F(clock_data, realtime)
F(clock_data, host_tsc) F(clock_data, pad)
END(clock_data, 0)

BEGIN(stats_header)
F(stats_header, flags) F(stats_header, name_size) F(stats_header, num_desc)
F(stats_header, id_offset) F(stats_header, desc_offset) F(stats_header, data_offset)
END(stats_header, 0)

BEGIN(stats_desc)
F(stats_desc, flags) F(stats_desc, exponent) F(stats_desc, size) F(stats_desc, offset)
F(stats_desc, bucket_size) A(stats_desc, name)
END(stats_desc, 0)

BEGIN(create_device)
F(create_device, type) F(create_device, fd) F(create_device, flags)
END(create_device, 0)

BEGIN(device_attr)
F(device_attr, flags) F(device_attr, group) F(device_attr, attr) F(device_attr, addr)
END(device_attr, 0)
