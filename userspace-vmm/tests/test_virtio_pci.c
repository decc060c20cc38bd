// SPDX-License-Identifier: GPL-2.0-or-later
/* What a driver, honest or not, finds at a virtio device's PCI registers. */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "support/ktap.h"
#include "machine.h"
#include "support/fake_kernel.h"
#include "support/virtio-driver.h"
#include "virtio/pci.h"

#define BAR_ADDRESS	0xd0000000ULL
#define DEVICE_ADDRESS	0x80000000U	/* slot 0, function 0 */
#define COMMON		0x0000
#define ISR		0x1000
#define CONFIG		0x2000
#define NOTIFY		0x3000
#define MSIX_TABLE	0x4000
#define QUEUES		2
#define LINE		11

#define F_VERSION_1	(1ULL << VIRTIO_F_VERSION_1)
#define F_OWN		(1ULL << 5)

static unsigned int starts, stops;

static int start(struct virtio_device *dev)
{
	(void)dev;
	starts++;
	return 0;
}

static void stop(struct virtio_device *dev)
{
	(void)dev;
	stops++;
}

static const struct virtio_ops ops = { .start = start, .stop = stop };
static uint8_t config[6];
static struct virtio_device dev;
static struct virtio_pci vpci;
static struct machine machine;
static struct driver driver;

static uint64_t get(uint64_t offset, unsigned int size)
{
	return bus__read(machine.mmio, BAR_ADDRESS + offset, size);
}

static void put(uint64_t offset, unsigned int size, uint64_t value)
{
	bus__write(machine.mmio, BAR_ADDRESS + offset, size, value);
}

static uint32_t config_get(unsigned int at, unsigned int size)
{
	return pci__config_read(machine.pci, DEVICE_ADDRESS | at, size);
}

static void config_put(unsigned int at, unsigned int size, uint32_t value)
{
	pci__config_write(machine.pci, DEVICE_ADDRESS | at, size, value);
}

static void use_test_memory(void)
{
	dev.memory = driver.memory;
}

/* A machine with nothing but our device, its BAR mapped. */
static bool begin(void)
{
	struct error err = { 0 };

	memset(driver.ram, 0, DRIVER_RAM_BYTES);
	memcpy(config, "\1\2\3\4\5\6", sizeof(config));
	dev = (struct virtio_device){
		.name = "test", .id = 4, .features = F_OWN, .queue_count = QUEUES,
		.queue_size = DRIVER_RING_SIZE, .config = config, .config_size = sizeof(config),
		.ops = &ops,
	};
	machine = (struct machine){ .vm = &fake_vm };
	fake_kernel__reset();
	starts = 0;
	stops = 0;
	if (bus__create(&machine.pio, &fake_vm, BUS_PORTS, &err) ||
	    bus__create(&machine.mmio, &fake_vm, BUS_MEMORY, &err) ||
	    irq__create(&machine.irq, &fake_vm, &err) ||
	    pci__create(&machine.pci, &machine, &err) ||
	    virtio_pci__create(&vpci, &dev, &machine, 0x00ff00, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	use_test_memory();
	pci__route_pirq(machine.pci, 3, LINE);	/* slot 0, pin A */
	config_put(PCI_BASE_ADDRESS_0, 4, BAR_ADDRESS);
	config_put(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return true;
}

static void end(void)
{
	virtio_pci__destroy(&vpci);
	pci__destroy(machine.pci);
	irq__destroy(machine.irq);
	bus__destroy(machine.mmio);
	bus__destroy(machine.pio);
}

static void set_address(unsigned int at, uint64_t gpa)
{
	put(COMMON + at, 4, gpa);
	put(COMMON + at + 4, 4, gpa >> 32);
}

static void negotiate(uint64_t features)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		put(COMMON + VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		put(COMMON + VIRTIO_PCI_COMMON_GF, 4, features >> (32 * i));
	}
}

/* Up to DRIVER_OK with queue 0 on. */
static void drive(uint64_t features)
{
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 3);
	negotiate(features);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0xb);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set_address(VIRTIO_PCI_COMMON_Q_DESCLO, DRIVER_DESC_GPA);
	set_address(VIRTIO_PCI_COMMON_Q_AVAILLO, DRIVER_AVAIL_GPA);
	set_address(VIRTIO_PCI_COMMON_Q_USEDLO, DRIVER_USED_GPA);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0xf);
}

