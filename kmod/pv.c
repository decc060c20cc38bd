// SPDX-License-Identifier: GPL-2.0
/*
 * Paravirtual clock, hypercalls, TSC offsets.
 *
 * The guest clock of a VM is one straight line: base_ns at host TSC base_tsc, at
 * the host TSC's rate. Each vCPU's page expresses it in that vCPU's own TSC, so
 * all vCPUs agree whatever their offsets, as long as the host's TSCs agree.
 */
#include <linux/ktime.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/kvm_para.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "backend.h"
#include "irq/lapic.h"
#include "memory/access.h"
#include "pv.h"
#include "report/explain.h"
#include "vcpu/vcpu.h"
#include "vm.h"

#define HYPERCALL_UNKNOWN	((u64)-1000)	/* the guest's ENOSYS */
#define SYSTEM_TIME_ENABLED	1ull
#define MAX_TICKS_AHEAD		(1ull << 40)	/* times the rate in kHz: still below 2^64 */
#define MAX_TSC_SPEED		256		/* times the host's */

/* ns = (ticks shifted left by shift, or right if negative) * mul >> 32 */
static void scale_of_tsc(u64 khz, u32 *mul, s8 *shift)
{
	s8 s = 0;

	while (khz > 2 * NSEC_PER_MSEC) {
		khz >>= 1;
		s--;
	}
	while (khz <= NSEC_PER_MSEC) {
		khz <<= 1;
		s++;
	}
	*mul = div64_u64((u64)NSEC_PER_MSEC << 32, khz);
	*shift = s;
}

/* A TSC that is behind (another CPU's, or set by somebody) does not turn the clock back. */
static u64 clock_at(const struct vm_clock *clock, u64 host_tsc)
{
	u64 ticks = host_tsc > clock->base_tsc ? host_tsc - clock->base_tsc : 0;

	return clock->base_ns + mul_u64_u64_div_u64(ticks, NSEC_PER_MSEC, clock->host_khz);
}

void pv_init_vm(struct vm *vm)
{
	struct vm_clock *clock = &vm->clock;

	spin_lock_init(&clock->lock);
	/* A host may refine it, a second after its start. */
	clock->host_khz = tsc_khz;
	clock->base_tsc = rdtsc_ordered();
	clock->base_ns = 0;
	clock->tsc_offset = -clock->base_tsc;
	clock->tsc_khz = clock->host_khz;
	clock->tsc_written = false;
}

void pv_init_vcpu(struct vcpu *vcpu)
{
	struct vm_clock *clock = &vcpu->vm->clock;

	vcpu->tsc_khz = clock->host_khz;
	vcpu->tsc_ratio = backend.tsc_ratio_bits ? BIT_ULL(backend.tsc_ratio_bits) : 0;
	spin_lock(&clock->lock);
	vcpu->tsc_offset = clock->tsc_khz == clock->host_khz ? clock->tsc_offset : -rdtsc_ordered();
	spin_unlock(&clock->lock);
}

static bool is_scaled(const struct vcpu *vcpu)
{
	return unlikely(vcpu->tsc_khz != vcpu->vm->clock.host_khz);
}

/* What the CPU does; it adds the offset then. */
static u64 scale(const struct vcpu *vcpu, u64 host_tsc)
{
	if (!is_scaled(vcpu))
		return host_tsc;
	return mul_u64_u64_shr(host_tsc, vcpu->tsc_ratio, backend.tsc_ratio_bits);
}

void pv_set_wall_clock(struct vcpu *vcpu, u64 value)
{
	vcpu->pv.wall_clock_msr = value;
	vcpu->pv.wall_clock_wanted = value;
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
}

void pv_set_system_time(struct vcpu *vcpu, u64 value)
{
	vcpu->pv.system_time_msr = value;
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
}

void pv_reset(struct vcpu *vcpu)
{
	vcpu->pv.system_time_msr = 0;
	vcpu->pv.guest_stopped = false;
}

/* Odd versions tell the guest that an update is under way. Unbacked pages are the guest's loss. */
static void write_wall_clock(struct vcpu *vcpu)
{
	u64 gpa = vcpu->pv.wall_clock_msr;
	struct pvclock_wall_clock wall;
	struct timespec64 boot;
	u32 version;
	u64 now;

	if (!gpa || guest_read(vcpu, gpa, &version, sizeof(version)))
		return;
	version = (version | 1) + 2;
	spin_lock(&vcpu->vm->clock.lock);
	now = clock_at(&vcpu->vm->clock, rdtsc_ordered());
	spin_unlock(&vcpu->vm->clock.lock);
	boot = ns_to_timespec64(ktime_get_real_ns() - now);
	wall = (struct pvclock_wall_clock){
		.version = version, .sec = boot.tv_sec, .nsec = boot.tv_nsec,
	};
	if (guest_write(vcpu, gpa, &wall, sizeof(wall)))
		return;
	version++;
	guest_write(vcpu, gpa, &version, sizeof(version));
}

