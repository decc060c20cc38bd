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

#include "block/image.h"
#include "foreign.h"

#define DEFAULT_BIOS	"/usr/share/seabios/bios-256k.bin"
#define DEFAULT_MEMORY	(512ULL << 20)
#define DEFAULT_STOP_TIMEOUT 30
#define ONE_MIB		(1ULL << 20)
#define MEMORY_MIN	(16 * ONE_MIB)
#define MEMORY_MAX	(1ULL << 40)
#define STOP_TIMEOUT_MAX (24 * 60 * 60)
#define MAX_WORDS	3	/* run, the disk, and one too many */

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
	"      --host-loopback    the guest reaches this host's 127.0.0.1 as 10.0.2.2\n"
	"      --kernel FILE      boot this bzImage or PVH ELF instead of the disk's boot loader\n"
	"      --initrd FILE      initial ramdisk for --kernel\n"
	"      --append TEXT      command line for --kernel\n"
	"      --bios FILE        firmware (default " DEFAULT_BIOS ")\n"
	"      --stop-timeout S   after SIGTERM has pressed the power button, switch off in S seconds\n"
	"                         (default 30; 0: at once, without the button)\n"
	"      --device PATH      hypervisor device (default " CONFIG_DEFAULT_DEVICE ")\n"
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
	OPTION_HOST_LOOPBACK,
	OPTION_STOP_TIMEOUT,
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
	{ "host-loopback", no_argument, NULL, OPTION_HOST_LOOPBACK },
	{ "stop-timeout", required_argument, NULL, OPTION_STOP_TIMEOUT },
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

static int parse_stop_timeout(struct config *cfg, const char *text, struct error *err)
{
	const char *end;
	uint64_t seconds;

	if (parse_number(text, STOP_TIMEOUT_MAX, &seconds, &end) < 0 || *end)
		return error__set(err, STATUS_USAGE,
				  "--stop-timeout %s: must be a number of seconds from 0 to %d", text,
				  STOP_TIMEOUT_MAX);
	cfg->stop_timeout = seconds;
	return 0;
}

/* An empty name is mostly a variable of the shell's that is not set. */
static int parse_file(const char **file, const char *option, const char *text, struct error *err)
{
	if (!*text)
		return error__set(err, STATUS_USAGE,
				  "%s: the file name is empty; give the name of a file", option);
	*file = text;
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
	case OPTION_HOST_LOOPBACK:
		cfg->host_loopback = true;
		return 0;
	case OPTION_STOP_TIMEOUT:
		return parse_stop_timeout(cfg, optarg, err);
	case OPTION_KERNEL:
		return parse_file(&cfg->kernel, "--kernel", optarg, err);
	case OPTION_INITRD:
		return parse_file(&cfg->initrd, "--initrd", optarg, err);
	case OPTION_APPEND:
		cfg->append = optarg;
		return 0;
	case OPTION_BIOS:
		return parse_file(&cfg->bios, "--bios", optarg, err);
	case OPTION_DEVICE:
		return parse_file(&cfg->device, "--device", optarg, err);
	default:
		cfg->verbose = true;
		return 0;
	}
}

static int unknown_word(const char *word, struct error *err)
{
	const char *remedy = foreign__remedy(word);

	if (remedy)
		return error__set(err, STATUS_USAGE, "no option %s here; %s", word, remedy);
	return error__set(err, STATUS_USAGE, "unknown option %s; see minivmm --help", word);
}

/* -hda is a word of QEMU's, not -h with something behind it. */
static bool is_foreign_word(const char *argument)
{
	return argument[0] == '-' && argument[1] && argument[1] != '-' && argument[2] &&
	       foreign__remedy(argument);
}

static int unknown_option(char **argv, int id, struct error *err)
{
	if (id == ':')
		return error__set(err, STATUS_USAGE, "option %s needs a value; see minivmm --help",
				  argv[optind - 1]);
	/* An unknown letter's argument has not been passed yet if there are letters behind it. */
	if (optopt && optopt < OPTION_RO && argv[optind] && argv[optind][0] == '-' &&
	    argv[optind][1] == optopt)
		return unknown_word(argv[optind], err);
	return unknown_word(argv[optind - 1], err);
}

