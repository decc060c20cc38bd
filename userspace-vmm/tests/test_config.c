// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line: what is accepted, and what each refusal says. */
#include "support/ktap.h"

#include <string.h>

#include "config.h"

static struct config cfg;
static enum config_action action;
static struct error err;

#define PARSE(...) parse((char *[]){ "minivmm", __VA_ARGS__, NULL })

static int parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(&err, 0, sizeof(err));
	return config__parse(&cfg, &action, argc, argv, &err);
}

static bool refused(const char *text)
{
	return err.status == STATUS_USAGE && strstr(err.text, text) && !strchr(err.text, '\n');
}

TEST(size_takes_suffixes_in_either_case)
{
	uint64_t size;

	CHECK(!config__parse_size("0", &size) && size == 0);
	CHECK(!config__parse_size("4096", &size) && size == 4096);
	CHECK(!config__parse_size("64k", &size) && size == 65536);
	CHECK(!config__parse_size("512M", &size) && size == 512ULL << 20);
	CHECK(!config__parse_size("3g", &size) && size == 3ULL << 30);
}

TEST(size_refuses_what_is_no_size)
{
	static const char *const bad[] = {
		"", "M", "-1", "+1", " 1", "1 ", "1X", "1MB", "1.5G", "0x10", "18446744073709551616",
		"18014398509481984K", "99999999999G",
	};
	uint64_t size;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(config__parse_size(bad[i], &size) < 0);
}

TEST(defaults)
{
	CHECK(!PARSE("run", "disk.img"));
	CHECK(action == CONFIG_RUN && !strcmp(cfg.disk, "disk.img"));
	CHECK(cfg.vcpus == 1 && cfg.memory == 512ULL << 20 && !cfg.read_only);
	CHECK(!strcmp(cfg.device, "/dev/minivmm"));
}

TEST(options_may_stand_anywhere)
{
	CHECK(!PARSE("-c", "4", "run", "-m", "1G", "disk.img", "--ro", "-p", "2222:22"));
	CHECK(cfg.vcpus == 4 && cfg.memory == 1ULL << 30 && cfg.read_only);
	CHECK(cfg.forwards == 1 && cfg.forward[0].host == 2222 && cfg.forward[0].guest == 22);
}

TEST(kernel_needs_no_disk)
{
	CHECK(!PARSE("run", "--kernel", "vmlinuz", "--initrd", "i", "--append", "quiet"));
	CHECK(!cfg.disk && !strcmp(cfg.kernel, "vmlinuz") && !strcmp(cfg.append, "quiet"));
}

TEST(help_and_version_win)
{
	CHECK(!PARSE("--help") && action == CONFIG_HELP);
	CHECK(!PARSE("run", "--version") && action == CONFIG_VERSION);
}

TEST(no_command_is_refused_with_the_right_one)
{
	CHECK(PARSE("disk.img") < 0 && refused("minivmm run DISK"));
	CHECK(PARSE(NULL) < 0 && refused("minivmm run DISK"));
}

TEST(nothing_to_boot_is_refused)
{
	CHECK(PARSE("run") < 0 && refused("--kernel FILE"));
}

TEST(two_disks_are_refused)
{
	CHECK(PARSE("run", "a.img", "b.img") < 0 && refused("a.img and b.img"));
}

TEST(empty_file_names_are_refused_where_they_stand)
{
	CHECK(PARSE("run", "") < 0 && refused("the disk's file name is empty"));
	CHECK(PARSE("run", "a.img", "") < 0 && refused("the disk's file name is empty"));
	CHECK(PARSE("run", "d", "--bios", "") < 0 && refused("--bios: the file name is empty"));
	CHECK(PARSE("") < 0 && refused("minivmm run DISK") && !strstr(err.text, "is no command"));
	CHECK(!PARSE("run", "--kernel", "k", "--append", ""));
}