static void write_system_time(struct vcpu *vcpu)
{
	struct vm_clock *clock = &vcpu->vm->clock;
	u64 gpa = vcpu->pv.system_time_msr & ~SYSTEM_TIME_ENABLED;
	struct pvclock_vcpu_time_info time = { 0 }, old;

	if (guest_read(vcpu, gpa, &old, sizeof(old)))
		return;
	scale_of_tsc(vcpu->tsc_khz, &time.tsc_to_system_mul, &time.tsc_shift);
	spin_lock(&clock->lock);
	time.tsc_timestamp = scale(vcpu, clock->base_tsc) + vcpu->tsc_offset;
	time.system_time = clock->base_ns;
	spin_unlock(&clock->lock);
	/* The guest clears the flag when it has seen it. */
	time.flags = (check_tsc_unstable() ? 0 : PVCLOCK_TSC_STABLE_BIT) |
		     (vcpu->pv.guest_stopped ? PVCLOCK_GUEST_STOPPED : 0) |
		     (old.flags & PVCLOCK_GUEST_STOPPED);
	vcpu->pv.guest_stopped = false;
	/* Goes on from the page's: a guest that was moved here may be about to compare. */
	time.version = (old.version + 2) | 1;
	if (guest_write(vcpu, gpa, &time, sizeof(time)))
		return;
	smp_wmb();
	time.version++;
	guest_write(vcpu, gpa, &time.version, sizeof(time.version));
}

void pv_update_clock(struct vcpu *vcpu)
{
	if (vcpu->pv.wall_clock_wanted) {
		vcpu->pv.wall_clock_wanted = false;
		write_wall_clock(vcpu);
	}
	if (vcpu->pv.system_time_msr & SYSTEM_TIME_ENABLED)
		write_system_time(vcpu);
}

u64 pv_hypercall(struct vcpu *vcpu, u64 nr, u64 a0, u64 a1, u64 a2, u64 a3)
{
	return nr == KVM_HC_VAPIC_POLL_IRQ ? 0 : HYPERCALL_UNKNOWN;
}

void pv_get_clock(struct vm *vm, struct minivmm_clock_data *data)
{
	u64 tsc;

	memset(data, 0, sizeof(*data));
	spin_lock(&vm->clock.lock);
	tsc = rdtsc_ordered();
	data->clock = clock_at(&vm->clock, tsc);
	spin_unlock(&vm->clock.lock);
	data->realtime = ktime_get_real_ns();
	data->host_tsc = tsc;
	data->flags = MINIVMM_CLOCK_REALTIME | MINIVMM_CLOCK_HOST_TSC |
		      (check_tsc_unstable() ? 0 : MINIVMM_CLOCK_TSC_STABLE);
}

int pv_set_clock(struct vm *vm, const struct minivmm_clock_data *data)
{
	u64 ns = data->clock, now = ktime_get_real_ns();

	if (data->flags & ~(MINIVMM_CLOCK_TSC_STABLE | MINIVMM_CLOCK_REALTIME |
			    MINIVMM_CLOCK_HOST_TSC))
		return refuse(&vm->error, -EINVAL, "flags", data->flags, "unknown flags");
	/* The clock went on while the VM was saved. */
	if ((data->flags & MINIVMM_CLOCK_REALTIME) && now > data->realtime)
		ns += now - data->realtime;
	spin_lock(&vm->clock.lock);
	vm->clock.base_tsc = rdtsc_ordered();
	vm->clock.base_ns = ns;
	spin_unlock(&vm->clock.lock);
	vm_kick_all(vm, VCPU_REQ_CLOCK);
	return 0;
}

int pv_guest_stopped(struct vcpu *vcpu)
{
	if (!(vcpu->pv.system_time_msr & SYSTEM_TIME_ENABLED))
		return refuse(&vcpu->error, -EINVAL, "system time", vcpu->pv.system_time_msr,
			      "the guest has not enabled its paravirtual clock");
	/* At once: the page may be saved before the next RUN. */
	vcpu->pv.guest_stopped = true;
	write_system_time(vcpu);
	return 0;
}

u64 pv_guest_tsc(const struct vcpu *vcpu)
{
	return scale(vcpu, rdtsc_ordered()) + vcpu->tsc_offset;
}

