#!/usr/bin/env bash
# Generated pages must equal what the program says today: docs/flags.md is `tilefit help --markdown`.
#   tools/docs_drift.sh TILEFIT            fails and shows the difference
#   tools/docs_drift.sh --write TILEFIT    writes the page anew
set -euo pipefail
write=false
if [ "${1:-}" = "--write" ]; then write=true; shift; fi
tilefit=$(realpath "${1:?usage: tools/docs_drift.sh [--write] TILEFIT}")
cd "$(dirname "$0")/.."

page=docs/flags.md
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
"$tilefit" help --markdown >"$fresh"
if $write; then
  cp "$fresh" "$page"
elif ! diff -u "$page" "$fresh"; then
  echo "docs: $page is not what 'tilefit help --markdown' prints (fix: make docs)"
  exit 1
else
  echo "docs: $page is up to date"
fi
