// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads whole files for the loaders. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/boot.h"

static int read_all(int fd, uint8_t *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = read(fd, data + done, size - done);

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

int boot__read_file(struct boot_file *file, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*file = (struct boot_file){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0 || !st.st_size) {
		error__set(err, STATUS_USAGE, "%s: %s", path,
			   fd < 0 ? strerror(errno) : "the file is empty");
		goto out;
	}
	file->size = st.st_size;
	file->data = malloc(file->size);
	if (!file->data)
		error__errno(err, "cannot hold %s in memory", path);
	else if (read_all(fd, file->data, file->size) < 0)
		error__set(err, STATUS_USAGE, "cannot read %s: %s", path, strerror(errno));
out:
	if (fd >= 0)
		close(fd);
	if (!error__is_set(err))
		return 0;
	boot__free_file(file);
	return -1;
}

void boot__free_file(struct boot_file *file)
{
	free(file->data);
	*file = (struct boot_file){ 0 };
}
