// SPDX-License-Identifier: GPL-2.0
/*
 * For tests, in builds with MINIVMM_DEBUG=1 only. What an exit leaves unread is nonsense,
 * so that a backend that forgot vcpu_need() is seen. And a hook: the next entry of any vCPU finds
 * fields of its VMCS changed, and gets them back afterwards.
 *
 * Module parameter vmx_corrupt: FIELD^BITS or FIELD=VALUE in hexadecimal, several with
 * commas between. It can ask for an entry that succeeds, and then for anything: root only.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/msr-index.h>

#include "vmx.h"

#define MAX_CHANGES	6

static struct change {
	unsigned long field;
	char op;
	u64 value;
	u64 before;
} changes[MAX_CHANGES];
static unsigned int nr_changes;
static bool armed, corrupted;

static int parse(char *text)
{
	struct change *c;
	char *item;

	nr_changes = 0;
	while ((item = strsep(&text, ",")) != NULL) {
		if (nr_changes == MAX_CHANGES)
			return -E2BIG;
		c = &changes[nr_changes++];
		if (sscanf(item, "%lx%c%llx", &c->field, &c->op, &c->value) != 3 ||
		    (c->op != '^' && c->op != '='))
			return -EINVAL;
	}
	WRITE_ONCE(armed, true);
	return 0;
}

static int set_corrupt(const char *value, const struct kernel_param *param)
{
	char *text = kstrdup(value, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	err = parse(text);
	kfree(text);
	return err;
}

static const struct kernel_param_ops corrupt_ops = { .set = set_corrupt };
module_param_cb(vmx_corrupt, &corrupt_ops, NULL, 0200);
MODULE_PARM_DESC(vmx_corrupt, "for tests: change fields of the VMCS at the next entry");

void vmx_corrupt(void)
{
	unsigned int i;

	if (likely(!READ_ONCE(armed)) || !xchg(&armed, false))
		return;
	for (i = 0; i < nr_changes; i++) {
		struct change *c = &changes[i];

		c->before = vmcs_read(c->field);
		vmcs_write(c->field, c->op == '^' ? c->before ^ c->value : c->value);
	}
	corrupted = true;
}

/* Backwards, for fields that were changed twice. */
void vmx_mend(void)
{
	unsigned int i;

	if (likely(!corrupted))
		return;
	for (i = nr_changes; i-- > 0; )
		vmcs_write(changes[i].field, changes[i].before);
	corrupted = false;
}

/* What is not read must not be changed either: VMX counts on that for RIP, RFLAGS and RSP. */
void vmx_spoil_unread(struct vcpu *vcpu)
{
	struct lazy_state *state = &vcpu->lazy_state;
	const u64 nonsense = 0xbadbadbadbadbad0;
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (state->unread & VCPU_RIP)
		state->regs.rip = vmx->written.rip = nonsense;
	if (state->unread & VCPU_FLAGS) {
		state->regs.rflags = vmx->written.rflags = nonsense;
		state->irq_shadow = true;
		state->nmi_masked = true;
	}
	if (state->unread & VCPU_RSP)
		state->regs.gpr[GPR_RSP] = vmx->written.rsp = nonsense;
	if (state->unread & VCPU_CR0)
		state->control.cr0 = nonsense;
	if (state->unread & VCPU_CR3)
		state->control.cr3 = nonsense;
	if (state->unread & VCPU_CR4)
		state->control.cr4 = nonsense;
	if (state->unread & VCPU_EFER)
		state->control.efer ^= EFER_LMA;
	if (state->unread & VCPU_CPL)
		state->cpl = 2;
}
