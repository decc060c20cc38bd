// SPDX-License-Identifier: GPL-2.0
/* Debug registers: the contract is in debug_regs.h. */
#include <linux/string.h>

#include "../backend.h"
#include "../report/explain.h"
#include "../vcpu/vcpu.h"
#include "debug_regs.h"

#define DR6_CLEAR	BIT_ULL(12)	/* bits that read as 0 */
#define DR7_CLEAR	0xd000ull

void debug_regs_reset(struct vcpu *vcpu)
{
	struct debug_regs *dr = &vcpu->dr;

	memset(dr->db, 0, sizeof(dr->db));
	dr->dr6 = DR6_FIXED;
	dr->dr7 = DR7_FIXED;
	dr->live = false;
}

void debug_regs_get(const struct vcpu *vcpu, struct minivmm_debugregs *out)
{
	memcpy(out->db, vcpu->dr.db, sizeof(out->db));
	out->dr6 = vcpu->dr.dr6;
	out->dr7 = vcpu->dr.dr7;
}

int debug_regs_set(struct vcpu *vcpu, const struct minivmm_debugregs *in)
{
	struct debug_regs *dr = &vcpu->dr;

	if (in->flags)
		return refuse(&vcpu->error, -EINVAL, "flags", in->flags, "must be 0");
	if (in->dr6 >> 32 || in->dr7 >> 32)
		return refuse(&vcpu->error, -EINVAL, "dr6, dr7", in->dr6 >> 32 ? in->dr6 : in->dr7,
			      "the upper 32 bits must be 0");
	memcpy(dr->db, in->db, sizeof(dr->db));
	dr->dr6 = (in->dr6 & ~DR6_CLEAR) | DR6_FIXED;
	dr->dr7 = (in->dr7 & ~DR7_CLEAR) | DR7_FIXED;
	dr->live = dr->dr7 & DR7_ENABLES;
	backend_call(sync_debug)(vcpu);
	return 0;
}

#define read_db(db)					\
({							\
	get_debugreg((db)[0], 0);			\
	get_debugreg((db)[1], 1);			\
	get_debugreg((db)[2], 2);			\
	get_debugreg((db)[3], 3);			\
})

#define write_db(db)					\
({							\
	set_debugreg((db)[0], 0);			\
	set_debugreg((db)[1], 1);			\
	set_debugreg((db)[2], 2);			\
	set_debugreg((db)[3], 3);			\
})

void debug_regs_use(struct vcpu *vcpu)
{
	vcpu->dr.live = true;
	write_db(vcpu->dr.db);
	backend_call(sync_debug)(vcpu);
}

void debug_regs_drop(struct vcpu *vcpu)
{
	read_db(vcpu->dr.db);
	vcpu->dr.live = false;
	backend_call(sync_debug)(vcpu);
}

static void save_guest(struct vcpu *vcpu)
{
	if (vcpu->dr.dr7 & DR7_ENABLES)
		read_db(vcpu->dr.db);
	else
		debug_regs_drop(vcpu);
}

void debug_regs_load_guest(struct vcpu *vcpu)
{
	struct debug_regs *dr = &vcpu->dr;

	if (unlikely(hw_breakpoint_active())) {
		read_db(dr->host_db);
		set_debugreg(0, 7);
	}
	if (unlikely(dr->live))
		write_db(dr->db);
}

void debug_regs_load_host(struct vcpu *vcpu)
{
	struct debug_regs *dr = &vcpu->dr;

	if (unlikely(dr->live))
		save_guest(vcpu);
	if (unlikely(hw_breakpoint_active())) {
		write_db(dr->host_db);
		set_debugreg(this_cpu_read(cpu_dr7), 7);
	}
}
