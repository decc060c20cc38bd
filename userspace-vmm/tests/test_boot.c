// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that are loaded, hostile ones among them, and what vCPUs get before a kernel starts. */
#include "support/ktap.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/direct.h"
#include "host.h"
#include "support/board.h"
#include "vcpu.h"

#define MIB	(1ULL << 20)

static struct host_file make_file(uint64_t size)
{
	struct host_file file = { .fd = memfd_create("test", 0), .path = "test", .option = "--kernel" };

	if (ftruncate(file.fd, size) < 0)
		close(file.fd);
	return file;
}

TEST(file_that_is_too_large_is_not_read)
{
	struct host_file from = make_file(1ULL << 50);
	struct boot_file file;
	struct error err = { 0 };

	CHECK(boot__read_file(&file, &from, 4096, &err) < 0 && err.status == STATUS_USAGE);
	CHECK(strstr(err.text, "--kernel test is too large") && !file.data);
	close(from.fd);
}

TEST(file_is_read_from_its_start_each_time)
{
	struct host_file from = make_file(0);
	struct boot_file file;
	struct error err = { 0 };

	CHECK(write(from.fd, "kernel", 6) == 6);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK(!boot__read_file(&file, &from, 6, &err) && file.size == 6);
		CHECK(!memcmp(file.data, "kernel", 6));
		boot__free_file(&file);
	}
	close(from.fd);
}

TEST(empty_file_is_refused_with_its_option)
{
	struct host_file from = make_file(0);
	struct boot_file file;
	struct error err = { 0 };

	CHECK(boot__read_file(&file, &from, 6, &err) < 0);
	CHECK(strstr(err.text, "--kernel test is empty"));
	close(from.fd);
}

/* An ELF file of @count segments of type @type, each of them all of RAM but the first MiB. */
static struct boot_file make_elf(unsigned int count, uint32_t type)
{
	struct boot_file file = { .size = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr) };
	Elf64_Phdr *segment;

	file.data = calloc(1, file.size);
	*(Elf64_Ehdr *)file.data = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
		.e_machine = EM_X86_64, .e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = count,
	};
	segment = (Elf64_Phdr *)(file.data + sizeof(Elf64_Ehdr));
	for (unsigned int i = 0; i < count; i++)
		segment[i] = (Elf64_Phdr){
			.p_type = type, .p_paddr = MIB, .p_memsz = board.config.memory - MIB,
			.p_filesz = type == PT_NOTE ? file.size : 0,
		};
	return file;
}

/* Loads it as a PVH kernel, and tells whether that took so little of the CPU. */
static bool refused_within(double seconds, unsigned int count, uint32_t type)
{
	struct boot_entry entry = { 0 };
	struct boot_info info = { 0 };
	struct boot_file file = make_elf(count, type);
	clock_t before = clock();
	int ret;

	board.err.text[0] = '\0';
	ret = pvh__load(&board.m, &file, &info, &entry, &board.err);
	boot__free_file(&file);
	return ret < 0 && clock() - before < seconds * CLOCKS_PER_SEC;
}

TEST(kernel_of_65535_segments_is_refused_at_once)
{
	CHECK(board__create(64));
	CHECK(refused_within(5, 65535, PT_LOAD));
	CHECK(strstr(board.err.text, "no complete"));
	CHECK(refused_within(5, 65535, PT_NOTE));
	CHECK(refused_within(5, 128, PT_LOAD));
	CHECK(strstr(board.err.text, "no complete"));
	CHECK(refused_within(5, 128, PT_NOTE));
	board__destroy();
}

TEST(kernel_that_does_not_fit_is_told_how_much_there_is)
{
	CHECK(board__create(64));
	board.config.memory = 5ULL << 29;	/* says the segment, too: more than the RAM */
	CHECK(refused_within(5, 1, PT_LOAD));
	CHECK(strstr(board.err.text, "the kernel does not fit into 2.5 GiB of memory; give more with -m"));
	board__destroy();
}

TEST(mtrrs_are_set_in_every_vcpu)
{
	struct vcpu cpu = { .fd = FAKE_VM_FD };
	struct vcpu *vcpus[3] = { &cpu, &cpu, &cpu };

	CHECK(board__create(16));
	board.config.vcpus = 3;
	CHECK(!direct__set_mtrrs(&board.m, vcpus, &board.err));
	CHECK(fake_kernel.msr_writes == 3);
	CHECK(fake_kernel.last_msr.index == 0x2ff && fake_kernel.last_msr.data == 0x806);
	board__destroy();
}

KTAP_MAIN()
