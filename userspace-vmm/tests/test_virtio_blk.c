// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of virtio-blk and of disk images, with a driver in this process. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/blk-driver.h"
#include "support/ktap.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define SECTORS		4096ULL
#define IMAGE_BYTES	(SECTORS * 512)
#define F_FLUSH		(1ULL << VIRTIO_BLK_F_FLUSH)
#define F_WCE		(1ULL << VIRTIO_BLK_F_CONFIG_WCE)

static char folder[] = "/tmp/minivmm-virtio-blk.XXXXXX";
static char path[64];
static struct blk_driver d;

static bool make_image(size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && !ftruncate(fd, bytes);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool begin(bool read_only, uint64_t features)
{
	if (!make_image(IMAGE_BYTES) || !blk_driver__open(&d, path, read_only))
		return false;
	blk_driver__start(&d, features);
	return true;
}

/* len bytes of the image at offset are all c. */
static bool image_holds(off_t offset, size_t len, char c)
{
	char buf[8192];
	size_t i;

	if (pread(d.image.fd, buf, len, offset) != (ssize_t)len)
		return false;
	for (i = 0; i < len; i++)
		if (buf[i] != c)
			return false;
	return true;
}

static uint8_t write_sectors(uint64_t sector, uint32_t bytes, char c)
{
	memset(blk_driver__data(&d), c, bytes);
	return blk_driver__request(&d, VIRTIO_BLK_T_OUT, sector, bytes, false);
}

static uint8_t read_sectors(uint64_t sector, uint32_t bytes)
{
	memset(blk_driver__data(&d), 0xee, bytes);
	return blk_driver__request(&d, VIRTIO_BLK_T_IN, sector, bytes, true);
}

static uint8_t range_request(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = sector,
		.num_sectors = sectors,
		.flags = flags,
	};

	memcpy(blk_driver__data(&d), &range, sizeof(range));
	return blk_driver__request(&d, type, 0, sizeof(range), false);
}

TEST(writes_reach_the_image)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(write_sectors(3, 4096, 'x') == VIRTIO_BLK_S_OK);
	CHECK(image_holds(3 * 512, 4096, 'x'));
	CHECK(image_holds(2 * 512, 512, 0) && image_holds(11 * 512, 512, 0));
	CHECK(d.ring.used->ring[0].len == 1);
	blk_driver__close(&d);
}

TEST(reads_come_from_the_image)
{
	char *data;

	CHECK(begin(false, F_FLUSH));
	data = blk_driver__data(&d);
	CHECK(pwrite(d.image.fd, "minivmm", 7, (SECTORS - 1) * 512) == 7);
	CHECK(read_sectors(SECTORS - 1, 512) == VIRTIO_BLK_S_OK);
	CHECK(!memcmp(data, "minivmm\0", 8) && data[511] == 0);
	CHECK(d.ring.used->ring[0].len == 513);
	blk_driver__close(&d);
}

TEST(writes_are_answered_without_flush_feature)
{
	CHECK(begin(false, 0));
	CHECK(write_sectors(0, 512, 'y') == VIRTIO_BLK_S_OK);
	CHECK(image_holds(0, 512, 'y'));
	blk_driver__close(&d);
}

TEST(flush_is_answered)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(write_sectors(8, 512, 'z') == VIRTIO_BLK_S_OK);
	CHECK(blk_driver__request(&d, VIRTIO_BLK_T_FLUSH, 0, 0, false) == VIRTIO_BLK_S_OK);
	blk_driver__close(&d);
}

/* @request with the image's descriptor changed to something that cannot be flushed. */
static bool fail_to_flush(void (*what)(void))
{
	int real = dup(d.image.fd), ends[2];
	bool ok = real >= 0 && !pipe(ends) && dup2(ends[1], d.image.fd) >= 0;

	what();
	ok = ok && dup2(real, d.image.fd) >= 0;
	close(real);
	close(ends[0]);
	close(ends[1]);
	return ok;
}

static uint8_t flush_status;

static void flush(void)
{
	flush_status = blk_driver__request(&d, VIRTIO_BLK_T_FLUSH, 0, 0, false);
}

static void switch_cache_off(void)
{
	pthread_mutex_lock(&d.dev->lock);
	virtio__config_write(d.dev, offsetof(struct virtio_blk_config, wce), 1, 0);
	pthread_mutex_unlock(&d.dev->lock);
}

