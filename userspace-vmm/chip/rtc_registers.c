// SPDX-License-Identifier: GPL-2.0-or-later
/* MC146818 registers; see rtc.h. Pure. */
#include "chip/rtc.h"

#include <string.h>

#define DIVIDER_32KHZ		0x20
#define RATE_1024HZ		0x06
#define CRYSTAL_HZ		32768
#define NS_PER_S		1000000000ULL
#define DAY			86400
#define HOUR_PM			0x80
#define ALARM_ANY		0xc0
#define FLAGS			(RTC_C_UPDATE | RTC_C_ALARM | RTC_C_PERIODIC)

void rtc__init(struct rtc_state *s)
{
	memset(s, 0, sizeof(*s));
	s->cmos[RTC_A] = DIVIDER_32KHZ | RATE_1024HZ;
	s->cmos[RTC_B] = RTC_B_24H;
	s->cmos[RTC_D] = RTC_D_VALID;
}

void rtc__reset(struct rtc_state *s)
{
	s->index = 0;
	s->cmos[RTC_B] &= ~(RTC_B_UPDATE | RTC_B_ALARM | RTC_B_PERIODIC | RTC_B_SQUARE_WAVE);
	s->cmos[RTC_C] = 0;
}

bool rtc__is_time(uint8_t index)
{
	switch (index) {
	case RTC_SECONDS:
	case RTC_MINUTES:
	case RTC_HOURS:
	case RTC_WEEKDAY ... RTC_YEAR:
	case RTC_CENTURY:
		return true;
	default:
		return false;
	}
}

static uint8_t encode(const struct rtc_state *s, unsigned int value)
{
	return s->cmos[RTC_B] & RTC_B_BINARY ? value : value / 10 << 4 | value % 10;
}

static unsigned int decode(const struct rtc_state *s, uint8_t value)
{
	return s->cmos[RTC_B] & RTC_B_BINARY ? value : (value >> 4) * 10 + (value & 0xf);
}

static uint8_t encode_hour(const struct rtc_state *s, unsigned int hour)
{
	if (s->cmos[RTC_B] & RTC_B_24H)
		return encode(s, hour);
	return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned int decode_hour(const struct rtc_state *s, uint8_t value)
{
	if (s->cmos[RTC_B] & RTC_B_24H)
		return decode(s, value);
	return decode(s, value & ~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

void rtc__set_time(struct rtc_state *s, time_t seconds)
{
	struct tm tm;

	gmtime_r(&seconds, &tm);
	s->cmos[RTC_SECONDS] = encode(s, tm.tm_sec);
	s->cmos[RTC_MINUTES] = encode(s, tm.tm_min);
	s->cmos[RTC_HOURS] = encode_hour(s, tm.tm_hour);
	s->cmos[RTC_WEEKDAY] = encode(s, tm.tm_wday + 1);
	s->cmos[RTC_DAY] = encode(s, tm.tm_mday);
	s->cmos[RTC_MONTH] = encode(s, tm.tm_mon + 1);
	s->cmos[RTC_YEAR] = encode(s, tm.tm_year % 100);
	s->cmos[RTC_CENTURY] = encode(s, (tm.tm_year + 1900) / 100);
}

time_t rtc__get_time(const struct rtc_state *s)
{
	struct tm tm = {
		.tm_sec = decode(s, s->cmos[RTC_SECONDS]),
		.tm_min = decode(s, s->cmos[RTC_MINUTES]),
		.tm_hour = decode_hour(s, s->cmos[RTC_HOURS]),
		.tm_mday = decode(s, s->cmos[RTC_DAY]),
		.tm_mon = decode(s, s->cmos[RTC_MONTH]) - 1,
		.tm_year = decode(s, s->cmos[RTC_CENTURY]) * 100 +
			   decode(s, s->cmos[RTC_YEAR]) - 1900,
	};

	return timegm(&tm);
}

static bool matches(const struct rtc_state *s, uint8_t alarm, uint8_t time)
{
	return (s->cmos[alarm] & ALARM_ANY) == ALARM_ANY || s->cmos[alarm] == time;
}

static bool alarm_matches(const struct rtc_state *s, time_t seconds)
{
	unsigned int second = seconds % 60, minute = seconds / 60 % 60, hour = seconds / 3600 % 24;

	return matches(s, RTC_SECONDS_ALARM, encode(s, second)) &&
	       matches(s, RTC_MINUTES_ALARM, encode(s, minute)) &&
	       matches(s, RTC_HOURS_ALARM, encode_hour(s, hour));
}

void rtc__tick(struct rtc_state *s, time_t before, time_t now)
{
	/* An alarm has no date: it comes within a day or never. */
	if (now - before > DAY)
		before = now - DAY;
	rtc__set_time(s, now);
	s->cmos[RTC_C] |= RTC_C_UPDATE;
	while (before++ < now) {
		if (!alarm_matches(s, before))
			continue;
		s->cmos[RTC_C] |= RTC_C_ALARM;
		return;
	}
}

bool rtc__interrupt(const struct rtc_state *s)
{
	return s->cmos[RTC_C] & s->cmos[RTC_B] & FLAGS;
}

uint8_t rtc__acknowledge(struct rtc_state *s)
{
	uint8_t flags = s->cmos[RTC_C] & FLAGS;

	if (rtc__interrupt(s))
		flags |= RTC_C_INTERRUPT;
	s->cmos[RTC_C] = 0;
	return flags;
}

uint64_t rtc__period_ns(const struct rtc_state *s)
{
	unsigned int rate = s->cmos[RTC_A] & RTC_A_RATE;

	if (!rate)
		return 0;
	/* Rates 1 and 2 are those of 8 and 9. */
	if (rate <= 2)
		rate += 7;
	return NS_PER_S * (1u << (rate - 1)) / CRYSTAL_HZ;
}
