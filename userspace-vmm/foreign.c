// SPDX-License-Identifier: GPL-2.0-or-later
/* See foreign.h. */
#include "foreign.h"

#include <stddef.h>
#include <string.h>

#define DISK_REMEDY	"give the disk image by itself: minivmm run DISK"
#define ONE_DISK_REMEDY	"there is one disk, given by itself: minivmm run DISK"
#define CD_REMEDY	"there is no CD drive; an image that also boots from disks can be given by itself: minivmm run --ro DISK"
#define NET_REMEDY	"there is one network card, in user mode; -p HOST:GUEST forwards a port, --no-net leaves the card out"
#define SCREEN_REMEDY	"there is no screen; the guest's serial console is this terminal"
#define CPU_REMEDY	"the guest always gets the CPU model of this host; -c N sets the number of vCPUs"
#define ACCEL_REMEDY	"choose the hypervisor with --device /dev/minivmm or --device /dev/kvm"
#define MACHINE_REMEDY	"there is one kind of machine; leave it out"
#define BACKGROUND_REMEDY "end the command line with &, or use a service manager"

static const struct {
	const char *word, *remedy;
} words[] = {
	{ "accel", ACCEL_REMEDY },
	{ "append", "write --append TEXT" },
	{ "bios", "write --bios FILE" },
	{ "blockdev", DISK_REMEDY },
	{ "boot", "the disk is what boots, or --kernel FILE" },
	{ "cdrom", CD_REMEDY },
	{ "console", SCREEN_REMEDY },
	{ "cpu", CPU_REMEDY },
	{ "cpus", "write --cpus N or -c N" },
	{ "curses", SCREEN_REMEDY },
	{ "daemonize", BACKGROUND_REMEDY },
	{ "detach", BACKGROUND_REMEDY },
	{ "device", "devices are not chosen one by one; --device PATH names the hypervisor device" },
	{ "disk", DISK_REMEDY },
	{ "display", SCREEN_REMEDY },
	{ "drive", DISK_REMEDY },
	{ "enable-kvm", ACCEL_REMEDY },
	{ "hda", DISK_REMEDY },
	{ "hdb", ONE_DISK_REMEDY },
	{ "hdc", ONE_DISK_REMEDY },
	{ "hdd", ONE_DISK_REMEDY },
	{ "help", "write --help" },
	{ "initrd", "write --initrd FILE" },
	{ "kernel", "write --kernel FILE" },
	{ "machine", MACHINE_REMEDY },
	{ "mem", "write --memory SIZE or -m SIZE" },
	{ "memory", "write --memory SIZE or -m SIZE" },
	{ "monitor", "there is no monitor; Ctrl-A h tells the keys of the console" },
	{ "name", "write --name NAME" },
	{ "net", NET_REMEDY },
	{ "netdev", NET_REMEDY },
	{ "network", NET_REMEDY },
	{ "nic", NET_REMEDY },
	{ "no-net", "write --no-net" },
	{ "no-reboot", "a reset restarts the guest; Ctrl-A x ends it" },
	{ "no-shutdown", "a guest that powers off ends the program" },
	{ "nographic", SCREEN_REMEDY },
	{ "params", "write --append TEXT" },
	{ "publish", "write --publish HOST:GUEST or -p HOST:GUEST" },
	{ "readonly", "write --ro" },
	{ "ro", "write --ro" },
	{ "rtc", "the clock is this host's, in UTC" },
	{ "serial", SCREEN_REMEDY },
	{ "smp", "write -c N" },
	{ "snapshot", "what the guest writes is kept: run a copy of the image, or give --ro" },
	{ "usb", "there is no USB; leave it out" },
	{ "verbose", "write --verbose" },
	{ "version", "write --version" },
	{ "vga", SCREEN_REMEDY },
	{ "vnc", SCREEN_REMEDY },
};

const char *foreign__remedy(const char *word)
{
	size_t length;

	word += strspn(word, "-");
	length = strcspn(word, "=");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == length && !memcmp(words[i].word, word, length))
			return words[i].remedy;
	}
	return NULL;
}
