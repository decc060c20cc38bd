// SPDX-License-Identifier: GPL-2.0-or-later
/* The chips at fixed places, as a guest sees them. */
#include "support/ktap.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "acpi/acpi.h"
#include "chip/chipset.h"
#include "chip/pm_timer.h"
#include "console.h"
#include "fw_cfg.h"
#include "support/board.h"

#define COM1		0x3f8
#define LSR_DATA	0x01
#define LSR_EMPTY	0x60
#define SLOT(slot, function, reg) (0x80000000u | (slot) << 11 | (function) << 8 | (reg))

/* Keyboard controller. */

TEST(keyboard_controller_passes_its_tests)
{
	CHECK(board__create(16) && board__add("keyboard"));
	board__out(0x64, 0xaa);
	CHECK(board__in(0x64) & 1);
	CHECK(board__in(0x60) == 0x55);
	CHECK(!(board__in(0x64) & 1));
	board__out(0x64, 0xab);
	CHECK(board__in(0x60) == 0);
	board__destroy();
}

TEST(keyboard_acknowledges_and_identifies_itself)
{
	CHECK(board__create(16) && board__add("keyboard"));
	board__out(0x60, 0xff);
	CHECK(board__in(0x60) == 0xfa && board__in(0x60) == 0xaa);
	board__out(0x60, 0xed);
	board__out(0x60, 0xff);	/* the argument, no reset */
	CHECK(board__in(0x60) == 0xfa && board__in(0x60) == 0xfa && !(board__in(0x64) & 1));
	board__out(0x60, 0xf2);
	CHECK(board__in(0x60) == 0xfa && board__in(0x60) == 0xab && board__in(0x60) == 0x83);
	board__destroy();
}

TEST(keyboard_interrupts_once_per_byte_when_enabled)
{
	CHECK(board__create(16) && board__add("keyboard"));
	board__out(0x60, 0xee);
	CHECK(!fake_kernel.line[1]);
	CHECK(board__in(0x60) == 0xee);
	board__out(0x64, 0x60);
	board__out(0x60, 0x01);
	board__out(0x60, 0xff);
	CHECK(fake_kernel.line[1]);
	board__in(0x60);
	CHECK(fake_kernel.line[1]);
	board__in(0x60);
	CHECK(!fake_kernel.line[1]);
	board__destroy();
}

TEST(keyboard_controller_resets_the_machine)
{
	CHECK(board__create(16) && board__add("keyboard"));
	board__out(0x64, 0xff);
	CHECK(!board.reset);
	board__out(0x64, 0xfe);
	CHECK(board.reset);
	board__destroy();
}

/* Serial port. */

static int to_guest, from_guest, saved_in, saved_out;
static struct console *console;

static bool serial_create(void)
{
	int in[2], out[2];

	if (!board__create(16) || pipe(in) < 0 || pipe(out) < 0)
		return false;
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fflush(stdout);
	saved_in = dup(STDIN_FILENO);
	saved_out = dup(STDOUT_FILENO);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(in[0]);
	close(out[1]);
	to_guest = in[1];
	from_guest = out[0];
	if (console__create(&console, &board.err) < 0)
		return false;
	board.m.console = console;
	return board__add("serial");
}

static void serial_destroy(void)
{
	board__destroy();
	console__destroy(console);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO);
	close(saved_in);
	close(saved_out);
	close(to_guest);
	close(from_guest);
}

/* As CHECK(), but puts standard output back first. */
#define SERIAL_CHECK(condition) do {						\
	bool ok = (condition);							\
	if (!ok) {								\
		serial_destroy();						\
		CHECK(ok && #condition);					\
	}									\
} while (0)

TEST(serial_output_arrives)
{
	char text[8] = "";

	SERIAL_CHECK(serial_create());
	SERIAL_CHECK(board__in(COM1 + 5) == LSR_EMPTY);
	board__out(COM1, 'h');
	board__out(COM1, 'i');
	board__run(20);
	SERIAL_CHECK(read(from_guest, text, sizeof(text)) == 2 && !strcmp(text, "hi"));
	serial_destroy();
}

TEST(serial_input_arrives_with_an_interrupt)
{
	SERIAL_CHECK(serial_create());
	board__out(COM1 + 1, 0x01);
	board__out(COM1 + 4, 0x08);
	SERIAL_CHECK(write(to_guest, "xy", 2) == 2);
	board__run(20);
	SERIAL_CHECK(fake_kernel.line[4]);
	SERIAL_CHECK((board__in(COM1 + 2) & 0x0f) == 0x04);
	SERIAL_CHECK(board__in(COM1 + 5) & LSR_DATA);
	SERIAL_CHECK(board__in(COM1) == 'x' && fake_kernel.line[4]);
	SERIAL_CHECK(board__in(COM1) == 'y' && !fake_kernel.line[4]);
	SERIAL_CHECK(!(board__in(COM1 + 5) & LSR_DATA));
	serial_destroy();
}

