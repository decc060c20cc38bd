// SPDX-License-Identifier: GPL-2.0
/* Interrupts between vCPUs and the start of vCPUs by the guest: guest/ipi.c. */
#define PROGRAM ipi
#define CASES "ipi-cases.h"
#include "cases.h"

TEST_HARNESS_MAIN
