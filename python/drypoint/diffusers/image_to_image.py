"""Pictures from pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import images
from .base import Pipeline, StepCallback, expect_only, prompts_of


class StableDiffusionImg2ImgPipeline(Pipeline):
    """Draws a picture anew."""

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        image: Any = None,
        strength: float = 0.8,
        num_inference_steps: int = 50,
        timesteps: Any = None,
        sigmas: Any = None,
        guidance_scale: float = 7.5,
        negative_prompt: str | Sequence[str] | None = None,
        num_images_per_prompt: int = 1,
        eta: float = 0.0,
        generator: Any = None,
        prompt_embeds: Any = None,
        negative_prompt_embeds: Any = None,
        ip_adapter_image: Any = None,
        ip_adapter_image_embeds: Any = None,
        output_type: str = "pil",
        return_dict: bool = True,
        cross_attention_kwargs: Mapping[str, Any] | None = None,
        clip_skip: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Draws `image` anew, the more the larger `strength`, 0 to 1.

        It is drawn at its own size, made multiples of 8. All else as `StableDiffusionPipeline`.
        """
        given = locals()
        expect_only(given)
        count = len(prompts_of(given))
        pictures = [
            images.picture(one, None, None) for one in images.as_many(image, count, "image")
        ]
        fields = [{"init_image": one, "size": images.size_of(one)} for one in pictures]
        return self._draw(given, fields, strength)