static unsigned int find_capability(uint8_t type)
{
	unsigned int at = config_get(PCI_CAPABILITY_LIST, 1), limit = 48;

	for (; at && limit; at = config_get(at + 1, 1), limit--)
		if (config_get(at, 1) == PCI_CAP_ID_VNDR &&
		    config_get(at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == type)
			return at;
	return 0;
}

static bool line(void)
{
	return fake_kernel.line[LINE];
}

static bool kicked(unsigned int queue)
{
	eventfd_t count;

	return !eventfd_read(dev.kick_fd[queue], &count);
}

TEST(identity_is_modern)
{
	CHECK(begin());
	CHECK(config_get(PCI_VENDOR_ID, 2) == 0x1af4);
	CHECK(config_get(PCI_DEVICE_ID, 2) == 0x1040 + 4);
	CHECK(config_get(PCI_REVISION_ID, 1) >= 1);
	CHECK(config_get(PCI_SUBSYSTEM_ID, 2) >= 0x40);
	CHECK(config_get(PCI_CLASS_REVISION, 4) >> 8 == 0x00ff00);
	end();
}

TEST(capabilities_lie_in_the_bar)
{
	static const uint8_t types[] = {
		VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_PCI_CAP_NOTIFY_CFG, VIRTIO_PCI_CAP_ISR_CFG,
		VIRTIO_PCI_CAP_DEVICE_CFG, VIRTIO_PCI_CAP_PCI_CFG,
	};
	unsigned int i, at;

	CHECK(begin());
	for (i = 0; i < sizeof(types); i++) {
		at = find_capability(types[i]);
		CHECK(at);
		CHECK(config_get(at + VIRTIO_PCI_CAP_BAR, 1) == 0);
		CHECK(config_get(at + VIRTIO_PCI_CAP_OFFSET, 4) +
		      config_get(at + VIRTIO_PCI_CAP_LENGTH, 4) <= vpci.pci.bar[0].size);
	}
	CHECK(config_get(find_capability(VIRTIO_PCI_CAP_COMMON_CFG) + VIRTIO_PCI_CAP_LENGTH, 4) >=
	      sizeof(struct virtio_pci_common_cfg));
	end();
}

TEST(features_are_offered_by_halves)
{
	uint64_t features;

	CHECK(begin());
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	features = get(COMMON + VIRTIO_PCI_COMMON_DF, 4);
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	features |= get(COMMON + VIRTIO_PCI_COMMON_DF, 4) << 32;
	CHECK(features == (F_OWN | F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC |
			   1ULL << VIRTIO_RING_F_EVENT_IDX));
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_DF, 4) == 0);
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 0xffffffff);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_DF, 4) == 0);
	end();
}

TEST(only_offered_features_are_accepted)
{
	CHECK(begin());
	drive(F_VERSION_1 | F_OWN);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 0xf && starts == 1);
	drive(F_VERSION_1 | 1ULL << 6);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 3 && starts == 1);
	drive(F_OWN);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 3 && starts == 1);
	end();
}

TEST(features_are_fixed_once_accepted)
{
	CHECK(begin());
	drive(F_VERSION_1);
	negotiate(F_VERSION_1 | F_OWN);
	CHECK(!virtio__negotiated(&dev, 5));
	end();
}

TEST(reset_clears_everything)
{
	CHECK(begin());
	drive(F_VERSION_1);
	put(COMMON + VIRTIO_PCI_COMMON_MSIX, 2, 1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	CHECK(stops == 1);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 0);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2) == 0);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 4) == 0);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_MSIX, 2) == VIRTIO_MSI_NO_VECTOR);
	CHECK(dev.negotiated == 0);
	end();
}

TEST(status_bits_stay_until_reset)
{
	CHECK(begin());
	drive(F_VERSION_1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 1);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 0xf && starts == 1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0xf | VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK(!(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_NEEDS_RESET));
	end();
}

