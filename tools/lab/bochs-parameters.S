/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel of a Bochs machine is told, in the layout of the x86 boot
 * protocol; bochs-rom.S adds the memory map. bochs.sh defines ENTRY,
 * INITRAMFS_SIZE and the file LINE.
 */
#include "bochs-parameters.h"

#define AT(offset)	.org BOOT_PARAMETERS - PARAMETERS + (offset)

	.quad	ENTRY
	AT(0x1fe)
	.word	0xaa55
	AT(0x202)
	.ascii	"HdrS"
	.word	0x020f			/* protocol version */
	AT(0x210)
	.byte	0xff			/* a loader without a number */
	.byte	1			/* the kernel lies high */
	AT(0x218)
	.long	INITRAMFS, INITRAMFS_SIZE
	AT(0x228)
	.long	COMMAND_LINE, 0x7fffffff
	.org	COMMAND_LINE - PARAMETERS
	.incbin	LINE
	.byte	0
	.org	PARAMETERS_END - PARAMETERS
