/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of an MC146818 as a pure part: conversion between time and registers (BCD or
 * binary, 12 or 24 hours), alarm, flags. No clock, no lock; rtc.c has these.
 */
#ifndef MINIVMM_CHIP_RTC_H
#define MINIVMM_CHIP_RTC_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define RTC_SECONDS		0x00
#define RTC_SECONDS_ALARM	0x01
#define RTC_MINUTES		0x02
#define RTC_MINUTES_ALARM	0x03
#define RTC_HOURS		0x04
#define RTC_HOURS_ALARM		0x05
#define RTC_WEEKDAY		0x06
#define RTC_DAY			0x07
#define RTC_MONTH		0x08
#define RTC_YEAR		0x09
#define RTC_A			0x0a
#define RTC_B			0x0b
#define RTC_C			0x0c
#define RTC_D			0x0d
#define RTC_CENTURY		0x32

#define RTC_A_RATE		0x0f
#define RTC_A_UPDATING		0x80
#define RTC_B_24H		0x02
#define RTC_B_BINARY		0x04
#define RTC_B_SQUARE_WAVE	0x08
#define RTC_B_UPDATE		0x10
#define RTC_B_ALARM		0x20
#define RTC_B_PERIODIC		0x40
#define RTC_B_SET		0x80
#define RTC_C_UPDATE		0x10	/* flags stand where B has their enables */
#define RTC_C_ALARM		0x20
#define RTC_C_PERIODIC		0x40
#define RTC_C_INTERRUPT		0x80
#define RTC_D_VALID		0x80

struct rtc_state {
	uint8_t index;
	uint8_t cmos[128];
};

/* What the battery holds up while the machine is reset. All 0: never used. */
struct rtc_battery {
	bool charged;
	uint8_t cmos[128];
	int64_t offset;		/* guest seconds - host seconds */
};

void rtc__init(struct rtc_state *s);
/* The reset line: no interrupt is enabled or due; time, formats and memory stay. */
void rtc__reset(struct rtc_state *s);
/* Whether @index is one of the registers that show the time (alarms are not). */
bool rtc__is_time(uint8_t index);
/* Registers from a time in seconds since 1970 (UTC), and back. */
void rtc__set_time(struct rtc_state *s, time_t seconds);
time_t rtc__get_time(const struct rtc_state *s);
/*
 * The seconds after @before, up to @now, have begun: sets the update flag, and the alarm flag if the
 * alarm matched in one of them.
 */
void rtc__tick(struct rtc_state *s, time_t before, time_t now);
/* Whether a flag is up whose interrupt is enabled. */
bool rtc__interrupt(const struct rtc_state *s);
/* The read of register C: returns and clears the flags. */
uint8_t rtc__acknowledge(struct rtc_state *s);
/* Period of the periodic flag, 0: off. */
uint64_t rtc__period_ns(const struct rtc_state *s);

#endif
