/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses that modes.c and guest/modes.S agree on. */
#ifndef GUEST_MODES_H
#define GUEST_MODES_H

#define MODES_START	0x8000
#define REAL_STACK	0x7000
#define TOUR_STACK	0xf000

/* The program's data segment with a base, and words to be found in memory. */
#define DATA_BASE	0x20000
#define LOW_WORD	0x24000
#define FAR_WORD	0x900000

#define TASK_STATE	0x3a000		/* bits 16-23 stand in the descriptor as 3 */
#define TASK_STACK	0x3c000
#define NO_SELECTOR	0x1000		/* beyond the end of the GDT */

#define TABLES32	0x30000
#define TABLES_PAE	0x32000
#define TABLES_LONG	0x36000
#define MOVED_PAGE	0x28000		/* backed by the page at MOVED_TO; PAE: not executable */
#define MOVED_TO	0x29000
#define ABSENT_PAGE	0x2a000
#define LARGE_32	0x00400000	/* 4 MiB page, backed by LARGE_TO */
#define LARGE_1G	0x40000000	/* 2 MiB page, backed by LARGE_TO */
#define LARGE_TO	0x800000
#define HIGH_HALF	0xffff800000000000	/* the same as address 0 */

#endif
