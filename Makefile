# Moonweave. `make` builds, `make demo` paints, `make check` tests; `make help` lists the rest.
# Everything installs the Debian packages it lacks first (packages.txt).
MODE ?= release
PREFIX ?= /usr/local
CC = gcc
V ?= 0
Q = $(if $(filter 0,$(V)),@)
B = build/$(MODE)
BIN = $(if $(filter release,$(MODE)),build,$(B))

.DEFAULT_GOAL := all
QUIET_GOALS := clean help format
ifneq ($(filter-out $(QUIET_GOALS),$(or $(MAKECMDGOALS),all)),)
-include build/config.mk
endif

OPT_release = -O2 -g
OPT_debug = -O0 -g
OPT_asan = -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
WARN = -Wall -Wextra -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS += -std=c11 -D_GNU_SOURCE -DCL_TARGET_OPENCL_VERSION=120 $(OPT_$(MODE)) $(WARN) -I. -I$(B)/gen $(LIB_CFLAGS)
LDFLAGS += $(filter -fsanitize%,$(OPT_$(MODE)))
LDLIBS += $(LIB_LIBS) -lm -lpthread -ldl

LIB_SRC = $(filter-out core/main.c,$(wildcard core/*.c core/*/*.c)) $(wildcard nodes/*.c nodes/*/*.c)
LIB_OBJ = $(LIB_SRC:%.c=$(B)/%.o)
GOLDEN_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard tests/golden_runner/*.c))
UNIT_SRC = $(wildcard tests/core/*.c tests/ops/*.c tests/nodes/*.c)
UNIT_BIN = $(UNIT_SRC:%.c=$(B)/%)

.PHONY: all check demo clean help format lint asan bench docs install unit
all: $(BIN)/moonweave $(BIN)/golden

# One list of packages; missing ones are installed, then the compiler flags are asked for once.
build/config.mk: packages.txt Makefile scripts/dev/packages.sh
	$(Q)scripts/dev/packages.sh packages.txt $@

# The tables of nodes are made from the names of the files.
$(B)/gen/node_table.c: scripts/dev/tables.sh $(wildcard nodes/*.c) nodes
	$(Q)mkdir -p $(@D); scripts/dev/tables.sh > $@.tmp; cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@; touch $@

$(B)/%.o: %.c
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/gen/%.o: $(B)/gen/%.c
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/libmoonweave.a: $(LIB_OBJ) $(B)/gen/node_table.o
	$(Q)rm -f $@; ar rcs $@ $^

$(BIN)/moonweave: $(B)/core/main.o $(B)/libmoonweave.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BIN)/golden: $(GOLDEN_OBJ) $(B)/libmoonweave.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(UNIT_BIN): $(B)/%: $(B)/%.o $(B)/libmoonweave.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

unit: $(UNIT_BIN)

# T=name runs only the tests whose path contains it.
check: all unit
	$(Q)BIN=$(BIN) OBJ=$(B) T='$(T)' tests/run.sh

clean:
	rm -rf build

help:
	@sed -n 's/^# //p' Makefile | head -3; echo "targets: all demo check unit asan bench docs format lint install clean  (MODE=release|debug|asan, V=1, T=name)"

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

-include $(LIB_OBJ:.o=.d) $(GOLDEN_OBJ:.o=.d) $(UNIT_BIN:=.d) $(B)/core/main.d
