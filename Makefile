# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make            the module for KERNEL (default 6.1), the launcher, the selftests
#   make module     the module alone: build/$(KERNEL)/kmod/minivmm.ko
#   make check      every test but the long ones, which make check-all adds
#   make demo       boot a Debian disk image in the emulated host
#   make bench      what operations cost, and what they cost on KVM
#
# V=1 shows the commands of the module's and the launcher's build in full.
#
# The first use downloads kernels from Debian into ~/.cache/minivmm (or
# MINIVMM_CACHE); tools/setup installs the packages all of this needs.

KERNEL	?= 6.1
SELFTESTS := $(sort $(dir $(wildcard selftests/*/Makefile)))

all: module launcher selftests

module:
	tools/lab/build-module $(KERNEL)

launcher:
	@$(MAKE) --no-print-directory -C userspace-vmm

selftests: $(SELFTESTS)

$(SELFTESTS):
	$(MAKE) -C $@

check check-all:
	tools/lab/check $@

demo:
	tools/demo

bench:
	selftests/bench/all

clean:
	rm -rf build

# Rooms of the selftests share a library: with -j, each is built in parallel, but one after the other.
.NOTPARALLEL:

.PHONY: all module launcher selftests $(SELFTESTS) check check-all demo bench clean
