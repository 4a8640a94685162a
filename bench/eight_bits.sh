#!/usr/bin/env bash
# What eight bits cost the demo model's pictures: fp8, int8, both with SmoothQuant, and mixed:32, each
# against the usual precision, on drawings that no calibration has seen.
# usage: bench/eight_bits.sh [DRAWINGS [STEPS [DEVICE [CALIBRATION_DRAWINGS]]]]; the table also goes to
# build/bench/eight_bits.md
set -euo pipefail
cd "$(dirname "$0")/.."
drawings=${1:-200} steps=${2:-20} device=${3:-auto} seen=${4:-32}
drypoint=build/release/apps/cli/drypoint work=build/bench
mkdir -p "$work"

# Captions such as the model learned, in an order that mixes colours, things and backgrounds.
for i in $(seq 0 $((drawings + seen - 1))); do
  colours=(red orange yellow green cyan blue purple pink brown gray)
  things=(bear cat house ladybug)
  grounds=(yellow blue white pink green black gray cyan purple orange)
  # Pictures are taken in turn too, so that each drawing's caption names its picture.
  echo "a ${colours[$((i * 7 % 10))]} ${things[$((i % 4))]} on a ${grounds[$((i * 3 % 10))]} background"
done >"$work/prompts"
head -n "$seen" "$work/prompts" >"$work/seen"
tail -n "$drawings" "$work/prompts" >"$work/unseen"

common=(--steps "$steps" --device "$device")
calibrate() {
  local output=$work/$1.safetensors
  shift
  "$drypoint" calibrate models/demo/examples --prompts "$work/seen" --count "$seen" --seed 1 \
    "${common[@]}" -o "$output" --json "$@" >"$output.json"
}
compare() {  # NAME PRECISION CALIBRATION
  "$drypoint" compare models/demo/examples --prompts "$work/unseen" --count "$drawings" \
    --seed 1000 "${common[@]}" --a auto --b "$2" --calibration "$work/$3.safetensors" \
    --json >"$work/$1.json"
}

calibrate plain
calibrate smooth --smooth 0.5
for precision in fp8 int8; do
  compare "$precision" "$precision" plain
  compare "$precision smoothed" "$precision" smooth
  calibrate mixed --for "$precision" --quality 32
  compare "$precision of mixed:32" "$precision" mixed
done

python3 - "$work" "$drawings" "$steps" "$seen" <<'PYTHON' | tee "$work/eight_bits.md"
import json, statistics, sys
work, drawings, steps, seen = sys.argv[1:]
print(f"{drawings} drawings of {steps} steps, calibrated with {seen} others:\n")
print("| | PSNR, mean | least | modules in eight bits | their share of a step |")
print("| --- | --- | --- | --- | --- |")
for precision in "fp8", "int8":
    for name in precision, f"{precision} smoothed", f"{precision} of mixed:32":
        found = json.load(open(f"{work}/{name}.json"))
        rounded = [m for m in found["modules"] if m["rounded"]]
        print(f"| {name} | {statistics.mean(found['psnr']):.2f} dB | {min(found['psnr']):.2f} | "
              f"{len(rounded)} of {len(found['modules'])} | "
              f"{100 * sum(m['gain'] for m in rounded):.1f} % |")
PYTHON
