// SPDX-License-Identifier: GPL-2.0
/*
 * The files of counters: what a file holds is put together anew for each read.
 * Where KVM has a counter of the same meaning, its name is KVM's.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../vcpu/vcpu.h"
#include "../vm.h"
#include "stats.h"

#define NAME_SIZE	48

struct counter {
	const char *name;
	u32 type;		/* MINIVMM_STATS_TYPE_* */
	u32 offset;		/* of a 64-bit number in the structure of all */
};

#define VCPU(name, member) { \
	name, MINIVMM_STATS_TYPE_CUMULATIVE, offsetof(struct vcpu_stats, member) }
static const struct counter vcpu_counters[] = {
	VCPU("irq_exits", exits[EXIT_INTERRUPT]),
	VCPU("entry_failures", exits[EXIT_ENTRY_FAILED]),
	VCPU("io_exits", exits[EXIT_IO]),
	VCPU("page_fault_exits", exits[EXIT_FAULT]),
	VCPU("cpuid_exits", exits[EXIT_CPUID]),
	VCPU("msr_read_exits", exits[EXIT_MSR_READ]),
	VCPU("msr_write_exits", exits[EXIT_MSR_WRITE]),
	VCPU("halt_exits", exits[EXIT_HLT]),
	VCPU("hypercalls", exits[EXIT_HYPERCALL]),
	VCPU("xsetbv_exits", exits[EXIT_XSETBV]),
	VCPU("cr4_write_exits", exits[EXIT_CR4_WRITE]),
	VCPU("cr4_read_exits", exits[EXIT_CR4_READ]),
	VCPU("pause_exits", exits[EXIT_PAUSE]),
	VCPU("irq_window_exits", exits[EXIT_INTERRUPT_WINDOW]),
	VCPU("nmi_window_exits", exits[EXIT_NMI_WINDOW]),
	VCPU("timer_exits", exits[EXIT_TIMER]),
	VCPU("debug_register_exits", exits[EXIT_DEBUG_REGISTER]),
	VCPU("shutdown_exits", exits[EXIT_SHUTDOWN]),
	VCPU("exception_exits", exits[EXIT_EXCEPTION]),
	VCPU("machine_check_exits", exits[EXIT_MACHINE_CHECK]),
	VCPU("cache_flush_exits", exits[EXIT_CACHE_FLUSH]),
	VCPU("undefined_exits", exits[EXIT_UNDEFINED]),
	VCPU("rdpmc_exits", exits[EXIT_RDPMC]),
	VCPU("backend_exits", exits[EXIT_RESUME]),
	VCPU("apic_access_exits", exits[EXIT_APIC_ACCESS]),
	VCPU("apic_eoi_exits", exits[EXIT_EOI_WRITE]),
	VCPU("apic_write_exits", exits[EXIT_APIC_WRITTEN]),
	VCPU("step_exits", exits[EXIT_STEP]),
	VCPU("apic_ended_exits", exits[EXIT_EOI_DONE]),
	VCPU("task_switch_exits", exits[EXIT_TASK_SWITCH]),
	VCPU("cpu_taken_exits", exits[EXIT_CPU_TAKEN]),
	VCPU("unknown_exits", exits[EXIT_UNKNOWN]),
	VCPU("irq_injections", injections),
	VCPU("user_exits", user_exits),
	VCPU("signal_exits", signal_exits),
	VCPU("insn_emulation", emulated),
	VCPU("halts", halts),
	VCPU("tlb_flush", tlb_flushes),
};

#define VM(name, type, member) { \
	name, MINIVMM_STATS_TYPE_##type, offsetof(struct memory_stats, member) }
static const struct counter vm_counters[] = {
	VM("page_faults", CUMULATIVE, faults),
	VM("page_fault_retries", CUMULATIVE, retries),
	VM("mapped_4k", CUMULATIVE, mapped[0]),
	VM("mapped_2m", CUMULATIVE, mapped[1]),
	VM("mapped_1g", CUMULATIVE, mapped[2]),
	VM("pages_4k", INSTANT, leaves[0]),
	VM("pages_2m", INSTANT, leaves[1]),
	VM("pages_1g", INSTANT, leaves[2]),
	VM("page_splits", CUMULATIVE, splits),
	VM("remote_tlb_flush", CUMULATIVE, flushes),
	VM("page_tables", INSTANT, tables),
};

/* All that is counted is told. */
static_assert(sizeof(struct vcpu_stats) == ARRAY_SIZE(vcpu_counters) * sizeof(u64));
static_assert(offsetof(struct vcpu_stats, exits) == 0);
static_assert(sizeof(struct memory_stats) == ARRAY_SIZE(vm_counters) * sizeof(u64));

struct stats_file {
	struct vm *vm;			/* pinned */
	const struct counter *counters;
	unsigned int count;
	unsigned int exit_kinds;	/* the first counters, if it is a vCPU's */
	const u64 *data;		/* @count of them; a VM's vCPUs have more of its memory */
	char id[NAME_SIZE];
};

