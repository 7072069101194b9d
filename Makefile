# The one entry to building, testing and checking. `make help` lists the targets; every target first installs what it needs.
#   make            builds build/release/tilefit          make test       the tests of every change (minutes)
#   make demo       fine-tunes a small model on SQuAD     make check      format, layers, docs drift, lint of changed files
JOBS ?= $(shell nproc)
CTEST = ctest --output-on-failure -j $(JOBS)
BUILD = build/release
TILEFIT = $(BUILD)/tilefit

.DEFAULT_GOAL := build
.PHONY: help setup setup-dev configure build demo test test-all check format format-check layers docs-drift tidy docs ci bench bench-peers \
        asan ubsan tsan clang fuzz clean distclean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## Install missing Debian packages
	@tools/setup.sh

setup-dev: ## The same, with the tools that `check` and `fuzz` need
	@tools/setup.sh --dev

configure: setup
	@test -f $(BUILD)/build.ninja || cmake --preset release

build: configure ## Build the program: build/release/tilefit
	@ninja -C $(BUILD) tilefit

demo: ## Fine-tune a small model on a SQuAD sample and show answers (FAST=1: under a minute)
	@tools/demo.sh $(if $(FAST),--fast)

test: configure ## Unit, golden and end-to-end tests
	@ninja -C $(BUILD)
	@cd $(BUILD) && $(CTEST) -L '^(unit|golden|e2e)$$'

FUZZ_SECONDS ?= 15
test-all: configure setup-dev ## All tests: the long ones too, and FUZZ_SECONDS (15) of every fuzz target
	@ninja -C $(BUILD)
	@tools/run_fuzz.sh $(FUZZ_SECONDS)
	@cd $(BUILD) && $(CTEST)

check: format-check layers docs-drift tidy ## Format, layers, docs drift, lint of changed files (ALL=1: of all)

format: setup-dev ## Format the sources in place
	@tools/format.sh

format-check: setup-dev
	@tools/format.sh --check

layers: setup
	@tools/check_layers.py

docs-drift: build
	@tools/docs_drift.sh $(TILEFIT)

docs: build ## Write the generated pages (docs/flags.md) anew
	@tools/docs_drift.sh --write $(TILEFIT)

tidy: setup-dev
	@test -f build/clang/build.ninja || cmake --preset clang >/dev/null
	@tools/tidy.py --build build/clang $(if $(ALL),--all) $(if $(BUDGET),--budget $(BUDGET))

ci: ## What continuous integration runs; ends with `make test`
	@tools/ci.sh

bench: build ## Measure kernels, training steps and data preparation: out/bench/tilefit-report.json, roofline.svg
	@$(TILEFIT) bench report --out out/bench

bench-peers: build ## Compare with PyTorch and others from PyPI; writes docs/benchmarks.md (ARGS=--plan: how long)
	@bench/vs_peers/run.py $(ARGS)

asan: setup-dev ## Unit tests under the address and undefined-behaviour sanitizers
	@tools/sanitize.sh asan

ubsan: setup-dev ## Unit tests under the undefined-behaviour sanitizer alone
	@tools/sanitize.sh ubsan

tsan: setup-dev ## Tests of threaded code under the thread sanitizer
	@tools/sanitize.sh tsan

clang: setup-dev ## Build with clang, warnings are errors
	@cmake --preset clang -DTILEFIT_WERROR=ON >/dev/null && ninja -C build/clang

SECONDS_PER_TARGET ?= 60
fuzz: setup-dev ## Run every fuzz target for SECONDS_PER_TARGET (60)
	@tools/run_fuzz.sh $(SECONDS_PER_TARGET)

clean: ## Remove what was built
	@rm -rf build

distclean: clean ## Remove also the demo's model and results
	@rm -rf .cache out