/* The host's kernel reports a lost page once; the next fsync of it succeeds. */
TEST(failed_flush_is_not_forgotten)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(fail_to_flush(flush) && flush_status == VIRTIO_BLK_S_IOERR);
	flush();
	CHECK(flush_status == VIRTIO_BLK_S_IOERR);
	/* Nor by a reset of the device. */
	blk_driver__start(&d, F_FLUSH);
	flush();
	CHECK(flush_status == VIRTIO_BLK_S_IOERR);
	CHECK(read_sectors(0, 512) == VIRTIO_BLK_S_OK);
	blk_driver__close(&d);
}

TEST(failure_to_empty_the_cache_is_not_forgotten)
{
	CHECK(begin(false, F_FLUSH | F_WCE));
	CHECK(fail_to_flush(switch_cache_off));
	CHECK(write_sectors(0, 512, 'x') == VIRTIO_BLK_S_IOERR);
	flush();
	CHECK(flush_status == VIRTIO_BLK_S_IOERR);
	blk_driver__close(&d);
}

TEST(cache_can_be_switched)
{
	size_t wce = offsetof(struct virtio_blk_config, wce);

	CHECK(begin(false, F_FLUSH | F_WCE));
	CHECK(virtio__config_read(d.dev, wce, 1) == 1);
	virtio__config_write(d.dev, wce, 1, 0);
	CHECK(virtio__config_read(d.dev, wce, 1) == 0);
	CHECK(write_sectors(8, 512, 'w') == VIRTIO_BLK_S_OK && image_holds(4096, 512, 'w'));
	blk_driver__start(&d, F_FLUSH | F_WCE);
	CHECK(virtio__config_read(d.dev, wce, 1) == 1);
	blk_driver__close(&d);
}

TEST(other_config_is_read_only)
{
	CHECK(begin(false, F_FLUSH));
	virtio__config_write(d.dev, 0, 8, ~0ULL);
	CHECK(virtio__config_read(d.dev, 0, 8) == SECTORS);
	CHECK(virtio__config_read(d.dev, sizeof(struct virtio_blk_config), 1) == 0);
	CHECK(virtio__config_read(d.dev, ~0ULL, 8) == 0);
	blk_driver__close(&d);
}

TEST(capacity_bounds_transfers)
{
	static const struct { uint64_t sector; uint32_t bytes; } wrong[] = {
		{ SECTORS, 512 },
		{ SECTORS - 1, 1024 },
		{ ~0ULL, 512 },
		{ ~0ULL / 512, 1024 },
		{ 0, 511 },
		{ 0, 513 },
		{ 0, 0 },
	};
	unsigned int i;

	CHECK(begin(false, F_FLUSH));
	for (i = 0; i < COUNT(wrong); i++) {
		CHECK(read_sectors(wrong[i].sector, wrong[i].bytes) == VIRTIO_BLK_S_IOERR);
		CHECK(write_sectors(wrong[i].sector, wrong[i].bytes, 'b') == VIRTIO_BLK_S_IOERR);
	}
	CHECK(image_holds(0, 512, 0) && image_holds(IMAGE_BYTES - 512, 512, 0));
	blk_driver__close(&d);
}

TEST(shrunk_image_is_an_error)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(!ftruncate(d.image.fd, 512));
	CHECK(read_sectors(8, 512) == VIRTIO_BLK_S_IOERR);
	CHECK(read_sectors(0, 1024) == VIRTIO_BLK_S_IOERR);
	CHECK(read_sectors(0, 512) == VIRTIO_BLK_S_OK);
	blk_driver__close(&d);
}

TEST(read_only_refuses_changes)
{
	CHECK(begin(true, F_FLUSH));
	CHECK(virtio__offered(d.dev, 0) & (1U << VIRTIO_BLK_F_RO));
	CHECK(write_sectors(0, 512, 'r') == VIRTIO_BLK_S_IOERR);
	CHECK(range_request(VIRTIO_BLK_T_DISCARD, 0, 8, 0) == VIRTIO_BLK_S_IOERR);
	CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0) == VIRTIO_BLK_S_IOERR);
	CHECK(read_sectors(0, 512) == VIRTIO_BLK_S_OK);
	CHECK(blk_driver__request(&d, VIRTIO_BLK_T_FLUSH, 0, 0, false) == VIRTIO_BLK_S_OK);
	blk_driver__close(&d);
}

TEST(discard_gives_space_back)
{
	struct stat before, after;

	CHECK(begin(false, F_FLUSH));
	CHECK(write_sectors(64, 65536, 'd') == VIRTIO_BLK_S_OK);
	CHECK(blk_driver__request(&d, VIRTIO_BLK_T_FLUSH, 0, 0, false) == VIRTIO_BLK_S_OK);
	CHECK(!fstat(d.image.fd, &before));
	CHECK(range_request(VIRTIO_BLK_T_DISCARD, 64, 128, 0) == VIRTIO_BLK_S_OK);
	CHECK(!fstat(d.image.fd, &after));
	CHECK(after.st_blocks < before.st_blocks && after.st_size == before.st_size);
	blk_driver__close(&d);
}