/* What follows the options: "run", and the disk. */
static int parse_words(struct config *cfg, int count, char **words, struct error *err)
{
	const char *command = count ? words[0] : "";

	if (strcmp(command, "run"))
		return error__set(err, STATUS_USAGE,
				  "%s%sthe command is: minivmm run DISK; see minivmm --help",
				  command, *command ? " is no command; " : "");
	for (int i = 1; i < count; i++) {
		if (!*words[i])
			return error__set(err, STATUS_USAGE,
					  "the disk's file name is empty; give the name of a disk image, as in minivmm run disk.img");
	}
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

/* The arguments that are no options. */
struct words {
	int count;
	char *word[MAX_WORDS];
};

static void add_word(struct words *words, char *word)
{
	if (words->count < MAX_WORDS)
		words->word[words->count++] = word;
}

/* In the order in which they stand ("-"), so that each is seen before getopt takes it apart. */
static int parse_options(struct config *cfg, enum config_action *action, int argc, char **argv,
			 struct words *words, struct error *err)
{
	optind = 0;
	opterr = 0;
	for (int id, next = 1; next < argc; next = optind) {
		if (is_foreign_word(argv[next]))
			return unknown_word(argv[next], err);
		id = getopt_long(argc, argv, "-:m:c:p:h", options, NULL);
		if (id == -1)
			break;
		if (id == ':' || id == '?')
			return unknown_option(argv, id, err);
		if (id == 1)
			add_word(words, optarg);
		else if (parse_option(cfg, action, id, err) < 0)
			return -1;
		if (*action != CONFIG_RUN)
			return 0;
	}
	/* Behind "--". */
	while (optind && optind < argc)
		add_word(words, argv[optind++]);
	return 0;
}

int config__parse(struct config *cfg, enum config_action *action, int argc, char **argv,
		  struct error *err)
{
	struct words words = { 0 };

	*cfg = (struct config){
		.device = CONFIG_DEFAULT_DEVICE,
		.name = "minivmm",
		.append = "",
		.bios = DEFAULT_BIOS,
		.memory = DEFAULT_MEMORY,
		.vcpus = 1,
		.stop_timeout = DEFAULT_STOP_TIMEOUT,
	};
	*action = CONFIG_RUN;
	if (parse_options(cfg, action, argc, argv, &words, err) < 0)
		return -1;
	return *action == CONFIG_RUN ? parse_words(cfg, words.count, words.word, err) : 0;
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

/* A file that is loaded as a whole. @what is also the name of its option. */
static int check_loaded(const char *path, const char *what, const char *remedy, struct error *err)
{
	struct stat st;

	if (check_readable(path, what, remedy, &st, err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return error__set(err, STATUS_USAGE, "%s %s is no regular file; give one", what, path);
	if (!st.st_size)
		return error__set(err, STATUS_USAGE, "%s %s is empty; %s", what, path, remedy);
	return 0;
}


static int check_format(const struct config *cfg, struct error *err)
{
	int fd = open(cfg->disk, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return error__set(err, STATUS_USAGE, "disk %s: %s", cfg->disk, strerror(errno));
	ret = block_image__check_format(fd, cfg->disk, err);
	close(fd);
	return ret;
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
	return S_ISREG(st.st_mode) ? check_format(cfg, err) : 0;
}

int config__check_files(const struct config *cfg, struct error *err)
{
	if (cfg->disk && check_disk(cfg, err) < 0)
		return -1;
	if (cfg->kernel && check_loaded(cfg->kernel, "--kernel", "check the name", err) < 0)
		return -1;
	if (cfg->initrd && check_loaded(cfg->initrd, "--initrd", "check the name", err) < 0)
		return -1;
	if (!cfg->kernel && check_loaded(cfg->bios, "--bios",
					 "install Debian's package seabios, or give another file", err) < 0)
		return -1;
	return 0;
}
