#!/bin/sh
# Runs every fuzz harness for some seconds, each from a copy of its kept corpus: what it finds stays
# under build/fuzz/found/.
set -eu
seconds=${1:-10}
cd "$(dirname "$0")/.."

for source in tests/fuzz/*_fuzz.cc; do
  harness=$(basename "$source" .cc)
  found=build/fuzz/found/$harness
  mkdir -p "$found/corpus"
  cp -R "tests/fuzz/corpus/${harness%_fuzz}/." "$found/corpus"
  echo "$harness: $seconds seconds"
  "build/fuzz/tests/fuzz/$harness" "$found/corpus" -max_total_time="$seconds" -timeout=20 \
    -artifact_prefix="$found/" -verbosity=0 -print_final_stats=1
done
