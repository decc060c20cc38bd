// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads whole files for the loaders. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/boot.h"
#include "host.h"

static int read_all(int fd, uint8_t *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = pread(fd, data + done, size - done, done);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0) {
			errno = len ? errno : EIO;
			return -1;
		}
		done += len;
	}
	return 0;
}

int boot__read_file(struct boot_file *file, const struct host_file *from, uint64_t max,
		    struct error *err)
{
	struct stat st;

	*file = (struct boot_file){ 0 };
	if (fstat(from->fd, &st) < 0)
		return error__errno(err, "%s %s", from->option, from->path);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return error__set(err, STATUS_USAGE, "%s %s is %s; check the name", from->option,
				  from->path, S_ISREG(st.st_mode) ? "empty" : "no regular file");
	if ((uint64_t)st.st_size > max)
		return error__set(err, STATUS_USAGE,
				  "%s %s is too large: it has %llu bytes, and at most %llu can be used",
				  from->option, from->path, (unsigned long long)st.st_size,
				  (unsigned long long)max);
	file->size = st.st_size;
	file->data = malloc(file->size);
	if (!file->data)
		return error__errno(err, "cannot hold %s in memory", from->path);
	if (!read_all(from->fd, file->data, file->size))
		return 0;
	error__set(err, STATUS_USAGE, "cannot read %s: %s", from->path, strerror(errno));
	boot__free_file(file);
	return -1;
}

void boot__free_file(struct boot_file *file)
{
	free(file->data);
	*file = (struct boot_file){ 0 };
}
