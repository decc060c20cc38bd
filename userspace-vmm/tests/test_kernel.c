// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernels that the launcher unpacks: a tiny one made here, and files that are not what they should
 * be. RAM outside of what the kernel may use keeps its bytes.
 */
#include "support/ktap.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "boot/direct.h"
#include "support/board.h"

#define MIB		(1ULL << 20)
#define LINKED		(16 * MIB)
#define ALIGN		(2 * MIB)
#define ROOM		0x2000
#define TOP		(LINKED + 8 * MIB)
#define MAP_SIZE	(1024 * MIB)
#define ENTRY		0x123		/* of the first segment */

/* Of the ELF file. */
#define TEXT_AT		0x400
#define TEXT_SIZE	0x300
#define DATA_AT		0x800
#define DATA_SIZE	0x100
#define SECTIONS_AT	0x900
#define TABLE_AT	(SECTIONS_AT + 64)
#define DATA_GOES_TO	0x400		/* of the image */

#define GUARD		4096		/* before LINKED, and behind the top */
#define GUARD_BYTE	0x5a

static uint8_t file[0x80000];
static size_t file_size;
static uint8_t payload[2 * sizeof(file)];
static size_t payload_size;
static struct vmlinux k;
static uint64_t entry;

static Elf64_Ehdr *const elf = (void *)file;
static Elf64_Phdr *const segments = (void *)(file + sizeof(Elf64_Ehdr));

/* Text of bytes 1, data of bytes 2, no relocations. */
static void make_file(void)
{
	memset(file, 0, TABLE_AT);
	*elf = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_entry = LINKED + ENTRY,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
		.e_shoff = SECTIONS_AT,
		.e_shentsize = 64,
		.e_shnum = 1,
	};
	segments[0] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = TEXT_AT,
		.p_paddr = LINKED,
		.p_filesz = TEXT_SIZE,
		.p_memsz = TEXT_SIZE,
	};
	segments[1] = (Elf64_Phdr){ .p_type = PT_NOTE };
	segments[2] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = DATA_AT,
		.p_paddr = LINKED + DATA_GOES_TO,
		.p_filesz = DATA_SIZE,
		.p_memsz = DATA_SIZE + 0x80,
	};
	memset(file + TEXT_AT, 1, TEXT_SIZE);
	memset(file + DATA_AT, 2, DATA_SIZE);
	file_size = TABLE_AT;
}

static void add_word(uint32_t word)
{
	memcpy(file + file_size, &word, sizeof(word));
	file_size += sizeof(word);
}

/* The table's word for the place @offset into the image. */
static uint32_t place(uint32_t offset)
{
	return 0x80000000U + LINKED + offset;
}

/* With an empty relocation table. */
static void make_movable_file(void)
{
	make_file();
	add_word(0);
	add_word(0);
}

/* ---- unpack.c ---- */

static void add_length(size_t packed)
{
	uint32_t length = file_size;

	memcpy(payload + packed, &length, sizeof(length));
	payload_size = packed + sizeof(length);
}

static void pack_xz(void)
{
	size_t packed = 0;

	lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, file, file_size, payload, &packed,
				sizeof(payload));
	add_length(packed);
}

/* With a checksum, as the program zstd, which packs kernels, does it. */
static void pack_zstd(void)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	add_length(ZSTD_compress2(ctx, payload, sizeof(payload), file, file_size));
	ZSTD_freeCCtx(ctx);
}

static void (*const pack[])(void) = { pack_xz, pack_zstd };

/* Unpacks a copy that ends where the payload does, for the address sanitizer. */
static int unpack(struct boot_file *out, size_t max)
{
	uint8_t *copy = malloc(payload_size);
	int ret;

	board.err.text[0] = '\0';
	*out = (struct boot_file){ 0 };
	memcpy(copy, payload, payload_size);
	ret = unpack__payload(out, copy, payload_size, max, &board.err);
	free(copy);
	return ret;
}

static bool unpacks(void)
{
	struct boot_file out;
	bool same = !unpack(&out, file_size) && out.size == file_size &&
		    !memcmp(out.data, file, file_size);

	boot__free_file(&out);
	return same;
}

