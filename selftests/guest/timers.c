// SPDX-License-Identifier: GPL-2.0
/* Timers and the paravirtual clock: guest/timers.c is the whole test. */
#define PROGRAM timers
#define CASES "timers-cases.h"
#include "cases.h"

TEST_HARNESS_MAIN
