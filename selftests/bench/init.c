// SPDX-License-Identifier: GPL-2.0
/* The guest's first process, and its last: says that it was reached (boot waits for that word), powers off. */
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	static const char marker[] = "bench-init\n";

	if (write(STDOUT_FILENO, marker, sizeof(marker) - 1) < 0)
		return 1;
	return reboot(RB_POWER_OFF);
}
