#!/usr/bin/env bash
# What eight bits cost the demo model's pictures: fp8, int8, and of both as much as 32 dB allow (as
# mixed:32 does it), against fp32, on pictures and captions that no calibration has seen.
# usage: bench/eight_bits.sh [DRAWINGS [STEPS [DEVICE [CALIBRATION_DRAWINGS]]]]; the table also goes to
# build/bench/eight_bits.md. SMOOTH="0.5 1" adds SmoothQuant of these strengths, INCEPTION=FILE
# feature distances (pt_inception-2015-12-05-6726825d.pth of pytorch-fid), THREADS=1 limits threads.
set -euo pipefail
cd "$(dirname "$0")/.."
drawings=${1:-200} steps=${2:-20} device=${3:-auto} seen=${4:-32}
drypoint=build/release/apps/cli/drypoint work=build/bench/eight_bits
common=(--steps "$steps" --scale 4 --device "$device" --threads "${THREADS:-0}")
rm -rf "$work"
mkdir -p "$work/pictures"

# Captions such as the model learned, in an order that mixes colours, things and backgrounds.
caption() {
  local colours=(red orange yellow green cyan blue purple pink brown gray)
  local things=(bear cat house ladybug)
  local grounds=(yellow blue white pink green black gray cyan purple orange)
  echo "a ${colours[$(($1 * 7 % 10))]} ${things[$(($1 % 4))]} on a ${grounds[$(($1 * 3 % 10))]} background"
}
for ((i = 0; i < seen; ++i)); do caption "$i"; done >"$work/seen"
for ((i = 0; i < drawings; ++i)); do caption $((seen + i)); done >"$work/unseen"

# Calibration sees the four examples. What is drawn from is drawn along them, with other captions and
# seeds, only partly bound to their edges; four captions each.
examples=(bear cat house ladybug)
for ((i = 0; i * 4 < drawings; ++i)); do
  name=$(printf '%s/pictures/%03d' "$work" "$i")
  "$drypoint" generate -i "models/demo/examples/${examples[$((i % 4))]}.png" --strength 0.7 \
    -p "$(caption $((i * 5 + 3)))" --seed $((5000 + i)) "${common[@]}" -o "$name"_0.png 2>/dev/null
  for ((copy = 1; copy < 4 && i * 4 + copy < drawings; ++copy)); do
    cp "$name"_0.png "${name}_$copy.png"
  done
done

calibrate() { # NAME OPTIONS...
  local output=$work/$1.safetensors
  shift
  "$drypoint" calibrate models/demo/examples --prompts "$work/seen" --count "$seen" --seed 1 \
    "${common[@]}" "$@" -o "$output" --json >"$output.json"
}
score() { # NAME OPTIONS...
  local name=$1
  shift
  "$drypoint" score "$work/pictures" --prompts "$work/unseen" "${common[@]}" \
    ${INCEPTION:+--inception "$INCEPTION"} "$@" --json >"$work/$name.json"
}

# The first draws references too, for all that follow.
calibrate plain
score plain --calibration "$work/plain.safetensors" --sweep precision=fp8,int8 -o "$work"
references=(--references "$work/references")
for precision in fp8 int8; do
  calibrate "mixed_$precision" --for "$precision" --quality 32
  grep -q '"kept": \[\]' "$work/mixed_$precision.safetensors.json" && continue # drawn already
  score "mixed_$precision" "${references[@]}" --calibration "$work/mixed_$precision.safetensors" \
    --sweep "precision=$precision"
done
for alpha in ${SMOOTH:-}; do
  calibrate "smooth_$alpha" --smooth "$alpha"
  score "smooth_$alpha" "${references[@]}" --calibration "$work/smooth_$alpha.safetensors" \
    --sweep precision=fp8,int8
done

python3 - "$work" "$drawings" "$steps" "$seen" <<'PYTHON' | tee build/bench/eight_bits.md
import json, pathlib, statistics, sys
work, drawings, steps, seen = pathlib.Path(sys.argv[1]), *sys.argv[2:]
print(f"{drawings} drawings of {steps} steps, calibrated with {seen} others:\n")
print("| | kept | PSNR, mean | median | 5 % are below | least | SSIM | feature distance |")
print("| --- | --- | --- | --- | --- | --- | --- | --- |")
scored = {name.stem: json.loads(name.read_text())["variants"]
          for name in sorted(work.glob("*.json")) if ".safetensors" not in name.name}
plain = scored.pop("plain")
for precision in "fp8", "int8":  # all that they allow may be all
    scored.setdefault(f"mixed_{precision}", [v for v in plain if v["name"].endswith(precision)])
for name, variants in {"plain": plain, **scored}.items():
    mixed = json.loads((work / f"{name}.safetensors.json").read_text()).get("mixed")
    for variant in variants:
        precision = variant["name"].removeprefix("precision=")
        kept = len(mixed["kept"]) if mixed else 0
        psnr = sorted(99 if p["psnr"] is None else p["psnr"] for p in variant["pictures"])
        distance = variant["mean_distance"]
        how = {"plain": "", "mixed": ", mixed:32"}.get(name.split("_")[0], ", " + name.replace("_", " "))
        print(f"| {precision}{how} | {kept} | "
              f"{statistics.mean(psnr):.2f} dB | {statistics.median(psnr):.2f} | "
              f"{psnr[len(psnr) // 20]:.2f} | {psnr[0]:.2f} | {variant['mean_ssim']:.4f} | "
              f"{'-' if distance is None else f'{distance:.2f}'} |")
PYTHON