static bool refused(size_t max, const char *why)
{
	struct boot_file out;

	return unpack(&out, max) < 0 && !out.data && strstr(board.err.text, why);
}

TEST(xz_and_zstd_are_unpacked)
{
	make_file();
	pack_xz();
	CHECK(unpacks());
	pack_zstd();
	CHECK(unpacks());
}

TEST(payloads_cut_short_are_refused)
{
	make_file();
	for (unsigned int format = 0; format < 2; format++) {
		pack[format]();
		while (payload_size--)
			CHECK(refused(sizeof(file), ""));
	}
}

TEST(other_compression_is_refused)
{
	make_file();
	pack_xz();
	memcpy(payload, "\x1f\x8b\x08\0", 4);
	CHECK(refused(sizeof(file), "neither xz nor zstd"));
	memset(payload, 0, sizeof(payload));
	CHECK(refused(sizeof(file), "neither xz nor zstd"));
}

TEST(a_wrong_length_is_refused)
{
	static const int32_t wrong[] = { -1, 1, 8, -TABLE_AT };

	for (unsigned int i = 0; i < 8; i++) {
		uint32_t length;

		make_file();
		pack[i / 4]();
		length = file_size + wrong[i % 4];
		memcpy(payload + payload_size - sizeof(length), &length, sizeof(length));
		CHECK(refused(sizeof(file), "damaged"));
	}
}

TEST(more_than_the_kernel_asks_for_is_refused)
{
	make_file();
	for (unsigned int format = 0; format < 2; format++) {
		pack[format]();
		CHECK(refused(file_size - 1, "larger"));
	}
}

/* Of several chunks: text, of a sort. A flip that changes nothing, in the xz checksum, is fine. */
TEST(bits_that_flip_are_noticed)
{
	srandom(1);
	file_size = sizeof(file);
	for (size_t i = 0; i < file_size; i++)
		file[i] = random() % 3 ? 'a' + random() % 16 : file[i / 2];
	for (unsigned int format = 0; format < 2; format++) {
		pack[format]();
		CHECK(unpacks());
		for (unsigned int i = 0; i < 300; i++) {
			size_t bit = random() % (8 * payload_size);

			payload[bit / 8] ^= 1 << bit % 8;
			CHECK(refused(sizeof(file), "") || unpacks());
			payload[bit / 8] ^= 1 << bit % 8;
		}
	}
}

/* ---- vmlinux.c ---- */

static bool all(const uint8_t *data, size_t size, uint8_t byte)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] != byte)
			return false;
	}
	return true;
}

static uint8_t *ram(uint64_t gpa, uint64_t size)
{
	return memory__ptr(board.m.memory, gpa, size);
}

/* Loads it with @cmdline into RAM that ends at @top. False: refused. */
static bool load_below(uint64_t top, const char *cmdline)
{
	uint8_t *copy = malloc(file_size);
	int ret;

	memcpy(copy, file, file_size);
	k = (struct vmlinux){ { copy, file_size }, LINKED, ROOM, ALIGN, top, false, 0, 0 };
	entry = 0;
	board.config.append = cmdline;
	board.err.text[0] = '\0';
	memset(ram(LINKED - GUARD, GUARD), GUARD_BYTE, GUARD);
	memset(ram(top, GUARD), GUARD_BYTE, GUARD);
	ret = vmlinux__load(&board.m, &k, &entry, &board.err);
	free(copy);
	return !ret;
}

static bool load(void)
{
	return load_below(TOP, "quiet");
}

static bool guards_hold(void)
{
	return all(ram(LINKED - GUARD, GUARD), GUARD, GUARD_BYTE) &&
	       all(ram(k.top, GUARD), GUARD, GUARD_BYTE);
}

static bool in_place(void)
{
	const uint8_t *image = ram(LINKED + k.physical, ROOM);

	return all(image, TEXT_SIZE, 1) && all(image + DATA_GOES_TO, DATA_SIZE, 2) &&
	       entry == LINKED + k.physical + ENTRY && guards_hold();
}

