/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of other programs (QEMU, kvmtool) that users try, and what to write here. Pure. */
#ifndef MINIVMM_FOREIGN_H
#define MINIVMM_FOREIGN_H

/* What to do instead of @word, an argument with one or two dashes; NULL: not known. */
const char *foreign__remedy(const char *word);

#endif
