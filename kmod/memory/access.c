// SPDX-License-Identifier: GPL-2.0
/*
 * Host access to guest memory through the owner's mapping (contract in access.h).
 *
 * An access says so (access_seq) before it looks a slot up, so that
 * whoever deletes or moves the slot waits for it. It notes a written page in the
 * log of the slot that is there after the write: either that is logged, or the
 * write came before logging began.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "access.h"
#include "dirty_log.h"

/* Returns the index for access_end(). */
static int access_begin(struct vcpu *vcpu) __acquires(&vcpu->vm->memory.srcu)
{
	WRITE_ONCE(vcpu->mmu.access_seq, vcpu->mmu.access_seq + 1);
	smp_mb();	/* pairs with wait_for_access(): announced before the look at invalid */
	return srcu_read_lock(&vcpu->vm->memory.srcu);
}

static void access_end(struct vcpu *vcpu, int srcu) __releases(&vcpu->vm->memory.srcu)
{
	srcu_read_unlock(&vcpu->vm->memory.srcu, srcu);
	/* The access is over before it is said to be. */
	smp_store_release(&vcpu->mmu.access_seq, vcpu->mmu.access_seq + 1);
}

static struct memslot *find_slot(struct vcpu *vcpu, gfn_t gfn)
{
	return memory_find_slot(vcpu->mmu.slots, &vcpu->mmu.slot, gfn);
}

/* User address of @gpa, or -ENOENT, -EAGAIN, -EROFS. */
static int locate(struct vcpu *vcpu, gpa_t gpa, bool write, void __user **user)
{
	struct memslot *slot = find_slot(vcpu, gpa >> PAGE_SHIFT);

	if (!slot)
		return -ENOENT;
	if (READ_ONCE(slot->invalid))
		return -EAGAIN;
	if (write && (slot->flags & MINIVMM_MEM_READONLY))
		return -EROFS;
	*user = (void __user *)(memslot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa));
	return 0;
}

static void note_written(struct vcpu *vcpu, gpa_t gpa)
{
	struct memslot *slot;

	smp_mb();	/* written before the slot is looked up again: see top of file */
	slot = find_slot(vcpu, gpa >> PAGE_SHIFT);
	if (slot)
		memory_mark_written(vcpu, slot, gpa >> PAGE_SHIFT);
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
static int read_page(struct vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	void __user *user;
	int err = locate(vcpu, gpa, false, &user);

	if (!err && !copy_in(buf, user, len))
		err = -EFAULT;
	return err;
}

static int write_page(struct vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len)
{
	void __user *user;
	int err = locate(vcpu, gpa, true, &user);

	if (err)
		return err;
	if (copy_to_user(user, buf, len))
		err = -EFAULT;
	note_written(vcpu, gpa);
	return err;
}

/* Page by page; exactly one of @in and @out is set. */
static int access_range(struct vcpu *vcpu, gpa_t gpa, void *in, const void *out, unsigned int len)
{
	int srcu = access_begin(vcpu), err = 0;

	while (len && !err) {
		unsigned int n = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(gpa));

		if (in) {
			err = read_page(vcpu, gpa, in, n);
			in += n;
		} else {
			err = write_page(vcpu, gpa, out, n);
			out += n;
		}
		gpa += n;
		len -= n;
	}
	access_end(vcpu, srcu);
	return err;
}

int guest_read(struct vcpu *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	return access_range(vcpu, gpa, buf, NULL, len);
}

int guest_read_pdptes(struct vcpu *vcpu, u64 pdpte[4])
{
	return guest_read(vcpu, vcpu_cr3(vcpu) & 0xffffffe0, pdpte, 4 * sizeof(*pdpte));
}

int guest_write(struct vcpu *vcpu, gpa_t gpa, const void *buf, unsigned int len)
{
	return access_range(vcpu, gpa, NULL, buf, len);
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
	int srcu = access_begin(vcpu), ret;
	void __user *user;

	ret = locate(vcpu, gpa, true, &user);
	if (!ret)
		ret = cmpxchg_user(user, old, new, size);
	if (!ret)
		note_written(vcpu, gpa);
	access_end(vcpu, srcu);
	return ret;
}
