// SPDX-License-Identifier: GPL-2.0
/* vCPU objects: life, fd, mapping, requests and kicks, queued exceptions. */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/debugreg.h>

#include "../backend.h"
#include "../compat.h"
#include "../cpu/code_page.h"
#include "../cpu/cpuid.h"
#include "../cpu/debug_regs.h"
#include "../cpu/mce.h"
#include "../cpu/msr.h"
#include "../cpu/xstate.h"
#include "../irq/irqchip.h"
#include "../irq/lapic.h"
#include "../pv.h"
#include "../report/explain.h"
#include "../vm.h"
#include "inject.h"
#include "vcpu.h"
#include "vcpu_ioctl.h"

void vcpu_request(struct vcpu *vcpu, unsigned int req)
{
	/* What the request is about is visible before the request is. */
	smp_mb__before_atomic();
	set_bit(req, &vcpu->requests);
}

void vcpu_kick(struct vcpu *vcpu)
{
	int cpu, me;

	/* A full barrier: pairs with the one in run.c between mode and requests. */
	rcuwait_wake_up(&vcpu->wait);
	if (READ_ONCE(vcpu->mode) != VCPU_IN_WINDOW)
		return;
	me = get_cpu();
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu != me && (unsigned int)cpu < nr_cpu_ids && cpu_online(cpu))
		host_interrupt_cpu(cpu);
	put_cpu();
}

bool vcpu_is_bsp(const struct vcpu *vcpu)
{
	return vcpu->id == vcpu->vm->boot_cpu_id;
}

void vcpu_read_state(struct vcpu *vcpu, unsigned int which)
{
	backend_call(read_state)(vcpu, which);
}

void vcpu_step_slowly(struct vcpu *vcpu, u64 rip)
{
	u64 rflags = vcpu_rflags(vcpu) & ~X86_EFLAGS_RF;

	vcpu_set_rip(vcpu, is_long_mode(vcpu) ? rip : (u32)rip);
	vcpu_set_irq_shadow(vcpu, false);
	vcpu_set_rflags(vcpu, rflags);
	if (rflags & X86_EFLAGS_TF)
		vcpu_inject_debug(vcpu, DR_STEP);
}

void vcpu_reset(struct vcpu *vcpu, bool init)
{
	u64 caching = X86_CR0_CD | X86_CR0_NW;

	vcpu_need(vcpu, VCPU_STATE);	/* at once */
	if (init)
		caching &= vcpu_cr0(vcpu);	/* they stay as they are */
	*vcpu_regs(vcpu) = (struct regs){
		.rip = 0xfff0, .rflags = X86_EFLAGS_FIXED, .gpr[GPR_RDX] = cpuid_signature(vcpu),
	};
	*vcpu_control(vcpu) = (struct control_regs){ .cr0 = X86_CR0_ET | caching };
	vcpu->cr2 = 0;
	vcpu_set_cpl(vcpu, 0);
	vcpu_set_irq_shadow(vcpu, false);
	vcpu_set_nmi_masked(vcpu, false);
	debug_regs_reset(vcpu);
	memset(&vcpu->events.exception, 0, sizeof(vcpu->events.exception));
	memset(&vcpu->events.interrupt, 0, sizeof(vcpu->events.interrupt));
	vcpu->events.nmi_injected = false;
	vcpu->events.triple_fault = false;
	atomic_set(&vcpu->events.nmi_pending, 0);
	/* An access that waits for userspace's answer was the old program's. */
	vcpu->asked.kind = ASKED_NOTHING;
	pv_reset(vcpu);
	xstate_reset(vcpu, init);
	lapic_reset(vcpu, init);
	if (!init) {
		msr_reset(vcpu);
		mce_reset(vcpu);
	}
	backend_call(vcpu_reset)(vcpu, init);
	backend_call(sync_control)(vcpu);
	backend_call(sync_debug)(vcpu);
	backend_call(sync_tsc)(vcpu);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	switch (vmf->pgoff) {
	case VCPU_RUN_PAGE:
		page = virt_to_page(vcpu->run);
		break;
	case VCPU_PIO_PAGE:
		page = virt_to_page(vcpu->pio_data);
		break;
	case VCPU_COALESCED_PAGE:
		page = virt_to_page(vcpu->vm->bus.coalesced.ring);
		break;
	default:
		return VM_FAULT_SIGBUS;
	}
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = { .fault = vcpu_fault };

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff + vma_pages(vma) > VCPU_MMAP_PAGES)
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

