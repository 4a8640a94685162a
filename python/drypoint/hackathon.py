"""The class of the original system, `canny2image`, on Drypoint: change the import, keep the script.

from drypoint.hackathon import hackathon

hk = hackathon()
hk.initialize()  # the checkpoint that DRYPOINT_CHECKPOINT names
edges, *pictures = hk.process(image, "a bird", "best quality", "lowres", 1, 256, 20, False, 1, 9,
                              2946901, 0.0, 100, 200)
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

from ._core import Pipeline
from .errors import BadArgument

if TYPE_CHECKING:
    from ._types import Bytes, ImageLike

__all__ = ["hackathon"]


class hackathon:  # noqa: N801, the original's name
    """Draws as ControlNet's `gradio_canny2image.process` does: its schedule, prompts and seeds."""

    def __init__(self) -> None:
        self._pipeline: Pipeline | None = None
        self._rng = "cpu"

    def initialize(
        self,
        checkpoint: str | os.PathLike[str] | None = None,
        control: str | os.PathLike[str] | None = None,
        *,
        rng: str | None = None,
        **options: Any,
    ) -> None:
        """Opens the model: the official merged file, as control_sd15_canny.pth, or any other.

        `checkpoint` and, where the ControlNet is in another file, `control` are by default what the
        environment's DRYPOINT_CHECKPOINT and DRYPOINT_CONTROL name. `rng` is "cpu", "cuda" or
        "cuda:SMSxTHREADS", whose PyTorch's random numbers are drawn: by default those of the device
        that draws. `options` are those of `drypoint.Model`: device, precision, threads ...

        Raises BadArgument where no checkpoint is named, and what `drypoint.Model` raises.
        """
        checkpoint = checkpoint or os.environ.get("DRYPOINT_CHECKPOINT")
        control = control or os.environ.get("DRYPOINT_CONTROL")
        if not checkpoint and not options.get("plan"):
            raise BadArgument(
                "checkpoint: found none, expected a file such as control_sd15_canny.pth, as "
                "initialize(checkpoint) or in the environment's DRYPOINT_CHECKPOINT"
            )
        self._pipeline = Pipeline(checkpoint, control=control or None, **options)
        device = self._pipeline.description.device
        self._rng = rng or ("cuda" if device.startswith("cuda") else "cpu")

    def process(
        self,
        input_image: ImageLike,
        prompt: str,
        a_prompt: str,
        n_prompt: str,
        num_samples: int,
        image_resolution: int,
        ddim_steps: int,
        guess_mode: bool,
        strength: float,
        scale: float,
        seed: int,
        eta: float,
        low_threshold: float,
        high_threshold: float,
    ) -> list[Bytes]:
        """-> [255 - edges] and the pictures, each an array [height, width, 3] of uint8, RGB.

        `input_image` is RGB, [height, width, 3] as a rule; seed -1 draws one of 0 to 65535, as the
        original does. As there, some `ddim_steps` visit a step more than asked for, and where the
        list would leave the noise levels, BadArgument is raised.
        """
        import numpy as np

        if self._pipeline is None:
            raise BadArgument("process: the model is not open, expected initialize() before")
        result = self._pipeline.generate(
            image=input_image,
            prompt=prompt,
            added_prompt=a_prompt,
            negative_prompt=n_prompt,
            parser="plain",
            samples=num_samples,
            resolution=image_resolution,
            steps=ddim_steps,
            sampler="DDIM",
            schedule="official",
            guess_mode=guess_mode,
            strength=strength,
            guidance_scale=scale,
            seed=random.randint(0, 65535) if seed == -1 else seed,
            rng=self._rng,
            noise="batch",
            eta=eta,
            low_threshold=low_threshold,
            high_threshold=high_threshold,
        )
        edges = np.asarray(result.edges)
        return [np.repeat(255 - edges[:, :, None], 3, axis=2), *result.arrays]
