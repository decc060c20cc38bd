// SPDX-License-Identifier: GPL-2.0
/* Interrupts through the in-kernel controllers; guest/interrupts.c is the whole test. */
#define PROGRAM interrupts
#define CASES "interrupts-cases.h"
#include "cases.h"

TEST_HARNESS_MAIN