TEST(serial_takes_all_of_a_long_input)
{
	char text[200];
	unsigned int got = 0;

	SERIAL_CHECK(serial_create());
	memset(text, 'z', sizeof(text));
	SERIAL_CHECK(write(to_guest, text, sizeof(text)) == sizeof(text));
	for (unsigned int i = 0; i < 400 && got < sizeof(text); i++) {
		if (!(board__in(COM1 + 5) & LSR_DATA)) {
			board__run(2);
			continue;
		}
		got += board__in(COM1) == 'z';
	}
	SERIAL_CHECK(got == sizeof(text));
	serial_destroy();
}

TEST(serial_transmit_interrupt_is_cleared_by_reading_it)
{
	SERIAL_CHECK(serial_create());
	board__out(COM1 + 4, 0x08);
	board__out(COM1 + 1, 0x02);
	SERIAL_CHECK(fake_kernel.line[4]);
	SERIAL_CHECK((board__in(COM1 + 2) & 0x0f) == 0x02);
	SERIAL_CHECK(!fake_kernel.line[4] && (board__in(COM1 + 2) & 0x0f) == 0x01);
	board__out(COM1, 'a');
	SERIAL_CHECK(fake_kernel.line[4]);
	serial_destroy();
}

TEST(serial_words_are_two_bytes)
{
	SERIAL_CHECK(serial_create());
	bus__write(board.m.pio, COM1 + 6, 2, 0xa500);
	SERIAL_CHECK(board__in(COM1 + 7) == 0xa5);
	SERIAL_CHECK(bus__read(board.m.pio, COM1 + 6, 2) == 0xa5b0);
	board__out(COM1 + 3, 0x83);
	bus__write(board.m.pio, COM1, 2, 0x1234);
	SERIAL_CHECK(board__in(COM1) == 0x34 && board__in(COM1 + 1) == 0x12);
	serial_destroy();
}

TEST(serial_input_goes_on_after_the_fifo_was_cleared)
{
	unsigned int got = 0;
	char text[40];

	SERIAL_CHECK(serial_create());
	memset(text, 'z', sizeof(text));
	SERIAL_CHECK(write(to_guest, text, sizeof(text)) == sizeof(text));
	board__run(20);
	board__out(COM1 + 2, 0x03);
	SERIAL_CHECK(!(board__in(COM1 + 5) & LSR_DATA));
	for (unsigned int i = 0; i < 100; i++) {
		if (board__in(COM1 + 5) & LSR_DATA)
			got += board__in(COM1) == 'z';
		else
			board__run(2);
	}
	SERIAL_CHECK(got == sizeof(text) - 16);
	serial_destroy();
}

TEST(serial_loop_mode_returns_the_byte)
{
	SERIAL_CHECK(serial_create());
	board__out(COM1 + 4, 0x1a);
	board__out(COM1, 0x5a);
	SERIAL_CHECK(board__in(COM1) == 0x5a);
	SERIAL_CHECK((board__in(COM1 + 6) & 0xf0) == 0x90);
	serial_destroy();
}

TEST(serial_divisor_is_behind_dlab)
{
	SERIAL_CHECK(serial_create());
	board__out(COM1 + 3, 0x83);
	board__out(COM1, 0x34);
	board__out(COM1 + 1, 0x12);
	SERIAL_CHECK(board__in(COM1) == 0x34 && board__in(COM1 + 1) == 0x12);
	board__out(COM1 + 3, 0x03);
	SERIAL_CHECK(board__in(COM1 + 1) == 0);
	serial_destroy();
}

TEST(serial_waits_for_a_reader_that_does_not_read)
{
	char text[4096];
	unsigned int sent = 0, got = 0;
	ssize_t len;

	SERIAL_CHECK(serial_create());
	while (board__in(COM1 + 5) & LSR_EMPTY && sent < 1000000) {
		board__out(COM1, 'o');
		if (!(++sent % 8192))
			board__run(2);
	}
	SERIAL_CHECK(sent < 1000000);
	/* Once the reader reads, everything comes, and the port is ready again. */
	for (unsigned int i = 0; i < 200 && got < sent; i++) {
		while ((len = read(from_guest, text, sizeof(text))) > 0)
			got += len;
		board__run(2);
	}
	SERIAL_CHECK(got == sent);
	SERIAL_CHECK(board__in(COM1 + 5) & LSR_EMPTY);
	serial_destroy();
}

