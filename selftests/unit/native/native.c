// SPDX-License-Identifier: GPL-2.0
/*
 * The traced child behind native.h. It never runs code of its own once it has
 * stopped for the first time.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../native.h"

#define XSAVE_MXCSR		24
#define XSAVE_ST		32
#define XSAVE_XMM		160
#define XSAVE_HEADER		512
#define XSAVE_YMM_COMPONENT	2
#define XSAVE_SSE_AVX		6

#define DATA_ATTR		0xf3	/* present, DPL 3, writable, accessed */
#define ATTR_DB			0x400
#define ATTR_L			0x200

static const struct native_desc flat_code64 = { 0, 0xffffffff, 0xfb | ATTR_L };
static const struct native_desc flat_code32 = { 0, 0xffffffff, 0xfb | ATTR_DB };
static const struct native_desc flat_data = { 0, 0xffffffff, DATA_ATTR | ATTR_DB };
static const struct native_desc kernel_code = { 0, 0xffffffff, 0x9b | ATTR_L };
static const struct native_desc kernel_data = { 0, 0xffffffff, 0x93 | ATTR_DB };
static const struct native_desc null_desc;

static const struct native_desc ldt[] = {
	{ NATIVE_CODE, NATIVE_CODE_LEN - 1, 0xfb },
	{ NATIVE_CODE, NATIVE_CODE_LEN - 1, 0xfb | ATTR_DB },
	{ NATIVE_DATA, 0x1fff, DATA_ATTR | ATTR_DB },
	{ NATIVE_DATA, 0x1fff, 0xf1 | ATTR_DB },
	{ NATIVE_BASE, 0x0fff, 0xf7 },
	{ NATIVE_DATA, 0x1fff, DATA_ATTR },
	{ NATIVE_BASE, 0x1fff, 0xf7 | ATTR_DB },
	{ NATIVE_CODE, NATIVE_CODE_LEN - 1, 0xf9 | ATTR_DB },
};

const struct native_desc *native_descriptor(u16 selector)
{
	switch (selector) {
	case SEL_KERNEL_CODE:
		return &kernel_code;
	case SEL_KERNEL_DATA:
		return &kernel_data;
	case SEL_CODE64:
		return &flat_code64;
	case SEL_CODE32:
		return &flat_code32;
	case SEL_FLAT:
		return &flat_data;
	}
	if ((selector & 7) == 7 && selector >> 3 < ARRAY_SIZE(ldt))
		return &ldt[selector >> 3];
	return &null_desc;
}

static int write_ldt(unsigned int entry, const struct native_desc *d)
{
	bool code = d->attr & 8;
	bool readable_or_writable = d->attr & 2;
	struct user_desc desc = {
		.entry_number = entry,
		.base_addr = d->base,
		.limit = d->limit,
		.seg_32bit = !!(d->attr & ATTR_DB),
		.contents = code ? 2 : d->attr & 4 ? 1 : 0,
		.read_exec_only = !readable_or_writable,
		.useable = 1,
	};

	return syscall(SYS_modify_ldt, 1, &desc, sizeof(desc));
}

static inline long raw_syscall(long nr, long arg1, long arg2)
{
	long ret;

	asm volatile("syscall" : "=a"(ret) : "0"(nr), "D"(arg1), "S"(arg2)
		     : "rcx", "r11", "memory");
	return ret;
}

/*
 * Unmaps whatever a stray address could hit (the sanitizers' shadow memory) and
 * stops for the tracer. Nothing of the C library or a sanitizer works after that.
 */
__attribute__((noreturn, no_sanitize("address", "undefined")))
static void stop_alone(pid_t pid)
{
	raw_syscall(SYS_munmap, NATIVE_END, 0x500000000000 - NATIVE_END);
	raw_syscall(SYS_kill, pid, SIGSTOP);
	for (;;)
		raw_syscall(SYS_exit, 1, 0);
}

static void child_main(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ldt); i++) {
		if (write_ldt(i, &ldt[i]))
			_exit(1);
	}
	if (mprotect((void *)NATIVE_BASE, 0x1000, PROT_NONE) ||
	    mprotect((void *)NATIVE_RO, 0x1000, PROT_READ) ||
	    mprotect((void *)NATIVE_DATA_END, NATIVE_CODE - NATIVE_DATA_END, PROT_NONE) ||
	    mprotect((void *)NATIVE_CODE_END, NATIVE_END - NATIVE_CODE_END, PROT_NONE))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(1);
	stop_alone(getpid());
}

/* The part of the XSAVE area that holds the upper halves of YMM. */
static size_t find_ymm_high(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return 0;
	__cpuid_count(0xd, XSAVE_YMM_COMPONENT, a, b, c, d);
	return b;
}