static void free_vcpu(struct vcpu *vcpu)
{
	backend_call(vcpu_free)(vcpu);
	code_destroy(vcpu);
	xstate_free(vcpu);
	cpuid_free(vcpu);
	free_page((unsigned long)vcpu->lapic.regs.page);
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

void vcpu_destroy(struct vcpu *vcpu)
{
	lapic_destroy(vcpu);
	mmu_destroy_vcpu(vcpu);
	free_vcpu(vcpu);
}

static struct vcpu *alloc_vcpu(struct vm *vm, u32 id)
{
	static atomic64_t last_serial;
	struct vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->requests = BIT(VCPU_REQ_PIT);	/* ticks may be held already */
	vcpu->serial = atomic64_inc_return(&last_serial);
	mutex_init(&vcpu->lock);
	rcuwait_init(&vcpu->wait);
	explain_init(&vcpu->error);
	cpuid_init(vcpu);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->lapic.regs.page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run || !vcpu->pio_data || !vcpu->lapic.regs.page || xstate_init(vcpu) ||
	    backend_call(vcpu_create)(vcpu)) {
		free_vcpu(vcpu);
		return NULL;
	}
	return vcpu;
}

static bool id_taken(struct vm *vm, u32 id)
{
	struct vcpu *vcpu;
	unsigned int i;

	for_each_vcpu(vm, i, vcpu)
		if (vcpu->id == id)
			return true;
	return false;
}

/*
 * The vCPU is visible to everyone who kicks and flushes before userspace can run
 * it; until then nothing can fail any more.
 */
static int install_vcpu(struct vm *vm, struct vcpu *vcpu)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		goto undo;
	file = anon_inode_getfile("minivmm-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto undo;
	}
	vm_get(vm);
	vm->vcpus[vcpu->index] = vcpu;
	smp_store_release(&vm->nr_vcpus, vm->nr_vcpus + 1);
	fd_install(fd, file);
	return fd;
undo:
	lapic_destroy(vcpu);
	mmu_destroy_vcpu(vcpu);
	return fd;
}

/* vm->lock held: joins @vcpu to the VM and gives it an fd, which userspace may use at once. */
static int publish_vcpu(struct vm *vm, struct vcpu *vcpu)
{
	if (vm->nr_vcpus == VM_MAX_VCPUS)
		return refuse(&vm->error, -EINVAL, "nr_vcpus", vm->nr_vcpus,
			      "the VM has as many vCPUs as it may (CAP_MAX_VCPUS)");
	if (id_taken(vm, vcpu->id))
		return refuse(&vm->error, -EEXIST, "id", vcpu->id, "this vCPU id is taken");
	vcpu->index = vm->nr_vcpus;
	mmu_init_vcpu(vcpu);
	code_init(vcpu);
	lapic_init(vcpu);
	pv_init_vcpu(vcpu);
	vcpu_reset(vcpu, false);
	vcpu->mp_state = vcpu_is_bsp(vcpu) || !irqchip_has_apics(&vm->irqchip) ?
			 MINIVMM_MP_STATE_RUNNABLE : MINIVMM_MP_STATE_UNINITIALIZED;
	return install_vcpu(vm, vcpu);
}

int vcpu_create(struct vm *vm, unsigned long id)
{
	struct vcpu *vcpu;
	int fd;

	if (id >= VM_MAX_VCPU_ID)
		return refuse(&vm->error, -EINVAL, "id", id, "vCPU ids are below CAP_MAX_VCPU_ID");
	vcpu = alloc_vcpu(vm, id);
	if (!vcpu)
		return -ENOMEM;
	mutex_lock(&vm->lock);
	fd = publish_vcpu(vm, vcpu);
	mutex_unlock(&vm->lock);
	if (fd < 0)
		free_vcpu(vcpu);
	return fd;
}
