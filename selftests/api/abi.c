// SPDX-License-Identifier: GPL-2.0
/*
 * uapi/minivmm.h is <linux/kvm.h> under other names: every field has the same
 * offset and size, the fields cover their structure, and every number is the
 * same. All of that is proved when this file compiles; running it reports what
 * was proved and checks the one thing the compiler cannot, the bit-fields.
 *
 * abi-numbers.h and abi-listed.h are generated from the header (see Makefile),
 * so nothing can be added there without being compared here.
 */
#include <stddef.h>
#include <string.h>

#include <linux/kvm.h>
#include <minivmm.h>

#include "kselftest_harness.h"

#define PAGE_SIZE			4096
#define KVM_SYNC_REGS_SIZE_BYTES	SYNC_REGS_SIZE_BYTES

#define OURS(s)		struct minivmm_##s
#define KVMS(s)		struct kvm_##s
#define SIZE(t, f)	sizeof(((t *)0)->f)

/* 1. Each field has the offset and size it has in KVM's structure. */
#define BEGIN(s)	enum { listed_##s = 1 };
#define F(s, f)									\
	_Static_assert(offsetof(OURS(s), f) == offsetof(KVMS(s), f), "offset of " #s "." #f); \
	_Static_assert(SIZE(OURS(s), f) == SIZE(KVMS(s), f), "size of " #s "." #f);
#define U(s, f)		F(s, f)
#define A(s, f)									\
	_Static_assert(offsetof(OURS(s), f) == offsetof(KVMS(s), f), "offset of " #s "." #f); \
	_Static_assert(SIZE(OURS(s), f[0]) == SIZE(KVMS(s), f[0]), "element of " #s "." #f);
#define END(s, holes)	_Static_assert(sizeof(OURS(s)) == sizeof(KVMS(s)), "size of " #s);
#include "abi-structs.h"
#undef BEGIN
#undef F
#undef U
#undef A
#undef END

/* 2. The list above leaves out no byte of a structure. */
#define BEGIN(s)	_Static_assert(sizeof(OURS(s)) == 0
#define F(s, f)		+ SIZE(OURS(s), f)
#define U(s, f)
#define A(s, f)
#define END(s, holes)	+ (holes), "fields do not cover " #s);
#include "abi-structs.h"
#undef BEGIN
#undef F
#undef U
#undef A
#undef END

/* 3. The list above leaves out no structure of the header. */
#define LISTED(s)	_Static_assert(listed_##s, "not compared: " #s);
#include "abi-listed.h"

/* 4. Each number of the header is KVM's. */
#define NUMBER(n)	_Static_assert(MINIVMM##n == KVM##n, "value of MINIVMM" #n);
#include "abi-numbers.h"
#undef NUMBER

/* 5. Our own numbers stay out of KVM's way. */
_Static_assert(MINIVMMXIO != KVMIO, "own calls need another magic");
_Static_assert(MINIVMM_CAP_MINIVMM > 0x10000, "own capability is outside KVM's range");
_Static_assert(offsetof(struct minivmm_last_error, field) == 24, "last_error layout");
_Static_assert(sizeof(struct minivmm_last_error) == 216, "last_error layout");

#define NUMBER(n)	+ 1
#define BEGIN(s)
#define F(s, f)		+ 1
#define U(s, f)		+ 1
#define A(s, f)		+ 1
#define END(s, holes)

TEST(every_structure_and_number_equals_kvm)
{
	int numbers = 0
#include "abi-numbers.h"
		;
	int fields = 0
#include "abi-structs.h"
		;

	ksft_print_msg("%d numbers and %d fields compared when compiled\n", numbers, fields);
	EXPECT_LT(300, numbers);
	EXPECT_LT(300, fields);
}

/* Both views of an I/O APIC entry, with one of the bit-fields set. */
#define EXPECT_SAME_BITS(field_name, value)					\
do {										\
	struct kvm_ioapic_state theirs;						\
	struct minivmm_ioapic_state ours;					\
										\
	memset(&theirs, 0, sizeof(theirs));					\
	memset(&ours, 0, sizeof(ours));						\
	theirs.redirtbl[0].fields.field_name = (value);				\
	ours.redirtbl[0].fields.field_name = (value);				\
	EXPECT_NE(0, ours.redirtbl[0].bits);					\
	EXPECT_EQ(theirs.redirtbl[0].bits, ours.redirtbl[0].bits);		\
} while (0)

TEST(ioapic_redirection_bit_fields_equal_kvm)
{
	EXPECT_SAME_BITS(vector, 0xff);
	EXPECT_SAME_BITS(delivery_mode, 7);
	EXPECT_SAME_BITS(dest_mode, 1);
	EXPECT_SAME_BITS(delivery_status, 1);
	EXPECT_SAME_BITS(polarity, 1);
	EXPECT_SAME_BITS(remote_irr, 1);
	EXPECT_SAME_BITS(trig_mode, 1);
	EXPECT_SAME_BITS(mask, 1);
	EXPECT_SAME_BITS(reserve, 0x7f);
	EXPECT_SAME_BITS(dest_id, 0xff);
}

TEST_HARNESS_MAIN
