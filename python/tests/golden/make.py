"""Draws with diffusers 0.42 what test_diffusers.py compares with.

    python make.py FOLDER CONTROL [NAME ...]

FOLDER is the tiny model as a diffusers folder, CONTROL its ControlNet's, NAME a case. Writes
NAME_0.png ... of each case in cases.json beside this script.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import diffusers
import numpy as np
import PIL.Image
import torch

here = Path(__file__).parent
torch.set_num_threads(1)
control = diffusers.ControlNetModel.from_pretrained(sys.argv[2], torch_dtype=torch.float32)
pipe = diffusers.StableDiffusionControlNetPipeline.from_pretrained(
    sys.argv[1], controlnet=control, safety_checker=None, torch_dtype=torch.float32
)
pipe.set_progress_bar_config(disable=True)
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
edges = np.zeros((48, 64), np.uint8)  # as in conftest.py
edges[8:40, 8] = edges[8:40, 56] = edges[8, 8:57] = edges[40, 8:57] = 255
np.fill_diagonal(edges, 255)
edges = PIL.Image.fromarray(edges)
for name, case in json.loads((here / "cases.json").read_text()).items():
    if case.get("refused") or (len(sys.argv) > 3 and name not in sys.argv[3:]):
        continue
    pipe.scheduler = getattr(diffusers, case["scheduler"]).from_config(
        usual, **case.get("config", {})
    )
    seeds = case.get("seeds", [7])
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    prompts = case.get("prompts", ["a bird"])
    images = pipe(
        prompts,
        image=[edges] * len(prompts),
        negative_prompt=["lowres, bad anatomy"] * len(prompts),
        generator=generators if len(seeds) > 1 else generators[0],
        **{"num_inference_steps": 8, **case.get("arguments", {})},
    ).images
    for i, image in enumerate(images):
        image.save(here / f"{name}_{i}.png")
    print(name, len(images))
