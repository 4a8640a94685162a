#!/usr/bin/env bash
# Drypoint against diffusers in PyTorch (torch.compile with CUDA graphs) on this machine's GPU, half
# precision, full-size models: each part of a picture and whole pictures, and what the device would
# take at its limits. The peer compiles for minutes; we are timed before it and after.
# usage: bench/gpu.sh [HEIGHT WIDTH]; the table also goes to build/bench/gpu_HEIGHTxWIDTH.md
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
height=${1:-256} width=${2:-384}

ours() {
  build/release/bench/bench_step "$model" "$height" "$width" --device cuda --repeats 30 >"$work/$1.json"
}
echo "Drypoint" >&2
ours before
build/release/apps/cli/drypoint profile -m "$model" --device cuda --size "${height}x$width" --json \
  >"$work/profile.json"
echo "PyTorch" >&2
"$python" bench/peers/torch_gpu.py "$height" "$width" >"$work/peer.json"
echo "Drypoint again" >&2
ours after
python3 bench/compare.py "$height" "$width" --ours "$work/before.json" "$work/after.json" \
  --peers "$work/peer.json" --profile "$work/profile.json" | tee "$work/gpu_${height}x$width.md"