TEST(zeroes_are_written)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(write_sectors(64, 16384, 'd') == VIRTIO_BLK_S_OK);
	CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 65, 3, 0) == VIRTIO_BLK_S_OK);
	CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 72, 8, 1) == VIRTIO_BLK_S_OK);
	CHECK(image_holds(64 * 512, 512, 'd') && image_holds(65 * 512, 3 * 512, 0));
	CHECK(image_holds(68 * 512, 4 * 512, 'd') && image_holds(72 * 512, 4096, 0));
	blk_driver__close(&d);
}

TEST(ranges_are_checked)
{
	static const struct { uint64_t sector; uint32_t sectors; uint32_t flags; uint8_t status; }
	wrong[] = {
		{ SECTORS, 1, 0, VIRTIO_BLK_S_IOERR },
		{ 0, 0, 0, VIRTIO_BLK_S_IOERR },
		{ ~0ULL, 1, 0, VIRTIO_BLK_S_IOERR },
		{ 0, ~0U, 0, VIRTIO_BLK_S_IOERR },
		{ 0, 1, 2, VIRTIO_BLK_S_UNSUPP },
	};
	unsigned int i;

	CHECK(begin(false, F_FLUSH));
	CHECK(write_sectors(0, 512, 'k') == VIRTIO_BLK_S_OK);
	for (i = 0; i < COUNT(wrong); i++) {
		CHECK(range_request(VIRTIO_BLK_T_DISCARD, wrong[i].sector, wrong[i].sectors,
				    wrong[i].flags) == wrong[i].status);
		CHECK(range_request(VIRTIO_BLK_T_WRITE_ZEROES, wrong[i].sector, wrong[i].sectors,
				    wrong[i].flags) == wrong[i].status);
	}
	CHECK(range_request(VIRTIO_BLK_T_DISCARD, 0, 1, 1) == VIRTIO_BLK_S_UNSUPP);
	CHECK(blk_driver__request(&d, VIRTIO_BLK_T_DISCARD, 0, 32, false) == VIRTIO_BLK_S_IOERR);
	CHECK(image_holds(0, 512, 'k'));
	blk_driver__close(&d);
}

TEST(id_is_told)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(blk_driver__request(&d, VIRTIO_BLK_T_GET_ID, 0, 20, true) == VIRTIO_BLK_S_OK);
	CHECK(!strcmp(blk_driver__data(&d), "minivmm-disk"));
	CHECK(blk_driver__request(&d, VIRTIO_BLK_T_GET_ID, 0, 3, true) == VIRTIO_BLK_S_OK);
	CHECK(d.ring.used->ring[1].len == 4);
	blk_driver__close(&d);
}

TEST(unknown_request_is_unsupported)
{
	CHECK(begin(false, F_FLUSH));
	CHECK(blk_driver__request(&d, 77, 0, 512, true) == VIRTIO_BLK_S_UNSUPP);
	blk_driver__close(&d);
}

