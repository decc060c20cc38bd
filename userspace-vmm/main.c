// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program: parse, check, run machines until one ends without asking for a reset. The only
 * place that prints errors and chooses the exit status.
 */
#include <signal.h>
#include <stdio.h>

#include "config.h"
#include "console.h"
#include "error.h"
#include "machine.h"

static int report(const struct error *err)
{
	fprintf(stderr, "minivmm: %s\n", err->text);
	return err->status;
}

/* One life of the machine, from power-on to power-off or reset. 0 or -1 with @err. */
static int run_machine(const struct config *cfg, struct console *console, enum machine_end *end,
		       int *status, struct error *err)
{
	struct machine *m;
	int ret;

	if (machine__create(&m, cfg, console, err) < 0)
		return -1;
	ret = machine__run(m, end, err);
	*status = machine__status(m);
	machine__destroy(m);
	return ret;
}

static int run(const struct config *cfg)
{
	enum machine_end end = MACHINE_STOPPED;
	struct error err = { 0 };
	struct console *console;
	int status = 0, ret;

	if (config__check_files(cfg, &err) < 0 || console__create(&console, &err) < 0)
		return report(&err);
	do {
		ret = run_machine(cfg, console, &end, &status, &err);
	} while (!ret && end == MACHINE_RESET);
	/* The terminal first: the message belongs on a sane one. */
	console__destroy(console);
	return ret < 0 ? report(&err) : status;
}

int main(int argc, char **argv)
{
	enum config_action action;
	struct error err = { 0 };
	struct config cfg;

	signal(SIGPIPE, SIG_IGN);
	if (config__parse(&cfg, &action, argc, argv, &err) < 0)
		return report(&err);
	switch (action) {
	case CONFIG_HELP:
		return fputs(config__help, stdout) < 0;
	case CONFIG_VERSION:
		return puts("minivmm " MINIVMM_VERSION) < 0;
	default:
		return run(&cfg);
	}
}
