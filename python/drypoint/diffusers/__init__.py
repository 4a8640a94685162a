"""diffusers' pipelines for Stable Diffusion on Drypoint: change the import, keep the script.

    from drypoint.diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    controlnet = ControlNetModel.from_pretrained("control/")
    pipe = StableDiffusionControlNetPipeline.from_pretrained("model/", controlnet=controlnet)
    image = pipe("a bird", image=edges, num_inference_steps=20).images[0]

Arguments mean what they mean in diffusers 0.42. What is not supported raises `drypoint.Unsupported`
with the argument's name. Values differ by at most 1 of 255: diffusers rounds them, Drypoint cuts,
as the original code does.

`generator` is a fresh torch.Generator (anything with `initial_seed()`), or a list of one for each
picture; it is drawn from once, so that a second use is noticed. `output_type` is "pil", "np" or
"pt". `callback_on_step_end` is called with (self, step, timestep, {}) and must return an empty dict
or None; setting `_interrupt` raises Cancelled.
"""

from __future__ import annotations

from typing import Any

from ..errors import Unsupported
from .auto import (
    AutoPipelineForImage2Image,
    AutoPipelineForInpainting,
    AutoPipelineForText2Image,
    DiffusionPipeline,
)
from .base import StableDiffusionPipelineOutput
from .controlnet import (
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionControlNetPipeline,
)
from .image_to_image import StableDiffusionImg2ImgPipeline
from .inpaint import StableDiffusionInpaintPipeline
from .loading import ControlNetModel, MultiControlNetModel
from .schedulers import (
    DDIMScheduler,
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    TCDScheduler,
    UniPCMultistepScheduler,
)
from .text_to_image import StableDiffusionPipeline

__all__ = [
    "AutoPipelineForImage2Image",
    "AutoPipelineForInpainting",
    "AutoPipelineForText2Image",
    "ControlNetModel",
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DiffusionPipeline",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "MultiControlNetModel",
    "PNDMScheduler",
    "StableDiffusionControlNetImg2ImgPipeline",
    "StableDiffusionControlNetInpaintPipeline",
    "StableDiffusionControlNetPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionPipelineOutput",
    "TCDScheduler",
    "UniPCMultistepScheduler",
]


def __getattr__(name: str) -> Any:
    if name.endswith(("Scheduler", "Pipeline", "Model")):
        raise Unsupported(f"{name}: is not in drypoint.diffusers, expected {', '.join(__all__)}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
