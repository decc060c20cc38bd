# SPDX-License-Identifier: GPL-2.0
#
# How a program of the selftests is built: set ROOT and BUILD, include this,
# depend on $(SELFTEST_LIB), compile with $(SELFTEST_CFLAGS).

include $(ROOT)/selftests/lib/kselftest.mk

LIB_SRC := $(ROOT)/selftests/lib
LIB_OUT := $(BUILD)/selftests/lib

SELFTEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -Wno-sign-compare \
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

# Guest programs: $(call guest_program,NAME,SOURCES) defines how
# $(GUEST_OUT)/NAME.o is made, to be linked into a test (DECLARE_PROGRAM).
GUEST_OUT ?= $(OUT)/guest
GUEST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pic \
	-no-pie -mno-red-zone -mgeneral-regs-only -mcmodel=small -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables \
	-Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments -I$(LIB_SRC)/guest

define guest_program
$(GUEST_OUT)/$(1).o: $(2) $(wildcard $(LIB_SRC)/guest/*)
	@mkdir -p $(GUEST_OUT)
	$(CC) $(GUEST_CFLAGS) -T $(LIB_SRC)/guest/guest.ld -o $(GUEST_OUT)/$(1).elf \
		$(LIB_SRC)/guest/start.S $(2)
	objcopy -O binary $(GUEST_OUT)/$(1).elf $(GUEST_OUT)/$(1)
	cd $(GUEST_OUT) && ld -r -b binary -z noexecstack -o $(1).o $(1)
endef
