/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: what every device is created with. The pointers are set before the first device is
 * created and do not change. machine__*() may be called from any thread.
 */
#ifndef MINIVMM_MACHINE_H
#define MINIVMM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "config.h"
#include "error.h"
#include "irq.h"
#include "loop.h"
#include "memory.h"
#include "pci.h"

struct fw_cfg;
struct machine_private;
struct vm;

struct machine {
	const struct config *config;
	struct vm *vm;
	struct memory *memory;
	struct bus *pio;
	struct bus *mmio;
	struct irq *irq;
	struct loop *loop;
	struct pci *pci;
	struct fw_cfg *fw_cfg;
	struct machine_private *priv;	/* machine.c's own */
};

int machine__create(struct machine **m, const struct config *config, struct error *err);
void machine__destroy(struct machine *m);

/* Runs the guest until it powers off, the user quits or it cannot go on (-1 with @err). */
int machine__run(struct machine *m, struct error *err);

/* Asks for a reset as by the reset button; the calling vCPU returns to its loop first. */
void machine__request_reset(struct machine *m);
/* Asks for the end with @status and no message: power-off, quit, signal. */
void machine__request_stop(struct machine *m, int status);
/* Asks for the end with an error; the first one wins. */
void machine__request_fail(struct machine *m, const struct error *err);
/* The status machine__request_stop() left. */
int machine__status(const struct machine *m);

/* --verbose: one line "minivmm: <ms> ms: phase" on stderr. */
void machine__phase(struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
