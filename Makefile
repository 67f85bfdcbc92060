# The front door. Everything behind it is meson (build) and the scripts in tools/.

BUILD     ?= build
CC        ?= cc
LANGS     ?= c csharp python go
SANITIZER ?=
ARGS      ?=
JOBS      ?= $(shell nproc)

# make's own default for CC is "cc"; only what the user chose is handed on.
ifeq ($(origin CC),default)
CC := gcc
endif

# Each sanitizer has a build folder of its own: build-address, build-thread. So has another compiler.
ifeq ($(SANITIZER),address)
BUILD_DIR   := $(BUILD)-address
MESON_FLAGS := -Db_sanitize=address,undefined -Db_lundef=false
else ifeq ($(SANITIZER),thread)
BUILD_DIR   := $(BUILD)-thread
MESON_FLAGS := -Db_sanitize=thread -Db_lundef=false
else ifeq ($(SANITIZER),)
BUILD_DIR   := $(BUILD)
MESON_FLAGS :=
else
$(error SANITIZER is 'address' or 'thread', not '$(SANITIZER)')
endif
ifeq ($(notdir $(CC)),clang)
BUILD_DIR := $(BUILD_DIR)-clang
endif

.DEFAULT_GOAL := all
.PHONY: all help run test test-long test-browser bench fuzz format analyze install-deps clean

all: install-deps ## build $(BUILD)/retort (also: SANITIZER=address|thread, CC=clang)
	@[ -f $(BUILD_DIR)/build.ninja ] || { out=$$(CC=$(CC) meson setup $(BUILD_DIR) $(MESON_FLAGS) 2>&1) || \
	  { echo "$$out"; exit 1; }; }
	@ninja -C $(BUILD_DIR) -j $(JOBS) retort
	@echo "built: $(BUILD_DIR)/retort"

help: ## show this
	@echo 'make TARGET [VARIABLE=value]'
	@sed -n 's/\$$(BUILD)/build/; s/^\([a-z-]*\):[^#]*## /\1;/p' Makefile | \
	  awk -F';' '{ name = $$1; sub(/^[^;]*;/, ""); printf "  %-14s %s\n", name, $$0 }'
	@echo 'variables'
	@echo '  LANGS="c csharp python go"  the languages to install and to offer'
	@echo '  SANITIZER=address|thread    build (and run) with AddressSanitizer + UBSan, or ThreadSanitizer'
	@echo '  CC=gcc|clang                the compiler'
	@echo '  BUILD=build                 where the build goes'
	@echo '  ARGS="--studio …"           more options for `retort serve` (make run)'

install-deps: ## install what building needs (only what is missing; says what and how much first)
	@tools/install-deps.sh build

run: ## install, build and start the server; prints the address and three commands to try
	@BUILD=$(BUILD_DIR) LANGS="$(LANGS)" CC=$(CC) SANITIZER=$(SANITIZER) tools/run.sh $(ARGS)

test: ## all tests: checks, unit and integration tests under ASan+UBSan, TSan and clang builds
	@BUILD=$(BUILD) tools/test.sh

test-long: ## the same, then what takes long: fuzzing, and kill and soak tests with more rounds
	@BUILD=$(BUILD) tools/test.sh --long

test-browser: ## type into the page in a real browser and run it (part of `make test`)
	@BUILD=$(BUILD) tools/test.sh --only packages --only build-address --only prepare --only browser

bench: all ## measure against the bare host; figures go to docs/performance.md by hand
	@tools/install-deps.sh $(LANGS)
	@for lang in $(LANGS); do prepare=languages/$$lang/prepare.sh; \
	  [ ! -x $$prepare ] || $$prepare $(abspath $(BUILD_DIR))/toolchains/$$lang || exit 1; done
	@BUILD=$(BUILD_DIR) bench/run $(ARGS)

fuzz: ## fuzz each parser of foreign bytes, FUZZ_SECONDS=60 each (clang)
	@BUILD=$(BUILD) tools/fuzz.sh

format: ## clang-format over src/ and tests/
	@find src tests -name '*.[ch]' -print0 | xargs -0 clang-format -i

analyze: ## clang-tidy and gcc -fanalyzer
	@BUILD=$(BUILD) tools/analyze.sh

clean: ## remove every build folder
	rm -rf $(BUILD) $(BUILD)-address $(BUILD)-thread $(BUILD)-clang $(BUILD)-address-clang \
	  $(BUILD)-thread-clang $(BUILD)-fuzz $(BUILD)-analyze
