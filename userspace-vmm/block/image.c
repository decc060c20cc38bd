// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw disk images: what may be used as one, and the lock against a second writer. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "image.h"

#define FILE_PHYSICAL_BLOCK	4096
#define LOCK_WAIT_MS		1000
#define LOCK_STEP_MS		10

static int open_error(const char *path, bool read_only, struct error *err)
{
	const char *use = read_only ? "read" : "written";

	switch (errno) {
	case ENOENT:
		return error__set(err, STATUS_USAGE, "%s: no such file", path);
	case EISDIR:
		return error__set(err, STATUS_USAGE, "%s: is a directory, not a disk image", path);
	case EACCES:
	case EPERM:
		return error__set(err, STATUS_USAGE, "%s: may not be %s by you%s", path, use,
				  read_only ? "" : "; --ro runs it read-only");
	case EROFS:
		return error__set(err, STATUS_USAGE,
				  "%s: is on a read-only file system; --ro runs it read-only",
				  path);
	default:
		return error__set(err, STATUS_USAGE, "%s: cannot be opened: %s", path,
				  strerror(errno));
	}
}

static int measure_device(struct block_image *image, const char *path, struct error *err)
{
	int logical;
	unsigned int physical;

	if (ioctl(image->fd, BLKGETSIZE64, &image->bytes) ||
	    ioctl(image->fd, BLKSSZGET, &logical) ||
	    ioctl(image->fd, BLKPBSZGET, &physical))
		return error__errno(err, "%s: cannot read the size of the block device", path);
	image->logical_block = logical;
	image->physical_block = physical;
	return 0;
}

static int measure(struct block_image *image, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(image->fd, &st))
		return error__errno(err, "%s", path);
	if (S_ISDIR(st.st_mode))
		return error__set(err, STATUS_USAGE, "%s: is a directory, not a disk image", path);
	if (S_ISBLK(st.st_mode))
		return measure_device(image, path, err);
	if (!S_ISREG(st.st_mode))
		return error__set(err, STATUS_USAGE,
				  "%s: is neither a file nor a block device", path);
	image->bytes = st.st_size;
	image->logical_block = BLOCK_SECTOR;
	image->physical_block = FILE_PHYSICAL_BLOCK;
	return 0;
}

static int check_size(const struct block_image *image, const char *path, struct error *err)
{
	if (!image->bytes)
		return error__set(err, STATUS_USAGE, "%s: is empty; a disk image has a size", path);
	if (image->bytes % BLOCK_SECTOR)
		return error__set(err, STATUS_USAGE,
				  "%s: its size, %llu bytes, is not a multiple of %d; "
				  "is it a raw disk image?", path,
				  (unsigned long long)image->bytes, BLOCK_SECTOR);
	return 0;
}

int block_image__check_format(int fd, const char *path, struct error *err)
{
	const struct block_format *format;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	format = block_format__of(fd, st.st_size);
	if (!format)
		return 0;
	if (format->packer)
		return error__set(err, STATUS_USAGE, "disk %s is packed with %s; unpack it first",
				  path, format->name);
	return error__set(err, STATUS_USAGE,
			  "disk %s is a %s image, not a raw one; convert it: qemu-img convert -O raw %s disk.img",
			  path, format->name, path);
}

static int try_lock(const struct block_image *image)
{
	struct flock range = {
		.l_type = image->read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	return fcntl(image->fd, F_OFD_SETLK, &range);
}

/*
 * An open-file-description lock ends with the last use of the file. After a kill that may be
 * an instant after the process is gone: its last requests keep the file, and must end before
 * anyone else writes. So a lock that is held gets a little time to go away.
 */
static int lock(const struct block_image *image, const char *path, struct error *err)
{
	unsigned int tries = LOCK_WAIT_MS / LOCK_STEP_MS;

	while (try_lock(image)) {
		if (errno != EAGAIN && errno != EACCES)
			return error__errno(err, "%s: cannot be locked", path);
		if (!tries--)
			return error__set(err, STATUS_USAGE,
					  "%s: is in use by another program, perhaps another "
					  "minivmm; stop that one, or use a copy", path);
		usleep(LOCK_STEP_MS * 1000);
	}
	return 0;
}

int block_image__open(struct block_image *image, const char *path, bool read_only,
		      struct error *err)
{
	int flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;

	*image = (struct block_image){ .read_only = read_only };
	/* A FIFO must not block the open, and io_uring must not see O_NONBLOCK later. */
	image->fd = open(path, flags | O_NONBLOCK);
	if (image->fd < 0)
		return open_error(path, read_only, err);
	fcntl(image->fd, F_SETFL, flags);
	if (measure(image, path, err) || block_image__check_format(image->fd, path, err) ||
	    check_size(image, path, err) || lock(image, path, err)) {
		close(image->fd);
		image->fd = -1;
		return -1;
	}
	return 0;
}

int block_image__flush(struct block_image *image)
{
	if (fdatasync(image->fd))
		block_image__lose(image);
	return block_image__is_lost(image) ? -EIO : 0;
}

void block_image__lose(struct block_image *image)
{
	__atomic_store_n(&image->lost, true, __ATOMIC_RELEASE);
}

bool block_image__is_lost(const struct block_image *image)
{
	return __atomic_load_n(&image->lost, __ATOMIC_ACQUIRE);
}

void block_image__close(struct block_image *image)
{
	close(image->fd);
}
