# SPDX-License-Identifier: GPL-2.0
#
# How a program of the selftests is built: set ROOT and BUILD, include this,
# depend on $(SELFTEST_LIB), compile with $(SELFTEST_CFLAGS).

include $(ROOT)/selftests/lib/kselftest.mk

LIB_SRC := $(ROOT)/selftests/lib
LIB_OUT := $(BUILD)/selftests/lib

SELFTEST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-sign-compare \
	-Wno-unused-parameter -static -pthread \
	-I$(ROOT)/uapi -I$(LIB_SRC) -I$(KSFT_DIR)
SELFTEST_LDFLAGS := -static -pthread
SELFTEST_HEADERS := $(wildcard $(LIB_SRC)/*.h) $(ROOT)/uapi/minivmm.h
SELFTEST_LIB := $(LIB_OUT)/libselftest.a

LIB_OBJS := $(patsubst $(LIB_SRC)/%.c,$(LIB_OUT)/%.o,$(wildcard $(LIB_SRC)/*.c))

$(LIB_OUT)/%.o: $(LIB_SRC)/%.c $(SELFTEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(SELFTEST_CFLAGS) -c -o $@ $<

$(SELFTEST_LIB): $(LIB_OBJS)
	rm -f $@
	$(AR) rcs $@ $^
