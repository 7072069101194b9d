#!/usr/bin/env bash
# Builds the unit tests under a sanitizer and runs them.
#   tools/sanitize.sh asan     address and undefined behaviour together, all unit tests
#   tools/sanitize.sh ubsan    undefined behaviour alone, all unit tests
#   tools/sanitize.sh tsan     data races: the thread pool and what runs on it (kernels, layers, features, trainer)
set -euo pipefail
cd "$(dirname "$0")/.."

kind="${1:-}"
case "$kind" in
  asan) sanitizers="address,undefined" tests='.' targets="all" ;;
  ubsan) sanitizers="undefined" tests='.' targets="all" ;;
  tsan) sanitizers="thread" tests='^((base|cpu|kernels|nn|train)_test\.|tasks_test\.QaFeatures)' targets="" ;;
  *) echo "usage: tools/sanitize.sh asan|ubsan|tsan" >&2; exit 2 ;;
esac

build="build/$kind"
cmake --preset "$kind" -DTILEFIT_SANITIZE="$sanitizers" -DCMAKE_CXX_FLAGS=-D_GLIBCXX_ASSERTIONS >/dev/null
if [ -z "$targets" ]; then  # only the test programs that are run
  targets=$(ninja -C "$build" -t targets all | sed -n 's/^\(base\|cpu\|kernels\|nn\|tasks\|train\)_test: phony$/\1_test/p')
fi
ninja -C "$build" $targets

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"
ctest --test-dir "$build" -L '^unit$' -R "$tests" --output-on-failure -j "$(nproc)"
