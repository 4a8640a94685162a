"""Draws with diffusers 0.42 what test_diffusers.py compares with.

    python make.py FOLDER CONTROL CONTROL2 [NAME ...]

FOLDER is the tiny model as a diffusers folder, CONTROL its ControlNet's, CONTROL2 the file
tests/data/controls/control2.safetensors, NAME a case. Writes NAME_0.png ... of each case in
cases.json beside this script, and prints the share of values within 1 of those in float64: where
rounding alone moves more than one of 1000, another seed says more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from pictures import case_arguments

here = Path(__file__).parent
loras = here.parents[2] / "tests" / "data" / "lora"
torch.set_num_threads(1)
first = diffusers.ControlNetModel.from_pretrained(sys.argv[2], dtype=torch.float32)
randn = torch.randn


def randn_in_float32(*shape: Any, dtype: Any = None, **options: Any) -> Any:
    """The same numbers in every type."""
    return randn(*shape, dtype=torch.float32, **options).to(dtype)


torch.randn = randn_in_float32


def second() -> Any:
    """The other ControlNet, whose file has the original names."""
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
    from safetensors.torch import load_file

    net = diffusers.ControlNetModel.from_config(first.config)
    tensors = load_file(sys.argv[3])
    net.load_state_dict(convert_controlnet_checkpoint(tensors, dict(first.config)))
    return net.eval()


usual = diffusers.PNDMScheduler.from_config(  # Stable Diffusion 1.5's
    {
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": False,
        "num_train_timesteps": 1000,
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
    }
).config


def draw(case: dict[str, Any], dtype: Any) -> list[Any]:
    kind = getattr(diffusers, case.get("pipeline", "StableDiffusionControlNetPipeline"))
    options: dict[str, Any] = {"safety_checker": None, "dtype": dtype}
    if "Control" in kind.__name__:
        both = case.get("controls") == 2
        options["controlnet"] = diffusers.MultiControlNetModel([first, second()]) if both else first
        options["controlnet"].to(dtype)
    pipe = kind.from_pretrained(sys.argv[1], **options)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = getattr(diffusers, case["scheduler"]).from_config(
        usual, **case.get("config", {})
    )
    for adapter, file in case.get("loras", {}).items():
        pipe.load_lora_weights(str(loras / f"{file}.safetensors"), adapter_name=adapter)
    if "adapters" in case:
        pipe.set_adapters(*case["adapters"])
    generators = [torch.Generator().manual_seed(seed) for seed in case.get("seeds", [7])]
    return list(pipe(**case_arguments(case, generators)).images)


for name, case in json.loads((here / "cases.json").read_text()).items():
    if case.get("refused") or (len(sys.argv) > 4 and name not in sys.argv[4:]):
        continue
    images, exact = draw(case, torch.float32), draw(case, torch.float64)
    for i, image in enumerate(images):
        image.save(here / f"{name}_{i}.png")
    difference = np.abs(np.stack(images).astype(int) - np.stack(exact).astype(int))
    print(name, len(images), (difference <= 1).mean())
