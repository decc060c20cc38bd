// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock's registers: formats, alarm, flags. */
#include "support/ktap.h"

#include "chip/rtc.h"

static struct rtc_state s;

TEST(bcd_24_hours_is_the_power_on_format)
{
	rtc__init(&s);
	rtc__set_time(&s, 1798761599);	/* 2026-12-31 23:59:59 UTC, a Thursday */
	CHECK(s.cmos[RTC_SECONDS] == 0x59 && s.cmos[RTC_MINUTES] == 0x59);
	CHECK(s.cmos[RTC_HOURS] == 0x23);
	CHECK(s.cmos[RTC_WEEKDAY] == 5);
	CHECK(s.cmos[RTC_DAY] == 0x31 && s.cmos[RTC_MONTH] == 0x12);
	CHECK(s.cmos[RTC_YEAR] == 0x26 && s.cmos[RTC_CENTURY] == 0x20);
}

TEST(every_format_reads_back_the_same_time)
{
	static const uint8_t formats[] = { 0, RTC_B_24H, RTC_B_BINARY, RTC_B_24H | RTC_B_BINARY };

	for (unsigned int f = 0; f < 4; f++) {
		for (time_t hour = 0; hour < 48; hour++) {
			time_t time = 1798761599 + hour * 3600;

			rtc__init(&s);
			s.cmos[RTC_B] = formats[f];
			rtc__set_time(&s, time);
			CHECK(rtc__get_time(&s) == time);
		}
	}
}

TEST(twelve_hour_format_marks_the_afternoon)
{
	rtc__init(&s);
	s.cmos[RTC_B] = 0;
	rtc__set_time(&s, 0);
	CHECK(s.cmos[RTC_HOURS] == 0x12);
	rtc__set_time(&s, 12 * 3600);
	CHECK(s.cmos[RTC_HOURS] == (0x12 | 0x80));
	rtc__set_time(&s, 23 * 3600);
	CHECK(s.cmos[RTC_HOURS] == (0x11 | 0x80));
}

TEST(tick_sets_update_flag_but_interrupts_only_when_enabled)
{
	rtc__init(&s);
	s.cmos[RTC_SECONDS_ALARM] = 0x01;
	rtc__tick(&s, -1, 0);
	CHECK(!rtc__interrupt(&s));
	CHECK(rtc__acknowledge(&s) == RTC_C_UPDATE);
	s.cmos[RTC_B] |= RTC_B_UPDATE;
	rtc__tick(&s, 2 - 1, 2);
	CHECK(rtc__interrupt(&s));
	CHECK(rtc__acknowledge(&s) == (RTC_C_UPDATE | RTC_C_INTERRUPT));
	CHECK(!rtc__interrupt(&s) && !rtc__acknowledge(&s));
}

TEST(alarm_matches_time_or_wildcard)
{
	rtc__init(&s);
	s.cmos[RTC_SECONDS_ALARM] = 0x30;
	s.cmos[RTC_MINUTES_ALARM] = 0xff;
	s.cmos[RTC_HOURS_ALARM] = 0x01;
	rtc__tick(&s, 3600 + 29 - 1, 3600 + 29);
	CHECK(!(rtc__acknowledge(&s) & RTC_C_ALARM));
	rtc__tick(&s, 3600 + 30 - 1, 3600 + 30);
	CHECK(rtc__acknowledge(&s) & RTC_C_ALARM);
	rtc__tick(&s, 3600 + 17 * 60 + 30 - 1, 3600 + 17 * 60 + 30);
	CHECK(rtc__acknowledge(&s) & RTC_C_ALARM);
	rtc__tick(&s, 2 * 3600 + 30 - 1, 2 * 3600 + 30);
	CHECK(!(rtc__acknowledge(&s) & RTC_C_ALARM));
}

TEST(alarm_comes_although_nobody_looked_at_its_second)
{
	rtc__init(&s);
	s.cmos[RTC_SECONDS_ALARM] = 0x30;
	s.cmos[RTC_MINUTES_ALARM] = 0x02;
	s.cmos[RTC_HOURS_ALARM] = 0x01;
	rtc__tick(&s, 3600, 3600 + 149);
	CHECK(!(rtc__acknowledge(&s) & RTC_C_ALARM));
	rtc__tick(&s, 3600 + 149, 3600 + 400);
	CHECK(rtc__acknowledge(&s) & RTC_C_ALARM);
	rtc__tick(&s, 3600 + 150, 3600 + 150 + 86399);
	CHECK(!(rtc__acknowledge(&s) & RTC_C_ALARM));
	rtc__tick(&s, 3600 + 150, 400 * 86400LL);
	CHECK(rtc__acknowledge(&s) & RTC_C_ALARM);
	/* In 12 hours, in the afternoon. */
	s.cmos[RTC_B] = 0;
	s.cmos[RTC_HOURS_ALARM] = 0x81;
	rtc__tick(&s, 3600, 12 * 3600);
	CHECK(!(rtc__acknowledge(&s) & RTC_C_ALARM));
	rtc__tick(&s, 12 * 3600, 14 * 3600);
	CHECK(rtc__acknowledge(&s) & RTC_C_ALARM);
}

TEST(alarm_that_is_no_time_never_comes)
{
	rtc__init(&s);
	s.cmos[RTC_SECONDS_ALARM] = 0x61;
	rtc__tick(&s, 0, 1000 * 86400LL);
	CHECK(rtc__acknowledge(&s) == RTC_C_UPDATE);
}

TEST(periodic_rate_is_that_of_the_crystal)
{
	rtc__init(&s);
	CHECK(rtc__period_ns(&s) == 976562);
	s.cmos[RTC_A] = 0x2f;
	CHECK(rtc__period_ns(&s) == 500000000);
	s.cmos[RTC_A] = 0x21;
	CHECK(rtc__period_ns(&s) == 3906250);
	s.cmos[RTC_A] = 0x20;
	CHECK(rtc__period_ns(&s) == 0);
}

TEST(alarm_registers_are_not_time)
{
	CHECK(rtc__is_time(RTC_SECONDS) && rtc__is_time(RTC_CENTURY) && rtc__is_time(RTC_YEAR));
	CHECK(!rtc__is_time(RTC_SECONDS_ALARM) && !rtc__is_time(RTC_HOURS_ALARM));
	CHECK(!rtc__is_time(RTC_A) && !rtc__is_time(0x0f));
}

KTAP_MAIN()
