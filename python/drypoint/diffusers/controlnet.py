"""Pictures that other pictures steer, through one ControlNet or several."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from .._core import Control
from ..errors import BadArgument
from . import images
from .base import Pipeline, StepCallback, expect_only, prompts_of
from .inpaint import masked_fields


class _Controlled(Pipeline):
    takes_controlnet = True

    def _controls(
        self, given: Mapping[str, Any], hints: Any, count: int, size: tuple[int | None, int | None]
    ) -> list[dict[str, Any]]:
        """`controls` and `size` of a request, for each of `count` prompts."""
        names = list(self._model.controls) or [""]
        if len(names) == 1:
            is_list = isinstance(hints, (list, tuple)) and len(hints) == 1 and count == 1
            of_nets = [hints[0] if is_list else hints]
        elif not isinstance(hints, (list, tuple)) or len(hints) != len(names):
            raise BadArgument(f"image: expected a list of {len(names)}, one for each ControlNet")
        else:
            of_nets = list(hints)
        weights = _each(given, "controlnet_conditioning_scale", len(names))
        starts = _each(given, "control_guidance_start", len(names))
        ends = _each(given, "control_guidance_end", len(names))
        if given["guess_mode"]:
            warnings.warn(
                "guess_mode: scales of the control are the original's, 0.825 to the power of "
                "12 - i; diffusers' differ by up to 0.6 %",
                stacklevel=3,
            )
        by_net = [images.as_many(net, count, "image") for net in of_nets]
        fields = []
        for at in range(count):
            height, width = size
            controls = []
            for i, name in enumerate(names):
                hint = images.picture(by_net[i][at], height, width)
                height, width = images.size_of(hint)
                controls.append(
                    Control(
                        name=name,
                        image=hint,
                        preprocessor="none",
                        weight=weights[i],
                        start=starts[i],
                        end=ends[i],
                        mode="control" if given["guess_mode"] else "balanced",
                    )
                )
            fields.append({"controls": controls, "size": (height, width)})
        return fields


def _each(given: Mapping[str, Any], name: str, count: int) -> list[float]:
    """Of each ControlNet."""
    value = given[name]
    if not isinstance(value, (list, tuple)):
        return [float(value)] * count
    if len(value) != count:
        raise BadArgument(f"{name}: found {len(value)} values, expected {count} as of ControlNets")
    return [float(one) for one in value]


class StableDiffusionControlNetPipeline(_Controlled):
    """Draws along ready edges, or what else steers."""

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        image: Any = None,
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
        controlnet_conditioning_scale: float | Sequence[float] = 1.0,
        guess_mode: bool = False,
        control_guidance_start: float | Sequence[float] = 0.0,
        control_guidance_end: float | Sequence[float] = 1.0,
        clip_skip: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Draws, as diffusers 0.42 does with these arguments.

        `image` is what steers: a picture of Pillow, an array of uint8 or of floats 0 to 1, a tensor
        of floats [3, height, width], a path, or a list of one for each prompt; of several
        ControlNets a list of such. Pictures of Pillow are resized to `height` and `width`. See the
        package for `generator`, `output_type` and `callback_on_step_end`. Raises BadArgument,
        Unsupported, and what `drypoint.Pipeline.generate` raises.
        """
        given = locals()
        expect_only(given)
        count = len(prompts_of(given))
        return self._draw(given, self._controls(given, image, count, (height, width)))


class StableDiffusionControlNetImg2ImgPipeline(_Controlled):
    """Draws a picture anew along what steers."""

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        image: Any = None,
        control_image: Any = None,
        height: int | None = None,
        width: int | None = None,
        strength: float = 0.8,
        num_inference_steps: int = 50,
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
        controlnet_conditioning_scale: float | Sequence[float] = 0.8,
        guess_mode: bool = False,
        control_guidance_start: float | Sequence[float] = 0.0,
        control_guidance_end: float | Sequence[float] = 1.0,
        clip_skip: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """`StableDiffusionImg2ImgPipeline`, with `control_image` as the picture that steers."""
        given = locals()
        expect_only(given)
        count = len(prompts_of(given))
        fields = self._controls(given, control_image, count, (height, width))
        for own, one in zip(fields, images.as_many(image, count, "image"), strict=True):
            own["init_image"] = images.picture(one, *own["size"])
        return self._draw(given, fields, strength)


class StableDiffusionControlNetInpaintPipeline(_Controlled):
    """Paints over a part of a picture, along what steers."""

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        image: Any = None,
        mask_image: Any = None,
        control_image: Any = None,
        height: int | None = None,
        width: int | None = None,
        padding_mask_crop: int | None = None,
        strength: float = 1.0,
        num_inference_steps: int = 50,
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
        controlnet_conditioning_scale: float | Sequence[float] = 0.5,
        guess_mode: bool = False,
        control_guidance_start: float | Sequence[float] = 0.0,
        control_guidance_end: float | Sequence[float] = 1.0,
        clip_skip: int | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """`StableDiffusionInpaintPipeline`, with `control_image` as the picture that steers."""
        given = locals()
        expect_only(given)
        count = len(prompts_of(given))
        masked = masked_fields(given, count, height, width)
        fields = []
        for at, own in enumerate(masked):
            hints = control_image
            if count > 1 and isinstance(hints, (list, tuple)) and len(self._model.controls) < 2:
                hints = images.as_many(hints, count, "control_image")[at]
            fields.append({**own, **self._controls(given, hints, 1, own["size"])[0]})
        return self._draw(given, fields, strength)