/* Chipset. */

static bool chipset_create(void)
{
	return board__create(64) && board__add("0 host bridge") && board__add("1 ISA bridge") &&
	       board__add("2 power management");
}

TEST(pam_opens_the_bios_area_to_ram)
{
	CHECK(chipset_create());
	CHECK(!fake_kernel__slot(0xf0000));
	pci__config_write(board.m.pci, SLOT(0, 0, 0x59), 1, 0x30);
	CHECK(fake_kernel__slot(0xf0000) && fake_kernel__slot(0xfffff));
	CHECK(!fake_kernel__slot(0xec000));
	pci__config_write(board.m.pci, SLOT(0, 0, 0x5c), 4, 0x33333333);
	CHECK(fake_kernel__slot(0xd0000) && fake_kernel__slot(0xec000));
	CHECK(!fake_kernel__slot(0xc0000));
	pci__config_write(board.m.pci, SLOT(0, 0, 0x5a), 1, 0x10);
	CHECK(!fake_kernel__slot(0xc0000));
	CHECK(fake_kernel__slot(0xc4000)->flags == MINIVMM_MEM_READONLY);
	board__destroy();
}

TEST(power_registers_are_where_setup_puts_them)
{
	CHECK(chipset_create());
	CHECK(bus__read(board.m.pio, ACPI_PM_BASE + ACPI_PM_CONTROL, 2) == 0xffff);
	chipset__setup_without_firmware(&board.m);
	CHECK(bus__read(board.m.pio, ACPI_PM_BASE + ACPI_PM_CONTROL, 2) == 1);
	CHECK(pci__config_read(board.m.pci, SLOT(1, 3, 0x40), 4) == (ACPI_PM_BASE | 1));
	board__destroy();
}

TEST(s5_stops_the_machine)
{
	CHECK(chipset_create());
	chipset__setup_without_firmware(&board.m);
	bus__write(board.m.pio, ACPI_PM_BASE + ACPI_PM_CONTROL, 2, 1 << 10 | 1 << 13);
	CHECK(!board.stopped);
	bus__write(board.m.pio, ACPI_PM_BASE + ACPI_PM_CONTROL, 2, 1 << 13);
	CHECK(board.stopped && board.status == 0);
	board__destroy();
}

TEST(power_button_raises_sci_until_acknowledged)
{
	CHECK(chipset_create());
	chipset__setup_without_firmware(&board.m);
	bus__write(board.m.pio, ACPI_PM_BASE + 2, 2, 0x100);
	CHECK(!fake_kernel.line[9]);
	board.m.power_button(board.m.power_button_ctx);
	CHECK(fake_kernel.line[9]);
	CHECK(bus__read(board.m.pio, ACPI_PM_BASE, 2) & 0x100);
	bus__write(board.m.pio, ACPI_PM_BASE, 2, 0x100);
	CHECK(!fake_kernel.line[9]);
	board__destroy();
}

TEST(pm_timer_counts_at_its_rate)
{
	uint64_t first, second;

	CHECK(chipset_create());
	chipset__setup_without_firmware(&board.m);
	first = bus__read(board.m.pio, ACPI_PM_BASE + ACPI_PM_TIMER, 4);
	usleep(50000);
	second = bus__read(board.m.pio, ACPI_PM_BASE + ACPI_PM_TIMER, 4);
	CHECK(second - first >= 178977 && second - first < 1 << 23);
	CHECK(!(second >> 24));
	board__destroy();
}

TEST(pm_timer_overflows_lie_ahead_for_a_century)
{
	const uint64_t half = 0x800000, century = 100 * 365 * 86400ULL * 1000000000;

	/* 5153 s after its start the product of ticks and nanoseconds exceeds 64 bits. */
	for (uint64_t ns = 1; ns < century; ns += ns / 7 + 1) {
		uint64_t next = (pm_timer__ticks(ns) / half + 1) * half;

		CHECK(pm_timer__ns(next) > ns && pm_timer__ns(next) - ns < 2400000000ULL);
		CHECK(pm_timer__ticks(pm_timer__ns(next)) == next);
		CHECK(pm_timer__ticks(pm_timer__ns(next) - 1) == next - 1);
	}
}

