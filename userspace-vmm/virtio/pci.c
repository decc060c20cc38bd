// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Virtio 1.x over PCI: the register structures and their capabilities, queue
 * notification and interrupts. See pci.h. Everything the guest can reach is a
 * register of at most 8 bytes. Any bytes of the common structure can be read; a write must have the
 * field's own width.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "../machine.h"
#include "pci.h"

#define VENDOR_ID		0x1af4
#define DEVICE_ID_BASE		0x1040
#define SUBSYSTEM_ID		0x0040	/* 0x40 or above: not a legacy device */
#define REVISION		1

/* The BAR: one page for each structure, so that a guest can map them apart. */
#define BAR			0
#define BAR_SIZE		0x8000
#define COMMON_OFFSET		0x0000
#define ISR_OFFSET		0x1000
#define DEVICE_OFFSET		0x2000
#define NOTIFY_OFFSET		0x3000
#define MSIX_TABLE_OFFSET	0x4000
#define MSIX_PBA_OFFSET		0x5000
#define STRUCTURE_SIZE		0x1000
#define NOTIFY_STRIDE		4
#define NOTIFY_WIDTH		2

#define COMMON_SIZE		VIRTIO_PCI_COMMON_Q_NDATA

/* Width of the field that begins at an offset of the common structure. */
static const uint8_t common_width[COMMON_SIZE] = {
	[VIRTIO_PCI_COMMON_DFSELECT] = 4,
	[VIRTIO_PCI_COMMON_DF] = 4,
	[VIRTIO_PCI_COMMON_GFSELECT] = 4,
	[VIRTIO_PCI_COMMON_GF] = 4,
	[VIRTIO_PCI_COMMON_MSIX] = 2,
	[VIRTIO_PCI_COMMON_NUMQ] = 2,
	[VIRTIO_PCI_COMMON_STATUS] = 1,
	[VIRTIO_PCI_COMMON_CFGGENERATION] = 1,
	[VIRTIO_PCI_COMMON_Q_SELECT] = 2,
	[VIRTIO_PCI_COMMON_Q_SIZE] = 2,
	[VIRTIO_PCI_COMMON_Q_MSIX] = 2,
	[VIRTIO_PCI_COMMON_Q_ENABLE] = 2,
	[VIRTIO_PCI_COMMON_Q_NOFF] = 2,
	[VIRTIO_PCI_COMMON_Q_DESCLO] = 4,
	[VIRTIO_PCI_COMMON_Q_DESCHI] = 4,
	[VIRTIO_PCI_COMMON_Q_AVAILLO] = 4,
	[VIRTIO_PCI_COMMON_Q_AVAILHI] = 4,
	[VIRTIO_PCI_COMMON_Q_USEDLO] = 4,
	[VIRTIO_PCI_COMMON_Q_USEDHI] = 4,
};

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~0xffffffffULL) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
	*address = (*address & 0xffffffffULL) | (uint64_t)value << 32;
}

/* A vector that does not exist cannot be set: the driver reads back that it has none. */
static void set_vector(struct virtio_pci *vpci, uint16_t *vector, uint16_t value)
{
	if (value >= vpci->pci.msix_vectors)
		value = VIRTIO_MSI_NO_VECTOR;
	__atomic_store_n(vector, value, __ATOMIC_RELAXED);
}

static void clear_isr(struct virtio_pci *vpci)
{
	pthread_mutex_lock(&vpci->isr_lock);
	vpci->isr = 0;
	pci__set_intx(&vpci->pci, false);
	pthread_mutex_unlock(&vpci->isr_lock);
}

static void reset_registers(struct virtio_pci *vpci)
{
	unsigned int i;

	vpci->offered_select = 0;
	vpci->negotiated_select = 0;
	vpci->queue_select = 0;
	set_vector(vpci, &vpci->config_vector, VIRTIO_MSI_NO_VECTOR);
	for (i = 0; i < VIRTIO_MAX_QUEUES; i++)
		set_vector(vpci, &vpci->queue_vector[i], VIRTIO_MSI_NO_VECTOR);
	clear_isr(vpci);
}

static uint32_t read_queue_register(struct virtio_pci *vpci, uint64_t offset)
{
	const struct virtio_device *dev = vpci->dev;
	const struct virtio_queue *queue;

	if (vpci->queue_select >= dev->queue_count)
		return 0;
	queue = &dev->queue[vpci->queue_select];
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return queue->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return vpci->queue_vector[vpci->queue_select];
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return dev->enabled[vpci->queue_select];
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return vpci->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return queue->desc_gpa;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return queue->desc_gpa >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return queue->avail_gpa;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return queue->avail_gpa >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return queue->used_gpa;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return queue->used_gpa >> 32;
	}
	return 0;
}

