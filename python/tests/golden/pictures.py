"""What the cases draw from, for diffusers and for Drypoint alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image


def edges() -> np.ndarray[Any, Any]:
    """A frame and a diagonal, 48x64."""
    lines = np.zeros((48, 64), np.uint8)
    lines[8:40, 8] = lines[8:40, 56] = lines[8, 8:57] = lines[40, 8:57] = 255
    np.fill_diagonal(lines, 255)
    return lines


def gradient(height: int = 48, width: int = 64) -> np.ndarray[Any, Any]:
    """Three channels that grow downwards, to the right, and both."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([y * 255 // height, x * 255 // width, (x + y) % 256], 2).astype(np.uint8)


def photo(height: int = 48, width: int = 64) -> np.ndarray[Any, Any]:
    """Of a cat."""
    file = Path(__file__).parents[3] / "tests" / "data" / "images" / "cat.png"
    return np.asarray(PIL.Image.open(file).convert("RGB").resize((width, height)))


def mask() -> np.ndarray[Any, Any]:
    """The right half, and a blurred border."""
    values = np.clip((np.arange(64) - 28) * 32, 0, 255).astype(np.uint8)
    return np.broadcast_to(values, (48, 64)).copy()


def case_arguments(case: dict[str, Any], generators: list[Any]) -> dict[str, Any]:
    """Of the pipeline's call."""
    kind = case.get("pipeline", "StableDiffusionControlNetPipeline")
    prompts = case.get("prompts", ["a bird"])
    hint, picture, painted = map(PIL.Image.fromarray, (edges(), photo(), mask()))
    many = [hint] * len(prompts)
    arguments: dict[str, Any] = {
        "prompt": prompts,
        "negative_prompt": ["lowres, bad anatomy"] * len(prompts),
        "generator": generators if len(generators) > 1 else generators[0],
        "num_inference_steps": 8,
    }
    if kind == "StableDiffusionControlNetPipeline":
        inverted = PIL.Image.fromarray(255 - edges())
        arguments["image"] = [hint, inverted] if case.get("controls") == 2 else many
    elif kind != "StableDiffusionPipeline":
        arguments["image"] = [picture] * len(prompts)
    if kind.startswith("StableDiffusionControlNetI"):
        arguments["control_image"] = many
    if "Inpaint" in kind:
        arguments["mask_image"] = painted
    return {**arguments, **case.get("arguments", {})}
