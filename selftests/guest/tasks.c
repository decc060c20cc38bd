// SPDX-License-Identifier: GPL-2.0
/* Hardware task switches: guest/tasks.c, a program of 32 bits, checks what it gets. */
#define PROGRAM tasks
#define CASES "tasks-cases.h"
#include "cases.h"

TEST_HARNESS_MAIN