static bool has_not_moved(void)
{
	return !k.kaslr && !k.physical && !k.virtual && in_place();
}

TEST(places_are_random_and_leave_room)
{
	uint64_t seen = 0, least = MAP_SIZE, most = 0;

	CHECK(board__create(32));
	make_movable_file();
	for (unsigned int i = 0; i < 1000; i++) {
		CHECK(load() && k.kaslr && in_place());
		CHECK(k.physical % ALIGN == 0 && k.virtual % ALIGN == 0);
		seen |= 1ULL << k.physical / ALIGN;
		least = k.virtual < least ? k.virtual : least;
		most = k.virtual > most ? k.virtual : most;
	}
	CHECK(seen == 0xf);
	CHECK(most > 0x38000000 && most + LINKED + ROOM <= MAP_SIZE && least < 0x4000000);
	CHECK(load_below(LINKED + ROOM, "") && k.kaslr && !k.physical);
	CHECK(load_below(LINKED + ROOM + ALIGN - 1, "") && !k.physical);
	board__destroy();
}

TEST(a_kernel_built_without_kaslr_does_not_move)
{
	CHECK(board__create(32));
	make_file();
	CHECK(load() && has_not_moved());
	board__destroy();
}

TEST(nokaslr_as_a_word_of_its_own_keeps_the_kernel_in_its_place)
{
	static const char *const with[] = { "nokaslr", "quiet nokaslr panic=1", " a\tnokaslr " };

	CHECK(board__create(32));
	make_movable_file();
	for (unsigned int i = 0; i < 3; i++)
		CHECK(load_below(TOP, with[i]) && has_not_moved());
	CHECK(load_below(TOP, "nokaslrx nokasl nokaslr=1 xnokaslr") && k.kaslr);
	board__destroy();
}

TEST(options_that_take_memory_away_keep_the_kernel_low)
{
	static const char *const lines[] = { "mem=64M", "a memmap=1M$32M", "hugepages=1" };

	CHECK(board__create(32));
	make_movable_file();
	for (unsigned int i = 0; i < 60; i++)
		CHECK(load_below(TOP, lines[i % 3]) && k.kaslr && !k.physical);
	board__destroy();
}

TEST(relocations_raise_addresses_by_the_virtual_distance)
{
	uint64_t address = 0xffffffff81000042, wide;
	uint32_t low = address, narrow;
	const uint8_t *image;

	CHECK(board__create(32));
	make_file();
	memcpy(file + TEXT_AT + 0x11, &address, 8);
	memcpy(file + DATA_AT + DATA_SIZE - 4, &low, 4);
	add_word(0);
	add_word(place(0x11));
	add_word(0);
	add_word(place(DATA_GOES_TO + DATA_SIZE - 4));
	CHECK(load());
	image = ram(LINKED + k.physical, ROOM);
	memcpy(&wide, image + 0x11, 8);
	memcpy(&narrow, image + DATA_GOES_TO + DATA_SIZE - 4, 4);
	CHECK(wide == address + k.virtual && narrow == low + k.virtual);
	CHECK(image[0x10] == 1 && image[0x19] == 1 && guards_hold());
	board__destroy();
}

TEST(of_three_lists_the_middle_one_lowers)
{
	uint32_t value = 0x81000000, found[3];

	CHECK(board__create(32));
	make_file();
	for (unsigned int i = 0; i < 3; i++) {
		memcpy(file + TEXT_AT + 16 * i, &value, 4);
		add_word(0);
		add_word(place(16 * i));
	}
	CHECK(load());
	for (unsigned int i = 0; i < 3; i++)
		memcpy(&found[i], ram(LINKED + k.physical + 16 * i, 4), 4);
	CHECK(found[0] == (uint32_t)(value + k.virtual) && found[2] == found[0]);
	CHECK(found[1] == (uint32_t)(value - k.virtual));
	board__destroy();
}

/* Loads until the kernel has moved: one of about 500 places is where it was built for. */
static bool load_moved(void)
{
	do {
		if (!load())
			return false;
	} while (!k.virtual);
	return true;
}