u64 pv_host_tsc_at(const struct vcpu *vcpu, u64 guest_tsc)
{
	u64 now = rdtsc(), guest_now = scale(vcpu, now) + vcpu->tsc_offset, ticks;

	if (guest_tsc <= guest_now)
		return now;
	ticks = min_t(u64, guest_tsc - guest_now, MAX_TICKS_AHEAD);
	if (is_scaled(vcpu))
		ticks = mul_u64_u64_div_u64(ticks, vcpu->vm->clock.host_khz, vcpu->tsc_khz);
	return now + ticks;
}

/*
 * Userspace restores one vCPU after the other; TSCs meant to be equal arrive with
 * values some time apart. What is within a second of the TSC that userspace wrote to
 * another vCPU, or 0 (a new vCPU), joins the VM's. TSCs of different rates have nothing
 * in common.
 */
static u64 common_offset(struct vcpu *vcpu, u64 value, u64 offset)
{
	struct vm_clock *clock = &vcpu->vm->clock;
	s64 apart;

	spin_lock(&clock->lock);
	apart = offset - clock->tsc_offset;
	if (vcpu->tsc_khz != clock->tsc_khz ||
	    (value && (!clock->tsc_written || abs(apart) >= (s64)vcpu->tsc_khz * 1000))) {
		clock->tsc_khz = vcpu->tsc_khz;
		clock->tsc_offset = offset;
		clock->tsc_written = value;
	}
	offset = clock->tsc_offset;
	spin_unlock(&clock->lock);
	return offset;
}

void pv_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	vcpu->tsc_offset = offset;
	backend_call(sync_tsc)(vcpu);
	lapic_tsc_changed(vcpu);
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
}

void pv_write_tsc(struct vcpu *vcpu, u64 value, bool host)
{
	u64 offset = value - scale(vcpu, rdtsc_ordered());

	if (host)
		offset = common_offset(vcpu, value, offset);
	else
		vcpu->msrs.tsc_adjust += offset - vcpu->tsc_offset;
	pv_set_tsc_offset(vcpu, offset);
}

/* A CPU that cannot scale gives the host's rate for what is within 250 ppm of it. */
static int check_tsc_khz(struct vcpu *vcpu, unsigned long khz)
{
	u32 host_khz = vcpu->vm->clock.host_khz, slack = host_khz / 4000;

	if (backend.tsc_ratio_bits && khz / MAX_TSC_SPEED >= host_khz)
		return refuse(&vcpu->error, -EINVAL, "tsc_khz", khz,
			      "at most 256 times the host's rate");
	if (!backend.tsc_ratio_bits && (khz < host_khz - slack || khz > host_khz + slack))
		return refuse(&vcpu->error, -EINVAL, "tsc_khz", khz,
			      "this CPU cannot scale the TSC: only the host's own rate works");
	return 0;
}

int pv_set_tsc_khz(struct vcpu *vcpu, unsigned long khz)
{
	u32 host_khz = vcpu->vm->clock.host_khz;
	u64 now = pv_guest_tsc(vcpu);
	int err;

	khz = khz ?: host_khz;
	err = check_tsc_khz(vcpu, khz);
	if (err || !backend.tsc_ratio_bits || khz == vcpu->tsc_khz)
		return err;
	vcpu->tsc_khz = khz;
	vcpu->tsc_ratio = mul_u64_u64_div_u64(BIT_ULL(backend.tsc_ratio_bits), khz, host_khz);
	now -= scale(vcpu, rdtsc_ordered());
	pv_set_tsc_offset(vcpu, common_offset(vcpu, 0, now));
	return 0;
}

static u64 suspended_at;	/* the host's TSC then */

static u64 guest_ticks(const struct vm_clock *clock, u32 khz, u64 host_ticks)
{
	return khz == clock->host_khz ? host_ticks :
					mul_u64_u64_div_u64(host_ticks, khz, clock->host_khz);
}

static void resume_vm(struct vm *vm)
{
	struct vm_clock *clock = &vm->clock;
	u64 now = rdtsc_ordered();
	struct vcpu *vcpu;
	unsigned int i;

	if (now < suspended_at) {
		spin_lock(&clock->lock);
		clock->base_ns = clock_at(clock, suspended_at);
		clock->base_tsc = now;
		clock->tsc_offset += guest_ticks(clock, clock->tsc_khz, suspended_at - now);
		spin_unlock(&clock->lock);
		for_each_vcpu(vm, i, vcpu)
			vcpu->tsc_offset += scale(vcpu, suspended_at) - scale(vcpu, now);
	}
	/* Deadlines are sooner than their timers know if the TSC went on meanwhile. */
	vm_kick_all(vm, VCPU_REQ_TSC);
}

void pv_suspend(void)
{
	suspended_at = rdtsc_ordered();
}

void pv_resume(void)
{
	vm_for_all(resume_vm);
}
