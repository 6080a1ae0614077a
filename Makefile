# Verbs; the work is Meson's and the scripts'. Settings come from the environment: VR_HTTP_PORT=8081 make up
.DEFAULT_GOAL := help
.PHONY: help run up down build packages test-packages test unit integration browser checks asan bench docs format clean

BUILD := $(or $(VR_BUILD_DIR),build)
comma := ,
setup = mkdir -p $1 && { [ -f $1/build.ninja ] || meson setup $1 $2 >$1/setup.log || { cat $1/setup.log; exit 1; }; }

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## install what is missing, build, start everything here; Ctrl-C stops it
	@deploy/local/run

up: build ## the same, detached
	@deploy/local/up

down: ## stop what `make up` started; the data stays in $VR_DATA_DIR (.run)
	@deploy/local/down

packages:
	@deploy/local/packages run

test-packages:
	@deploy/local/packages test
	@tests/venv
	@tests/browser/validator/install

build: packages ## install what building takes, and build
	@$(call setup,$(BUILD))
	@ninja -C $(BUILD) --quiet

test: test-packages build ## every suite below; the last line says how many cases passed and failed
	@tests/run

checks: test-packages ## the laws of the tree
	@tests/run checks

unit: test-packages build ## one test beside each module
	@tests/run unit

integration: test-packages build ## the real programs, over their real protocols
	@tests/run integration

browser: test-packages build ## the pages in Chromium: whole journeys, accessibility
	@tests/run browser

asan: test-packages ## every suite again on binaries with the address and undefined-behaviour sanitizers
	@$(call setup,build-asan,-Db_sanitize=address$(comma)undefined)
	@ninja -C build-asan --quiet
	@VR_BUILD_DIR=build-asan ASAN_OPTIONS=$${ASAN_OPTIONS-detect_leaks=1} \
		UBSAN_OPTIONS=$${UBSAN_OPTIONS-print_stacktrace=1:halt_on_error=1} tests/run

bench: test-packages build ## how fast it is here: ratios to a fixed answer; more: build/venv/bin/python tests/bench/run --help
	@build/venv/bin/python tests/bench/run

docs: build ## write the generated pages of docs/ anew
	@docs/generate

format: test-packages ## rewrite the C sources as .clang-format says
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs build/venv/bin/clang-format -i

clean: ## remove what was built; data in .run stays
	@rm -rf build build-*
