// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MC146818 real-time clock with 128 bytes of CMOS memory. The clock is the host's in UTC plus an
 * offset that the guest changes by setting it. All state is under the chip's mutex, taken by vCPU
 * threads and the loop thread. Over a reset, memory and offset are in the host's rtc_battery.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chip/rtc.h"
#include "device.h"
#include "host.h"
#include "machine.h"

#define PORT			0x70
#define PORTS			2
#define INDEX_MASK		0x7f	/* bit 7 of the index masks NMI */

#define CMOS_BASE_LOW		0x15	/* KiB below 1 MiB */
#define CMOS_EXT_LOW		0x17	/* KiB above 1 MiB, up to 64 MiB */
#define CMOS_EXT2_LOW		0x30	/* the same again */
#define CMOS_ABOVE_16M		0x34	/* 64 KiB units above 16 MiB */
#define CMOS_BOOT_ORDER		0x3d
#define CMOS_ABOVE_4G		0x5b	/* 64 KiB units above 4 GiB, 3 bytes */
#define CMOS_CPUS		0x5f
#define BOOT_HARD_DISK		0x02
#define BASE_MEMORY		640

#define NS_PER_S		1000000000LL
#define UIP_NS			244000	/* time registers may change within this time */

struct rtc {
	struct machine *m;
	pthread_mutex_t lock;
	struct rtc_state state;
	int64_t offset;			/* guest seconds - host seconds */
	time_t seen;			/* last second whose end was noticed */
	struct loop_timer *second;	/* update-ended and alarm interrupts */
	struct loop_timer *periodic;
	bool line;
};

static struct timespec host_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

static time_t guest_seconds(const struct rtc *r)
{
	return host_now().tv_sec + r->offset;
}

/* Lock held. */
static void update_line(struct rtc *r)
{
	bool line = rtc__interrupt(&r->state);

	if (line == r->line)
		return;
	r->line = line;
	irq__set_level(r->m->irq, MACHINE_IRQ_RTC, line);
}

/* Notices the seconds that have ended: update-ended and alarm flags. Lock held. */
static void catch_up(struct rtc *r)
{
	time_t now = guest_seconds(r), before = r->seen;

	if (r->state.cmos[RTC_B] & RTC_B_SET || now == before)
		return;
	r->seen = now;
	/* A clock that was put back has no time between. */
	rtc__tick(&r->state, before < now ? before : now - 1, now);
}

/* The registers are the time now; what lies between was skipped, not lived. Lock held. */
static void take_time(struct rtc *r)
{
	r->offset = rtc__get_time(&r->state) - host_now().tv_sec;
	r->seen = guest_seconds(r);
}

/* Lock held. */
static void arm_second(struct rtc *r)
{
	uint8_t b = r->state.cmos[RTC_B];

	if (b & RTC_B_SET || !(b & (RTC_B_UPDATE | RTC_B_ALARM)))
		loop__timer_cancel(r->second);
	else
		loop__timer_set(r->second, loop__now() + NS_PER_S - host_now().tv_nsec, NS_PER_S);
}

/* Lock held. */
static void arm_periodic(struct rtc *r)
{
	uint64_t period = rtc__period_ns(&r->state);

	if (period && r->state.cmos[RTC_B] & RTC_B_PERIODIC)
		loop__timer_set(r->periodic, loop__now() + period, period);
	else
		loop__timer_cancel(r->periodic);
}

static void second_ended(void *ctx)
{
	struct rtc *r = ctx;

	pthread_mutex_lock(&r->lock);
	catch_up(r);
	update_line(r);
	pthread_mutex_unlock(&r->lock);
}

static void period_ended(void *ctx)
{
	struct rtc *r = ctx;

	pthread_mutex_lock(&r->lock);
	r->state.cmos[RTC_C] |= RTC_C_PERIODIC;
	update_line(r);
	pthread_mutex_unlock(&r->lock);
}

static uint8_t read_register(struct rtc *r)
{
	uint8_t index = r->state.index;

	catch_up(r);
	if (rtc__is_time(index)) {
		if (!(r->state.cmos[RTC_B] & RTC_B_SET))
			rtc__set_time(&r->state, guest_seconds(r));
	} else if (index == RTC_A) {
		bool updating = host_now().tv_nsec >= NS_PER_S - UIP_NS &&
				!(r->state.cmos[RTC_B] & RTC_B_SET);

		return r->state.cmos[RTC_A] | (updating ? RTC_A_UPDATING : 0);
	} else if (index == RTC_C) {
		return rtc__acknowledge(&r->state);
	}
	return r->state.cmos[index];
}

