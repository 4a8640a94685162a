#!/usr/bin/env bash
# Drypoint against diffusers in PyTorch on this machine's CPU, all cores, float32, full-size models:
# one denoiser step and one VAE decode. The two take turns, so that a noisy neighbour hits both.
# usage: bench/cpu.sh [HEIGHT WIDTH [ROUNDS]]; the table also goes to build/bench/cpu.md
set -euo pipefail
. "$(dirname "$0")/prepare.sh"
height=${1:-256} width=${2:-384} rounds=${3:-2}

ours=() peers=()
for round in $(seq "$rounds"); do
  echo "Round $round of $rounds: Drypoint" >&2
  build/release/bench/bench_step "$model" "$height" "$width" >"$work/ours_$round.json"
  echo "Round $round of $rounds: PyTorch" >&2
  "$python" bench/peers/torch_cpu.py "$height" "$width" >"$work/peer_$round.json"
  ours+=("$work/ours_$round.json") peers+=("$work/peer_$round.json")
done
python3 bench/compare.py "$height" "$width" --ours "${ours[@]}" --peers "${peers[@]}" | tee "$work/cpu.md"
