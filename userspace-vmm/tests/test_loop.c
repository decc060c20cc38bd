// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop: descriptors, timers, calls from other threads. */
#include "support/ktap.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loop.h"

#define MS	1000000ULL

static struct loop *loop;
static struct error err;
static char order[32];
static unsigned int count;

static void note(char c)
{
	size_t len = strlen(order);

	order[len] = c;
	order[len + 1] = '\0';
}

static void setup(void)
{
	memset(&err, 0, sizeof(err));
	memset(order, 0, sizeof(order));
	count = 0;
	loop__create(&loop, &err);
}

static void stop(void *ctx)
{
	(void)ctx;
	loop__stop(loop);
}

static void note_call(void *ctx)
{
	note(*(const char *)ctx);
}

TEST(calls_run_in_order)
{
	setup();
	CHECK(!loop__call(loop, note_call, "a") && !loop__call(loop, note_call, "b"));
	CHECK(!loop__call(loop, note_call, "c") && !loop__call(loop, stop, NULL));
	CHECK(!loop__run(loop, &err));
	CHECK(!strcmp(order, "abc"));
	loop__destroy(loop);
}

TEST(calls_not_run_are_freed)
{
	setup();
	CHECK(!loop__call(loop, note_call, "a"));
	loop__destroy(loop);
	CHECK(!order[0]);
}

static void *other_thread(void *ctx)
{
	(void)ctx;
	usleep(20000);
	loop__call(loop, stop, NULL);
	return NULL;
}

TEST(call_from_another_thread_wakes_the_loop)
{
	pthread_t thread;

	setup();
	CHECK(!pthread_create(&thread, NULL, other_thread, NULL));
	CHECK(!loop__run(loop, &err));
	pthread_join(thread, NULL);
	loop__destroy(loop);
}

static void tick(void *ctx)
{
	if (++count == 3)
		stop(ctx);
}

TEST(timer_repeats_with_its_period)
{
	uint64_t start = loop__now();
	struct loop_timer *timer;

	setup();
	timer = loop__timer_create(loop, tick, NULL);
	CHECK(timer);
	loop__timer_set(timer, start + 5 * MS, 5 * MS);
	CHECK(!loop__run(loop, &err));
	CHECK(count == 3 && loop__now() - start >= 15 * MS);
	loop__timer_destroy(timer);
	loop__destroy(loop);
}

TEST(deadline_in_the_past_is_now)
{
	struct loop_timer *timer;

	setup();
	timer = loop__timer_create(loop, stop, NULL);
	CHECK(timer);
	loop__timer_set(timer, 0, 0);
	CHECK(!loop__run(loop, &err));
	loop__timer_destroy(timer);
	loop__destroy(loop);
}

TEST(cancelled_timer_is_silent)
{
	struct loop_timer *silent, *last;

	setup();
	silent = loop__timer_create(loop, tick, NULL);
	last = loop__timer_create(loop, stop, NULL);
	CHECK(silent && last);
	loop__timer_set(silent, loop__now() + 5 * MS, 0);
	loop__timer_cancel(silent);
	loop__timer_set(last, loop__now() + 30 * MS, 0);
	CHECK(!loop__run(loop, &err));
	CHECK(!count);
	loop__timer_destroy(silent);
	loop__timer_destroy(last);
	loop__destroy(loop);
}

static int pipes[2][2];

/* The first of two ready descriptors removes the other. */
static void remove_other(void *ctx, int fd, uint32_t events)
{
	(void)ctx;
	(void)events;
	count++;
	loop__remove(loop, pipes[0][0]);
	loop__remove(loop, pipes[1][0]);
	(void)fd;
	loop__call(loop, stop, NULL);
}

TEST(removed_descriptor_is_not_called_in_the_same_round)
{
	setup();
	for (unsigned int i = 0; i < 2; i++) {
		CHECK(!pipe(pipes[i]));
		CHECK(write(pipes[i][1], "x", 1) == 1);
		CHECK(!loop__add(loop, pipes[i][0], EPOLLIN, remove_other, NULL));
	}
	CHECK(!loop__run(loop, &err));
	CHECK(count == 1);
	for (unsigned int i = 0; i < 2; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	loop__destroy(loop);
}

static int reused_read, reused_write;

static void must_not_run(void *ctx, int fd, uint32_t events)
{
	(void)ctx;
	(void)fd;
	(void)events;
	note('x');
}

/* Whichever comes first ends the other descriptor's watch and gives its number to an idle pipe. */
static void reuse_other(void *ctx, int fd, uint32_t events)
{
	int other = fd == pipes[0][0] ? pipes[1][0] : pipes[0][0];

	(void)ctx;
	(void)events;
	loop__remove(loop, fd);
	loop__remove(loop, other);
	dup2(reused_read, other);
	loop__add(loop, other, EPOLLIN, must_not_run, NULL);
	loop__call(loop, stop, NULL);
}

TEST(reused_descriptor_does_not_inherit_an_event)
{
	int idle[2];

	setup();
	CHECK(!pipe(idle));
	reused_read = idle[0];
	reused_write = idle[1];
	for (unsigned int i = 0; i < 2; i++) {
		CHECK(!pipe(pipes[i]));
		CHECK(write(pipes[i][1], "x", 1) == 1);
		CHECK(!loop__add(loop, pipes[i][0], EPOLLIN, reuse_other, NULL));
	}
	CHECK(!loop__run(loop, &err));
	CHECK(!order[0]);
	for (unsigned int i = 0; i < 2; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	close(reused_read);
	close(reused_write);
	loop__destroy(loop);
}

TEST(what_cannot_be_watched_is_refused)
{
	char path[] = "/tmp/minivmm-loop-XXXXXX";
	int fd = mkstemp(path);

	setup();
	CHECK(fd >= 0);
	CHECK(loop__add(loop, fd, EPOLLIN, remove_other, NULL) < 0 && errno == EPERM);
	CHECK(loop__modify(loop, fd, EPOLLIN) < 0 && errno == ENOENT);
	loop__remove(loop, fd);
	close(fd);
	unlink(path);
	loop__destroy(loop);
}

KTAP_MAIN()
