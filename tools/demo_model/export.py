"""Stage 5: the parts in the state folder become one checkpoint with the official names, and its tokenizer folder beside it.

usage: export.py [--state state] [-o models/demo]
"""
import argparse, pathlib, shutil
from safetensors.torch import load_file, save_file

# What drypoint uses with this model unless told otherwise
DEFAULTS = {"resolution": "256", "steps": "20", "guidance_scale": "4", "added_prompt": "", "negative_prompt": ""}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--state", type=pathlib.Path, default="state")
parser.add_argument("-o", "--output", type=pathlib.Path, default="models/demo")
options = parser.parse_args()
weights = {}
for part in ("text", "unet", "control", "vae"):
    weights |= load_file(options.state / f"{part}.safetensors")
for name, tensor in weights.items():
    assert tensor.isfinite().all(), name
options.output.mkdir(parents=True, exist_ok=True)
save_file(weights, options.output / "demo.safetensors", {f"drypoint.{k}": v for k, v in DEFAULTS.items()})
shutil.copytree(options.state / "tokenizer", options.output / "tokenizer", dirs_exist_ok=True)
total = sum(f.stat().st_size for f in options.output.rglob("*") if f.is_file())
print(f"{sum(t.numel() for t in weights.values())} parameters, {total / 2**20:.2f} MiB in {options.output}")
