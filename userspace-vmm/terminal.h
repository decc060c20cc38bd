/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal in raw mode, put back however the program ends: by terminal__destroy(), or by a small
 * child process that notices when this one has disappeared.
 */
#ifndef MINIVMM_TERMINAL_H
#define MINIVMM_TERMINAL_H

#include "error.h"

struct terminal;

/* Puts @fd in raw mode. Forks: call before threads exist. */
int terminal__create(struct terminal **terminal, int fd, struct error *err);
/* Restores the mode. NULL is allowed. */
void terminal__destroy(struct terminal *terminal);

#endif
