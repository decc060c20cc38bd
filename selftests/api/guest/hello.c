// SPDX-License-Identifier: GPL-2.0
/* Adds 0..99 and its vCPU's id in memory, with a line for the log. */
#include "guest.h"

static volatile u32 sums[256];

u32 guest_main(u64 vcpu_id)
{
	print("hello\n");
	sums[vcpu_id] = vcpu_id;
	for (u32 i = 0; i < 100; i++)
		sums[vcpu_id] += i;
	return sums[vcpu_id];
}
