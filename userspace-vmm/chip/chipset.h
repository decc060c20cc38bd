/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The i440FX/PIIX chipset, for those who are not its own chips. */
#ifndef MINIVMM_CHIP_CHIPSET_H
#define MINIVMM_CHIP_CHIPSET_H

struct machine;

#define CHIPSET_HOST_SLOT	0
#define CHIPSET_ISA_SLOT	1	/* ISA bridge: function 0 */
#define CHIPSET_PM_FUNCTION	3	/* power management: function 3 of the same slot */

/* GSI of PIRQ A to D, as SeaBIOS programs them and the DSDT says. */
#define CHIPSET_PIRQ_GSI	{ 10, 10, 11, 11 }

/* Does what firmware does before an OS starts: interrupt routing, ACPI registers switched on. */
void chipset__setup_without_firmware(struct machine *m);

#endif
