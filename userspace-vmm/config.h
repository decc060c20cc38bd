/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of `minivmm run`, parsed and checked. Immutable once machine__create() has it;
 * strings belong to argv.
 */
#ifndef MINIVMM_CONFIG_H
#define MINIVMM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define CONFIG_DEFAULT_DEVICE	"/dev/minivmm"
#define CONFIG_MAX_VCPUS	255
#define CONFIG_MAX_FORWARDS	32

/* One `-p HOST:GUEST`: TCP to 127.0.0.1:host on the host reaches guest:guest. */
struct config_forward {
	uint16_t host;
	uint16_t guest;
};

struct config {
	const char *device;	/* hypervisor device */
	const char *name;	/* shown in messages */
	const char *disk;	/* raw image, a non-empty file or block device; NULL: none */
	bool read_only;		/* --ro: the disk is opened and offered read-only */
	const char *kernel;	/* NULL: boot through SeaBIOS */
	const char *initrd;
	const char *append;	/* "" if not given */
	const char *bios;	/* firmware image */
	uint64_t memory;	/* bytes, a multiple of 1 MiB */
	unsigned int vcpus;	/* 1 to CONFIG_MAX_VCPUS */
	bool verbose;		/* boot phases and firmware debug output on stderr */
	unsigned int stop_timeout;	/* --stop-timeout, seconds; 0: SIGTERM does not ask the guest */
	bool host_loopback;	/* --host-loopback: the guest reaches 127.0.0.1 of this host */
	bool no_network;	/* --no-net: the machine has no network card */
	struct config_forward forward[CONFIG_MAX_FORWARDS];
	unsigned int forwards;
};

enum config_action { CONFIG_RUN, CONFIG_HELP, CONFIG_VERSION };

/* Parses argv into @cfg, sets @action. Returns 0, or -1 with @err (STATUS_USAGE). */
int config__parse(struct config *cfg, enum config_action *action, int argc, char **argv,
		  struct error *err);

/*
 * Checks that the files named by @cfg exist and are of a usable kind. Returns 0, or -1 with @err.
 */
int config__check_files(const struct config *cfg, struct error *err);

/* Parses "512M", "2G", "64K" or plain bytes. Returns 0, or -1 if @text is no size or too large. */
int config__parse_size(const char *text, uint64_t *bytes);

/* The text of --help. */
extern const char config__help[];

#endif