TEST(queue_that_does_not_exist_is_empty)
{
	unsigned int at;

	CHECK(begin());
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_NUMQ, 2) == QUEUES);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 2, QUEUES);
	for (at = VIRTIO_PCI_COMMON_Q_SIZE; at < VIRTIO_PCI_COMMON_Q_DESCLO; at += 2) {
		put(COMMON + at, 2, 1);
		CHECK(get(COMMON + at, 2) == 0);
	}
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 2, 0xffff);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2) == 0);
	end();
}

/* iPXE reads some registers byte by byte, and takes a card without queues for none. */
TEST(any_bytes_of_the_registers_can_be_read)
{
	CHECK(begin());
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_NUMQ, 1) == QUEUES);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_NUMQ + 1, 1) == 0);
	put(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x12345670);
	put(COMMON + VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0x89);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 1) == 0x70);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO + 1, 2) == 0x3456);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO + 3, 2) == 0x8912);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 3);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_NUMQ, 4) == (QUEUES | 3 << 16));
	end();
}

TEST(registers_are_written_in_one_width)
{
	CHECK(begin());
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 4, 3);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 0);
	put(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0x123456789abcdef0ULL);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 8) == 0x123456789abcdef0ULL);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCHI, 4) == 0x12345678);
	end();
}

TEST(every_offset_and_width_is_survived)
{
	unsigned int offset, size;

	CHECK(begin());
	for (offset = 0; offset < 0x6000; offset++) {
		for (size = 1; size <= 8; size *= 2) {
			put(offset, size, ~0ULL);
			get(offset, size);
		}
	}
	end();
}

/* Threads of the device read the configuration meanwhile: what is fixed is not even written. */
TEST(write_to_the_configuration_touches_what_may_change_only)
{
	uint8_t *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static uint8_t writable[8] = { [5] = 0x0f };
	struct virtio_device device = {
		.config = pages + 4092, .config_size = 8, .config_writable = writable, .ops = &ops,
	};

	CHECK(pages != MAP_FAILED && !mprotect(pages, 4096, PROT_READ));
	virtio__config_write(&device, 0, 8, ~0ULL);
	CHECK(virtio__config_read(&device, 0, 8) == 0x0f0000000000);
	munmap(pages, 8192);
}

TEST(enabled_queue_is_fixed)
{
	CHECK(begin());
	put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2, 4);
	put(COMMON + VIRTIO_PCI_COMMON_Q_USEDLO, 4, 0x1000);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2) == 8);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_USEDLO, 4) == 0);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2) == 1);
	end();
}

TEST(bad_queue_needs_reset)
{
	CHECK(begin());
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 3);
	negotiate(F_VERSION_1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0xb);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0xf);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK(starts == 0);
	end();
}

TEST(vector_that_does_not_exist_is_refused)
{
	CHECK(begin());
	put(COMMON + VIRTIO_PCI_COMMON_MSIX, 2, QUEUES);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_MSIX, 2) == QUEUES);
	put(COMMON + VIRTIO_PCI_COMMON_MSIX, 2, QUEUES + 1);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_MSIX, 2) == VIRTIO_MSI_NO_VECTOR);
	put(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 2, 0xfffe);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 2) == VIRTIO_MSI_NO_VECTOR);
	end();
}

TEST(notification_of_any_width_kicks)
{
	unsigned int size;

	CHECK(begin());
	for (size = 1; size <= 4; size *= 2) {
		put(NOTIFY + 4, size, 1);
		CHECK(!kicked(0) && kicked(1));
	}
	put(NOTIFY + 4 * QUEUES, 2, 0);
	put(NOTIFY + 0xffc, 4, 0);
	CHECK(!kicked(0) && !kicked(1));
	end();
}

TEST(line_is_raised_until_isr_is_read)
{
	CHECK(begin());
	drive(F_VERSION_1);
	virtio_queue__push(&dev.queue[0], 0, 0);
	virtio__interrupt(&dev, 0);
	CHECK(line());
	CHECK(get(ISR, 1) == 1);
	CHECK(!line() && get(ISR, 1) == 0);
	virtio__fail(&dev);
	CHECK(line() && (get(ISR, 1) & VIRTIO_PCI_ISR_CONFIG));
	end();
}

TEST(reset_lowers_the_line)
{
	CHECK(begin());
	drive(F_VERSION_1);
	virtio__fail(&dev);
	CHECK(line());
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	CHECK(!line() && get(ISR, 1) == 0);
	end();
}