TEST(short_header_needs_reset)
{
	CHECK(begin(false, F_FLUSH));
	blk_driver__put_header(&d, VIRTIO_BLK_T_FLUSH, 0);
	driver__describe(&d.ring.desc[0], BLK_HEADER_GPA, 15, VRING_DESC_F_NEXT, 1);
	driver__describe(&d.ring.desc[1], BLK_STATUS_GPA, 1, VRING_DESC_F_WRITE, 0);
	driver__offer(&d.ring, 0);
	virtio__kick(d.dev, 0);
	CHECK(!blk_driver__wait(&d) && d.config_event);
	CHECK(virtio__status(d.dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
	blk_driver__start(&d, F_FLUSH);
	CHECK(!(virtio__status(d.dev) & VIRTIO_CONFIG_S_NEEDS_RESET));
	CHECK(read_sectors(0, 512) == VIRTIO_BLK_S_OK);
	blk_driver__close(&d);
}

TEST(request_without_status_needs_reset)
{
	CHECK(begin(false, F_FLUSH));
	blk_driver__put_header(&d, VIRTIO_BLK_T_FLUSH, 0);
	driver__describe(&d.ring.desc[0], BLK_HEADER_GPA, 16, 0, 0);
	driver__offer(&d.ring, 0);
	virtio__kick(d.dev, 0);
	CHECK(!blk_driver__wait(&d) && d.config_event);
	blk_driver__close(&d);
}

TEST(data_may_share_buffers_with_header_and_status)
{
	char *block;

	CHECK(begin(false, F_FLUSH));
	block = driver__at(&d.ring, DRIVER_DATA_GPA);
	blk_driver__put_header(&d, VIRTIO_BLK_T_OUT, 5);
	memset(block + 16, 's', 512);
	driver__describe(&d.ring.desc[0], DRIVER_DATA_GPA, 9, VRING_DESC_F_NEXT, 1);
	driver__describe(&d.ring.desc[1], DRIVER_DATA_GPA + 9, 519, VRING_DESC_F_NEXT, 2);
	driver__describe(&d.ring.desc[2], DRIVER_DATA_GPA + 0x800, 2, VRING_DESC_F_WRITE, 0);
	driver__offer(&d.ring, 0);
	virtio__kick(d.dev, 0);
	CHECK(blk_driver__wait(&d));
	CHECK(block[0x801] == VIRTIO_BLK_S_OK && image_holds(5 * 512, 512, 's'));
	blk_driver__close(&d);
}

TEST(features_must_be_offered)
{
	CHECK(begin(false, F_FLUSH | 1ULL << VIRTIO_BLK_F_RO));
	CHECK(!(virtio__status(d.dev) & VIRTIO_CONFIG_S_FEATURES_OK));
	CHECK(!(virtio__status(d.dev) & VIRTIO_CONFIG_S_DRIVER_OK));
	blk_driver__close(&d);
}

TEST(queue_outside_ram_needs_reset)
{
	CHECK(begin(false, F_FLUSH));
	pthread_mutex_lock(&d.dev->lock);
	virtio__write_status(d.dev, 0);
	virtio__negotiate(d.dev, 1, 1);
	virtio__write_status(d.dev, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
	driver__configure(&d.dev->queue[0]);
	d.dev->queue[0].desc_gpa = 0;
	d.dev->enabled[0] = true;
	virtio__write_status(d.dev, 7 | VIRTIO_CONFIG_S_FEATURES_OK);
	pthread_mutex_unlock(&d.dev->lock);
	CHECK(virtio__status(d.dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
	blk_driver__close(&d);
}

TEST(reset_waits_for_requests)
{
	unsigned int i, round;

	CHECK(begin(false, F_FLUSH));
	for (round = 0; round < 50; round++) {
		memset(blk_driver__data(&d), 'a' + round % 26, 65536);
		blk_driver__put_header(&d, VIRTIO_BLK_T_OUT, 0);
		driver__describe(&d.ring.desc[0], BLK_HEADER_GPA, 16, VRING_DESC_F_NEXT, 1);
		driver__describe(&d.ring.desc[1], BLK_DATA_GPA, 65536, VRING_DESC_F_NEXT, 2);
		driver__describe(&d.ring.desc[2], BLK_STATUS_GPA, 1, VRING_DESC_F_WRITE, 0);
		for (i = 0; i < DRIVER_RING_SIZE; i++)
			driver__offer(&d.ring, 0);
		virtio__kick(d.dev, 0);
		blk_driver__start(&d, F_FLUSH);
		CHECK(d.ring.used->idx == 0);
	}
	blk_driver__close(&d);
}

/* Opening @name fails with a text that holds @words. */
static bool refused(const char *name, bool read_only, const char *words)
{
	struct block_image image;
	struct error err = { 0 };

	if (!block_image__open(&image, name, read_only, &err)) {
		block_image__close(&image);
		return false;
	}
	return err.status == STATUS_USAGE && strstr(err.text, words) && strstr(err.text, name);
}

TEST(bad_images_are_named)
{
	CHECK(refused("/nonexistent/disk.img", false, "no such file"));
	CHECK(refused(folder, false, "directory"));
	CHECK(refused(folder, true, "directory"));
	CHECK(refused("/dev/null", false, "neither a file nor a block device"));
	CHECK(make_image(0) && refused(path, false, "empty"));
	CHECK(make_image(1000) && refused(path, false, "1000 bytes, is not a multiple of 512"));
}

TEST(second_writer_is_refused)
{
	struct block_image first, second;
	struct error err = { 0 };

	CHECK(make_image(IMAGE_BYTES));
	CHECK(!block_image__open(&first, path, false, &err));
	CHECK(refused(path, false, "in use"));
	CHECK(refused(path, true, "in use"));
	block_image__close(&first);
	CHECK(!block_image__open(&first, path, true, &err));
	CHECK(!block_image__open(&second, path, true, &err));
	CHECK(refused(path, false, "in use"));
	block_image__close(&first);
	block_image__close(&second);
}

__attribute__((constructor)) static void make_folder(void)
{
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/disk.img", folder);
}

__attribute__((destructor)) static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

KTAP_MAIN()
