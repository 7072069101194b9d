#!/usr/bin/env bash
# Builds the fuzz targets (preset "fuzz": clang, address and undefined-behaviour sanitizers) and runs each for SECONDS from its start inputs.
# What it finds stays in BUILD/corpus/NAME; a crash leaves its input in BUILD/crashes/ and the exit code 1.
#   tools/run_fuzz.sh [SECONDS=60] [NAME ...]      BUILD=dir chooses another build folder
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || { echo "run_fuzz.sh: '$seconds' is not a number of seconds" >&2; exit 2; }
shift || true
build=${BUILD:-build/fuzz}
cmake --preset fuzz -B "$build" >/dev/null
cmake --build "$build" --target fuzz
mkdir -p "$build/crashes"

names=("$@")
if ((${#names[@]} == 0)); then
  for source in tests/fuzz/*_fuzz.cc; do names+=("$(basename "$source" _fuzz.cc)"); done
fi
failed=()
for name in "${names[@]}"; do
  corpus=$build/corpus/$name
  mkdir -p "$corpus"
  folders=("$corpus")
  if [[ -d tests/fuzz/seeds/$name ]]; then folders+=("tests/fuzz/seeds/$name"); fi
  echo "== $name: $seconds s"
  if ! "$build/tests/fuzz/${name}_fuzz" "${folders[@]}" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 \
    -print_final_stats=1 -artifact_prefix="$build/crashes/$name-" >"$build/$name.log" 2>&1; then
    failed+=("$name")
    tail -n 40 "$build/$name.log"
  fi
  grep -E 'number_of_executed_units|peak_rss_mb' "$build/$name.log" || true
done
if ((${#failed[@]})); then
  echo "run_fuzz.sh: failed: ${failed[*]} (inputs in $build/crashes)" >&2
  exit 1
fi
