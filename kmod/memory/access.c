// SPDX-License-Identifier: GPL-2.0
/*
 * Host access to guest memory through the owner's mapping (contract in access.h).
 *
 * An access says so (access_seq, accessing) before it looks a slot up, so that
 * whoever deletes or moves the slot waits for it. It notes a written page in the
 * log of the array that is current after the write: either that array is logged, or
 * the write came before logging began.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "../vcpu.h"
#include "../vm.h"
#include "access.h"
#include "dirty_log.h"

/* Whose access to which address space. */
struct access {
	struct memory *mem;
	struct vcpu_mmu *mmu;		/* NULL: of the VM, not of a vCPU */
	unsigned int as_id;
	int srcu;
};

static void access_begin(struct access *a) __acquires(&a->mem->srcu)
{
	if (a->mmu)
		WRITE_ONCE(a->mmu->access_seq, a->mmu->access_seq + 1);
	else
		atomic_inc(&a->mem->accessing);
	smp_mb();	/* pairs with wait_for_access(): announced before the look at invalid */
	a->srcu = srcu_read_lock(&a->mem->srcu);
}

static void access_end(struct access *a) __releases(&a->mem->srcu)
{
	srcu_read_unlock(&a->mem->srcu, a->srcu);
	smp_mb__before_atomic();	/* the access is over before it is said to be */
	if (a->mmu)
		smp_store_release(&a->mmu->access_seq, a->mmu->access_seq + 1);
	else
		atomic_dec(&a->mem->accessing);
}

static struct memslot *find_slot(const struct access *a, gfn_t gfn)
{
	return memory_find_slot(memory_slots(a->mem, a->as_id), a->mmu ? &a->mmu->slot : NULL, gfn);
}

/* User address of @gpa, or -ENOENT, -EAGAIN, -EROFS. */
static int locate(const struct access *a, gpa_t gpa, bool write, void __user **user)
{
	struct memslot *slot = find_slot(a, gpa >> PAGE_SHIFT);

	if (!slot)
		return -ENOENT;
	if (READ_ONCE(slot->invalid))
		return -EAGAIN;
	if (write && (slot->flags & MINIVMM_MEM_READONLY))
		return -EROFS;
	*user = (void __user *)(memslot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa));
	return 0;
}

static void note_written(const struct access *a, gpa_t gpa)
{
	struct memslot *slot;

	smp_mb();	/* written before the array is read again: see top of file */
	slot = find_slot(a, gpa >> PAGE_SHIFT);
	if (slot)
		memslot_mark_dirty(slot, gpa >> PAGE_SHIFT);
}

/* A page-table entry, which is what is read most, without the checks of a copy. */
static bool copy_in(void *buf, const void __user *user, unsigned int len)
{
	u64 entry;

	if (len != sizeof(entry))
		return !copy_from_user(buf, user, len);
	if (get_user(entry, (const u64 __user *)user))
		return false;
	memcpy(buf, &entry, sizeof(entry));
	return true;
}

/* Within one page. */
static int read_page(const struct access *a, gpa_t gpa, void *buf, unsigned int len)
{
	void __user *user;
	int err = locate(a, gpa, false, &user);

	if (!err && !copy_in(buf, user, len))
		err = -EFAULT;
	return err;
}

static int write_page(const struct access *a, gpa_t gpa, const void *buf, unsigned int len)
{
	void __user *user;
	int err = locate(a, gpa, true, &user);

	if (err)
		return err;
	if (copy_to_user(user, buf, len))
		err = -EFAULT;
	note_written(a, gpa);
	return err;
}

/* Page by page; exactly one of @in and @out is set. */
static int access_range(struct access *a, gpa_t gpa, void *in, const void *out, unsigned int len)
{
	int err = 0;

	access_begin(a);
	while (len && !err) {
		unsigned int n = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(gpa));

		if (in) {
			err = read_page(a, gpa, in, n);
			in += n;
		} else {
			err = write_page(a, gpa, out, n);
			out += n;
		}
		gpa += n;
		len -= n;
	}
	access_end(a);
	return err;
}

static struct access vcpu_access(struct vcpu *vcpu)
{
	return (struct access){
		.mem = &vcpu->vm->memory, .mmu = &vcpu->mmu, .as_id = vcpu->mmu.role.as_id,
	};
}

int guest_read(struct vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	struct access a = vcpu_access(vcpu);

	return access_range(&a, gpa, buf, NULL, len);
}

int guest_read_pdptes(struct vcpu *vcpu, u64 pdpte[4])
{
	return guest_read(vcpu, vcpu->cr3 & 0xffffffe0, pdpte, 4 * sizeof(*pdpte));
}

int guest_write(struct vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len)
{
	struct access a = vcpu_access(vcpu);

	return access_range(&a, gpa, NULL, buf, len);
}

int vm_guest_read(struct vm *vm, unsigned int as_id, gpa_t gpa, void *buf, unsigned int len)
{
	struct access a = { .mem = &vm->memory, .as_id = as_id };

	return access_range(&a, gpa, buf, NULL, len);
}

int vm_guest_write(struct vm *vm, unsigned int as_id, gpa_t gpa, const void *buf,
		   unsigned int len)
{
	struct access a = { .mem = &vm->memory, .as_id = as_id };

	return access_range(&a, gpa, NULL, buf, len);
}

#define cmpxchg_sized(type, user, old, new)					\
	__try_cmpxchg_user((type __user *)(user), (type *)(old), *(const type *)(new), fault_##type)

static int cmpxchg_user16(void __user *user, u64 *old, const u64 *new)
{
	int err = 0;
	bool same;

	if (!user_access_begin(user, 16))
		return -EFAULT;
	/* Reads and writes 16 bytes; "memory" stands for them. */
	asm volatile("1: lock cmpxchg16b %[mem]\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG, %[err])
		     : [mem] "+m" (*(__force u64 *)user), [err] "+r" (err), "=@ccz" (same),
		       "+a" (old[0]), "+d" (old[1])
		     : "b" (new[0]), "c" (new[1]) : "memory");
	user_access_end();
	return err ?: !same;
}

/* 0, 1 (was not *old, which is updated), -EFAULT. */
static int cmpxchg_user(void __user *user, void *old, const void *new, unsigned int size)
{
	if (!access_ok(user, size))
		return -EFAULT;
	switch (size) {
	case 1:
		return cmpxchg_sized(u8, user, old, new);
	case 2:
		return cmpxchg_sized(u16, user, old, new);
	case 4:
		return cmpxchg_sized(u32, user, old, new);
	case 8:
		return cmpxchg_sized(u64, user, old, new);
	default:
		return cmpxchg_user16(user, old, new);
	}
}

int guest_cmpxchg(struct vcpu *vcpu, gpa_t gpa, void *old, const void *new, unsigned int size)
{
	struct access a = vcpu_access(vcpu);
	void __user *user;
	int ret;

	access_begin(&a);
	ret = locate(&a, gpa, true, &user);
	if (!ret)
		ret = cmpxchg_user(user, old, new, size);
	if (!ret)
		note_written(&a, gpa);
	access_end(&a);
	return ret;
}