TEST(port_92_and_cf9_reset)
{
	CHECK(chipset_create());
	board__out(0x92, 0x02);
	CHECK(!board.reset && board__in(0x92) == 0x02);
	board__out(0x92, 0x03);
	CHECK(board.reset);
	board.reset = false;
	board__out(0xcf9, 0x02);
	CHECK(!board.reset);
	board__out(0xcf9, 0x06);
	CHECK(board.reset);
	board__destroy();
}

/* Firmware's messages. */

/* Sends @sent to the port, with standard error a pipe that is not read meanwhile; reads @text. */
static bool firmware_says(const char *sent, size_t len, char *text, size_t size)
{
	int ends[2], saved = dup(STDERR_FILENO);
	bool ok = !pipe(ends) && board__create(16);

	board.config.verbose = true;
	dup2(ends[1], STDERR_FILENO);
	ok = ok && board__add("debug port");
	dup2(saved, STDERR_FILENO);
	for (size_t i = 0; i < len; i++)
		board__out(0x402, sent[i]);
	ok = ok && read(ends[0], text, size) > 0;
	board__destroy();
	close(saved);
	close(ends[0]);
	close(ends[1]);
	return ok;
}

TEST(messages_of_the_firmware_are_text)
{
	static const char sent[] = "a\033]0;b\007\x9b\tc\n";
	char text[64] = "";

	CHECK(firmware_says(sent, sizeof(sent) - 1, text, sizeof(text) - 1));
	CHECK(!strcmp(text, "firmware: a.]0;b..\tc\n"));
}

TEST(messages_that_nobody_reads_hold_up_nothing)
{
	static char sent[200000], text[16];

	memset(sent, '\n', sizeof(sent));
	CHECK(firmware_says(sent, sizeof(sent), text, 10));
	CHECK(!memcmp(text, "firmware: ", 10));
}

/* Firmware configuration. */

static void select_key(uint16_t key)
{
	bus__write(board.m.pio, 0x510, 2, key);
}

TEST(fw_cfg_tells_its_signature_and_files)
{
	uint8_t directory[4 + 64];

	CHECK(board__create(16));
	CHECK(!fw_cfg__add_file(board.m.fw_cfg, "etc/test", "hello", 5));
	select_key(0);
	CHECK(board__in(0x511) == 'Q' && board__in(0x511) == 'E' && board__in(0x511) == 'M' &&
	      board__in(0x511) == 'U' && board__in(0x511) == 0);
	select_key(0x19);
	for (unsigned int i = 0; i < sizeof(directory); i++)
		directory[i] = board__in(0x511);
	CHECK(directory[3] == 1 && directory[7] == 5 && !strcmp((char *)directory + 12, "etc/test"));
	select_key(directory[8] << 8 | directory[9]);
	CHECK(board__in(0x511) == 'h' && board__in(0x511) == 'e');
	board__destroy();
}

static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
	struct { uint32_t control, length; uint64_t address; } access = {
		htobe32(control), htobe32(length), htobe64(address),
	};

	memory__write(board.m.memory, 0x1000, &access, sizeof(access));
	bus__write(board.m.pio, 0x514, 4, 0);
	bus__write(board.m.pio, 0x518, 4, htobe32(0x1000));
	memory__read(board.m.memory, 0x1000, &access, sizeof(access));
	return be32toh(access.control);
}

TEST(fw_cfg_dma_reads_skips_and_pads)
{
	char text[8];

	CHECK(board__create(16));
	CHECK(!fw_cfg__add_file(board.m.fw_cfg, "etc/test", "hello", 5));
	CHECK(!dma(0x20 << 16 | 8 | 2, 3, 0x2000));
	CHECK(!memory__read(board.m.memory, 0x2000, text, 3) && !memcmp(text, "hel", 3));
	CHECK(!dma(4, 1, 0) && !dma(2, 4, 0x2000));
	CHECK(!memory__read(board.m.memory, 0x2000, text, 4) && !memcmp(text, "o\0\0\0", 4));
	CHECK(!dma(4, ~0u, 0) && !dma(2, 0, ~0ULL));
	board__destroy();
}

TEST(fw_cfg_dma_refuses_writes_and_bad_addresses)
{
	CHECK(board__create(16));
	CHECK(dma(0x10, 4, 0x2000) == 1);
	CHECK(dma(0 << 16 | 8 | 2, 4, 0xffffffff000ULL) == 1);
	CHECK(dma(0 << 16 | 8 | 2, ~0u, 0) == 1);
	CHECK(dma(0xffffu << 16 | 8 | 2, 4, 0x2000) == 0);
	bus__write(board.m.pio, 0x514, 4, ~0u);
	bus__write(board.m.pio, 0x518, 4, ~0u);
	board__destroy();
}

/* Clock. */