/* While SET is on, the guest sees the registers stand still and may write them one by one. */
static void write_b(struct rtc *r, uint8_t value)
{
	uint8_t old = r->state.cmos[RTC_B];

	if (value & ~old & RTC_B_SET)
		rtc__set_time(&r->state, guest_seconds(r));
	r->state.cmos[RTC_B] = value;
	if (old & ~value & RTC_B_SET)
		take_time(r);
	arm_second(r);
	arm_periodic(r);
}

static void write_register(struct rtc *r, uint8_t value)
{
	uint8_t index = r->state.index;

	/* An alarm that is set now is not for the seconds before. */
	catch_up(r);
	switch (index) {
	case RTC_A:
		r->state.cmos[RTC_A] = value & ~RTC_A_UPDATING;
		arm_periodic(r);
		return;
	case RTC_B:
		write_b(r, value);
		return;
	case RTC_C:
	case RTC_D:
		return;
	}
	if (rtc__is_time(index) && !(r->state.cmos[RTC_B] & RTC_B_SET)) {
		rtc__set_time(&r->state, guest_seconds(r));
		r->state.cmos[index] = value;
		take_time(r);
		return;
	}
	r->state.cmos[index] = value;
}

static uint64_t rtc_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct rtc *r = ctx;
	uint64_t value;

	(void)size;
	if (!offset)
		return ~0ULL;
	pthread_mutex_lock(&r->lock);
	value = read_register(r);
	update_line(r);
	pthread_mutex_unlock(&r->lock);
	return value;
}

static void rtc_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct rtc *r = ctx;

	(void)size;
	pthread_mutex_lock(&r->lock);
	if (!offset)
		r->state.index = value & INDEX_MASK;
	else
		write_register(r, value);
	update_line(r);
	pthread_mutex_unlock(&r->lock);
}

static const struct bus_ops ops = { .read = rtc_read, .write = rtc_write, .widest = 1 };

static void put(struct rtc *r, uint8_t at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++, value >>= 8)
		r->state.cmos[at + i] = value;
}

static uint64_t at_most(uint64_t value, uint64_t max)
{
	return value < max ? value : max;
}

/* What firmware and old systems look up: memory sizes, boot order, number of CPUs. */
static void fill_cmos(struct rtc *r)
{
	uint64_t below = memory__below_4g(r->m->memory) >> 10;
	uint64_t extended = at_most(below - 1024, 0xffff);

	put(r, CMOS_BASE_LOW, BASE_MEMORY, 2);
	put(r, CMOS_EXT_LOW, extended, 2);
	put(r, CMOS_EXT2_LOW, extended, 2);
	if (below > 16 * 1024)
		put(r, CMOS_ABOVE_16M, at_most((below - 16 * 1024) / 64, 0xffff), 2);
	put(r, CMOS_ABOVE_4G, memory__above_4g(r->m->memory) >> 16, 3);
	put(r, CMOS_CPUS, r->m->config->vcpus - 1, 1);
	put(r, CMOS_BOOT_ORDER, BOOT_HARD_DISK, 1);
}

static void take_from_battery(struct rtc *r)
{
	const struct rtc_battery *battery = &r->m->host->rtc_battery;

	rtc__init(&r->state);
	if (!battery->charged)
		return;
	memcpy(r->state.cmos, battery->cmos, sizeof(battery->cmos));
	r->offset = battery->offset;
	rtc__reset(&r->state);
}

static void leave_to_battery(struct rtc *r)
{
	struct rtc_battery *battery = &r->m->host->rtc_battery;

	memcpy(battery->cmos, r->state.cmos, sizeof(battery->cmos));
	battery->offset = r->offset;
	battery->charged = true;
}

static void rtc_destroy(void *state)
{
	struct rtc *r = state;

	leave_to_battery(r);
	loop__timer_destroy(r->second);
	loop__timer_destroy(r->periodic);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static int rtc_create(struct machine *m, void **state, struct error *err)
{
	struct rtc *r = calloc(1, sizeof(*r));

	if (!r)
		return error__errno(err, "cannot allocate the clock");
	r->m = m;
	pthread_mutex_init(&r->lock, NULL);
	take_from_battery(r);
	fill_cmos(r);
	r->seen = guest_seconds(r);
	r->second = loop__timer_create(m->loop, second_ended, r);
	r->periodic = loop__timer_create(m->loop, period_ended, r);
	if (!r->second || !r->periodic || bus__add(m->pio, PORT, PORTS, &ops, r) < 0) {
		error__errno(err, "cannot create the clock");
		rtc_destroy(r);
		return -1;
	}
	*state = r;
	return 0;
}

static const struct device_type rtc = {
	.name = "rtc",
	.order = DEVICE_PLATFORM,
	.create = rtc_create,
	.destroy = rtc_destroy,
};
DEVICE_REGISTER(rtc);
