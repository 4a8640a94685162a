"""Pictures of prompts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .base import Pipeline, StepCallback, expect_only, prompts_of


class StableDiffusionPipeline(Pipeline):
    """Draws what a prompt says."""

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = 50,
        timesteps: Any = None,
        sigmas: Any = None,
        guidance_scale: float = 7.5,
        negative_prompt: str | Sequence[str] | None = None,
        num_images_per_prompt: int = 1,
        eta: float = 0.0,
        generator: Any = None,
        latents: Any = None,
        prompt_embeds: Any = None,
        negative_prompt_embeds: Any = None,
        ip_adapter_image: Any = None,
        ip_adapter_image_embeds: Any = None,
        output_type: str = "pil",
        return_dict: bool = True,
        cross_attention_kwargs: Mapping[str, Any] | None = None,
        guidance_rescale: float = 0.0,
        clip_skip: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Draws, as diffusers 0.42 does with these arguments.

        `height` and `width`, multiples of 8, are by default what the model was trained on. See
        the package for `generator`, `output_type` and `callback_on_step_end`. Raises BadArgument,
        Unsupported, and what `drypoint.Pipeline.generate` raises.
        """
        given = locals()
        expect_only(given)
        side = self._model.default_size()
        size = (height or side, width or side)
        return self._draw(given, [{"size": size}] * len(prompts_of(given)))