static uint8_t cmos(uint8_t index)
{
	board__out(0x70, index);
	return board__in(0x71);
}

static void set_cmos(uint8_t index, uint8_t value)
{
	board__out(0x70, index);
	board__out(0x71, value);
}

TEST(clock_shows_the_host_time_and_memory)
{
	time_t now = time(NULL);
	struct tm tm;

	CHECK(board__create(512) && board__add("rtc"));
	gmtime_r(&now, &tm);
	CHECK(cmos(0x07) == ((tm.tm_mday / 10) << 4 | tm.tm_mday % 10) || time(NULL) != now);
	CHECK(cmos(0x0d) == 0x80);
	CHECK((cmos(0x34) | cmos(0x35) << 8) == (512 - 16) * 16);
	CHECK(cmos(0x5f) == 0);
	board__destroy();
}

TEST(clock_words_are_two_bytes)
{
	CHECK(board__create(16) && board__add("rtc"));
	bus__write(board.m.pio, 0x70, 2, 0x5570);
	CHECK(cmos(0x70) == 0x55);
	board__out(0x70, 0x0d);
	CHECK(bus__read(board.m.pio, 0x70, 2) == 0x80ff);
	board__destroy();
}

/* As a process that was stopped finds itself, or one whose timer was late. */
TEST(alarm_comes_late_rather_than_never)
{
	time_t now = time(NULL);
	struct tm tm;

	CHECK(board__create(16) && board__add("rtc"));
	set_cmos(0x0b, 0x06);	/* binary, 24 hours */
	now++;
	gmtime_r(&now, &tm);
	set_cmos(0x01, tm.tm_sec);
	set_cmos(0x03, tm.tm_min);
	set_cmos(0x05, tm.tm_hour);
	cmos(0x0c);
	usleep(2500000);
	set_cmos(0x0b, 0x26);
	board__run(1100);
	CHECK(fake_kernel.line[8] && cmos(0x0c) & 0x20);
	board__destroy();
}

TEST(clock_set_by_the_guest_stays_set)
{
	CHECK(board__create(16) && board__add("rtc"));
	set_cmos(0x0b, 0x82);
	set_cmos(0x09, 0x33);
	set_cmos(0x08, 0x07);
	set_cmos(0x07, 0x15);
	CHECK(cmos(0x09) == 0x33);
	set_cmos(0x0b, 0x02);
	CHECK(cmos(0x09) == 0x33 && cmos(0x08) == 0x07);
	board__destroy();
}

TEST(clock_and_memory_outlive_a_reset)
{
	CHECK(board__create(16) && board__add("rtc"));
	set_cmos(0x70, 0xa5);
	set_cmos(0x5f, 0x77);
	set_cmos(0x0b, 0x82);
	set_cmos(0x09, 0x44);
	set_cmos(0x0b, 0x02);
	CHECK(board__reset() && board__add("rtc"));
	CHECK(cmos(0x70) == 0xa5 && cmos(0x09) == 0x44);
	/* What firmware looks up is the machine's own. */
	CHECK(cmos(0x5f) == 0);
	board__destroy();
}

TEST(clock_that_was_being_set_stands_still_over_a_reset)
{
	CHECK(board__create(16) && board__add("rtc"));
	set_cmos(0x0b, 0x82);
	set_cmos(0x09, 0x51);
	CHECK(board__reset() && board__add("rtc"));
	CHECK(cmos(0x0b) == 0x82 && cmos(0x09) == 0x51);
	board__destroy();
}

TEST(clock_does_not_interrupt_after_a_reset)
{
	CHECK(board__create(16) && board__add("rtc"));
	set_cmos(0x0b, 0x7e);	/* all interrupts, square wave, binary, 24 hours */
	board__run(20);
	CHECK(fake_kernel.line[8]);
	CHECK(board__reset() && board__add("rtc"));
	board__run(20);
	CHECK(!fake_kernel.line[8] && cmos(0x0b) == 0x06);
	CHECK(board__reset() && board__add("rtc"));
	CHECK(cmos(0x0b) == 0x06);
	board__destroy();
}

TEST(periodic_interrupt_comes_until_acknowledged)
{
	CHECK(board__create(16) && board__add("rtc"));
	set_cmos(0x0b, 0x42);
	board__run(20);
	CHECK(fake_kernel.line[8]);
	CHECK((cmos(0x0c) & 0xc0) == 0xc0);
	CHECK(!fake_kernel.line[8]);
	set_cmos(0x0b, 0x02);
	cmos(0x0c);
	board__destroy();
}

KTAP_MAIN()
