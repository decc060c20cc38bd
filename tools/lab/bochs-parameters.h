/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where bochs-rom.S finds what bochs.sh puts into the machine's RAM: addresses,
 * and offsets in the kernel's boot parameters.
 */
#define PARAMETERS		0x7f00000	/* the kernel's entry point */
#define BOOT_PARAMETERS		(PARAMETERS + 0x1000)
#define COMMAND_LINE		(PARAMETERS + 0x2000)
#define PAGE_TABLES		(PARAMETERS + 0x4000)	/* zeroes */
#define PARAMETERS_END		(PARAMETERS + 0xa000)
#define INITRAMFS		0x8000000

#define MEMORY_MAP_LENGTH	0x1e8
#define MEMORY_MAP		0x2d0
#define MAP_ENTRY_SIZE		20
