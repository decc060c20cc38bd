# SPDX-License-Identifier: GPL-2.0
#
# The kernel's kselftest_harness.h, taken once from Debian's linux-source package
# into the cache. Defines KSFT_DIR, to be used with -I and as a prerequisite.

MINIVMM_CACHE ?= $(HOME)/.cache/minivmm
LINUX_SOURCE ?= $(lastword $(sort $(wildcard /usr/src/linux-source-*.tar.xz)))
KSFT_DIR := $(MINIVMM_CACHE)/kselftest
KSFT_HEADERS := $(KSFT_DIR)/kselftest_harness.h $(KSFT_DIR)/kselftest.h

$(KSFT_HEADERS) &:
	@test -n "$(LINUX_SOURCE)" || { echo "linux-source is missing; run tools/setup" >&2; exit 1; }
	mkdir -p $(KSFT_DIR).part
	tar -xJf $(LINUX_SOURCE) -C $(KSFT_DIR).part --strip-components=4 --wildcards \
		'*/tools/testing/selftests/kselftest.h' \
		'*/tools/testing/selftests/kselftest_harness.h'
	mkdir -p $(KSFT_DIR)
	mv $(KSFT_DIR).part/*.h $(KSFT_DIR)/ && rmdir $(KSFT_DIR).part
	touch $(KSFT_HEADERS)
