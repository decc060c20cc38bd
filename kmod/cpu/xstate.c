// SPDX-License-Identifier: GPL-2.0
/* The guest's XSAVE state: in registers during a section, in an area otherwise. */

#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/msr-index.h>

#include "../backend.h"
#include "../compat.h"
#include "../report/explain.h"
#include "../report/log.h"
#include "../vcpu/vcpu.h"
#include "speculation.h"
#include "xstate.h"

#define XSTATE_X87		BIT_ULL(0)
#define XSTATE_SSE		BIT_ULL(1)
#define XSTATE_AVX		BIT_ULL(2)
#define XSTATE_MPX		GENMASK_ULL(4, 3)
#define XSTATE_ZMM_HI256	BIT_ULL(6)
#define XSTATE_AVX512		GENMASK_ULL(7, 5)
#define XSTATE_AMX		GENMASK_ULL(18, 17)

#define XSTATE_LEGACY_SIZE	512
#define XSTATE_HEADER_SIZE	64
#define XSTATE_XMM_OFFSET	160
#define XSTATE_MXCSR_DEFAULT	0x1f80
#define XSTATE_FCW_DEFAULT	0x037f

struct xstate_image_header {
	u64 xstate_bv, xcomp_bv, reserved[6];
};

/* The first 512 bytes: the FXSAVE image. */
struct xstate_legacy {
	u16 fcw, fsw;
	u8 ftw, reserved;
	u16 fop;
	u64 fip, fdp;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];
	u8 xmm[16][16];
	u8 rest[96];
};

struct xstate_image {
	struct xstate_legacy legacy;
	struct xstate_image_header header;
};

static_assert(offsetof(struct xstate_legacy, xmm) == XSTATE_XMM_OFFSET);
static_assert(sizeof(struct xstate_legacy) == XSTATE_LEGACY_SIZE);
static_assert(sizeof(struct xstate_image_header) == XSTATE_HEADER_SIZE);

/* Fixed at load. */
static struct {
	u64 features;		/* XCR0 bits the host enables and a guest may use */
	u64 host_xcr0;
	u64 host_xss;
	u32 mxcsr_mask;
	unsigned int size;
	u32 ymm_offset, zmm_offset, pkru_offset;
	u32 end[64];		/* of each component in the standard format */
	u32 bytes[64];		/* of each component alone */
	u64 aligned;		/* components at multiples of 64 in the compacted format */
} host;

static u64 read_xcr0(void)
{
	u32 eax, edx;

	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	return eax | (u64)edx << 32;
}

static void write_xcr0(u64 value)
{
	asm volatile("xsetbv" : : "a" ((u32)value), "d" ((u32)(value >> 32)), "c" (0));
}

/* Where each component is in the standard format. */
static void read_layout(void)
{
	u32 size, offset, ecx, edx;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!(host.features & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &size, &offset, &ecx, &edx);
		host.end[i] = offset + size;
		host.bytes[i] = size;
		host.aligned |= ecx & 2 ? BIT_ULL(i) : 0;
		if (i == 2)
			host.ymm_offset = offset;
		if (i == 6)
			host.zmm_offset = offset;
		if (i == 9)
			host.pkru_offset = offset;
	}
}

unsigned int xstate_size_of(u64 xcr0)
{
	u32 size = XSTATE_LEGACY_SIZE + XSTATE_HEADER_SIZE;
	unsigned int i;

	for (i = 2; i < 63; i++)
		if (xcr0 & BIT_ULL(i))
			size = max(size, host.end[i]);
	return size;
}

unsigned int xstate_compacted_size_of(u64 xcr0)
{
	u32 size = XSTATE_LEGACY_SIZE + XSTATE_HEADER_SIZE;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (host.aligned & BIT_ULL(i))
			size = ALIGN(size, 64);
		size += host.bytes[i];
	}
	return size;
}

/* MXCSR bits outside the CPU's mask fault on restore. */
static u32 read_mxcsr_mask(void)
{
	struct xstate_legacy *image = kzalloc(sizeof(*image), GFP_KERNEL);
	u32 mask = 0xffbf;

	if (!image)
		return mask;
	kernel_fpu_begin();
	asm volatile("fxsave %0" : "=m" (*image));
	kernel_fpu_end();
	if (image->mxcsr_mask)
		mask = image->mxcsr_mask;
	kfree(image);
	return mask;
}

int xstate_setup(void)
{
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE)) {
		log_err("the host kernel does not use XSAVE, which minivmm needs: boot it without noxsave");
		return -ENODEV;
	}
	host.host_xcr0 = read_xcr0();
	host.features = host.host_xcr0 & ~(XSTATE_AMX | XSTATE_MPX);
	read_layout();
	host.size = xstate_size_of(host.features);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		host.host_xss = host_rdmsr(MSR_IA32_XSS);
	host.mxcsr_mask = read_mxcsr_mask();
	return 0;
}

