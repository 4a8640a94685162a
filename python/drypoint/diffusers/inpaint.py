"""Parts of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import images
from .base import Pipeline, StepCallback, expect_only, prompts_of


class StableDiffusionInpaintPipeline(Pipeline):
    """Paints over a part of a picture."""

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        image: Any = None,
        mask_image: Any = None,
        masked_image_latents: Any = None,
        height: int | None = None,
        width: int | None = None,
        padding_mask_crop: int | None = None,
        strength: float = 1.0,
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
        clip_skip: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Draws what is white in `mask_image`; what is black is kept.

        `height` and `width` are by default what the model was trained on. All else as
        `StableDiffusionImg2ImgPipeline`.
        """
        given = locals()
        expect_only(given)
        side = self._model.default_size()
        size = (height or side, width or side)
        return self._draw(given, masked_fields(given, len(prompts_of(given)), *size), strength)


def masked_fields(
    given: Mapping[str, Any], count: int, height: int | None, width: int | None
) -> list[dict[str, Any]]:
    """Of a request, for each of `count` prompts: picture, mask, size."""
    fields = []
    pictures = images.as_many(given["image"], count, "image")
    for one, mask in zip(
        pictures, images.as_many(given["mask_image"], count, "mask_image"), strict=True
    ):
        picture = images.picture(one, height, width)
        size = images.size_of(picture)
        fields.append({"init_image": picture, "mask": images.mask(mask, *size), "size": size})
    return fields
