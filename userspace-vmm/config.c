// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line; see config.h. Pure but for config__check_files(). */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DEVICE	"/dev/minivmm"
#define DEFAULT_BIOS	"/usr/share/seabios/bios-256k.bin"
#define DEFAULT_MEMORY	(512ULL << 20)
#define ONE_MIB		(1ULL << 20)
#define MEMORY_MIN	(16 * ONE_MIB)
#define MEMORY_MAX	(1ULL << 40)

const char config__help[] =
	"Usage: minivmm run [OPTION]... DISK\n"
	"       minivmm run [OPTION]... --kernel FILE [DISK]\n"
	"Boot a raw disk image, or a Linux kernel, in a virtual PC on this terminal.\n"
	"\n"
	"  -m, --memory SIZE      guest memory, suffix K, M or G (default 512M)\n"
	"  -c, --cpus N           number of vCPUs, 1 to 255 (default 1)\n"
	"      --ro               the disk is read-only\n"
	"      --name NAME        name of the machine, for messages\n"
	"  -p, --publish H:G      forward TCP port H of this host's loopback to port G of the guest\n"
	"      --no-net           no network card\n"
	"      --kernel FILE      boot this bzImage or PVH ELF instead of the disk's boot loader\n"
	"      --initrd FILE      initial ramdisk for --kernel\n"
	"      --append TEXT      command line for --kernel\n"
	"      --bios FILE        firmware (default " DEFAULT_BIOS ")\n"
	"      --device PATH      hypervisor device (default " DEFAULT_DEVICE ")\n"
	"      --verbose          boot phases with milliseconds, and firmware messages, on stderr\n"
	"  -h, --help             this text\n"
	"      --version          version\n"
	"\n"
	"On a terminal, Ctrl-A x quits and Ctrl-A h helps. Exit status: 0 guest power-off or quit,\n"
	"1 bad usage or input, 2 no usable hypervisor device, 3 host out of a resource, 4 the guest\n"
	"cannot go on, 128+N ended by signal N.\n";

enum option_id {
	OPTION_RO = 256,
	OPTION_NAME,
	OPTION_NO_NET,
	OPTION_KERNEL,
	OPTION_INITRD,
	OPTION_APPEND,
	OPTION_BIOS,
	OPTION_DEVICE,
	OPTION_VERBOSE,
	OPTION_VERSION,
};

static const struct option options[] = {
	{ "memory", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, 'c' },
	{ "publish", required_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ "ro", no_argument, NULL, OPTION_RO },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "no-net", no_argument, NULL, OPTION_NO_NET },
	{ "kernel", required_argument, NULL, OPTION_KERNEL },
	{ "initrd", required_argument, NULL, OPTION_INITRD },
	{ "append", required_argument, NULL, OPTION_APPEND },
	{ "bios", required_argument, NULL, OPTION_BIOS },
	{ "device", required_argument, NULL, OPTION_DEVICE },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

/* Decimal digits only. 0, or -1; *end is what follows. */
static int parse_number(const char *text, uint64_t max, uint64_t *value, const char **end)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*value = strtoull(text, &stop, 10);
	*end = stop;
	return errno || *value > max ? -1 : 0;
}

int config__parse_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	unsigned int shift = 0;
	const char *end, *suffix;
	uint64_t number;

	if (parse_number(text, UINT64_MAX, &number, &end) < 0)
		return -1;
	if (*end) {
		suffix = strchr(suffixes, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!suffix || end[1])
			return -1;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (number > UINT64_MAX >> shift)
		return -1;
	*bytes = number << shift;
	return 0;
}

static int parse_memory(struct config *cfg, const char *text, struct error *err)
{
	if (config__parse_size(text, &cfg->memory) < 0)
		return error__set(err, STATUS_USAGE,
				  "-m %s is no memory size; write a number with suffix K, M or G, as in -m 512M",
				  text);
	if (cfg->memory < MEMORY_MIN || cfg->memory > MEMORY_MAX || cfg->memory % ONE_MIB)
		return error__set(err, STATUS_USAGE,
				  "-m %s: memory must be a whole number of MiB from 16M to 1024G (a number without suffix counts bytes)",
				  text);
	return 0;
}

static int parse_cpus(struct config *cfg, const char *text, struct error *err)
{
	const char *end;
	uint64_t number;

	if (parse_number(text, CONFIG_MAX_VCPUS, &number, &end) < 0 || *end || !number)
		return error__set(err, STATUS_USAGE,
				  "-c %s: the number of vCPUs must be 1 to %d", text,
				  CONFIG_MAX_VCPUS);
	cfg->vcpus = number;
	return 0;
}

static int parse_forward(struct config *cfg, const char *text, struct error *err)
{
	const char *end, *guest_end;
	uint64_t host, guest;

	if (parse_number(text, UINT16_MAX, &host, &end) < 0 || *end != ':' ||
	    parse_number(end + 1, UINT16_MAX, &guest, &guest_end) < 0 || *guest_end ||
	    !host || !guest)
		return error__set(err, STATUS_USAGE,
				  "-p %s is no pair of ports; write HOST:GUEST, as in -p 2222:22",
				  text);
	if (cfg->forwards == CONFIG_MAX_FORWARDS)
		return error__set(err, STATUS_USAGE, "-p can be given at most %d times",
				  CONFIG_MAX_FORWARDS);
	cfg->forward[cfg->forwards].host = host;
	cfg->forward[cfg->forwards++].guest = guest;
	return 0;
}

