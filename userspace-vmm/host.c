// SPDX-License-Identifier: GPL-2.0-or-later
/* See host.h. Main thread, no vCPU runs. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "net/user.h"
#include "text.h"
#include "vm.h"

/*
 * Memory is given to the guest as it touches it: much more than there is would end in the OOM killer.
 * A quarter more is let through, as the host's kernel counts less than is built in, and few guests
 * touch all of theirs.
 */
static int check_memory(const struct config *cfg, struct error *err)
{
	char asked_text[TEXT_SIZE_MAX], has_text[TEXT_SIZE_MAX];
	struct sysinfo info;
	uint64_t has;

	if (sysinfo(&info) < 0)
		return 0;
	has = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
	if (cfg->memory <= has + has / 4)
		return 0;
	return error__set(err, STATUS_HOST,
			  "-m: %s is more than this host's %s of memory and swap; give less",
			  text__size(asked_text, cfg->memory), text__size(has_text, has));
}

static int open_file(struct host_file *file, const char *path, const char *option,
		     struct error *err)
{
	if (!path)
		return 0;
	*file = (struct host_file){
		.fd = open(path, O_RDONLY | O_CLOEXEC), .path = path, .option = option,
	};
	if (file->fd < 0)
		return error__set(err, STATUS_USAGE, "%s %s: %s", option, path, strerror(errno));
	return 0;
}

int host__open(struct host *host, const struct config *cfg, struct error *err)
{
	*host = (struct host){
		.device = -1, .disk.fd = -1, .kernel.fd = -1, .initrd.fd = -1, .firmware.fd = -1,
	};
	if (check_memory(cfg, err) < 0 ||
	    open_file(&host->kernel, cfg->kernel, "--kernel", err) < 0 ||
	    open_file(&host->initrd, cfg->initrd, "--initrd", err) < 0 ||
	    open_file(&host->firmware, cfg->kernel ? NULL : cfg->bios, "--bios", err) < 0)
		return -1;
	host->device = vm__open_device(cfg->device, err);
	return host->device < 0 ? -1 : 0;
}

int host__open_disk(struct host *host, const struct config *cfg, struct error *err)
{
	if (host->disk.fd >= 0)
		return 0;
	return block_image__open(&host->disk, cfg->disk, cfg->read_only, err);
}

int host__open_network(struct host *host, const struct config *cfg, struct error *err)
{
	return host->network ? 0 : net_user__create(&host->network, cfg, err);
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void host__close(struct host *host)
{
	if (host->network)
		net_user__destroy(host->network);
	if (host->disk.fd >= 0)
		block_image__close(&host->disk);
	close_if_open(host->device);
	close_if_open(host->firmware.fd);
	close_if_open(host->initrd.fd);
	close_if_open(host->kernel.fd);
}
