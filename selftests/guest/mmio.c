// SPDX-License-Identifier: GPL-2.0
/* Accesses to memory without RAM behind it and string port I/O: guest/mmio.c. */
#define PROGRAM mmio
#define CASES "mmio-cases.h"
#include "cases.h"

TEST_HARNESS_MAIN
