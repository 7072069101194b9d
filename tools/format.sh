#!/usr/bin/env bash
# Formats every C++ file under version control with clang-format; with --check only says which files differ, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  mapfile -t files < <(git ls-files -- '*.cc' '*.h' | while read -r f; do if [ -f "$f" ]; then echo "$f"; fi; done)
else
  mapfile -t files < <(find tilefit tests bench -name '*.cc' -o -name '*.h' | sort)
fi

if [ "${1:-}" != "--check" ]; then
  printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format -i
  exit 0
fi

differing=()
for file in "${files[@]}"; do
  if ! clang-format "$file" | cmp -s - "$file"; then differing+=("$file"); fi
done
if [ "${#differing[@]}" -gt 0 ]; then
  echo "format: these files differ from what clang-format writes (fix: make format):"
  printf '  %s\n' "${differing[@]}"
  exit 1
fi
echo "format: ${#files[@]} files are well formatted"
