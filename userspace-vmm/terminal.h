/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal in raw mode, put back however the program ends: by terminal__destroy(), or by a small
 * child process that notices when this one has disappeared. A job in the background leaves the
 * terminal alone: its mode is the shell's then, and what is typed, too.
 */
#ifndef MINIVMM_TERMINAL_H
#define MINIVMM_TERMINAL_H

#include <stdbool.h>

#include "error.h"

struct terminal;

/* Puts @fd in raw mode if this is the foreground job. Forks: call before threads exist. */
int terminal__create(struct terminal **terminal, int fd, struct error *err);
/* Restores the mode. NULL is allowed. */
void terminal__destroy(struct terminal *terminal);

/*
 * After SIGCONT: makes the mode raw again, if this is the foreground job now. False if it is not: the
 * terminal must not be read.
 */
bool terminal__resume(struct terminal *terminal);
/* Whether this is the foreground job, or the terminal knows no jobs. */
bool terminal__is_ours(const struct terminal *terminal);

#endif
