/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O thread: one epoll loop that runs callbacks for ready descriptors, timers and calls from
 * other threads. It runs on the main thread from machine start to machine end, vCPUs have threads
 * of their own. Callbacks must not block.
 *
 * Add, modify, remove, timers and loop__call() may be used from any thread. Removed from the loop
 * thread itself, a callback never runs again; removed from elsewhere, it may run once more.
 */
#ifndef MINIVMM_LOOP_H
#define MINIVMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct loop;
struct loop_timer;

/* @events: the EPOLL* bits that are ready. */
typedef void (*loop_fd_fn)(void *ctx, int fd, uint32_t events);
typedef void (*loop_fn)(void *ctx);

int loop__create(struct loop **loop, struct error *err);
void loop__destroy(struct loop *loop);

/* Watches @fd (which stays the caller's, level-triggered). 0, or -1 with errno. */
int loop__add(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *ctx);
int loop__modify(struct loop *loop, int fd, uint32_t events);
/* Call before closing @fd. */
void loop__remove(struct loop *loop, int fd);

/* NULL with errno on failure; disarmed at first. */
struct loop_timer *loop__timer_create(struct loop *loop, loop_fn fn, void *ctx);
/* First at CLOCK_MONOTONIC @deadline_ns, then every @period_ns (0: once). Replaces any setting. */
void loop__timer_set(struct loop_timer *timer, uint64_t deadline_ns, uint64_t period_ns);
void loop__timer_cancel(struct loop_timer *timer);
/* Loop thread only, or after loop__run() has returned. NULL is allowed. */
void loop__timer_destroy(struct loop_timer *timer);
/* CLOCK_MONOTONIC in ns. */
uint64_t loop__now(void);

/* Runs @fn(@ctx) on the loop thread soon; calls run in order. 0, or -1 with errno ENOMEM. */
int loop__call(struct loop *loop, loop_fn fn, void *ctx);

/* Runs callbacks until loop__stop(). */
int loop__run(struct loop *loop, struct error *err);
void loop__stop(struct loop *loop);

#endif
