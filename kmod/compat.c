// SPDX-License-Identifier: GPL-2.0
/* The few kernel-version differences that need a definition of their own. */

#include "compat.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)

int host_handle_work(void)
{
	return xfer_to_guest_mode_handle_work();
}

#else

#include <linux/kvm_host.h>

static struct kvm_run dummy_run;
static struct kvm_vcpu dummy_vcpu = { .run = &dummy_run };

int host_handle_work(void)
{
	return xfer_to_guest_mode_handle_work(&dummy_vcpu);
}

#endif