TEST(relocations_outside_the_image_are_refused)
{
	static const uint32_t bad[] = {
		1, 0x7fffffff, 0x80000000, 0xffffffff, 0x80000000U + LINKED - 1,
		0x80000000U + LINKED + ROOM - 7, 0x80000000U + LINKED + ROOM,
	};

	CHECK(board__create(32));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_file();
		add_word(0);
		add_word(bad[i]);
		add_word(0);
		CHECK(!load_moved() && guards_hold());
	}
	board__destroy();
}

TEST(tables_of_another_shape_are_refused)
{
	CHECK(board__create(32));
	for (unsigned int lists = 1; lists < 6; lists++) {
		make_file();
		for (unsigned int i = 0; i < lists; i++)
			add_word(0);
		CHECK(load_moved() == (lists == 2 || lists == 3));
		file_size += 2;
		CHECK(!load_moved());
	}
	make_file();
	add_word(place(0));
	add_word(0);
	add_word(0);
	CHECK(!load_moved());
	board__destroy();
}

TEST(elf_files_with_bad_headers_are_refused)
{
	static const struct {
		void *at;
		uint64_t value;
		size_t size;
	} bad[] = {
#define BAD(field, value) { &(field), value, sizeof(field) }
		BAD(elf->e_ident[0], 0), BAD(elf->e_ident[EI_CLASS], ELFCLASS32),
		BAD(elf->e_machine, EM_386), BAD(elf->e_phentsize, 32),
		BAD(elf->e_phnum, 0xffff), BAD(elf->e_phoff, ~0ULL),
		BAD(elf->e_phoff, TABLE_AT - 1), BAD(elf->e_shoff, ~0ULL),
		BAD(elf->e_shoff, TABLE_AT - 1), BAD(elf->e_shnum, 0), BAD(elf->e_shnum, 0xffff),
		BAD(elf->e_entry, LINKED - 1), BAD(elf->e_entry, LINKED + ROOM),
		BAD(segments[0].p_offset, ~0ULL), BAD(segments[0].p_offset, TABLE_AT),
		BAD(segments[2].p_filesz, ~0ULL), BAD(segments[2].p_filesz, DATA_SIZE + 0x81),
		BAD(segments[2].p_memsz, ~0ULL), BAD(segments[2].p_memsz, DATA_SIZE - 1),
		BAD(segments[2].p_memsz, ROOM - DATA_GOES_TO + 1),
		BAD(segments[0].p_paddr, 0), BAD(segments[0].p_paddr, LINKED - 1),
		BAD(segments[2].p_paddr, LINKED + ROOM - DATA_SIZE), BAD(segments[2].p_paddr, ~0ULL),
		BAD(segments[1].p_offset, ~0ULL),
	};

	CHECK(board__create(32));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_file();
		memcpy(bad[i].at, &bad[i].value, bad[i].size);
		if (load() || load_below(TOP, "nokaslr"))
			printf("# the bad header that was taken is number %u\n", i);
		CHECK(!entry && guards_hold());
	}
	make_file();
	file_size = sizeof(*elf) - 1;
	CHECK(!load());
	board__destroy();
}

TEST(an_unusual_alignment_is_refused)
{
	static const uint64_t bad[] = { 0, 4096, 3 * ALIGN };

	CHECK(board__create(32));
	make_movable_file();
	for (unsigned int i = 0; i < 3; i++) {
		k = (struct vmlinux){ { file, file_size }, LINKED, ROOM, bad[i], TOP, false, 0, 0 };
		board.err.text[0] = '\0';
		CHECK(vmlinux__load(&board.m, &k, &entry, &board.err) < 0);
	}
	board__destroy();
}

TEST(random_damage_stays_within_the_room)
{
	CHECK(board__create(32));
	srandom(1);
	for (unsigned int i = 0; i < 20000; i++) {
		make_file();
		for (unsigned int n = 0; n < 6; n++)
			add_word(random() % 2 ? place(random() % DATA_GOES_TO) : 0);
		for (unsigned int n = 0; n <= i % 4; n++)
			file[random() % (sizeof(*elf) + 3 * sizeof(*segments))] = random();
		load();
		CHECK(guards_hold());
	}
	board__destroy();
}