u64 xstate_host_features(void)
{
	return host.features;
}

unsigned int xstate_size(void)
{
	return host.size;
}

int xstate_init(struct vcpu *vcpu)
{
	/* kzalloc of a power of two is aligned to its size: at least the 64 bytes needed. */
	vcpu->xstate.area = kzalloc(roundup_pow_of_two(host.size), GFP_KERNEL_ACCOUNT);
	return vcpu->xstate.area ? 0 : -ENOMEM;
}

void xstate_free(struct vcpu *vcpu)
{
	kfree(vcpu->xstate.area);
}

void xstate_reset(struct vcpu *vcpu, bool init)
{
	struct xstate_image *image = vcpu->xstate.area;

	vcpu->xstate.xcr0 = XSTATE_X87;
	vcpu->xstate.xss = 0;
	if (init)
		return;
	vcpu->xstate.pkru = 0;
	memset(image, 0, host.size);
	image->legacy.fcw = 0x40;	/* as RESET leaves it; FNINIT makes it 0x37f */
	image->legacy.ftw = 0xff;
	image->legacy.mxcsr = XSTATE_MXCSR_DEFAULT;
	image->header.xstate_bv = XSTATE_X87 | XSTATE_SSE;
}

/* False: the image faulted. */
static bool try_restore(const void *area, u64 mask)
{
	asm goto("1: xrstor64 (%0)\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : "r" (area), "a" ((u32)mask), "d" ((u32)(mask >> 32)) : "memory" : fault);
	return true;
fault:
	return false;
}

void xstate_load_guest(struct vcpu *vcpu)
{
	u64 mask = host.features & ~XSTATE_PKRU;
	struct xstate_image *image = vcpu->xstate.area;

	speculation_fpu();
	/*
	 * With the host's XCR0, so that everything is moved whatever the guest
	 * enabled. Images are checked when userspace gives them; should one fault
	 * all the same, the guest goes on with the initial state, not the host's.
	 */
	if (unlikely(!try_restore(image, mask))) {
		memset(image, 0, host.size);
		image->legacy.mxcsr = XSTATE_MXCSR_DEFAULT;
		try_restore(image, mask);
	}
}

void xstate_save_guest(struct vcpu *vcpu)
{
	u64 mask = host.features & ~XSTATE_PKRU;

	asm volatile("xsave64 (%0)"
		     : : "r" (vcpu->xstate.area), "a" ((u32)mask), "d" ((u32)(mask >> 32))
		     : "memory");
}

static void swap_pkru(u32 from, u32 to)
{
	if (from != to)
		asm volatile("wrpkru" : : "a" (to), "c" (0), "d" (0));
}

static u32 read_pkru_register(void)
{
	u32 eax, edx;

	asm volatile("rdpkru" : "=a" (eax), "=d" (edx) : "c" (0));
	return eax;
}

void xstate_enter_window(struct vcpu *vcpu)
{
	if (vcpu->xstate.xcr0 != host.host_xcr0)
		write_xcr0(vcpu->xstate.xcr0);
	if (cpu_feature_enabled(X86_FEATURE_XSAVES) && vcpu->xstate.xss != host.host_xss)
		host_wrmsr(MSR_IA32_XSS, vcpu->xstate.xss);
	if (cpu_feature_enabled(X86_FEATURE_OSPKE)) {
		vcpu->xstate.host_pkru = read_pkru_register();
		swap_pkru(vcpu->xstate.host_pkru, vcpu->xstate.pkru);
	}
}

/* Where the guest changes it without an exit, only the register knows. */
static void read_guest_xcr0(struct vcpu *vcpu)
{
	if (unlikely(backend.hides_xsetbv))
		vcpu->xstate.xcr0 = read_xcr0();
}

void xstate_leave_window(struct vcpu *vcpu)
{
	if (cpu_feature_enabled(X86_FEATURE_OSPKE)) {
		vcpu->xstate.pkru = read_pkru_register();
		swap_pkru(vcpu->xstate.pkru, vcpu->xstate.host_pkru);
	}
	if (cpu_feature_enabled(X86_FEATURE_XSAVES) && vcpu->xstate.xss != host.host_xss)
		host_wrmsr(MSR_IA32_XSS, host.host_xss);
	read_guest_xcr0(vcpu);
	if (vcpu->xstate.xcr0 != host.host_xcr0)
		write_xcr0(host.host_xcr0);
}

u64 xstate_guest_xcr0(struct vcpu *vcpu)
{
	if (vcpu_in_window(vcpu))
		read_guest_xcr0(vcpu);
	return vcpu->xstate.xcr0;
}

/* The rules of XSETBV: x87 always, AVX needs SSE, AVX-512 is all or nothing and needs AVX. */
static bool xcr0_is_legal(u64 xcr0, u64 allowed)
{
	if (!(xcr0 & XSTATE_X87) || (xcr0 & ~allowed))
		return false;
	if ((xcr0 & XSTATE_AVX) && !(xcr0 & XSTATE_SSE))
		return false;
	if (!(xcr0 & XSTATE_AVX512))
		return true;
	return (xcr0 & XSTATE_AVX) && (xcr0 & XSTATE_AVX512) == XSTATE_AVX512;
}

int xstate_set_xcr0(struct vcpu *vcpu, u64 xcr0)
{
	if (!xcr0_is_legal(xcr0, vcpu->cpuid.has.xcr0_allowed))
		return -EINVAL;
	vcpu->xstate.xcr0 = xcr0;
	if (vcpu_in_window(vcpu))
		write_xcr0(xcr0);
	return 0;
}

/* A component that is in its initial state may have stale bytes in the area: tidy them. */
static void normalize(struct xstate_image *image)
{
	u64 bv = image->header.xstate_bv;

	if (!(bv & XSTATE_X87)) {
		memset(&image->legacy, 0, offsetof(struct xstate_legacy, mxcsr));
		memset(image->legacy.st, 0, sizeof(image->legacy.st));
		image->legacy.fcw = XSTATE_FCW_DEFAULT;
	}
	if (!(bv & XSTATE_SSE))
		memset(image->legacy.xmm, 0, sizeof(image->legacy.xmm));
	if (!(bv & (XSTATE_SSE | XSTATE_AVX)))
		image->legacy.mxcsr = XSTATE_MXCSR_DEFAULT;
	if (host.ymm_offset && !(bv & XSTATE_AVX))
		memset((void *)image + host.ymm_offset, 0, 256);
}

/* What struct minivmm_fpu has of the FXSAVE image, in either direction. */
#define FOR_FPU_FIELDS(copy)							\
	copy(fpr, st) copy(fcw, fcw) copy(fsw, fsw) copy(ftwx, ftw)		\
	copy(last_opcode, fop) copy(last_ip, fip) copy(last_dp, fdp)		\
	copy(xmm, xmm) copy(mxcsr, mxcsr)

void xstate_get_fpu(struct vcpu *vcpu, struct minivmm_fpu *fpu)
{
	struct xstate_image *image = vcpu->xstate.area;

#define GET(fpu_name, name)	memcpy(&fpu->fpu_name, &image->legacy.name, sizeof(image->legacy.name));
	normalize(image);
	FOR_FPU_FIELDS(GET)
#undef GET
}

static int check_mxcsr(struct vcpu *vcpu, u32 mxcsr)
{
	if (mxcsr & ~host.mxcsr_mask)
		return refuse(&vcpu->error, -EINVAL, "mxcsr", mxcsr,
			      "bits that this CPU's MXCSR does not have");
	return 0;
}

int xstate_set_fpu(struct vcpu *vcpu, const struct minivmm_fpu *fpu)
{
	struct xstate_image *image = vcpu->xstate.area;
	int err = check_mxcsr(vcpu, fpu->mxcsr);

	if (err)
		return err;
#define SET(fpu_name, name)	memcpy(&image->legacy.name, &fpu->fpu_name, sizeof(image->legacy.name));
	normalize(image);
	FOR_FPU_FIELDS(SET)
#undef SET
	image->header.xstate_bv |= XSTATE_X87 | XSTATE_SSE;
	return 0;
}

void xstate_get(struct vcpu *vcpu, void *buf, unsigned int size)
{
	struct xstate_image *image = buf;

	normalize(vcpu->xstate.area);
	memset(buf, 0, size);
	memcpy(buf, vcpu->xstate.area, min(size, host.size));
	image->legacy.mxcsr_mask = host.mxcsr_mask;
	if (host.pkru_offset && (host.features & XSTATE_PKRU) && vcpu->xstate.pkru &&
	    host.pkru_offset + sizeof(u32) <= size) {
		memcpy(buf + host.pkru_offset, &vcpu->xstate.pkru, sizeof(u32));
		image->header.xstate_bv |= XSTATE_PKRU;
	}
	/* Userspace finds which components are meaningful in the bytes software may use. */
	memcpy(&image->legacy.rest[96 - 48], &host.features, sizeof(u64));
}

static int check_image(struct vcpu *vcpu, const struct xstate_image *image)
{
	unsigned int i;

	if (image->header.xstate_bv & ~host.features)
		return refuse(&vcpu->error, -EINVAL, "xstate_bv", image->header.xstate_bv,
			      "components that this host does not have");
	if (image->header.xcomp_bv)
		return refuse(&vcpu->error, -EINVAL, "xcomp_bv", image->header.xcomp_bv,
			      "the image must be in the standard, not the compacted format");
	for (i = 0; i < ARRAY_SIZE(image->header.reserved); i++)
		if (image->header.reserved[i])
			return refuse(&vcpu->error, -EINVAL, "xsave header",
				      image->header.reserved[i], "reserved bytes must be 0");
	return check_mxcsr(vcpu, image->legacy.mxcsr);
}

int xstate_set(struct vcpu *vcpu, const void *buf, unsigned int size)
{
	const struct xstate_image *image = buf;
	int err = check_image(vcpu, image);

	if (err)
		return err;
	vcpu->xstate.pkru = 0;
	if ((image->header.xstate_bv & XSTATE_PKRU) && host.pkru_offset + sizeof(u32) <= size)
		memcpy(&vcpu->xstate.pkru, buf + host.pkru_offset, sizeof(u32));
	memcpy(vcpu->xstate.area, buf, min(size, host.size));
	((struct xstate_image *)vcpu->xstate.area)->header.xstate_bv &= ~XSTATE_PKRU;
	return 0;
}

void xstate_vec_read(struct vcpu *vcpu, unsigned int reg, void *buf, unsigned int len)
{
	struct xstate_image *image = vcpu->xstate.area;

	normalize(image);
	memcpy(buf, image->legacy.xmm[reg], 16);
	if (len == 32)
		memcpy(buf + 16, (void *)image + host.ymm_offset + reg * 16, 16);
}

void xstate_vec_write(struct vcpu *vcpu, unsigned int reg, const void *buf, unsigned int len)
{
	struct xstate_image *image = vcpu->xstate.area;

	normalize(image);
	memcpy(image->legacy.xmm[reg], buf, 16);
	image->header.xstate_bv |= XSTATE_SSE;
	if (len != 32)
		return;
	memcpy((void *)image + host.ymm_offset + reg * 16, buf + 16, 16);
	image->header.xstate_bv |= XSTATE_AVX;
	/* A VEX instruction clears what is above its register. */
	if (image->header.xstate_bv & XSTATE_ZMM_HI256)
		memset((void *)image + host.zmm_offset + reg * 32, 0, 32);
}

void xstate_control_read(struct vcpu *vcpu, struct emul_fpu *out)
{
	struct xstate_image *image = vcpu->xstate.area;

	normalize(image);
	*out = (struct emul_fpu){
		.cw = image->legacy.fcw, .sw = image->legacy.fsw,
		.mxcsr = image->legacy.mxcsr, .mxcsr_mask = host.mxcsr_mask,
	};
}

void xstate_control_write(struct vcpu *vcpu, const struct emul_fpu *in)
{
	struct xstate_image *image = vcpu->xstate.area;

	normalize(image);
	image->legacy.fcw = in->cw;
	image->legacy.fsw = in->sw;
	image->legacy.mxcsr = in->mxcsr;
	image->header.xstate_bv |= XSTATE_X87 | XSTATE_SSE;
}

#define X87_TOP_SHIFT	11
#define X87_TOP		(7u << X87_TOP_SHIFT)
#define X87_ALL_VALID	0xffu	/* in the abridged tag word of the image */

/* The image has the registers in the order of the stack, from its top. */
static unsigned int top_of_stack(const struct xstate_legacy *legacy)
{
	return (legacy->fsw & X87_TOP) >> X87_TOP_SHIFT;
}

u64 xstate_mmx_read(struct vcpu *vcpu, unsigned int reg)
{
	struct xstate_image *image = vcpu->xstate.area;
	u64 value;

	normalize(image);
	memcpy(&value, image->legacy.st[(reg - top_of_stack(&image->legacy)) % 8], sizeof(value));
	return value;
}

void xstate_mmx_used(struct vcpu *vcpu)
{
	struct xstate_image *image = vcpu->xstate.area;
	struct xstate_legacy *legacy = &image->legacy;
	unsigned int i, top;
	u8 st[8][16];

	normalize(image);
	top = top_of_stack(legacy);
	memcpy(st, legacy->st, sizeof(st));
	for (i = 0; i < 8; i++)
		memcpy(legacy->st[(i + top) % 8], st[i], sizeof(st[i]));
	legacy->fsw &= ~X87_TOP;
	legacy->ftw = X87_ALL_VALID;
	image->header.xstate_bv |= XSTATE_X87;
}

/* Sign and exponent become what x87 instructions take for no number. */
void xstate_mmx_write(struct vcpu *vcpu, unsigned int reg, u64 value)
{
	struct xstate_image *image = vcpu->xstate.area;

	memcpy(image->legacy.st[reg], &value, sizeof(value));
	memset(&image->legacy.st[reg][8], 0xff, 2);
}
