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

struct console;
struct fw_cfg;
struct host;
struct machine_private;
struct vm;

/* GSIs of the chips at fixed lines. */
#define MACHINE_IRQ_SERIAL	4
#define MACHINE_IRQ_RTC		8
#define MACHINE_IRQ_SCI		9

struct machine {
	const struct config *config;
	struct host *host;
	struct console *console;
	struct vm *vm;
	struct memory *memory;
	struct bus *pio;
	struct bus *mmio;
	struct irq *irq;
	struct loop *loop;
	struct pci *pci;
	struct fw_cfg *fw_cfg;
	/* Presses the power button: asks the guest by SCI to shut down. Any thread. */
	void (*power_button)(void *ctx);
	void *power_button_ctx;
	struct machine_private *priv;	/* machine.c's own */
};

/* How a run ended. */
enum machine_end {
	MACHINE_STOPPED,	/* power-off, quit or signal: end with machine__status() */
	MACHINE_RESET,		/* destroy the machine, create it again */
};

/* @config, @host and @console stay the caller's and outlive the machine. */
int machine__create(struct machine **m, const struct config *config, struct host *host,
		    struct console *console, struct error *err);
void machine__destroy(struct machine *m);

/* Runs the guest; 0 with *end, or -1 with @err if it cannot go on. Main thread. */
int machine__run(struct machine *m, enum machine_end *end, struct error *err);

/* Asks for a reset as by the reset button; the calling vCPU returns to its loop first. */
void machine__request_reset(struct machine *m);
/* Asks for the end with @status and no message: power-off, quit, signal. */
void machine__request_stop(struct machine *m, int status);
/* Asks for the end with an error. Of several requests the first one wins. */
void machine__request_fail(struct machine *m, const struct error *err);
/* Whether any of these was asked for: vCPUs must not enter the guest again. */
bool machine__ending(const struct machine *m);
/* The status machine__request_stop() left. */
int machine__status(const struct machine *m);

/* --verbose: one line "minivmm: <ms> ms: phase" on stderr; ms since the program's start. */
void machine__phase(const struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
