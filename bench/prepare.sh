# For the scripts beside this one, which read it: the folder for results ($work), a Python that has
# the peer ($python; PYTHON names another), and random weights of full size ($model).
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=build/bench python=${PYTHON:-build/bench/venv/bin/python} model=build/bench/sd15.safetensors
mkdir -p "$work"

if [ -z "${PYTHON:-}" ] && [ ! -x "$python" ]; then
  echo "Installing the peer (PyTorch and diffusers) into $work/venv" >&2
  python3 -m venv "$work/venv"
fi
"$python" -c "import torch, diffusers, transformers" 2>/dev/null ||
  "$python" -m pip install --quiet torch diffusers transformers
[ -f "$model" ] || build/release/apps/cli/drypoint synth --arch sd15 --seed 1 -o "$model" >&2
