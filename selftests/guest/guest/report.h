/* SPDX-License-Identifier: GPL-2.0 */
/* Checks of the guest programs, of 32 and 64 bits. */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include "guest.h"

extern volatile u32 failures;

static inline void print_hex(u64 value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		outb(0xe9, "0123456789abcdef"[value >> shift & 15]);
}

static inline void fail(const char *file, u32 line, const char *what, u64 expected, u64 found)
{
	__atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
	print(file);
	print(":");
	print_hex(line);
	print(": ");
	print(what);
	print(": expected ");
	print_hex(expected);
	print(" found ");
	print_hex(found);
	print("\n");
}

/* Counts a failure and prints it; the case goes on. */
#define CHECK(condition)							\
do {										\
	if (!(condition))							\
		fail(__FILE_NAME__, __LINE__, #condition, 0, 0);		\
} while (0)

#define CHECK_EQ(expected, found)						\
do {										\
	__UINTPTR_TYPE__ expected_ = (__UINTPTR_TYPE__)(expected);		\
	__UINTPTR_TYPE__ found_ = (__UINTPTR_TYPE__)(found);			\
										\
	if (expected_ != found_)						\
		fail(__FILE_NAME__, __LINE__, #found, expected_, found_);	\
} while (0)

#endif