static int parse_option(struct config *cfg, enum config_action *action, int id,
			struct error *err)
{
	switch (id) {
	case 'm':
		return parse_memory(cfg, optarg, err);
	case 'c':
		return parse_cpus(cfg, optarg, err);
	case 'p':
		return parse_forward(cfg, optarg, err);
	case 'h':
		*action = CONFIG_HELP;
		return 0;
	case OPTION_VERSION:
		*action = CONFIG_VERSION;
		return 0;
	case OPTION_RO:
		cfg->read_only = true;
		return 0;
	case OPTION_NAME:
		cfg->name = optarg;
		return 0;
	case OPTION_NO_NET:
		cfg->no_network = true;
		return 0;
	case OPTION_KERNEL:
		cfg->kernel = optarg;
		return 0;
	case OPTION_INITRD:
		cfg->initrd = optarg;
		return 0;
	case OPTION_APPEND:
		cfg->append = optarg;
		return 0;
	case OPTION_BIOS:
		cfg->bios = optarg;
		return 0;
	case OPTION_DEVICE:
		cfg->device = optarg;
		return 0;
	default:
		cfg->verbose = true;
		return 0;
	}
}

static int unknown_option(char **argv, int id, struct error *err)
{
	if (id == ':')
		return error__set(err, STATUS_USAGE, "option %s needs a value; see minivmm --help",
				  argv[optind - 1]);
	return error__set(err, STATUS_USAGE, "unknown option %s; see minivmm --help",
			  argv[optind - 1]);
}

/* What follows the options: "run", and the disk. */
static int parse_words(struct config *cfg, int count, char **words, struct error *err)
{
	if (!count || strcmp(words[0], "run"))
		return error__set(err, STATUS_USAGE,
				  "%s%sthe command is: minivmm run DISK; see minivmm --help",
				  count ? words[0] : "", count ? " is no command; " : "");
	if (count > 2)
		return error__set(err, STATUS_USAGE,
				  "more than one disk given (%s and %s); minivmm run takes one",
				  words[1], words[2]);
	if (count == 2)
		cfg->disk = words[1];
	if (!cfg->disk && !cfg->kernel)
		return error__set(err, STATUS_USAGE,
				  "nothing to boot; give a disk image (minivmm run disk.img) or --kernel FILE");
	if (!cfg->kernel && (cfg->initrd || *cfg->append))
		return error__set(err, STATUS_USAGE,
				  "--initrd and --append work only with --kernel FILE");
	return 0;
}

int config__parse(struct config *cfg, enum config_action *action, int argc, char **argv,
		  struct error *err)
{
	int id;

	*cfg = (struct config){
		.device = DEFAULT_DEVICE,
		.name = "minivmm",
		.append = "",
		.bios = DEFAULT_BIOS,
		.memory = DEFAULT_MEMORY,
		.vcpus = 1,
	};
	*action = CONFIG_RUN;
	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":m:c:p:h", options, NULL)) != -1) {
		if (id == ':' || id == '?')
			return unknown_option(argv, id, err);
		if (parse_option(cfg, action, id, err) < 0)
			return -1;
		if (*action != CONFIG_RUN)
			return 0;
	}
	return parse_words(cfg, argc - optind, argv + optind, err);
}

/* @what is for the message; @remedy completes "PATH does not exist; ...". */
static int check_readable(const char *path, const char *what, const char *remedy, struct stat *st,
			  struct error *err)
{
	if (stat(path, st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error__set(err, STATUS_USAGE, "%s %s does not exist; %s", what, path, remedy);
	if (stat(path, st) < 0)
		return error__set(err, STATUS_USAGE, "%s %s: %s", what, path, strerror(errno));
	if (S_ISDIR(st->st_mode))
		return error__set(err, STATUS_USAGE, "%s %s is a directory; give a file", what,
				  path);
	if (access(path, R_OK) < 0)
		return error__set(err, STATUS_USAGE,
				  "%s %s cannot be read: %s; check its owner and mode (ls -l)", what,
				  path, strerror(errno));
	return 0;
}

static int check_disk(const struct config *cfg, struct error *err)
{
	struct stat st;

	if (check_readable(cfg->disk, "disk", "check the name, or build one: tools/disk/build", &st,
			   err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error__set(err, STATUS_USAGE,
				  "disk %s is no disk: neither a file nor a block device", cfg->disk);
	if (S_ISREG(st.st_mode) && !st.st_size)
		return error__set(err, STATUS_USAGE,
				  "disk %s is empty; write an image to it, or build one: tools/disk/build",
				  cfg->disk);
	if (!cfg->read_only && access(cfg->disk, W_OK) < 0)
		return error__set(err, STATUS_USAGE,
				  "disk %s cannot be written: %s; use --ro, or check its owner and mode",
				  cfg->disk, strerror(errno));
	return 0;
}

int config__check_files(const struct config *cfg, struct error *err)
{
	struct stat st;

	if (cfg->disk && check_disk(cfg, err) < 0)
		return -1;
	if (cfg->kernel && check_readable(cfg->kernel, "kernel", "check the name", &st, err) < 0)
		return -1;
	if (cfg->initrd && check_readable(cfg->initrd, "initrd", "check the name", &st, err) < 0)
		return -1;
	if (!cfg->kernel && check_readable(cfg->bios, "firmware",
					   "install Debian's package seabios, or give --bios FILE",
					   &st, err) < 0)
		return -1;
	return 0;
}