static unsigned int find_msix(void)
{
	unsigned int at = config_get(PCI_CAPABILITY_LIST, 1);

	while (at && config_get(at, 1) != PCI_CAP_ID_MSIX)
		at = config_get(at + 1, 1);
	return at;
}

static bool vector_was_raised(unsigned int vector)
{
	eventfd_t count;

	return !eventfd_read(pci__msix_fd(&vpci.pci, vector), &count);
}

TEST(msix_takes_the_place_of_the_line)
{
	CHECK(begin());
	config_put(find_msix() + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	drive(F_VERSION_1);
	put(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
	put(COMMON + VIRTIO_PCI_COMMON_MSIX, 2, 0);
	virtio_queue__push(&dev.queue[0], 0, 0);
	virtio__interrupt(&dev, 0);
	CHECK(vector_was_raised(2) && !vector_was_raised(0));
	virtio__fail(&dev);
	CHECK(vector_was_raised(0) && !vector_was_raised(2));
	CHECK(!line() && get(ISR, 1) == 0);
	end();
}

TEST(queue_without_vector_is_silent)
{
	unsigned int i;

	CHECK(begin());
	config_put(find_msix() + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	drive(F_VERSION_1);
	virtio_queue__push(&dev.queue[0], 0, 0);
	virtio__interrupt(&dev, 0);
	for (i = 0; i <= QUEUES; i++)
		CHECK(!vector_was_raised(i));
	CHECK(!line());
	end();
}

static void aim_window(uint8_t bar, uint32_t offset, uint32_t length)
{
	unsigned int at = find_capability(VIRTIO_PCI_CAP_PCI_CFG);

	config_put(at + VIRTIO_PCI_CAP_BAR, 1, bar);
	config_put(at + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	config_put(at + VIRTIO_PCI_CAP_LENGTH, 4, length);
}

TEST(window_reaches_the_bar)
{
	unsigned int data;

	CHECK(begin());
	data = find_capability(VIRTIO_PCI_CAP_PCI_CFG) + sizeof(struct virtio_pci_cap);
	aim_window(0, COMMON + VIRTIO_PCI_COMMON_STATUS, 1);
	config_put(data, 1, 3);
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) == 3);
	CHECK(config_get(data, 1) == 3);
	aim_window(0, CONFIG, 4);
	CHECK(config_get(data, 4) == 0x04030201);
	aim_window(0, NOTIFY, 2);
	config_put(data, 2, 0);
	CHECK(kicked(0));
	end();
}

TEST(window_is_checked)
{
	static const struct { uint8_t bar; uint32_t offset, length; } wrong[] = {
		{ 1, 0, 4 }, { 0, MSIX_TABLE, 4 }, { 0, 0xffffffff, 1 }, { 0, 0xfffffffc, 4 },
		{ 0, 0, 0 }, { 0, 0, 3 }, { 0, 0, 8 }, { 0, 2, 4 }, { 0, 0, 0xffffffff },
	};
	unsigned int data, i;

	CHECK(begin());
	data = find_capability(VIRTIO_PCI_CAP_PCI_CFG) + sizeof(struct virtio_pci_cap);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		aim_window(wrong[i].bar, wrong[i].offset, wrong[i].length);
		config_put(data, 4, 0xa5a5a5a5);
		CHECK(config_get(data, 4) == 0xa5a5a5a5);
	}
	CHECK(get(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4) == 0);
	end();
}

TEST(config_is_bounded)
{
	CHECK(begin());
	CHECK(get(CONFIG, 2) == 0x0201 && get(CONFIG + 4, 2) == 0x0605);
	CHECK(get(CONFIG + 4, 4) == 0 && get(CONFIG + 6, 1) == 0 && get(CONFIG + 0xff8, 8) == 0);
	put(CONFIG, 2, 0xffff);
	CHECK(get(CONFIG, 2) == 0x0201);
	end();
}

__attribute__((constructor)) static void map_memory(void)
{
	if (!driver__init(&driver))
		abort();
}

__attribute__((destructor)) static void unmap_memory(void)
{
	driver__free(&driver);
}

KTAP_MAIN()