TEST(bad_memory_is_refused_with_an_example)
{
	CHECK(PARSE("run", "d", "-m", "512MB") < 0 && refused("-m 512M"));
	CHECK(PARSE("run", "d", "-m", "512") < 0 && refused("16M"));
	CHECK(PARSE("run", "d", "-m", "17000000") < 0 && refused("MiB"));
	CHECK(PARSE("run", "d", "-m", "1025G") < 0 && refused("1024G"));
}

TEST(bad_cpu_count_is_refused)
{
	CHECK(PARSE("run", "d", "-c", "0") < 0 && refused("1 to 255"));
	CHECK(PARSE("run", "d", "-c", "256") < 0 && refused("1 to 255"));
	CHECK(PARSE("run", "d", "-c", "two") < 0 && refused("1 to 255"));
}

TEST(bad_forward_is_refused_with_an_example)
{
	CHECK(PARSE("run", "d", "-p", "22") < 0 && refused("-p 2222:22"));
	CHECK(PARSE("run", "d", "-p", "0:22") < 0 && refused("-p 2222:22"));
	CHECK(PARSE("run", "d", "-p", "70000:22") < 0 && refused("-p 2222:22"));
}

TEST(unknown_option_and_missing_value_are_named)
{
	CHECK(PARSE("run", "d", "--fast") < 0 && refused("--fast"));
	CHECK(PARSE("run", "d", "-m") < 0 && refused("-m"));
}

TEST(initrd_without_kernel_is_refused)
{
	CHECK(PARSE("run", "d", "--initrd", "i") < 0 && refused("--kernel"));
}

TEST(words_of_other_programs_are_answered_with_the_right_one)
{
	static const struct { const char *word, *answer; } words[] = {
		{ "-snapshot", "--ro" }, { "-hda", "minivmm run DISK" }, { "-hdb", "one disk" },
		{ "-cdrom", "no CD" }, { "-drive", "minivmm run DISK" }, { "-smp", "-c N" },
		{ "-nographic", "this terminal" }, { "-enable-kvm", "--device /dev/kvm" },
		{ "-kernel", "--kernel FILE" }, { "-append", "--append TEXT" },
		{ "-initrd", "--initrd FILE" }, { "-cpu", "-c N" }, { "-machine", "leave it out" },
		{ "-netdev", "-p HOST:GUEST" }, { "-daemonize", "&" }, { "-memory", "-m SIZE" },
		{ "-help", "--help" }, { "--snapshot", "--ro" }, { "--disk=x", "minivmm run DISK" },
		{ "--smp", "-c N" },
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		CHECK(PARSE("run", (char *)words[i].word, "disk.img") < 0);
		CHECK(refused(words[i].word) && refused(words[i].answer));
	}
}

TEST(arguments_that_look_like_foreign_words_are_none)
{
	CHECK(!PARSE("run", "--kernel", "k", "--append", "-hda", "-m512M", "-c4", "-p2222:22"));
	CHECK(!strcmp(cfg.append, "-hda") && cfg.vcpus == 4 && cfg.memory == 512ULL << 20);
	CHECK(!PARSE("run", "--", "-hda") && !strcmp(cfg.disk, "-hda"));
	CHECK(PARSE("run", "-xyz", "disk.img") < 0 && refused("unknown option -xyz"));
}

TEST(stop_timeout_is_in_seconds)
{
	CHECK(!PARSE("run", "disk.img") && cfg.stop_timeout == 30);
	CHECK(!PARSE("run", "--stop-timeout", "0", "disk.img") && !cfg.stop_timeout);
	CHECK(PARSE("run", "--stop-timeout", "5m", "disk.img") < 0 && refused("seconds"));
	CHECK(PARSE("run", "--stop-timeout=-1", "disk.img") < 0 && refused("seconds"));
}

TEST(loopback_is_opened_by_an_option_only)
{
	CHECK(!PARSE("run", "disk.img") && !cfg.host_loopback);
	CHECK(!PARSE("run", "--host-loopback", "disk.img") && cfg.host_loopback);
}

KTAP_MAIN()
