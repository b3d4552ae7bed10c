# Moonweave. `make` builds, `make demo` paints, `make check` tests; `make help` lists the rest.
# Everything installs the Debian packages it lacks first (packages.txt, packages-check.txt).
MODE ?= release
PREFIX ?= /usr/local
CC = gcc
V ?= 0
Q = $(if $(filter 0,$(V)),@)
B = build/$(MODE)
BIN = $(if $(filter release,$(MODE)),build,$(B))

# All cores, unless -j says otherwise.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

.DEFAULT_GOAL := all
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
-include build/config.mk
endif

OPT_release = -O2 -g
OPT_debug = -O0 -g
OPT_asan = -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT_tsan = -O1 -g -fsanitize=thread
# Needs CC = clang, which `make fuzz` sets.
OPT_fuzz = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
WARN = -Wall -Wextra -Wno-missing-field-initializers -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS += -std=c11 -D_GNU_SOURCE -DCL_TARGET_OPENCL_VERSION=120 $(OPT_$(MODE)) $(WARN) -I. -I$(B)/gen $(LIB_CFLAGS)
LDFLAGS += $(filter -fsanitize%,$(OPT_$(MODE)))
LDLIBS += $(LIB_LIBS) -lm -lpthread -ldl

LIBS = luajit OpenCL jansson libutf8proc libpcre2-8 libxxhash zlib clblast libcurl
LIB_SRC = $(filter-out core/main.c,$(wildcard core/*.c core/*/*.c)) $(NODE_SRC) $(shell find nodes/nets -name '*.c')
NODE_SRC = $(filter-out nodes/nets/%,$(wildcard nodes/*.c nodes/*/*.c))
LIB_OBJ = $(LIB_SRC:%.c=$(B)/%.o)
GOLDEN_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard tests/golden_runner/*.c))
UNIT_SRC = $(wildcard tests/core/*.c tests/ops/*.c tests/nodes/*.c)
UNIT_BIN = $(UNIT_SRC:%.c=$(B)/%)
FAULTS = $(B)/tests/faults
RANDOM_LLM_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard tests/random_llm/*.c))
ALL_SRC = $(LIB_SRC) core/main.c $(UNIT_SRC) $(wildcard tests/golden_runner/*.c tests/bench/*.c tests/fuzz/*.c tests/faults/*.c \
    tests/random_llm/*.c)

.PHONY: all check real demo clean help format lint asan fuzz faults bench eval docs install unit tsan valgrind
all: $(BIN)/moonweave $(BIN)/golden

# Missing packages are installed, then the compiler flags are asked for once.
build/config.mk: packages.txt Makefile
	$(Q)scripts/dev/packages.sh packages.txt
	$(Q)mkdir -p build; { echo "LIB_CFLAGS = $$(pkg-config --cflags $(LIBS)) -I/usr/include/stb"; \
	    echo "LIB_LIBS = $$(pkg-config --libs $(LIBS))"; } > $@.tmp && mv $@.tmp $@
build/check.stamp: packages-check.txt
	$(Q)scripts/dev/packages.sh packages-check.txt && touch $@

# The table of nodes is made from the names of the files.
$(B)/gen/node_table.c: scripts/dev/tables.sh $(NODE_SRC) nodes $(filter-out nodes/nets,$(wildcard nodes/*))
	$(Q)mkdir -p $(@D); scripts/dev/tables.sh > $@.tmp; cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@; touch $@

$(B)/%.o: %.c
	@echo '  CC $<'
	$(Q)mkdir -p $(@D); $(CC) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/gen/%.o: $(B)/gen/%.c
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/libmoonweave.a: $(LIB_OBJ) $(B)/gen/node_table.o
	$(Q)rm -f $@; ar rcs $@ $^

LINK = $(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BIN)/moonweave: $(B)/core/main.o $(B)/libmoonweave.a
	$(LINK)
$(BIN)/golden: $(GOLDEN_OBJ) $(B)/libmoonweave.a
	$(LINK)
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/libmoonweave.a
	$(LINK)
$(B)/tests/random_llm/random_llm: $(RANDOM_LLM_OBJ) $(B)/libmoonweave.a
	$(LINK)
$(UNIT_BIN): $(B)/%: $(B)/%.o $(B)/libmoonweave.a
	$(LINK) -lcmocka

unit: $(UNIT_BIN) $(FAULTS)/faults $(B)/tests/random_llm/random_llm

# T=name builds and runs only the tests whose path contains it.
NAMED = $(foreach t,$(UNIT_SRC) tests/faults/faults.c,$(if $(findstring $(T),$(t)),$(t:%.c=$(B)/%)))
check: all $(if $(T),$(NAMED),unit lint)
	$(Q)BIN=$(BIN) OBJ=$(B) T='$(T)' tests/run.sh

# The tests again under AddressSanitizer and UndefinedBehaviorSanitizer; a leak is a failure. How it guesses the size of a
# library's thread-local memory from its address fails by chance (gcc 12, glibc 2.36), so it is told not to.
asan:
	$(Q)$(MAKE) --no-print-directory MODE=asan all unit
	$(Q)LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0 ASAN_OPTIONS=intercept_tls_get_addr=0 \
	    BIN=build/asan OBJ=build/asan T='$(T)' tests/run.sh

# Fuzzers (libFuzzer, with AddressSanitizer and UndefinedBehaviorSanitizer), FUZZ_SECONDS each; what makes one stop lies in
# build/fuzz afterwards. NAME:TARGET:VARIABLE=VALUE.
FUZZ_SECONDS ?= 60
FUZZERS = safetensors:file:FUZZ_FILE=a.safetensors gguf:file:FUZZ_FILE=a.gguf torch:file:FUZZ_FILE=a.pt json:file:FUZZ_FILE=config.json png:file:FUZZ_FILE=a.png \
    jpeg:file:FUZZ_FILE=a.jpg folder:folder:X= lora:lora:X= layout:layout:X= params:params:X= script:script:X= \
    script_device:script:FUZZ_DEVICE=1 tokenizer_json:tokenizer:FUZZ_FILE=tokenizer.json \
    tokenizer_model:tokenizer:FUZZ_FILE=tokenizer.model tokenizer_gguf:tokenizer:FUZZ_FILE=vocab.gguf template:template:X=
FUZZ_BIN = $(patsubst %.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
fuzz: build/check.stamp build/config.mk
	$(Q)$(MAKE) --no-print-directory MODE=fuzz CC=clang $(FUZZ_BIN)
	$(Q)tests/fuzz/seeds.sh build/fuzz/seeds
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/fuzz.sh $(FUZZERS)
build/fuzz/tests/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/libmoonweave.a
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)

# The tests again under ThreadSanitizer; a race is a failure. Its map of the memory wants addresses that are not random.
# Lua's errors leave functions without their end, which it must not count: those of core/lua don't tell it of their begin.
# Takes an hour on two cores; T= runs a part.
build/tsan/core/lua/%.o build/tsan/tests/core/test_pattern.o: CFLAGS += --param tsan-instrument-func-entry-exit=0
tsan:
	$(Q)$(MAKE) --no-print-directory MODE=tsan all unit
	$(Q)BIN=build/tsan OBJ=build/tsan T='$(T)' setarch -R tests/run.sh

# The program under valgrind, from the first kernel compiled to the picture: takes minutes.
valgrind: all build/check.stamp
	$(Q)valgrind -q --leak-check=full --error-exitcode=1 --suppressions=tests/valgrind.supp \
	    $(BIN)/moonweave run graphs/txt2img.lua -p steps=1 -p width=64 -p height=64 -o build/valgrind

# Every allocation and every OpenCL call of a run fails once, the n-th in the n-th run: tests/faults/faults.c. Takes half an
# hour; goes on where it was interrupted. The linker leads the calls of the program, not those of libraries, to wrappers:
# of each OpenCL function that the program refers to, and of what inject.c wraps of the C library.
FAULTS_OBJ = $(addprefix $(FAULTS)/,faults.o trial.o inject.o)
$(FAULTS)/wrap.c: tests/faults/wrap.awk $(B)/libmoonweave.a
	$(Q)printf '#include <CL/cl.h>\n#include <clblast_c.h>\n' | $(CC) $(CFLAGS) -E -P -x c - | \
	    awk -v called="$$(nm $(B)/libmoonweave.a | awk '$$1 == "U" && $$2 ~ /^(cl|CLBlast)[A-Z]/ { print $$2 }' | sort -u | \
	    tr '\n' ' ')" -f $< > $@.tmp && mv $@.tmp $@
$(FAULTS)/wrap.o: $(FAULTS)/wrap.c
	$(Q)$(CC) $(CFLAGS) -c $< -o $@
$(FAULTS)/faults: $(FAULTS_OBJ) $(FAULTS)/wrap.o $(B)/libmoonweave.a
	$(Q)$(CC) $(LDFLAGS) $$(nm $^ | sed -n 's/.* T __wrap_/-Wl,--wrap=/p') -o $@ $^ $(LDLIBS)
faults: $(FAULTS)/faults
	$(Q)BIN=$(BIN) OBJ=$(B) tests/faults/faults.sh all

# Language models, random and trained, against transformers; fetches them. Takes minutes, and the network.
real: all
	$(Q)tests/real/real.sh

demo: all
	$(Q)$(BIN)/moonweave run graphs/lmd.lua --overwrite -o out

# What git follows, and what is new and not ignored.
SOURCES = git ls-files --cached --others --exclude-standard '*.c' '*.h' | while read -r f; do [ -e "$$f" ] && echo "$$f"; done
lint: build/check.stamp build/config.mk
	$(Q)scripts/dev/layers.sh
	$(Q)scripts/dev/names.sh
	$(Q)clang-format --dry-run -Werror $$($(SOURCES))
	$(Q)luacheck -q --no-color scripts graphs tests > build/luacheck.log || { cat build/luacheck.log; exit 1; }
	$(Q)clang -fsyntax-only $(CFLAGS) $(ALL_SRC)
	$(Q)scripts/dev/kernels.sh

format: build/check.stamp
	$(Q)clang-format -i $$($(SOURCES))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/moonweave
	install $(BIN)/moonweave $(DESTDIR)$(PREFIX)/bin/
	cp -r kernels scripts graphs models $(DESTDIR)$(PREFIX)/share/moonweave/

# The reference of the nodes and the types for editors come from the declarations.
docs: $(BIN)/moonweave
	$(Q)$(BIN)/moonweave nodes --markdown > docs/nodes.md
	$(Q)mkdir -p scripts/types; $(BIN)/moonweave nodes --annotations > scripts/types/moonweave.lua

# What the kernels reach of this device's measured peak; the comparison with the peers: tests/bench/README.md.
bench: all $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
	$(Q)$(BIN)/moonweave bench

# Layout guided drawing against the prompt alone, on over 200 prompts, and its ablations: docs/evaluation.md. Takes long;
# goes on where it was interrupted. Needs Python with numpy, scipy and Pillow, in its own folder.
build/eval/venv/stamp: tests/eval/requirements.txt tests/eval/packages.txt
	$(Q)scripts/dev/packages.sh tests/eval/packages.txt
	$(Q)python3 -m venv build/eval/venv && build/eval/venv/bin/pip -q install -r tests/eval/requirements.txt && touch $@
eval: all build/eval/venv/stamp
	$(Q)build/eval/venv/bin/python tests/eval/run.py methods
	$(Q)build/eval/venv/bin/python tests/eval/run.py ablation
	$(Q)build/eval/venv/bin/python tests/eval/table.py build/eval
	$(Q)cat build/eval/table.md

clean:
	rm -rf build

help:
	@sed -n 's/^# //p' Makefile | head -2
	@echo 'targets: all demo check real unit asan fuzz faults tsan valgrind lint format docs bench eval install clean  (MODE=release|debug|asan V=1 T=name CC=clang)'

-include $(LIB_OBJ:.o=.d) $(FAULTS_OBJ:.o=.d) $(RANDOM_LLM_OBJ:.o=.d) $(GOLDEN_OBJ:.o=.d) $(UNIT_BIN:=.d) $(B)/core/main.d
