// SPDX-License-Identifier: GPL-2.0
/* Lists of MSRs, made of the rows; the contract is in msr_rows.h. Pure. */
#include "msr_rows.h"

static const struct {
	u32 first, last;
	enum msr_lists lists;
} rows[] = {
#define ROW(first, last, name, lists, ...)	{ first, last, MSR_IN_##lists },
	MSR_ROWS(ROW)
#undef ROW
};

unsigned int msr_list(enum msr_lists which, u32 list[MSR_MAX_LISTED])
{
	unsigned int i, n = 0;
	u32 index;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (index = rows[i].first; rows[i].lists & which && index <= rows[i].last; index++)
			list[n++] = index;
	return n;
}