/* What is told: after all counters the sum of those of exits, which the way of exits need not count. */
static const struct counter exit_sum = {
	"exits", MINIVMM_STATS_TYPE_CUMULATIVE, sizeof(struct vcpu_stats)
};

static unsigned int nr_told(const struct stats_file *stats)
{
	return stats->count + !!stats->exit_kinds;
}

/* A file: header, id, descriptors, data. */
#define ID_OFFSET	sizeof(struct minivmm_stats_header)
#define DESC_OFFSET	(ID_OFFSET + NAME_SIZE)
#define DESC_SIZE	(sizeof(struct minivmm_stats_desc) + NAME_SIZE)

static size_t data_offset(const struct stats_file *stats)
{
	return DESC_OFFSET + nr_told(stats) * DESC_SIZE;
}

static void fill_head(void *image, const struct stats_file *stats)
{
	struct minivmm_stats_desc *desc = image + DESC_OFFSET;
	unsigned int i;

	*(struct minivmm_stats_header *)image = (struct minivmm_stats_header){
		.name_size = NAME_SIZE,
		.num_desc = nr_told(stats),
		.id_offset = ID_OFFSET,
		.desc_offset = DESC_OFFSET,
		.data_offset = data_offset(stats),
	};
	memcpy(image + ID_OFFSET, stats->id, NAME_SIZE);
	for (i = 0; i < nr_told(stats); i++, desc = (void *)desc + DESC_SIZE) {
		const struct counter *counter = i < stats->count ? &stats->counters[i] : &exit_sum;

		desc->flags = counter->type;
		desc->size = 1;
		desc->offset = counter->offset;
		strscpy(desc->name, counter->name, NAME_SIZE);
	}
}

static void add_counters(u64 *sum, const void *counters, unsigned int count)
{
	const u64 *counter = counters;
	unsigned int i;

	for (i = 0; i < count; i++)
		sum[i] += READ_ONCE(counter[i]);
}

/*
 * What a vCPU mapped and another takes away is counted in two places: with the latter looked
 * at first, no sum is below 0.
 */
static void fill_data(u64 *data, const struct stats_file *stats)
{
	struct vcpu *vcpu;
	unsigned int i;

	add_counters(data, stats->data, stats->count);
	for (i = 0; i < stats->exit_kinds; i++)
		data[stats->count] += data[i];
	if (stats->exit_kinds)
		return;
	for_each_vcpu(stats->vm, i, vcpu)
		add_counters(data, &vcpu->mmu.stats, stats->count);
}

static ssize_t stats_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	const struct stats_file *stats = file->private_data;
	size_t size = data_offset(stats) + nr_told(stats) * sizeof(u64);
	void *image = kzalloc(size, GFP_KERNEL_ACCOUNT);
	ssize_t ret;

	if (!image)
		return -ENOMEM;
	fill_head(image, stats);
	fill_data(image + data_offset(stats), stats);
	ret = simple_read_from_buffer(to, len, pos, image, size);
	kfree(image);
	return ret;
}

static void free_stats(struct stats_file *stats)
{
	vm_put(stats->vm);
	kfree(stats);
}

static int stats_release(struct inode *inode, struct file *file)
{
	free_stats(file->private_data);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = default_llseek,
};

/* @stats, or what is left of it, belongs to the file. */
static int open_stats(struct stats_file *stats)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		goto undo;
	file = anon_inode_getfile("minivmm-stats", &stats_fops, stats, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto undo;
	}
	file->f_mode |= FMODE_PREAD | FMODE_LSEEK;
	fd_install(fd, file);
	return fd;
undo:
	free_stats(stats);
	return fd;
}

static struct stats_file *new_stats(struct vm *vm, const struct counter *counters,
				    unsigned int count, const void *data)
{
	struct stats_file *stats = kzalloc(sizeof(*stats), GFP_KERNEL_ACCOUNT);

	if (!stats)
		return NULL;
	stats->vm = vm;
	stats->counters = counters;
	stats->count = count;
	stats->data = data;
	vm_get(vm);
	return stats;
}

int stats_vm_fd(struct vm *vm)
{
	struct stats_file *stats = new_stats(vm, vm_counters, ARRAY_SIZE(vm_counters),
					     &vm->memory.stats);

	if (!stats)
		return -ENOMEM;
	snprintf(stats->id, NAME_SIZE, "minivmm-%d", task_tgid_nr(current));
	return open_stats(stats);
}

int stats_vcpu_fd(struct vcpu *vcpu)
{
	struct stats_file *stats = new_stats(vcpu->vm, vcpu_counters, ARRAY_SIZE(vcpu_counters),
					     &vcpu->stats);

	if (!stats)
		return -ENOMEM;
	stats->exit_kinds = NR_EXIT_KINDS;
	snprintf(stats->id, NAME_SIZE, "minivmm-%d/vcpu-%u", task_tgid_nr(current), vcpu->id);
	return open_stats(stats);
}
