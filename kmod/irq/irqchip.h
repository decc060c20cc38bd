/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interrupt hardware of a VM: PICs, I/O APIC, PIT, GSI routing, eventfds.
 *
 * Locks: @pic_lock, @ioapic_lock, @pit_lock and @irqfd_lock are raw, taken with interrupts off,
 * from any context (window, hard irq, eventfd wakeup), and never nest in each
 * other; no eventfd is signalled and no line driven under them. @lock (below
 * vm->lock) serialises writers of routing and irqfds.
 */
#ifndef MINIVMM_IRQ_IRQCHIP_H
#define MINIVMM_IRQ_IRQCHIP_H

#include "state.h"

struct ioctl_entry;
struct vm;
struct vcpu;
struct minivmm_irqchip;
struct minivmm_pit_config;
struct minivmm_pit_state2;
struct minivmm_reinject_control;
struct minivmm_irq_routing_entry;
struct minivmm_msi;

/* Who drives a line; levels of all sources are OR-ed. */
enum irq_source { IRQ_SOURCE_USER, IRQ_SOURCE_RESAMPLE, IRQ_SOURCE_PIT };

/* irqchip_init - at VM creation: locks and an empty table. ENOMEM. */
int irqchip_init(struct vm *vm);

/*
 * Teardown, in this order: irqchip_release() when the VM fd is closed (irqfds go:
 * nobody outside can raise interrupts any more), then, when no vCPU runs any more and
 * before the vCPUs are freed, irqchip_destroy() (timers stop, tables are freed). May sleep.
 */
void irqchip_release(struct vm *vm);
void irqchip_destroy(struct vm *vm);

/*
 * irq_ioctl - the entry of a VM ioctl of this room: CREATE_IRQCHIP, CREATE_PIT(2), GET/SET_IRQCHIP,
 * GET/SET_PIT(2), REINJECT_CONTROL, IRQ_LINE(_STATUS), SET_GSI_ROUTING, SIGNAL_MSI, IRQFD; of any
 * other NULL. They take vm->lock themselves where needed.
 */
const struct ioctl_entry *irq_ioctl(unsigned int cmd);

/* irqchip_has_apics - our local APICs, and with them GSIs: messages, routing, irqfds. */
static inline bool irqchip_has_apics(const struct irqchip *chip)
{
	return READ_ONCE(chip->mode) != IRQCHIP_NONE;
}

/* irqchip_has_pics - our PICs and I/O APIC, too. */
static inline bool irqchip_has_pics(const struct irqchip *chip)
{
	return READ_ONCE(chip->mode) == IRQCHIP_KERNEL;
}

/* irqchip_create - CREATE_IRQCHIP; vm->lock held. EEXIST; EINVAL once a vCPU exists; ENOMEM. */
int irqchip_create(struct vm *vm);

/* irqchip_create_pit - CREATE_PIT2; vm->lock held. EEXIST; ENOENT without irqchip; EINVAL flag. */
int irqchip_create_pit(struct vm *vm, const struct minivmm_pit_config *config);

/* irqchip_get/set - GET/SET_IRQCHIP. ENXIO without irqchip; EINVAL unknown chip. */
int irqchip_get(struct vm *vm, struct minivmm_irqchip *chip);
int irqchip_set(struct vm *vm, const struct minivmm_irqchip *chip);

/* irqchip_get/set_pit, irqchip_reinject - GET/SET_PIT2, REINJECT_CONTROL. ENXIO: no PIT; EINVAL. */
int irqchip_get_pit(struct vm *vm, struct minivmm_pit_state2 *state);
int irqchip_set_pit(struct vm *vm, const struct minivmm_pit_state2 *state);
int irqchip_reinject(struct vm *vm, const struct minivmm_reinject_control *control);

/*
 * irq_set_routing - replace the table; nothing goes by the old one after the return. EINVAL as
 * irq_table_build(); ENOMEM. May sleep.
 */
int irq_set_routing(struct vm *vm, const struct minivmm_irq_routing_entry *entries, u32 nr);

/*
 * irq_set_line - drive @gsi. Any context, no raw lock of this room held. Returns
 * > 0 delivered, 0 coalesced, < 0 ignored (masked, no route).
 */
int irq_set_line(struct vm *vm, enum irq_source source, u32 gsi, bool level);

/* irq_send_msi - SIGNAL_MSI: > 0 delivered, 0 blocked by the guest; EINVAL: flags, no irqchip. */
int irq_send_msi(struct vm *vm, const struct minivmm_msi *msi);

/* irqchip_eoi_vectors - bits of the vectors for whose end irqchip_eoi() must be called. No lock needed. */
const u64 *irqchip_eoi_vectors(const struct vm *vm);

/* irqchip_eoi - a local APIC ended @vector. Window. */
void irqchip_eoi(struct vm *vm, u8 vector);

/* irq_extint_pending - whether the PIC asks this vCPU for an interrupt acknowledge. */
bool irq_extint_pending(struct vcpu *vcpu);

/* irq_extint_ack - do the acknowledge: the vector. */
u8 irq_extint_ack(struct vcpu *vcpu);

/*
 * irq_pending - whether an external interrupt could be injected now if RFLAGS.IF
 * allows; in-kernel irqchip only. Cheap: ask before each entry and while halted.
 * irq_ack - take it: the vector, or -1 if none is there any more.
 */
bool irq_pending(struct vcpu *vcpu);
int irq_ack(struct vcpu *vcpu);

#endif /* MINIVMM_IRQ_IRQCHIP_H */