/* Tracer and child take turns: on one CPU the switch is cheapest. */
static void share_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int native_start(struct native *n)
{
	void *base = mmap((void *)NATIVE_BASE, NATIVE_END - NATIVE_BASE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int status;

	if (base == MAP_FAILED)
		return -1;
	n->xsave = aligned_alloc(64, NATIVE_XSAVE_MAX);
	n->ymm_high = find_ymm_high();
	share_one_cpu();
	n->pid = fork();
	if (n->pid < 0)
		return -1;
	if (!n->pid)
		child_main();
	if (waitpid(n->pid, &status, 0) != n->pid || !WIFSTOPPED(status)) {
		errno = ECHILD;
		return -1;
	}
	return ptrace(PTRACE_SETOPTIONS, n->pid, 0, PTRACE_O_EXITKILL) ? -1 : 0;
}

void native_stop(struct native *n)
{
	kill(n->pid, SIGKILL);
	waitpid(n->pid, NULL, 0);
	free(n->xsave);
	munmap((void *)NATIVE_BASE, NATIVE_END - NATIVE_BASE);
}

/* The exception behind a signal, as Linux reports it. */
static int signal_to_end(struct native *n, struct native_end *end)
{
	siginfo_t info;

	if (ptrace(PTRACE_GETSIGINFO, n->pid, 0, &info))
		return -1;
	end->address = 0;
	if (info.si_signo == SIGFPE) {
		end->vector = info.si_code == FPE_INTDIV ? 0 : 16;
	} else if (info.si_signo == SIGILL) {
		end->vector = 6;
	} else if (info.si_signo == SIGSEGV && info.si_code == SI_KERNEL) {
		end->vector = 13;
	} else if (info.si_signo == SIGSEGV) {
		end->vector = 14;
		end->address = (uintptr_t)info.si_addr;
	} else if (info.si_signo == SIGBUS) {
		end->vector = info.si_code == BUS_ADRALN ? 17 : 12;
	} else {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int native_step(struct native *n, struct user_regs_struct *regs, bool repeats,
		struct native_end *end)
{
	u64 rip = regs->rip;
	int status;

	end->vector = NATIVE_DONE;
	if (ptrace(PTRACE_SETREGS, n->pid, 0, regs))
		return -1;
	do {
		if (ptrace(PTRACE_SINGLESTEP, n->pid, 0, 0) ||
		    waitpid(n->pid, &status, 0) != n->pid || !WIFSTOPPED(status))
			return -1;
		if (ptrace(PTRACE_GETREGS, n->pid, 0, regs))
			return -1;
		if (WSTOPSIG(status) != SIGTRAP)
			return signal_to_end(n, end);
	} while (repeats && regs->rip == rip);
	return 0;
}

static int read_xsave(struct native *n)
{
	struct iovec iov = { n->xsave, NATIVE_XSAVE_MAX };

	if (ptrace(PTRACE_GETREGSET, n->pid, NT_X86_XSTATE, &iov))
		return -1;
	n->xsave_len = iov.iov_len;
	return 0;
}

int native_get_vec(struct native *n, u8 (*vec)[32])
{
	unsigned int i;

	if (read_xsave(n))
		return -1;
	for (i = 0; i < 16; i++) {
		memcpy(vec[i], n->xsave + XSAVE_XMM + 16 * i, 16);
		memset(vec[i] + 16, 0, 16);
		if (n->ymm_high)
			memcpy(vec[i] + 16, n->xsave + n->ymm_high + 16 * i, 16);
	}
	return 0;
}

int native_set_vec(struct native *n, u8 (*vec)[32])
{
	struct iovec iov;
	unsigned int i;

	if (!n->xsave_len && read_xsave(n))
		return -1;
	for (i = 0; i < 16; i++) {
		memcpy(n->xsave + XSAVE_XMM + 16 * i, vec[i], 16);
		if (n->ymm_high)
			memcpy(n->xsave + n->ymm_high + 16 * i, vec[i] + 16, 16);
	}
	n->xsave[XSAVE_HEADER] |= n->ymm_high ? XSAVE_SSE_AVX : 2;
	iov = (struct iovec){ n->xsave, n->xsave_len };
	return ptrace(PTRACE_SETREGSET, n->pid, NT_X86_XSTATE, &iov);
}

int native_get_x87(struct native *n, struct native_x87 *x87)
{
	unsigned int i;

	if (read_xsave(n))
		return -1;
	memcpy(&x87->cw, n->xsave, 2);
	memcpy(&x87->sw, n->xsave + 2, 2);
	x87->tags = n->xsave[4];
	memcpy(&x87->mxcsr, n->xsave + XSAVE_MXCSR, 8);
	for (i = 0; i < 8; i++)
		memcpy(&x87->mmx[i], n->xsave + XSAVE_ST + 16 * i, 8);
	return 0;
}

int native_set_x87(struct native *n, const struct native_x87 *x87)
{
	struct iovec iov;
	unsigned int i;

	if (read_xsave(n))
		return -1;
	memcpy(n->xsave, &x87->cw, 2);
	memcpy(n->xsave + 2, &x87->sw, 2);
	n->xsave[4] = x87->tags;
	memcpy(n->xsave + XSAVE_MXCSR, &x87->mxcsr, 4);
	for (i = 0; i < 8; i++)
		memcpy(n->xsave + XSAVE_ST + 16 * i, &x87->mmx[i], 8);
	n->xsave[XSAVE_HEADER] |= 3;
	iov = (struct iovec){ n->xsave, n->xsave_len };
	return ptrace(PTRACE_SETREGSET, n->pid, NT_X86_XSTATE, &iov);
}
