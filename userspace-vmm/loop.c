// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The epoll loop; see loop.h. Watches are looked up by descriptor at dispatch, so that one removed
 * by an earlier callback of the same round is not called. Struct loop's mutex protects the tables;
 * it is not held while a callback runs.
 */
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000ULL
#define EVENTS		32

struct watch {
	loop_fd_fn fn;		/* NULL: descriptor not watched */
	void *ctx;
	uint32_t generation;	/* tells a reused descriptor from its predecessor */
};

struct call {
	struct call *next;
	loop_fn fn;
	void *ctx;
};

struct loop {
	int epoll_fd;
	int wake_fd;
	pthread_mutex_t lock;		/* protects all below */
	struct watch *watches;		/* by descriptor */
	size_t watch_count;
	uint32_t generation;
	struct call *calls, **last_call;
	bool stop;
};

struct loop_timer {
	struct loop *loop;
	int fd;
	loop_fn fn;
	void *ctx;
};

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;	/* the counter is full: the loop is awake anyway */
}

static void run_calls(void *ctx, int fd, uint32_t events)
{
	struct loop *loop = ctx;
	struct call *call, *next;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return;

	pthread_mutex_lock(&loop->lock);
	call = loop->calls;
	loop->calls = NULL;
	loop->last_call = &loop->calls;
	pthread_mutex_unlock(&loop->lock);

	for (; call; call = next) {
		next = call->next;
		call->fn(call->ctx);
		free(call);
	}
}

int loop__create(struct loop **out, struct error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return error__errno(err, "cannot allocate the event loop");
	pthread_mutex_init(&loop->lock, NULL);
	loop->last_call = &loop->calls;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    loop__add(loop, loop->wake_fd, EPOLLIN, run_calls, loop) < 0) {
		error__errno(err, "cannot create the event loop");
		loop__destroy(loop);
		return -1;
	}
	*out = loop;
	return 0;
}

void loop__destroy(struct loop *loop)
{
	struct call *next;

	if (!loop)
		return;
	for (struct call *call = loop->calls; call; call = next) {
		next = call->next;
		free(call);
	}
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop->watches);
	free(loop);
}

/* Lock held. */
static int grow_watches(struct loop *loop, int fd)
{
	size_t count = (size_t)fd + 64;
	struct watch *watches;

	if ((size_t)fd < loop->watch_count)
		return 0;
	watches = reallocarray(loop->watches, count, sizeof(*watches));
	if (!watches)
		return -1;
	memset(watches + loop->watch_count, 0, (count - loop->watch_count) * sizeof(*watches));
	loop->watches = watches;
	loop->watch_count = count;
	return 0;
}

static uint64_t watch_key(int fd, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* Lock held. */
static int add_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *ctx)
{
	struct epoll_event event = { .events = events };

	if (grow_watches(loop, fd) < 0)
		return -1;
	event.data.u64 = watch_key(fd, loop->generation + 1);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -1;
	loop->watches[fd] = (struct watch){ fn, ctx, ++loop->generation };
	return 0;
}

int loop__add(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *ctx)
{
	int ret;

	pthread_mutex_lock(&loop->lock);
	ret = add_watch(loop, fd, events, fn, ctx);
	pthread_mutex_unlock(&loop->lock);
	return ret;
}

int loop__modify(struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int ret = -1;

	pthread_mutex_lock(&loop->lock);
	errno = ENOENT;
	if (fd >= 0 && (size_t)fd < loop->watch_count && loop->watches[fd].fn) {
		event.data.u64 = watch_key(fd, loop->watches[fd].generation);
		ret = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	}
	pthread_mutex_unlock(&loop->lock);
	return ret;
}

void loop__remove(struct loop *loop, int fd)
{
	pthread_mutex_lock(&loop->lock);
	if (fd >= 0 && (size_t)fd < loop->watch_count && loop->watches[fd].fn) {
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		loop->watches[fd].fn = NULL;
	}
	pthread_mutex_unlock(&loop->lock);
}

static void timer_fired(void *ctx, int fd, uint32_t events)
{
	struct loop_timer *timer = ctx;
	uint64_t count;

	(void)events;
	/* Nothing to read: cancelled between expiry and now. */
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		timer->fn(timer->ctx);
}

struct loop_timer *loop__timer_create(struct loop *loop, loop_fn fn, void *ctx)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	*timer = (struct loop_timer){ .loop = loop, .fn = fn, .ctx = ctx };
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer->fd < 0 || loop__add(loop, timer->fd, EPOLLIN, timer_fired, timer) < 0) {
		if (timer->fd >= 0)
			close(timer->fd);
		free(timer);
		return NULL;
	}
	return timer;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

void loop__timer_set(struct loop_timer *timer, uint64_t deadline_ns, uint64_t period_ns)
{
	struct itimerspec spec = {
		/* Zero would disarm: a deadline in the past means at once. */
		.it_value = to_timespec(deadline_ns ? deadline_ns : 1),
		.it_interval = to_timespec(period_ns),
	};

	timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void loop__timer_cancel(struct loop_timer *timer)
{
	struct itimerspec spec = { 0 };

	timerfd_settime(timer->fd, 0, &spec, NULL);
}

void loop__timer_destroy(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop__remove(timer->loop, timer->fd);
	close(timer->fd);
	free(timer);
}

uint64_t loop__now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int loop__call(struct loop *loop, loop_fn fn, void *ctx)
{
	struct call *call = malloc(sizeof(*call));

	if (!call)
		return -1;
	*call = (struct call){ .fn = fn, .ctx = ctx };
	pthread_mutex_lock(&loop->lock);
	*loop->last_call = call;
	loop->last_call = &call->next;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	return 0;
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
	int fd = (uint32_t)event->data.u64;
	struct watch watch = { 0 };

	pthread_mutex_lock(&loop->lock);
	if (loop->watches[fd].generation == event->data.u64 >> 32)
		watch = loop->watches[fd];
	pthread_mutex_unlock(&loop->lock);
	if (watch.fn)
		watch.fn(watch.ctx, fd, event->events);
}

/* Takes the request to stop, if there is one: the loop may be run again. */
static bool take_stop(struct loop *loop)
{
	bool stop;

	pthread_mutex_lock(&loop->lock);
	stop = loop->stop;
	loop->stop = false;
	pthread_mutex_unlock(&loop->lock);
	return stop;
}

int loop__run(struct loop *loop, struct error *err)
{
	struct epoll_event events[EVENTS];

	while (!take_stop(loop)) {
		int count = epoll_wait(loop->epoll_fd, events, EVENTS, -1);

		if (count < 0 && errno != EINTR)
			return error__errno(err, "the event loop failed");
		for (int i = 0; i < count; i++)
			dispatch(loop, &events[i]);
	}
	return 0;
}

void loop__stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}