/* ---- bzimage.c ---- */

#define SETUP_SIZE	1024

static uint8_t image[SETUP_SIZE + 4096];
static struct boot_file bzimage = { image, 0 };
static struct setup_header *const header = (void *)(image + 0x1f1);
static struct boot_entry start;

static void pack_image(void)
{
	pack_xz();
	memset(image, 0, sizeof(image));
	memcpy(image + SETUP_SIZE, payload, payload_size);
	bzimage.size = SETUP_SIZE + payload_size;
	header->setup_sects = 1;
	header->boot_flag = 0xaa55;
	header->header = 0x53726448;
	header->version = 0x20f;
	header->loadflags = LOADED_HIGH;
	header->kernel_alignment = ALIGN;
	header->relocatable_kernel = 1;
	header->xloadflags = XLF_KERNEL_64 | XLF_5LEVEL_ENABLED;
	header->cmdline_size = 2047;
	header->payload_length = payload_size;
	header->pref_address = LINKED;
	header->init_size = 2 * ALIGN;
}

static void make_image(void)
{
	make_movable_file();
	pack_image();
}

static bool starts(void)
{
	struct boot_info info = { 0 };

	start = (struct boot_entry){ 0 };
	return !bzimage__load(&board.m, &bzimage, &info, &start, &board.err) && start.long_mode &&
	       start.info == BOOT_INFO;
}

static bool is_told_of_kaslr(void)
{
	const struct boot_params *zero = memory__ptr(board.m.memory, BOOT_INFO, sizeof(*zero));

	return zero->hdr.loadflags & KASLR_FLAG;
}

TEST(a_bzimage_starts_unpacked)
{
	CHECK(board__create(32));
	make_image();
	CHECK(starts() && is_told_of_kaslr() && start.five_levels);
	CHECK(start.rip % ALIGN == ENTRY && start.rip <= 32 * MIB - 2 * ALIGN + ENTRY);
	CHECK(all(ram(start.rip - ENTRY, TEXT_SIZE), TEXT_SIZE, 1));

	board.config.append = "nokaslr no5lvl";
	CHECK(starts() && !is_told_of_kaslr() && !start.five_levels && start.rip == LINKED + ENTRY);
	board__destroy();
}

static bool starts_its_own_code(const char *why)
{
	return starts() && !is_told_of_kaslr() && !start.five_levels &&
	       start.rip == LINKED + 0x200 && strstr(board.phase, "unpacks itself: ") &&
	       strstr(board.phase, why) &&
	       !memcmp(ram(LINKED, payload_size), image + SETUP_SIZE, payload_size);
}

TEST(a_bzimage_that_cannot_be_unpacked_starts_its_own_code)
{
	CHECK(board__create(32));
	make_image();
	header->payload_offset = 1;
	CHECK(starts_its_own_code("cut short"));
	header->payload_offset = ~0U;
	CHECK(starts_its_own_code("cut short"));
	make_image();
	header->payload_length++;
	CHECK(starts_its_own_code("cut short"));
	header->payload_length = 0;
	CHECK(starts_its_own_code("nothing is packed"));
	make_image();
	header->version = 0x20e;
	CHECK(starts_its_own_code("older"));
	make_image();
	image[SETUP_SIZE + 20] ^= 1;
	CHECK(starts_its_own_code("damaged"));
	make_image();
	image[SETUP_SIZE] = 'B';
	CHECK(starts_its_own_code("neither xz nor zstd"));
	make_image();
	header->kernel_alignment = 4096;
	CHECK(starts_its_own_code("alignment"));
	make_movable_file();
	segments[0].p_paddr = 0;
	pack_image();
	CHECK(starts_its_own_code("no complete kernel"));
	make_image();
	header->init_size = TABLE_AT;
	CHECK(starts_its_own_code("larger"));
	board__destroy();
}

TEST(a_bzimage_that_does_not_fit_into_memory_is_an_error)
{
	CHECK(board__create(19));
	make_image();
	CHECK(!starts() && strstr(board.err.text, "give more with -m"));
	board__destroy();
}

KTAP_MAIN()
