#!/usr/bin/env bash
# Drypoint against diffusers in PyTorch on this machine's CPU, all cores, float32, full-size models:
# one denoiser step and one VAE decode. The two take turns, so that a noisy neighbour hits both.
# usage: bench/cpu.sh [HEIGHT WIDTH [ROUNDS]]; results also go to build/bench/cpu.json
set -euo pipefail
cd "$(dirname "$0")/.."
height=${1:-256} width=${2:-384} rounds=${3:-2}
work=build/bench
mkdir -p "$work"

if [ ! -x "$work/venv/bin/python" ]; then
  echo "Installing the peer (PyTorch and diffusers) into $work/venv" >&2
  python3 -m venv "$work/venv"
fi
"$work/venv/bin/python" -c "import torch, diffusers, transformers" 2>/dev/null ||
  "$work/venv/bin/pip" install --quiet torch diffusers transformers
model=$work/sd15.safetensors
[ -f "$model" ] || build/release/apps/cli/drypoint synth --arch sd15 --seed 1 -o "$model"

ours=() peers=()
for round in $(seq "$rounds"); do
  echo "Round $round of $rounds: Drypoint" >&2
  GOMP_SPINCOUNT=300 build/release/bench/bench_step "$model" "$height" "$width" >"$work/ours_$round.json"
  echo "Round $round of $rounds: PyTorch" >&2
  "$work/venv/bin/python" bench/peers/torch_cpu.py "$height" "$width" >"$work/peer_$round.json"
  ours+=("$work/ours_$round.json") peers+=("$work/peer_$round.json")
done
python3 bench/compare.py "$height" "$width" "${ours[@]}" "${peers[@]}" | tee "$work/cpu.md"
