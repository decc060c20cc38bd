// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program: parse, check, run machines until one ends without asking for a reset. The only
 * place that prints errors and chooses the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "config.h"
#include "console.h"
#include "error.h"
#include "host.h"
#include "machine.h"
#include "signals.h"

static int report(const struct error *err)
{
	fprintf(stderr, "minivmm: %s\n", err->text);
	return err->status;
}

/* One life of the machine, from power-on to power-off or reset. 0 or -1 with @err. */
static int run_machine(const struct config *cfg, struct host *host, struct console *console,
		       enum machine_end *end, int *status, struct error *err)
{
	struct machine *m;
	int ret;

	if (machine__create(&m, cfg, host, console, err) < 0)
		return -1;
	ret = machine__run(m, end, err);
	*status = machine__status(m);
	machine__destroy(m);
	return ret;
}

/* Machines until one ends without asking for a reset. 0 with @status, or -1 with @err. */
static int run_machines(const struct config *cfg, struct host *host, int *status,
			struct error *err)
{
	enum machine_end end = MACHINE_STOPPED;
	struct console *console;
	int ret;

	if (console__create(&console, err) < 0)
		return -1;
	do {
		ret = run_machine(cfg, host, console, &end, status, err);
	} while (!ret && end == MACHINE_RESET);
	/* Before any message: it belongs on a sane terminal. */
	console__destroy(console);
	return ret;
}

static int run(const struct config *cfg)
{
	struct error err = { 0 };
	struct host host;
	int status = 0, ret;

	if (config__check_files(cfg, &err) < 0)
		return report(&err);
	ret = host__open(&host, cfg, &err);
	if (!ret)
		ret = run_machines(cfg, &host, &status, &err);
	host__close(&host);
	return ret < 0 ? report(&err) : status;
}

/*
 * A file of ours that took the number of a closed standard one would be read for the guest or written
 * by it. Input and errors can do without; output that nobody can see is a mistake.
 */
static int open_standard_files(struct error *err)
{
	bool no_output = fcntl(STDOUT_FILENO, F_GETFD) < 0;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return error__errno(err, "cannot open /dev/null");
	}
	if (no_output)
		return error__set(err, STATUS_USAGE,
				  "standard output is closed; use >/dev/null if nobody shall read the console");
	return 0;
}

int main(int argc, char **argv)
{
	enum config_action action;
	struct error err = { 0 };
	struct config cfg;

	signal(SIGPIPE, SIG_IGN);
	if (open_standard_files(&err) < 0)
		return report(&err);
	signals__init();
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