static uint32_t read_common_register(struct virtio_pci *vpci, uint64_t offset)
{
	const struct virtio_device *dev = vpci->dev;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return vpci->offered_select;
	case VIRTIO_PCI_COMMON_DF:
		return virtio__offered(dev, vpci->offered_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return vpci->negotiated_select;
	case VIRTIO_PCI_COMMON_GF:
		if (vpci->negotiated_select >= 2)
			return 0;
		return dev->negotiated >> (32 * vpci->negotiated_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return vpci->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return dev->queue_count;
	case VIRTIO_PCI_COMMON_STATUS:
		return virtio__status(dev);
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return vpci->queue_select;
	}
	return read_queue_register(vpci, offset);
}

/* Addresses and size belong to the device once the queue is enabled. */
static void write_queue_setup(struct virtio_queue *queue, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		queue->size = value;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		set_low(&queue->desc_gpa, value);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_high(&queue->desc_gpa, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		set_low(&queue->avail_gpa, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_high(&queue->avail_gpa, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		set_low(&queue->used_gpa, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_high(&queue->used_gpa, value);
		break;
	}
}

static void write_queue_register(struct virtio_pci *vpci, uint64_t offset, uint32_t value)
{
	struct virtio_device *dev = vpci->dev;
	unsigned int select = vpci->queue_select;

	if (select >= dev->queue_count)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX) {
		set_vector(vpci, &vpci->queue_vector[select], value);
		return;
	}
	if (dev->enabled[select] || (virtio__status(dev) & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_ENABLE)
		dev->enabled[select] = value == 1;
	else
		write_queue_setup(&dev->queue[select], offset, value);
}

static void write_status(struct virtio_pci *vpci, uint8_t status)
{
	virtio__write_status(vpci->dev, status);
	if (!status)
		reset_registers(vpci);
}

static void write_common_register(struct virtio_pci *vpci, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		vpci->offered_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		vpci->negotiated_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		virtio__negotiate(vpci->dev, vpci->negotiated_select, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		set_vector(vpci, &vpci->config_vector, value);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		write_status(vpci, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		vpci->queue_select = value;
		break;
	default:
		write_queue_register(vpci, offset, value);
		break;
	}
}

static unsigned int width_of(uint64_t offset)
{
	return offset < COMMON_SIZE ? common_width[offset] : 0;
}

/* The addresses are 64 bits wide to those who like them so. */
static bool is_pair(uint64_t offset, unsigned int size)
{
	return size == 8 && offset >= VIRTIO_PCI_COMMON_Q_DESCLO && offset % 8 == 0 &&
	       offset < COMMON_SIZE;
}

/* The byte at @offset: part of the field that begins there or before. */
static uint8_t read_common_byte(struct virtio_pci *vpci, uint64_t offset)
{
	uint64_t field = offset;

	if (offset >= COMMON_SIZE)
		return 0;
	while (!common_width[field])
		field--;
	return read_common_register(vpci, field) >> (8 * (offset - field));
}

static uint64_t read_common(struct virtio_pci *vpci, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (width_of(offset) == size)
		return read_common_register(vpci, offset);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)read_common_byte(vpci, offset + i) << (8 * i);
	return value;
}

static void write_common(struct virtio_pci *vpci, uint64_t offset, unsigned int size,
			 uint64_t value)
{
	if (is_pair(offset, size)) {
		write_common_register(vpci, offset, value);
		write_common_register(vpci, offset + 4, value >> 32);
	} else if (width_of(offset) == size) {
		write_common_register(vpci, offset, value);
	}
}

/* Reading tells why the line was raised, and lowers it. */
static uint8_t read_isr(struct virtio_pci *vpci)
{
	uint8_t isr;

	pthread_mutex_lock(&vpci->isr_lock);
	isr = vpci->isr;
	vpci->isr = 0;
	pci__set_intx(&vpci->pci, false);
	pthread_mutex_unlock(&vpci->isr_lock);
	return isr;
}

static uint64_t read_bar(void *ctx, uint64_t offset, unsigned int size)
{
	struct virtio_pci *vpci = ctx;
	uint64_t value = 0;

	if (offset == ISR_OFFSET)
		return read_isr(vpci);
	pthread_mutex_lock(&vpci->dev->lock);
	if (offset < COMMON_OFFSET + STRUCTURE_SIZE)
		value = read_common(vpci, offset - COMMON_OFFSET, size);
	else if (offset >= DEVICE_OFFSET && offset < DEVICE_OFFSET + STRUCTURE_SIZE)
		value = virtio__config_read(vpci->dev, offset - DEVICE_OFFSET, size);
	pthread_mutex_unlock(&vpci->dev->lock);
	return value;
}

/* Notifications come here only where the eventfd does not take them: other widths. */
static void write_bar(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio_pci *vpci = ctx;

	if (offset >= NOTIFY_OFFSET && offset < NOTIFY_OFFSET + STRUCTURE_SIZE) {
		virtio__kick(vpci->dev, (offset - NOTIFY_OFFSET) / NOTIFY_STRIDE);
		return;
	}
	pthread_mutex_lock(&vpci->dev->lock);
	if (offset < COMMON_OFFSET + STRUCTURE_SIZE)
		write_common(vpci, offset - COMMON_OFFSET, size, value);
	else if (offset >= DEVICE_OFFSET && offset < DEVICE_OFFSET + STRUCTURE_SIZE)
		virtio__config_write(vpci->dev, offset - DEVICE_OFFSET, size, value);
	pthread_mutex_unlock(&vpci->dev->lock);
}

static const struct bus_ops bar_ops = { .read = read_bar, .write = write_bar };

static void map_bar(void *ctx, uint64_t addr)
{
	struct virtio_pci *vpci = ctx;
	unsigned int i;

	/* Where the kernel refuses, the write reaches write_bar(): slower, not wrong. */
	for (i = 0; i < vpci->dev->queue_count; i++)
		bus__add_eventfd(vpci->machine->mmio, addr + NOTIFY_OFFSET + i * NOTIFY_STRIDE,
				 NOTIFY_WIDTH, vpci->dev->kick_fd[i]);
}

static void unmap_bar(void *ctx, uint64_t addr)
{
	struct virtio_pci *vpci = ctx;
	unsigned int i;

	for (i = 0; i < vpci->dev->queue_count; i++)
		bus__remove_eventfd(vpci->machine->mmio, addr + NOTIFY_OFFSET + i * NOTIFY_STRIDE,
				    NOTIFY_WIDTH, vpci->dev->kick_fd[i]);
}

static void raise_intx(struct virtio_pci *vpci, uint8_t cause)
{
	pthread_mutex_lock(&vpci->isr_lock);
	vpci->isr |= cause;
	pci__set_intx(&vpci->pci, true);
	pthread_mutex_unlock(&vpci->isr_lock);
}

static void interrupt(void *transport, int queue)
{
	struct virtio_pci *vpci = transport;
	bool config = queue == VIRTIO_CONFIG_EVENT;
	uint16_t *vector = config ? &vpci->config_vector : &vpci->queue_vector[queue];

	if (pci__msix_enabled(&vpci->pci))
		pci__msix_notify(&vpci->pci, __atomic_load_n(vector, __ATOMIC_RELAXED));
	else
		raise_intx(vpci, config ? 1 | VIRTIO_PCI_ISR_CONFIG : 1);
}

/*
 * The window: a capability through which firmware that cannot reach the BAR
 * reads and writes it. It names an offset and a width of 1, 2 or 4.
 */
static bool window_target(const struct virtio_pci *vpci, uint32_t *offset, uint32_t *length)
{
	const uint8_t *cap = vpci->pci.config + vpci->window;

	memcpy(offset, cap + VIRTIO_PCI_CAP_OFFSET, sizeof(*offset));
	memcpy(length, cap + VIRTIO_PCI_CAP_LENGTH, sizeof(*length));
	if (cap[VIRTIO_PCI_CAP_BAR] != BAR || *offset >= MSIX_TABLE_OFFSET)
		return false;
	return (*length == 1 || *length == 2 || *length == 4) && *offset % *length == 0;
}

/* Where in the window's four bytes of data @offset is; 4 or more: not in them. */
static unsigned int window_byte(const struct virtio_pci *vpci, unsigned int offset)
{
	return offset - vpci->window - offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
}

static void config_write(void *ctx, unsigned int offset, unsigned int size, uint32_t value)
{
	struct virtio_pci *vpci = ctx;
	uint32_t target, length;

	(void)size;
	if (!window_byte(vpci, offset) && window_target(vpci, &target, &length))
		write_bar(vpci, target, length, value);
}

static uint32_t config_read(void *ctx, unsigned int offset, unsigned int size, uint32_t value)
{
	struct virtio_pci *vpci = ctx;
	uint32_t target, length;

	(void)size;
	if (window_byte(vpci, offset) < 4 && window_target(vpci, &target, &length))
		return read_bar(vpci, target, length) >> (8 * window_byte(vpci, offset));
	return value;
}

static void fill_capability(struct virtio_pci_cap *cap, size_t size, uint8_t type, uint32_t offset,
			    uint32_t length)
{
	cap->cap_len = size;
	cap->cfg_type = type;
	cap->bar = BAR;
	cap->offset = offset;
	cap->length = length;
}

/* pci.c writes the generic first two bytes of a capability itself. */
static unsigned int add(struct virtio_pci *vpci, const void *cap, unsigned int size,
			const void *writable)
{
	return pci__add_capability(&vpci->pci, PCI_CAP_ID_VNDR,
				   (const char *)cap + VIRTIO_PCI_CAP_LEN,
				   size - VIRTIO_PCI_CAP_LEN,
				   writable ? (const char *)writable + VIRTIO_PCI_CAP_LEN : NULL);
}

static void add_structure(struct virtio_pci *vpci, uint8_t type, uint32_t offset, uint32_t length)
{
	struct virtio_pci_cap cap = { 0 };

	fill_capability(&cap, sizeof(cap), type, offset, length);
	add(vpci, &cap, sizeof(cap), NULL);
}

static void add_notify_structure(struct virtio_pci *vpci)
{
	struct virtio_pci_notify_cap cap = { .notify_off_multiplier = NOTIFY_STRIDE };

	fill_capability(&cap.cap, sizeof(cap), VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFFSET,
			vpci->dev->queue_count * NOTIFY_STRIDE);
	add(vpci, &cap, sizeof(cap), NULL);
}

static void add_window(struct virtio_pci *vpci)
{
	struct virtio_pci_cfg_cap cap = { 0 };
	struct virtio_pci_cfg_cap writable = {
		.cap = { .bar = 0xff, .offset = ~0U, .length = ~0U },
		.pci_cfg_data = { 0xff, 0xff, 0xff, 0xff },
	};

	fill_capability(&cap.cap, sizeof(cap), VIRTIO_PCI_CAP_PCI_CFG, 0, 0);
	vpci->window = add(vpci, &cap, sizeof(cap), &writable);
}

static void add_capabilities(struct virtio_pci *vpci)
{
	add_structure(vpci, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFFSET, COMMON_SIZE);
	add_structure(vpci, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFFSET, 1);
	if (vpci->dev->config_size)
		add_structure(vpci, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFFSET,
			      vpci->dev->config_size);
	add_notify_structure(vpci);
	add_window(vpci);
}

static void fill_pci_device(struct virtio_pci *vpci, uint32_t class_code)
{
	struct pci_device *pci = &vpci->pci;

	pci->name = vpci->dev->name;
	pci->vendor_id = VENDOR_ID;
	pci->device_id = DEVICE_ID_BASE + vpci->dev->id;
	pci->subsystem_vendor_id = VENDOR_ID;
	pci->subsystem_id = SUBSYSTEM_ID;
	pci->revision = REVISION;
	pci->class_code = class_code;
	pci->has_intx = true;
	pci->ctx = vpci;
	pci->config_write = config_write;
	pci->config_read = config_read;
	pci->bar[BAR] = (struct pci_bar){
		.kind = PCI_BAR_MEM32,
		.size = BAR_SIZE,
		.ops = &bar_ops,
		.ctx = vpci,
		.map = map_bar,
		.unmap = unmap_bar,
	};
}

static void *translate(void *opaque, uint64_t gpa, uint64_t len)
{
	return memory__ptr(opaque, gpa, len);
}

int virtio_pci__create(struct virtio_pci *vpci, struct virtio_device *dev, struct machine *m,
		       uint32_t class_code, struct error *err)
{
	struct virtio_memory memory = { .translate = translate, .opaque = m->memory };

	*vpci = (struct virtio_pci){ .dev = dev, .machine = m };
	if (virtio__init(dev, &memory, interrupt, vpci, err))
		return -1;
	pthread_mutex_init(&vpci->isr_lock, NULL);
	fill_pci_device(vpci, class_code);
	if (pci__add_msix(&vpci->pci, BAR, dev->queue_count + 1, MSIX_TABLE_OFFSET,
			  MSIX_PBA_OFFSET, err))
		goto fail;
	add_capabilities(vpci);
	if (pci__register(m->pci, &vpci->pci, PCI_SLOT_ANY, 0, err))
		goto fail;
	reset_registers(vpci);
	return 0;

fail:
	virtio_pci__destroy(vpci);
	return -1;
}

/* The device's threads use the vectors, the bus uses the kick events: end in this order. */
void virtio_pci__destroy(struct virtio_pci *vpci)
{
	virtio__reset(vpci->dev);
	pci__unregister(&vpci->pci);
	virtio__destroy(vpci->dev);
	pthread_mutex_destroy(&vpci->isr_lock);
}
