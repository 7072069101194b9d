#!/usr/bin/env bash
# What continuous integration runs, in order; the first failure ends it. `make test` comes last, so that a log ends with
# ctest's summary. The slow checks before it stop at a time budget (seconds since the start) and say so.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly start=$SECONDS
export CTEST_COLOR_OUTPUT=0 NINJA_STATUS="[%f/%t] "

step() {
  local name="$1"; shift
  echo "== $name ($((SECONDS - start)) s since the start)"
  "$@"
}

# As step, but not when the time for the optional checks is over.
step_before() {
  local limit="$1" name="$2"; shift 2
  if [ $((SECONDS - start)) -gt "$limit" ]; then
    echo "== $name: left out, $((SECONDS - start)) s have passed and its turn ends at $limit s"
    return 0
  fi
  step "$name" "$@"
}

step "set-up" tools/setup.sh --dev
step "format" tools/format.sh --check
step "layers and file heads" tools/check_layers.py
step "configure" cmake --preset ci
step "build, warnings are errors" ninja -C build/release
step "docs drift" tools/docs_drift.sh build/release/tilefit
# With the compact reference results only: sanitizers slow the large ones down too much.
step_before 1200 "address and undefined-behaviour sanitizers" env -u TILEFIT_GOLDEN tools/sanitize.sh asan
step_before 1500 "thread sanitizer" env -u TILEFIT_GOLDEN tools/sanitize.sh tsan
# The files that the change touches; `make tidy ALL=1` takes all, which is half an hour on two cores.
step_before 1800 "lint" make --no-print-directory tidy BUDGET=480
step "tests" make --no-print-directory test
